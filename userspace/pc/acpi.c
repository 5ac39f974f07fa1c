// SPDX-License-Identifier: GPL-2.0
/*
 * The tables are written one behind the other into the BIOS area, where also an
 * operating system looks that is not told of them. Only the number of CPUs and of
 * virtio devices varies; the DSDT was compiled with this program.
 */
#include <errno.h>
#include <string.h>
#include "boot/boot.h"
#include "pc/acpi.h"
#include "pc/dsdt.hex"

#define PACKED		__attribute__((packed))
#define VIRTIO_COUNT	0x42564d4e	/* what stands in the DSDT for their number */

struct table {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} PACKED;

struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t long_checksum, reserved[3];
} PACKED;

struct xsdt {
	struct table head;
	uint64_t tables[2];
} PACKED;

struct facs {
	char signature[4];
	uint32_t length, hardware, vector, lock, flags;
	uint64_t long_vector;
	uint8_t version, reserved[31];
} PACKED;

struct address {
	uint8_t space, bits, offset, access;
	uint64_t at;
} PACKED;

struct fadt {
	struct table head;
	uint32_t facs, dsdt;
	uint8_t reserved1, profile;
	uint16_t sci;
	uint32_t smi;
	uint8_t enable, disable, s4bios, pstate;
	uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_tmr, gpe0, gpe1;
	uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_tmr_len, gpe0_len, gpe1_len, gpe1_base, cst;
	uint16_t c2_latency, c3_latency, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot;
	uint8_t reserved2;
	uint32_t flags;
	struct address reset;
	uint8_t reset_value;
	uint16_t arm;
	uint8_t minor;
	uint64_t x_facs, x_dsdt;
	struct address x_pm1a_evt, x_pm1b_evt, x_pm1a_cnt, x_pm1b_cnt, x_pm2_cnt, x_pm_tmr, x_gpe0, x_gpe1;
	struct address sleep_control, sleep_status;
} PACKED;

_Static_assert(sizeof(struct fadt) == 268, "the FADT of revision 5");

#define FADT_WBINVD		(1u << 0)
#define FADT_C1			(1u << 2)
#define FADT_NO_SLEEP_BUTTON	(1u << 5)
#define FADT_RTC_NO_WAKE	(1u << 6)
#define FADT_TIMER_32		(1u << 8)
#define FADT_RESET		(1u << 10)
#define FADT_HEADLESS		(1u << 12)
#define BOOT_LEGACY_DEVICES	(1u << 0)
#define BOOT_NO_VGA		(1u << 2)
#define SPACE_IO		1

struct madt {
	struct table head;
	uint32_t lapic, flags;
	uint8_t entries[];
} PACKED;

#define MADT_PCAT		1	/* there are 8259s, too */

struct madt_cpu {
	uint8_t type, length, uid, apic;
	uint32_t flags;
} PACKED;

struct madt_ioapic {
	uint8_t type, length, id, reserved;
	uint32_t address, gsi;
} PACKED;

struct madt_override {
	uint8_t type, length, bus, irq;
	uint32_t gsi;
	uint16_t flags;
} PACKED;

struct madt_nmi {
	uint8_t type, length, uid;
	uint16_t flags;
	uint8_t lint;
} PACKED;

#define MADT_LEVEL_HIGH		0xd
#define MADT_ALL_CPUS		0xff
#define MADT_MAX		4096

struct writer {
	struct vm *vm;
	uint64_t at;
	int err;
};

static uint8_t sum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint8_t total = 0;

	while (len--)
		total += *p++;
	return total;
}

/* Appends, and returns where it went. */
static uint64_t put(struct writer *w, const void *data, size_t len)
{
	uint64_t at = (w->at + 63) & ~63ull;

	if (at + len > BOOT_ACPI + BOOT_ACPI_MAX)
		w->err = -ENOSPC;
	if (!w->err)
		w->err = vm_write(w->vm, at, data, len);
	w->at = at + len;
	return at;
}

static uint64_t put_table(struct writer *w, struct table *t, const char *signature, uint8_t revision,
			  size_t len)
{
	memcpy(t->signature, signature, 4);
	memcpy(t->oem, "BELLOW", 6);
	memcpy(t->oem_table, "MACHINE ", 8);
	memcpy(t->creator, "BLWS", 4);
	t->revision = revision;
	t->length = len;
	t->oem_revision = 1;
	t->creator_revision = 1;
	t->checksum = 0;
	t->checksum = -sum(t, len);
	return put(w, t, len);
}

