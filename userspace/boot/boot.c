// SPDX-License-Identifier: GPL-2.0
/*
 * What all kinds of kernel share: opening and reading files, the memory map, the
 * places of modules and command line, and finding out which kind it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "boot/boot.h"
#include "exit_codes.h"
#include "message.h"

#define MIB	(1ull << 20)
#define PAGE	4096ull

int boot_open(struct boot_file *file, const char *option, const char *path)
{
	struct stat st;

	*file = (struct boot_file) { .option = option, .path = path };
	/* Opening a FIFO would wait for its other end. */
	file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0 || fstat(file->fd, &st)) {
		complain("%s: %s: %s", option, path, strerror(errno));
		return EXIT_INPUT;
	}
	if (!S_ISREG(st.st_mode) || !st.st_size) {
		complain("%s: %s: %s", option, path,
			 S_ISREG(st.st_mode) ? "the file is empty" : "is not a regular file");
		return EXIT_INPUT;
	}
	file->size = st.st_size;
	return 0;
}

void boot_close(struct boot_config *config)
{
	unsigned int i;

	if (config->kernel.path && config->kernel.fd >= 0)
		close(config->kernel.fd);
	for (i = 0; i < config->n_modules; i++) {
		if (config->modules[i].fd >= 0)
			close(config->modules[i].fd);
	}
	config->kernel.path = NULL;
	config->n_modules = 0;
}

int boot_read(const struct boot_file *file, uint64_t offset, void *data, uint64_t len)
{
	uint64_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pread(file->fd, (char *)data + done, len - done, offset + done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			complain("%s: %s: %s", file->option, file->path,
				 n ? strerror(errno) : "the file is truncated: get a complete copy");
			return EXIT_INPUT;
		}
		done += n;
	}
	return 0;
}

int boot_read_to(struct vm *vm, const struct boot_file *file, uint64_t offset, uint64_t gpa, uint64_t len)
{
	void *to = vm_memory(vm, gpa, len);

	if (!to) {
		complain("%s: %s: does not fit into guest memory: use a larger --mem",
			 file->option, file->path);
		return EXIT_INPUT;
	}
	return boot_read(file, offset, to, len);
}

uint64_t boot_low_end(const struct vm *vm)
{
	return vm->n_slots ? vm->slots[0].gpa + vm->slots[0].size : 0;
}

unsigned int boot_map(const struct vm *vm, struct boot_region *regions)
{
	unsigned int n = 0, i;

	regions[n++] = (struct boot_region) { 0, BOOT_LOW_END, BOOT_RAM };
	regions[n++] = (struct boot_region) { BOOT_LOW_END, BOOT_HIGH - BOOT_LOW_END, BOOT_RESERVED };
	regions[n++] = (struct boot_region) { BOOT_HIGH, boot_low_end(vm) - BOOT_HIGH, BOOT_RAM };
	for (i = 1; i < vm->n_slots; i++)
		regions[n++] = (struct boot_region) { vm->slots[i].gpa, vm->slots[i].size, BOOT_RAM };
	return n;
}

static uint64_t page_up(uint64_t n)
{
	return (n + PAGE - 1) & -PAGE;
}

int boot_place_modules(struct vm *vm, struct boot_config *config, uint64_t floor, uint64_t ceiling)
{
	uint64_t top = ceiling & -PAGE, need = page_up(floor);
	struct boot_file *m;
	unsigned int i;
	int err;

	for (i = 0; i < config->n_modules; i++) {
		m = &config->modules[i];
		need += page_up(m->size);
		if (top < floor || m->size > top - floor || ((top - m->size) & -PAGE) < floor) {
			complain("%s: %s: does not fit beside the kernel: use --mem %lluM or more",
				 m->option, m->path, (unsigned long long)(need / MIB + 1));
			return EXIT_INPUT;
		}
		top = (top - m->size) & -PAGE;
		m->gpa = top;
		err = boot_read_to(vm, m, 0, m->gpa, m->size);
		if (err)
			return err;
	}
	return 0;
}

int boot_place_cmdline(struct vm *vm, const struct boot_config *config, uint64_t max)
{
	size_t len = strlen(config->cmdline);

	if (max > BOOT_CMDLINE_MAX - 1)
		max = BOOT_CMDLINE_MAX - 1;
	if (len > max) {
		complain("--append: the command line has %zu characters; this kernel takes %llu",
			 len, (unsigned long long)max);
		return EXIT_USAGE;
	}
	return vm_write(vm, BOOT_CMDLINE, config->cmdline, len + 1) ? EXIT_USAGE : 0;
}

int boot_too_small(const struct boot_config *config, uint64_t end)
{
	complain("--mem: too small for the kernel %s: use %lluM or more", config->kernel.path,
		 (unsigned long long)((end + MIB - 1) / MIB));
	return EXIT_USAGE;
}

int boot_bad_kernel(const struct boot_config *config, const char *why)
{
	complain("%s: %s: %s", config->kernel.option, config->kernel.path, why);
	return EXIT_INPUT;
}

int boot_load(struct vm *vm, struct boot_config *config, struct boot_entry *entry)
{
	struct boot_head head = { .len = config->kernel.size };
	bool found = false;
	int err, at;

	if (head.len > sizeof(head.bytes))
		head.len = sizeof(head.bytes);
	err = boot_read(&config->kernel, 0, head.bytes, head.len);
	if (err)
		return err;
	if (boot_low_end(vm) < 2 * BOOT_HIGH)
		return boot_too_small(config, 2 * BOOT_HIGH);
	*entry = (struct boot_entry) { };
	if (boot_is_linux(&head))
		return boot_linux(vm, config, &head, entry);
	if (boot_is_elf(&head)) {
		err = boot_pvh(vm, config, entry, &found);
		if (err || found)
			return err;
	}
	at = boot_find_multiboot(&head);
	if (at >= 0)
		return boot_multiboot(vm, config, &head, at, entry);
	if (boot_is_elf(&head))
		return boot_bad_kernel(config, "is an ELF file without a PVH or multiboot entry: give a vmlinuz, or a kernel built with CONFIG_PVH");
	return boot_bad_kernel(config, "is no kernel for this machine: give a vmlinuz (bzImage) for x86-64, or an ELF file with a PVH or multiboot entry");
}
