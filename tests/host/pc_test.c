// SPDX-License-Identifier: GPL-2.0
/*
 * The devices of a PC that have no test elsewhere, through their ports as drivers use
 * them: the clock in each of its notations, how it is set, what its memory says; the
 * power management's registers by bytes and words, its timer, what turns the machine
 * off, lets it sleep and wakes it; the ports that reset and end it.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "random.h"
#include "tap.h"
#include "userspace/pc/acpi.h"
#include "userspace/pc/pc.h"

#define MIB	(1ull << 20)
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define STATUS_B	0x0b
#define SET		0x80
#define BINARY		4
#define DAY_OF_24	2
#define BUTTON		0x100
#define WOKEN		0x8000
#define SLEEP(type)	(1u << 13 | (type) << 10)

static struct vm vm;
static bool sci, asleep;

static int on_irq(struct vm *v, unsigned int gsi, bool level)
{
	if (gsi == ACPI_SCI)
		sci = level;
	return 0;
}

static void on_sleep(struct vm *v, bool sleep)
{
	asleep = sleep;
}

static void on_kick(struct vm *v)
{
}

static const struct vm_backend backend = { .irq = on_irq, .sleep = on_sleep, .kick = on_kick };

static void out(unsigned int port, unsigned int size, uint32_t value)
{
	bus_access(&vm.bus, BUS_PIO, true, port, size, &value);
}

static uint32_t in(unsigned int port, unsigned int size)
{
	uint32_t value = 0;

	bus_access(&vm.bus, BUS_PIO, false, port, size, &value);
	return value;
}

/* --- The clock ------------------------------------------------------------------------------ */

static uint8_t get(uint8_t index)
{
	out(0x70, 1, index);
	return in(0x71, 1);
}

static void set(uint8_t index, uint8_t value)
{
	out(0x70, 1, index);
	out(0x71, 1, value);
}

static int decoded(uint8_t value, uint8_t mode)
{
	return mode & BINARY ? value : (value >> 4) * 10 + (value & 15);
}

static uint8_t encoded(int value, uint8_t mode)
{
	return mode & BINARY ? value : value / 10 * 16 + value % 10;
}

static time_t shown(uint8_t mode)
{
	uint8_t h = get(4);
	int hour = decoded(mode & DAY_OF_24 ? h : h & 0x7f, mode);
	struct tm tm = {
		.tm_sec = decoded(get(0), mode), .tm_min = decoded(get(2), mode),
		.tm_mday = decoded(get(7), mode), .tm_mon = decoded(get(8), mode) - 1,
		.tm_year = decoded(get(9), mode) + 100 * decoded(get(0x32), mode) - 1900,
	};
	int day = decoded(get(6), mode) - 1;
	time_t t;

	if (!(mode & DAY_OF_24)) {
		if (hour < 1 || hour > 12)
			return 0;
		hour = hour % 12 + 12 * (h >> 7);
	}
	tm.tm_hour = hour;
	t = timegm(&tm);
	return tm.tm_wday == day ? t : 0;
}

static void set_to(time_t t, uint8_t mode)
{
	struct tm tm;
	uint8_t h;

	gmtime_r(&t, &tm);
	h = encoded(tm.tm_hour, mode);
	if (!(mode & DAY_OF_24))
		h = encoded(tm.tm_hour % 12 ? tm.tm_hour % 12 : 12, mode) | (tm.tm_hour >= 12 ? 0x80 : 0);
	set(STATUS_B, mode | SET);
	set(0, encoded(tm.tm_sec, mode));
	set(2, encoded(tm.tm_min, mode));
	set(4, h);
	set(7, encoded(tm.tm_mday, mode));
	set(8, encoded(tm.tm_mon + 1, mode));
	set(9, encoded(tm.tm_year % 100, mode));
	set(0x32, encoded(19 + tm.tm_year / 100, mode));
	set(STATUS_B, mode);
}

