#!/usr/bin/env bash
# cli_test.sh - the daemon and the operator's command as processes.
#
# usage: cli_test.sh FLUSHMARKD FLUSHMARK DATAGRAMS
set -u
FLUSHMARKD=$1 FLUSHMARK=$2 DATAGRAMS=$3 GTK_CLIENT=
. "$(dirname "$0")/lib.sh"

# expect CODE NAME WORD...: the command ends with that code.
expect() {
	local want=$1 name=$2 got
	shift 2
	control "$name" "$@" >"$dir/out" 2>"$dir/err"
	got=$?
	[ $got -eq "$want" ] || {
		cat "$dir/out" "$dir/err"
		fail "flushmark $*: $got instead of $want"
	}
}

says() {
	grep -q -- "$1" "$dir/out" "$dir/err" ||
		fail "no word of \"$1\": $(cat "$dir/out" "$dir/err")"
}

# A script that asks a daemon that hangs gets its answer, too.
hangs() {
	config A 1 1 B
	start A
	pause A
	expect 3 A status
	says "does not answer"
	go_on A
	expect 0 A status
}

exit_codes() {
	config A 1 3 B
	start A
	expect 0 A status
	says "node 1"
	expect 0 A sessions
	says "3 guests, 0 sessions"
	expect 0 A sessions --json
	says '"idle_s": 0.0,'
	expect 0 A explain demo-0
	says "no client"
	expect 0 A vv demo-0
	says "port=${port[A]}"
	expect 0 A vv demo-0 --door local
	says "unix-path=$dir/A/door.sock"
	expect 1 A explain nobody
	expect 1 A sessions nobody
	says "no guest nobody"
	expect 1 A explain nobody --json
	says '"class": "NotFound"'
	[ -s "$dir/err" ] && fail "an error in JSON has words, too"
	expect 1 A cancel nobody
	says "no guest nobody"
	expect 1 A cancel demo-0
	says "not under way"
	expect 1 A resolve demo-0 --committed --yes
	says "no move of demo-0 is in doubt here"
	expect 2 A resolve demo-0
	expect 2 A resolve demo-0 --committed --not-committed
	expect 2 A status --yes
	expect 1 A vv demo-0 --door none
	expect 1 A move demo-0 nowhere
	expect 1 A move demo-0 B --mode fast
	says "expected a mode of seamless"
	expect 1 A cancel --drain
	says "no drain"
	expect 2 A
	expect 2 A dance
	expect 2 A move demo-0
	expect 2 A status --drain
	expect 2 A cancel
	for number in many -1 +1 ' 1' 1x 0x1 '' 99999999999999999999; do
		for option in parallel rate pause-target; do
			expect 2 A drain B "--$option=$number"
			says "--$option wants a whole number, not \"$number\""
		done
	done
	for number in 0 4097 9223372036854775807; do
		expect 1 A drain B --parallel "$number"
		says '"parallel" must be a whole number from 1 to 4096'
	done
	expect 1 A drain B --pause-target 0
	says '"pause-target-ms" must be a whole number from 1 to 60000'
	expect 1 A drain B --rate 1000001
	says '"rate" must be a whole number from 0 to 1000000'
	for option in mode door socket; do
		expect 2 A vv demo-0 "--$option="
		says "--$option wants more than \"\""
	done
	expect 0 A drain B
	says "0 sessions"
	says "3 guests have no client"
	expect 0 A drain B --dry-run --json
	says '"dry_run": true'
	expect 0 A status
	says "B .*, idle"
	expect 1 A move demo-0 B
	says "demo-0: failed: the peer cannot be reached: it cannot be"
	expect 0 A status
	says "B .*, down, for [0-9]* s: it cannot be connected"
	expect 3 nobody status
}

ends() {
	config A 1 1 B
	start A
	[ "$(stat -c %a "$dir/A")" = 700 ] || fail "others may enter"
	kill -"$1" "${pid[A]}"
	wait "${pid[A]}" || fail "it ended with $?"
	unset "pid[A]"
	[ ! -S "$dir/A/control.sock" ] || fail "its socket is still there"
	expect 3 A status
	start A
	expect 0 A status
}

