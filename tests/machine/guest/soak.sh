#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# soak.sh SECONDS: one mix of stress-ng after the other in a guest, for so long.
# After each, every vCPU's timer must have gone on. The guest's clock is compared with
# the host's over the network, while nothing else runs, before and after: the guest
# asks for the host's time and takes the quickest of its questions.

. /guest/common.sh
want=$1 period=15
[ "$want" -ge 300 ] && period=60
nc -ll -p 5001 -e cat /proc/uptime &
server=$!
echo 1..8
boot

number=0
# The answer to a command in the guest: the text after a word that occurs once.
ask() {	# SECONDS COMMAND
	number=$((number + 1))
	type_line "echo ans\"\"wer$number=\$($2)"
	wait_for "$1" "answer$number=" || return 1
	answer=$(sed -n "s/.*answer$number=//p" out | tr -d '\r' | head -1)
}

timers() { ask 60 "sed -n 's/^ *LOC: *\\([0-9 ]*\\).*/\\1/p' /proc/interrupts"; }

# Offset of the guest's clock from the host's, in milliseconds, and what it may be off by
type_line 'clock() { for i in 1 2 3 4 5 6 7 8 9 10 11 12; do read a x </proc/uptime; read h x </dev/tcp/10.0.2.2/5001; read b x </proc/uptime; echo $a $h $b; done | awk "{ d = \$3 - \$1; if (NR == 1 || d < best) { best = d; o = (\$1 + \$3) / 2 - \$2 } } END { printf \"%d %d\", o * 1000, best * 500 }"; }'
clock() { ask 120 clock; }

mix() {	# NUMBER
	case $(($1 % 5)) in
	0) echo "--cpu 4 --vm 2 --vm-bytes 32M";;
	1) echo "--switch 2 --timer 1 --timer-freq 1000 --cpu 2 --vm 2 --vm-bytes 24M";;
	2) echo "--hdd 1 --hdd-bytes 16M --fork 1 --cpu 4";;
	3) echo "--pipe 2 --futex 2 --mmap 1 --mmap-bytes 24M --yield 2";;
	4) echo "--sem 2 --signal 1 --nanosleep 2 --malloc 1 --malloc-bytes 24M --cpu 2";;
	esac
}

clock; before=$answer
started=$(seconds)
timers; loc=$answer
rounds=0 stuck= bad=
while [ $(($(seconds) - started)) -lt "$want" ]; do
	now=$(seconds)
	ask $((period * 4 + 60)) "stress-ng --quiet $(mix $rounds) --timeout $period >/dev/null 2>&1; echo \$?" || { bad="$bad round $rounds: silence"; break; }
	[ "$answer" = 0 ] || bad="$bad round $rounds: $answer"
	old=$loc
	timers; loc=$answer
	cpu=0 more=
	for n in $loc; do
		set -- $old
		shift $cpu
		more="$more $((n - $1))"
		[ $((n - $1)) -ge "$period" ] || stuck="$stuck round $rounds CPU $cpu: $((n - $1))"
		cpu=$((cpu + 1))
	done
	[ $cpu = "$CPUS" ] || stuck="$stuck round $rounds: $cpu CPUs"
	printf "\n# round %d took %d s; timer interrupts:%s\n" $rounds $(($(seconds) - now)) "$more"
	rounds=$((rounds + 1))
done
clock; after=$answer
took=$(($(seconds) - started))

[ -z "$bad" ] && [ $rounds -gt 0 ]; result "stress-ng ran $rounds times and took $took s${bad:+ ($bad)}"
[ -z "$stuck" ] && [ $rounds -gt 0 ]; result "the timer of every vCPU goes on${stuck:+ ($stuck)}"
set -- $before $after
drift=$(($3 - $1)) error=$(($2 + $4 + 10))
echo "# the guest's clock gained $drift ms in $took s on the host's, give or take $error"
[ $# = 4 ] && [ ${drift#-} -le $((took + error)) ] && [ $error -le $((took + 100)) ]
result "the guest's clock is within 0.1 percent of the host's"
ask 60 'dmesg | grep -ciE "lockup|stall|hung_task|blocked for more|BUG:"'
[ "$answer" = 0 ]; result "no stall or lockup in the guest"
ask 60 'nproc'
[ "$answer" = "$CPUS" ]; result "the guest has its $CPUS CPUs"
kill $server
power_off
