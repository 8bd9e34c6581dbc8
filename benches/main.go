// Bench runs the same work with maibot, Helm 3 and Helm 4 and tells how they compare.
//
// The machines this runs on are small and shared, so an absolute time means little. The subjects therefore take turns
// within each round, each round begins with another one, and what is told first are ratios, taken round by round.
// Medians come with the smallest and the largest value.
//
// Cases: `version`, `template` (the embedded chart beside one of its shape) and `charts` (the same Go template charts for
// all), `fetch` (pulling from a registry, an archive): wall time, processor time, peak memory; `engine` (renders within one process); `install` (the time until the bot
// answers, requests counted in the API server's audit log, and what happened when), and the binaries' sizes.
// The table goes to stdout, progress to stderr, everything measured to the file that -json names; -write puts the
// tables into docs/benchmarks.md.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Subject is a program that is compared.
type Subject struct {
	Name    string
	Program string
	// Chart is what is given for the chart: nothing for maibot, which carries it inside.
	Chart []string
}

// Results is everything that was measured.
type Results struct {
	Date     string             `json:"date"`
	Machine  Machine            `json:"machine"`
	Versions map[string]string  `json:"versions"`
	Sizes    map[string]float64 `json:"sizes_bytes"`
	Quick    []*Quick           `json:"quick"`
	Engines  []*Engine          `json:"engines,omitempty"`
	Install  *Installs          `json:"install,omitempty"`
}

// Machine is the class of the machine, as far as it matters for the numbers.
type Machine struct {
	Cores     int    `json:"cores"`
	Memory    int64  `json:"memory_bytes"`
	Processor string `json:"processor"`
}

