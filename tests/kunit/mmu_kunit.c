// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit: nested tables over real memory objects, without hardware. A test
 * plays the backend, so it sees the flushes, and the processor, so it reads
 * entries and frames itself. Every test ends with the audit.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include "closed.h"
#include "memory/frame.h"
#include "memory/lookup.h"
#include "mmu/mapper.h"
#include "mmu/slots.h"
#include "uapi/bellows.h"

#define MIB	(1ULL << 20)

struct vm {
	struct bellows_mmu mmu;
	struct bellows_memory *memory;
	atomic_t flushes;
};

static void count_flush(struct bellows_mmu *mmu)
{
	atomic_inc(&container_of(mmu, struct vm, mmu)->flushes);
}

static const struct bellows_mmu_ops fake_backend = { .flush_tlb = count_flush };

/* The formats a test runs with, one after the other. */
static const struct bellows_pt_format *const formats[] = {
	&bellows_ept_format, &bellows_ept_noad_format, &bellows_npt_format, &bellows_npt5_format,
};

static void format_name(const struct bellows_pt_format *const *format, char *name)
{
	strscpy(name, (*format)->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(format, formats, format_name);

static struct vm *make_vm(struct kunit *test, u64 size, u64 flags)
{
	const struct bellows_pt_format *const *format = test->param_value;
	const struct bellows_memory_create args = { .size = size, .flags = flags };
	struct vm *vm = kunit_kzalloc(test, sizeof(*vm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vm);
	vm->memory = bellows_memory_new(&args);
	KUNIT_ASSERT_FALSE(test, IS_ERR(vm->memory));
	KUNIT_ASSERT_EQ(test, 0, bellows_mmu_init(&vm->mmu, format ? *format : &bellows_ept_format,
						  &fake_backend));
	/* The same on every machine. */
	vm->mmu.pt.nx_large = false;
	test->priv = vm;
	return vm;
}

/* The number of errors, which are printed. */
static unsigned int audit(struct vm *vm)
{
	struct seq_file m = { .size = PAGE_SIZE };
	unsigned int errors;

	m.buf = kzalloc(m.size, GFP_KERNEL);
	errors = bellows_mmu_audit(&vm->mmu, m.buf ? &m : NULL);
	if (errors && m.buf)
		pr_info("%.*s", (int)min(m.count, m.size - 1), m.buf);
	kfree(m.buf);
	return errors;
}

static void end_vm(struct kunit *test)
{
	struct vm *vm = test->priv;

	if (!vm)
		return;
	KUNIT_EXPECT_EQ(test, 0, audit(vm));
	KUNIT_EXPECT_EQ(test, 0, bellows_memory_audit(NULL));
	bellows_mmu_destroy(&vm->mmu);
	bellows_memory_put(vm->memory);
	test->priv = NULL;
}

static int set_slot(struct vm *vm, u32 id, u32 flags, u64 gpa, u64 size, u64 offset)
{
	const struct kvm_userspace_memory_region region = {
		.slot = id, .flags = flags, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = 0x10000000 + offset,
	};

	return bellows_mmu_set_slot_object(&vm->mmu, &region, vm->memory, to_opn(offset >> PAGE_SHIFT));
}

static u64 leaf(struct vm *vm, u64 gpa, unsigned int *level)
{
	return pt_lookup(&vm->mmu.pt, gpa >> PAGE_SHIFT, level);
}

static bool mapped(struct vm *vm, u64 gpa)
{
	unsigned int level;

	return leaf(vm, gpa, &level);
}

static bool mapped_writable(struct vm *vm, u64 gpa)
{
	unsigned int level;

	return leaf(vm, gpa, &level) & vm->mmu.format->write;
}

/* The byte that the guest's processor would see. */
static u8 *guest_byte(struct vm *vm, u64 gpa)
{
	unsigned int level;
	u64 pte = leaf(vm, gpa, &level);

	return __va(pt_address(&vm->mmu.pt, pte)) +
	       (gpa & ((pt_span(level) << PAGE_SHIFT) - 1));
}

static void test_slot_errors(struct kunit *test)
{
	struct vm *vm = make_vm(test, 8 * MIB, 0);
	u64 top = 1ULL << vm->mmu.maxphyaddr;

	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 0, 0, 0, 0, 0));
	KUNIT_EXPECT_EQ(test, 0, set_slot(vm, 0, 0, 0, 2 * MIB, 0));
	KUNIT_EXPECT_EQ(test, 0, set_slot(vm, 0, 0, 0, 2 * MIB, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 0, 0, 0, 1 * MIB, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 0, 0, 0, 2 * MIB, 2 * MIB));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 0, KVM_MEM_READONLY, 0, 2 * MIB, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 1, KVM_MEM_LOG_DIRTY_PAGES, 4 * MIB, MIB, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 1, 1 << 31, 4 * MIB, MIB, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 1, 0, 4 * MIB + 1, MIB, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 1, 0, 4 * MIB, MIB + 1, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 1, 0, 4 * MIB, MIB, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, BELLOWS_MAX_SLOTS, 0, 4 * MIB, MIB, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 1 << 16, 0, 4 * MIB, MIB, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 1, 0, -MIB, 2 * MIB, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 1, 0, 4 * MIB, 1ULL << 43, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 1, 0, top - MIB, 2 * MIB, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 1, 0, 4 * MIB, 2 * MIB, 7 * MIB));
	KUNIT_EXPECT_EQ(test, -EEXIST, set_slot(vm, 1, 0, 0, MIB, 0));
	KUNIT_EXPECT_EQ(test, -EEXIST, set_slot(vm, 1, 0, 2 * MIB - 4096, MIB, 0));
	KUNIT_EXPECT_EQ(test, 0, set_slot(vm, 1, 0, 2 * MIB, MIB, 2 * MIB));
	KUNIT_EXPECT_EQ(test, -EEXIST, set_slot(vm, 1, 0, MIB, MIB, 2 * MIB));
	KUNIT_EXPECT_EQ(test, 0, set_slot(vm, BELLOWS_MAX_SLOTS - 1, 0, top - MIB, MIB, 0));
	KUNIT_EXPECT_EQ(test, 0, set_slot(vm, 0, 0, 0, 0, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_slot(vm, 0, 0, 0, 0, 0));
	end_vm(test);
}

