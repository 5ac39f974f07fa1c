# SPDX-License-Identifier: GPL-2.0
"""Compares how much it takes to boot Linux on Bellows and on KVM.

The same launcher, machine, kernel and RAM disk on /dev/bellows and on /dev/kvm, in turn, in
one start of an emulated AMD host with one processor whose clock counts instructions.
Counted is what the host executes, the guest included, from the guest's first
instruction until its kernel starts init, in millions; time in which the host idles
(the guest waits for a timer, say) is taken off."""

import os
import re
import statistics
import time

from . import command, debian, guest, interactive, kernels, session


def main(words):
    p = command.parser(__doc__, "boot")
    p.add_argument("-k", "--kernel", default="stock61", choices=debian.HOST_KERNELS,
                   help="the host's, and the guest's")
    p.add_argument("-n", "--count", type=int, default=3, help="boots on each")
    p.add_argument("--mitigations", default="off", choices=("off", "default"))
    a = p.parse_args(words)
    begin = time.monotonic()
    kernel = kernels.get(a.kernel)
    extra = "loglevel=3" + (" mitigations=off" if a.mitigations == "off" else "")
    options = session.Options(a.build, kernels.build_module(kernel, a.build), cpus=1,
                              memory=session.GUEST_MEMORY, extra=extra, kvm=True)
    options.files = guest.files(kernel, a.build) + [
        ("guest/bench-boot.sh", os.path.join(kernels.HERE, "guest", "bench-boot.sh"))]
    m = interactive.Interactive(kernel, "qemu-svm", options)
    m.machine.icount = True
    text = bytearray()
    with session.emulator_slot():
        status = interactive.command(m, "sh /guest/bench-boot.sh %d" % a.count, text.extend)
    figures = {}
    for device, *numbers in re.findall(r"^boot (\w+) (\d+) (\d+) (\d+)\r?$", text.decode("ascii", "replace"), re.M):
        start, init, idle = map(int, numbers)
        figures.setdefault(device, []).append(init - start - idle)
    if status or {len(f) for f in figures.values()} != {a.count} or len(figures) != 2:
        raise kernels.Unavailable("boots failed\n" + text.decode("ascii", "replace"))
    print("Millions of instructions from the guest's first one to its init, %s in both, "
          "mitigations %s, %s" % (kernel.release, a.mitigations, time.strftime("%Y-%m-%d")))
    for device, f in figures.items():
        print("%-8s %6d  (%s)" % (device, statistics.median(f), ", ".join(map(str, f))))
    print("ratio    %6.2f" % (statistics.median(figures["bellows"]) / statistics.median(figures["kvm"])))
    print("took %d s" % (time.monotonic() - begin))
    return 0
