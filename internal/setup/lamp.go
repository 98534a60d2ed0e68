package setup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"stationd/internal/clock"
	"stationd/internal/config"
	"stationd/internal/gpio"
	"stationd/internal/station"
)

// An outputDraft is a lamp or a buzzer.
type outputDraft struct {
	Name string
	wirePlace
	Active string // empty: the default
}

// A stackDraft is the stack light, by the names of its lamps.
type stackDraft struct {
	Name               string
	Red, Yellow, Green string
	Buzzer             string
}

// askLamp asks which lamp answers an input, and returns its name.
func (s *setup) askLamp(whom, input string) (string, error) {
	for {
		var l outputDraft
		var there string // the name of the lamp that is there already
		answer, err := s.ask("The GPIO number of the lamp that answers "+whom+" (empty for none)", "", func(answer string) (err error) {
			if answer == "" {
				return nil
			}
			l.wirePlace, err = s.free(answer, s.Chip)
			if there = s.lampAt(l.wirePlace); there != "" {
				return nil
			}
			return err
		})
		if err != nil || answer == "" {
			return "", err
		}
		if there != "" {
			s.say("It is lamp %s, which answers more than one thing then.", there)
			return there, nil
		}
		another, err := s.tryLamp(&l)
		if err != nil {
			return "", err
		}
		if another {
			continue
		}
		if l.Name, err = s.name("The lamp's name", input+"-lamp", "lamp", len(s.Lamps)); err != nil {
			return "", err
		}
		s.Lamps = append(s.Lamps, l)
		return l.Name, nil
	}
}

// lampAt is the name of the lamp on a line; "" for none.
func (s *setup) lampAt(w wirePlace) string {
	for _, l := range s.Lamps {
		if s.same(l.wirePlace, w) {
			return l.Name
		}
	}
	return ""
}

// How long a lamp is lit to be seen, and a buzzer sounds to be heard.
const (
	lampTime   = 2 * time.Second
	buzzerTime = time.Second
)

// tryLamp lights a lamp, if the person wants to see it, and asks what was seen.
func (s *setup) tryLamp(l *outputDraft) (another bool, err error) {
	ok, err := s.yes(fmt.Sprintf("Drive %s high for 2 s now, to see the lamp?", l.wirePlace))
	if err != nil || !ok {
		return false, err
	}
	if err := s.drive(*l, lampTime); err != nil {
		s.say("%v", err)
		return true, nil
	}
	picked, err := s.choose("What did the lamp do?",
		"it was lit for that time",
		"it is lit always, and was dark for that time",
		"another lamp was lit, or none: name another pin")
	switch picked {
	case 1:
		l.Active = "low"
	case 2:
		another = true
	}
	return another, err
}

// drive switches a lamp or a buzzer on for a while and gives its pin back.
func (s *setup) drive(o outputDraft, length time.Duration) (err error) {
	const name = "lamp"
	clock, err := clock.New()
	if err != nil {
		return err
	}
	panel := gpio.Panel{Lamps: []gpio.Lamp{{Name: name, Pin: o.Pin, Active: o.Active, Chip: s.chipOf(o.wirePlace)}}}
	board, err := gpio.Open(panel, clock.Stamp, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, board.Close()) }()
	board.Show(map[string]station.Light{name: station.Steady})
	ctx, stop := context.WithTimeout(s.ctx, length)
	defer stop()
	return board.RunLamps(ctx)
}

// A colour is one lamp of a stack light.
type colour struct{ letter, name string }

// askStack asks for a stack light, and which of its lamps is which.
func (s *setup) askStack() error {
	s.heading("Stack light")
	s.say(`A stack light shows the station as a whole: red when a person must look, yellow
while something waits, green while all is well.`)
	var colours []colour
	_, err := s.ask("Its colours, as ryg for red, yellow and green (empty for none)", "", func(answer string) (err error) {
		colours, err = coloursOf(answer)
		return err
	})
	if err != nil || colours == nil {
		return err
	}
	lamps, err := s.askStackPins(colours)
	if err != nil {
		return err
	}
	seen, err := s.yes("Light them one after another for 2 s each, to see which is which?")
	if err != nil {
		return err
	}
	if seen {
		if colours, err = s.tryStack(colours, lamps); err != nil {
			return err
		}
	}
	stack := &stackDraft{}
	if stack.Name, err = s.name("The stack light's name", "tower", "stack", 0); err != nil {
		return err
	}
	for i, c := range colours {
		if c == (colour{}) {
			continue // nothing was seen of it
		}
		lamps[i].Name = stack.Name + "-" + c.name
		if !s.judge.Name(config.At("lamp", len(s.Lamps), "name"), lamps[i].Name) {
			lamps[i].Name, err = s.name("The name of its "+c.name+" lamp", "", "lamp", len(s.Lamps))
		}
		if err != nil {
			return err
		}
		*stack.of(c) = lamps[i].Name
		s.Lamps = append(s.Lamps, lamps[i])
	}
	if stack.Red+stack.Yellow+stack.Green != "" {
		s.Stack = stack
	}
	return nil
}

// of is where the name of a colour's lamp stands.
func (k *stackDraft) of(c colour) *string {
	switch c.letter {
	case "r":
		return &k.Red
	case "y":
		return &k.Yellow
	}
	return &k.Green
}

// stacked reports whether a lamp is one of the stack light's.
func (s *setup) stacked(lamp string) bool {
	return s.Stack != nil && slices.Contains([]string{s.Stack.Red, s.Stack.Yellow, s.Stack.Green}, lamp)
}

