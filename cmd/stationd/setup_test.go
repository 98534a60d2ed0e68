package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/config"
	"stationd/internal/demo"
	"stationd/internal/gpio"
	"stationd/internal/plan"
	"stationd/internal/plant"
)

// newVendors runs a simulated plant and returns it with the files of its keys.
func newVendors(t *testing.T) (p *plant.Plant, l2lKey, lagerkollKey string) {
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

// pressBriefly presses a button, waits until the program has seen it, and releases it.
func pressBriefly(sim *gpio.Sim, pin int, seen func()) {
	sim.Press(pin)
	seen()
	sim.Release(pin)
}

// pressUntil presses a button whose further presses change nothing until something is so. A
// button that has not been at rest for a moment since the start is not taken for pressed.
func pressUntil(t *testing.T, sim *gpio.Sim, pin int, what string, so func() bool) {
	t.Helper()
	must(t, demo.Until(t.Context(), what, func() bool {
		pressBriefly(sim, pin, func() { <-time.After(demo.PressTime) })
		<-time.After(demo.PressTime)
		return so()
	}))
}

func TestAStationIsSetUpThroughATerminalAndRuns(t *testing.T) {
	t.Parallel()
	sim, chip, lit := newChip(t)
	p, l2lKey, lagerkollKey := newVendors(t)
	r := newPluggedScanner(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "stationd.toml")
	sim.Press(5) // a normally closed contact, at rest

	c := startConsole(t, "setup", "-o", path, "--chip", chip, "--data", dir)
	c.answer("The station's name, as L2L and Lagerkoll show it", "pack4-1")
	c.answer("The site's time zone", "Atlantis")
	c.answer(`has no "Atlantis"`, plant.Demo().Zone.String())
	c.answer("The language of the page", "se")
	c.answer(`there is no "se"; choose one of en, sv, de, pl, es, fi`, "sv")
	c.answer("L2L's address", "http://acme.leading2lean.com/api/1.0/")
	c.answer("must begin with https://", p.L2LURL())
	c.answer("The site's number", "12")
	c.answer("The line's code", "PACK4")
	c.answer("The code of the machine that calls are for", "SEAL-1")
	c.answer("The code of the trade that is called", "MECH")
	c.answer("Another file with the key", l2lKey)
	c.answer("Lagerkoll's address", p.LagerkollURL())
	c.answer("The store's id", "1001")
	c.answer("Another file with the key", lagerkollKey)

	// A button with a lamp, which is lit to be seen.
	c.expect("Press the button you want to name, wired to ground")
	pressBriefly(sim, 17, func() { c.expect("GPIO17 (header pin 11) went low.") })
	c.expect("So its contact closes when it is pressed")
	c.answer("The button's name", "l2l")
	c.answer("is the program's own; choose another name", "maintenance")
	c.answer("What people call it, on the page [maintenance]", strings.Repeat("long ", 20))
	c.answer("60 at most", "Fitter, please")
	c.expect("What does maintenance do?")
	c.answer("Choose", "1")
	c.answer("The dispatch type's code in L2L [MAINTENANCE]", "MAINT")
	c.answer("What the technicians read", "Help {who}")
	c.answer("{who} has no value at a press", "")
	c.answer("The GPIO number of the lamp", "17")
	c.answer("GPIO17 (header pin 11) is button maintenance", "22")
	if len(lit) > 0 {
		t.Fatalf("GPIO%d was driven, and nobody was asked", <-lit)
	}
	c.answer("Drive GPIO22 (header pin 15) high for 2 s now", "y")
	c.expect("What did the lamp do?")
	if len(lit) != 1 || <-lit != 22 {
		t.Error("the lamp was not lit, or not alone")
	}
	c.answer("Choose", "1")
	c.answer("The lamp's name", "red")

	// A normally closed button, which latches and has the same lamp.
	c.expect("Press the next button you want to name")
	sim.Release(5)
	c.expect("GPIO5 (header pin 29) went high.")
	sim.Press(5)
	c.expect("How is it wired?")
	c.expect("a normally closed contact to ground")
	c.answer("Choose", "1")
	c.answer("The button's name", "material")
	c.answer("What people call it, on the page", "")
	c.answer("Choose", "2")
	c.answer("The dispatch type's code in L2L", "")
	c.answer("What the technicians read", "")
	c.answer("The GPIO number of the lamp", "22")
	c.expect("That is lamp red, which then answers more than one input.")

	// The first button again, and no more; and no stack light.
	c.expect("Press the next button you want to name")
	pressBriefly(sim, 17, func() { c.expect("GPIO17 (header pin 11) is button maintenance already.") })
	c.answer("Press the next button you want to name", "")
	c.answer("Its colours", "")

	// A reader and its labels.
	c.answer("nothing   there are no readers", r.Link)
	c.expect("listening on " + r.Link)
	must(t, r.Scan("PO4711"))
	c.expect("It sends no AIM identifier")
	c.answer("The reader's name", "maintenance")
	c.answer("is the name of another input or lamp already\nThe reader's name", "hand")
	c.answer("What people call it, on the page", "Gun on the cord")
	c.expect("Which lamp answers its scans?")
	c.answer("Choose", "3") // none
	c.answer("Choose", "1")
	c.answer("All such labels begin with [PO]", "")
	label := func(code string) {
		t.Helper()
		c.expect("Scan a label of another kind")
		c.expect("listening on " + r.Link)
		must(t, r.Scan(code))
		c.expect("text    ")
	}
	label(demo.Part{Article: demo.Soup, Batch: "B7", Serial: "0001"}.Symbol())
	c.expect("a part: it is traced on the current production order")
	c.answer("Choose", "1")
	label("PC-200")
	c.answer("Choose", "2")
	c.answer("All such labels begin with [PC-]", "")
	c.answer("Scan a label of another kind", "")
	c.answer("nothing   there are no more readers", "")
	c.answer("The GPIO number of a buzzer", "")
	c.answer("Anything more?", "")

	c.expect("Station pack4-1: 2 buttons, 1 lamp, 0 buzzers, 1 reader.")
	c.answer("Write it to", "")
	c.expect("it has no faults.")
	c.expectExit(0)

	if n := strings.Count(c.output(), "It sends no AIM identifier"); n != 1 {
		t.Errorf("it says %d times that the reader sends no AIM identifier, also of a label with one", n)
	}
	if command := "  sudo install -m 644 " + path + " /etc/stationd/stationd.toml\n"; !strings.Contains(c.output(), command) {
		t.Errorf("a command that is copied is broken:\n%s", c.output())
	}
	checked := startConsole(t, "check", path)
	checked.expect("station pack4-1, 3 inputs, 1 lamp, 2 backends, 6 bindings: no faults")
	checked.expectExit(0)
	checkStationAsSetUp(t, path, sim, r, p)
}

// checkStationAsSetUp runs the station that was set up, and uses everything it has.
func checkStationAsSetUp(t *testing.T, path string, sim *gpio.Sim, r *demo.Scanner, p *plant.Plant) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	for _, line := range []string{
		"name   = \"material\"\npin    = 5                           # pin 29 of the header\nwiring = \"nc\"",
		"name   = \"maintenance\"\nlabel  = \"Fitter, please\"", "name   = \"hand\"\nlabel  = \"Gun on the cord\"",
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
	station := startConsole(t, "run", "--config", path)
	station.expect("scanner ready")
	pressUntil(t, sim, 17, "the call is open at the plant", func() bool { return len(p.Dispatches()) > 0 })
	if d := p.Dispatches()[0]; d.Machine != "SEAL-1" || !strings.Contains(d.Description, "Help needed at pack4-1") {
		t.Errorf("the plant has %+v", d)
	}
	pressBriefly(sim, 5, func() { <-time.After(demo.PressTime) })
	must(t, demo.Until(t.Context(), "the second call is open at the plant", func() bool { return len(p.Dispatches()) == 2 }))
	must(t, r.Scan("PO4711"))
	must(t, r.Scan(demo.Part{Article: demo.Soup, Batch: "B7", Serial: "0001"}.Symbol()))
	must(t, demo.Until(t.Context(), "the part is traced at the plant", func() bool { return len(p.Traces()) == 1 }))
	if tr := p.Traces()[0]; tr.Order != 4711 || tr.Serial != "0001" {
		t.Errorf("the plant has %+v", tr)
	}
	station.send(ctrlC)
	station.expectExit(0)
}

// What was added at the end, with wrong answers on the way, is what the station does.
func TestWhatIsAddedAtTheEndOfSetupIsWhatTheStationDoes(t *testing.T) {
	t.Parallel()
	sim, chip, _ := newChip(t)
	p, l2lKey, _ := newVendors(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "stationd.toml")
	c := startConsole(t, "setup", "-o", path, "--chip", chip, "--data", dir)
	c.answer("The station's name", "pack ${LINE}")
	c.answer("The site's time zone", plant.Demo().Zone.String())
	c.answer("The language of the page", "de")
	c.answer("L2L's address", p.L2LURL())
	for _, a := range []string{"12", "PACK4", "SEAL-1", "MECH"} {
		c.answer("The ", a)
	}
	c.answer("Another file with the key", l2lKey)
	c.answer("Lagerkoll's address", "")
	c.expect("Press the button you want to name")
	pressBriefly(sim, 17, func() { c.answer("The button's name", "maintenance") })
	c.answer("What people call it, on the page", "")
	c.answer("Choose", "1")
	c.answer("The dispatch type's code in L2L", "MAINT")
	c.answer("What the technicians read", "")
	c.answer("The GPIO number of the lamp", "")
	c.expect("Press the next button you want to name")
	pressBriefly(sim, 5, func() { c.answer("The button's name", "pedal") })
	c.answer("What people call it, on the page", "")
	c.answer("Choose", "4") // nothing yet
	c.answer("The GPIO number of the lamp", "")
	c.answer("Press the next button you want to name", "")
	c.answer("Its colours", "")
	c.answer("nothing   there are no readers", "")
	c.answer("The GPIO number of a buzzer", "")

	c.answer("Anything more?", "y")
	c.expect("2  a call that nobody answers")
	c.answer("Choose", "2")
	c.answer("After how long", "a while")
	c.answer("\"after\"", "1s")
	c.answer("The type's code in L2L of the call that is opened then", "MATERIAL")
	c.answer("What those who are called read", "Nobody at {stanton}")
	c.answer("no binding sets {stanton}", "")
	c.expect("What more?")
	c.expect("what must hold")
	c.answer("Choose", "5")
	c.expect("1  maintenance.press: calls MAINT")
	c.answer("Choose", "1")
	c.expect("A call for help waits for nobody")
	c.answer("Choose", "2")
	c.expect("1  pedal.press")
	c.answer("Choose", "1")
	c.answer("Choose", "1") // nothing more must hold

	// A talk that is ended here goes on with all of it.
	c.expect("What more?")
	c.expect("Choose")
	c.send(ctrlC)
	c.expect("The answers are saved in")
	c.expectExit(1)
	c = startConsole(t, "setup", "-o", path, "--chip", chip, "--data", dir)
	c.answer("Continue with them?", "y")
	c.answer("Anything more?", "y")
	c.expect("6  the page on other machines")
	c.answer("Choose", "6")
	c.answer("Choose", "4")
	c.answer("type a number from 1 to 3", "3")
	c.answer("Its names", "pack4-1")
	c.answer("Choose", "1")
	c.answer("Write it to", "")
	c.expect("it has no faults.")
	c.expectExit(0)

	text, err := os.ReadFile(path)
	must(t, err)
	own := strings.Replace(string(text), `"0.0.0.0:8420"`, `"127.0.0.1:0"`, 1)
	own = strings.Replace(own, "open   = true ", "#", 1)
	must(t, os.WriteFile(path, []byte(own), 0o600))
	checked := startConsole(t, "check", "--strict", path)
	checked.expect("station pack ${LINE}, 2 inputs, 0 lamps, 1 backend, 4 bindings: no faults")
	checked.expectExit(0)
	station := startConsole(t, "run", "--config", path)
	station.expect("the station is ready")
	pressUntil(t, sim, 5, "the pedal's call is open at the plant", func() bool { return len(p.Dispatches()) > 0 })
	if d := p.Dispatches()[0]; d.Type != "MAINT" || !strings.Contains(d.Description, "Help needed at pack ${LINE}") {
		t.Errorf("the plant has %+v", d)
	}
	station.send(ctrlC)
	station.expectExit(0)
}

func TestSetupEndedBeforeTheEndWritesNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		talk func(t *testing.T, c *console, sim *gpio.Sim)
		end  string
	}{
		{"Ctrl-C at the first question", func(_ *testing.T, c *console, _ *gpio.Sim) { c.expect("The station's name") }, ctrlC},
		{"Ctrl-D at the first question", func(_ *testing.T, c *console, _ *gpio.Sim) { c.expect("The station's name") }, ctrlD},
		{"Ctrl-C while a button is waited for", answerUntilButtons, ctrlC},
		{"Ctrl-D while a button is waited for", answerUntilButtons, ctrlD},
		{"Ctrl-C while a button is named", func(t *testing.T, c *console, sim *gpio.Sim) {
			answerUntilButtons(t, c, sim)
			pressBriefly(sim, 4, func() { c.expect("The button's name") })
		}, ctrlC},
		{"Ctrl-C while a lamp is lit", func(t *testing.T, c *console, sim *gpio.Sim) {
			answerUntilButtons(t, c, sim)
			pressBriefly(sim, 4, func() { c.answer("The button's name", "guard") })
			c.answer("What people call it, on the page", "")
			c.answer("The GPIO number of the lamp", "22")
			c.answer("Drive GPIO22", "y")
			must(t, demo.Until(t.Context(), "the lamp is lit", func() bool { return sim.Level(22) }))
		}, ctrlC},
		{"Ctrl-C while a scan is waited for", func(t *testing.T, c *console, sim *gpio.Sim) {
			r := newPluggedScanner(t)
			answerUntilButtons(t, c, sim)
			c.send("\n")
			c.answer("Its colours", "")
			c.answer("there are no readers", r.Link)
			c.expect("listening on")
		}, ctrlC},
		{"Ctrl-C while the lamps of a stack light are lit", func(t *testing.T, c *console, sim *gpio.Sim) {
			answerUntilButtons(t, c, sim)
			c.send("\n")
			c.answer("Its colours", "rg")
			c.answer("the red lamp", "22")
			c.answer("the green lamp", "23")
			c.answer("Light them", "y")
			must(t, demo.Until(t.Context(), "the lamp is lit", func() bool { return sim.Level(22) }))
		}, ctrlC},
		{"Ctrl-C while a buzzer sounds", func(t *testing.T, c *console, sim *gpio.Sim) {
			answerUntilButtons(t, c, sim)
			c.send("\n")
			c.answer("Its colours", "")
			c.answer("there are no readers", "")
			c.answer("The GPIO number of a buzzer", "22")
			c.answer("Drive GPIO22", "y")
			must(t, demo.Until(t.Context(), "the buzzer sounds", func() bool { return sim.Level(22) }))
		}, ctrlC},
		{"Ctrl-D before the last yes", func(t *testing.T, c *console, sim *gpio.Sim) {
			answerUntilButtons(t, c, sim)
			c.send("\n")
			c.answer("Its colours", "")
			c.answer("there are no readers", "")
			c.answer("The GPIO number of a buzzer", "")
			c.answer("Anything more?", "")
			c.expect("Write it to")
		}, ctrlD},
		{"Ctrl-C before the last yes", func(t *testing.T, c *console, sim *gpio.Sim) {
			answerUntilButtons(t, c, sim)
			c.send("\n")
			c.answer("Its colours", "")
			c.answer("there are no readers", "")
			c.answer("The GPIO number of a buzzer", "")
			c.answer("Anything more?", "")
			c.expect("Write it to")
		}, ctrlC},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sim, chip, _ := newChip(t)
			dir := t.TempDir()
			c := startConsole(t, "setup", "-o", filepath.Join(dir, "stationd.toml"), "--chip", chip)
			test.talk(t, c, sim)
			c.send(test.end)
			c.expect("stationd: cancelled, nothing written")
			c.expectExit(1)
			if _, err := os.Stat(filepath.Join(dir, "stationd.toml")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a configuration was written (%v)", err)
			}
			must(t, demo.Until(t.Context(), "GPIO22 is driven no more", func() bool { return !sim.Level(22) }))
		})
	}
}

