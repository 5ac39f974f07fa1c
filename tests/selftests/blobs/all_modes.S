/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Goes through the modes as boot loaders and kernels do, and back to real mode.
 * It says where it is by OUT of EAX to port 0x80. The host has put the roots of
 * page tables into ROOTS: 2 levels, PAE, 4 levels, 5 levels (0: not this time).
 * The image runs at 0x10000 with CS.base there: 16-bit code uses offsets from _start.
 */
#define ROOTS	0x6000
#define SAY(n)	mov $(n), %eax; out %eax, $0x80
#define SEG	0x1000
#define OFF(x)	(x - _start)
#define ABS(x)	(x - _start + 0x10000)

	.section .entry, "ax"
	.code16
	.globl _start
_start:
	SAY(1)
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	OFF(gdtr)
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	$0x08, $protected

	.code32
protected:
	mov	$0x10, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$0x30000, %esp
	SAY(2)

	/* Two levels, with 4 MiB pages */
	mov	%cr4, %eax
	or	$0x10, %eax
	mov	%eax, %cr4
	mov	ROOTS, %eax
	mov	%eax, %cr3
	call	paging_on
	SAY(3)
	call	paging_off

	/* PAE */
	mov	$0x20, %eax
	mov	%eax, %cr4
	mov	ROOTS + 8, %eax
	mov	%eax, %cr3
	call	paging_on
	SAY(4)
	call	paging_off

	/* Long mode: compatibility first */
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	ROOTS + 16, %eax
	mov	%eax, %cr3
	call	paging_on
	rdmsr
	out	%eax, $0x81
	SAY(5)
	ljmpl	$0x18, $long4
	.code64
long4:
	mov	$0x123456789abcdef0, %rbx
	SAY(6)
	ljmpl	*ABS(far_compat)
	.code32
compat:
	/* Five levels need the way through unpaged mode */
	mov	ROOTS + 24, %esi
	test	%esi, %esi
	jz	leave_long
	call	paging_off
	mov	$0x1020, %eax
	mov	%eax, %cr4
	mov	%esi, %cr3
	call	paging_on
	ljmpl	$0x18, $long5
	.code64
long5:
	mov	%cr4, %rbx
	SAY(7)
	ljmpl	*ABS(far_leave)
	.code32
leave_long:
	call	paging_off
	mov	$0xc0000080, %ecx
	rdmsr
	and	$~0x100, %eax
	wrmsr
	xor	%eax, %eax
	mov	%eax, %cr4
	SAY(8)

	/* Back to real mode, through a 16-bit segment */
	ljmpl	$0x20, $OFF(protected16)
	.code16
protected16:
	mov	$0x28, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$~1, %eax
	mov	%eax, %cr0
	ljmpw	$SEG, $OFF(real)
real:
	mov	$SEG, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	$0xfff0, %sp
	lidtl	OFF(ivt)
	xor	%ax, %ax
	mov	%ax, %es
	movw	$OFF(handler), %es:0x40 * 4
	movw	$SEG, %es:0x40 * 4 + 2
	SAY(9)
	int	$0x40
	SAY(11)
1:	hlt
	jmp	1b
handler:
	SAY(10)
	iretw

	.code32
paging_on:
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	jmp	1f
1:	ret
paging_off:
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	jmp	1f
1:	ret

	.balign	8
far_compat:
	.long	compat
	.word	0x08
	.balign	8
far_leave:
	.long	leave_long
	.word	0x08
	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* 08 code, 32 bits */
	.quad	0x00cf93000000ffff	/* 10 data */
	.quad	0x00af9b000000ffff	/* 18 code, 64 bits */
	.quad	0x00009b010000ffff	/* 20 code, 16 bits, base 0x10000 */
	.quad	0x000093010000ffff	/* 28 data, 16 bits, base 0x10000 */
gdtr:
	.word	gdtr - gdt - 1
	.long	gdt
ivt:
	.word	0x3ff
	.long	0
