package main

// The rig's test of itself: clusters that are killed in every way, and what is left of them. It runs in network and
// mount namespaces of its own, where nobody else changes links and firewall rules, so the comparison before and after
// may be exact; the cluster is an instance of its own, so the one that is in use is not disturbed.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	verbSelftestInside = "selftest-inside"
	selftestInstance   = "selftest"
	foreignLink        = "foreign0"
	foreignRule        = "INPUT -s 203.0.113.7/32 -j DROP"
)

// verbSelftest starts the test in its namespaces.
func verbSelftest(ctx context.Context, say progress) error {
	if _, err := prepare(ctx, say); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", verbSelftestInside, selftestInstance)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	return cmd.Run()
}

// selftest is the state of a running test.
type selftest struct {
	instance string
	before   snapshot
	stderr   string // of the last rig command
}

func selftestInside(instance string) (err error) {
	t := &selftest{instance: instance}
	if err := syscall.Mount("", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""); err != nil {
		return err
	}
	// What other people may have on a machine and must find again.
	for _, args := range []string{
		"ip link set lo up", "ip link add " + foreignLink + " type bridge",
		"iptables -A " + foreignRule, "iptables -t nat -N FOREIGN",
	} {
		program, rest, _ := strings.Cut(args, " ")
		if err := command(program, rest); err != nil {
			return err
		}
	}
	if _, err := t.rig("down"); err != nil {
		return fmt.Errorf("remove the cluster of an earlier test: %w", err)
	}
	if t.before, err = takeSnapshot(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = t.rig("down")
		}
	}()
	for _, test := range []struct {
		name string
		run  func() error
	}{
		{"up starts a cluster in which pods, volumes, names and services work and nothing outside is reached", t.upServesPods},
		{"up does nothing when the cluster is healthy", t.upIsIdempotent},
		{"the death of a component ends the whole node, and up starts anew", t.componentKilled},
		{"the death of the first process ends the whole node, and up starts anew", t.firstProcessKilled},
		{"a second up waits for the first and finds its cluster", t.twoUps},
		{"down leaves nothing", t.downLeavesNothing},
		{"down without a cluster succeeds", t.downTwice},
		{"up killed at any moment leaves nothing that the next up or down cannot handle", t.upKilled},
		{"a recorded process number that somebody else has now is not signalled", t.recycledNumber},
		{"a start that fails says why and leaves nothing", t.failedStart},
	} {
		start := time.Now()
		if err := test.run(); err != nil {
			fmt.Printf("FAIL %5.1f s  %s\n", time.Since(start).Seconds(), test.name)
			return fmt.Errorf("%s: %w\n%s", test.name, err, tail(t.stderr, 20))
		}
		fmt.Printf("ok   %5.1f s  %s\n", time.Since(start).Seconds(), test.name)
	}
	return nil
}

// command is this program with a verb, for the test's instance.
func (t *selftest) command(verb string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", "-instance", t.instance, verb)
	cmd.Env = append(os.Environ(), envContext+"=")
	return cmd
}

// rig runs a verb to its end and returns its standard output.
func (t *selftest) rig(verb string) (string, error) {
	cmd := t.command(verb)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	t.stderr = stderr.String()
	if err != nil {
		err = fmt.Errorf("rig %s: %w: %s", verb, err, tail(t.stderr, 3))
	}
	return stdout.String(), err
}

// up starts or finds the cluster and returns its record.
func (t *selftest) up() (*record, error) {
	out, err := t.rig("up")
	if err != nil {
		return nil, err
	}
	r, err := readRecord(t.instance)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, errors.New("up succeeded and no cluster is recorded")
	}
	if got := tail(out, 1); got != r.kubeconfig() {
		return nil, fmt.Errorf("up's last line is %q, not the kubeconfig %s", got, r.kubeconfig())
	}
	if err := health(context.Background(), r); err != nil {
		return nil, fmt.Errorf("up succeeded and the cluster is not healthy: %w", err)
	}
	return r, nil
}