// answerUntilButtons answers the questions before the buttons.
func answerUntilButtons(_ *testing.T, c *console, _ *gpio.Sim) {
	c.answer("The station's name", "pack4-1")
	c.answer("The site's time zone", "Europe/Stockholm")
	c.answer("The language of the page", "en")
	c.answer("L2L's address", "")
	c.answer("Lagerkoll's address", "")
	c.expect("Press the button you want to name")
}

func TestSetupDrivesNoPinWithoutAYes(t *testing.T) {
	t.Parallel()
	sim, chip, lit := newChip(t)
	path := filepath.Join(t.TempDir(), "stationd.toml")
	c := startConsole(t, "setup", "-o", path, "--chip", chip)
	answerUntilButtons(t, c, sim)
	pressBriefly(sim, 4, func() { c.answer("The button's name", "guard") })
	c.answer("What people call it, on the page", "")
	c.answer("The GPIO number of the lamp", "22")
	c.answer("Drive GPIO22", "")
	c.answer("The lamp's name", "white")
	c.answer("Press the next button you want to name", "d")
	c.answer("wired to 3.3 V", "6") // by its number, with nobody at the button
	c.expect("What is the contact on GPIO6 (header pin 31) while nobody presses")
	c.answer("Choose", "")
	c.answer("The button's name", "")
	c.answer("What people call it, on the page", "")
	c.answer("The GPIO number of the lamp", "")
	c.answer("Press the next button you want to name", "")
	c.answer("Its colours", "")
	c.answer("there are no readers", "")
	c.answer("The GPIO number of a buzzer", "")
	c.answer("Anything more? (y/n) [n]", "")
	c.answer("Write it to", "y")
	c.expect("it has no faults.")
	c.expectExit(0)
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
	talk := func(again bool) *console {
		// A machine without the chip: it says so, and goes on when it is told to.
		c := startConsole(t, "setup", "-o", path, "--chip", "sim:"+filepath.Join(dir, "nothing"))
		if again {
			c.answer("Continue with them?", "n")
		}
		c.answer("The station's name", `pack "4" \1`)
		c.answer("The site's time zone", "Europe/Stockholm")
		c.answer("The language of the page", "en")
		c.answer("L2L's address", "")
		c.answer("Lagerkoll's address", "")
		c.expect("no such file or directory")
		c.expect("skip buttons, lamps and buzzers")
		c.answer("Choose", "2")
		c.answer("there are no readers", "elsewhere")
		c.expect("is not a port")
		c.answer("there are no readers", "")
		c.answer("Anything more?", "")
		return c
	}
	must(t, os.WriteFile(path, []byte(precious), 0o600))

	c := talk(false)
	c.answer("exists. Replace it?", "maybe")
	c.answer("type y or n", "")
	c.answer("Another file", "")
	c.expect("Nothing was written.")
	c.expectExit(0)
	if content(path) != precious {
		t.Error("a file was replaced, and nobody said yes")
	}

	c = talk(true)
	c.answer("exists. Replace it?", "n")
	c.answer("Another file", filepath.Join(dir, "nowhere", "other.toml"))
	c.answer("Write it to", "y")
	c.answer("Another file", other)
	c.answer("Write it to "+other, "y")
	c.expect("it has no faults.")
	c.expectExit(0)
	if content(path) != precious || !strings.Contains(content(other), "[station]") {
		t.Errorf("wrong files: %q, %q", content(path), content(other))
	}

	c = talk(false)
	c.answer("exists. Replace it?", "y")
	c.expect("What was there is kept as")
	c.expect("it has no faults.")
	c.expectExit(0)
	if content(path) != content(other) {
		t.Error("the file was not replaced, though somebody said yes")
	}
	if content(path+".old") != precious {
		t.Errorf("what was there is lost: %q", content(path+".old"))
	}
	plan, faults, err := plan.Read(path)
	if err != nil || len(faults) > 0 || plan.Station.Name != `pack "4" \1` {
		t.Errorf("%v, %v, %+v", err, faults, plan)
	}
}