static void test_fault(struct kunit *test)
{
	struct vm *vm = make_vm(test, 4 * MIB, BELLOWS_MEMORY_SMALL_PAGES);
	struct bellows_mmu *mmu = &vm->mmu;
	char text[8] = {};

	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 0, 0, 16 * MIB, 4 * MIB, 0));
	KUNIT_EXPECT_EQ(test, BELLOWS_FAULT_MMIO, bellows_mmu_fault(mmu, 16 * MIB - 1, ACCESS_READ));
	KUNIT_EXPECT_EQ(test, BELLOWS_FAULT_MMIO, bellows_mmu_fault(mmu, 20 * MIB, ACCESS_READ));
	KUNIT_EXPECT_FALSE(test, mapped(vm, 16 * MIB));

	/* A read maps zeros, which nobody may write. */
	KUNIT_ASSERT_EQ(test, BELLOWS_FAULT_DONE, bellows_mmu_fault(mmu, 17 * MIB, ACCESS_READ));
	KUNIT_ASSERT_TRUE(test, mapped(vm, 17 * MIB));
	KUNIT_EXPECT_FALSE(test, mapped_writable(vm, 17 * MIB));
	KUNIT_EXPECT_EQ(test, 0, *guest_byte(vm, 17 * MIB));
	KUNIT_EXPECT_EQ(test, 0, audit(vm));

	/* The write gets a frame. */
	KUNIT_ASSERT_EQ(test, BELLOWS_FAULT_DONE, bellows_mmu_fault(mmu, 17 * MIB, ACCESS_WRITE));
	KUNIT_ASSERT_TRUE(test, mapped_writable(vm, 17 * MIB));
	KUNIT_EXPECT_EQ(test, BELLOWS_FAULT_DONE, bellows_mmu_fault(mmu, 17 * MIB, ACCESS_WRITE));
	*guest_byte(vm, 17 * MIB + 5) = 'x';

	/* What one way writes the other reads. */
	KUNIT_EXPECT_EQ(test, 0, bellows_gpa_read(mmu, 17 * MIB + 5, text, 1));
	KUNIT_EXPECT_EQ(test, 'x', text[0]);
	KUNIT_EXPECT_EQ(test, 0, bellows_gpa_write(mmu, 17 * MIB + 6, "y", 1));
	KUNIT_EXPECT_EQ(test, 'y', *guest_byte(vm, 17 * MIB + 6));
	KUNIT_EXPECT_EQ(test, 0, bellows_memory_read(vm->memory, MIB + 5, text, 2));
	KUNIT_EXPECT_STREQ(test, "xy", text);
	end_vm(test);
}

