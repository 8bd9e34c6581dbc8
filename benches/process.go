package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Run is one process from start to end.
type Run struct {
	Started time.Time
	Wall    time.Duration
	// CPU is user and system time together.
	CPU time.Duration
	// PeakRSS is the largest resident size in bytes; 0 if it was not asked for.
	PeakRSS int64
	Exit    int
}

// Command is a process to start.
type Command struct {
	Program     string
	Arguments   []string
	Environment []string
	Folder      string
	Stdout      *os.File
	Stderr      *os.File
}

func (c *Command) start(traced bool) (*os.Process, time.Time, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer null.Close()
	files := []*os.File{null, null, null}
	if c.Stdout != nil {
		files[1] = c.Stdout
	}
	if c.Stderr != nil {
		files[2] = c.Stderr
	}
	started := time.Now()
	process, err := os.StartProcess(c.Program, append([]string{c.Program}, c.Arguments...), &os.ProcAttr{
		Dir: c.Folder, Env: c.Environment, Files: files, Sys: &syscall.SysProcAttr{Ptrace: traced},
	})
	return process, started, err
}

// timed runs a process with nothing that could slow it down.
func (c *Command) timed() (Run, error) {
	process, started, err := c.start(false)
	if err != nil {
		return Run{}, err
	}
	state, err := process.Wait()
	if err != nil {
		return Run{}, err
	}
	wall := time.Since(started)
	return Run{Started: started, Wall: wall, CPU: state.UserTime() + state.SystemTime(), Exit: state.ExitCode()}, nil
}

// PTRACE_O_TRACEEXIT makes the kernel stop a traced process when it ends, while its memory is still there;
// PTRACE_O_TRACEEXEC keeps it from sending SIGTRAP at every exec (linux/ptrace.h).
const (
	traceExec = 0x10
	traceExit = 0x40
	eventExec = 4
	eventExit = 6
)

// weighed runs a process and reads the high-water mark of its resident size at its end.
//
// The maximum that wait4 reports will not do for small programs: between fork and exec a child has its parent's
// memory, and the kernel counts that in. So the process is stopped at its end and asked itself (VmHWM). It stops
// nowhere else but at signals to its first thread; that is too little to matter for a run of seconds, and short runs
// are timed apart.
func (c *Command) weighed() (Run, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	process, started, err := c.start(true)
	if err != nil {
		return Run{}, err
	}
	defer process.Release() //nolint:errcheck // the process has been waited for
	run := Run{Started: started}
	first := true
	for {
		var status syscall.WaitStatus
		var usage syscall.Rusage
		if _, err := syscall.Wait4(process.Pid, &status, syscall.WALL, &usage); err == syscall.EINTR {
			continue
		} else if err != nil {
			return Run{}, fmt.Errorf("waiting for %s: %w", c.Program, err)
		}
		switch {
		case status.Exited() || status.Signaled():
			run.Wall = time.Since(started)
			run.CPU = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
			run.Exit = -1
			if status.Exited() {
				run.Exit = status.ExitStatus()
			}
			if run.PeakRSS == 0 {
				return Run{}, fmt.Errorf("%s ended without having been stopped for its memory", c.Program)
			}
			return run, nil
		case status.Stopped():
			signal := int(status.StopSignal())
			switch {
			case first:
				// The stop at exec.
				first, signal = false, 0
				if err := syscall.PtraceSetOptions(process.Pid, traceExec|traceExit); err != nil {
					return Run{}, err
				}
			case status.TrapCause() == eventExec:
				signal = 0
			case status.TrapCause() == eventExit:
				signal = 0
				if run.PeakRSS, err = highWaterMark(process.Pid); err != nil {
					return Run{}, err
				}
			}
			if err := syscall.PtraceCont(process.Pid, signal); err != nil && err != syscall.ESRCH {
				return Run{}, err
			}
		}
	}
}

// highWaterMark reads VmHWM, in bytes.
func highWaterMark(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("no VmHWM of process %d", pid)
}

// POSIX_FADV_DONTNEED of linux/fadvise.h.
const notNeeded = 4

// evict takes a file out of the page cache. How a program got there decides how many of its pages are mapped at one
// access, and thereby its resident size: five megabytes more or less for the same program. After this, each is read
// again by running it, all in the same way.
func evict(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	// What has not been written to the disk stays in the cache.
	if err := file.Sync(); err != nil {
		return err
	}
	if _, _, failure := syscall.Syscall6(syscall.SYS_FADVISE64, file.Fd(), 0, 0, notNeeded, 0, 0); failure != 0 {
		return fmt.Errorf("taking %s out of the page cache: %w", path, failure)
	}
	return nil
}
