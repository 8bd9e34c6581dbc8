package main

// The first process of the node: it makes the node's view of the machine and then only reaps. It is PID 1 of a PID
// namespace and the first process of mount, network, IPC and host name namespaces; all that the cluster mounts, routes
// and filters exists in these only and ends with this process, however it ends.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const (
	verbNodeInit = "node-init"
	verbNodeRun  = "node-run"

	nodeNamespaces = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS

	nodeName = "node1"

	// volumesBelowVarLib is where the local path provisioner keeps volumes, below /var/lib.
	volumesBelowVarLib = "local-path-provisioner"
)

// Files that the node's first process inherits.
const (
	fdListener = 3 + iota // a socket on the machine's loopback, the way in to the API server
	fdOwner               // held locked for life: whoever can lock it knows that no node runs
	fdProgress            // lines for up, see reportTo
	fdGo                  // one byte arrives when the record is written and the network is there
)

// hiddenInNode are directories of the machine that the node has its own of, so that default paths can be used and
// nothing of them is left behind.
var hiddenInNode = []string{"/run", "/var/lib", "/var/log", "/tmp"}

// kubeletSysctls are kernel settings that kubelet insists on and sets for the whole machine. The node gets files with
// the wanted values in their place: kubelet finds what it wants and the machine keeps what it has.
var kubeletSysctls = map[string]string{
	"vm/overcommit_memory":     "1",
	"vm/panic_on_oom":          "0",
	"kernel/panic":             "10",
	"kernel/panic_on_oops":     "1",
	"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
}

// plan is what up tells the node.
type plan struct {
	Record record
	Tokens map[string]string // bearer tokens by user of the API server
}

func imagesInNode(runDir string) string { return filepath.Join(runDir, "images") }

func planPath(runDir string) string { return filepath.Join(runDir, "plan.json") }

func readPlan(runDir string) (*plan, error) {
	text, err := os.ReadFile(planPath(runDir))
	if err != nil {
		return nil, err
	}
	p := &plan{}
	return p, json.Unmarshal(text, p)
}

// nodeInit is the body of the first process.
func nodeInit(runDir string) int {
	listener, report := inherited(fdListener, "listener"), reportTo(inherited(fdProgress, "progress"))
	owner := inherited(fdOwner, "owner")
	defer owner.Close()
	if n, err := inherited(fdGo, "go").Read(make([]byte, 1)); n != 1 {
		// up died before it wrote down that this process exists.
		fmt.Fprintln(os.Stderr, "node: no go from up:", err)
		return 1
	}
	p, err := readPlan(runDir)
	if err == nil {
		err = makeView(&p.Record)
	}
	if err != nil {
		report.failed("node", fmt.Errorf("make the node's view of the machine: %w", err))
		return 1
	}

	child, err := syscall.ForkExec(filepath.Join(runDir, "rig"), []string{"rig", verbNodeRun, runDir}, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2, fdListener, fdProgress},
	})
	if err != nil {
		report.failed("node", fmt.Errorf("start the node's supervisor: %w", err))
		return 1
	}
	_ = listener.Close()
	_ = report.file.Close()

	// Orphans of the whole node (container shims, most of all) become children of PID 1 and are reaped here.
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			fmt.Fprintln(os.Stderr, "node: wait:", err)
			return 1
		case pid == child:
			fmt.Fprintf(os.Stderr, "node: the supervisor ended: exit %d, signal %d\n", status.ExitStatus(), status.Signal())
			return 1
		}
	}
}

// inherited is an open file that the parent passed; programs started later do not get it.
func inherited(fd int, name string) *os.File {
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name)
}

