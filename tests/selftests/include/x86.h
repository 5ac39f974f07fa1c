/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_X86_H
#define SELFTESTS_X86_H
/* The architecture: bits, descriptors, one-instruction functions for guests. */
#include "types.h"

#define CR0_PE		BIT64(0)
#define CR0_MP		BIT64(1)
#define CR0_EM		BIT64(2)
#define CR0_TS		BIT64(3)
#define CR0_ET		BIT64(4)
#define CR0_NE		BIT64(5)
#define CR0_WP		BIT64(16)
#define CR0_AM		BIT64(18)
#define CR0_NW		BIT64(29)
#define CR0_CD		BIT64(30)
#define CR0_PG		BIT64(31)

#define CR4_VME		BIT64(0)
#define CR4_PVI		BIT64(1)
#define CR4_TSD		BIT64(2)
#define CR4_DE		BIT64(3)
#define CR4_PSE		BIT64(4)
#define CR4_PAE		BIT64(5)
#define CR4_MCE		BIT64(6)
#define CR4_PGE		BIT64(7)
#define CR4_PCE		BIT64(8)
#define CR4_OSFXSR	BIT64(9)
#define CR4_OSXMMEXCPT	BIT64(10)
#define CR4_UMIP	BIT64(11)
#define CR4_LA57	BIT64(12)
#define CR4_VMXE	BIT64(13)
#define CR4_SMXE	BIT64(14)
#define CR4_FSGSBASE	BIT64(16)
#define CR4_PCIDE	BIT64(17)
#define CR4_OSXSAVE	BIT64(18)
#define CR4_SMEP	BIT64(20)
#define CR4_SMAP	BIT64(21)
#define CR4_PKE		BIT64(22)

#define EFER_SCE	BIT64(0)
#define EFER_LME	BIT64(8)
#define EFER_LMA	BIT64(10)
#define EFER_NX		BIT64(11)
#define EFER_SVME	BIT64(12)

#define FLAG_CF		BIT64(0)
#define FLAG_FIXED	BIT64(1)
#define FLAG_PF		BIT64(2)
#define FLAG_AF		BIT64(4)
#define FLAG_ZF		BIT64(6)
#define FLAG_SF		BIT64(7)
#define FLAG_TF		BIT64(8)
#define FLAG_IF		BIT64(9)
#define FLAG_DF		BIT64(10)
#define FLAG_OF		BIT64(11)
#define FLAG_IOPL3	(3ULL << 12)
#define FLAG_NT		BIT64(14)
#define FLAG_RF		BIT64(16)
#define FLAG_VM		BIT64(17)
#define FLAG_AC		BIT64(18)

#define VEC_DE		0
#define VEC_DB		1
#define VEC_NMI		2
#define VEC_BP		3
#define VEC_OF		4
#define VEC_BR		5
#define VEC_UD		6
#define VEC_NM		7
#define VEC_DF		8
#define VEC_TS		10
#define VEC_NP		11
#define VEC_SS		12
#define VEC_GP		13
#define VEC_PF		14
#define VEC_MF		16
#define VEC_AC		17
#define VEC_MC		18
#define VEC_XM		19

#define PFERR_P		BIT(0)
#define PFERR_W		BIT(1)
#define PFERR_U		BIT(2)
#define PFERR_RSVD	BIT(3)
#define PFERR_I		BIT(4)
#define PFERR_PK	BIT(5)

#define PTE_P		BIT64(0)
#define PTE_W		BIT64(1)
#define PTE_U		BIT64(2)
#define PTE_PWT		BIT64(3)
#define PTE_PCD		BIT64(4)
#define PTE_A		BIT64(5)
#define PTE_D		BIT64(6)
#define PTE_PS		BIT64(7)
#define PTE_G		BIT64(8)
#define PTE_NX		BIT64(63)
#define PTE_ADDR	0x000ffffffffff000ULL

#define DR6_B0		BIT64(0)
#define DR6_BD		BIT64(13)
#define DR6_BS		BIT64(14)
#define DR6_FIXED	0xffff0ff0ULL
#define DR7_FIXED	0x400ULL
#define DR7_GD		BIT64(13)

#define MSR_TSC			0x10
#define MSR_APIC_BASE		0x1b
#define MSR_FEAT_CTL		0x3a
#define MSR_TSC_ADJUST		0x3b
#define MSR_SPEC_CTRL		0x48
#define MSR_BIOS_SIGN_ID	0x8b
#define MSR_SYSENTER_CS		0x174
#define MSR_SYSENTER_ESP	0x175
#define MSR_SYSENTER_EIP	0x176
#define MSR_MISC_ENABLE		0x1a0
#define MSR_DEBUGCTL		0x1d9
#define MSR_PAT			0x277
#define MSR_XSS			0xda0
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_SFMASK		0xc0000084
#define MSR_FS_BASE		0xc0000100
#define MSR_GS_BASE		0xc0000101
#define MSR_KERNEL_GS_BASE	0xc0000102
#define MSR_TSC_AUX		0xc0000103

