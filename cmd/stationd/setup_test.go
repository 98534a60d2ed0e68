package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/gpio"
	"stationd/internal/plant"
)

// simVendors runs a simulated plant and returns it with the files of its keys.
func simVendors(t *testing.T) (p *plant.Plant, l2lKey, lagerkollKey string) {
	t.Helper()
	setting := plant.Demo()
	p, err := plant.Open(setting)
	must(t, err)
	ended := make(chan error, 1)
	ctx := t.Context()
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	l2lKey, lagerkollKey = filepath.Join(dir, "l2l.key"), filepath.Join(dir, "lagerkoll.key")
	must(t, os.WriteFile(l2lKey, []byte(setting.L2LKey), 0o600))
	must(t, os.WriteFile(lagerkollKey, []byte(setting.APIKey), 0o600))
	return p, l2lKey, lagerkollKey
}

// briefPress pushes a button down, waits until the program has seen it, and lets go.
func briefPress(sim *gpio.Sim, pin int, seen func()) {
	sim.Press(pin)
	seen()
	sim.Release(pin)
}

func TestAStationIsSetUpThroughATerminalAndRuns(t *testing.T) {
	t.Parallel()
	sim, chip, lit := simHands(t)
	p, l2lKey, lagerkollKey := simVendors(t)
	r := handReader(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "stationd.toml")

	c := sit(t, "setup", "-o", path, "--chip", chip)
	c.answers("Its name, as the vendors will see it", "pack4-1")
	c.answers("The site's time zone", "Atlantis")
	c.answers(`has no "Atlantis"`, plant.Demo().Zone.String())
	c.answers("The folder of the outbox", dir)
	c.answers("L2L's address", "http://acme.leading2lean.com/api/1.0/")
	c.answers("must begin with https://", p.L2LURL())
	c.answers("The site's number", "12")
	c.answers("The line's code", "PACK4")
	c.answers("The machine's code", "SEAL-1")
	c.answers("The trade's code", "MECH")
	c.answers("The file with the key", l2lKey)
	c.answers("Lagerkoll's address", p.LagerkollURL())
	c.answers("The store's id", "1001")
	c.answers("The file with the key", lagerkollKey)

	// A button with a lamp, which is lit to be seen.
	c.reads("Press the button you want to name")
	briefPress(sim, 17, func() { c.reads("GPIO17 (pin 11 of the header) went low: it closes when it is pressed.") })
	c.answers("Its name", "l2l")
	c.answers("is the program's own; choose another name", "maintenance")
	c.reads("What does maintenance do?")
	c.answers("Its number", "1")
	c.answers("The dispatch type's code in L2L [MAINTENANCE]", "MAINT")
	c.answers("What the technicians read", "Help {who}")
	c.answers("{who} has no value at a press", "")
	c.answers("The GPIO number of the lamp", "17")
	c.answers("GPIO17 is button maintenance", "22")
	if len(lit) > 0 {
		t.Fatalf("GPIO%d was driven, and nobody was asked", <-lit)
	}
	c.answers("Drive GPIO22 (pin 15) high for 2 s now", "y")
	c.reads("What did the lamp do?")
	if len(lit) != 1 || <-lit != 22 {
		t.Error("the lamp was not lit, or not alone")
	}
	c.answers("Its number", "1")
	c.answers("The lamp's name", "red")

	// A normally closed button, which latches and has the same lamp.
	sim.Press(5) // closed at rest
	c.reads("Press the button you want to name")
	sim.Release(5)
	c.reads("GPIO5 (pin 29 of the header) ")
	sim.Press(5)
	c.reads("opens when it is pressed: a normally closed contact")
	c.answers("Its name", "material")
	c.answers("Its number", "2")
	c.answers("The dispatch type's code in L2L", "")
	c.answers("What the technicians read", "")
	c.answers("The GPIO number of the lamp", "22")
	c.reads("It is lamp red, which answers more than one button then.")

	// The first button again, and no more.
	c.reads("Press the button you want to name")
	briefPress(sim, 17, func() { c.reads("GPIO17 is maintenance already.") })
	c.answers("Press the button you want to name", "")

	// A reader and its labels.
	c.answers("The port of a reader", r.link)
	c.reads("listening on " + r.link)
	must(t, r.scan("PO4711"))
	c.reads("It sends no AIM identifier")
	c.answers("Its name", "maintenance")
	c.answers("is the name of another input or lamp already", "hand")
	c.answers("Its number", "1")
	c.answers("All such labels begin with [PO]", "")
	label := func(code string) {
		t.Helper()
		c.reads("Scan a label of another kind")
		c.reads("listening on " + r.link)
		must(t, r.scan(code))
		c.reads("text    ")
	}
	label(part{article: soup, batch: "B7", serial: "0001"}.symbol())
	c.reads("a part: it is traced on the production order in hand")
	c.answers("Its number", "1")
	label("PC-200")
	c.answers("Its number", "2")
	c.answers("All such labels begin with [PC-]", "")
	c.answers("Scan a label of another kind", "")
	c.answers("(nothing: no reader)", "")

	c.reads("Station pack4-1: 2 buttons, 1 lamps, 1 readers.")
	c.answers("Write it to "+path+"?", "y")
	c.reads(path + " is written, and has no faults.")
	c.ends(0)

	checked := sit(t, "check", path)
	checked.reads("station pack4-1, 3 inputs, 1 lamps, 2 backends, 6 bindings: no faults")
	checked.ends(0)
	runsAsSetUp(t, path, sim, r, p)
}

