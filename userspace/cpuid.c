// SPDX-License-Identifier: GPL-2.0
/*
 * The features of a vCPU: all that the host offers to guests, and a topology of our
 * own: one package of single-threaded cores that share the last cache. What tells
 * CPUs apart, their APIC number, is filled in for each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cpuid.h"
#include "machine.h"

#define MAX_LEAVES	256
#define HTT		(1u << 28)	/* leaf 1 EDX */
#define HYPERVISOR	(1u << 31)	/* leaf 1 ECX */
#define TSC_DEADLINE	(1u << 24)
#define CMP_LEGACY	(1u << 1)	/* leaf 0x80000001 ECX */
#define TOPOLOGY	0xb
#define TOPOLOGY_V2	0x1f

struct leaves {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[MAX_LEAVES];
};

struct topology {
	unsigned int id, count, bits;	/* of the APIC number that tell cores apart */
	bool deadline;
};

static struct kvm_cpuid_entry2 *find(struct leaves *l, uint32_t function)
{
	unsigned int i;

	for (i = 0; i < l->head.nent; i++) {
		if (l->entries[i].function == function)
			return &l->entries[i];
	}
	return NULL;
}

static void drop(struct leaves *l, uint32_t function)
{
	struct kvm_cpuid_entry2 *e;

	while ((e = find(l, function)))
		*e = l->entries[--l->head.nent];
}

/* Of the caches only the last, of level 3, is shared. */
static void set_cache(struct kvm_cpuid_entry2 *e, const struct topology *t, bool cores)
{
	unsigned int all = (1u << t->bits) - 1, level = e->eax >> 5 & 7;

	if (!(e->eax & 0x1f))
		return;
	e->eax &= cores ? 0x3fff : 0xfc003fff;
	e->eax |= (level == 3 ? all : 0) << 14;
	if (cores)
		e->eax |= (all > 63 ? 63 : all) << 26;
}

static void set_leaf(struct kvm_cpuid_entry2 *e, const struct topology *t)
{
	switch (e->function) {
	case 1:
		e->ebx = (e->ebx & 0xffff) | t->id << 24 | (1u << t->bits) << 16;
		e->ecx |= HYPERVISOR;
		e->ecx = t->deadline ? e->ecx | TSC_DEADLINE : e->ecx & ~TSC_DEADLINE;
		e->edx = t->count > 1 ? e->edx | HTT : e->edx & ~HTT;
		break;
	case 4:
		set_cache(e, t, true);
		break;
	case 0x80000001:
		e->ecx = t->count > 1 ? e->ecx | CMP_LEGACY : e->ecx & ~CMP_LEGACY;
		break;
	case 0x80000008:
		e->ecx = (e->ecx & 0xffff0f00) | t->bits << 12 | (t->count - 1);
		break;
	case 0x8000001d:
		set_cache(e, t, false);
		break;
	case 0x8000001e:
		e->eax = t->id;
		e->ebx = (e->ebx & 0xffff0000) | t->id;
		e->ecx = 0;
		break;
	}
}

static void add(struct leaves *l, uint32_t index, const struct topology *t, uint32_t eax, uint32_t ebx,
		uint32_t ecx)
{
	if (l->head.nent < MAX_LEAVES)
		l->entries[l->head.nent++] = (struct kvm_cpuid_entry2) {
			.function = TOPOLOGY, .index = index, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			.eax = eax, .ebx = ebx, .ecx = ecx | index, .edx = t->id,
		};
}

static void set_topology(struct leaves *l, const struct topology *t)
{
	const struct kvm_cpuid_entry2 *first = find(l, 0);
	uint32_t highest = first ? first->eax : 0;
	unsigned int i;

	for (i = 0; i < l->head.nent; i++)
		set_leaf(&l->entries[i], t);
	drop(l, TOPOLOGY);
	drop(l, TOPOLOGY_V2);
	if (highest < TOPOLOGY)
		return;
	add(l, 0, t, 0, 1, 1 << 8);
	add(l, 1, t, t->bits, t->count, 2 << 8);
	add(l, 2, t, 0, 0, 0);
}

int cpu_set_cpuid(struct cpu *cpu)
{
	struct machine *m = cpu->machine;
	struct topology t = { .id = cpu->id, .count = m->config.cpus,
			      .deadline = m->config.controllers && machine_has(m, KVM_CAP_TSC_DEADLINE_TIMER) };
	struct leaves *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	while (1u << t.bits < t.count)
		t.bits++;
	l->head.nent = MAX_LEAVES;
	err = machine_call(m->device, KVM_GET_SUPPORTED_CPUID, l);
	if (!err) {
		set_topology(l, &t);
		err = machine_call(cpu->vcpu.fd, KVM_SET_CPUID2, l);
	}
	free(l);
	return err;
}
