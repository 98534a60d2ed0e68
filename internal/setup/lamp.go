package setup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"stationd/internal/clock"
	"stationd/internal/gpio"
	"stationd/internal/station"
)

// askLamp asks which lamp answers an input, and returns its name; "" for none. purpose is
// what it answers in the question.
func (s *setup) askLamp(purpose, input string) (string, error) {
	for {
		var l outputDraft
		var existing string // the lamp of the draft on that line
		answer, err := s.ask("The GPIO number of the lamp that answers "+purpose+" (empty for none)", "", func(answer string) (err error) {
			if answer == "" {
				return nil
			}
			l.gpioLine, err = s.freeLine(answer, s.Chip)
			if existing = s.lampAt(l.gpioLine); existing != "" {
				return nil
			}
			return err
		})
		if err != nil || answer == "" {
			return "", err
		}
		if existing != "" {
			s.say("That is lamp %s, which then answers more than one input.", existing)
			return existing, nil
		}
		another, err := s.tryLamp(&l)
		if err != nil {
			return "", err
		}
		if another {
			continue
		}
		if l.Name, err = s.askName("The lamp's name", input+"-lamp", "lamp", len(s.Lamps)); err != nil {
			return "", err
		}
		s.Lamps = append(s.Lamps, l)
		return l.Name, nil
	}
}

// lampAt returns the name of the draft's lamp on a line; "" for none.
func (s *setup) lampAt(w gpioLine) string {
	for _, l := range s.Lamps {
		if s.sameLine(l.gpioLine, w) {
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

// tryLamp lights a lamp, if the person agrees, and asks what was seen. another means that the
// person wants to choose another line.
func (s *setup) tryLamp(l *outputDraft) (another bool, err error) {
	return s.tryOutput(l, lampTime, "Drive %s high for 2 s now, to see the lamp?", "What did the lamp do?",
		"it was lit for that time",
		"it is lit always, and was dark for that time",
		"another lamp was lit, or none: choose another pin")
}

// tryOutput drives a lamp or a buzzer for a while, if the person agrees, and asks what it did:
// what it should, the opposite, or nothing.
func (s *setup) tryOutput(o *outputDraft, length time.Duration, confirmation, question string, answers ...string) (another bool, err error) {
	ok, err := s.confirm(fmt.Sprintf(confirmation, o.gpioLine))
	if err != nil || !ok {
		return false, err
	}
	if err := s.drive(*o, length); err != nil {
		s.say("%v", err)
		return true, nil
	}
	picked, err := s.choose(question, answers...)
	if picked == 1 {
		o.Active = "low"
	}
	return picked == 2, err
}

// drive switches a lamp or a buzzer on for a while, then closes its line.
func (s *setup) drive(o outputDraft, length time.Duration) (err error) {
	const name = "lamp"
	clock, err := clock.New()
	if err != nil {
		return err
	}
	panel := gpio.Panel{Lamps: []gpio.Lamp{{Name: name, Pin: o.Pin, Active: o.Active, Chip: s.chipOf(o.gpioLine)}}}
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
