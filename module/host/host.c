// SPDX-License-Identifier: GPL-2.0
/*
 * Virtualization of the host's CPUs: on everywhere while at least one VM
 * exists, off otherwise, so that another hypervisor can have the machine.
 *
 * "Everywhere" has to hold while CPUs come and go. Enabling can fail, and
 * must not happen after the CPU takes tasks; disabling can't fail, and must
 * not happen before its last task (perhaps a vCPU) has left. No single hotplug
 * state gives both, so there are two:
 *
 *   coming up    a state of the online section, which may refuse the CPU: it
 *                then stays offline rather than being a trap for vCPUs;
 *   going down   a state of the starting section: it runs with interrupts
 *                off, on a CPU that no task will run on again.
 *
 * Both are registered once, at load, and do nothing while no VM exists. They
 * run with the hotplug lock held for writing, so that the number of users,
 * which changes only with that lock held for reading, is stable for them.
 *
 * Suspend takes all CPUs but one down that way; the last one is handled by
 * the syscore callbacks. Tasks are frozen then, in user mode, so that no vCPU
 * is loaded. A TSC that begins again in that time is noticed here: what it lost is
 * added to it everywhere (bellows_host_tsc(), and the offset that hardware gets),
 * so that a guest's TSC, deadlines and clock never go back. If virtualization can't be enabled again at resume (firmware
 * locked it), the host is marked lost: VMs then only give -EIO.
 *
 * A reboot that goes by the rules arrives through bellows_host_shutdown(),
 * whose caller has stopped the VMs. A crash or an emergency restart arrives in
 * host_emergency(), perhaps in NMI context, on each CPU.
 *
 * Locking: host_lock, then the hotplug lock (read), then the emergency slot's.
 */
#include <linux/cpu.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/ratelimit.h>
#include <linux/smp.h>
#include "backend.h"
#include "compat.h"
#include "host/clock_scale.h"
#include "host/emergency.h"
#include "host/host.h"
#include "host/state.h"

bool bellows_lost;

static DEFINE_MUTEX(host_lock);
static unsigned int users;		/* changed under host_lock and the hotplug lock */
static int online_state;
static DEFINE_PER_CPU(bool, cpu_on);	/* changed on its CPU, interrupts off */

/* The first CPU that failed, and how. */
struct enabling {
	int error;
	int cpu;
};

/* This CPU, interrupts off. */
static int host_enable_here(void)
{
	int err;

	lockdep_assert_irqs_disabled();
	if (__this_cpu_read(cpu_on))
		return 0;
	/* First, so that an NMI into the middle of enabling ends what there is. */
	__this_cpu_write(cpu_on, true);
	err = bellows_backend(cpu_enable)();
	if (err)
		__this_cpu_write(cpu_on, false);
	return err;
}

static void host_disable_here(void *unused)
{
	lockdep_assert_irqs_disabled();
	if (!__this_cpu_read(cpu_on))
		return;
	bellows_backend(cpu_disable)();
	__this_cpu_write(cpu_on, false);
}

static void host_enable_ipi(void *arg)
{
	struct enabling *enabling = arg;
	int err = host_enable_here();

	if (err && !cmpxchg(&enabling->error, 0, err))
		enabling->cpu = smp_processor_id();
}

static void host_emergency(void)
{
	if (__this_cpu_read(cpu_on))
		bellows_backend(cpu_emergency_disable)();
}

/* A program can ask for VMs without end, hence the limit. */
static void host_report(const struct enabling *enabling)
{
	static DEFINE_RATELIMIT_STATE(limit, 10 * HZ, 1);

	ratelimit_set_flags(&limit, RATELIMIT_MSG_ON_RELEASE);
	if (!__ratelimit(&limit))
		return;
	if (enabling->error == -EBUSY)
		pr_err("bellows: CPU %d: %s is set: another hypervisor holds it; end its VMs or unload it\n",
		       enabling->cpu, bellows_backend_current->enable_bit);
	else
		pr_err("bellows: CPU %d: cannot enable %s: error %d\n",
		       enabling->cpu, bellows_backend_current->name, enabling->error);
}

