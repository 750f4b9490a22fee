# net.sh - a network of its own for a script: doors on DPDK ports.
#
# Sourced by lib.sh with LIB_DOOR=dpdk. Each daemon runs in a namespace of its
# own, clients in another (in one namespace two daemons' packet sockets may
# come to the same fanout group, a number made of process and interface); a
# cable (a veth pair) leads from a daemon's port to the clients. The port's end
# has no address: the kernel would answer as well. The clients' end may not
# leave checksums or segmentation to a device that is not there. Names have our
# process id: what a killed script left is found by it. LIB_DRIVER=af_xdp uses
# that driver, where it is to be had.

net=fmdp$$
in_client=(ip netns exec "$net-c")
declare -A net_number=([A]=1 [B]=2)

net_drop_stale() {
	local name owner
	ip netns list 2>/dev/null | while read -r name _; do
		[[ $name =~ ^fmdp([0-9]+)-[ABc]$ ]] || continue
		owner=${BASH_REMATCH[1]}
		[ -d "/proc/$owner" ] || ip netns del "$name"
	done
}

net_end() {
	local name
	for name in A B c; do
		ip netns del "$net-$name" 2>/dev/null
	done
}

# cable NAME: the daemon's end is NAME's device, the clients' has an address.
net_cable() {
	local name=$1 number=${net_number[$1]}
	ip link add "s$name$$" netns "$net-$name" type veth \
		peer name "c$name$$" netns "$net-c" &&
		ip -n "$net-$name" link set "s$name$$" up &&
		ip -n "$net-c" addr add "10.9.$number.9/24" dev "c$name$$" &&
		"${in_client[@]}" ethtool -K "c$name$$" tx off >/dev/null &&
		ip -n "$net-c" link set "c$name$$" up
}

net_start() {
	local name
	net_drop_stale
	for name in A B c; do
		ip netns add "$net-$name" &&
			ip -n "$net-$name" link set lo up &&
			ip netns exec "$net-$name" sysctl -qw \
				net.ipv6.conf.all.disable_ipv6=1 || return 1
	done
	# Without pacing of its own, as most clients are.
	"${in_client[@]}" sysctl -qw net.ipv4.tcp_congestion_control=reno \
		2>/dev/null
	net_cable A && net_cable B
}

# A line for each: what is needed and is not here.
net_lacks() {
	local tool
	[ "$(id -u)" = 0 ] || echo "only root makes network namespaces"
	for tool in ip ethtool sysctl; do
		command -v "$tool" >/dev/null || echo "no $tool here"
	done
	printf '[port p]\ndriver = ring:x\naddress = 10.9.0.1/24\n' \
		>"$base/port.conf"
	"$FLUSHMARKD" --config "$base/port.conf" --check 2>&1 |
		grep "without DPDK"
}

# The door of NAME, and the port it is on.
net_door() {
	local name=$1 number=${net_number[$1]}
	cat <<-END
		[dpdk]
		huge-pages = no
		[port lan]
		driver = ${LIB_DRIVER:-af_packet}:s$name$$
		address = 10.9.$number.1/24
		[door main]
		port = lan
		insecure-plain = yes
		listen = 10.9.$number.1:5900
	END
}

# Another driver than the usual may not be here, or not for this kernel.
net_probe() {
	dir=$base/probe
	mkdir -p "$dir"
	new_secret
	config A 1 0 B
	launch A
	await 10 net_probed || skip "$LIB_DRIVER does not start"
	has_ended A && skip "$(tail -n 1 "$dir/A.log")"
	lib_stop
	rm -rf "$dir"
	dir=$base
}

net_probed() {
	answers A || has_ended A
}

net_begin() {
	local lacking
	lacking=$(net_lacks)
	[ -z "$lacking" ] || skip "$lacking"
	trap 'net_end; lib_end' EXIT
	net_start || skip "no network namespaces here"
	[ -z "${LIB_DRIVER:-}" ] || net_probe
}
