/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The switch between host and guest.
 *
 * VMRUN exchanges what the guest's instructions depend on at once (RIP, RSP,
 * RAX, RFLAGS, CS, SS, DS, ES, control registers, descriptor tables). The rest
 * of the hidden state (FS, GS, TR, LDTR and the MSRs of system calls) goes with
 * VMLOAD and VMSAVE, the general registers by hand. Between the first VMLOAD
 * and the last, GS is the guest's: no per-CPU variable, no exception, no
 * interrupt. The global interrupt flag is clear all the time, which holds back
 * NMIs too; a fault of VMRUN itself would find the guest's GS and can't be
 * survived, so there is no fixup for it: the addresses are ours and aligned.
 *
 * Hardening, as the host's settings ask (the alternatives are patched by the
 * host kernel's own feature bits):
 *
 *  - SPEC_CTRL is written last before the entry and first after it, so that no
 *    return or indirect branch of the host runs under the guest's setting;
 *  - CPU buffers are cleared before the entry (MDS and its kin, TSA);
 *  - after the exit the return stack is stuffed before the first RET, return
 *    predictions are untrained (Retbleed, SRSO) and IBPB is issued where that
 *    is the chosen mitigation;
 *  - all general registers lose the guest's values, which keeps them out of
 *    the host's speculation.
 *
 * Switching between guests (IBPB) is done when a vCPU is loaded on a CPU; SSBD
 * through LS_CFG around this function.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include "enter.h"

#define REG(number) (8 * (number))

.section .noinstr.text, "ax"

/*
 * void svm_run(u64 *regs, u64 vmcb, u64 host, struct svm_spec_ctrl *spec)
 *
 * vmcb and host are physical addresses. Called with GIF clear and interrupts
 * off; they are on (as far as RFLAGS goes) while the guest runs, or it could
 * not be interrupted.
 */
SYM_FUNC_START(svm_run)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx

	/* In the order in which they are needed afterwards. */
	push	%rcx
	push	%rdx
	push	%rdi

	sti
	mov	%rcx, %rbx
	cmpb	$0, SVM_SPEC_ACTIVE(%rbx)
	je	.Lguest_spec_ctrl_done
	movl	SVM_SPEC_GUEST(%rbx), %eax
	cmpl	SVM_SPEC_HOST(%rbx), %eax
	je	.Lguest_spec_ctrl_done
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	xor	%edx, %edx
	wrmsr
.Lguest_spec_ctrl_done:

	mov	%rsi, %rax
	vmload	%rax
	mov	REG(SVM_RCX)(%rdi), %rcx
	mov	REG(SVM_RDX)(%rdi), %rdx
	mov	REG(SVM_RBX)(%rdi), %rbx
	mov	REG(SVM_RBP)(%rdi), %rbp
	mov	REG(SVM_RSI)(%rdi), %rsi
	mov	REG(8)(%rdi), %r8
	mov	REG(9)(%rdi), %r9
	mov	REG(10)(%rdi), %r10
	mov	REG(11)(%rdi), %r11
	mov	REG(12)(%rdi), %r12
	mov	REG(13)(%rdi), %r13
	mov	REG(14)(%rdi), %r14
	mov	REG(15)(%rdi), %r15
	mov	REG(SVM_RDI)(%rdi), %rdi

	VM_CLEAR_CPU_BUFFERS
	vmrun	%rax

	/* The exit gave RAX and RSP back. */
	vmsave	%rax
	pop	%rax
	mov	%rcx, REG(SVM_RCX)(%rax)
	mov	%rdx, REG(SVM_RDX)(%rax)
	mov	%rbx, REG(SVM_RBX)(%rax)
	mov	%rbp, REG(SVM_RBP)(%rax)
	mov	%rsi, REG(SVM_RSI)(%rax)
	mov	%rdi, REG(SVM_RDI)(%rax)
	mov	%r8, REG(8)(%rax)
	mov	%r9, REG(9)(%rax)
	mov	%r10, REG(10)(%rax)
	mov	%r11, REG(11)(%rax)
	mov	%r12, REG(12)(%rax)
	mov	%r13, REG(13)(%rax)
	mov	%r14, REG(14)(%rax)
	mov	%r15, REG(15)(%rax)
	pop	%rax
	vmload	%rax

	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT

	pop	%rbx
	cmpb	$0, SVM_SPEC_ACTIVE(%rbx)
	je	.Lhost_spec_ctrl_done
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	cmpb	$0, SVM_SPEC_DIRECT(%rbx)
	je	.Lguest_spec_ctrl_known
	rdmsr
	movl	%eax, SVM_SPEC_GUEST(%rbx)
.Lguest_spec_ctrl_known:
	movl	SVM_SPEC_HOST(%rbx), %eax
	cmpl	SVM_SPEC_GUEST(%rbx), %eax
	je	.Lhost_spec_ctrl_done
	xor	%edx, %edx
	wrmsr
.Lhost_spec_ctrl_done:

	/* Both clobber RAX, RCX, RDX at most. */
	CALL_UNTRAIN_RET
	ALTERNATIVE_2 "", "call entry_ibpb", X86_FEATURE_ENTRY_IBPB,	\
			  "call entry_ibpb", X86_FEATURE_IBPB_ON_VMEXIT

	cli
	xor	%ecx, %ecx
	xor	%edx, %edx
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
	xor	%ebx, %ebx
	xor	%ebp, %ebp

	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET
SYM_FUNC_END(svm_run)