// runsAsSetUp runs the station that was set up, and uses everything it has.
func runsAsSetUp(t *testing.T, path string, sim *gpio.Sim, r *reader, p *plant.Plant) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	for _, line := range []string{
		"name   = \"material\"\npin    = 5                           # pin 29 of the header\nwiring = \"nc\"",
		"latch  = true", "lamp   = \"red\"", "gs1   = [\"01\", \"10\", \"21\"]", "match = '^PC-(?P<product>.+)$'",
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
	own := strings.Replace(string(text), `#listen = "127.0.0.1:8420"`, `listen = "127.0.0.1:0"`, 1)
	must(t, os.WriteFile(path, []byte(own), 0o600))

	// To the chip a press is what the station says that it is: from here on GPIO5 is
	// pressed when its contact is open.
	sim.Release(5)
	station := sit(t, "run", "--config", path)
	station.reads("scanner ready")
	briefPress(sim, 17, func() { <-time.After(briefly) })
	must(t, until(t.Context(), "the call is open at the plant", func() bool { return len(p.Dispatches()) == 1 }))
	if d := p.Dispatches()[0]; d.Machine != "SEAL-1" || !strings.Contains(d.Description, "Help needed at pack4-1") {
		t.Errorf("the plant has %+v", d)
	}
	briefPress(sim, 5, func() { <-time.After(briefly) })
	must(t, until(t.Context(), "the second call is open at the plant", func() bool { return len(p.Dispatches()) == 2 }))
	must(t, r.scan("PO4711"))
	must(t, r.scan(part{article: soup, batch: "B7", serial: "0001"}.symbol()))
	must(t, until(t.Context(), "the part is traced at the plant", func() bool { return len(p.Traces()) == 1 }))
	if tr := p.Traces()[0]; tr.Order != 4711 || tr.Serial != "0001" {
		t.Errorf("the plant has %+v", tr)
	}
	station.types(ctrlC)
	station.ends(0)
}

func TestSetupEndedBeforeTheEndWritesNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		talk func(t *testing.T, c *console, sim *gpio.Sim)
		end  string
	}{
		{"Ctrl-C at the first question", func(_ *testing.T, c *console, _ *gpio.Sim) { c.reads("Its name") }, ctrlC},
		{"Ctrl-D at the first question", func(_ *testing.T, c *console, _ *gpio.Sim) { c.reads("Its name") }, ctrlD},
		{"Ctrl-C while a button is waited for", toButtons, ctrlC},
		{"Ctrl-D while a button is waited for", toButtons, ctrlD},
		{"Ctrl-C while a button is named", func(t *testing.T, c *console, sim *gpio.Sim) {
			toButtons(t, c, sim)
			briefPress(sim, 4, func() { c.reads("Its name") })
		}, ctrlC},
		{"Ctrl-C while a lamp is lit", func(t *testing.T, c *console, sim *gpio.Sim) {
			toButtons(t, c, sim)
			briefPress(sim, 4, func() { c.answers("Its name", "guard") })
			c.answers("The GPIO number of the lamp", "22")
			c.answers("Drive GPIO22", "y")
			must(t, until(t.Context(), "the lamp is lit", func() bool { return sim.Level(22) }))
		}, ctrlC},
		{"Ctrl-C while a scan is waited for", func(t *testing.T, c *console, sim *gpio.Sim) {
			r := handReader(t)
			toButtons(t, c, sim)
			c.types("\n")
			c.answers("The port of a reader", r.link)
			c.reads("listening on")
		}, ctrlC},
		{"Ctrl-C before the last yes", func(t *testing.T, c *console, sim *gpio.Sim) {
			toButtons(t, c, sim)
			c.types("\n")
			c.answers("The port of a reader", "")
			c.reads("Write it to")
		}, ctrlC},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sim, chip, _ := simHands(t)
			dir := t.TempDir()
			c := sit(t, "setup", "-o", filepath.Join(dir, "stationd.toml"), "--chip", chip)
			test.talk(t, c, sim)
			c.types(test.end)
			c.reads("stationd: ended before the end: nothing was written")
			c.ends(1)
			if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
				t.Errorf("%v was written (%v)", files, err)
			}
			if sim.Level(22) {
				t.Error("the lamp is still lit")
			}
		})
	}
}

