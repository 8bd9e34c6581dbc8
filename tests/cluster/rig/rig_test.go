package main

// What can be tested of the rig without root and without a cluster. The rest is `rig selftest`.

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLinkAddressesLieInOneUnusedNetwork(t *testing.T) {
	host, node, err := freeLinkAddresses()
	if err != nil {
		t.Fatal(err)
	}
	network := netip.PrefixFrom(host, linkNetworkPrefix).Masked()
	if !network.Contains(node) || !linkRange.Contains(host) || network.Addr() == host || host == node {
		t.Errorf("addresses %s and %s in %s", host, node, network)
	}
	used, err := usedNetworks()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(used, netip.MustParsePrefix("127.0.0.0/8")) {
		t.Errorf("the loopback network is not among the used ones: %v", used)
	}
	for _, other := range used {
		if other.Overlaps(network) {
			t.Errorf("%s is in use by %s", network, other)
		}
	}
}

func TestAProcessIsTheSameOnlyWithTheSameStartTimeAndBoot(t *testing.T) {
	start, state, err := processStart(os.Getpid())
	if err != nil || start == 0 || !strings.ContainsRune("RSD", rune(state)) {
		t.Fatalf("start %d, state %c, %v", start, state, err)
	}
	own := record{Boot: bootID(), PID: os.Getpid(), Start: start}
	if !own.alive() {
		t.Error("this process is not alive")
	}
	for name, other := range map[string]record{
		"other start": {Boot: bootID(), PID: os.Getpid(), Start: start + 1},
		"other boot":  {Boot: "another", PID: os.Getpid(), Start: start},
	} {
		if other.alive() {
			t.Errorf("%s: taken for this process", name)
		}
		if err := other.kill(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAZombieIsNotAlive(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	for range 200 {
		start, state, err := processStart(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if state == 'Z' {
			if r := (record{Boot: bootID(), PID: cmd.Process.Pid, Start: start}); r.alive() {
				t.Error("a zombie is taken for alive")
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the child did not end")
}

func TestALockIsExclusiveAndWaitingEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lockFile(context.Background(), path, func() { t.Error("waited for nobody") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 150*time.Millisecond)
	defer cancel()
	waited := 0
	if _, err := lockFile(ctx, path, func() { waited++ }); err == nil || waited != 1 {
		t.Errorf("a held lock was taken, or the wait was announced %d times", waited)
	}
	unlock()
	if unlock, err = lockFile(context.Background(), path, func() {}); err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestASnapshotTellsWhatIsNewAndWhatIsGone(t *testing.T) {
	before := snapshot{"link": {"lo", "eth0"}, "sysctl": {"a=1"}}
	now := snapshot{"link": {"lo", "veth1"}, "sysctl": {"a=2"}, "mount": {"/x tmpfs"}}
	want := []string{"+ link veth1", "- link eth0", "+ mount /x tmpfs", "+ sysctl a=2", "- sysctl a=1"}
	if got := now.since(before); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := now.since(now); got != nil {
		t.Errorf("a snapshot differs from itself: %q", got)
	}
}

func TestAPartIsBuiltOnceAndAFailedBuildLeavesNothing(t *testing.T) {
	store, builds := t.TempDir(), 0
	p := part{name: "thing", key: []string{"a"}, build: func(_ context.Context, dir string) error {
		builds++
		return os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o644)
	}}
	ctx, say := context.Background(), newProgress()
	first, err := ensurePart(ctx, say, store, p)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := ensurePart(ctx, say, store, p); err != nil || second != first || builds != 1 {
		t.Errorf("second time: %s, %v, %d builds", second, err, builds)
	}

	p.key = []string{"b"}
	p.build = func(_ context.Context, dir string) error { return os.ErrInvalid }
	if _, err := ensurePart(ctx, say, store, p); err == nil {
		t.Error("a failed build succeeded")
	}
	entries, err := os.ReadDir(store)
	if err != nil || len(entries) != 1 {
		t.Errorf("left after a failed build: %v %v", entries, err)
	}
}

func TestTheCacheKeepsTheVersionsUsedLast(t *testing.T) {
	store := t.TempDir()
	for i, version := range []string{"1", "2", "3", "4", "5"} {
		dir := filepath.Join(store, "thing-"+strings.Repeat(version, 16))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		used := time.Unix(int64(1000+i), 0)
		if version == "1" {
			used = time.Unix(2000, 0)
		}
		if err := os.Chtimes(dir, used, used); err != nil {
			t.Fatal(err)
		}
	}
	if err := dropOldVersions(store, "thing"); err != nil {
		t.Fatal(err)
	}
	var kept []string
	entries, _ := os.ReadDir(store)
	for _, entry := range entries {
		kept = append(kept, entry.Name()[len("thing-"):len("thing-")+1])
	}
	if !slices.Equal(kept, []string{"1", "4", "5"}) {
		t.Errorf("kept %v", kept)
	}
}

func TestTheHashOfATreeChangesWithNamesModesAndContents(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.go")
	hash := func() string {
		sum, err := hashTree(dir)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(file, "one")
	seen := map[string]string{hash(): "at first"}
	for _, change := range []struct {
		name string
		do   func()
	}{
		{"contents", func() { write(file, "two") }},
		{"mode", func() { _ = os.Chmod(file, 0o755) }},
		{"name", func() { _ = os.Rename(file, filepath.Join(dir, "b.go")) }},
	} {
		change.do()
		sum := hash()
		if was, known := seen[sum]; known {
			t.Errorf("after a change of %s the hash is that of %s", change.name, was)
		}
		seen[sum] = change.name
	}
	last := hash()
	write(filepath.Join(dir, "b_test.go"), "a test goes into no part")
	if hash() != last {
		t.Error("a test changed the hash")
	}
}

func TestATreeWithAMountInItIsNotRemoved(t *testing.T) {
	if err := removeTree("/proc"); err == nil || !strings.Contains(err.Error(), "mounted") {
		t.Errorf("removing /proc: %v", err)
	}
}

func TestWithinKnowsPathsFromPrefixes(t *testing.T) {
	for _, c := range []struct {
		path, dir string
		want      bool
	}{
		{"/a/b", "/a", true}, {"/a", "/a", true}, {"/ab", "/a", false}, {"/x", "/", true}, {"/a", "/a/b", false},
	} {
		if got := within(c.path, c.dir); got != c.want {
			t.Errorf("within(%s, %s) = %v", c.path, c.dir, got)
		}
	}
}
