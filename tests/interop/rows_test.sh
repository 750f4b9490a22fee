#!/usr/bin/env bash
# rows_test.sh - every kind of move with the real client, a case for each.
#
#   rows_test.sh FLUSHMARKD FLUSHMARK GTK_CLIENT RELAY GROUP
#
#   modes     what makes a move less than seamless, and what forbids it
#   cancel    taken back at each state, a whole move behind it
#   cut       what is between the peers breaks, as a network does
#
# What needs twenty moves, or a [test] section alone, is in moves_test.sh.
# LIB_ONLY=PATTERN runs some cases only. A test build is needed.
set -u
FLUSHMARKD=$1 FLUSHMARK=$2 GTK_CLIENT=$3 RELAY=$4 group=$5
. "$(dirname "$0")/lib.sh"
need_test_build

# relay_start [NAME FROM TO]: B's clients come through a relay, whose port B
# advertises; or whatever else.
relay_start() {
	local name=${1:-relay} from=${2:-relay} to=${3:-B}
	"$RELAY" "${port[$from]}" "${port[$to]}" >>"$dir/relay.log" 2>&1 &
	pid[$name]=$!
	await 5 eval "! nobody_listens ${port[$from]}" ||
		fail "the relay does not listen"
}

# pair_with_relay [LINE...]: B names the relay's port to whoever comes.
pair_with_relay() {
	port[relay]=$(free_port)
	start_pair "$@" -- "advertise = 127.0.0.1:${port[relay]}"
}

# rounds COUNT MODE [OPTION...]: to and fro, each when the last has settled.
rounds() {
	local count=$1 mode=$2 at=${from:-A} i
	shift 2
	for ((i = 1; i <= count; i++)); do
		must_move "$at" --mode "$mode" "$@"
		was "$mode"
		at=$(other "$at")
		client_must_say "^move $((${moved:-0} + i)) $mode"
	done
}

# A whole seamless move there and back behind whatever went before it.
and_again() {
	local moved
	moved=$(grep -c '^move' "$dir/client.log")
	rounds 2 seamless
}

# --- modes ----------------------------------------------------------------

switch_host() {
	start_pair
	client_start A --mode semi
	rounds 4 switch-host
	client_end || fail "the client: $(tail -n 1 "$dir/client.log")"
}

# What was given away is not made anew, however orderly the life before ended.
given_away_stays_away() {
	start_pair
	client_start A
	must_move A
	kill -TERM "${pid[A]}"
	await 10 has_ended A || fail "A does not stop"
	wait "${pid[A]}" || fail "A ended with $?"
	start A
	[ -z "$(row A state)" ] || fail "A made the guest anew"
	[ "$(row B state)" = live ] || fail "not live at B: $(row B state)"
	await 8 eval 'must_come_back' || fail "the guest does not come home"
	client_lost_nothing
}

must_come_back() {
	may_move B
	move B && was seamless
}

# Nobody listens where B sends the client: it stays, and nothing is lost.
connect_fails() {
	pair_with_relay
	client_start A
	move A && fail "the move went well"
	refused_with "could not connect"
	[ "$(row A state)" = live ] || fail "not live at A: $(row A state)"
	[ -z "$(row B state)" ] || fail "B has the guest: $(row B state)"
	relay_start
	and_again
	client_lost_nothing
}

# The same with --force: while A stands before READY the door opens, so that
# SWITCH_HOST finds it. A client with nowhere to go would end.
connect_fails_force() {
	pair_with_relay "[test]" "stop-at = source-ready"
	client_start A --mode semi
	move_apart A --force
	await 10 is_stopped A || fail "A does not come to READY"
	relay_start
	go_on A
	await_move || fail "the move"
	was switch-host
	client_must_say "^move 1 switch-host"
	client_end || fail "the client: $(tail -n 1 "$dir/client.log")"
}

# It would dial the same socket at the destination, and there is none.
unix_socket() {
	local why
	start_pair
	client_start A --unix "$dir/A/door.sock"
	why=$(control A explain demo-0)
	[[ $why == *"cannot move"*"unix socket"*"TCP"* ]] ||
		fail "explain: $why"
	move A && fail "the move went well"
	refused_with "unix socket"
	! said A "source-offered" || fail "an offer went out"
	client_lost_nothing
}

# Nobody can tell such a client from one that dials by itself, until it answers
# CONNECT_ERROR; from then on explain says what it may be, and what works.
passed_descriptors() {
	local why
	start_pair
	client_start A --pass
	move A && fail "the move went well"
	refused_with "could not connect"
	[ "$(row A state)" = live ] || fail "not live at A: $(row A state)"
	[ -z "$(row B state)" ] || fail "B has the guest: $(row B state)"
	why=$(control A explain demo-0)
	[[ $why == *"passed descriptors"*"--force"* ]] ||
		fail "explain: $why"
	client_lost_nothing
}

