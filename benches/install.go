package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// release is the release's name in all runs.
const release = "maimai"

// giveUp is how long a run may take.
const giveUp = 5 * time.Minute

// Installs is all runs of the case `install`.
type Installs struct {
	Runs map[string][]*InstallRun `json:"runs"`
	// Objects is how many objects each subject's chart has, hooks included.
	Objects map[string]int `json:"objects"`
}

// InstallRun is one installation in a namespace of its own. Times are in seconds from the start of the command.
type InstallRun struct {
	Wall    float64 `json:"wall_s"`
	CPU     float64 `json:"cpu_s"`
	PeakRSS float64 `json:"peak_rss_bytes"`
	// Healthy is when the health page of the bot answered 200 for the first time.
	Healthy float64 `json:"healthy_s"`
	// Requests is what the API server counted; nil if its log cannot be read.
	Requests *int           `json:"requests,omitempty"`
	Groups   Counts         `json:"groups,omitempty"`
	Agents   map[string]int `json:"agents,omitempty"`
	Log      []string       `json:"request_log,omitempty"`
	Timeline []Mark         `json:"timeline"`
}

// values of a run, NaN where it has none.
func (i *Installs) values(subject string, of func(*InstallRun) float64) []float64 {
	var values []float64
	for _, run := range i.Runs[subject] {
		values = append(values, of(run))
	}
	return values
}

func requestsOf(run *InstallRun) float64 {
	if run.Requests == nil {
		return math.NaN()
	}
	return float64(*run.Requests)
}

// stage is what the runs of one measurement share.
type stage struct {
	kube       *Kube
	audit      *AuditLog
	identities *identities
	home       string
	values     string
	prefix     string
}

func measureInstalls(subjects []Subject, rounds int, home string, interrupted <-chan os.Signal) (result *Installs, err error) {
	kubectl, kubeconfig := os.Getenv("MAIBOT_TEST_KUBECTL"), os.Getenv("KUBECONFIG")
	if kubectl == "" || kubeconfig == "" {
		return nil, errors.New("the case install needs what `rig env` prints: KUBECONFIG and MAIBOT_TEST_KUBECTL")
	}
	kube, err := openKube(kubectl, kubeconfig, os.Getenv("MAIBOT_TEST_CONTEXT"))
	if err != nil {
		return nil, err
	}
	defer kube.close()
	stage := &stage{kube: kube, home: home, prefix: fmt.Sprintf("bench-%d", os.Getpid())}
	if path := os.Getenv("MAIBOT_TEST_AUDIT_LOG"); path != "" {
		stage.audit = &AuditLog{path: path}
	}
	if stage.values, err = filepath.Abs(filepath.Join("values", "defaults.yaml")); err != nil {
		return nil, err
	}
	if stage.identities, err = newIdentities(kube, stage.prefix); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stage.identities.remove()) }()

	result = &Installs{Runs: map[string][]*InstallRun{}, Objects: map[string]int{}}
	for _, subject := range subjects {
		if result.Objects[subject.Name], err = stage.objects(subject); err != nil {
			return nil, err
		}
	}
	for round := range rounds {
		for turn := range subjects {
			select {
			case <-interrupted:
				return nil, errors.New("interrupted")
			default:
			}
			subject := subjects[(round+turn)%len(subjects)]
			run, err := stage.install(subject, round)
			if err != nil {
				return nil, fmt.Errorf("%s, round %d: %w", subject.Name, round+1, err)
			}
			requests := "?"
			if run.Requests != nil {
				requests = fmt.Sprint(*run.Requests)
			}
			progress("install, round %d of %d, %s: done after %.1f s, healthy after %.1f s, %s requests", round+1, rounds, subject.Name, run.Wall, run.Healthy, requests)
			result.Runs[subject.Name] = append(result.Runs[subject.Name], run)
		}
	}
	return result, nil
}

