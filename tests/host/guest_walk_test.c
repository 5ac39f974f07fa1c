// SPDX-License-Identifier: GPL-2.0
/*
 * The walk of guest page tables against a reference written from the Intel
 * SDM, volume 3, chapter "Paging", in another way than the walk itself: the
 * reference first lists the entries of the path, then asks the manual's
 * questions about the list, one function a paragraph.
 *
 * Guests are small random memories full of table entries, half of them
 * sensible, half with random bits, walked in every paging mode with every
 * combination of control bits. Compared are the address, the error code, and
 * every byte of the guest's memory afterwards (accessed and dirty bits).
 *
 * Other rounds: entries that change during the walk, memory that ends, and
 * tables that cannot be written.
 */
#include <stdlib.h>

#include "mmu/guest_walk.h"
#include "random.h"
#include "tap.h"

#define MEMORY_PAGES	16
#define MEMORY_SIZE	(MEMORY_PAGES * 4096ULL)

struct guest {
	u8 bytes[MEMORY_SIZE];
	bool read_only;
	unsigned long reads, exchanges;
	/* An entry that another CPU changes: before the nth exchange. */
	struct random *racer;
	unsigned int races;
};

static int guest_read(void *context, gpa_t gpa, void *entry, unsigned int size)
{
	struct guest *g = context;

	g->reads++;
	if (gpa % size || (size != 4 && size != 8))
		abort();
	if (gpa + size > MEMORY_SIZE)
		return -EFAULT;
	memcpy(entry, g->bytes + gpa, size);
	return 0;
}

static int guest_exchange(void *context, gpa_t gpa, void *old, const void *new, unsigned int size)
{
	struct guest *g = context;

	g->exchanges++;
	if (gpa % size || gpa + size > MEMORY_SIZE)
		abort();
	if (g->read_only)
		return -EFAULT;
	if (g->races) {
		g->races--;
		/* A software bit: the translation stays, the entry is not the same. */
		g->bytes[gpa + 1] ^= 0x02;
	}
	if (memcmp(g->bytes + gpa, old, size)) {
		memcpy(old, g->bytes + gpa, size);
		return 1;
	}
	memcpy(g->bytes + gpa, new, size);
	return 0;
}

/* The reference. */

enum paging { NONE, BITS32, PAE, LEVEL4, LEVEL5, NMODES };
static const char *const mode_names[] = { "no paging", "32-bit", "PAE", "4-level", "5-level" };

struct path {
	int n;
	struct { u64 value; u64 gpa; char kind; } e[5];	/* kind: 5, 4, 3, 2, 1 as in PML5E ... PTE */
	enum { LEAF, NOT_PRESENT, RESERVED, NO_MEMORY } end;
};

static enum paging ref_mode(const struct bellows_guest_paging *p)
{
	if (!(p->cr0 >> 31 & 1))
		return NONE;
	if (!(p->cr4 >> 5 & 1))
		return BITS32;
	if (!(p->efer >> 10 & 1))
		return PAE;
	return p->cr4 >> 12 & 1 ? LEVEL5 : LEVEL4;
}

static bool bit(u64 value, int nr)
{
	return value >> nr & 1;
}

static bool any_set(u64 value, int high, int low)
{
	for (; high >= low; high--)
		if (bit(value, high))
			return true;
	return false;
}

/* Does this entry map a page? */
static bool ref_maps_page(enum paging mode, const struct bellows_guest_paging *p, u64 e, char kind)
{
	switch (kind) {
	case '1':
		return true;
	case '2':
		return bit(e, 7) && (mode != BITS32 || bit(p->cr4, 4));
	case '3':
		return bit(e, 7) && mode >= LEVEL4;
	default:
		return false;
	}
}

