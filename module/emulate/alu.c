// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic and its flags, from the definitions in the manuals. Overflow is
 * where the sign of the result can't come from the signs of the operands; the
 * carries into each bit are the exclusive or of operands and result.
 */
#include "pure.h"
#include "emulate/alu.h"
#include "emulate/emu.h"

static unsigned int alu_bits(unsigned int size)
{
	return 8 * size;
}

static void alu_swap_values(u64 *a, u64 *b)
{
	u64 t = *a;

	*a = *b;
	*b = t;
}

static bool alu_msb(u64 value, unsigned int size)
{
	return (value >> (alu_bits(size) - 1)) & 1;
}

static void alu_assign(u64 *flags, u64 flag, bool value)
{
	*flags = value ? *flags | flag : *flags & ~flag;
}

/* PF looks at the low byte only: set if it has an even number of ones. */
static bool alu_even_parity(u64 value)
{
	value ^= value >> 4;
	value ^= value >> 2;
	value ^= value >> 1;
	return !(value & 1);
}

void alu_set_szp(u64 result, unsigned int size, u64 *flags)
{
	result &= emu_mask(size);
	alu_assign(flags, EFL_SF, alu_msb(result, size));
	alu_assign(flags, EFL_ZF, !result);
	alu_assign(flags, EFL_PF, alu_even_parity(result));
}

u64 alu_add(u64 a, u64 b, bool carry, unsigned int size, u64 *flags)
{
	u64 result;

	a &= emu_mask(size);
	b &= emu_mask(size);
	result = (a + b + carry) & emu_mask(size);
	alu_assign(flags, EFL_CF, result < a || (carry && result == a));
	alu_assign(flags, EFL_AF, (a ^ b ^ result) & 0x10);
	alu_assign(flags, EFL_OF, alu_msb((a ^ result) & (b ^ result), size));
	alu_set_szp(result, size, flags);
	return result;
}

u64 alu_sub(u64 a, u64 b, bool borrow, unsigned int size, u64 *flags)
{
	u64 result;

	a &= emu_mask(size);
	b &= emu_mask(size);
	result = (a - b - borrow) & emu_mask(size);
	alu_assign(flags, EFL_CF, a < b || (borrow && a == b));
	alu_assign(flags, EFL_AF, (a ^ b ^ result) & 0x10);
	alu_assign(flags, EFL_OF, alu_msb((a ^ b) & (a ^ result), size));
	alu_set_szp(result, size, flags);
	return result;
}

u64 alu_logic(u64 result, unsigned int size, u64 *flags)
{
	result &= emu_mask(size);
	*flags &= ~(EFL_CF | EFL_OF | EFL_AF);
	alu_set_szp(result, size, flags);
	return result;
}

static u64 alu_rotate_left(u64 a, unsigned int count, unsigned int size)
{
	count %= alu_bits(size);
	if (!count)
		return a;
	return ((a << count) | (a >> (alu_bits(size) - count))) & emu_mask(size);
}

/* Rotation through the carry: of one bit more. One step at a time will do. */
static u64 alu_rotate_carry_left(u64 a, unsigned int count, unsigned int size, u64 *flags)
{
	for (count %= alu_bits(size) + 1; count; count--) {
		bool carry = *flags & EFL_CF;

		alu_assign(flags, EFL_CF, alu_msb(a, size));
		a = ((a << 1) | carry) & emu_mask(size);
	}
	alu_assign(flags, EFL_OF, alu_msb(a, size) != !!(*flags & EFL_CF));
	return a;
}

static u64 alu_rotate_carry_right(u64 a, unsigned int count, unsigned int size, u64 *flags)
{
	for (count %= alu_bits(size) + 1; count; count--) {
		u64 carry = *flags & EFL_CF ? 1 : 0;

		alu_assign(flags, EFL_CF, a & 1);
		a = (a >> 1) | (carry << (alu_bits(size) - 1));
	}
	alu_assign(flags, EFL_OF, alu_msb(a, size) != alu_msb(a << 1, size));
	return a;
}

