package setup

import (
	"errors"
	"slices"
	"strings"

	"stationd/internal/station"
)

// This file asks about what comes by the clock: shifts, times of the day, and calls that are
// open for too long.

// A shiftDraft is one [[shift]].
type shiftDraft struct{ Name, Start, End string }

// A clockedDraft is what is done at times of the day, or as a shift begins or ends.
type clockedDraft struct {
	Event      string   // station.shift_start or station.shift_end; "" where there are times
	At         []string // times of the day
	Type, Text string   // of the call that is opened; empty: none is
	Clear      []string // what is put away
}

// An afterDraft calls somebody else where a call is open for too long.
type afterDraft struct{ Source, After, Type, Text string }

// callSources returns the buttons that open calls.
func (d *draft) callSources() (names []string) {
	for _, b := range d.Buttons {
		if len(b.types()) > 0 {
			names = append(names, b.Name)
		}
	}
	return names
}

// valuesInHand returns the names of what scans take in hand.
func (d *draft) valuesInHand() (names []string) {
	for _, r := range d.Readers {
		if len(r.Orders) > 0 {
			names = append(names, "order")
		}
		if slices.ContainsFunc(r.Labels, func(l labelDraft) bool { return l.Use == badgeLabel }) {
			names = append(names, "user")
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// bindings returns what is added at the end and has a binding of its own.
func (m *moreDraft) bindings() (all []bindingDraft) {
	for _, a := range m.Afters {
		all = append(all, bindingDraft{events: []string{a.Source + "." + station.Open}, after: a.After, call: true,
			about: a.Source + ".open after " + a.After + ": calls " + a.Type, comment: "Nobody has come: somebody else is called, once.",
			do: texts("l2l", "dispatch.open", "type", a.Type, "description", a.Text)})
	}
	for _, c := range m.Clocked {
		on := bindingDraft{at: c.At, clear: c.Clear}
		if c.Event != "" {
			on.events = []string{c.Event}
		}
		on.about = strings.Join(slices.Concat(on.events, on.at), ", ") + ": "
		if c.Type == "" {
			on.about += "puts away " + strings.Join(c.Clear, " and ")
		} else {
			on.call, on.do = true, texts("l2l", "dispatch.open", "type", c.Type, "description", c.Text)
			on.about += "calls " + c.Type
		}
		all = append(all, on)
	}
	return append(all, m.countBindings()...)
}

// askAfter asks who is called when nobody comes.
func (s *setup) askAfter() error {
	sources := s.callSources()
	picked := 0
	if len(sources) > 1 {
		var err error
		if picked, err = s.choose("The calls of which button?", sources...); err != nil {
			return err
		}
	}
	a := afterDraft{Source: sources[picked], After: "5m", Type: "SUPERVISOR", Text: "Nobody has come to {station}"}
	change := func(d *draft) { d.More.Afters = append(d.More.Afters, a) }
	if err := s.askFields(change,
		fieldQuestion{"After how long, such as 5m or 90s", &a.After},
		fieldQuestion{"The type's code in L2L of the call that is opened then", &a.Type},
		fieldQuestion{"What those who are called read; {station} is the station's name", &a.Text}); err != nil {
		return err
	}
	s.keep(change)
	s.say("A call of %s that is open for %s opens a call %s, once. Its lamp blinks quickly from then on.", a.Source, a.After, a.Type)
	return nil
}

// askClocked asks what is done at times of the day, or as a shift begins or ends.
func (s *setup) askClocked() error {
	var c clockedDraft
	picked, err := s.choose("When?", "at times of the day", "as a shift begins", "as a shift ends")
	if err != nil {
		return err
	}
	if picked == 0 {
		err = s.askTimes(&c)
	} else {
		c.Event = station.FromStation + "." + []string{station.ShiftStart, station.ShiftEnd}[picked-1]
		err = s.askShifts()
	}
	if err != nil {
		return err
	}
	var options []string
	if s.L2L != nil {
		options = append(options, "a call is opened in L2L")
	}
	inHand := s.valuesInHand()
	if len(inHand) > 0 {
		options = append(options, "what is in hand is put away: "+strings.Join(inHand, ", "))
	}
	if options == nil {
		s.say("Without L2L, and without a label that is taken in hand, there is nothing to do then.")
		return nil
	}
	if picked, err = s.choose("What is done then?", options...); err != nil {
		return err
	}
	change := func(d *draft) { d.More.Clocked = append(d.More.Clocked, c) }
	if s.L2L == nil || picked == 1 {
		c.Clear = inHand
		if s.keep(change) {
			s.say("It is put away then: %s.", strings.Join(inHand, ", "))
		}
		return nil
	}
	c.Type, c.Text = "CLEAN", "Clean the station {station}"
	if err := s.askFields(change,
		fieldQuestion{"The type's code in L2L", &c.Type},
		fieldQuestion{"What those who are called read; {station} is the station's name", &c.Text}); err != nil {
		return err
	}
	if s.keep(change) {
		s.say("A call %s is opened then.", c.Type)
	}
	return nil
}

// askTimes asks for times of the day.
func (s *setup) askTimes(c *clockedDraft) error {
	for {
		question, suggestion := "A time, such as 06:00, or mon-fri 06:00", "06:00"
		if len(c.At) > 0 {
			question, suggestion = "Another time (empty for no more)", ""
		}
		answer, err := s.ask(question, suggestion, func(answer string) error {
			if answer == "" {
				return nil
			}
			if slices.Contains(c.At, answer) {
				return errors.New("that time is there already")
			}
			_, err := station.ParseDayTime(answer)
			return err
		})
		if err != nil || answer == "" {
			return err
		}
		c.At = append(c.At, answer)
	}
}

// askShifts asks for the shifts, unless they are known.
func (s *setup) askShifts() error {
	if len(s.More.Shifts) > 0 {
		return nil
	}
	for {
		shift := shiftDraft{Name: "early", Start: "06:00", End: "14:00"}
		if n := len(s.More.Shifts); n > 0 {
			shift = shiftDraft{Name: "late", Start: s.More.Shifts[n-1].End, End: "22:00"}
		}
		add := func(d *draft) { d.More.Shifts = append(d.More.Shifts, shift) }
		if err := s.askFields(add,
			fieldQuestion{"A shift's name", &shift.Name},
			fieldQuestion{"It begins at, such as 06:00, or mon-fri 06:00", &shift.Start},
			fieldQuestion{"It ends at, such as 14:00", &shift.End}); err != nil {
			return err
		}
		s.keep(add)
		another, err := s.confirm("Another shift?")
		if err != nil || !another {
			return err
		}
	}
}
