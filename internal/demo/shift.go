package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"stationd/internal/exit"
	"stationd/internal/plant"
	"stationd/internal/queue"
	"stationd/internal/station"
)

// PlayShift plays a quarter of an hour of the floor and lays what the operator did
// beside what the plant saw. Its error has been printed when the two differ.
func PlayShift(ctx context.Context, setting BoxSetting, out io.Writer) error {
	setting.Settle = time.Second
	b, err := OpenBox(ctx, setting)
	if err != nil {
		return err
	}
	s := &shift{ctx: ctx, box: b, out: out, zone: setting.Plant.Zone}
	s.say("A quarter of an hour at the station pack4-1, played in less than a minute: a real\n" +
		"stationd with its outbox on disk, a scanner on a serial line, and a simulated plant.\n\n")
	began := time.Now()
	if err := b.Power(ctx, true); err != nil {
		return errors.Join(err, b.Close())
	}
	s.play()
	if ctx.Err() != nil {
		return errors.Join(errors.New("the shift was broken off"), b.Close())
	}
	s.end()
	if agree := s.report(time.Since(began)); !agree {
		return &exit.Error{Code: exit.Failure}
	}
	return nil
}

// A shift is an operator at work, and a record of what was done and what ought to
// come of it.
type shift struct {
	ctx  context.Context
	box  *Box
	out  io.Writer
	zone *time.Location // the plant's

	deeds  []step
	serial int   // of the last part
	err    error // why the shift could not go on; what follows is not played
	faults []string
}

// A step is one thing that the operator did or saw, or that happened to the
// station.
type step struct {
	chapter string // begins here
	at      time.Time
	text    string
	seen    bool    // the operator saw it
	happens bool    // it happened to the station
	comes   *Effect // what ought to come of it at the plant; nil: nothing
	wrong   string  // what was not as it ought to be
}

// A Effect is one thing that took effect at the plant.
type Effect struct {
	lane        string // what its order counts within: a machine, a line, a production order
	text        string
	Told        time.Time // when it happened, as the plant was told; zero: the vendor has no such time
	Approximate bool      // told is good to the minute, from a station whose clock was never set
}

// say prints something. Whoever no longer reads it need not be told.
func (s *shift) say(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format, args...) }

// play plays the chapters of the shift, up to the first that cannot be played.
func (s *shift) play() {
	for i, c := range []struct {
		title string
		play  func()
	}{
		{"A call, and a call too many", s.calls},
		{"Another product, and its first parts", s.parts},
		{"The network is gone", s.outage},
		{"The power is gone as well", s.powerCut},
		{"The plant stumbles", s.stumbles},
		{"The plant says no", s.refusal},
		{"The scanner comes off", s.scannerOff},
	} {
		if s.err != nil {
			return
		}
		began, first := time.Now(), len(s.deeds)
		s.say("  %d  %-40s", i+1, c.title)
		c.play()
		s.say("%5.1f s\n", time.Since(began).Seconds())
		if first < len(s.deeds) {
			s.deeds[first].chapter = c.title
		}
	}
}

// calls: a press opens one dispatch, however often it is pressed and however badly
// the contact bounces; a hold closes it.
func (s *shift) calls() {
	s.pushes(PinMaintenance, Briefly, "presses maintenance", "MAINT open")
	s.sees(PinRed, station.Steady, "the red lamp is steady: delivered")
	s.pushes(PinMaintenance, Briefly, "presses it again: it is called already", "")
	s.does("presses material; the contact bounces", s.fact("SEAL-1", "MATERIAL open"), func() error {
		s.box.bounce(PinMaterial)
		return nil
	})
	s.arrives()
	s.pushes(PinMaintenance, Long, "holds maintenance for two seconds", "MAINT closed")
	s.pushes(PinMaterial, Briefly, "presses material again: it latches", "MATERIAL closed")
	s.arrives()
	s.sees(PinRed, station.Off, "the red lamp is off")
}

