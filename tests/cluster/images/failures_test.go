package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestFailureOnCommandByEnvironment(t *testing.T) {
	t.Run("crash", func(t *testing.T) {
		b := newBot(t, core0122)
		if code := start(t, options{image: core0122, env: append([]string{"STANDIN_FAIL=crash"}, agreed...), binds: b.directories()}).wait(20 * time.Second); code != 1 {
			t.Errorf("exit status %d", code)
		}
	})
	t.Run("never ready", func(t *testing.T) {
		b := newBot(t, core0122)
		c := start(t, options{image: core0122, env: append([]string{"STANDIN_FAIL=never-ready"}, agreed...), binds: b.directories()})
		c.says("failing on command: never-ready")
		time.Sleep(time.Second)
		if !c.runs() || !refused(8000) || !refused(8001) {
			t.Errorf("runs: %v, 8000 closed: %v, 8001 closed: %v", c.runs(), refused(8000), refused(8001))
		}
	})
	t.Run("slow", func(t *testing.T) {
		b := newBot(t, core0122)
		begun := time.Now()
		start(t, options{image: core0122, env: append([]string{"STANDIN_FAIL=slow:2"}, agreed...), binds: b.directories()}).says("全部系统初始化完成")
		if took := time.Since(begun); took < 2*time.Second {
			t.Errorf("ready after %s", took)
		}
	})
	t.Run("out of memory", func(t *testing.T) {
		b := newBot(t, core0122)
		c := start(t, options{image: core0122, env: append([]string{"STANDIN_FAIL=oom"}, agreed...), binds: b.directories()})
		waitFor(t, "300 MiB taken", 20*time.Second, func() error {
			resident, err := residentMiB(c.cmd.Process.Pid)
			if err == nil && resident < 300 {
				err = fmt.Errorf("%d MiB", resident)
			}
			return err
		})
	})
	t.Run("a word without meaning", func(t *testing.T) {
		b := newBot(t, core0122)
		c := start(t, options{image: core0122, env: append([]string{"STANDIN_FAIL=craash"}, agreed...), binds: b.directories()})
		if code := c.wait(20 * time.Second); code != 1 || !strings.Contains(c.output.String(), "BadSwitch") {
			t.Errorf("exit status %d", code)
		}
	})
}

func residentMiB(pid int) (int, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, fmt.Errorf("statm: %q", data)
	}
	pages, err := strconv.Atoi(fields[1])
	return pages * os.Getpagesize() >> 20, err
}

func TestFailureOnCommandByAFileOnTheVolume(t *testing.T) {
	b := newBot(t, core0122)
	b.write("data/standin-fail", "crash\n")
	if code := start(t, options{image: core0122, env: agreed, binds: b.directories()}).wait(20 * time.Second); code != 1 {
		t.Errorf("core: exit status %d", code)
	}
	// The database browser shares core's volume and has a switch of its own.
	binds := []bind{{Host: filepath.Join(b.dir, "data"), Container: "/data/MaiMBot"}}
	env := []string{"SQLITE_DATABASE=/data/MaiMBot/MaiBot.db"}
	start(t, options{image: "docker.io/coleifer/sqlite-web:latest", env: env, binds: binds}).says("sqlite-web (stand-in) serves")
	b.write("data/standin-fail.sqlite-web", "crash\n")
	if code := start(t, options{image: "docker.io/coleifer/sqlite-web:latest", env: env, binds: binds}).wait(20 * time.Second); code != 1 {
		t.Errorf("sqlite-web: exit status %d", code)
	}

	_, adapterBinds := adapterConfig(t, adapter013)
	adapterBinds = append(adapterBinds, bind{Host: filepath.Join(b.dir, "data"), Container: "/adapters/data"})
	if code := start(t, options{image: adapter013, binds: adapterBinds}).wait(20 * time.Second); code != 1 {
		t.Errorf("adapter: exit status %d", code)
	}
	config, _, napcatBinds := napcatVolumes(t)
	if err := os.WriteFile(filepath.Join(config, "standin-fail"), []byte("crash"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code := start(t, options{image: napcatRef, binds: napcatBinds}).wait(20 * time.Second); code != 1 {
		t.Errorf("NapCat: exit status %d", code)
	}
}

func TestImagesThatFailUnderAnotherRepository(t *testing.T) {
	b := newBot(t, core0122)
	if code := start(t, options{image: "test.local/maibot-crash:0.12.2", env: agreed, binds: b.directories()}).wait(20 * time.Second); code != 1 {
		t.Errorf("crash: exit status %d", code)
	}
	start(t, options{image: "test.local/maibot-never-ready:0.12.2", env: agreed, binds: b.directories()}).says("failing on command: never-ready")
}

func TestProgramsOfTheWrongArchitectureCannotBeStarted(t *testing.T) {
	for _, command := range [][]string{nil, {"sh", "/MaiMBot/k8s-init.sh"}} {
		c := start(t, options{image: "docker.io/sengokucola/maibot:wrong-arch", command: command})
		if code := c.wait(20 * time.Second); code != 125 || !strings.Contains(c.output.String(), "exec format error") {
			t.Errorf("%v: exit status %d", command, code)
		}
	}
}

func TestCoreImageHasTheToolsOfTheRealOneAndNoOthers(t *testing.T) {
	for _, image := range []string{core0122, core0121, core0113} {
		script := "for tool in sh bash tar gzip sha256sum md5sum sync mv find stat cp tee base64 od mktemp flock timeout awk sed grep python python3 curl wget nc ps sqlite3 xz zstd; do\n" +
			"command -v $tool > /dev/null && echo $tool\ndone\npython -c 'import sqlite3, ssl, tomllib; print(sqlite3.sqlite_version_info >= (3, 37))'\nprintf x | gzip | gunzip\n"
		c := start(t, options{image: image, command: []string{"sh", "-c", script}})
		c.wait(20 * time.Second)
		want := "sh\nbash\ntar\ngzip\nsha256sum\nmd5sum\nsync\nmv\nfind\nstat\ncp\ntee\nbase64\nod\nmktemp\nflock\ntimeout\nawk\nsed\ngrep\npython\npython3\nTrue\nx"
		if got := c.output.String(); got != want {
			t.Errorf("%s has:\n%s", image, got)
		}
	}
}
