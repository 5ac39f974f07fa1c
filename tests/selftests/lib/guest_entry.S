/* SPDX-License-Identifier: GPL-2.0 */
/* Entries of the guest's IDT, and the ways into and out of its user mode. */
#include "layout.h"

	.text
	.globl guest_stubs, guest_user, guest_user_return

	/* These push an error code themselves: 8, 10-14, 17, 21, 29, 30. */
#define WITH_ERROR ((1 << 8) | (0x1f << 10) | (1 << 17) | (1 << 21) | (1 << 29) | (1 << 30))

	.balign 16
guest_stubs:
	vector = 0
	.rept 256
	.balign 16
	.if vector >= 32 || ((WITH_ERROR >> (vector & 31)) & 1) == 0
	push	$0
	.endif
	push	$vector
	jmp	common
	vector = vector + 1
	.endr

common:
	push	%rax
	push	%rbx
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%rbp
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %rdi
	mov	%rsp, %rbp
	and	$-16, %rsp
	cld
	call	guest_exception
	mov	%rbp, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rbp
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rbx
	pop	%rax
	add	$16, %rsp
	iretq

	/* u64 guest_user(fn, arg): the frame of our caller stays on the stack. */
guest_user:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	/* guest_cpus[(tr - SEL_TSS) / 16].user_rsp = rsp */
	str	%eax
	sub	$SEL_TSS, %eax
	shr	$4, %eax
	mov	%eax, %edx
	imul	$GUEST_CPU_SIZE, %rax, %rax
	mov	%rsp, guest_cpus + GUEST_CPU_USER_RSP(%rax)
	/* The second page of this vCPU's stacks */
	imul	$STACK_STRIDE, %rdx, %rdx
	add	$(STACK_BASE + STACK_USER - 16), %rdx
	push	$SEL_USER_DATA
	push	%rdx
	push	$0x3002
	push	$SEL_USER64
	push	$1f
	mov	%rdi, %rax
	mov	%rsi, %rdi
	iretq
1:	call	*%rax
	int	$VECTOR_USER_EXIT
	ud2

guest_user_return:
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.section .note.GNU-stack, "", @progbits
