#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# bench-boot.sh COUNT: runs in an emulated host whose clock counts instructions. Boots the
# same kernel and RAM disk on both modules, in turn, and prints for each boot a line
#   boot DEVICE BEGIN INIT IDLE
# with the milliseconds since the launcher's start at which the guest first ran and its
# init was started, and those in which the host's processor had nothing to do.

export PATH=/bin:/sbin
mount -t proc proc /proc 2>/dev/null
mount -t sysfs sys /sys 2>/dev/null
mount -t devtmpfs dev /dev 2>/dev/null
# That of the other vendor refuses.
while read -r m; do insmod "/lib/modules/kvm/$m.ko" 2>/dev/null; done </lib/modules/kvm/order
ip link set lo up
cd /tmp || exit 1

idle() { awk '$1 == "cpu" { print $5 * 10 }' /proc/stat; }
at() { sed -n "s/^bellows: *\([0-9]*\)\.\([0-9]*\) s  $1.*/\1\2/p" err | head -n 1; }

i=0
while [ $((i += 1)) -le "$1" ]; do
	for device in bellows kvm; do
		before=$(idle)
		# What is started as init ends at once, and with it the guest
		bellows run --device /dev/$device --kernel /guest/vmlinux --initrd /guest/initrd --mem 192M \
			--append 'rdinit=/bin/busybox panic=-1' --no-reboot --no-socket --progress </dev/null >out 2>err
		code=$?
		after=$(idle)
		if [ $code != 0 ] || [ -z "$(at 'the kernel starts init')" ]; then
			echo "failed: $device: exit code $code"
			tail -n 5 out err
			exit 1
		fi
		echo "boot $device $(at starting) $(at 'the kernel starts init') $((after - before))"
	done
done
