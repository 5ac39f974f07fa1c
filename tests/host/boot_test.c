// SPDX-License-Identifier: GPL-2.0
/*
 * Kernels that are whole are put where they belong; kernels that are truncated,
 * damaged or foreign, and memory that is too small, give a message that names the
 * option, and touch nothing outside guest memory (the address sanitizer watches).
 */
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <asm/bootparam.h>
#include "random.h"
#include "tap.h"
#include "userspace/boot/boot.h"
#include "userspace/exit_codes.h"
#include "userspace/pc/acpi.h"

#define MIB		(1u << 20)
#define MEMORY		(8 * MIB)
#define FILE_MAX	(256 << 10)
#define PAYLOAD		(64 << 10)
#define CMDLINE		"console=ttyS0 quiet"

static char message[512];
static unsigned int messages;

void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	messages++;
}

static int no_irq(struct vm *vm, unsigned int gsi, bool level)
{
	return 0;
}

static const struct vm_backend backend = { .irq = no_irq };

static uint8_t file[FILE_MAX];		/* the kernel under test */
static size_t file_len;
static uint8_t initrd[MIB];
static size_t initrd_len;

static int make_fd(const void *data, size_t len)
{
	int fd = memfd_create("boot_test", 0);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		exit(1);
	return fd;
}

static uint8_t *put_cpio(uint8_t *to, const char *name, size_t size)
{
	char head[160];

	snprintf(head, sizeof(head), "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1, 0100644,
		 0, 0, 1, 0, size, 0, 0, 0, 0, strlen(name) + 1, 0);
	memcpy(to, head, 110);
	strcpy((char *)to + 110, name);
	return to + ((110 + strlen(name) + 1 + 3) & ~3u) + ((size + 3) & ~3u);
}

/* An archive of so many bytes, a multiple of four: two files. */
static void make_initrd(size_t len)
{
	uint8_t *second = put_cpio(initrd, "first", 10);
	size_t rest = len - (second - initrd) - 124;

	initrd_len = len;
	if (put_cpio(put_cpio(second, "f", rest - 112), "TRAILER!!!", 0) != initrd + len)
		exit(1);
}

struct result {
	struct boot_entry entry;
	struct boot_config config;
	int err;
};

/* Loads the file and the initrd into a VM with the given memory; the caller frees it. */
static struct result load(uint8_t *ram, size_t memory, const char *cmdline, struct vm *vm)
{
	int kernel = make_fd(file, file_len), module = make_fd(initrd, initrd_len);
	struct result r = { .config.cmdline = cmdline, .config.rsdp = 0xe0000 };
	char path[2][32];

	vm_init(vm, "test", &backend);
	vm_add_memory(vm, 0, memory, ram);
	messages = 0;
	message[0] = 0;
	snprintf(path[0], sizeof(path[0]), "/proc/self/fd/%d", kernel);
	snprintf(path[1], sizeof(path[1]), "/proc/self/fd/%d", module);
	r.err = boot_open(&r.config.kernel, "--kernel", path[0]);
	if (!r.err) {
		r.config.n_modules = 1;
		r.err = boot_open(&r.config.modules[0], "--initrd", path[1]);
		r.config.modules[0].args = "first module";
	}
	if (!r.err)
		r.err = boot_load(vm, &r.config, &r.entry);
	boot_close(&r.config);
	r.config.n_modules = 1;
	close(kernel);
	close(module);
	return r;
}

/* The same in memory of its own, whose neighbours the sanitizer guards. */
static int try_load(size_t memory, const char *cmdline)
{
	static uint8_t *ram;
	static size_t size;
	struct result r;
	struct vm vm;

	if (size != memory) {
		free(ram);
		ram = calloc(1, size = memory);
	}
	r = load(ram, memory, cmdline, &vm);
	vm_free(&vm);
	return r.err;
}

static bool refused(const char *option, const char *why)
{
	bool ok = try_load(MEMORY, CMDLINE) && messages == 1 && strstr(message, option) &&
		  strstr(message, why);

	if (!ok)
		tap_note("%u messages, last: %s", messages, message);
	return ok;
}

/* --- The three kinds of file ------------------------------------------------------------- */

