package main

// This file owns the reading of a rendering and the comparison of objects.

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// parseRendering splits Helm's output into objects, each with the path of its
// template below the chart.
func parseRendering(text string) ([]recorded, error) {
	var objects []recorded
	for _, document := range strings.Split("\n"+text, "\n---\n") {
		source := ""
		for line := range strings.Lines(document) {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "# Source: "); ok {
				_, source, _ = strings.Cut(rest, "/")
				break
			}
		}
		// The library of Helm itself, so that scalar types are Helm's.
		data, err := yaml.YAMLToJSON([]byte(document))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		if string(bytes.TrimSpace(data)) == "null" {
			continue
		}
		if source == "" {
			return nil, fmt.Errorf("a document without a source comment: %.80q", document)
		}
		h, err := hookOf(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		objects = append(objects, recorded{Template: source, Hook: h, Object: data})
	}
	return objects, nil
}

// hookOf reads the hook annotations of an object.
func hookOf(object []byte) (*hook, error) {
	var meta struct {
		Metadata struct {
			Annotations map[string]any `json:"annotations"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(object, &meta); err != nil {
		return nil, err
	}
	events, ok := meta.Metadata.Annotations["helm.sh/hook"].(string)
	if !ok {
		return nil, nil
	}
	h := &hook{Events: strings.Split(events, ",")}
	if policies, ok := meta.Metadata.Annotations["helm.sh/hook-delete-policy"].(string); ok {
		h.DeletePolicies = strings.Split(policies, ",")
	}
	if weight, ok := meta.Metadata.Annotations["helm.sh/hook-weight"].(string); ok {
		n, err := strconv.Atoi(weight)
		if err != nil {
			return nil, fmt.Errorf("hook weight: %w", err)
		}
		h.Weight = n
	}
	return h, nil
}

// compareObjects says how two renderings differ. The first is a recording, in
// which texts are replaced by their hashes.
func compareObjects(want, got []recorded) []string {
	var differences []string
	if len(want) != len(got) {
		differences = append(differences, fmt.Sprintf("%d objects, recorded are %d", len(got), len(want)))
	}
	for i := range min(len(want), len(got)) {
		w, g := want[i], got[i]
		if w.Template != g.Template {
			differences = append(differences, fmt.Sprintf("object %d is from %s, recorded is one from %s", i, g.Template, w.Template))
			continue
		}
		if !reflect.DeepEqual(w.Hook, g.Hook) {
			differences = append(differences, fmt.Sprintf("%s: hook %+v, recorded is %+v", w.Template, g.Hook, w.Hook))
		}
		wantTree, err := decode(w.Object)
		if err != nil {
			return append(differences, err.Error())
		}
		gotTree, err := decode(g.Object)
		if err != nil {
			return append(differences, err.Error())
		}
		for _, d := range compareValues("", wantTree, gotTree) {
			differences = append(differences, w.Template+d)
		}
	}
	return differences
}

func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var tree any
	err := d.Decode(&tree)
	return tree, err
}

func compareValues(path string, want, got any) []string {
	if text, ok := asText(want); ok {
		return text.compare(path, got)
	}
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf(" %s: %s, recorded is a map", path, show(got))}
		}
		names := map[string]bool{}
		for name := range w {
			names[name] = true
		}
		for name := range g {
			names[name] = true
		}
		sorted := make([]string, 0, len(names))
		for name := range names {
			sorted = append(sorted, name)
		}
		sort.Strings(sorted)
		var differences []string
		for _, name := range sorted {
			wv, inWant := w[name]
			gv, inGot := g[name]
			switch below := path + "." + name; {
			case !inGot:
				differences = append(differences, fmt.Sprintf(" %s: missing, recorded is %s", below, show(wv)))
			case !inWant:
				differences = append(differences, fmt.Sprintf(" %s: %s, recorded is nothing", below, show(gv)))
			default:
				differences = append(differences, compareValues(below, wv, gv)...)
			}
		}
		return differences
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return []string{fmt.Sprintf(" %s: %s, recorded is %s", path, show(got), show(want))}
		}
		var differences []string
		for i := range w {
			differences = append(differences, compareValues(fmt.Sprintf("%s[%d]", path, i), w[i], g[i])...)
		}
		return differences
	case json.Number:
		if g, ok := got.(json.Number); ok && sameNumber(w, g) {
			return nil
		}
	default:
		if want == got {
			return nil
		}
	}
	return []string{fmt.Sprintf(" %s: %s, recorded is %s", path, show(got), show(want))}
}

func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	x, errA := a.Float64()
	y, errB := b.Float64()
	return errA == nil && errB == nil && x == y
}

func show(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(data) > 200 {
		data = append(data[:200], "..."...)
	}
	return string(data)
}

// text is what a recording keeps of a long text.
type text struct {
	sha256, source string
	bytes          int64
	base64         bool
	dotenv         map[string]any
}

// asText recognises a text of a recording.
func asText(v any) (text, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		return text{}, false
	}
	sum, hasSum := m["sha256"].(string)
	source, hasSource := m["source"].(string)
	size, hasSize := m["bytes"].(json.Number)
	if !hasSum || !hasSource || !hasSize {
		return text{}, false
	}
	n, err := size.Int64()
	if err != nil {
		return text{}, false
	}
	dotenv, _ := m["dotenv"].(map[string]any)
	return text{sha256: sum, source: source, bytes: n, base64: m["encoding"] == "base64", dotenv: dotenv}, true
}

func (t text) compare(path string, got any) []string {
	s, ok := got.(string)
	if !ok {
		return []string{fmt.Sprintf(" %s: %s, recorded is a text", path, show(got))}
	}
	data := []byte(s)
	if t.base64 {
		var err error
		if data, err = base64.StdEncoding.DecodeString(s); err != nil {
			return []string{fmt.Sprintf(" %s: %v", path, err)}
		}
	}
	if t.dotenv != nil {
		found := map[string]any{}
		for line := range strings.Lines(string(data)) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				found[name] = value
			}
		}
		if !reflect.DeepEqual(found, t.dotenv) {
			return []string{fmt.Sprintf(" %s: variables %v, recorded are %v", path, found, t.dotenv)}
		}
		return nil
	}
	if strings.HasPrefix(t.source, "chart-") {
		// The chart's own words: only whether there are some.
		if (len(data) == 0) != (t.bytes == 0) {
			return []string{fmt.Sprintf(" %s: %d bytes, recorded are %d", path, len(data), t.bytes)}
		}
		return nil
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != t.sha256 {
		return []string{fmt.Sprintf(" %s: another text than %s (%d bytes, recorded are %d)", path, t.source, len(data), t.bytes)}
	}
	return nil
}
