# SPDX-License-Identifier: GPL-2.0
"""An emulated AMD host in which Debian can be booted: the launcher, the guest that
build-guest makes, its disk as a disk of the host, and the modules the host needs
for that."""

import os
import re
import subprocess

from . import interactive, kernels, session

# For the disk of the emulated host, on which the guest's is
HOST_MODULES = ("virtio_pci", "virtio_blk")
HOST_MEMORY = 1536      # MiB
HOST_KERNELS = ("stock61", "stock612")


def host_modules(kernel):
    """The host's modules, in order, as (path in the machine, contents)."""
    done = subprocess.run(["modprobe", "-d", kernel.root, "-S", kernel.release, "--show-depends",
                           "-a", *HOST_MODULES], capture_output=True, text=True, check=False)
    paths = list(dict.fromkeys(re.findall(r"^insmod (\S+)", done.stdout, re.M)))
    if done.returncode or not paths:
        raise kernels.Unavailable("kernel %s has no %s here: install its package, linux-image-%s" %
                                  (kernel.release, ", ".join(HOST_MODULES), kernel.release))
    return [("guest/modules/%02d-%s.ko" % (i, os.path.basename(path).split(".ko")[0]),
             kernels.read_module(path)) for i, path in enumerate(paths)]


def prepare(kernel_name, build, series="6.1", script="host.sh", unpacked=False, cpus=1,
            reference=False):
    """A machine that is ready to start. What it finds in /guest: SCRIPT, vmlinuz (or
    vmlinux), initrd.img, modules/; the guest's disk is /dev/vda."""
    guest = kernels.script("build-guest", series)
    kernel = kernels.get(kernel_name)
    module = None if reference else kernels.build_module(kernel, build)
    image = os.path.join(guest, "vmlinuz-" + series)
    options = session.Options(build, module, cpus=cpus, memory=HOST_MEMORY, extra="loglevel=3",
                              kvm=reference)
    options.files = kernels.build_launcher(build) + host_modules(kernel) + [
        ("guest/vmlinux", kernels.unpack(image)) if unpacked else ("guest/vmlinuz", image),
        ("guest/initrd.img", os.path.join(guest, "initrd-" + series)),
        ("guest/" + script, os.path.join(kernels.HERE, "guest", script))]
    m = interactive.Interactive(kernel, "qemu-svm", options)
    m.machine.qemu_args = ["-drive", "if=virtio,format=raw,snapshot=on,file=" +
                           os.path.join(guest, "disk.img")]
    return m
