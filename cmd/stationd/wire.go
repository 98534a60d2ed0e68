package main

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"stationd/internal/api"
	"stationd/internal/api/alert"
	"stationd/internal/api/l2l"
	"stationd/internal/api/lagerkoll"
	"stationd/internal/config"
	"stationd/internal/gpio"
	"stationd/internal/printer"
	"stationd/internal/scanner"
	"stationd/internal/station"
)

// A plan is a configuration that has been read: everything a station will
// consist of, and nothing opened yet.
type plan struct {
	path     string
	text     []byte    // of the file
	lastGood *lastGood // nil: it is the file itself
	station  config.Station
	zone     *time.Location
	web      config.Web
	chips    gpio.Chips
	buttons  []gpio.Button
	lamps    []gpio.Lamp
	buzzers  []gpio.Buzzer
	stacks   []config.Stack
	scanners []scanner.Config
	printers []printer.Printer
	vendors  []vendor
	asks     tables
	alert    *alert.Section // nil where the file has none
	program  station.Program
	warnings []config.Fault // of what is no fault and may not be what was meant
}

// panel is everything that is wired to the GPIO chips.
func (p *plan) panel() gpio.Panel {
	return gpio.Panel{Chips: p.chips, Buttons: p.buttons, Lamps: p.lamps, Buzzers: p.buzzers}
}

// tables are the vendors' own tables, for doctor; nil where the file has none.
type tables struct {
	l2l       *l2l.Section
	lagerkoll *lagerkoll.Section
}

// A vendor is one backend that the configuration has a table for.
type vendor struct {
	name   string
	knows  station.Vendor
	settle time.Duration
	open   func(*slog.Logger) (station.Backend, error)

	// rehearse opens a backend that shows what it would send and sends none of it
	// but reads.
	rehearse func(*slog.Logger, func(api.Rehearsed)) (station.Backend, error)

	// watch returns the source that follows the vendor through a backend which open
	// returned; nil where nothing is followed.
	watch func(b station.Backend, open func() []station.Call, stamp func(time.Time) station.Stamp) station.Source
}

// The languages of the operator's page.
var languages = []string{"en", "sv"} //nolint:gochecknoglobals // never changes

// read reads a configuration whole. The faults are everything that is wrong with
// it; with any fault the plan is not to be used. An error says that the file
// could not be read at all.
func read(path string) (*plan, []config.Fault, error) {
	f, err := config.Load(path)
	if err != nil {
		return nil, nil, err
	}
	p := &plan{path: path, text: f.Text()}
	p.station, p.zone = f.Station()
	f.OneOf(config.At("station", "language"), p.station.Language, languages...)
	p.web = f.Web()
	p.readPrinters(f)
	p.readVendors(f)
	p.readDevices(f)
	p.readAlert(f)
	p.readProgram(f)
	p.checkAlert(f)
	f.Unread()
	p.warnings = f.Warnings()
	return p, f.Faults(), nil
}

// readVendors is the one table of who is who: a third backend is one more entry.
func (p *plan) readVendors(f *config.File) {
	var one l2l.Section
	if f.Section("l2l", &one) {
		p.asks.l2l = &one
		one.Check(func(key, text string) { f.Fault(config.At("l2l", key), "%q %s", key, text) })
		p.vendors = append(p.vendors, vendor{
			name:   "l2l",
			knows:  station.Vendor{Verbs: l2l.Verbs(), To: one.To(), Defaults: one.Defaults()},
			settle: one.SettleTime(),
			open:   func(log *slog.Logger) (station.Backend, error) { return l2l.Open(one, p.zone, log) },
			rehearse: func(log *slog.Logger, show func(api.Rehearsed)) (station.Backend, error) {
				rehearsing := one
				rehearsing.Rehearse = show
				return l2l.Open(rehearsing, p.zone, log)
			},
			watch: func(b station.Backend, open func() []station.Call, stamp func(time.Time) station.Stamp) station.Source {
				if site, is := b.(*l2l.Backend); is {
					return site.Watch(one.Line, one.Watch, open, stamp)
				}
				return nil
			},
		})
	}
	var two lagerkoll.Section
	if f.Section("lagerkoll", &two) {
		p.asks.lagerkoll = &two
		two.Check(func(key, text string) { f.Fault(config.At("lagerkoll", key), "%q %s", key, text) })
		p.vendors = append(p.vendors, vendor{
			name:   "lagerkoll",
			knows:  station.Vendor{Verbs: append(lagerkoll.Verbs(), printVerb()), To: two.To(), Defaults: p.printerDefaults()},
			settle: two.SettleTime(),
			open:   func(log *slog.Logger) (station.Backend, error) { return lagerkoll.Open(two, log) },
			rehearse: func(log *slog.Logger, show func(api.Rehearsed)) (station.Backend, error) {
				rehearsing := two
				rehearsing.Rehearse = show
				return lagerkoll.Open(rehearsing, log)
			},
			watch: func(station.Backend, func() []station.Call, func(time.Time) station.Stamp) station.Source { return nil },
		})
	}
}

