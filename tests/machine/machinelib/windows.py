# SPDX-License-Identifier: GPL-2.0
"""Every instruction of a few operations: what the benchmark's programs mark when they
are to be watched, as QEMU's plugin or Bochs's debugger saw it.

Each row of each device makes four marks, which are three windows of one operation
each. Of the three the shortest is taken: nothing interrupted it."""

import os
import re
import shutil
import subprocess
import tempfile

from . import kernels, plan, session

PLUGIN = os.path.join(kernels.HERE, "window.c")
MARKS = 4
TRACED = re.compile(r"^\(\d+\)\.\[\d+\] \[\S+\] [0-9a-f]+:([0-9a-f]+) \(.*?\): (.*?)\s*; [0-9a-f]+$")
MARK = re.compile(r"xchgw? %?bx, ?%?bx")
# An instruction counts under the first that it matches; each emulator writes as it likes.
KINDS = [(name, re.compile(pattern)) for name, pattern in (
    ("vmread", r"vmread"), ("vmwrite", r"vmwrite"), ("vmptrld", r"vmptrld"),
    ("vmclear", r"vmclear"), ("invept", r"invept|invvpid"), ("invlpga", r"invlpga"),
    ("vmload", r"vmload"), ("vmsave", r"vmsave"), ("clgi/stgi", r"clgi|stgi"),
    ("wrmsr", r"wrmsr"), ("rdmsr", r"rdmsr"),
    # An exchange with memory locks without a prefix.
    ("locked", r"lock\b|xchg.*[\[(]"),
    ("to CR", r"mov\w* (cr|.*, ?%cr)"), ("xsave", r"f?x(save|rstor)\w*"),
    ("clear", r"rep\w* stos"))]


class Window:
    """Instructions of one operation: (address, text)."""

    def __init__(self, insns):
        self.insns = insns

    def special(self):
        """(address, kind) of those that are of a kind."""
        for address, text in self.insns:
            for name, pattern in KINDS:
                if pattern.match(text):
                    yield address, name
                    break

    def counts(self):
        out = {}
        for _, name in self.special():
            out[name] = out.get(name, 0) + 1
        return out


def disassemble(codes):
    """{bytes in hex: text}."""
    codes = sorted(codes)
    with tempfile.NamedTemporaryFile() as f:
        f.write(b"".join(bytes.fromhex(c) for c in codes))
        f.flush()
        text = subprocess.run(["objdump", "-D", "-b", "binary", "-m", "i386:x86-64",
                               "--no-show-raw-insn", f.name], capture_output=True, text=True,
                              check=True).stdout
    at = {int(a, 16): t for a, t in re.findall(r"^\s*([0-9a-f]+):\t(.*?)\s*$", text, re.M)}
    out, offset = {}, 0
    for code in codes:
        out[code] = at.get(offset, "?")
        offset += len(code) // 2
    return out


def from_plugin(path):
    """Groups of instructions, one before each mark."""
    groups, current = [], None
    with open(path, encoding="ascii") as f:
        for line in f:
            if line == "mark\n":
                current = []
                groups.append(current)
            else:
                address, code = line.split()
                current.append((int(address, 16), code))
    wanted = [g for i, g in enumerate(groups) if i % MARKS]
    texts = disassemble({code for g in wanted for _, code in g})
    return [[(a, texts[c]) for a, c in g] if i % MARKS else [] for i, g in enumerate(groups)]


def from_bochs(path):
    """The same, from what the debugger prints when it stops and while it traces. On SVM it
    does not know where the guest's own instructions are and leaves them out."""
    groups, current = [], []
    with open(path, encoding="ascii", errors="replace") as f:
        for line in f:
            m = TRACED.match(line.strip())
            if m and not MARK.match(m.group(2)):
                current.append((int(m.group(1), 16), m.group(2)))
            elif "Magic breakpoint" in line:
                groups.append(current)
                current = []
    # The last one ends the machine.
    return groups[:-1]


def sections_of(lines):
    """{module: {section: address}} of what a program printed."""
    out = {}
    for line in lines:
        words = line.split()
        if words[:2] == ["#", "section"]:
            out.setdefault(words[2], {})[words[3]] = int(words[4], 16)
    return out


def options(build, module, machine, directory, expected):
    """With what it takes to watch EXPECTED rows of one device after the other."""
    args, rc = [], ""
    if machine.startswith("qemu"):
        plugin = os.path.join(directory, "window.so")
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", plugin, PLUGIN], check=True)
        args = ["-plugin", "%s,out=%s" % (plugin, os.path.join(directory, "windows"))]
    else:
        # It stops at each mark.
        rc = ("c\ntrace on\n" + "c\n" * (MARKS - 1) + "trace off\n") * expected + "c\nq\n"
    # On one processor Linux would take the prefixes of locked instructions out of its code.
    return session.Options(build, module, cpus=1, extra="mitigations=off noreplace-smp",
                           memory=1024, kvm=True, icount=True, keep=True, qemu_args=args,
                           bochs_rc=rc or "c\nq\n")


def watch(kernel, machine, build, module, program, rows):
    """Runs a program's rows, watched: ({(device, row): Window}, sections, failures)."""
    entry = [e for e in plan.entries(build) if e.name == program][0]
    with tempfile.TemporaryDirectory() as directory:
        o = options(build, module, machine, directory, 2 * len(rows))
        test = entry.test()
        test.args = ["--watch", *rows]
        s = session.Session(kernel, machine, o)
        reports = s.run([test])
        if machine.startswith("qemu"):
            groups = from_plugin(os.path.join(directory, "windows"))
        else:
            groups = from_bochs(os.path.join(s.kept, "verdict.log"))
        shutil.rmtree(s.kept, ignore_errors=True)
    lines = [line for r in reports for line in r.output]
    failed = ["%s: %s: %s" % (r.name, what, reason) for r in reports
              for status, what, reason in r.points if status != "pass"]
    keys = [(words[3], words[2]) for words in (line.split() for line in lines)
            if words[:2] == ["#", "bench"]]
    if len(groups) != MARKS * len(keys):
        failed.append("%d marks of %d rows" % (len(groups), len(keys)))
        return {}, {}, failed
    windows = {key: Window(min(groups[MARKS * i + 1:MARKS * (i + 1)], key=len))
               for i, key in enumerate(keys)}
    return windows, sections_of(lines), failed
