#!/usr/bin/env bash
# tcp_lwip_test.sh PROGRAM DIRECTORY [ARGUMENT...] - builds lwIP in DIRECTORY,
# unless it is there, and runs the program against it; skips where lwIP cannot
# be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$1
directory=$2
shift 2
"$here/../peers/lwip/build" "$directory" || exit $?
exec "$program" --lwip "$directory" "$@"