// kubectl runs kubectl against the cluster.
func (t *selftest) kubectl(r *record, input string, args ...string) (string, error) {
	cmd := exec.Command(parts(r.Parts).kubectl(), append([]string{"--kubeconfig", r.kubeconfig()}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("kubectl %s: %w: %s", args[0], err, out)
	}
	return string(out), err
}

// podChecks runs in a pod. Every check raises an exception when it fails.
const podChecks = `
import json, os, socket, ssl, sys, urllib.request
account = "/var/run/secrets/kubernetes.io/serviceaccount/"
open("/data/written", "w").write("by the pod")
name = "kubernetes.default.svc.cluster.local"
assert socket.gethostbyname(name) == "10.96.0.1", "wrong address"
tls = ssl.create_default_context(cafile=account + "ca.crt")
request = urllib.request.Request("https://" + name + "/version", headers={"Authorization": "Bearer " + open(account + "token").read()})
assert json.load(urllib.request.urlopen(request, context=tls, timeout=10))["gitVersion"].startswith("v1.34."), "wrong version"
try:
    socket.getaddrinfo("outside.example", 80)
    sys.exit("a name outside was resolved")
except socket.gaierror:
    pass
for address in (("198.51.100.1", 80), (os.environ["HOST_IP"], int(os.environ["HOST_PORT"]))):
    try:
        socket.create_connection(address, timeout=5)
        sys.exit("reached %s" % (address,))
    except TimeoutError:
        sys.exit("no refusal from %s" % (address,))
    except OSError as refusal:
        print("refused:", address, refusal)
print("pod checks passed")
`

const checkPod = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: {name: data}
  spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: checks}
  data: {checks.py: %q}
- apiVersion: v1
  kind: Pod
  metadata: {name: checks}
  spec:
    restartPolicy: Never
    containers:
    - name: checks
      image: sengokucola/maibot:0.12.2
      imagePullPolicy: IfNotPresent
      command: [python3, /checks/checks.py]
      env: [{name: HOST_IP, value: %q}, {name: HOST_PORT, value: "%d"}]
      volumeMounts: [{name: data, mountPath: /data}, {name: checks, mountPath: /checks}]
    volumes: [{name: data, persistentVolumeClaim: {claimName: data}}, {name: checks, configMap: {name: checks}}]