passed_unix_descriptors() {
	start_pair
	client_start A --pass --unix "$dir/A/door.sock"
	move A && fail "the move went well"
	refused_with "unix socket"
	! said A "source-offered" || fail "an offer went out"
	client_lost_nothing
}

# A seamless swap of it would never end at the client: NACK, and explain says
# so. The next client of that guest links all there is.
never_linked() {
	start_pair
	client_start A --mode semi --leave cursor
	# For a second it may still come.
	await 5 eval '[[ $(control A explain demo-0) == *"semi-seamless"*"cursor channel 0"* ]]' ||
		fail "explain: $(control A explain demo-0)"
	must_move A
	was semi-seamless
	client_must_say "^move 1 semi-seamless"
	must_move B
	was semi-seamless
	client_must_say "^move 2 semi-seamless"
	client_end || fail "the client: $(tail -n 1 "$dir/client.log")"
	rm "$dir/client.log"
	client_start A
	rounds 2 seamless
	client_lost_nothing
}

# The links settle on the guest's shard, whichever takes them.
shards() {
	LIB_SHARDS=2
	start_pair
	client_start A
	rounds 10 seamless
	client_lost_nothing
}

group_modes() {
	run_case "switch-host" switch_host
	run_case "given away" given_away_stays_away
	run_case "connect fails" connect_fails
	run_case "connect fails, forced" connect_fails_force
	run_case "unix socket" unix_socket
	run_case "passed descriptors" passed_descriptors
	run_case "passed unix descriptors" passed_unix_descriptors
	run_case "channel never linked" never_linked
	run_case "two shards" shards
}

# --- cancel ---------------------------------------------------------------

stays() {
	await_move && fail "the move went well"
	refused_with "cancelled"
	client_must_say "^stays"
	await 5 eval '[ "$(row A state)" = live ]' ||
		fail "not live at A: $(row A state)"
	await 5 eval '[ -z "$(row B state)" ]' ||
		fail "B still has the guest: $(row B state)"
}

# The door at B takes the client's connections and says nothing.
cancel_connecting() {
	pair_with_relay
	relay_start
	client_start A
	pause relay
	move_apart A --mode "$1"
	await 5 eval 'said A source-offered' || fail "no offer"
	await 5 eval '! [[ $(control A explain demo-0) == *"would move"* ]]'
	control A cancel demo-0 >/dev/null || fail "cancel"
	# The operator hears of it at once, but the client is still away.
	await_move && fail "the move went well"
	refused_with "cancelled"
	[[ $(control A explain demo-0) == *"still connects"* ]] ||
		fail "explain: $(control A explain demo-0)"
	move A && fail "a second move at the same time"
	refused_with "has not answered"
	go_on relay
	client_must_say "^stays"
	await 5 eval '[ -z "$(row B state)" ]' || fail "B keeps the guest"
	and_again
	client_lost_nothing
}

# MIGRATE is out, the client does not answer: NOTIFY thaws, CANCEL undoes.
cancel_freezing() {
	start_pair "[test]" "stop-at = source-freezing"
	client_start A
	move_apart A
	await 5 is_stopped A || fail "A does not come to FREEZING"
	pause client
	go_on A
	await 5 answers A
	control A cancel demo-0 >/dev/null || fail "cancel"
	await_move && fail "the move went well"
	refused_with "cancelled"
	go_on client
	client_must_say "^stays"
	await 5 eval '[ -z "$(row B state)" ]' || fail "B keeps the guest"
	and_again
	client_lost_nothing
}

# No mark comes in time: the same without an operator.
no_mark() {
	start_pair "[move]" "freeze-ms = 300" \
		"[test]" "stop-at = source-freezing"
	client_start A
	move_apart A
	await 5 is_stopped A || fail "A does not come to FREEZING"
	pause client
	go_on A
	await_move && fail "the move went well"
	refused_with "no flush mark"
	go_on client
	client_must_say "^stays"
	and_again
	client_lost_nothing
}

# All images are out, B does not say that it has them.
cancel_sealed() {
	start_pair -- "[test]" "stop-at = destination-streamed"
	client_start A
	move_apart A --mode "$1"
	await 5 is_stopped B || fail "B does not come to STREAMED"
	await 5 said A source-sealed || fail "A does not come to SEALED"
	control A cancel demo-0 >/dev/null || fail "cancel"
	await_move && fail "the move went well"
	refused_with "cancelled"
	go_on B
	client_must_say "^stays"
	await 5 eval '[ -z "$(row B state)" ]' || fail "B keeps the guest"
	and_again
	client_lost_nothing
}

