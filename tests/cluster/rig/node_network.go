package main

// The node's network: a veth pair to the machine, and the addresses of pods and services behind it. The node's network
// namespace has no default route, so nothing in it reaches further than the machine, and pods are refused even that.

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Addresses inside the node's network namespace; nobody outside sees them, so they can be the same everywhere.
const (
	podNetwork        = "10.244.0.0/24"
	serviceNetwork    = "10.96.0.0/16"
	apiServiceIP      = "10.96.0.1" // the first of serviceNetwork, taken by the API server for itself
	dnsServiceIP      = "10.96.0.10"
	apiServerInNode   = "127.0.0.1:6443"
	closedPortInNode  = "127.0.0.1:9" // discard, which nothing in the node listens on
	nodeLink          = "eth0"
	linkNetworkPrefix = 30
)

// linkRange is where the addresses of the veth pair are looked for: set aside for tests of network devices, RFC 2544,
// so the least likely to be in use. What is in use on this machine is skipped.
var linkRange = netip.MustParsePrefix("198.18.0.0/15")

// freeLinkAddresses finds two addresses that no link and no route of this machine knows.
func freeLinkAddresses() (host, node netip.Addr, err error) {
	used, err := usedNetworks()
	if err != nil {
		return host, node, err
	}
	var seed [4]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return host, node, err
	}
	base, size := linkRange.Addr().As4(), uint32(1)<<(linkNetworkPrefix-linkRange.Bits())
	for i := range size {
		index := (binary.BigEndian.Uint32(seed[:]) + i) % size
		var address [4]byte
		binary.BigEndian.PutUint32(address[:], binary.BigEndian.Uint32(base[:])+index<<(32-linkNetworkPrefix))
		network := netip.PrefixFrom(netip.AddrFrom4(address), linkNetworkPrefix)
		free := true
		for _, other := range used {
			free = free && !network.Overlaps(other)
		}
		if free {
			host = network.Addr().Next()
			return host, host.Next(), nil
		}
	}
	return host, node, fmt.Errorf("every network of %s is in use on this machine", linkRange)
}

// usedNetworks are the IPv4 networks of all links and routes but the default route.
func usedNetworks() ([]netip.Prefix, error) {
	var used []netip.Prefix
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, address := range addresses {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil {
			used = append(used, prefix.Masked())
		}
	}
	text, err := os.ReadFile("/proc/self/net/route")
	if err != nil {
		return nil, err
	}
	// Destination and mask are hexadecimal words in the machine's byte order.
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 8 || fields[0] == "Iface" {
			continue
		}
		destination, err1 := hex.DecodeString(fields[1])
		mask, err2 := hex.DecodeString(fields[7])
		if err := errors.Join(err1, err2); err != nil || len(destination) != 4 || len(mask) != 4 {
			return nil, fmt.Errorf("unknown line in the routing table: %s", strings.TrimSpace(line))
		}
		bits, _ := net.IPv4Mask(native(mask)[0], native(mask)[1], native(mask)[2], native(mask)[3]).Size()
		if bits > 0 {
			used = append(used, netip.PrefixFrom(netip.AddrFrom4(native(destination)), bits))
		}
	}
	return used, nil
}

// native turns a word of the machine's byte order into the order of the network.
func native(word []byte) (address [4]byte) {
	binary.NativeEndian.PutUint32(address[:], binary.BigEndian.Uint32(word))
	return address
}

// connectNode makes the veth pair, one end on the machine, the other in the node.
func connectNode(r *record) error {
	for _, args := range []string{
		fmt.Sprintf("link add %s type veth peer name %s netns %d", r.Link, nodeLink, r.PID),
		fmt.Sprintf("address add %s/%d dev %s", r.HostIP, linkNetworkPrefix, r.Link),
		fmt.Sprintf("link set %s up", r.Link),
	} {
		if err := command("ip", args); err != nil {
			return err
		}
	}
	return nil
}

// setUpNetwork runs inside the node.
func (n *node) setUpNetwork(ctx context.Context) error {
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1\n"), 0o644); err != nil {
		return err
	}
	for _, line := range []string{
		"ip link set lo up",
		fmt.Sprintf("ip address add %s/%d dev %s", n.record.NodeIP, linkNetworkPrefix, nodeLink),
		"ip link set " + nodeLink + " up",
		// The node's own programs reach services too (webhooks, aggregated APIs): a route must exist for the
		// packet to come as far as the rules that rewrite its destination.
		fmt.Sprintf("ip route add %s dev %s src %s", serviceNetwork, nodeLink, n.record.NodeIP),
		// Answers to the machine may pass, for node ports; nothing that a pod begins.
		fmt.Sprintf("iptables -w -A FORWARD -s %s -o %s -m conntrack --ctstate NEW -j REJECT", podNetwork, nodeLink),
	} {
		program, args, _ := strings.Cut(line, " ")
		if err := command(program, args); err != nil {
			return err
		}
	}
	// The address can be used once the link is up on both sides.
	return poll(ctx, func() error {
		probe, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(n.record.NodeIP)})
		if err != nil {
			return err
		}
		return probe.Close()
	})
}

// command runs a program with arguments that hold no blanks.
func command(program, args string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, strings.Fields(args)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, args, err, strings.TrimSpace(string(out)))
	}
	return nil
}
