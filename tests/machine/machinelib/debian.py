# SPDX-License-Identifier: GPL-2.0
"""An emulated host in which Debian can be booted: the launcher, the guest that
build-guest makes, its disk as a disk of the host, and the modules the host needs
for that.

A test is a script of the folder guest. It starts the launcher, types at the guest's
login, judges the answers and prints TAP, of which the last point is made here: what
the host's own kernel logged."""

import os
import re
import shlex
import subprocess

from . import emulators, interactive, judge, kernels, session

HOST_KERNELS = ("stock61", "stock612")
# By emulator: drivers for the disk of the host, on which the guest's is; its name
HOST_MODULES = {"qemu": ("virtio_pci", "virtio_blk"), "bochs": ("ata_piix", "sd_mod")}
HOST_DISK = {"qemu": "/dev/vda", "bochs": "/dev/sdb"}
HOST_MEMORY = {"qemu": 1536, "bochs": 1024}     # MiB
GUEST_MEMORY = {"qemu": "512M", "bochs": "256M"}
# For a guest on a slow machine: what Bochs's hosts do without, too
SLOW_GUEST = ("cryptomgr.notests lpj=1000000 random.trust_cpu=on initcall_blacklist="
              "load_system_certificate_list,crypto_kdf108_init,init_kprobe_trace,"
              "cubictcp_register,slab_sysfs_init")
# A login and what it needs, but no network and none of its services
FEW_SERVICES = "systemd.unit=getty.target quiet"


def host_modules(kernel, names):
    """The host's modules, in order, as (path in the machine, contents)."""
    done = subprocess.run(["modprobe", "-d", kernel.root, "-S", kernel.release, "--show-depends",
                           "-a", *names], capture_output=True, text=True, check=False)
    paths = list(dict.fromkeys(re.findall(r"^insmod (\S+)", done.stdout, re.M)))
    if done.returncode or not paths:
        raise kernels.Unavailable("kernel %s has no %s here: install its package, linux-image-%s" %
                                  (kernel.release, ", ".join(names), kernel.release))
    return [("guest/modules/%02d-%s.ko" % (i, os.path.basename(path).split(".ko")[0]),
             kernels.read_module(path)) for i, path in enumerate(paths)]


def prepare(kernel_name, build, series="6.1", scripts=("common.sh", "boot.sh"), unpacked=False,
            cpus=1, reference=False, machine="qemu-svm"):
    """A machine that is ready to start. What it finds in /guest: SCRIPTS, vmlinuz (or
    vmlinux), initrd.img, modules/; the guest's disk is its second one."""
    emulator = emulators.MODELS[machine][0]
    guest = kernels.script("build-guest", series)
    kernel = kernels.get(kernel_name)
    module = None if reference else kernels.build_module(kernel, build)
    image = os.path.join(guest, "vmlinuz-" + series)
    options = session.Options(build, module, cpus=cpus, memory=HOST_MEMORY[emulator],
                              extra="loglevel=3", kvm=reference)
    options.files = kernels.build_launcher(build) + \
        host_modules(kernel, HOST_MODULES[emulator]) + [
            ("guest/vmlinux", kernels.unpack(image)) if unpacked else ("guest/vmlinuz", image),
            ("guest/initrd.img", os.path.join(guest, "initrd-" + series)),
            *(("guest/" + s, os.path.join(kernels.HERE, "guest", s)) for s in scripts)]
    m = interactive.Interactive(kernel, machine, options)
    m.machine.disk = os.path.join(guest, "disk.img")
    return m


def add_arguments(p):
    p.add_argument("-k", "--kernel", default="stock61", choices=HOST_KERNELS,
                   help="the emulated host's")
    p.add_argument("-m", "--machine", default="qemu-svm", choices=emulators.NAMES)
    p.add_argument("--host-cpus", type=int, default=1, help="the emulated host's")
    p.add_argument("-g", "--guest", default="6.1", choices=("6.1", "6.12"), help="its kernel")
    p.add_argument("-c", "--cpus", type=int, default=1, help="the guest's")
    p.add_argument("--mem", help="the guest's")
    p.add_argument("--few", action="store_true", help="few services, and no network")
    p.add_argument("--append", default="", help="more for the guest's command line")
    p.add_argument("--reference", action="store_true", help="on the emulated host's KVM")


def run(a, script, *words):
    """A script, with arguments, in a host as the command line has it; its exit status."""
    emulator = emulators.MODELS[a.machine][0]
    # A guest kernel that unpacks itself takes half a minute here and tests nothing.
    m = prepare(a.kernel, a.build, a.guest, ("common.sh", script), unpacked=True,
                cpus=a.host_cpus, reference=a.reference, machine=a.machine)
    append = " ".join([SLOW_GUEST] * (emulator == "bochs") + [FEW_SERVICES] * a.few +
                      [a.append]).strip()
    environment = {"DEVICE": "/dev/kvm" if a.reference else "/dev/bellows", "CPUS": a.cpus,
                   "MEMORY": a.mem or GUEST_MEMORY[emulator], "DISK": HOST_DISK[emulator],
                   "APPEND": append, "FEW": "yes" if a.few else ""}
    line = " ".join(["%s=%s" % (k, shlex.quote(str(v))) for k, v in environment.items()] +
                    ["sh", "/guest/" + script, *map(str, words)])
    with session.emulator_slot():
        records = interactive.records(m, line)
    return judge_end(records)


def judge_end(records):
    """The last point, for which the script's plan has room."""
    # -2: from before the module was loaded
    log = [r[2].partition(" ")[2] for r in records if r[0] == "kmsg" and r[1] != -2]
    bad = judge.complaints(log)
    ends = [r[2] for r in records if r[0] == "shell-end"]
    for line in bad[:20]:
        print("# host: " + line)
    print("%s - the host ends well, and its kernel complains of nothing" %
          ("ok" if ends and not bad else "not ok"))
    return 0 if ends == ["0"] and not bad else 1
