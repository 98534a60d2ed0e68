package setup

import (
	"errors"
	"fmt"
	"strings"

	"stationd/internal/live"
)

// askPanel asks about buttons, their lamps and the stack light. Buzzers come after the
// readers, for which they may answer.
func (s *setup) askPanel() error {
	s.heading("Buttons")
	for {
		err := s.checkAvailable(s.Chip)
		if err == nil {
			break
		}
		s.say("%v", err)
		again, err := s.choose("What now?", "try again", "skip buttons, lamps and buzzers")
		if err != nil {
			return err
		}
		if again == 1 {
			s.noGPIO = true
			return nil
		}
	}
	if err := s.askButtons(); err != nil {
		return err
	}
	return s.askStack()
}

// The bias of a line while it is watched.
const (
	pullUp   = "pull-up"
	pullDown = "pull-down"
)

// askButtons asks about one button after another.
func (s *setup) askButtons() error {
	at := captureState{chip: s.Chip, bias: pullUp, idle: make(map[int]bool)}
	for {
		s.saveAnswers()
		p, err := s.waitForButton(&at)
		if err != nil || p.contacts == nil {
			return err
		}
		if err := s.askButton(at, p); err != nil {
			return err
		}
	}
}

// askButton asks for the name of a captured button, what it does, and its lamp.
func (s *setup) askButton(at captureState, p capture) (err error) {
	for _, w := range p.contacts {
		if user := s.userOf(s.lineOn(at.chip, w)); user != "" {
			s.say("%s is %s already.", s.lineOn(at.chip, w), user)
			return nil
		}
	}
	b, err := s.buttonFrom(at, p)
	if err != nil || b == nil {
		return err
	}
	if b.Name, err = s.askName("The button's name", fmt.Sprintf("button%d", len(s.Buttons)+1), "button", len(s.Buttons)); err != nil {
		return err
	}
	if b.Label, err = s.askPageLabel(b.Name); err != nil {
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

// buttonFrom returns the button with the captured contacts; nil, after saying why, where they
// cannot be one.
func (s *setup) buttonFrom(at captureState, p capture) (*buttonDraft, error) {
	b := &buttonDraft{gpioLine: s.lineOn(at.chip, p.contacts[0])}
	if at.bias == pullDown {
		b.Active = "high"
	}
	closedLevel := at.bias == pullDown // the level of a line whose contact is closed
	switch {
	case p.typed:
		return s.askContacts(at, b)
	case len(p.contacts) == 2 && p.contacts[0].High != p.contacts[1].High:
		normallyOpen, normallyClosed := p.contacts[0], p.contacts[1]
		if normallyOpen.High != closedLevel {
			normallyOpen, normallyClosed = normallyClosed, normallyOpen
		}
		nc := s.lineOn(at.chip, normallyClosed)
		b.gpioLine, b.NC = s.lineOn(at.chip, normallyOpen), &nc
		s.say("%s went %s: the normally open contact.\n%s went %s: the normally closed one of the same button.",
			b.gpioLine, live.Pin{Wire: normallyOpen}.Level(), nc, live.Pin{Wire: normallyClosed}.Level())
		return b, nil
	case len(p.contacts) > 1:
		var names []string
		for _, w := range p.contacts {
			names = append(names, live.Pin{Wire: w}.Label())
		}
		s.say("%s changed together. Press one button at a time, or look for wires that touch.", strings.Join(names, ", "))
		return nil, nil
	}
	w := p.contacts[0]
	s.say("%s went %s.", b.gpioLine, live.Pin{Wire: w}.Level())
	if w.High == closedLevel {
		s.say("So its contact closes when it is pressed: it is normally open.")
		return b, nil
	}
	return b, s.askClosedWiring(at, b)
}

// askClosedWiring asks whether a line that opens when the button is pressed has a normally
// closed contact or a driven output: on the pin both look the same.
func (s *setup) askClosedWiring(at captureState, b *buttonDraft) error {
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

// askContacts asks for the contacts of a button whose number was typed.
func (s *setup) askContacts(at captureState, b *buttonDraft) (*buttonDraft, error) {
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
			nc, err := s.freeLine(answer, at.chip)
			if err == nil && nc.Pin == b.Pin {
				err = errors.New("that is the open contact; each contact has its own line")
			}
			if err == nil && s.chipOf(nc) != at.chip {
				err = errors.New("both contacts must be on one chip")
			}
			b.NC = &nc
			return err
		})
	}
	return b, err
}