// toButtons answers everything before the buttons.
func toButtons(_ *testing.T, c *console, _ *gpio.Sim) {
	c.answers("Its name, as the vendors will see it", "pack4-1")
	c.answers("The site's time zone", "Europe/Stockholm")
	c.answers("The folder of the outbox", "")
	c.answers("L2L's address", "")
	c.answers("Lagerkoll's address", "")
	c.reads("Press the button you want to name")
}

func TestSetupDrivesNoPinWithoutAYes(t *testing.T) {
	t.Parallel()
	sim, chip, lit := simHands(t)
	path := filepath.Join(t.TempDir(), "stationd.toml")
	c := sit(t, "setup", "-o", path, "--chip", chip)
	toButtons(t, c, sim)
	briefPress(sim, 4, func() { c.answers("Its name", "guard") })
	c.answers("The GPIO number of the lamp", "22")
	c.answers("Drive GPIO22", "")
	c.answers("The lamp's name", "white")
	c.answers("Press the button you want to name", "d")
	c.answers("which is wired to 3.3 V", "6") // by its number, with nobody at the button
	c.reads("GPIO6 (pin 31 of the header) went high: it closes when it is pressed.")
	c.answers("Its name", "")
	c.answers("The GPIO number of the lamp", "")
	c.answers("Press the button you want to name", "")
	c.answers("The port of a reader", "")
	c.answers("Write it to", "y")
	c.reads("is written")
	c.ends(0)
	if len(lit) > 0 {
		t.Errorf("GPIO%d was driven", <-lit)
	}
	text, err := os.ReadFile(path)
	must(t, err)
	for _, line := range []string{`name   = "white"`, "pin    = 22", `name   = "button2"`, `active = "high"`} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
}

func TestSetupReplacesAFileOnlyWhenItMay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, other := filepath.Join(dir, "stationd.toml"), filepath.Join(dir, "other.toml")
	const precious = "# somebody's work\n"
	content := func(path string) string {
		text, err := os.ReadFile(path)
		must(t, err)
		return string(text)
	}
	talk := func() *console {
		// A machine without the chip: it says so, and goes on.
		c := sit(t, "setup", "-o", path, "--chip", "sim:"+filepath.Join(dir, "nothing"))
		c.answers("Its name, as the vendors will see it", `pack "4" \1`)
		c.answers("The site's time zone", "Europe/Stockholm")
		c.answers("The folder of the outbox", "")
		c.answers("L2L's address", "")
		c.answers("Lagerkoll's address", "")
		c.reads("no such file or directory")
		c.reads("So buttons and lamps are left out.")
		c.answers("The port of a reader", "elsewhere")
		c.answers("is not a port", "")
		return c
	}
	must(t, os.WriteFile(path, []byte(precious), 0o600))

	c := talk()
	c.answers("exists. Replace it?", "maybe")
	c.answers("type y or n", "")
	c.answers("Another file", "")
	c.reads("Nothing was written.")
	c.ends(0)
	if content(path) != precious {
		t.Error("a file was replaced, and nobody said yes")
	}

	c = talk()
	c.answers("exists. Replace it?", "n")
	c.answers("Another file", filepath.Join(dir, "nowhere", "other.toml"))
	c.answers("Write it to", "y")
	c.answers("Another file", other)
	c.answers("Write it to "+other, "y")
	c.reads("is written")
	c.ends(0)
	if content(path) != precious || !strings.Contains(content(other), "[station]") {
		t.Errorf("wrong files: %q, %q", content(path), content(other))
	}

	c = talk()
	c.answers("exists. Replace it?", "y")
	c.reads("is written")
	c.ends(0)
	if content(path) != content(other) {
		t.Error("the file was not replaced, though somebody said yes")
	}
	plan, faults, err := read(path)
	if err != nil || len(faults) > 0 || plan.station.Name != `pack "4" \1` {
		t.Errorf("%v, %v, %+v", err, faults, plan)
	}
}

