// SPDX-License-Identifier: GPL-2.0
/*
 * Multiboot, version 1: small kernels of many kinds. A header in the first 8 KiB
 * marks them; they are ELF files, or give addresses in the header themselves.
 */
#include <string.h>
#include "boot/boot.h"
#include "exit_codes.h"
#include "message.h"

#define HEADER_MAGIC	0x1badb002
#define LOADED_MAGIC	0x2badb002
#define WANTS_VIDEO	(1u << 2)
#define HAS_ADDRESSES	(1u << 16)
#define MUST_KNOW	0xffffu		/* flags that a loader may not ignore */
#define KNOWN		3u		/* modules on pages, memory map */

#define INFO_MEMORY	(1u << 0)
#define INFO_CMDLINE	(1u << 2)
#define INFO_MODULES	(1u << 3)
#define INFO_MAP	(1u << 6)
#define INFO_LOADER	(1u << 9)

struct header {
	uint32_t magic, flags, checksum;
	uint32_t header_addr, load_addr, load_end, bss_end, entry;
};

struct info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, n_modules, modules;
	uint32_t symbols[4];
	uint32_t map_len, map, drives_len, drives, config, loader, apm, vbe[4];
};

struct module {
	uint32_t start, end, cmdline, reserved;
};

struct region {
	uint32_t size;
	uint64_t base, len;
	uint32_t type;
} __attribute__((packed));

#define TEXT	2048

/* All of it in the page at BOOT_INFO. */
struct page {
	struct info info;
	struct module modules[BOOT_MODULES];
	struct region map[BOOT_REGIONS];
	char loader[8];
	char text[TEXT];		/* the modules' command lines */
};

int boot_find_multiboot(const struct boot_head *head)
{
	struct header h;
	uint64_t at;

	for (at = 0; at + 12 <= head->len; at += 4) {
		memcpy(&h, head->bytes + at, 12);
		if (h.magic == HEADER_MAGIC && !(uint32_t)(h.magic + h.flags + h.checksum))
			return at;
	}
	return -1;
}

/* A file whose header says what goes where. */
static int load_flat(struct vm *vm, struct boot_config *c, const struct header *h, int at,
		     uint64_t *entry, uint64_t *end)
{
	uint64_t before = h->header_addr - h->load_addr, offset = at - before, len;

	if (h->header_addr < h->load_addr || before > (uint64_t)at)
		return boot_bad_kernel(c, "the multiboot header is damaged");
	len = h->load_end ? (uint64_t)h->load_end - h->load_addr : c->kernel.size - offset;
	*end = h->bss_end ? h->bss_end : h->load_addr + len;
	if (len > c->kernel.size - offset)
		return boot_bad_kernel(c, "the kernel is truncated: get a complete copy");
	if (h->load_addr < BOOT_HIGH || *end < h->load_addr + len || *end > VM_HOLE)
		return boot_bad_kernel(c, "the kernel wants to be where there is no memory");
	if (*end > boot_low_end(vm))
		return boot_too_small(c, *end);
	*entry = h->entry;
	memset(vm_memory(vm, h->load_addr, *end - h->load_addr), 0, *end - h->load_addr);
	return boot_read_to(vm, &c->kernel, offset, h->load_addr, len);
}

static int add_text(struct page *page, size_t *used, const struct boot_file *m, uint32_t *gpa)
{
	const char *text = m->args ? m->args : "";
	size_t len = strlen(text) + 1;

	if (len > TEXT - *used) {
		complain("%s: %s: the modules' command lines are too long together", m->option, m->path);
		return EXIT_USAGE;
	}
	memcpy(page->text + *used, text, len);
	*gpa = BOOT_INFO + offsetof(struct page, text) + *used;
	*used += len;
	return 0;
}

static int write_info(struct vm *vm, const struct boot_config *c)
{
	struct boot_region regions[BOOT_REGIONS];
	unsigned int n = boot_map(vm, regions), i;
	struct page page = { .loader = "bellows", .info = {
		.flags = INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MAP | INFO_LOADER,
		.mem_lower = BOOT_LOW_END >> 10,
		.mem_upper = (boot_low_end(vm) - BOOT_HIGH) >> 10,
		.cmdline = BOOT_CMDLINE,
		.n_modules = c->n_modules,
		.modules = BOOT_INFO + offsetof(struct page, modules),
		.map_len = n * sizeof(struct region),
		.map = BOOT_INFO + offsetof(struct page, map),
		.loader = BOOT_INFO + offsetof(struct page, loader),
	} };
	size_t used = 0;
	int err;

	for (i = 0; i < n; i++)
		page.map[i] = (struct region) { sizeof(struct region) - 4, regions[i].base,
						regions[i].size, regions[i].type };
	for (i = 0; i < c->n_modules; i++) {
		page.modules[i].start = c->modules[i].gpa;
		page.modules[i].end = c->modules[i].gpa + c->modules[i].size;
		err = add_text(&page, &used, &c->modules[i], &page.modules[i].cmdline);
		if (err)
			return err;
	}
	return vm_write(vm, BOOT_INFO, &page, sizeof(page)) ? EXIT_USAGE : 0;
}

int boot_multiboot(struct vm *vm, struct boot_config *c, const struct boot_head *head, int at,
		   struct boot_entry *entry)
{
	struct header h = { };
	uint64_t start, end;
	int err;

	memcpy(&h, head->bytes + at, at + sizeof(h) <= head->len ? sizeof(h) : 12);
	if (h.flags & MUST_KNOW & ~KNOWN)
		return boot_bad_kernel(c, h.flags & WANTS_VIDEO ?
				       "the kernel wants a video mode, which this machine has not" :
				       "the kernel wants what multiboot 1 does not define");
	if (h.flags & HAS_ADDRESSES)
		err = load_flat(vm, c, &h, at, &start, &end);
	else if (boot_is_elf(head))
		err = boot_elf_segments(vm, c, &start, &end);
	else
		return boot_bad_kernel(c, "the multiboot kernel is no ELF file, and has no addresses");
	if (!err && (start > UINT32_MAX || !vm_memory(vm, start, 1)))
		err = boot_bad_kernel(c, "the entry is where there is no memory");
	if (!err)
		err = boot_place_cmdline(vm, c, BOOT_CMDLINE_MAX - 1);
	if (!err)
		err = boot_place_modules(vm, c, end, boot_low_end(vm));
	if (!err)
		err = write_info(vm, c);
	*entry = (struct boot_entry) { .rip = start, .rax = LOADED_MAGIC, .rbx = BOOT_INFO };
	return err;
}
