// SPDX-License-Identifier: GPL-2.0
/*
 * What a vCPU is: its features, the state in which a kernel wants to be entered,
 * and a copy of the state after creation, which a reset goes back to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "boot/boot.h"
#include "cpu_state.h"
#include "machine.h"

#define CR0_PE		(1u << 0)
#define CR0_ET		(1u << 4)
#define CR0_NE		(1u << 5)
#define CR0_WP		(1u << 16)
#define CR0_PG		(1u << 31)
#define CR4_PAE		(1u << 5)
#define EFER_LME	(1u << 8)
#define EFER_LMA	(1u << 10)
#define TABLE		0x3ull		/* present, writable */
#define LARGE		0x83ull

#define MSR_TSC		0x10
#define MSR_TSC_ADJUST	0x3b
#define MSR_MISC_ENABLE	0x1a0
#define MISC_FAST_STRING 1
#define MSR_MTRR_TYPE	0x2ff
#define MTRR_WRITE_BACK	0x806		/* enabled, and everything is write-back */

#define MAX_MSRS	512

struct cpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_fpu fpu;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debug;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp;
	struct kvm_lapic_state lapic;
	unsigned int n_msrs;
	struct kvm_msr_entry msrs[MAX_MSRS];
};

struct controller_state {
	struct kvm_irqchip chips[3];
	struct kvm_pit_state2 pit;
};

/* --- The state at a kernel's entry ---------------------------------------------------- */

/* The first 4 GiB, one to one, in pages of 2 MiB. */
static int write_tables(struct vm *vm)
{
	static uint64_t tables[6][512];
	uint64_t i;

	tables[0][0] = (BOOT_TABLES + 0x1000) | TABLE;
	for (i = 0; i < 4; i++)
		tables[1][i] = (BOOT_TABLES + 0x2000 + i * 0x1000) | TABLE;
	for (i = 0; i < 4 * 512; i++)
		tables[2 + i / 512][i % 512] = (i << 21) | LARGE;
	return vm_write(vm, BOOT_TABLES, tables, sizeof(tables));
}

/* Selectors as Linux wants them: 0x10 code, 0x18 data. */
static int write_gdt(struct vm *vm, bool long_mode)
{
	uint64_t gdt[5] = { 0, 0, long_mode ? 0x00af9b000000ffff : 0x00cf9b000000ffff, 0x00cf93000000ffff,
			    0x00008b0000000067 };

	return vm_write(vm, BOOT_GDT, gdt, sizeof(gdt));
}

static int set_msr(struct cpu *cpu, uint32_t index, uint64_t value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head.nmsrs = 1, .entry = { .index = index, .data = value } };

	return machine_call(cpu->vcpu.fd, KVM_SET_MSRS, &msrs);
}

int cpu_set_entry(struct cpu *cpu, const struct boot_entry *entry)
{
	struct vm *vm = &cpu->machine->vm;
	struct kvm_segment code = { .selector = 0x10, .type = 11, .present = 1, .s = 1, .g = 1,
				    .l = entry->long_mode, .db = !entry->long_mode, .limit = 0xffffffff };
	struct kvm_segment data = { .selector = 0x18, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1,
				    .limit = 0xffffffff };
	struct kvm_segment task = { .selector = 0x20, .type = 11, .present = 1, .limit = 0x67 };
	struct kvm_regs regs = { .rip = entry->rip, .rax = entry->rax, .rbx = entry->rbx,
				 .rsi = entry->rsi, .rflags = 2 };
	struct kvm_sregs sregs;
	int err = machine_call(cpu->vcpu.fd, KVM_GET_SREGS, &sregs);

	if (!err)
		err = write_gdt(vm, entry->long_mode);
	if (!err && entry->long_mode)
		err = write_tables(vm);
	if (err)
		return err;
	sregs.gdt.base = BOOT_GDT;
	sregs.gdt.limit = 5 * 8 - 1;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.tr = task;
	sregs.cr0 = CR0_PE | CR0_ET | CR0_NE;
	if (entry->long_mode) {
		sregs.cr0 |= CR0_WP | CR0_PG;
		sregs.cr3 = BOOT_TABLES;
		sregs.cr4 = CR4_PAE;
		sregs.efer = EFER_LME | EFER_LMA;
	}
	err = machine_call(cpu->vcpu.fd, KVM_SET_SREGS, &sregs);
	return err ? err : machine_call(cpu->vcpu.fd, KVM_SET_REGS, &regs);
}