/* Tables 4-4 to 4-20 of the manual: which bits must be 0. */
static bool ref_reserved(enum paging mode, const struct bellows_guest_paging *p, u64 e, char kind)
{
	int m = p->maxphyaddr;
	bool page = ref_maps_page(mode, p, e, kind);

	if (mode == BITS32) {
		if (kind != '2' || !page)
			return false;
		if (m > 40)
			m = 40;
		/* Bits (M-20):13 are bits (M-1):32 of the address. */
		return m <= 32 ? any_set(e, 21, 13) : any_set(e, 21, m - 19);
	}
	if (m <= 51 && any_set(e, 51, m))
		return true;
	if (!bit(p->efer, 11) && bit(e, 63))
		return true;
	if (mode == PAE) {
		if (any_set(e, 62, 52))
			return true;
		if (kind == '3')
			/* But 5, which some set as an accessed bit. */
			return any_set(e, 2, 1) || any_set(e, 8, 6) || bit(e, 63);
	}
	if (kind >= '4' && bit(e, 7))
		return true;
	if (kind == '3' && bit(e, 7))
		return !p->has_1g_pages || any_set(e, 29, 13);
	return kind == '2' && page && any_set(e, 20, 13);
}

static void ref_path(struct guest *g, const struct bellows_guest_paging *p, enum paging mode, u64 gva,
		     struct path *path)
{
	u64 table, index;
	char kind;

	memset(path, 0, sizeof(*path));
	switch (mode) {
	case BITS32:
		kind = '2';
		table = p->cr3 & 0xfffff000;
		break;
	case PAE:
		kind = '3';
		table = p->cr3 & 0xffffffe0;
		break;
	default:
		kind = mode == LEVEL5 ? '5' : '4';
		table = p->cr3 & 0xffffffffff000 & ((1ULL << p->maxphyaddr) - 1);
	}
	for (;; kind--) {
		u64 value = 0, gpa;
		int size = mode == BITS32 ? 4 : 8;

		if (mode == BITS32)
			index = kind == '2' ? gva >> 22 & 0x3ff : gva >> 12 & 0x3ff;
		else if (mode == PAE && kind == '3')
			index = gva >> 30 & 3;
		else
			index = gva >> (12 + 9 * (kind - '1')) & 0x1ff;
		gpa = table + size * index;
		if (gpa + size > MEMORY_SIZE) {
			path->end = NO_MEMORY;
			return;
		}
		memcpy(&value, g->bytes + gpa, size);
		path->e[path->n].value = value;
		path->e[path->n].gpa = gpa;
		path->e[path->n++].kind = kind;
		path->end = LEAF;
		if (!bit(value, 0)) {
			path->end = NOT_PRESENT;
			return;
		}
		if (ref_reserved(mode, p, value, kind)) {
			path->end = RESERVED;
			return;
		}
		if (ref_maps_page(mode, p, value, kind))
			return;
		table = mode == BITS32 ? value & 0xfffff000 : value & 0xffffffffff000;
	}
}

/* "every paging-structure entry controlling the translation"; PAE's PDPTEs have no such flags. */
static bool ref_all(const struct path *path, enum paging mode, int nr)
{
	int i;

	for (i = 0; i < path->n; i++)
		if (!(mode == PAE && path->e[i].kind == '3') && !bit(path->e[i].value, nr))
			return false;
	return true;
}

static bool ref_xd(const struct path *path, enum paging mode)
{
	int i;

	for (i = 0; i < path->n; i++)
		if (mode != BITS32 && bit(path->e[i].value, 63))
			return true;
	return false;
}

/* Section "Determination of Access Rights": may the access be made? */
static bool ref_allowed(const struct path *path, enum paging mode, const struct bellows_guest_paging *p,
			bool user, bool implicit, char what)
{
	bool user_page = ref_all(path, mode, 2), writable = ref_all(path, mode, 1), xd = ref_xd(path, mode);
	bool wp = bit(p->cr0, 16), smep = bit(p->cr4, 20), smap = bit(p->cr4, 21), ac = bit(p->rflags, 18);

	if (user) {
		if (!user_page)
			return false;
		return what == 'r' || (what == 'w' && writable) || (what == 'x' && !xd);
	}
	if (what == 'x')
		return user_page ? !smep && !xd : !xd;
	if (user_page && smap && (implicit || !ac))
		return false;
	return what == 'r' || !wp || writable;
}

static bool ref_key_violation(const struct path *path, enum paging mode, const struct bellows_guest_paging *p,
			      bool user, char what)
{
	int key = path->e[path->n - 1].value >> 59 & 15;

	if (mode < LEVEL4 || !bit(p->cr4, 22) || !ref_all(path, mode, 2) || what == 'x')
		return false;
	if (bit(p->pkru, 2 * key))
		return true;
	return what == 'w' && bit(p->pkru, 2 * key + 1) && (user || bit(p->cr0, 16));
}

