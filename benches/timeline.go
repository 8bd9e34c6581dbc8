package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mark is something that was seen to happen in the namespace of a run.
type Mark struct {
	// At is in seconds from the start of the command, as seen by this driver.
	At   float64 `json:"at"`
	What string  `json:"what"`
}

// Timeline collects marks of a namespace from watches on Pods, claims, StatefulSets and events.
type Timeline struct {
	lock  sync.Mutex
	begin time.Time
	marks []Mark
	seen  map[string]bool
}

// follow opens the watches; they end with the context.
func follow(ctx context.Context, kube *Kube, namespace string, begin time.Time) *Timeline {
	timeline := &Timeline{begin: begin, seen: map[string]bool{}}
	base := "/api/v1/namespaces/" + url.PathEscape(namespace)
	go timeline.watch(ctx, kube, base+"/pods", timeline.pod)
	go timeline.watch(ctx, kube, base+"/persistentvolumeclaims", timeline.claim)
	go timeline.watch(ctx, kube, "/apis/apps/v1/namespaces/"+url.PathEscape(namespace)+"/statefulsets", timeline.statefulSet)
	go timeline.watch(ctx, kube, base+"/events", timeline.event)
	return timeline
}

// mark notes the first time that something is seen.
func (t *Timeline) mark(at time.Time, format string, arguments ...any) {
	what := fmt.Sprintf(format, arguments...)
	t.lock.Lock()
	defer t.lock.Unlock()
	if !t.seen[what] {
		t.seen[what] = true
		t.marks = append(t.marks, Mark{At: at.Sub(t.begin).Seconds(), What: what})
	}
}

// all gives the marks in their order.
func (t *Timeline) all() []Mark {
	t.lock.Lock()
	defer t.lock.Unlock()
	marks := slices.Clone(t.marks)
	slices.SortStableFunc(marks, func(a, b Mark) int {
		if a.At < b.At {
			return -1
		} else if a.At > b.At {
			return 1
		}
		return 0
	})
	return marks
}

type watched struct {
	Type   string
	Object struct {
		Metadata struct{ Name, DeletionTimestamp string }
		Status   struct {
			Phase             string
			Conditions        []struct{ Type, Status string }
			ContainerStatuses []struct {
				Name  string
				State struct {
					Running, Terminated *struct{}
					Waiting             *struct{ Reason string }
				}
			}
		}
		Spec           struct{ Replicas *int }
		InvolvedObject struct{ Kind, Name string }
		Reason         string
		Message        string
	}
}

func (t *Timeline) watch(ctx context.Context, kube *Kube, path string, note func(time.Time, *watched)) {
	for ctx.Err() == nil {
		answer, err := kube.open(ctx, "GET", path+"?watch=1", nil)
		if err != nil {
			// No stream can be had of a namespace that is going; the context ends soon.
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
			continue
		}
		decoder := json.NewDecoder(answer)
		for {
			var entry watched
			if decoder.Decode(&entry) != nil {
				break
			}
			note(time.Now(), &entry)
		}
		answer.Close()
	}
}

func (t *Timeline) pod(at time.Time, entry *watched) {
	name := entry.Object.Metadata.Name
	t.mark(at, "Pod/%s created", name)
	for _, condition := range entry.Object.Status.Conditions {
		if condition.Status == "True" && (condition.Type == "PodScheduled" || condition.Type == "Ready") {
			t.mark(at, "Pod/%s %s", name, strings.ToLower(strings.TrimPrefix(condition.Type, "Pod")))
		}
	}
	for _, container := range entry.Object.Status.ContainerStatuses {
		switch state := container.State; {
		case state.Running != nil:
			t.mark(at, "Pod/%s %s running", name, container.Name)
		case state.Terminated != nil:
			t.mark(at, "Pod/%s %s ended", name, container.Name)
		case state.Waiting != nil && state.Waiting.Reason != "ContainerCreating":
			t.mark(at, "Pod/%s %s %s", name, container.Name, state.Waiting.Reason)
		}
	}
	if entry.Type == "DELETED" {
		t.mark(at, "Pod/%s gone", name)
	}
}

func (t *Timeline) claim(at time.Time, entry *watched) {
	t.mark(at, "PersistentVolumeClaim/%s created", entry.Object.Metadata.Name)
	if entry.Object.Status.Phase == "Bound" {
		t.mark(at, "PersistentVolumeClaim/%s bound", entry.Object.Metadata.Name)
	}
}

func (t *Timeline) statefulSet(at time.Time, entry *watched) {
	if replicas := entry.Object.Spec.Replicas; replicas != nil {
		t.mark(at, "StatefulSet/%s replicas %d", entry.Object.Metadata.Name, *replicas)
	}
}

func (t *Timeline) event(at time.Time, entry *watched) {
	event := entry.Object
	message, _, _ := strings.Cut(event.Message, "\n")
	if len(message) > 100 {
		message = strings.ToValidUTF8(message[:100], "") + "…"
	}
	t.mark(at, "  event %s %s/%s: %s", event.Reason, event.InvolvedObject.Kind, event.InvolvedObject.Name, message)
}
