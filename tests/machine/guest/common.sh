# SPDX-License-Identifier: GPL-2.0
#
# Sourced by scripts that run in the emulated host, boot Debian in a VM, type at its
# login and judge what comes back. The guest's console is shown as it appears, with
# lines of TAP between. The environment has DEVICE, CPUS, MEMORY, DISK, APPEND and FEW.

export PATH=/bin:/sbin
mount -t proc proc /proc 2>/dev/null
mount -t sysfs sys /sys 2>/dev/null
mount -t devtmpfs dev /dev 2>/dev/null
# KVM's come first, where they are wanted; that of the other vendor refuses.
for m in $(cat /lib/modules/kvm/order 2>/dev/null); do insmod "/lib/modules/kvm/$m.ko" 2>/dev/null; done
for m in /guest/modules/*; do insmod "$m" 2>/dev/null; done
ip link set lo up
cd /tmp || exit 1
for i in 1 2 3 4 5 6 7 8 9 10; do [ -b "$DISK" ] && break; sleep 1; done

failed=0
result() {	# NAME, after a command
	if [ $? = 0 ]; then set -- ok "$1"; else set -- "not ok" "$1"; failed=1; fi
	printf "\n%s\n" "$1 - $2"
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

# A member of the file costs, or nothing
cost() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" costs; }

seconds() { cut -d. -f1 /proc/uptime; }

type_line() { echo "$1" >&3; }

# Starts the guest. What it says is in the file out, descriptor 3 is its keyboard; what it
# and the launcher cost is in the file costs, at the end.
boot() {
	mkfifo in
	exec 3<>in
	: >out
	begin=$(seconds)
	bellows run --device "$DEVICE" --kernel /guest/vmlinux --initrd /guest/initrd.img --mem "$MEMORY" \
		--cpus "$CPUS" --disk "$DISK" --memory-stats=costs --no-reboot \
		${APPEND:+--append "$APPEND"} <in >out 2>&1 &
	vm=$!
	tail -f out &
	shown=$!
	wait_for 900 'root@debian-guest'
	result "Debian boots to a login"
	echo "# login after $(($(seconds) - begin)) s of the emulated host's clock"
}

power_off() {	# COMMAND to run then
	type_line poweroff
	wait_for 300 'reboot: Power down\|bellows: '
	wait $vm; [ $? = 0 ]; result "it powers off, and the launcher ends with 0"
	kill $shown
	wait $shown 2>/dev/null
	printf '\n# costs: '
	cat costs
	[ $# = 0 ] || "$@"
	echo "# $(($(seconds) - begin)) s in all"
	exit $failed
}