static struct setup_header *header(void)
{
	return (struct setup_header *)(file + 0x1f1);
}

static void make_linux(void)
{
	struct setup_header h = {
		.setup_sects = 3, .syssize = PAYLOAD / 16, .boot_flag = 0xaa55, .jump = 0x66eb,
		.header = 0x53726448, .version = 0x20f, .loadflags = LOADED_HIGH,
		.initrd_addr_max = 0x7fffffff, .kernel_alignment = 2 * MIB, .relocatable_kernel = 1,
		.xloadflags = XLF_KERNEL_64, .cmdline_size = 2047, .payload_offset = 100,
		.payload_length = PAYLOAD - 200, .pref_address = 4 * MIB, .init_size = MIB,
	};
	size_t i;

	file_len = 4 * 512 + PAYLOAD;
	memset(file, 0, sizeof(file));
	for (i = 0; i < PAYLOAD; i++)
		file[4 * 512 + i] = i * 7 + (i >> 8);
	memcpy(file + 0x1f1, &h, sizeof(h));
}

struct elf {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];
	Elf64_Nhdr note;
	char name[4];
	uint32_t entry;
	uint8_t code[4096];
};

static void make_pvh(void)
{
	struct elf *e = (struct elf *)file;
	uint32_t at = offsetof(struct elf, code);

	memset(file, 0, sizeof(file));
	file_len = sizeof(*e);
	memcpy(e->eh.e_ident, ELFMAG, SELFMAG);
	e->eh.e_ident[EI_CLASS] = ELFCLASS64;
	e->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	e->eh.e_machine = EM_X86_64;
	e->eh.e_phoff = offsetof(struct elf, ph);
	e->eh.e_phnum = 3;
	e->eh.e_phentsize = sizeof(e->ph[0]);
	e->ph[0] = (Elf64_Phdr) { .p_type = PT_LOAD, .p_offset = at, .p_paddr = 2 * MIB,
				  .p_filesz = 3000, .p_memsz = 9000 };
	e->ph[1] = (Elf64_Phdr) { .p_type = PT_LOAD, .p_offset = at + 3000, .p_paddr = 3 * MIB,
				  .p_filesz = 1000, .p_memsz = 1000 };
	e->ph[2] = (Elf64_Phdr) { .p_type = PT_NOTE, .p_offset = offsetof(struct elf, note), .p_filesz = 20 };
	e->note = (Elf64_Nhdr) { 4, 4, 18 };
	memcpy(e->name, "Xen", 4);
	e->entry = 2 * MIB + 0x40;
	memset(e->code, 0xab, sizeof(e->code));
}

struct multiboot {
	uint32_t magic, flags, checksum, header, load, load_end, bss_end, entry;
	uint8_t code[4000];
};

static struct multiboot *make_multiboot(void)
{
	struct multiboot *m = (struct multiboot *)(file + 512);

	memset(file, 0, sizeof(file));
	file_len = 512 + sizeof(*m);
	*m = (struct multiboot) { 0x1badb002, 0x10003, -(0x1badb002 + 0x10003u), MIB + 512, MIB,
				  MIB + 512 + sizeof(*m), 2 * MIB, MIB + 544 };
	memset(m->code, 0xcd, sizeof(m->code));
	return m;
}

/* --- Whole kernels ----------------------------------------------------------------------------- */