// makeView mounts what the node sees differently from the machine.
func makeView(r *record) error {
	// Nothing mounted here reaches the machine; what the machine unmounts is unmounted here too.
	if err := syscall.Mount("", "/", "", syscall.MS_SLAVE|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := detachUnneeded(r); err != nil {
		return err
	}

	// The images may come from a directory that is about to be hidden.
	images := imagesInNode(r.RunDir)
	if err := os.MkdirAll(images, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount(r.Parts["images"], images, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount the images: %w", err)
	}
	state, err := os.Open(stateDir(r.Instance))
	if err != nil {
		return err
	}
	defer state.Close()
	for _, dir := range hiddenInNode {
		own := filepath.Join(r.RunDir, strings.ReplaceAll(dir[1:], "/", "-"))
		if err := os.MkdirAll(own, 0o755); err != nil {
			return err
		}
		if dir == "/run" {
			err = syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=755")
		} else {
			err = syscall.Mount(own, dir, "", syscall.MS_BIND, "")
		}
		if err != nil {
			return fmt.Errorf("mount the node's own %s: %w", dir, err)
		}
	}
	if err := os.Chmod("/tmp", 0o1777); err != nil {
		return err
	}
	// The directory with containerd's socket stays visible from both sides.
	if err := os.MkdirAll(stateDir(r.Instance), 0o755); err != nil {
		return err
	}
	if err := syscall.Mount(fmt.Sprintf("/proc/self/fd/%d", state.Fd()), stateDir(r.Instance), "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", stateDir(r.Instance), err)
	}

	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := maskSysctls(filepath.Join(r.RunDir, "sysctl")); err != nil {
		return err
	}

	// Kubelet and containerd want mounts to propagate between them and into containers.
	if err := syscall.Mount("", "/", "", syscall.MS_SHARED|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("make mounts shared: %w", err)
	}
	return syscall.Sethostname([]byte(nodeName))
}

// detachUnneeded lets go of the machine's mounts that the node has no use for: a copy here would keep a file system or
// a network namespace of somebody else in use.
func detachUnneeded(r *record) error {
	mounts, err := readMounts()
	if err != nil {
		return err
	}
	system := []string{"/dev", "/proc", "/sys", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/var"}
	used := []string{r.RunDir, stateDir(r.Instance)}
	for _, dir := range r.Parts {
		used = append(used, dir)
	}
	needed := func(point string) bool {
		inSystem := func(dir string) bool { return within(point, dir) }
		holdsUsed := func(dir string) bool { return within(dir, point) }
		return slices.ContainsFunc(system, inSystem) || slices.ContainsFunc(used, holdsUsed)
	}
	for _, m := range slices.Backward(mounts) {
		if needed(m.point) && m.fstype != "nsfs" {
			continue
		}
		if err := syscall.Unmount(m.point, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			return fmt.Errorf("detach %s: %w", m.point, err)
		}
	}
	return nil
}

// within says whether a path is a directory or lies below it.
func within(path, dir string) bool {
	return dir == "/" || path == dir || strings.HasPrefix(path, dir+"/")
}

func maskSysctls(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, wanted := range kubeletSysctls {
		real := filepath.Join("/proc/sys", name)
		text, err := os.ReadFile(real)
		if err != nil || strings.TrimSpace(string(text)) == wanted {
			continue
		}
		mask := filepath.Join(dir, strings.ReplaceAll(name, "/", "."))
		if err := os.WriteFile(mask, []byte(wanted+"\n"), 0o644); err != nil {
			return err
		}
		if err := syscall.Mount(mask, real, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("mask %s: %w", real, err)
		}
	}
	return nil
}

// reporter sends lines to up: "step TEXT", "ready", or "failed COMPONENT TEXT".
type reporter struct{ file io.WriteCloser }

func reportTo(file io.WriteCloser) reporter { return reporter{file} }

func (r reporter) line(format string, args ...any) {
	// When up is gone nobody reads: not an error of the node.
	_, _ = fmt.Fprintln(r.file, strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; "))
}

func (r reporter) step(format string, args ...any) { r.line("step "+format, args...) }

func (r reporter) failed(component string, err error) {
	fmt.Fprintf(os.Stderr, "node: %s: %v\n", component, err)
	r.line("failed %s %v", component, err)
}
