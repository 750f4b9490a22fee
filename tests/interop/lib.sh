# lib.sh - daemons, real clients and cases for the scripts of this directory.
#
# Sourced. Wants flushmarkd, flushmark and gtk_client in $FLUSHMARKD,
# $FLUSHMARK and $GTK_CLIENT. All files are in $dir, a directory of its own
# for each case; every process is known by its id and goes with the case.
# Each wait has an end.
#
# With LIB_DOOR=dpdk doors are on DPDK ports, in network namespaces (net.sh).

base=$(mktemp -d "${TMPDIR:-/tmp}/flushmark-test-XXXXXX") || exit 1
dir=$base
declare -A pid=()  # by name: A, B, client, ...
declare -A port=() # of the doors of A and B
in_client=()
cases=0 failed=()

skip() {
	echo "skipped: $*"
	exit 77
}

need_test_build() {
	printf '[test]\nnack = no\n' >"$base/test.conf"
	"$FLUSHMARKD" --config "$base/test.conf" --check >/dev/null 2>&1 ||
		skip "no [test] section but in a test build"
}

lib_stop() {
	local name
	for name in "${!pid[@]}"; do
		kill -KILL "${pid[$name]}" 2>/dev/null
	done
	for name in "${!pid[@]}"; do
		wait "${pid[$name]}" 2>/dev/null
	done
	pid=()
}

lib_end() {
	trap - EXIT
	lib_stop
	rm -rf "$base"
}
trap lib_end EXIT
trap 'exit 1' INT TERM

fail() {
	local log
	echo "FAILED: $*"
	for log in "$dir"/*.log; do
		[ -s "$log" ] || continue
		echo "--- ${log##*/}"
		tail -n "${LIB_TAIL:-25}" "$log"
	done
	exit 1
}

# run_case NAME FUNCTION [ARGUMENT...]: in a shell of its own, so that fail
# ends this case and no other.
run_case() {
	local name=$1 began=${EPOCHREALTIME/./} log=$base/case.out
	shift
	[[ $name == ${LIB_ONLY:-*} ]] || return 0
	cases=$((cases + 1))
	(
		trap lib_case_end EXIT
		trap 'exit 1' INT TERM
		pid=()
		dir=$(mktemp -d "$base/case-XXXXXX") || exit 1
		new_secret
		"$@"
	) >"$log" 2>&1
	if [ $? -eq 0 ]; then
		printf 'ok      %-34s %5d ms  %s\n' "$name" \
			$(((${EPOCHREALTIME/./} - began) / 1000)) \
			"$(sed -n 's/^note: //p' "$log" | tr '\n' ' ')"
		return
	fi
	failed+=("$name")
	printf 'FAILED  %s\n' "$name"
	sed 's/^/    /' "$log"
}

lib_case_end() {
	trap - EXIT
	lib_stop
	rm -rf "$dir"
}

# The last line of a script: how it went, and the exit code.
end_cases() {
	echo "$cases cases, ${#failed[@]} failed"
	[ "$cases" -gt 0 ] && [ "${#failed[@]}" -eq 0 ]
	exit
}

# Goes onto the line of the case.
note() {
	echo "note: $*"
}

# await SECONDS COMMAND...: until it is true; false when the time is over.
await() {
	local until=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt "$until" ] || return 1
		sleep 0.02
	done
}

# --- daemons -------------------------------------------------------------

