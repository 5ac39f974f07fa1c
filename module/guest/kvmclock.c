// SPDX-License-Identifier: GPL-2.0
/*
 * KVM's paravirtual clock, for guests that know it.
 *
 * The guest names an address per vCPU; there it finds a moment, as a value of its
 * TSC and the VM's time in nanoseconds, and how to get from ticks to nanoseconds
 * from then on. Reading the time costs no exit.
 *
 * If the host's TSC is good (constant, never stopped, alike on all CPUs), one
 * moment serves all vCPUs for ever: each page has the same one, in terms of that
 * vCPU's TSC, so that all of them compute the same time at the same instant, and
 * the guest is told so with the "stable" flag, which lets it read any page on any
 * vCPU. It is told otherwise once a vCPU's TSC was set apart from the others',
 * since then another vCPU's page does not go with one's own TSC.
 *
 * If the TSC is not good, the page gets a new moment from the host's clock when the
 * vCPU is loaded onto another CPU or some time has passed, and on every load once
 * the host has found its TSC to be bad. The guest then keeps its time from going
 * backwards by itself. So it goes on when the host finds out late that its TSC is
 * not good.
 *
 * After the host has slept there is a new moment, too: its TSC may have stood
 * still meanwhile, or begun again (bellows_host_tsc() makes up for that).
 * Each vCPU writes its page when it is loaded again. Until the last has done so a
 * guest that reads another vCPU's page finds the time without the sleep there.
 *
 * Pages are written by the vCPU's thread only, before it enters, through the
 * memory object like any other access. Other vCPUs may read meanwhile: the version
 * is odd while the rest changes. A page that is not memory is skipped.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <asm/cpufeature.h>
#include <asm/kvm_para.h>
#include <asm/msr.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>
#include "backend.h"
#include "guest/kvmclock.h"
#include "host/clock_scale.h"
#include "host/state.h"
#include "vm/request.h"
#include "vm/result.h"

static_assert(sizeof(struct pvclock_vcpu_time_info) == 32);

static bool kvmclock_tsc_is_good(void)
{
	return boot_cpu_has(X86_FEATURE_CONSTANT_TSC) && boot_cpu_has(X86_FEATURE_NONSTOP_TSC) &&
	       tsc_khz && !check_tsc_unstable();
}

static struct bellows_clock_scale kvmclock_scale(void)
{
	return bellows_clock_scale(tsc_khz ?: 1);
}

/* One instant, by the host's TSC and as the VM's time. */
struct instant {
	u64 tsc;
	u64 ns;
};

/* All of these under the lock, with interrupts off. */
static void kvmclock_start_locked(struct bellows_kvmclock *clock, u64 ns)
{
	lockdep_assert_held(&clock->lock);
	clock->by_tsc = kvmclock_tsc_is_good();
	clock->base_tsc = bellows_host_tsc();
	clock->base_boot = ktime_get_boottime_ns();
	clock->sleeps = bellows_host_sleep.count;
	clock->ns = clock->by_tsc ? ns : ns - clock->base_boot;
}

static struct instant kvmclock_read_locked(struct bellows_kvmclock *clock)
{
	struct instant i = { .tsc = bellows_host_tsc() };

	lockdep_assert_held(&clock->lock);
	if (clock->by_tsc)
		i.ns = clock->ns + bellows_clock_ns(kvmclock_scale(), i.tsc - clock->base_tsc);
	else
		i.ns = clock->ns + ktime_get_boottime_ns();
	return i;
}

/* Not all TSCs count while the host sleeps. The guest's time goes on, as the host's does, and never back. */
static void kvmclock_after_sleep_locked(struct bellows_kvmclock *clock)
{
	u64 by_boot;

	lockdep_assert_held(&clock->lock);
	if (likely(clock->sleeps == bellows_host_sleep.count))
		return;
	by_boot = clock->ns + (ktime_get_boottime_ns() - clock->base_boot);
	if (clock->by_tsc)
		kvmclock_start_locked(clock, max(kvmclock_read_locked(clock).ns, by_boot));
	clock->sleeps = bellows_host_sleep.count;
}

static struct instant kvmclock_now(struct bellows_kvmclock *clock)
{
	struct instant i;
	unsigned long flags;

	spin_lock_irqsave(&clock->lock, flags);
	kvmclock_after_sleep_locked(clock);
	i = kvmclock_read_locked(clock);
	spin_unlock_irqrestore(&clock->lock, flags);
	return i;
}

