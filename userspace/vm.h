/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VM_H
#define VM_H
/*
 * A virtual machine as its devices see it: memory, interrupt lines, the bus, the
 * event loop, and a life. Nothing here knows which kernel module runs the guest:
 * that is behind struct vm_backend, which a test replaces.
 *
 * Life: devices are created (they claim ranges and open files; errors are the
 * user's), then started (the loop runs, the guest not yet), then the guest runs;
 * a reboot of the guest resets them with all vCPUs at rest; at the end the vCPUs
 * stop, the devices are stopped, the loop is stopped, and the devices are freed,
 * the youngest first.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bus.h"
#include "loop.h"
#include "message.h"

/* --- The address space of every guest ---------------------------------------- */

#define VM_HOLE			0xc0000000ull	/* RAM ends here, and goes on at 4 GiB */
#define VM_HOLE_END		0x100000000ull
#define VM_VIRTIO_BASE		0xd0000000ull	/* a page per device */
#define VM_VIRTIO_STRIDE	0x1000
#define VM_VIRTIO_DEVICES	8
#define VM_VIRTIO_GSI		16		/* one each, level triggered, active high */

/* --- Memory ------------------------------------------------------------------- */

struct vm_slot {
	uint64_t gpa, size;
	uint8_t *host;
};

#define VM_SLOTS	4

struct vm;

struct vm_ioeventfd {
	enum bus_space space;
	uint64_t addr;
	unsigned int size;	/* 0: any (MMIO) */
	bool match;		/* only writes of this value */
	uint64_t value;
	int fd;
};

/* What the kernel does for a VM. Each returns 0 or -errno. */
struct vm_backend {
	int (*irq)(struct vm *vm, unsigned int gsi, bool level);
	/* May be NULL, or return -EOPNOTSUPP: then the write reaches the bus, as always without it. */
	int (*ioeventfd)(struct vm *vm, const struct vm_ioeventfd *e, bool assign);
	/* resample is -1 for an edge; may be NULL or return -EOPNOTSUPP: then use vm_irq(). */
	int (*irqfd)(struct vm *vm, unsigned int gsi, int fd, int resample, bool assign);
	/* Lets the vCPUs rest, or go on, without waiting for that; may be NULL. */
	void (*sleep)(struct vm *vm, bool asleep);
	/* Makes the vCPUs' threads notice that vm->end changed. */
	void (*kick)(struct vm *vm);
};

/* How a VM's life ends; the first of several counts, but a VM that reboots can be stopped. */
enum vm_end {
	VM_RUNS,
	VM_POWERED_OFF,		/* by the guest */
	VM_REBOOTS,		/* the guest asked for a reset */
	VM_EXITED,		/* the guest wrote a code to the exit port */
	VM_HALTED,		/* all vCPUs sleep for ever */
	VM_DIED,		/* triple fault, or a state that the CPU refuses */
	VM_FAILED,		/* this program cannot go on; a message was printed */
	VM_STOPPED,		/* by a signal or a command */
};

struct device;

struct vm {
	const char *name;
	const struct vm_backend *backend;
	struct bus bus;
	struct loop *loop;
	struct vm_slot slots[VM_SLOTS];
	unsigned int n_slots;
	struct device *devices;		/* the youngest first */
	unsigned int n_virtio;
	pthread_mutex_t lock;		/* protects what is marked l */
	enum vm_end end;		/* l; read without by the vCPUs */
	unsigned int end_code;		/* l */
	unsigned int warnings;		/* l: how many more are printed */
};

int vm_init(struct vm *vm, const char *name, const struct vm_backend *backend);
/* Stops and frees the devices, and frees what vm_init() and the devices allocated. */
void vm_free(struct vm *vm);

/* RAM at gpa, which this process sees at host; ascending, at most VM_SLOTS. */
int vm_add_memory(struct vm *vm, uint64_t gpa, uint64_t size, void *host);
/*
 * Where [gpa, gpa + len) is in this process; NULL unless all of it is RAM of one
 * slot. The guest writes to it at any time: read each field once (volatile or
 * memcpy), then check, then use.
 */
void *vm_memory(const struct vm *vm, uint64_t gpa, uint64_t len);
/* Across slots; -EFAULT, with nothing copied, unless all of it is RAM. */
int vm_read(const struct vm *vm, uint64_t gpa, void *data, uint64_t len);
int vm_write(const struct vm *vm, uint64_t gpa, const void *data, uint64_t len);

/* --- Interrupts and notifications ---------------------------------------------- */

/* The level of a line of the interrupt controllers. From any thread. */
void vm_irq(struct vm *vm, unsigned int gsi, bool level);
/* -EOPNOTSUPP where the kernel cannot: the device then does without. */
int vm_ioeventfd(struct vm *vm, const struct vm_ioeventfd *e, bool assign);
int vm_irqfd(struct vm *vm, unsigned int gsi, int fd, int resample, bool assign);

/* --- Devices ------------------------------------------------------------------- */

struct device_ops {
	int (*start)(struct device *device);	/* 0 or -errno after complain() */
	void (*reset)(struct device *device);	/* to the state after creation */
	void (*stop)(struct device *device);	/* finish I/O, join threads; no callbacks after it */
	void (*free)(struct device *device);	/* also of a device that never started */
};

/* Embedded in each device. All operations but free may be NULL. */
struct device {
	const char *name;
	const struct device_ops *ops;
	struct vm *vm;
	struct device *next;
	bool started;
};

/* From here on the VM frees it. */
void vm_add_device(struct vm *vm, struct device *device, const char *name,
		   const struct device_ops *ops);
int vm_start_devices(struct vm *vm);
void vm_reset_devices(struct vm *vm);
void vm_stop_devices(struct vm *vm);

/*
 * The next place for a virtio-mmio device, which ACPI describes to the guest.
 * -ENOSPC when all are taken.
 */
int vm_virtio_place(struct vm *vm, uint64_t *base, unsigned int *gsi);

/* --- What happens to a VM -------------------------------------------------------- */

/* Ends the VM, or reboots it: from any thread, a device's callback too. */
void vm_end(struct vm *vm, enum vm_end end, unsigned int code);
/* From any thread, a vCPU's too: they rest behind the access that it is in. */
void vm_sleep(struct vm *vm, bool asleep);
/* After a reboot, unless it was stopped meanwhile. */
void vm_run_again(struct vm *vm);
/*
 * A message about what the guest did wrong. A guest can cause it at will, so that
 * only the first few of a VM are printed.
 */
void vm_warn(struct vm *vm, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
