package setup

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"stationd/internal/gpio"
	"stationd/internal/live"
)

// A captureState is the chip and the bias with which buttons are watched for a press.
type captureState struct {
	chip, bias string
	listed     []string // the chips whose skipped lines were listed
	explained  bool     // the long explanation was printed

	// idle has the levels at rest of the lines that were pressed: they may still be pressed
	// when the wait for the next button begins.
	idle map[int]bool
}

// A capture is a button that was pressed, or typed by its number.
type capture struct {
	contacts []gpio.Wire // with their levels while pressed; none: there are no more buttons
	typed    bool        // its number was typed
}

// waitForButton waits until a button is pressed or its number typed.
func (s *setup) waitForButton(at *captureState) (capture, error) {
	for {
		watch, err := gpio.OpenWatch(at.chip, s.protectedPanel(), at.bias)
		if err != nil {
			if again, err := s.askRetry(err); err != nil || !again {
				return capture{}, err
			}
			continue
		}
		if at.chip == s.Chip {
			s.chipLabel = watch.Label
		}
		s.listSkipped(at, watch)
		s.explainCapture(at)
		contacts, answer, err := s.waitForPress(watch, at.idle)
		err = errors.Join(err, watch.Close())
		switch {
		case errors.Is(err, errCancelled):
			return capture{}, err
		case err != nil:
			if again, err := s.askRetry(err); err != nil || !again {
				return capture{}, err
			}
		case contacts != nil:
			for _, w := range contacts {
				at.idle[w.Pin] = !w.High
			}
			return capture{contacts: contacts}, nil
		case answer == "":
			return capture{}, nil
		default:
			if wire := s.handleTyped(at, watch, answer); wire != nil {
				return capture{contacts: []gpio.Wire{*wire}, typed: true}, nil
			}
			at.explained = false
		}
	}
}

// askRetry reports a problem with a chip and asks whether to try again.
func (s *setup) askRetry(problem error) (again bool, err error) {
	s.say("%v", problem)
	picked, err := s.choose("What now?", "try again", "there are no more buttons")
	return picked == 0, err
}

// explainCapture prints what to press or type: at length the first time, and again after an
// answer that was not understood or that changed something.
func (s *setup) explainCapture(at *captureState) {
	if at.explained {
		s.say("\nPress the next button you want to name; Enter when there are no more.")
		return
	}
	at.explained = true
	to, other, key := "ground", "3.3 V", "d"
	if at.bias == pullDown {
		to, other, key = other, to, "u"
	}
	s.say(`
Press the button you want to name, wired to %s, until it is shown here.
Or type, and press Enter:
  nothing   there are no more buttons
  %s         for buttons that are wired to %s
  17        for the button on GPIO17, without pressing it
  on LABEL  for buttons on another chip, by the label that gpiodetect shows`, to, key, other)
}

// handleTyped carries out what was typed instead of a press. It returns a line when one was
// named.
func (s *setup) handleTyped(at *captureState, watch *gpio.Watch, answer string) *gpio.Wire {
	label, other := strings.CutPrefix(answer, "on ")
	number, err := strconv.Atoi(strings.TrimPrefix(answer, "GPIO"))
	switch {
	case other:
		chip := s.chipByLabel(strings.TrimSpace(label))
		if err := s.checkAvailable(chip); err != nil {
			s.say("%v", err)
			return nil
		}
		at.chip, at.idle = chip, make(map[int]bool)
		return nil
	case answer == "d":
		at.bias, at.idle = pullDown, make(map[int]bool)
		return nil
	case answer == "u":
		at.bias, at.idle = pullUp, make(map[int]bool)
		return nil
	case err != nil:
		s.say("%q is none of these.", answer)
		return nil
	}
	return s.lineByNumber(watch, number)
}

