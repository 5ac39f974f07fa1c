# SPDX-License-Identifier: GPL-2.0
"""What the benchmark's figures mean: ratios, bars, growth, tables of them, and the document
that keeps them.

A figure is an object: name of the row, cpu, kernel, mitigations, unit, bellows, kvm,
clear (instructions that clear memory, the same on both sides), ratio (without those).
"""

import itertools
import os
import re

DOCUMENT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "FIGURES.md")

CPUS = {"qemu-svm": "svm-qemu", "bochs-svm": "svm-bochs", "bochs-vmx": "vmx-bochs"}
# QEMU's SVM does not tell the length of an instruction, which costs both sides, KVM more.
JUDGED = ("svm-bochs", "vmx-bochs")

# Rows of fresh memory contain the first.
CLEAR = "clear-4k"
CLEARED = ("touch-4k-fresh", "touch-2m-fresh", "touch-user-fresh")

# The largest ratio that is good enough: on SVM, on VMX. Others: 1.
BARS = {
    "exit-cpuid": (0.4, 0.5), "exit-msr": (0.4, 0.5), "exit-msr-write": (0.4, 0.5),
    "exit-hypercall": (0.4, 0.5), "exit-cr4": (0.4, 0.5),
    "exit-pio-user": (0.6, 0.6), "exit-pio-user-in": (0.6, 0.6),
    "exit-mmio-user": (0.6, 0.6), "exit-mmio-user-read": (0.6, 0.6),
    "exit-pio-ioeventfd": (0.8, 0.8), "irq-self-eoi": (0.8, 0.8),
    "timer-deadline": (0.8, 0.8), "ipi-halted": (0.8, 0.8),
    "touch-4k-present": (0.5, 0.5), "touch-4k-fresh": (0.6, 0.6), "touch-2m-fresh": (0.5, 0.5),
}

# What must cost the same: with 1, 8 and 64 VMs, with 64 MiB, 1 GiB and 16 GiB.
GROWTH = {
    "an exit, 1 to 64 VMs": ("exit-cpuid", "exit-cpuid-8-vms", "exit-cpuid-64-vms"),
    "an exit, 64 MiB to 16 GiB": ("exit-cpuid-64m", "exit-cpuid-1g", "exit-cpuid-16g"),
    "a fault, 1 to 64 VMs": ("touch-4k-present", "touch-4k-present-8-vms",
                             "touch-4k-present-64-vms"),
    "a fault, 64 MiB to 16 GiB": ("touch-4k-present-64m", "touch-4k-present-1g",
                                  "touch-4k-present-16g"),
}
MAX_GROWTH = 5.0    # percent

# A row's point ends with its device.
KVM, BELLOWS = " on /dev/kvm", " on /dev/bellows"

# Less than this is the instruction itself.
NO_EXIT = 50


def rows(figures, cpu, kernel, mitigations):
    """From {row: {device: instructions}}; without KVM's figure there is no ratio."""
    clear = figures.get(CLEAR, {})
    out = []
    for name, on in figures.items():
        if "bellows" not in on:
            continue
        part = min(clear.values()) if name in CLEARED and clear else 0
        out.append({"name": name, "cpu": cpu, "kernel": kernel, "mitigations": mitigations,
                    "unit": "instructions", "bellows": on["bellows"], "kvm": on.get("kvm"),
                    "clear": part,
                    "ratio": round((on["bellows"] - part) / max(1, on["kvm"] - part), 3)
                    if "kvm" in on else None})
    return out


def unfinished(points):
    """Rows among failed points that KVM fails: nothing can be compared, and whether Bellows
    fails as well says nothing about it."""
    return [p[:-len(KVM)] for p in points if p.endswith(KVM)]


def bar(row):
    """The row's bar on its CPU, or None where it is not judged."""
    if row["cpu"] not in JUDGED or row["name"] == CLEAR or row["ratio"] is None:
        return None
    return BARS.get(row["name"], (1.0, 1.0))[row["cpu"].startswith("vmx")]


