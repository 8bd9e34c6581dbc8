package main

// This file owns the small container engine of the tests: it unpacks images from
// a built archive and runs them with namespaces of their own, on the loopback of a
// network namespace that only the test process and its containers share. Nothing
// it does is visible outside of that process: mounts, the network and process
// identifiers die with it.
//
// The test binary plays three parts, told apart by its environment: the outer
// process makes the network namespace, the inner one runs the tests, and a third
// prepares a container's mounts before it becomes the program.

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

const (
	roleVariable = "MAIBOT_IMAGES_TEST_ROLE"
	specVariable = "MAIBOT_IMAGES_TEST_CONTAINER"
)

// unpacked maps image references to the archive's knowledge about them.
var unpacked = map[string]*unpackedImage{}

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "container":
		fmt.Fprintln(os.Stderr, "container:", becomeContainer())
		os.Exit(125)
	case "tests":
		if err := raiseLoopback(); err != nil {
			fmt.Fprintln(os.Stderr, "loopback of the network namespace:", err)
			os.Exit(1)
		}
		work, err := os.MkdirTemp("", "maibot-images-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		code := 1
		if err := unpackArchives(work); err != nil {
			fmt.Fprintln(os.Stderr, "unpacking the images:", err)
		} else {
			code = m.Run()
		}
		os.RemoveAll(work)
		os.Exit(code)
	}
	if os.Getuid() != 0 {
		fmt.Fprintln(os.Stderr, "these tests run images in namespaces of their own: they need root")
		os.Exit(1)
	}
	// Built out here: apt needs the machine's network.
	out, err := os.MkdirTemp("", "maibot-images-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := 1
	if _, err := build(out, ""); err != nil {
		fmt.Fprintln(os.Stderr, "building the images:", err)
	} else {
		inner := exec.Command("/proc/self/exe", os.Args[1:]...)
		inner.Env = append(os.Environ(), roleVariable+"=tests", "MAIBOT_IMAGES_TEST_ARCHIVES="+out)
		inner.Stdin, inner.Stdout, inner.Stderr = os.Stdin, os.Stdout, os.Stderr
		inner.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
		runtime.LockOSThread() // the death of this thread is what Pdeathsig looks at
		var exit *exec.ExitError
		switch err := inner.Run(); {
		case err == nil:
			code = 0
		case errors.As(err, &exit) && exit.ExitCode() > 0:
			code = exit.ExitCode()
		default:
			fmt.Fprintln(os.Stderr, "test process:", err)
		}
	}
	os.RemoveAll(out)
	os.Exit(code)
}

// raiseLoopback sets the interface lo up, which is down in a new namespace.
func raiseLoopback() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	request := struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP}
	copy(request.name[:], "lo")
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return errno
	}
	return nil
}

// unpackedImage is one image on disk.
type unpackedImage struct {
	layers []string // directories, from the bottom up
	config runConfig
}

func unpackArchives(work string) error {
	archives, err := filepath.Glob(filepath.Join(os.Getenv("MAIBOT_IMAGES_TEST_ARCHIVES"), "*.tar"))
	if err != nil {
		return err
	}
	for _, archive := range archives {
		files, err := readTar(archive)
		if err != nil {
			return err
		}
		var manifest []struct {
			Config   string
			RepoTags []string
			Layers   []string
		}
		if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil {
			return fmt.Errorf("%s: manifest.json: %w", archive, err)
		}
		for _, entry := range manifest {
			var config struct {
				Config runConfig `json:"config"`
			}
			if err := json.Unmarshal(files[entry.Config], &config); err != nil {
				return fmt.Errorf("%s: %s: %w", archive, entry.Config, err)
			}
			img := &unpackedImage{config: config.Config}
			for _, name := range entry.Layers {
				dir := filepath.Join(work, filepath.Dir(name))
				img.layers = append(img.layers, dir)
				if _, err := os.Stat(dir); err == nil {
					continue
				}
				if err := os.Mkdir(dir, 0o755); err != nil {
					return err
				}
				untar := exec.Command("tar", "-x", "-C", dir)
				untar.Stdin = bytes.NewReader(files[name])
				if out, err := untar.CombinedOutput(); err != nil {
					return fmt.Errorf("layer %s: %w: %s", name, err, out)
				}
			}
			for _, ref := range entry.RepoTags {
				unpacked[ref] = img
			}
		}
	}
	return nil
}