`

func (t *selftest) upServesPods() error {
	r, err := t.up()
	if err != nil {
		return err
	}
	if err := t.checkPods(r); err != nil {
		return err
	}
	return checkAudit(r)
}

// checkAudit looks whether requests can be counted by program: one line for each, when it was answered.
func checkAudit(r *record) error {
	text, err := os.ReadFile(r.auditLog())
	if err != nil {
		return err
	}
	deletions := 0
	for line := range strings.Lines(string(text)) {
		var event struct {
			Stage, Verb, UserAgent string
			ObjectRef              struct{ Resource, Name string }
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			return fmt.Errorf("the audit log: %w", err)
		}
		if event.Stage != "ResponseComplete" {
			return fmt.Errorf("the audit log has a line of stage %s", event.Stage)
		}
		if event.Verb == "delete" && event.ObjectRef.Name == "checks" && event.ObjectRef.Resource == "pods" &&
			strings.HasPrefix(event.UserAgent, "kubectl/") {
			deletions++
		}
	}
	if deletions != 1 {
		return fmt.Errorf("the audit log has %d deletions of the pod by kubectl, not 1", deletions)
	}
	return nil
}

// checkPods runs the checks in a pod and removes it.
func (t *selftest) checkPods(r *record) error {
	listener, err := net.Listen("tcp", r.HostIP+":0")
	if err != nil {
		return err
	}
	defer listener.Close()
	yaml := fmt.Sprintf(checkPod, podChecks, r.HostIP, listener.Addr().(*net.TCPAddr).Port)
	if _, err := t.kubectl(r, yaml, "apply", "-f", "-"); err != nil {
		return err
	}
	_, waited := t.kubectl(r, "", "wait", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s", "pod/checks")
	logs, err := t.kubectl(r, "", "logs", "checks")
	if waited != nil || err != nil || !strings.Contains(logs, "pod checks passed") {
		return fmt.Errorf("the checks in the pod: %w: %s", errors.Join(waited, err, errors.New("not passed")), logs)
	}
	files, err := filepath.Glob(filepath.Join(r.volumes(), "*_default_data", "written"))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("the pod's file is not in %s: %v %v", r.volumes(), files, err)
	}
	_, err = t.kubectl(r, yaml, "delete", "--wait", "--timeout=60s", "-f", "-")
	return err
}

func (t *selftest) upIsIdempotent() error {
	first, err := readRecord(t.instance)
	if err != nil {
		return err
	}
	again, err := t.up()
	if err != nil {
		return err
	}
	if again.PID != first.PID || again.Start != first.Start {
		return fmt.Errorf("another node runs: %d, then %d", first.PID, again.PID)
	}
	return nil
}

// killIn kills processes of the node by name and waits until the node's PID namespace is empty.
func (t *selftest) killIn(r *record, name string) error {
	pinned, err := r.pin()
	if err != nil || pinned == nil {
		return fmt.Errorf("the node is not alive: %w", err)
	}
	defer pinned.Close()
	killed := 0
	for pid, is := range processesIn(r.PIDNS) {
		if is == name {
			killed++
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				return err
			}
		}
	}
	if killed != 1 {
		return fmt.Errorf("%d processes %s in the node: %v", killed, name, processesIn(r.PIDNS))
	}
	for range 100 {
		if len(processesIn(r.PIDNS)) == 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("still running 5 s after %s was killed: %v", name, processesIn(r.PIDNS))
}

func (t *selftest) killAndUp(name string) error {
	before, err := readRecord(t.instance)
	if err != nil {
		return err
	}
	// A pod runs while it happens, so containers and their mounts are part of what must go.
	if _, err := t.kubectl(before, "", "run", "sleeper", "--image="+pauseImage, "--image-pull-policy=IfNotPresent"); err != nil {
		return err
	}
	if _, err := t.kubectl(before, "", "wait", "--for=condition=Ready", "--timeout=60s", "pod/sleeper"); err != nil {
		return err
	}
	if err := t.killIn(before, name); err != nil {
		return err
	}
	if _, err := t.rig("status"); err == nil {
		return errors.New("status succeeds while the cluster is dead")
	}
	after, err := t.up()
	if err != nil {
		return err
	}
	if after.PID == before.PID && after.Start == before.Start {
		return errors.New("up did not start a new node")
	}
	return t.checkPods(after)
}

func (t *selftest) componentKilled() error    { return t.killAndUp("kube-apiserver") }
func (t *selftest) firstProcessKilled() error { return t.killAndUp(verbNodeInit) }

func (t *selftest) twoUps() error {
	if _, err := t.rig("down"); err != nil {
		return err
	}
	first := t.command("up")
	if err := first.Start(); err != nil {
		return err
	}
	second, err := t.up()
	if err := errors.Join(first.Wait(), err); err != nil {
		return err
	}
	now, err := t.up()
	if err != nil || now.PID != second.PID || now.Start != second.Start {
		return fmt.Errorf("the two did not share a node: %w", err)
	}
	return nil
}

func (t *selftest) downLeavesNothing() error {
	r, err := readRecord(t.instance)
	if err != nil {
		return err
	}
	if _, err := t.kubectl(r, "", "run", "sleeper", "--image="+pauseImage, "--image-pull-policy=IfNotPresent"); err != nil {
		return err
	}
	if _, err := t.kubectl(r, "", "wait", "--for=condition=Ready", "--timeout=60s", "pod/sleeper"); err != nil {
		return err
	}
	pinned, err := r.pin()
	if err != nil || pinned == nil {
		return fmt.Errorf("the node is not alive: %w", err)
	}
	defer pinned.Close()
	if _, err := t.rig("down"); err != nil {
		return err
	}
	if running := processesIn(r.PIDNS); len(running) > 0 {
		return fmt.Errorf("still running: %s", describeProcesses(running))
	}
	return t.nothingLeft(r)
}

// nothingLeft compares the machine exactly with what it was before the first cluster.
func (t *selftest) nothingLeft(r *record) error {
	now, err := takeSnapshot()
	if err != nil {
		return err
	}
	for _, kept := range []struct{ subject, line string }{{"link", foreignLink}, {"iptables-save", "-A " + foreignRule}} {
		if !slices.Contains(now[kept.subject], kept.line) {
			return fmt.Errorf("somebody else's %s %s is gone: %v", kept.subject, kept.line, now[kept.subject])
		}
	}
	changes := now.since(t.before)
	entries, err := os.ReadDir(r.RunDir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() != "log" {
			changes = append(changes, "+ file "+filepath.Join(r.RunDir, entry.Name()))
		}
	}
	if _, err := os.Stat(stateDir(t.instance)); err == nil {
		changes = append(changes, "+ file "+stateDir(t.instance))
	}
	if len(changes) > 0 {
		return fmt.Errorf("left behind:\n  %s", strings.Join(changes, "\n  "))
	}
	return nil
}

func (t *selftest) downTwice() error {
	_, err := t.rig("down")
	return err
}

// upKilled kills up at moments spread over its whole run, and lets the next verb, up and down in turn, clean up.
func (t *selftest) upKilled() error {
	for i, after := range []time.Duration{50, 100, 150, 200, 300, 500, 1000, 2000, 3000} {
		cmd := t.command("up")
		if err := cmd.Start(); err != nil {
			return err
		}
		time.Sleep(after * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		_ = cmd.Wait()
		if i%3 == 2 {
			if _, err := t.up(); err != nil {
				return fmt.Errorf("up after an up that was killed after %d ms: %w", after, err)
			}
		}
		r, err := readRecord(t.instance)
		if err != nil {
			return err
		}
		if r == nil {
			if err := t.noNode(); err != nil {
				return fmt.Errorf("an up that was killed after %d ms: %w", after, err)
			}
		}
		if _, err := t.rig("down"); err != nil {
			return fmt.Errorf("down after an up that was killed after %d ms: %w", after, err)
		}
		if r == nil {
			continue // killed before the node existed; files of it are the next up's to replace
		}
		if err := t.nothingLeft(r); err != nil {
			return fmt.Errorf("down after an up that was killed after %d ms: %w", after, err)
		}
	}
	return nil
}

// noNode waits for the end of a first process that got no go-ahead.
func (t *selftest) noNode() error {
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	wanted := verbNodeInit + "\x00" + filepath.Join(cache, "run", t.instance) + "\x00"
	var running []string
	for range 40 {
		running = nil
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && strings.HasSuffix(string(text), wanted) {
				running = append(running, filepath.Dir(file))
			}
		}
		if len(running) == 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("a node runs that is not recorded: %v", running)
}

func (t *selftest) recycledNumber() error {
	r, err := t.up()
	if err != nil {
		return err
	}
	if _, err := t.rig("down"); err != nil {
		return err
	}
	bystander := exec.Command("sleep", "60")
	if err := bystander.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- bystander.Wait() }()
	defer bystander.Process.Kill()

	r.PID = bystander.Process.Pid
	if err := os.MkdirAll(stateDir(t.instance), 0o755); err != nil {
		return err
	}
	if err := r.write(); err != nil {
		return err
	}
	if _, err := t.rig("down"); err != nil {
		return err
	}
	select {
	case err := <-ended:
		return fmt.Errorf("the bystander ended: %w", err)
	case <-time.After(200 * time.Millisecond):
	}
	return t.nothingLeft(r)
}

func (t *selftest) failedStart() error {
	dir, err := os.MkdirTemp("", "rig-selftest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "broken.tar"), []byte("no archive"), 0o644); err != nil {
		return err
	}
	cmd := t.command("up")
	cmd.Env = append(cmd.Env, envImages+"="+dir)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		return fmt.Errorf("up with a broken image: %v, not exit code 1: %s", err, out)
	}
	for _, wanted := range []string{"import broken.tar", "the end of containerd.log"} {
		if !strings.Contains(string(out), wanted) {
			return fmt.Errorf("up with a broken image does not say %q: %s", wanted, out)
		}
	}
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	return t.nothingLeft(&record{RunDir: filepath.Join(cache, "run", t.instance)})
}
