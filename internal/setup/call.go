package setup

import (
	"fmt"
	"slices"
	"strings"

	"stationd/internal/station"
)

// askCalls asks what a button does.
func (s *setup) askCalls(b *buttonDraft) error {
	if s.L2L == nil {
		s.say("Without L2L a button has nothing to do; it is written without a binding.")
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
		return s.askEvents(b)
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

// askEvents asks what each event of a button does.
func (s *setup) askEvents(b *buttonDraft) error {
	for _, e := range []struct {
		event, question string
		nothing         int // the index of the option "nothing"; 0 is the default
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
		if e.event == station.Hold && types != nil { // most buttons end their call so
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

// askCall asks for the type and the text of the call that an event opens.
func (s *setup) askCall(b *buttonDraft, event, suggestion string) (err error) {
	c := callDraft{Event: event}
	if c.Type, err = s.ask("The dispatch type's code in L2L", suggestion, notEmpty); err != nil {
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
		return notEmpty(text)
	})
	b.Calls = append(b.Calls, c)
	return err
}
