#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs from Debian 12 what building and testing need, if it is missing.
#
# No kernel is among it: installing one would change what this machine boots
# next. The test machines take theirs out of the packages (fetch-kernel).
set -euo pipefail

packages=(
	build-essential make gcc libc6-dev binutils flex bison bc rsync git gawk bsdextrautils
	util-linux libelf-dev libssl-dev dwarves kmod cpio xz-utils lz4 zstd python3 perl
	sparse libzydis-dev gdb pkg-config
	acpica-tools libjson-c-dev libseccomp-dev libslirp-dev liburing-dev
	qemu-utils mmdebstrap e2fsprogs
	qemu-system-x86 bochs bochsbios vgabios busybox-static
	linux-source-6.1 linux-headers-amd64
)

installed() { dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q ' installed$'; }

missing=()
for p in "${packages[@]}"; do
	installed "$p" || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
	echo "install-deps: this is not Debian 12; install what corresponds to: ${missing[*]}" >&2
	exit 1
fi
if [ "$(id -u)" = 0 ]; then
	as_root=(env)
elif command -v sudo >/dev/null; then
	as_root=(sudo)
else
	echo "install-deps: become root or install sudo, to install: ${missing[*]}" >&2
	exit 1
fi
apt_get() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@"; }

echo "install-deps: installing ${missing[*]}" >&2
apt_get update || { echo "install-deps: apt-get update failed: is there a network?" >&2; exit 1; }
apt_get install -y --no-install-recommends "${missing[@]}" >&2 ||
	{ echo "install-deps: apt-get install failed for: ${missing[*]}" >&2; exit 1; }
