// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "native.h"

#define HWCAP2_FSGSBASE_BIT	2
#define USER_CS64		0x33
#define USER_CS32		0x23
#define USER_DS			0x2b
#define XSTATE_HEADER		512
#define XSTATE_SSE		2
#define FP_SSE_MAGIC		464	/* sw_reserved of the frame */

static u8 *alias;			/* the pages, always writable */
static gregset_t home;
static struct native_state *running;
static int phase;		/* 0: at home, 1: in the instruction */

/* For the stub, which calls native_handler(). */
u64 native_home_fs;
u64 native_test_fs, native_test_gs;
u16 native_test_segs[4];		/* DS, ES, FS, GS */
u32 native_test_64;

static const int greg_of[NR_GPRS] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static void load(const struct native_state *s, ucontext_t *uc)
{
	greg_t *regs = uc->uc_mcontext.gregs;
	u8 *fp = (u8 *)uc->uc_mcontext.fpregs;
	unsigned int i;

	for (i = 0; i < NR_GPRS; i++)
		regs[greg_of[i]] = s->regs[i];
	regs[REG_RIP] = s->rip;
	regs[REG_EFL] = s->rflags;
	regs[REG_CSGSFS] = (u64)s->seg[SEG_CS] | (u64)s->seg[SEG_SS] << 48;
	memcpy(uc->uc_mcontext.fpregs->_xmm, s->xmm, sizeof(s->xmm));
	/* Registers that were in their initial state would stay there. */
	fp[XSTATE_HEADER] |= XSTATE_SSE;
}

static void store(struct native_state *s, const ucontext_t *uc)
{
	const greg_t *regs = uc->uc_mcontext.gregs;
	unsigned int i;

	for (i = 0; i < NR_GPRS; i++)
		s->regs[i] = regs[greg_of[i]];
	s->rip = regs[REG_RIP];
	s->rflags = regs[REG_EFL];
	s->vector = regs[REG_TRAPNO];
	s->error = regs[REG_ERR];
	s->cr2 = regs[REG_CR2];
	memcpy(s->xmm, uc->uc_mcontext.fpregs->_xmm, sizeof(s->xmm));
}

/* Called by the stub; 1: the instruction comes next. */
int native_handler(int signo, siginfo_t *info, ucontext_t *uc)
{
	if (!running) {
		/* Not ours: happen again, without us. */
		signal(signo, SIG_DFL);
		return 0;
	}
	if (phase == 0) {
		memcpy(home, uc->uc_mcontext.gregs, sizeof(home));
		load(running, uc);
		phase = 1;
		return 1;
	}
	store(running, uc);
	memcpy(uc->uc_mcontext.gregs, home, sizeof(home));
	uc->uc_mcontext.gregs[REG_RIP] += 2;
	running = NULL;
	return 0;
}

void native_run(struct native_state *s)
{
	native_test_64 = s->seg[SEG_CS] == USER_CS64;
	native_test_fs = s->fs_base;
	native_test_gs = s->gs_base;
	native_test_segs[0] = s->seg[SEG_DS];
	native_test_segs[1] = s->seg[SEG_ES];
	native_test_segs[2] = s->seg[SEG_FS];
	native_test_segs[3] = s->seg[SEG_GS];
	phase = 0;
	running = s;
	asm volatile("ud2"
		     ::: "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
		     "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
		     "xmm14", "xmm15");
}

static const char *map_pages(void)
{
	static const int protection[] = {
		[MODEL_HOLE] = PROT_NONE,
		[MODEL_CODE] = PROT_READ | PROT_EXEC,
		[MODEL_DATA] = PROT_READ | PROT_WRITE,
		[MODEL_CONST] = PROT_READ,
	};
	int fd = memfd_create("bellows-native", 0);
	unsigned int i;

	if (fd < 0 || ftruncate(fd, MODEL_SIZE))
		return "no memfd";
	alias = mmap(NULL, MODEL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (alias == MAP_FAILED)
		return "no memory";
	memset(alias, 0, MODEL_SIZE);
	for (i = 0; i < MODEL_PAGES; i++) {
		void *want = (void *)(MODEL_BASE + i * MODEL_PAGE);
		void *got = mmap(want, MODEL_PAGE, protection[model_layout[i]],
				 MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, fd,
				 i * MODEL_PAGE);

		if (got != want)
			return "the low addresses are taken";
	}
	close(fd);
	return NULL;
}

static const char *install_handlers(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	size_t size = 256 * 1024;
	stack_t stack = { .ss_size = size };
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK };
	unsigned int i;

	stack.ss_sp = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL))
		return "no alternate stack";
	action.sa_sigaction = (void *)native_stub;
	sigfillset(&action.sa_mask);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		if (sigaction(signals[i], &action, NULL))
			return "no signal handlers";
	return NULL;
}

const char *native_init(void)
{
	const char *wrong;

	if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT))
		return "the kernel does not offer FSGSBASE";
	syscall(SYS_arch_prctl, ARCH_GET_FS, &native_home_fs);
	wrong = map_pages();
	return wrong ? wrong : install_handlers();
}

u8 *native_memory(void)
{
	return alias;
}

u16 native_selector(unsigned int index)
{
	return index << 3 | 7;
}

const char *native_segments(const struct native_segment *segments, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct user_desc d = {
			.entry_number = i,
			.base_addr = segments[i].base,
			.limit = segments[i].limit,
			.seg_32bit = segments[i].is_32bit,
			.contents = segments[i].contents,
			.read_exec_only = segments[i].read_only,
			.limit_in_pages = segments[i].in_pages,
			.useable = 1,
		};

		if (syscall(SYS_modify_ldt, 0x11, &d, sizeof(d)))
			return "modify_ldt does not work here";
	}
	return NULL;
}

void native_describe(u16 selector, const struct native_segment *segments,
		     struct emu_segment *out)
{
	static const struct native_segment flat_code = {
		.limit = 0xfffff, .contents = 2, .is_32bit = true, .in_pages = true,
	};
	static const struct native_segment flat_data = {
		.limit = 0xfffff, .is_32bit = true, .in_pages = true,
	};
	const struct native_segment *d = &flat_data;

	*out = (struct emu_segment) { .selector = selector };
	if (selector < 4) {
		out->attr = SEG_ATTR_UNUSABLE;
		return;
	}
	if (selector & 4)
		d = &segments[selector >> 3];
	else if (selector == USER_CS32 || selector == USER_CS64)
		d = &flat_code;
	out->base = d->base;
	out->limit = d->in_pages ? d->limit << 12 | 0xfff : d->limit;
	out->attr = SEG_ATTR_S | SEG_ATTR_P | SEG_ATTR_DPL |
		    SEG_ATTR_ACCESSED | (d->contents << 2) |
		    (d->read_only ? 0 : SEG_ATTR_WRITABLE) |
		    (d->is_32bit ? SEG_ATTR_DB : 0) |
		    (d->in_pages ? SEG_ATTR_G : 0);
	if (selector == USER_CS64)
		out->attr = (out->attr & ~SEG_ATTR_DB) | SEG_ATTR_L;
}
