// Command kubenode is the server side of the test cluster in one binary: etcd, the Kubernetes control plane, the node
// agents and kubectl. The first argument, or the name it is called by through a symlink, says which one to be.
//
// It owns the choice of the component and nothing else: every flag and every behaviour is upstream's. One binary shares
// one copy of the libraries, so it builds in about the time of its largest part. The versions are those of go.mod; the
// version strings that kubelet and kubectl compare are set by the linker (see the rig's build step).
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubeapiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	kubecontrollermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kubeproxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	kubescheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	// Registrations that upstream's own main packages make by import.
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// components are the commands made with cobra; etcd parses its own arguments.
var components = map[string]func() *cobra.Command{
	"kube-apiserver":          kubeapiserver.NewAPIServerCommand,
	"kube-controller-manager": kubecontrollermanager.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return kubescheduler.NewSchedulerCommand() },
	"kube-proxy":              kubeproxy.NewProxyCommand,
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
	"kubectl":                 func() *cobra.Command { return kubectl.NewDefaultKubectlCommand() },
}

func known(name string) bool {
	_, ok := components[name]
	return ok || name == "etcd"
}

func main() {
	args := os.Args
	if !known(filepath.Base(args[0])) {
		args = args[1:]
	}
	if len(args) == 0 || !known(filepath.Base(args[0])) {
		names := append(slices.Sorted(maps.Keys(components)), "etcd")
		fmt.Fprintf(os.Stderr, "usage: kubenode COMPONENT [ARGUMENT...]; components: %s\n", strings.Join(names, ", "))
		os.Exit(2)
	}
	name := filepath.Base(args[0])
	os.Args = args
	if name == "etcd" {
		etcdmain.Main(args)
		return
	}
	os.Exit(cli.Run(components[name]()))
}
