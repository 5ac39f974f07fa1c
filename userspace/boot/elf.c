// SPDX-License-Identifier: GPL-2.0
/*
 * ELF files: their segments, and the PVH entry that a note of them names. A kernel
 * that is entered there finds everything through one structure: command line,
 * modules, memory map and ACPI tables.
 */
#include <elf.h>
#include <string.h>
#include "boot/boot.h"
#include "exit_codes.h"

#define MAX_SEGMENTS	64
#define MAX_NOTES	(64 << 10)
#define NOTE_PVH	18		/* XEN_ELFNOTE_PHYS32_ENTRY */
#define PVH_MAGIC	0x336ec578

struct pvh_start_info {
	uint32_t magic, version, flags, n_modules;
	uint64_t modules, cmdline, rsdp, map;
	uint32_t n_map, reserved;
};

struct pvh_module {
	uint64_t gpa, size, cmdline, reserved;
};

struct pvh_region {
	uint64_t base, size;
	uint32_t type, reserved;
};

/* All of it in the page at BOOT_INFO. */
struct pvh_page {
	struct pvh_start_info info;
	struct pvh_module modules[BOOT_MODULES];
	struct pvh_region map[BOOT_REGIONS];
};

/* Both classes of file, in the wider form. */
struct segment {
	uint32_t type;
	uint64_t offset, gpa, filesz, memsz;
};

struct image {
	uint64_t entry;
	unsigned int count;
	struct segment seg[MAX_SEGMENTS];
};

bool boot_is_elf(const struct boot_head *head)
{
	return head->len >= EI_NIDENT && !memcmp(head->bytes, ELFMAG, SELFMAG);
}

static int damaged(const struct boot_config *c)
{
	return boot_bad_kernel(c, "the ELF file is truncated or damaged: get a complete copy");
}

struct header {
	uint64_t entry, phoff;
	unsigned int machine, count, size;
};

static int read_header(const struct boot_config *c, bool wide, struct header *h)
{
	union {
		Elf64_Ehdr wide;
		Elf32_Ehdr narrow;
	} eh;
	size_t size = wide ? sizeof(eh.wide) : sizeof(eh.narrow);
	int err;

	if (c->kernel.size < size)
		return damaged(c);
	err = boot_read(&c->kernel, 0, &eh, size);
	if (err)
		return err;
	if (wide)
		*h = (struct header) { eh.wide.e_entry, eh.wide.e_phoff, eh.wide.e_machine,
				       eh.wide.e_phnum, eh.wide.e_phentsize };
	else
		*h = (struct header) { eh.narrow.e_entry, eh.narrow.e_phoff, eh.narrow.e_machine,
				       eh.narrow.e_phnum, eh.narrow.e_phentsize };
	return 0;
}

static int read_segments(const struct boot_config *c, bool wide, const struct header *h, struct image *image)
{
	union {
		Elf64_Phdr wide[MAX_SEGMENTS];
		Elf32_Phdr narrow[MAX_SEGMENTS];
	} ph;
	size_t size = wide ? sizeof(ph.wide[0]) : sizeof(ph.narrow[0]);
	unsigned int i;
	int err;

	if (!h->count || h->count > MAX_SEGMENTS || h->size != size || h->phoff > c->kernel.size ||
	    h->count * size > c->kernel.size - h->phoff)
		return damaged(c);
	err = boot_read(&c->kernel, h->phoff, &ph, h->count * size);
	if (err)
		return err;
	for (i = 0; i < h->count; i++) {
		if (wide)
			image->seg[i] = (struct segment) { ph.wide[i].p_type, ph.wide[i].p_offset,
							   ph.wide[i].p_paddr, ph.wide[i].p_filesz,
							   ph.wide[i].p_memsz };
		else
			image->seg[i] = (struct segment) { ph.narrow[i].p_type, ph.narrow[i].p_offset,
							   ph.narrow[i].p_paddr, ph.narrow[i].p_filesz,
							   ph.narrow[i].p_memsz };
	}
	image->entry = h->entry;
	image->count = h->count;
	return 0;
}

static int read_image(const struct boot_config *c, struct image *image)
{
	unsigned char ident[EI_NIDENT];
	struct header h = { };
	unsigned int i;
	bool wide;
	int err;

	*image = (struct image) { };
	if (c->kernel.size < sizeof(ident))
		return damaged(c);
	err = boot_read(&c->kernel, 0, ident, sizeof(ident));
	if (err)
		return err;
	if (ident[EI_DATA] != ELFDATA2LSB || (ident[EI_CLASS] != ELFCLASS64 && ident[EI_CLASS] != ELFCLASS32))
		return boot_bad_kernel(c, "is for another kind of CPU: give a kernel for x86");
	wide = ident[EI_CLASS] == ELFCLASS64;
	err = read_header(c, wide, &h);
	if (err)
		return err;
	if (h.machine != (wide ? EM_X86_64 : EM_386))
		return boot_bad_kernel(c, "is for another kind of CPU: give a kernel for x86-64");
	err = read_segments(c, wide, &h, image);
	if (err)
		return err;
	for (i = 0; i < image->count; i++) {
		if (image->seg[i].filesz > c->kernel.size ||
		    image->seg[i].offset > c->kernel.size - image->seg[i].filesz)
			return damaged(c);
	}
	return 0;
}