static void test_access(struct kunit *test)
{
	struct vm *vm = make_vm(test, 4 * MIB, 0);
	struct bellows_mmu *mmu = &vm->mmu;
	u32 old = 0, new = 7;
	char text[16] = {};

	/* Two slots that meet, their pages in the other order; a third that is read-only. */
	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 0, 0, 0, MIB, MIB));
	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 1, 0, MIB, MIB, 0));
	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 2, KVM_MEM_READONLY, 2 * MIB, MIB, 2 * MIB));
	KUNIT_EXPECT_EQ(test, 0, bellows_gpa_write(mmu, MIB - 4, "over the", 8));
	KUNIT_EXPECT_EQ(test, 0, bellows_gpa_read(mmu, MIB - 4, text, 8));
	KUNIT_EXPECT_STREQ(test, "over the", text);
	KUNIT_EXPECT_EQ(test, 0, bellows_memory_read(vm->memory, 0, text, 4));
	KUNIT_EXPECT_EQ(test, 0, memcmp(text, " the", 4));

	/* What is partly not there, or not to be written, is refused whole. */
	KUNIT_EXPECT_EQ(test, -EFAULT, bellows_gpa_write(mmu, 2 * MIB - 4, "ABCDEFGH", 8));
	KUNIT_EXPECT_EQ(test, 0, bellows_gpa_read(mmu, 2 * MIB - 4, text, 8));
	KUNIT_EXPECT_EQ(test, 0, text[0]);
	KUNIT_EXPECT_EQ(test, -EFAULT, bellows_gpa_read(mmu, 3 * MIB - 4, text, 8));
	KUNIT_EXPECT_EQ(test, -EFAULT, bellows_gpa_read(mmu, -4ULL, text, 8));
	KUNIT_EXPECT_EQ(test, BELLOWS_FAULT_READONLY, bellows_gpa_probe(mmu, 2 * MIB, ACCESS_WRITE));
	KUNIT_EXPECT_EQ(test, BELLOWS_FAULT_DONE, bellows_gpa_probe(mmu, 2 * MIB, ACCESS_READ));
	KUNIT_EXPECT_EQ(test, BELLOWS_FAULT_MMIO, bellows_gpa_probe(mmu, 3 * MIB, ACCESS_READ));

	KUNIT_EXPECT_EQ(test, 0, bellows_gpa_cmpxchg(mmu, 64, &old, &new, 4));
	KUNIT_EXPECT_EQ(test, 1, bellows_gpa_cmpxchg(mmu, 64, &old, &new, 4));
	KUNIT_EXPECT_EQ(test, 7, old);
	KUNIT_EXPECT_EQ(test, -EFAULT, bellows_gpa_cmpxchg(mmu, 2 * MIB, &old, &new, 4));
	end_vm(test);
}

static void test_readonly_slot(struct kunit *test)
{
	struct vm *vm = make_vm(test, 2 * MIB, 0);
	struct bellows_mmu *mmu = &vm->mmu;

	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 0, KVM_MEM_READONLY, 0, 2 * MIB, 0));
	KUNIT_ASSERT_EQ(test, 0, bellows_memory_write(vm->memory, 0, "rom", 4));
	KUNIT_EXPECT_EQ(test, BELLOWS_FAULT_READONLY, bellows_mmu_fault(mmu, 0, ACCESS_WRITE));
	KUNIT_EXPECT_FALSE(test, mapped(vm, 0));
	KUNIT_ASSERT_EQ(test, BELLOWS_FAULT_DONE, bellows_mmu_fault(mmu, 0, ACCESS_EXEC));
	KUNIT_ASSERT_TRUE(test, mapped(vm, 0));
	KUNIT_EXPECT_FALSE(test, mapped_writable(vm, 0));
	KUNIT_EXPECT_STREQ(test, "rom", (char *)guest_byte(vm, 0));
	end_vm(test);
}

static unsigned int fault_level(struct kunit *test, struct vm *vm, u64 gpa, u32 access)
{
	unsigned int level = 0;

	KUNIT_EXPECT_EQ(test, BELLOWS_FAULT_DONE, bellows_mmu_fault(&vm->mmu, gpa, access));
	leaf(vm, gpa, &level);
	return level;
}