static void test_linux(void)
{
	uint8_t *ram = calloc(1, MEMORY);
	const struct boot_params *p = (void *)(ram + BOOT_PARAMS);
	struct result r;
	struct vm vm;
	bool ok;

	make_linux();
	r = load(ram, MEMORY, CMDLINE, &vm);
	ok = !r.err && r.entry.long_mode && r.entry.rip == 4 * MIB + 0x200 && r.entry.rsi == BOOT_PARAMS &&
	     !memcmp(ram + 4 * MIB, file + 4 * 512, PAYLOAD);
	tap_result(ok, "a bzImage is put where it prefers to be, and entered in 64-bit mode");
	ok = !strcmp((char *)ram + p->hdr.cmd_line_ptr, CMDLINE) && p->hdr.ramdisk_size == initrd_len &&
	     p->hdr.ramdisk_image >= 5 * MIB && p->hdr.ramdisk_image + initrd_len <= MEMORY &&
	     !memcmp(ram + p->hdr.ramdisk_image, initrd, initrd_len) && p->hdr.type_of_loader == 0xff &&
	     p->acpi_rsdp_addr == 0xe0000;
	tap_result(ok, "its parameters name command line, initrd, loader and ACPI tables");
	ok = p->e820_entries == 3 && p->e820_table[0].addr == 0 && p->e820_table[0].size == 0x9fc00 &&
	     p->e820_table[1].type == 2 && p->e820_table[2].addr == MIB && p->e820_table[2].type == 1 &&
	     p->e820_table[2].size == MEMORY - MIB;
	tap_result(ok, "and its memory map is what the VM has");
	vm_free(&vm);

	memset(ram, 0, MEMORY);
	r = load(ram, 4 * MIB, CMDLINE, &vm);
	ok = !r.err && r.entry.rip == 2 * MIB + 0x200 && !memcmp(ram + 2 * MIB, file + 4 * 512, PAYLOAD) &&
	     p->hdr.ramdisk_image >= 3 * MIB;
	tap_result(ok, "in a small machine a relocatable one goes lower");
	vm_free(&vm);
	free(ram);
}

static void test_pvh(void)
{
	uint8_t *ram = calloc(1, MEMORY);
	const uint32_t *info = (void *)(ram + BOOT_INFO);
	const uint64_t *wide = (void *)(ram + BOOT_INFO);
	const uint64_t *module, *map;
	struct result r;
	struct vm vm;
	bool ok;

	make_pvh();
	memset(ram + 2 * MIB, 0xee, 16384);
	r = load(ram, MEMORY, CMDLINE, &vm);
	ok = !r.err && !r.entry.long_mode && r.entry.rip == 2 * MIB + 0x40 && r.entry.rbx == BOOT_INFO &&
	     ram[2 * MIB] == 0xab && ram[2 * MIB + 2999] == 0xab && ram[2 * MIB + 3000] == 0 &&
	     ram[2 * MIB + 8999] == 0 && ram[2 * MIB + 9000] == 0xee && ram[3 * MIB + 999] == 0xab;
	tap_result(ok, "an ELF file's segments are loaded, their rest is zero, and the PVH entry is found");
	module = (void *)(ram + wide[2]);
	map = (void *)(ram + wide[5]);
	ok = info[0] == 0x336ec578 && info[1] == 1 && info[3] == 1 && !memcmp(ram + module[0], initrd, initrd_len) &&
	     module[1] == initrd_len && !strcmp((char *)ram + wide[3], CMDLINE) && wide[4] == 0xe0000 &&
	     info[12] == 3 && map[0] == 0 && map[1] == 0x9fc00;
	tap_result(ok, "and is told of initrd, command line, ACPI tables and memory");
	vm_free(&vm);
	free(ram);
}

static void test_multiboot(void)
{
	uint8_t *ram = calloc(1, MEMORY);
	const uint32_t *info = (void *)(ram + BOOT_INFO), *module;
	struct multiboot *m = make_multiboot();
	struct result r;
	struct vm vm;
	bool ok;

	r = load(ram, MEMORY, CMDLINE, &vm);
	ok = !r.err && !r.entry.long_mode && r.entry.rip == m->entry && r.entry.rax == 0x2badb002 &&
	     r.entry.rbx == BOOT_INFO && !memcmp(ram + MIB, file, file_len);
	tap_result(ok, "a multiboot kernel goes where its header says");
	module = (void *)(ram + info[6]);
	ok = (info[0] & 0x4d) == 0x4d && info[1] == 639 && info[2] == MEMORY / 1024 - 1024 &&
	     !strcmp((char *)ram + info[4], CMDLINE) && info[5] == 1 && module[1] - module[0] == initrd_len &&
	     !memcmp(ram + module[0], initrd, initrd_len) && !strcmp((char *)ram + module[2], "first module");
	tap_result(ok, "and is told of memory, command line, and a module with its own");
	vm_free(&vm);
	free(ram);
}

/* --- Bad ones ------------------------------------------------------------------------------------ */

