/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_HOST_H
#define SELFTESTS_HOST_H
/* The machine under the VMs: its modules and CPUs. For tests that change them, as root. */
#include "types.h"

#define BELLOWS_MODULE	"bellows"

/* 0 or -errno. */
int module_load(const char *file, const char *params);
int module_unload(const char *name);		/* -EWOULDBLOCK: in use */
bool module_loaded(const char *name);
/* The module under test. */
int bellows_load(const char *params);

/* KVM's modules, if the machine has them: loading stops at the first that fails. */
bool kvm_available(void);
int kvm_load(const char *kvm_params);
int kvm_unload(void);

/* A CPU's place among the running ones; 0 or -errno. */
bool cpu_is_online(unsigned int cpu);
int cpu_set_online(unsigned int cpu, bool online);

/* Lines of the kernel's log that contain the text, from now on. */
void log_mark(void);
unsigned int log_count(const char *text);

#endif