static bool object_has_large(struct vm *vm)
{
	struct bellows_frame frame;
	bool large;

	if (bellows_memory_lookup(vm->memory, to_opn(0), BELLOWS_INTENT_WRITE, &frame))
		return false;
	large = frame.large;
	bellows_memory_release(&frame);
	return large;
}

static void test_large(struct kunit *test)
{
	struct vm *vm = make_vm(test, 4 * MIB, 0);
	struct bellows_mmu *mmu = &vm->mmu;
	unsigned int level;

	if (!object_has_large(vm)) {
		end_vm(test);
		kunit_skip(test, "no 2 MiB frame to be had");
	}
	/* Congruent and covered; congruent, not covered; covered, not congruent. */
	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 0, 0, 8 * MIB, 2 * MIB, 0));
	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 1, 0, 16 * MIB, MIB, 0));
	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 2, 0, 24 * MIB + 4096, 4 * MIB, 0));
	KUNIT_EXPECT_EQ(test, 2, fault_level(test, vm, 8 * MIB + 12345, ACCESS_WRITE));
	KUNIT_EXPECT_EQ(test, 1, fault_level(test, vm, 16 * MIB, ACCESS_WRITE));
	KUNIT_EXPECT_EQ(test, 1, fault_level(test, vm, 26 * MIB + 4096, ACCESS_WRITE));
	*guest_byte(vm, 8 * MIB + 12345) = 'q';
	KUNIT_EXPECT_EQ(test, 1, fault_level(test, vm, 24 * MIB + 4096 + 12345, ACCESS_READ));
	KUNIT_EXPECT_EQ(test, 'q', *guest_byte(vm, 24 * MIB + 4096 + 12345));
	KUNIT_EXPECT_EQ(test, 0, audit(vm));

	/* Executing splits it where the processor must not see large executable leaves. */
	mmu->pt.nx_large = true;
	KUNIT_EXPECT_EQ(test, 0, memory_invalidate(vm->memory, to_opn(0), 512));
	KUNIT_EXPECT_EQ(test, 2, fault_level(test, vm, 8 * MIB, ACCESS_WRITE));
	KUNIT_EXPECT_EQ(test, 0, audit(vm));
	KUNIT_EXPECT_EQ(test, 1, fault_level(test, vm, 8 * MIB, ACCESS_EXEC));
	KUNIT_EXPECT_TRUE(test, leaf(vm, 9 * MIB, &level));
	KUNIT_EXPECT_EQ(test, 1, level);
	KUNIT_EXPECT_EQ(test, 'q', *guest_byte(vm, 8 * MIB + 12345));
	end_vm(test);
}

/* One page leaves a large leaf: the others stay, and the object's frame too. */
static void test_split(struct kunit *test)
{
	struct vm *vm = make_vm(test, 2 * MIB, 0);

	if (!object_has_large(vm)) {
		end_vm(test);
		kunit_skip(test, "no 2 MiB frame to be had");
	}
	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 0, 0, 0, 2 * MIB, 0));
	KUNIT_ASSERT_EQ(test, 2, fault_level(test, vm, 0, ACCESS_WRITE));
	*guest_byte(vm, 0x5000) = 5;
	*guest_byte(vm, 0x6000) = 6;
	KUNIT_ASSERT_EQ(test, 0, memory_discard(vm->memory, to_opn(5), 1));
	KUNIT_EXPECT_FALSE(test, mapped(vm, 0x5000));
	KUNIT_EXPECT_EQ(test, 0, audit(vm));
	KUNIT_EXPECT_EQ(test, 1, fault_level(test, vm, 0x6000, ACCESS_READ));
	KUNIT_EXPECT_EQ(test, 1, fault_level(test, vm, 0x5000, ACCESS_READ));
	KUNIT_EXPECT_EQ(test, 6, *guest_byte(vm, 0x6000));
	KUNIT_EXPECT_EQ(test, 0, *guest_byte(vm, 0x5000));
	end_vm(test);
}