static int host_enable_all(void)
{
	struct enabling enabling = { };

	lockdep_assert_held(&host_lock);
	on_each_cpu(host_enable_ipi, &enabling, 1);
	if (!enabling.error)
		return 0;
	on_each_cpu(host_disable_here, NULL, 1);
	host_report(&enabling);
	return enabling.error;
}

int bellows_host_get(void)
{
	int err = 0;

	if (!bellows_backend_current)
		return -EOPNOTSUPP;

	guard(mutex)(&host_lock);
	if (bellows_lost)
		return -EIO;

	cpus_read_lock();
	if (!users)
		err = host_enable_all();
	if (!err)
		users++;
	cpus_read_unlock();

	if (!err && users == 1)
		emergency_want(true);
	return err;
}

void bellows_host_put(void)
{
	guard(mutex)(&host_lock);

	cpus_read_lock();
	if (!--users)
		on_each_cpu(host_disable_here, NULL, 1);
	cpus_read_unlock();

	/* Only now: until the last CPU is off, a crash needs the callback. */
	if (!users)
		emergency_want(false);
}

void bellows_host_shutdown(void)
{
	guard(mutex)(&host_lock);

	WRITE_ONCE(bellows_lost, true);
	cpus_read_lock();
	on_each_cpu(host_disable_here, NULL, 1);
	cpus_read_unlock();
}

static int host_cpu_coming(unsigned int cpu)
{
	struct enabling enabling = { .cpu = cpu };

	if (!users || bellows_lost)
		return 0;

	local_irq_disable();
	enabling.error = host_enable_here();
	local_irq_enable();
	if (!enabling.error)
		return 0;
	host_report(&enabling);
	return enabling.error;
}

static int host_cpu_going(unsigned int cpu)
{
	host_disable_here(NULL);
	return 0;
}

struct bellows_host_sleep bellows_host_sleep;
static u64 tsc_at_suspend;

static int host_suspend(void)
{
	tsc_at_suspend = rdtsc();
	host_disable_here(NULL);
	return 0;
}

static void host_resume(void)
{
	struct enabling enabling = { .cpu = smp_processor_id() };

	bellows_host_sleep.tsc_lost = clock_tsc_lost(bellows_host_sleep.tsc_lost, tsc_at_suspend,
						     rdtsc());
	bellows_host_sleep.count++;
	if (!users || bellows_lost)
		return;
	enabling.error = host_enable_here();
	if (!enabling.error)
		return;
	WRITE_ONCE(bellows_lost, true);
	host_report(&enabling);
}

BELLOWS_DEFINE_SYSCORE(host_syscore, host_suspend, host_resume);

int bellows_host_init(void)
{
	int err;

	if (!bellows_backend_current)
		return 0;

	/* Memory objects work without it. */
	err = bellows_backend_current->setup();
	if (err) {
		bellows_backend_give_up(err);
		return 0;
	}

	err = cpuhp_setup_state_nocalls(BELLOWS_CPUHP_DYING, "bellows:dying", NULL, host_cpu_going);
	if (err)
		goto teardown;
	err = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "bellows:online", host_cpu_coming,
					NULL);
	if (err < 0)
		goto remove_dying;
	online_state = err;

	err = emergency_init(host_emergency);
	if (err)
		goto remove_online;
	bellows_syscore_register(&host_syscore);
	return 0;

remove_online:
	cpuhp_remove_state_nocalls(online_state);
remove_dying:
	cpuhp_remove_state_nocalls(BELLOWS_CPUHP_DYING);
teardown:
	bellows_backend_current->teardown();
	return err;
}

void bellows_host_exit(void)
{
	if (!bellows_backend_current)
		return;

	bellows_syscore_unregister(&host_syscore);
	emergency_exit();
	cpuhp_remove_state_nocalls(online_state);
	cpuhp_remove_state_nocalls(BELLOWS_CPUHP_DYING);
	bellows_backend_current->teardown();
}