// parts: a changeover, an order, parts with serial numbers, and a label from
// elsewhere.
func (s *shift) parts() {
	s.scans("PC-200", "scans the changeover card PC-200", s.fact("PACK4", "changed over to 200"))
	s.scans("PO4711", "scans the order PO4711", nil)
	for range 3 {
		s.scansPart(Soup, "B7", "270331", "4711")
	}
	s.arrives()
	s.scans("7310865004703", "scans a label that nobody knows", nil)
	s.sees(PinWhite, station.Quick, "the white lamp blinks quickly: look here")
}

// outage: what is done without a network waits, and the lamp says so.
func (s *shift) outage() {
	s.happens("the network cable is pulled out", func() error { return s.box.Cable(false) })
	s.pushes(PinMaintenance, Briefly, "presses maintenance", "MAINT open")
	for range 3 {
		s.scansPart(Soup, "B7", "270331", "4711")
	}
	s.waits("four entries wait in the outbox", func() bool {
		waiting, ok := s.box.Waiting(s.ctx)
		return ok && len(waiting) == 4
	})
	s.sees(PinRed, station.Slow, "the red lamp blinks slowly: recorded")
}

// powerCut: a station that is killed while all of that waits has lost nothing.
func (s *shift) powerCut() {
	s.happens("the station is killed", func() error { return s.box.Power(s.ctx, false) })
	s.sees(PinRed, station.Off, "every lamp is dark")
	s.happens("the station starts again", func() error { return s.box.Power(s.ctx, true) })
	s.sees(PinRed, station.Slow, "the red lamp blinks slowly: still recorded")
	s.happens("the network cable is plugged in", func() error { return s.box.Cable(true) })
	s.arrives()
	s.sees(PinRed, station.Steady, "the red lamp is steady: delivered")
	s.pushes(PinMaintenance, Long, "holds maintenance for two seconds", "MAINT closed")
	s.arrives()
}

// stumbles: answers that are lost, late or strange, and a plant that wants to be
// left alone.
func (s *shift) stumbles() {
	s.orders("the next answer of L2L will be lost", plant.Fault{Kind: plant.Lost, Where: "POST *", Next: 1})
	s.pushes(PinMaterial, Briefly, "presses material", "MATERIAL open")
	s.scans("PO4712", "scans the order PO4712", nil)
	s.orders("the next answer of Lagerkoll will be lost", plant.Fault{Kind: plant.Lost, Where: "PUT *", Next: 1})
	s.scansPart(Stew, "C3", "270430", "4712")
	s.arrives()
	s.orders("a proxy will answer 502 in its place", plant.Fault{Kind: plant.BadGateway, Where: "PUT *", Next: 1})
	s.scansPart(Stew, "C3", "270430", "4712")
	s.arrives()
	s.orders("Lagerkoll will ask for a second's peace: 429", plant.Fault{Kind: plant.TooMany, Where: "PUT *", Next: 1, RetryAfter: time.Second})
	s.scansPart(Stew, "C3", "270430", "4712")
	s.pushes(PinMaterial, Briefly, "presses material again: it latches", "MATERIAL closed")
	s.arrives()
}

// refusal: what the vendor refuses is held for a person, and pressing again sends
// it again, with the time of the first press.
func (s *shift) refusal() {
	s.orders("L2L will refuse: shift not started", plant.Fault{Kind: plant.Refusal, Where: "POST *", Next: 1, Text: "Shift not started"})
	s.does("presses material", s.fact("SEAL-1", "MATERIAL open"), func() error {
		s.box.Push(PinMaterial, Briefly)
		return nil
	})
	s.waits("the call is held", func() bool {
		c, err := s.box.Contents(s.ctx)
		return err == nil && len(c.Entries) == 1 && c.Entries[0].Hold == station.HoldRefused
	})
	s.sees(PinYellow, station.Quick, "the yellow lamp blinks quickly: held")
	s.pushes(PinMaterial, Briefly, "presses it again: that sends it again", "")
	s.arrives()
	s.pushes(PinMaterial, Briefly, "presses material again: it latches", "MATERIAL closed")
}

