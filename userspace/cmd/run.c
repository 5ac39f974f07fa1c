// SPDX-License-Identifier: GPL-2.0
/* bellows run: its help, and the choice of what kind of guest it runs. */
#include <malloc.h>
#include "cmd/command.h"
#include "options.h"
#include "run.h"

#define KEEP_FREE	(64 << 10)

static int run(int argc, char **argv)
{
	struct options o;
	int code = options_parse(&o, argc, argv);

	if (code)
		return code;
	/* What one thread frees another one uses, rather than each keeping its most. */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, KEEP_FREE);
	return o.flat ? run_flat(&o) : run_kernel(&o);
}

const struct command command_run = {
	.name = "run",
	.summary = "runs an operating system or a flat program in a VM",
	.usage =
		"usage: bellows run --kernel FILE [OPTIONS]\n"
		"       bellows run --flat FILE [OPTIONS]\n\n"
		"  --kernel FILE   a vmlinuz, or an ELF file with a PVH or multiboot entry\n"
		"  --initrd FILE   its initial RAM disk\n"
		"  --module 'FILE ARGS'  a module for a multiboot kernel; may be repeated\n"
		"  --append TEXT   the kernel's command line; console= is added if it has none,\n"
		"                  and root= for the first disk\n"
		"  --mem SIZE      guest memory (default 512M, 64M with --flat)\n"
		"  --cpus N        virtual CPUs (default 1)\n"
		"  --disk FILE[,format=raw|qcow2][,readonly][,serial=TEXT]   may be repeated\n"
		"  --net user[,hostfwd=tcp::PORT:GUESTPORT] | tap=NAME       may be repeated\n"
		"  --net none      no network (default: user)\n"
		"  --console KIND  what stdin and stdout are: serial (default), virtio or none\n"
		"  --name NAME     for 'bellows list' and its companions\n"
		"  --device FILE   /dev/bellows or /dev/kvm (default: the first that is there)\n"
		"  --no-reboot     end when the guest reboots\n"
		"  --no-socket     do not listen to other commands\n"
		"  --progress      show how far loading and booting are\n"
		"  --stats         at the end, report exits and memory\n"
		"  --memory-stats[=FILE]  at the end, report what memory was really used; to FILE\n"
		"                  as JSON\n"
		"  --trace         report accesses to ports and addresses where nothing is\n\n"
		"For flat programs:\n"
		"  --load ADDR     where it goes (default 0x100000; 0x7c00 with --real)\n"
		"  --real          start in 16-bit real mode; default: 64-bit mode, the first 4 GiB\n"
		"                  mapped one to one, RDI = size of memory\n\n"
		"On a terminal, Ctrl-A x ends the VM and Ctrl-A p presses its power button.\n"
		"A byte written to port 0xf4 ends the VM and is the exit code (its low six bits).\n\n"
		"Examples:\n"
		"  bellows run --kernel /boot/vmlinuz-$(uname -r) --initrd /boot/initrd.img-$(uname -r)\n"
		"  bellows run --kernel vmlinuz --initrd initrd.img --disk debian.img \\\n"
		"              --net user,hostfwd=tcp::2222:22 --mem 1G --cpus 2\n"
		"  bellows run --flat build/userspace/demo.bin --stats\n",
	.run = run,
};
