# SPDX-License-Identifier: GPL-2.0
"""Lays a kernel out in memory as Linux's 64-bit boot protocol wants it, for an
emulator that has no boot loader of its own, and writes the disk it starts from."""

import os
import struct
import subprocess

from .kernels import HERE

PARAMS = 0x200000   # boot parameters, then the command line, then page tables
CMDLINE = PARAMS + 0x1000
TABLES = PARAMS + 0x2000
INITRD = 0x8000000  # well above the largest kernel
CYLINDER = 16 * 63  # sectors


def load_elf(path):
    """The kernel as it lies in memory: address, bytes, entry, first free byte."""
    with open(path, "rb") as f:
        elf = f.read()
    entry, phoff = struct.unpack_from("<QQ", elf, 24)
    count = struct.unpack_from("<H", elf, 56)[0]
    segments = []
    for i in range(count):
        kind, _, off, _, phys, size, memory, _ = struct.unpack_from(
            "<IIQQQQQQ", elf, phoff + 56 * i)
        if kind == 1:
            segments.append((phys, off, size, memory))
    low = min(s[0] for s in segments)
    raw = bytearray(max(s[0] + s[2] for s in segments) - low)
    for phys, off, size, _ in segments:
        raw[phys - low:phys - low + size] = elf[off:off + size]
    return low, bytes(raw), entry, max(s[0] + s[3] for s in segments)


def boot_data(bzimage, cmdline, initrd_size):
    """Boot parameters, command line and page tables, to be put at PARAMS."""
    with open(bzimage, "rb") as f:
        head = f.read(0x280)
    params = bytearray(0x1000)
    end = 0x202 + head[0x201]
    params[0x1f1:end] = head[0x1f1:end]
    params[0x210] = 0xff                            # an unknown boot loader
    params[0x211] = 1                               # kernel is loaded high
    struct.pack_into("<II", params, 0x218, INITRD, initrd_size)
    struct.pack_into("<I", params, 0x228, CMDLINE)
    line = cmdline.encode()
    if len(line) > 2000:
        raise ValueError("kernel command line is too long")
    tables = bytearray(0x6000)                      # identity map of 4 GiB
    struct.pack_into("<Q", tables, 0, TABLES + 0x1003)
    for i in range(4):
        struct.pack_into("<Q", tables, 0x1000 + 8 * i, TABLES + 0x2003 + 0x1000 * i)
    for i in range(2048):
        struct.pack_into("<Q", tables, 0x2000 + 8 * i, (i << 21) | 0x83)
    return bytes(params) + line.ljust(0x1000, b"\0") + bytes(tables)


def boot_disk(directory, pieces, entry):
    """Writes a disk of (address, bytes) that its boot sector loads; returns its
    path and its number of cylinders."""
    obj = os.path.join(directory, "disk.o")
    path = os.path.join(directory, "disk.img")
    cmd = ["as", "--32"]
    symbols = {"PARAMS": PARAMS, "TABLES": TABLES, "ENTRY": entry}
    lba = 1
    for i, (address, data) in enumerate(pieces):
        count = (len(data) + 511) // 512
        symbols.update({"LBA%d" % i: lba, "COUNT%d" % i: count, "ADDR%d" % i: address})
        lba += count
    for name, value in symbols.items():
        cmd += ["--defsym", "%s=%d" % (name, value)]
    subprocess.run(cmd + ["-o", obj, os.path.join(HERE, "boot", "disk.S")], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary",
                    "-o", path, obj], check=True)
    cylinders = (lba + CYLINDER - 1) // CYLINDER
    with open(path, "ab") as f:
        for _, data in pieces:
            f.write(data + b"\0" * (-len(data) % 512))
        f.truncate(cylinders * CYLINDER * 512)
    return path, cylinders