static void test_zap_and_alias(struct kunit *test)
{
	struct vm *vm = make_vm(test, 4 * MIB, 0);
	int flushes;

	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 0, 0, 0, 4 * MIB, 0));
	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 1, 0, 64 * MIB, MIB, MIB));
	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 2, 0, 128 * MIB + 4096, 4 * MIB, 0));
	fault_level(test, vm, MIB, ACCESS_WRITE);
	fault_level(test, vm, 3 * MIB, ACCESS_WRITE);
	fault_level(test, vm, 64 * MIB, ACCESS_WRITE);
	fault_level(test, vm, 129 * MIB + 4096, ACCESS_READ);
	*guest_byte(vm, MIB) = 'a';
	KUNIT_EXPECT_EQ(test, 'a', *guest_byte(vm, 64 * MIB));
	KUNIT_EXPECT_EQ(test, 'a', *guest_byte(vm, 129 * MIB + 4096));

	/* Every alias goes, what is elsewhere stays, and the TLBs hear of it. */
	flushes = atomic_read(&vm->flushes);
	KUNIT_EXPECT_EQ(test, 0, memory_invalidate(vm->memory, to_opn(256), 1));
	KUNIT_EXPECT_GT(test, atomic_read(&vm->flushes), flushes);
	KUNIT_EXPECT_FALSE(test, mapped(vm, MIB));
	KUNIT_EXPECT_FALSE(test, mapped(vm, 64 * MIB));
	KUNIT_EXPECT_FALSE(test, mapped(vm, 129 * MIB + 4096));
	KUNIT_EXPECT_TRUE(test, mapped(vm, 3 * MIB));

	fault_level(test, vm, 64 * MIB, ACCESS_READ);
	KUNIT_EXPECT_EQ(test, 'a', *guest_byte(vm, 64 * MIB));
	KUNIT_EXPECT_EQ(test, 0, audit(vm));

	KUNIT_EXPECT_EQ(test, 0, memory_discard(vm->memory, to_opn(0), 1024));
	KUNIT_EXPECT_FALSE(test, mapped(vm, 64 * MIB));
	KUNIT_EXPECT_FALSE(test, mapped(vm, 3 * MIB));
	fault_level(test, vm, 64 * MIB, ACCESS_READ);
	KUNIT_EXPECT_EQ(test, 0, *guest_byte(vm, 64 * MIB));
	end_vm(test);
}

/* A whole block that goes takes its table along, and can come back large. */
static void test_block_zap(struct kunit *test)
{
	struct vm *vm = make_vm(test, 2 * MIB, 0);
	bool large;
	long tables;

	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 0, 0, 0, 2 * MIB, 0));
	tables = bellows_mmu_table_pages(&vm->mmu);
	KUNIT_EXPECT_EQ(test, 1, fault_level(test, vm, 0, ACCESS_READ));
	KUNIT_EXPECT_EQ(test, vm->mmu.format->levels, bellows_mmu_table_pages(&vm->mmu));
	large = object_has_large(vm);
	KUNIT_EXPECT_EQ(test, large ? 2 : 1, fault_level(test, vm, 0, ACCESS_WRITE));
	KUNIT_EXPECT_EQ(test, 0, memory_discard(vm->memory, to_opn(0), 512));
	KUNIT_EXPECT_EQ(test, vm->mmu.format->levels - 1, bellows_mmu_table_pages(&vm->mmu));
	KUNIT_EXPECT_EQ(test, 0, vm->mmu.dead.head);

	/* While a thread walks, the table is out of the tree and not free. */
	KUNIT_EXPECT_EQ(test, 1, fault_level(test, vm, 0, ACCESS_READ));
	mapper_walk_begin(&vm->mmu);
	KUNIT_EXPECT_EQ(test, 0, memory_invalidate(vm->memory, to_opn(0), 512));
	KUNIT_EXPECT_EQ(test, vm->mmu.format->levels - 1, bellows_mmu_table_pages(&vm->mmu));
	KUNIT_EXPECT_NE(test, 0, vm->mmu.dead.head);
	mapper_walk_end(&vm->mmu);
	KUNIT_EXPECT_EQ(test, 0, set_slot(vm, 0, 0, 0, 0, 0));
	KUNIT_EXPECT_EQ(test, tables, bellows_mmu_table_pages(&vm->mmu));
	end_vm(test);
}