// readAlert reads how somebody elsewhere is told.
func (p *plan) readAlert(f *config.File) {
	section := alert.Default()
	if f.Section("alert", &section) {
		p.alert = &section
		section.Check(func(key, text string) { f.Fault(config.At("alert", key), "%q %s", key, text) })
	}
}

// checkAlert checks that an alert reaches anybody.
func (p *plan) checkAlert(f *config.File) {
	if p.alert != nil && p.alert.URL == "" && len(p.alertVendors()) == 0 {
		f.Fault(config.At("alert"), `[alert] tells nobody: give it a url, or bind station.alert to an action, as do = [{ l2l = "dispatch.open", type = "STATION", description = "{alert}" }]`)
	}
}

// alertVendors are the backends that the station's alert has something done by.
func (p *plan) alertVendors() (all []string) {
	for _, b := range p.program.Bindings {
		if b.Event != station.FromStation+"."+station.Alert {
			continue
		}
		for _, do := range b.Do {
			all = append(all, do.Backend)
		}
	}
	return all
}

func (p *plan) readDevices(f *config.File) {
	f.Section("gpio", &p.chips)
	f.Tables("button", &p.buttons)
	for i, b := range p.buttons {
		p.buttons[i] = b.ResolveKey()
	}
	f.Tables("lamp", &p.lamps)
	f.Tables("buzzer", &p.buzzers)
	f.Tables("stack", &p.stacks)
	f.Tables("scanner", &p.scanners)
	fault := func(table string, index int, key, text string) { f.Fault(config.At(table, index, key), "%s", text) }
	gpio.Check(p.panel(), fault)
	scanner.Check(p.scanners, fault)

	a := answers{File: f, stacked: make(map[string]string)}
	for i, l := range p.lamps {
		if l.Name != "" && f.Name(config.At("lamp", i, "name"), l.Name) {
			a.lamps = append(a.lamps, l.Name)
		}
	}
	for i, b := range p.buzzers {
		if b.Name != "" && f.Name(config.At("buzzer", i, "name"), b.Name) {
			a.buzzers = append(a.buzzers, b.Name)
		}
	}
	for i, k := range p.stacks {
		a.stack(i, k)
	}
	for i, b := range p.buttons {
		if b.Name != "" {
			f.Name(config.At("button", i, "name"), b.Name)
		}
		a.by(b.Lamp, b.Buzzer, "button", i)
	}
	for i, s := range p.scanners {
		if s.Name != "" {
			f.Name(config.At("scanner", i, "name"), s.Name)
		}
		a.by(s.Lamp, s.Buzzer, "scanner", i)
		p.doubtPort(f, i, s.Port)
	}
	a.by(p.station.Lamp, p.station.Buzzer, "station")
}

