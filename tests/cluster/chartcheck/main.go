// Command chartcheck renders a chart with real Helm for every recorded case of the
// official MaiBot chart and compares the objects: kinds, names, fields, values,
// scalar types, hooks, the template each comes from and their order. It owns the
// comparison, not the chart and not the recordings.
//
//	chartcheck [--chart DIR] [--cases DIR] [--only CASE] HELM...
//
// Each HELM is the path of a Helm binary. Texts may differ where the recording says
// that they are the chart's own (`source` begins with `chart-`); texts that a case
// gave must be equal. A case that fails must fail for the same reason, in the same
// template. The format of a case is described in the README.md of the recordings.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sort"
	"strings"
	"sync"
	"time"
)

// testCase is one recording.
type testCase struct {
	Format  string `json:"format"`
	Name    string `json:"case"`
	Release struct {
		Name      string  `json:"name"`
		Namespace *string `json:"namespace"`
		IsUpgrade bool    `json:"is_upgrade"`
	} `json:"release"`
	Given   []map[string]json.RawMessage `json:"given"`
	Result  string                       `json:"result"`
	Objects []recorded                   `json:"objects"`
	Error   struct {
		Kind     string   `json:"kind"`
		Template string   `json:"template"`
		At       string   `json:"at"`
		Reason   string   `json:"reason"`
		Mentions []string `json:"mentions"`
	} `json:"error"`
}

// recorded is one object of a rendering.
type recorded struct {
	Template string          `json:"template"`
	Hook     *hook           `json:"hook"`
	Object   json.RawMessage `json:"object"`
}

type hook struct {
	Events         []string `json:"events"`
	Weight         int      `json:"weight"`
	DeletePolicies []string `json:"delete_policies"`
}

func main() {
	ok, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "chartcheck:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(args []string) (bool, error) {
	flags := flag.NewFlagSet("chartcheck", flag.ContinueOnError)
	here := filepath.Join("..", "..")
	conformance := os.Getenv("MAIBOT_CONFORMANCE_DIR")
	if conformance == "" {
		conformance = filepath.Join(here, "conformance")
	}
	chart := flags.String("chart", filepath.Join(here, "charts", "maibot-shape"), "chart to render")
	dir := flags.String("cases", filepath.Join(conformance, "official-chart", "0.12.2"), "folder of recorded cases")
	only := flags.String("only", "", "name of a single case")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	if flags.NArg() == 0 {
		return false, errors.New("name at least one Helm binary")
	}
	cases, err := readCases(*dir, *only)
	if err != nil {
		return false, err
	}
	good := true
	for _, helm := range flags.Args() {
		version, err := exec.Command(helm, "version", "--short").Output()
		if err != nil {
			return false, fmt.Errorf("%s: %w", helm, err)
		}
		started := time.Now()
		rendered, refused, failed := 0, 0, 0
		for i, differences := range checkAll(helm, *chart, cases) {
			switch {
			case len(differences) > 0:
				failed++
				fmt.Printf("FAIL %s\n    %s\n", cases[i].Name, strings.Join(differences, "\n    "))
			case cases[i].Result == "rendered":
				rendered++
			default:
				refused++
			}
		}
		fmt.Printf("Helm %s: %d cases: %d render the same objects, %d fail for the same reason, %d differ (%.1f s)\n",
			strings.TrimSpace(string(version)), len(cases), rendered, refused, failed, time.Since(started).Seconds())
		good = good && failed == 0
	}
	return good, nil
}

func readCases(dir, only string) ([]testCase, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	sort.Strings(files)
	var cases []testCase
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "_") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var c testCase
		if err := json.Unmarshal(data, &c); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if c.Format != "maibot-official-chart-case/1" {
			return nil, fmt.Errorf("%s: format %q is not known", file, c.Format)
		}
		if c.Result != "rendered" && c.Result != "error" {
			return nil, fmt.Errorf("%s: result %q is not known", file, c.Result)
		}
		if only == "" || only == c.Name {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("no recorded case in %s", dir)
	}
	return cases, nil
}

// checkAll returns the differences of each case, in the order of the cases.
func checkAll(helm, chart string, cases []testCase) [][]string {
	results := make([][]string, len(cases))
	next := make(chan int)
	var workers sync.WaitGroup
	for range runtime.NumCPU() {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for i := range next {
				results[i] = check(helm, chart, cases[i])
			}
		}()
	}
	for i := range cases {
		next <- i
	}
	close(next)
	workers.Wait()
	return results
}

// check renders one case and says what differs.
func check(helm, chart string, c testCase) []string {
	work, err := os.MkdirTemp("", "chartcheck-")
	if err != nil {
		return []string{err.Error()}
	}
	defer os.RemoveAll(work)
	args, err := arguments(work, chart, c)
	if err != nil {
		return []string{err.Error()}
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(helm, args...)
	// Nothing of the user's own Helm takes part.
	cmd.Env = []string{"HOME=" + work, "PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + filepath.Join(work, "none")}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return []string{err.Error()}
	}
	if c.Result == "error" {
		if err == nil {
			return []string{"was rendered, but the official chart fails: " + c.Error.Kind}
		}
		return compareError(c, stderr.String())
	}
	if err != nil {
		return []string{"failed: " + strings.TrimSpace(stderr.String())}
	}
	got, err := parseRendering(stdout.String())
	if err != nil {
		return []string{err.Error()}
	}
	return compareObjects(c.Objects, got)
}

// arguments makes Helm's command line; values files are written to work.
func arguments(work, chart string, c testCase) ([]string, error) {
	args := []string{"template", c.Release.Name, chart}
	if c.Release.Namespace != nil {
		args = append(args, "--namespace", *c.Release.Namespace)
	}
	if c.Release.IsUpgrade {
		args = append(args, "--is-upgrade")
	}
	for i, given := range c.Given {
		for kind, raw := range given {
			switch kind {
			case "file", "yaml":
				text := []byte(raw) // JSON is YAML
				if kind == "yaml" {
					var s string
					if err := json.Unmarshal(raw, &s); err != nil {
						return nil, err
					}
					text = []byte(s)
				}
				file := filepath.Join(work, fmt.Sprintf("values-%d.yaml", i))
				if err := os.WriteFile(file, text, 0o600); err != nil {
					return nil, err
				}
				args = append(args, "-f", file)
			case "set", "set-string", "set-json", "set-literal":
				var s string
				if err := json.Unmarshal(raw, &s); err != nil {
					return nil, err
				}
				args = append(args, "--"+kind, s)
			default:
				return nil, fmt.Errorf("input of kind %q is not known", kind)
			}
		}
	}
	return args, nil
}

var lineNumber = regexp.MustCompile(`line \d+`)

// compareError checks kind, template, place and reason of a failure.
func compareError(c testCase, stderr string) []string {
	text := lineNumber.ReplaceAllString(stderr, "line N")
	wanted := append([]string{}, c.Error.Mentions...)
	switch c.Error.Kind {
	case "fail":
		wanted = append(wanted, "execution error", c.Error.Template)
	case "exec", "yaml":
		wanted = append(wanted, c.Error.Template, c.Error.At, c.Error.Reason)
	case "release-name":
		// Helm 3 and 4 put different words around it.
		text = strings.ToLower(text)
		wanted = append(wanted, "release name")
	default:
		return []string{fmt.Sprintf("error of kind %q is not known", c.Error.Kind)}
	}
	var differences []string
	for _, part := range wanted {
		if !strings.Contains(text, part) {
			differences = append(differences, fmt.Sprintf("error does not say %q: %s", part, strings.TrimSpace(stderr)))
		}
	}
	return differences
}