func TestSetupWaitsForARunningStation(t *testing.T) {
	t.Parallel()
	wires := []gpio.Wire{
		{Pin: 4, Name: "GPIO4"},
		{Pin: 17, Name: "GPIO17", Holder: "stationd@812", Left: "held by stationd@812"},
		{Pin: 22, Name: "GPIO22", Holder: "stationd@812", Left: "held by stationd@812"},
		{Pin: 8, Name: "GPIO8", Holder: "spi0 CS0", Left: "held by spi0 CS0"},
	}
	err := heldByStation(wires)
	if err == nil || err.Error() != "GPIO17, GPIO22: in use by stationd@812, a station that is running" {
		t.Errorf("got %v", err)
	}
	if err := heldByStation(append(wires[:1:1], wires[3])); err != nil {
		t.Errorf("a bus is no station: %v", err)
	}
}

func TestWhateverIsAnsweredIsWrittenAsItWasMeant(t *testing.T) {
	t.Parallel()
	d := draft{
		Name: `"quoted" \ 'and' Å`, Timezone: "Europe/Stockholm", Data: "/var/lib/station d",
		L2L:       &l2lDraft{URL: "https://acme.example/api/1.0/", Site: "12", Line: `P"4`, Machine: `S\1`, Trade: "MÉCH"},
		Lagerkoll: &lagerkollDraft{URL: "https://capi.example/v1/", Store: "1001", Key: "/etc/a key"},
		Buttons: []buttonDraft{
			{Name: "maintenance", Pin: 17, Header: 11, Lamp: "röd", Type: `A"B`, Description: `{station}: "help" # now`},
			{Name: "material", Pin: 5, Wiring: "nc", Latch: true, Type: "MAT", Description: "trays"},
			{Name: "guard", Pin: 6, Active: "high"},
		},
		Lamps: []lampDraft{{Name: "röd", Pin: 22, Active: "low"}},
		Readers: []readerDraft{{
			Name: "hand", Port: "usb:0403:6001:A#1", Maker: "Åcme # 1",
			Orders:   []string{`^PO(?P<order>\d+)$`, `^it's (?P<order>\d+)$`},
			Products: []string{`^PC-(?P<product>.+)$`},
			Parts:    [][]string{{"01"}, {"01", "10", "21"}},
		}},
	}
	d.Readers[0].order()
	text, err := d.text()
	must(t, err)
	path := filepath.Join(t.TempDir(), "stationd.toml")
	must(t, os.WriteFile(path, text, 0o600))
	p, faults, err := read(path)
	must(t, err)
	for _, f := range faults {
		t.Error(f)
	}
	if p.station.Name != d.Name || p.station.Data != d.Data || p.scanners[0].Port != d.Readers[0].Port || p.lamps[0].Active != "low" {
		t.Errorf("station %+v, scanners %+v, lamps %+v", p.station, p.scanners, p.lamps)
	}
	if b := p.buttons; b[0].Lamp != "röd" || b[1].Wiring != "nc" || !b[1].Latch || b[2].Active != "high" {
		t.Errorf("buttons %+v", b)
	}
	if n := len(p.program.Bindings); n != 3+2+2+1 {
		t.Errorf("%d bindings", n)
	}
	if got := p.program.Bindings[0].Do[0].With["description"].String(); got != d.Buttons[0].Description {
		t.Errorf("the technicians would read %q", got)
	}
	if diff := cmp.Diff([]string{`^it's (?P<order>\d+)$`, `^PO(?P<order>\d+)$`}, []string{p.program.Bindings[5].Match.String(), p.program.Bindings[6].Match.String()}); diff != "" {
		t.Error(diff)
	}
}