// listSkipped lists the skipped lines of a chip, once for each chip.
func (s *setup) listSkipped(at *captureState, watch *gpio.Watch) {
	if slices.Contains(at.listed, at.chip) {
		return
	}
	at.listed = append(at.listed, at.chip)
	s.say("Watching the lines of chip %s.", watch.Label)
	for _, w := range watch.Wires() {
		if w.Skipped != "" {
			s.say("  %s is skipped: %s", live.Pin{Wire: w}.Label(), w.Skipped)
		}
	}
}

// lineByNumber returns the line with a GPIO number; nil, after saying why, when it cannot be
// used.
func (s *setup) lineByNumber(watch *gpio.Watch, number int) *gpio.Wire {
	wires := watch.Wires()
	i := slices.IndexFunc(wires, func(w gpio.Wire) bool { return w.Pin == number })
	switch {
	case i < 0:
		s.say("Chip %s has no line %d for a button.", watch.Label, number)
		return nil
	case wires[i].Skipped != "":
		s.say("%s is skipped: %s.", live.Pin{Wire: wires[i]}.Label(), wires[i].Skipped)
		return nil
	}
	return &wires[i]
}

// stableFor is how long a line must stay changed to count as pressed; a person presses for
// longer. secondContactWithin is how long the second contact of a button may take after it.
const (
	stableFor           = 40 * time.Millisecond
	secondContactWithin = 250 * time.Millisecond
)

// waitForPress waits until lines change and stay changed, and returns them, or until a line
// of text is typed, and returns that. Lines that change before the first is released belong
// to the same button. idle has the levels at rest that are known.
func (s *setup) waitForPress(watch *gpio.Watch, idle map[int]bool) ([]gpio.Wire, string, error) {
	detector := newPressDetector(watch.Wires(), idle)
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
	finish := func() error { // the caller closes the watch after it has ended
		stop()
		return <-ended
	}
	tick := time.NewTicker(stableFor / 2)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return nil, "", errors.Join(errCancelled, finish())
		case line, open := <-s.lines:
			answer, err := s.parseAnswer(line, open)
			if errors.Is(err, errBadAnswer) {
				continue
			}
			return nil, answer, errors.Join(err, finish())
		case err := <-ended:
			stop()
			return nil, "", err
		case w := <-changes:
			detector.change(w, time.Now())
		case <-tick.C:
			if found := detector.button(time.Now()); found != nil {
				return found, "", finish()
			}
		}
	}
}

// A pressDetector finds the contacts of one pressed button in the changes of lines.
type pressDetector struct {
	idle        map[int]bool      // the level at rest of each line
	changed     map[int]gpio.Wire // the lines that are not at rest now, and since when
	since       map[int]time.Time
	stable      map[int]gpio.Wire // the lines that stayed changed for stableFor, as pressed
	firstStable time.Time         // when the first line was found stable
}

func newPressDetector(wires []gpio.Wire, idle map[int]bool) *pressDetector {
	d := &pressDetector{idle: make(map[int]bool), changed: make(map[int]gpio.Wire), since: make(map[int]time.Time), stable: make(map[int]gpio.Wire)}
	for _, w := range wires {
		d.idle[w.Pin] = w.High
	}
	maps.Copy(d.idle, idle)
	return d
}

// change notes the new level of a line.
func (d *pressDetector) change(w gpio.Wire, now time.Time) {
	if w.High == d.idle[w.Pin] {
		delete(d.changed, w.Pin)
		return
	}
	d.changed[w.Pin], d.since[w.Pin] = w, now
}

// button returns the lines of the pressed button once all of them are known, else nil.
func (d *pressDetector) button(now time.Time) []gpio.Wire {
	for number, w := range d.changed {
		if now.Sub(d.since[number]) < stableFor {
			continue
		}
		if len(d.stable) == 0 {
			d.firstStable = now
		}
		d.stable[number] = w
	}
	if len(d.stable) == 0 || len(d.changed) > 0 && now.Sub(d.firstStable) < secondContactWithin {
		return nil
	}
	var found []gpio.Wire
	for _, number := range slices.Sorted(maps.Keys(d.stable)) {
		found = append(found, d.stable[number])
	}
	return found
}