static u64 alu_shift_left(u64 a, unsigned int count, unsigned int size, u64 *flags)
{
	bool carry = count <= alu_bits(size) && ((a >> (alu_bits(size) - count)) & 1);

	a = count < alu_bits(size) ? (a << count) & emu_mask(size) : 0;
	alu_assign(flags, EFL_CF, carry);
	alu_assign(flags, EFL_OF, alu_msb(a, size) != carry);
	alu_set_szp(a, size, flags);
	return a;
}

static u64 alu_shift_right(u64 a, unsigned int count, unsigned int size, u64 *flags)
{
	alu_assign(flags, EFL_OF, alu_msb(a, size));
	alu_assign(flags, EFL_CF, count <= alu_bits(size) && ((a >> (count - 1)) & 1));
	a = count < alu_bits(size) ? a >> count : 0;
	alu_set_szp(a, size, flags);
	return a;
}

static u64 alu_shift_right_signed(u64 a, unsigned int count, unsigned int size, u64 *flags)
{
	s64 wide = (s64)emu_sign_extend(a, size);

	alu_assign(flags, EFL_CF, (wide >> (count - 1)) & 1);
	alu_assign(flags, EFL_OF, false);
	a = (u64)(wide >> count) & emu_mask(size);
	alu_set_szp(a, size, flags);
	return a;
}

/* The count has 5 bits, 6 for operands of 64; zero changes no flag. */
static unsigned int alu_shift_count(unsigned int count, unsigned int size)
{
	return count & (size == 8 ? 63 : 31);
}

u64 alu_shift(u8 op, u64 a, unsigned int count, unsigned int size, u64 *flags)
{
	a &= emu_mask(size);
	count = alu_shift_count(count, size);
	if (!count)
		return a;
	switch (op) {
	case OP_ROL:
		a = alu_rotate_left(a, count, size);
		alu_assign(flags, EFL_CF, a & 1);
		alu_assign(flags, EFL_OF, alu_msb(a, size) != (a & 1));
		return a;
	case OP_ROR:
		a = alu_rotate_left(a, alu_bits(size) - count % alu_bits(size), size);
		alu_assign(flags, EFL_CF, alu_msb(a, size));
		alu_assign(flags, EFL_OF, alu_msb(a, size) != alu_msb(a << 1, size));
		return a;
	case OP_RCL:
		return alu_rotate_carry_left(a, count, size, flags);
	case OP_RCR:
		return alu_rotate_carry_right(a, count, size, flags);
	case OP_SHR:
		return alu_shift_right(a, count, size, flags);
	case OP_SAR:
		return alu_shift_right_signed(a, count, size, flags);
	}
	return alu_shift_left(a, count, size, flags);
}

/*
 * A count above 16 with operands of 16 bits has no defined result; here the bits
 * of @b follow those of @a again.
 */
u64 alu_shld(u64 a, u64 b, unsigned int count, unsigned int size, u64 *flags)
{
	u64 result;

	a &= emu_mask(size);
	b &= emu_mask(size);
	count = alu_shift_count(count, size);
	if (!count)
		return a;
	if (count > alu_bits(size)) {
		count -= alu_bits(size);
		alu_swap_values(&a, &b);
	}
	alu_assign(flags, EFL_CF, (a >> (alu_bits(size) - count)) & 1);
	result = count < alu_bits(size) ? (a << count) | (b >> (alu_bits(size) - count)) : b;
	result &= emu_mask(size);
	alu_assign(flags, EFL_OF, alu_msb(a ^ result, size));
	alu_set_szp(result, size, flags);
	return result;
}

u64 alu_shrd(u64 a, u64 b, unsigned int count, unsigned int size, u64 *flags)
{
	u64 result;

	a &= emu_mask(size);
	b &= emu_mask(size);
	count = alu_shift_count(count, size);
	if (!count)
		return a;
	if (count > alu_bits(size)) {
		count -= alu_bits(size);
		alu_swap_values(&a, &b);
	}
	alu_assign(flags, EFL_CF, (a >> (count - 1)) & 1);
	result = count < alu_bits(size) ? (a >> count) | (b << (alu_bits(size) - count)) : b;
	result &= emu_mask(size);
	alu_assign(flags, EFL_OF, alu_msb(a ^ result, size));
	alu_set_szp(result, size, flags);
	return result;
}

