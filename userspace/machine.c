// SPDX-License-Identifier: GPL-2.0
/*
 * Builds a machine out of KVM's ioctls, and turns it on and off.
 *
 * A vCPU's thread is in one of two places: in the guest, with what follows an exit,
 * or at rest. It goes to rest when the VM has ended, is paused, or quits. The thread that
 * wants it to rest sets that under the lock and kicks it out of the guest. A kick
 * is a signal and the field immediate_exit, which closes the gap between the
 * thread's last look and the entry into the guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "cpu.h"
#include "cpu_state.h"
#include "cpuid.h"
#include "exit_codes.h"
#include "machine.h"
#include "message.h"
#include "node.h"

#define KVM_DEVICE	"/dev/kvm"
#define TSS_AREA	0xfffbd000	/* three pages for KVM, where nothing is */
#define IDENTITY_AREA	0xfffbc000

int machine_call(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

int machine_value(int fd, unsigned long cmd, unsigned long arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

bool machine_has(const struct machine *m, int cap)
{
	return machine_value(m->device, KVM_CHECK_EXTENSION, cap) > 0;
}

static int backend_irq(struct vm *vm, unsigned int gsi, bool level)
{
	struct machine *m = container_of(vm, struct machine, vm);
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	return m->config.controllers ? machine_call(m->fd, KVM_IRQ_LINE, &line) : 0;
}

static int backend_ioeventfd(struct vm *vm, const struct vm_ioeventfd *e, bool assign)
{
	struct machine *m = container_of(vm, struct machine, vm);
	struct kvm_ioeventfd args = {
		.addr = e->addr, .len = e->size, .fd = e->fd, .datamatch = e->value,
		.flags = (assign ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN) |
			 (e->match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0) |
			 (e->space == BUS_PIO ? KVM_IOEVENTFD_FLAG_PIO : 0),
	};
	int err;

	if (!machine_has(m, KVM_CAP_IOEVENTFD))
		return -EOPNOTSUPP;
	err = machine_call(m->fd, KVM_IOEVENTFD, &args);
	return err == -ENOTTY ? -EOPNOTSUPP : err;
}

static int backend_irqfd(struct vm *vm, unsigned int gsi, int fd, int resample, bool assign)
{
	struct machine *m = container_of(vm, struct machine, vm);
	struct kvm_irqfd args = {
		.fd = fd, .gsi = gsi, .resamplefd = resample >= 0 ? resample : 0,
		.flags = (assign ? 0 : KVM_IRQFD_FLAG_DEASSIGN) |
			 (resample >= 0 ? KVM_IRQFD_FLAG_RESAMPLE : 0),
	};
	int err;

	if (!machine_has(m, resample >= 0 ? KVM_CAP_IRQFD_RESAMPLE : KVM_CAP_IRQFD))
		return -EOPNOTSUPP;
	err = machine_call(m->fd, KVM_IRQFD, &args);
	return err == -ENOTTY ? -EOPNOTSUPP : err;
}

static void backend_kick(struct vm *vm)
{
	struct machine *m = container_of(vm, struct machine, vm);
	unsigned int i;

	pthread_mutex_lock(&m->lock);
	for (i = 0; i < m->n_cpus; i++) {
		if (!m->cpus[i].alive)
			continue;
		__atomic_store_n(&m->cpus[i].vcpu.run->immediate_exit, 1, __ATOMIC_SEQ_CST);
		pthread_kill(m->cpus[i].thread, SIGUSR1);
	}
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}

static void backend_sleep(struct vm *vm, bool asleep)
{
	struct machine *m = container_of(vm, struct machine, vm);

	pthread_mutex_lock(&m->lock);
	m->asleep = asleep;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	if (asleep)
		backend_kick(vm);
}

static const struct vm_backend backend = {
	.irq = backend_irq, .ioeventfd = backend_ioeventfd, .irqfd = backend_irqfd, .sleep = backend_sleep,
	.kick = backend_kick,
};

static void unclaimed(struct bus *bus, enum bus_space space, bool write, uint64_t addr, unsigned int size)
{
	complain("%s %s %#llx, %u bytes: nothing is there", write ? "write to" : "read from",
		 space == BUS_PIO ? "port" : "address", (unsigned long long)addr, size);
}

static int failed(const char *what, int err)
{
	complain("%s: %s", what, strerror(-err));
	return EXIT_SYSTEM;
}

static int open_node(struct machine *m, const struct machine_config *c)
{
	m->device_path = c->device;
	if (!c->device)
		m->device_path = !access(LIBBELLOWS_DEVICE, F_OK) || access(KVM_DEVICE, F_OK) ?
				 LIBBELLOWS_DEVICE : KVM_DEVICE;
	m->device = node_open(m->device_path);
	if (m->device < 0)
		return EXIT_UNAVAILABLE;
	/* Only one of the two knows memory objects; of a name nothing follows. */
	m->is_kvm = libbellows_host_info(m->device, &(struct bellows_host_info) { }) < 0;
	m->fd = libbellows_vm_create(m->device);
	return m->fd < 0 ? node_explain(m->device, m->fd) : 0;
}

static int get_memory(struct machine *m, uint64_t size)
{
	void *map;

	if (!m->is_kvm)
		return libbellows_memory_create(&m->memory, m->device, size, 0);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	madvise(map, size, MADV_HUGEPAGE);	/* where the host has them */
	m->memory = (struct libbellows_memory) { .fd = -1, .size = size, .map = map };
	return 0;
}

/* RAM is one piece of the host's memory, in two slots if it reaches the hole. */
static int add_memory(struct machine *m)
{
	uint64_t size = m->memory.size, low = size < VM_HOLE ? size : VM_HOLE;
	int err = libbellows_vm_attach(m->fd, 0, 0, &m->memory, 0, low, 0);

	if (!err)
		err = vm_add_memory(&m->vm, 0, low, m->memory.map);
	if (!err && size > low)
		err = libbellows_vm_attach(m->fd, 1, VM_HOLE_END, &m->memory, low, size - low, 0);
	if (!err && size > low)
		err = vm_add_memory(&m->vm, VM_HOLE_END, size - low, (char *)m->memory.map + low);
	return err;
}

static int add_controllers(struct machine *m)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t identity = IDENTITY_AREA;
	int err;

	/* Both must come before the first vCPU, and matter to VMX only. */
	if (machine_has(m, KVM_CAP_SET_IDENTITY_MAP_ADDR))
		machine_call(m->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	if (machine_has(m, KVM_CAP_SET_TSS_ADDR))
		machine_value(m->fd, KVM_SET_TSS_ADDR, TSS_AREA);
	if (!m->config.controllers)
		return 0;
	err = machine_value(m->fd, KVM_CREATE_IRQCHIP, 0);
	if (!err)
		err = machine_call(m->fd, KVM_CREATE_PIT2, &pit);
	if (!err)
		return 0;
	complain("%s cannot run operating systems: it has no interrupt controllers (%s)",
		 m->device_path, strerror(-err));
	return EXIT_UNAVAILABLE;
}

static int add_cpus(struct machine *m, unsigned int count)
{
	struct cpu *cpu;
	int err;

	m->cpus = calloc(count, sizeof(*m->cpus));
	if (!m->cpus)
		return -ENOMEM;
	while (m->n_cpus < count) {
		cpu = &m->cpus[m->n_cpus];
		cpu->machine = m;
		cpu->id = m->n_cpus;
		err = libbellows_vcpu_create(&cpu->vcpu, m->device, m->fd, cpu->id);
		if (err)
			return err;
		m->n_cpus++;
		err = cpu_set_cpuid(cpu);
		if (!err && m->config.controllers)
			err = cpu_save(cpu);
		if (err)
			return err;
	}
	return m->config.controllers ? controllers_save(m) : 0;
}

int machine_create(struct machine *m, const struct machine_config *config)
{
	int err;

	*m = (struct machine) { .config = *config, .device = -1, .fd = -1 };
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->changed, NULL);
	err = vm_init(&m->vm, config->name, &backend);
	if (err)
		return failed("cannot create a VM", err);
	if (config->trace)
		m->vm.bus.unclaimed = unclaimed;
	err = open_node(m, config);
	if (err)
		return err;
	err = get_memory(m, config->memory);
	if (err)
		return failed("--mem: cannot have that much", err);
	err = add_memory(m);
	if (err)
		return failed("--mem: cannot be given to the VM", err);
	err = add_controllers(m);
	if (err)
		return err;
	err = add_cpus(m, config->cpus);
	return err ? failed("--cpus: cannot create a CPU", err) : 0;
}

void machine_free(struct machine *m)
{
	unsigned int i;

	machine_stop(m);
	vm_free(&m->vm);
	for (i = 0; i < m->n_cpus; i++) {
		libbellows_vcpu_destroy(&m->cpus[i].vcpu);
		free(m->cpus[i].initial);
	}
	free(m->cpus);
	free(m->controllers);
	if (m->fd >= 0)
		close(m->fd);
	if (m->memory.map)
		munmap(m->memory.map, m->memory.size);
	if (m->memory.map && m->memory.fd >= 0)
		close(m->memory.fd);
	if (m->device >= 0)
		close(m->device);
	pthread_cond_destroy(&m->changed);
	pthread_mutex_destroy(&m->lock);
}

/* KVM's guest memory is this mapping: what would be dropped from it would be lost. */
void machine_forget_memory(struct machine *m)
{
	if (!m->is_kvm)
		madvise(m->memory.map, m->memory.size, MADV_DONTNEED);
}

int machine_set_entry(struct machine *m, const struct boot_entry *entry)
{
	int err = cpu_set_entry(&m->cpus[0], entry);

	return err ? failed("cannot set the CPU's registers", err) : 0;
}

int machine_start(struct machine *m)
{
	unsigned int i;
	int err;

	m->paused = true;
	for (i = 0; i < m->n_cpus; i++) {
		err = cpu_start(&m->cpus[i]);
		if (err)
			return failed("cannot start a thread", err);
	}
	return 0;
}

void machine_go(struct machine *m)
{
	machine_pause(m, false);
}

void machine_ask_pause(struct machine *m, bool pause)
{
	pthread_mutex_lock(&m->lock);
	/* A VM that is asleep and paused stays asleep; one that is only asleep is woken. */
	if (!pause && !m->paused)
		m->asleep = false;
	m->paused = pause;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	if (pause)
		backend_kick(&m->vm);
}

const char *machine_state(struct machine *m)
{
	const char *state;

	pthread_mutex_lock(&m->lock);
	state = m->paused ? "paused" : m->asleep ? "asleep" : "running";
	pthread_mutex_unlock(&m->lock);
	return state;
}

void machine_pause(struct machine *m, bool pause)
{
	machine_ask_pause(m, pause);
	pthread_mutex_lock(&m->lock);
	while (pause && m->paused && m->resting < m->n_cpus)
		pthread_cond_wait(&m->changed, &m->lock);
	pthread_mutex_unlock(&m->lock);
}

enum vm_end machine_wait(struct machine *m)
{
	enum vm_end end;

	pthread_mutex_lock(&m->lock);
	while ((end = __atomic_load_n(&m->vm.end, __ATOMIC_ACQUIRE)) == VM_RUNS || m->resting < m->n_cpus)
		pthread_cond_wait(&m->changed, &m->lock);
	pthread_mutex_unlock(&m->lock);
	return end;
}

int machine_reset(struct machine *m)
{
	unsigned int i;
	int err = controllers_restore(m);

	for (i = 0; i < m->n_cpus && !err; i++)
		err = cpu_restore(&m->cpus[i]);
	if (err)
		return failed("cannot reset the VM", err);
	vm_reset_devices(&m->vm);
	vm_run_again(&m->vm);
	pthread_mutex_lock(&m->lock);
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	return 0;
}

void machine_stop(struct machine *m)
{
	unsigned int i;

	pthread_mutex_lock(&m->lock);
	m->quit = true;
	pthread_mutex_unlock(&m->lock);
	backend_kick(&m->vm);
	for (i = 0; i < m->n_cpus; i++) {
		if (!m->cpus[i].alive)
			continue;
		pthread_join(m->cpus[i].thread, NULL);
		m->cpus[i].alive = false;
	}
}

unsigned long long machine_exits(const struct machine *m)
{
	unsigned long long total = 0;
	unsigned int i;

	for (i = 0; i < m->n_cpus; i++)
		total += m->cpus[i].exits;
	return total;
}

/* KVM's is this process's memory: what of it is resident. */
static int mapping_used(const struct machine *m, uint64_t *used)
{
	static unsigned char resident[1 << 16];
	const uint64_t step = sizeof(resident) * 4096;
	uint64_t at, len, i;

	for (at = 0; at < m->memory.size; at += len) {
		len = m->memory.size - at < step ? m->memory.size - at : step;
		if (mincore((char *)m->memory.map + at, len, resident))
			return -errno;
		for (i = 0; i < len / 4096; i++)
			*used += resident[i] & 1 ? 4096 : 0;
	}
	return 0;
}

int machine_memory_used(const struct machine *m, uint64_t *used, uint64_t *large)
{
	struct bellows_memory_stat stat;
	int err;

	*used = *large = 0;
	if (m->is_kvm)
		return mapping_used(m, used);
	err = libbellows_memory_stat(&m->memory, &stat);
	if (err)
		return err;
	*used = stat.private_pages * 4096;
	*large = stat.large * 4096;
	return 0;
}
