// SPDX-License-Identifier: GPL-2.0
/*
 * What 64-bit guests have in place of an operating system: exception handling,
 * a way into user mode and back, and the functions that gcc likes to call.
 */
#include "guest.h"

struct guest_cpu guest_cpus[MAX_GUEST_CPUS];
guest_handler_t guest_handlers[256];
bool guest_on_tcg;

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);
int memcmp(const void *a, const void *b, size_t n);

/* The build gives these the prefix guest_: the C library's own stay what they are. */
void *memcpy(void *to, const void *from, size_t n)
{
	void *t = to;

	asm volatile("rep movsb" : "+D"(t), "+S"(from), "+c"(n) :: "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	u8 *t = to;
	const u8 *f = from;

	if (t <= f || t >= f + n)
		return memcpy(to, from, n);
	while (n--)
		t[n] = f[n];
	return to;
}

void *memset(void *to, int value, size_t n)
{
	void *t = to;

	asm volatile("rep stosb" : "+D"(t), "+c"(n) : "a"(value) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

u64 guest_random(u64 *state)
{
	u64 z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

struct gate64 *guest_gate(unsigned int vector)
{
	return (struct gate64 *)IDT_BASE + vector;
}

_Static_assert(sizeof(struct guest_cpu) == GUEST_CPU_SIZE, "assembly uses it");
_Static_assert(offsetof(struct guest_cpu, user_rsp) == GUEST_CPU_USER_RSP, "assembly uses it");

void guest_set_gate(unsigned int vector, void *entry, u8 type, u8 ist, u16 selector)
{
	struct gate64 *g = guest_gate(vector);
	u64 address = (unsigned long)entry;

	g->offset_low = address;
	g->offset_mid = address >> 16;
	g->offset_high = address >> 32;
	g->selector = selector;
	g->type = type;
	g->ist = ist;
	g->reserved = 0;
	barrier();
}

void guest_set_descriptor(u16 selector, u64 value)
{
	*(volatile u64 *)(GDT_BASE + (selector & ~7UL)) = value;
}

struct tss64 *guest_tss(void)
{
	return (struct tss64 *)(TSS_BASE + guest_cpu_id() * (unsigned long)TSS_STRIDE);
}

u64 *guest_pte(u64 va, unsigned int level)
{
	u64 table = read_cr3() & PTE_ADDR;
	unsigned int top = read_cr4() & CR4_LA57 ? 5 : 4;

	for (unsigned int l = top; ; l--) {
		u64 *entry = (u64 *)table + (va >> (12 + 9 * (l - 1)) & 511);

		if (l == level)
			return entry;
		GUEST_ASSERT((*entry & (PTE_P | PTE_PS)) == PTE_P);
		table = *entry & PTE_ADDR;
	}
}

static void user_exit(struct guest_cpu *c, struct guest_frame *f, u64 result)
{
	f->rax = result;
	f->rip = (unsigned long)guest_user_return;
	f->cs = SEL_CODE64;
	f->ss = SEL_DATA;
	f->rsp = c->user_rsp;
	f->rflags = FLAG_FIXED;
	c->user_rsp = 0;
}

void guest_exception(struct guest_frame *f)
{
	struct guest_cpu *c = guest_cpu();
	u64 cr2 = read_cr2();

	if (f->vector == VECTOR_USER_EXIT && c->user_rsp) {
		user_exit(c, f, f->rax);
		return;
	}
	if (guest_handlers[f->vector]) {
		c->count[f->vector]++;
		guest_handlers[f->vector](f);
		return;
	}
	c->vector = f->vector;
	c->error = f->error;
	c->rip = f->rip;
	c->cr2 = cr2;
	c->rflags = f->rflags;
	c->cs = f->cs;
	if (c->resume) {
		f->rip = c->resume;
		c->resume = 0;
	} else if (c->user_rsp && (f->cs & 3)) {
		user_exit(c, f, ~0ULL);
	} else {
		guest_ucall(UCALL_TRAP, f->vector, f->error, f->rip, cr2, f->rsp, f->rflags);
	}
}

void guest_return(void)
{
	for (;;)
		GUEST_DONE();
}
