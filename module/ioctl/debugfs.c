// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/bellows: what developers and tests look at.
 *
 *   audit   recomputes every count and every translation; a line per subject,
 *           "ok memory", "ok mmu vm 3", or the errors found and "error ...".
 *           Costs what it costs.
 *   vms     a line per VM, an indented one per vCPU: exits by reason.
 *   stats   the same summed up over the VMs that exist: a name and a number a line.
 *
 * Counters of running vCPUs are read without their lock: each is one word,
 * and a number that is about to change is as good as the next.
 */
#include <linux/debugfs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include "ioctl/debugfs.h"
#include "memory/memory.h"
#include "run/vm_life.h"
#include "vm/vcpu.h"
#include "vm/vm.h"

static struct dentry *dir;

static void debugfs_verdict(struct seq_file *m, unsigned int errors, const char *what)
{
	if (errors)
		seq_printf(m, "error %s: %u found\n", what, errors);
	else
		seq_printf(m, "ok %s\n", what);
}

static int debugfs_audit_show(struct seq_file *m, void *unused)
{
	struct bellows_vm *vm;
	char what[32];

	debugfs_verdict(m, bellows_memory_audit(m), "memory");

	guard(mutex)(&bellows_vms_lock);
	list_for_each_entry(vm, &bellows_vms, link) {
		snprintf(what, sizeof(what), "mmu vm %u", vm->id);
		debugfs_verdict(m, bellows_mmu_audit(&vm->mmu, m), what);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(debugfs_audit);

#define REASON_NAME(name) #name,
static const char *const reason_names[] = { EXIT_REASONS(REASON_NAME) };

static u64 debugfs_all_exits(const struct bellows_vcpu_stats *stats)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < EXIT_NR; i++)
		sum += stats->reason[i];
	return sum;
}

static void debugfs_show_vcpu(struct seq_file *m, const struct bellows_vcpu *vcpu)
{
	unsigned int i;

	lockdep_assert_held(&bellows_vms_lock);
	seq_printf(m, "  vcpu %u: exits %llu host_irq %llu emulated %llu", vcpu->id,
		   debugfs_all_exits(&vcpu->stats), vcpu->stats.host_irq, vcpu->stats.emulated);
	for (i = 0; i < EXIT_NR; i++) {
		if (vcpu->stats.reason[i])
			seq_printf(m, " %s %llu", reason_names[i], vcpu->stats.reason[i]);
	}
	seq_putc(m, '\n');
}

static int debugfs_vms_show(struct seq_file *m, void *unused)
{
	struct bellows_vm *vm;
	unsigned int i;

	guard(mutex)(&bellows_vms_lock);
	list_for_each_entry(vm, &bellows_vms, link) {
		/* Pairs with the release in vCPU creation. */
		unsigned int n = smp_load_acquire(&vm->nvcpus);

		seq_printf(m, "vm %u: vcpus %u table_pages %ld%s\n", vm->id, n,
			   bellows_mmu_table_pages(&vm->mmu),
			   bellows_vm_is_dead(vm) ? " dead" : "");
		for (i = 0; i < n; i++)
			debugfs_show_vcpu(m, vm->vcpus[i]);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(debugfs_vms);

struct totals {
	unsigned long vms, vcpus;
	struct bellows_vcpu_stats stats;
};

static void debugfs_add_vm(struct totals *t, const struct bellows_vm *vm)
{
	unsigned int i, j, n = smp_load_acquire(&vm->nvcpus);

	lockdep_assert_held(&bellows_vms_lock);
	t->vms++;
	t->vcpus += n;
	for (i = 0; i < n; i++) {
		const struct bellows_vcpu_stats *stats = &vm->vcpus[i]->stats;

		t->stats.host_irq += stats->host_irq;
		t->stats.emulated += stats->emulated;
		for (j = 0; j < EXIT_NR; j++)
			t->stats.reason[j] += stats->reason[j];
	}
}

static int debugfs_stats_show(struct seq_file *m, void *unused)
{
	struct totals t = { };
	struct bellows_vm *vm;
	unsigned int i;

	mutex_lock(&bellows_vms_lock);
	list_for_each_entry(vm, &bellows_vms, link)
		debugfs_add_vm(&t, vm);
	mutex_unlock(&bellows_vms_lock);

	seq_printf(m, "vms %lu\nvcpus %lu\nexits %llu\nhost_irq %llu\nemulated %llu\n", t.vms, t.vcpus,
		   debugfs_all_exits(&t.stats), t.stats.host_irq, t.stats.emulated);
	for (i = 0; i < EXIT_NR; i++)
		seq_printf(m, "exit_%s %llu\n", reason_names[i], t.stats.reason[i]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(debugfs_stats);

void bellows_debugfs_init(void)
{
	dir = debugfs_create_dir("bellows", NULL);
	debugfs_create_file("audit", 0400, dir, NULL, &debugfs_audit_fops);
	debugfs_create_file("vms", 0400, dir, NULL, &debugfs_vms_fops);
	debugfs_create_file("stats", 0400, dir, NULL, &debugfs_stats_fops);
}

void bellows_debugfs_exit(void)
{
	debugfs_remove(dir);
}
