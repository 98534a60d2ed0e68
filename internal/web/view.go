package web

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"stationd/internal/station"
	"stationd/internal/words"
)

// A view is everything that the main part of the page says, in words. All text from outside
// has passed visible.
type view struct {
	Texts    *words.Catalogue
	Station  string
	HasCards bool // there is a page of cards to scan
	Version  string
	Spoken   string    // how serious the headline is, for who hears the page
	Findings []finding // the first is the headline
	Calls    []callLine
	MoreCall int
	Now      []line // what the line runs and what is in hand
	Recent   []recentLine
	Dots     []dot // the station's health in one line

	// What is not on the first screen.
	Lamps    []lamp
	Held     []item
	MoreHeld int
	Waiting  []item
	MoreWait int
	Notices  []item
	Kept     []item
	MoreKept int
	Parts    []line // the vendors and the devices
	Fill     int    // of the outbox, in percent
}

// A lamp is a lamp and its light. Class is the light's word fit for a class name.
type lamp struct {
	Name, Light, Class string
}

// A line is a thing and how it is.
type line struct {
	Class  string // look, wait or good; empty: it has no sign
	Name   string
	Text   string
	Detail string // for whoever repairs it; folded
}

// A dot is a part of the station in the one line about its health. Text is empty where it is
// well.
type dot struct {
	Class, Name, Text string
}

// An item is an entry or an unknown scan.
type item struct {
	ID     station.ID
	Short  string
	What   string // the verb, or the code that was read
	Where  string // backend and subject, or the source
	With   string // the fields, or what belongs to the scan
	When   string
	Hold   string // why it is held, in the page's words
	Reason string // and in those of whoever refused it
	Advice string
}

// How many of each the page lists. The command line lists them all.
const (
	mostHeld    = 50
	mostWaiting = 12
	mostKept    = 20
)

// pageLimit is how much the page lists.
func pageLimit() station.Limit {
	return station.Limit{Held: mostHeld, Waiting: mostWaiting, Unknown: mostKept}
}

// A viewBuilder makes a view of the station.
type viewBuilder struct {
	snapshot    station.Snapshot
	program     station.Program
	contents    station.Contents         // the beginning of it: pageLimit
	contentsErr error                    // why they are not known
	outages     map[string]station.Stamp // since when each backend has not been reached
	texts       *words.Catalogue
	times       words.Times
	hasCards    bool
}

func (b viewBuilder) view() view {
	s := b.snapshot
	findings := b.findings()
	held, waiting := b.items()
	v := view{
		Texts:    b.texts,
		Station:  visible(cmp.Or(b.program.Labels.Station, s.Station)),
		HasCards: b.hasCards,
		Version:  visible(s.Version),
		Spoken:   b.texts.Say("level." + words.Key(findings[0].Class)),
		Findings: findings,
		Now:      b.now(),
		Recent:   b.recent(),
		Dots:     b.dots(),
		Lamps:    b.lamps(),
		Parts:    slices.Concat(b.backends(), b.devices()),
		Fill:     percent(s.Health.Fill),
	}
	v.Calls, v.MoreCall = b.calls()
	v.Held, v.MoreHeld = held, more(b.contents.Held, held)
	v.Waiting, v.MoreWait = waiting, more(b.contents.Waiting, waiting)
	v.Notices, v.Kept = b.kept()
	v.MoreKept = more(b.contents.Unknown, v.Kept)
	return v
}

// more is how many of all are not shown.
func more(all int, shown []item) int { return max(0, all-len(shown)) }

// percent rounds up, so that only an empty outbox is shown as empty.
func percent(part float64) int {
	whole := int(part * 100)
	if float64(whole) < part*100 {
		whole++
	}
	return min(max(whole, 0), 100)
}

// backend is a backend's name as people say it.
func (b viewBuilder) backend(name string) string {
	return visible(cmp.Or(b.program.Vendors[name].Title, name))
}

func (b viewBuilder) lamps() []lamp {
	var all []lamp
	for _, name := range slices.Sorted(maps.Keys(b.snapshot.Lights)) {
		class := strings.ReplaceAll(b.snapshot.Lights[name].String(), " ", "-")
		all = append(all, lamp{
			Name:  b.part(name),
			Light: b.texts.Say("light." + words.Key(class)),
			Class: class,
		})
	}
	return all
}

// verb is what people call a verb; its name where there is no word for it.
func (b viewBuilder) verb(name string) string {
	if text, found := b.texts.Find("verb." + words.Key(name)); found {
		return text
	}
	return visible(name)
}

// contact puts how it is with a backend in words.
func (b viewBuilder) contact(kind station.ContactKind) string {
	if kind == "" {
		return b.texts.Say("contact.unknown")
	}
	key := words.Key(strings.ReplaceAll("contact."+string(kind), " ", "-"))
	return b.texts.Say(key)
}

func (b viewBuilder) backends() []line {
	var all []line
	contacts := b.snapshot.Health.Backends
	for _, name := range slices.Sorted(maps.Keys(contacts)) {
		c := contacts[name]
		l := line{Class: "wait", Name: b.backend(name), Text: b.contact(c.Kind), Detail: visible(c.Last)}
		switch {
		case c.Fault != "":
			l.Class, l.Text, l.Detail = "look", b.texts.Say("contact.key"), visible(c.Fault)
		case c.Kind == station.Connected && c.Trouble == "":
			l.Class = "good"
		case c.Kind == station.Untried:
			l.Class = "idle"
		}
		all = append(all, l)
	}
	return all
}