/* Every length up to the end of what must be there. */
static void test_truncated(const char *name, size_t needed)
{
	size_t whole = file_len, step;
	bool ok = true;

	for (file_len = 1; file_len < needed && ok; file_len += step) {
		ok = try_load(MEMORY, CMDLINE) && messages == 1 && strstr(message, "--kernel");
		if (!ok)
			tap_note("length %zu of %zu: %u messages: %s", file_len, needed, messages, message);
		/* All around the headers, then here and there. */
		step = file_len < 5000 || needed - file_len < 20 ? 1 : 17;
	}
	file_len = needed;
	ok = ok && !try_load(MEMORY, CMDLINE);
	file_len = whole;
	tap_result(ok, "%s of every shorter length is refused with one message", name);
}

static void test_refusals(void)
{
	bool ok;

	make_linux();
	file_len = 0;
	tap_result(refused("--kernel", "empty"), "an empty kernel is refused");
	memset(file, 0x5a, file_len = 10000);
	tap_result(refused("--kernel", "is no kernel"), "a foreign file is refused");
	make_linux();
	header()->xloadflags = 0;
	tap_result(refused("--kernel", "32-bit"), "a 32-bit kernel is refused");
	make_linux();
	header()->version = 0x204;
	tap_result(refused("--kernel", "too old"), "an old kernel is refused");
	make_pvh();
	((struct elf *)file)->eh.e_machine = EM_AARCH64;
	tap_result(refused("--kernel", "another kind of CPU"), "an ELF file for another CPU is refused");
	make_pvh();
	((struct elf *)file)->note.n_type = 17;
	tap_result(refused("--kernel", "without a PVH or multiboot entry"), "an ELF program is refused");
	make_pvh();
	((struct elf *)file)->ph[0].p_paddr = 0x1000;
	ok = refused("--kernel", "no memory");
	((struct elf *)file)->ph[0].p_paddr = -4096ull;
	tap_result(ok && refused("--kernel", "no memory"), "a segment outside memory is refused");
	make_multiboot()->flags |= 4;
	((struct multiboot *)(file + 512))->checksum -= 4;
	tap_result(refused("--kernel", "video"), "a multiboot kernel that wants a screen is refused");
}

static void test_room(void)
{
	static char long_line[4096];
	size_t len;
	bool ok;

	make_linux();
	ok = try_load(2 * MIB, CMDLINE) && messages == 1 && strstr(message, "--mem");
	make_pvh();
	ok = ok && try_load(2 * MIB, CMDLINE) && messages == 1 && strstr(message, "--mem");
	make_multiboot();
	ok = ok && try_load(MIB + 4096, CMDLINE) && messages == 1 && strstr(message, "--mem");
	tap_result(ok, "memory too small for the kernel is named: %s", message);
	make_pvh();
	ok = true;
	for (len = 900 << 10; len <= sizeof(initrd) && ok; len += 4096) {
		make_initrd(len);
		ok = !!try_load(4 * MIB, CMDLINE) == (3 * MIB + 4096 + initrd_len > 4 * MIB) &&
		     (!messages || (messages == 1 && strstr(message, "--initrd")));
	}
	tap_result(ok, "an initrd that does not fit is named, with the size that would do: %s", message);
	make_initrd(5000);
	make_linux();
	memset(long_line, 'x', 2048);
	ok = try_load(MEMORY, long_line) && messages == 1 && strstr(message, "--append");
	long_line[2047] = 0;
	tap_result(ok && !try_load(MEMORY, long_line), "a command line that the kernel cannot take is refused");
}

/* --- RAM disks ---------------------------------------------------------------------------------- */

/* Of every shorter length. */
static bool refuses_shorter(size_t len, size_t step)
{
	bool ok = true;

	for (initrd_len = 1; initrd_len < len && ok; initrd_len += step) {
		ok = try_load(MEMORY, CMDLINE) == EXIT_INPUT && messages == 1 && strstr(message, "--initrd: /proc/self/fd/");
		if (!ok)
			tap_note("length %zu of %zu: %u messages: %s", initrd_len, len, messages, message);
	}
	initrd_len = len;
	return ok;
}

