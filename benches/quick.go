package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// nothing is the floor of the comparison: a program that ends at once.
const nothing = "starting a process"

// The charts whose rendering has goals: one template, and what a new chart begins with.
const (
	oneTemplate = "one template"
	smallChart  = "small chart"
)

// weighings is how often memory is measured; it hardly varies.
const weighings = 5

// Quick is a command that needs no cluster, round by round.
type Quick struct {
	Case string `json:"case"`
	// Wall and CPU are in milliseconds, one value a round; PeakRSS in bytes, from runs of its own.
	Wall    map[string][]float64 `json:"wall_ms"`
	CPU     map[string][]float64 `json:"cpu_ms"`
	PeakRSS map[string][]float64 `json:"peak_rss_bytes"`
	// HasGoals says whether how much faster and smaller maibot is has a goal here.
	HasGoals bool `json:"has_goals,omitempty"`
}

// Workload is a command that every subject runs.
type Workload struct {
	Name      string
	Arguments func(Subject) []string
	// Before puts things in order before each run, in the subject's home; it is not measured.
	Before   func(home string) error
	HasGoals bool
}

// measureQuick runs a command of every subject in every round. Before the first round each runs twice for warmth: the
// programs and the chart are then in the page cache.
func measureQuick(workload *Workload, subjects []Subject, rounds int, home string) (*Quick, error) {
	progress("%s: %d rounds", workload.Name, rounds)
	quick := &Quick{
		Case: workload.Name, HasGoals: workload.HasGoals,
		Wall: map[string][]float64{}, CPU: map[string][]float64{}, PeakRSS: map[string][]float64{},
	}
	commands := map[string]*Command{}
	var names []string
	for _, subject := range subjects {
		folder := filepath.Join(home, strings.ReplaceAll(subject.Name, " ", ""))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
		names = append(names, subject.Name)
		commands[subject.Name] = &Command{
			Program: subject.Program, Arguments: workload.Arguments(subject), Environment: scrubbed(folder), Folder: folder,
		}
	}
	names = append(names, nothing)
	commands[nothing] = &Command{Program: "/bin/true"}
	before := func(name string) error {
		if workload.Before == nil || name == nothing {
			return nil
		}
		return workload.Before(commands[name].Folder)
	}

	for range 2 {
		for _, name := range names {
			if err := before(name); err != nil {
				return nil, err
			}
			if err := checked(name, commands[name]); err != nil {
				return nil, err
			}
		}
	}
	for round := range rounds {
		for turn := range names {
			name := names[(round+turn)%len(names)]
			if err := before(name); err != nil {
				return nil, err
			}
			run, err := commands[name].timed()
			if err != nil || run.Exit != 0 {
				return nil, fmt.Errorf("%s: exit status %d, %w", name, run.Exit, err)
			}
			quick.Wall[name] = append(quick.Wall[name], run.Wall.Seconds()*1e3)
			quick.CPU[name] = append(quick.CPU[name], run.CPU.Seconds()*1e3)
		}
	}
	for range weighings {
		for _, name := range names {
			if err := before(name); err != nil {
				return nil, err
			}
			run, err := commands[name].weighed()
			if err != nil || run.Exit != 0 {
				return nil, fmt.Errorf("%s: exit status %d, %w", name, run.Exit, err)
			}
			quick.PeakRSS[name] = append(quick.PeakRSS[name], float64(run.PeakRSS))
		}
	}
	return quick, nil
}

// checked runs a command once and shows what it says if it fails.
func checked(name string, command *Command) error {
	errors, err := os.CreateTemp("", "maibot-bench-stderr-")
	if err != nil {
		return err
	}
	defer os.Remove(errors.Name())
	defer errors.Close()
	once := *command
	once.Stderr = errors
	run, err := once.timed()
	if err != nil {
		return err
	}
	if run.Exit != 0 {
		text, _ := os.ReadFile(errors.Name())
		return fmt.Errorf("%s %s: exit status %d: %s", name, strings.Join(command.Arguments, " "), run.Exit, text)
	}
	return nil
}

// measureCharts renders Go template charts with every subject: one template, a small chart with a schema, one with 100
// templates in five charts, 300 objects of one template.
func measureCharts(subjects []Subject, rounds int, home, shape string) ([]*Quick, error) {
	hundred, one := filepath.Join(home, "hundred"), filepath.Join(home, "one")
	if err := writeChart(hundred, hundredTemplates()); err != nil {
		return nil, err
	}
	if err := writeChart(one, map[string]string{
		"Chart.yaml":          "apiVersion: v2\nname: one\nversion: 1.0.0\n",
		"values.yaml":         "text: a\n",
		"templates/text.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  text: {{ .Values.text | quote }}\n",
	}); err != nil {
		return nil, err
	}
	charts, err := filepath.Abs("../tests/conformance/charts")
	if err != nil {
		return nil, err
	}
	values, err := filepath.Abs("values/all-on.yaml")
	if err != nil {
		return nil, err
	}
	var measured []*Quick
	for _, chart := range []struct {
		name      string
		arguments []string
	}{
		{oneTemplate, []string{one}},
		{smallChart, []string{filepath.Join(charts, "web", "chart")}},
		{"official chart's shape", []string{shape, "-f", values}},
		{"100 templates, subcharts", []string{hundred}},
		{"300 objects", []string{filepath.Join(charts, "range300", "chart")}},
	} {
		quick, err := measureQuick(&Workload{
			Name:     "template, " + chart.name,
			HasGoals: chart.name == oneTemplate || chart.name == smallChart,
			Arguments: func(Subject) []string {
				return append([]string{"template", release}, chart.arguments...)
			},
		}, subjects, rounds, home)
		if err != nil {
			return nil, err
		}
		measured = append(measured, quick)
	}
	return measured, nil
}

// writeChart writes the files of a chart into a folder.
func writeChart(folder string, files map[string]string) error {
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
