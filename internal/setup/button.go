package setup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"stationd/internal/gpio"
	"stationd/internal/live"
	"stationd/internal/plan"
	"stationd/internal/station"
)

type buttonDraft struct {
	Name string
	wirePlace
	NC             *wirePlace // its second, normally closed contact, where it has one
	Wiring, Active string     // empty: the default
	Latch          bool
	Lamp, Buzzer   string
	Calls          []callDraft // empty: it does nothing yet
}

// A callDraft is what one event of a button does.
type callDraft struct {
	Event             string // press, hold or double
	Ends              bool   // it ends a call; else it opens one
	Type, Description string // of the call
}

// Said is the type that an end must say: a button that opens calls of several types
// does not know otherwise which is meant.
func (b buttonDraft) Said(end callDraft) string {
	if len(b.types()) > 1 {
		return end.Type
	}
	return ""
}

// types are the types of the calls that a button opens.
func (b buttonDraft) types() []string {
	var types []string
	for _, c := range b.Calls {
		if !c.Ends && !slices.Contains(types, c.Type) {
			types = append(types, c.Type)
		}
	}
	return types
}

// A wirePlace is a line of a chip, as the configuration has it.
type wirePlace struct {
	Chip   string // empty: the chip of [gpio]
	Pin    int
	Header int // its place on the header; 0: it is on another chip
}

// String is what a person calls it.
func (w wirePlace) String() string {
	switch {
	case w.Header > 0:
		return fmt.Sprintf("GPIO%d (header pin %d)", w.Pin, w.Header)
	case w.Chip != "":
		return fmt.Sprintf("line %d of chip %s", w.Pin, w.Chip)
	}
	return fmt.Sprintf("line %d", w.Pin)
}

// chipOf is the name by which a chip is opened.
func (s *setup) chipOf(w wirePlace) string {
	if w.Chip != "" {
		return w.Chip
	}
	return s.Chip
}

// chipNamed is the name by which a chip is opened that a person names by its label:
// the chip of [gpio] has one name only.
func (s *setup) chipNamed(label string) string {
	if label == s.label {
		return s.Chip
	}
	return label
}

// placeOn is a line of a chip that was opened by a name.
func (s *setup) placeOn(chip string, w gpio.Wire) wirePlace {
	p := wirePlace{Pin: w.Pin}
	if chip != s.Chip {
		p.Chip = chip
	}
	if w.Name == fmt.Sprintf("GPIO%d", w.Pin) { // as the kernel names the header's
		p.Header = live.HeaderPin(w.Pin)
	}
	return p
}

// panel is what must be left alone: the lamps and buzzers of the station as it was
// configured, and those of this talk.
func (s *setup) panel() gpio.Panel {
	was := s.known.Panel()
	panel := gpio.Panel{Chips: was.Chips, Lamps: slices.Clone(was.Lamps), Buzzers: was.Buzzers}
	for _, l := range slices.Concat(s.Lamps, s.Buzzers) {
		panel.Lamps = append(panel.Lamps, gpio.Lamp{Name: l.Name, Pin: l.Pin, Chip: s.chipOf(l.wirePlace)})
	}
	return panel
}

// held is why the lines of a chip are not to be had: it is not there, or a running
// station has them.
func (s *setup) held(chip string) error {
	if p := s.known; chip == p.Chips.Chip && !p.Panel().Empty() && p.Running(s.ctx) {
		return fmt.Errorf("station %s: the lines are in use by %w; %s", p.Station.Name, live.ErrHeldByStation, plan.StopFirst)
	}
	wires, err := gpio.Survey(chip)
	if err != nil {
		return err
	}
	if err := live.HeldByStation(wires); err != nil {
		return fmt.Errorf("%w; %s", err, plan.StopFirst)
	}
	return nil
}

// askPanel asks for everything that is wired to GPIO chips, but for the buzzers,
// which may answer for readers.
func (s *setup) askPanel() error {
	s.heading("Buttons")
	for {
		err := s.held(s.Chip)
		if err == nil {
			break
		}
		s.say("%v", err)
		again, err := s.choose("What now?", "try again", "leave buttons, lamps and buzzers out")
		if err != nil {
			return err
		}
		if again == 1 {
			s.bare = true
			return nil
		}
	}
	if err := s.askButtons(); err != nil {
		return err
	}
	return s.askStack()
}

