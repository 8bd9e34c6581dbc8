package main

// This file owns the bottom layers, which are made of Debian packages. That of
// the Python stand-ins is Debian's own shell, text and file tools and Python, in
// the merged-/usr layout Debian uses: the real images are built on a slim Python
// image of Debian, which has these tools and no curl, wget, nc, ps, xz or zstd,
// and a helper pod made from the core image must find the same here. The other
// one is a static busybox.

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sort"
	"strings"
)

// debianPackages is the closed list the bottom layer is made of: the tools
// themselves, then the libraries they link to.
var debianPackages = []string{
	"bash", "coreutils", "dash", "findutils", "grep", "gzip", "mawk", "python3-minimal", "sed", "tar", "util-linux",
	"libpython3.11-minimal", "libpython3.11-stdlib", "python3.11-minimal",
	"libacl1", "libattr1", "libbz2-1.0", "libc6", "libcrypt1", "libexpat1", "libffi8", "libgcc-s1", "libgmp10", "liblzma5",
	"libpcre2-8-0", "libselinux1", "libsqlite3-0", "libssl3", "libtinfo6", "libuuid1", "zlib1g",
}

// keptOfPackage limits packages of which only single files are wanted: the rest
// of util-linux would need half a dozen more libraries.
var keptOfPackage = map[string][]string{
	"util-linux": {"usr/bin/flock"},
}

// droppedPrefixes are left out of the layer: documentation and parts of the
// standard library no stand-in can use in a container.
var droppedPrefixes = []string{
	"etc/", "usr/share/", "var/", "usr/lib/python3/dist-packages/debpython", "usr/lib/valgrind/",
	"usr/lib/python3.11/lib2to3/", "usr/lib/python3.11/pydoc_data/", "usr/lib/python3.11/idlelib/", "usr/lib/python3.11/turtle",
	"usr/lib/python3.11/config-", "usr/lib/python3.11/curses/", "usr/lib/python3.11/ensurepip/",
	"usr/lib/python3.11/dist-packages/", "usr/lib/python3.11/sitecustomize.py",
}

// mergedUsr are the top-level directories that Debian keeps as symbolic links
// into /usr.
var mergedUsr = []string{"bin", "lib", "lib32", "lib64", "libx32", "sbin"}

// fetchPackages downloads the named packages into dir with apt and returns the
// path of each. If the package lists of the machine are missing or stale, it
// refreshes them once.
func fetchPackages(dir string, names []string) (map[string]string, error) {
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%s is missing: the stand-in images are made of Debian packages, so Debian 12 is needed", tool)
		}
	}
	download := func() ([]byte, error) {
		// The sandbox user of apt may not write to our private directory.
		cmd := exec.Command("apt-get", append([]string{"-q", "-o", "APT::Sandbox::User=", "download"}, names...)...)
		cmd.Dir = dir
		return cmd.CombinedOutput()
	}
	out, err := download()
	if err != nil {
		if update, updateErr := exec.Command("apt-get", "-q", "update").CombinedOutput(); updateErr != nil {
			return nil, fmt.Errorf("apt-get update: %w\n%s", updateErr, update)
		}
		if out, err = download(); err != nil {
			return nil, fmt.Errorf("apt-get download: %w\n%s", err, out)
		}
	}
	found := map[string]string{}
	for _, name := range names {
		matches, err := filepath.Glob(filepath.Join(dir, name+"_*.deb"))
		if err != nil {
			return nil, err
		}
		if len(matches) != 1 {
			return nil, fmt.Errorf("apt-get download left %d files for package %s, wanted 1", len(matches), name)
		}
		found[name] = matches[0]
	}
	return found, nil
}

// readPackage returns the files of one package in merged-/usr layout.
func readPackage(file string) (tree, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("dpkg-deb", "--fsys-tarfile", file)
	cmd.Stderr = &stderr
	data, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("dpkg-deb %s: %w: %s", filepath.Base(file), err, stderr.String())
	}
	t := tree{}
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("package %s: %w", filepath.Base(file), err)
		}
		name := intoUsr(path.Clean(h.Name))
		switch h.Typeflag {
		case tar.TypeDir:
		case tar.TypeReg:
			content, err := io.ReadAll(r)
			if err != nil {
				return nil, fmt.Errorf("package %s: %s: %w", filepath.Base(file), h.Name, err)
			}
			t.file(name, content, fs.FileMode(h.Mode))
		case tar.TypeSymlink:
			t.symlink(name, intoUsrTarget(name, h.Linkname))
		case tar.TypeLink:
			target, ok := t[intoUsr(path.Clean(h.Linkname))]
			if !ok {
				return nil, fmt.Errorf("package %s: hard link %s to a file that is not there", filepath.Base(file), h.Name)
			}
			t[name] = target
		default:
			return nil, fmt.Errorf("package %s: %s has type %q, which no layer needs", filepath.Base(file), h.Name, h.Typeflag)
		}
	}
}

// intoUsr moves a path of the split layout (bin/sh) into the merged one
// (usr/bin/sh).
func intoUsr(name string) string {
	top, rest, found := strings.Cut(name, "/")
	if !found {
		return name
	}
	for _, dir := range mergedUsr {
		if top == dir {
			return "usr/" + dir + "/" + rest
		}
	}
	return name
}

// intoUsrTarget keeps a link's target right after its path moved: relative
// targets that leave the directory are made absolute.
func intoUsrTarget(name, target string) string {
	if path.IsAbs(target) || !strings.HasPrefix(target, "../") {
		return target
	}
	return "/" + intoUsr(path.Join(path.Dir(strings.TrimPrefix(name, "usr/")), target))
}

