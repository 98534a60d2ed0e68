// Package plan reads a configuration file into a Plan: everything that a station will
// consist of, checked as a whole, with no device, file or connection opened yet. The daemon
// opens it; the commands check and doctor, and those that ask a station, read it too.
//
// It has the one table of backends (Backends) and the one of devices (readDevices).
package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/api/alert"
	"stationd/internal/config"
	"stationd/internal/exit"
	"stationd/internal/gpio"
	"stationd/internal/printer"
	"stationd/internal/relay"
	"stationd/internal/scanner"
	"stationd/internal/station"
	"stationd/internal/words"
)

// DefaultPath is where the package has the configuration.
const DefaultPath = "/etc/stationd/stationd.toml"

// PathFlag adds --config, which every command that needs a configuration has.
func PathFlag(flags interface {
	StringVar(value *string, name, standard, usage string)
}, path *string,
) {
	flags.StringVar(path, "config", DefaultPath, "the configuration file")
}

// A Plan is a configuration that has been read: everything a station will
// consist of, and nothing opened yet.
type Plan struct {
	Path     string
	Files    []string  // that it was read from, itself first
	text     []byte    // of all of them, as one
	LastGood *LastGood // nil: the plan is that of the file itself
	Station  config.Station
	Zone     *time.Location
	Web      config.Web
	Metrics  config.Metrics
	Access   *config.Access // nil where the file has none
	Chips    gpio.Chips
	Buttons  []gpio.Button
	Lamps    []gpio.Lamp
	Buzzers  []gpio.Buzzer
	Stacks   []config.Stack
	Scanners []scanner.Config
	Printers []printer.Printer
	Vendors  []Vendor
	Relay    *relay.Engine  // how the plant's relay is reached; nil where the file has no [relay]
	Alert    *alert.Section // nil where the file has none
	Program  station.Program
	Warnings []config.Fault // what is allowed and may not be what was meant
}

// Hash tells the configuration from every other: the beginning of a SHA-256 of its text.
func (p *Plan) Hash() string {
	sum := sha256.Sum256(p.text)
	return hex.EncodeToString(sum[:6])
}

// Panel is everything that is wired to the GPIO chips.
func (p *Plan) Panel() gpio.Panel {
	return gpio.Panel{Chips: p.Chips, Buttons: p.Buttons, Lamps: p.Lamps, Buzzers: p.Buzzers}
}

// Read reads a configuration whole. The faults are everything that is wrong with
// it; with any fault the plan is not to be used. An error says that the file
// could not be read at all.
func Read(path string) (*Plan, []config.Fault, error) {
	f, err := config.Load(path)
	if err != nil {
		return nil, nil, err
	}
	f.Backends(BackendNames()...)
	p := &Plan{Path: path, Files: f.Files(), text: f.Text()}
	p.Station, p.Zone = f.Station()
	f.OneOf(config.At("station", "language"), p.Station.Language, words.Languages()...)
	p.Web = f.Web()
	p.Metrics = f.Metrics()
	if p.Metrics.Listen != "" && p.Metrics.Listen == p.Web.Listen && !strings.HasSuffix(p.Web.Listen, ":0") { // 0 is any port that is free
		f.Fault(config.At("metrics", "listen"), `"listen" is the page's address, which has the metrics already: take another port, or leave [metrics] out`)
	}
	api.KeyFrom(p.Web.Token).Check("token", func(key, text string) { f.Fault(config.At("web", key), "%q %s", key, text) })
	p.Access = f.Access()
	p.readPrinters(f)
	p.readVendors(f)
	p.readRelay(f)
	p.readDevices(f)
	p.readAlert(f)
	p.readProgram(f)
	p.checkAlert(f)
	f.Unread()
	p.warn(f)
	p.Warnings = f.Warnings()
	return p, f.Faults(), nil
}

// readAlert reads [alert]: how somebody elsewhere is told of what is held for too long.
func (p *Plan) readAlert(f *config.File) {
	section := alert.Default()
	if f.Section("alert", &section) {
		p.Alert = &section
		section.Check(func(key, text string) { f.Fault(config.At("alert", key), "%q %s", key, text) })
	}
}

// checkAlert checks that an alert reaches anybody.
func (p *Plan) checkAlert(f *config.File) {
	if p.Alert != nil && p.Alert.URL == "" && len(p.AlertVendors()) == 0 {
		f.Fault(config.At("alert"), `[alert] tells nobody: give it a url, or bind station.alert to an action, as do = [{ l2l = "dispatch.open", type = "STATION", description = "{alert}" }]`)
	}
}

