package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be stationd itself: for the scripts, and for the
// station that the scenarios start and kill.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"stationd": main,
	})
}

// TestScript runs the command line as an integrator types it; the scripts are
// also its examples.
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireUniqueNames: true})
}
