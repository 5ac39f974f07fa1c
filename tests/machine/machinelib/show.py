# SPDX-License-Identifier: GPL-2.0
"""Prints reports: a line for what passed, everything useful for what did not."""

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


def important(lines):
    """Of a long output what tells why it failed: everything but points that passed."""
    return [l for l in lines if not l.startswith("ok ")] if len(lines) > 40 else lines


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
            self._section("output", important(report.output), 40)
            self._section("kernel", report.kernel, 80)
            self._section("stack", report.stacks, 60)
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
