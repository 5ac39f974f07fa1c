// SPDX-License-Identifier: GPL-2.0
#include <cpuid.h>
#include <stdio.h>
#include <string.h>

#include "emulate/exec.h"
#include "native_cpu.h"

static void read_vendor(char vendor[12])
{
	unsigned int eax, r[3] = { 0 };

	__get_cpuid(0, &eax, &r[0], &r[2], &r[1]);
	memcpy(vendor, r, 12);
}

/* Hygon's CPUs are AMD's; Centaur's, Zhaoxin's and all others follow Intel's manuals. */
u16 native_cpu_ways(const char vendor[12])
{
	if (!memcmp(vendor, "AuthenticAMD", 12) || !memcmp(vendor, "HygonGenuine", 12))
		return EMU_AMD;
	return 0;
}

static u16 read_features(void)
{
	unsigned int a, b, c, d;
	char vendor[12];
	u16 features;

	read_vendor(vendor);
	features = native_cpu_ways(vendor);
	if (__get_cpuid(1, &a, &b, &c, &d)) {
		features |= c & bit_MOVBE ? EMU_MOVBE : 0;
		features |= c & bit_POPCNT ? EMU_POPCNT : 0;
		features |= c & bit_CMPXCHG16B ? EMU_CX16 : 0;
		features |= c & bit_SSE4_2 ? EMU_SSE42 : 0;
	}
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
		features |= b & bit_BMI ? EMU_BMI1 : 0;
		features |= b & bit_BMI2 ? EMU_BMI2 : 0;
		features |= b & bit_ADX ? EMU_ADX : 0;
		features |= c & bit_MOVDIRI ? EMU_MOVDIRI : 0;
	}
	if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
		features |= c & bit_LAHF_LM ? EMU_LAHF64 : 0;
		features |= c & bit_LZCNT ? EMU_LZCNT : 0;
	}
	return features;
}

/* Read once: under a hypervisor each CPUID is an exit. */
u16 native_cpu_features(void)
{
	static bool known;
	static u16 features;

	if (!known)
		features = read_features();
	known = true;
	return features;
}

static const u16 needed[EMU_NR_OPS] = {
#define NEEDS(op, handler, frame, feature)				\
	[OP_##op] = feature,
	EMU_HANDLERS(NEEDS)
#undef NEEDS
};

static bool has_clflushopt(void)
{
	unsigned int a, b, c, d;
	static int has = -1;

	if (has < 0)
		has = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_CLFLUSHOPT);
	return has;
}

bool native_cpu_offers_op(unsigned int op)
{
	switch (op) {
	/* Without the feature these are other instructions. */
	case OP_TZCNT:
		return native_cpu_features() & EMU_BMI1;
	case OP_LZCNT:
		return native_cpu_features() & EMU_LZCNT;
	}
	return !(needed[op] & ~native_cpu_features());
}

bool native_cpu_offers(const struct emu_insn *insn)
{
	switch (insn->op) {
	case OP_CMPXCHG8B:
		return insn->operand_size != 8 || (native_cpu_features() & EMU_CX16);
	case OP_LAHF:
	case OP_SAHF:
		return insn->mode != MODE_64 ||
		       (native_cpu_features() & EMU_LAHF64);
	case OP_CLFLUSH:
		return !insn->has_operand_prefix || has_clflushopt();
	}
	return native_cpu_offers_op(insn->op);
}

/* The parts of the signature that continue each other, put together. */
static unsigned int family(unsigned int signature)
{
	unsigned int base = signature >> 8 & 15;

	return base == 15 ? base + (signature >> 20 & 255) : base;
}

static unsigned int model(unsigned int signature)
{
	return (signature >> 4 & 15) | (signature >> 12 & 0xf0);
}

static void read_brand(char brand[49])
{
	unsigned int i, r[4];

	strcpy(brand, "no brand");
	for (i = 0; i < 3; i++)
		if (__get_cpuid(0x80000002 + i, &r[0], &r[1], &r[2], &r[3]))
			memcpy(brand + 16 * i, r, 16);
	brand[48] = 0;
}

static void read_hypervisor(char name[13])
{
	unsigned int a, r[3] = { 0 };

	__cpuid(0x40000000, a, r[0], r[1], r[2]);
	memcpy(name, r, 12);
	name[12] = 0;
}

const char *native_cpu_name(void)
{
	char vendor[12], hypervisor[13] = "";
	unsigned int signature = 0, b, c = 0, d;
	static char text[192];
	char brand[49];

	read_vendor(vendor);
	read_brand(brand);
	__get_cpuid(1, &signature, &b, &c, &d);
	if (c & 1u << 31)
		read_hypervisor(hypervisor);
	snprintf(text, sizeof(text), "%.12s family %u model %u stepping %u (%s)%s%s", vendor,
		 family(signature), model(signature), signature & 15,
		 brand + strspn(brand, " "), c & 1u << 31 ? ", under the hypervisor " : "",
		 hypervisor);
	return text;
}