/* The clock may turn over while its registers are read, one by one. */
static bool shows(time_t offset, uint8_t mode)
{
	time_t want;
	int i;

	for (i = 0; i < 10; i++) {
		want = time(NULL) + offset;
		if (shown(mode) == want && time(NULL) + offset == want)
			return true;
	}
	return false;
}

static void test_clock(void)
{
	static const uint8_t modes[] = { 0, BINARY, DAY_OF_24, BINARY | DAY_OF_24 };
	/* A leap day; the ends of a year and of a century; noon and midnight */
	static const time_t times[] = { 951825600, 1735689599, 4102444799, 1700049600, 1700006400 };
	bool as_host = true, as_set = true;
	unsigned int i, j;
	uint8_t second;

	for (i = 0; i < 4; i++) {
		set(STATUS_B, modes[i]);
		as_host &= shows(0, modes[i]);
	}
	tap_result(as_host, "the clock shows the host's time, in all four notations");
	for (i = 0; i < 4; i++) {
		for (j = 0; j < COUNT(times); j++) {
			time_t offset = times[j] - time(NULL);

			set_to(times[j], modes[i]);
			as_set &= shows(offset, modes[i]) || shows(offset + 1, modes[i]);
		}
	}
	tap_result(as_set, "it goes on from where it was set, in all of them");
	set(STATUS_B, SET | BINARY | DAY_OF_24);
	second = get(0);
	sleep(1);
	usleep(100000);
	tap_result(get(0) == second && (set(STATUS_B, BINARY | DAY_OF_24), in(0x70, 1) == 0xff),
		   "while it is being set it stands still; its index cannot be read");
	set_to(time(NULL), BINARY | DAY_OF_24);
}

static void test_memory(void)
{
	uint32_t extended = get(0x17) | get(0x18) << 8, above = get(0x34) | get(0x35) << 8;

	tap_result(extended == 0xffff && above == (512 - 16) * 16 && get(0x15) + 256 * get(0x16) == 640,
		   "its memory says how much there is: %u KiB, %u times 64 KiB", extended, above);
	out(0x70, 2, 0x5a40);
	set(0x0d, 0);
	tap_result(get(0x40) == 0x5a && get(0xc0) == 0x5a && get(0x0d) == 0x80 && !(get(0x0a) & 0x80),
		   "it keeps what is written, a word is index and value, and the battery is good");
}

/* --- Power ----------------------------------------------------------------------------------- */

static void test_registers(void)
{
	uint32_t t, u;
	struct timespec a, b;
	double expected;

	out(ACPI_PM + ACPI_PM_EN, 2, 0xffff);
	tap_result(in(ACPI_PM + ACPI_PM_EN, 2) == 0x8521 && in(ACPI_PM + ACPI_PM_EN + 1, 1) == 0x85 &&
		   in(ACPI_PM, 4) == 0x85210000u && in(ACPI_PM + ACPI_PM_CNT, 2) & 1,
		   "its registers are seen by bytes and words, and ACPI mode is on");
	out(ACPI_PM + ACPI_PM_EN, 2, 0);
	clock_gettime(CLOCK_MONOTONIC, &a);
	t = in(ACPI_PM + ACPI_PM_TMR, 4);
	usleep(200000);
	u = in(ACPI_PM + ACPI_PM_TMR, 4);
	clock_gettime(CLOCK_MONOTONIC, &b);
	expected = ((b.tv_sec - a.tv_sec) + (b.tv_nsec - a.tv_nsec) / 1e9) * 3579545;
	tap_result(u - t <= expected + 2 && u - t >= 0.2 * 3579545, "its timer has 3.58 MHz: %u ticks", u - t);
}

