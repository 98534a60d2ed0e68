package web

import (
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"stationd/internal/station"
	"stationd/internal/words"
)

// A rank says which of several sentences fills the screen: the first of these that there is.
// The order is that of what the person in front must do.
type rank int

// The ranks.
const (
	notRecorded  rank = iota // nothing that is pressed here is recorded
	refusedNow               // what was just pressed or scanned was not taken, or may count twice
	actionNeeded             // somebody must decide, or mend what people work with
	callOpen                 // somebody is called
	onItsWay                 // something waits, or a vendor cannot be reached: the station sees to it
	partFault                // something is wrong with the station, and recording and delivering go on
	scanNext                 // a binding asks for what is not in hand
	allWell
	remark // never a headline
)

// refusedFor is how long the page says that a press or scan was just refused, unless the same
// button or reader is used again before that.
const refusedFor = 20 * time.Second

// longestCode is how many characters of a code the headline shows: of a longer one, its
// beginning.
const longestCode = 20

// A finding is a sentence about how the station is.
type finding struct {
	rank   rank
	Class  string // look, wait, next or good: the colour and the sign
	Text   string
	Do     string     // what else to know or to do
	Detail string     // for whoever repairs it; folded
	about  string     // the backend it is about; empty: none
	call   station.ID // the open of the call that it is about; empty: none
}

// findings says how things are, the first rank first. There is always one, and the first is
// the headline.
func (b viewBuilder) findings() []finding {
	all := slices.Concat(b.notRecorded(), b.refusedNow(), b.actionNeeded(), b.openCalls(), b.onItsWay(), b.partFaults(), b.nextScan(), b.remarks())
	if b.snapshot.Waiting == 0 && b.snapshot.Held == 0 && b.snapshot.Health.Storage == "" && b.contentsErr == nil {
		all = append(all, finding{rank: allWell, Class: "good", Text: b.texts.Say("how.good")})
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].rank < all[j].rank })
	return all
}