# Nobody has answered the offer: the client was told nothing.
cancel_offered() {
	local offers
	start_pair
	client_start A
	rounds 2 seamless # so that the peers know each other
	offers=$(grep -c source-offered "$dir/A.log")
	pause B
	move_apart A
	await 3 eval '[ $(grep -c source-offered "$dir/A.log") -gt '"$offers"' ]' ||
		fail "no offer"
	control A cancel demo-0 >/dev/null || fail "cancel"
	await_move && fail "the move went well"
	refused_with "cancelled"
	go_on B
	await 5 eval '[ -z "$(row B state)" ]' || fail "B keeps the guest"
	and_again
	client_lost_nothing
}

group_cancel() {
	run_case "cancel: offered" cancel_offered
	run_case "cancel: client connects" cancel_connecting seamless
	run_case "cancel: client connects, semi" cancel_connecting semi-seamless
	run_case "cancel: freezing" cancel_freezing
	run_case "no mark in time" no_mark
	run_case "cancel: sealed" cancel_sealed seamless
	run_case "cancel: sealed, semi" cancel_sealed semi-seamless
}

# --- cut ------------------------------------------------------------------

# Peers over TCP, each on the other's side of a relay.
pair_apart() {
	LIB_PEERS=tcp
	port[via_A]=$(free_port)
	port[via_B]=$(free_port)
	pair_with_relay "$@"
	relay_start
	relay_start to_A via_A peer_A
	relay_start to_B via_B peer_B
}

# pair_apart whose B stops at a state.
pair_apart_b() {
	LIB_PEERS=tcp
	port[via_A]=$(free_port)
	port[via_B]=$(free_port)
	port[relay]=$(free_port)
	start_pair -- "advertise = 127.0.0.1:${port[relay]}" \
		"[test]" "stop-at = $1"
	relay_start
	relay_start to_A via_A peer_A
	relay_start to_B via_B peer_B
}

cut() {
	crash to_A
	crash to_B
}

mend() {
	relay_start to_A via_A peer_A
	relay_start to_B via_B peer_B
}

# Images are streamed, as to another host.
streamed() {
	pair_apart
	client_start A
	rounds 10 seamless
	client_lost_nothing
}

# The client is linked and has said so; that B has not heard of it or has,
# nobody tells A.
cancel_linked() {
	pair_apart
	client_start A
	pause relay
	move_apart A --mode "$1"
	await 5 eval '[[ $(control A explain demo-0) == *"still connects"* ]]' ||
		fail "the client was told nothing"
	pause to_B
	go_on relay
	await 5 eval '! [[ $(control A explain demo-0) == *"still con"* ]]' ||
		fail "the client does not connect"
	control A cancel demo-0 >/dev/null || fail "cancel"
	await_move && fail "the move went well"
	refused_with "cancelled"
	client_must_say "^stays"
	go_on to_B
	await 5 eval '[ -z "$(row B state)" ]' || fail "B keeps the guest"
	and_again
	client_lost_nothing
}

cut_freezing() {
	pair_apart "[test]" "stop-at = source-freezing"
	client_start A
	move_apart A --mode "$1"
	await 5 is_stopped A || fail "A does not come to FREEZING"
	cut
	go_on A
	await_move && fail "the move went well"
	refused_with "connection to the peer was lost"
	await 5 eval '[ -z "$(row B state)" ]' || fail "B keeps the guest"
	mend
	and_again
	client_lost_nothing
}

# B has said STREAMED, and nobody hears it: it asks, and is told no.
cut_sealed() {
	pair_apart_b destination-streamed
	client_start A
	move_apart A --mode "$1"
	await 5 is_stopped B || fail "B does not come to STREAMED"
	cut
	go_on B
	await_move && fail "the move went well"
	refused_with "connection to the peer was lost"
	await 5 said B destination-in-doubt || fail "B is not in doubt"
	mend
	await 10 eval '[ -z "$(row B state)" ]' || fail "B keeps the guest"
	said B "it is not ours" || fail "B was not told"
	and_again
	client_lost_nothing
}

# B has COMMIT, A does not hear that it has: the client does not notice.
cut_committed() {
	local at=B moved
	pair_apart_b destination-committed
	client_start A
	move_apart A
	await 5 is_stopped B || fail "B does not come to COMMITTED"
	cut
	go_on B
	client_must_say "^move 1 seamless"
	[ "$(row B state)" = live ] || fail "not live at B: $(row B state)"
	[ -z "$(row A state)" ] || fail "A has it: $(row A state)"
	mend
	await_move 12
	from=B moved=1
	rounds 2 seamless
	client_lost_nothing
}

group_cut() {
	run_case "images are streamed" streamed
	run_case "cancel: client linked" cancel_linked seamless
	run_case "cancel: client linked, semi" cancel_linked semi-seamless
	run_case "cut: freezing" cut_freezing seamless
	run_case "cut: freezing, semi" cut_freezing semi-seamless
	run_case "cut: sealed" cut_sealed seamless
	run_case "cut: sealed, semi" cut_sealed semi-seamless
	run_case "cut: committed" cut_committed
}

"group_$group"
end_cases
