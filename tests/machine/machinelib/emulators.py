# SPDX-License-Identifier: GPL-2.0
"""The emulated machines. Each starts a kernel with a RAM disk, follows what its
init says on port 0xe9, and ends when init asks for it, when the machine dies,
or when the runner's time is over."""

import contextlib
import os
import re
import socket
import subprocess

from . import image, judge

# An emulator whose runner was killed would go on for ever, and slow the next ones down.
NO_ORPHAN = ("setpriv", "--pdeathsig", "KILL")
EXIT_STATUS = 2 * 0x29 + 1  # QEMU's status when init leaves

# One thread for all processors. With a thread for each, QEMU 7.2 may keep a
# translation of code that another processor is patching; Linux patches itself
# when the first VM appears, and then trips over its own breakpoint.
TCG = "tcg,thread=single"

# Nothing here changes what KVM or Bellows do in their hot paths. The emulated
# processors share one counter, but Linux would not trust it in QEMU.
COMMON_ARGS = ("tsc=reliable console=ttyS0,115200 loglevel=5 panic=-1 reboot=t nokaslr "
               "log_buf_len=4M printk.devkmsg=on random.trust_cpu=on")
DEBUG_ARGS = "slub_nomerge kasan_multi_shot"
QEMU_DEBUG_ARGS = "debug_pagealloc=on"
BOCHS_DEBUG_ARGS = "kmemleak=off"   # a scan takes minutes
# For a test that restarts the machine: what restarts it is the reset port, and
# neither a panic nor a triple fault, at which Bochs ends. QEMU's firmware, when it
# finds that it ran before, makes one on purpose, with an empty interrupt table.
RESTART_ARGS = "panic=0 reboot=p"
TRIPLE_FAULT = "Triple fault"
EMPTY_IDT = re.compile(r"IDT= +[0-9a-f]+ 0+\s*$", re.M)
BOCHS_ARGS = ("cryptomgr.notests rodata=off idle=halt lpj=1000000 "
              "initcall_blacklist=load_system_certificate_list,crypto_kdf108_init,"
              "init_kprobe_trace,cubictcp_register,slab_sysfs_init")

MODELS = {
    # name: (emulator, virtualization, model)
    "qemu-svm": ("qemu", "svm", "max"),
    "bochs-vmx": ("bochs", "vmx", "corei7_haswell_4770"),
    "bochs-vmx-noept": ("bochs", "vmx", "core2_penryn_t9600"),
    "bochs-vmx-noug": ("bochs", "vmx", "corei5_lynnfield_750"),
    "bochs-vmx-noad": ("bochs", "vmx", "corei5_arrandale_m520"),
    "bochs-svm": ("bochs", "svm", "zambezi"),
    # Not enough for VMs, each in its way; memory objects have to do there. Without
    # SVM QEMU would hide the leaf that tells Linux how wide addresses are.
    "qemu-novirt": ("qemu", "", "max,-svm,xlevel=0x80000008"),
    "qemu-svm-nonpt": ("qemu", "", "max,-npt"),
}
NAMES = tuple(MODELS)

# By which factor an emulator is slower than the fastest, for tests with loops.
SLOW = {"qemu": 0, "bochs": 8}


def triple_faults(log, cpus):
    """Those in QEMU's log of resets that nobody meant; each is followed by the
    state of all processors."""
    out = []
    for part in log.split(TRIPLE_FAULT)[1:]:
        state = "CPU Reset".join(part.split("CPU Reset")[:cpus + 1])
        if not EMPTY_IDT.search(state):
            out.append(TRIPLE_FAULT)
    return out