def above_bar(rows_):
    return [r for r in rows_ if bar(r) is not None and r["ratio"] > bar(r)
            and not both_without_exit(r)]


def both_without_exit(row):
    return row["bellows"] < NO_EXIT and row["kvm"] is not None and row["kvm"] < NO_EXIT


def columns(rows_):
    """(cpu, mitigations), in the order of the rows."""
    return list(dict.fromkeys((r["cpu"], r["mitigations"]) for r in rows_))


def find(rows_, name, column):
    for r in rows_:
        if r["name"] == name and (r["cpu"], r["mitigations"]) == column:
            return r
    return None


def growth(rows_, column):
    """{what: (percent of Bellows, of KVM)} of what was measured."""
    out = {}
    for what, names in GROWTH.items():
        found = [r for r in (find(rows_, n, column) for n in names) if r]
        if len(found) == len(names) and all(r["kvm"] for r in found):
            out[what] = tuple(
                100.0 * (max(r[side] for r in found) / max(1, min(r[side] for r in found)) - 1)
                for side in ("bellows", "kvm"))
    return out


def grown(rows_):
    """Complaints about what costs more where there is more around."""
    return ["%s, mitigations %s: %s costs %.1f %% more" % (*column, what, percent[0])
            for column in columns(rows_)
            for what, percent in growth(rows_, column).items() if percent[0] > MAX_GROWTH]


def number(value):
    """As many digits as one reads."""
    return "%d" % value if value < 100000 else "%.1f M" % (value / 1e6) \
        if value >= 1000000 else "%d k" % (value / 1000)


def cell(row):
    """(bellows, kvm, ratio), as texts."""
    if not row:
        return "-", "-", "-"
    sides = ["-" if row[side] is None else "no exit" if row["name"].startswith("exit-") and row[side] < NO_EXIT
             else number(row[side]) for side in ("bellows", "kvm")]
    if both_without_exit(row):
        return *sides, ""
    if row["ratio"] is None:
        return *sides, "- "
    limit = bar(row)
    return *sides, "%.2f%s" % (row["ratio"], "*" if limit is not None and row["ratio"] > limit
                               else " ")


def table(rows_):
    """For a terminal."""
    cols = columns(rows_)
    lines = ["%-24s" % "" + "".join("%28s" % ("%s, %s" % c) for c in cols),
             "%-24s" % "" + "".join("%10s%10s%8s" % ("bellows", "kvm", "ratio ") for _ in cols)]
    for name in dict.fromkeys(r["name"] for r in rows_):
        lines.append("%-24s" % name + "".join(
            "%10s%10s%8s" % cell(find(rows_, name, c)) for c in cols))
    lines += ["", "Growth, percent", "%-24s" % "" + "".join("%28s" % ("%s, %s" % c) for c in cols)]
    for what in GROWTH:
        lines.append("%-26s" % what + "".join(
            "%10s%10s%8s" % (*(("%.1f" % p for p in growth(rows_, c)[what])
                               if what in growth(rows_, c) else ("-", "-")), "") for c in cols))
    return "\n".join(lines)


def markdown(rows_):
    """The same for a document: one column per machine."""
    cols = columns(rows_)
    lines = ["| instructions, bellows / kvm | " + " | ".join(
        "%s, %s" % (cpu, "mitigations off" if m == "off" else "default") for cpu, m in cols) + " |",
        "|---|" + "---|" * len(cols)]
    for name in dict.fromkeys(r["name"] for r in rows_):
        texts = []
        for column in cols:
            ours, theirs, ratio = cell(find(rows_, name, column))
            texts.append(ours if theirs == "-" or not ratio else "%s / %s = %s" % (
                ours, theirs, ratio.strip().replace("*", "\\*")))
        lines.append("| `%s` | %s |" % (name, " | ".join(texts)))
    for what in GROWTH:
        found = [growth(rows_, c).get(what) for c in cols]
        lines.append("| growth of %s | %s |" % (what, " | ".join(
            "%.1f %% / %.1f %%" % p if p else "-" for p in found)))
    return "\n".join(lines)


