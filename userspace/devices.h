/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVICES_H
#define DEVICES_H
/*
 * The few devices a flat guest has: a serial port to stdout, a debug port, a
 * port to exit through. Everything else reads as ones and ignores writes, as a
 * bus does on which nobody answers.
 */
#include <stdbool.h>
#include <stdint.h>

struct devices {
	bool trace;		/* report ports and addresses where nothing is */
	bool exited;		/* the guest wrote to the exit port */
	unsigned int exit_code;
};

void device_io(struct devices *devices, bool out, uint16_t port, unsigned int size, void *data,
	       unsigned int count);
void device_mmio(struct devices *devices, bool write, uint64_t addr, unsigned int size, void *data);

#endif
