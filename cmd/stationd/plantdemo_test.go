package main

import (
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"stationd/internal/demo"
	"stationd/internal/plant"
)

// engineProgram is nats-server in a process of its own, with the options of the packaged one.
func engineProgram() {
	options, err := server.ConfigureOptions(flag.NewFlagSet("nats-server", flag.ExitOnError), os.Args[1:], server.PrintServerAndExit, func() { os.Exit(0) }, server.PrintTLSHelpAndDie)
	if err != nil {
		server.PrintAndDie(err.Error())
	}
	s, err := server.NewServer(options)
	if err != nil {
		server.PrintAndDie(err.Error())
	}
	s.ConfigureLogger()
	if err := server.Run(s); err != nil {
		server.PrintAndDie(err.Error())
	}
	s.WaitForShutdown()
}

// wholePlant describes a plant of a few stations for a test.
func wholePlant(t *testing.T, stations int) demo.PlantConfig {
	t.Helper()
	if testing.Short() {
		t.Skip("a plant of stations was NOT proved: it takes its time")
	}
	engine, err := demo.FindEngine()
	if err != nil {
		t.Skipf("a plant of stations was NOT proved: %v", err)
	}
	binary, err := exec.LookPath("stationd") // the test binary itself, see TestMain
	must(t, err)
	dir, err := os.MkdirTemp("", "stationd-plant-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return demo.PlantConfig{Dir: dir, Command: []string{binary}, Plant: plant.Demo(), Stations: stations, Engine: engine}
}

func TestAShiftOfAPlantOfStations(t *testing.T) {
	t.Parallel()
	config := wholePlant(t, 5)
	var out strings.Builder
	err := demo.PlayPlantShift(t.Context(), config, &out)
	t.Logf("\n%s", &out)
	if err != nil {
		t.Fatalf("what was done and what the plant saw differ: %v", err)
	}
}

// Whoever installs stationd on a board has no NATS server in it.
func TestTheProgramHasNoEngineInIt(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("that the program has no engine in it was NOT proved: go list takes its time")
	}
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	must(t, err)
	if !strings.Contains(string(out), "nats-io/nats.go") {
		t.Error("the client of the engine was not found: there was nothing to prove")
	}
	for path := range strings.Lines(string(out)) {
		if strings.Contains(path, "nats-server") {
			t.Errorf("the program has %s in it", strings.TrimSpace(path))
		}
	}
}