class Machine:
    """One start of one machine, in a directory of its own."""

    def __init__(self, name, kernel, directory, cpus=2, memory=0, extra="", cpu_flags="",
                 icount=False, qemu_args=(), restarts=False, bochs_rc="c\nq\n",
                 disk=None):
        self.name = name
        self.emulator, self.extension, self.model = MODELS[name]
        self.kernel = kernel
        self.dir = directory
        self.cpus = cpus
        self.memory = memory or (1024 if kernel.debug or not self.slow else 512)
        self.extra = extra
        self.cpu_flags = cpu_flags
        self.icount = icount
        self.qemu_args = qemu_args
        self.bochs_rc = bochs_rc    # the debugger's commands
        self.restarts = restarts
        self.disk = disk    # a raw image, which stays as it is
        self.monitor = None     # QEMU's, where no debugger has it
        self.console = self.path("console.log")
        self.verdict = self.path("verdict.log")

    @property
    def slow(self):
        return MODELS[self.name][0] == "bochs"

    def path(self, name):
        return os.path.join(self.dir, name)

    def cmdline(self):
        parts = [COMMON_ARGS]
        if self.kernel.debug:
            parts += [DEBUG_ARGS, BOCHS_DEBUG_ARGS if self.slow else QEMU_DEBUG_ARGS]
        if self.slow:
            parts.append(BOCHS_ARGS)
        if self.restarts:
            parts.append(RESTART_ARGS)
        return " ".join(parts + [self.extra])

    def prepare(self, initrd):
        with open(self.path("initrd"), "wb") as f:
            f.write(initrd)
        for name in (self.console, self.verdict):
            open(name, "wb").close()
        if self.slow:
            self._prepare_bochs(initrd)

    def start(self, terminal=None, gdb=None):
        """Starts the emulator; its output on port 0xe9 grows in self.verdict. The
        console goes to a file, or to a TERMINAL; GDB is a socket for a debugger."""
        if self.slow:
            if terminal:
                self._write_bochsrc("mode=term, dev=" + terminal)
            with open(self.verdict, "wb") as out:
                return subprocess.Popen(
                    [*NO_ORPHAN, "bochs", "-q", "-f", "bochsrc", "-rc", "rc"], cwd=self.dir,
                    stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                    start_new_session=True)
        # A pair needs no name; names of sockets are short, and those of build folders are not.
        self.monitor, far = socket.socketpair()
        with open(self.path("emulator.log"), "wb") as out, far:
            return subprocess.Popen([*NO_ORPHAN, *self._qemu(terminal, gdb, far.fileno())],
                                    stdin=subprocess.DEVNULL, stdout=out, pass_fds=[far.fileno()],
                                    stderr=subprocess.STDOUT, start_new_session=True)

    def registers(self):
        """Where each processor of a machine that fell silent is, for its log; all of
        its registers go to a file."""
        if not self.monitor:
            return []
        text = b""
        with contextlib.suppress(OSError):
            self.monitor.settimeout(3)
            self.monitor.sendall(b"info registers -a\n")
            while more := self.monitor.recv(65536):     # or until it stops talking
                text += more
        with open(self.path("registers.log"), "wb") as f:
            f.write(text)
        return [line for line in text.decode("ascii", "replace").splitlines()
                if re.match(r"CPU#|RIP=|EIP=|CS =|TR =|CR0=", line)]

    def _qemu(self, terminal, gdb, monitor):
        serial = ["-chardev", "serial,id=console,path=" + terminal] if terminal else \
                 ["-chardev", "file,id=console,path=" + self.console]
        stub = ["-chardev", "socket,id=gdb,server=on,wait=off,path=" + gdb,
                "-gdb", "chardev:gdb",
                "-chardev", "socket,id=monitor,server=on,wait=off,path=%s.monitor" % gdb,
                "-mon", "chardev=monitor"] if gdb else \
               ["-chardev", "socket,id=monitor,fd=%d" % monitor, "-mon", "chardev=monitor"]
        # One TSC tick per instruction, and none while nothing runs: what Bochs does anyway.
        count = ["-icount", "shift=0,sleep=off"] if self.icount else []
        disk = ["-drive", "if=virtio,format=raw,snapshot=on,file=" + self.disk] if self.disk else []
        return ["qemu-system-x86_64", *count, *self.qemu_args, *disk, "-nodefaults", "-no-user-config", "-display", "none",
                "-machine", "pc", "-accel", TCG, "-cpu", self.model + self.cpu_flags,
                "-smp", str(self.cpus), "-m", str(self.memory),
                *(("-d", "cpu_reset", "-D", self.path("resets.log")) if self.restarts else
                  ("-no-reboot",)),
                "-kernel", self.kernel_file(), "-initrd", self.path("initrd"),
                "-append", self.cmdline(), *serial, "-serial", "chardev:console", *stub,
                "-device", "isa-debugcon,iobase=0xe9,chardev=verdict",
                "-chardev", "file,id=verdict,path=" + self.verdict,
                "-device", "isa-debug-exit,iobase=0xf4,iosize=1"]

    def kernel_file(self):
        # The small kernels unpack fast and then run with 5-level page tables;
        # an unpacked Debian kernel is started through its PVH entry, with 4.
        return self.kernel.bzimage if self.kernel.kunit else self.kernel.vmlinux

    def left_well(self, status):
        """Whether init ended the machine, and nothing else did."""
        if self.slow:
            return status == 0
        return status == EXIT_STATUS

    def complaints(self):
        """What the console, which sees restarts, and the emulator have to say."""
        with open(self.console, "rb") as f:
            out = judge.complaints(f.read().decode("ascii", "replace").splitlines())[:5]
        log = self.path("resets.log")
        if os.path.exists(log):
            with open(log, encoding="ascii", errors="replace") as f:
                out += triple_faults(f.read(), self.cpus)
        return out

    def _prepare_bochs(self, initrd):
        low, raw, entry, end = image.load_elf(self.kernel.vmlinux)
        if end > image.INITRD or image.INITRD + len(initrd) > self.memory << 20:
            raise ValueError("kernel or RAM disk do not fit the machine")
        params = image.boot_data(self.kernel.bzimage, self.cmdline(), len(initrd))
        _, self.cylinders = image.boot_disk(
            self.dir, [(low, raw), (image.PARAMS, params), (image.INITRD, initrd)], entry)
        with open(self.path("rc"), "w", encoding="ascii") as f:
            f.write(self.bochs_rc)
        self._write_bochsrc("mode=file, dev=console.log")

    def _second_disk(self):
        """In the geometry that its size allows: Bochs insists that they agree."""
        sectors = os.path.getsize(self.disk) // 512
        for spt in range(63, 0, -1):
            cylinders, rest = divmod(sectors, 16 * spt)
            if not rest and cylinders < 16384:
                return ("ata0-slave: type=disk, path=%s, mode=volatile, journal=disk2.log, "
                        "cylinders=%d, heads=16, spt=%d" % (self.disk, cylinders, spt))
        raise ValueError("a disk of %d sectors has no geometry" % sectors)

    def _write_bochsrc(self, console):
        lines = [
            'display_library: rfb, options="timeout=0"',
            "config_interface: textconfig",
            "cpu: model=%s, count=%d, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1"
            % (self.model, self.cpus),
            "megs: %d" % self.memory,
            "romimage: file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot",
            "vgaromimage: file=/usr/share/vgabios/vgabios.bin",
            "pci: enabled=1, chipset=i440fx",
            "clock: sync=none, time0=1700000000",
            "ata0-master: type=disk, path=disk.img, mode=flat, cylinders=%d, heads=16, "
            "spt=63" % self.cylinders,
            *([self._second_disk()] if self.disk else []),
            "boot: disk",
            "com1: enabled=1, " + console,
            "log: bochs.log",
            "debugger_log: debugger.log",
            "panic: action=fatal",
            "error: action=report",
            # It would tell of every entry into a guest whose APIC the CPU helps with.
            "info: action=ignore",
            "debug: action=ignore",
            "port_e9_hack: enabled=1",
            "sound: driver=dummy",
            "magic_break: enabled=1",
        ]
        with open(self.path("bochsrc"), "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")