// coloursOf reads the letters of colours, in any order and each once.
func coloursOf(answer string) ([]colour, error) {
	var found []colour
	rest := strings.ToLower(strings.NewReplacer(" ", "", ",", "").Replace(answer))
	for _, c := range []colour{{"r", "red"}, {"y", "yellow"}, {"g", "green"}} {
		if strings.Count(rest, c.letter) == 1 {
			found = append(found, c)
			rest = strings.Replace(rest, c.letter, "", 1)
		}
	}
	if rest != "" {
		return nil, errors.New("type each colour once, by its first letter: r, y or g")
	}
	return found, nil
}

// askStackPins asks where the lamps of a stack light are.
func (s *setup) askStackPins(colours []colour) ([]outputDraft, error) {
	lamps := make([]outputDraft, len(colours))
	for i, c := range colours {
		_, err := s.ask("The GPIO number of the "+c.name+" lamp", "", func(answer string) (err error) {
			lamps[i].wirePlace, err = s.free(answer, s.Chip)
			if err != nil && s.lampAt(lamps[i].wirePlace) != "" {
				err = fmt.Errorf("%w, which answers a button; a stack light has lamps of its own", err)
			}
			if slices.ContainsFunc(lamps[:i], func(l outputDraft) bool { return l.wirePlace == lamps[i].wirePlace }) {
				err = errors.New("that is another of its lamps")
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return lamps, nil
}

// tryStack lights the lamps of a stack light one after another and returns which
// colour each was seen to have; none, where nothing was seen.
func (s *setup) tryStack(colours []colour, lamps []outputDraft) ([]colour, error) {
	seen := make([]colour, len(lamps))
	left := slices.Clone(colours)
	active := ""
	for i := 0; i < len(lamps); {
		lamps[i].Active = active
		s.say("\n%s …", lamps[i].wirePlace)
		if err := s.drive(lamps[i], lampTime); err != nil {
			return nil, err
		}
		var options []string
		for _, c := range left {
			options = append(options, c.name+" was lit")
		}
		picked, err := s.choose("What was seen?", append(options, "light it again",
			"a lamp was dark for that time, and is lit else", "nothing: leave this lamp out")...)
		if err != nil {
			return nil, err
		}
		switch picked - len(left) {
		case 0: // again
		case 1: // one board drives them all, so the others are alike
			active = opposite(active)
		case 2:
			i++
		default:
			seen[i] = left[picked]
			left = slices.Delete(left, picked, picked+1)
			i++
		}
	}
	return seen, nil
}

// opposite is the other level that lights a lamp.
func opposite(active string) string {
	if active == "low" {
		return ""
	}
	return "low"
}

// askBuzzers asks for buzzers, and what each answers for.
func (s *setup) askBuzzers() error {
	if s.bare {
		return nil
	}
	s.heading("Buzzer")
	for {
		b := outputDraft{}
		answer, err := s.ask("The GPIO number of a buzzer (empty to go on)", "", func(answer string) (err error) {
			if answer != "" {
				b.wirePlace, err = s.free(answer, s.Chip)
			}
			return err
		})
		if err != nil || answer == "" {
			return err
		}
		another, err := s.tryBuzzer(&b)
		if err != nil {
			return err
		}
		if another {
			continue
		}
		if b.Name, err = s.name("The buzzer's name", "horn", "buzzer", len(s.Buzzers)); err != nil {
			return err
		}
		s.Buzzers = append(s.Buzzers, b)
		if err := s.askAnswers(b.Name); err != nil {
			return err
		}
	}
}

// tryBuzzer lets a buzzer sound, if the person wants to hear it, and asks what was
// heard.
func (s *setup) tryBuzzer(b *outputDraft) (another bool, err error) {
	ok, err := s.yes(fmt.Sprintf("Drive %s high for 1 s now, to hear the buzzer?", b.wirePlace))
	if err != nil || !ok {
		return false, err
	}
	if err := s.drive(*b, buzzerTime); err != nil {
		s.say("%v", err)
		return true, nil
	}
	picked, err := s.choose("Did you hear it?",
		"yes, for that time",
		"it sounds always, and was silent for that time",
		"no: name another pin")
	switch picked {
	case 1:
		b.Active = "low"
	case 2:
		another = true
	}
	return another, err
}

// askAnswers asks what a buzzer answers for.
func (s *setup) askAnswers(name string) error {
	type option struct {
		text string
		into *string
	}
	var options []option
	if s.Buzzer == "" {
		options = append(options, option{"everything at the station", &s.Buzzer})
	}
	for i, b := range s.Buttons {
		if b.Buzzer == "" {
			options = append(options, option{"button " + b.Name + " alone", &s.Buttons[i].Buzzer})
		}
	}
	for i, r := range s.Readers {
		if r.Buzzer == "" {
			options = append(options, option{"reader " + r.Name + " alone", &s.Readers[i].Buzzer})
		}
	}
	if s.Stack != nil && s.Stack.Buzzer == "" {
		options = append(options, option{"what is held for a person, beside the stack light, and nothing else", &s.Stack.Buzzer})
	}
	var texts []string
	for _, o := range options {
		texts = append(texts, o.text)
	}
	switch len(options) {
	case 0:
		s.say("Everything has a buzzer already; this one answers for nothing yet.")
		return nil
	case 1:
		*options[0].into = name
		return nil
	}
	picked, err := s.choose("What does it answer for?", texts...)
	if err == nil {
		*options[picked].into = name
	}
	return err
}