def replaced(document, command, text):
    """The document with TEXT between the two lines that COMMAND writes between."""
    begin, end = ("<!-- %s --figures writes %s here -->\n" % (command, w) for w in ("from", "to"))
    before, rest = document.split(begin)
    _, after = rest.split(end)
    return before + begin + text.strip("\n") + "\n\n" + end + after


def write(command, text):
    """Puts what COMMAND --figures measured into the document."""
    with open(DOCUMENT, encoding="utf-8") as f:
        document = replaced(f.read(), command, text)
    with open(DOCUMENT, "w", encoding="utf-8") as f:
        f.write(document)


# What is compared with stored ratios: exits and faults, without those of growth.
SHORT = (CLEAR, "exit-cpuid", "exit-msr", "exit-msr-write", "exit-hypercall", "exit-cr4",
         "exit-pio-user", "exit-pio-user-in", "exit-mmio-user", "exit-mmio-user-read",
         "exit-pio-ioeventfd", "touch-4k-present", *CLEARED)
# By what a ratio may be worse: than with the same kernel, and than with another version
# of its series, in which KVM's own costs may have changed.
WORSE, WORSE_NEAR = 1.05, 1.10
# Where the clearing that is subtracted is nearly all, a tick of the host's shows.
NEAR_ZERO, SLACK, SLACK_NEAR = 0.1, 0.015, 0.03


def parts(version):
    return [int(n) for n in re.findall(r"\d+", version)]


def nearest(version, known):
    """Of the KNOWN versions of a kernel's package the one to compare with: this one, or the
    nearest of its series, or None."""
    def distance(other):
        pairs = itertools.zip_longest(parts(version), parts(other), fillvalue=0)
        return [abs(a - b) for a, b in pairs]
    if version in known:
        return version
    series = [k for k in known if parts(k)[:2] == parts(version)[:2]]
    return min(series, key=distance, default=None)


def compared(rows_):
    """{cpu: {row: ratio}}, to be stored."""
    out = {}
    for r in rows_:
        if r["name"] in SHORT[1:] and r["ratio"] is not None:
            out.setdefault(r["cpu"], {})[r["name"]] = r["ratio"]
    return out


def compare(now, stored, cpu, near=False):
    """Points, as (good, what, reason of a skip): now and stored are {row: ratio}. NEAR says
    that what is stored is another kernel's."""
    worse, slack = (WORSE_NEAR, SLACK_NEAR) if near else (WORSE, SLACK)
    points = []
    for name in dict.fromkeys([*stored, *now]):
        what = "%s on %s" % (name, cpu)
        if name not in now:
            points.append((False, what + ": was not measured", None))
        elif name not in stored:
            points.append((True, what, "there is no ratio of it to compare with: bench --store"))
        else:
            limit = stored[name] + slack if stored[name] < NEAR_ZERO else stored[name] * worse
            points.append((now[name] <= limit, "%s: %.3f, was %.3f" % (
                what, now[name], stored[name]), None))
    return points


def compare_all(now, ratios, version, cpus):
    """(remark, points): what was measured NOW, {cpu: {row: ratio}}, beside the stored
    RATIOS, {version: the same}. Nothing that can be compared is a failure."""
    other = nearest(version, ratios)
    if not other:
        return "", [(False, "ratios: none are stored for %s or another kernel of its series "
                     "(stored: %s): bench --store" % (version, ", ".join(ratios) or "none"), None)]
    points = []
    for cpu in cpus:
        points += compare(now.get(cpu, {}), ratios[other].get(cpu, {}), cpu, other != version)
    if all(skip for _, _, skip in points):
        points.append((False, "ratios: nothing could be compared", None))
    if other == version:
        return "compared with the ratios stored for %s" % version, points
    return ("no ratios are stored for %s: compared with those of %s, the nearest of its series, "
            "by %.0f %% instead of %.0f %%" % (version, other, 100 * (WORSE_NEAR - 1),
                                               100 * (WORSE - 1))), points