static void test_slot_leaves(struct kunit *test)
{
	struct vm *vm = make_vm(test, 4 * MIB, BELLOWS_MEMORY_SMALL_PAGES);
	struct bellows_mmu *mmu = &vm->mmu;
	long tables;

	/* Two slots in one 2 MiB range share tables. */
	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 0, 0, 4 * MIB, MIB, 0));
	fault_level(test, vm, 4 * MIB, ACCESS_WRITE);
	*guest_byte(vm, 4 * MIB) = 's';
	tables = bellows_mmu_table_pages(mmu);
	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 1, 0, 5 * MIB, MIB, MIB));
	fault_level(test, vm, 5 * MIB, ACCESS_WRITE);
	KUNIT_EXPECT_EQ(test, tables, bellows_mmu_table_pages(mmu));

	KUNIT_EXPECT_EQ(test, 0, set_slot(vm, 1, 0, 0, 0, 0));
	KUNIT_EXPECT_FALSE(test, mapped(vm, 5 * MIB));
	KUNIT_EXPECT_TRUE(test, mapped(vm, 4 * MIB));
	KUNIT_EXPECT_EQ(test, tables, bellows_mmu_table_pages(mmu));
	KUNIT_EXPECT_EQ(test, BELLOWS_FAULT_MMIO, bellows_mmu_fault(mmu, 5 * MIB, ACCESS_READ));

	/* Moved by half its size, onto itself. */
	KUNIT_EXPECT_EQ(test, 0, set_slot(vm, 0, 0, 4 * MIB + MIB / 2, MIB, 0));
	KUNIT_EXPECT_FALSE(test, mapped(vm, 4 * MIB));
	KUNIT_EXPECT_EQ(test, BELLOWS_FAULT_MMIO, bellows_mmu_fault(mmu, 4 * MIB, ACCESS_READ));
	fault_level(test, vm, 4 * MIB + MIB / 2, ACCESS_READ);
	KUNIT_EXPECT_EQ(test, 's', *guest_byte(vm, 4 * MIB + MIB / 2));

	KUNIT_EXPECT_EQ(test, 0, set_slot(vm, 0, 0, 0, 0, 0));
	KUNIT_EXPECT_EQ(test, 1, bellows_mmu_table_pages(mmu));
	end_vm(test);
}

/* An audit that finds nothing proves something only if it finds what is wrong. */
static void test_audit_finds(struct kunit *test)
{
	struct vm *vm = make_vm(test, 2 * MIB, BELLOWS_MEMORY_SMALL_PAGES);
	struct pt_found found = {};
	struct pt_tree *pt = &vm->mmu.pt;
	struct bellows_frame frame;

	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 0, 0, 0, MIB, 0));
	KUNIT_ASSERT_EQ(test, 0, bellows_memory_lookup(vm->memory, to_opn(1), BELLOWS_INTENT_WRITE, &frame));
	bellows_memory_release(&frame);

	/* Right, by hand; then another page's frame; then a page that is absent; then no slot. */
	pt_map(pt, 1, frame.mpn, 1, PT_WRITE | PT_EXEC, &found);
	KUNIT_EXPECT_EQ(test, 0, audit(vm));
	pt_map(pt, 1, to_mpn(frame.mpn.v ^ 1), 1, PT_EXEC, &found);
	KUNIT_EXPECT_EQ(test, 1, bellows_mmu_audit(&vm->mmu, NULL));
	pt_zap(pt, 1, 2, &found);
	pt_map(pt, 2, frame.mpn, 1, PT_WRITE | PT_EXEC, &found);
	KUNIT_EXPECT_EQ(test, 2, bellows_mmu_audit(&vm->mmu, NULL));
	pt_zap(pt, 2, 3, &found);
	pt_map(pt, 256, frame.mpn, 1, PT_EXEC, &found);
	KUNIT_EXPECT_EQ(test, 1, bellows_mmu_audit(&vm->mmu, NULL));
	pt_zap(pt, 256, 257, &found);
	pt_count(&pt->pages, 1);
	KUNIT_EXPECT_EQ(test, 1, bellows_mmu_audit(&vm->mmu, NULL));
	pt_count(&pt->pages, -1);
	end_vm(test);
}

/* Faults, zaps, changing slots and the audit, all at the same time. */
struct actor {
	struct vm *vm;
	struct task_struct *task;
	unsigned int nr;
	unsigned long rounds;
	int error;
};