func TestEverythingThatCanBeWiredIsSetUpThroughATerminal(t *testing.T) {
	t.Parallel()
	sim, chip, lit := newChip(t)
	sim2, chip2, lit2 := newChip(t)
	sim.Press(18) // a normally closed contact, at rest
	sim.Press(7)  // what a board makes of a button that nobody presses
	path := filepath.Join(t.TempDir(), "stationd.toml")
	c := startConsole(t, "setup", "-o", path, "--chip", chip)
	c.answer("The station's name", "pack4-1")
	c.answer("The site's time zone", "Europe/Stockholm")
	c.answer("The language of the page", "en")
	c.answer("L2L's address", "https://acme.leading2lean.com/api/1.0/")
	for _, a := range []string{"12", "PACK4", "SEAL-1", "MECH"} {
		c.answer("The ", a)
	}
	c.answer("Another file with the key", "")
	c.answer("Lagerkoll's address", "")

	// Two contacts that change together are one button.
	c.expect("Press the button you want to name")
	sim.Press(17)
	sim.Release(18)
	c.expect("GPIO17 (header pin 11) went low: the normally open contact.")
	c.expect("GPIO18 (header pin 12) went high: the normally closed one of the same button.")
	sim.Release(17)
	sim.Press(18)
	c.answer("The button's name", "both")
	c.answer("What people call it, on the page", "")

	// Press, two quick presses and hold, each with what it does.
	c.expect("What does both do?")
	c.answer("Choose", "3")
	c.expect("What does a press do?")
	c.answer("Choose", "")
	c.answer("The dispatch type's code in L2L [BOTH]", "MAINT")
	c.answer("Text", "")
	c.expect("What do two quick presses do?")
	c.answer("Choose", "2")
	c.answer("The dispatch type's code in L2L", "MAT")
	c.answer("Text", "Material to {station}")
	c.expect("What does holding it for two seconds do?")
	c.expect("1  it ends the call MAINT")
	c.answer("Choose", "")
	c.answer("The GPIO number of the lamp", "")

	// Two buttons at once are a mistake; a board that drives the pin high is none.
	c.expect("Press the next button you want to name")
	sim.Press(4)
	sim.Press(6)
	c.expect("GPIO4, GPIO6 changed together. Press one button at a time")
	sim.Release(4)
	sim.Release(6)
	c.expect("Press the next button you want to name")
	sim.Release(7)
	c.expect("through a board whose output goes high when it is pressed")
	sim.Press(7)
	c.answer("Choose", "2")
	c.answer("The button's name", "driven")
	c.answer("What people call it, on the page", "")
	c.answer("Choose", "4")
	c.answer("The GPIO number of the lamp", "")

	// A button of another chip, with a lamp there.
	c.answer("Press the next button you want to name", "on nowhere")
	c.answer("Press the button you want to name", "on "+chip2)
	c.expect("Watching the lines")
	c.expect("Press the button you want to name")
	pressBriefly(sim2, 5, func() { c.answer("The button's name", "far") })
	c.answer("What people call it, on the page", "")
	c.answer("Choose", "4")
	c.answer("The GPIO number of the lamp", "6 on "+chip2)
	c.answer("Drive GPIO6", "y")
	c.answer("Choose", "2") // it was dark, and is lit else
	c.answer("The lamp's name", "far-lamp")
	c.answer("Press the next button you want to name", "")

	// A stack light whose lamps were named in the wrong order, lit by low inputs.
	c.answer("Its colours", "x")
	c.answer("type each colour once", "gr")
	c.answer("The GPIO number of the red lamp", "18")
	c.answer("is button both", "23")
	c.answer("The GPIO number of the green lamp", "23")
	c.answer("that is another of its lamps", "24")
	c.answer("Light them one after another", "y")
	c.expect("GPIO23 (header pin 16)")
	c.answer("Choose", "4") // a lamp was dark
	c.expect("GPIO23 (header pin 16)")
	c.expect("2  green was lit")
	c.answer("Choose", "2")
	c.expect("GPIO24 (header pin 18)")
	c.expect("1  red was lit")
	c.answer("Choose", "1")
	c.answer("The stack light's name", "")

	// No reader; and a buzzer, which is heard.
	c.answer("there are no readers", "hid:0c2e")
	c.expect("is not a USB name")
	c.answer("there are no readers", "")
	for len(lit) > 0 {
		<-lit
	}
	c.answer("The GPIO number of a buzzer", "24")
	c.answer("GPIO24 (header pin 18) is lamp tower-red", "13")
	c.answer("Drive GPIO13 (header pin 33) high for 1 s now", "y")
	c.expect("Did you hear it?")
	if len(lit) != 1 || <-lit != 13 {
		t.Error("the buzzer did not sound, or not alone")
	}
	c.answer("Choose", "3") // no
	c.answer("The GPIO number of a buzzer", "12")
	c.answer("Drive GPIO12", "")
	c.answer("The buzzer's name", "")
	c.expect("What does it answer for?")
	c.answer("Choose", "")
	c.answer("The GPIO number of a buzzer", "")
	c.answer("Anything more?", "")
	c.expect("Station pack4-1: 3 buttons, 3 lamps, 1 buzzer, 0 readers.")
	c.answer("Write it to", "")
	c.expect("sudo install -m 600 YOUR-KEY-FILE /etc/stationd/keys/l2l.key")
	c.expectExit(0)
	if len(lit2) != 1 || <-lit2 != 6 {
		t.Error("the lamp of the other chip was not lit, or not alone")
	}

	plan, faults, err := plan.Read(path)
	must(t, err)
	for _, f := range faults {
		t.Error(f)
	}
	nc := 18
	if diff := cmp.Diff([]gpio.Button{
		{Name: "both", Pin: 17, PinNC: &nc, HoldBound: true, DoubleBound: true},
		{Name: "driven", Pin: 7, Active: "high"},
		{Name: "far", Pin: 5, Chip: chip2, Lamp: "far-lamp"},
	}, plan.Buttons); diff != "" {
		t.Errorf("buttons (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]gpio.Lamp{
		{Name: "far-lamp", Pin: 6, Chip: chip2, Active: "low"},
		{Name: "tower-green", Pin: 23, Active: "low"},
		{Name: "tower-red", Pin: 24, Active: "low"},
	}, plan.Lamps); diff != "" {
		t.Errorf("lamps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]gpio.Buzzer{{Name: "horn", Pin: 12}}, plan.Buzzers); diff != "" || plan.Station.Buzzer != "horn" {
		t.Errorf("buzzers (-want +got):\n%s\nthe station's is %q", diff, plan.Station.Buzzer)
	}
	if diff := cmp.Diff([]config.Stack{{Name: "tower", Red: "tower-red", Green: "tower-green"}}, plan.Stacks); diff != "" {
		t.Errorf("stack lights (-want +got):\n%s", diff)
	}
	// What is typed while setup prints is now and then not echoed by the kernel, its line
	// break with it: two questions stand on a line then, and each of them must fit.
	for line := range strings.SplitSeq(strings.ReplaceAll(c.output(), ": ", ": \n"), "\n") {
		if n := utf8.RuneCountInString(line); n >= 80 && !strings.Contains(line, chip2) && !strings.HasPrefix(line, "/") && !strings.HasPrefix(line, "  sudo ") {
			t.Errorf("a line of %d characters does not fit: %q", n, line)
		}
	}
}

func TestAChipThatVanishesWhileAButtonIsWaitedForEndsNothing(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "stationd-chip-") // short enough for a socket
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "chip")
	plugged := func() (unplug func()) {
		sim, err := gpio.ListenSim(path, func(int, bool) {})
		must(t, err)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- sim.Run(ctx) }()
		return func() {
			stop()
			must(t, <-ended)
		}
	}
	unplug := plugged()
	c := startConsole(t, "setup", "-o", filepath.Join(dir, "stationd.toml"), "--chip", "sim:"+path)
	answerUntilButtons(t, c, nil)
	unplug()
	c.expect("What now?")
	c.answer("Choose", "1")
	c.expect("What now?")
	unplug = plugged()
	defer unplug()
	c.answer("Choose", "1")
	c.expect("Press the")
	c.send(ctrlC)
	c.expectExit(1)
}

