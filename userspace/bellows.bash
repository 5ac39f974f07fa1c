# SPDX-License-Identifier: GPL-2.0
# Completion of the bellows command for bash: commands, options, files, names of VMs.

_bellows_names()
{
	bellows list 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_bellows()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands="run list stat pause resume stop console host help"
	local words=""

	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
		return
	fi
	if [ "$COMP_CWORD" = 2 ] && [[ --help == "$cur"* ]] && [ ${#cur} -gt 2 ]; then
		COMPREPLY=(--help)
		return
	fi
	case ${COMP_WORDS[1]} in
	run)
		# To bash an equals sign is a word.
		case $prev$cur in
		--memory-stats=) prev=$prev= cur="" ;;
		=*) prev=${COMP_WORDS[COMP_CWORD - 2]}= ;;
		esac
		case $prev in
		--memory-stats=|--kernel|--initrd|--module|--disk|--flat|--device)
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return ;;
		--net) words="user tap= none" ;;
		--console) words="serial virtio none" ;;
		--append|--mem|--cpus|--name|--load) return ;;
		*) words="--kernel --initrd --module --append --mem --cpus --disk --net --name --console
			--device --no-reboot --no-socket --progress --stats --memory-stats --trace
			--flat --load --real" ;;
		esac ;;
	list) words="--json" ;;
	stat) words="--json $(_bellows_names)" ;;
	stop) words="--timeout --force $(_bellows_names)" ;;
	pause|resume|console) words=$(_bellows_names) ;;
	help) words=$commands ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _bellows bellows