/* --- The state after creation --------------------------------------------------------- */

/* What firmware would have set up; where the module does not know them, nothing is lost. */
static void set_firmware_msrs(struct cpu *cpu)
{
	set_msr(cpu, MSR_MISC_ENABLE, MISC_FAST_STRING);
	set_msr(cpu, MSR_MTRR_TYPE, MTRR_WRITE_BACK);
}

/* One at a time: which of the list cannot be read or written back is not known before. */
static int save_msrs(struct cpu *cpu)
{
	struct {
		struct kvm_msr_list head;
		uint32_t indices[MAX_MSRS];
	} *list = calloc(1, sizeof(*list));
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} one;
	struct cpu_state *s = cpu->initial;
	unsigned int i;
	int err;

	if (!list)
		return -ENOMEM;
	list->head.nmsrs = MAX_MSRS;
	err = machine_call(cpu->machine->device, KVM_GET_MSR_INDEX_LIST, list);
	for (i = 0; !err && i < list->head.nmsrs; i++) {
		one.head = (struct kvm_msrs) { .nmsrs = 1 };
		one.entry = (struct kvm_msr_entry) { .index = list->indices[i] };
		/* Time goes on across a reset. */
		if (one.entry.index == MSR_TSC || one.entry.index == MSR_TSC_ADJUST)
			continue;
		if (machine_call(cpu->vcpu.fd, KVM_GET_MSRS, &one) == 1)
			s->msrs[s->n_msrs++] = one.entry;
	}
	free(list);
	return err;
}

struct part {
	unsigned long get, set;
	size_t offset;
	int cap;		/* 0: always there */
};

#define PART(name, member, c)	{ KVM_GET_##name, KVM_SET_##name, offsetof(struct cpu_state, member), c }

/* In the order in which they are put back. */
static const struct part parts[] = {
	PART(SREGS, sregs, 0),
	PART(REGS, regs, 0),
	PART(FPU, fpu, 0),
	PART(XCRS, xcrs, KVM_CAP_XCRS),
	PART(DEBUGREGS, debug, KVM_CAP_DEBUGREGS),
	PART(LAPIC, lapic, 0),
	PART(VCPU_EVENTS, events, KVM_CAP_VCPU_EVENTS),
	PART(MP_STATE, mp, KVM_CAP_MP_STATE),
};

#define N_PARTS	(sizeof(parts) / sizeof(parts[0]))

int cpu_save(struct cpu *cpu)
{
	unsigned int i;
	int err = 0;

	set_firmware_msrs(cpu);
	cpu->initial = calloc(1, sizeof(*cpu->initial));
	if (!cpu->initial)
		return -ENOMEM;
	for (i = 0; i < N_PARTS && !err; i++) {
		if (!parts[i].cap || machine_has(cpu->machine, parts[i].cap))
			err = machine_call(cpu->vcpu.fd, parts[i].get, (char *)cpu->initial + parts[i].offset);
	}
	return err ? err : save_msrs(cpu);
}

int cpu_restore(struct cpu *cpu)
{
	struct cpu_state *s = cpu->initial;
	unsigned int i;
	int err = 0;

	for (i = 0; i < N_PARTS && !err; i++) {
		if (!parts[i].cap || machine_has(cpu->machine, parts[i].cap))
			err = machine_call(cpu->vcpu.fd, parts[i].set, (char *)s + parts[i].offset);
	}
	for (i = 0; i < s->n_msrs && !err; i++)
		set_msr(cpu, s->msrs[i].index, s->msrs[i].data);
	return err;
}

int controllers_save(struct machine *m)
{
	struct controller_state *s = calloc(1, sizeof(*s));
	unsigned int i;
	int err = 0;

	if (!s)
		return -ENOMEM;
	m->controllers = s;
	for (i = 0; i < 3 && !err; i++) {
		s->chips[i].chip_id = i;
		err = machine_call(m->fd, KVM_GET_IRQCHIP, &s->chips[i]);
	}
	return err ? err : machine_call(m->fd, KVM_GET_PIT2, &s->pit);
}

int controllers_restore(struct machine *m)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < 3 && !err; i++)
		err = machine_call(m->fd, KVM_SET_IRQCHIP, &m->controllers->chips[i]);
	return err ? err : machine_call(m->fd, KVM_SET_PIT2, &m->controllers->pit);
}
