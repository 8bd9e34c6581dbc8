package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// userAgent tells the driver's own requests from those of the subjects.
const userAgent = "maibot-bench"

// Kube is the driver's own way to the API server: through `kubectl proxy`, which knows every way to log in, so that
// the driver needs none.
type Kube struct {
	kubectl    string
	kubeconfig []string
	address    string
	proxy      *exec.Cmd
	client     *http.Client
}

var proxyAddress = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// openKube starts the proxy and waits until it serves. Without a context's name the kubeconfig's own is taken.
func openKube(kubectl, kubeconfig, context string) (*Kube, error) {
	kube := &Kube{kubectl: kubectl, kubeconfig: []string{"--kubeconfig", kubeconfig, "--context", context}, client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 16, Proxy: nil,
	}}}
	kube.proxy = exec.Command(kubectl, append(kube.kubeconfig, "proxy", "--port=0", "--address=127.0.0.1")...)
	kube.proxy.Env = withoutProxies(os.Environ())
	out, err := kube.proxy.StdoutPipe()
	if err != nil {
		return nil, err
	}
	kube.proxy.Stderr = os.Stderr
	if err := kube.proxy.Start(); err != nil {
		return nil, fmt.Errorf("starting kubectl proxy: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	kube.address = proxyAddress.FindString(line)
	if kube.address == "" {
		kube.close()
		return nil, fmt.Errorf("kubectl proxy says %q (%v) instead of its address", line, err)
	}
	return kube, nil
}

func (k *Kube) close() {
	_ = k.proxy.Process.Kill()
	_ = k.proxy.Wait()
}

func withoutProxies(environment []string) []string {
	var kept []string
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		switch strings.ToLower(name) {
		case "http_proxy", "https_proxy", "all_proxy":
		default:
			kept = append(kept, entry)
		}
	}
	return kept
}

// statusError is an answer of the API server other than success.
type statusError struct {
	request string
	status  int
	body    string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s: status %d: %s", e.request, e.status, strings.TrimSpace(e.body))
}

func hasStatus(err error, status int) bool {
	var answer *statusError
	return errors.As(err, &answer) && answer.status == status
}

// open sends a request and gives the answer's body if it is a success.
func (k *Kube) open(ctx context.Context, method, path string, body any) (io.ReadCloser, error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+k.address+path, reader)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Content-Type", "application/json")
	response, err := k.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		defer response.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(response.Body, 2048))
		return nil, &statusError{request: method + " " + path, status: response.StatusCode, body: string(text)}
	}
	return response.Body, nil
}

