// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU's TCG: which instructions lie between two VMRUNs.
 *
 * Every translated block reports when it runs; blocks since the last VMRUN are a
 * path. Equal paths are counted, and at the end the most frequent are printed,
 * block by block, for a script that knows the symbols. What interrupts a path
 * makes it another one, so the most frequent is the undisturbed one.
 *
 * The interface's declarations are here because no Debian package of QEMU 7.2
 * brings its header: version 1, as documented in QEMU's developer manual.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*tb_trans_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*exec_cb)(unsigned int vcpu, void *data);
typedef void (*end_cb)(qemu_plugin_id_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_trans_cb cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, exec_cb cb, int flags,
					  void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_cb cb, int flags,
					    void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, end_cb cb, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

#define MAX_PATH	16384
#define MAX_PATHS	4096
#define PRINTED		3

struct block {
	uint64_t address;
	unsigned int insns;
};

struct path {
	uint64_t hash, count;
	unsigned int length;
	struct block *blocks;
};

static struct block current[MAX_PATH];
static unsigned int length;
static bool started;
static struct path paths[MAX_PATHS];
static FILE *out;

static void on_block(unsigned int vcpu, void *data)
{
	(void)vcpu;
	if (started && length < MAX_PATH)
		current[length++] = *(struct block *)data;
}

static uint64_t hash_path(void)
{
	uint64_t h = 14695981039346656037ULL;

	for (unsigned int i = 0; i < length; i++)
		h = (h ^ current[i].address) * 1099511628211ULL;
	return h | 1;
}

static void on_vmrun(unsigned int vcpu, void *data)
{
	uint64_t h = hash_path();
	struct path *p = &paths[h % MAX_PATHS];

	(void)vcpu;
	(void)data;
	started = true;
	/* A full neighbourhood loses rare paths, and those do not matter. */
	for (unsigned int i = 0; p->count && p->hash != h && i < 16; i++)
		p = &paths[(h + i) % MAX_PATHS];
	if (!p->count) {
		p->hash = h;
		p->length = length;
		p->blocks = malloc(length * sizeof(*current));
		memcpy(p->blocks, current, length * sizeof(*current));
	}
	p->count += p->hash == h;
	length = 0;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	static const unsigned char vmrun[] = { 0x0f, 0x01, 0xd8 };
	struct block *block = malloc(sizeof(*block));

	(void)id;
	block->address = qemu_plugin_tb_vaddr(tb);
	block->insns = qemu_plugin_tb_n_insns(tb);
	qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, 0, block);
	for (size_t i = 0; i < block->insns; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (qemu_plugin_insn_size(insn) == sizeof(vmrun) &&
		    !memcmp(qemu_plugin_insn_data(insn), vmrun, sizeof(vmrun)))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_vmrun, 0, NULL);
	}
}

static int by_count(const void *a, const void *b)
{
	const struct path *p = a, *q = b;

	return (q->count > p->count) - (q->count < p->count);
}

static void at_end(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	qsort(paths, MAX_PATHS, sizeof(*paths), by_count);
	for (unsigned int i = 0; i < PRINTED && paths[i].count; i++) {
		fprintf(out, "path %" PRIu64 "\n", paths[i].count);
		for (unsigned int k = 0; k < paths[i].length; k++)
			fprintf(out, "%" PRIx64 " %u\n", paths[i].blocks[k].address,
				paths[i].blocks[k].insns);
	}
	fclose(out);
}

/* One argument: out=FILE. */
__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "exit_path: wants out=FILE\n");
		return -1;
	}
	out = fopen(argv[0] + 4, "w");
	if (!out) {
		perror(argv[0] + 4);
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, at_end, NULL);
	return 0;
}
