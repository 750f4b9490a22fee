#!/usr/bin/env bash
# moves_test.sh - the real client moves to and fro, its streams never pausing.
#
#   moves_test.sh FLUSHMARKD FLUSHMARK GTK_CLIENT MODE MOVES [WORD...]
#
# MODE is what each move must be: seamless, semi-seamless, switch-host (lossy).
# Words:
#   rush       the next move is asked for as soon as the daemon says that the
#              last is over, not when the client has settled
#   lossy      bytes may be lost where they are not bound to be
#   KEY=VALUE  for the [test] section of both daemons (a test build only)
set -u
FLUSHMARKD=$1 FLUSHMARK=$2 GTK_CLIENT=$3 mode=$4 moves=$5
shift 5
rush= strict=$mode keys=()
for word in "$@"; do
	case $word in
	rush) rush=yes ;;
	lossy) strict=semi ;;
	*=*) keys+=("${word%%=*} = ${word#*=}") ;;
	esac
done
. "$(dirname "$0")/pair.sh"

ask=(--mode "$mode")
if [ ${#keys[@]} -gt 0 ]; then
	ask=()
	keys=("[test]" "${keys[@]}")
	printf '%s\n' "${keys[@]}" >"$pair_dir/test.conf"
	"$FLUSHMARKD" --config "$pair_dir/test.conf" --check >/dev/null 2>&1 ||
		skip "only a test build has: ${keys[*]:1}"
fi
pair_start "${keys[@]}"

lines=$pair_dir/client.log
coproc CLIENT {
	exec "$GTK_CLIENT" --host 127.0.0.1 --port "$port_A" --guest demo-0 \
		--password "$(ticket_of A demo-0)" --moves "$moves" \
		--seconds 120 --mode "${strict%%-*}" 2>&1
}
client=$CLIENT_PID
pair_pids+=("$client")
exec 4<&"${CLIENT[0]}"

# wait_line PATTERN: reads on until the client has said it.
wait_line() {
	local line
	while read -r -t 15 -u 4 line; do
		[ "${line:0:1}" = "{" ] && echo "$line" >"$pair_dir/report" ||
			echo "client: $line" | tee -a "$lines"
		[[ $line =~ $1 ]] && return 0
		[ "${line:0:1}" != "{" ] || return 1
	done
	return 1
}

wait_line '^up$' || fail "the client did not come up"
at=A
for ((i = 1; i <= moves; i++)); do
	to=$(other "$at")
	control "$at" move demo-0 "$to" "${ask[@]}" \
		>"$pair_dir/move.log" 2>&1 || fail "move $i, $at to $to"
	at=$to
	[ -n "$rush" ] || wait_line "^move $i $mode " ||
		fail "the client did not see move $i as $mode"
done
wait_line '^\{' || fail "the client did not report"
wait "$client"
code=$?
pair_pids=("${pair_pids[@]:0:2}")
cat "$pair_dir/report"
[ "$code" -eq 0 ] || fail "the client ended with $code"