static int load(struct vm *vm, const struct boot_config *c, const struct image *image, uint64_t *end)
{
	uint64_t gpa, len, room = boot_low_end(vm);
	unsigned int i;
	int err;

	*end = 0;
	for (i = 0; i < image->count; i++) {
		gpa = image->seg[i].gpa;
		len = image->seg[i].memsz;
		if (image->seg[i].type != PT_LOAD || !len)
			continue;
		if (len < image->seg[i].filesz || gpa < BOOT_HIGH || len > VM_HOLE || gpa > VM_HOLE - len)
			return boot_bad_kernel(c, "the ELF file wants to be where there is no memory");
		if (gpa + len > room)
			return boot_too_small(c, gpa + len);
		err = boot_read_to(vm, &c->kernel, image->seg[i].offset, gpa, image->seg[i].filesz);
		if (err)
			return err;
		/* Memory is not zero any more when a guest boots again. */
		memset((char *)vm_memory(vm, gpa, len) + image->seg[i].filesz, 0, len - image->seg[i].filesz);
		if (gpa + len > *end)
			*end = gpa + len;
	}
	return *end ? 0 : boot_bad_kernel(c, "the ELF file has nothing to load");
}

int boot_elf_segments(struct vm *vm, struct boot_config *c, uint64_t *elf_entry, uint64_t *end)
{
	struct image image;
	int err = read_image(c, &image);

	if (err)
		return err;
	*elf_entry = image.entry;
	return load(vm, c, &image, end);
}

/* Notes are a name and a description each, both padded to four bytes. */
static bool find_entry(const uint8_t *notes, uint64_t len, uint64_t *entry)
{
	uint64_t at = 0, name, desc;
	Elf64_Nhdr h;

	while (len - at >= sizeof(h)) {
		memcpy(&h, notes + at, sizeof(h));
		at += sizeof(h);
		name = at;
		desc = name + (((uint64_t)h.n_namesz + 3) & ~3ull);
		at = desc + (((uint64_t)h.n_descsz + 3) & ~3ull);
		if (at > len)
			return false;
		if (h.n_type != NOTE_PVH || h.n_namesz != 4 || memcmp(notes + name, "Xen", 4))
			continue;
		*entry = 0;
		memcpy(entry, notes + desc, h.n_descsz >= 8 ? 8 : h.n_descsz >= 4 ? 4 : 0);
		return *entry != 0;
	}
	return false;
}

static int find_note(const struct boot_config *c, const struct image *image, uint64_t *entry, bool *found)
{
	static uint8_t notes[MAX_NOTES];
	uint64_t len;
	unsigned int i;
	int err;

	*found = false;
	for (i = 0; i < image->count && !*found; i++) {
		len = image->seg[i].filesz;
		if (image->seg[i].type != PT_NOTE || len > sizeof(notes))
			continue;
		err = boot_read(&c->kernel, image->seg[i].offset, notes, len);
		if (err)
			return err;
		*found = find_entry(notes, len, entry);
	}
	return 0;
}

static int write_info(struct vm *vm, const struct boot_config *c)
{
	struct boot_region regions[BOOT_REGIONS];
	struct pvh_page page = { .info = {
		.magic = PVH_MAGIC, .version = 1,
		.n_modules = c->n_modules,
		.modules = BOOT_INFO + offsetof(struct pvh_page, modules),
		.cmdline = BOOT_CMDLINE,
		.rsdp = c->rsdp,
		.map = BOOT_INFO + offsetof(struct pvh_page, map),
		.n_map = boot_map(vm, regions),
	} };
	unsigned int i;

	for (i = 0; i < c->n_modules; i++)
		page.modules[i] = (struct pvh_module) { .gpa = c->modules[i].gpa, .size = c->modules[i].size };
	for (i = 0; i < page.info.n_map; i++)
		page.map[i] = (struct pvh_region) { regions[i].base, regions[i].size, regions[i].type, 0 };
	return vm_write(vm, BOOT_INFO, &page, sizeof(page)) ? EXIT_USAGE : 0;
}

int boot_pvh(struct vm *vm, struct boot_config *c, struct boot_entry *entry, bool *found)
{
	uint64_t start = 0, end;
	struct image image;
	int err = read_image(c, &image);

	if (!err)
		err = find_note(c, &image, &start, found);
	if (err || !*found)
		return err;
	err = load(vm, c, &image, &end);
	if (!err && !vm_memory(vm, start, 1))
		err = boot_bad_kernel(c, "the PVH entry is where there is no memory");
	if (!err)
		err = boot_place_cmdline(vm, c, 2047);
	if (!err)
		err = boot_place_modules(vm, c, end, boot_low_end(vm));
	if (!err)
		err = boot_check_initrd(vm, c);
	if (!err)
		err = write_info(vm, c);
	*entry = (struct boot_entry) { .rip = start, .rbx = BOOT_INFO };
	return err;
}
