# SPDX-License-Identifier: GPL-2.0
"""Writes an initial RAM file system: an uncompressed cpio archive, because
unpacking is what an emulator is slow at, and with fixed numbers in it, so
that equal contents are equal bytes."""

import os
import stat


class Archive:
    def __init__(self):
        self._parts = []
        self._seen = set()
        self._ino = 1

    def _entry(self, name, mode, data=b"", rdev=(0, 0)):
        raw = name.encode() + b"\0"
        fields = (self._ino, mode, 0, 0, 1, 0, len(data), 0, 0,
                  rdev[0], rdev[1], len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        self._parts += [head, b"\0" * (-len(head) % 4),
                        data, b"\0" * (-len(data) % 4)]
        self._ino += 1

    def directory(self, path):
        path = path.strip("/")
        if not path or path in self._seen:
            return
        self.directory(os.path.dirname(path))
        self._seen.add(path)
        self._entry(path, stat.S_IFDIR | 0o755)

    def data(self, path, data, mode=0o644):
        path = path.strip("/")
        self.directory(os.path.dirname(path))
        if path not in self._seen:
            self._seen.add(path)
            self._entry(path, stat.S_IFREG | mode, data)

    def file(self, path, source):
        with open(source, "rb") as f:
            mode = 0o755 if os.access(source, os.X_OK) else 0o644
            self.data(path, f.read(), mode)

    def link(self, path, target):
        path = path.strip("/")
        self.directory(os.path.dirname(path))
        if path not in self._seen:
            self._seen.add(path)
            self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def character(self, path, major, minor):
        self.directory(os.path.dirname(path.strip("/")))
        self._entry(path.strip("/"), stat.S_IFCHR | 0o600, b"", (major, minor))

    def bytes(self):
        tail = Archive()
        tail._ino = 0
        tail._entry("TRAILER!!!", 0)
        return b"".join(self._parts + tail._parts)
