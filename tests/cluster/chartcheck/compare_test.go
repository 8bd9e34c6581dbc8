package main

import (
	"fmt"
	"strings"
	"testing"
)

const rendering = `---
# Source: maibot/templates/a.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
data:
  port: 8095
  text: "8095"
---
# Source: maibot/templates/empty.yaml
# only a comment
---
# Source: maibot/templates/b.yaml
kind: Job
metadata:
  name: two
  annotations:
    helm.sh/hook: post-install,post-upgrade
    helm.sh/hook-delete-policy: hook-succeeded
env: aGVsbG8=
`

// want is the rendering above as a recording has it.
func want(t *testing.T) []recorded {
	t.Helper()
	return []recorded{
		{Template: "templates/a.yaml", Object: []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"},"data":{"port":8095,"text":"8095"}}`)},
		{Template: "templates/b.yaml", Hook: &hook{Events: []string{"post-install", "post-upgrade"}, DeletePolicies: []string{"hook-succeeded"}},
			Object: []byte(`{"kind":"Job","metadata":{"name":"two","annotations":{"helm.sh/hook":"post-install,post-upgrade","helm.sh/hook-delete-policy":"hook-succeeded"}},` +
				`"env":{"encoding":"base64","sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","bytes":5,"source":"given:config"}}`)},
	}
}

func TestEqualRenderingsHaveNoDifference(t *testing.T) {
	got, err := parseRendering(rendering)
	if err != nil {
		t.Fatal(err)
	}
	if differences := compareObjects(want(t), got); len(differences) != 0 {
		t.Error(differences)
	}
}

func TestEveryKindOfDifferenceIsSaid(t *testing.T) {
	for change, says := range map[[2]string]string{
		{"port: 8095", "port: 8096"}:                         "templates/a.yaml .data.port: 8096, recorded is 8095",
		{"port: 8095", `port: "8095"`}:                       `templates/a.yaml .data.port: "8095", recorded is 8095`,
		{"  port: 8095\n", ""}:                               "templates/a.yaml .data.port: missing, recorded is 8095",
		{"\ndata:\n", "\ndata:\n  more: 1\n"}:                "templates/a.yaml .data.more: 1, recorded is nothing",
		{"data:\n  port: 8095\n  text: \"8095\"", "data: 1"}: "templates/a.yaml .data: 1, recorded is a map",
		{"templates/a.yaml", "templates/c.yaml"}:             "object 0 is from templates/c.yaml, recorded is one from templates/a.yaml",
		{",post-upgrade", ""}:                                "templates/b.yaml: hook",
		{"aGVsbG8=", "aGVsbG9v"}:                             "templates/b.yaml .env: another text than given:config",
		{"# only a comment", "kind: Extra"}:                  "3 objects, recorded are 2",
	} {
		changed := strings.Replace(rendering, change[0], change[1], 1)
		if changed == rendering {
			t.Fatalf("%q is not in the rendering", change[0])
		}
		got, err := parseRendering(changed)
		if err != nil {
			t.Fatal(err)
		}
		if differences := fmt.Sprint(compareObjects(want(t), got)); !strings.Contains(differences, says) {
			t.Errorf("%q -> %q: %s", change[0], change[1], differences)
		}
	}
}

func TestTextsOfTheChartItselfMayDifferButNotBeAbsent(t *testing.T) {
	own := map[string]any{"a": text{sha256: "x", source: "chart-values:config.bot", bytes: 10}}
	if d := own["a"].(text).compare("", "our own words"); len(d) != 0 {
		t.Error(d)
	}
	if d := own["a"].(text).compare("", ""); len(d) == 0 {
		t.Error("an empty text passed")
	}
	variables := text{sha256: "x", source: "chart-file:files/.env", bytes: 10, dotenv: map[string]any{"PORT": "8000"}}
	if d := variables.compare("", "PORT=8000\n"); len(d) != 0 {
		t.Error(d)
	}
	if d := variables.compare("", "PORT=8001\n"); len(d) == 0 {
		t.Error("another port passed")
	}
}

func TestAFailureMustHaveTheRecordedReason(t *testing.T) {
	var c testCase
	c.Error.Kind, c.Error.Template, c.Error.At, c.Error.Reason = "exec", "templates/a.yaml", "<.Values.x.y>", "nil pointer evaluating interface {}.y"
	said := `Error: template: maibot/templates/a.yaml:3:4: executing "maibot/templates/a.yaml" at <.Values.x.y>: nil pointer evaluating interface {}.y`
	if d := compareError(c, said); len(d) != 0 {
		t.Error(d)
	}
	for _, change := range []string{"a.yaml", "x.y>", "{}.y"} {
		if d := compareError(c, strings.ReplaceAll(said, change, "z")); len(d) == 0 {
			t.Errorf("an error without %q passed", change)
		}
	}
}
