package main

// The verb that stops a cluster, whatever state it is in, and shows that nothing of it is left.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func verbDown(say progress, instance string) error {
	// Not interruptible: it is short, and half a removal helps nobody.
	unlock, err := lockInstance(context.Background(), say, instance)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := readRecord(instance)
	if err != nil {
		return err
	}
	if r == nil {
		fmt.Println("no cluster is recorded")
		return nil
	}
	if err := remove(say, r); err != nil {
		return err
	}
	fmt.Println("the cluster is gone: no process, mount, link, network namespace, cgroup or firewall rule of it is left")
	return nil
}

// remove stops a recorded cluster and removes everything of it but its logs, in an order that can be begun again after
// an interruption: the record goes last.
func remove(say progress, r *record) error {
	if r.PID == 0 {
		// Its first process never started.
		return errors.Join(removeFiles(r), os.RemoveAll(stateDir(r.Instance)))
	}
	pinned, err := r.pin()
	if err != nil {
		return err
	}
	defer pinned.Close() // an error for nil, which has nothing to close
	if err := r.kill(); err != nil {
		return err
	}
	say.say("the node's processes have ended")
	if r.Boot == bootID() {
		// The kernel drops the link with the namespace, but in its own time.
		if _, err := net.InterfaceByName(r.Link); err == nil {
			if err := command("ip", "link delete "+r.Link); err != nil && linkExists(r.Link) {
				return err
			}
		}
		if err := removeCgroups(r.Cgroup); err != nil {
			return err
		}
	}
	if err := removeFiles(r); err != nil {
		return err
	}
	if left := leftovers(say, r, pinned != nil); len(left) > 0 {
		return fmt.Errorf("left behind by the cluster:\n  %s", strings.Join(left, "\n  "))
	}
	if err := os.RemoveAll(stateDir(r.Instance)); err != nil {
		return err
	}
	say.say("nothing of the cluster is left (logs: %s)", r.logDir())
	return nil
}

func linkExists(name string) bool {
	_, err := net.InterfaceByName(name)
	return err == nil
}

// removeFiles empties the run directory but for the logs.
func removeFiles(r *record) error {
	entries, err := os.ReadDir(r.RunDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if path := filepath.Join(r.RunDir, entry.Name()); path != r.logDir() {
			if err := removeTree(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeTree removes a directory, unless something is mounted in it: that would be removed too.
func removeTree(path string) error {
	mounts, err := readMounts()
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if within(m.point, path) {
			return fmt.Errorf("something is mounted at %s; not removing %s", m.point, path)
		}
	}
	return os.RemoveAll(path)
}

// leftovers looks for everything that the cluster had on this machine. Changes that cannot be the cluster's are told
// and not counted: other programs use the machine too. Processes are looked for if the PID namespace is pinned; if it is
// not, its first process was dead before, and with that one the kernel has killed all others.
func leftovers(say progress, r *record, pinned bool) []string {
	var left []string
	if pinned {
		for pid, name := range processesIn(r.PIDNS) {
			left = append(left, fmt.Sprintf("process %d (%s)", pid, name))
		}
	}
	now, err := takeSnapshot()
	if err != nil {
		return append(left, "the state of the machine cannot be read: "+err.Error())
	}
	if r.Boot != bootID() {
		return left // what was before is of another boot
	}
	marks := []string{r.Link, r.RunDir, r.Cgroup, stateDir(r.Instance), r.NodeIP, r.HostIP, "KUBE-", "CNI-", "/cni-", "kubepods"}
	for _, change := range now.since(r.Before) {
		ours := slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(change, mark) })
		if ours && strings.HasPrefix(change, "+") {
			left = append(left, change)
		} else {
			say.say("changed meanwhile, not by the cluster: %s", change)
		}
	}
	return left
}

// cgroupHierarchies are the mount points of the hierarchies on this machine.
func cgroupHierarchies() ([]string, error) {
	mounts, err := readMounts()
	return cgroupRoots(mounts), err
}

// makeCgroups makes the parent of the pods' cgroups in every hierarchy, where kubelet expects it.
func makeCgroups(name string) error {
	roots, err := cgroupHierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		dir := filepath.Join(root, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		// A new group of version 1's cpuset has no processors and no memory until it is told.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			text, err := os.ReadFile(filepath.Join(root, file))
			if err != nil {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
				return err
			}
		}
		// Version 2 hands controllers down only when told; with a hybrid layout there are none to hand down.
		if text, err := os.ReadFile(filepath.Join(root, "cgroup.controllers")); err == nil {
			for controller := range strings.FieldsSeq(string(text)) {
				_ = os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
			}
		}
	}
	return nil
}

// removeCgroups removes the groups from the leaves up. The kernel lets go of a group a moment after its last process.
func removeCgroups(name string) error {
	roots, err := cgroupHierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			err := removeCgroup(filepath.Join(root, name))
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("remove cgroup: %w", err)
			}
		}
	}
	return nil
}

func removeCgroup(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeCgroup(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	if err := syscall.Rmdir(dir); err != nil && !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return nil
}
