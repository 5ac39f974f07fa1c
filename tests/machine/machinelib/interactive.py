# SPDX-License-Identifier: GPL-2.0
"""A machine for a person: a shell on its console, or a debugger on its kernel.

The machine's console is one end of a pseudo terminal, and this process passes
on what is typed and printed at the other, so both emulators look the same."""

import contextlib
import os
import pty
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
import tty

from . import emulators, kernels, plan, session

LEAVE = 0x1d    # Ctrl-]


class Interactive:
    """One machine with a terminal."""

    def __init__(self, kernel, name, options, programs=()):
        self.kernel, self.name, self.options = kernel, name, options
        self.nonce = secrets.token_hex(8)
        self.programs = list(programs)
        self.dir = session.new_directory(options.build, kernel, name)
        self.machine = emulators.Machine(name, kernel, self.dir, options.cpus, options.memory,
                                         options.extra, options.cpu_flags)
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.terminal = os.ttyname(slave)
        self.process = None

    def start(self, lines, gdb=None):
        head = session.plan_head(self.nonce, self.kernel, self.name)
        if self.options.module:
            head.append("load " + self.options.params)
        text = "\n".join(head + lines) + "\n"
        self.machine.prepare(session.initramfs(self.kernel, self.options, text,
                                               self.programs, shell=True))
        self.process = self.machine.start(self.terminal, gdb)

    def stop(self):
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def relay(self, show=lambda data: os.write(1, data)):
        """Joins this terminal and the machine's until the machine ends or Ctrl-]."""
        here = sys.stdin.fileno()
        saved = termios.tcgetattr(here) if os.isatty(here) else None
        inputs = [here, self.master]
        if saved:
            tty.setraw(here)
        try:
            while True:
                ready, _, _ = select.select(inputs, [], [], 0.2)
                if self.master in ready:
                    show(os.read(self.master, 4096))
                elif self.process.poll() is not None:
                    return
                if here in ready:
                    data = os.read(here, 1024)
                    if LEAVE in data:
                        return
                    if not data:
                        inputs.remove(here)
                    self._type(data)
        finally:
            if saved:
                termios.tcsetattr(here, termios.TCSADRAIN, saved)

    def _type(self, data):
        # An emulated serial port holds 16 bytes; a paste would overrun it.
        for i in range(0, len(data), 8):
            os.write(self.master, data[i:i + 8])
            if len(data) > 8:
                time.sleep(0.02)

    def stream(self):
        return session.Stream(self.machine.verdict, self.nonce, foreign_ok=True)

    def wait_for(self, kind, seconds):
        """Records up to the first of KIND."""
        stream = self.stream()
        end, out = time.monotonic() + seconds, []
        while time.monotonic() < end and self.process.poll() is None:
            for record in stream.records():
                out.append(record)
                if record[0] == kind:
                    return out
            time.sleep(0.02)
        raise kernels.Unavailable("the machine did not get ready; its last words:\n"
                                  + "\n".join(r[2] for r in out[-10:]))


def prepare(kernel_name, machine, build, params="", cpus=2, memory=0, programs=None, extra=""):
    """Kernel, module and programs for an interactive machine."""
    kernel = kernels.get(kernel_name)
    module = kernels.build_module(kernel, build)
    options = session.Options(build, module, params, cpus, memory, extra, kvm=programs is None)
    if programs is None:
        programs = plan.build_programs(build)
    options.files = kernels.build_launcher(build)
    return Interactive(kernel, machine, options, programs)


def shell(m):
    print("Booting %s on %s. The module is loaded, test programs are in /tests;\n"
          "'exit' or Ctrl-] ends the machine.\n" % (m.kernel.name, m.name), flush=True)
    try:
        m.start(["shell"])
        m.relay()
    finally:
        m.stop()


def records(m, text, *show):
    """Runs one command on the machine's console; all that init reported."""
    try:
        m.start(["shell " + text])
        m.relay(*show)
        return list(m.stream().records())
    finally:
        m.stop()


def command(m, text, *show):
    """Runs one command on the machine's console; its exit status."""
    ends = [r[2] for r in records(m, text, *show) if r[0] == "shell-end"]
    return int(ends[0]) if ends else 255


def monitor(path, command):
    """One command to QEMU's monitor."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.settimeout(5)
        with contextlib.suppress(socket.timeout):
            s.recv(4096)
            s.sendall(command.encode() + b"\n")
            s.recv(4096)


def debug(m, program, gdb_args):
    """gdb on a machine that has just loaded the module, stopped."""
    sock = os.path.relpath(os.path.join(m.dir, "gdb"))
    last = "test 0 100000 loaded /tests/%s" % " ".join(program) if program else "shell"
    try:
        m.start(["sections", last], os.path.abspath(sock))
        records = m.wait_for("stop", 120)
        monitor(os.path.abspath(sock) + ".monitor", "stop")
        sections = dict(r[2].split() for r in records if r[0] == "section")
        if ".text" not in sections:
            raise kernels.Unavailable("the module was not loaded:\n" + "\n".join(
                r[2] for r in records if r[0] in ("load", "kmsg"))[-2000:])
        script = os.path.join(m.dir, "gdbinit")
        others = " ".join("-s %s %s" % (n, a) for n, a in sections.items() if n != ".text")
        with open(script, "w", encoding="ascii") as f:
            f.write("set confirm off\nset pagination off\n"
                    "target remote %s\n"
                    "add-symbol-file %s %s %s\n" % (sock, m.options.module,
                                                    sections[".text"], others))
        if not program:
            print("The machine's shell, from another terminal:  "
                  "busybox microcom %s" % m.terminal, flush=True)
        signal.signal(signal.SIGINT, signal.SIG_IGN)    # it is gdb's
        subprocess.run(["gdb", "-q", m.kernel.vmlinux, "-x", script, *gdb_args], check=False)
    finally:
        m.stop()
