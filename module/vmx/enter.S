/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Into the guest and back.
 *
 * VMLAUNCH and VMRESUME switch everything but the general registers, and if
 * all goes well do not return: the exit arrives at vmx_exit_point with
 * the stack pointer that the VMCS names, which is ours at the time of entry.
 * So this is one function with a hole in the middle. For objtool the hole is
 * bridged with saved unwind state.
 *
 * RBP is a guest register in between. No frame pointer is set up: the unwind
 * tables follow RSP all through, so an NMI that hits while guest values are in
 * the registers can still be unwound; for kernels built with frame pointers
 * this function is marked as one that has none.
 *
 * Hardening, in the order in which it must happen:
 * - VERW last before the entry, so that nothing the host loads after it is left
 *   in the CPU's buffers. It changes flags: the choice between the two
 *   instructions travels in CF, which it leaves alone.
 * - After an exit all registers are cleared before anything uses them, so that
 *   no speculated use finds a guest's value.
 * - Then the return stack is filled, and after it SPEC_CTRL restored and the
 *   branch history cleared, all before the first return whose call was made
 *   before the guest ran, and before the first indirect branch.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/asm.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

#define HOST_RSP_FIELD	0x6c14

/* Offsets in regs[]: general registers in the order of their encoding. */
#define REG_RAX		(0 * 8)
#define REG_RCX		(1 * 8)
#define REG_RDX		(2 * 8)
#define REG_RBX		(3 * 8)
#define REG_RBP		(5 * 8)
#define REG_RSI		(6 * 8)
#define REG_RDI		(7 * 8)
#define REG_R8		(8 * 8)
#define REG_R9		(9 * 8)
#define REG_R10		(10 * 8)
#define REG_R11		(11 * 8)
#define REG_R12		(12 * 8)
#define REG_R13		(13 * 8)
#define REG_R14		(14 * 8)
#define REG_R15		(15 * 8)

.section .noinstr.text, "ax"

/*
 * unsigned int vmx_run(struct vmx_vcpu *vmx, u64 *regs, u64 *host_rsp, bool launched)
 *
 * 0: the guest ran and exited; 1: the entry instruction failed; 2: it faulted.
 */
SYM_FUNC_START(vmx_run)
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi				/* vmx */
	push	%rsi				/* regs, on top: found there after the exit */

	cmp	%rsp, (%rdx)
	je	.Lrsp_known
	mov	$HOST_RSP_FIELD, %eax
.Lwrite_rsp:
	vmwrite	%rsp, %rax
	jbe	.Lrefused
	mov	%rsp, (%rdx)
.Lrsp_known:
	bt	$0, %ecx			/* CF: launched before */

	mov	REG_RAX(%rsi), %rax
	mov	REG_RCX(%rsi), %rcx
	mov	REG_RDX(%rsi), %rdx
	mov	REG_RBX(%rsi), %rbx
	mov	REG_RBP(%rsi), %rbp
	mov	REG_RDI(%rsi), %rdi
	mov	REG_R8(%rsi), %r8
	mov	REG_R9(%rsi), %r9
	mov	REG_R10(%rsi), %r10
	mov	REG_R11(%rsi), %r11
	mov	REG_R12(%rsi), %r12
	mov	REG_R13(%rsi), %r13
	mov	REG_R14(%rsi), %r14
	mov	REG_R15(%rsi), %r15
	mov	REG_RSI(%rsi), %rsi

	CLEAR_CPU_BUFFERS
	jnc	.Llaunch

	UNWIND_HINT_SAVE
.Lresume:
	vmresume
	jmp	.Lrefused
.Llaunch:
	vmlaunch
	jmp	.Lrefused

	_ASM_EXTABLE(.Lwrite_rsp, .Lfault)
	_ASM_EXTABLE(.Lresume, .Lfault)
	_ASM_EXTABLE(.Llaunch, .Lfault)

SYM_INNER_LABEL(vmx_exit_point, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR

	/* The guest's RSI is on the stack while RSI points to regs. */
	push	%rsi
	mov	8(%rsp), %rsi
	pop	REG_RSI(%rsi)
	mov	%rax, REG_RAX(%rsi)
	mov	%rcx, REG_RCX(%rsi)
	mov	%rdx, REG_RDX(%rsi)
	mov	%rbx, REG_RBX(%rsi)
	mov	%rbp, REG_RBP(%rsi)
	mov	%rdi, REG_RDI(%rsi)
	mov	%r8, REG_R8(%rsi)
	mov	%r9, REG_R9(%rsi)
	mov	%r10, REG_R10(%rsi)
	mov	%r11, REG_R11(%rsi)
	mov	%r12, REG_R12(%rsi)
	mov	%r13, REG_R13(%rsi)
	mov	%r14, REG_R14(%rsi)
	mov	%r15, REG_R15(%rsi)
	xor	%ebx, %ebx			/* the result */

.Lback:
	pop	%rsi
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE

	pop	%rdi				/* vmx */
	call	vmx_restore_spec_ctrl
	CLEAR_BRANCH_HISTORY_VMEXIT

	mov	%ebx, %eax
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	RET

.Lrefused:
	mov	$1, %ebx
	jmp	.Lback
.Lfault:
	mov	$2, %ebx
	jmp	.Lback
SYM_FUNC_END(vmx_run)
STACK_FRAME_NON_STANDARD_FP(vmx_run)