// notRecorded says that what is pressed now may be lost, and why.
func (b viewBuilder) notRecorded() []finding {
	var all []finding
	add := func(key words.Key, detail string) {
		all = append(all, finding{rank: notRecorded, Class: "look", Text: b.texts.Say(key), Detail: visible(detail)})
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
	return all
}

// isRefusal reports whether a note says that a press or scan was not taken, or that it may
// count twice. What is held later is no refusal: that goes on until somebody decides.
func isRefusal(kind station.NoteKind) bool {
	return kind.Reply().Page == station.Look && kind != station.NoteHeld
}

// refusedNow are the refusals of a moment ago, the last one first.
func (b viewBuilder) refusedNow() []finding {
	var all []finding
	notes := b.snapshot.State.Notes
	for _, source := range b.refusedSources() {
		n := notes[source]
		f := finding{rank: refusedNow, Class: "look", Text: b.refusal(n), Do: words.Capital(b.reason(n.Why)), Detail: noteDetails(n)}
		if f.Do == f.Text {
			f.Do = ""
		}
		if f.Do == "" && len(notes) > 1 {
			f.Do = b.part(source)
		}
		all = append(all, f)
	}
	return all
}

// refusedSources are the buttons and readers whose last press or scan was refused a moment
// ago, the last one first.
func (b viewBuilder) refusedSources() []string {
	var all []string
	age := make(map[string]time.Duration)
	for source, n := range b.snapshot.State.Notes {
		since, known := b.times.Now.Since(n.At)
		if known && since < refusedFor && isRefusal(n.Kind) && !b.program.Reserved(source) {
			all, age[source] = append(all, source), since
		}
	}
	slices.Sort(all)
	sort.SliceStable(all, func(i, j int) bool { return age[all[i]] < age[all[j]] })
	return all
}

// refusalEndsIn is how long it is until the page stops saying that something was just
// refused; refusedFor where it does not say so.
func (b viewBuilder) refusalEndsIn() time.Duration {
	left := refusedFor
	for _, source := range b.refusedSources() {
		age, _ := b.times.Now.Since(b.snapshot.State.Notes[source].At)
		left = min(left, refusedFor-age)
	}
	return left
}

// refusal puts a refusal in the words of the headline.
func (b viewBuilder) refusal(n station.Note) string {
	switch n.Kind {
	case station.NoteNeeds:
		text, found := b.texts.Find("first." + words.Key(n.Text))
		if found && n.Ask == "" && b.program.Labels.Value[n.Text] == "" {
			return text
		}
	case station.NoteUnknown:
		return b.texts.Say("how.unknown", "code", visible(station.Cut(n.Text, longestCode)))
	case station.NoteNumber:
		n.Text = station.Cut(n.Text, longestCode)
	case station.NoteUnfit, station.NoteUnrecorded, station.NoteTwice:
		n.Text = ""
	case station.NoteConfirm:
		return b.note(n)
	}
	n.Why = nil // it stands below
	return b.note(n)
}

// actionNeeded is what waits for somebody to decide or to mend.
func (b viewBuilder) actionNeeded() []finding {
	var all []finding
	s := b.snapshot
	if s.Held > 0 {
		f := finding{rank: actionNeeded, Class: "look", Text: b.texts.Count("how.held", s.Held)}
		for _, e := range b.contents.Entries {
			if e.Condition == station.Held {
				f.Do = b.texts.Say("hold."+words.Key(e.Hold), "vendor", b.backend(e.Backend()))
				if reason := b.reason(e.Why); reason != "" {
					f.Do += ": " + reason
				}
				break
			}
		}
		all = append(all, f)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Health.Backends)) {
		if fault := s.Health.Backends[name].Fault; fault != "" {
			all = append(all, finding{rank: actionNeeded, Class: "look", Text: b.texts.Say("how.key", "vendor", b.backend(name)), Do: b.texts.Say("how.device.do"), Detail: visible(fault)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Health.Devices)) {
		if fault := s.Health.Devices[name]; fault != "" && b.isDevice(name) {
			all = append(all, finding{rank: actionNeeded, Class: "look", Text: b.texts.Say("how.device", "device", b.part(name)), Do: b.deviceHelp(name), Detail: visible(fault)})
		}
	}
	return all
}

// openCalls is the call that people wait for: the oldest that nobody is on, or else the
// oldest.
func (b viewBuilder) openCalls() []finding {
	var open []station.Call
	for _, c := range b.snapshot.State.Calls {
		if c.Closing == "" && c.Hold == station.HoldNone {
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		return nil
	}
	c := open[max(0, slices.IndexFunc(open, func(c station.Call) bool { return !b.attended(c) }))]
	if i := slices.IndexFunc(open, station.Call.Unanswered); i >= 0 {
		c = open[i]
	}
	f := finding{rank: callOpen, Class: "wait", Text: b.callName(c), Do: b.callState(c), call: c.Entry}
	switch age, known := b.times.Now.Since(c.At); {
	case known && age < time.Minute:
		f.Text = b.texts.Say("how.call", "call", f.Text, "age", b.texts.Say("time.now"))
	case known:
		f.Text = b.texts.Say("how.call", "call", f.Text, "age", b.times.Age(c.At))
	}
	switch {
	case b.attended(c):
		f.Class = "good"
	case c.Unanswered(): // its lamp blinks quickly
		f.rank, f.Class = actionNeeded, "look"
	}
	if len(open) > 1 {
		f.Do += " · " + b.texts.Count("how.calls", len(open)-1)
	}
	return []finding{f}
}

// onItsWay says what waits, and which vendors cannot be reached.
func (b viewBuilder) onItsWay() []finding {
	s := b.snapshot
	var all []finding
	if n, said := s.State.Notes[station.FromStation]; said && s.State.Counting() {
		all = append(all, finding{rank: onItsWay, Class: "wait", Text: b.texts.Say("how.counts"), Do: words.Capital(b.value(n.Text))})
	}
	if s.Waiting > 0 {
		all = append(all, b.waiting())
	}
	for _, name := range b.backendsThatAre(func(c station.Contact) bool { return c.Kind == station.NoContact }) {
		if slices.ContainsFunc(all, func(f finding) bool { return f.about == name }) {
			continue // said with what waits
		}
		all = append(all, finding{
			rank: onItsWay, Class: "wait", Text: b.texts.Say("how.lost", "vendor", b.backend(name)),
			Do: words.Capital(b.texts.Say("how.lost.do", "since", b.times.Since(b.outages[name]))), Detail: visible(s.Health.Backends[name].Last), about: name,
		})
	}
	return all
}

// waiting says what the entries wait for: for a vendor that does not answer, for one that is
// asked what arrived, or for their turn.
func (b viewBuilder) waiting() finding {
	s := b.snapshot
	f := finding{rank: onItsWay, Class: "wait", Do: b.texts.Count("how.waiting.do", s.Waiting)}
	for _, cause := range []struct {
		key words.Key
		of  func(station.Contact) bool
	}{
		{"how.lost", func(c station.Contact) bool { return c.Kind == station.NoContact }},
		{"how.failing", func(c station.Contact) bool { return c.Trouble != "" }},
		{"how.confirming", func(c station.Contact) bool { return c.Kind == station.Confirming }},
	} {
		for _, name := range b.backendsThatAre(cause.of) {
			f.Text, f.Detail, f.about = b.texts.Say(cause.key, "vendor", b.backend(name)), visible(s.Health.Backends[name].Last), name
			return f
		}
	}
	f.Text, f.Do = b.texts.Count("how.waiting", s.Waiting), ""
	if s.Oldest != (station.Stamp{}) {
		f.Do = b.texts.Say("how.oldest", "since", b.times.Since(s.Oldest))
	}
	return f
}

// backendsThatAre are the names of those whose contact is so and whose key is not wrong.
func (b viewBuilder) backendsThatAre(so func(station.Contact) bool) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(b.snapshot.Health.Backends)) {
		if c := b.snapshot.Health.Backends[name]; so(c) && c.Fault == "" {
			all = append(all, name)
		}
	}
	return all
}

// configurationPart is the part of the station whose fault says that a changed file is not in
// force.
const configurationPart = "configuration"

// partFaults are what is wrong with the station itself while it records and delivers.
func (b viewBuilder) partFaults() []finding {
	var all []finding
	if b.contentsErr != nil {
		all = append(all, finding{rank: partFault, Class: "look", Text: b.texts.Say("how.unread"), Detail: visible(b.contentsErr.Error())})
	}
	devices := b.snapshot.Health.Devices
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		if devices[name] == "" || b.isDevice(name) {
			continue
		}
		f := finding{rank: partFault, Class: "look", Text: b.texts.Say("how.device", "device", b.part(name)), Do: b.texts.Say("how.device.do"), Detail: visible(devices[name])}
		backend, isKey := strings.CutSuffix(name, " key")
		switch {
		case isKey:
			f.rank, f.Text = actionNeeded, b.texts.Say("how.nokey", "vendor", b.backend(backend))
		case name == configurationPart:
			f.Text = b.texts.Say("part.configuration.fault")
		case name == station.PageElsewhere:
			f.rank, f.Class, f.Text, f.Do = remark, "wait", b.texts.Say("how.elsewhere"), ""
		}
		all = append(all, f)
	}
	return all
}