// debianBase builds the bottom layer. work is an empty directory for downloads
// and for the compilation of Python's modules.
func debianBase(work string) (layer, error) {
	debs, err := fetchPackages(work, debianPackages)
	if err != nil {
		return layer{}, err
	}
	base := tree{}
	for _, name := range debianPackages {
		files, err := readPackage(debs[name])
		if err != nil {
			return layer{}, err
		}
		for file, n := range files {
			if wanted(name, file) {
				base[file] = n
			}
		}
	}
	for _, dir := range mergedUsr {
		for name := range base {
			if strings.HasPrefix(name, "usr/"+dir+"/") {
				base.symlink(dir, "usr/"+dir)
				break
			}
		}
	}
	// What maintainer scripts of the packages would make.
	base.symlink("usr/bin/awk", "mawk")
	base.symlink("usr/bin/sh", "dash")
	// The name under which the real images know their interpreter.
	base.symlink("usr/local/bin/python", "/usr/bin/python3.11")
	base.symlink("usr/local/bin/python3", "/usr/bin/python3.11")
	base.file("etc/passwd", []byte("root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"), 0o644)
	base.file("etc/group", []byte("root:x:0:\nnogroup:x:65534:\n"), 0o644)
	base.file("etc/nsswitch.conf", []byte("passwd: files\ngroup: files\nhosts: files dns\n"), 0o644)
	base.dir("root", 0o700)
	base.dir("tmp", fs.ModeSticky|0o777)
	base.dir("var/tmp", fs.ModeSticky|0o777)
	base.dir("run", 0o755)
	base.dir("proc", 0o555)
	base.dir("sys", 0o555)
	base.dir("dev", 0o755)

	if err := compilePython(base, filepath.Join(work, "root")); err != nil {
		return layer{}, err
	}
	return base.pack()
}

func wanted(pkg, file string) bool {
	if only, limited := keptOfPackage[pkg]; limited {
		for _, keep := range only {
			if file == keep {
				return true
			}
		}
		return false
	}
	for _, prefix := range droppedPrefixes {
		if strings.HasPrefix(file, prefix) {
			return false
		}
	}
	// Character sets and vector mathematics: a quarter of the layer, below a
	// directory that is named after the architecture.
	return !strings.Contains(file, "/gconv/") && !strings.HasPrefix(path.Base(file), "libmvec.")
}

// compilePython adds the byte code of the standard library, as the real images
// have it: without it each start of a container would spend most of a second on
// compiling. It runs the very interpreter of the tree through its own dynamic
// loader, so neither a chroot nor Python on this machine is needed. Byte code
// is marked as never to be checked against its source, because a layer does not
// keep modification times.
func compilePython(t tree, root string) error {
	if err := t.unpack(root); err != nil {
		return err
	}
	var loader string
	libraries := map[string]bool{}
	for name := range t {
		dir, base := path.Split(name)
		if strings.HasPrefix(base, "ld-linux") && (loader == "" || strings.HasPrefix(name, "usr/lib64/")) {
			loader = name
		}
		if base == "libc.so.6" {
			libraries[filepath.Join(root, dir)] = true
		}
	}
	if loader == "" || len(libraries) == 0 {
		return errors.New("the C library of the Debian packages has no dynamic loader")
	}
	dirs := make([]string, 0, len(libraries))
	for dir := range libraries {
		dirs = append(dirs, dir)
	}
	sort.Strings(dirs)
	standardLibrary := filepath.Join(root, "usr/lib/python3.11")
	cmd := exec.Command(filepath.Join(root, loader), "--library-path", strings.Join(dirs, ":"), filepath.Join(root, "usr/bin/python3.11"),
		"-S", "-B", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", "-s", root, "-p", "/", standardLibrary)
	cmd.Env = []string{"PYTHONHOME=" + filepath.Join(root, "usr"), "PYTHONHASHSEED=0", "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling Python's standard library: %w\n%s", err, out)
	}
	return filepath.WalkDir(standardLibrary, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".pyc") {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		t.file(filepath.ToSlash(name), data, 0o644)
		return nil
	})
}

// unpack writes the tree below root.
func (t tree) unpack(root string) error {
	names := make([]string, 0, len(t))
	for name := range t {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		n, full := t[name], filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		var err error
		switch {
		case n.mode.IsDir():
			err = os.MkdirAll(full, 0o755)
		case n.mode&fs.ModeSymlink != 0:
			err = os.Symlink(n.link, full)
		default:
			err = os.WriteFile(full, n.data, n.mode.Perm())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// busyboxBase is a file system of one static busybox under the names of all its
// applets.
func busyboxBase(work string) (layer, error) {
	debs, err := fetchPackages(work, []string{"busybox-static"})
	if err != nil {
		return layer{}, err
	}
	files, err := readPackage(debs["busybox-static"])
	if err != nil {
		return layer{}, err
	}
	program, ok := files["usr/bin/busybox"]
	if !ok {
		return layer{}, errors.New("package busybox-static holds no busybox")
	}
	local := filepath.Join(work, "busybox")
	if err := os.WriteFile(local, program.data, 0o755); err != nil {
		return layer{}, err
	}
	names, err := exec.Command(local, "--list").Output()
	if err != nil {
		return layer{}, fmt.Errorf("busybox --list: %w", err)
	}
	t := tree{}
	t.file("bin/busybox", program.data, 0o755)
	for _, name := range strings.Fields(string(names)) {
		if name != "busybox" {
			t.symlink("bin/"+name, "busybox")
		}
	}
	t.file("etc/passwd", []byte("root:x:0:0:root:/:/bin/sh\n"), 0o644)
	t.file("etc/group", []byte("root:x:0:\n"), 0o644)
	t.dir("tmp", fs.ModeSticky|0o777)
	return t.pack()
}