/* What goes into the pages: always the same while the TSC is good. */
static struct instant kvmclock_moment(struct bellows_kvmclock *clock, bool *stable)
{
	struct instant i;
	unsigned long flags;

	spin_lock_irqsave(&clock->lock, flags);
	kvmclock_after_sleep_locked(clock);
	if (clock->by_tsc && !kvmclock_tsc_is_good())
		kvmclock_start_locked(clock, kvmclock_read_locked(clock).ns);
	*stable = clock->by_tsc && !READ_ONCE(clock->differs);
	if (clock->by_tsc)
		i = (struct instant) { .tsc = clock->base_tsc, .ns = clock->ns };
	else
		i = kvmclock_read_locked(clock);
	spin_unlock_irqrestore(&clock->lock, flags);
	return i;
}

static void kvmclock_start_at(struct bellows_kvmclock *clock, u64 ns)
{
	unsigned long flags;

	spin_lock_irqsave(&clock->lock, flags);
	kvmclock_start_locked(clock, ns);
	spin_unlock_irqrestore(&clock->lock, flags);
}

void bellows_kvmclock_rebase(struct bellows_vm *vm)
{
	unsigned long flags;

	lockdep_assert_held(&vm->lock);
	spin_lock_irqsave(&vm->kvmclock.lock, flags);
	kvmclock_after_sleep_locked(&vm->kvmclock);
	kvmclock_start_locked(&vm->kvmclock, kvmclock_read_locked(&vm->kvmclock).ns);
	spin_unlock_irqrestore(&vm->kvmclock.lock, flags);
}

static void kvmclock_update_all(struct bellows_vm *vm)
{
	/* Pairs with the release in vCPU creation: what is counted is complete. */
	unsigned int i, n = smp_load_acquire(&vm->nvcpus);

	bellows_vm_request_all(vm, VCPU_REQ_CLOCK);
	/* Those that are halted, too: others may read their pages. */
	for (i = 0; i < n; i++)
		bellows_vcpu_kick(vm->vcpus[i]);
}

void bellows_kvmclock_init(struct bellows_vm *vm)
{
	spin_lock_init(&vm->kvmclock.lock);
	kvmclock_start_at(&vm->kvmclock, 0);
}

void bellows_kvmclock_get(struct bellows_vm *vm, struct kvm_clock_data *data)
{
	struct instant i = kvmclock_now(&vm->kvmclock);

	*data = (struct kvm_clock_data) { .clock = i.ns };
	if (!kvmclock_tsc_is_good())
		return;
	/* Now that it is known when the TSC said what, by the host's calendar. */
	data->host_tsc = i.tsc - bellows_host_sleep.tsc_lost;
	data->realtime = ktime_get_real_ns() -
			 bellows_clock_ns(kvmclock_scale(), bellows_host_tsc() - i.tsc);
	data->flags = KVM_CLOCK_HOST_TSC | KVM_CLOCK_REALTIME;
	if (!READ_ONCE(vm->kvmclock.differs))
		data->flags |= KVM_CLOCK_TSC_STABLE;
}

int bellows_kvmclock_set(struct bellows_vm *vm, const struct kvm_clock_data *data)
{
	u64 ns = data->clock;

	if (data->flags & ~(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC))
		return -EINVAL;
	/* The time since then has passed for the guest, too. */
	if (data->flags & KVM_CLOCK_REALTIME) {
		u64 real = ktime_get_real_ns();

		if (real > data->realtime)
			ns += real - data->realtime;
	}
	kvmclock_start_at(&vm->kvmclock, ns);
	kvmclock_update_all(vm);
	return 0;
}

static void kvmclock_fill(struct bellows_vcpu *vcpu, struct pvclock_vcpu_time_info *page)
{
	bool stable;
	struct instant i = kvmclock_moment(&vcpu->vm->kvmclock, &stable);

	page->tsc_timestamp = i.tsc + vcpu->msrs.tsc_offset;
	page->system_time = i.ns;
	page->tsc_to_system_mul = kvmclock_scale().mul;
	page->tsc_shift = kvmclock_scale().shift;
	/* The guest clears the other flag when it has seen it. */
	page->flags &= PVCLOCK_GUEST_STOPPED;
	page->flags |= (stable ? PVCLOCK_TSC_STABLE_BIT : 0) |
		       (vcpu->clock_stopped ? PVCLOCK_GUEST_STOPPED : 0);
}