static u64 ref_address(const struct path *path, enum paging mode, u64 gva)
{
	u64 e = path->e[path->n - 1].value;

	switch (path->e[path->n - 1].kind) {
	case '3':
		return (e & 0xfffffc0000000) | (gva & 0x3fffffff);
	case '2':
		if (mode == BITS32)
			return (e & 0xffc00000) | (e >> 13 & 0xff) << 32 | (gva & 0x3fffff);
		return (e & 0xfffffffe00000) | (gva & 0x1fffff);
	default:
		return (e & 0xffffffffff000) | (gva & 0xfff);
	}
}

struct result {
	int ret;
	u64 gpa;
	struct bellows_guest_fault fault;
};

static struct result reference(struct guest *g, const struct bellows_guest_paging *p, u64 gva, u32 access)
{
	bool implicit = access & ACCESS_IMPLICIT, key;
	bool user = (access & ACCESS_USER) && !implicit;
	char what = access & ACCESS_EXEC ? 'x' : access & ACCESS_WRITE ? 'w' : 'r';
	enum paging mode = ref_mode(p);
	struct result res = {};
	struct path path;
	int i;

	if (mode < LEVEL4)
		gva &= 0xffffffff;
	if (mode == NONE) {
		res.gpa = gva;
		return res;
	}
	ref_path(g, p, mode, gva, &path);
	if (path.end == NO_MEMORY) {
		res.ret = -EFAULT;
		return res;
	}
	key = path.end == LEAF && ref_key_violation(&path, mode, p, user, what);
	if (path.end != LEAF || key || !ref_allowed(&path, mode, p, user, implicit, what)) {
		res.ret = 1;
		res.fault.address = gva;
		res.fault.error = (path.end != NOT_PRESENT) << 0 | (what == 'w') << 1 | user << 2 |
				  (path.end == RESERVED) << 3 | key << 5;
		if (what == 'x' && (bit(p->cr4, 20) || (bit(p->cr4, 5) && bit(p->efer, 11))))
			res.fault.error |= 1 << 4;
		return res;
	}
	res.gpa = ref_address(&path, mode, gva);
	for (i = 0; i < path.n && !g->read_only; i++) {
		if (mode == PAE && path.e[i].kind == '3')
			continue;
		g->bytes[path.e[i].gpa] |= 0x20 | (i == path.n - 1 && what == 'w' ? 0x40 : 0);
	}
	return res;
}

/* Random guests. */

static u64 random_entry(struct random *r, int size, unsigned int maxphyaddr)
{
	u64 e = (u64)random_below(r, MEMORY_PAGES + (random_below(r, 16) == 0)) << 12;
	unsigned int i, n;

	/* Mostly present, writable, user; other flags by chance. */
	e |= random_below(r, 16) ? 1 : 0;
	e |= random_below(r, 4) ? 2 : 0;
	e |= random_below(r, 4) ? 4 : 0;
	e |= random_u64(r) & 0xe78;		/* PWT, PCD, A, D, ignored */
	e |= random_below(r, 3) ? 0 : 0x80;
	if (e & 0x80)
		e &= random_below(r, 3) ? ~0x1fe000ULL : ~0ULL;
	if (size == 8 && random_below(r, 4) == 0)
		e |= random_u64(r) & 0x7ff0000000000000;
	if (size == 8 && random_below(r, 8) == 0)
		e |= 1ULL << 63;
	if (random_below(r, 3) == 0) {
		n = 1 + random_below(r, 2);
		for (i = 0; i < n; i++)
			e ^= 1ULL << random_below(r, size * 8);
	}
	if (size == 8 && random_below(r, 16) == 0)
		e ^= 1ULL << (maxphyaddr - random_below(r, 2));
	return e;
}

