package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAPageKeepsItsWordsAndGetsNewTables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	page := "# Words\n<!-- measured: goals -->\nold\n<!-- end -->\nbetween\n<!-- measured: sizes -->\nkept\n<!-- end -->\nend\n"
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writePage(path, []section{{name: "goals", text: "new\n"}, {name: "nowhere", text: "x\n"}}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	want := "# Words\n<!-- measured: goals -->\nnew\n<!-- end -->\nbetween\n<!-- measured: sizes -->\nkept\n<!-- end -->\nend\n"
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}

func TestAMissedGoalIsCalledMissed(t *testing.T) {
	results := &Results{
		Sizes: map[string]float64{"maibot": 13e6},
		Quick: []*Quick{{Case: "version", Wall: map[string][]float64{"maibot": {2, 3, 2}}}},
	}
	want := "| what      | goal    | measured            |            |\n" +
		"|-----------|---------|---------------------|------------|\n" +
		"| `version` | ≤ 3 ms  | 2.00 ms (2.00–3.00) | met        |\n" +
		"| binary    | ≤ 12 MB | 13.0 MB             | **missed** |\n"
	if got := results.goals(); got != want {
		t.Errorf("\n%s", got)
	}
}