// scannerOff: a scanner that is unplugged is missed, and comes back.
func (s *shift) scannerOff() {
	s.happens("the scanner is unplugged", func() error {
		s.box.Reader.Unplug()
		return nil
	})
	s.sees(PinWhite, station.Quick, "the white lamp blinks quickly: look here")
	s.happens("the scanner is plugged in again", func() error { return s.box.plug(s.ctx) })
	s.scansPart(Stew, "C4", "270430", "4712")
	s.arrives()
}

// does notes something that the operator does, and does it.
func (s *shift) does(text string, comes *Effect, do func() error) {
	if s.err != nil {
		return
	}
	if comes != nil && comes.Told.IsZero() && strings.HasSuffix(comes.text, " open") {
		comes.Told = time.Now()
	}
	s.deeds = append(s.deeds, step{at: time.Now(), text: text, comes: comes})
	s.note(do())
}

// happens notes something that happens to the station.
func (s *shift) happens(text string, do func() error) {
	if s.err != nil {
		return
	}
	s.deeds = append(s.deeds, step{at: time.Now(), text: "· " + text, happens: true})
	s.note(do())
}

// orders lets something go wrong at the plant.
func (s *shift) orders(text string, f plant.Fault) {
	s.happens(text, func() error {
		s.box.Plant.AddFault(f)
		return nil
	})
}

// pushes lets the operator keep a button down for a while. What ought to come of it
// is at the machine SEAL-1; nothing where comes is empty.
func (s *shift) pushes(pin int, d time.Duration, text, comes string) {
	s.does(text, s.fact("SEAL-1", comes), func() error {
		s.box.Push(pin, d)
		return nil
	})
	if comes != "" && s.box.connected() {
		s.arrives()
	}
}

// scans lets the operator scan a label, and waits until it is recorded.
func (s *shift) scans(code, text string, comes *Effect) {
	if s.err != nil {
		return
	}
	before, err := s.scanned()
	s.does(text, comes, func() error { return errors.Join(err, s.box.Scan(code)) })
	s.waits("the scan is recorded", func() bool {
		now, err := s.scanned()
		return err == nil && now > before
	})
}

// scanned returns how many scans this stationd has recorded.
func (s *shift) scanned() (int, error) {
	now, err := s.box.Desk().Snapshot(s.ctx)
	return now.Counts.Events["hand."+station.Scan], err
}

// scansPart lets the operator scan the next part of an order.
func (s *shift) scansPart(article, batch, bestBefore, order string) {
	s.serial++
	p := Part{Article: article, Batch: batch, Serial: fmt.Sprintf("%04d", s.serial), BestBefore: bestBefore}
	text := fmt.Sprintf("scans %s, batch %s, serial %s", dish(article), p.Batch, p.Serial)
	s.scans(p.Symbol(), text, s.fact(order, p.traced()))
}

// traced is a part as a fact.
func (p Part) traced() string {
	day, err := time.Parse("060102", p.BestBefore)
	if err != nil {
		return fmt.Sprintf("%s %s/%s", dish(p.Article), p.Batch, p.Serial)
	}
	return fmt.Sprintf("%s %s/%s, best by %s", dish(p.Article), p.Batch, p.Serial, day.Format(time.DateOnly))
}

// dish is what an article is called.
func dish(article string) string {
	switch article {
	case Soup:
		return "soup"
	case Stew:
		return "stew"
	}
	return article
}

// fact is something that ought to come of a deed; nil where text is empty.
func (s *shift) fact(lane, text string) *Effect {
	if text == "" {
		return nil
	}
	return &Effect{lane: lane, text: text}
}

// arrives waits until everything that was done has come to the plant, and the
// station knows that it has.
func (s *shift) arrives() {
	s.waits("what was done has arrived", func() bool {
		waiting, ok := s.box.Waiting(s.ctx)
		return ok && len(waiting) == 0 && len(s.facts()) >= s.due()
	})
}