// nextScan is what a binding asks for that is not in hand and that another scan puts there.
func (b viewBuilder) nextScan() []finding {
	for _, binding := range b.program.Bindings {
		for _, need := range binding.Needs {
			if b.snapshot.State.InHand(need, b.times.Now) || !b.isScanned(need) {
				continue
			}
			text, found := b.texts.Find("next." + words.Key(need))
			if !found || b.program.Labels.Value[need] != "" {
				text = b.texts.Say("next.value", "about", b.value(need))
			}
			if binding.Ask != "" {
				text = visible(binding.Ask)
			}
			return []finding{{rank: scanNext, Class: "next", Text: text}}
		}
	}
	return nil
}

// isScanned reports whether a scan puts something in hand under that name.
func (b viewBuilder) isScanned(name string) bool {
	return slices.ContainsFunc(b.program.Bindings, func(binding station.Binding) bool {
		_, set := binding.Set[name]
		_, appended := binding.Append[name]
		return (set || appended) && isScan(binding.Event)
	})
}

// remarks are what a person should know, and nobody has to act on.
func (b viewBuilder) remarks() []finding {
	if n := b.snapshot.Kept - b.contents.Notices; n > 0 {
		return []finding{{rank: remark, Class: "wait", Text: b.texts.Count("how.kept", n)}}
	}
	return nil
}
