#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# demo.sh COMMAND...: runs in the emulated host. COMMAND is a `bellows run` of Debian
# with a login on its console; what a person would type there is typed when the guest
# asks for it, and all that the guest and the launcher say is shown as it comes.

export PATH=/bin:/sbin
mount -t proc proc /proc 2>/dev/null
mount -t sysfs sys /sys 2>/dev/null
mount -t devtmpfs dev /dev 2>/dev/null
for m in /guest/modules/*; do insmod "$m" || exit 1; done
ip link set lo up
cd /guest || exit 1
ln -s /dev/vda debian.img
prompt='root@debian-guest:'

# In hundredths of a second
now() { sed 's/\.\([0-9]*\) .*/\1/' /proc/uptime; }
show() { echo "$(($1 / 100)).$(($1 / 10 % 10)) s"; }

# Until the guest has shown so many prompts
wait_for_prompts() {
	while [ "$(grep -ao "$prompt" /tmp/out | wc -l)" -lt "$1" ]; do
		[ ! -e /tmp/code ] || return 1
		sleep 0.2
	done
}

n=0
type() {
	n=$((n + 1))
	wait_for_prompts $n || return 1
	[ $n -gt 1 ] || login=$(now)
	echo "$1" >&3
}

mkfifo /tmp/in
exec 3<>/tmp/in
: >/tmp/out
echo "# $*"
begin=$(now)
{ "$@" </tmp/in 2>&1; echo $? >/tmp/code; } | tee /tmp/out &
type 'uname -a' && type 'free -m' && type 'apt-get --version | head -n 1' &&
	type 'lsblk; ip -4 -br address' && wait_for_prompts $((n + 1)) && {
	printf '\n\n# bellows list\n'
	bellows list
	echo
	# For a prompt that is not behind that
	type '' && type poweroff
}
wait
end=$(now)
echo
if [ -z "$login" ] || [ "$(cat /tmp/code)" != 0 ]; then
	echo "Debian did not get through: see above."
	exit 1
fi
echo "Debian was at its login after $(show $((login - begin))), and had powered off after $(show $((end - begin)))."
