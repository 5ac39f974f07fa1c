// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include "command.h"
#include "devices.h"

#define SERIAL		0x3f8
#define SERIAL_LAST	0x3ff
#define SERIAL_LSR	(SERIAL + 5)
#define LSR_IDLE	0x60		/* transmitter empty: ready for the next byte */
#define DEBUG_PORT	0xe9
#define EXIT_PORT	0xf4

static void out(struct devices *devices, uint16_t port, unsigned int size, const uint8_t *data)
{
	switch (port) {
	case SERIAL:
	case DEBUG_PORT:
		putchar(data[0]);
		if (data[0] == '\n')
			fflush(stdout);
		return;
	case EXIT_PORT:
		devices->exited = true;
		devices->exit_code = data[0];
		return;
	}
	if (port > SERIAL && port <= SERIAL_LAST)
		return;
	if (devices->trace)
		complain("out to port %#x, %u bytes: nothing is there", port, size);
}

static void in(struct devices *devices, uint16_t port, unsigned int size, uint8_t *data)
{
	memset(data, 0xff, size);
	if (port >= SERIAL && port <= SERIAL_LAST)
		data[0] = port == SERIAL_LSR ? LSR_IDLE : 0;
	else if (devices->trace)
		complain("in from port %#x, %u bytes: nothing is there", port, size);
}

void device_io(struct devices *devices, bool is_out, uint16_t port, unsigned int size, void *data,
	       unsigned int count)
{
	uint8_t *p = data;

	for (; count--; p += size) {
		if (is_out)
			out(devices, port, size, p);
		else
			in(devices, port, size, p);
	}
}

void device_mmio(struct devices *devices, bool write, uint64_t addr, unsigned int size, void *data)
{
	if (!write)
		memset(data, 0xff, size);
	if (devices->trace)
		complain("%s address %#llx, %u bytes: nothing is there", write ? "write to" : "read from",
			 (unsigned long long)addr, size);
}