static void random_guest(struct guest *g, struct random *r, enum paging mode, unsigned int maxphyaddr)
{
	int size = mode == BITS32 ? 4 : 8;
	u64 i, e;

	memset(g, 0, sizeof(*g));
	for (i = 0; i < MEMORY_SIZE; i += size) {
		e = random_entry(r, size, maxphyaddr);
		if (mode == PAE && random_below(r, 2))
			e &= ~0x1e6ULL;		/* many good page-directory pointers */
		if (mode >= LEVEL4 && random_below(r, 2))
			e &= ~0x80ULL;
		if (mode >= LEVEL4 || mode == PAE)
			e &= random_below(r, 4) ? ~0ULL >> (64 - 52) | 0xfffULL << 52 : ~0ULL;
		memcpy(g->bytes + i, &e, size);
	}
}

static void random_paging(struct bellows_guest_paging *p, struct random *r, enum paging mode)
{
	static const u8 widths[] = { 32, 36, 39, 40, 46, 52 };

	memset(p, 0, sizeof(*p));
	p->cr0 = 1 | (u64)(mode != NONE) << 31 | random_below(r, 2) << 16;
	p->cr4 = (u64)random_below(r, 2) << 4 | (mode >= PAE) << 5 | (mode == LEVEL5) << 12;
	p->cr4 |= (u64)random_below(r, 8) << 20;
	if (mode == NONE)
		p->cr4 |= random_below(r, 2) << 5;
	p->efer = (u64)random_below(r, 2) << 11;
	if (mode >= LEVEL4)
		p->efer |= 0x500;
	p->rflags = 2 | random_below(r, 2) << 18;
	p->pkru = random_below(r, 2) ? random_u64(r) : 0;
	p->maxphyaddr = widths[random_below(r, ARRAY_SIZE(widths))];
	p->has_1g_pages = random_below(r, 2);
	p->cr3 = (u64)random_below(r, MEMORY_PAGES) << 12 | random_below(r, 4096);
	if (mode >= LEVEL4 && random_below(r, 8) == 0)
		p->cr3 |= 0xfffULL << 52 | (p->maxphyaddr < 52 ? 1ULL << p->maxphyaddr : 0);
}

static const u32 accesses[] = {
	ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC,
	ACCESS_READ | ACCESS_WRITE,
	ACCESS_READ | ACCESS_USER, ACCESS_WRITE | ACCESS_USER,
	ACCESS_EXEC | ACCESS_USER,
	ACCESS_READ | ACCESS_IMPLICIT, ACCESS_WRITE | ACCESS_IMPLICIT,
	ACCESS_READ | ACCESS_IMPLICIT | ACCESS_USER,
};

static struct result walk_noting(struct guest *g, const struct bellows_guest_paging *p, u64 gva,
				 u32 access, struct guest_path *path)
{
	const struct guest_tables tables = {
		.context = g,
		.read = guest_read,
		.exchange = guest_exchange,
	};
	struct result res = {};

	res.ret = guest_walk_tables(&tables, p, gva, access, &res.gpa, &res.fault, path);
	return res;
}

static struct result walk(struct guest *g, const struct bellows_guest_paging *p, u64 gva, u32 access)
{
	return walk_noting(g, p, gva, access, NULL);
}

static bool same(const struct result *a, const struct result *b)
{
	return a->ret == b->ret && (a->ret || a->gpa == b->gpa) &&
	       (a->ret != GUEST_WALK_FAULT ||
		(a->fault.address == b->fault.address && a->fault.error == b->fault.error));
}

static void explain(const struct bellows_guest_paging *p, u64 gva, u32 access, const struct result *is,
		    const struct result *want)
{
	tap_note("cr0 %llx cr3 %llx cr4 %llx efer %llx rflags %llx pkru %x maxphyaddr %u 1g %d",
		 p->cr0, p->cr3, p->cr4, p->efer, p->rflags, p->pkru, p->maxphyaddr, p->has_1g_pages);
	tap_note("gva %llx access %x: %d gpa %llx error %x, reference %d gpa %llx error %x", gva, access,
		 is->ret, is->gpa, is->fault.error, want->ret, want->gpa, want->fault.error);
}

/* How often each outcome was seen: a comparison that only ever faults proves little. */
struct outcomes {
	unsigned long good, faults, reserved, key, protection, no_memory;
};

static void count(struct outcomes *o, const struct result *res)
{
	if (!res->ret)
		o->good++;
	else if (res->ret < 0)
		o->no_memory++;
	else if (res->fault.error & 8)
		o->reserved++;
	else if (res->fault.error & 32)
		o->key++;
	else if (res->fault.error & 1)
		o->protection++;
	else
		o->faults++;
}

