package main

// The verbs that tell about a cluster: status, kubeconfig, env, load.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

var errNotRunning = errors.New("no cluster runs; start one with up")

func runningRecord(instance string) (*record, error) {
	r, err := readRecord(instance)
	if err == nil && (r == nil || !r.alive()) {
		err = errNotRunning
	}
	return r, err
}

func verbKubeconfig(instance string) error {
	r, err := runningRecord(instance)
	if err == nil {
		fmt.Println(r.kubeconfig())
	}
	return err
}

func verbStatus(instance string) error {
	r, err := readRecord(instance)
	if err != nil {
		return err
	}
	if r == nil {
		return errNotRunning
	}
	sick := health(context.Background(), r)
	fmt.Printf("kubeconfig  %s\nserver      %s\nnode        %s (%s)\nlogs        %s\n", r.kubeconfig(), r.Server, nodeName, r.NodeIP, r.logDir())
	if r.alive() {
		fmt.Printf("processes   %s\n", describeProcesses(processesIn(r.PIDNS)))
	}
	if sick != nil {
		return fmt.Errorf("the cluster is not healthy: %w", sick)
	}
	fmt.Println("state       healthy")
	return nil
}

func describeProcesses(processes map[int]string) string {
	var list []string
	for pid, name := range processes {
		list = append(list, fmt.Sprintf("%s=%d", name, pid))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// externalKubeconfig is the file that kubectl would use.
func externalKubeconfig() string {
	if path := os.Getenv("KUBECONFIG"); path != "" {
		return path
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".kube", "config")
}

// verbEnv prints what tests need to know. With a context named by the user it describes that cluster, about which the
// audit log, the node's address and the container runtime are not known.
func verbEnv(ctx context.Context, say progress, instance string) error {
	line := func(key, value string) { fmt.Printf("%s=%s\n", key, value) }
	cluster, err := prepare(ctx, say)
	if err != nil {
		return err
	}
	// No part of the cluster: a cluster that was started without it is not of other parts.
	tools, err := prepareTools(ctx, say)
	if err != nil {
		return err
	}
	dirs := maps.Clone(cluster)
	maps.Copy(dirs, tools)
	if name := os.Getenv(envContext); name != "" {
		check := exec.CommandContext(ctx, dirs.kubectl(), "config", "get-contexts", name, "--output=name")
		if out, err := check.CombinedOutput(); err != nil {
			return fmt.Errorf("%s=%s: %s", envContext, name, strings.TrimSpace(string(out)))
		}
		fmt.Fprintf(os.Stderr, "rig: %s is set: using context %s, starting nothing\n", envContext, name)
		line("KUBECONFIG", externalKubeconfig())
		line(envContext, name)
		printTools(line, dirs)
		return nil
	}
	r, err := ensureUp(ctx, say, instance, cluster, false)
	if err != nil {
		return err
	}
	line("KUBECONFIG", r.kubeconfig())
	printTools(line, dirs)
	line("MAIBOT_TEST_AUDIT_LOG", r.auditLog())
	line("MAIBOT_TEST_NODE_IP", r.NodeIP)
	line("MAIBOT_TEST_VOLUMES", r.volumes())
	line("MAIBOT_TEST_LOGS", r.logDir())
	line("MAIBOT_TEST_CTR", parts(r.Parts).ctr())
	line("MAIBOT_TEST_CONTAINERD", r.containerd())
	return nil
}

// verbTools prints what tests need that talk to registries and to no cluster.
func verbTools(ctx context.Context, say progress) error {
	dirs, err := prepareTools(ctx, say)
	if err != nil {
		return err
	}
	for _, line := range [][2]string{
		{"MAIBOT_TEST_HELM3", dirs.helm(3)},
		{"MAIBOT_TEST_HELM4", dirs.helm(4)},
		{"MAIBOT_TEST_REGISTRY", dirs.registry()},
	} {
		fmt.Printf("%s=%s\n", line[0], line[1])
	}
	return nil
}

func printTools(line func(key, value string), dirs parts) {
	line("MAIBOT_TEST_HELM3", dirs.helm(3))
	line("MAIBOT_TEST_HELM4", dirs.helm(4))
	line("MAIBOT_TEST_KUBECTL", dirs.kubectl())
	line("MAIBOT_TEST_REGISTRY", dirs.registry())
}

func verbLoad(instance string, files []string) error {
	if len(files) == 0 {
		return fmt.Errorf("%w: load needs a file", errUsage)
	}
	r, err := runningRecord(instance)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	return importFiles(ctx, r, files)
}
