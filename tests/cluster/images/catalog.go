package main

// This file owns the list of images: their names, what lies in their layers and
// how they start. The names, versions and start commands are those of the real
// images, as the official chart refers to them; what the programs do is in
// files/.

import (
	"embed"
	"encoding/binary"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed files
var programs embed.FS

// recipe says how one image is made. A recipe is data: the layers are built from
// it later, so that listing needs no package.
type recipe struct {
	name   string   // for --only
	refs   []string // fully qualified references
	bottom string   // "debian", "busybox" or "" for none
	parts  []part   // one layer each, above the bottom
	config runConfig
}

// part puts the embedded files below from at the directory to of an image, or
// extra trees that are no files of ours.
type part struct {
	from, to string
	extra    func() (tree, error)
}

const (
	hub          = "docker.io/"
	coreRef      = hub + "sengokucola/maibot:"
	adapterRef   = hub + "unclas/maimbot-adapter:"
	local        = "test.local/"
	pythonPath   = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
	packagesPath = "usr/local/lib/python3.11/dist-packages/standin"
)

// sharedPart is the package the stand-ins import.
var sharedPart = part{from: "files/standin", to: packagesPath}

func python(workingDir string, command ...string) runConfig {
	return runConfig{
		Env:        []string{pythonPath, "LANG=C.UTF-8", "PYTHONUNBUFFERED=1"},
		Entrypoint: command,
		WorkingDir: workingDir,
	}
}

// coreVersions are the core images: chart version equals image tag.
var coreVersions = []string{"0.12.2", "0.12.1", "0.11.3-beta"}

// adapterVersions maps image tags of the adapter to the version of its
// configuration file.
var adapterVersions = []struct{ tag, config string }{
	{"main-20260109183519", "0.1.3"},
	{"main-20251211074617", "0.1.2"},
}

// recipes is the whole catalog, in the order it is written.
func recipes() []recipe {
	var all []recipe

	var newestCore, newestAdapter recipe
	for i, version := range coreVersions {
		r := recipe{
			name:   "core-" + version,
			refs:   []string{coreRef + version},
			bottom: "debian",
			parts: []part{sharedPart, {from: "files/core/bot.py", to: "MaiMBot/bot.py"}, {extra: func() (tree, error) {
				return coreFiles(version)
			}}},
			config: python("/MaiMBot", "python", "bot.py"),
		}
		if i == 0 {
			newestCore = r
		}
		all = append(all, r)
	}
	for i, version := range adapterVersions {
		r := recipe{
			name:   "adapter-" + version.tag,
			refs:   []string{adapterRef + version.tag},
			bottom: "debian",
			parts: []part{sharedPart, {from: "files/adapter/main.py", to: "adapters/main.py"}, {extra: func() (tree, error) {
				return adapterFiles(version.config)
			}}},
			config: python("/adapters", "python", "main.py"),
		}
		if i == 0 {
			newestAdapter = r
		}
		all = append(all, r)
	}
	napcat := recipe{
		name:   "napcat",
		refs:   []string{hub + "mlikiowa/napcat-docker:v4.10.15"},
		bottom: "debian",
		parts:  []part{sharedPart, {from: "files/napcat/napcat.py", to: "app/napcat.py"}},
		config: python("/app", "python", "/app/napcat.py"),
	}
	nginx := recipe{
		name:   "nginx",
		refs:   []string{hub + "library/nginx:latest"},
		bottom: "debian",
		parts:  []part{sharedPart, {from: "files/nginx/nginx.py", to: "usr/sbin/nginx.py"}, {extra: welcomePage}},
		config: python("/", "python", "/usr/sbin/nginx.py"),
	}
	nginx.config.StopSignal = "SIGQUIT"
	sqliteWeb := recipe{
		name:   "sqlite-web",
		refs:   []string{hub + "coleifer/sqlite-web:latest"},
		bottom: "debian",
		parts:  []part{sharedPart, {from: "files/sqlite-web/sqlite_web.py", to: "usr/local/bin/sqlite_web.py"}},
		config: python("/data", "python", "/usr/local/bin/sqlite_web.py"),
	}
	preprocessor := recipe{
		name:   "preprocessor",
		refs:   []string{"reg.mikumikumi.xyz/maibot/preprocessor:0.12.2"},
		bottom: "debian",
		parts:  []part{sharedPart, {from: "files/preprocessor/preprocessor.py", to: "app/preprocessor.py"}},
		config: python("/app", "python", "/app/preprocessor.py"),
	}
	all = append(all, napcat, nginx, sqliteWeb, preprocessor)

	// Charts cannot set the environment of a container, but they can name another
	// repository: the same images, failing on command.
	all = append(all, failing(newestCore, "maibot", "0.12.2", "crash", "never-ready", "slow:20", "oom")...)
	all = append(all, failing(newestAdapter, "maimbot-adapter", adapterVersions[0].tag, "crash", "never-ready", "slow:20", "oom")...)
	all = append(all, failing(napcat, "napcat-docker", "v4.10.15", "crash", "never-ready")...)
	all = append(all, failing(preprocessor, "preprocessor", "0.12.2", "crash", "never-ready")...)

	all = append(all,
		recipe{
			name:   "wrong-arch",
			refs:   []string{coreRef + "wrong-arch", local + "maibot-wrong-arch:0.12.2"},
			parts:  []part{{extra: foreignPrograms}},
			config: python("/MaiMBot", "python", "bot.py"),
		},
		recipe{
			name:   "busybox",
			refs:   []string{hub + "library/busybox:latest"},
			bottom: "busybox",
			config: runConfig{Env: []string{"PATH=/bin:/usr/bin"}, Cmd: []string{"sh"}},
		},
		recipe{
			name:   "pause",
			refs:   []string{local + "pause:1"},
			bottom: "busybox",
			config: runConfig{Env: []string{"PATH=/bin"}, Entrypoint: []string{"/bin/sleep", "2147483647"}},
		},
	)
	return all
}

// failing returns variants of a recipe that differ only in STANDIN_FAIL, under
// test.local/<repository>-<failure>:<tag>.
func failing(base recipe, repository, tag string, failures ...string) []recipe {
	var variants []recipe
	for _, failure := range failures {
		kind, _, _ := strings.Cut(failure, ":")
		r := base
		r.name = base.name + "-" + kind
		r.refs = []string{local + repository + "-" + kind + ":" + tag}
		r.config.Env = append(append([]string{}, base.config.Env...), "STANDIN_FAIL="+failure)
		variants = append(variants, r)
	}
	return variants
}

// files returns the embedded files of a part as a tree.
func (p part) files() (tree, error) {
	if p.extra != nil {
		return p.extra()
	}
	t := tree{}
	err := fs.WalkDir(programs, p.from, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := programs.ReadFile(name)
		if err != nil {
			return err
		}
		target := p.to
		if rest := strings.TrimPrefix(name, p.from); rest != "" {
			target = path.Join(p.to, rest)
		}
		t.file(target, data, 0o644)
		return nil
	})
	return t, err
}

