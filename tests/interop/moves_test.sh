#!/usr/bin/env bash
# moves_test.sh - the real client moves to and fro, its streams never pausing.
#
#   moves_test.sh FLUSHMARKD FLUSHMARK GTK_CLIENT MODE MOVES [WORD...]
#
# MODE is what each move must be: seamless, semi-seamless, switch-host (lossy).
# Words:
#   rush       the next move is asked for as soon as the daemon says that the
#              last is over, not when the client has settled
#   stumble    the client and both daemons are stopped for moments all the time
#   lossy      bytes may be lost where they are not bound to be
#   KEY=VALUE  for the [test] section of both daemons (a test build only)
set -u
FLUSHMARKD=$1 FLUSHMARK=$2 GTK_CLIENT=$3 mode=$4 moves=$5
shift 5
rush= stumble= strict=$mode keys=()
for word in "$@"; do
	case $word in
	rush) rush=yes ;;
	stumble) stumble=yes ;;
	lossy) strict=semi ;;
	*=*) keys+=("${word%%=*} = ${word#*=}") ;;
	esac
done
. "$(dirname "$0")/lib.sh"

# A [test] section decides by itself what a move can be.
ask=(--mode "$mode")
if [ ${#keys[@]} -gt 0 ]; then
	need_test_build
	ask=()
	keys=("[test]" "${keys[@]}")
fi

# One after the other stands still for up to 90 ms, as on a busy machine.
stumble_on() {
	local who
	trap 'kill -CONT "$who" 2>/dev/null; exit 0' TERM
	while :; do
		for who in "$@"; do
			kill -STOP "$who" 2>/dev/null || exit 0
			sleep "0.0$((RANDOM % 90 + 5))"
			kill -CONT "$who" 2>/dev/null
			sleep "0.0$((RANDOM % 50 + 5))"
		done
	done
}

shuttle() {
	local at=A i
	start_pair "${keys[@]}" -- "${keys[@]}"
	client_start A --moves "$moves" --seconds 120 --mode "${strict%%-*}"
	if [ -n "$stumble" ]; then
		stumble_on "${pid[client]}" "${pid[A]}" "${pid[B]}" &
		pid[stumble]=$!
	fi
	for ((i = 1; i <= moves; i++)); do
		[ -n "$rush" ] || may_move $at
		move $at "${ask[@]}" || fail "move $i, from $at"
		at=$(other $at)
		[ -n "$rush" ] || client_must_say "^move $i $mode " 15
	done
	if [ -n "$stumble" ]; then
		kill "${pid[stumble]}"
		wait "${pid[stumble]}"
		unset "pid[stumble]"
	fi
	await 15 has_ended client || fail "the client does not end"
	wait "${pid[client]}" || fail "the client ended with $?"
	note "lost $(report .lost_bytes) bytes, paused" \
		"$(report .output_pause_ms) ms at most"
	[ "$(report .lost_bytes)" = 0 ] ||
		note "(stream bytes@position: $(report '[.streams.losses[] |
			"\(.stream) \(.bytes)@\(.at)"] | join(", ")'))"
}

run_case "$mode $moves $*" shuttle
end_cases
