/* SPDX-License-Identifier: GPL-2.0 */
#
# The boot sector of a Bochs machine: loads pieces of its disk to where they
# belong in memory and enters Linux by its 64-bit boot protocol.
#
# A boot loader would have the BIOS read the disk and a compressed kernel
# unpack itself: a minute in this emulator. Here the disk holds the kernel as
# it lies in memory, the RAM disk, and a block with page tables, boot
# parameters and command line. They are read with string input instructions,
# which the emulator executes a sector at a time. The BIOS is asked for the
# memory map only. Linux wants flat segments at selectors 0x10 and 0x18, an
# identity map, and the boot parameters' address in rsi.
#
# PARAMS, TABLES, ENTRY and the pieces (LBAn, COUNTn sectors, ADDRn) come from
# the assembler's command line.

	.set	MAP, 0x8000		# where the BIOS writes the map
	.set	MAP_MAX, 64
	.set	MAP_SIZE, 20
	.set	E820_COUNT, 0x1e8	# offsets in the boot parameters
	.set	E820_TABLE, 0x2d0
	.set	CHUNK, 128		# sectors in one command

	.code16
	.globl	_start
_start:
	cli
	cld
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$0x7000, %sp

	xor	%ebx, %ebx
	xor	%bp, %bp
	mov	$MAP, %di
next_range:
	mov	$0xe820, %eax
	mov	$0x534d4150, %edx
	mov	$MAP_SIZE, %ecx
	int	$0x15
	jc	map_done
	inc	%bp
	add	$MAP_SIZE, %di
	cmp	$MAP_MAX, %bp
	je	map_done
	test	%ebx, %ebx
	jnz	next_range
map_done:
	cli
	in	$0x92, %al		# address line 20
	or	$2, %al
	out	%al, $0x92
	lgdt	gdt_pointer
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmp	$0x08, $protected

	.code32
protected:
	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$0x7000, %esp
	mov	$0x3f6, %edx		# no interrupts from the disk
	mov	$2, %al
	out	%al, %dx
	mov	$pieces, %esi
next_piece:
	mov	(%esi), %ebx		# ebx: sector, ecx: sectors left, edi: address
	mov	4(%esi), %ecx
	mov	8(%esi), %edi
	add	$12, %esi
	jecxz	loaded
next_chunk:
	push	%ecx
	cmp	$CHUNK, %ecx
	jbe	1f
	mov	$CHUNK, %ecx
1:	call	read
	pop	%ecx
	sub	$CHUNK, %ecx
	ja	next_chunk
	jmp	next_piece

# Reads ecx sectors from ebx to edi; advances ebx and edi.
read:
	mov	$0x1f2, %edx
	mov	%cl, %al
	out	%al, %dx
	mov	%ebx, %eax
	add	%ecx, %ebx
	inc	%edx
	out	%al, %dx		# bits 0 to 7
	inc	%edx
	shr	$8, %eax
	out	%al, %dx		# bits 8 to 15
	inc	%edx
	shr	$8, %eax
	out	%al, %dx		# bits 16 to 23
	inc	%edx
	shr	$8, %eax
	or	$0xe0, %al		# bits 24 to 27, LBA, first disk
	out	%al, %dx
	inc	%edx
	mov	$0x20, %al
	out	%al, %dx
2:	mov	$0x1f7, %edx
3:	in	%dx, %al
	test	$0x80, %al		# busy
	jnz	3b
	test	$0x08, %al		# data
	jz	3b
	push	%ecx
	mov	$256, %ecx
	mov	$0x1f0, %edx
	rep insw
	pop	%ecx
	loop	2b
	ret

loaded:
	movzx	%bp, %eax
	mov	%al, PARAMS + E820_COUNT
	imul	$MAP_SIZE / 4, %eax, %ecx
	mov	$MAP, %esi
	mov	$PARAMS + E820_TABLE, %edi
	rep movsl

	mov	%cr4, %eax
	or	$0x20, %eax		# PAE
	mov	%eax, %cr4
	mov	$TABLES, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx	# EFER.LME
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	ljmp	$0x10, $long

	.code64
long:
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	mov	$0x7000, %esp
	mov	$PARAMS, %esi
	mov	$ENTRY, %eax
	jmp	*%rax

pieces:
	.long	LBA0, COUNT0, ADDR0
	.long	LBA1, COUNT1, ADDR1
	.long	LBA2, COUNT2, ADDR2
	.long	0, 0, 0

	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9a000000ffff	# 32-bit code
	.quad	0x00af9a000000ffff	# 64-bit code
	.quad	0x00cf92000000ffff	# data
gdt_pointer:
	.word	gdt_pointer - gdt - 1
	.long	gdt

	.org	510
	.word	0xaa55
