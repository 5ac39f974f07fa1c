// SPDX-License-Identifier: GPL-2.0
/*
 * A multiboot kernel for tests of the launcher: says what it was given, and then does
 * what is typed at its serial port, a letter each. It knows no interrupts, so that
 * whatever it answers has come through registers alone.
 */
#include "x86.h"

#define HEADER_MAGIC	0x1badb002
#define LOADED_MAGIC	0x2badb002
#define COM		0x3f8
#define COM_STATUS	(COM + 5)
#define READY		0x01
#define EMPTY		0x20
#define PM_STATUS	0x600
#define PM_CONTROL	0x604
#define BUTTON		0x0100
#define POWER_OFF	(5 << 10 | 1 << 13)
#define SLEEP		(1 << 10 | 1 << 13)
#define WOKEN		0x8000
#define EXIT_PORT	0xf4
#define KEYBOARD	0x64
#define RESET		0xfe
#define TICK		200000

struct info {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline, n_modules, modules;
};

struct module {
	u32 start, end, cmdline, reserved;
};

asm(".section .entry, \"ax\"\n"
    ".globl _start\n"
    "_start: jmp 1f\n"
    ".balign 4\n"
    ".long 0x1badb002, 3, -(0x1badb002 + 3)\n"
    "1:	movl $stack_end, %esp\n"
    "	pushl %ebx\n"
    "	pushl %eax\n"
    "	call kernel\n"
    ".bss\n"
    ".balign 16\n"
    ".skip 8192\n"
    "stack_end:\n"
    ".text\n");

static void put_char(char c)
{
	while (!(inb(COM_STATUS) & EMPTY))
		;
	outb(COM, c);
}

static void put(const char *s)
{
	while (*s)
		put_char(*s++);
}

static void put_number(u32 n)
{
	char text[12], *p = text + sizeof(text) - 1;

	*p = 0;
	do
		*--p = '0' + n % 10;
	while (n /= 10);
	put(p);
}

static char get_char(void)
{
	while (!(inb(COM_STATUS) & READY))
		;
	return inb(COM);
}

static void say_hello(u32 magic, const struct info *info)
{
	const struct module *m = (const void *)info->modules;

	put(magic == LOADED_MAGIC ? "guest: up\n" : "guest: no magic\n");
	put("cmdline: ");
	put((const char *)info->cmdline);
	put("\nupper memory: ");
	put_number(info->mem_upper);
	put(" KiB\n");
	for (u32 i = 0; i < info->n_modules; i++) {
		put("module: ");
		put((const char *)m[i].cmdline);
		put(" has ");
		put_number(m[i].end - m[i].start);
		put(" bytes: ");
		for (u32 at = m[i].start; at < m[i].end && at < m[i].start + 16; at++)
			put_char(*(const char *)at);
		put("\n");
	}
	put("guest: ready\n");
}

static void tick_until_typed(void)
{
	for (u32 n = 1; !(inb(COM_STATUS) & READY); n++) {
		put("tick ");
		put_number(n);
		put("\n");
		for (volatile u32 i = 0; i < TICK; i++)
			;
	}
}

/* A quarter of what there is above 8 MiB. */
static void touch(const struct info *info)
{
	u32 end = 0x100000 + info->mem_upper / 4 * 1024;

	for (u32 at = 0x800000; at < end; at += 4096)
		*(volatile u32 *)at = at;
	put("guest: touched ");
	put_number(end > 0x800000 ? (end - 0x800000) >> 10 : 0);
	put(" KiB\n");
}

static void obey(char c, const struct info *info)
{
	static const struct { u16 limit; u32 base; } __attribute__((packed)) no_idt;

	switch (c) {
	case 'e':
		outb(EXIT_PORT, get_char() - '0');
		break;
	case 'h':
		asm volatile("cli; hlt");
		break;
	case 'm':
		touch(info);
		break;
	case 'o':
		outw(PM_CONTROL, POWER_OFF);
		break;
	case 'r':
		outb(KEYBOARD, RESET);
		break;
	case 's':
		outw(PM_STATUS, WOKEN);
		outw(PM_CONTROL, SLEEP);
		put(inb(PM_STATUS + 1) & (WOKEN >> 8) ? "guest: awake\n" : "guest: did not sleep\n");
		break;
	case 't':
		tick_until_typed();
		break;
	case '3':
		asm volatile("lidt %0; int3" :: "m"(no_idt));
		break;
	default:
		put("got ");
		put_number((u8)c);
		put("\n");
	}
}

static void __attribute__((used)) kernel(u32 magic, const struct info *info)
{
	say_hello(magic, info);
	for (;;) {
		if (inb(COM_STATUS) & READY)
			obey(inb(COM), info);
		if (inb(PM_STATUS + 1) & (BUTTON >> 8)) {
			outw(PM_STATUS, BUTTON);
			put("guest: the button was pressed\n");
		}
	}
}
