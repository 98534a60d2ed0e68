package web

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"stationd/internal/station"
	"stationd/internal/words"
)

// rank orders levels, the most serious first.
func rank(l station.Level) int {
	return slices.Index([]station.Level{station.Look, station.Wait, station.Good}, l)
}

// A view is everything that the main part of the page says, in words, ready for the
// template. All text from outside has passed visible.
type view struct {
	Texts    *words.Catalogue
	Spoken   string    // how serious the headline is, for who hears the page
	Headline finding   // the most serious finding
	Others   []finding // the others
	Lamps    []lamp
	Held     []item
	MoreHeld int
	Calls    []line
	MoreCall int
	Job      []line // what is in hand
	Waiting  []item
	MoreWait int
	Notices  []item
	Kept     []item
	MoreKept int
	Notes    []line // the last thing that each source's operator was told
	Parts    []line // the vendors and the devices
	Fill     int    // of the outbox, in percent
}

// A finding is a sentence about how the station is.
type finding struct {
	Level  station.Level
	Text   string
	Detail string // for whoever repairs it
	about  string // the backend it is about; empty: none
}

// A lamp is a lamp and its light. Class is the light's word fit for a class name.
type lamp struct {
	Name, Light, Class string
}

// A line is a thing, how it is, and since when.
type line struct {
	Level station.Level
	Name  string
	Text  string
	When  string
	Close station.ID // of a call that can be closed: the entry that opened it
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

	Doubtful bool   // it may have arrived: a person may say that it is not there
	Sure     string // what they then say
	Moved    string // where the station speaks now, where that is not where it was meant for
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
}