// objects counts what a subject's chart renders to.
func (s *stage) objects(subject Subject) (int, error) {
	out, err := os.CreateTemp(s.home, "template-")
	if err != nil {
		return 0, err
	}
	defer out.Close()
	command := Command{
		Program: subject.Program, Environment: scrubbed(s.home), Folder: s.home, Stdout: out, Stderr: os.Stderr,
		Arguments: append(append([]string{"template", release}, subject.Chart...), "-n", "bot", "-f", s.values),
	}
	run, err := command.timed()
	if err != nil || run.Exit != 0 {
		return 0, fmt.Errorf("%s template: exit status %d, %w", subject.Name, run.Exit, err)
	}
	text, err := os.ReadFile(out.Name())
	return bytes.Count(append([]byte("\n"), text...), []byte("\nkind: ")), err
}

// install runs one installation and removes it again.
func (s *stage) install(subject Subject, round int) (run *InstallRun, err error) {
	name := strings.ReplaceAll(subject.Name, " ", "")
	namespace := fmt.Sprintf("%s-%s-%d", s.prefix, name, round+1)
	identity := fmt.Sprintf("%s-%d", name, round+1)
	kubeconfig, err := s.identities.kubeconfig(identity, s.home)
	if err != nil {
		return nil, err
	}
	// One home a subject for all rounds: Helm keeps what it learns of the cluster's kinds there.
	home := filepath.Join(s.home, name)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	var from int64
	if s.audit != nil {
		if from, err = s.audit.end(); err != nil {
			return nil, err
		}
	}
	said, err := os.CreateTemp(s.home, "said-")
	if err != nil {
		return nil, err
	}
	defer said.Close()
	command := Command{
		Program:     subject.Program,
		Arguments:   append(append([]string{"install", release}, subject.Chart...), "-n", namespace, "--create-namespace", "-f", s.values),
		Environment: scrubbed(home, "KUBECONFIG="+kubeconfig),
		Folder:      home,
		Stdout:      said,
		Stderr:      said,
	}
	if subject.Name == "maibot" {
		command.Arguments = append(command.Arguments, "--events", "jsonl")
	}
	ctx, cancel := context.WithTimeout(context.Background(), giveUp)
	defer func() {
		cancel()
		err = errors.Join(err, s.kube.removeNamespace(namespace))
		time.Sleep(time.Second)
	}()

	begin := time.Now()
	timeline := follow(ctx, s.kube, namespace, begin)
	type health struct {
		at  time.Time
		err error
	}
	healthy := make(chan health, 1)
	go func() {
		at, err := s.kube.waitHealthy(ctx, namespace, release)
		healthy <- health{at, err}
	}()
	process, err := command.weighed()
	if err != nil {
		return nil, err
	}
	if process.Exit != 0 {
		text, _ := os.ReadFile(said.Name())
		return nil, fmt.Errorf("exit status %d: %s", process.Exit, text)
	}
	answer := <-healthy
	if answer.err != nil {
		return nil, answer.err
	}
	timeline.mark(process.Started.Add(process.Wall), "the command ends")
	timeline.mark(answer.at, "the health page answers")
	// The Pod's own words on its readiness, and the ends of watches in the log, come a moment later.
	time.Sleep(2 * time.Second)
	run = &InstallRun{
		Wall: process.Wall.Seconds(), CPU: process.CPU.Seconds(), PeakRSS: float64(process.PeakRSS),
		Healthy: answer.at.Sub(process.Started).Seconds(),
	}
	if err := phases(timeline, said.Name()); err != nil {
		return nil, err
	}
	run.Timeline = timeline.all()
	if s.audit != nil {
		requests, err := s.audit.requests(from, s.identities.user(identity))
		if err != nil {
			return nil, err
		}
		total := len(requests)
		run.Requests = &total
		run.Agents = agents(requests)
		run.Groups, run.Log = count(requests, release)
		for index, line := range run.Log {
			run.Log[index] = strings.ReplaceAll(line, namespace, "NAMESPACE")
		}
	}
	return run, nil
}

// phases takes the phases of maibot's own events over into the timeline.
func phases(timeline *Timeline, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		var event struct {
			TS    time.Time `json:"ts"`
			Event string    `json:"event"`
			Phase string    `json:"phase"`
		}
		if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &event) != nil {
			continue
		}
		if verb, found := strings.CutPrefix(event.Event, "phase-"); found {
			timeline.mark(event.TS, "maibot: %s %s", event.Phase, verb)
		}
	}
	return nil
}
