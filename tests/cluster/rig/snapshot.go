package main

// The state of the machine that a cluster could disturb, taken before it starts and compared after it stopped.
// The node lives in namespaces of its own, so nothing here should ever change; that is looked at, not believed.

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// snapshot holds lines of text by subject.
type snapshot map[string][]string

// watchedSysctls are those that kubelet, kube-proxy and the network plugins set where they may.
var watchedSysctls = []string{
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
	"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
	"net/ipv4/ip_forward", "net/ipv4/conf/all/route_localnet", "net/ipv4/conf/all/rp_filter",
	"net/ipv4/conf/all/forwarding", "net/ipv6/conf/all/forwarding",
	"net/bridge/bridge-nf-call-iptables", "net/netfilter/nf_conntrack_max",
	"net/netfilter/nf_conntrack_tcp_timeout_established", "net/netfilter/nf_conntrack_tcp_be_liberal",
}

// watchedDirs are where the node's programs keep files by default; in the node other directories are mounted there.
var watchedDirs = []string{
	"/run/netns", "/run/containerd", "/run/runc", "/var/lib/kubelet", "/var/lib/cni", "/var/lib/containerd",
	"/var/lib/etcd", "/var/log/pods", "/var/log/containers", "/etc/cni/net.d",
}

func takeSnapshot() (snapshot, error) {
	s := snapshot{}
	links, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		s["link"] = append(s["link"], link.Name)
	}
	mounts, err := readMounts()
	if err != nil {
		return nil, err
	}
	for _, m := range mounts {
		s["mount"] = append(s["mount"], m.point+" "+m.fstype)
	}
	for _, tool := range []string{"iptables-save", "ip6tables-save"} {
		out, err := exec.Command(tool).Output()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", tool, err)
		}
		for line := range strings.Lines(string(out)) {
			// Comments carry the time, and the counters behind a policy count other people's packets.
			line, _, _ = strings.Cut(strings.TrimSpace(line), " [")
			if line != "" && !strings.HasPrefix(line, "#") {
				s[tool] = append(s[tool], line)
			}
		}
	}
	for _, name := range watchedSysctls {
		if text, err := os.ReadFile("/proc/sys/" + name); err == nil {
			s["sysctl"] = append(s["sysctl"], name+"="+strings.TrimSpace(string(text)))
		}
	}
	for _, dir := range watchedDirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		s["file"] = append(s["file"], dir)
		for _, entry := range entries {
			s["file"] = append(s["file"], filepath.Join(dir, entry.Name()))
		}
	}
	for _, root := range cgroupRoots(mounts) {
		entries, err := os.ReadDir(root)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if entry.IsDir() {
				s["cgroup"] = append(s["cgroup"], filepath.Join(root, entry.Name()))
			}
		}
	}
	return s, nil
}

// since lists what differs from an earlier snapshot: "+" what is new, "-" what is gone.
func (s snapshot) since(before snapshot) []string {
	var changes []string
	for _, subject := range []string{"link", "mount", "iptables-save", "ip6tables-save", "sysctl", "file", "cgroup"} {
		was, is := before[subject], s[subject]
		for _, line := range is {
			if !slices.Contains(was, line) {
				changes = append(changes, "+ "+subject+" "+line)
			}
		}
		for _, line := range was {
			if !slices.Contains(is, line) {
				changes = append(changes, "- "+subject+" "+line)
			}
		}
	}
	return changes
}

// mount is one line of /proc/self/mountinfo.
type mount struct{ point, fstype string }

// readMounts lists the mounts of this process, in the order they were made: proc(5), mountinfo.
func readMounts() ([]mount, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var mounts []mount
	for line := range strings.Lines(string(text)) {
		left, right, found := strings.Cut(line, " - ")
		fields, source := strings.Fields(left), strings.Fields(right)
		if !found || len(fields) < 5 || len(source) < 1 {
			return nil, fmt.Errorf("unknown line in mountinfo: %s", strings.TrimSpace(line))
		}
		mounts = append(mounts, mount{unescape.Replace(fields[4]), source[0]})
	}
	return mounts, nil
}

// cgroupRoots are the mount points of the cgroup hierarchies, of both versions.
func cgroupRoots(mounts []mount) []string {
	var roots []string
	for _, m := range mounts {
		if m.fstype == "cgroup" || m.fstype == "cgroup2" {
			roots = append(roots, m.point)
		}
	}
	return roots
}