const (
	pullUp   = "pull-up"
	pullDown = "pull-down"
)

// A captureState is how buttons are being shown: on which chip, and wired to what.
type captureState struct {
	chip, bias string
	told       []string // the chips of which it was said what is left alone
	asked      bool     // it was said at length what can be typed

	// rest is the level at rest of the lines that were pressed, which may still be
	// pressed when the next button is waited for.
	rest map[int]bool
}

// A captured is what is known of the contacts of a button that was shown.
type captured struct {
	contacts []gpio.Wire // as pressed; none: nothing more is to be shown
	typed    bool        // nobody pressed it
}

func (s *setup) askButtons() error {
	at := captureState{chip: s.Chip, bias: pullUp, rest: make(map[int]bool)}
	for {
		s.keep()
		p, err := s.press(&at)
		if err != nil || p.contacts == nil {
			return err
		}
		if err := s.askButton(at, p); err != nil {
			return err
		}
	}
}

// press waits for a button to be pressed.
func (s *setup) press(at *captureState) (captured, error) {
	for {
		watch, err := gpio.OpenWatch(at.chip, s.panel(), at.bias)
		if err != nil {
			if again, err := s.goOn(err); err != nil || !again {
				return captured{}, err
			}
			continue
		}
		if at.chip == s.Chip {
			s.label = watch.Label
		}
		s.tellLeft(at, watch)
		s.askToPress(at)
		contacts, answer, err := s.pressed(watch, at.rest)
		err = errors.Join(err, watch.Close())
		switch {
		case errors.Is(err, errEnded):
			return captured{}, err
		case err != nil:
			if again, err := s.goOn(err); err != nil || !again {
				return captured{}, err
			}
		case contacts != nil:
			for _, w := range contacts {
				at.rest[w.Pin] = !w.High
			}
			return captured{contacts: contacts}, nil
		case answer == "":
			return captured{}, nil
		default:
			if wire := s.typed(at, watch, answer); wire != nil {
				return captured{contacts: []gpio.Wire{*wire}, typed: true}, nil
			}
			at.asked = false
		}
	}
}

// goOn says why a chip's lines cannot be watched and asks what is to be done.
func (s *setup) goOn(why error) (again bool, err error) {
	s.say("%v", why)
	picked, err := s.choose("What now?", "try again", "there are no more buttons")
	return picked == 0, err
}

// askToPress says how a button is shown: at length at first, and again where
// something was not understood or has changed.
func (s *setup) askToPress(at *captureState) {
	if at.asked {
		s.say("\nPress the next button you want to name; Enter when there are no more.")
		return
	}
	at.asked = true
	to, other, key := "ground", "3.3 V", "d"
	if at.bias == pullDown {
		to, other, key = other, to, "u"
	}
	s.say(`
Press the button you want to name, wired to %s, until it is shown here.
Or type, and press Enter:
  nothing   there are no more buttons
  %s         for buttons that are wired to %s
  17        for the button on GPIO17, with nobody at it
  on LABEL  for buttons on another chip, by its label as gpiodetect shows it`, to, key, other)
}

// typed carries out what was typed instead of a press; it returns a line where one
// was named.
func (s *setup) typed(at *captureState, watch *gpio.Watch, answer string) *gpio.Wire {
	label, other := strings.CutPrefix(answer, "on ")
	number, err := strconv.Atoi(strings.TrimPrefix(answer, "GPIO"))
	switch {
	case other:
		chip := s.chipNamed(strings.TrimSpace(label))
		if err := s.held(chip); err != nil {
			s.say("%v", err)
			return nil
		}
		at.chip, at.rest = chip, make(map[int]bool)
		return nil
	case answer == "d":
		at.bias, at.rest = pullDown, make(map[int]bool)
		return nil
	case answer == "u":
		at.bias, at.rest = pullUp, make(map[int]bool)
		return nil
	case err != nil:
		s.say("%q is none of these.", answer)
		return nil
	}
	return s.byNumber(watch, number)
}

// tellLeft says once of a chip which of its lines are left alone.
func (s *setup) tellLeft(at *captureState, watch *gpio.Watch) {
	if slices.Contains(at.told, at.chip) {
		return
	}
	at.told = append(at.told, at.chip)
	s.say("The lines of chip %s are watched.", watch.Label)
	for _, w := range watch.Wires() {
		if w.Skipped != "" {
			s.say("  %s is left alone: %s", live.Pin{Wire: w}.Label(), w.Skipped)
		}
	}
}

