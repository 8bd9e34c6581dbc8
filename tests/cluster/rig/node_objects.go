package main

// The API objects that make a bare control plane a usable cluster, the client that creates them, and the questions
// that tell when the cluster is usable.

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"
)

const (
	localPathNamespace = "local-path-storage"
	localPathAccount   = "local-path-provisioner-service-account"
	localPathConfigMap = "local-path-config"
)

// api is a small client of the API server.
type api struct {
	server, token string
	client        *http.Client
}

func newAPI(server, caFile, token string) (*api, error) {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate", caFile)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	return &api{server, token, &http.Client{Transport: transport, Timeout: 15 * time.Second}}, nil
}

// statusError is an answer with a code that does not mean success.
type statusError struct {
	code int
	text string
}

func (e statusError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.code, e.text) }

// get reads an object into into, or only looks whether the answer is a success if that is nil.
func (a *api) get(ctx context.Context, path string, into any) error {
	return a.do(ctx, http.MethodGet, path, "", into)
}

func (a *api) do(ctx context.Context, method, path, yaml string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, a.server+path, bytes.NewReader([]byte(yaml)))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Content-Type", "application/yaml")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "maibot-test-rig")
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return statusError{response.StatusCode, tail(string(body), 5)}
	}
	switch into := into.(type) {
	case nil:
		return nil
	case *string:
		*into = string(body)
		return nil
	default:
		return json.Unmarshal(body, into)
	}
}

// createObjects creates each object, waiting for namespaces that the API server makes on its own a moment after it is
// ready.
func (n *node) createObjects(ctx context.Context, api *api) error {
	for _, object := range []struct{ path, yaml string }{
		{"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", proxyBinding},
		{"/apis/storage.k8s.io/v1/storageclasses", storageClass},
		{"/api/v1/namespaces/kube-system/services", dnsService},
		{"/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices", fmt.Sprintf(dnsEndpoints, n.record.NodeIP)},
		{"/api/v1/namespaces", fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n", localPathNamespace)},
		{"/api/v1/namespaces/" + localPathNamespace + "/serviceaccounts",
			fmt.Sprintf("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %s}\n", localPathAccount)},
		{"/api/v1/namespaces/" + localPathNamespace + "/configmaps", localPathScripts()},
	} {
		err := poll(ctx, func() error {
			err := api.do(ctx, http.MethodPost, object.path, object.yaml, nil)
			var status statusError
			if errors.As(err, &status) && status.code == http.StatusConflict {
				return nil // created by a request whose answer was lost
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("create at %s: %w", object.path, err)
		}
	}
	return nil
}

const proxyBinding = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: kube-proxy}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:node-proxier"}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: "system:kube-proxy"}]
`

const storageClass = `apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: local-path, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: rancher.io/local-path
volumeBindingMode: WaitForFirstConsumer
reclaimPolicy: Delete
`

// The Service has no selector: CoreDNS is a process of the node, and the EndpointSlice names its address.
const dnsService = `apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  clusterIP: ` + dnsServiceIP + `
  ports: [{name: dns, port: 53, protocol: UDP, targetPort: 53}, {name: dns-tcp, port: 53, protocol: TCP, targetPort: 53}]
`

const dnsEndpoints = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kube-dns-node, namespace: kube-system, labels: {kubernetes.io/service-name: kube-dns}}
addressType: IPv4
ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
endpoints: [{addresses: ["%s"], conditions: {ready: true}}]
`

// localPathScripts is what the provisioner's helper pods run to make and remove a volume's directory.
func localPathScripts() string {
	text, _ := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]string{"name": localPathConfigMap},
		"data": map[string]string{
			"config.json":    localPathConfig,
			"helperPod.yaml": helperPod,
			"setup":          "#!/bin/sh\nset -eu\nmkdir -m 0777 -p \"$VOL_DIR\"\n",
			"teardown":       "#!/bin/sh\nset -eu\nrm -rf \"$VOL_DIR\"\n",
		},
	})
	return string(text) // JSON is YAML
}

type nodeObject struct {
	Spec struct {
		Taints []struct{ Key string }
	}
	Status struct {
		Conditions []struct{ Type, Status, Message string }
	}
}

func nodeReady(ctx context.Context, api *api) error {
	var node nodeObject
	if err := api.get(ctx, "/api/v1/nodes/"+nodeName, &node); err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == "Ready" && condition.Status == "True" {
			return nil
		} else if condition.Type == "Ready" {
			return fmt.Errorf("the node is not ready: %s", condition.Message)
		}
	}
	return errors.New("the node does not say whether it is ready")
}

// nodeSchedulable waits for the taint to go that every new node starts with.
func nodeSchedulable(ctx context.Context, api *api) error {
	var node nodeObject
	if err := api.get(ctx, "/api/v1/nodes/"+nodeName, &node); err != nil {
		return err
	}
	if slices.ContainsFunc(node.Spec.Taints, func(t struct{ Key string }) bool { return t.Key == "node.kubernetes.io/not-ready" }) {
		return errors.New("the node still has the taint of a node that is not ready")
	}
	return nil
}

// defaultServiceAccount waits for the account without which no pod can be created in the default namespace.
func defaultServiceAccount(ctx context.Context, api *api) error {
	return api.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil)
}

func httpOK(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}
