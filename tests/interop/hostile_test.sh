#!/usr/bin/env bash
# hostile_test.sh - a real client streams while a real daemon is ill-treated.
#
#   hostile_test.sh FLUSHMARKD FLUSHMARK GTK_CLIENT ATTACK
set -u
FLUSHMARKD=$1 FLUSHMARK=$2 GTK_CLIENT=$3 ATTACK=$4
. "$(dirname "$0")/lib.sh"

hostile() {
	config A 1 2 B
	start A
	client_start A
	timeout -k 1 90 "$ATTACK" "${port[A]}" \
		"$(control A vv demo-1 --json | jq -r .password)" \
		"$dir/A/peer.sock" "$dir/A/control.sock" >"$dir/attack.log" ||
		fail "$(grep FAILED "$dir/attack.log" || tail -n 1 "$dir/attack.log")"
	for words in "broke the protocol on main 0" \
		"broke the protocol on inputs 0" \
		"its ticket was seen before" "wrong ticket" \
		"no such session" "frame before the greeting" \
		"malformed header"; do
		said A "$words" || fail "the log does not say: $words"
	done
	[ "$(row A channels)" -gt 1 ] || fail "the good session is gone"
	note "$(tail -n 1 "$dir/attack.log")"
	client_lost_nothing
}

# What its journal says of a peer that the configuration no longer has was
# acknowledged: no reason not to start.
peer_removed() {
	start_pair
	client_start A
	must_move A --mode seamless
	crash A
	sed -i '/^\[peer B\]/,/^address/d' "$dir/A.conf"
	start A
	[ -z "$(row A state)" ] || fail "the guest is at A, too"
	client_lost_nothing
}

run_case hostile hostile
run_case peer_removed peer_removed
end_cases
