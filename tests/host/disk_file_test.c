// SPDX-License-Identifier: GPL-2.0
/*
 * The files behind the launcher's disks: options, what is no disk or was cut off, what
 * another uses, and qcow2 images with their server.
 */
#include "userspace/disk/disk.h"
#include "userspace/options.h"
#include "virtio_disk.h"

/* --- Options and files -------------------------------------------------------------------------- */

static bool refuses(const char *spec, int err, const char *says)
{
	struct vm vm = { 0 };
	const char *text;
	bool good;
	int got;

	vm_init(&vm, "other", &guest_backend);
	capture();
	got = virtio_blk_create(&vm, spec);
	text = captured_text();
	good = got && (!err || got == err) && lines_of(text) == 1 && strstr(text, "--disk") && strstr(text, says);
	if (!good)
		tap_note("%s: %d, %s", spec, got, text);
	vm_free(&vm);
	return good;
}

static void make_content(const void *data, size_t len)
{
	int fd;

	make_file(path, DISK_SIZE);
	fd = open(path, O_WRONLY);
	if (write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

static bool refuses_content(const void *data, size_t len, const char *says)
{
	make_content(data, len);
	return refuses(path, 0, says);
}

static bool accepts_content(const void *data, size_t len)
{
	bool good;

	make_content(data, len);
	good = machine(path);
	vm_free(&guest.vm);
	return good;
}

static void put(uint8_t *to, uint64_t value, unsigned int bytes)
{
	memcpy(to, &value, bytes);
}

/* Disks that end before what is on them does, by a sector, and the same without that. */
static void test_cut_off(void)
{
	static uint8_t mbr[512], gpt[1024], ext[2048], text[512];
	char spec[100];
	bool good;

	put(mbr + 510, 0xaa55, 2);
	mbr[446 + 4] = 0x83;
	put(mbr + 446 + 8, 2048, 4);
	put(mbr + 446 + 12, DISK_SIZE / SECTOR - 2047, 4);
	good = refuses_content(mbr, sizeof(mbr), "truncated: it has 4194304 bytes, but its partitions need 4194816");
	snprintf(spec, sizeof(spec), "%s,format=raw", path);
	good &= machine(spec);
	vm_free(&guest.vm);
	memcpy(text, mbr, 512);
	memset(text + 446, 'x', 64);
	put(mbr + 446 + 12, DISK_SIZE / SECTOR - 2048, 4);
	good &= accepts_content(mbr, sizeof(mbr)) && accepts_content(text, sizeof(text));
	mbr[446 + 4] = 0xee;
	memcpy(gpt, mbr, 512);
	memcpy(gpt + 512, "EFI PART", 8);
	put(gpt + 512 + 32, DISK_SIZE / SECTOR, 8);
	good &= refuses_content(gpt, sizeof(gpt), "its partitions need 4194816");
	put(gpt + 512 + 32, ~0ull, 8);
	good &= refuses_content(gpt, sizeof(gpt), "its partitions need");
	put(gpt + 512 + 32, DISK_SIZE / SECTOR - 1, 8);
	good &= accepts_content(gpt, sizeof(gpt));
	put(ext + 1024 + 56, 0xef53, 2);
	put(ext + 1024 + 24, 2, 4);
	put(ext + 1024 + 4, DISK_SIZE / 4096 + 1, 4);
	good &= refuses_content(ext, sizeof(ext), "its file system's blocks need 4198400");
	put(ext + 1024 + 4, DISK_SIZE / 4096, 4);
	put(ext + 1024 + 336, 1, 4);
	good &= accepts_content(ext, sizeof(ext));
	put(ext + 1024 + 96, 0x80, 4);
	good &= refuses_content(ext, sizeof(ext), "its file system's blocks need 17592190238720");
	tap_result(good, "disks that were cut off are refused, unless the user says raw");
}

static void test_options(void)
{
	char spec[200], name[64];
	bool good;

	snprintf(spec, sizeof(spec), "%s,format=vdi", path);
	good = refuses(spec, -EINVAL, "format=vdi");
	snprintf(spec, sizeof(spec), "%s,serial=123456789012345678901", path);
	good &= refuses(spec, -EINVAL, "serial=");
	snprintf(spec, sizeof(spec), "%s,", path);
	good &= refuses(spec, -EINVAL, "''") && refuses("", -EINVAL, "no file");
	tap_result(good, "wrong options are refused in one line");

	good = refuses("/nonexistent", 0, "No such file") && refuses(directory, 0, "directory");
	good &= refuses("/dev/null", 0, "neither a file");
	make_file(path, 0);
	good &= refuses(path, 0, "empty");
	make_file(path, 1000);
	good &= refuses(path, 0, "not a multiple of 512");
	tap_result(good, "files that are no disks are refused in one line");

	good = refuses_content("QFI\xfb", 4, "format=qcow2") && refuses_content("KDMV", 4, "qemu-img convert") &&
		refuses_content("\x1f\x8b\x08", 3, "gzip");
	snprintf(spec, sizeof(spec), "%s,format=raw", path);
	good &= machine(spec);
	vm_free(&guest.vm);
	tap_result(good, "images of other formats are refused, unless the user says raw");

	make_file(path, DISK_SIZE);
	snprintf(spec, sizeof(spec), "%s,readonly", path);
	good = machine(path) && refuses(path, 0, "in use") && refuses(spec, 0, "in use");
	vm_free(&guest.vm);
	good &= machine(spec) && refuses(path, 0, "in use");
	vm_free(&guest.vm);
	tap_result(good, "a disk that another VM uses is refused");

	snprintf(spec, sizeof(spec), "%s/a,b", directory);
	make_file(spec, DISK_SIZE);
	snprintf(name, sizeof(name), "%s/a,,b", directory);
	tap_result(machine(name), "a comma in a name is written twice");
	vm_free(&guest.vm);
	unlink(spec);
}

/* --- qcow2 ------------------------------------------------------------------------------------------ */

static bool shell(const char *command)
{
	return system(command) == 0;
}

#define CHILDREN	"/proc/thread-self/children"

/* Of the only child that there is. */
static bool signal_server(int signal)
{
	FILE *file = fopen(CHILDREN, "r");
	int pid = 0, n = file ? fscanf(file, "%d", &pid) : 0;

	if (file)
		fclose(file);
	return n == 1 && !kill(pid, signal);
}

static void test_server_dies(const char *qcow)
{
	uint32_t head, len;
	bool good;

	if (access(CHILDREN, R_OK)) {
		tap_skip("qcow2, server killed", "this kernel has no " CHILDREN);
		return;
	}
	good = machine(qcow) && ask(T_READ, 0, DATA, 4096, NULL) == OK;
	capture();
	good &= signal_server(SIGSTOP);
	offer(0, T_WRITE, 0, DATA, 8192, 2);
	offer(1, T_FLUSH, 0, NULL, 0, 1);
	notify(0);
	good &= !wait_used(0, 50, &head, &len) && signal_server(SIGKILL);
	good &= wait_used(0, SOON, &head, &len) && wait_used(0, SOON, &head, &len);
	good &= request(0)->status == IOERR && request(1)->status == IOERR;
	good &= ask(T_READ, 0, DATA, 4096, NULL) == IOERR;
	vm_free(&guest.vm);
	good &= !!strstr(captured_text(), "the guest gets errors from now on");
	tap_result(good, "a server that dies gives errors to the guest");
}

/* Images of several kinds are taken whole, and refused in half. */
static void test_cut_off_images(const char *qcow)
{
	static const char *const options[] = {
		"compat=1.1", "compat=0.10", "refcount_bits=1", "refcount_bits=64", "cluster_size=512", "cluster_size=2M",
		"preallocation=metadata",
	};
	char command[300];
	struct stat st;
	unsigned int i, good = 0, n = sizeof(options) / sizeof(*options);
	bool ok;

	for (i = 0; i < n; i++) {
		unlink(qcow);
		snprintf(command, sizeof(command), "qemu-img create -q -f qcow2 -o %s %s 16M", options[i], qcow);
		ok = shell(command) && machine(qcow);
		memset(DATA, 7, 1 << 20);
		ok = ok && ask(T_WRITE, 2048, DATA, 1 << 20, NULL) == OK;
		vm_free(&guest.vm);
		ok = ok && machine(qcow) && ask(T_READ, 2048, DATA, 4096, NULL) == OK && DATA[0] == 7;
		vm_free(&guest.vm);
		ok = ok && !stat(qcow, &st) && !truncate(qcow, st.st_size / 2) && refuses(qcow, 0, "truncated");
		ok = ok && !truncate(qcow, 200) && refuses(qcow, 0, "truncated");
		if (!ok)
			tap_note("%s", options[i]);
		good += ok;
	}
	tap_result(good == n, "%u of %u images are taken whole, and refused when they are cut off", good, n);
}

/* Where a file system fills the disk, in whatever kind of file. */
static void test_root(const char *qcow)
{
	static const struct { const char *magic; unsigned int at; } systems[] = {
		{ "\x53\xef", 0x438 }, { "_BHRfS_M", 0x10040 }, { "XFSB", 0 },
	};
	static const char *const options[] = { "compat=1.1", "cluster_size=512", "compat=0.10" };
	char command[300], spec[100];
	unsigned int i, bad = 0;
	int fd;

	snprintf(spec, sizeof(spec), "%s,readonly", qcow);
	for (i = 0; i < 3; i++) {
		make_file(path, DISK_SIZE);
		snprintf(command, sizeof(command), "qemu-img convert -f raw -O qcow2 -o %s %s %s", options[i], path, qcow);
		bad += strcmp(disk_root_device(path), "/dev/vda1") || !shell(command) || strcmp(disk_root_device(spec), "/dev/vda1");
		fd = open(path, O_WRONLY);
		bad += pwrite(fd, systems[i].magic, strlen(systems[i].magic), systems[i].at) < 0;
		close(fd);
		bad += strcmp(disk_root_device(path), "/dev/vda") || !shell(command) || strcmp(disk_root_device(spec), "/dev/vda");
	}
	tap_result(!bad, "a file system is found where it fills the disk, in files and images (%u)", bad);
	unlink(qcow);
}

static void test_qcow2(struct random *r)
{
	static uint8_t file[DISK_SIZE];
	char command[300], qcow[80];
	bool good;

	if (!shell("command -v qemu-img >/dev/null && command -v qemu-nbd >/dev/null")) {
		tap_skip("qcow2", "no qemu-utils");
		tap_skip("qcow2, discard", "no qemu-utils");
		tap_skip("qcow2, server killed", "no qemu-utils");
		tap_skip("qcow2, cut off", "no qemu-utils");
		tap_skip("qcow2, root", "no qemu-utils");
		tap_skip("qcow2, bad image", "no qemu-utils");
		return;
	}
	snprintf(qcow, sizeof(qcow), "%s/d.qcow2", directory);
	snprintf(command, sizeof(command), "qemu-img create -q -f qcow2 %s %u", qcow, DISK_SIZE);
	memset(model, 0, sizeof(model));
	good = shell(command) && machine(qcow) && random_requests(r, scaled(200));
	good &= ask(T_READ, DISK_SIZE / SECTOR, DATA, SECTOR, NULL) == IOERR;
	vm_free(&guest.vm);
	snprintf(command, sizeof(command), "qemu-img convert -f qcow2 -O raw %s %s", qcow, path);
	good &= shell(command);
	read_file(file);
	tap_result(good && !memcmp(file, model, DISK_SIZE), "a qcow2 image holds what was written");

	good = machine(qcow) && ask(T_DISCARD, 0, NULL, 1 << 20, NULL) == OK &&
		ask(T_READ, 0, DATA, 4096, NULL) == OK && ask(T_FLUSH, 0, NULL, 0, NULL) == OK;
	vm_free(&guest.vm);
	tap_result(good, "... can be discarded and flushed");
	test_server_dies(qcow);
	test_cut_off_images(qcow);
	test_root(qcow);
	make_file(path, DISK_SIZE);
	snprintf(command, sizeof(command), "%s,format=qcow2", path);
	tap_result(refuses(command, 0, "qcow2"), "what is no qcow2 image is refused with its server's reason");
	unlink(qcow);
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct random r;

	tap_plan(12);
	tap_note("SEED=%llu", (unsigned long long)seed);
	random_seed(&r, seed);
	if (no_ring()) {
		tap_skip_rest(no_ring());
		return tap_exit();
	}
	make_directory("disk_file_test");
	test_options();
	test_cut_off();
	test_qcow2(&r);
	remove_directory();
	return tap_exit();
}
