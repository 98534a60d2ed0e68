package web

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"stationd/internal/station"
)

// rank orders levels, the gravest first.
func rank(l station.Level) int {
	return slices.Index([]station.Level{station.Look, station.Wait, station.Good}, l)
}

// A View is everything that the main part of the page says, in words, ready for the
// template. All text from outside has passed visible.
type view struct {
	W        words
	How      finding   // how things are: the gravest finding
	Besides  []finding // the others
	Lamps    []lamp
	Held     []item
	MoreHeld int
	Calls    []line
	MoreCall int
	Hand     []line
	Waiting  []item
	MoreWait int
	Notices  []item
	Kept     []item
	MoreKept int
	Notes    []line
	Parts    []line
	Fill     int // percent
}

// A Finding is one thing that is so, in a sentence.
type finding struct {
	Level  station.Level
	Text   string
	Detail string // for whoever mends it
	about  string // the backend that it speaks of; empty: none
}

// A Lamp is a lamp and its light. Class is the light's word fit for a class name.
type lamp struct {
	Name, Light, Class string
}

// A Line is a thing, how it is, and since when.
type line struct {
	Level station.Level
	Name  string
	Text  string
	When  string
	Close station.ID // of a call that can be closed: the entry that opened it
}

// An Item is an entry or an unknown scan.
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

// limit is what the page lists.
func limit() station.Limit {
	return station.Limit{Held: mostHeld, Waiting: mostWaiting, Unknown: mostKept}
}

// A Looker makes a view of the station.
type looker struct {
	snapshot station.Snapshot
	program  station.Program
	contents station.Contents         // the beginning of it: limit()
	unread   error                    // why they are not known
	lost     map[string]station.Stamp // since when each backend has not been reached
	words    words
	times    times
}

func (l looker) view() view {
	s := l.snapshot
	findings := l.findings()
	held, waiting := l.items()
	v := view{
		W:       l.words,
		How:     findings[0],
		Besides: findings[1:],
		Lamps:   l.lamps(),
		Hand:    l.hand(),
		Notes:   l.notes(),
		Parts:   slices.Concat(l.backends(), l.devices()),
		Fill:    percent(s.Health.Fill),
	}
	v.Calls, v.MoreCall = l.calls()
	v.Held, v.MoreHeld = held, more(l.contents.Held, held)
	v.Waiting, v.MoreWait = waiting, more(l.contents.Waiting, waiting)
	v.Notices, v.Kept = l.kept()
	v.MoreKept = more(l.contents.Unknown, v.Kept)
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

// findings says how things are, the gravest first. There is always one.
func (l looker) findings() []finding {
	all := slices.Concat(l.ownFaults(), l.forPerson(), l.delivery(), l.oddities())
	slices.SortStableFunc(all, func(a, b finding) int { return rank(a.Level) - rank(b.Level) })
	return all
}

// ownFaults are those of stationd itself: what is pressed now may be lost.
func (l looker) ownFaults() []finding {
	var all []finding
	add := func(key, detail string) {
		all = append(all, finding{Level: station.Look, Text: l.words.Say(key), Detail: visible(detail)})
	}
	s := l.snapshot
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
	if stale(s, l.times.now) {
		add("how.stale", "")
	}
	if l.unread != nil {
		add("how.unread", l.unread.Error())
	}
	return all
}

// forPerson is what waits for somebody to act.
func (l looker) forPerson() []finding {
	var all []finding
	s := l.snapshot
	if s.Held > 0 {
		all = append(all, finding{Level: station.Look, Text: l.words.Count("how.held", s.Held)})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Health.Backends)) {
		if fault := s.Health.Backends[name].Fault; fault != "" {
			all = append(all, finding{Level: station.Look, Text: l.words.Say("how.key", l.backend(name)), Detail: visible(fault)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Health.Devices)) {
		if fault := s.Health.Devices[name]; fault != "" {
			all = append(all, finding{Level: station.Look, Text: l.words.Say("how.device", visible(name)), Detail: visible(fault)})
		}
	}
	return all
}

// delivery says whether everything has been delivered, and if not, why.
func (l looker) delivery() []finding {
	s := l.snapshot
	var all []finding
	if s.Waiting > 0 {
		all = append(all, l.waiting())
	}
	for _, name := range l.backendsThatAre(station.NoContact) {
		if s.Waiting > 0 && len(all) == 1 && all[0].about == name {
			continue // said with what waits
		}
		text := l.words.Say("how.lost", l.backend(name), l.times.since(l.lost[name]))
		all = append(all, finding{Level: station.Wait, Text: text, Detail: visible(s.Health.Backends[name].Last)})
	}
	if s.Waiting == 0 && s.Held == 0 && s.Health.Storage == "" && l.unread == nil {
		all = append(all, finding{Level: station.Good, Text: l.words.Say("how.good")})
	}
	return all
}

// waiting says how much waits, and for what: for a vendor that does not answer, for
// one that is asked what arrived, or for its turn.
func (l looker) waiting() finding {
	s := l.snapshot
	contacts := s.Health.Backends
	for _, name := range l.backendsThatAre(station.NoContact) {
		text := l.words.Count("how.offline", s.Waiting, l.backend(name), l.times.since(l.lost[name]))
		return finding{Level: station.Wait, Text: text, Detail: visible(contacts[name].Last), about: name}
	}
	for _, name := range l.backendsThatAre(station.Unreadable) {
		text := l.words.Count("how.unreadable", s.Waiting, l.backend(name))
		return finding{Level: station.Wait, Text: text, Detail: visible(contacts[name].Last), about: name}
	}
	for _, name := range l.backendsThatAre(station.Failing) {
		text := l.words.Count("how.failing", s.Waiting, l.backend(name))
		return finding{Level: station.Wait, Text: text, Detail: visible(contacts[name].Last), about: name}
	}
	for _, name := range l.backendsThatAre(station.Confirming) {
		text := l.words.Count("how.confirming", s.Waiting, l.backend(name))
		return finding{Level: station.Wait, Text: text, Detail: l.words.Say("how.confirming.detail"), about: name}
	}
	oldest := ""
	if s.Oldest != (station.Stamp{}) {
		oldest = l.words.Say("how.oldest", l.times.since(s.Oldest))
	}
	return finding{Level: station.Wait, Text: l.words.Count("how.waiting", s.Waiting), Detail: oldest}
}

// backendsThatAre are the names of those with that contact whose key is not wrong.
func (l looker) backendsThatAre(kind station.ContactKind) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(l.snapshot.Health.Backends)) {
		if c := l.snapshot.Health.Backends[name]; c.Kind == kind && c.Fault == "" {
			all = append(all, name)
		}
	}
	return all
}

