package setup

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"stationd/internal/config"
)

// A colour is one lamp of a stack light.
type colour struct{ letter, name string }

// askStack asks about a stack light, and finds out which of its lamps is which by lighting
// them.
func (s *setup) askStack() error {
	s.heading("Stack light")
	s.say(`A stack light shows the station as a whole: red when action is needed, yellow
while something waits, green when all is OK.`)
	var colours []colour
	_, err := s.ask("Its colours, as ryg for red, yellow and green (empty for none)", "", func(answer string) (err error) {
		colours, err = parseColours(answer)
		return err
	})
	if err != nil || colours == nil {
		return err
	}
	lamps, err := s.askStackPins(colours)
	if err != nil {
		return err
	}
	seen, err := s.confirm("Light them one after another for 2 s each, to see which is which?")
	if err != nil {
		return err
	}
	if seen {
		if colours, err = s.tryStack(colours, lamps); err != nil {
			return err
		}
	}
	stack := &stackDraft{}
	if stack.Name, err = s.askName("The stack light's name", "tower", "stack", 0); err != nil {
		return err
	}
	for i, c := range colours {
		if c == (colour{}) {
			continue // it was left out
		}
		lamps[i].Name = stack.Name + "-" + c.name
		if !s.nameCheck.Name(config.At("lamp", len(s.Lamps), "name"), lamps[i].Name) {
			lamps[i].Name, err = s.askName("The name of its "+c.name+" lamp", "", "lamp", len(s.Lamps))
		}
		if err != nil {
			return err
		}
		*stack.lampOf(c) = lamps[i].Name
		s.Lamps = append(s.Lamps, lamps[i])
	}
	if stack.Red+stack.Yellow+stack.Green != "" {
		s.Stack = stack
	}
	return nil
}

// inStack reports whether a lamp belongs to the stack light.
func (s *setup) inStack(lamp string) bool {
	return s.Stack != nil && slices.Contains([]string{s.Stack.Red, s.Stack.Yellow, s.Stack.Green}, lamp)
}

// parseColours parses the letters of colours, in any order and each once.
func parseColours(answer string) ([]colour, error) {
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

// askStackPins asks for the lines of a stack light's lamps.
func (s *setup) askStackPins(colours []colour) ([]outputDraft, error) {
	lamps := make([]outputDraft, len(colours))
	for i, c := range colours {
		_, err := s.ask("The GPIO number of the "+c.name+" lamp", "", func(answer string) (err error) {
			lamps[i].gpioLine, err = s.freeLine(answer, s.Chip)
			if err != nil && s.lampAt(lamps[i].gpioLine) != "" {
				err = fmt.Errorf("%w, which answers a button; a stack light has lamps of its own", err)
			}
			if slices.ContainsFunc(lamps[:i], func(l outputDraft) bool { return l.gpioLine == lamps[i].gpioLine }) {
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

// tryStack lights the lamps of a stack light one after another and returns the colour that
// the person saw of each; the zero colour for a lamp to leave out.
func (s *setup) tryStack(colours []colour, lamps []outputDraft) ([]colour, error) {
	seen := make([]colour, len(lamps))
	remaining := slices.Clone(colours)
	active := ""
	for i := 0; i < len(lamps); {
		lamps[i].Active = active
		s.say("\n%s …", lamps[i].gpioLine)
		if err := s.drive(lamps[i], lampTime); err != nil {
			return nil, err
		}
		var options []string
		for _, c := range remaining {
			options = append(options, c.name+" was lit")
		}
		picked, err := s.choose("What was seen?", append(options, "light it again",
			"a lamp went dark for that time, and is lit otherwise", "nothing: leave this lamp out")...)
		if err != nil {
			return nil, err
		}
		switch picked - len(remaining) {
		case 0: // light it again
		case 1: // one board drives all of them, so the others are the same
			active = opposite(active)
		case 2:
			i++
		default:
			seen[i] = remaining[picked]
			remaining = slices.Delete(remaining, picked, picked+1)
			i++
		}
	}
	return seen, nil
}

// opposite returns the other value of active.
func opposite(active string) string {
	if active == "low" {
		return ""
	}
	return "low"
}
