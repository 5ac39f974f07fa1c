# SPDX-License-Identifier: GPL-2.0
"""Runs a list of tests on one kernel and one machine, over as many starts of
the machine as it takes, and says what became of each.

Init's report is believed only line by line with the right number in front and
none missing. A machine that dies or falls silent fails the test that was
running; the rest gets a fresh machine."""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time

from . import cpio, emulators, guest, judge, kernels

MAX_STARTS = 6
DEBUG_SLOW = 3          # what a kernel with all checkers costs
GUEST_MEMORY = 1536      # MiB, for a host of Linux guests
KEEP_LOGS = 24 * 3600   # seconds
RESTARTING = "# restarting"    # the last words of a test that restarts the machine
INIT_SOURCES = os.path.join(kernels.HERE, "init")


class Test:
    """One program to run and what is known about it."""

    def __init__(self, path, args=(), timeout=30, unloaded=False, allow=None, name=None,
                 kvm=False, restarts=0, guest=False, launcher=False):
        self.path = path
        self.args = list(args)
        self.timeout = timeout
        self.unloaded = unloaded
        self.allow = allow
        self.name = name or os.path.basename(path)
        self.kvm = kvm          # wants KVM's modules
        self.guest = guest      # boots Linux in VMs
        self.launcher = launcher    # runs the bellows command
        self.restarts = restarts    # how often it restarts the machine: exactly


class Options:
    """How to run: what does not depend on the test."""

    def __init__(self, build, module=None, params="", cpus=2, memory=0, extra="",
                 cpu_flags="", kvm=False, keep=False, files=(), kunit=False, reference=False,
                 icount=False, qemu_args=(), bochs_rc="c\nq\n"):
        self.build = build
        self.module = module
        self.params = params
        self.cpus = cpus
        self.memory = memory
        self.extra = extra
        self.cpu_flags = cpu_flags
        self.kvm = kvm
        self.keep = keep
        self.files = files
        self.kunit = kunit      # suites must be found
        self.reference = reference  # run on KVM instead
        self.icount = icount    # the TSC counts instructions
        self.qemu_args = qemu_args
        self.bochs_rc = bochs_rc
        self.kvm |= reference


def build_init(build):
    """The static init, compiled once per tree and state of its sources."""
    out = os.path.join(build, "tests", "machine-init")
    files = sorted(os.path.join(INIT_SOURCES, n) for n in os.listdir(INIT_SOURCES)
                   if n.endswith((".c", ".h")))
    if not os.path.exists(out) or os.path.getmtime(out) < max(map(os.path.getmtime, files)):
        os.makedirs(os.path.dirname(out), exist_ok=True)
        tmp = "%s.%d" % (out, os.getpid())
        subprocess.run(["gcc", "-O2", "-static", "-Wall", "-Wextra", "-o", tmp,
                        *(f for f in files if f.endswith(".c"))], check=True)
        os.rename(tmp, out)
    return out


def overload():
    """How much longer than on an idle machine things may take here."""
    return min(8, max(1, os.getloadavg()[0] / (os.cpu_count() or 1)))


