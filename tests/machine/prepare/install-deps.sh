#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install-deps.sh           installs from Debian 12 what building and testing need
# install-deps.sh demo      what building and a demonstration need, which is less
#
# Only what is missing. No kernel is among it: installing one would change what this
# machine boots next. The test machines take theirs out of the packages (fetch-kernel).
# Another program that installs packages at the time has dpkg's locks: they are waited for,
# up to BELLOWS_LOCK_SECONDS.
set -euo pipefail

# libslirp's headers need GLib's, which its package only leaves to be guessed.
packages=(
	build-essential make gcc libc6-dev binutils util-linux kmod xz-utils zstd python3 pkg-config
	acpica-tools libjson-c-dev libseccomp-dev libslirp-dev libglib2.0-dev liburing-dev
	mmdebstrap e2fsprogs
	qemu-system-x86 busybox-static
	linux-headers-amd64
)
case ${1:-} in
demo) ;;
"") packages+=(
	flex bison bc rsync git gawk bsdextrautils libelf-dev libssl-dev dwarves cpio lz4 perl
	sparse libzydis-dev gdb qemu-utils groff-base
	bochs bochsbios vgabios
	linux-source-6.1
) ;;
*) echo "usage: install-deps.sh [demo]" >&2; exit 1 ;;
esac

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
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
lock_seconds=${BELLOWS_LOCK_SECONDS:-600}

# apt-get, again and again while a lock is held. DPkg::Lock::Timeout alone does not do: apt
# knows it for dpkg's locks only, and "update" takes another one, on the lists.
apt_get() {
	local start=$SECONDS told='' holder
	while ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -qq -o Dpkg::Use-Pty=0 \
			-o DPkg::Lock::Timeout=0 "$@" >&2 2>"$errors"; do
		holder=$(sed -nE 's/^E: (Could not get lock .*)/\1/p' "$errors" | head -1)
		if [ -z "$holder" ]; then
			cat "$errors" >&2
			return 1
		fi
		if [ $((SECONDS - start)) -ge "$lock_seconds" ]; then
			echo "install-deps: a lock of the package system was held for $lock_seconds s, gave up: $holder" >&2
			exit 1
		fi
		[ -n "$told" ] || echo "install-deps: waiting up to $lock_seconds s for another program's lock: $holder" >&2
		told=1
		sleep 2
	done
	cat "$errors" >&2
}

echo "install-deps: installing ${missing[*]}" >&2
apt_get update || { echo "install-deps: apt-get update failed: is there a network?" >&2; exit 1; }
apt_get install -y --no-install-recommends "${missing[@]}" ||
	{ echo "install-deps: apt-get install failed for: ${missing[*]}" >&2; exit 1; }
