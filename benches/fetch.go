package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// archiveSize is about how large the archive is that is fetched and rendered, in bytes.
const archiveSize = 1 << 20

// writeArchive packs the chart with 100 templates, made as large as archiveSize by a file that hardly shrinks.
func writeArchive(path string) error {
	files := hundredTemplates()
	// The same bytes every time.
	random := rand.NewChaCha8([32]byte{})
	ballast := make([]byte, archiveSize)
	if _, err := random.Read(ballast); err != nil {
		return err
	}
	files["files/ballast.bin"] = string(ballast)
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	var buffer bytes.Buffer
	zipped := gzip.NewWriter(&buffer)
	packed := tar.NewWriter(zipped)
	for _, name := range names {
		header := &tar.Header{Name: "hundred/" + name, Mode: 0o644, Size: int64(len(files[name]))}
		if err := packed.WriteHeader(header); err != nil {
			return err
		}
		if _, err := packed.Write([]byte(files[name])); err != nil {
			return err
		}
	}
	if err := packed.Close(); err != nil {
		return err
	}
	if err := zipped.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, buffer.Bytes(), 0o644)
}

// startRegistry starts the distribution registry on a free port of this machine; the function ends it.
func startRegistry(program, folder string) (host string, stop func(), err error) {
	if program == "" {
		return "", nil, fmt.Errorf("no program is given for the registry (-registry)")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	host = listener.Addr().String()
	listener.Close()
	config := filepath.Join(folder, "registry.yml")
	text := "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {inmemory: {}}\nhttp:\n  addr: " + host + "\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return "", nil, err
	}
	command := exec.Command(program, config)
	command.Env = scrubbed(folder, "OTEL_TRACES_EXPORTER=none")
	if err := command.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}
	for range 300 {
		connection, err := net.Dial("tcp", host)
		if err == nil {
			connection.Close()
			return host, stop, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	return "", nil, fmt.Errorf("the registry does not listen on %s", host)
}

// measureFetches pulls a chart of 1 MiB from a registry on this machine, with an empty cache and with one that has it, and
// renders it from its archive.
func measureFetches(subjects []Subject, rounds int, home, registry string) ([]*Quick, error) {
	archive := filepath.Join(home, "hundred-1.2.3.tgz")
	if err := writeArchive(archive); err != nil {
		return nil, err
	}
	host, stop, err := startRegistry(registry, home)
	if err != nil {
		return nil, err
	}
	defer stop()
	repository := "oci://" + host + "/charts"
	for _, subject := range subjects {
		if subject.Name != "helm 4" {
			continue
		}
		push := &Command{
			Program: subject.Program, Arguments: []string{"push", archive, repository, "--plain-http"},
			Environment: scrubbed(filepath.Join(home, "push")),
		}
		if err := checked("push", push); err != nil {
			return nil, err
		}
	}
	pull := func(Subject) []string {
		return []string{"pull", repository + "/hundred", "--version", "1.2.3", "--plain-http"}
	}
	cold := &Workload{Name: "pull of 1 MiB, empty cache", Arguments: pull, Before: func(home string) error {
		return os.RemoveAll(filepath.Join(home, ".cache"))
	}}
	warm := &Workload{Name: "pull of 1 MiB, in the cache", Arguments: pull}
	render := &Workload{Name: "template, archive of 1 MiB", Arguments: func(Subject) []string {
		return []string{"template", release, archive}
	}}
	var measured []*Quick
	for _, workload := range []*Workload{cold, warm, render} {
		quick, err := measureQuick(workload, subjects, rounds, home)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", strings.ToLower(workload.Name), err)
		}
		measured = append(measured, quick)
	}
	return measured, nil
}