// doubtPort warns of a reader's port that will not do as it stands.
func (p *plan) doubtPort(f *config.File, i int, port string) {
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

// answers checks what answers for what.
type answers struct {
	*config.File
	lamps, buzzers []string
	stacked        map[string]string // the stack light that a lamp belongs to
}

// by checks the lamp and the buzzer that a table names.
func (a answers) by(lamp, buzzer string, table ...any) {
	at := func(key string) config.Path { return config.At(append(slices.Clone(table), key)...) }
	switch stack := a.stacked[lamp]; {
	case lamp == "":
	case stack != "":
		a.Fault(at("lamp"), "%q is a lamp of the stack light %q, which shows the station as a whole; it answers for nothing else", lamp, stack)
	default:
		a.OneOf(at("lamp"), lamp, a.lamps...)
	}
	if buzzer != "" {
		a.OneOf(at("buzzer"), buzzer, a.buzzers...)
	}
}

// stack checks a stack light and takes note of its lamps.
func (a answers) stack(i int, k config.Stack) {
	a.Name(config.At("stack", i, "name"), k.Name)
	if k.Red+k.Yellow+k.Green+k.Buzzer == "" {
		a.Fault(config.At("stack", i), "this stack light has neither a lamp nor a buzzer; name at least one as red, yellow, green or buzzer")
	}
	for _, colour := range []struct{ key, lamp string }{{"red", k.Red}, {"yellow", k.Yellow}, {"green", k.Green}} {
		at := config.At("stack", i, colour.key)
		switch stack := a.stacked[colour.lamp]; {
		case colour.lamp == "":
		case stack != "":
			a.Fault(at, "%q is a lamp of the stack light %q already", colour.lamp, stack)
		default:
			a.OneOf(at, colour.lamp, a.lamps...)
			a.stacked[colour.lamp] = k.Name
		}
	}
	if k.Buzzer != "" {
		a.OneOf(config.At("stack", i, "buzzer"), k.Buzzer, a.buzzers...)
	}
}

func (p *plan) readProgram(f *config.File) {
	base := station.Program{
		Station: p.station.Name,
		Vendors: make(map[string]station.Vendor),
		Lamp:    make(map[string]string),
		Rest:    p.station.Lamp,
		Latch:   make(map[string]bool),

		Reminders:  make(map[string]time.Duration),
		Buzzer:     make(map[string]string),
		RestBuzzer: p.station.Buzzer,
	}
	kinds := make(map[string][]string)
	for _, v := range p.vendors {
		base.Vendors[v.name] = v.knows
	}
	for _, l := range p.lamps {
		base.Lamps = append(base.Lamps, l.Name)
	}
	for _, b := range p.buzzers {
		base.Reminders[b.Name] = b.Reminder()
	}
	for _, k := range p.stacks {
		base.Stacks = append(base.Stacks, station.Stack(k))
	}
	for _, b := range p.buttons {
		kinds[b.Name] = []string{station.Press, station.Hold, station.Double, station.Release}
		base.Latch[b.Name] = b.Latch
		if b.Lamp != "" {
			base.Lamp[b.Name] = b.Lamp
		}
		if b.Buzzer != "" {
			base.Buzzer[b.Name] = b.Buzzer
		}
	}
	for _, s := range p.scanners {
		kinds[s.Name] = []string{station.Scan}
		if s.Lamp != "" {
			base.Lamp[s.Name] = s.Lamp
		}
		if s.Buzzer != "" {
			base.Buzzer[s.Name] = s.Buzzer
		}
	}
	if p.alert != nil {
		kinds[station.FromStation] = []string{station.Alert}
	}
	p.program = f.Program(base, kinds)
	p.checkPrinting(f)
	p.checkTriggers(f)
	bound := make(map[string]bool)
	for _, b := range p.program.Bindings {
		bound[b.Event] = true
	}
	for i := range p.buttons {
		b := &p.buttons[i]
		b.HoldBound = bound[b.Name+"."+station.Hold]
		b.DoubleBound = bound[b.Name+"."+station.Double]
		b.ReleaseBound = bound[b.Name+"."+station.Release]
	}
}

// checkTriggers checks what bindings send to readers.
func (p *plan) checkTriggers(f *config.File) {
	var names []string
	for _, s := range p.scanners {
		names = append(names, s.Name)
	}
	for i, b := range p.program.Bindings {
		for _, name := range slices.Sorted(maps.Keys(b.Send)) {
			at := config.At("on", i, "trigger", name)
			if !f.OneOf(at, name, names...) {
				continue
			}
			if why := p.scanners[slices.Index(names, name)].WhyNotSend(b.Send[name]); why != "" {
				f.Fault(at, "%s", why)
			}
		}
	}
}

// outbox is where the station's outbox lies.
func (p *plan) outbox() string { return filepath.Join(p.station.Data, "outbox.db") }

// history is the folder of what was done.
func (p *plan) history() string { return filepath.Join(p.station.Data, "history") }

// load reads a configuration for a command that needs one. Faults are printed,
// and end the command with the code for them.
func load(path string, stderr io.Writer) (*plan, error) {
	p, faults, err := read(path)
	if err != nil {
		return nil, exitWith(exitConfig, err)
	}
	if len(faults) > 0 {
		printFaults(stderr, faults)
		return nil, &exitError{code: exitConfig}
	}
	return p, nil
}

func printFaults(w io.Writer, faults []config.Fault) {
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