# What a service manager hears, one datagram each: that it serves, and that it
# ends. notifies SOCKET
notifies() {
	config A 1 1 B
	"$DATAGRAMS" "$1" 2 >"$dir/told" &
	pid[listener]=$!
	await 5 grep -q listening "$dir/told" || fail "nobody listens"
	NOTIFY_SOCKET=$1 start A
	await 5 grep -q READY=1 "$dir/told" || fail "not a word"
	[ "$(tail -n 1 "$dir/told")" = READY=1 ] || fail "$(cat "$dir/told")"
	kill -TERM "${pid[A]}"
	wait "${pid[A]}" || fail "it ended with $?"
	unset "pid[A]"
	wait "${pid[listener]}" || fail "it was told less"
	unset "pid[listener]"
	[ "$(tail -n 1 "$dir/told")" = STOPPING=1 ] || fail "$(cat "$dir/told")"
}

notifies_path() {
	notifies "$dir/notify"
}

notifies_abstract() {
	notifies "@flushmark-test-$$"
}

one_at_a_time() {
	config A 1 1 B
	start A
	timeout 10 "$FLUSHMARKD" --config "$dir/A.conf" 2>"$dir/err"
	[ $? -eq 1 ] || fail "a second daemon runs in the same place"
	expect 0 A status
	# One that was killed is no hindrance.
	kill -KILL "${pid[A]}"
	wait "${pid[A]}" 2>/dev/null
	unset "pid[A]"
	start A
}

checks() {
	config A 1 1 B
	"$FLUSHMARKD" --check --config "$dir/A.conf" >"$dir/first" ||
		fail "a good file is refused"
	"$FLUSHMARKD" --check --config "$dir/first" >"$dir/second" ||
		fail "what it printed is refused"
	diff "$dir/first" "$dir/second" || fail "it reads back otherwise"
	printf '[port p]\ndriver = af_packet:x\naddress = 10.9.0.1/24\n' \
		>"$dir/port"
	if ! "$FLUSHMARKD" --check --config "$dir/port" >"$dir/out" \
		2>"$dir/err"; then
		says "port p.*was built without DPDK"
	else
		says "address = 10.9.0.1/24"
	fi
	echo "bogus = 1" >>"$dir/A.conf"
	"$FLUSHMARKD" --check --config "$dir/A.conf" 2>"$dir/err" >"$dir/out"
	[ $? -eq 1 ] || fail "a bad file is taken"
	says "A.conf:$(wc -l <"$dir/A.conf")"
	"$FLUSHMARKD" --config "$dir/none" 2>"$dir/err"
	[ $? -eq 1 ] || fail "a missing file is taken"
	"$FLUSHMARKD" --dance 2>/dev/null
	[ $? -eq 2 ] || fail "an unknown option is taken"
}

# refused WORDS: a start and a check end with 1 and say the same.
refused() {
	local how
	for how in "" --check; do
		timeout 10 "$FLUSHMARKD" --config "$dir/A.conf" $how \
			>"$dir/out" 2>"$dir/err"
		[ $? -eq 1 ] || fail "flushmarkd $how takes it: $1"
		says "$1"
	done
}

# set_key KEY VALUE: in A's configuration.
set_key() {
	sed -i "s|^$1 = .*|$1 = $2|" "$dir/A.conf"
}

