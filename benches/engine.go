package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Engine is one chart rendered inside a process again and again: templates parsed and run, without the process's start
// and without loading the chart.
type Engine struct {
	Chart string `json:"chart"`
	// Objects is how many the chart makes, 0 if nobody counted.
	Objects int `json:"objects"`
	// Bytes is the length of the rendered text, the same on both sides.
	Bytes int `json:"bytes"`
	// Milliseconds of each round, by subject.
	Milliseconds map[string][]float64 `json:"ms"`
}

// The subjects of an engine's measurement.
var engineNames = []string{"maibot", "helm 4"}

// engineCharts are what is rendered: the folder of a chart or one that is made here, and its values.
func engineCharts(shape string) ([]engineChart, error) {
	var charts []engineChart
	add := func(name string, objects int, files map[string]string, err error, values string) error {
		charts = append(charts, engineChart{name, objects, files, values})
		return err
	}
	const ranged = "../tests/conformance/charts/range300/chart"
	files, err := readChart(ranged)
	if err := add("300 objects in one range", 300, files, err, ""); err != nil {
		return nil, err
	}
	if err := add("100 templates, subcharts", 100, hundredTemplates(), nil, ""); err != nil {
		return nil, err
	}
	official, err := readChart(shape)
	if err != nil {
		return nil, err
	}
	values, err := os.ReadFile("values/all-on.yaml")
	if err := add("the official chart's shape", 0, official, err, string(values)); err != nil {
		return nil, err
	}
	for _, count := range []int{100, 1_000, 10_000} {
		name := fmt.Sprintf("%d objects in one range", count)
		if err := add(name, count, files, nil, fmt.Sprintf("count: %d\n", count)); err != nil {
			return nil, err
		}
	}
	return charts, nil
}

type engineChart struct {
	name    string
	objects int
	files   map[string]string
	values  string
}

// readChart reads the text files of a chart's folder; .helmignore does not matter to what is measured.
func readChart(folder string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if utf8.Valid(text) {
			relative, err := filepath.Rel(folder, path)
			if err != nil {
				return err
			}
			files[filepath.ToSlash(relative)] = string(text)
		}
		return nil
	})
	return files, err
}

// hundredTemplates is a chart as charts are written: 100 templates in a chart and four subcharts, each with helpers that
// all of them include, with labels, conditions, toYaml and nindent.
func hundredTemplates() map[string]string {
	files := map[string]string{}
	chart := func(prefix, name string, templates int) {
		files[prefix+"Chart.yaml"] = "apiVersion: v2\nname: " + name + "\nversion: 1.2.3\nappVersion: \"4.5\"\n"
		files[prefix+"values.yaml"] = `replicas: 2
image: {repository: example.org/app, tag: "", pullPolicy: IfNotPresent}
service: {type: ClusterIP, ports: [{name: http, port: 80}, {name: metrics, port: 9090}]}
resources: {limits: {cpu: 500m, memory: 512Mi}, requests: {cpu: 100m, memory: 128Mi}}
env: {LOG_LEVEL: info, WORKERS: 4, FEATURE_X: true}
nodeSelector: {}
tolerations: [{key: dedicated, operator: Equal, value: app, effect: NoSchedule}]
podAnnotations: {checksum: none, team: bot}
config: {server: {host: 0.0.0.0, port: 8080}, database: {url: "postgres://db/app", pool: 10}}
`
		files[prefix+"templates/_helpers.tpl"] = strings.ReplaceAll(`{{- define "NAME.fullname" -}}
{{- printf "%s-%s" .Release.Name (default .Chart.Name .Values.nameOverride) | trunc 63 | trimSuffix "-" -}}
{{- end }}
{{- define "NAME.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ include "NAME.fullname" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- if .Chart.AppVersion }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
`, "NAME", name)
		for index := range templates {
			files[fmt.Sprintf("%stemplates/object-%02d.yaml", prefix, index)] = strings.NewReplacer("NAME", name, "INDEX", fmt.Sprint(index)).Replace(`{{- $full := include "NAME.fullname" . -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $full }}-INDEX
  labels:
    {{- include "NAME.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  template:
    metadata:
      {{- with .Values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      labels:
        {{- include "NAME.labels" . | nindent 8 }}
    spec:
      containers:
        - name: {{ .Chart.Name }}
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          {{- if gt (len .Values.env) 0 }}
          env:
            {{- range $key, $value := .Values.env }}
            - name: {{ $key }}
              value: {{ $value | quote }}
            {{- end }}
          {{- end }}
          ports:
            {{- range .Values.service.ports }}
            - name: {{ .name }}
              containerPort: {{ .port }}
            {{- end }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
      {{- with .Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  config: |
    {{- .Values.config | toYaml | nindent 4 }}
  sum: {{ .Values.config | toJson | sha256sum }}
`)
		}
	}
	chart("", "hundred", 20)
	for index := range 4 {
		name := fmt.Sprintf("part%d", index)
		chart("charts/"+name+"/", name, 20)
	}
	return files
}

