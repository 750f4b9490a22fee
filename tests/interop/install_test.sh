#!/usr/bin/env bash
# install_test.sh - what "meson install" puts where, and that systemd reads it.
#
# usage: install_test.sh BUILD SERVICE
set -u
build=$1 service=$2
root=$(mktemp -d "${TMPDIR:-/tmp}/flushmark-install.XXXXXX") || exit 1
trap 'rm -rf "$root"' EXIT

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# One of that name, somewhere below a directory that is called like that.
has() {
	[ -n "$(find "$root" -path "*/$1" -type f)" ] ||
		fail "$1 is not installed: $(cd "$root" && find . -type f)"
}

meson install -C "$build" --no-rebuild --destdir "$root" >"$root/log" 2>&1 ||
	fail "meson install: $(cat "$root/log")"
has sbin/flushmarkd
has bin/flushmark
has man8/flushmarkd.8
has man1/flushmark.1
has system/flushmarkd.service
has sysusers.d/flushmark.conf
daemon=$(find "$root" -path '*/sbin/flushmarkd')
[[ $("$daemon" --version) =~ ^flushmarkd\ 0\.1\.0(\ \(test\ build\))?$ ]] ||
	fail "what is that: $("$daemon" --version)"
grep -q "^ExecStart=${daemon#"$root"} --config /" "$service" ||
	fail "the service starts another one: $(grep ExecStart "$service")"

if ! command -v systemd-analyze >/dev/null; then
	echo "systemd-analyze is not here: the service is not verified"
	exit 77
fi
# It wants a file that can be executed, by that name.
sed "s|^ExecStart=/[^ ]*|ExecStart=$daemon|" "$service" \
	>"$root/flushmarkd.service"
systemd-analyze verify --man=no "$root/flushmarkd.service" \
	>"$root/verify" 2>&1 || fail "systemd: $(cat "$root/verify")"
grep "flushmarkd.service:" "$root/verify" && fail "systemd warns"
echo "ok      installed, and read by systemd"
