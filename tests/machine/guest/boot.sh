#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Debian boots in a VM and does what everybody does first. With few services there is
# no network.

. /guest/common.sh
if [ "$FEW" ]; then
	echo 1..11
else
	echo 1..13
	head -c 3000000 /dev/urandom >sent
	sum=$(md5sum <sent | cut -c1-32)
	nc -l -p 5000 <sent &
fi
boot
sleep 2
# KVM's guest memory is the launcher's own.
own=$(awk '/^[0-9a-f]+-/ { ram = /bellows-memory/ } /^Private_Dirty:/ && !ram { n += $2 } END { print n + 0 }' /proc/$vm/smaps)
echo "# the idle guest's launcher has $own KiB of its own, private and dirty"
[ "$DEVICE" = /dev/kvm ] || { [ "$own" -gt 0 ] && [ "$own" -le 5120 ]; }
result "the launcher takes at most 5 MiB for itself"
# What is typed is echoed: the quotes tell the answer from the echo.
type_line 'echo ver""sion=$(apt-get --version | head -1); echo cp""us=$(nproc)'
[ "$FEW" ] || type_line 'echo net""work=$(ip -4 -br addr show eth0); echo s""um=$(nc 10.0.2.2 5000 </dev/null | md5sum)'
type_line 'dd if=/dev/zero of=/test bs=1M count=16 conv=fsync && echo writ""ten=$?'
type_line 'echo 3 >/proc/sys/vm/drop_caches; echo zer""os=$(tr -d "\0" </test | wc -c); echo ran""dom=$(cat /sys/class/misc/hw_random/rng_current)'
type_line 'stress-ng --vm 2 --vm-bytes 32M --timeout 20; echo str""ess=$?'
type_line 'dmesg | grep -ciE "lockup|stall|i/o error|BUG:" | sed "s/^/tro""uble=/"'
wait_for 300 'trouble='
grep -q 'version=apt' out; result "apt-get runs"
grep -q "cpus=$CPUS" out; result "the guest has $CPUS CPUs"
if [ -z "$FEW" ]; then
	grep -q 'network=.*10.0.2.15' out; result "the network gives an address"
	grep -q "sum=$sum" out; result "3 MB come over TCP as they were sent"
fi
grep -q 'written=0' out && grep -q 'zeros=0' out; result "what is written to the disk is read back"
grep -q 'random=virtio_rng' out; result "random numbers come from the host"
grep -q 'stress=0' out; result "stress-ng runs"
grep -q 'trouble=0' out; result "the guest's kernel complains of nothing"
# ... in large pages: KVM does not tell
in_large_pages() {
	large=$(cost memory_large_pages) used=$(cost memory_used)
	[ "$DEVICE" = /dev/kvm ] || { [ -n "$used" ] && [ "${large:-0}" -ge $((used / 100 * 95)) ]; }
	result "at least 95 % of what the guest's memory costs is in large pages"
}
power_off in_large_pages
