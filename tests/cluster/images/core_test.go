package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	core0122  = "docker.io/sengokucola/maibot:0.12.2"
	core0121  = "docker.io/sengokucola/maibot:0.12.1"
	core0113  = "docker.io/sengokucola/maibot:0.11.3-beta"
	healthy   = `{"status":"healthy","service":"MaiBot WebUI"}`
	eulaNew   = "EULA_AGREE=1b662741904d7155d1ce1c00b3530d0d"
	eulaOld   = "EULA_AGREE=99f08e0cab0190de853cb6af7d64d4de"
	privacy   = "PRIVACY_AGREE=9943b855e72199d0f5016ea39052f1b6"
	fastStart = "STANDIN_START_SECONDS=0"
	health    = "http://127.0.0.1:8001/api/webui/health"
)

var agreed = []string{eulaNew, privacy, fastStart}

// bot is a directory of core's three volumes, filled with working files.
type bot struct {
	t   *testing.T
	dir string
}

// newBot fills config/ and .env from the templates of an image; port 8000, 8001.
func newBot(t *testing.T, image string) bot {
	t.Helper()
	b := bot{t, t.TempDir()}
	for _, dir := range []string{"config", "data"} {
		if err := os.Mkdir(filepath.Join(b.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	layers := unpacked[image].layers
	top := layers[len(layers)-1]
	for _, name := range []string{"bot_config", "model_config"} {
		data, err := os.ReadFile(filepath.Join(top, "MaiMBot/template", name+"_template.toml"))
		if err != nil {
			t.Fatal(err)
		}
		b.write("config/"+name+".toml", string(data))
	}
	b.write(".env", "HOST=0.0.0.0\nPORT=8000\nWEBUI_HOST=0.0.0.0\nWEBUI_PORT=8001\n")
	waitClosed(t, 8000, 8001, 8090)
	return b
}

func (b bot) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b bot) read(name string) string {
	b.t.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}

func (b bot) replace(name, old, new string) {
	b.t.Helper()
	text := b.read(name)
	if !strings.Contains(text, old) {
		b.t.Fatalf("%s does not contain %q", name, old)
	}
	b.write(name, strings.Replace(text, old, new, 1))
}

// directories are the mounts of a chart that mounts whole directories.
func (b bot) directories() []bind {
	return []bind{
		{Host: filepath.Join(b.dir, "config"), Container: "/MaiMBot/config"},
		{Host: filepath.Join(b.dir, "data"), Container: "/MaiMBot/data"},
		{Host: filepath.Join(b.dir, ".env"), Container: "/MaiMBot/.env"},
	}
}

// files are the mounts of the official chart: each configuration file by itself.
func (b bot) files() []bind {
	binds := []bind{{Host: filepath.Join(b.dir, "data"), Container: "/MaiMBot/data"}, {Host: filepath.Join(b.dir, ".env"), Container: "/MaiMBot/.env"}}
	for _, name := range []string{"bot_config.toml", "model_config.toml"} {
		binds = append(binds, bind{Host: filepath.Join(b.dir, "config", name), Container: "/MaiMBot/config/" + name})
	}
	return binds
}

// rows counts the rows of a table, reading the copy of a database with the image's
// own Python.
func rows(t *testing.T, database, table string) string {
	t.Helper()
	c := start(t, options{image: core0122, binds: []bind{{Host: filepath.Dir(database), Container: "/mnt"}}, command: []string{"python", "-c",
		"import sqlite3, sys; print(sqlite3.connect('/mnt/' + sys.argv[1]).execute('SELECT count(*) FROM ' + sys.argv[2]).fetchone()[0])", filepath.Base(database), table}})
	if code := c.wait(20 * time.Second); code != 0 {
		t.Fatalf("reading %s: %s", database, c.output)
	}
	return strings.TrimSpace(c.output.String())
}

func TestCoreAnswersItsHealthPageAndChatPortAndWritesItsFiles(t *testing.T) {
	b := newBot(t, core0122)
	c := start(t, options{image: core0122, env: agreed, binds: b.directories()})
	if body := eventually(t, health, http.StatusOK); body != healthy {
		t.Errorf("health page says %s", body)
	}
	c.says("全部系统初始化完成")

	var webui struct {
		AccessToken string `json:"access_token"`
		Setup       *bool  `json:"first_setup_completed"`
	}
	if err := json.Unmarshal([]byte(b.read("data/webui.json")), &webui); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(webui.AccessToken) || webui.Setup == nil || *webui.Setup {
		t.Errorf("webui.json is %+v", webui)
	}
	c.says("🔑 WebUI Access Token: " + webui.AccessToken)

	ws, status := handshake(t, "127.0.0.1:8000", "/ws", nil)
	if ws == nil {
		t.Fatalf("handshake on /ws answered %d", status)
	}
	if other, status := handshake(t, "127.0.0.1:8000", "/other", nil); other != nil || status != http.StatusNotFound {
		t.Errorf("handshake on another path answered %d", status)
	}
	long := strings.Repeat("麦", 30000) // needs 64 bits of length on the way back
	for _, text := range []string{"hi", strings.Repeat("x", 1000), long} {
		ws.send(`{"message_info":{"user_info":{"user_id":"7"}},"message_segment":{"type":"text","data":"` + text + `"}}`)
		opcode, payload := ws.receive()
		if opcode != 1 || !bytes.Contains(payload, []byte("收到："+text)) {
			t.Fatalf("answer to %d bytes: opcode %d, %d bytes", len(text), opcode, len(payload))
		}
	}
	ws.frame(0x89, []byte("are you there"))
	if opcode, payload := ws.receive(); opcode != 10 || string(payload) != "are you there" {
		t.Errorf("ping answered with opcode %d %q", opcode, payload)
	}
	ws.frame(0x88, []byte{0x03, 0xe8})
	if opcode, payload := ws.receive(); opcode != 8 || !bytes.Equal(payload, []byte{0x03, 0xe8}) {
		t.Errorf("close answered with opcode %d %x", opcode, payload)
	}

	for _, name := range []string{"data/MaiBot.db-wal", "data/MaiBot.db-shm", "data/emoji", "data/emoji_registed", "data/expression/learnt_grammar", "data/expression/learnt_style",
		"data/local_store.json", "data/logs", "data/plugins"} {
		if _, err := os.Stat(filepath.Join(b.dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestCoreIsDeafToSIGTERMAndEndsInOrderAtSIGINT(t *testing.T) {
	b := newBot(t, core0122)
	c := start(t, options{image: core0122, env: agreed, binds: b.directories()})
	c.says("全部系统初始化完成")
	c.signal(syscall.SIGTERM)
	time.Sleep(1500 * time.Millisecond)
	if !c.runs() {
		t.Fatal("ended at SIGTERM")
	}
	eventually(t, health, http.StatusOK)
	c.signal(syscall.SIGINT)
	if code := c.wait(2 * time.Second); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "data/MaiBot.db-wal")); !os.IsNotExist(err) {
		t.Errorf("the write-ahead log is still there after an orderly end: %v", err)
	}
}

func TestCopyOfTheDatabaseFileAloneMissesWhatIsInTheLog(t *testing.T) {
	b := newBot(t, core0122)
	c := start(t, options{image: core0122, env: agreed, binds: b.directories()})
	c.says("全部系统初始化完成")
	ws, _ := handshake(t, "127.0.0.1:8000", "/ws", nil)
	if ws == nil {
		t.Fatal("no WebSocket")
	}
	for range 3 {
		ws.send(`{"message_info":{},"message_segment":{"type":"text","data":"x"}}`)
		ws.receive()
	}
	c.signal(syscall.SIGKILL)
	c.wait(5 * time.Second)
	alone, together := t.TempDir(), t.TempDir()
	for _, name := range []string{"MaiBot.db", "MaiBot.db-wal", "MaiBot.db-shm"} {
		data := []byte(b.read("data/" + name))
		if err := os.WriteFile(filepath.Join(together, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
		if name == "MaiBot.db" {
			if err := os.WriteFile(filepath.Join(alone, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := rows(t, filepath.Join(alone, "MaiBot.db"), "messages"); n != "0" {
		t.Errorf("the database file alone has %s messages", n)
	}
	if n := rows(t, filepath.Join(together, "MaiBot.db"), "messages"); n != "3" {
		t.Errorf("database and log together have %s messages", n)
	}
}

func TestCoreWithoutConsentSaysTheHashesAndDiesAtTheEndOfInput(t *testing.T) {
	for name, env := range map[string][]string{
		"nothing agreed":        nil,
		"only the EULA":         {eulaNew},
		"the EULA of long ago":  {eulaOld, privacy},
		"upper-case is no hash": {strings.ToUpper(eulaNew), privacy},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBot(t, core0122)
			c := start(t, options{image: core0122, env: env, binds: b.directories()})
			if code := c.wait(20 * time.Second); code != 1 {
				t.Errorf("exit status %d", code)
			}
			for _, text := range []string{"EULA或隐私条款内容已更新", eulaNew, privacy, "EOFError"} {
				if !strings.Contains(c.output.String(), text) {
					t.Errorf("did not say %q", text)
				}
			}
		})
	}
}

func TestCoreTakesConsentFromItsConfirmationFiles(t *testing.T) {
	b := newBot(t, core0122)
	b.write("eula.confirmed", strings.TrimPrefix(eulaNew, "EULA_AGREE="))
	b.write("privacy.confirmed", strings.TrimPrefix(privacy, "PRIVACY_AGREE="))
	binds := b.directories()
	for _, name := range []string{"eula.confirmed", "privacy.confirmed"} {
		binds = append(binds, bind{Host: filepath.Join(b.dir, name), Container: "/MaiMBot/" + name})
	}
	start(t, options{image: core0122, env: []string{fastStart}, binds: binds}).says("全部系统初始化完成")
}

func TestCoreCopiesAMissingConfigurationFileAndEndsWithSuccess(t *testing.T) {
	b := newBot(t, core0122)
	want := b.read("config/bot_config.toml")
	if err := os.Remove(filepath.Join(b.dir, "config/bot_config.toml")); err != nil {
		t.Fatal(err)
	}
	c := start(t, options{image: core0122, env: agreed, binds: b.directories()})
	if code := c.wait(20 * time.Second); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if b.read("config/bot_config.toml") != want {
		t.Error("the copy is not the template")
	}
}

func TestCoreMovesAConfigurationOfAnotherVersionAsideInADirectory(t *testing.T) {
	b := newBot(t, core0121)
	b.replace("config/bot_config.toml", `nickname = "麦麦"`, `nickname = "小麦"`)
	b.replace("config/bot_config.toml", "[chat]\n", "[chat]\nan_unknown_key = 1\n")
	before := b.read("config/bot_config.toml")
	start(t, options{image: core0122, env: agreed, binds: b.directories()}).says("全部系统初始化完成")
	after := b.read("config/bot_config.toml")
	for _, text := range []string{`version = "7.3.5"`, `nickname = "小麦"`, "dream_visible = false"} {
		if !strings.Contains(after, text) {
			t.Errorf("the new file has no %s", text)
		}
	}
	if strings.Contains(after, "an_unknown_key") {
		t.Error("a key that the template does not have survived")
	}
	old, err := filepath.Glob(filepath.Join(b.dir, "config/old/bot_config_*.toml"))
	if err != nil || len(old) != 1 {
		t.Fatalf("old files: %v, %v", old, err)
	}
	if data, err := os.ReadFile(old[0]); err != nil || string(data) != before {
		t.Errorf("the old file changed on its way: %v", err)
	}
}

func TestCoreCannotMoveAConfigurationThatIsAMountPoint(t *testing.T) {
	b := newBot(t, core0121)
	before := b.read("config/bot_config.toml")
	c := start(t, options{image: core0122, env: agreed, binds: b.files()})
	if code := c.wait(20 * time.Second); code != 1 {
		t.Errorf("exit status %d", code)
	}
	for _, text := range []string{"os.unlink(src)", "OSError: [Errno 16] Device or resource busy: 'config/bot_config.toml'"} {
		if !strings.Contains(c.output.String(), text) {
			t.Errorf("did not say %q", text)
		}
	}
	if b.read("config/bot_config.toml") != before {
		t.Error("the file changed")
	}
}

func TestCoreRefusesConfigurationItCannotWorkWith(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(b bot)
		says  string
	}{
		"a required table is missing": {func(b bot) { b.replace("config/bot_config.toml", "[telemetry]\n", "[telemetry2]\n") }, "Missing required field: 'telemetry'"},
		"a required field is missing": {func(b bot) { b.replace("config/bot_config.toml", "qq_account = ", "qq_konto = ") }, "Missing required field: 'bot.qq_account'"},
		"a value is not allowed":      {func(b bot) { b.replace("config/bot_config.toml", `think_mode = "dynamic"`, `think_mode = "fast"`) }, "think_mode"},
		"TOML is broken":              {func(b bot) { b.replace("config/bot_config.toml", `platform = "qq"`, `platform = "qq`) }, "TOMLDecodeError"},
		"a model has no provider":     {func(b bot) { b.replace("config/model_config.toml", `name = "DeepSeek"`, `name = "Deep"`) }, "unknown provider DeepSeek"},
		"an API key is empty":         {func(b bot) { b.replace("config/model_config.toml", `"your-api-key-here"`, `""`) }, "'api_key' must not be empty"},
		".env names no port":          {func(b bot) { b.write(".env", "HOST=0.0.0.0\n") }, "KeyError: 'PORT'"},
		"a directory in place of a file": {func(b bot) {
			file := filepath.Join(b.dir, "config/model_config.toml")
			if err := os.Remove(file); err != nil {
				b.t.Fatal(err)
			}
			if err := os.Mkdir(file, 0o755); err != nil {
				b.t.Fatal(err)
			}
		}, "IsADirectoryError"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBot(t, core0122)
			c.spoil(b)
			running := start(t, options{image: core0122, env: agreed, binds: b.files()})
			if code := running.wait(20 * time.Second); code != 1 {
				t.Errorf("exit status %d", code)
			}
			if !strings.Contains(running.output.String(), c.says) {
				t.Errorf("did not say %q", c.says)
			}
		})
	}
}

func TestCoreWithTheConsoleOffAndTheMessageAPIOn(t *testing.T) {
	b := newBot(t, core0122)
	b.replace("config/bot_config.toml", "[webui]\nenabled = true", "[webui]\nenabled = false")
	b.replace("config/bot_config.toml", "enable_api_server = false", "enable_api_server = true")
	start(t, options{image: core0122, env: agreed, binds: b.directories()}).says("全部系统初始化完成")
	if !refused(8001) {
		t.Error("port 8001 is open")
	}
	if refused(8090) {
		t.Error("port 8090 is closed")
	}
}

func TestOldCoreHasItsOwnHashesAndNoConsole(t *testing.T) {
	b := newBot(t, core0113)
	if code := start(t, options{image: core0113, env: agreed, binds: b.directories()}).wait(20 * time.Second); code != 1 {
		t.Errorf("the new EULA was accepted: exit status %d", code)
	}
	start(t, options{image: core0113, env: []string{eulaOld, privacy, fastStart}, binds: b.directories()}).says("全部系统初始化完成")
	if !refused(8001) {
		t.Error("port 8001 is open")
	}
}

func TestConsoleLetsInWhoKnowsTheToken(t *testing.T) {
	b := newBot(t, core0122)
	start(t, options{image: core0122, env: agreed, binds: b.directories()}).says("全部系统初始化完成")
	var webui struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(b.read("data/webui.json")), &webui); err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]int{webui.AccessToken: http.StatusOK, "guessed": http.StatusUnauthorized} {
		answer, err := http.Post("http://127.0.0.1:8001/api/webui/auth/verify", "application/json", strings.NewReader(fmt.Sprintf(`{"token":%q}`, token)))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("status %d, wanted %d", answer.StatusCode, want)
		}
		if cookie := answer.Header.Get("Set-Cookie"); (want == http.StatusOK) != strings.HasPrefix(cookie, "maibot_session=") {
			t.Errorf("cookie %q", cookie)
		}
	}
}

func TestCoreStartTakesThreeSecondsUnlessToldOtherwise(t *testing.T) {
	b := newBot(t, core0122)
	begun := time.Now()
	start(t, options{image: core0122, env: []string{eulaNew, privacy}, binds: b.directories()}).says("全部系统初始化完成")
	if took := time.Since(begun); took < 3*time.Second {
		t.Errorf("ready after %s", took)
	}
}
