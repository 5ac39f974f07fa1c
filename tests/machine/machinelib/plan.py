# SPDX-License-Identifier: GPL-2.0
"""Which tests there are, and which run where."""

import os

from . import emulators, kernels, session

LIST = os.path.join(kernels.HERE, "tests.list")
TIMEOUT = 30
KEYS = {"timeout", "needs", "kernel", "machine", "unloaded", "kvm", "params", "cpus",
        "args", "smoke", "allow", "guest", "launcher", "apart", "full", "restarts",
        "novirt", "failing"}


class Entry:
    """A program and one way to run it."""

    def __init__(self, path, attributes=None):
        self.path = path
        self.name = os.path.basename(path)
        self.a = attributes or {}

    def runs_on(self, kernel, machine):
        return "apart" not in self.a and self.fits(kernel, machine)

    def fits(self, kernel, machine):
        """Whether it can run there, on its own or not."""
        a = self.a
        if not emulators.MODELS[machine][1] and "novirt" not in a:
            return False
        return (kernel in a.get("kernel", kernel).split(",")
                and machine in a.get("machine", machine).split(",")
                and a.get("needs", "") in ("", emulators.MODELS[machine][1]))

    @property
    def cpus(self):
        """The number of processors it asks for, or 0."""
        return int(self.a.get("cpus", 0))

    @property
    def setting(self):
        """Tests of one setting share a start of the machine."""
        return (self.a.get("params", "").replace(",", " "), self.cpus,
                self.name if self.restarts or "guest" in self.a else "")

    @property
    def restarts(self):
        return int(self.a.get("restarts", 0))

    def test(self):
        args = self.a["args"].split(",") if self.a.get("args") else []
        name = self.name + ("".join(" %s=%s" % (k, self.a[k]) for k in ("args", "params", "cpus")
                                    if k in self.a))
        return session.Test(self.path, args, float(self.a.get("timeout", TIMEOUT)),
                            "unloaded" in self.a, self.a.get("allow"), name, "kvm" in self.a,
                            self.restarts, "guest" in self.a, "launcher" in self.a)


def read_list(path=LIST):
    """Name: list of attribute tables."""
    out = {}
    with open(path, encoding="ascii") as f:
        for number, line in enumerate(f, 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            attributes = dict((w.split("=", 1) + [""])[:2] for w in words[1:])
            unknown = set(attributes) - KEYS
            if unknown:
                raise kernels.Unavailable("%s:%d: unknown %s" % (path, number, unknown))
            out.setdefault(words[0], []).append(attributes)
    return out


def build_programs(build):
    """Builds the selftests; returns the path of every test."""
    source = os.path.join(kernels.ROOT, "tests", "selftests")
    out = os.path.join(build, "tests", "selftests")
    if os.path.exists(os.path.join(source, "Makefile")):
        good, text = kernels.make("-C", source, "BUILD=" + build)
        if not good:
            raise kernels.Unavailable("the selftests do not build:\n" + text)
    # A build folder may still have those of sources that are gone.
    names = sorted(n for n in os.listdir(out) if os.path.exists(os.path.join(source, n + ".c"))) \
        if os.path.isdir(out) else []
    paths = [os.path.join(out, n) for n in names]
    return [p for p in paths if os.path.isfile(p) and os.access(p, os.X_OK)]


def entries(build):
    listed = read_list()
    paths = build_programs(build)
    missing = set(listed) - {os.path.basename(p) for p in paths}
    if missing:
        raise kernels.Unavailable("tests.list names tests that do not exist: %s"
                                  % ", ".join(sorted(missing)))
    return [Entry(p, a) for p in paths for a in listed.get(os.path.basename(p), [{}])]
