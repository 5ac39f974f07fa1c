/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BOOT_H
#define BOOT_H
/*
 * Puts a kernel into guest memory and says how its first CPU is to be started.
 *
 * Three kinds of file are known: a bzImage (Linux's 64-bit boot protocol), an ELF
 * file with a PVH entry (an unpacked Linux, among others), and a multiboot-1
 * kernel. Files are not trusted: every number in them is compared with the file's
 * size and with guest memory before it is used.
 */
#include <stdbool.h>
#include <stdint.h>
#include "vm.h"

/* Guest-physical addresses below 1 MiB that this program fills before the start. */
#define BOOT_GDT	0x1000
#define BOOT_TABLES	0x2000		/* 6 pages */
#define BOOT_PARAMS	0x8000		/* of Linux */
#define BOOT_INFO	0x9000		/* of PVH and multiboot */
#define BOOT_CMDLINE	0x10000
#define BOOT_CMDLINE_MAX 0x10000
#define BOOT_LOW_END	0x9fc00		/* RAM ends here, and goes on at 1 MiB */
#define BOOT_ACPI	0xe0000
#define BOOT_ACPI_MAX	0x20000
#define BOOT_HIGH	0x100000

#define BOOT_MODULES	16

/* A file that an option names. It stays open, because a reboot reads it again. */
struct boot_file {
	const char *option, *path;
	const char *args;		/* of a multiboot module */
	int fd;
	uint64_t size;
	uint64_t gpa;			/* where it was put */
};

struct boot_config {
	struct boot_file kernel;
	struct boot_file modules[BOOT_MODULES];	/* the first is the initrd */
	unsigned int n_modules;
	const char *cmdline;
	uint64_t rsdp;			/* 0: none */
};

struct boot_entry {
	bool long_mode;			/* otherwise 32-bit protected mode without paging */
	uint64_t rip, rax, rbx, rsi;
};

/* 0, or an exit code after a message. */
int boot_open(struct boot_file *file, const char *option, const char *path);
void boot_close(struct boot_config *config);
int boot_load(struct vm *vm, struct boot_config *config, struct boot_entry *entry);

/* --- For the loaders --------------------------------------------------------------- */

struct boot_region {
	uint64_t base, size;
	uint32_t type;			/* as in an E820 map */
};

#define BOOT_RAM	1
#define BOOT_RESERVED	2
#define BOOT_REGIONS	(VM_SLOTS + 2)

/* The memory map; returns how many regions. */
unsigned int boot_map(const struct vm *vm, struct boot_region *regions);
/* Where RAM below 4 GiB ends. */
uint64_t boot_low_end(const struct vm *vm);
/* Exactly len bytes of the file; an exit code after a message if they are not there. */
int boot_read(const struct boot_file *file, uint64_t offset, void *data, uint64_t len);
/* The same into guest memory, which the caller has checked. */
int boot_read_to(struct vm *vm, const struct boot_file *file, uint64_t offset, uint64_t gpa, uint64_t len);
/* Puts modules at the top of [floor, ceiling), each on a page of its own. */
int boot_place_modules(struct vm *vm, struct boot_config *config, uint64_t floor, uint64_t ceiling);
/* For Linux, once it is placed: that it is an initial RAM disk, and a whole one. */
int boot_check_initrd(const struct vm *vm, const struct boot_config *config);
int boot_place_cmdline(struct vm *vm, const struct boot_config *config, uint64_t max);
/* Complains that the kernel needs RAM up to end. */
int boot_too_small(const struct boot_config *config, uint64_t end);
int boot_bad_kernel(const struct boot_config *config, const char *why);

/* What a file begins with, enough to recognize each kind; shorter for a short file. */
struct boot_head {
	uint8_t bytes[8192];
	uint64_t len;
};

bool boot_is_linux(const struct boot_head *head);
int boot_linux(struct vm *vm, struct boot_config *config, const struct boot_head *head,
	       struct boot_entry *entry);
bool boot_is_elf(const struct boot_head *head);
/* Sets *found to false, and does nothing else, if the file has no PVH entry. */
int boot_pvh(struct vm *vm, struct boot_config *config, struct boot_entry *entry, bool *found);
/* Loads the segments of an ELF file; *end becomes the end of the highest. */
int boot_elf_segments(struct vm *vm, struct boot_config *config, uint64_t *elf_entry, uint64_t *end);
/* The offset of a multiboot-1 header, or -1. */
int boot_find_multiboot(const struct boot_head *head);
int boot_multiboot(struct vm *vm, struct boot_config *config, const struct boot_head *head, int at,
		   struct boot_entry *entry);

#endif
