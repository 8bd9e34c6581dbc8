package main

import (
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	adapter013 = "docker.io/unclas/maimbot-adapter:main-20260109183519"
	adapter012 = "docker.io/unclas/maimbot-adapter:main-20251211074617"
	napcatRef  = "docker.io/mlikiowa/napcat-docker:v4.10.15"
)

// adapterConfig writes the template of an adapter image to a file of its own, with
// replacements made in it, and returns the mount that puts it where the adapter
// looks.
func adapterConfig(t *testing.T, image string, replacements ...string) (string, []bind) {
	t.Helper()
	layers := unpacked[image].layers
	data, err := os.ReadFile(filepath.Join(layers[len(layers)-1], "adapters/template/template_config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(text, replacements[i]) {
			t.Fatalf("the template does not contain %q", replacements[i])
		}
		text = strings.Replace(text, replacements[i], replacements[i+1], 1)
	}
	file := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	waitClosed(t, 8095)
	return file, []bind{{Host: file, Container: "/adapters/config.toml"}}
}

func TestAdapterRewritesAnOlderFileInPlaceAndEnds(t *testing.T) {
	file, binds := adapterConfig(t, adapter012, "group_list = []", "group_list = [10001]", `token = ""`, `token = "abc"`)
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, options{image: adapter013, env: []string{fastStart}, binds: binds})
	if code := c.wait(20 * time.Second); code != 0 {
		t.Errorf("exit status %d", code)
	}
	after, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("the file was replaced, not rewritten")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`version = "0.1.3"`, "group_list = [10001]", `token = "abc"`, "image_threshold = 3"} {
		if !strings.Contains(string(data), text) {
			t.Errorf("the new file has no %s", text)
		}
	}
	start(t, options{image: adapter013, env: []string{fastStart}, binds: binds}).says("Adapter 启动成功")
}

func TestAdapterCannotRewriteAReadOnlyFile(t *testing.T) {
	_, binds := adapterConfig(t, adapter012)
	binds[0].ReadOnly = true
	c := start(t, options{image: adapter013, env: []string{fastStart}, binds: binds})
	if code := c.wait(20 * time.Second); code != 1 {
		t.Errorf("exit status %d", code)
	}
	if !strings.Contains(c.output.String(), "Read-only file system") {
		t.Error("did not say why")
	}
}

func TestAdapterCopiesAMissingFileAndEnds(t *testing.T) {
	c := start(t, options{image: adapter013, env: []string{fastStart}})
	if code := c.wait(20 * time.Second); code != 0 {
		t.Errorf("exit status %d", code)
	}
	c.says("已从模板创建")
}

func TestAdapterRefusesAFileWithoutARequiredTable(t *testing.T) {
	_, binds := adapterConfig(t, adapter013, "[maibot_server]\n", "[maibot]\n")
	c := start(t, options{image: adapter013, env: []string{fastStart}, binds: binds})
	if code := c.wait(20 * time.Second); code != 1 {
		t.Errorf("exit status %d", code)
	}
	c.says("Missing required field: 'maibot_server'")
}

func TestAdapterLetsInOnlyTheRightToken(t *testing.T) {
	_, binds := adapterConfig(t, adapter013, `token = ""`, `token = "abc"`)
	c := start(t, options{image: adapter013, env: []string{fastStart}, binds: binds})
	c.says("WebSocket server on localhost:8095")
	for header, want := range map[string]int{"": http.StatusUnauthorized, "Bearer abd": http.StatusUnauthorized, "Bearer abc": http.StatusSwitchingProtocols} {
		if _, status := handshake(t, "127.0.0.1:8095", "/", http.Header{"Authorization": {header}}); status != want {
			t.Errorf("%q answered with %d, wanted %d", header, status, want)
		}
	}
}

func TestProbeOfTheAdaptersPortCostsATracebackAndTellsNothing(t *testing.T) {
	_, binds := adapterConfig(t, adapter013)
	c := start(t, options{image: adapter013, env: []string{fastStart}, binds: binds})
	c.says("WebSocket server on")
	status, _, _, err := get("http://127.0.0.1:8095/")
	if err != nil || status != http.StatusUpgradeRequired {
		t.Errorf("GET answered %d, %v", status, err)
	}
	conn, err := net.Dial("tcp", "127.0.0.1:8095")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	waitFor(t, "two tracebacks", 5*time.Second, func() error {
		if strings.Count(c.output.String(), "opening handshake failed\nTraceback") == 2 {
			return nil
		}
		return errors.New("not yet")
	})
}

func TestAdapterIsDeafToSIGTERMAndEndsInOrderAtSIGINT(t *testing.T) {
	_, binds := adapterConfig(t, adapter013)
	c := start(t, options{image: adapter013, env: []string{fastStart}, binds: binds})
	c.says("Adapter 启动成功")
	c.signal(syscall.SIGTERM)
	time.Sleep(1500 * time.Millisecond)
	if !c.runs() {
		t.Fatal("ended at SIGTERM")
	}
	c.signal(syscall.SIGINT)
	if code := c.wait(2 * time.Second); code != 0 {
		t.Errorf("exit status %d", code)
	}
}

func TestAdapterReportsSuccessAfterAFatalError(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:8095")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "config.toml")
	layers := unpacked[adapter013].layers
	data, err := os.ReadFile(filepath.Join(layers[len(layers)-1], "adapters/template/template_config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	c := start(t, options{image: adapter013, env: []string{fastStart}, binds: []bind{{Host: file, Container: "/adapters/config.toml"}}})
	if code := c.wait(20 * time.Second); code != 0 {
		t.Errorf("exit status %d", code)
	}
	c.says("address already in use")
}

func TestAdapterOfTheNewVersionTakesAChangedFileWithoutARestart(t *testing.T) {
	for image, reloads := range map[string]bool{adapter013: true, adapter012: false} {
		t.Run(image, func(t *testing.T) {
			file, binds := adapterConfig(t, image)
			c := start(t, options{image: image, env: []string{fastStart}, binds: binds})
			c.says("WebSocket server on")
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(strings.Replace(string(data), `token = ""`, `token = "new"`, 1)), 0o644); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2500 * time.Millisecond)
			want := http.StatusSwitchingProtocols
			if reloads {
				want = http.StatusUnauthorized
			}
			if _, status := handshake(t, "127.0.0.1:8095", "/", nil); status != want {
				t.Errorf("handshake without the new token answered %d, wanted %d", status, want)
			}
		})
	}
}