static bool compare_guests(struct random *r, enum paging mode, bool read_only, struct outcomes *o)
{
	static struct guest g, ref;
	struct bellows_guest_paging p;
	struct result is, want;
	unsigned int i;
	u64 gva;
	u32 access;

	random_paging(&p, r, mode);
	random_guest(&g, r, mode, p.maxphyaddr);
	g.read_only = read_only;
	ref = g;
	for (i = 0; i < 400; i++) {
		if (i % 16 == 0) {
			u64 cr3 = p.cr3;

			cr3 = (u64)random_below(r, MEMORY_PAGES) << 12;
			random_paging(&p, r, mode);
			p.cr3 = (p.cr3 & ~(MEMORY_SIZE - 0x1000)) | cr3;
		}
		gva = random_u64(r);
		access = accesses[random_below(r, ARRAY_SIZE(accesses))];
		want = reference(&ref, &p, gva, access);
		is = walk(&g, &p, gva, access);
		count(o, &want);
		if (!same(&is, &want) || memcmp(g.bytes, ref.bytes, MEMORY_SIZE)) {
			if (same(&is, &want))
				tap_note("memory differs afterwards");
			explain(&p, gva, access, &is, &want);
			return false;
		}
	}
	return true;
}

static void run_mode(struct random *r, enum paging mode, bool read_only)
{
	unsigned long i, rounds = scaled(read_only ? 60 : 500);
	struct outcomes o = {};
	bool ok = true;

	for (i = 0; i < rounds && ok; i++)
		ok = compare_guests(r, mode, read_only, &o);
	if (ok && mode != NONE && (!o.good || !o.faults || !o.protection || !o.no_memory || !o.reserved))
		ok = false;
	if (ok && mode >= LEVEL4 && !o.key)
		ok = false;
	tap_result(ok, "%s%s: %lu good, %lu absent, %lu protected, %lu reserved, %lu by key, %lu without memory",
		   mode_names[mode], read_only ? ", tables in a ROM" : "", o.good, o.faults, o.protection,
		   o.reserved, o.key, o.no_memory);
}

/* As a view does it, which relies on a path. */
static bool path_holds(const struct guest *g, const struct guest_path *path)
{
	unsigned int level;

	for (level = path->leaf; level <= path->top; level++) {
		u64 entry = 0;

		memcpy(&entry, g->bytes + path->at[level], path->entry_size);
		if (entry != path->entry[level])
			return false;
	}
	return true;
}

/* Control state, a page or an access that is nearly that of the walk before. */
static void vary(struct random *r, enum paging mode, struct bellows_guest_paging *p, u64 *gva,
		 u32 *access)
{
	struct bellows_guest_paging other;

	*gva ^= random_below(r, 0x1000);
	switch (random_below(r, 8)) {
	case 0:
		*access = accesses[random_below(r, ARRAY_SIZE(accesses))];
		break;
	case 1:
		*gva ^= 1ULL << random_below(r, 48);
		break;
	case 2:
		random_paging(&other, r, mode);
		other.cr3 = p->cr3;
		*p = other;
		break;
	case 3:
		p->rflags ^= 1ULL << random_below(r, 22);
		break;
	case 4:
		/* Neither the mode nor what makes the tables another format. */
		p->cr0 ^= 1ULL << random_below(r, 31);
		p->cr4 ^= (1ULL << random_below(r, 24)) & ~0x1020ULL;
		p->efer ^= 1ULL << (random_below(r, 2) ? 11 : 0);
		break;
	}
}

/*
 * A path that fits and holds tells what a walk does: it succeeds, with that
 * address, and changes nothing. Entries and everything else change in between.
 */