// AlertVendors are the backends of the actions that bindings of station.alert have.
func (p *Plan) AlertVendors() (all []string) {
	for _, b := range p.Program.Bindings {
		if b.Event != station.FromStation+"."+station.Alert {
			continue
		}
		for _, do := range b.Do {
			all = append(all, do.Backend)
		}
	}
	return all
}

func (p *Plan) readDevices(f *config.File) {
	f.Section("gpio", &p.Chips)
	f.Tables("button", &p.Buttons)
	for i, b := range p.Buttons {
		p.Buttons[i] = b.ResolveKey()
	}
	f.Tables("lamp", &p.Lamps)
	f.Tables("buzzer", &p.Buzzers)
	f.Tables("stack", &p.Stacks)
	f.Tables("scanner", &p.Scanners)
	fault := func(table string, index int, key, text string) { f.Fault(config.At(table, index, key), "%s", text) }
	gpio.Check(p.Panel(), fault)
	scanner.Check(p.Scanners, fault)

	a := signalCheck{File: f, stacked: make(map[string]string)}
	for i, l := range p.Lamps {
		if l.Name != "" && f.Name(config.At("lamp", i, "name"), l.Name) {
			a.lamps = append(a.lamps, l.Name)
		}
	}
	for i, b := range p.Buzzers {
		if b.Name != "" && f.Name(config.At("buzzer", i, "name"), b.Name) {
			a.buzzers = append(a.buzzers, b.Name)
		}
	}
	for i, k := range p.Stacks {
		a.checkStack(i, k)
	}
	for i, b := range p.Buttons {
		if b.Name != "" {
			f.Name(config.At("button", i, "name"), b.Name)
		}
		a.checkAnswering(b.Lamp, b.Buzzer, "button", i)
	}
	for i, s := range p.Scanners {
		if s.Name != "" {
			f.Name(config.At("scanner", i, "name"), s.Name)
		}
		a.checkAnswering(s.Lamp, s.Buzzer, "scanner", i)
		p.warnOfPort(f, i, s.Port)
	}
	a.checkAnswering(p.Station.Lamp, p.Station.Buzzer, "station")
}

// warnOfPort warns of a reader's port that will not do as it stands.
func (p *Plan) warnOfPort(f *config.File, i int, port string) {
	at := config.At("scanner", i, "port")
	if line := scanner.MissingDeviceAllow(port); line != "" {
		f.Warn(at, "the packaged unit does not allow this device: `systemctl edit stationd`, write [Service] and below it %s", line)
	}
	if scanner.HasUnstableName(port) {
		offer := "`stationd setup` finds one that lasts"
		if lasting := scanner.StablePort(port); lasting != "" {
			offer = "now it is " + lasting
		}
		f.Warn(at, "the kernel gives this name anew with each plug, and another reader may have it tomorrow; %s", offer)
	}
}

// signalCheck checks which lamp and buzzer answer for which button, scanner or station.
type signalCheck struct {
	*config.File
	lamps, buzzers []string
	stacked        map[string]string // the stack light that a lamp belongs to
}

// checkAnswering checks the lamp and the buzzer that a table names.
func (c signalCheck) checkAnswering(lamp, buzzer string, table ...any) {
	at := func(key string) config.Path { return config.At(append(slices.Clone(table), key)...) }
	switch stack := c.stacked[lamp]; {
	case lamp == "":
	case stack != "":
		c.Fault(at("lamp"), "%q is a lamp of the stack light %q, which shows the station as a whole; it answers for nothing else", lamp, stack)
	default:
		c.OneOf(at("lamp"), lamp, c.lamps...)
	}
	if buzzer != "" {
		c.OneOf(at("buzzer"), buzzer, c.buzzers...)
	}
}

// checkStack checks a stack light and takes note of its lamps.
func (c signalCheck) checkStack(i int, k config.Stack) {
	c.Name(config.At("stack", i, "name"), k.Name)
	if k.Red+k.Yellow+k.Green+k.Buzzer == "" {
		c.Fault(config.At("stack", i), "this stack light has neither a lamp nor a buzzer; name at least one as red, yellow, green or buzzer")
	}
	for _, colour := range []struct{ key, lamp string }{{"red", k.Red}, {"yellow", k.Yellow}, {"green", k.Green}} {
		at := config.At("stack", i, colour.key)
		switch stack := c.stacked[colour.lamp]; {
		case colour.lamp == "":
		case stack != "":
			c.Fault(at, "%q is a lamp of the stack light %q already", colour.lamp, stack)
		default:
			c.OneOf(at, colour.lamp, c.lamps...)
			c.stacked[colour.lamp] = k.Name
		}
	}
	if k.Buzzer != "" {
		c.OneOf(config.At("stack", i, "buzzer"), k.Buzzer, c.buzzers...)
	}
}