@contextlib.contextmanager
def emulator_slot():
    """Emulators share two processors badly: BELLOWS_JOBS of them run at a time,
    whoever starts them."""
    jobs = int(os.environ.get("BELLOWS_JOBS") or max(1, (os.cpu_count() or 2) // 2))
    os.makedirs(kernels.CACHE, exist_ok=True)
    files = [open(os.path.join(kernels.CACHE, ".emulator-%d" % i), "w", encoding="ascii")
             for i in range(jobs)]
    try:
        while True:
            for f in files:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    yield
                    return
            time.sleep(0.1)
    finally:
        for f in files:
            f.close()


def initramfs(kernel, options, plan, programs, shell=False, kvm=False, kexec=False,
              files=()):
    a, seen = cpio.Archive(), set()
    for d in ("proc", "sys", "dev", "tmp", "bin", "sbin"):
        a.directory(d)
    a.character("dev/console", 5, 1)
    a.file("init", build_init(options.build))
    a.data("plan", plan.encode())
    if options.module:
        a.data("lib/modules/bellows.ko", stripped(options.module))
    if kvm or options.kvm:
        order = []
        for name, data in kernel.kvm_modules():
            a.data("lib/modules/kvm/%s.ko" % name, data)
            order.append(name)
        a.data("lib/modules/kvm/order", ("\n".join(order) + "\n").encode())
    if shell:
        a.file("bin/busybox", "/bin/busybox")
        for name in subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True,
                                   check=True).stdout.split():
            a.link("bin/" + name, "busybox")
    a.directory("tests")
    for path in sorted(programs):
        if os.path.islink(path):    # several programs in one file
            shared = "lib/" + os.path.basename(os.path.realpath(path))
            if shared not in seen:
                seen.add(shared)
                a.file(shared, path)
            a.link("tests/" + os.path.basename(path), "/" + shared)
        else:
            a.file("tests/" + os.path.basename(path), path)
    for target, source in [*options.files, *files]:     # a path here, or contents
        (a.data if isinstance(source, bytes) else a.file)(target, source)
    if kexec:   # the machine once more, for itself to start
        inner = a.bytes()
        a.file("lib/kexec/bzImage", kernel.bzimage)
        a.data("lib/kexec/initrd", inner)
    return a.bytes()


def slowness(kernel, machine):
    """By which factor tests do less and may take longer; 0 where all goes well."""
    slow = emulators.SLOW[emulators.MODELS[machine][0]]
    return max(1, slow) * DEBUG_SLOW if kernel.debug else slow


def plan_head(nonce, kernel, machine):
    """The lines every plan opens with."""
    return ["nonce " + nonce,
            "env BELLOWS_KERNEL=" + kernel.name,
            "env BELLOWS_MACHINE=" + machine,
            "env BELLOWS_BACKEND=" + emulators.MODELS[machine][1],
            "env BELLOWS_SLOW=%d" % slowness(kernel, machine),
            "env BELLOWS_KO=/lib/modules/bellows.ko"]


def stripped(module):
    """The module without debug information, which only costs time to load."""
    with tempfile.NamedTemporaryFile(suffix=".ko") as f:
        subprocess.run(["objcopy", "-g", module, f.name], check=True)
        return f.read()


class Stream:
    """Init's report, read while it grows."""

    def __init__(self, path, nonce, foreign_ok):
        self.file = open(path, "rb")
        self.nonce = nonce
        self.foreign_ok = foreign_ok
        self.rest = b""
        self.seq = 0
        self.broken = []

    def records(self):
        """(kind, test, text) of what is new."""
        data = self.rest + self.file.read()
        lines = data.split(b"\n")
        self.rest = lines.pop()
        for raw in lines:
            parts = raw.decode("ascii", "replace").split(" ", 4)
            if parts[0] != self.nonce or len(parts) < 4:
                if not self.foreign_ok:
                    self.broken.append("not from init: %r" % raw[:100])
                continue
            if parts[2] == "hello" and parts[1] == "0":
                self.seq = 0    # the machine restarted; whether it may is judged elsewhere
            if int(parts[1]) != self.seq:
                self.broken.append("lines %d to %s are missing" % (self.seq, parts[1]))
            self.seq = int(parts[1]) + 1
            yield parts[2], int(parts[3]), parts[4] if len(parts) > 4 else ""


class Start:
    """One start of the machine and what init reported."""

    def __init__(self, session, todo):
        self.s = session
        self.todo = todo
        self.reports = {}           # number in todo: Report
        self.begun = self.ended = None
        self.extra = {k: [] for k in ("audit", "fault", "lost")}
        self.machine_report = judge.Report("machine")
        self.kunit_lines, self.leaks, self.registers = [], [], []
        self.suites = self.hello = self.done = self.loaded = self.leaks_read = 0
        self.restarts = 0
        self.deadline = 0.0

    def take(self, kind, number, text):
        """One record of init's report."""
        report = self.reports.get(number)
        sink = report or self.machine_report
        if kind == "hello":
            if self.hello:
                self._restarted(text)
            self.hello = text
            self.wait(60)
        elif kind == "begin":
            if number not in self.reports:
                self.reports[number] = judge.Report(self.todo[number].name)
            self.begun, self.ended = number, None
            self.extra = {k: [] for k in self.extra}
            self.wait(self.todo[number].timeout * self.s.patience / self.s.load + 40)
        elif kind == "out":
            sink.output.append(text)
            if report and self.todo[number].restarts and text.startswith(RESTARTING):
                self.wait(20)
        elif kind == "stack":
            sink.stacks.append(text)
        elif kind == "kmsg":
            level, _, line = text.partition(" ")
            if number == -2:
                self.s.boot_log.append(line)
            else:
                sink.kernel.append(line)
        elif kind in self.extra and report:
            self.extra[kind].append(text)
        elif kind == "lost":
            self.machine_report.add(judge.FAIL, "kernel log", text)
        elif kind == "end":
            how, code, seconds = text.split()
            report.seconds = float(seconds)
            judge.program(report, (how, int(code)), self.extra["audit"],
                          self.extra["fault"] + self.extra["lost"], self.todo[number].allow)
            if self.restarts != self.todo[number].restarts and not report.failed:
                report.add(judge.FAIL, "restarts", "the machine restarted %d times, not %d"
                           % (self.restarts, self.todo[number].restarts))
            self.begun, self.ended = None, number
            self.s.on_report(report)
            self.wait(60)
        elif kind in ("load", "unload"):
            if text.startswith("0 "):
                self.machine_report.add(judge.PASS, "module " + kind)
            else:
                self.machine_report.add(judge.FAIL, "module " + kind, text)
            self.wait(60)
        elif kind == "suite":
            self.suites += 1
        elif kind == "kunit":
            self.kunit_lines.append(text)
        elif kind == "leak":
            self.leaks.append(text)
        elif kind == "leaks-read":
            self.leaks_read = 1
        elif kind == "done":
            self.done = 1
            self.wait(20)

    def _restarted(self, hello):
        """The machine said hello again. Its kernel does not restart by itself after a
        panic here, and the console shows what it complained about on its way."""
        self.restarts += 1
        report = self.reports.get(self.begun)
        if not report or self.restarts > self.todo[self.begun].restarts:
            (report or self.machine_report).add(judge.FAIL, "machine", "it restarted by itself")
        elif hello != self.hello:
            report.add(judge.FAIL, "machine", "was: %s; is: %s" % (self.hello, hello))
        self.kunit_lines, self.suites = [], 0

    def wait(self, seconds):
        self.deadline = time.monotonic() + seconds * self.s.load * (4 if self.s.slow else 1)


class Session:
    """Tests on one kernel and one machine."""

    def __init__(self, kernel, machine, options, on_report=lambda report: None):
        self.kernel, self.machine_name, self.options = kernel, machine, options
        self.slow = emulators.MODELS[machine][0] == "bochs"
        self.load = overload()
        self.patience = (4 if kernel.debug else 1) * (3 if self.slow else 1) * self.load
        self.on_report = on_report
        self.boot_log, self.reports = [], []
        self.kept = None

    def run(self, tests):
        """All reports: one per test, one for the machine, one for KUnit."""
        todo = list(tests)
        for number in range(MAX_STARTS):
            start = self._start(todo)
            self.reports += start.reports.values()
            finished = len(start.reports)
            self._machine(start, first=number == 0)
            todo = todo[finished:]
            if not todo or not finished:
                break
        for test in todo:
            report = judge.Report(test.name)
            report.add(judge.FAIL, test.name, "not run: the machine died too often")
            self.reports.append(report)
            self.on_report(report)
        return self.reports

    def _plan(self, nonce, todo):
        o = self.options
        lines = plan_head(nonce, self.kernel, self.machine_name)
        restarts = max((t.restarts for t in todo), default=0)
        if restarts:
            lines.append("restarts %d" % restarts)
        if o.reference:
            lines.append("env BELLOWS_DEVICE=/dev/kvm")
            # That of the other vendor refuses, which does no harm
            lines += ["insmod /lib/modules/kvm/%s.ko" % name
                      for name, _ in self.kernel.kvm_modules()]
        if o.module:
            if self.kernel.debug:
                lines.append("env BELLOWS_KCOV_SITES=%d" % kernels.coverage_sites(o.module))
            lines.append("load " + o.params)
        for i, t in enumerate(todo):
            lines.append("test %d %g %s /tests/%s %s" % (
                i, t.timeout * self.patience, "unloaded" if t.unloaded else "loaded",
                os.path.basename(t.path), " ".join(t.args)))
        return "\n".join(lines) + "\n"

    def _files(self, todo):
        """What tests need beside themselves: (path in the machine, path here)."""
        if any(t.guest for t in todo):
            return guest.files(self.kernel, self.options.build)
        if any(t.launcher for t in todo):
            return kernels.build_launcher(self.options.build)
        return ()

    def _start(self, todo):
        nonce = secrets.token_hex(8)
        directory = new_directory(self.options.build, self.kernel, self.machine_name)
        o = self.options
        restarts = any(t.restarts for t in todo)
        hosts = any(t.guest for t in todo)
        machine = emulators.Machine(self.machine_name, self.kernel, directory, o.cpus,
                                    o.memory or (GUEST_MEMORY if hosts else 0), o.extra, o.cpu_flags, o.icount,
                                    o.qemu_args, restarts, o.bochs_rc)
        machine.prepare(initramfs(self.kernel, o, self._plan(nonce, todo),
                                  {t.path for t in todo}, kvm=any(t.kvm for t in todo),
                                  kexec=restarts,
                                  files=self._files(todo)))
        start = Start(self, todo)
        with emulator_slot():
            process = machine.start()
            try:
                stream = Stream(machine.verdict, nonce, foreign_ok=self.slow)
                silent = self._follow(start, stream, process)
                if silent:
                    start.registers = machine.registers()
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._end(start, machine, stream, process.returncode, silent)
        return start

    def _follow(self, start, stream, process):
        """Until the emulator ends; true if the machine fell silent before."""
        start.wait(60)
        while True:
            ended = process.poll() is not None
            for record in stream.records():
                start.take(*record)
            if ended:
                return False
            if time.monotonic() > start.deadline:
                return True
            time.sleep(0.02)

    def _end(self, start, machine, stream, status, silent):
        report = start.machine_report
        reason = None
        if silent:
            reason = "the machine fell silent"
        elif not start.done or not machine.left_well(status):
            reason = "the machine died (status %d)" % status
        console = _tail(machine.console, 60) + start.registers
        if machine.restarts:
            for line in machine.complaints():
                report.add(judge.FAIL, "console", line)
        if reason and start.begun is not None:
            running = start.reports[start.begun]
            running.add(judge.FAIL, "machine", reason)
            running.kernel += console
            self.on_report(running)
        elif reason:
            report.add(judge.FAIL, "machine", reason)
            report.kernel += console
        elif not start.hello:
            report.add(judge.FAIL, "machine", "init said nothing")
        for text in stream.broken[:5]:
            report.add(judge.FAIL, "report", text)
        if self.options.keep or reason or report.count(judge.FAIL) or any(r.failed for r in start.reports.values()):
            self.kept = machine.dir
            for name in ("kernel", "disk.img", "disk.o", "initrd"):
                if not self.options.keep:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(machine.path(name))
        else:
            shutil.rmtree(machine.dir, ignore_errors=True)

    def _machine(self, start, first):
        """Reports of the start itself: module, KUnit, leaks."""
        report = start.machine_report
        for line in judge.complaints(report.kernel)[:5]:
            report.add(judge.FAIL, "kernel log", line)
        if self.kernel.debug and self.options.module and start.done:
            if self.slow:
                report.add(judge.SKIP, "leaks", "a scan for leaks takes minutes in Bochs")
            elif not start.leaks_read:
                report.add(judge.FAIL, "leaks", "kmemleak was not read")
            elif start.leaks:
                report.add(judge.FAIL, "leaks", "kmemleak: " + start.leaks[0])
                report.output += start.leaks[:60]
            else:
                report.add(judge.PASS, "leaks")
        if not report.points:
            report.add(judge.PASS, "start and end")
        self.reports.append(report)
        self.on_report(report)
        if first and start.hello and (start.suites or self.options.kunit):
            kunit = judge.Report("kunit")
            kunit.output = start.kunit_lines
            judge.kunit(kunit, start.kunit_lines)
            if not start.suites:
                kunit.add(judge.FAIL, "kunit", "no suite ran")
            self.reports.append(kunit)
            self.on_report(kunit)


def new_directory(build, kernel, machine):
    parent = os.path.join(build, "tests", "machines")
    os.makedirs(parent, exist_ok=True)
    for name in os.listdir(parent):     # logs of failures; not for ever
        old = os.path.join(parent, name)
        with contextlib.suppress(FileNotFoundError):
            if time.time() - os.path.getmtime(old) > KEEP_LOGS:
                shutil.rmtree(old, ignore_errors=True)
    return tempfile.mkdtemp(dir=parent, prefix="%s-%s-" % (kernel.name, machine))


def _tail(path, count):
    with open(path, "rb") as f:
        return f.read().decode("ascii", "replace").splitlines()[-count:]
