package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"stationd/internal/exit"
	"stationd/internal/plant"
	"stationd/internal/queue"
	"stationd/internal/station"
)

// PlayShift plays a quarter of an hour of an operator's work, and prints what the operator did
// beside what the plant saw. When the two differ, that has been printed too, and the error
// carries the exit code alone.
func PlayShift(ctx context.Context, setting Config, out io.Writer) error {
	setting.Settle = time.Second
	s, err := Open(ctx, setting)
	if err != nil {
		return err
	}
	shift := &shift{ctx: ctx, sim: s, out: out, zone: setting.Plant.Zone}
	shift.say("A quarter of an hour at the station pack4-1, played in less than a minute: a real\n" +
		"stationd with its outbox on disk, a scanner on a serial line, and a simulated plant.\n\n")
	began := time.Now()
	if err := s.Power(ctx, true); err != nil {
		return errors.Join(err, s.Close())
	}
	shift.play()
	if ctx.Err() != nil {
		return errors.Join(errors.New("the shift was cancelled"), s.Close())
	}
	shift.finish()
	if agree := shift.report(time.Since(began)); !agree {
		return &exit.Error{Code: exit.Failure}
	}
	return nil
}

// A shift plays an operator's work, and records each step with the effect that is expected at
// the plant.
type shift struct {
	ctx  context.Context
	sim  *Simulation
	out  io.Writer
	zone *time.Location // the plant's

	steps  []step
	serial int   // of the last part
	err    error // why the shift could not go on; the other chapters are not played
	faults []string
}

// A step is something that the operator did or saw, or that happened to the station.
type step struct {
	chapter  string // that begins with it
	at       time.Time
	text     string
	observed bool    // the operator saw it
	external bool    // it happened to the station
	expected *Effect // at the plant; nil: none
	problem  string  // what went wrong; "": nothing
}

// An Effect is a change in the plant's records.
type Effect struct {
	lane        string // within which effects are in order: a machine, a line, a production order
	text        string
	Time        time.Time // when it happened, as the plant was told; zero: the vendor takes no time
	Approximate bool      // Time is right to the minute, from a station whose clock was never set
}

// say prints; nobody may be reading any more.
func (s *shift) say(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format, args...) }

// play plays the chapters of the shift, up to the first that fails.
func (s *shift) play() {
	for i, c := range []struct {
		title string
		play  func()
	}{
		{"A call, and a call too many", s.calls},
		{"Another product, and its first parts", s.parts},
		{"The network is gone", s.outage},
		{"The power is gone as well", s.powerCut},
		{"The plant answers with errors", s.plantErrors},
		{"The plant refuses", s.refusal},
		{"The scanner is unplugged", s.scannerOff},
	} {
		if s.err != nil {
			return
		}
		began, first := time.Now(), len(s.steps)
		s.say("  %d  %-40s", i+1, c.title)
		c.play()
		s.say("%5.1f s\n", time.Since(began).Seconds())
		if first < len(s.steps) {
			s.steps[first].chapter = c.title
		}
	}
}

// act records something that the operator does, and does it.
func (s *shift) act(text string, expected *Effect, do func() error) {
	if s.err != nil {
		return
	}
	if expected != nil && expected.Time.IsZero() && strings.HasSuffix(expected.text, " open") {
		expected.Time = time.Now()
	}
	s.steps = append(s.steps, step{at: time.Now(), text: text, expected: expected})
	s.noteError(do())
}

// occur records something that happens to the station, and does it.
func (s *shift) occur(text string, do func() error) {
	if s.err != nil {
		return
	}
	s.steps = append(s.steps, step{at: time.Now(), text: "· " + text, external: true})
	s.noteError(do())
}

// addFault makes the plant answer with a fault.
func (s *shift) addFault(text string, f plant.Fault) {
	s.occur(text, func() error {
		s.sim.Plant.AddFault(f)
		return nil
	})
}

// press presses a button for d. expected is the effect at the machine SEAL-1; "" for none.
func (s *shift) press(pin int, d time.Duration, text, expected string) {
	s.act(text, s.effect("SEAL-1", expected), func() error {
		s.sim.Push(pin, d)
		return nil
	})
	if expected != "" && s.sim.connected() {
		s.waitArrived()
	}
}

// scan scans a label and waits until the scan is recorded.
func (s *shift) scan(code, text string, expected *Effect) {
	if s.err != nil {
		return
	}
	before, err := s.scanned()
	s.act(text, expected, func() error { return errors.Join(err, s.sim.Scan(code)) })
	s.wait("the scan is recorded", func() bool {
		now, err := s.scanned()
		return err == nil && now > before
	})
}

// scanned returns how many scans this stationd has recorded.
func (s *shift) scanned() (int, error) {
	now, err := s.sim.Control().Snapshot(s.ctx)
	return now.Counts.Events["hand."+station.Scan], err
}

