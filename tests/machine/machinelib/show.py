# SPDX-License-Identifier: GPL-2.0
"""Prints reports: a line for what passed, everything useful for what did not."""

import os
import re
import threading

from . import judge

_lock = threading.Lock()


class Tally:
    """What all reports add up to."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def add(self, where, report):
        self.passed += report.count(judge.PASS)
        self.failed += report.count(judge.FAIL)
        self.skipped += report.count(judge.SKIP)
        if not report.points:
            self.failed += 1
        if report.failed:
            self.failures.append("%s: %s" % (where, report.name))

    def good(self):
        return self.failed == 0 and self.passed > 0

    def line(self):
        return "%d passed, %d failed, %d skipped" % (self.passed, self.failed, self.skipped)


SHORT, BEFORE, AFTER, AT_END, MOST = 40, 25, 10, 100, 8


def surroundings(lines, at, before=BEFORE, after=AFTER):
    """The numbers of the lines around a point, up to the points beside it."""
    numbers = {at}
    for step, most in ((-1, before), (1, after)):
        i = at + step
        while 0 <= i < len(lines) and abs(i - at) <= most and not judge.POINT.match(lines[i].strip()):
            numbers.add(i)
            i += step
    return numbers


def important(lines, ended_badly):
    """Of a long output what tells why it failed: failed points, the first few with what
    stands around them; what is said after the last point; and more of the end, if the
    trouble is there or nothing else is known."""
    if len(lines) <= SHORT:
        return lines
    bad = [i for i, line in enumerate(lines) if line.strip().startswith("not ok")]
    shown = set(bad).union(*(surroundings(lines, i) for i in bad[:MOST]))
    if not judge.POINT.match(lines[-1]):
        shown |= surroundings(lines, len(lines) - 1, AT_END)
    if ended_badly or not bad:
        shown.update([i for i, l in enumerate(lines) if not l.startswith("ok ")][-SHORT:])
    out, last = [], -1
    for i in sorted(shown):
        out += ["... %d lines" % (i - last - 1)] if i > last + 1 else []
        out.append(lines[i])
        last = i
    return out + (["... %d lines" % (len(lines) - 1 - last)] if last < len(lines) - 1 else [])


def busy():
    """That other work may be why something took too long, or "". """
    load, cpus = os.getloadavg()[0], os.cpu_count() or 1
    return "load %.1f on %d processors: does it fail on an idle machine, too?" % (load, cpus) \
        if load > 1.5 * cpus else ""


# What is worth a line of a test that passed, too: to repeat it, and how far it came.
NOTES = re.compile(r"^# ((?:seed \d|KCOV: ).*)$")


def notes(lines):
    return [m.group(1) for m in map(NOTES.match, lines) if m]


class Printer:
    """Prints the reports of one session as they come."""

    def __init__(self, tally, where, verbose=False):
        self.tally, self.where, self.verbose = tally, where, verbose

    def say(self, line):
        print(line, flush=True)

    def report(self, report):
        with _lock:     # sessions run side by side
            self._report(report)

    def _report(self, report):
        self.tally.add(self.where, report)
        word = "FAIL" if report.failed else "ok  " if report.count(judge.PASS) else "skip"
        self.say("%s %s: %s (%d points, %.1f s)" % (
            word, self.where, report.name, len(report.points), report.seconds))
        for status, what, reason in report.points:
            if status == judge.SKIP:
                self.say("     skipped: %s: %s" % (what.strip(), reason))
            elif status == judge.FAIL:
                self.say("     failed: %s: %s" % (what.strip(), reason))
        for note in notes(report.output) if not report.failed and not self.verbose else []:
            self.say("     " + note)
        if report.failed:
            # A point that the program itself did not print
            late = any(status == judge.FAIL and reason != "not ok"
                       for status, _, reason in report.points)
            self._section("output", important(report.output, late), 0)
            self._section("kernel", report.kernel, 80)
            self._section("stack", report.stacks, 60)
            if report.log:
                self.say("     all of it: %s" % report.log)
            if busy():
                self.say("     this machine: " + busy())
        elif self.verbose:
            self._section("output", report.output, 0)
            self._section("kernel", report.kernel, 0)

    def _section(self, name, lines, limit):
        if limit and len(lines) > limit:
            self.say("     %s: ... %d lines before" % (name, len(lines) - limit))
        for line in lines[-limit:] if limit else lines:
            self.say("     %s: %s" % (name, line))

    def end(self, session):
        if session.kept:
            self.say("     logs: %s" % session.kept)
