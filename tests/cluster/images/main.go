// Command images builds the stand-in images of the test cluster as docker-archive
// tars, from Debian packages and the programs in files/, with the standard library
// and apt alone.
//
// Real images cannot be pulled where the tests run. The stand-ins carry the real
// images' names, so that `imagePullPolicy: IfNotPresent` finds them, and behave
// like the real programs where an installer can notice: see files/. It does not
// own the cluster that runs them.
//
//	images build --out DIR [--only NAME]
//	images list
//
// build writes DIR/standins.tar (all images that share the Debian layer) and
// DIR/plain.tar (the rest), or DIR/NAME.tar, and prints one path a line. What is
// there already for the same input is left alone.
package main

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// sources are this program's own files: they are part of the key of what it
// makes, so a changed builder never leaves an old archive in place.
//
//go:embed *.go
var sources embed.FS

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: images build --out DIR [--only NAME] | images list")

func run(args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "list":
		for _, r := range recipes() {
			fmt.Printf("%s\t%s\n", r.name, strings.Join(r.refs, " "))
		}
		return nil
	case "build":
		flags := flag.NewFlagSet("build", flag.ContinueOnError)
		out := flags.String("out", "", "directory for the archives")
		only := flags.String("only", "", "name of a single image")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		if *out == "" || flags.NArg() != 0 {
			return errUsage
		}
		files, err := build(*out, *only)
		for _, file := range files {
			fmt.Println(file)
		}
		return err
	default:
		return errUsage
	}
}

// build writes the archives and returns their paths.
func build(out, only string) ([]string, error) {
	list, err := chosen(only)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	groups := map[string][]recipe{}
	var order []string
	for _, r := range list {
		name := only
		if name == "" {
			name = "plain"
			if r.bottom == "debian" {
				name = "standins"
			}
		}
		if groups[name] == nil {
			order = append(order, name)
		}
		groups[name] = append(groups[name], r)
	}
	b := &builder{bottoms: map[string]layer{}}
	var files []string
	for _, name := range order {
		file := filepath.Join(out, name+".tar")
		if err := b.archive(file, groups[name]); err != nil {
			return files, fmt.Errorf("%s: %w", file, err)
		}
		files = append(files, file)
	}
	return files, nil
}

// builder keeps bottom layers that several archives need.
type builder struct {
	bottoms map[string]layer
}

// archive writes one docker-archive, unless file was made from the same input. The
// key of the input lies beside it in file.key.
func (b *builder) archive(file string, list []recipe) error {
	key, err := inputKey(list)
	if err != nil {
		return err
	}
	keyFile := file + ".key"
	if found, err := os.ReadFile(keyFile); err == nil && string(found) == key {
		if _, err := os.Stat(file); err == nil {
			return nil
		}
	}
	started := time.Now()
	images := make([]image, 0, len(list))
	for _, r := range list {
		img, err := b.image(r)
		if err != nil {
			return fmt.Errorf("image %s: %w", r.name, err)
		}
		images = append(images, img)
	}
	if err := os.Remove(keyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = writeWhole(file, func(f *os.File) error { return writeArchive(f, runtime.GOARCH, images) })
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "images: %s: %d images in %.1f s\n", filepath.Base(file), len(images), time.Since(started).Seconds())
	return writeWhole(keyFile, func(f *os.File) error {
		_, err := f.WriteString(key)
		return err
	})
}

func (b *builder) image(r recipe) (image, error) {
	img := image{refs: r.refs, config: r.config}
	if r.bottom != "" {
		bottom, ok := b.bottoms[r.bottom]
		if !ok {
			var err error
			if bottom, err = cachedBottom(r.bottom); err != nil {
				return image{}, err
			}
			b.bottoms[r.bottom] = bottom
		}
		img.layers = append(img.layers, bottom)
	}
	for _, p := range r.parts {
		t, err := p.files()
		if err != nil {
			return image{}, err
		}
		l, err := t.pack()
		if err != nil {
			return image{}, err
		}
		img.layers = append(img.layers, l)
	}
	return img, nil
}

// cachedBottom returns a bottom layer from the user's cache directory, where it is
// put when it is built: downloading and compiling it is the only slow part.
func cachedBottom(name string) (layer, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return layer{}, err
	}
	dir := filepath.Join(cache, "maibot-test-cluster", "image-parts")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return layer{}, err
	}
	key := sha256.New()
	fmt.Fprintf(key, "%s %s\n", name, runtime.GOARCH)
	for _, source := range []string{"archive.go", "debian.go"} {
		text, err := sources.ReadFile(source)
		if err != nil {
			return layer{}, err
		}
		key.Write(text)
	}
	file := filepath.Join(dir, name+"-"+hex.EncodeToString(key.Sum(nil)[:8])+".tar")
	if data, err := os.ReadFile(file); err == nil {
		return newLayer(data), nil
	}
	work, err := os.MkdirTemp("", "maibot-images-")
	if err != nil {
		return layer{}, err
	}
	defer os.RemoveAll(work)
	var l layer
	switch name {
	case "debian":
		l, err = debianBase(work)
	case "busybox":
		l, err = busyboxBase(work)
	default:
		err = fmt.Errorf("no bottom layer is called %q", name)
	}
	if err != nil {
		return layer{}, err
	}
	return l, writeWhole(file, func(f *os.File) error {
		_, err := f.Write(l.tar)
		return err
	})
}

// inputKey identifies everything an archive is made of, except the versions of
// the Debian packages: newer ones come in when the builder changes.
func inputKey(list []recipe) (string, error) {
	h := sha256.New()
	for _, tree := range []fs.FS{sources, programs} {
		err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") {
				return err
			}
			data, err := fs.ReadFile(tree, name)
			if err != nil {
				return err
			}
			fmt.Fprintf(h, "%s %d\n", name, len(data))
			h.Write(data)
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	for _, r := range list {
		fmt.Fprintf(h, "%s %v\n", r.name, r.refs)
	}
	return runtime.GOARCH + " " + hex.EncodeToString(h.Sum(nil)) + "\n", nil
}

// writeWhole writes a file under a temporary name and renames it when it is
// complete, so that a killed run leaves no half of one.
func writeWhole(file string, write func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
