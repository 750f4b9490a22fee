#!/usr/bin/env bash
# demo_test.sh - the demonstration says what is so: well when all is well, and
# whose session it is when a fault was planted.
#
#   demo_test.sh DEMO BUILD-DIRECTORY MODE [PLANT]
set -u
demo=$1 build=$2 mode=$3 plant=${4:-}
report=$(mktemp) || exit 1
trap 'rm -f "$report"' EXIT

"$demo" --no-setup --build "$build" --sessions 9 --seconds 1 --mode "$mode" \
	--json "$report" ${plant:+--plant "$plant"} 2>&1
code=$?

fail() {
	echo "FAILED: $*"
	exit 1
}

expect() {
	jq -e "$1" "$report" >/dev/null || fail "the report is not: $1"
}

expect '.sessions == 10 and .sessions == .moved + .failed + .remained'
expect '.moved == .seamless + .semi_seamless + .switch_host'
expect '.real_client.moves == 1 and .checked_bytes_in > 0'
if [ -n "$plant" ]; then
	[ "$code" -eq 1 ] || fail "exit code $code with a planted fault"
	expect '[.problems[].guest] == ["demo-5"]'
	exit 0
fi
[ "$code" -eq 0 ] || fail "exit code $code"
expect ".${mode//-/_} == 10"
[ "$mode" != seamless ] || expect '.lost_bytes == 0 and
	.protocol_pause_ms.count == 63'
