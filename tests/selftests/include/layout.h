/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_LAYOUT_H
#define SELFTESTS_LAYOUT_H
/*
 * Where things are in a guest that vm_new() made. Guest physical addresses;
 * the first gigabyte and the fourth are mapped one to one.
 *
 * The test program's own code and data sit at their link addresses, so that a
 * C function is called, and a variable found, at the same address on both
 * sides. The linker puts them between IMAGE_BASE and IMAGE_END.
 */
#define GDT_BASE	0x1000
#define IDT_BASE	0x2000
#define IDT32_BASE	0x3000		/* free for 32-bit guests */
#define TSS_BASE	0x4000		/* TSS_STRIDE per vCPU */
#define TSS_STRIDE	0x80
#define LOW_BASE	0x6000		/* up to PT_POOL_BASE: the tests' own, below 1 MiB */
#define BLOB_BASE	0x10000		/* code of 16-bit and 32-bit guests */
#define BLOB_STACK	0x30000
#define PT_POOL_BASE	0x40000		/* page tables */
#define PT_POOL_END	0xa0000
#define STACK_BASE	0x100000	/* STACK_STRIDE per vCPU */
#define STACK_STRIDE	0x8000
#define STACK_MAIN	0x2000		/* tops, within a vCPU's stacks */
#define STACK_USER	0x4000
#define STACK_DF	0x5000
#define STACK_NMI	0x6000
#define STACK_RSP0	0x8000
#define IMAGE_BASE	0x400000
#define IMAGE_END	0x800000
#define TEST_BASE	0x800000	/* up to MEM_SIZE: the tests' own */
#define MEM_SIZE	0x1000000

#define MMIO_BASE	0xd0000000ULL	/* no memory here, but mapped */

#define MAX_GUEST_CPUS	64

/* Selectors */
#define SEL_CODE64	0x08
#define SEL_DATA	0x10
#define SEL_CODE32	0x18
#define SEL_USER32	0x23		/* SYSRET wants this order */
#define SEL_USER_DATA	0x2b
#define SEL_USER64	0x33
#define SEL_CODE16	0x38
#define SEL_DATA16	0x40
#define SEL_TEST	0x48		/* five descriptors for tests to fill */
#define SEL_TSS		0x80		/* 16 bytes per vCPU */

/* Offsets and size of struct guest_cpu, for assembly */
#define GUEST_CPU_USER_RSP	56
#define GUEST_CPU_SIZE		(64 + 256 * 8)

#define UCALL_PORT	0x4b
#define VECTOR_USER_EXIT 0xf0		/* leaves user mode, see guest_user() */

#ifndef __ASSEMBLER__
/* Commands of struct ucall */
enum {
	UCALL_NONE,
	UCALL_SYNC,		/* args: stage, then what the test likes */
	UCALL_DONE,
	UCALL_ABORT,		/* args: file, line, text, left, right */
	UCALL_TRAP,		/* args: vector, error, rip, cr2, rsp, rflags */
	UCALL_PRINT,		/* args: format, up to five numbers */
};

struct ucall {
	unsigned long long cmd;
	unsigned long long args[6];
};
#endif

#endif
