#!/usr/bin/env bash
# crash_test.sh - A, B or the client dies at each state of a move.
#
#   crash_test.sh FLUSHMARKD FLUSHMARK GTK_CLIENT PARTY MODE
#
# PARTY is source, destination or client: who is killed; or anytime: A or B, by
# chance, with one move behind the other. MODE is seamless, semi-seamless or
# switch-host. LIB_ONLY=PATTERN runs some cases only. A test build stops
# itself on entering a state; the test sees it stopped, kills, and lets
# whoever else stands go on. The crash table of docs/moves.md has a row for
# each case, and what must be so after it.
set -u
FLUSHMARKD=$1 FLUSHMARK=$2 GTK_CLIENT=$3 party=$4 mode=$5
client_mode=${mode%-seamless}
[ "$mode" != switch-host ] || client_mode=semi
. "$(dirname "$0")/lib.sh"
need_test_build

# Short, so that what waits for a time limit is seen to end.
short=("[move]" "drain-ms = 2500" "connect-ms = 5000" "freeze-ms = 3000")

# reach STATE [LINE...]: a move from A to B stands at that state of its source
# or destination; $stands is the daemon that has stopped.
reach() {
	local state=$1
	case $state in
	source-*)
		start_pair "${short[@]}" "[test]" "stop-at = $state" -- \
			"${short[@]}"
		stands=A
		;;
	*)
		start_pair "${short[@]}" -- "${short[@]}" "[test]" \
			"stop-at = $state"
		stands=B
		;;
	esac
	client_start A --mode "$client_mode"
	move_apart A --mode "$mode"
	await 5 is_stopped "$stands" || fail "$stands does not come to $state"
	said "$stands" "trap $state" || fail "stopped elsewhere"
}

lists() {
	[ -n "$(row "$1" guest)" ]
}

# guest_is AT: settled there, live, and the other daemon, if it lives, does
# not have it.
guest_is() {
	local at=$1 elsewhere
	elsewhere=$(other "$at")
	await 8 eval "[ \"\$(row $at state)\" = live ]" ||
		fail "not live at $at: \"$(row "$at" state)\""
	[ -n "${pid[$elsewhere]:-}" ] || return 0
	await 8 eval "! lists $elsewhere" ||
		fail "$elsewhere has it, too: $(row "$elsewhere" state)"
}

guest_is_nowhere() {
	local at
	for at in A B; do
		[ -n "${pid[$at]:-}" ] || continue
		await 8 eval "! lists $at" ||
			fail "$at has it: $(row "$at" state)"
	done
}

crash_client() {
	[ -z "${pid[client]:-}" ] || crash client
}

# The client's session goes on, and nothing of it is lost, but what a move
# of its kind may lose.
client_lives() {
	sleep 0.3
	has_ended client && fail "the client has ended"
	if [ "$mode" = seamless ] || [ "${1:-}" = unmoved ]; then
		client_lost_nothing
	else
		client_end ||
			fail "the client: $(tail -n 1 "$dir/client.log")"
	fi
}

client_ends() {
	await 8 has_ended client || fail "the client hangs"
	wait "${pid[client]}" 2>/dev/null
	client_code=$?
	unset "pid[client]"
}

# The dead one starts again, with the guests of its configuration but those
# that its journal says it has given up.
restart() {
	sed -i '/^stop-at/d' "$dir/$1.conf"
	start "$1"
}

# Who has the guest takes a new client, and moves it there and back.
all_works() {
	local at=$1
	crash_client
	rm -f "$dir/client.log"
	client_start "$at"
	must_move "$at"
	was seamless
	must_move "$(other "$at")"
	was seamless
	client_lost_nothing
}

# The command for the move must end, well or not; what it said goes to note.
move_ends() {
	await_move 8
	note "move: $(tail -n 1 "$dir/move.log" | sed 's/^flushmark: //')"
}

# --- A dies ---------------------------------------------------------------

# Nothing was committed: the guest and its session go with their process, and
# the next A makes a new one. B forgets what it had, at once or, when it has
# said STREAMED, on the word of the next A; never before it.
source_before_commit() {
	local in_doubt=$2
	reach "$1"
	crash A
	[ "$stands" = A ] || go_on B
	move_ends
	client_ends
	if [ -n "$in_doubt" ]; then
		await 5 eval '[ "$(row B state)" = in-doubt ]' ||
			fail "B is not in doubt: \"$(row B state)\""
		sleep 0.5
		[ "$(row B state)" = in-doubt ] ||
			fail "B decided alone: \"$(row B state)\""
	else
		guest_is_nowhere
	fi
	restart A
	guest_is A
	all_works A
}