// byNumber is the line of a GPIO number that was typed; nil, and said why, where
// there is none to be had.
func (s *setup) byNumber(watch *gpio.Watch, number int) *gpio.Wire {
	wires := watch.Wires()
	i := slices.IndexFunc(wires, func(w gpio.Wire) bool { return w.Pin == number })
	switch {
	case i < 0:
		s.say("Chip %s has no line %d for a button.", watch.Label, number)
		return nil
	case wires[i].Skipped != "":
		s.say("%s is left alone: %s.", live.Pin{Wire: wires[i]}.Label(), wires[i].Skipped)
		return nil
	}
	return &wires[i]
}

// settled is how long a line must stay changed to be pressed. A finger stays for
// longer. together is how long the second contact of a button may take after that.
const (
	settled  = 40 * time.Millisecond
	together = 250 * time.Millisecond
)

// pressed waits for lines to change and stay so, or for something to be typed. The
// lines that change with the first, until it is let go, are the same button's. A line
// of which the level at rest is known counts when it leaves that one.
func (s *setup) pressed(watch *gpio.Watch, rest map[int]bool) ([]gpio.Wire, string, error) {
	f := newPressDetector(watch.Wires(), rest)
	ctx, stop := context.WithCancel(s.ctx)
	changes, ended := make(chan gpio.Wire), make(chan error, 1)
	go func() {
		ended <- watch.Run(ctx, func(w gpio.Wire) {
			select {
			case changes <- w:
			case <-ctx.Done():
			}
		})
	}()
	finish := func() error { // the watch may be closed when it has ended
		stop()
		return <-ended
	}
	tick := time.NewTicker(settled / 2)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return nil, "", errors.Join(errEnded, finish())
		case line, more := <-s.lines:
			answer, err := s.clean(line, more)
			if errors.Is(err, errUnclean) {
				continue
			}
			return nil, answer, errors.Join(err, finish())
		case err := <-ended:
			stop()
			return nil, "", err
		case w := <-changes:
			f.change(w, time.Now())
		case <-tick.C:
			if found := f.look(time.Now()); found != nil {
				return found, "", finish()
			}
		}
	}
}

// A pressDetector is what the lines of a chip say of who presses.
type pressDetector struct {
	rest  map[int]bool      // the level of each line at the beginning
	away  map[int]gpio.Wire // the lines that are not as they were, since when
	since map[int]time.Time
	found map[int]gpio.Wire // those that stayed away for long enough, as pressed
	first time.Time         // when the first of them was found
}

func newPressDetector(wires []gpio.Wire, rest map[int]bool) *pressDetector {
	f := &pressDetector{rest: make(map[int]bool), away: make(map[int]gpio.Wire), since: make(map[int]time.Time), found: make(map[int]gpio.Wire)}
	for _, w := range wires {
		f.rest[w.Pin] = w.High
	}
	maps.Copy(f.rest, rest)
	return f
}

func (f *pressDetector) change(w gpio.Wire, now time.Time) {
	if w.High == f.rest[w.Pin] {
		delete(f.away, w.Pin)
		return
	}
	f.away[w.Pin], f.since[w.Pin] = w, now
}

// look returns the lines of a button when all of them are known; else nil.
func (f *pressDetector) look(now time.Time) []gpio.Wire {
	for number, w := range f.away {
		if now.Sub(f.since[number]) < settled {
			continue
		}
		if len(f.found) == 0 {
			f.first = now
		}
		f.found[number] = w
	}
	if len(f.found) == 0 || len(f.away) > 0 && now.Sub(f.first) < together {
		return nil
	}
	var found []gpio.Wire
	for _, number := range slices.Sorted(maps.Keys(f.found)) {
		found = append(found, f.found[number])
	}
	return found
}

// askButton names a button that was shown and says what it does.
func (s *setup) askButton(at captureState, p captured) (err error) {
	for _, w := range p.contacts {
		if user := s.user(s.placeOn(at.chip, w)); user != "" {
			s.say("%s is %s already.", s.placeOn(at.chip, w), user)
			return nil
		}
	}
	b, err := s.contacts(at, p)
	if err != nil || b == nil {
		return err
	}
	if b.Name, err = s.name("The button's name", fmt.Sprintf("button%d", len(s.Buttons)+1), "button", len(s.Buttons)); err != nil {
		return err
	}
	if err := s.askCalls(b); err != nil {
		return err
	}
	s.Buttons = append(s.Buttons, *b)
	lamp, err := s.askLamp("it", b.Name)
	s.Buttons[len(s.Buttons)-1].Lamp = lamp
	return err
}