func readTar(file string) (map[string][]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	files := map[string][]byte{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			return nil, err
		}
	}
}

// bind mounts a host path into a container, as a volume or a subPath.
type bind struct {
	Host, Container string
	ReadOnly        bool
}

// containerSpec is what the process that becomes a container needs to know.
type containerSpec struct {
	Layers  []string
	Scratch string
	Binds   []bind
	Dir     string
	Command []string
	Env     []string
}

// becomeContainer mounts the container's file system and executes its program. It
// returns only when that fails.
func becomeContainer() error {
	var spec containerSpec
	if err := json.Unmarshal([]byte(os.Getenv(specVariable)), &spec); err != nil {
		return err
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := syscall.Mount("tmpfs", spec.Scratch, "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("scratch space: %w", err)
	}
	root, upper, overlayWork := filepath.Join(spec.Scratch, "root"), filepath.Join(spec.Scratch, "upper"), filepath.Join(spec.Scratch, "work")
	for _, dir := range []string{root, upper, overlayWork} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	lower := make([]string, 0, len(spec.Layers))
	for i := len(spec.Layers) - 1; i >= 0; i-- {
		lower = append(lower, spec.Layers[i])
	}
	options := "lowerdir=" + strings.Join(lower, ":") + ",upperdir=" + upper + ",workdir=" + overlayWork
	if err := syscall.Mount("overlay", root, "overlay", 0, options); err != nil {
		return fmt.Errorf("overlay of the layers: %w", err)
	}
	for _, dir := range []string{"proc", "dev"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	if err := syscall.Mount("proc", filepath.Join(root, "proc"), "proc", 0, ""); err != nil {
		return fmt.Errorf("proc: %w", err)
	}
	if err := syscall.Mount("/dev", filepath.Join(root, "dev"), "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	for _, b := range spec.Binds {
		target := filepath.Join(root, b.Container)
		info, err := os.Stat(b.Host)
		if err != nil {
			return err
		}
		if info.IsDir() {
			err = os.MkdirAll(target, 0o755)
		} else if err = os.MkdirAll(filepath.Dir(target), 0o755); err == nil {
			var f *os.File
			if f, err = os.OpenFile(target, os.O_CREATE, 0o644); err == nil {
				f.Close()
			}
		}
		if err != nil {
			return err
		}
		if err := syscall.Mount(b.Host, target, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", b.Container, err)
		}
		if b.ReadOnly {
			if err := syscall.Mount("", target, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				return fmt.Errorf("mount %s read-only: %w", b.Container, err)
			}
		}
	}
	if err := syscall.Chroot(root); err != nil {
		return err
	}
	if err := os.Chdir(spec.Dir); err != nil {
		return err
	}
	program := spec.Command[0]
	if !strings.Contains(program, "/") {
		program = ""
		for _, entry := range spec.Env {
			if list, ok := strings.CutPrefix(entry, "PATH="); ok {
				for _, dir := range strings.Split(list, ":") {
					if _, err := os.Stat(filepath.Join(dir, spec.Command[0])); err == nil && program == "" {
						program = filepath.Join(dir, spec.Command[0])
					}
				}
			}
		}
		if program == "" {
			return fmt.Errorf("%s is not on the PATH of the image", spec.Command[0])
		}
	}
	if err := syscall.Exec(program, spec.Command, spec.Env); err != nil {
		return fmt.Errorf("exec %s: %w", program, err)
	}
	return nil
}

// options describe a container to start.
type options struct {
	image   string
	command []string // instead of the image's
	env     []string
	binds   []bind
}

// container is a running container. Its output is kept whole.
type container struct {
	t      *testing.T
	cmd    *exec.Cmd
	output *lockedBuffer
	exited chan struct{}
}

type lockedBuffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

// start starts a container and kills what is left of it at the end of the test.
func start(t *testing.T, r options) *container {
	t.Helper()
	img, ok := unpacked[r.image]
	if !ok {
		t.Fatalf("no image %s was built", r.image)
	}
	command := r.command
	if command == nil {
		command = append(append([]string{}, img.config.Entrypoint...), img.config.Cmd...)
	}
	// What a kubelet and the DNS of a cluster would give, for a release "maimai".
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("127.0.0.1 localhost maimai-maibot-core maimai-maibot-adapter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	binds := append([]bind{{Host: hosts, Container: "/etc/hosts"}}, r.binds...)
	dir := img.config.WorkingDir
	if dir == "" {
		dir = "/"
	}
	spec, err := json.Marshal(containerSpec{
		Layers: img.layers, Scratch: t.TempDir(), Binds: binds, Dir: dir, Command: command,
		Env: append(append([]string{}, img.config.Env...), r.env...),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &container{t: t, output: &lockedBuffer{}, exited: make(chan struct{})}
	c.cmd = exec.Command("/proc/self/exe")
	c.cmd.Env = []string{roleVariable + "=container", specVariable + "=" + string(spec)}
	c.cmd.Stdout, c.cmd.Stderr = c.output, c.output
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.cmd.Wait() // the status is read from ProcessState
		close(c.exited)
	}()
	t.Cleanup(func() {
		select {
		case <-c.exited:
		default:
			_ = c.cmd.Process.Kill()
			<-c.exited
		}
		if t.Failed() {
			t.Logf("output of %s:\n%s", r.image, c.output)
		}
	})
	return c
}

// waitFor calls check until it says nil; after the time it fails the test with the
// last refusal.
func waitFor(t *testing.T, what string, limit time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %v", what, limit, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// says waits until the output contains a text.
func (c *container) says(text string) {
	c.t.Helper()
	waitFor(c.t, fmt.Sprintf("output %q", text), 20*time.Second, func() error {
		if strings.Contains(c.output.String(), text) {
			return nil
		}
		select {
		case <-c.exited:
			if !strings.Contains(c.output.String(), text) {
				c.t.Fatalf("ended (%v) without saying %q", c.cmd.ProcessState, text)
			}
			return nil
		default:
			return errors.New("not said yet")
		}
	})
}

// wait waits for the end and returns the exit status, 128+N for signal N.
func (c *container) wait(limit time.Duration) int {
	c.t.Helper()
	select {
	case <-c.exited:
	case <-time.After(limit):
		c.t.Fatalf("still runs after %s", limit)
	}
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		c.t.Fatal("no wait status")
	}
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

func (c *container) runs() bool {
	select {
	case <-c.exited:
		return false
	default:
		return true
	}
}

func (c *container) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// get fetches a page of a container, redirects not followed.
func get(url string) (status int, body string, header http.Header, err error) {
	client := &http.Client{
		Timeout:       5 * time.Second,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Get(url)
	if err != nil {
		return 0, "", nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(data), answer.Header, err
}

// eventually waits until a page answers with a status and returns its body.
func eventually(t *testing.T, url string, wanted int) string {
	t.Helper()
	var body string
	waitFor(t, url, 20*time.Second, func() error {
		status, text, _, err := get(url)
		if err != nil {
			return err
		}
		if status != wanted {
			return fmt.Errorf("status %d, wanted %d: %s", status, wanted, text)
		}
		body = text
		return nil
	})
	return body
}

// refused says whether nothing listens on a port.
func refused(port int) bool {
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(port), time.Second)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// waitClosed waits until the ports of the test before are free again.
func waitClosed(t *testing.T, ports ...int) {
	t.Helper()
	for _, port := range ports {
		waitFor(t, fmt.Sprintf("port %d free", port), 5*time.Second, func() error {
			if refused(port) {
				return nil
			}
			return errors.New("somebody listens")
		})
	}
}
