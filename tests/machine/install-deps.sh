#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs from Debian 12 what building and testing need, if it is missing.
#
# Kernel images are not among it: installing one would change what this machine
# boots next. The test machines take them out of their packages instead
# (fetch-kernel), and only their headers are installed.
set -euo pipefail

packages=(
	build-essential make gcc libc6-dev binutils flex bison bc rsync git gawk bsdextrautils
	libelf-dev libssl-dev dwarves kmod cpio xz-utils lz4 zstd python3 perl
	sparse libzydis-dev gdb file
	qemu-system-x86 bochs bochsbios vgabios busybox-static
	linux-source-6.1 linux-headers-amd64
)

installed() { dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q ' installed$'; }

headers_612() {
	apt-cache pkgnames linux-headers-6.12 2>/dev/null | grep -E '^linux-headers-6\.12\.[0-9]+\+deb12-amd64$' |
		sort -V | tail -1 || true
}

missing=()
for p in "${packages[@]}"; do
	installed "$p" || missing+=("$p")
done
have_612=$(find /usr/src -maxdepth 1 -name 'linux-headers-6.12.*+deb12-amd64' | head -1)
[ ${#missing[@]} -gt 0 ] || [ -z "$have_612" ] || exit 0

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

echo "install-deps: installing ${missing[*]} and headers of 6.12" >&2
apt_get update || { echo "install-deps: apt-get update failed: is there a network?" >&2; exit 1; }
if [ -z "$have_612" ]; then
	h=$(headers_612)
	[ -n "$h" ] || { echo "install-deps: apt knows no linux-headers-6.12 for Debian 12 (bookworm-backports is not needed, bookworm-security is)" >&2; exit 1; }
	missing+=("$h")
fi
apt_get install -y --no-install-recommends "${missing[@]}" >&2 ||
	{ echo "install-deps: apt-get install failed for: ${missing[*]}" >&2; exit 1; }