static void test_initrd(struct random *r)
{
	bool ok;

	make_linux();
	make_initrd(3000);
	tap_result(!try_load(MEMORY, CMDLINE) && refuses_shorter(2997, 1),
		   "an archive is taken, and refused at every shorter length");
	make_pvh();
	tap_result(!try_load(MEMORY, CMDLINE) && refuses_shorter(2997, 7), "... with either kind of kernel");
	/* Early archives come first, then perhaps zeros. */
	memset(initrd + 3000, 0, 500);
	memmove(initrd + 3500, initrd, 3000);
	initrd_len = 6500;
	ok = !try_load(MEMORY, CMDLINE);
	initrd[6500] = 'x';
	initrd_len = 6501;
	tap_result(ok && try_load(MEMORY, CMDLINE) == EXIT_INPUT && strstr(message, "damaged"),
		   "two archives are taken, but not with something else behind them");
	make_initrd(3000);
	memcpy(initrd + 3000, "key = value\n", 12);
	memcpy(initrd + 3012, "\x0c\0\0\0sum.#BOOTCONFIG\n", 20);
	initrd_len = 3032;
	tap_result(!try_load(MEMORY, CMDLINE), "a boot configuration may stand behind it");
	make_initrd(3000);
	memcpy(initrd + 3000, "\x28\xb5\x2f\xfd", 4);
	initrd_len = 3004;
	tap_result(try_load(MEMORY, CMDLINE) == EXIT_INPUT && strstr(message, "damaged"),
		   "nor is the mark of something compressed, with nothing behind it");
	random_bytes(r, initrd, sizeof(initrd));
	initrd[0] = 1;
	initrd_len = 5000;
	tap_result(try_load(MEMORY, CMDLINE) == EXIT_INPUT && messages == 1 && strstr(message, "is no initial RAM disk"),
		   "something else is refused: %s", message);
}

/* What a program makes of an archive that does not compress well. */
static bool compress(const char *command, struct random *r)
{
	char line[128], path[] = "/tmp/boot_test-XXXXXX";
	int fd = mkstemp(path);
	FILE *out;
	bool ok;

	make_initrd(200 << 10);
	random_bytes(r, initrd + 400, 150 << 10);
	ok = write(fd, initrd, initrd_len) == (ssize_t)initrd_len;
	snprintf(line, sizeof(line), "%s <%s 2>/dev/null", command, path);
	out = popen(line, "r");
	initrd_len = out ? fread(initrd, 1, sizeof(initrd), out) : 0;
	ok = ok && out && !pclose(out) && initrd_len > 1000;
	close(fd);
	unlink(path);
	return ok;
}

static void test_compressed(struct random *r)
{
	/* gzip's own end cannot be seen. */
	static const struct { const char *command; bool seen; } ways[] = {
		{ "zstd -c", true }, { "zstd -c --no-check", true }, { "zstd -c --single-thread --ultra -22", true },
		{ "lz4 -l -c", true }, { "xz -c --check=crc32", true }, { "gzip -c", false }, { "bzip2 -c", false },
	};
	unsigned int i;
	size_t whole;
	bool ok;

	make_linux();
	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (!compress(ways[i].command, r)) {
			tap_skip(ways[i].command, "it is not installed, or fails");
			continue;
		}
		whole = initrd_len;
		ok = !try_load(MEMORY, CMDLINE);
		if (!ok)
			tap_note("whole, %zu bytes: %s", whole, message);
		ok = ok && (!ways[i].seen || refuses_shorter(whole, 1009));
		/* The last bytes, too */
		for (initrd_len = whole - 1; initrd_len > whole - 8 && ok && ways[i].seen; initrd_len--)
			ok = try_load(MEMORY, CMDLINE) == EXIT_INPUT;
		tap_result(ok, "what '%s' makes of an archive is taken%s", ways[i].command,
			   ways[i].seen ? ", and what was cut off it is not" : "");
	}
}

