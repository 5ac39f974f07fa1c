/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MACHINE_H
#define MACHINE_H
/*
 * A VM as the kernel runs it: the module's descriptors, memory, vCPUs and their
 * threads. It speaks KVM's ABI and nothing else, but for where memory comes from,
 * so that the same machine runs on /dev/bellows and on /dev/kvm.
 */
#include <pthread.h>
#include "libbellows.h"
#include "vm.h"

#define MACHINE_MAX_CPUS	64

struct machine_config {
	const char *name;
	const char *device;		/* a path; NULL: Bellows, or else KVM */
	uint64_t memory;
	unsigned int cpus;
	bool controllers;		/* interrupt controllers and timer in the kernel */
	bool trace;			/* report accesses where nothing is */
};

struct boot_entry;
struct controller_state;
struct cpu_state;
struct machine;

struct cpu {
	struct machine *machine;
	unsigned int id;
	struct libbellows_vcpu vcpu;
	pthread_t thread;
	bool alive;			/* l: the thread exists */
	struct cpu_state *initial;	/* what a reset goes back to */
	unsigned long long exits;	/* to this program */
};

struct machine {
	struct vm vm;
	struct machine_config config;
	const char *device_path;
	int device, fd;
	bool is_kvm;
	struct libbellows_memory memory;	/* of KVM: an anonymous mapping, fd -1 */
	struct cpu *cpus;
	unsigned int n_cpus;
	struct controller_state *controllers;	/* what a reset goes back to */
	pthread_mutex_t lock;		/* protects what is marked l; inside all devices' locks */
	pthread_cond_t changed;
	unsigned int resting;		/* l: vCPUs' threads that are not in the guest */
	bool paused, asleep, quit;	/* l: by the user, by the guest; threads are to end */
};

/* 0, or an exit code after a message. A machine that failed can be freed, too. */
int machine_create(struct machine *m, const struct machine_config *config);
void machine_free(struct machine *m);
/*
 * Takes guest memory out of this process's page tables, where writing to it has put it
 * page by page. Its contents stay, and what is touched again comes back.
 */
void machine_forget_memory(struct machine *m);
/* Sets the first CPU to a kernel's entry. */
int machine_set_entry(struct machine *m, const struct boot_entry *entry);
/* Starts the vCPUs' threads, at rest until machine_go(). */
int machine_start(struct machine *m);
void machine_go(struct machine *m);
/* Waits until the VM has ended and all vCPUs rest; says how it ended. */
enum vm_end machine_wait(struct machine *m);
/* Everything but memory becomes as it was created. All vCPUs rest. */
int machine_reset(struct machine *m);
/* vCPUs come to rest, before this returns; or go on. */
void machine_pause(struct machine *m, bool pause);
/* The same without waiting for them; for the loop, which vCPUs may wait for. */
void machine_ask_pause(struct machine *m, bool pause);
/* "running", "asleep" or "paused" */
const char *machine_state(struct machine *m);
/* Ends the threads. */
void machine_stop(struct machine *m);
unsigned long long machine_exits(const struct machine *m);
/* What of the guest's memory costs memory of the host, in bytes; of it in large pages. */
int machine_memory_used(const struct machine *m, uint64_t *used, uint64_t *large);

/* --- For the parts of the machine ------------------------------------------------- */

/* An ioctl that returns -errno. */
int machine_call(int fd, unsigned long cmd, void *arg);
int machine_value(int fd, unsigned long cmd, unsigned long arg);
bool machine_has(const struct machine *m, int cap);

#endif
