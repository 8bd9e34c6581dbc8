package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// napcatVolumes are the two folders of NapCat's volume.
func napcatVolumes(t *testing.T) (config, session string, binds []bind) {
	t.Helper()
	dir := t.TempDir()
	config, session = filepath.Join(dir, "config"), filepath.Join(dir, "data")
	for _, d := range []string{config, session} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	waitClosed(t, 6099)
	return config, session, []bind{{Host: config, Container: "/app/napcat/config"}, {Host: session, Container: "/app/.config/QQ"}}
}

const onebot = `{"network":{"websocketClients":[{"enable":true,"name":"MaiMai","url":"ws://maimai-maibot-adapter:8095/","reconnectInterval":500,"token":"abc","heartInterval":30000}]}}`

func TestNapCatRedirectsToItsConsoleAndSaysItsToken(t *testing.T) {
	config, _, binds := napcatVolumes(t)
	c := start(t, options{image: napcatRef, binds: binds, env: []string{"NAPCAT_UID=1000", "NAPCAT_GID=1001"}})
	eventually(t, "http://127.0.0.1:6099/webui", http.StatusOK)
	status, _, header, err := get("http://127.0.0.1:6099/")
	if err != nil || status != http.StatusMovedPermanently || header.Get("Location") != "/webui" {
		t.Errorf("/ answered %d to %q, %v", status, header.Get("Location"), err)
	}
	data, err := os.ReadFile(filepath.Join(config, "webui.json"))
	if err != nil {
		t.Fatal(err)
	}
	var webui struct{ Token string }
	if err := json.Unmarshal(data, &webui); err != nil || len(webui.Token) != 12 {
		t.Errorf("webui.json: %s, %v", data, err)
	}
	c.says("[NapCat] [WebUi] WebUi Token: " + webui.Token)
	c.says("http://127.0.0.1:6099/webui?token=" + webui.Token)
	for _, name := range []string{"", "webui.json", "napcat.json", "onebot11.json"} {
		info, err := os.Stat(filepath.Join(config, name))
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 1000 || owner.Gid != 1001 {
			t.Errorf("config/%s belongs to %d:%d", name, owner.Uid, owner.Gid)
		}
	}
	c.signal(syscall.SIGTERM)
	if code := c.wait(2 * time.Second); code != 0 {
		t.Errorf("exit status %d at SIGTERM", code)
	}
}

func TestNapCatTakesItsTokenFromTheEnvironmentOnlyForANewFile(t *testing.T) {
	config, _, binds := napcatVolumes(t)
	for _, token := range []string{"first-token", "second-token"} {
		c := start(t, options{image: napcatRef, binds: binds, env: []string{"WEBUI_TOKEN=" + token}})
		c.says("WebUi Token: first-token")
		c.signal(syscall.SIGTERM)
		c.wait(2 * time.Second)
	}
	if data, err := os.ReadFile(filepath.Join(config, "webui.json")); err != nil || !strings.Contains(string(data), "first-token") {
		t.Errorf("%s, %v", data, err)
	}
}

func TestFirstStartOfNapCatOverwritesASeededDefault(t *testing.T) {
	config, _, binds := napcatVolumes(t)
	if err := os.WriteFile(filepath.Join(config, "onebot11.json"), []byte(onebot), 0o644); err != nil {
		t.Fatal(err)
	}
	c := start(t, options{image: napcatRef, binds: binds, env: []string{"ACCOUNT=10001"}})
	c.says("10001 logged in")
	data, err := os.ReadFile(filepath.Join(config, "onebot11_10001.json"))
	if err != nil || strings.Contains(string(data), "MaiMai") {
		t.Errorf("the account's file: %s, %v", data, err)
	}
}

