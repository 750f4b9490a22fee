# pair.sh - two daemons A and B on loopback for the scripts of this directory.
#
# Sourced. Wants flushmarkd and flushmark in $FLUSHMARKD and $FLUSHMARK.
# Everything lives in $pair_dir and goes with the script, by process id.

pair_dir=$(mktemp -d /tmp/flushmark-pair-XXXXXX)
pair_pids=()

fail() {
	echo "FAILED: $*"
	for log in "$pair_dir"/*.log; do
		[ -s "$log" ] || continue
		echo "--- ${log##*/}"
		tail -n 15 "$log"
	done
	exit 1
}

skip() {
	echo "skipped: $*"
	exit 77
}

pair_stop() {
	local pid
	for pid in "${pair_pids[@]}"; do
		kill "$pid" 2>/dev/null
	done
	for pid in "${pair_pids[@]}"; do
		wait "$pid" 2>/dev/null
	done
	rm -rf "$pair_dir"
}
trap pair_stop EXIT
trap 'exit 1' INT TERM

# A port that nobody listens on. Daemons share one if told to: look first.
free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null ||
			break
	done
	echo "$port"
}

# pair_config NAME NODE PORT PEER GUESTS: a config file, and what stdin adds.
pair_config() {
	mkdir -p -m 700 "$pair_dir/$1"
	cat >"$pair_dir/$1.conf" <<-END
	[daemon]
	name = $1
	node = $2
	runtime-dir = $pair_dir/$1
	secret-file = $pair_dir/secret
	log = debug
	[door main]
	listen = 127.0.0.1:$3
	[peers]
	listen = unix:$pair_dir/$1/peer.sock
	[peer $4]
	address = unix:$pair_dir/$4/peer.sock
	[guest-demo]
	count = $5
	END
	printf '%s\n' "${pair_extra[@]}" >>"$pair_dir/$1.conf"
}

# pair_start [LINE...]: lines for both configs. The guests begin at A.
pair_start() {
	local name tries
	pair_extra=("$@")
	od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$pair_dir/secret"
	echo >>"$pair_dir/secret"
	chmod 600 "$pair_dir/secret"
	port_A=$(free_port)
	port_B=$(free_port)
	[ "$port_A" != "$port_B" ] || port_B=$(free_port)
	pair_config A 1 "$port_A" B 2
	pair_config B 2 "$port_B" A 0
	for name in A B; do
		"$FLUSHMARKD" --config "$pair_dir/$name.conf" \
			>"$pair_dir/$name.log" 2>&1 &
		pair_pids+=($!)
	done
	for name in A B; do
		tries=0
		until control "$name" status >/dev/null 2>&1; do
			tries=$((tries + 1))
			[ "$tries" -lt 100 ] || fail "$name does not answer"
			sleep 0.1
		done
	done
}

# control NAME COMMAND...: the CLI at one of the daemons.
control() {
	local name=$1
	shift
	"$FLUSHMARK" "$@" --socket "$pair_dir/$name/control.sock"
}

# The ticket of a guest, as remote-viewer would get it.
ticket_of() {
	control "$1" vv "$2" | sed -n 's/^password=//p'
}

other() {
	[ "$1" = A ] && echo B || echo A
}
