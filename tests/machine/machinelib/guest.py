# SPDX-License-Identifier: GPL-2.0
"""What a machine needs to be a host of Linux guests: the launcher, a kernel in
both forms, and an initial RAM disk with a shell, which asks the command line what
to do. The guest's kernel is the host's."""

import os
import re
import shutil
import subprocess

from . import cpio, kernels

MODULES = ("virtio_mmio", "virtio_blk", "virtio_net", "virtio_console", "virtio-rng", "ext4")

HOST_MODULES = ("tun", "loop", "dm_flakey")

# Words of the command line: what=shell (on the console), reboot, tick (for ever),
# poweroff (default).
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for m in $(cat /modules/order); do insmod /modules/$m.ko; done
# The driver of the console may have been among them.
(: >/dev/console) 2>/dev/null && exec </dev/console >/dev/console 2>&1
for w in $(cat /proc/cmdline); do case $w in what=*) what=${w#what=};; esac; done
echo "guest: up $(uname -r) cpus=$(nproc) root=$(grep -o 'root=[^ ]*' /proc/cmdline)"
case $what in
shell) cd /; while true; do setsid cttyhack sh; done;;
reboot) reboot -f;;
tick) n=0; while true; do n=$((n+1)); echo "guest: tick $n"; sleep 0.2; done;;
esac
poweroff -f
"""


def modules(kernel, names=MODULES):
    """Name and contents of what the guest loads, in order."""
    if kernel.kunit:        # the small kernels have no modules
        return []
    done = subprocess.run(["modprobe", "-d", kernel.root, "-S", kernel.release, "--show-depends",
                           "-a", *names], capture_output=True, text=True, check=True)
    out = {}
    for path in re.findall(r"^insmod (\S+)", done.stdout, re.M):
        out.setdefault(os.path.basename(path).split(".ko")[0], kernels.read_module(path))
    return list(out.items())


def initrd(kernel, build):
    """Writes the guest's RAM disk and returns its path."""
    a = cpio.Archive()
    for d in ("proc", "sys", "dev", "bin", "modules", "tmp"):
        a.directory(d)
    a.character("dev/console", 5, 1)
    a.file("bin/busybox", "/bin/busybox")
    a.data("init", INIT.encode(), 0o755)
    names = []
    for name, data in modules(kernel):
        a.data("modules/%s.ko" % name, data)
        names.append(name)
    a.data("modules/order", ("\n".join(names) + "\n").encode())
    path = os.path.join(build, "tests", "guest-initrd-" + kernel.name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    tmp = "%s.%d" % (path, os.getpid())
    with open(tmp, "wb") as f:
        f.write(a.bytes())
    os.rename(tmp, path)
    return path


def qcow2_files(build):
    """An image of 64 MiB, and the program that serves it; nothing where that is not installed."""
    server = shutil.which("qemu-nbd")
    if not server or not shutil.which("qemu-img"):
        return []
    path = os.path.join(build, "tests", "guest-disk.qcow2")
    if not os.path.exists(path):
        tmp = "%s.%d" % (path, os.getpid())
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", tmp, "64M"], check=True)
        os.rename(tmp, path)
    return kernels.with_libraries("bin/qemu-nbd", server) + [("guest/disk.qcow2", path)]


def working(kernel, build):
    """The same for a guest whose work is measured."""
    here = os.path.join(build, "tests")
    program, path = os.path.join(here, "guest-work"), os.path.join(here, "guest-work-initrd")
    a = cpio.Archive()
    for d in ("dev", "proc"):
        a.directory(d)
    a.character("dev/console", 5, 1)
    os.makedirs(here, exist_ok=True)
    subprocess.run(["gcc", "-O2", "-static", "-Wall", "-Wextra", "-o", program,
                    os.path.join(kernels.HERE, "guest", "work.c")], check=True)
    a.file("init", program)
    with open(path, "wb") as f:
        f.write(a.bytes())
    return kernels.build_launcher(build) + [("guest/vmlinux", kernel.vmlinux), ("guest/work", path)]


def files(kernel, build):
    """(path in the machine, path here, or contents)."""
    return kernels.build_launcher(build) + [
        ("guest/vmlinuz", kernel.bzimage), ("guest/vmlinux", kernel.vmlinux),
        ("guest/initrd", initrd(kernel, build))] + qcow2_files(build) + [
        ("guest/modules/%s.ko" % name, data) for name, data in modules(kernel, HOST_MODULES)]
