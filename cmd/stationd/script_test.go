package main

import (
	"flag"
	"runtime"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be stationd itself: for the scripts, and for the
// station that the scenarios start and kill.
//
// They wait for lamps, settling times and one another far more than they compute, so
// more of them run at once than there are processors. The command line may say
// otherwise, as ever.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", strconv.Itoa(3*runtime.NumCPU())); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){
		"stationd":               main,
		"stationd-crash":         crashProgram,
		"stationd-on-one-thread": mainOnOneThread,
		"nats-server":            engineProgram,
	})
}

// TestScript runs the command line as an integrator types it; the scripts are
// also its examples.
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireUniqueNames: true})
}
