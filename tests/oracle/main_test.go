package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"testing"

	"helm-oracle/internal/oracle"
)

func TestMain(m *testing.M) {
	oracle.UseUTC()
	log.SetFlags(0)
	os.Exit(m.Run())
}

// The vectors are what this program answers today.
func TestRecordedCases(t *testing.T) {
	files, err := filepath.Glob("../conformance/*-cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var corpora []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// Files from before the oracle name no command. Records hold the time at which they were made.
		var corpus struct{ Command string }
		if json.Unmarshal(text, &corpus) == nil && commands[corpus.Command] != nil && corpus.Command != "release" {
			corpora = append(corpora, file)
		}
	}
	if len(corpora) < 8 {
		t.Fatalf("only %d files of cases", len(corpora))
	}
	if oracle.Check(commands, corpora) != 0 {
		t.Error("the oracle answers differently, see above")
	}
}

func TestRendersAreTimed(t *testing.T) {
	answer, err := timeRenders([]byte(`{"rounds": 3, "templates": {"templates/t.yaml": "{{ repeat 5 \"ab\" }}"}}`))
	if err != nil {
		t.Fatal(err)
	}
	result := answer.(map[string]any)
	if took := result["nanoseconds"].([]any); len(took) != 3 || took[0].(int64) <= 0 {
		t.Errorf("took %v", took)
	}
	if result["bytes"] != 10 {
		t.Errorf("%v bytes", result["bytes"])
	}
}