func main() {
	settings := settings{}
	flag.StringVar(&settings.maibot, "maibot", "", "the maibot `program` to measure")
	flag.StringVar(&settings.helm3, "helm3", os.Getenv("MAIBOT_TEST_HELM3"), "the Helm 3 `program`")
	flag.StringVar(&settings.helm4, "helm4", os.Getenv("MAIBOT_TEST_HELM4"), "the Helm 4 `program`")
	flag.StringVar(&settings.chart, "chart", "../tests/charts/maibot-shape", "the Helm chart of the embedded chart's shape")
	flag.StringVar(&settings.oracle, "oracle", "../target/oracle/helm-oracle", "the Helm oracle `program`, which times Helm's engine")
	flag.StringVar(&settings.engine, "engine", "", "the `program` that times our engine (the example render-bench)")
	flag.StringVar(&settings.registry, "registry", os.Getenv("MAIBOT_TEST_REGISTRY"), "the registry `program` that charts are pulled from")
	flag.StringVar(&settings.cases, "cases", "version,template,charts,fetch,engine,install", "what to measure, separated by commas")
	flag.IntVar(&settings.rounds, "rounds", 40, "rounds of version and template")
	flag.IntVar(&settings.installs, "installs", 7, "rounds of install")
	flag.StringVar(&settings.json, "json", "", "the `file` that gets everything measured")
	flag.BoolVar(&settings.keep, "keep", false, "keep what the file of -json has of cases that are not measured now")
	flag.StringVar(&settings.page, "write", "", "the `page` whose tables are renewed")
	flag.StringVar(&settings.report, "report", "", "measure nothing: report this `file` of an earlier run")
	flag.Parse()
	if err := run(settings); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type settings struct {
	maibot, helm3, helm4, chart, cases, json, page, report, oracle, engine, registry string
	rounds, installs                                                                 int
	keep                                                                             bool
}

func run(settings settings) error {
	var results *Results
	var err error
	if settings.report != "" {
		results, err = readResults(settings.report)
	} else {
		results, err = measure(settings)
	}
	if err != nil {
		return err
	}
	if settings.keep {
		earlier, err := readResults(settings.json)
		if err != nil {
			return err
		}
		results.keep(earlier)
	}
	if settings.json != "" {
		text, err := json.MarshalIndent(results, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(settings.json, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	sections := results.sections()
	for _, section := range sections {
		fmt.Printf("\n%s\n\n%s", section.title, section.text)
	}
	if settings.page != "" {
		return writePage(settings.page, sections)
	}
	return nil
}

func readResults(path string) (*Results, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	results := &Results{}
	if err := json.Unmarshal(text, results); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return results, nil
}

// keep takes the cases over that were measured earlier and not now.
func (r *Results) keep(earlier *Results) {
	for _, quick := range earlier.Quick {
		if !slices.ContainsFunc(r.Quick, func(new *Quick) bool { return new.Case == quick.Case }) {
			r.Quick = append(r.Quick, quick)
		}
	}
	if r.Engines == nil {
		r.Engines = earlier.Engines
	}
	if r.Install == nil {
		r.Install = earlier.Install
	}
}

func measure(settings settings) (*Results, error) {
	chart, err := filepath.Abs(settings.chart)
	if err != nil {
		return nil, err
	}
	subjects := []Subject{
		{Name: "maibot", Program: settings.maibot},
		{Name: "helm 3", Program: settings.helm3, Chart: []string{chart}},
		{Name: "helm 4", Program: settings.helm4, Chart: []string{chart}},
	}
	results := &Results{
		Date:     time.Now().UTC().Format(time.DateOnly),
		Machine:  machine(),
		Versions: map[string]string{},
		Sizes:    map[string]float64{},
	}
	for index := range subjects {
		subject := &subjects[index]
		if subject.Program == "" {
			return nil, fmt.Errorf("no program is given for %s", subject.Name)
		}
		if subject.Program, err = filepath.Abs(subject.Program); err != nil {
			return nil, err
		}
		information, err := os.Stat(subject.Program)
		if err != nil {
			return nil, err
		}
		results.Sizes[subject.Name] = float64(information.Size())
		if err := evict(subject.Program); err != nil {
			return nil, err
		}
		version, err := exec.Command(subject.Program, "version", "--short").Output()
		if err != nil {
			return nil, fmt.Errorf("%s version --short: %w", subject.Name, err)
		}
		results.Versions[subject.Name] = strings.TrimSpace(string(version))
	}
	home, err := os.MkdirTemp("", "maibot-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(home)

	for _, name := range strings.Split(settings.cases, ",") {
		switch name {
		case "version":
			quick, err := measureQuick(&Workload{
				Name: "version", Arguments: func(Subject) []string { return []string{"version"} },
			}, subjects, settings.rounds, home)
			if err != nil {
				return nil, err
			}
			results.Quick = append(results.Quick, quick)
		case "template":
			for _, values := range []string{"defaults", "all-on"} {
				file, err := filepath.Abs(filepath.Join("values", values+".yaml"))
				if err != nil {
					return nil, err
				}
				quick, err := measureQuick(&Workload{
					Name: "template, " + values, HasGoals: true,
					Arguments: func(subject Subject) []string {
						arguments := append([]string{"template", release}, subject.Chart...)
						return append(arguments, "-n", "bot", "-f", file)
					},
				}, subjects, settings.rounds, home)
				if err != nil {
					return nil, err
				}
				results.Quick = append(results.Quick, quick)
			}
		case "charts":
			quick, err := measureCharts(subjects, settings.rounds, home, chart)
			if err != nil {
				return nil, err
			}
			results.Quick = append(results.Quick, quick...)
		case "fetch":
			quick, err := measureFetches(subjects, settings.rounds, home, settings.registry)
			if err != nil {
				return nil, err
			}
			results.Quick = append(results.Quick, quick...)
		case "engine":
			if results.Engines, err = measureEngines(settings.engine, settings.oracle, settings.chart, settings.rounds); err != nil {
				return nil, err
			}
		case "install":
			if results.Install, err = measureInstalls(subjects, settings.installs, home, interrupts()); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("there is no case %q", name)
		}
	}
	return results, nil
}

// interrupts lets a run end in order: what it made in the cluster is removed.
func interrupts() <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return signals
}

func progress(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
}

func machine() Machine {
	machine := Machine{Cores: runtime.NumCPU()}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == "model name" {
				machine.Processor = strings.TrimSpace(value)
				break
			}
		}
	}
	var information syscall.Sysinfo_t
	if syscall.Sysinfo(&information) == nil {
		machine.Memory = int64(information.Totalram) * int64(information.Unit)
	}
	return machine
}

// scrubbed is the environment of the subjects: nothing that could change what they do.
func scrubbed(home string, more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LANG=C.UTF-8", "TZ=UTC"}, more...)
}