// due is how many facts there ought to be by now.
func (s *shift) due() (n int) {
	for _, d := range s.deeds {
		if d.comes != nil {
			n++
		}
	}
	return n
}

// sees lets the operator look at a lamp until it shows what it should.
func (s *shift) sees(pin int, want station.Light, text string) {
	if s.err != nil {
		return
	}
	since := time.Now()
	for _, d := range s.deeds {
		if !d.seen {
			since = d.at // what the operator sees follows what was done
		}
	}
	s.deeds = append(s.deeds, step{at: time.Now(), text: "  " + text, seen: true})
	s.waits(text, func() bool { return s.box.Eyes.Saw(pin, want, since) })
}

// waits waits until something is so. Where it does not come, the last deed is the
// one that was in vain.
func (s *shift) waits(what string, so func() bool) {
	if s.err == nil {
		s.note(Until(s.ctx, what, so))
	}
}

func (s *shift) note(err error) {
	if err == nil || s.err != nil {
		return
	}
	s.err = err
	if len(s.deeds) == 0 {
		s.faults = append(s.faults, err.Error())
		return
	}
	s.deeds[len(s.deeds)-1].wrong = err.Error()
}

// facts returns what took dated at the plant, in the order in which it did.
func (s *shift) facts() []Effect {
	type dated struct {
		Effect
		at time.Time // by the plant's clock
	}
	var all []dated
	for _, d := range s.box.Plant.Dispatches() {
		if d.Made == "changeover" {
			continue // the site's own doing
		}
		told, hazy := TimeOf(d, s.zone)
		all = append(all, dated{Effect{d.Machine, d.Type + " open", told, hazy}, d.Created})
		if !d.Closed.IsZero() {
			all = append(all, dated{Effect{lane: d.Machine, text: d.Type + " closed"}, d.Closed})
		}
	}
	for _, c := range s.box.Plant.Changeovers() {
		all = append(all, dated{Effect{lane: c.Line, text: "changed over to " + c.Product}, c.Started})
	}
	for _, t := range s.box.Plant.Traces() {
		p := Part{Article: t.Article, Batch: t.Batch, Serial: t.Serial}
		if t.BestBefore != 0 {
			p.BestBefore = time.UnixMilli(t.BestBefore).UTC().Format("060102")
		}
		all = append(all, dated{Effect{lane: fmt.Sprint(t.Order), text: p.traced()}, t.At})
	}
	slices.SortStableFunc(all, func(a, b dated) int { return a.at.Compare(b.at) })
	facts := make([]Effect, len(all))
	for i, e := range all {
		facts[i] = e.Effect
	}
	return facts
}

// TimeOf is when a dispatch was called for, as the station told the plant: as its
// reported time, or, while the clock of this computer was never set from outside,
// in its text and to the minute.
//
//	[sd-MFRGGZDFMY] Help needed at pack4-1 (about 2026-03-02 14:03)
func TimeOf(d plant.Dispatch, zone *time.Location) (told time.Time, hazy bool) {
	if _, about, ok := strings.Cut(d.Description, "(about "); ok {
		if told, err := time.ParseInLocation("2006-01-02 15:04)", about, zone); err == nil {
			return told, true
		}
	}
	return d.Reported, false
}

// end ends the shift: the station stops, and its outbox is looked at.
func (s *shift) end() {
	fault := func(err error) {
		if err != nil {
			s.faults = append(s.faults, err.Error())
		}
	}
	fault(s.box.Close())
	fault(queue.VerifyFile(s.box.OutboxPath()))
	c, err := s.box.Contents(s.ctx)
	fault(err)
	for _, e := range c.Entries {
		fault(fmt.Errorf("the outbox still has %s of %s: %s %s", e.Verb, e.Lane, e.Condition, e.Reason))
	}
	if len(c.Kept) != 1 {
		fault(fmt.Errorf("the outbox keeps %d unknown scans, and there was 1", len(c.Kept)))
	}
	for _, complaint := range s.box.Plant.Complaints() {
		fault(fmt.Errorf("the plant complains: %s", complaint))
	}
}
