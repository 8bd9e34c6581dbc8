package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Request is one entry of the API server's audit log, as far as it is looked at.
type Request struct {
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`
	UserAgent  string `json:"userAgent"`
	User       struct {
		Username string `json:"username"`
	} `json:"user"`
	Object struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	Response struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	Received time.Time `json:"requestReceivedTimestamp"`
}

// AuditLog reads the log of the test cluster's API server (level Metadata, one JSON object a line).
type AuditLog struct {
	path string
}

// end is where the log ends now.
func (a AuditLog) end() (int64, error) {
	information, err := os.Stat(a.path)
	if err != nil {
		return 0, err
	}
	return information.Size(), nil
}

// requests gives what a user has asked since the log had this size, in the order of arrival.
func (a AuditLog) requests(from int64, user string) ([]Request, error) {
	file, err := os.Open(a.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return nil, err
	}
	var found []Request
	reader := bufio.NewReaderSize(file, 1<<20)
	for {
		line, err := reader.ReadBytes('\n')
		if err == io.EOF {
			break // what has no end of line yet is being written
		}
		if err != nil {
			return nil, err
		}
		var request Request
		if err := json.Unmarshal(line, &request); err != nil {
			return nil, fmt.Errorf("a line of the audit log is no JSON: %w", err)
		}
		if request.User.Username == user {
			found = append(found, request)
		}
	}
	slices.SortStableFunc(found, func(a, b Request) int { return a.Received.Compare(b.Received) })
	return found, nil
}

// Group is what a request is for.
type Group string

// The groups. The budget of an installation of N objects is N + 12 for the first five and 14 for the next three.
const (
	GroupNamespace Group = "namespace"
	GroupHistory   Group = "history"
	GroupOwnership Group = "ownership"
	GroupObjects   Group = "objects"
	GroupRecord    Group = "record"
	GroupLock      Group = "lock"
	GroupJournal   Group = "journal"
	GroupHelper    Group = "helper Pod"
	GroupWait      Group = "waiting"
	GroupDiscovery Group = "discovery"
	GroupOther     Group = "other"
)

// releaseGroups are counted against N + 12, ownGroups against 14.
var (
	releaseGroups = []Group{GroupNamespace, GroupHistory, GroupOwnership, GroupObjects, GroupRecord}
	ownGroups     = []Group{GroupLock, GroupJournal, GroupHelper}
	otherGroups   = []Group{GroupWait, GroupDiscovery, GroupOther}
)

// group tells what a request of an installation is for. `applied` is whether an object of the release has been
// written before it: lists from then on are looks at readiness.
func group(request Request, release string, applied bool) Group {
	query := ""
	if address, err := url.Parse(request.RequestURI); err == nil {
		query = address.Query().Encode()
	}
	object := request.Object
	watching := request.Verb == "watch"
	switch {
	case object.Resource == "":
		return GroupDiscovery
	case object.Resource == "leases":
		return GroupLock
	case object.Resource == "namespaces":
		return GroupNamespace
	case object.Resource == "secrets" && strings.HasPrefix(object.Name, "sh.helm.release.v1."):
		return GroupRecord
	case object.Resource == "secrets" && strings.HasPrefix(object.Name, "maibot."):
		return GroupJournal
	case object.Resource == "secrets" && request.Verb == "list" && strings.Contains(query, "owner%3Dhelm"):
		return GroupHistory
	case object.Resource == "pods" && object.Name == release+"-maibot-files":
		return GroupHelper
	case request.Verb == "patch" || request.Verb == "create" || request.Verb == "update" || request.Verb == "delete":
		return GroupObjects
	case watching || (request.Verb == "list" && applied):
		return GroupWait
	case request.Verb == "list" || request.Verb == "get":
		return GroupOwnership
	}
	return GroupOther
}

// Counts is how many requests were made for what.
type Counts map[Group]int

func (c Counts) sum(groups []Group) int {
	total := 0
	for _, group := range groups {
		total += c[group]
	}
	return total
}

// count groups the requests of one run.
func count(requests []Request, release string) (Counts, []string) {
	counts := Counts{}
	var lines []string
	applied := false
	for _, request := range requests {
		which := group(request, release, applied)
		applied = applied || which == GroupObjects
		counts[which]++
		lines = append(lines, fmt.Sprintf("%-10s %-6s %d %s", which, request.Verb, request.Response.Code, request.RequestURI))
	}
	return counts, lines
}

// agents counts requests by what they call themselves, up to the version.
func agents(requests []Request) map[string]int {
	counted := map[string]int{}
	for _, request := range requests {
		name, _, _ := strings.Cut(request.UserAgent, " ")
		counted[name]++
	}
	return counted
}

func sortedKeys[V any](values map[string]V) []string {
	return slices.Sorted(maps.Keys(values))
}
