/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BELLOWS_VMX_VMCS_H
#define BELLOWS_VMX_VMCS_H
/*
 * VMX instructions. Each can fail in two ways: it says so in the flags (CF or
 * ZF), or it faults because VMX operation has ended under us (an emergency
 * reboot). Both come out of these functions as one answer: the flags are set to
 * "failed" beforehand, and a fault resumes after the instruction.
 */
#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/asm.h>
#include <asm/vmx.h>

/* A VMREAD or VMWRITE failed: kills the VM that is loaded on this CPU. */
void vmcs_access_failed(const char *insn, unsigned long field);

static __always_inline bool vmx_vmxon(u64 pa)
{
	bool failed;

	asm volatile("stc\n1: vmxon %1\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe"(failed) : "m"(pa) : "memory");
	return failed;
}

static __always_inline bool vmx_vmxoff(void)
{
	bool failed;

	asm volatile("stc\n1: vmxoff\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe"(failed) : : "memory");
	return failed;
}

static __always_inline bool vmx_vmclear(u64 pa)
{
	bool failed;

	asm volatile("stc\n1: vmclear %1\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe"(failed) : "m"(pa) : "memory");
	return failed;
}

static __always_inline bool vmx_vmptrld(u64 pa)
{
	bool failed;

	asm volatile("stc\n1: vmptrld %1\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe"(failed) : "m"(pa) : "memory");
	return failed;
}

static __always_inline bool vmx_invept(unsigned long type, u64 eptp)
{
	const struct { u64 eptp, zero; } descriptor = { eptp, 0 };
	bool failed;

	asm volatile("stc\n1: invept %1, %2\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe"(failed) : "m"(descriptor), "r"(type) : "memory");
	return failed;
}

static __always_inline bool vmx_invvpid(unsigned long type, u16 vpid)
{
	const struct { u64 vpid, address; } descriptor = { vpid, 0 };
	bool failed;

	asm volatile("stc\n1: invvpid %1, %2\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe"(failed) : "m"(descriptor), "r"(type) : "memory");
	return failed;
}

/* XOR leaves ZF set, which reads as failed if the next instruction faults. */
static __always_inline u64 vmcs_read(unsigned long field)
{
	u64 value;
	bool failed;

	asm volatile("xorl %k0, %k0\n1: vmread %2, %0\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : "=&r"(value), "=@ccbe"(failed) : "r"(field));
	if (unlikely(failed))
		vmcs_access_failed("VMREAD", field);
	return value;
}

static __always_inline void vmcs_write(unsigned long field, u64 value)
{
	bool failed;

	asm volatile("stc\n1: vmwrite %1, %2\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : "=@ccbe"(failed) : "r"(value), "r"(field));
	if (unlikely(failed))
		vmcs_access_failed("VMWRITE", field);
}

#endif
