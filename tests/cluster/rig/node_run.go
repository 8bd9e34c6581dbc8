package main

// The supervisor, second process of the node: it sets up the network, starts the components in the order of their
// needs, tells up how far it is, and then lets the machine in to the API server. When a component ends the supervisor
// ends too, and with it the whole node: a half cluster would make tests fail in puzzling ways.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// startTimeout bounds the start as a whole; a busy machine of two cores stays far below it.
const startTimeout = 180 * time.Second

// nodeRun is the body of the supervisor.
func nodeRun(runDir string) int {
	// The first process passes standard streams, then the listener and the progress pipe.
	listenerFile, report := inherited(3, "listener"), reportTo(inherited(4, "progress"))
	p, err := readPlan(runDir)
	if err != nil {
		report.failed("node", err)
		return 1
	}
	listener, err := net.FileListener(listenerFile)
	if err != nil {
		report.failed("node", err)
		return 1
	}
	n := &node{plan: p, record: &p.Record, report: report, ended: make(chan ending, 32)}
	ctx, cancel := context.WithTimeoutCause(context.Background(), startTimeout,
		fmt.Errorf("not ready after %v", startTimeout))
	defer cancel()

	started := make(chan error, 1)
	go func() { started <- n.start(ctx) }()
	go forward(listener, apiServerInNode)
	select {
	case err = <-started:
	case end := <-n.ended:
		err = end
	}
	if err != nil {
		var end ending
		if errors.As(err, &end) {
			report.failed(end.component, end)
		} else {
			report.failed(n.waitingFor(), err)
		}
		return 1
	}
	report.line("ready")
	_ = report.file.Close()

	end := <-n.ended
	fmt.Fprintf(os.Stderr, "node: %s: %v, so the node ends\n", end.component, end)
	return 1
}

// node is the running node as its supervisor knows it.
type node struct {
	plan   *plan
	record *record
	report reporter
	ended  chan ending

	mutex sync.Mutex
	wait  string
}

// ending is the unwanted end of a component.
type ending struct {
	component string
	err       error
}

func (e ending) Error() string {
	if e.err == nil {
		return "ended by itself"
	}
	return "ended: " + e.err.Error()
}

// waitFor names the component whose log explains a start that does not come to its end.
func (n *node) waitFor(component string) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.wait = component
}

func (n *node) waitingFor() string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return n.wait
}

// run starts a component in the background, its output in its own log file.
func (n *node) run(name, program string, args []string, env ...string) error {
	log, err := os.Create(filepath.Join(n.record.logDir(), name+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	go func() { n.ended <- ending{name, cmd.Wait()} }()
	return nil
}

// start brings the node from nothing to ready.
func (n *node) start(ctx context.Context) error {
	n.waitFor("node")
	if err := n.setUpNetwork(ctx); err != nil {
		return err
	}
	if err := n.writeConfiguration(); err != nil {
		return err
	}
	for _, name := range []string{"etcd", "kube-apiserver", "containerd"} {
		if err := n.runComponent(name); err != nil {
			return err
		}
	}

	// The images go in while the API server starts: one reads, the other computes.
	imported := make(chan error, 1)
	go func() { imported <- n.importImages(ctx) }()

	n.waitFor("kube-apiserver")
	client, err := newAPI("https://"+apiServerInNode, n.path("pki/ca.crt"), n.plan.Tokens["admin"])
	if err != nil {
		return err
	}
	if err := poll(ctx, func() error { return client.get(ctx, "/readyz", nil) }); err != nil {
		return err
	}
	n.report.step("API server ready")
	for _, name := range []string{"kube-controller-manager", "kube-scheduler"} {
		if err := n.runComponent(name); err != nil {
			return err
		}
	}
	if err := n.createObjects(ctx, client); err != nil {
		return err
	}
	n.waitFor("containerd")
	if err := <-imported; err != nil {
		return err
	}
	for _, name := range []string{"kubelet", "kube-proxy", "coredns", "local-path-provisioner"} {
		if err := n.runComponent(name); err != nil {
			return err
		}
	}
	for _, wanted := range []struct {
		component, step string
		check           func(context.Context, *api) error
	}{
		{"kubelet", "node ready", nodeReady},
		{"kube-controller-manager", "node open for pods", nodeSchedulable},
		{"kube-controller-manager", "service account made", defaultServiceAccount},
		{"kube-proxy", "services routed", func(ctx context.Context, _ *api) error { return httpOK(ctx, "http://127.0.0.1:10256/healthz") }},
		{"coredns", "DNS answers", func(ctx context.Context, _ *api) error { return httpOK(ctx, "http://"+n.record.NodeIP+":8181/ready") }},
	} {
		n.waitFor(wanted.component)
		if err := poll(ctx, func() error { return wanted.check(ctx, client) }); err != nil {
			return err
		}
		n.report.step("%s", wanted.step)
	}
	return nil
}

// importImages waits for containerd and imports every image archive.
func (n *node) importImages(ctx context.Context) error {
	ctr := func(args ...string) error {
		return importCommand(ctx, n.record, args...)
	}
	if err := poll(ctx, func() error { return ctr("version") }); err != nil {
		return err
	}
	files, err := imageFiles(imagesInNode(n.record.RunDir))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := ctr("images", "import", file); err != nil {
			return fmt.Errorf("import %s: %w", filepath.Base(file), err)
		}
	}
	n.report.step("%d image archives imported", len(files))
	return nil
}

// importCommand runs containerd's client in the namespace of Kubernetes' images.
func importCommand(ctx context.Context, r *record, args ...string) error {
	args = append([]string{"--address", r.containerd(), "--namespace", "k8s.io"}, args...)
	out, err := exec.CommandContext(ctx, parts(r.Parts).ctr(), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, tail(string(out), 3))
	}
	return nil
}

func imageFiles(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.tar"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no image archives in %s", dir)
	}
	return files, err
}

// poll tries until it succeeds or the context ends; the error then holds the last reason.
func poll(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// forward carries the machine's connections to an address in the node. The listener was opened by up outside: a socket
// belongs to the network namespace it was made in.
func forward(listener net.Listener, address string) {
	for {
		outside, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "node: accept:", err)
			return
		}
		go func() {
			defer outside.Close()
			inside, err := net.Dial("tcp", address)
			if err != nil {
				return // the client sees its connection closed, as from a server that does not run yet
			}
			defer inside.Close()
			var both sync.WaitGroup
			for _, way := range [][2]net.Conn{{outside, inside}, {inside, outside}} {
				both.Add(1)
				go func() {
					defer both.Done()
					_, _ = io.Copy(way[0], way[1])
					_ = way[0].(*net.TCPConn).CloseWrite()
				}()
			}
			both.Wait()
		}()
	}
}
