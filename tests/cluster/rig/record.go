package main

// What is written down about a running cluster, where, and how a recorded process is told from a stranger that has its
// number now. A cluster is its node's first process: that one is PID 1 of the node's PID namespace, so when it dies the
// kernel kills every process of the node with it, and the namespaces take mounts, links and firewall rules along.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// machineDir holds what must be known machine-wide and must not outlive a boot.
const machineDir = "/run/maibot-test-cluster"

// record describes one cluster. It is written before the node may do anything and removed as the last act of down.
type record struct {
	Instance string
	RunDir   string            // everything on disk: data, logs, configuration
	Boot     string            // boot id of the machine
	PID      int               // the node's first process, as the machine sees it
	Start    uint64            // its start time, in clock ticks since boot
	PIDNS    string            // its PID namespace, as in /proc/PID/ns
	Link     string            // the machine's end of the veth pair
	HostIP   string            // the address of that end
	NodeIP   string            // the address of the node's end
	Cgroup   string            // name of the cgroup that holds the pods, in every hierarchy
	Server   string            // URL of the API server, as the machine sees it
	Parts    map[string]string // directories of the parts
	Images   string            // hash of the images that were imported
	Before   snapshot          // the machine before the cluster
}

func stateDir(instance string) string   { return filepath.Join(machineDir, instance) }
func recordPath(instance string) string { return filepath.Join(stateDir(instance), "record.json") }

func (r *record) kubeconfig() string { return filepath.Join(r.RunDir, "kubeconfig") }
func (r *record) logDir() string     { return filepath.Join(r.RunDir, "log") }
func (r *record) auditLog() string   { return filepath.Join(r.logDir(), "audit.log") }
func (r *record) containerd() string { return filepath.Join(stateDir(r.Instance), "containerd.sock") }
func (r *record) volumes() string    { return filepath.Join(r.RunDir, "var-lib", volumesBelowVarLib) }

// readRecord returns nil when there is no record.
func readRecord(instance string) (*record, error) {
	text, err := os.ReadFile(recordPath(instance))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", recordPath(instance), err)
	}
	return r, nil
}

func (r *record) write() error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	temp := recordPath(r.Instance) + ".tmp"
	if err := os.WriteFile(temp, text, 0o644); err != nil {
		return err
	}
	return os.Rename(temp, recordPath(r.Instance))
}

// alive says whether the recorded process is still that process, and runs.
func (r *record) alive() bool {
	if r.Boot != bootID() {
		return false
	}
	start, state, err := processStart(r.PID)
	return err == nil && start == r.Start && state != 'Z' && state != 'X'
}

// kill ends the recorded process if it is still that process, and waits until it is gone. The handle is taken before
// the identity is looked at, so the number cannot change hands in between.
func (r *record) kill() error {
	process, err := os.FindProcess(r.PID)
	if err != nil || !r.alive() {
		return nil
	}
	defer process.Release()
	if err := process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill process %d: %w", r.PID, err)
	}
	for deadline := time.Now().Add(30 * time.Second); r.alive(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d does not end", r.PID)
		}
	}
	return nil
}

func bootID() string {
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text))
}

// processStart reads start time and state of a process: proc(5), /proc/PID/stat, fields 22 and 3. The name, field 2,
// is in parentheses and may itself contain anything.
func processStart(pid int) (start uint64, state byte, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 {
		return 0, 0, fmt.Errorf("/proc/%d/stat is short", pid)
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	return start, fields[0][0], err
}

// pidNamespace is the identity of a process's PID namespace, such as "pid:[4026532281]".
func pidNamespace(pid int) (string, error) {
	return os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
}

// pin keeps the identity of the node's PID namespace from being given to another one once all its processes are gone;
// the kernel gives the lowest free number to the next namespace that anybody makes. Nil when the node is dead already.
func (r *record) pin() (*os.File, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/ns/pid", r.PID))
	if !r.alive() {
		if err == nil {
			file.Close()
		}
		return nil, nil
	}
	return file, err
}

// processesIn lists the processes in a PID namespace that is alive or pinned, with their command names.
func processesIn(namespace string) map[int]string {
	found := map[int]string{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if ns, err := pidNamespace(pid); err != nil || ns != namespace {
			continue
		}
		if _, state, err := processStart(pid); err != nil || state == 'Z' {
			continue
		}
		text, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		args := strings.Split(string(text), "\x00")
		name := filepath.Base(args[0])
		if name == "kubenode" || name == "rig" {
			name = args[min(1, len(args)-1)]
		}
		found[pid] = name
	}
	return found
}

// lockFile takes an exclusive lock, calling waiting once if somebody else has it. The file stays: removing a locked
// file would let two processes hold "the" lock.
func lockFile(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for waited := false; ; waited = true {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !waited {
			waiting()
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// lockInstance lets one verb at a time change an instance.
func lockInstance(ctx context.Context, say progress, instance string) (unlock func(), err error) {
	if err := os.MkdirAll(machineDir, 0o755); err != nil {
		return nil, err
	}
	return lockFile(ctx, filepath.Join(machineDir, instance+".lock"), func() {
		say.say("wait for another up or down of %s to end", instance)
	})
}