new_secret() {
	(umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' \
		>"$dir/secret" && echo >>"$dir/secret")
}

nobody_listens() {
	! (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Below what the kernel gives to connections of its own, and unlike all that
# this case has: two daemons would share a port without a word.
free_port() {
	local try
	for _ in {1..200}; do
		try=$((20000 + RANDOM % 12000))
		[[ " ${port[*]} " != *" $try "* ]] && nobody_listens "$try" &&
			echo "$try" && return
	done
	echo "there is no free port" >&2
	return 1
}

# Where a daemon is reached by its peers: LIB_PEERS=tcp is as between hosts,
# and port[via_B] then as if there were something on the way to B.
peer_address() {
	local to=$1
	if [ "${LIB_PEERS:-unix}" = unix ]; then
		echo "unix:$dir/$to/peer.sock"
	else
		echo "127.0.0.1:${port[${2:-peer_}$to]:-${port[peer_$to]}}"
	fi
}

on_dpdk() {
	[ "${LIB_DOOR:-kernel}" = dpdk ]
}

# Where clients connect: HOST PORT.
door_of() {
	if on_dpdk; then
		echo "10.9.${net_number[$1]}.1" 5900
	else
		echo 127.0.0.1 "${port[$1]}"
	fi
}

door_lines() {
	if on_dpdk; then
		net_door "$1"
	else
		printf '[door main]\nlisten = 127.0.0.1:%s\n' "${port[$1]}"
	fi
}

# config NAME NODE GUESTS PEER [LINE...]: writes a daemon's configuration. A
# line that begins with "advertise" is put to its door.
config() {
	local name=$1 node=$2 guests=$3 peer=$4 line advertise=
	shift 4
	for line in "$name" "peer_$name" "peer_$peer"; do
		[ -n "${port[$line]:-}" ] || port[$line]=$(free_port) || exit 1
	done
	mkdir -p -m 700 "$dir/$name"
	for line in "$@"; do
		[[ $line != advertise* ]] || advertise=$line
	done
	cat >"$dir/$name.conf" <<-END
		[daemon]
		name = $name
		node = $node
		runtime-dir = $dir/$name
		secret-file = $dir/secret
		log = debug
		[pool]
		shards = ${LIB_SHARDS:-1}
		sessions = 64
		chunks = 2048
		region-slots = 64
		$(door_lines "$name")
		$advertise
		[door local]
		listen = unix:$dir/$name/door.sock
		[peers]
		listen = $(peer_address "$name")
		[peer $peer]
		address = $(peer_address "$peer" via_)
		[guest-demo]
		count = $guests
	END
	for line in "$@"; do
		[[ $line == advertise* ]] || echo "$line" >>"$dir/$name.conf"
	done
}

# The operator's command at one of the daemons, never for longer than 10 s.
control() {
	local name=$1
	shift
	timeout -k 1 "${LIB_CONTROL_S:-10}" "$FLUSHMARK" "$@" \
		--socket "$dir/$name/control.sock"
}

answers() {
	control "$1" status >/dev/null 2>&1
}

launch() {
	local in=()
	! on_dpdk || in=(ip netns exec "$net-$1")
	"${in[@]}" "$FLUSHMARKD" --config "$dir/$1.conf" \
		>>"$dir/$1.log" 2>&1 &
	pid[$1]=$!
}

# start NAME: with its configuration; returns when it answers.
start() {
	local name=$1
	launch "$name"
	await 10 answers "$name" || fail "daemon $name does not answer"
}

# The case's two daemons: lines for A, then "--", then lines for B.
start_pair() {
	local a=() b=() to=a line
	for line in "$@"; do
		if [ "$line" = -- ]; then
			to=b
		elif [ "$to" = a ]; then
			a+=("$line")
		else
			b+=("$line")
		fi
	done
	config A 1 1 B "${a[@]}"
	config B 2 0 A "${b[@]}"
	launch A
	start B
	await 10 answers A || fail "daemon A does not answer"
}

# The state of a process as the kernel has it: R, S, T, Z; nothing: no such.
state_of() {
	local stat
	{ read -r stat <"/proc/${pid[$1]}/stat"; } 2>/dev/null || return 0
	stat=${stat##*) }
	echo "${stat%% *}"
}

is_stopped() {
	[ "$(state_of "$1")" = T ]
}

has_ended() {
	[[ $(state_of "$1") =~ ^Z?$ ]]
}

# crash NAME: kill -9, and it is gone when this returns.
crash() {
	kill -KILL "${pid[$1]}" 2>/dev/null
	wait "${pid[$1]}" 2>/dev/null
	unset "pid[$1]"
}

pause() {
	kill -STOP "${pid[$1]}"
	await 5 is_stopped "$1" || fail "$1 does not stop"
}

go_on() {
	kill -CONT "${pid[$1]}"
}

# One field of a guest's row at a daemon; nothing when it is not there.
row() {
	control "$1" sessions "${3:-demo-0}" --json 2>/dev/null |
		jq -r ".[0].$2 // empty"
}

other() {
	[ "$1" = A ] && echo B || echo A
}

# move FROM [OPTION...]: to the other one; what it said is in move.log. An
# exit code of 124 says that it hung.
move() {
	local from=$1
	shift
	echo "move from $from $*" >>"$dir/move.log"
	control "$from" move demo-0 "$(other "$from")" "$@" \
		>>"$dir/move.log" 2>&1
}

# A session that has just begun is not moved: the client still links.
may_move() {
	await 8 eval '! [[ $(control '"$1"' explain demo-0) == *"still links"* ]]' ||
		fail "the client links for ever: $(control "$1" explain demo-0)"
}

must_move() {
	may_move "$1"
	move "$@" || fail "the move from $* failed"
}

# The last move was: MODE.
was() {
	tail -n 1 "$dir/move.log" | grep -q "demo-0 moved, $1" ||
		fail "not $1: $(tail -n 1 "$dir/move.log")"
}

# As move, not waited for; await_move gets its exit code.
move_apart() {
	control "$1" move demo-0 "$(other "$1")" "${@:2}" \
		>>"$dir/move.log" 2>&1 &
	pid[move]=$!
}

await_move() {
	local code
	await "${1:-10}" has_ended move || fail "the command for the move hangs"
	wait "${pid[move]}"
	code=$?
	unset "pid[move]"
	return $code
}

refused_with() {
	tail -n 1 "$dir/move.log" | grep -q -- "$1" ||
		fail "not \"$1\": $(tail -n 1 "$dir/move.log")"
}

said() {
	grep -q -s -- "$2" "$dir/$1.log"
}

# --- the real client ------------------------------------------------------

# client_start AT [OPTION...]: joins demo-0 there and returns once it is up.
client_start() {
	local at=$1 where
	read -ra where <<<"$(door_of "$1")"
	where=(--host "${where[0]}" --port "${where[1]}")
	shift
	[[ " $* " != *" --unix "* ]] || where=()
	[ -p "$dir/client.in" ] || mkfifo "$dir/client.in"
	"${in_client[@]}" "$GTK_CLIENT" "${where[@]}" --guest demo-0 --json "$dir/report.json" \
		--password "$(control "$at" vv demo-0 --json | jq -r .password)" \
		"$@" <>"$dir/client.in" >>"$dir/client.log" 2>&1 &
	pid[client]=$!
	await 10 client_said '^up' || fail "the client did not come up"
	[[ " $* " == *" --leave "* ]] || may_move "$at"
}

client_said() {
	grep -q -s -E -- "$1" "$dir/client.log"
}

client_must_say() {
	await "${2:-10}" client_said "$1" || fail "the client did not say: $1"
}

# client_end: the closing exchange; its exit code, report.json is there.
client_end() {
	local code
	echo stop >"$dir/client.in"
	await 10 has_ended client || fail "the client does not end"
	wait "${pid[client]}"
	code=$?
	unset "pid[client]"
	[ -s "$dir/report.json" ] || fail "the client wrote no report"
	return $code
}

report() {
	jq -r "$1" "$dir/report.json"
}

# What a client of a test must not have seen, whatever the test did: bytes
# lost or twice or out of place, wrong pixels, an error.
client_lost_nothing() {
	client_end
	jq -e '.errors.count == 0 and .lost_bytes == 0 and
		.duplicated_bytes == 0 and .reordered_bytes == 0 and
		.crossed_bytes == 0 and .corrupt_bytes == 0 and
		.picture.bad == 0 and .picture.checked > 0 and
		.streams.echo_out.closed and .streams.pulse.closed' \
		"$dir/report.json" >/dev/null ||
		fail "the client: $(tail -n 1 "$dir/client.log")"
}

# Last: a script that cannot have its network is skipped here.
if on_dpdk; then
	. "$(dirname "${BASH_SOURCE[0]}")/net.sh"
	net_begin
fi