func (b viewBuilder) devices() []line {
	var all []line
	devices := b.snapshot.Health.Devices
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		l := line{Class: "good", Name: b.part(name), Text: b.texts.Say("device.well")}
		if fault := devices[name]; fault != "" {
			l.Class, l.Text, l.Detail = "look", b.deviceFault(name), visible(fault)
		}
		all = append(all, l)
	}
	return all
}

// isDevice reports whether something is a button, a reader, a lamp or a buzzer: what people
// at the station work with.
func (b viewBuilder) isDevice(name string) bool {
	p := b.program
	if _, buzzer := p.Reminders[name]; buzzer || slices.Contains(p.Lamps, name) {
		return true
	}
	if _, lit := p.Lamp[name]; lit {
		return true
	}
	return slices.ContainsFunc(p.Bindings, func(binding station.Binding) bool {
		source, _, _ := strings.Cut(binding.Event, ".")
		return source == name
	})
}

// isScan reports whether an event of that name is a scan.
func isScan(event string) bool { return strings.HasSuffix(event, "."+station.Scan) }

// dots are the parts of the station in one line: the vendors, what people work with, the
// outbox, the rest, and the clock, which never outranks the work.
func (b viewBuilder) dots() []dot {
	var all []dot
	for _, l := range b.backends() {
		d := dot{Class: l.Class, Name: l.Name, Text: l.Text}
		if l.Class == "good" || l.Class == "idle" {
			d.Text = "" // its form says so
		}
		all = append(all, d)
	}
	devices, rest := dot{Class: "good", Name: b.texts.Say("dot.devices")}, dot{Class: "good", Name: b.texts.Say("dot.parts")}
	for name, fault := range b.snapshot.Health.Devices {
		switch {
		case fault == "":
		case b.isDevice(name):
			devices.Class, devices.Text = "look", b.texts.Say("device.fault")
		default:
			rest.Class, rest.Text = "look", b.texts.Say("device.fault")
		}
	}
	storage := dot{Class: "good", Name: b.texts.Say("fill")}
	if n := b.snapshot.Waiting; n > 0 {
		storage.Text = b.texts.Number(n)
	}
	switch fill := percent(b.snapshot.Health.Fill); {
	case b.snapshot.Health.Storage != "":
		storage.Class, storage.Text = "look", b.texts.Say("device.fault")
	case fill >= 80:
		storage.Class, storage.Text = "look", b.texts.Say("fill.of", "percent", fill)
	case fill >= 50:
		storage.Class, storage.Text = "wait", b.texts.Say("fill.of", "percent", fill)
	}
	clock := dot{Class: "good", Name: b.texts.Say("dot.clock")}
	if !b.snapshot.Health.Clock {
		clock.Class, clock.Text = "wait", b.texts.Say("dot.clock.unset")
	}
	return append(all, devices, storage, rest, clock)
}

// items are the entries, as what is held and what waits.
func (b viewBuilder) items() (held, waiting []item) {
	for _, e := range b.contents.Entries {
		backend := b.backend(e.Backend())
		i := item{
			ID:    e.ID,
			Short: e.ID.Short(),
			What:  b.verb(e.Verb),
			Where: backend + " · " + b.subject(e.Lane),
			With:  b.fieldList(e.With),
			When:  b.part(e.Source) + " · " + b.times.Ago(e.At),
		}
		if e.Condition != station.Held {
			if e.Condition == station.Marked {
				i.Hold = b.texts.Say("waiting.marked")
			}
			if e.Behind != nil {
				i.Hold = b.texts.Say("waiting.behind", "entry", e.Behind.Entry.Short())
			}
			if e.Twice != "" {
				i.Hold = strings.TrimSpace(i.Hold + " " + b.texts.Say("entry.twice", "entry", e.Twice.Short()))
			}
			waiting = append(waiting, i)
			continue
		}
		i.Hold, i.Reason = b.texts.Say("hold."+words.Key(e.Hold), "vendor", backend), b.reason(e.Why)
		if e.Hold == station.HoldUndecided || e.Doubtful {
			i.Advice = b.texts.Say("held.look", "vendor", backend)
		}
		if to := b.program.Vendors[e.Backend()].To; to != "" && to != e.To {
			i.Advice = b.texts.Say("held.moved.look", "from", visible(e.To), "to", visible(to))
		}
		if e.Twice != "" {
			i.Advice = strings.TrimSpace(i.Advice + " " + b.texts.Say("entry.twice", "entry", e.Twice.Short()))
		}
		held = append(held, i)
	}
	return held, waiting
}

// subject is what a lane is about: "machine SEAL-1" of l2l/machine:SEAL-1.
func (b viewBuilder) subject(lane string) string {
	_, about, _ := strings.Cut(lane, "/")
	fields := make(map[string]string)
	for one := range strings.SplitSeq(about, ",") {
		if field, text, named := strings.Cut(one, ":"); named {
			fields[field] = text
		}
	}
	return b.fieldList(fields)
}

// kept are what the station itself noted for a person, and the scans that no
// binding knew, the newest first.
func (b viewBuilder) kept() (notices, scans []item) {
	for _, ev := range slices.Backward(b.contents.Kept) {
		one := item{
			ID:    ev.ID,
			Short: ev.ID.Short(),
			What:  visible(ev.Code),
			With:  b.fieldList(ev.Data),
			When:  b.times.Ago(ev.At),
		}
		if ev.Source == station.FromStation {
			one.What = b.notice(ev.Kind)
			notices = append(notices, one)
			continue
		}
		one.When = b.part(ev.Source) + " · " + one.When
		scans = append(scans, one)
	}
	return notices, scans
}

// fieldList writes fields for a person to read: "article 7350, batch A1".
func (b viewBuilder) fieldList(fields map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		all = append(all, b.value(name)+" "+visible(b.program.Labels.Of(name, fields[name])))
	}
	return strings.Join(all, ", ")
}
