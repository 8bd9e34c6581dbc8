package main

// The components of the node: their command lines and configuration files. The flags' meanings are upstream's; a
// comment stands where a value is there because of this kind of node (no PKI for clients, a small machine, an old
// kernel interface, nothing reachable outside).

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Users of the API server, by the name of the kubeconfig that holds their token. Names and groups are those that
// Kubernetes' own RBAC rules are written for.
var apiUsers = map[string]struct{ user, group string }{
	"admin":                   {"admin", "system:masters"},
	"kube-controller-manager": {"system:kube-controller-manager", ""},
	"kube-scheduler":          {"system:kube-scheduler", ""},
	"kubelet":                 {"system:node:" + nodeName, "system:nodes"},
	"kube-proxy":              {"system:kube-proxy", ""},
	"coredns":                 {"test-cluster:coredns", "system:masters"},
	"local-path-provisioner":  {"test-cluster:local-path-provisioner", "system:masters"},
}

const helperImage, pauseImage = "docker.io/library/busybox:latest", "test.local/pause:1"

func (n *node) path(name string) string { return filepath.Join(n.record.RunDir, name) }

func (n *node) kubeconfig(user string) string { return n.path("config/" + user + ".kubeconfig") }

// runComponent starts one of the components by name.
func (n *node) runComponent(name string) error {
	r, dirs := n.record, parts(n.record.Parts)
	kubenode := func(args ...string) error {
		return n.run(name, filepath.Join(dirs["kubenode"], "kubenode"), append([]string{name}, args...))
	}
	kubeconfig := "--kubeconfig=" + n.kubeconfig(name)
	switch name {
	case "etcd":
		return kubenode(
			"--name="+nodeName, "--data-dir=/var/lib/etcd", "--unsafe-no-fsync", // the data dies with the cluster
			"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
			"--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380",
			"--initial-cluster="+nodeName+"=http://127.0.0.1:2380", "--log-level=warn")
	case "kube-apiserver":
		return kubenode(
			"--etcd-servers=http://127.0.0.1:2379",
			"--bind-address=0.0.0.0", "--secure-port=6443", "--advertise-address="+r.NodeIP,
			"--tls-cert-file="+n.path("pki/apiserver.crt"), "--tls-private-key-file="+n.path("pki/apiserver.key"),
			"--token-auth-file="+n.path("pki/tokens.csv"), "--authorization-mode=Node,RBAC",
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-key-file="+n.path("pki/service-account.key"),
			"--service-account-signing-key-file="+n.path("pki/service-account.key"),
			"--service-cluster-ip-range="+serviceNetwork, "--allow-privileged=true",
			// The node's name is in no DNS: logs and exec must take its address.
			"--kubelet-preferred-address-types=InternalIP",
			"--audit-policy-file="+n.path("config/audit-policy.yaml"), "--audit-log-path="+r.auditLog(),
			"--audit-log-maxsize=100000") // megabytes; tests count lines, so the file must not be rotated away
	case "kube-controller-manager":
		// At the usual 20 requests a second its own start takes five seconds.
		return kubenode(kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1",
			"--kube-api-qps=300", "--kube-api-burst=400",
			"--use-service-account-credentials", "--root-ca-file="+n.path("pki/ca.crt"),
			"--service-account-private-key-file="+n.path("pki/service-account.key"),
			"--cluster-signing-cert-file="+n.path("pki/ca.crt"), "--cluster-signing-key-file="+n.path("pki/ca.key"))
	case "kube-scheduler":
		return kubenode(kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1")
	case "kubelet":
		return kubenode(kubeconfig, "--config="+n.path("config/kubelet.yaml"),
			"--hostname-override="+nodeName, "--node-ip="+r.NodeIP)
	case "kube-proxy":
		return kubenode(kubeconfig, "--hostname-override="+nodeName, "--cluster-cidr="+podNetwork,
			"--proxy-mode=iptables", "--healthz-bind-address=127.0.0.1:10256",
			"--conntrack-max-per-core=0") // the limit belongs to the machine
	case "containerd":
		proxy := "http://" + closedPortInNode
		return n.run(name, filepath.Join(dirs["containerd"], "usr/bin/containerd"),
			[]string{"--config", n.path("config/containerd.toml")},
			// A missing image fails at once, without a look-up of a name.
			"HTTP_PROXY="+proxy, "HTTPS_PROXY="+proxy)
	case "coredns":
		return n.run(name, filepath.Join(dirs[name], name), []string{"-conf", n.path("config/Corefile")})
	case "local-path-provisioner":
		return n.run(name, filepath.Join(dirs[name], name), []string{"start", kubeconfig, "--config", n.path("config/local-path.json"), "--namespace", localPathNamespace,
			"--service-account-name", localPathAccount, "--configmap-name", localPathConfigMap,
			"--helper-image", helperImage, "--helper-pod-file", n.path("config/helper-pod.yaml")})
	}
	return fmt.Errorf("there is no component %s", name)
}

// writeConfiguration writes the files that the command lines name.
func (n *node) writeConfiguration() error {
	files := map[string]string{
		"audit-policy.yaml":    auditPolicy,
		"resolv.conf":          "# pods that do not want the cluster's DNS have none\n",
		"kubelet.yaml":         fmt.Sprintf(kubeletConfig, dnsServiceIP, n.record.containerd(), n.path("config/resolv.conf"), n.record.Cgroup),
		"containerd.toml":      fmt.Sprintf(containerdConfig, n.record.containerd(), pauseImage, parts(n.record.Parts)["containerd"], n.path("config/cni")),
		"cni/10-pods.conflist": fmt.Sprintf(cniConfig, podNetwork),
		"Corefile":             fmt.Sprintf(corefile, n.record.NodeIP, n.kubeconfig("coredns")),
		"local-path.json":      localPathConfig,
		"helper-pod.yaml":      helperPod,
	}
	for user := range apiUsers {
		files[user+".kubeconfig"] = kubeconfigText("https://"+apiServerInNode, n.path("pki/ca.crt"), n.plan.Tokens[user])
	}
	for name, text := range files {
		file := n.path("config/" + name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := os.MkdirAll("/var/lib/"+volumesBelowVarLib, 0o755); err != nil {
		return err
	}
	// Kubelet's accounting looks for containerd at its default address only.
	if err := os.MkdirAll("/run/containerd", 0o711); err != nil {
		return err
	}
	return os.Symlink(n.record.containerd(), "/run/containerd/containerd.sock")
}

// contextName is the name of cluster, user and context in every kubeconfig that the rig writes.
const contextName = "maibot-test"

func kubeconfigText(server, caFile, token string) string {
	return strings.NewReplacer("SERVER", server, "CA_FILE", caFile, "TOKEN", token, "NAME", contextName).Replace(`apiVersion: v1
kind: Config
clusters: [{name: NAME, cluster: {server: "SERVER", certificate-authority: "CA_FILE"}}]
users: [{name: NAME, user: {token: "TOKEN"}}]
contexts: [{name: NAME, context: {cluster: NAME, user: NAME}}]
current-context: NAME
`)
}

// One line per answered request, without bodies: who asked, with which program, for what, and the answer's code.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata}]
`

// The kubelet lets everybody in: it listens on addresses of this machine only. Images are never collected, because they
// cannot be pulled again; a full disk of the machine must not evict pods.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
failSwapOn: false
failCgroupV1: false
clusterDNS: [%s]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://%s
resolvConf: %s
cgroupRoot: /%s
volumePluginDir: /var/lib/kubelet/volume-plugins
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {nodefs.available: "1%%", imagefs.available: "1%%", nodefs.inodesFree: "1%%", memory.available: "100Mi"}
`

// Without CAP_SYS_RESOURCE runc may not lower oom_score_adj and dies when asked to: hence restrict_oom_score_adj.
const containerdConfig = `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "%[1]s"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "%[2]s"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "%[3]s/usr/sbin/runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "%[3]s/usr/lib/cni"
    conf_dir = "%[4]s"
`

// Pods hang on point-to-point links and everything between them is routed, so the rules that rewrite service addresses
// see every packet, which a bridge does only with a setting of the kernel that not every machine has.
const cniConfig = `{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipMasq": false,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "%s"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
`

// Names of the cluster are answered, every other name does not exist: nothing is asked outside.
const corefile = `cluster.local:53 in-addr.arpa:53 {
    bind %[1]s
    errors
    kubernetes cluster.local in-addr.arpa {
        kubeconfig %[2]s ` + contextName + `
        ttl 5
    }
}
.:53 {
    bind %[1]s
    errors
    ready %[1]s:8181
    template ANY ANY . {
        rcode NXDOMAIN
    }
}
`

const localPathConfig = `{"nodePathMap": [{"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": ["/var/lib/` + volumesBelowVarLib + `"]}]}
`

const helperPod = `apiVersion: v1
kind: Pod
metadata: {name: helper-pod}
spec:
  priorityClassName: system-node-critical
  tolerations: [{operator: Exists}]
  containers: [{name: helper-pod, image: "` + helperImage + `", imagePullPolicy: IfNotPresent}]
`
