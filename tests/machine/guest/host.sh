#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# host.sh DEVICE CPUS MEMORY: runs in the emulated host, boots Debian in a VM, types
# commands at its login, and judges what comes back. The guest's console is shown as it
# appears; lines of TAP are between.

device=$1 cpus=$2 memory=$3
export PATH=/bin:/sbin
mount -t proc proc /proc 2>/dev/null
mount -t sysfs sys /sys 2>/dev/null
mount -t devtmpfs dev /dev 2>/dev/null
# KVM's come first, where they are wanted; that of the other vendor refuses.
for m in $(cat /lib/modules/kvm/order 2>/dev/null); do insmod "/lib/modules/kvm/$m.ko" 2>/dev/null; done
for m in /guest/modules/*; do insmod "$m" 2>/dev/null; done
ip link set lo up
cd /tmp || exit 1

n=0 failed=0
result() {	# NAME, after a command
	if [ $? = 0 ]; then set -- ok "$1"; else set -- "not ok" "$1"; failed=1; fi
	n=$((n + 1))
	printf "\n%s\n" "$1 $n - $2"
}

# Waits for a line in the guest's output.
wait_for() {	# SECONDS TEXT
	i=0
	while ! grep -q "$2" out; do
		i=$((i + 1))
		[ $i -le "$1" ] && kill -0 "$vm" 2>/dev/null || return 1
		sleep 1
	done
}

seconds() { cut -d. -f1 /proc/uptime; }

head -c 3000000 /dev/urandom >sent
sum=$(md5sum <sent | cut -c1-32)
nc -l -p 5000 <sent &
mkfifo in
exec 3<>in
: >out
begin=$(seconds)
echo 1..12
bellows run --device "$device" --kernel /guest/vmlinux --initrd /guest/initrd.img --mem "$memory" \
	--cpus "$cpus" --disk /dev/vda --net user --memory-stats --no-reboot <in >out 2>&1 &
vm=$!
tail -f out &
shown=$!

wait_for 300 'root@debian-guest'
result "Debian boots to a login"
echo "# login after $(($(seconds) - begin)) s of the emulated host's clock"
sleep 2
# KVM's guest memory is the launcher's own.
own=$(awk '/^[0-9a-f]+-/ { ram = /bellows-memory/ } /^Private_Dirty:/ && !ram { n += $2 } END { print n + 0 }' /proc/$vm/smaps)
echo "# the idle guest's launcher has $own KiB of its own, private and dirty"
[ "$device" = /dev/kvm ] || { [ "$own" -gt 0 ] && [ "$own" -le 5120 ]; }
result "the launcher takes at most 5 MiB for itself"
# What is typed is echoed: the quotes tell the answer from the echo.
echo 'echo ver""sion=$(apt-get --version | head -1); echo cp""us=$(nproc); echo net""work=$(ip -4 -br addr show eth0)' >&3
echo 'echo s""um=$(nc 10.0.2.2 5000 </dev/null | md5sum); dd if=/dev/zero of=/test bs=1M count=16 conv=fsync && echo writ""ten=$?' >&3
echo 'echo 3 >/proc/sys/vm/drop_caches; echo zer""os=$(tr -d "\0" </test | wc -c); echo ran""dom=$(cat /sys/class/misc/hw_random/rng_current)' >&3
echo 'stress-ng --vm 2 --vm-bytes 32M --timeout 5; echo str""ess=$?; dmesg | grep -ciE "lockup|stall|i/o error|BUG:" | sed "s/^/tro""uble=/"' >&3
wait_for 120 'trouble='
grep -q 'version=apt' out; result "apt-get runs"
grep -q "cpus=$cpus" out; result "the guest has $cpus CPUs"
grep -q 'network=.*10.0.2.15' out; result "the network gives an address"
grep -q "sum=$sum" out; result "3 MB come over TCP as they were sent"
grep -q 'written=0' out && grep -q 'zeros=0' out; result "what is written to the disk is read back"
grep -q 'random=virtio_rng' out; result "random numbers come from the host"
grep -q 'stress=0' out; result "stress-ng runs"
grep -q 'trouble=0' out; result "the guest's kernel complains of nothing"
echo poweroff >&3
wait_for 60 'reboot: Power down\|bellows: '
wait $vm; [ $? = 0 ]; result "it powers off, and the launcher ends with 0"
kill $shown
# ... in large pages: KVM does not tell
large=$(sed -n 's/^bellows:  *\([0-9]*\) KiB in large pages.*/\1/p' out)
used=$(sed -n 's/^bellows: guest memory: .* of which \([0-9]*\) KiB.*/\1/p' out)
[ "$device" = /dev/kvm ] || [ "${large:-0}" -ge $((${used:-1} * 95 / 100)) ]
result "at least 95 % of what the guest's memory costs is in large pages"
echo "# $(($(seconds) - begin)) s in all"
exit $failed
