package main

// What the machine itself must offer: root, Debian 12, namespaces, and a few Debian packages that are tools only.
// Everything with a service of its own (containerd) is unpacked into the cache instead of installed: see parts.go.

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// debianPackages are installed when missing: the tools that the node calls by name, and busybox for the images.
// None of them brings a service, so nothing has to be kept from starting.
var debianPackages = []string{"iproute2", "iptables", "conntrack", "busybox-static"}

// checkMachine says in one sentence what this machine lacks to run the cluster.
func checkMachine(cacheDir string) error {
	var missing []string
	if runtime.GOOS != "linux" {
		return fmt.Errorf("%w: it needs Linux, this is %s", errMachine, runtime.GOOS)
	}
	if id, version := osRelease(); id != "debian" || version != "12" {
		missing = append(missing, fmt.Sprintf("Debian 12 (this is %s %s)", id, version))
	}
	for _, tool := range []string{"go", "apt-get", "dpkg-deb", "dpkg-query"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, "the command "+tool)
		}
	}
	if os.Geteuid() != 0 {
		missing = append(missing, fmt.Sprintf("root (this is user %d)", os.Geteuid()))
	} else if err := tryNamespaces(); err != nil {
		missing = append(missing, fmt.Sprintf("leave to make namespaces (%v)", err))
	}
	for _, hidden := range hiddenInNode {
		if cacheDir == hidden || strings.HasPrefix(cacheDir, hidden+"/") {
			missing = append(missing, fmt.Sprintf("a cache directory outside %s (it is %s)", hidden, cacheDir))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: it needs %s", errMachine, strings.Join(missing, ", "))
	}
	return nil
}

func osRelease() (id, version string) {
	file, err := os.Open("/etc/os-release")
	if err != nil {
		return "an unknown system", ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			id = value
		case "VERSION_ID":
			version = value
		}
	}
	return id, version
}

func tryNamespaces() error {
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: nodeNamespaces}
	return cmd.Run()
}

// installPackages installs those of debianPackages that are not there.
func installPackages(ctx context.Context, say progress) error {
	var missing []string
	for _, name := range debianPackages {
		out, _ := exec.CommandContext(ctx, "dpkg-query", "-W", "-f=${db:Status-Status}", name).Output()
		if string(out) != "installed" {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	say.say("install Debian packages: %s", strings.Join(missing, " "))
	args := append([]string{"install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"}, missing...)
	return aptGet(ctx, "", args...)
}

// aptGet runs apt-get, and when that fails (package lists absent or too old) once more after an update.
func aptGet(ctx context.Context, dir string, args ...string) error {
	once := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if _, err := once(args...); err == nil {
		return nil
	}
	if out, err := once("update", "-o", "DPkg::Lock::Timeout=300"); err != nil {
		return fmt.Errorf("apt-get update: %w\n%s", err, out)
	}
	if out, err := once(args...); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// unpackDebianPackages downloads packages and unpacks their files below dir, without installing anything.
func unpackDebianPackages(ctx context.Context, dir string, names ...string) error {
	downloads := filepath.Join(dir, "deb")
	if err := os.Mkdir(downloads, 0o755); err != nil {
		return err
	}
	if err := aptGet(ctx, downloads, append([]string{"download"}, names...)...); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(downloads, "*.deb"))
	if err != nil {
		return err
	}
	if len(files) != len(names) {
		return fmt.Errorf("apt-get download: wanted %d packages, found %d files", len(names), len(files))
	}
	for _, file := range files {
		if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", file, dir).CombinedOutput(); err != nil {
			return fmt.Errorf("unpack %s: %w\n%s", filepath.Base(file), err, out)
		}
	}
	return os.RemoveAll(downloads)
}