static void test_button(void)
{
	bool silent, rang, ended;

	acpi_pm_press(&vm);
	silent = !sci && in(ACPI_PM, 2) & BUTTON;
	out(ACPI_PM + ACPI_PM_EN, 2, BUTTON);
	rang = sci;
	out(ACPI_PM, 2, BUTTON);
	ended = !sci && !(in(ACPI_PM, 2) & BUTTON);
	tap_result(silent && rang && ended, "the power button interrupts where that is enabled, until it is acknowledged");
}

static void test_sleep(void)
{
	bool slept, woke, awake;

	out(ACPI_PM + ACPI_PM_CNT, 2, SLEEP(ACPI_S1));
	slept = asleep;
	acpi_pm_press(&vm);
	woke = !asleep && in(ACPI_PM, 2) & WOKEN && sci;
	out(ACPI_PM, 2, BUTTON | WOKEN);
	acpi_pm_press(&vm);
	out(ACPI_PM + ACPI_PM_CNT, 2, SLEEP(ACPI_S1));
	awake = !asleep && in(ACPI_PM, 2) & WOKEN;
	out(ACPI_PM, 2, BUTTON | WOKEN);
	tap_result(slept && woke && vm.end == VM_RUNS, "the guest falls asleep, and the button wakes it");
	tap_result(awake, "a button that was pressed before keeps it awake");
	out(ACPI_PM + ACPI_PM_CNT, 2, SLEEP(3));
	tap_result(!asleep && vm.end == VM_RUNS && !(in(ACPI_PM + ACPI_PM_CNT, 2) & SLEEP(0)),
		   "a kind of sleep that does not exist does nothing");
}

/* What a write ends the machine with. */
static bool ends(unsigned int port, unsigned int size, uint32_t value, enum vm_end end, unsigned int code)
{
	bool good;

	out(port, size, value);
	good = vm.end == end && vm.end_code == code;
	vm.end = VM_RUNS;
	vm.end_code = 0;
	return good;
}

static void test_ends(void)
{
	tap_result(ends(ACPI_PM + ACPI_PM_CNT, 2, SLEEP(ACPI_S5), VM_POWERED_OFF, 0) &&
		   ends(ACPI_PM + ACPI_PM_CNT + 1, 1, SLEEP(ACPI_S5) >> 8, VM_POWERED_OFF, 0),
		   "S5 turns the machine off");
	tap_result(ends(ACPI_RESET_PORT, 1, ACPI_RESET, VM_REBOOTS, 0) && ends(0x64, 1, 0xfe, VM_REBOOTS, 0) &&
		   ends(0x64, 1, 0xff, VM_RUNS, 0), "ACPI's register and the keyboard controller reset it");
	tap_result(ends(0xf4, 1, 42, VM_EXITED, 42), "the exit port ends it with a code");
}

/* --- Anything -------------------------------------------------------------------------------- */

static void test_noise(struct random *random)
{
	static const uint16_t ports[] = { 0x70, 0x71, ACPI_PM, ACPI_PM + 2, ACPI_PM + 4, ACPI_PM + 5, ACPI_PM + 11, 0x64 };
	unsigned int i;

	for (i = 0; i < 200000; i++) {
		uint64_t r = random_u64(random);
		unsigned int port = ports[r & 7], size = 1u << (r >> 3 & 0xff) % 3;

		if (r >> 11 & 1)
			out(port, size, r >> 32);
		else
			in(port, size);
	}
	tap_result(true, "any accesses are survived");
}

int main(void)
{
	uint64_t seed = seed_from_environment();
	struct random random;

	random_seed(&random, seed);
	tap_plan(16);
	tap_note("SEED=%llu", (unsigned long long)seed);
	tap_result(!vm_init(&vm, "pc", &backend) && !cmos_create(&vm, 512 * MIB) && !acpi_pm_create(&vm) &&
		   !reset_create(&vm) && !exit_port_create(&vm), "the devices are made");
	test_clock();
	test_memory();
	test_registers();
	test_button();
	test_sleep();
	test_ends();
	test_noise(&random);
	vm_free(&vm);
	return tap_exit();
}