// same reports whether two places are one line.
func (s *setup) same(a, b wirePlace) bool { return a.Pin == b.Pin && s.chipOf(a) == s.chipOf(b) }

// user is what a line is in use for in this talk; "" for nothing.
func (s *setup) user(w wirePlace) string {
	same := func(other wirePlace) bool { return s.same(other, w) }
	for _, b := range s.Buttons {
		if same(b.wirePlace) || b.NC != nil && same(*b.NC) {
			return "button " + b.Name
		}
	}
	if lamp := s.lampAt(w); lamp != "" {
		return "lamp " + lamp
	}
	for _, b := range s.Buzzers {
		if same(b.wirePlace) {
			return "buzzer " + b.Name
		}
	}
	return ""
}

// contacts makes a button of the contacts that were shown; nil, and said why, where
// they are none.
func (s *setup) contacts(at captureState, p captured) (*buttonDraft, error) {
	b := &buttonDraft{wirePlace: s.placeOn(at.chip, p.contacts[0])}
	if at.bias == pullDown {
		b.Active = "high"
	}
	closed := at.bias == pullDown // the level of a closed contact
	switch {
	case p.typed:
		return s.askContact(at, b)
	case len(p.contacts) == 2 && p.contacts[0].High != p.contacts[1].High:
		open, other := p.contacts[0], p.contacts[1] // normally
		if open.High != closed {
			open, other = other, open
		}
		nc := s.placeOn(at.chip, other)
		b.wirePlace, b.NC = s.placeOn(at.chip, open), &nc
		s.say("%s went %s: the normally open contact.\n%s went %s: the normally closed one of the same button.",
			b.wirePlace, live.Pin{Wire: open}.Level(), nc, live.Pin{Wire: other}.Level())
		return b, nil
	case len(p.contacts) > 1:
		var names []string
		for _, w := range p.contacts {
			names = append(names, live.Pin{Wire: w}.Label())
		}
		s.say("%s changed at once. Press one button at a time, or look for wires that touch.", strings.Join(names, ", "))
		return nil, nil
	}
	w := p.contacts[0]
	s.say("%s went %s.", b.wirePlace, live.Pin{Wire: w}.Level())
	if w.High == closed {
		s.say("So its contact closes when it is pressed: it is normally open.")
		return b, nil
	}
	return b, s.askOpening(at, b)
}

// askOpening asks what it is that opens when it is pressed: to the pin, a contact and
// an output that is driven look the same.
func (s *setup) askOpening(at captureState, b *buttonDraft) error {
	to, driven := "ground", "high"
	if at.bias == pullDown {
		to, driven = "3.3 V", "low"
	}
	picked, err := s.choose("How is it wired?",
		"a normally closed contact to "+to+": it opens when it is pressed, and a cut wire shows as a fault",
		"through a board whose output goes "+driven+" when it is pressed")
	if picked == 0 {
		b.Wiring = "nc"
		return err
	}
	b.Active = ""
	if driven == "high" {
		b.Active = "high"
	}
	return err
}

// askContact asks for the contacts of a button that nobody pressed.
func (s *setup) askContact(at captureState, b *buttonDraft) (*buttonDraft, error) {
	picked, err := s.choose("What is the contact on "+b.String()+" while nobody presses the button?",
		"open (normally open)",
		"closed (normally closed): a cut wire shows as a fault",
		"open, and the button has a second one that is closed")
	if err != nil {
		return nil, err
	}
	switch picked {
	case 1:
		b.Wiring = "nc"
	case 2:
		_, err = s.ask("The GPIO number of the closed one", "", func(answer string) error {
			nc, err := s.free(answer, at.chip)
			if err == nil && nc.Pin == b.Pin {
				err = errors.New("that is the open one; each contact has a line of its own")
			}
			if err == nil && s.chipOf(nc) != at.chip {
				err = errors.New("both contacts are on one chip")
			}
			b.NC = &nc
			return err
		})
	}
	return b, err
}

var placePattern = regexp.MustCompile(`^(?:GPIO)?(\d{1,3})(?: on (\S+))?$`)