void bellows_kvmclock_update(struct bellows_vcpu *vcpu)
{
	gpa_t gpa = vcpu->msrs.system_time & ~1ULL;
	struct bellows_mmu *mmu = &vcpu->vm->mmu;
	struct pvclock_vcpu_time_info page;
	u32 version;

	lockdep_assert_loaded(vcpu);
	lockdep_assert_preemption_enabled();
	if (!(vcpu->msrs.system_time & 1) || bellows_gpa_read(mmu, gpa, &page, sizeof(page)))
		return;
	version = (page.version | 1) + (page.version & 1 ? 2 : 0);
	kvmclock_fill(vcpu, &page);
	vcpu->clock_updated = jiffies;
	page.version = version;
	/* Each is written when the one before is: x86 stores in order, and the calls are barriers. */
	if (bellows_gpa_write(mmu, gpa, &version, sizeof(version)) ||
	    bellows_gpa_write(mmu, gpa, &page, sizeof(page)))
		return;
	version++;
	if (!bellows_gpa_write(mmu, gpa, &version, sizeof(version)))
		vcpu->clock_stopped = false;
}

void bellows_kvmclock_loaded(struct bellows_vcpu *vcpu, bool moved)
{
	lockdep_assert_held(&vcpu->mutex);
	lockdep_assert_preemption_disabled();
	if (kvmclock_tsc_is_good())
		return;
	/* A TSC that the host has not found to be bad is good for a while, as long as it is the same one. */
	if (moved || check_tsc_unstable() || time_after(jiffies, vcpu->clock_updated + HZ))
		bellows_request(vcpu, VCPU_REQ_CLOCK);
}

void kvmclock_tsc_moved(struct bellows_vcpu *vcpu)
{
	struct bellows_vm *vm = vcpu->vm;

	lockdep_assert_loaded(vcpu);
	if (vcpu->msrs.tsc_offset != (u64)vm->tsc_offset && !READ_ONCE(vm->kvmclock.differs)) {
		WRITE_ONCE(vm->kvmclock.differs, true);
		kvmclock_update_all(vm);
	}
	bellows_request(vcpu, VCPU_REQ_CLOCK);
}

int bellows_kvmclock_stopped(struct bellows_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->mutex);
	if (!(vcpu->msrs.system_time & 1))
		return -EINVAL;
	vcpu->clock_stopped = true;
	bellows_request(vcpu, VCPU_REQ_CLOCK);
	return 0;
}

/* The calendar's time when the VM's clock was zero. */
static void kvmclock_write_wall(struct bellows_vcpu *vcpu, gpa_t gpa)
{
	struct bellows_mmu *mmu = &vcpu->vm->mmu;
	struct pvclock_wall_clock wall;
	struct instant i;
	u32 version;
	u64 boot;

	if (!gpa || bellows_gpa_read(mmu, gpa, &version, sizeof(version)))
		return;
	i = kvmclock_now(&vcpu->vm->kvmclock);
	boot = ktime_get_real_ns() - i.ns;
	version |= 1;
	wall.sec = div_u64_rem(boot, NSEC_PER_SEC, &wall.nsec);
	wall.version = version;
	if (bellows_gpa_write(mmu, gpa, &version, sizeof(version)) ||
	    bellows_gpa_write(mmu, gpa, &wall, sizeof(wall)))
		return;
	version++;
	bellows_gpa_write(mmu, gpa, &version, sizeof(version));
}

int kvmclock_get_msr(struct bellows_vcpu *vcpu, u32 index, u64 *value)
{
	struct bellows_kvmclock *clock = &vcpu->vm->kvmclock;

	lockdep_assert_held(&vcpu->mutex);
	if (index == MSR_KVM_SYSTEM_TIME || index == MSR_KVM_SYSTEM_TIME_NEW)
		*value = vcpu->msrs.system_time;
	else
		*value = READ_ONCE(clock->wall_gpa);
	return MSR_RESULT_OK;
}

int kvmclock_set_msr(struct bellows_vcpu *vcpu, u32 index, u64 value, bool host)
{
	struct bellows_kvmclock *clock = &vcpu->vm->kvmclock;

	lockdep_assert_loaded(vcpu);
	lockdep_assert_preemption_enabled();
	if (index == MSR_KVM_SYSTEM_TIME || index == MSR_KVM_SYSTEM_TIME_NEW) {
		vcpu->msrs.system_time = value;
		bellows_request(vcpu, VCPU_REQ_CLOCK);
		return MSR_RESULT_OK;
	}
	WRITE_ONCE(clock->wall_gpa, value);
	kvmclock_write_wall(vcpu, value);
	return MSR_RESULT_OK;
}
