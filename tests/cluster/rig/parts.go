package main

// The parts of the cluster and how they are built into the cache: kubenode, Helm 3 and 4, CoreDNS, the local path
// provisioner, containerd and the images. Each part is a directory named after the part and a hash of everything that
// goes into it; it is built under a temporary name and renamed when complete, so a part that exists is whole.
// Versions and linker flags are facts of the upstream projects.

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	kubernetesVersion = "1.34.4" // of kubenode/go.mod
	helm3Version      = "3.21.4"
	helm4Version      = "4.2.4"
	moduleLine        = "module maibot.test/cluster"

	// keptVersions is how many versions of one part the cache keeps, the most recently used ones. More than one,
	// so that two checkouts of different age do not build in turns.
	keptVersions = 3
)

// parts are the directories of the built parts, by part name.
type parts map[string]string

func (p parts) kubectl() string { return filepath.Join(p["kubenode"], "kubectl") }
func (p parts) ctr() string     { return filepath.Join(p["containerd"], "usr/bin/ctr") }
func (p parts) helm(major int) string {
	return filepath.Join(p[fmt.Sprintf("helm%d", major)], "helm")
}

func (p parts) registry() string { return filepath.Join(p["registry"], "registry") }

// part is one thing to build.
type part struct {
	name string
	// key is everything that goes into the part, as text.
	key []string
	// build fills an empty directory.
	build func(ctx context.Context, dir string) error
}

func cacheDir() (string, error) {
	base, err := os.UserCacheDir() // XDG_CACHE_HOME, else ~/.cache
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "maibot-test-cluster"), nil
}