// free is the line that an answer means, as 22 or as 3 on mcp23017, and an error where
// there is none that is free. A number alone is on the chip given.
func (s *setup) free(answer, chip string) (wirePlace, error) {
	m := placePattern.FindStringSubmatch(answer)
	if m == nil {
		return wirePlace{}, errors.New("type a number, as 22 for GPIO22, or as 3 on LABEL for another chip")
	}
	number, err := strconv.Atoi(m[1])
	if err != nil {
		return wirePlace{}, err
	}
	if m[2] != "" {
		chip = s.chipNamed(m[2])
	}
	wires, err := gpio.Survey(chip)
	if err != nil {
		return wirePlace{}, err
	}
	i := slices.IndexFunc(wires, func(w gpio.Wire) bool { return w.Pin == number })
	if i < 0 {
		where := "the header"
		if chip != "" {
			where = "chip " + chip
		}
		return wirePlace{}, fmt.Errorf("%s has no line %d that could be used", where, number)
	}
	place := s.placeOn(chip, wires[i])
	if user := s.user(place); user != "" {
		return place, fmt.Errorf("%s is %s", place, user)
	}
	if wires[i].Holder != "" {
		return place, fmt.Errorf("%s is %s", place, wires[i].Skipped)
	}
	return place, nil
}

// askCalls says what a button does.
func (s *setup) askCalls(b *buttonDraft) error {
	if s.L2L == nil {
		s.say("Without L2L there is nothing that a button could do; it is written down without\na binding.")
		return nil
	}
	picked, err := s.choose("What does "+b.Name+" do?",
		"a press calls for help, holding it for two seconds ends the call",
		"a press calls for help, the next press ends the call",
		"something else for a press, for two quick presses and for holding it",
		"nothing yet")
	if err != nil || picked == 3 {
		return err
	}
	if picked == 2 {
		return s.askEach(b)
	}
	b.Latch = picked == 1
	if err := s.askCall(b, station.Press, strings.ToUpper(b.Name)); err != nil {
		return err
	}
	if !b.Latch {
		b.Calls = append(b.Calls, callDraft{Event: station.Hold, Ends: true, Type: b.Calls[0].Type})
	}
	return nil
}

// askEach asks for each event of a button what it does.
func (s *setup) askEach(b *buttonDraft) error {
	for _, e := range []struct {
		event, question string
		nothing         int // the place of that answer, which Enter gives where it is 0
	}{
		{station.Press, "What does a press do?", 1},
		{station.Double, "What do two quick presses do? (They delay every single press by 0.3 s.)", 0},
		{station.Hold, "What does holding it for two seconds do?", 1},
	} {
		options := []string{"it calls for help"}
		types := b.types()
		for _, name := range types {
			options = append(options, "it ends the call "+name)
		}
		if e.event == station.Hold && types != nil { // what it is mostly for
			options[0], options[1] = options[1], options[0]
		}
		options = slices.Insert(options, e.nothing, "nothing")
		picked, err := s.choose(e.question, options...)
		if err != nil {
			return err
		}
		name, ends := strings.CutPrefix(options[picked], "it ends the call ")
		switch {
		case options[picked] == "nothing":
		case ends:
			b.Calls = append(b.Calls, callDraft{Event: e.event, Ends: true, Type: name})
		default:
			suggestion := ""
			if types == nil {
				suggestion = strings.ToUpper(b.Name)
			}
			if err := s.askCall(b, e.event, suggestion); err != nil {
				return err
			}
		}
	}
	return nil
}

// askCall asks what an event calls for.
func (s *setup) askCall(b *buttonDraft, event, suggestion string) (err error) {
	c := callDraft{Event: event}
	if c.Type, err = s.ask("The dispatch type's code in L2L", suggestion, filled); err != nil {
		return err
	}
	s.say("What the technicians read; {station} stands for the station's name.")
	c.Description, err = s.ask("Text", "Help needed at {station}", func(text string) error {
		t, err := station.ParseTemplate(text)
		if err != nil {
			return err
		}
		for _, name := range t.Names() {
			if name.Name != "station" && name.Name != "source" {
				return fmt.Errorf("{%s} has no value at a press; {station} and {source} have", name.Name)
			}
		}
		return filled(text)
	})
	b.Calls = append(b.Calls, c)
	return err
}
