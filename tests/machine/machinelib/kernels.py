# SPDX-License-Identifier: GPL-2.0
"""The kernels that test machines boot: Debian's, as installed, and the small
ones that build-kernel makes. A kernel knows its image, unpacked, because both
emulators start it without a boot loader, what to build a module against, and
where KVM's modules are."""

import fcntl
import glob
import hashlib
import lzma
import os
import re
import struct
import subprocess
import tempfile

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.environ.get("BELLOWS_CACHE") or os.path.expanduser("~/.cache/bellows")
# modprobe is not in every user's.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
NAMES = ("stock61", "stock612", "test61", "debug61")


class Unavailable(Exception):
    """What is asked for is not on this machine; the text says what to do."""


def _installed(pattern):
    """The newest release with installed headers among /lib/modules/PATTERN, or None."""
    def key(path):
        return [int(n) for n in re.findall(r"\d+", os.path.basename(path))]
    found = [p for p in glob.glob("/lib/modules/" + pattern)
             if os.path.exists(os.path.join(p, "build", "Makefile"))]
    return os.path.basename(max(found, key=key)) if found else None


def script(name, *args):
    """What one of the scripts in prepare/ prints."""
    done = subprocess.run([os.path.join(HERE, "prepare", name), *args],
                          stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Unavailable("%s %s failed" % (name, " ".join(args)))
    return done.stdout.strip()


def _decompress(data):
    if data[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        # The size that follows the frame is not zstd's; it complains and is right.
        done = subprocess.run(["zstd", "-dc"], input=data, capture_output=True)
        return done.stdout
    raise Unavailable("kernel image in an unknown compression")


def read_module(path):
    """A module's file, unpacked."""
    with open(path, "rb") as f:
        data = f.read()
    return lzma.decompress(data) if path.endswith(".xz") else data


def unpack(image):
    """The ELF file inside a bzImage, kept in the cache."""
    with open(image, "rb") as f:
        raw = f.read()
    out = os.path.join(CACHE, "vmlinux-" + hashlib.sha256(raw).hexdigest()[:16])
    if os.path.exists(out):
        return out
    setup = ((raw[0x1f1] or 4) + 1) * 512
    off, length = struct.unpack_from("<II", raw, 0x248)
    elf = _decompress(raw[setup + off:setup + off + length])
    if elf[:4] != b"\x7fELF":
        raise Unavailable("%s: the payload is not an ELF file" % image)
    os.makedirs(CACHE, exist_ok=True)
    fd, tmp = tempfile.mkstemp(dir=CACHE, prefix=".vmlinux-")
    with os.fdopen(fd, "wb") as f:
        f.write(elf)
    os.rename(tmp, out)
    return out


class Stock:
    """A Debian kernel."""

    kunit = False
    debug = False

    def __init__(self, name, pattern, series):
        self.name = name
        self.release = _installed(pattern)
        if self.release:
            self.build_dir = "/lib/modules/%s/build" % self.release
        elif series:
            self.release = script("fetch-kernel", "--newest", series)
            self.build_dir = "%s/usr/src/linux-headers-%s" % (self.root, self.release)
        else:
            raise Unavailable("no headers of kernel %s: run tests/machine/prepare/install-deps.sh"
                              % pattern)

    @property
    def root(self):
        """Where boot/ and lib/modules/ of this kernel are."""
        if os.access("/boot/vmlinuz-" + self.release, os.R_OK) and \
                os.path.isdir("/lib/modules/%s/kernel" % self.release):
            return "/"
        return script("fetch-kernel", self.release)

    @property
    def bzimage(self):
        return os.path.join(self.root, "boot", "vmlinuz-" + self.release)

    @property
    def vmlinux(self):
        return unpack(self.bzimage)

    def module_args(self, flags=""):
        """What make needs to build the module for this kernel."""
        return ["KVER=" + self.release, "KDIR=" + self.build_dir, "KFLAGS=" + flags]

    def module_dir(self):
        return "module-" + self.release

    def kvm_modules(self):
        """Name and contents, in the order of loading."""
        done = subprocess.run(
            ["modprobe", "-d", self.root, "-S", self.release, "--show-depends", "-a", "kvm-intel", "kvm-amd"],
            capture_output=True, text=True, check=False)
        out, seen = [], set()
        for path in re.findall(r"^insmod (\S+)", done.stdout, re.M):
            name = os.path.basename(path).split(".ko")[0]
            if name in seen:
                continue
            seen.add(name)
            out.append((name, read_module(path)))
        return out


class Built:
    """A kernel from the cache, built when it is not there."""

    kunit = True

    def __init__(self, name):
        self.name = name
        self.debug = name.startswith("debug")
        self.build_dir = script("build-kernel", "--key", name)

    def ensure(self):
        if not os.path.exists(self.build_dir):
            script("build-kernel", self.name)

    @property
    def bzimage(self):
        self.ensure()
        return os.path.join(self.build_dir, "boot", "bzImage")

    @property
    def vmlinux(self):
        self.ensure()
        return os.path.join(self.build_dir, "boot", "vmlinux")

    def module_args(self, flags=""):
        self.ensure()
        debug = " BELLOWS_DEBUG=y" if self.debug else ""
        return ["KVER=" + self.name, "KDIR=" + self.build_dir,
                "KFLAGS=KCFLAGS=-g BELLOWS_KUNIT=y%s %s" % (debug, flags)]

    def module_dir(self):
        return "module-" + self.name

    def kvm_modules(self):
        self.ensure()
        out = []
        for name in ("irqbypass", "kvm", "kvm-intel", "kvm-amd"):
            path = os.path.join(self.build_dir, "boot", name + ".ko")
            if os.path.exists(path):
                with open(path, "rb") as f:
                    out.append((name, f.read()))
        return out


def get(name):
    if name == "stock61":
        return Stock(name, "6.1.0-*-amd64", None)
    if name == "stock612":
        return Stock(name, "6.12.*-amd64", "6.12")
    if name in NAMES:
        return Built(name)
    raise Unavailable("no kernel is called '%s': %s" % (name, ", ".join(NAMES)))


def make(*args):
    """Runs make in the tree, free of a make that called us; (ok, output). One at a time
    in a build folder: two would take each other's half-written objects."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    build = dict(a.split("=", 1) for a in args if "=" in a).get("BUILD", os.path.join(ROOT, "build"))
    os.makedirs(build, exist_ok=True)
    with open(os.path.join(build, ".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "-s", "-j%d" % (os.cpu_count() or 1), *args], cwd=ROOT,
                              env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    return done.returncode == 0, done.stdout


def build_module(kernel, build):
    """Builds bellows.ko for a kernel and returns its path. Where static checks have just built
    it with all warnings, BELLOWS_BUILT names the kernel."""
    if kernel.name in os.environ.get("BELLOWS_BUILT", "").split():
        built = os.path.join(build, "static", kernel.module_dir(), "bellows.ko")
        if os.path.exists(built):
            return built
    good, text = make("BUILD=" + build, *kernel.module_args(), "module")
    path = os.path.join(build, kernel.module_dir(), "bellows.ko")
    if not good or not os.path.exists(path):
        raise Unavailable("bellows.ko for %s does not build:\n%s" % (kernel.name, text))
    return path


def coverage_sites(module):
    """How many places of a module report to KCOV when they are reached."""
    out = subprocess.run(["readelf", "-rW", module], capture_output=True, text=True, check=True)
    here, count = False, 0
    for line in out.stdout.splitlines():
        if line.startswith("Relocation section"):
            here = ".rela.text" in line
        count += here and " __sanitizer_cov_trace_pc" in line
    return count


def with_libraries(target, program):
    """A dynamic program and what it needs: (path in the machine, path here)."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=True)
    libraries = re.findall(r"(?:=> )?(/\S+) \(0x", done.stdout)
    return [(target, program)] + [(path.lstrip("/"), path) for path in libraries]


def build_launcher(build):
    """Builds the launcher; what a machine gets of it: (path there, path here)."""
    if not os.path.exists(os.path.join(ROOT, "userspace", "Makefile")):
        return []
    good, text = make("-C", "userspace", "BUILD=" + build)
    if not good:
        raise Unavailable("the launcher does not build:\n" + text)
    out = os.path.join(build, "userspace")
    return with_libraries("bin/bellows", os.path.join(out, "bellows")) + \
        [("demo.bin", os.path.join(out, "demo.bin"))]