func (p *Plan) readProgram(f *config.File) {
	base := station.Program{
		Station:     p.Station.Name,
		Zone:        p.Zone,
		Shifts:      f.Shifts(),
		Labels:      p.readLabels(f),
		Vendors:     make(map[string]station.Vendor),
		Lamp:        make(map[string]string),
		DefaultLamp: p.Station.Lamp,
		Latch:       make(map[string]bool),

		Reminders:     make(map[string]time.Duration),
		Buzzer:        make(map[string]string),
		DefaultBuzzer: p.Station.Buzzer,
	}
	kinds := make(map[string][]string)
	for _, v := range p.Vendors {
		base.Vendors[v.Name] = v.Schema
	}
	for _, l := range p.Lamps {
		base.Lamps = append(base.Lamps, l.Name)
	}
	for _, b := range p.Buzzers {
		base.Reminders[b.Name] = b.Reminder()
	}
	for _, k := range p.Stacks {
		base.Stacks = append(base.Stacks, station.Stack(k))
	}
	for _, b := range p.Buttons {
		kinds[b.Name] = []string{station.Press, station.Hold, station.Double, station.Release}
		base.Latch[b.Name] = b.Latch
		if b.Lamp != "" {
			base.Lamp[b.Name] = b.Lamp
		}
		if b.Buzzer != "" {
			base.Buzzer[b.Name] = b.Buzzer
		}
	}
	for _, s := range p.Scanners {
		kinds[s.Name] = []string{station.Scan}
		if s.Lamp != "" {
			base.Lamp[s.Name] = s.Lamp
		}
		if s.Buzzer != "" {
			base.Buzzer[s.Name] = s.Buzzer
		}
	}
	if p.Alert != nil {
		kinds[station.FromStation] = []string{station.Alert}
	}
	p.Program = f.Program(base, kinds)
	p.checkPrinting(f)
	p.checkTriggers(f)
	p.warnOfLabels(f)
	bound := make(map[string]bool)
	for _, b := range p.Program.Bindings {
		bound[b.Event] = true
	}
	for i := range p.Buttons {
		b := &p.Buttons[i]
		b.HoldBound = bound[b.Name+"."+station.Hold]
		b.DoubleBound = bound[b.Name+"."+station.Double]
		b.ReleaseBound = bound[b.Name+"."+station.Release]
	}
}

// checkTriggers checks what bindings send to readers.
func (p *Plan) checkTriggers(f *config.File) {
	var names []string
	for _, s := range p.Scanners {
		names = append(names, s.Name)
	}
	for _, b := range p.Program.Bindings {
		for _, name := range slices.Sorted(maps.Keys(b.Send)) {
			at := config.At("on", b.Number, "trigger", name)
			if !f.OneOf(at, name, names...) {
				continue
			}
			if why := p.Scanners[slices.Index(names, name)].WhyNotSend(b.Send[name]); why != "" {
				f.Fault(at, "%s", why)
			}
		}
	}
}

// Outbox is where the station's outbox lies.
func (p *Plan) Outbox() string { return filepath.Join(p.Station.Data, "outbox.db") }

// AccessFile is where badges and PIN are kept.
func (p *Plan) AccessFile() string { return filepath.Join(p.Station.Data, "access.json") }

// History is the folder of what was done.
func (p *Plan) History() string { return filepath.Join(p.Station.Data, "history") }

// Load reads a configuration for a command that needs one. Faults are printed,
// and end the command with the code for them.
func Load(path string, stderr io.Writer) (*Plan, error) {
	p, faults, err := Read(path)
	if err != nil {
		return nil, exit.With(exit.Config, err)
	}
	if len(faults) > 0 {
		PrintFaults(stderr, faults)
		return nil, &exit.Error{Code: exit.Config}
	}
	return p, nil
}

// PrintFaults writes each fault of a configuration on a line of its own, what explains it
// below it, and their number at the end.
func PrintFaults(w io.Writer, faults []config.Fault) {
	for _, fault := range faults {
		fmt.Fprintln(w, fault)
		if fault.Detail != "" {
			fmt.Fprintln(w, fault.Detail)
		}
	}
	noun := "faults"
	if len(faults) == 1 {
		noun = "fault"
	}
	fmt.Fprintf(w, "%d %s\n", len(faults), noun)
}