/* SF, ZF, AF and PF are not defined after a multiplication. */
static void alu_multiplied(u64 *flags, bool overflow)
{
	alu_assign(flags, EFL_CF, overflow);
	alu_assign(flags, EFL_OF, overflow);
}

u64 alu_mul(u64 a, u64 b, unsigned int size, u64 *high, u64 *flags)
{
	unsigned __int128 product = (unsigned __int128)(a & emu_mask(size)) *
				    (b & emu_mask(size));

	*high = (u64)(product >> alu_bits(size)) & emu_mask(size);
	alu_multiplied(flags, *high);
	return (u64)product & emu_mask(size);
}

u64 alu_imul(u64 a, u64 b, unsigned int size, u64 *high, u64 *flags)
{
	__int128 product = (__int128)(s64)emu_sign_extend(a, size) *
			   (s64)emu_sign_extend(b, size);
	u64 low = (u64)product & emu_mask(size);

	*high = (u64)(product >> alu_bits(size)) & emu_mask(size);
	alu_multiplied(flags, product != (s64)emu_sign_extend(low, size));
	return low;
}

/*
 * Schoolbook division, bit by bit: the kernel has no 128 by 64 division, and
 * nothing here is in a hurry.
 */
bool alu_div(u64 high, u64 low, u64 divisor, unsigned int size,
	     u64 *quotient, u64 *remainder)
{
	unsigned int i;
	u64 q = 0;

	high &= emu_mask(size);
	low &= emu_mask(size);
	divisor &= emu_mask(size);
	if (high >= divisor)
		return false;
	for (i = alu_bits(size); i-- > 0;) {
		bool carry = alu_msb(high, size);

		high = ((high << 1) | ((low >> i) & 1)) & emu_mask(size);
		q <<= 1;
		if (carry || high >= divisor) {
			high = (high - divisor) & emu_mask(size);
			q |= 1;
		}
	}
	*quotient = q;
	*remainder = high;
	return true;
}

static void alu_negate_pair(u64 *high, u64 *low, unsigned int size)
{
	*low = -*low & emu_mask(size);
	*high = (~*high + !*low) & emu_mask(size);
}

bool alu_idiv(u64 high, u64 low, u64 divisor, unsigned int size,
	      u64 *quotient, u64 *remainder)
{
	u64 limit = BIT_ULL(alu_bits(size) - 1);
	bool negative, divisor_negative, differ;

	high &= emu_mask(size);
	low &= emu_mask(size);
	negative = alu_msb(high, size);
	divisor_negative = alu_msb(divisor, size);
	differ = negative != divisor_negative;
	if (negative)
		alu_negate_pair(&high, &low, size);
	if (divisor_negative)
		divisor = -divisor;
	if (!alu_div(high, low, divisor, size, quotient, remainder))
		return false;
	if (*quotient > (differ ? limit : limit - 1))
		return false;
	if (differ)
		*quotient = -*quotient & emu_mask(size);
	if (negative)
		*remainder = -*remainder & emu_mask(size);
	return true;
}

/* Spread the low bits of a value to where the mask has ones. */
u64 alu_pdep(u64 value, u64 mask)
{
	u64 result = 0;

	for (; mask; mask &= mask - 1, value >>= 1)
		if (value & 1)
			result |= mask & -mask;
	return result;
}

/* Gather the bits of a value from where the mask has ones. */
u64 alu_pext(u64 value, u64 mask)
{
	unsigned int n = 0;
	u64 result = 0;

	for (; mask; mask &= mask - 1, n++)
		if (value & mask & -mask)
			result |= BIT_ULL(n);
	return result;
}

/* The Castagnoli polynomial, bits reflected. */
u32 alu_crc32(u32 crc, u64 value, unsigned int size)
{
	unsigned int i;

	for (i = 0; i < alu_bits(size); i++) {
		bool bit = (crc ^ (value >> i)) & 1;

		crc >>= 1;
		if (bit)
			crc ^= 0x82f63b78;
	}
	return crc;
}
