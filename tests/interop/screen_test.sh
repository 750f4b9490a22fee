#!/usr/bin/env bash
# screen_test.sh - remote-viewer shows the demo guest, before and after a move.
#
#   screen_test.sh FLUSHMARKD FLUSHMARK BARCODE_READ
#
# Screenshots a second apart must show rising frame numbers, and each of them
# exactly what the guest paints.
set -u
FLUSHMARKD=$1 FLUSHMARK=$2 BARCODE_READ=$3 GTK_CLIENT=
. "$(dirname "$0")/lib.sh"

for tool in Xvfb remote-viewer import; do
	command -v "$tool" >/dev/null || skip "no $tool here"
done
new_secret
start_pair

Xvfb -displayfd 5 -screen 0 1024x768x24 -nolisten tcp \
	5>"$dir/display" >"$dir/xvfb.log" 2>&1 &
pid[xvfb]=$!
# Killed, it would leave its lock behind.
trap 'kill "${pid[xvfb]}"; wait "${pid[xvfb]}"; lib_end' EXIT
for ((i = 0; i < 100; i++)); do
	[ ! -s "$dir/display" ] || break
	sleep 0.1
done
[ -s "$dir/display" ] || fail "Xvfb does not start"
export DISPLAY=:$(cat "$dir/display")
export HOME=$dir XDG_RUNTIME_DIR=$dir NO_AT_BRIDGE=1
export GSETTINGS_BACKEND=memory LC_ALL=C.UTF-8

control A vv demo-0 >"$dir/demo.vv" || fail "no .vv file"
remote-viewer "$dir/demo.vv" >"$dir/viewer.log" 2>&1 &
pid[viewer]=$!

# Prints the frame number on the screen once all of the picture is right. A
# screenshot may fall between two draws, so there is more than one try.
screen() {
	local line= tries
	for ((tries = 0; tries < 40; tries++)); do
		import -silent -window root -depth 8 "ppm:$dir/screen.ppm" \
			2>>"$dir/import.log" &&
			line=$("$BARCODE_READ" "$dir/screen.ppm" \
				2>>"$dir/import.log") &&
			[[ $line == *" wrong=0" ]] && break
		sleep 0.25
	done
	[[ $line == *" wrong=0" ]] || return 1
	echo "screen: $line" >&2
	line=${line#frame=}
	echo "${line%% *}"
}

rises() {
	[ "$2" -gt "$1" ] || fail "frame $2 came after frame $1 $3"
}

first=$(screen) || fail "the picture is not on the screen"
sleep 1
second=$(screen) || fail "the picture has gone"
rises "$first" "$second" "at A"
control A move demo-0 B --mode seamless >"$dir/move.log" 2>&1 ||
	fail "the move"
sleep 0.5 # a move is over before the next of ten frames in a second
third=$(screen) || fail "the picture has gone with the move"
rises "$second" "$third" "over the move"
sleep 1
fourth=$(screen) || fail "the picture has gone at B"
rises "$third" "$fourth" "at B"
! has_ended viewer || fail "remote-viewer has ended"
echo "frames $first $second, moved, $third $fourth"
