# SPDX-License-Identifier: GPL-2.0
"""Prints the numbers of the main job, booting Debian in a VM, each beside its bar.

  boot to init   instructions on Bellows and on KVM (bench boot)
  memory         of the launcher, and of the module for a VM and its memory (two selftests)
  Debian         its time to a login and what it costs then (boot-guest)

All of it on an emulated AMD host with Debian's 6.1. With --figures the table in FIGURES.md is
written anew. Ends with 1 if a number is above its bar or missing."""

import json
import os
import re
import subprocess
import time

from . import command, figures, kernels


def output(build, script, *words):
    """What another command of this folder says; it is shown, too."""
    print("# tests/machine/" + " ".join((script, *words)), flush=True)
    done = subprocess.run([os.path.join(kernels.HERE, script), *words, "--build", build],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode:
        print(done.stdout)
        raise kernels.Unavailable("%s failed" % script)
    return done.stdout


def numbers(pattern, text):
    """The groups of the first match, as numbers."""
    m = re.search(pattern, text)
    if not m:
        raise kernels.Unavailable("there is no '%s' in:\n%s" % (pattern, text))
    return [float(g) for g in m.groups()]


def boot_rows(build):
    text = output(build, "bench", "boot")
    (ours,), (theirs,) = numbers(r"\nbellows +(\d+)", text), numbers(r"\nkvm +(\d+)", text)
    yield ("from the guest's first instruction to its init, one vCPU, millions of instructions",
           "%d on Bellows, %d on KVM: %.2f" % (ours, theirs, ours / theirs), ours / theirs, 1, "1.0 × KVM")


def memory_rows(build):
    text = output(build, "run", "-v", "-k", "stock61", "launcher", "vm_cost")
    own, = numbers(r"# (\d+) KiB private and dirty", text)
    yield ("the launcher's own memory: 4 vCPUs, disk, network", "%.1f MiB" % (own / 1024), own, 5120, "5 MiB")
    vm, = numbers(r"# (-?\d+) KiB a VM, besides", text)
    yield "the module's memory for an idle VM of 4 vCPUs", "%d KiB" % vm, vm, 1024, "1 MiB"
    for kib, mib, large, without in re.findall(
            r"# (-?\d+) KiB for (\d+) MiB, (\d+) MiB of it in large pages; (-?\d+) KiB without it", text):
        percent = (int(kib) - int(without)) / int(mib) / 10.24
        # The program itself may have a few in large pages.
        bar, frames = (0.3, "2 MiB") if 2 * int(large) > int(mib) else (0.6, "4 KiB")
        yield ("... and for guest memory in frames of " + frames, "%.2f %%" % percent, percent, bar, "%.1f %%" % bar)


def debian_rows(build):
    text = output(build, "boot-guest", "--host-cpus", "2", "-c", "2")
    login, = numbers(r"# login after (\d+) s", text)
    costs, = re.findall(r"^# costs: (.*)", text, re.M)[-1:] or [None]
    if not costs:
        raise kernels.Unavailable("the guest's memory is not in:\n" + text)
    costs = json.loads(costs)
    used, large = costs["memory_used"], costs["memory_large_pages"]
    yield "Debian at its login, 2 vCPUs on 2 CPUs", "%d s of the emulated host's clock" % login, 0, 0, ""
    yield ("its 512 MiB at the end, after a load, cost", "%d MiB, %d %% of it in 2 MiB frames" %
           (used >> 20, large / used * 100), 0, 0, "")


def table(rows):
    text = "| %s | | bar |\n|---|---|---|\n" % time.strftime("%Y-%m-%d")
    for what, figure, value, bar, words in rows:
        text += "| %s | %s%s | %s |\n" % (what, figure, "\\*" if value > bar else "", words)
    return text


def main(words):
    p = command.parser(__doc__, "numbers")
    p.add_argument("--figures", action="store_true", help="write the table into FIGURES.md")
    a = p.parse_args(words)
    rows = [*boot_rows(a.build), *memory_rows(a.build), *debian_rows(a.build)]
    print(table(rows))
    if a.figures:
        figures.write("bench numbers", table(rows))
    return 1 if len(rows) != 7 or any(r[2] > r[3] for r in rows) else 0
