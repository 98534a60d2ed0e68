package main

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/queue"
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

// Every plug of a plant can be pulled on its page, and put back.
func TestThePlugsOfAPlantAreOnOnePage(t *testing.T) {
	t.Parallel()
	p, err := demo.OpenPlant(t.Context(), wholePlant(t, 2))
	must(t, err)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		for _, s := range p.Stations {
			if err := queue.VerifyFile(s.OutboxPath()); err != nil {
				t.Error(err)
			}
		}
	})
	server := httptest.NewServer(demo.NewPlantPage(p).Handler())
	t.Cleanup(server.Close)
	shows := func(what, text string) {
		t.Helper()
		must(t, demo.Until(t.Context(), what, func() bool { return strings.Contains(read(t, server.URL+"/"), text) }))
	}
	push := func(path string, form url.Values) {
		t.Helper()
		if status, shown := submit(t, server.URL, path, form, nil); status != http.StatusOK {
			t.Fatalf("%s answers %d: %s", path, status, shown)
		}
	}
	shows("a relay leads", "(leads)")
	must(t, p.Stations[0].Scan("PO4711"))
	must(t, p.Stations[1].Scan("PO4711"))
	push("/scan", url.Values{"station": {"all"}})
	shows("both parts are traced", `id="traced">2<`)
	plugs := []struct {
		path, name string
		form       url.Values
	}{
		{"/power", "pack4-2", url.Values{"station": {"2"}}},
		{"/relay", "relay-1", url.Values{"relay": {"relay-1"}}},
		{"/relay", "relay-2", url.Values{"relay": {"relay-2"}}},
		{"/engine", "engine", url.Values{}},
		{"/cable", "cable to the vendors", url.Values{}},
	}
	for _, plug := range plugs {
		plug.form.Set("on", "false")
		push(plug.path, plug.form)
		shows(plug.name+" is off", `aria-label="`+plug.name+`: off"`)
	}
	push("/scan", url.Values{"station": {"1"}})
	for _, plug := range slices.Backward(plugs) {
		plug.form.Set("on", "true")
		push(plug.path, plug.form)
		shows(plug.name+" is on", `aria-label="`+plug.name+`: on"`)
	}
	shows("the part that waited is traced", `id="traced">3<`)
	push("/engine", url.Values{"wipe": {"true"}})
	push("/scan", url.Values{"station": {"2"}})
	shows("the next is traced", `id="traced">4<`)
	if status, _ := submit(t, server.URL, "/power", url.Values{"station": {"3"}}, nil); status != http.StatusConflict {
		t.Errorf("of a station that there is not it answers %d", status)
	}
	if status, _ := submit(t, server.URL, "/power", url.Values{"station": {"1"}}, func(r *http.Request) { r.Host = "evil.example" }); status != http.StatusMisdirectedRequest {
		t.Errorf("by another name it answers %d", status)
	}
}
