package main

// This file owns file trees and the docker-archive format: layers as tar
// streams and the tar of manifest.json, configs and layers that
// `docker save` writes and `ctr images import` reads. It knows no image by
// name. Source of the format: the image specification v1.2 of the Moby
// project ("combined image JSON + filesystem changeset format").

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
	"time"
)

// epoch is the modification time of every file and the creation time of every
// image: the same input must give the same bytes.
var epoch = time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)

// node is one file, directory or symbolic link of a tree.
type node struct {
	mode fs.FileMode // permission bits, plus ModeDir, ModeSymlink, ModeSticky
	data []byte      // content of a regular file
	link string      // target of a symbolic link
}

// tree maps slash-separated paths without a leading slash to nodes. Parent
// directories are made when the tree is written, so they need no entry.
type tree map[string]node

func (t tree) file(name string, data []byte, mode fs.FileMode) {
	t[name] = node{mode: mode.Perm(), data: data}
}

func (t tree) symlink(name, target string) {
	t[name] = node{mode: fs.ModeSymlink | 0o777, link: target}
}

func (t tree) dir(name string, mode fs.FileMode) {
	t[name] = node{mode: fs.ModeDir | mode&(fs.ModePerm|fs.ModeSticky)}
}

// layer is one filesystem changeset: an uncompressed tar and its digest.
type layer struct {
	tar    []byte
	digest string // lower-case hex sha256 of tar
}

func newLayer(data []byte) layer {
	sum := sha256.Sum256(data)
	return layer{tar: data, digest: hex.EncodeToString(sum[:])}
}

// pack writes the tree as a tar, sorted by path, every parent directory before
// its content, all owned by root.
func (t tree) pack() (layer, error) {
	full := make(tree, len(t))
	for name, n := range t {
		if name == "" || path.Clean(name) != name || path.IsAbs(name) || strings.HasPrefix(name, "..") {
			return layer{}, fmt.Errorf("path %q cannot go into a layer", name)
		}
		full[name] = n
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if parent, ok := t[dir]; ok {
				if !parent.mode.IsDir() {
					return layer{}, fmt.Errorf("%q lies below %q, which is no directory", name, dir)
				}
				continue
			}
			full.dir(dir, 0o755)
		}
	}
	names := make([]string, 0, len(full))
	for name := range full {
		names = append(names, name)
	}
	sort.Strings(names)

	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range names {
		n := full[name]
		h := &tar.Header{Name: name, Mode: int64(n.mode.Perm()), ModTime: epoch, Format: tar.FormatPAX}
		switch {
		case n.mode.IsDir():
			h.Typeflag, h.Name = tar.TypeDir, name+"/"
			if n.mode&fs.ModeSticky != 0 {
				h.Mode |= 0o1000
			}
		case n.mode&fs.ModeSymlink != 0:
			h.Typeflag, h.Linkname = tar.TypeSymlink, n.link
		default:
			h.Typeflag, h.Size = tar.TypeReg, int64(len(n.data))
		}
		if err := w.WriteHeader(h); err != nil {
			return layer{}, fmt.Errorf("layer entry %s: %w", name, err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write(n.data); err != nil {
				return layer{}, fmt.Errorf("layer entry %s: %w", name, err)
			}
		}
	}
	if err := w.Close(); err != nil {
		return layer{}, err
	}
	return newLayer(out.Bytes()), nil
}

// runConfig is the part of an image's configuration a container engine acts on.
// Field names are those of the OCI image configuration.
type runConfig struct {
	Env        []string            `json:",omitempty"`
	Entrypoint []string            `json:",omitempty"`
	Cmd        []string            `json:",omitempty"`
	WorkingDir string              `json:",omitempty"`
	StopSignal string              `json:",omitempty"`
	Ports      map[string]struct{} `json:"ExposedPorts,omitempty"`
}

// image is one image ready to be written: its layers from the bottom up, its
// configuration and the references it is known by.
type image struct {
	refs   []string
	layers []layer
	config runConfig
}

// writeArchive writes one docker-archive that holds all images. A layer that
// several images share is stored once.
func writeArchive(out io.Writer, arch string, images []image) error {
	type manifestEntry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	w := tar.NewWriter(out)
	add := func(name string, data []byte) error {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data)), ModTime: epoch, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err := w.Write(data)
		return err
	}
	written := map[string]bool{}
	var manifest []manifestEntry
	for _, img := range images {
		entry := manifestEntry{RepoTags: img.refs}
		diffIDs := make([]string, 0, len(img.layers))
		history := make([]map[string]string, 0, len(img.layers))
		for _, l := range img.layers {
			name := l.digest + "/layer.tar"
			if !written[name] {
				if err := add(name, l.tar); err != nil {
					return err
				}
				written[name] = true
			}
			entry.Layers = append(entry.Layers, name)
			diffIDs = append(diffIDs, "sha256:"+l.digest)
			history = append(history, map[string]string{"created": epoch.Format(time.RFC3339), "created_by": "maibot test stand-in"})
		}
		config, err := json.Marshal(map[string]any{
			"architecture": arch,
			"os":           "linux",
			"created":      epoch.Format(time.RFC3339),
			"config":       img.config,
			"rootfs":       map[string]any{"type": "layers", "diff_ids": diffIDs},
			"history":      history,
		})
		if err != nil {
			return err
		}
		sum := sha256.Sum256(config)
		entry.Config = hex.EncodeToString(sum[:]) + ".json"
		if !written[entry.Config] {
			if err := add(entry.Config, config); err != nil {
				return err
			}
			written[entry.Config] = true
		}
		manifest = append(manifest, entry)
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	if err := add("manifest.json", data); err != nil {
		return err
	}
	return w.Close()
}