// do sends a request and decodes the answer into result unless that is nil.
func (k *Kube) do(method, path string, body, result any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	answer, err := k.open(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	if result == nil {
		_, err = io.Copy(io.Discard, answer)
		return err
	}
	return json.NewDecoder(answer).Decode(result)
}

// A map of the kind JSON objects become.
type object = map[string]any

// identities is a namespace of ServiceAccounts that may do everything: one for each run, so that the requests of a
// run can be found in the audit log whatever else goes on in the cluster.
type identities struct {
	kube      *Kube
	namespace string
	config    object
}

// newIdentities makes the namespace and its rights, and reads what a kubeconfig of them needs.
func newIdentities(kube *Kube, namespace string) (*identities, error) {
	out, err := exec.Command(kube.kubectl, append(kube.kubeconfig, "config", "view", "--raw", "--minify", "--flatten", "-o", "json")...).Output()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	all := &identities{kube: kube, namespace: namespace}
	if err := json.Unmarshal(out, &all.config); err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	if err := kube.do("POST", "/api/v1/namespaces", object{"metadata": object{"name": namespace}}, nil); err != nil {
		return nil, err
	}
	binding := object{
		"metadata": object{"name": namespace},
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
		"subjects": []object{{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:serviceaccounts:" + namespace}},
	}
	if err := kube.do("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding, nil); err != nil {
		return nil, err
	}
	return all, nil
}

// user is the name under which the API server knows an identity.
func (i *identities) user(name string) string {
	return "system:serviceaccount:" + i.namespace + ":" + name
}

// kubeconfig makes an identity and a kubeconfig of it in the folder.
func (i *identities) kubeconfig(name, folder string) (string, error) {
	accounts := "/api/v1/namespaces/" + i.namespace + "/serviceaccounts"
	if err := i.kube.do("POST", accounts, object{"metadata": object{"name": name}}, nil); err != nil {
		return "", err
	}
	var answer struct {
		Status struct{ Token string }
	}
	request := object{"spec": object{"expirationSeconds": 7200}}
	if err := i.kube.do("POST", accounts+"/"+name+"/token", request, &answer); err != nil {
		return "", err
	}
	config := object{}
	for key, value := range i.config {
		config[key] = value
	}
	users, ok := config["users"].([]any)
	if !ok || len(users) != 1 {
		return "", errors.New("the kubeconfig has no user")
	}
	entry, ok := users[0].(object)
	if !ok {
		return "", errors.New("the kubeconfig's user has no name")
	}
	config["users"] = []object{{"name": entry["name"], "user": object{"token": answer.Status.Token}}}
	text, err := json.Marshal(config)
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, name+".kubeconfig")
	return path, os.WriteFile(path, text, 0o600)
}

func (i *identities) remove() error {
	return errors.Join(
		i.kube.do("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/"+i.namespace, nil, nil),
		i.kube.do("DELETE", "/api/v1/namespaces/"+i.namespace, nil, nil),
	)
}

// removeNamespace deletes a namespace with its volumes, without giving Pods time to end, and waits until nothing of it
// is left.
func (k *Kube) removeNamespace(namespace string) error {
	base := "/api/v1/namespaces/" + namespace
	if err := k.do("DELETE", base, nil, nil); err != nil && !hasStatus(err, http.StatusNotFound) {
		return err
	}
	deadline := time.Now().Add(2 * time.Minute)
	for {
		err := k.do("GET", base, nil, nil)
		if hasStatus(err, http.StatusNotFound) {
			break
		}
		if err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the namespace %s is still there after two minutes", namespace)
		}
		// Programs that ignore SIGTERM would take half a minute each.
		err = k.do("DELETE", base+"/pods?gracePeriodSeconds=0", nil, nil)
		if err != nil && !hasStatus(err, http.StatusNotFound) {
			return err
		}
		time.Sleep(300 * time.Millisecond)
	}
	for {
		var volumes struct {
			Items []struct {
				Metadata struct{ Name string }
				Spec     struct {
					ClaimRef struct{ Namespace string }
				}
			}
		}
		if err := k.do("GET", "/api/v1/persistentvolumes", nil, &volumes); err != nil {
			return err
		}
		left := ""
		for _, volume := range volumes.Items {
			if volume.Spec.ClaimRef.Namespace == namespace {
				left = volume.Metadata.Name
			}
		}
		if left == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the volume %s of the namespace %s is still there after two minutes", left, namespace)
		}
		time.Sleep(300 * time.Millisecond)
	}
}

// healthPath is where the bot's health page is found by way of the API server, which reaches Pods in every cluster.
func healthPath(namespace, release string) string {
	return "/api/v1/namespaces/" + url.PathEscape(namespace) + "/pods/" + url.PathEscape(release) + "-maibot-core-0:8001/proxy/api/webui/health"
}

// waitHealthy asks the core Pod for its health page until it answers 200, every 50 ms.
func (k *Kube) waitHealthy(ctx context.Context, namespace, release string) (time.Time, error) {
	path := healthPath(namespace, release)
	var last error
	for {
		attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
		answer, err := k.open(attempt, "GET", path, nil)
		if err == nil {
			now := time.Now()
			answer.Close()
			cancel()
			return now, nil
		}
		cancel()
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("the bot does not answer: %w", last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
