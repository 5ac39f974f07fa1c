# SPDX-License-Identifier: GPL-2.0
"""Judges what a test said and what the kernel said meanwhile.

A test passes only if it announced how many points it has, delivered them all,
every one is ok, it ended by itself with status 0, nothing of it is left, and
neither the kernel's log nor the module's audit has a complaint. A skip must
give its reason. Whatever is missing counts as a failure."""

import re

PASS, FAIL, SKIP = "pass", "fail", "skip"

KERNEL_COMPLAINTS = re.compile("|".join((
    r"\bWARNING:", r"\bBUG\b", r"cut here", r"\bKASAN\b", r"\bUBSAN\b", r"\bKCSAN\b",
    r"kmemleak: .*suspected", r"general protection", r"\bOops\b", r"Kernel panic",
    r"locking dependency", r"recursive locking", r"inconsistent lock", r"invalid wait context",
    r"suspicious RCU", r"held when returning to user space", r"held lock freed",
    r"bad unlock balance", r"lock held", r"lockdep is turned off", r"sleeping function called",
    r"scheduling while atomic", r"detected stall", r"rcu_.*stall", r"soft lockup",
    r"hard LOCKUP", r"blocked for more than", r"workqueue lockup", r"unchecked MSR access",
    r"refcount_t:", r"list_(add|del) corruption", r"Objects remaining", r"Bad page",
    r"bad rss-counter", r"stack segment", r"invalid opcode", r"double fault", r"\bODEBUG\b",
    r"unable to handle", r"non-canonical", r"Call Trace:", r"corrupted", r"Unbalanced",
    r"INFO: trying to register", r"Slab \S+ start", r"page allocation failure",
    r"audit: .*(error|mismatch)", r"does not stop for the reboot", r"Machine check", r"NMI: not continuing",
    # The module's own, of which only the first in a boot comes with a warning
    r"bellows: VM \d+ stopped", r"bellows: malformed", r"bellows: .* failed, field",
    r"bellows: CPU \d+: cannot enable",
)))
# Nobody may fill the log: so many lines of the module's come of a test that loads it again and again.
MODULE_TALK = re.compile(r"^bellows: ")
MODULE_LINES = 50
# A program that a signal ended is judged by its exit status; a line of a backtrace
# is judged by what caused it, since what lies on a stack may have any name.
KERNEL_TALK = re.compile(r"^(traps: |\S+\[\d+\]: segfault|\s*(\? )?[\w.]+\+0x[0-9a-f]+/0x)")

POINT = re.compile(r"^(not )?ok\b\s*(\d+)?\s*-?\s*(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(#\s*skip\b:?\s*(.*))?$", re.I)
DIRECTIVE = re.compile(r"\s*#\s*(skip|todo)\b:?\s*(.*)$", re.I)


def complaints(lines, allow=None):
    """The kernel messages among LINES that no test may cause."""
    allowed = re.compile(allow) if allow else None
    return [l for l in lines if KERNEL_COMPLAINTS.search(l) and not KERNEL_TALK.match(l)
            and not (allowed and allowed.search(l))]


class Report:
    """What one program (or one step of the machine) came to."""

    def __init__(self, name):
        self.name = name
        self.points = []        # (status, description, reason)
        self.output = []
        self.kernel = []
        self.stacks = []
        self.seconds = 0.0
        self.log = ""           # the file with all of the output, if there is one

    def add(self, status, text, reason=""):
        self.points.append((status, text, reason))

    def count(self, status):
        return sum(1 for p in self.points if p[0] == status)

    @property
    def failed(self):
        return self.count(FAIL) > 0 or not self.points


def tap(report, lines, several=False):
    """Adds the points of a TAP stream, or of SEVERAL streams in a row, each of
    which opens with its plan or with "TAP version"."""
    streams, current = [], []
    for line in lines:
        if several and (line.startswith("TAP version") and _has_any(current)
                        or PLAN.match(line) and _has_plan(current)):
            streams.append(current)
            current = []
        current.append(line)
    for stream in streams + [current]:
        _one_tap(report, stream)


def _has_any(lines):
    return any(l.startswith("TAP version") or PLAN.match(l) or POINT.match(l) for l in lines)


def _has_plan(lines):
    return any(PLAN.match(l) for l in lines)


def _one_tap(report, lines):
    plan, seen = None, []
    for line in lines:
        m = PLAN.match(line)
        if m:
            if plan is not None:
                report.add(FAIL, "plan", "a second plan: " + line)
            plan = int(m.group(1))
            if plan == 0:
                _skip(report, report.name, m.group(3) or "")
            continue
        if line.startswith("Bail out!"):
            report.add(FAIL, "bail out", line[9:].strip())
            continue
        m = POINT.match(line)
        if m:
            seen.append(int(m.group(2)) if m.group(2) else len(seen) + 1)
            _point(report, m)
    if plan is None:
        report.add(FAIL, "plan", "no plan: the test did not say how many points it has")
    elif seen != list(range(1, plan + 1)):
        report.add(FAIL, "plan", "planned %d points, got %d%s" % (
            plan, len(seen), "" if len(seen) != plan else " out of order"))


def _point(report, m):
    """One "ok" or "not ok" line, as POINT matched it."""
    text = m.group(3)
    d = DIRECTIVE.search(text)
    what = text[:d.start()] if d else text
    if m.group(1):
        report.add(FAIL, what, "not ok")
    elif d and d.group(1).lower() == "skip":
        _skip(report, what, d.group(2))
    else:
        report.add(PASS, what)


def _skip(report, what, reason):
    if reason.strip():
        report.add(SKIP, what, reason.strip())
    else:
        report.add(FAIL, what, "skipped without a reason")


def program(report, end, audit, faults, allow=None):
    """Judges a program by its TAP in report.output and by all the rest."""
    tap(report, report.output)
    how, code = end
    if how == "timeout":
        report.add(FAIL, "end", "no end within its time")
    elif how == "signal":
        report.add(FAIL, "end", "ended by signal %d" % code)
    elif code == 4 and report.count(SKIP) and not report.count(FAIL):
        pass
    elif code and not report.count(FAIL):
        report.add(FAIL, "end", "exit status %d" % code)
    for line in audit:
        if not line.startswith("ok"):
            report.add(FAIL, "audit", line)
    for line in faults:
        report.add(FAIL, "after the test", line)
    for line in complaints(report.kernel, allow)[:5]:
        report.add(FAIL, "kernel log", line)
    talk = sum(1 for line in report.kernel if MODULE_TALK.match(line))
    if talk > MODULE_LINES:
        report.add(FAIL, "kernel log", "%d lines of the module's" % talk)


def kunit(report, lines):
    """KUnit's results: suites as nested TAP, whose cases are the points.

    The kernels differ in the outer header, so the cases are taken by their
    indentation and counted against the plan of their suite."""
    plan, seen = None, 0
    for line in lines:
        inner = re.match(r"^ {4}(?! )(.*)$", line)
        text = inner.group(1) if inner else line
        if inner and PLAN.match(text):
            plan, seen = int(PLAN.match(text).group(1)), 0
            continue
        m = POINT.match(text)
        if inner and m:
            seen += 1
            _point(report, m)
        elif m:
            if plan is None or plan != seen or not seen:
                report.add(FAIL, m.group(3), "planned %s cases, got %d" % (plan, seen))
            elif m.group(1) and not report.count(FAIL):
                report.add(FAIL, m.group(3), "not ok")
            plan = None