// prepare installs and builds whatever is missing and says where each part is.
func prepare(ctx context.Context, say progress) (parts, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	external := os.Getenv(envContext) != ""
	if !external {
		if err := checkMachine(cache); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lockFile(ctx, filepath.Join(cache, "prepare.lock"), func() {
		say.say("wait for another prepare to end")
	})
	if err != nil {
		return nil, err
	}
	defer unlock()
	if !external {
		if err := installPackages(ctx, say); err != nil {
			return nil, err
		}
	}
	list, err := partList(ctx, external)
	if err != nil {
		return nil, err
	}
	store := filepath.Join(cache, "parts")
	if err := os.MkdirAll(store, 0o755); err != nil {
		return nil, err
	}
	built := parts{}
	for _, p := range list {
		if built[p.name], err = ensurePart(ctx, say, store, p); err != nil {
			return nil, fmt.Errorf("part %s: %w", p.name, err)
		}
	}
	if dir := os.Getenv(envImages); dir != "" && !external {
		built["images"] = dir
	}
	return built, nil
}

// partList is every part in build order: the quick ones that a later one needs first, the longest build before the rest.
func partList(ctx context.Context, external bool) ([]part, error) {
	source, err := sourceDir()
	if err != nil {
		return nil, err
	}
	toolchain, err := goToolchain(ctx)
	if err != nil {
		return nil, err
	}

	const k8s = "k8s.io/component-base/version"
	kubenodeFlags := "-s -w -X " + k8s + ".gitVersion=v" + kubernetesVersion +
		" -X " + k8s + ".gitMajor=1 -X " + k8s + ".gitMinor=34 -X " + k8s + ".gitTreeState=clean"
	kubenodeSource, err := hashTree(filepath.Join(source, "kubenode"))
	if err != nil {
		return nil, err
	}
	kubenode := part{
		name: "kubenode",
		key:  append([]string{toolchain, kubenodeSource, kubenodeFlags}, goBuildFlags...),
		build: func(ctx context.Context, dir string) error {
			args := append([]string{"build", "-mod=readonly", "-buildvcs=false", "-o", filepath.Join(dir, "kubenode")}, goBuildFlags...)
			args = append(args, "-ldflags", kubenodeFlags, ".")
			if err := goCommand(ctx, filepath.Join(source, "kubenode"), nil, args...); err != nil {
				return err
			}
			return os.Symlink("kubenode", filepath.Join(dir, "kubectl"))
		},
	}

	helm4, helm3 := helmParts(toolchain)
	if external {
		return []part{kubenode, helm4, helm3}, nil
	}

	list := []part{containerdPart()}
	if os.Getenv(envImages) == "" {
		images := filepath.Join(source, "images")
		imagesSource, err := hashTree(images)
		if err != nil {
			return nil, err
		}
		list = append(list, part{
			name: "images",
			key:  []string{toolchain, imagesSource},
			build: func(ctx context.Context, dir string) error {
				return goCommand(ctx, source, nil, "run", "./images", "build", "--out", dir)
			},
		})
	}
	return append(list, kubenode, helm4, helm3,
		goInstall("coredns", toolchain, "github.com/coredns/coredns@v1.14.7", "-s -w"),
		goInstall("local-path-provisioner", toolchain, "github.com/rancher/local-path-provisioner@v0.0.30", "-s -w"),
	), nil
}

// helmParts are both Helms.
func helmParts(toolchain string) (four, three part) {
	// The version is what Helm's own release builds say. Helm 3 takes the Kubernetes version it renders for from these variables, which its Makefile sets to that of its
	// client libraries (0.36 here); without them it believes in 1.20.
	helm3Flags := "-s -w -X helm.sh/helm/v3/internal/version.version=v" + helm3Version
	for _, pkg := range []string{"helm.sh/helm/v3/pkg/chartutil", "helm.sh/helm/v3/pkg/lint/rules"} {
		helm3Flags += " -X " + pkg + ".k8sVersionMajor=1 -X " + pkg + ".k8sVersionMinor=36"
	}
	four = goInstall("helm4", toolchain, "helm.sh/helm/v4/cmd/helm@v"+helm4Version,
		"-s -w -X helm.sh/helm/v4/internal/version.version=v"+helm4Version)
	three = goInstall("helm3", toolchain, "helm.sh/helm/v3/cmd/helm@v"+helm3Version, helm3Flags)
	return four, three
}

// registryPart is the registry of the distribution project with what tests need.
func registryPart(source, toolchain string) (part, error) {
	folder := filepath.Join(source, "registry")
	sum, err := hashTree(folder)
	return part{
		name: "registry",
		key:  append([]string{toolchain, sum}, goBuildFlags...),
		build: func(ctx context.Context, dir string) error {
			args := append([]string{"build", "-mod=readonly", "-buildvcs=false", "-o", filepath.Join(dir, "registry")}, goBuildFlags...)
			return goCommand(ctx, folder, nil, append(args, "-ldflags", "-s -w", ".")...)
		},
	}, err
}

// prepareTools builds what is needed to test against registries: both Helms and a registry, and nothing of a cluster.
func prepareTools(ctx context.Context, say progress) (parts, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	store := filepath.Join(cache, "parts")
	if err := os.MkdirAll(store, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lockFile(ctx, filepath.Join(cache, "prepare.lock"), func() {
		say.say("wait for another prepare to end")
	})
	if err != nil {
		return nil, err
	}
	defer unlock()
	source, err := sourceDir()
	if err != nil {
		return nil, err
	}
	toolchain, err := goToolchain(ctx)
	if err != nil {
		return nil, err
	}
	registry, err := registryPart(source, toolchain)
	if err != nil {
		return nil, err
	}
	four, three := helmParts(toolchain)
	built := parts{}
	for _, p := range []part{registry, four, three} {
		if built[p.name], err = ensurePart(ctx, say, store, p); err != nil {
			return nil, fmt.Errorf("part %s: %w", p.name, err)
		}
	}
	return built, nil
}

// goToolchain names the compiler and what it compiles for.
func goToolchain(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOOS", "GOARCH").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	return string(out), nil
}

// containerdPart is Debian's container runtime, unpacked and not installed: no service starts, and an engine that the
// machine may have of another origin is not replaced.
func containerdPart() part {
	packages := []string{"containerd", "runc", "containernetworking-plugins"}
	return part{
		name: "containerd",
		key:  append([]string{"debian 12"}, packages...),
		build: func(ctx context.Context, dir string) error {
			return unpackDebianPackages(ctx, dir, packages...)
		},
	}
}

// goBuildFlags are for all Go parts. No debug information is kept, so the compiler need not make it; equal flags let the
// parts share the compiled standard library. Without cgo no C compiler is needed.
var goBuildFlags = []string{"-trimpath", "-gcflags=all=-dwarf=false"}

func goInstall(name, toolchain, module, ldflags string) part {
	return part{
		name: name,
		key:  append([]string{toolchain, module, ldflags}, goBuildFlags...),
		build: func(ctx context.Context, dir string) error {
			args := append([]string{"install"}, goBuildFlags...)
			args = append(args, "-ldflags", ldflags, module)
			return goCommand(ctx, dir, []string{"GOBIN=" + dir}, args...)
		},
	}
}

// goCommand runs the go command shielded from settings of the user that would change what is built.
func goCommand(ctx context.Context, dir string, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go %s: %w\n%s", args[0], err, tail(string(out), 30))
	}
	return nil
}

// ensurePart returns the directory of a part, building it if it is not there.
func ensurePart(ctx context.Context, say progress, store string, p part) (string, error) {
	sum := sha256.Sum256([]byte(strings.Join(p.key, "\x00")))
	dir := filepath.Join(store, p.name+"-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); err == nil {
		now := time.Now()
		return dir, os.Chtimes(dir, now, now) // recently used, for dropOldVersions
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}

	// The lock of prepare is held, so a temporary directory of this name is one that was given up.
	temp := dir + ".tmp"
	if err := os.RemoveAll(temp); err != nil {
		return "", err
	}
	if err := os.Mkdir(temp, 0o755); err != nil {
		return "", err
	}
	start := time.Now()
	say.say("build %s", p.name)
	if err := p.build(ctx, temp); err != nil {
		_ = os.RemoveAll(temp)
		return "", err
	}
	if err := os.Rename(temp, dir); err != nil {
		return "", err
	}
	say.say("built %s in %.1f s", p.name, time.Since(start).Seconds())
	return dir, dropOldVersions(store, p.name)
}

// dropOldVersions removes all but the most recently used versions of a part.
func dropOldVersions(store, name string) error {
	dirs, err := filepath.Glob(filepath.Join(store, name+"-????????????????"))
	if err != nil {
		return err
	}
	used := map[string]time.Time{}
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		used[dir] = info.ModTime()
	}
	slices.SortFunc(dirs, func(a, b string) int { return used[b].Compare(used[a]) })
	for _, dir := range dirs[min(keptVersions, len(dirs)):] {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// sourceDir finds the directory of this module, from the working directory upwards.
func sourceDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for start := dir; ; dir = filepath.Dir(dir) {
		for _, candidate := range []string{dir, filepath.Join(dir, "tests", "cluster")} {
			text, err := os.ReadFile(filepath.Join(candidate, "go.mod"))
			if err == nil && strings.HasPrefix(string(text), moduleLine+"\n") {
				return candidate, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("the sources of the test cluster are neither at nor above %s", start)
		}
	}
}

// hashTree is a hash over the names, modes and contents of all files below a directory but Go's tests.
func hashTree(root string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%q %o %d\n", name, info.Mode().Perm()&0o111, len(text))
		sum.Write(text)
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// tail is the last lines of a text.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