checks_what_a_start_needs() {
	config A 1 1 B
	start A
	"$FLUSHMARKD" --check --config "$dir/A.conf" >/dev/null 2>"$dir/err" ||
		fail "one that runs is in its own way: $(cat "$dir/err")"
	expect 0 A status
	crash A

	set_key secret-file "$dir/none"
	refused "secret-file $dir/none: No such file"
	[ ! -e "$dir/none" ] || fail "a secret was made"
	echo 0123456789abcdef >"$dir/short"
	chmod 600 "$dir/short"
	set_key secret-file "$dir/short"
	refused "secret-file $dir/short: expected a file of 32 hex digits"
	cp "$dir/secret" "$dir/open"
	chmod 644 "$dir/open"
	set_key secret-file "$dir/open"
	refused "secret-file $dir/open: expected a file that others cannot"
	mkfifo -m 600 "$dir/fifo"
	set_key secret-file "$dir/fifo"
	refused "secret-file $dir/fifo: expected a file of 32 hex digits"
	set_key secret-file "$dir/secret"

	chmod 777 "$dir/A"
	refused "$dir/A: expected a directory of yours that others cannot"
	chmod 700 "$dir/A"
	set_key runtime-dir "$dir/secret/in"
	refused "$dir/secret/in: Not a directory"
	set_key runtime-dir /proc/flushmark
	refused "/proc/flushmark: No such file"
	set_key runtime-dir "$dir/A"
	sed -i "s|^journal = .*|journal = $dir/none/journal|;t
		s|^runtime-dir = .*|&\njournal = $dir/none/journal|" \
		"$dir/A.conf"
	refused "$dir/none/journal: No such file"
	sed -i "/^journal = /d" "$dir/A.conf"
	touch "$dir/A/file"
	sed -i "s|$dir/A/door.sock|$dir/A/file|" "$dir/A.conf"
	timeout 10 "$FLUSHMARKD" --check --config "$dir/A.conf" \
		>"$dir/out" 2>"$dir/err"
	[ $? -eq 1 ] || fail "listening at a file is taken"
	says "$dir/A/file: is there, and no socket"

	# Where nothing is, nothing is made.
	config A 1 1 B
	set_key runtime-dir "$dir/deep/down"
	"$FLUSHMARKD" --check --config "$dir/A.conf" >/dev/null 2>"$dir/err" ||
		fail "a directory that can be made: $(cat "$dir/err")"
	[ ! -e "$dir/deep" ] || fail "it was made"
}

# A journal that no death of ours has left is not thrown away.
keeps_a_damaged_journal() {
	config A 1 1 B
	start A
	crash A
	echo "no journal at all" >"$dir/A/journal"
	cp "$dir/A/journal" "$dir/damaged"
	refused "$dir/A/journal: damaged at byte 0"
	says "move it away"
	cmp "$dir/A/journal" "$dir/damaged" || fail "it was touched"
	rm "$dir/A/journal"
	start A
	expect 0 A status
}

# A port that another one has, be it a door's or the peers'.
ports_are_not_shared() {
	config A 1 1 B
	start A
	sed "s|^runtime-dir = .*|runtime-dir = $dir/C|;s|$dir/A/|$dir/C/|" \
		"$dir/A.conf" >"$dir/C.conf"
	timeout 10 "$FLUSHMARKD" --check --config "$dir/C.conf" \
		>/dev/null 2>"$dir/err"
	[ $? -eq 1 ] || fail "a port in use is taken"
	says "cannot listen at .*: Address already in use"
}

few_descriptors() {
	config A 1 1 B
	set_key sessions 1000
	(
		ulimit -n 1200
		exec "$FLUSHMARKD" --check --config "$dir/A.conf"
	) >"$dir/out" 2>"$dir/err" || fail "it would start all the same"
	says "^warning: .*RLIMIT_NOFILE.*LimitNOFILE"
}

peers_meet() {
	start_pair
	expect 1 A move demo-0 B
	says "no client"
	expect 0 B sessions
	says "0 guests"
}

# Each end says what the other one lacks.
peers_differ() {
	start_pair
	expect 0 A status
	crash B
	echo 0123456789abcdef0123456789abcdef >"$dir/other"
	chmod 600 "$dir/other"
	sed -i "s|^secret-file.*|secret-file = $dir/other|" "$dir/B.conf"
	start B
	expect 1 A move demo-0 B
	says "it does not know our secret"
	expect 0 A status
	says "B .*, down, .*: it does not know our secret"
	crash B
	sed -i "s|^secret-file.*|secret-file = $dir/secret|" "$dir/B.conf"
	sed -i "s|^node.*|node = 1|" "$dir/B.conf"
	start B
	expect 1 A move demo-0 B
	says "it has our own node number"
	expect 0 A status
	says "B .*, down, .*: it has our own node number"
}

run_case exit_codes exit_codes
run_case hangs hangs
run_case ends_by_sigterm ends TERM
run_case ends_by_sigint ends INT
run_case notifies_a_path notifies_path
run_case notifies_abstract notifies_abstract
run_case one_at_a_time one_at_a_time
run_case checks checks
run_case checks_what_a_start_needs checks_what_a_start_needs
run_case keeps_a_damaged_journal keeps_a_damaged_journal
run_case ports_are_not_shared ports_are_not_shared
run_case few_descriptors few_descriptors
run_case peers_meet peers_meet
run_case peers_differ peers_differ
end_cases
