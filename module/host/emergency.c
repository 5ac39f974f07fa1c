// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's slot for ending virtualization in an emergency, shared with KVM
 * without KVM knowing.
 *
 * On the way to a crash kernel or an emergency restart, every CPU must leave
 * VMX operation (which blocks INIT, and makes clearing CR4.VMXE fault) or set
 * SVM's GIF. Newer kernels call back for it, but have room for a single
 * callback and WARN when a second one arrives. KVM's vendor modules put theirs
 * there, depending on the kernel when they are loaded or when they enable
 * virtualization, which by default they also do when they are loaded.
 *
 * So the slot is ours only while virtualization is on for us and no vendor
 * module is there: one that announces itself (before any of its code runs)
 * makes us leave, and we return when it goes. What that leaves uncovered:
 *
 *   - KVM on Intel fills the slot at load: its callback ends VMX, ours as
 *     well, so that we lose nothing. So does the kernel itself for
 *     SVM, where it is old enough for KVM not to use the slot there.
 *   - KVM told not to enable virtualization at load, on a kernel where it
 *     fills the slot only then: the slot stays empty while we run VMs. Orderly
 *     reboots and kexec are covered, a crash kernel is not.
 *
 * A vendor module that was there before us is found among the kernel's
 * modules by name; built-in ones are listed there as well. One that is loaded
 * at the very moment at which we are is seen at the first VM.
 */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include "compat.h"
#include "host/emergency.h"

static const char *const vendor_names[] = { "kvm_intel", "kvm_amd" };

static DEFINE_MUTEX(slot_lock);
static void (*callback)(void);		/* constant after init */
static unsigned long announced;		/* under slot_lock: vendor modules we saw coming and not going */
static unsigned long vendors;		/* under slot_lock: those, and what we found live at the first VM */
static bool wanted;			/* under slot_lock */
static bool held;			/* under slot_lock: the slot has our callback */

static void emergency_settle(void)
{
	bool hold = wanted && !vendors;

	lockdep_assert_held(&slot_lock);
	if (hold == held)
		return;
	if (hold)
		bellows_emergency_register(callback);
	else
		bellows_emergency_unregister(callback);
	held = hold;
}

/* One that is on its way out is seen here still, and has had its last event. */
static bool emergency_is_loaded(const char *name)
{
	struct kobject *kobj = kset_find_obj(THIS_MODULE->mkobj.kobj.kset, name);
	struct module *module;
	bool loaded;

	if (!kobj)
		return false;
	module = container_of(kobj, struct module_kobject, kobj)->mod;
	loaded = !module || READ_ONCE(module->state) != MODULE_STATE_GOING;
	kobject_put(kobj);
	return loaded;
}

void emergency_want(bool want)
{
	size_t i;

	guard(mutex)(&slot_lock);
	vendors = announced;
	for (i = 0; i < ARRAY_SIZE(vendor_names); i++) {
		if (emergency_is_loaded(vendor_names[i]))
			vendors |= BIT(i);
	}
	wanted = want;
	emergency_settle();
}

static int emergency_module_event(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct module *module = data;
	int i = match_string(vendor_names, ARRAY_SIZE(vendor_names), module->name);

	if (i < 0)
		return NOTIFY_DONE;

	guard(mutex)(&slot_lock);
	if (event == MODULE_STATE_COMING) {
		announced |= BIT(i);
		vendors |= BIT(i);
	} else if (event == MODULE_STATE_GOING) {
		announced &= ~BIT(i);
		vendors &= ~BIT(i);
	}
	emergency_settle();
	return NOTIFY_DONE;
}

static struct notifier_block module_notifier = { .notifier_call = emergency_module_event };

int emergency_init(void (*fn)(void))
{
	callback = fn;
	return register_module_notifier(&module_notifier);
}

void emergency_exit(void)
{
	unregister_module_notifier(&module_notifier);
	emergency_want(false);
}
