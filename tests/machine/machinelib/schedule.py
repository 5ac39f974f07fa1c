# SPDX-License-Identifier: GPL-2.0
"""Keeps all processors busy until the end: jobs side by side, the longest first.

How long a job took is remembered in the cache, so that the next run knows its order.
Builds and static checks are light: they have no time limits and no clocks to suffer.
One of them at a time runs at the lowest priority beside the others, in the time that
emulators leave when their machines are idle."""

import contextlib
import json
import os
import re
import threading
import time

from . import kernels

SECONDS = os.path.join(kernels.CACHE, "check-seconds.json")
NICE = ("nice", "-n", "19")


class Job:
    """RUN does the work; it is called with words that go before each command."""

    def __init__(self, name, run, light=False):
        self.name, self.run, self.light = name, run, light
        self.begin = self.took = 0.0
        self.slot = ""


class Schedule:
    """Jobs and their order. GUESSES are (pattern of names, seconds), for the first run."""

    def __init__(self, guesses):
        self.guesses = guesses
        self.known = {}
        with contextlib.suppress(OSError, ValueError), open(SECONDS, encoding="utf-8") as f:
            self.known = json.load(f)
        self.jobs, self.todo, self.errors = [], [], []
        self.lock = threading.Lock()
        self.start, self.cpu = time.monotonic(), processor_seconds()
        self.began = self.start

    def expected(self, job):
        return self.known.get(job.name) or next(
            (s for pattern, s in self.guesses if re.search(pattern, job.name)), 1)

    def add(self, name, run, light=False):
        self.todo.append(Job(name, run, light))

    def alone(self, name, run):
        """Now, with all processors."""
        self._run(Job(name, run), "alone", ())
        self.began = time.monotonic()

    def run(self, slots):
        """Everything that was added; what a job raises is raised at the end."""
        self.todo.sort(key=self.expected)       # taken from the end
        threads = [threading.Thread(target=self._work, args=("slot %d" % (i + 1),))
                   for i in range(slots)] + [threading.Thread(target=self._work, args=("rest", True))]
        for t in threads:
            t.start()
        try:
            for t in threads:
                t.join()
        except KeyboardInterrupt:
            self.todo.clear()
            raise
        self._remember()
        if self.errors:
            raise self.errors[0]

    def _work(self, slot, light=False):
        while True:
            with self.lock:
                job = next((j for j in reversed(self.todo) if j.light or not light), None)
                if not job:
                    return
                self.todo.remove(job)
            try:
                self._run(job, slot, NICE if light else ())
            except Exception as e:  # pylint: disable=broad-except
                self.errors.append(e)

    def _run(self, job, slot, words):
        job.slot, job.begin = slot, time.monotonic()
        try:
            job.run(words)
        finally:
            job.took = time.monotonic() - job.begin
            self.jobs.append(job)

    def _remember(self):
        self.known.update((j.name, round(j.took, 1)) for j in self.jobs)
        with contextlib.suppress(OSError):
            tmp = "%s.%d" % (SECONDS, os.getpid())
            with open(tmp, "w", encoding="utf-8") as f:
                json.dump(self.known, f, indent=1, sort_keys=True)
            os.rename(tmp, SECONDS)

    def table(self):
        """The longest jobs, and what was idle."""
        now = time.monotonic()
        lines = ["The longest jobs, in seconds"]
        for j in sorted(self.jobs, key=lambda j: -j.took)[:15]:
            lines.append("%7.1f  %-6s from %4d  %s" % (j.took, j.slot, j.begin - self.start, j.name))
        for slot in sorted({j.slot for j in self.jobs}):
            mine = [j for j in self.jobs if j.slot == slot]
            busy = sum(j.took for j in mine)
            if slot == "alone":
                lines.append("%s: %d jobs in %.0f s" % (slot, len(mine), busy))
            else:
                lines.append("%s: %d jobs in %.0f s, idle for %.0f s, of which %.0f s at the end" % (
                    slot, len(mine), busy, now - self.began - busy,
                    now - max(j.begin + j.took for j in mine)))
        idle, total = (a - b for a, b in zip(processor_seconds(), self.cpu))
        lines.append("processors, whoever used them: idle for %.0f of %.0f s" % (idle, total))
        return lines


def processor_seconds():
    """(idle, all) of all processors since this machine started."""
    with open("/proc/stat", encoding="ascii") as f:
        fields = [int(n) / os.sysconf("SC_CLK_TCK") for n in f.readline().split()[1:9]]
    return fields[3] + fields[4], sum(fields)