static bool rely_on_path(struct random *r, enum paging mode, bool read_only, unsigned long *relied)
{
	struct guest_path path = {};
	static struct guest g, before;
	struct bellows_guest_paging p;
	struct result is, want;
	/* A linear address has no upper half outside of long mode. */
	u64 mask = mode < LEVEL4 ? U32_MAX : U64_MAX;
	u64 gva = random_u64(r) & mask;
	u32 access = accesses[random_below(r, ARRAY_SIZE(accesses))];
	unsigned int i;

	random_paging(&p, r, mode);
	random_guest(&g, r, mode, p.maxphyaddr);
	g.read_only = read_only;
	p.cr3 = (p.cr3 & ~(MEMORY_SIZE - 0x1000)) | (u64)random_below(r, MEMORY_PAGES) << 12;
	for (i = 0; i < 64; i++) {
		bool rely = path.access && guest_path_fits(&path, &p, gva, access) &&
			    path_holds(&g, &path);

		want = (struct result){ .gpa = path.gpa | (gva & 0xfff) };
		before = g;
		is = walk_noting(&g, &p, gva, access, &path);
		if (rely) {
			++*relied;
			if (!same(&is, &want) || memcmp(g.bytes, before.bytes, MEMORY_SIZE)) {
				explain(&p, gva, access, &is, &want);
				return false;
			}
		}
		vary(r, mode, &p, &gva, &access);
		/* On the path, mostly: elsewhere it would rarely matter. */
		if (path.access && path.top && !random_below(r, 4))
			g.bytes[path.at[path.leaf + random_below(r, path.top - path.leaf + 1)] +
				random_below(r, path.entry_size)] ^= 1 << random_below(r, 8);
		if (is.ret)
			gva = random_u64(r);
		gva &= mask;
	}
	return true;
}

static void run_paths(struct random *r, enum paging mode, bool read_only)
{
	unsigned long i, rounds = scaled(2000), relied = 0;
	bool ok = true;

	for (i = 0; i < rounds && ok; i++)
		ok = rely_on_path(r, mode, read_only, &relied);
	tap_result(ok && relied, "%s%s: what a walk noted tells what it does again, %lu times",
		   mode_names[mode], read_only ? ", tables in a ROM" : "", relied);
}

/* A single 4-level mapping of gva 0 with a page table in page 4. */
static void simple_guest(struct guest *g, struct bellows_guest_paging *p)
{
	static const u64 entries[] = { 0x2007, 0x3007, 0x4007, 0x5007 };
	int i;

	memset(g, 0, sizeof(*g));
	*p = (struct bellows_guest_paging) {
		.cr0 = 0x80010001, .cr3 = 0x1000, .cr4 = 0x20, .efer = 0xd00, .rflags = 2, .maxphyaddr = 46,
	};
	for (i = 0; i < 4; i++)
		memcpy(g->bytes + (i + 1) * 0x1000, &entries[i], 8);
}

static void run_races(void)
{
	struct bellows_guest_paging p;
	static struct guest g;
	struct result few, many;
	unsigned long reads;

	simple_guest(&g, &p);
	g.races = 3;
	few = walk(&g, &p, 0x123, ACCESS_WRITE);
	/* Three lost races: three walks from the top more. */
	tap_result(!few.ret && few.gpa == 0x5123 && g.reads == 16 && (g.bytes[0x4000] & 0x60) == 0x60,
		   "an entry that changes is read again");
	simple_guest(&g, &p);
	g.races = ~0U;
	many = walk(&g, &p, 0x123, ACCESS_WRITE);
	reads = g.reads;
	tap_result(many.ret == -EAGAIN && reads < 1000, "entries that never stop changing end the walk");
}

static void run_no_needless_writes(void)
{
	struct bellows_guest_paging p;
	static struct guest g;
	unsigned long first;

	simple_guest(&g, &p);
	walk(&g, &p, 0, ACCESS_READ);
	first = g.exchanges;
	walk(&g, &p, 0, ACCESS_READ);
	tap_result(first == 4 && g.exchanges == 4, "bits that are set are not set again");
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct random r;
	int mode;

	random_seed(&r, seed);
	tap_plan(2 * NMODES + 2 * NMODES + 3);
	tap_note("SEED=%llu", (unsigned long long)seed);
	for (mode = 0; mode < NMODES; mode++) {
		run_mode(&r, mode, false);
		run_mode(&r, mode, true);
	}
	for (mode = 0; mode < NMODES; mode++) {
		run_paths(&r, mode, false);
		run_paths(&r, mode, true);
	}
	run_races();
	run_no_needless_writes();
	return tap_exit();
}