# The commit is written: B gets the guest, if need be from the next A, which
# has it no more.
source_after_commit() {
	local state=$1 session=$2
	reach "$state"
	crash A
	[ "$stands" = A ] || go_on B
	move_ends
	if [ "$session" = ends ]; then
		client_ends
	fi
	if [ "$state" = source-committed ]; then
		await 5 eval '[ "$(row B state)" = in-doubt ]' ||
			fail "B is not in doubt: \"$(row B state)\""
	fi
	restart A
	guest_is B
	[ "$session" = ends ] || client_lives
	all_works B
}

# in_doubt_at NAME: whoever is asked there decides nothing yet.
in_doubt_at() {
	[ "$(row "$1" state)" = in-doubt ] || fail "$2"
}

# typed WORD: at a terminal, "flushmark resolve" asks for the guest's name.
typed() {
	timeout 10 script -qec "'$FLUSHMARK' resolve demo-0 --committed \
		--socket '$dir/B/control.sock'" /dev/null <<<"$1" \
		>"$dir/typed" 2>&1
}

# The next A never comes. B runs the guest on an operator's word, who must
# mean it.
decided() {
	reach destination-streamed
	crash A
	go_on B
	move_ends
	client_ends
	await 5 eval '[ "$(row B state)" = in-doubt ]' ||
		fail "B is not in doubt: \"$(row B state)\""
	control B resolve demo-0 --committed </dev/null >"$dir/out" 2>&1
	[ $? -eq 1 ] || fail "decided without --yes: $(cat "$dir/out")"
	grep -q "the risk: .*runs twice" "$dir/out" ||
		fail "no word of the risk: $(cat "$dir/out")"
	in_doubt_at B "decided without --yes"
	control B resolve demo-0 --committed --dry-run >/dev/null ||
		fail "no dry run"
	in_doubt_at B "decided in a dry run"
	typed demo-1 && fail "another name is taken: $(cat "$dir/typed")"
	in_doubt_at B "another name is taken"
	typed demo-0 || fail "the name is not taken: $(cat "$dir/typed")"
	guest_is B
	said B "decided by an operator: committed" || fail "not in the log"
	crash_client
	rm -f "$dir/client.log"
	client_start B
	client_lost_nothing
}

# --- B dies ---------------------------------------------------------------

# A takes the session back: it is live there and has lost nothing.
destination_before_commit() {
	local client=$2
	reach "$1"
	crash B
	[ "$stands" = B ] || go_on A
	move_ends
	[[ $(tail -n 1 "$dir/move.log") == *": "* ]] || fail "it went well"
	if [ "$client" = lives ]; then
		guest_is A
		client_lives unmoved
	else
		# The link that B leaves half done may end spice-gtk, too.
		guest_is A
		if has_ended client; then
			client_ends
			[ "$client_code" = 139 ] ||
				fail "the client ended with $client_code"
			note "spice-gtk crashed"
		else
			client_lives unmoved
		fi
	fi
	restart B
	crash_client
	guest_is A
	all_works A
}

# The guest is B's, and goes with it. A never takes it back.
destination_after_commit() {
	reach "$1"
	crash B
	[ "$stands" = B ] || go_on A
	client_ends
	move_ends
	! lists A || fail "A has taken it back: $(row A state)"
	restart B
	guest_is_nowhere
	await 12 said A source-released || fail "A asks the next B no more"
	sed -i -e '/^stop-at/d' "$dir/A.conf"
	kill "${pid[A]}" && wait "${pid[A]}"
	start A
	# The next B has said that it has no such guest, and A makes a new one.
	# Of a move that was over nobody says so to A: it does when whoever
	# knows has moved its journal away.
	[[ $1 != source-released ]] || ! lists A ||
		fail "A has made anew what may live elsewhere"
	if [[ $1 == *-released ]] && ! lists A; then
		kill "${pid[A]}" && wait "${pid[A]}"
		rm "$dir/A/journal"
		start A
	fi
	all_works A
}

# --- the client dies ------------------------------------------------------