func TestMessageGoesFromNapCatThroughTheAdapterToCoreAndBack(t *testing.T) {
	b := newBot(t, core0122)
	_, binds := adapterConfig(t, adapter013, `token = ""`, `token = "abc"`, "group_list = []", "group_list = [900]",
		"[maibot_server]\nhost = \"localhost\"", "[maibot_server]\nhost = \"maimai-maibot-core\"")
	config, _, volumes := napcatVolumes(t)

	napcat := start(t, options{image: napcatRef, binds: volumes})
	adapter := start(t, options{image: adapter013, env: []string{fastStart}, binds: binds})
	adapter.says("ws://maimai-maibot-core:8000/ws: ConnectionRefusedError")
	start(t, options{image: core0122, env: agreed, binds: b.directories()}).says("全部系统初始化完成")
	adapter.says("connected to ws://maimai-maibot-core:8000/ws")

	// The account's file appears while NapCat waits for the login.
	if err := os.WriteFile(filepath.Join(config, "onebot11_10001.json"), []byte(onebot), 0o644); err != nil {
		t.Fatal(err)
	}
	napcat.says("[OneBot] [WebSocket Client] ws://maimai-maibot-adapter:8095/ connected")
	adapter.says("Bot 10001 连接成功")

	for _, group := range []string{"901", "900"} { // 901 is on no list
		event := `{"post_type":"message","message_type":"group","group_id":` + group + `,"user_id":7,"message_id":1,"message":[{"type":"text","data":{"text":"你好"}}],"sender":{"nickname":"n"}}`
		answer, err := http.Post("http://127.0.0.1:6099/__event", "application/json", strings.NewReader(event))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	var state struct {
		Calls []struct {
			Action string
			Params struct {
				GroupID int `json:"group_id"`
				Message []struct{ Data struct{ Text string } }
			}
		}
	}
	waitFor(t, "an answer in the group", 10*time.Second, func() error {
		_, body, _, err := get("http://127.0.0.1:6099/__state")
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(body), &state); err != nil {
			return err
		}
		if len(state.Calls) == 0 {
			return errors.New("no call yet")
		}
		return nil
	})
	call := state.Calls[0]
	if len(state.Calls) != 1 || call.Action != "send_group_msg" || call.Params.GroupID != 900 || len(call.Params.Message) != 1 || call.Params.Message[0].Data.Text != "收到：你好" {
		t.Errorf("calls: %+v", state.Calls)
	}

	napcat.signal(syscall.SIGTERM)
	adapter.says("可能发生了连接断开")
}

func TestDashboardAndDatabaseBrowserShowWhatCoreWrites(t *testing.T) {
	b := newBot(t, core0122)
	statistics := t.TempDir()
	dashboard := start(t, options{image: "docker.io/library/nginx:latest", binds: []bind{{Host: statistics, Container: "/usr/share/nginx/html", ReadOnly: true}}})
	browser := start(t, options{image: "docker.io/coleifer/sqlite-web:latest", env: []string{"SQLITE_DATABASE=/data/MaiMBot/MaiBot.db"},
		binds: []bind{{Host: filepath.Join(b.dir, "data"), Container: "/data/MaiMBot"}}})
	eventually(t, "http://127.0.0.1:80/", http.StatusForbidden)
	if page := eventually(t, "http://127.0.0.1:8080/", http.StatusOK); !strings.Contains(page, "no such database yet") {
		t.Errorf("without a database: %s", page)
	}

	// The start of the official chart: a script links the page to the volume.
	script := filepath.Join(t.TempDir(), "start.sh")
	if err := os.WriteFile(script, []byte("touch statistics/index.html\nln -s statistics/index.html maibot_statistics.html\nexec python bot.py\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	binds := append(b.directories(), bind{Host: statistics, Container: "/MaiMBot/statistics"}, bind{Host: script, Container: "/MaiMBot/start.sh", ReadOnly: true})
	core := start(t, options{image: core0122, env: agreed, binds: binds, command: []string{"sh", "/MaiMBot/start.sh"}})
	core.says("全部系统初始化完成")
	waitFor(t, "the statistics page", 5*time.Second, func() error {
		status, body, _, err := get("http://127.0.0.1:80/")
		if err == nil && (status != http.StatusOK || !strings.Contains(body, "MaiBot 0.12.2")) {
			err = errors.New(body)
		}
		return err
	})
	if page := eventually(t, "http://127.0.0.1:8080/", http.StatusOK); !strings.Contains(page, "messages") {
		t.Errorf("tables: %s", page)
	}
	if page := eventually(t, "http://127.0.0.1:8080/messages/", http.StatusOK); !strings.Contains(page, "messages: 0 rows") {
		t.Errorf("table: %s", page)
	}
	eventually(t, "http://127.0.0.1:8080/secrets/", http.StatusNotFound)
	dashboard.signal(syscall.SIGQUIT)
	browser.signal(syscall.SIGTERM)
	for _, c := range []*container{dashboard, browser} {
		if code := c.wait(2 * time.Second); code != 0 {
			t.Errorf("exit status %d", code)
		}
	}
}