// oddities are what a person should know, and nobody has to act on at once.
func (l looker) oddities() []finding {
	var all []finding
	if !l.snapshot.Health.Clock {
		all = append(all, finding{Level: station.Wait, Text: l.words.Say("how.clock"), Detail: l.words.Say("how.clock.detail")})
	}
	if n := l.snapshot.Kept - l.contents.Notices; n > 0 {
		all = append(all, finding{Level: station.Wait, Text: l.words.Count("how.kept", n)})
	}
	return all
}

func (l looker) backend(name string) string { return l.words.or("backend."+name, name) }

func (l looker) lamps() []lamp {
	var all []lamp
	for _, name := range slices.Sorted(maps.Keys(l.snapshot.Lights)) {
		light := l.snapshot.Lights[name].String()
		all = append(all, lamp{
			Name:  visible(name),
			Light: l.words.Say("light." + light),
			Class: strings.ReplaceAll(light, " ", "-"),
		})
	}
	return all
}

// mostCalls is how many calls the page shows: those that can be closed, and then those
// whose close waits.
const mostCalls = 100

func (l looker) calls() (all []line, more int) {
	open, closing := make([]station.Call, 0, mostCalls), make([]station.Call, 0, mostCalls)
	for _, c := range l.snapshot.State.Calls {
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
			subject = append(subject, visible(c.Subject[field]))
		}
		n := line{
			Level: station.Wait,
			Name:  strings.Join(subject, " · "),
			When:  l.times.ago(c.At),
			Text:  l.words.Say("call.waiting"),
		}
		if c.Closing == "" {
			n.Close = c.Entry
		}
		switch {
		case c.Hold != station.HoldNone:
			n.Level, n.Text = station.Look, l.words.Say("call.held")
		case c.Closing != "":
			n.Text = l.words.Say("call.closing")
		case c.Ref != "":
			n.Level, n.Text = station.Good, l.words.Say("call.ref", visible(c.Ref))
		}
		all = append(all, n)
	}
	return all, more
}

// hand is what the operator has in hand: of a list, how many items it has. What
// has expired is not in hand, and neither is a counter at zero.
func (l looker) hand() []line {
	var all []line
	values := l.snapshot.State.Values
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		if age, known := l.times.now.Since(v.At); v.For > 0 && (!known || age > v.For) {
			continue
		}
		text := visible(v.Text)
		if v.List > 0 {
			text = strconv.Itoa(v.List)
		}
		all = append(all, line{Name: visible(name), Text: text, When: l.times.ago(v.At)})
	}
	counters := l.snapshot.State.Counters
	for _, name := range slices.Sorted(maps.Keys(counters)) {
		if c := counters[name]; c.Count > 0 {
			all = append(all, line{Name: visible(name), Text: strconv.Itoa(c.Count), When: l.times.ago(c.Since)})
		}
	}
	return all
}

