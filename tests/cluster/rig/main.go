// Command rig starts and stops the test cluster: a real one-node Kubernetes that lives in namespaces of its own.
//
// This file owns the verbs, their flags and exit codes. The parts (what is built and installed) are in parts.go and
// machine.go, the life of a cluster in up.go, down.go and record.go, the inside of the node in node_*.go.
//
// Exit codes: 0 done; 1 failed, or not in the wanted state; 2 wrong usage; 3 this machine cannot do it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

const usage = `usage: rig [-instance NAME] VERB

  prepare     install and build what the cluster is made of, into the user's cache directory
  up          prepare, then start the cluster; the last line on stdout is the path of its kubeconfig
  down        stop the cluster and show that nothing of it is left
  status      say whether the cluster runs and is healthy
  kubeconfig  print the path of the kubeconfig of the running cluster
  env         print KEY=value lines for tests, starting the cluster if none runs
  tools       print KEY=value lines about both Helms and the OCI registry; builds them, needs no cluster and no root
  load FILE…  import docker-archive images into the running cluster
  selftest    kill clusters in the middle and show that up recovers and that down leaves nothing

MAIBOT_TEST_CONTEXT=NAME makes up and env use that context of the kubeconfig instead of a cluster of their own.
MAIBOT_TEST_IMAGES=DIR makes up import the *.tar files of that directory instead of building the images.
`

// errUsage marks a wrong command line, errMachine a machine that lacks what the cluster needs.
var (
	errUsage   = errors.New("wrong usage")
	errMachine = errors.New("this machine cannot run the test cluster")
)

// instanceName is what -instance accepts: it becomes part of a link name (15 bytes at most) and of directory names.
var instanceName = regexp.MustCompile(`^[a-z][a-z0-9]{0,8}$`)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	// The verbs that the rig starts itself with, inside the node's namespaces. They parse nothing.
	if len(args) == 2 {
		switch args[0] {
		case verbNodeInit:
			return nodeInit(args[1])
		case verbNodeRun:
			return nodeRun(args[1])
		case verbSelftestInside:
			return exitCode(selftestInside(args[1]))
		}
	}

	flags := flag.NewFlagSet("rig", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	instance := flags.String("instance", "main", "name of the cluster on this machine")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if !instanceName.MatchString(*instance) {
		fmt.Fprintln(os.Stderr, "rig: an instance name is up to nine lower-case letters and digits, a letter first")
		return 2
	}
	verb, rest := flags.Arg(0), flags.Args()
	if len(rest) > 0 {
		rest = rest[1:]
	}
	if len(rest) > 0 && verb != "load" {
		fmt.Fprintf(os.Stderr, "rig: %s takes no arguments\n", verb)
		return 2
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	say := newProgress()
	var err error
	switch verb {
	case "prepare":
		_, err = prepare(ctx, say)
	case "up":
		err = verbUp(ctx, say, *instance)
	case "down":
		err = verbDown(say, *instance)
	case "status":
		err = verbStatus(*instance)
	case "kubeconfig":
		err = verbKubeconfig(*instance)
	case "env":
		err = verbEnv(ctx, say, *instance)
	case "tools":
		err = verbTools(ctx, say)
	case "load":
		err = verbLoad(*instance, rest)
	case "selftest":
		err = verbSelftest(ctx, say)
	default:
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	return exitCode(err)
}

func exitCode(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "rig:", err)
	switch {
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, errMachine):
		return 3
	}
	return 1
}

// progress prints what is being done on stderr, with the seconds since the verb began.
type progress struct{ start time.Time }

func newProgress() progress { return progress{start: time.Now()} }

func (p progress) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%7.1f s  %s\n", time.Since(p.start).Seconds(), fmt.Sprintf(format, args...))
}
