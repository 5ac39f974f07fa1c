// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU's TCG: every instruction between two marks.
 *
 * A mark is "xchg %bx, %bx", which no compiler makes and which Bochs's debugger stops
 * at, too. What runs between a mark and the next is a window, and is written out line
 * by line: its address and its bytes. What lies outside of all windows is passed by;
 * where a window begins is for the reader to know, since one mark ends a window
 * and opens the next.
 *
 * Translated blocks report when they are entered; one that holds a mark does so
 * instruction by instruction.
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
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

/* One that is longer lies between two rows. */
#define MAX_WINDOW	65536

struct insn {
	uint64_t address;
	unsigned char size, bytes[15];
};

struct block {
	unsigned int count;
	struct insn insns[];
};

static const struct insn *window[MAX_WINDOW];
static unsigned int length;
static FILE *out;

static void on_block(unsigned int vcpu, void *data)
{
	const struct block *b = data;

	(void)vcpu;
	for (unsigned int i = 0; i < b->count && length < MAX_WINDOW; i++)
		window[length++] = &b->insns[i];
}

static void on_insn(unsigned int vcpu, void *data)
{
	(void)vcpu;
	if (length < MAX_WINDOW)
		window[length++] = data;
}

static void on_mark(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	fprintf(out, "mark\n");
	for (unsigned int i = 0; length < MAX_WINDOW && i < length; i++) {
		fprintf(out, "%" PRIx64 " ", window[i]->address);
		for (unsigned int k = 0; k < window[i]->size; k++)
			fprintf(out, "%02x", window[i]->bytes[k]);
		fprintf(out, "\n");
	}
	length = 0;
}

static bool is_mark(const struct qemu_plugin_insn *insn)
{
	static const unsigned char mark[] = { 0x66, 0x87, 0xdb };

	return qemu_plugin_insn_size(insn) == sizeof(mark) &&
	       !memcmp(qemu_plugin_insn_data(insn), mark, sizeof(mark));
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);
	struct block *block = malloc(sizeof(*block) + count * sizeof(block->insns[0]));
	bool marked = false;

	(void)id;
	block->count = count;
	for (size_t i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		block->insns[i].address = qemu_plugin_insn_vaddr(insn);
		block->insns[i].size = qemu_plugin_insn_size(insn);
		memcpy(block->insns[i].bytes, qemu_plugin_insn_data(insn), block->insns[i].size);
		marked |= is_mark(insn);
	}
	if (!marked) {
		qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, 0, block);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (is_mark(insn))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, 0, NULL);
		else
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_insn, 0, &block->insns[i]);
	}
}

static void at_end(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	fclose(out);
}

/* One argument: out=FILE. */
__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "window: wants out=FILE\n");
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