func TestSetupGoesOnWithTheAnswersOfATalkThatWasEnded(t *testing.T) {
	t.Parallel()
	sim, chip, _ := newChip(t)
	path := filepath.Join(t.TempDir(), "stationd.toml")
	c := startConsole(t, "setup", "-o", path, "--chip", chip)
	answerUntilButtons(t, c, sim)
	pressBriefly(sim, 17, func() { c.answer("The button's name", "help") })
	c.answer("What people call it, on the page", "")
	c.answer("The GPIO number of the lamp", "22")
	c.answer("Drive GPIO22", "y")
	c.answer("Choose", "1")
	c.answer("The lamp's name", "red")
	c.expect("Press the next button you want to name")
	c.send(ctrlC)
	c.expect("The answers are saved in")
	c.expectExit(1)

	c = startConsole(t, "setup", "-o", path, "--chip", chip)
	c.answer("station pack4-1, 1 button, 0 readers. Continue with them?", "")
	c.expect("Press the button you want to name")
	pressBriefly(sim, 17, func() { c.expect("is button help already") })
	c.answer("Press the next button you want to name", "")
	c.answer("Its colours", "")
	c.answer("nothing   there are no readers", "")
	c.answer("The GPIO number of a buzzer", "")
	c.answer("Anything more? (y/n) [n]", "")
	c.answer("Write it to", "")
	c.expect("it has no faults.")
	c.expectExit(0)
	text, err := os.ReadFile(path)
	must(t, err)
	for _, part := range []string{`name     = "pack4-1"`, `name = "help"`, `name = "red"`} {
		if !strings.Contains(strings.ReplaceAll(string(text), "name   =", "name ="), part) && !strings.Contains(string(text), part) {
			t.Errorf("%s is missing in\n%s", part, text)
		}
	}
	if _, err := os.Stat(path + ".draft"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the answers are still kept: %v", err)
	}
}
