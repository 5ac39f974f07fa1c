/* SPDX-License-Identifier: GPL-2.0 */
/* Entered in 64-bit mode with RDI = the size of memory; the stack grows down from here. */
	.section .start, "ax"
	.globl start
start:
	call	demo
	out	%al, $0xf4
0:	hlt
	jmp	0b

	.section .note.GNU-stack, "", @progbits
