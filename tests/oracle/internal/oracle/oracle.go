// Package oracle is the part of helm-oracle that does not depend on a Helm
// version: the line protocol, the chart description, JSON numbers, and the
// check of a recorded corpus.
package oracle

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	_ "time/tzdata" // the zones that templates may name
	"unicode/utf8"

	"sigs.k8s.io/yaml"
)

// Handler answers one request. The result becomes "ok", the error "error".
type Handler func(request []byte) (any, error)

// Main runs `COMMAND` over JSON lines from stdin, or `check FILE...`.
func Main(commands map[string]Handler) {
	UseUTC()
	if len(os.Args) >= 3 && os.Args[1] == "check" {
		os.Exit(Check(commands, os.Args[2:]))
	}
	if len(os.Args) == 2 {
		if h, ok := commands[os.Args[1]]; ok {
			if err := serve(h, os.Stdin, os.Stdout); err != nil {
				fmt.Fprintln(os.Stderr, "helm-oracle:", err)
				os.Exit(1)
			}
			return
		}
	}
	names := make([]string, 0, len(commands))
	for name := range commands {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintf(os.Stderr, "usage: helm-oracle %s  <requests.jsonl  >answers.jsonl\n"+
		"       helm-oracle check CORPUS.json...\n", strings.Join(names, "|"))
	os.Exit(2)
}

// UseUTC starts the program again in UTC: templates see the local zone, and the
// TOML library looks it up before main runs.
func UseUTC() {
	if os.Getenv("TZ") == "UTC" {
		return
	}
	os.Setenv("TZ", "UTC")
	self, err := os.Executable()
	if err == nil {
		err = syscall.Exec(self, os.Args, os.Environ())
	}
	fmt.Fprintln(os.Stderr, "helm-oracle:", err)
	os.Exit(1)
}

func serve(h Handler, in io.Reader, out io.Writer) error {
	r := bufio.NewReader(in)
	for {
		line, err := r.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if _, err := out.Write(append(respond(h, line).line(), '\n')); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// answer holds the fields of an answer as JSON text.
type answer struct {
	ID    json.RawMessage
	OK    json.RawMessage
	Error json.RawMessage
}

func (a answer) line() []byte {
	var parts []string
	for _, field := range []struct {
		name  string
		value json.RawMessage
	}{{"id", a.ID}, {"ok", a.OK}, {"error", a.Error}} {
		if field.value != nil {
			parts = append(parts, fmt.Sprintf("%q:%s", field.name, field.value))
		}
	}
	return []byte("{" + strings.Join(parts, ",") + "}")
}

// respond runs the handler; a panic of the library is an answer too.
func respond(h Handler, request []byte) (a answer) {
	fail := func(text string) { a.OK, a.Error = nil, Encode(text) }
	if err := json.Unmarshal(request, &a); err != nil {
		fail("bad request: " + err.Error())
		return a
	}
	a.OK, a.Error = nil, nil
	defer func() {
		if r := recover(); r != nil {
			fail(fmt.Sprintf("panic: %v", r))
		}
	}()
	if ok, err := h(request); err != nil {
		fail(err.Error())
	} else {
		a.OK = Encode(ok)
	}
	return a
}

// sorted brings objects into key order, to compare answers.
func (a answer) sorted() (answer, error) {
	for _, field := range []*json.RawMessage{&a.OK, &a.Error} {
		if *field != nil {
			v, err := Decode(*field)
			if err != nil {
				return a, err
			}
			*field = Encode(v)
		}
	}
	return a, nil
}

// VersionKey names the field of a case that holds what another Helm version
// answers, "helm3". Empty for the version the corpora are made with.
var VersionKey string

// Check answers every case of the given corpora again, reports differences and
// returns the exit status. A corpus is
// {"command": NAME, "cases": [request + "ok" or "error", ...]}.
func Check(commands map[string]Handler, files []string) int {
	status := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		var corpus struct {
			Command string
			Cases   []json.RawMessage
		}
		if err == nil {
			err = json.Unmarshal(text, &corpus)
		}
		h := commands[corpus.Command]
		if err == nil && h == nil {
			err = fmt.Errorf("no such command: %q", corpus.Command)
		}
		same := 0
		for _, c := range corpus.Cases {
			if err != nil {
				break
			}
			var got, want answer
			if want, err = recorded(c); err != nil {
				break
			}
			if got, err = respond(h, c).sorted(); err != nil {
				break
			}
			if g, w := got.line(), want.line(); bytes.Equal(g, w) {
				same++
			} else {
				fmt.Printf("%s:\n  got      %s\n  recorded %s\n", file, g, w)
			}
		}
		if err != nil {
			fmt.Printf("%s: %v\n", file, err)
		} else {
			fmt.Printf("%s: %d of %d cases as recorded\n", file, same, len(corpus.Cases))
		}
		if err != nil || same < len(corpus.Cases) {
			status = 1
		}
	}
	return status
}

// recorded is the answer that a case expects.
func recorded(c []byte) (a answer, err error) {
	if err := json.Unmarshal(c, &a); err != nil {
		return a, err
	}
	var other map[string]json.RawMessage
	if err := json.Unmarshal(c, &other); err != nil {
		return a, err
	}
	if VersionKey != "" && other[VersionKey] != nil {
		a.OK, a.Error = nil, nil
		if err := json.Unmarshal(other[VersionKey], &a); err != nil {
			return a, err
		}
	}
	return a.sorted()
}

// Encode writes compact JSON in which integers and floats stay apart: a float
// always carries a '.' or an exponent. A string that is not UTF-8 becomes
// {"$bytes": BASE64}, a float JSON cannot express {"$float": TEXT}.
func Encode(v any) []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(typed(v)); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

func typed(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = typed(e)
		}
		return out
	case map[string]string:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = typed(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = typed(e)
		}
		return out
	case []map[string]any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = typed(e)
		}
		return out
	case string:
		if !utf8.ValidString(v) {
			return map[string][]byte{"$bytes": []byte(v)}
		}
		return v
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return map[string]string{"$float": strconv.FormatFloat(v, 'g', -1, 64)}
		}
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return json.RawMessage(s)
	}
	return v
}