/* Archives and frames whose numbers lie: any answer but a crash. */
static void test_fuzz_initrd(struct random *r)
{
	static const char *const commands[] = { NULL, "zstd -c", "lz4 -l -c" };
	static uint8_t good[MIB];
	unsigned long rounds = scaled(3000), i, k, taken = 0;
	unsigned int n;
	bool ok = true;

	make_linux();
	for (k = 0; k < 3; k++) {
		if (!commands[k]) {
			make_initrd(3000);
		} else if (!compress(commands[k], r)) {
			tap_note("no archives of '%s': it is not installed, or fails", commands[k]);
			continue;
		}
		memcpy(good, initrd, initrd_len);
		for (i = 0; i < rounds / 3 && ok; i++) {
			memcpy(initrd, good, initrd_len);
			for (n = 1 + random_below(r, 4); n; n--)
				initrd[random_below(r, random_below(r, 2) ? 300 : initrd_len)] =
					random_below(r, 3) ? random_u64(r) : "0f\xff"[random_below(r, 3)];
			if (try_load(MEMORY, CMDLINE))
				ok = messages == 1;
			else
				taken++;
		}
	}
	tap_result(ok && taken, "damaged RAM disks do no harm (%lu of %lu were taken)", taken, rounds);
	make_initrd(5000);
}

/* Damaged headers: any answer but a crash, and a message with each refusal. */
static void test_fuzz(struct random *r)
{
	unsigned long rounds = scaled(6000), i, taken = 0;
	unsigned int n;
	bool ok = true;

	for (i = 0; i < rounds && ok; i++) {
		if (i % 3 == 0)
			make_linux();
		else if (i % 3 == 1)
			make_pvh();
		else
			make_multiboot();
		for (n = 1 + random_below(r, 4); n; n--) {
			uint32_t at = i % 3 == 0 ? 0x1f1 + random_below(r, 0x80) :
				      i % 3 == 1 ? random_below(r, offsetof(struct elf, code)) :
				      512 + random_below(r, 32);

			file[at] = random_below(r, 3) ? random_u64(r) : random_below(r, 2) ? 0xff : 0;
		}
		if (try_load(MEMORY, CMDLINE))
			ok = messages == 1;
		else
			taken++;
	}
	tap_result(ok && taken, "damaged headers do no harm (%lu of %lu could be loaded)", taken, rounds);
}

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s += *p++;
	return s;
}

static void test_acpi(void)
{
	uint8_t *ram = calloc(1, MEMORY), *xsdt, *table;
	uint64_t rsdp, at;
	unsigned int i, cpus = 0;
	uint32_t len;
	struct vm vm;
	bool ok;

	vm_init(&vm, "test", &backend);
	vm_add_memory(&vm, 0, MEMORY, ram);
	vm.n_virtio = 3;
	ok = !acpi_write(&vm, 32, &rsdp) && !memcmp(ram + rsdp, "RSD PTR ", 8) && !sum(ram + rsdp, 20) &&
	     !sum(ram + rsdp, 36);
	memcpy(&at, ram + rsdp + 24, 8);
	xsdt = ram + at;
	for (i = 0; i < 2 && ok; i++) {
		memcpy(&at, xsdt + 36 + 8 * i, 8);
		table = ram + at;
		memcpy(&len, table + 4, 4);
		ok = at >= BOOT_ACPI && at + len <= BOOT_HIGH && !sum(table, len);
		if (!memcmp(table, "APIC", 4)) {
			for (at = 44; at < len; at += table[at + 1])
				cpus += !table[at] && table[at + 4] == 1;
		} else {
			memcpy(&at, table + 140, 8);
			memcpy(&len, ram + at + 4, 4);
			ok = ok && !memcmp(ram + at, "DSDT", 4) && !sum(ram + at, len);
		}
	}
	tap_result(ok && cpus == 32, "ACPI tables are found from the root, sum up to zero and name every CPU");
	vm_free(&vm);
	free(ram);
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct random r;

	random_seed(&r, seed);
	random_bytes(&r, initrd, sizeof(initrd));
	make_initrd(5000);
	tap_note("SEED=%llu", (unsigned long long)seed);
	tap_plan(38);
	test_linux();
	test_pvh();
	test_multiboot();
	make_linux();
	test_truncated("a bzImage", file_len);
	make_pvh();
	test_truncated("an ELF kernel", offsetof(struct elf, code) + 4000);
	make_multiboot();
	test_truncated("a multiboot kernel", file_len);
	test_refusals();
	test_room();
	test_initrd(&r);
	test_compressed(&r);
	test_fuzz_initrd(&r);
	test_fuzz(&r);
	test_acpi();
	return tap_exit();
}
