/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The signal handler of the native test, around its C part.
 *
 * C code must not run with the AC flag or the FS base of an instruction under
 * test; NT and ID are not restored by the kernel, so they end here too. On the
 * way into an instruction its segments are loaded last of all.
 */
	.text
	.globl	native_stub
	.type	native_stub, @function
native_stub:
	pushfq
	andq	$~0x244000, (%rsp)
	popfq
	xorl	%eax, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movq	native_home_fs(%rip), %rax
	wrfsbase %rax
	subq	$8, %rsp
	call	native_handler
	addq	$8, %rsp
	testl	%eax, %eax
	jz	1f
	movw	native_test_segs + 0(%rip), %ds
	movw	native_test_segs + 2(%rip), %es
	movw	native_test_segs + 4(%rip), %fs
	movw	native_test_segs + 6(%rip), %gs
	testl	$1, native_test_64(%rip)
	jz	1f
	movq	native_test_fs(%rip), %rax
	wrfsbase %rax
	movq	native_test_gs(%rip), %rax
	wrgsbase %rax
1:	ret
	.size	native_stub, . - native_stub
	.section .note.GNU-stack, "", @progbits