// coreFiles are what differs between versions of core.
func coreFiles(version string) (tree, error) {
	t := tree{}
	for name, target := range map[string]string{
		"standin.json":               "MaiMBot/standin.json",
		"bot_config_template.toml":   "MaiMBot/template/bot_config_template.toml",
		"model_config_template.toml": "MaiMBot/template/model_config_template.toml",
	} {
		data, err := programs.ReadFile("files/core/" + version + "/" + name)
		if err != nil {
			return nil, err
		}
		t.file(target, data, 0o644)
	}
	t.file("MaiMBot/template/template.env", []byte("HOST=127.0.0.1\nPORT=8000\nWEBUI_HOST=127.0.0.1\nWEBUI_PORT=8001\n"), 0o644)
	t.file("MaiMBot/EULA.md", []byte("Stand-in for the EULA of MaiBot "+version+".\n"), 0o644)
	t.file("MaiMBot/PRIVACY.md", []byte("Stand-in for the privacy terms of MaiBot "+version+".\n"), 0o644)
	t.file("MaiMBot/plugins/hello_world/plugin.py", []byte("# a bundled plugin\n"), 0o644)
	return t, nil
}

func adapterFiles(version string) (tree, error) {
	t := tree{}
	for name, target := range map[string]string{
		"standin.json":         "adapters/standin.json",
		"template_config.toml": "adapters/template/template_config.toml",
	} {
		data, err := programs.ReadFile("files/adapter/" + version + "/" + name)
		if err != nil {
			return nil, err
		}
		t.file(target, data, 0o644)
	}
	return t, nil
}

func welcomePage() (tree, error) {
	t := tree{}
	t.file("usr/share/nginx/html/index.html", []byte("<!doctype html><title>nginx</title><p>stand-in\n"), 0o644)
	return t, nil
}

// foreignPrograms is a file system whose every program is an executable of a
// machine that no kernel of ours runs: starting one fails with "exec format
// error". The machine number is one that is assigned to nobody, so an emulator
// registered on the test machine does not pick it up either.
func foreignPrograms() (tree, error) {
	elf := make([]byte, 64+56)
	copy(elf, "\x7fELF\x02\x01\x01") // 64 bit, little endian, version 1
	binary.LittleEndian.PutUint16(elf[16:], 2)
	binary.LittleEndian.PutUint16(elf[18:], 0xfefe)
	binary.LittleEndian.PutUint32(elf[20:], 1)
	binary.LittleEndian.PutUint64(elf[24:], 0x400000)
	binary.LittleEndian.PutUint64(elf[32:], 64)
	binary.LittleEndian.PutUint16(elf[52:], 64)
	binary.LittleEndian.PutUint16(elf[54:], 56)
	binary.LittleEndian.PutUint16(elf[56:], 1)
	binary.LittleEndian.PutUint32(elf[64:], 1)
	binary.LittleEndian.PutUint32(elf[68:], 5)
	t := tree{}
	for _, name := range []string{"bin/sh", "usr/bin/sh", "usr/local/bin/python", "usr/local/bin/python3"} {
		t.file(name, elf, 0o755)
	}
	t.dir("MaiMBot", 0o755)
	t.dir("tmp", fs.ModeSticky|0o777)
	return t, nil
}

// chosen returns the recipes with the given name, or all for "".
func chosen(name string) ([]recipe, error) {
	all := recipes()
	if name == "" {
		return all, nil
	}
	known := make([]string, 0, len(all))
	for _, r := range all {
		if r.name == name {
			return []recipe{r}, nil
		}
		known = append(known, r.name)
	}
	return nil, fmt.Errorf("no image is called %q; there are: %s", name, strings.Join(known, ", "))
}