static u32 next_random(u32 *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static int act_fault(void *argument)
{
	struct actor *a = argument;
	u32 state = a->nr, access;
	int ret;

	while (!kthread_should_stop()) {
		access = next_random(&state) % 2 ? ACCESS_WRITE : ACCESS_READ;
		ret = bellows_mmu_fault(&a->vm->mmu, (u64)(next_random(&state) % 4096) << PAGE_SHIFT, access);
		if (ret < 0 && ret != -ENOMEM)
			a->error = ret;
		a->rounds++;
		cond_resched();
	}
	return 0;
}

static int act_change(void *argument)
{
	struct actor *a = argument;
	struct vm *vm = a->vm;
	u32 state = a->nr, what, page;
	int ret;

	while (!kthread_should_stop()) {
		what = next_random(&state) % 8;
		page = next_random(&state) % 1024;
		if (what < 3)
			ret = memory_invalidate(vm->memory, to_opn(page), 1);
		else if (what < 5)
			ret = memory_discard(vm->memory, to_opn(page & ~511), 512);
		else if (what < 6)
			ret = memory_discard(vm->memory, to_opn(page), 1);
		else if (what < 7)
			ret = audit(vm);
		else
			ret = set_slot(vm, a->nr, 0, a->nr * 4 * MIB, 4 * MIB, 0) ?:
			      set_slot(vm, a->nr, 0, 0, 0, 0);
		if (ret && ret != -ENOMEM)
			a->error = ret;
		a->rounds++;
		cond_resched();
	}
	return 0;
}

static void test_together(struct kunit *test)
{
	int (*const acts[])(void *) = { act_fault, act_fault, act_change, act_change };
	struct actor actors[ARRAY_SIZE(acts)] = {};
	struct vm *vm = make_vm(test, 4 * MIB, 0);
	int i;

	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 0, 0, 0, 4 * MIB, 0));
	KUNIT_ASSERT_EQ(test, 0, set_slot(vm, 1, 0, 4 * MIB + 4096, 3 * MIB, MIB));
	for (i = 0; i < ARRAY_SIZE(acts); i++) {
		actors[i].vm = vm;
		actors[i].nr = i;
		actors[i].task = kthread_run(acts[i], &actors[i], "bellows-test-%d", i);
	}
	/* Every load pays this; the kernel that would find a race gets longer. */
	msleep(IS_ENABLED(CONFIG_KASAN) ? 300 : 80);
	for (i = 0; i < ARRAY_SIZE(acts); i++) {
		if (IS_ERR(actors[i].task))
			continue;
		kthread_stop(actors[i].task);
		KUNIT_EXPECT_EQ_MSG(test, 0, actors[i].error, "actor %d", i);
		KUNIT_EXPECT_GT(test, actors[i].rounds, 0UL);
	}
	KUNIT_EXPECT_EQ(test, 0, set_slot(vm, 0, 0, 0, 0, 0));
	KUNIT_EXPECT_EQ(test, 0, set_slot(vm, 1, 0, 0, 0, 0));
	KUNIT_EXPECT_EQ(test, 1, bellows_mmu_table_pages(&vm->mmu));
	end_vm(test);
}

static struct kunit_case mmu_cases[] = {
	KUNIT_CASE(test_slot_errors),
	KUNIT_CASE_PARAM(test_fault, format_gen_params),
	KUNIT_CASE(test_access),
	KUNIT_CASE_PARAM(test_readonly_slot, format_gen_params),
	KUNIT_CASE_PARAM(test_large, format_gen_params),
	KUNIT_CASE_PARAM(test_split, format_gen_params),
	KUNIT_CASE_PARAM(test_zap_and_alias, format_gen_params),
	KUNIT_CASE_PARAM(test_block_zap, format_gen_params),
	KUNIT_CASE_PARAM(test_slot_leaves, format_gen_params),
	KUNIT_CASE(test_audit_finds),
	KUNIT_CASE_PARAM(test_together, format_gen_params),
	{}
};

/* Some kernels run a module's suites before its own init function. */
static bool own_init;

static int init_memory(struct kunit_suite *suite)
{
	own_init = !frame_zero_page;
	return own_init ? bellows_memory_init() : 0;
}

static void exit_memory(struct kunit_suite *suite)
{
	wait_until_closed();
	if (own_init)
		bellows_memory_exit();
}

static struct kunit_suite mmu_suite = {
	.name = "bellows_mmu",
	.suite_init = init_memory,
	.suite_exit = exit_memory,
	.exit = end_vm,
	.test_cases = mmu_cases,
};

kunit_test_suite(mmu_suite);