// Decode reads JSON in which a number without '.' and exponent is an integer.
func Decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return numbers(v), nil
}

func numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = numbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = numbers(e)
		}
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") {
			if i, err := strconv.ParseInt(string(v), 10, 64); err == nil {
				return i
			}
			if u, err := strconv.ParseUint(string(v), 10, 64); err == nil {
				return u
			}
		}
		f, _ := v.Float64()
		return f
	}
	return v
}

// Bytes is a string, or {"$bytes": BASE64}.
type Bytes []byte

// UnmarshalJSON accepts both forms.
func (b *Bytes) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*b = Bytes(text)
		return nil
	}
	var raw struct {
		Bytes []byte `json:"$bytes"`
	}
	err := json.Unmarshal(data, &raw)
	*b = raw.Bytes
	return err
}

// File is one file of a chart.
type File struct {
	Name string
	Data []byte
}

// Chart describes a chart directory. Templates and Files are one tree; the two
// names only help the reader. A subchart lies under "charts/NAME/".
type Chart struct {
	Chart     map[string]any   `json:"chart"`
	Templates map[string]Bytes `json:"templates"`
	Files     map[string]Bytes `json:"files"`
}

// Tree lists the chart's files sorted by path, with a Chart.yaml made from
// Chart unless there is one.
func (c Chart) Tree() ([]File, error) {
	all := map[string][]byte{}
	for _, part := range []map[string]Bytes{c.Templates, c.Files} {
		for name, data := range part {
			all[name] = data
		}
	}
	if _, ok := all["Chart.yaml"]; !ok {
		meta := map[string]any{"apiVersion": "v2", "name": "c", "version": "0.1.0", "appVersion": "1.2"}
		for k, v := range c.Chart {
			meta[k] = v
		}
		text, err := yaml.Marshal(meta)
		if err != nil {
			return nil, err
		}
		all["Chart.yaml"] = text
	}
	files := make([]File, 0, len(all))
	for name, data := range all {
		files = append(files, File{name, data})
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Name < files[j].Name })
	return files, nil
}

// Values are user-supplied values: an object, or a string that holds the YAML
// text of a values file. Set holds --set expressions applied on top.
type Values struct {
	Values json.RawMessage `json:"values"`
	Set    []string        `json:"set"`
}

// Side is a chart with the values that are given for it.
type Side struct {
	Chart
	Values
}

// Upgrade is an upgrade from one chart and its values to others, with the
// flags that say what becomes of the old values.
type Upgrade struct {
	Old, New Side
	Reset    bool
	Reuse    bool
	Then     bool `json:"reset_then_reuse"`
}

// Recorded returns a release as it is read back from a cluster, where it was
// JSON: it has lost the subcharts.
func Recorded[Release any](release Release) (*Release, error) {
	text, err := json.Marshal(release)
	if err != nil {
		return nil, err
	}
	read := new(Release)
	return read, json.Unmarshal(text, read)
}

// Read returns the values; parse reads a values file, set applies --set.
func (v Values) Read(parse func([]byte) (map[string]any, error), set func(string, map[string]any) error) (map[string]any, error) {
	values := map[string]any{}
	var text string
	var err error
	if len(v.Values) > 0 {
		if json.Unmarshal(v.Values, &text) == nil {
			values, err = parse([]byte(text))
		} else {
			err = json.Unmarshal(v.Values, &values)
		}
	}
	for _, expression := range v.Set {
		if err == nil {
			err = set(expression, values)
		}
	}
	return values, err
}

// Release is what templates see as .Release.
type Release struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Revision  int    `json:"revision"`
	IsUpgrade bool   `json:"isUpgrade"`
	IsInstall bool   `json:"isInstall"`
}

// UnmarshalJSON fills in the defaults of fields that are not given.
func (r *Release) UnmarshalJSON(data []byte) error {
	type plain Release
	p := plain{Name: "rel", Namespace: "ns", Revision: 1, IsInstall: true}
	err := json.Unmarshal(data, &p)
	*r = Release(p)
	return err
}

// DefaultRelease is used when a request has no "release".
var DefaultRelease = Release{Name: "rel", Namespace: "ns", Revision: 1, IsInstall: true}

// Expressions are the flags that set values, in the order Helm applies them,
// and the files they may name.
type Expressions struct {
	ValueFiles []string          `json:"values_files"`
	JSON       []string          `json:"set_json"`
	Set        []string          `json:"set"`
	String     []string          `json:"set_string"`
	File       []string          `json:"set_file"`
	Literal    []string          `json:"set_literal"`
	Files      map[string]string `json:"files"`
}

// InFiles writes the files into a scratch folder and calls do from within it.
func (e Expressions) InFiles(do func() (map[string]any, error)) (map[string]any, error) {
	dir, err := os.MkdirTemp("", "helm-oracle-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	back, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if err := os.Chdir(dir); err != nil {
		return nil, err
	}
	defer os.Chdir(back)
	for name, text := range e.Files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return do()
}

// Lines splits captured log output into sorted lines.
func Lines(log *bytes.Buffer) []any {
	lines := []string{}
	for _, l := range strings.Split(strings.TrimSpace(log.String()), "\n") {
		if l != "" {
			lines = append(lines, l)
		}
	}
	sort.Strings(lines)
	out := make([]any, len(lines))
	for i, l := range lines {
		out[i] = l
	}
	return out
}
