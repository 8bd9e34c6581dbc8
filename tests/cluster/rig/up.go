package main

// The verbs that start a cluster or use a running one.

import (
	"bufio"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	envContext = "MAIBOT_TEST_CONTEXT"
	envImages  = "MAIBOT_TEST_IMAGES"
)

// shapeSources are the files that decide what a cluster is like; their hash is one of the cluster's parts, so a cluster
// started by an older rig is told from one that this rig would start.
//
//go:embed node_*.go pki.go
var shapeSources embed.FS

// verbUp starts the cluster, or does nothing if the one that runs is healthy and of the same parts.
func verbUp(ctx context.Context, say progress, instance string) error {
	if name := os.Getenv(envContext); name != "" {
		fmt.Fprintf(os.Stderr, "rig: %s is set: using context %s, starting nothing\n", envContext, name)
		fmt.Println(externalKubeconfig())
		return nil
	}
	dirs, err := prepare(ctx, say)
	if err != nil {
		return err
	}
	r, err := ensureUp(ctx, say, instance, dirs, true)
	if err != nil {
		return err
	}
	fmt.Println(r.kubeconfig())
	return nil
}

// ensureUp returns a healthy cluster. With replace, one of other parts is replaced; without, it is taken as it is.
func ensureUp(ctx context.Context, say progress, instance string, dirs parts, replace bool) (*record, error) {
	var err error
	if dirs["shape"], err = shape(); err != nil {
		return nil, err
	}
	images, err := imagesHash(dirs["images"])
	if err != nil {
		return nil, err
	}
	unlock, err := lockInstance(ctx, say, instance)
	if err != nil {
		return nil, err
	}
	defer unlock()

	r, err := readRecord(instance)
	if err != nil {
		return nil, err
	}
	if r != nil {
		switch sick := health(ctx, r); {
		case sick != nil:
			say.say("a cluster is recorded but not healthy (%v): removing it", sick)
		case !sameParts(r.Parts, dirs) && replace:
			say.say("the running cluster is of other parts: replacing it")
		case r.Images != images && (replace || sameParts(r.Parts, dirs)):
			say.say("the running cluster has other images: importing these")
			if err := importInto(ctx, r, dirs["images"]); err != nil {
				return nil, err
			}
			r.Images = images
			r.Parts["images"] = dirs["images"]
			return r, r.write()
		default:
			if !sameParts(r.Parts, dirs) {
				say.say("the running cluster is of other parts; used as it is (up would replace it)")
			}
			say.say("the cluster runs")
			return r, nil
		}
		if err := remove(say, r); err != nil {
			return nil, err
		}
	}
	r, err = start(ctx, say, instance, dirs)
	if err != nil {
		return nil, err
	}
	r.Images = images
	return r, r.write()
}

// sameParts compares the parts that run. Images can be imported into a running cluster, and Helm is a tool beside it.
func sameParts(a, b parts) bool {
	a, b = maps.Clone(a), maps.Clone(b)
	for _, other := range []string{"images", "helm3", "helm4"} {
		delete(a, other)
		delete(b, other)
	}
	return maps.Equal(a, b)
}