struct descriptor_ptr {
	u16 limit;
	u64 base;
} __attribute__((packed));

struct tss64 {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 iomap;
} __attribute__((packed));

struct gate64 {
	u16 offset_low;
	u16 selector;
	u8 ist;
	u8 type;		/* P, DPL, type */
	u16 offset_mid;
	u32 offset_high;
	u32 reserved;
} __attribute__((packed));

#define GATE_INTERRUPT	0x8e
#define GATE_TRAP	0x8f
#define GATE_DPL3	0x60

struct cpuid_result {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpuid2(u32 leaf, u32 index)
{
	struct cpuid_result r;

	asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
		     : "a"(leaf), "c"(index));
	return r;
}

static inline struct cpuid_result cpuid(u32 leaf)
{
	return cpuid2(leaf, 0);
}

static inline u64 rdmsr(u32 msr)
{
	u32 low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return low | (u64)high << 32;
}

static inline void wrmsr(u32 msr, u64 value)
{
	asm volatile("wrmsr" :: "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline u64 rdtsc(void)
{
	u32 low, high;

	asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high) :: "memory");
	return low | (u64)high << 32;
}

static inline u64 xgetbv(u32 index)
{
	u32 low, high;

	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(index));
	return low | (u64)high << 32;
}

static inline void xsetbv(u32 index, u64 value)
{
	asm volatile("xsetbv" :: "c"(index), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

#define X86_IN(name, type)						\
static inline type name(u16 port)					\
{									\
	type value;							\
									\
	asm volatile("in %1, %0" : "=a"(value) : "Nd"(port) : "memory"); \
	return value;							\
}
X86_IN(inb, u8)
X86_IN(inw, u16)
X86_IN(inl, u32)

#define X86_OUT(name, type)						\
static inline void name(u16 port, type value)				\
{									\
	asm volatile("out %0, %1" :: "a"(value), "Nd"(port) : "memory"); \
}
X86_OUT(outb, u8)
X86_OUT(outw, u16)
X86_OUT(outl, u32)

static inline void hlt(void) { asm volatile("hlt" ::: "memory"); }
static inline void cli(void) { asm volatile("cli" ::: "memory"); }
static inline void sti(void) { asm volatile("sti" ::: "memory"); }
static inline void sti_hlt(void) { asm volatile("sti; hlt" ::: "memory"); }
static inline void sti_nop_cli(void) { asm volatile("sti; nop; cli" ::: "memory"); }
static inline void cpu_relax(void) { asm volatile("pause" ::: "memory"); }

#ifdef __x86_64__
#define X86_CR(n)							\
static inline u64 read_cr##n(void)					\
{									\
	u64 value;							\
									\
	asm volatile("mov %%cr" #n ", %0" : "=r"(value) :: "memory");	\
	return value;							\
}									\
static inline void write_cr##n(u64 value)				\
{									\
	asm volatile("mov %0, %%cr" #n :: "r"(value) : "memory");	\
}
X86_CR(0)
X86_CR(2)
X86_CR(3)
X86_CR(4)
X86_CR(8)

#define X86_DR(n)							\
static inline u64 read_dr##n(void)					\
{									\
	u64 value;							\
									\
	asm volatile("mov %%dr" #n ", %0" : "=r"(value) :: "memory");	\
	return value;							\
}									\
static inline void write_dr##n(u64 value)				\
{									\
	asm volatile("mov %0, %%dr" #n :: "r"(value) : "memory");	\
}
X86_DR(0)
X86_DR(1)
X86_DR(2)
X86_DR(3)
X86_DR(6)
X86_DR(7)

static inline void invlpg(const void *p)
{
	asm volatile("invlpg (%0)" :: "r"(p) : "memory");
}

static inline u64 read_flags(void)
{
	u64 flags;

	asm volatile("pushfq; pop %0" : "=r"(flags) :: "memory");
	return flags;
}

static inline void write_flags(u64 flags)
{
	asm volatile("push %0; popfq" :: "r"(flags) : "memory", "cc");
}

static inline u16 read_tr(void)
{
	u16 tr;

	asm volatile("str %0" : "=r"(tr));
	return tr;
}
#endif /* __x86_64__ */

#endif