# Where the guest is live and the other has it not; nothing: not yet so.
settled_at() {
	local at
	for at in A B; do
		[ "$(row $at state)" = live ] && ! lists "$(other $at)" &&
			echo $at
	done
}

client_dies() {
	local at=$2
	reach "$1"
	crash client
	sleep 0.1
	go_on "$stands"
	move_ends
	if [ "$at" = either ]; then
		await 8 eval '[ -n "$(settled_at)" ]' || fail "nowhere"
		at=$(settled_at)
		note "at $at"
	fi
	guest_is "$at"
	all_works "$at"
}

# A switch-host links nobody before its end: there is no READY.
in_mode() {
	[ "$mode" != switch-host ] || [[ "$1" != *-ready ]]
}

party_source() {
	local state committed=lives
	# SWITCH_HOST waits for the answer to COMMIT.
	[ "$mode" != switch-host ] || committed=ends
	for state in source-offered source-ready source-freezing \
		source-sealed destination-offered destination-ready; do
		! in_mode $state ||
			run_case "A dies, $state" source_before_commit $state ""
	done
	for state in source-streamed destination-streamed; do
		run_case "A dies, $state" source_before_commit $state doubt
	done
	run_case "A dies, source-committed" \
		source_after_commit source-committed ends
	run_case "A dies, source-released" \
		source_after_commit source-released lives
	run_case "A dies, destination-committed" \
		source_after_commit destination-committed $committed
	run_case "A dies, destination-released" \
		source_after_commit destination-released lives
	run_case "A dies, B is told" decided
}

party_destination() {
	local state
	for state in source-offered source-ready source-freezing \
		source-sealed; do
		! in_mode $state || run_case "B dies, $state" \
			destination_before_commit $state lives
	done
	run_case "B dies, destination-offered" \
		destination_before_commit destination-offered lives
	[ "$mode" = switch-host ] || run_case "B dies, destination-ready" \
		destination_before_commit destination-ready may-die
	run_case "B dies, destination-streamed" \
		destination_before_commit destination-streamed lives
	for state in source-streamed source-committed source-released \
		destination-committed destination-released; do
		run_case "B dies, $state" destination_after_commit $state
	done
}

party_client() {
	local state at=A
	# It asks nothing of the client either, and may be over before A has
	# noticed that there is none.
	[ "$mode" != switch-host ] || at=either
	for state in offered ready freezing sealed; do
		! in_mode -$state || run_case "client dies, source-$state" \
			client_dies source-$state $at
	done
	for state in offered ready streamed; do
		! in_mode -$state || run_case "client dies, destination-$state" \
			client_dies destination-$state A
	done
	run_case "client dies, source-streamed" client_dies source-streamed B
	for state in committed released; do
		run_case "client dies, source-$state" \
			client_dies source-$state B
		run_case "client dies, destination-$state" \
			client_dies destination-$state B
	done
}

# --- at any time ----------------------------------------------------------

# Ends with the daemon that it asks.
move_for_ever() {
	local at=A
	while control $at move demo-0 "$(other $at)" --mode "$mode"; do
		at=$(other $at)
	done >>"$dir/move.log" 2>&1
}

settled() {
	[ -n "$(settled_at)" ] || ! { lists A || lists B; }
}

# Nothing is known of where it stood; so much must be true of any moment.
dies_anytime() {
	local name=A at ms=$((RANDOM % 900))
	[ $((RANDOM % 2)) = 0 ] || name=B
	start_pair "${short[@]}" -- "${short[@]}"
	client_start A --mode semi
	move_for_ever &
	pid[move]=$!
	sleep "$(printf '0.%03d' $ms)"
	crash $name
	echo "killed $name after $ms ms"
	await 12 has_ended move || fail "the command for the move hangs"
	start $name
	await 15 settled || fail "A: $(row A state), B: $(row B state)"
	at=$(settled_at)
	note "$name after $ms ms, $(grep -c moved "$dir/move.log") moves," \
		"${at:-nowhere}"
	crash_client
	[ -z "$at" ] || all_works "$at"
}

party_anytime() {
	local i
	for i in {1..6}; do
		LIB_SHARDS=$((1 + i % 2))
		LIB_PEERS=unix
		[ $((i % 3)) != 0 ] || LIB_PEERS=tcp
		run_case "killed at any time, $i" dies_anytime
	done
}

"party_$party"
end_cases