func shape() (string, error) {
	sum := sha256.New()
	entries, err := shapeSources.ReadDir(".")
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		text, err := shapeSources.ReadFile(entry.Name())
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n%s", entry.Name(), len(text), text)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// imagesHash tells sets of archives apart by names, sizes and times, without reading gigabytes.
func imagesHash(dir string) (string, error) {
	files, err := imageFiles(dir)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d %d\n", file, info.Size(), info.ModTime().UnixNano())
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// health says what is wrong with a recorded cluster, nil if nothing is.
func health(ctx context.Context, r *record) error {
	if !r.alive() {
		return fmt.Errorf("its first process, %d, is gone", r.PID)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, errors.New("no good answer for 10 s"))
	defer cancel()
	api, err := adminAPI(r)
	if err != nil {
		return err
	}
	return poll(ctx, func() error {
		if !r.alive() {
			return errors.New("its first process has just ended")
		}
		if err := api.get(ctx, "/readyz", nil); err != nil {
			return err
		}
		return nodeReady(ctx, api)
	})
}

// adminAPI is a client with the rights of the kubeconfig's user.
func adminAPI(r *record) (*api, error) {
	p, err := readPlan(r.RunDir)
	if err != nil {
		return nil, err
	}
	return newAPI(r.Server, filepath.Join(r.RunDir, "pki", "ca.crt"), p.Tokens["admin"])
}

// start starts a cluster where none is recorded, and on failure shows why and removes what it began.
func start(ctx context.Context, say progress, instance string, dirs parts) (*record, error) {
	r, listener, owner, err := lay(instance, dirs)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	defer owner.Close()
	say.say("start the node: %s, node address %s", r.Server, r.NodeIP)

	failed := func(component string, err error) error {
		text, _ := os.ReadFile(filepath.Join(r.logDir(), component+".log"))
		fmt.Fprintf(os.Stderr, "--- the end of %s.log ---\n%s\n---\n", component, tail(string(text), 25))
		err = fmt.Errorf("the cluster did not start: %s: %w (logs: %s)", component, err, r.logDir())
		return errors.Join(err, remove(say, r))
	}
	progressRead, err := startNode(r, listener, owner)
	if err != nil {
		return nil, failed("node", err)
	}
	defer progressRead.Close()
	stop := context.AfterFunc(ctx, func() { progressRead.SetReadDeadline(time.Now()) })
	defer stop()

	for lines := bufio.NewScanner(progressRead); lines.Scan(); {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "step":
			say.say("%s", rest)
		case "ready":
			say.say("the cluster is up")
			return r, nil
		case "failed":
			component, text, _ := strings.Cut(rest, " ")
			return nil, failed(component, errors.New(text))
		}
	}
	if ctx.Err() != nil {
		return nil, failed("node", errors.New("interrupted"))
	}
	return nil, failed("node", errors.New("the node ended without a word"))
}

// lay prepares directories, addresses, keys and the plan of a new cluster. Nothing runs yet.
func lay(instance string, dirs parts) (r *record, listener, owner *os.File, err error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, nil, nil, err
	}
	r = &record{Instance: instance, RunDir: filepath.Join(cache, "run", instance), Boot: bootID(),
		Link: "mbtest" + instance, Cgroup: "maibot-test-" + instance, Parts: dirs}
	if err := os.MkdirAll(stateDir(instance), 0o755); err != nil {
		return nil, nil, nil, err
	}
	owner, err = os.OpenFile(filepath.Join(stateDir(instance), "owner.lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() {
		if err != nil {
			owner.Close()
		}
	}()
	if err := syscall.Flock(int(owner.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, nil, nil, fmt.Errorf("a node without a record holds %s (see /proc/locks): %w", owner.Name(), err)
	}
	if r.Before, err = takeSnapshot(); err != nil {
		return nil, nil, nil, err
	}
	host, node, err := freeLinkAddresses()
	if err != nil {
		return nil, nil, nil, err
	}
	r.HostIP, r.NodeIP = host.String(), node.String()

	if err := removeTree(r.RunDir); err != nil {
		return nil, nil, nil, err
	}
	if err := os.MkdirAll(r.logDir(), 0o755); err != nil {
		return nil, nil, nil, err
	}
	tokens, err := makePKI(filepath.Join(r.RunDir, "pki"), r.NodeIP)
	if err != nil {
		return nil, nil, nil, err
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, nil, err
	}
	defer socket.Close()
	r.Server = "https://" + socket.Addr().String()
	if listener, err = socket.(*net.TCPListener).File(); err != nil {
		return nil, nil, nil, err
	}
	text, err := json.Marshal(plan{Record: *r, Tokens: tokens})
	if err != nil {
		return nil, nil, nil, err
	}
	if err := os.WriteFile(planPath(r.RunDir), text, 0o600); err != nil {
		return nil, nil, nil, err
	}
	kubeconfig := kubeconfigText(r.Server, filepath.Join(r.RunDir, "pki", "ca.crt"), tokens["admin"])
	return r, listener, owner, os.WriteFile(r.kubeconfig(), []byte(kubeconfig), 0o600)
}

// startNode starts the node's first process in new namespaces, writes the record, connects the network and lets the
// process go on. Until it gets the go-ahead the process does nothing, and without it ends: there is never a node that
// runs and is not recorded.
func startNode(r *record, listener, owner *os.File) (*os.File, error) {
	// The caller may have left files open, such as a pipe that it reads to its end: the node must not keep them.
	const closeRange, closeRangeCloexec = 436, 4 // close_range(2), as amd64 and arm64 number it
	if _, _, errno := syscall.Syscall(closeRange, 3, uintptr(^uint32(0)), closeRangeCloexec); errno != 0 {
		return nil, fmt.Errorf("close_range: %w", errno)
	}
	program := filepath.Join(r.RunDir, "rig")
	if err := copyExecutable(program); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(r.logDir(), "node.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	progressRead, progressWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer progressWrite.Close()
	goRead, goWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer goRead.Close()
	defer goWrite.Close()

	runtime := r.Parts["containerd"]
	cmd := exec.Command(program, verbNodeInit, r.RunDir)
	cmd.Dir = "/"
	cmd.Env = []string{"HOME=" + r.RunDir, "LC_ALL=C.UTF-8", "PATH=" + strings.Join([]string{
		filepath.Join(runtime, "usr/bin"), filepath.Join(runtime, "usr/sbin"),
		"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}, ":")}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{listener, owner, progressWrite, goRead} // fdListener and so on
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: nodeNamespaces}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go cmd.Wait()

	r.PID = cmd.Process.Pid
	if r.Start, _, err = processStart(r.PID); err != nil {
		return nil, err
	}
	if r.PIDNS, err = pidNamespace(r.PID); err != nil {
		return nil, err
	}
	if err := r.write(); err != nil {
		return nil, err
	}
	if err := makeCgroups(r.Cgroup); err != nil {
		return nil, err
	}
	if err := connectNode(r); err != nil {
		return nil, err
	}
	_, err = goWrite.Write([]byte{1})
	return progressRead, err
}

// copyExecutable copies this program, which may be a temporary file of `go run`.
func copyExecutable(path string) error {
	text, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o755)
}

func importInto(ctx context.Context, r *record, dir string) error {
	files, err := imageFiles(dir)
	if err != nil {
		return err
	}
	return importFiles(ctx, r, files)
}

func importFiles(ctx context.Context, r *record, files []string) error {
	for _, file := range files {
		if err := importCommand(ctx, r, "images", "import", file); err != nil {
			return fmt.Errorf("import %s: %w", file, err)
		}
	}
	return nil
}
