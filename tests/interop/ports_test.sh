#!/usr/bin/env bash
# ports_test.sh - one daemon with a door past the kernel and one by it.
#
#   ports_test.sh FLUSHMARKD FLUSHMARK GTK_CLIENT
set -u
FLUSHMARKD=$1 FLUSHMARK=$2 GTK_CLIENT=$3 LIB_DOOR=dpdk
. "$(dirname "$0")/lib.sh"

counter() {
	control A status --json | jq ".ports.lan.$1"
}

# A client by either door, on daemons whose shards have two dataplanes.
either_door() {
	local frames
	config A 1 1 B
	start A
	client_start A --seconds 1 --unix "$dir/A/door.sock"
	client_lost_nothing
	frames=$(counter rx_frames)
	client_start A --seconds 1
	client_lost_nothing
	[ "$(counter rx_frames)" -gt $((frames + 50)) ] ||
		fail "its frames are not counted"
	[ "$(counter tcp_accepted)" -ge 7 ] || fail "nobody came by the port"
	control A status | grep -q "^port *lan" || fail "status has no port"
	said A "insecure-plain" || fail "nobody was warned"
}

# A daemon that cannot have its port says which, and ends.
no_such_device() {
	local code
	config A 1 1 B
	sed -i 's/^driver = .*/driver = af_packet:nosuchif/' "$dir/A.conf"
	timeout 20 "$FLUSHMARKD" --config "$dir/A.conf" >"$dir/A.log" 2>&1
	code=$?
	[ $code -eq 1 ] || fail "it ended with $code"
	said A "nosuchif" || fail "it does not say what is missing"
}

run_case "a client by either door" either_door
LIB_SHARDS=2
run_case "a client by either door, 2 shards" either_door
run_case "no such device" no_such_device
end_cases
