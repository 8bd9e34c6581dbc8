package main

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const preprocessorRef = "reg.mikumikumi.xyz/maibot/preprocessor:0.12.2"

// job is a scripted API server with the two StatefulSets, their pods and some
// ConfigMaps, and the volumes of the Job.
type job struct {
	t           *testing.T
	server      *httptest.Server
	mutex       sync.Mutex
	calls       []string
	agents      map[string]bool
	podPolls    int // answers that still show a pod
	configMaps  map[string]map[string]string
	refuseMaps  int // status for ConfigMap reads, 0 for none
	dir         string
	environment []string
}

func newJob(t *testing.T) *job {
	t.Helper()
	j := &job{t: t, agents: map[string]bool{}, configMaps: map[string]map[string]string{}, dir: t.TempDir()}
	for _, dir := range []string{"adapter", "core", "account"} {
		if err := os.Mkdir(filepath.Join(j.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	j.server = httptest.NewTLSServer(http.HandlerFunc(j.answer))
	t.Cleanup(j.server.Close)
	host, port, err := net.SplitHostPort(strings.TrimPrefix(j.server.URL, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	j.environment = []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port, "RELEASE_NAME=maimai", "IS_WEBUI_ENABLED=true", "IS_MMSG_ENABLED=false",
		"CONFIG_CORE_ENV_B64=" + base64.StdEncoding.EncodeToString([]byte("HOST=0.0.0.0\n"))}
	j.write("account/token", "secret-token")
	j.write("account/namespace", "bot")
	j.write("account/ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: j.server.Certificate().Raw})))
	return j
}

func (j *job) write(name, text string) {
	j.t.Helper()
	if err := os.WriteFile(filepath.Join(j.dir, name), []byte(text), 0o644); err != nil {
		j.t.Fatal(err)
	}
}

func (j *job) read(name string) string {
	j.t.Helper()
	data, err := os.ReadFile(filepath.Join(j.dir, name))
	if err != nil {
		j.t.Fatal(err)
	}
	return string(data)
}

func (j *job) give(variable, text string) {
	j.environment = append(j.environment, variable+"="+base64.StdEncoding.EncodeToString([]byte(text)))
}

func (j *job) answer(w http.ResponseWriter, r *http.Request) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	body, _ := io.ReadAll(r.Body)
	j.agents[r.UserAgent()] = true
	path := strings.NewReplacer("/apis/apps/v1/namespaces/bot/", "", "/api/v1/namespaces/bot/", "").Replace(r.URL.Path)
	j.calls = append(j.calls, strings.TrimSpace(r.Method+" "+path+" "+string(body)))
	if r.Header.Get("Authorization") != "Bearer secret-token" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	name, isMap := strings.CutPrefix(path, "configmaps/")
	switch {
	case r.Method == http.MethodPatch && strings.HasSuffix(path, "/scale"):
		if r.Header.Get("Content-Type") != "application/strategic-merge-patch+json" {
			w.WriteHeader(http.StatusUnsupportedMediaType)
		}
		fmt.Fprint(w, "{}")
	case r.Method == http.MethodGet && path == "pods":
		items := `{"metadata":{"name":"other","ownerReferences":[{"kind":"StatefulSet","name":"maimai-maibot-napcat"}]}},{"metadata":{"name":"bare"}}`
		if j.podPolls > 0 {
			j.podPolls--
			items += `,{"metadata":{"name":"maimai-maibot-core-0","ownerReferences":[{"kind":"StatefulSet","name":"maimai-maibot-core"}]}}`
		}
		fmt.Fprintf(w, `{"items":[%s]}`, items)
	case isMap && r.Method == http.MethodGet && j.refuseMaps != 0:
		w.WriteHeader(j.refuseMaps)
	case isMap && j.configMaps[name] == nil:
		w.WriteHeader(http.StatusNotFound)
	case isMap && r.Method == http.MethodGet:
		_ = json.NewEncoder(w).Encode(map[string]any{"data": j.configMaps[name]})
	case isMap && r.Method == http.MethodDelete:
		delete(j.configMaps, name)
		fmt.Fprint(w, "{}")
	default:
		w.WriteHeader(http.StatusForbidden)
	}
}

func (j *job) run() (int, *container) {
	j.t.Helper()
	c := start(j.t, options{image: preprocessorRef, env: j.environment, binds: []bind{
		{Host: filepath.Join(j.dir, "adapter"), Container: "/app/config/adapter"},
		{Host: filepath.Join(j.dir, "core"), Container: "/app/config/core"},
		{Host: filepath.Join(j.dir, "account"), Container: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true},
	}})
	return c.wait(30 * time.Second), c
}

const (
	scaleAdapter0 = `PATCH statefulsets/maimai-maibot-adapter/scale {"spec": {"replicas": 0}}`
	scaleCore0    = `PATCH statefulsets/maimai-maibot-core/scale {"spec": {"replicas": 0}}`
	scaleAdapter1 = `PATCH statefulsets/maimai-maibot-adapter/scale {"spec": {"replicas": 1}}`
	scaleCore1    = `PATCH statefulsets/maimai-maibot-core/scale {"spec": {"replicas": 1}}`
)

func TestJobStopsWritesResetsAndStartsInThisOrder(t *testing.T) {
	j := newJob(t)
	j.podPolls = 1
	j.give("CONFIG_ADAPTER_B64", "# a comment\n[inner]\nversion = \"0.1.3\"\n\n[napcat_server]\ntoken = \"abc\" # another\n")
	j.give("CONFIG_CORE_BOT_B64", "[inner]\nversion = \"7.3.5\"\n\n[bot]\nnickname = \"小麦\" # name\n\n[webui]\nallowed_ips = \"10.0.0.0/8\"\nmode = \"production\"\n")
	j.give("CONFIG_CORE_MODEL_B64", "# kept\n[inner]\nversion = \"1.11.0\"\n")
	j.write("core/model_config.toml", "old")
	if code, _ := j.run(); code != 0 {
		t.Fatalf("exit status %d", code)
	}
	want := []string{scaleAdapter0, scaleCore0, "GET pods", "GET pods", scaleAdapter1, scaleCore1}
	if got := strings.Join(j.calls, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("calls:\n%s", got)
	}
	for agent := range j.agents {
		if !strings.HasPrefix(agent, "OpenAPI-Generator/") || !strings.HasSuffix(agent, "/python") {
			t.Errorf("agent %q", agent)
		}
	}
	if got, want := j.read("adapter/config.toml"), "[inner]\nversion = \"0.1.3\"\n\n[napcat_server]\ntoken = \"abc\"\nhost = \"0.0.0.0\"\nport = 8095\n\n[maibot_server]\nhost = \"maimai-maibot-core\"\nport = 8000\n"; got != want {
		t.Errorf("config.toml:\n%s", got)
	}
	if got, want := j.read("core/bot_config.toml"), "[inner]\nversion = \"7.3.5\"\n\n[bot]\nnickname = \"小麦\"\n\n[webui]\nallowed_ips = \"0.0.0.0/0\"\nmode = \"production\"\nenabled = true\n\n"+
		"[maim_message]\nenable_api_server = false\napi_server_host = \"0.0.0.0\"\napi_server_port = 8090\n"; got != want {
		t.Errorf("bot_config.toml:\n%s", got)
	}
	if got := j.read("core/model_config.toml"); got != "# kept\n[inner]\nversion = \"1.11.0\"\n" {
		t.Errorf("model_config.toml:\n%s", got)
	}
	if got := j.read("core/.env"); got != "HOST=0.0.0.0\n" {
		t.Errorf(".env: %q", got)
	}
}

func TestJobWithoutConfigurationFailsWithTheBotStopped(t *testing.T) {
	j := newJob(t)
	code, c := j.run()
	if code != 1 || !strings.Contains(c.output.String(), "FileNotFoundError: [Errno 2] No such file or directory: '/app/config/adapter/config.toml'") {
		t.Errorf("exit status %d", code)
	}
	if last := j.calls[len(j.calls)-1]; last == scaleCore1 {
		t.Error("the bot was started")
	}
}

func TestJobMovesConfigurationOutOfSeparateConfigMaps(t *testing.T) {
	j := newJob(t)
	j.configMaps = map[string]map[string]string{
		"maimai-maibot-adapter-config":    {"config.toml": "\n[inner]\nversion = \"0.1.2\"\n"},
		"maimai-maibot-core-bot-config":   {"bot_config.toml": "\n[inner]\nversion = \"6.21.8\"\n"},
		"maimai-maibot-core-model-config": {"model_config.toml": "\n# key\n[inner]\nversion = \"1.7.8\"\n"},
	}
	if code, _ := j.run(); code != 0 {
		t.Fatalf("exit status %d", code)
	}
	if len(j.configMaps) != 0 {
		t.Errorf("ConfigMaps left: %v", j.configMaps)
	}
	if got := j.read("core/model_config.toml"); got != "\n# key\n[inner]\nversion = \"1.7.8\"\n" {
		t.Errorf("model_config.toml: %q", got)
	}
	if got := j.read("core/bot_config.toml"); !strings.HasPrefix(got, "[inner]\nversion = \"6.21.8\"\n") {
		t.Errorf("bot_config.toml: %q", got)
	}
}

func TestJobLosesTheSecondFileOfASharedConfigMap(t *testing.T) {
	j := newJob(t)
	j.configMaps = map[string]map[string]string{
		"maimai-maibot-adapter": {"config.toml": "[inner]\nversion = \"0.1.2\"\n"},
		"maimai-maibot-core":    {"bot_config.toml": "[inner]\nversion = \"6.21.6\"\n", "model_config.toml": "key"},
	}
	code, c := j.run()
	if code != 0 || !strings.Contains(c.output.String(), "core_bot_config.toml: True") || !strings.Contains(c.output.String(), "core_model_config.toml: False") {
		t.Errorf("exit status %d", code)
	}
	if _, err := os.Stat(filepath.Join(j.dir, "core/model_config.toml")); !os.IsNotExist(err) || len(j.configMaps) != 0 {
		t.Errorf("model_config.toml: %v, ConfigMaps: %v", err, j.configMaps)
	}
}

func TestJobTakesARefusalForSuccess(t *testing.T) {
	j := newJob(t)
	j.refuseMaps = http.StatusForbidden
	code, c := j.run()
	if code != 1 || !strings.Contains(c.output.String(), "adapter_config.toml: True") {
		t.Errorf("exit status %d", code)
	}
}

func TestJobKeepsFilesThatAreThere(t *testing.T) {
	j := newJob(t)
	j.configMaps = map[string]map[string]string{"maimai-maibot-core-bot-config": {"bot_config.toml": "never"}}
	j.write("adapter/config.toml", "[chat]\ngroup_list = [1, 2]\n")
	j.write("core/bot_config.toml", "[bot]\nqq_account = \"1\"\n[[chat.talk_value_rules]]\ntime = \"00:00-08:59\"\nvalue = 0.8\n")
	if code, _ := j.run(); code != 0 {
		t.Fatalf("exit status %d", code)
	}
	if len(j.configMaps) != 1 {
		t.Error("the ConfigMap was deleted")
	}
	if got := j.read("core/bot_config.toml"); !strings.Contains(got, "qq_account = \"1\"") || !strings.Contains(got, "[[chat.talk_value_rules]]\ntime = \"00:00-08:59\"\nvalue = 0.8\n") {
		t.Errorf("bot_config.toml:\n%s", got)
	}
}

func TestJobRefusesListsOfMixedTypes(t *testing.T) {
	j := newJob(t)
	j.write("adapter/config.toml", "[chat]\ngroup_list = [1, \"2\"]\n")
	j.write("core/bot_config.toml", "")
	code, c := j.run()
	if code != 1 || !strings.Contains(c.output.String(), "Not a homogeneous array") {
		t.Errorf("exit status %d", code)
	}
}

func TestJobVerifiesTheAPIServer(t *testing.T) {
	j := newJob(t)
	// The same host under a name the certificate does not carry.
	j.environment[0] = "KUBERNETES_SERVICE_HOST=localhost"
	code, c := j.run()
	if code != 1 || !strings.Contains(c.output.String(), "CERTIFICATE_VERIFY_FAILED") {
		t.Errorf("exit status %d", code)
	}
}
