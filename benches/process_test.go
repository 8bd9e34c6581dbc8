package main

import (
	"os"
	"testing"
)

// The Go runtime of this test is larger than what it starts: the mark must be the child's alone.
func TestPeakMemoryIsTheChildsOwn(t *testing.T) {
	ballast := make([]byte, 64<<20)
	for index := range ballast {
		ballast[index] = 1
	}
	small := Command{Program: "/bin/true"}
	run, err := small.weighed()
	if err != nil {
		t.Fatal(err)
	}
	if run.PeakRSS <= 0 || run.PeakRSS > 32<<20 {
		t.Errorf("true has a peak of %d bytes", run.PeakRSS)
	}
	if ballast[len(ballast)-1] != 1 {
		t.Fail()
	}
}

func TestBothWaysOfRunningTellTheExitStatus(t *testing.T) {
	failing := Command{Program: "/bin/sh", Arguments: []string{"-c", "exit 7"}, Environment: os.Environ()}
	timed, err := failing.timed()
	if err != nil || timed.Exit != 7 {
		t.Errorf("timed: %d, %v", timed.Exit, err)
	}
	weighed, err := failing.weighed()
	if err != nil || weighed.Exit != 7 {
		t.Errorf("weighed: %d, %v", weighed.Exit, err)
	}
}
