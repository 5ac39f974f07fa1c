// SPDX-License-Identifier: GPL-2.0
/* Tracepoints: what happened to a guest can be read in tracefs, by names and with the right numbers. */
#define _GNU_SOURCE
#include <fcntl.h>
#include "guest.h"
#include "object.h"
#include "vm.h"

#define TRACING		"/sys/kernel/tracing/"
#define UNKNOWN_MSR	0x474f4f00
#define TOUCHED		0x900000ULL		/* in slot 0, and nobody else's */

static char text[1 << 20];

static bool write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	bool ok = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* What was traced since, as text. */
static const char *traced(void)
{
	size_t used = 0;
	ssize_t n;
	int fd;

	write_file(TRACING "events/bellows/enable", "0");
	fd = x(open(TRACING "trace", O_RDONLY));
	while (used < sizeof(text) - 1 && (n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += n;
	close(fd);
	text[used] = 0;
	return text;
}

static unsigned int lines_with(const char *what, const char *also)
{
	unsigned int n = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *end = strchrnul(line, '\n');
		const char *a = memmem(line, end - line, what, strlen(what));

		n += a && memmem(a, end - a, also, strlen(also));
	}
	return n;
}

static void begin(void)
{
	REQUIRE(!test_is_kvm, "these are the module's own tracepoints");
	REQUIRE(!access(TRACING "events", F_OK), "this kernel has no tracefs");
	ASSERT(!access(TRACING "events/bellows", F_OK), "the module has no tracepoints");
	write_file(TRACING "trace", "");
	ASSERT(write_file(TRACING "events/bellows/enable", "1"));
}

static void guest_cpuids(u64 n)
{
	while (n--)
		cpuid2(0, 0);
}

CASE(exits, "each exit is traced with its reason, and each stay in the guest as an entry")
{
	begin();
	struct vcpu *vcpu = long_guest(guest_cpuids, 7);

	vcpu_run_to_done(vcpu);
	traced();
	EXPECT_EQ(lines_with("bellows_exit:", "reason CPUID"), 7);
	EXPECT_EQ(lines_with("bellows_exit:", "reason IO"), 1);
	/* While exits are traced a stay is one entry. */
	EXPECT_EQ(lines_with("bellows_entry:", "vcpu 0"), lines_with("bellows_exit:", "vcpu 0"));
	EXPECT_EQ(lines_with("bellows_exit:", "reason RDMSR"), 0);
	vm_free(vcpu->vm);
}

static void guest_gp(u64 unused)
{
	u64 v;

	GUEST_ASSERT_EQ(rdmsr_try(UNKNOWN_MSR, &v), VEC_GP);
}

CASE(injection, "an injected exception is traced with vector and error code")
{
	begin();
	struct vcpu *vcpu = long_guest(guest_gp, 0);

	vcpu_run_to_done(vcpu);
	traced();
	EXPECT_EQ(lines_with("bellows_inj_exception:", "vector 13 error 0x0"), 1);
	vm_free(vcpu->vm);
}

static void guest_touch(u64 gpa)
{
	*(volatile u64 *)gpa = 1;
}

CASE(faults, "a nested fault is traced with its address, and the page's change with it")
{
	char gpa[64];

	begin();
	struct vcpu *vcpu = long_guest(guest_touch, TOUCHED);

	vcpu_run_to_done(vcpu);
	traced();
	snprintf(gpa, sizeof(gpa), "gpa 0x%llx ", TOUCHED);
	EXPECT_EQ(lines_with("bellows_page_fault:", gpa), 1);
	EXPECT(lines_with("bellows_memory_change:", "PRIVATE +") >= 1);
	vm_free(vcpu->vm);
}

CASE(requests, "a request to all vCPUs is traced with its name")
{
	struct kvm_msr_filter filter = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW };

	begin();
	struct vcpu *vcpu = long_guest(guest_cpuids, 1);

	vm_ioctl(vcpu->vm, KVM_X86_SET_MSR_FILTER, &filter);
	traced();
	EXPECT_EQ(lines_with("bellows_request:", "request MSR_FILTER"), 1);
	vm_free(vcpu->vm);
}

CASE(off, "what is off traces nothing")
{
	begin();
	traced();
	struct vcpu *vcpu = long_guest(guest_cpuids, 7);

	vcpu_run_to_done(vcpu);
	traced();
	EXPECT_EQ(lines_with("bellows_", ""), 0);
	vm_free(vcpu->vm);
}