// worker is a process that renders what it is asked, line by line.
type worker struct {
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
}

func startWorker(program string, arguments ...string) (*worker, error) {
	command := exec.Command(program, arguments...)
	command.Env = append(os.Environ(), "TZ=UTC")
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &worker{command, input, bufio.NewReader(output)}, command.Start()
}

func (w *worker) stop() error {
	if err := w.input.Close(); err != nil {
		return err
	}
	return w.command.Wait()
}

// render asks for some rounds and answers their milliseconds and the length of the text.
func (w *worker) render(request []byte) ([]float64, int, error) {
	if _, err := w.input.Write(append(request, '\n')); err != nil {
		return nil, 0, err
	}
	line, err := w.output.ReadBytes('\n')
	if err != nil {
		return nil, 0, err
	}
	var answer struct {
		OK struct {
			Nanoseconds []float64
			Bytes       int
		}
		Error string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return nil, 0, err
	}
	if answer.Error != "" {
		return nil, 0, fmt.Errorf("%s: %s", w.command.Path, answer.Error)
	}
	for index := range answer.OK.Nanoseconds {
		answer.OK.Nanoseconds[index] /= 1e6
	}
	return answer.OK.Nanoseconds, answer.OK.Bytes, nil
}

// measureEngines renders every chart in turns: a few rounds here, a few there.
func measureEngines(ours, oracle, shape string, rounds int) ([]*Engine, error) {
	charts, err := engineCharts(shape)
	if err != nil {
		return nil, err
	}
	workers := map[string]*worker{}
	for name, command := range map[string][]string{"maibot": {ours}, "helm 4": {oracle, "bench"}} {
		if command[0] == "" {
			return nil, fmt.Errorf("no program renders for %s", name)
		}
		worker, err := startWorker(command[0], command[1:]...)
		if err != nil {
			return nil, err
		}
		defer worker.stop() //nolint:errcheck // it has answered
		workers[name] = worker
	}
	var engines []*Engine
	for _, chart := range charts {
		progress("engine, %s: %d rounds", chart.name, rounds)
		engine := &Engine{Chart: chart.name, Objects: chart.objects, Milliseconds: map[string][]float64{}}
		request, err := json.Marshal(map[string]any{"files": chart.files, "values": chart.values, "rounds": 1})
		if err != nil {
			return nil, err
		}
		for round := range rounds + 1 {
			for turn := range engineNames {
				name := engineNames[(round+turn)%len(engineNames)]
				took, bytes, err := workers[name].render(request)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", chart.name, err)
				}
				if engine.Bytes != 0 && engine.Bytes != bytes {
					return nil, fmt.Errorf("%s: %d bytes and %d bytes", chart.name, engine.Bytes, bytes)
				}
				engine.Bytes = bytes
				// The first round is for warmth.
				if round > 0 {
					engine.Milliseconds[name] = append(engine.Milliseconds[name], took...)
				}
			}
		}
		engines = append(engines, engine)
	}
	return engines, nil
}

func (r *Results) engines() string {
	rows := [][]string{{"chart", "text", "maibot / helm 4", "maibot", "helm 4", "maibot, per object"}}
	for _, engine := range r.Engines {
		ours, theirs := engine.Milliseconds["maibot"], engine.Milliseconds["helm 4"]
		each := "–"
		if engine.Objects > 0 {
			each = figures(spread(ours).Median/float64(engine.Objects)*1e3) + " µs"
		}
		rows = append(rows, []string{
			engine.Chart, figures(float64(engine.Bytes)/1024) + " KiB", shown(pairedRatios(ours, theirs), 1, ""),
			shown(ours, 1, " ms"), shown(theirs, 1, " ms"), each,
		})
	}
	return table(rows)
}

// engineGoals are a quarter of Go's time, and an object costs no more among many than among few.
func (r *Results) engineGoals() [][]string {
	var rows [][]string
	each := map[int]float64{}
	for _, engine := range r.Engines {
		ratios := pairedRatios(engine.Milliseconds["maibot"], engine.Milliseconds["helm 4"])
		rows = append(rows, goal("engine, "+engine.Chart+", time against helm 4", "≤ 0.25", shown(ratios, 1, ""), spread(ratios).Median <= 0.25))
		if engine.Objects > 0 && strings.HasSuffix(engine.Chart, "in one range") {
			each[engine.Objects] = spread(engine.Milliseconds["maibot"]).Median / float64(engine.Objects)
		}
	}
	if each[10_000] > 0 && each[1_000] > 0 {
		growth := each[10_000] / each[1_000]
		rows = append(rows, goal("engine, cost of an object among 10 000 against 1 000", "≤ 1.3", figures(growth), growth <= 1.3))
	}
	return rows
}