/* The compiled table is patched where the number of devices stands: a dword constant. */
static uint64_t put_dsdt(struct writer *w, unsigned int n_virtio)
{
	static uint8_t dsdt[sizeof(dsdt_aml_code)];
	uint32_t value;
	size_t i;

	memcpy(dsdt, dsdt_aml_code, sizeof(dsdt));
	for (i = sizeof(struct table); i + sizeof(value) <= sizeof(dsdt); i++) {
		memcpy(&value, dsdt + i, sizeof(value));
		if (value != VIRTIO_COUNT)
			continue;
		memcpy(dsdt + i, &n_virtio, sizeof(n_virtio));
		return put_table(w, (struct table *)dsdt, "DSDT", 2, sizeof(dsdt));
	}
	w->err = -EINVAL;
	return 0;
}

static struct address port(uint16_t at, uint8_t bits)
{
	return (struct address) { .space = SPACE_IO, .bits = bits, .access = bits == 32 ? 3 : bits / 8,
				  .at = at };
}

static uint64_t put_fadt(struct writer *w, uint64_t facs, uint64_t dsdt)
{
	struct fadt f = {
		.facs = facs, .dsdt = dsdt, .x_dsdt = dsdt,
		.sci = ACPI_SCI,
		.pm1a_evt = ACPI_PM + ACPI_PM_STS, .pm1_evt_len = 4,
		.pm1a_cnt = ACPI_PM + ACPI_PM_CNT, .pm1_cnt_len = 2,
		.pm_tmr = ACPI_PM + ACPI_PM_TMR, .pm_tmr_len = 4,
		.x_pm1a_evt = port(ACPI_PM + ACPI_PM_STS, 32),
		.x_pm1a_cnt = port(ACPI_PM + ACPI_PM_CNT, 16),
		.x_pm_tmr = port(ACPI_PM + ACPI_PM_TMR, 32),
		.c2_latency = 0xffff, .c3_latency = 0xffff,	/* there are none */
		.century = 0x32,
		.boot = BOOT_LEGACY_DEVICES | BOOT_NO_VGA,
		.flags = FADT_WBINVD | FADT_C1 | FADT_NO_SLEEP_BUTTON | FADT_RTC_NO_WAKE |
			 FADT_TIMER_32 | FADT_RESET | FADT_HEADLESS,
		.reset = port(ACPI_RESET_PORT, 8), .reset_value = ACPI_RESET,
		.minor = 1,
	};

	return put_table(w, &f.head, "FACP", 5, sizeof(f));
}

static uint64_t put_madt(struct writer *w, unsigned int n_cpus)
{
	static uint8_t buffer[MADT_MAX];
	struct madt *m = (struct madt *)buffer;
	struct madt_ioapic ioapic = { 1, sizeof(ioapic), 0, 0, ACPI_IOAPIC, 0 };
	struct madt_override sci = { 2, sizeof(sci), 0, ACPI_SCI, ACPI_SCI, MADT_LEVEL_HIGH };
	struct madt_nmi nmi = { 4, sizeof(nmi), MADT_ALL_CPUS, 0, 1 };
	struct madt_cpu cpu = { 0, sizeof(cpu), 0, 0, 1 };
	uint8_t *p = m->entries;
	unsigned int i;

	if (n_cpus > 254 || sizeof(*m) + n_cpus * sizeof(cpu) + 64 > sizeof(buffer)) {
		w->err = -ENOSPC;
		return 0;
	}
	memset(buffer, 0, sizeof(buffer));
	m->lapic = ACPI_LAPIC;
	m->flags = MADT_PCAT;
	for (i = 0; i < n_cpus; i++) {
		cpu.uid = cpu.apic = i;
		p = mempcpy(p, &cpu, sizeof(cpu));
	}
	p = mempcpy(p, &ioapic, sizeof(ioapic));
	p = mempcpy(p, &sci, sizeof(sci));
	p = mempcpy(p, &nmi, sizeof(nmi));
	return put_table(w, &m->head, "APIC", 3, p - buffer);
}

int acpi_write(struct vm *vm, unsigned int n_cpus, uint64_t *rsdp)
{
	struct rsdp r = { .signature = "RSD PTR ", .oem = "BELLOW", .revision = 2, .length = sizeof(r) };
	struct facs facs = { .signature = "FACS", .length = sizeof(facs), .version = 2 };
	struct writer w = { .vm = vm, .at = BOOT_ACPI + sizeof(r) };
	struct xsdt xsdt = { };
	uint64_t dsdt = put_dsdt(&w, vm->n_virtio);

	xsdt.tables[0] = put_fadt(&w, put(&w, &facs, sizeof(facs)), dsdt);
	xsdt.tables[1] = put_madt(&w, n_cpus);
	r.xsdt = put_table(&w, &xsdt.head, "XSDT", 1, sizeof(xsdt));
	r.checksum = -sum(&r, 20);
	r.long_checksum = -sum(&r, sizeof(r));
	*rsdp = BOOT_ACPI;
	return w.err ? w.err : vm_write(vm, BOOT_ACPI, &r, sizeof(r));
}