// scanPart scans the next part of an order.
func (s *shift) scanPart(article, batch, bestBefore, order string) {
	s.serial++
	p := Part{Article: article, Batch: batch, Serial: fmt.Sprintf("%04d", s.serial), BestBefore: bestBefore}
	text := fmt.Sprintf("scans %s, batch %s, serial %s", articleName(article), p.Batch, p.Serial)
	s.scan(p.Symbol(), text, s.effect(order, p.effectText()))
}

// effect returns an expected effect; nil where text is empty.
func (s *shift) effect(lane, text string) *Effect {
	if text == "" {
		return nil
	}
	return &Effect{lane: lane, text: text}
}

// waitArrived waits until every expected effect is at the plant, and the outbox is empty.
func (s *shift) waitArrived() {
	s.wait("what was done has arrived", func() bool {
		waiting, ok := s.sim.Waiting(s.ctx)
		return ok && len(waiting) == 0 && len(s.effects()) >= s.expectedEffects()
	})
}

// expectedEffects returns how many effects are expected by now.
func (s *shift) expectedEffects() (n int) {
	for _, st := range s.steps {
		if st.expected != nil {
			n++
		}
	}
	return n
}

// expectLamp waits until the operator sees the light that a lamp should show.
func (s *shift) expectLamp(pin int, want station.Light, text string) {
	if s.err != nil {
		return
	}
	since := time.Now()
	for _, st := range s.steps {
		if !st.observed {
			since = st.at // what is seen follows the last thing that was done
		}
	}
	s.steps = append(s.steps, step{at: time.Now(), text: "  " + text, observed: true})
	s.wait(text, func() bool { return s.sim.Lamps.Saw(pin, want, since) })
}

// wait waits until done returns true. When it does not, the last step has the problem.
func (s *shift) wait(what string, done func() bool) {
	if s.err == nil {
		s.noteError(Until(s.ctx, what, done))
	}
}

// noteError records the first error, as the problem of the last step.
func (s *shift) noteError(err error) {
	if err == nil || s.err != nil {
		return
	}
	s.err = err
	if len(s.steps) == 0 {
		s.faults = append(s.faults, err.Error())
		return
	}
	s.steps[len(s.steps)-1].problem = err.Error()
}

// effects returns the changes in the plant's records, in their order.
func (s *shift) effects() []Effect {
	type dated struct {
		Effect
		at time.Time // by the plant's clock
	}
	var effects []dated
	for _, d := range s.sim.Plant.Dispatches() {
		if d.Made == "changeover" {
			continue // made by the site itself
		}
		reported, approximate := CallTime(d, s.zone)
		effects = append(effects, dated{Effect{d.Machine, d.Type + " open", reported, approximate}, d.Created})
		if !d.Closed.IsZero() {
			effects = append(effects, dated{Effect{lane: d.Machine, text: d.Type + " closed"}, d.Closed})
		}
	}
	for _, c := range s.sim.Plant.Changeovers() {
		effects = append(effects, dated{Effect{lane: c.Line, text: "changed over to " + c.Product}, c.Started})
	}
	for _, t := range s.sim.Plant.Traces() {
		p := Part{Article: t.Article, Batch: t.Batch, Serial: t.Serial}
		if t.BestBefore != 0 {
			p.BestBefore = time.UnixMilli(t.BestBefore).UTC().Format("060102")
		}
		effects = append(effects, dated{Effect{lane: fmt.Sprint(t.Order), text: p.effectText()}, t.At})
	}
	sort.SliceStable(effects, func(i, j int) bool { return effects[i].at.Before(effects[j].at) })
	sorted := make([]Effect, len(effects))
	for i, e := range effects {
		sorted[i] = e.Effect
	}
	return sorted
}

// CallTime returns when a dispatch was called for, as the station told the plant: its reported
// time, or, from a station whose clock was never set, the time in its description, which is
// approximate, to the minute.
//
//	[sd-MFRGGZDFMY] Help needed at pack4-1 (about 2026-03-02 14:03)
func CallTime(d plant.Dispatch, zone *time.Location) (called time.Time, approximate bool) {
	if _, about, ok := strings.Cut(d.Description, "(about "); ok {
		if called, err := time.ParseInLocation("2006-01-02 15:04)", about, zone); err == nil {
			return called, true
		}
	}
	return d.Reported, false
}

// finish stops the station and checks its outbox and the plant's complaints.
func (s *shift) finish() {
	fault := func(err error) {
		if err != nil {
			s.faults = append(s.faults, err.Error())
		}
	}
	fault(s.sim.Close())
	fault(queue.VerifyFile(s.sim.OutboxPath()))
	c, err := s.sim.Contents(s.ctx)
	fault(err)
	for _, e := range c.Entries {
		fault(fmt.Errorf("the outbox still has %s of %s: %s %s", e.Verb, e.Lane, e.Condition, e.Reason))
	}
	if len(c.Kept) != 1 {
		fault(fmt.Errorf("the outbox keeps %d unknown scans, and there was 1", len(c.Kept)))
	}
	for _, complaint := range s.sim.Plant.Complaints() {
		fault(fmt.Errorf("the plant complains: %s", complaint))
	}
}
