package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// entry is a line of an audit log as the API server writes it, as far as it is looked at.
func entry(verb, uri, resource, name string) string {
	return `{"verb":"` + verb + `","requestURI":"` + uri + `","userAgent":"maibot/0.1.0","user":{"username":"me"},` +
		`"objectRef":{"resource":"` + resource + `","name":"` + name + `"},"responseStatus":{"code":200},` +
		`"requestReceivedTimestamp":"2026-11-22T18:15:47.287000Z"}`
}

func read(t *testing.T, line string) Request {
	t.Helper()
	var request Request
	if err := json.Unmarshal([]byte(line), &request); err != nil {
		t.Fatal(err)
	}
	return request
}

func TestEveryRequestOfAnInstallationHasItsGroup(t *testing.T) {
	cases := []struct {
		verb, uri, resource, name string
		applied                   bool
		want                      Group
	}{
		{"create", "/api/v1/namespaces?fieldManager=helm", "namespaces", "n", false, GroupNamespace},
		{"create", "/apis/coordination.k8s.io/v1/namespaces/n/leases", "leases", "maibot.lock.mai", false, GroupLock},
		{"create", "/api/v1/namespaces/n/secrets?fieldManager=maibot", "secrets", "maibot.journal.v1.mai", false, GroupJournal},
		{"list", "/api/v1/namespaces/n/secrets?labelSelector=name%3Dmai%2Cowner%3Dhelm&limit=500", "secrets", "", false, GroupHistory},
		{"list", "/api/v1/namespaces/n/services?limit=500", "services", "", false, GroupOwnership},
		{"create", "/api/v1/namespaces/n/secrets?fieldManager=helm", "secrets", "sh.helm.release.v1.mai.v1", false, GroupRecord},
		{"patch", "/api/v1/namespaces/n/services/mai-maibot-core?fieldManager=helm", "services", "mai-maibot-core", false, GroupObjects},
		{"create", "/api/v1/namespaces/n/pods?fieldManager=helm", "pods", "mai-maibot-files", true, GroupHelper},
		{"watch", "/api/v1/namespaces/n/pods?watch=true&fieldSelector=metadata.name%3Dmai-maibot-files", "pods", "mai-maibot-files", true, GroupHelper},
		{"get", "/api/v1/namespaces/n/pods/mai-maibot-files/exec?stdin=true", "pods", "mai-maibot-files", true, GroupHelper},
		{"watch", "/apis/apps/v1/namespaces/n/statefulsets?watch=true", "statefulsets", "", true, GroupWait},
		{"list", "/apis/apps/v1/namespaces/n/statefulsets?limit=500", "statefulsets", "", true, GroupWait},
		{"get", "/apis/apps/v1", "", "", false, GroupDiscovery},
	}
	for _, entryCase := range cases {
		request := read(t, entry(entryCase.verb, entryCase.uri, entryCase.resource, entryCase.name))
		if got := group(request, "mai", entryCase.applied); got != entryCase.want {
			t.Errorf("%s %s: %s instead of %s", entryCase.verb, entryCase.uri, got, entryCase.want)
		}
	}
}

func TestTheAuditLogIsReadFromAPlaceOnForOneUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	before := entry("get", "/api/v1/namespaces/before", "namespaces", "before") + "\n"
	mine := entry("get", "/api/v1/namespaces/n", "namespaces", "n") + "\n"
	half := `{"verb":"get","user":{"username":"me"},"requ`
	if err := os.WriteFile(path, []byte(before+mine+`{"verb":"get","user":{"username":"other"}}`+"\n"+half), 0o600); err != nil {
		t.Fatal(err)
	}
	requests, err := AuditLog{path: path}.requests(int64(len(before)), "me")
	if err != nil || len(requests) != 1 || requests[0].Object.Name != "n" {
		t.Errorf("%+v, %v", requests, err)
	}
}
