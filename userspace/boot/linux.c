// SPDX-License-Identifier: GPL-2.0
/*
 * A bzImage, by Linux's 64-bit boot protocol: the protected-mode part of the file
 * is put where its header prefers, and entered 0x200 bytes behind its begin, with
 * the first 4 GiB mapped one to one and a page of parameters.
 *
 * The kernel unpacks itself to where it is and needs init_size bytes there, which
 * is why the initrd goes to the other end of memory.
 */
#include <string.h>
#include <asm/bootparam.h>
#include "boot/boot.h"
#include "exit_codes.h"

#define HEADER_AT	0x1f1
#define MAGIC		0x53726448	/* "HdrS" */
#define VERSION_64	0x020c		/* first with xloadflags */
#define VERSION_RSDP	0x020e
#define LOADER_UNKNOWN	0xff
#define ENTRY_64	0x200
#define SECTOR		512ull

bool boot_is_linux(const struct boot_head *head)
{
	struct setup_header h;

	if (head->len < HEADER_AT + sizeof(h))
		return false;
	memcpy(&h, head->bytes + HEADER_AT, sizeof(h));
	return h.boot_flag == 0xaa55 && h.header == MAGIC;
}

/* The part of the file that is loaded; 0 and a message if the header or the file is unusable. */
static uint64_t check(const struct boot_config *c, const struct setup_header *h, uint64_t *offset)
{
	uint64_t setup = ((h->setup_sects ? h->setup_sects : 4) + 1) * SECTOR;
	uint64_t size = (uint64_t)h->syssize * 16;

	if (h->version < VERSION_64) {
		boot_bad_kernel(c, "the kernel is too old: it must speak boot protocol 2.12 (Linux 3.8)");
		return 0;
	}
	if (!(h->xloadflags & XLF_KERNEL_64)) {
		boot_bad_kernel(c, "is a 32-bit kernel: give one for x86-64");
		return 0;
	}
	if (!(h->loadflags & LOADED_HIGH) || !size || h->init_size < size ||
	    (uint64_t)h->payload_offset + h->payload_length > size) {
		boot_bad_kernel(c, "the kernel's header is damaged");
		return 0;
	}
	if (setup + size > c->kernel.size) {
		boot_bad_kernel(c, "the kernel is truncated: get a complete copy");
		return 0;
	}
	*offset = setup;
	return size;
}

/* Where the kernel likes to be, or, in a small machine, as low as it can; 0: nowhere. */
static uint64_t place(const struct setup_header *h, uint64_t low_end)
{
	uint64_t align = h->kernel_alignment, low;

	if (h->pref_address >= BOOT_HIGH && h->pref_address < low_end &&
	    h->init_size <= low_end - h->pref_address)
		return h->pref_address;
	if (!h->relocatable_kernel || !align || (align & (align - 1)) || align >= low_end)
		return 0;
	low = (BOOT_HIGH + align - 1) & -align;
	return low < low_end && h->init_size <= low_end - low ? low : 0;
}

static void fill_map(const struct vm *vm, struct boot_params *p)
{
	struct boot_region regions[BOOT_REGIONS];
	unsigned int i;

	p->e820_entries = boot_map(vm, regions);
	for (i = 0; i < p->e820_entries; i++)
		p->e820_table[i] = (struct boot_e820_entry) {
			.addr = regions[i].base, .size = regions[i].size, .type = regions[i].type,
		};
}

/* The header in a page of its own; more than the structure knows is not copied. */
static void fill_header(struct boot_params *p, const struct boot_head *head)
{
	size_t len = 0x202 + head->bytes[0x201] - HEADER_AT;

	if (len > sizeof(p->hdr))
		len = sizeof(p->hdr);
	memcpy(&p->hdr, head->bytes + HEADER_AT, len);
}

int boot_linux(struct vm *vm, struct boot_config *c, const struct boot_head *head,
	       struct boot_entry *entry)
{
	struct boot_params p = { };
	struct setup_header *h = &p.hdr;
	uint64_t size, offset = 0, at, ceiling, low_end = boot_low_end(vm);
	int err;

	fill_header(&p, head);
	size = check(c, h, &offset);
	if (!size)
		return EXIT_INPUT;
	at = place(h, low_end);
	if (!at)
		return boot_too_small(c, 2 * BOOT_HIGH + h->init_size);
	err = boot_place_cmdline(vm, c, h->cmdline_size);
	if (err)
		return err;
	ceiling = (uint64_t)h->initrd_addr_max + 1;
	if (ceiling > low_end)
		ceiling = low_end;
	err = boot_place_modules(vm, c, at + h->init_size, ceiling);
	if (!err)
		err = boot_check_initrd(vm, c);
	if (!err)
		err = boot_read_to(vm, &c->kernel, offset, at, size);
	if (err)
		return err;

	h->type_of_loader = LOADER_UNKNOWN;
	h->code32_start = at;
	h->cmd_line_ptr = BOOT_CMDLINE;
	if (c->n_modules) {
		h->ramdisk_image = c->modules[0].gpa;
		h->ramdisk_size = c->modules[0].size;
	}
	if (h->version >= VERSION_RSDP)
		p.acpi_rsdp_addr = c->rsdp;
	fill_map(vm, &p);
	*entry = (struct boot_entry) { .long_mode = true, .rip = at + ENTRY_64, .rsi = BOOT_PARAMS };
	return vm_write(vm, BOOT_PARAMS, &p, sizeof(p)) ? EXIT_USAGE : 0;
}