func (l looker) notes() []line {
	var all []line
	notes := l.snapshot.State.Notes
	for _, source := range slices.Sorted(maps.Keys(notes)) {
		n := notes[source]
		text := l.words.or("note."+string(n.Kind), string(n.Kind))
		if n.Text != "" {
			text += ": " + visible(n.Text)
		}
		all = append(all, line{Level: n.Kind.Reply().Page, Name: visible(source), Text: text, When: l.times.ago(n.At)})
	}
	return all
}

func (l looker) backends() []line {
	var all []line
	contacts := l.snapshot.Health.Backends
	for _, name := range slices.Sorted(maps.Keys(contacts)) {
		c := contacts[name]
		n := line{Level: station.Wait, Name: l.backend(name), Text: l.words.Say("contact." + string(c.Kind)), When: visible(c.Last)}
		switch {
		case c.Fault != "":
			n.Level, n.Text, n.When = station.Look, l.words.Say("contact.key"), visible(c.Fault)
		case c.Kind == station.NoContact:
			n.Text = l.words.Say("contact.no contact", l.times.since(l.lost[name]))
		case c.Kind == station.Connected:
			n.Level = station.Good
		}
		all = append(all, n)
	}
	return all
}

func (l looker) devices() []line {
	var all []line
	devices := l.snapshot.Health.Devices
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		n := line{Level: station.Good, Name: visible(name), Text: l.words.Say("device.well")}
		if fault := devices[name]; fault != "" {
			n.Level, n.Text = station.Look, visible(fault)
		}
		all = append(all, n)
	}
	return all
}

// items are the entries, as what is held and what waits.
func (l looker) items() (held, waiting []item) {
	for _, e := range l.contents.Entries {
		backend := l.backend(e.Backend())
		i := item{
			ID:    e.ID,
			Short: e.ID.Short(),
			What:  l.words.or("verb."+e.Verb, e.Verb),
			Where: backend + " · " + visible(subject(e.Lane)),
			With:  listed(e.With),
			When:  visible(e.Source) + " · " + l.times.ago(e.At),
		}
		if e.Condition != station.Held {
			if e.Condition == station.Marked {
				i.Hold = l.words.Say("waiting.marked")
			}
			if e.Behind != nil {
				i.Hold = l.words.Say("waiting.behind", e.Behind.Entry.Short())
			}
			if e.Twice != "" {
				i.Hold = strings.TrimSpace(i.Hold + " " + l.words.Say("entry.twice", e.Twice.Short()))
			}
			waiting = append(waiting, i)
			continue
		}
		i.Hold, i.Reason = l.words.Say("hold."+string(e.Hold), backend), visible(e.Reason)
		if e.Hold == station.HoldUndecided || e.Doubtful {
			i.Doubtful = true
			i.Advice, i.Sure = l.words.Say("held.look", backend), l.words.Say("held.notthere.sure", backend)
		}
		if to := l.program.Vendors[e.Backend()].To; to != "" && to != e.To {
			i.Moved = l.words.Say("held.moved", visible(e.To), visible(to))
			i.Advice = l.words.Say("held.moved.look", visible(e.To), visible(to))
		}
		if e.Twice != "" {
			i.Advice = strings.TrimSpace(i.Advice + " " + l.words.Say("entry.twice", e.Twice.Short()))
		}
		held = append(held, i)
	}
	return held, waiting
}

// subject is what a lane is about: "machine SEAL-1" of l2l/machine:SEAL-1.
func subject(lane string) string {
	_, about, _ := strings.Cut(lane, "/")
	return strings.Replace(about, ":", " ", 1)
}

// kept are what the station itself noted for a person, and the scans that no
// binding knew, the newest first.
func (l looker) kept() (notices, scans []item) {
	for _, ev := range slices.Backward(l.contents.Kept) {
		one := item{
			ID:    ev.ID,
			Short: ev.ID.Short(),
			What:  visible(ev.Code),
			With:  listed(ev.Data),
			When:  l.times.ago(ev.At),
		}
		if ev.Source == station.FromStation {
			notices = append(notices, one)
			continue
		}
		one.When = visible(ev.Source) + " · " + one.When
		scans = append(scans, one)
	}
	return notices, scans
}

// listed writes fields for a person to read: "article 7350, batch A1".
func listed(fields map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		all = append(all, visible(name)+" "+visible(fields[name]))
	}
	return strings.Join(all, ", ")
}