func (b viewBuilder) view() view {
	s := b.snapshot
	findings := b.findings()
	held, waiting := b.items()
	v := view{
		Texts:    b.texts,
		Spoken:   b.texts.Say("level." + words.Key(findings[0].Level)),
		Headline: findings[0],
		Others:   findings[1:],
		Lamps:    b.lamps(),
		Job:      b.currentJob(),
		Notes:    b.notes(),
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

// findings says how things are, the most serious first. There is always one.
func (b viewBuilder) findings() []finding {
	all := slices.Concat(b.ownFaults(), b.actionNeeded(), b.delivery(), b.remarks())
	slices.SortStableFunc(all, func(a, b finding) int { return rank(a.Level) - rank(b.Level) })
	return all
}

// ownFaults are those of stationd itself: what is pressed now may be lost.
func (b viewBuilder) ownFaults() []finding {
	var all []finding
	add := func(key words.Key, detail string) {
		all = append(all, finding{Level: station.Look, Text: b.texts.Say(key), Detail: visible(detail)})
	}
	s := b.snapshot
	switch {
	case s.Health.Fill >= 1:
		add("how.full", s.Health.Storage)
	case s.Health.Storage != "":
		add("how.storage", s.Health.Storage)
	}
	for _, light := range s.Lights {
		if light == station.OffDuty {
			add("how.stopping", "")
			break
		}
	}
	if stale(s, b.times.Now) {
		add("how.stale", "")
	}
	if b.contentsErr != nil {
		add("how.unread", b.contentsErr.Error())
	}
	return all
}

// actionNeeded is what waits for somebody to act.
func (b viewBuilder) actionNeeded() []finding {
	var all []finding
	s := b.snapshot
	if s.Held > 0 {
		all = append(all, finding{Level: station.Look, Text: b.texts.Count("how.held", s.Held)})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Health.Backends)) {
		if fault := s.Health.Backends[name].Fault; fault != "" {
			all = append(all, finding{Level: station.Look, Text: b.texts.Say("how.key", "vendor", b.backend(name)), Detail: visible(fault)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Health.Devices)) {
		if fault := s.Health.Devices[name]; fault != "" {
			all = append(all, finding{Level: station.Look, Text: b.texts.Say("how.device", "device", b.part(name)), Detail: visible(fault)})
		}
	}
	return all
}

// delivery says whether everything has been delivered, and if not, why.
func (b viewBuilder) delivery() []finding {
	s := b.snapshot
	var all []finding
	if s.Waiting > 0 {
		all = append(all, b.waiting())
	}
	for _, name := range b.backendsThatAre(station.NoContact) {
		if s.Waiting > 0 && len(all) == 1 && all[0].about == name {
			continue // said with what waits
		}
		text := b.texts.Say("how.lost", "vendor", b.backend(name), "since", b.times.Since(b.outages[name]))
		all = append(all, finding{Level: station.Wait, Text: text, Detail: visible(s.Health.Backends[name].Last)})
	}
	if s.Waiting == 0 && s.Held == 0 && s.Health.Storage == "" && b.contentsErr == nil {
		all = append(all, finding{Level: station.Good, Text: b.texts.Say("how.good")})
	}
	return all
}

// waiting says how much waits, and for what: for a vendor that does not answer, for
// one that is asked what arrived, or for its turn.
func (b viewBuilder) waiting() finding {
	s := b.snapshot
	contacts := s.Health.Backends
	for _, name := range b.backendsThatAre(station.NoContact) {
		text := b.texts.Count("how.offline", s.Waiting, "vendor", b.backend(name), "since", b.times.Since(b.outages[name]))
		return finding{Level: station.Wait, Text: text, Detail: visible(contacts[name].Last), about: name}
	}
	for _, name := range b.backendsThatAre(station.Unreadable) {
		text := b.texts.Count("how.unreadable", s.Waiting, "vendor", b.backend(name))
		return finding{Level: station.Wait, Text: text, Detail: visible(contacts[name].Last), about: name}
	}
	for _, name := range b.backendsThatAre(station.Failing) {
		text := b.texts.Count("how.failing", s.Waiting, "vendor", b.backend(name))
		return finding{Level: station.Wait, Text: text, Detail: visible(contacts[name].Last), about: name}
	}
	for _, name := range b.backendsThatAre(station.Confirming) {
		text := b.texts.Count("how.confirming", s.Waiting, "vendor", b.backend(name))
		return finding{Level: station.Wait, Text: text, Detail: b.texts.Say("how.confirming.detail"), about: name}
	}
	oldest := ""
	if s.Oldest != (station.Stamp{}) {
		oldest = b.texts.Say("how.oldest", "since", b.times.Since(s.Oldest))
	}
	return finding{Level: station.Wait, Text: b.texts.Count("how.waiting", s.Waiting), Detail: oldest}
}

// backendsThatAre are the names of those with that contact whose key is not wrong.
func (b viewBuilder) backendsThatAre(kind station.ContactKind) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(b.snapshot.Health.Backends)) {
		if c := b.snapshot.Health.Backends[name]; c.Kind == kind && c.Fault == "" {
			all = append(all, name)
		}
	}
	return all
}

// remarks are what a person should know, and nobody has to act on at once.
func (b viewBuilder) remarks() []finding {
	var all []finding
	if !b.snapshot.Health.Clock {
		all = append(all, finding{Level: station.Wait, Text: b.texts.Say("how.clock"), Detail: b.texts.Say("how.clock.detail")})
	}
	if n := b.snapshot.Kept - b.contents.Notices; n > 0 {
		all = append(all, finding{Level: station.Wait, Text: b.texts.Count("how.kept", n)})
	}
	return all
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

// mostCalls is how many calls the page shows: those that can be closed, and then those
// whose close waits.
const mostCalls = 100

func (b viewBuilder) calls() (all []line, more int) {
	open, closing := make([]station.Call, 0, mostCalls), make([]station.Call, 0, mostCalls)
	for _, c := range b.snapshot.State.Calls {
		if c.Closing == "" {
			open = append(open, c)
		} else {
			closing = append(closing, c)
		}
	}
	shown := append(open, closing...)
	more = max(0, len(shown)-mostCalls)
	for _, c := range shown[:len(shown)-more] {
		var subject []string
		for _, field := range slices.Sorted(maps.Keys(c.Subject)) {
			subject = append(subject, visible(b.program.Labels.Of(field, c.Subject[field])))
		}
		n := line{
			Level: station.Wait,
			Name:  strings.Join(subject, " · "),
			When:  b.times.Ago(c.At),
			Text:  b.texts.Say("call.waiting"),
		}
		if c.Closing == "" {
			n.Close = c.Entry
		}
		switch {
		case c.Hold != station.HoldNone:
			n.Level, n.Text = station.Look, b.texts.Say("call.held")
		case c.Closing != "":
			n.Text = b.texts.Say("call.closing")
		case c.Ref != "":
			n.Level, n.Text = station.Good, b.texts.Say("call.ref", "number", visible(c.Ref))
		}
		all = append(all, n)
	}
	return all, more
}

// currentJob is what the operator has in hand: of a list, how many items it has. What
// has expired is not in hand, and neither is a counter at zero.
func (b viewBuilder) currentJob() []line {
	var all []line
	values := b.snapshot.State.Values
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		if age, known := b.times.Now.Since(v.At); v.For > 0 && (!known || age > v.For) {
			continue
		}
		text := visible(b.program.Labels.Of(name, v.Text))
		if v.List > 0 {
			text = b.texts.Number(v.List)
		}
		all = append(all, line{Name: words.Capital(b.value(name)), Text: text, When: b.times.Ago(v.At)})
	}
	counters := b.snapshot.State.Counters
	for _, name := range slices.Sorted(maps.Keys(counters)) {
		if c := counters[name]; c.Count > 0 {
			all = append(all, line{Name: words.Capital(b.value(name)), Text: b.texts.Number(c.Count), When: b.times.Ago(c.Since)})
		}
	}
	return all
}

func (b viewBuilder) notes() []line {
	var all []line
	notes := b.snapshot.State.Notes
	for _, source := range slices.Sorted(maps.Keys(notes)) {
		n := notes[source]
		all = append(all, line{Level: n.Kind.Reply().Page, Name: b.part(source), Text: b.note(n), When: b.times.Ago(n.At)})
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
func (b viewBuilder) contact(kind station.ContactKind, backend string) string {
	if kind == "" {
		return b.texts.Say("contact.unknown")
	}
	key := words.Key(strings.ReplaceAll("contact."+string(kind), " ", "-"))
	return b.texts.Say(key, "since", b.times.Since(b.outages[backend]))
}

func (b viewBuilder) backends() []line {
	var all []line
	contacts := b.snapshot.Health.Backends
	for _, name := range slices.Sorted(maps.Keys(contacts)) {
		c := contacts[name]
		n := line{Level: station.Wait, Name: b.backend(name), Text: b.contact(c.Kind, name)}
		switch {
		case c.Fault != "":
			n.Level, n.Text = station.Look, b.texts.Say("contact.key")
		case c.Kind == station.Connected:
			n.Level = station.Good
		}
		all = append(all, n)
	}
	return all
}

func (b viewBuilder) devices() []line {
	var all []line
	devices := b.snapshot.Health.Devices
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		n := line{Level: station.Good, Name: b.part(name), Text: b.texts.Say("device.well")}
		if fault := devices[name]; fault != "" {
			n.Level, n.Text, n.When = station.Look, b.texts.Say("device.fault"), visible(fault)
		}
		all = append(all, n)
	}
	return all
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
			i.Doubtful = true
			i.Advice, i.Sure = b.texts.Say("held.look", "vendor", backend), b.texts.Say("held.notthere.sure", "vendor", backend)
		}
		if to := b.program.Vendors[e.Backend()].To; to != "" && to != e.To {
			i.Moved = b.texts.Say("held.moved", "from", visible(e.To), "to", visible(to))
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
