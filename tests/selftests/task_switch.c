// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware tasks: some CPUs switch them in a guest by themselves, the others leave
 * it to the module. The guest checks that it cannot tell.
 */
#include "guest.h"
#include "vm.h"
#include "task32.h"
#include "tasks.h"

#define NO_EVENT	"Bochs' SVM reports whatever comes through a task gate as external interrupt 0"
#define NO_V86		"Bochs panics when it leaves a guest that is in virtual-8086 mode by SVM"

/* It has no intercept for them. */
static bool on_qemu(void)
{
	return test_on_machine("qemu-svm");
}

static struct vcpu *start(enum guest_mode mode, u32 what)
{
	struct vm *vm = vm_new(mode);

	vm_load_blob(vm, blob_task32);
	return vcpu_new(vm, NULL, what | (on_qemu() ? TASKS_ON_QEMU : 0));
}

static void run_tasks(enum guest_mode mode, u32 what)
{
	struct vcpu *vcpu = start(mode, what);

	vcpu_run_to_sync(vcpu, 3);
	vm_free(vcpu->vm);
}

CASE(call, "CALL saves the old task, loads the new one and links them; IRET goes back")
{
	run_tasks(GUEST_PROT32, TASKS_CALL);
}

CASE(call_paged, "the same with paging")
{
	run_tasks(GUEST_PAGED32, TASKS_CALL);
}

CASE(call_pae, "the same with PAE")
{
	run_tasks(GUEST_PAE, TASKS_CALL);
}

CASE(jump, "JMP links nothing")
{
	run_tasks(GUEST_PAGED32, TASKS_JUMP);
}

CASE(gate, "a task gate in the GDT is as good as a TSS")
{
	run_tasks(GUEST_PAGED32, TASKS_GATE);
}

CASE(soft, "INT n and INT3 through a task gate come back behind the instruction")
{
	REQUIRE(!test_on_machine("bochs-svm"), NO_EVENT);
	run_tasks(GUEST_PAGED32, TASKS_SOFT);
}

CASE(error, "an exception's task finds the error code, and the old task at the instruction")
{
	run_tasks(GUEST_PROT32, TASKS_ERROR);
	run_tasks(GUEST_PAGED32, TASKS_ERROR);
}

CASE(double_fault, "a double fault's task runs, and can mend what was wrong")
{
	run_tasks(GUEST_PAGED32, TASKS_DOUBLE_FAULT);
}

CASE(two_faults, "an exception whose task cannot have its stack is a double fault")
{
	run_tasks(GUEST_PAGED32, TASKS_TWO_FAULTS);
}

CASE(task16, "a 16-bit TSS holds halves of registers, and no FS and GS")
{
	run_tasks(GUEST_PROT32, TASKS_16);
}

CASE(bad_segments, "segments that cannot be loaded fault in the new task")
{
	run_tasks(GUEST_PROT32, TASKS_BAD_SEGMENTS);
	run_tasks(GUEST_PAGED32, TASKS_BAD_SEGMENTS);
}

CASE(refused, "a switch that is not allowed changes nothing")
{
	run_tasks(GUEST_PROT32, TASKS_REFUSED);
}

CASE(v86, "a task may be in virtual-8086 mode")
{
	REQUIRE(!test_on_machine("bochs-svm"), NO_V86);
	run_tasks(GUEST_PROT32, TASKS_V86);
}

CASE(user, "a task may be at CPL 3")
{
	run_tasks(GUEST_PROT32, TASKS_USER);
}

CASE(cr3, "a task has its own page tables")
{
	run_tasks(GUEST_PAGED32, TASKS_CR3);
}

CASE(bad_pdpt, "page tables that cannot be are a fault")
{
	REQUIRE(!test_on_machine("bochs-svm"), NO_V86);
	REQUIRE(!on_qemu(), "QEMU, which switches tasks by itself, does not check the pointers");
	run_tasks(GUEST_PAE, TASKS_BAD_PDPT);
}

CASE(ldt, "a task has its own LDT")
{
	run_tasks(GUEST_PROT32, TASKS_LDT);
	run_tasks(GUEST_PAGED32, TASKS_LDT);
}

CASE(page_fault, "a TSS that is not there in its whole is a page fault before anything has changed")
{
	run_tasks(GUEST_PAGED32, TASKS_PAGE_FAULT);
}

CASE(trap, "the T flag of a TSS is a trap before the task's first instruction")
{
	REQUIRE(!on_qemu(), "QEMU, which switches tasks by itself, does not know the T flag");
	run_tasks(GUEST_PROT32, TASKS_TRAP);
}

CASE(dr7, "local breakpoints end with the task")
{
	REQUIRE(!on_qemu(), "QEMU switches tasks without telling: what it does to DR7, nobody learns");
	run_tasks(GUEST_PROT32, TASKS_DR7);
}

CASE(irq, "an interrupt may be a task")
{
	struct kvm_interrupt irq = { .irq = TASKS_VECTOR };
	struct vcpu *vcpu = start(GUEST_PAGED32, TASKS_IRQ);

	vcpu_run_to_sync(vcpu, 1);
	vcpu_ioctl(vcpu, KVM_INTERRUPT, &irq);
	vcpu_run_to_sync(vcpu, 3);
	vm_free(vcpu->vm);
}

CASE(nmi, "an NMI may be a task: the next one waits for its IRET")
{
	REQUIRE(!test_on_machine("bochs-svm"), NO_EVENT);
	struct vcpu *vcpu = start(GUEST_PAGED32, TASKS_NMI);

	vcpu_run_to_sync(vcpu, 1);
	vcpu_ioctl(vcpu, KVM_NMI, NULL);
	vcpu_run_to_sync(vcpu, 2);
	/* The module would step over the IRET, and QEMU put its TF into the TSS. */
	if (!on_qemu())
		vcpu_ioctl(vcpu, KVM_NMI, NULL);
	vcpu_run_to_sync(vcpu, 3);
	vm_free(vcpu->vm);
}

CASE(nmi_fault, "an NMI whose TSS is not there waits for it")
{
	REQUIRE(!test_on_machine("bochs-svm"), NO_EVENT);
	REQUIRE(!on_qemu(), "QEMU, which switches tasks by itself, loses it");
	struct vcpu *vcpu = start(GUEST_PAGED32, TASKS_NMI_FAULT);

	vcpu_run_to_sync(vcpu, 1);
	vcpu_ioctl(vcpu, KVM_NMI, NULL);
	vcpu_run_to_sync(vcpu, 3);
	vm_free(vcpu->vm);
}
