package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stationd/internal/station"
)

const (
	// sameRefusals is how many refusals in a row, and a read that is refused as well, make
	// the key suspect where requests have been accepted before and reads never were.
	sameRefusals = 3

	// mostRefusals bounds the refusals that are taken back when it was the key.
	mostRefusals = 1000

	// mostAnswers is how many tries at an entry in a row may be answered in a way that
	// decides nothing, before it is held. After each but the first a read must show
	// that the vendor is well otherwise.
	mostAnswers = 5

	// unreadableTime is for how long an entry is tried where nothing of the vendor can
	// be read, before it is held.
	unreadableTime = 4 * time.Hour

	// unreadableWait is the longest distance between two tries that are answered with
	// something nobody can read.
	unreadableWait = 5 * time.Minute
)

// A keyRecord is what memory knows of how a backend takes its key.
type keyRecord struct {
	wrong   bool         // it is, or was when last asked: nothing is sent before a read works
	reads   bool         // a read was answered with it
	writes  bool         // a request was accepted with it
	recheck bool         // somebody has changed the configuration since: a read tells whether these were held for the key
	refused []station.ID // held since the last that was accepted, while reads were refused too
}

// answered reports whether the vendor answered, and the answer decides nothing.
func answered(rc station.Receipt) bool {
	return errors.Is(rc.Err, station.ErrUnreadable) || errors.Is(rc.Err, station.ErrFailed)
}

// judge looks behind an answer that would stop more than its own entry, or its own
// lane for ever: one read tells whether the vendor is well otherwise. It returns the
// receipt that is to be taken up instead.
func (w worker) judge(ctx context.Context, t *turn, rc station.Receipt) (station.Receipt, error) {
	prober, can := w.backend.(station.Prober)
	switch {
	case rc.Outcome == station.Delivered:
		return rc, w.noteAccepted(ctx, prober)
	case !can, t.enough:
	case errors.Is(rc.Err, station.ErrKey):
		return w.judgeKey(ctx, t, prober, rc)
	case rc.Holds() == station.HoldRefused:
		return w.judgeRefusal(ctx, t, prober, rc)
	case errors.Is(rc.Err, station.ErrNotShown):
		return rc, w.judgeRefusedLook(ctx, t, prober)
	case answered(rc):
		return w.judgeAnswer(ctx, t, prober, rc)
	}
	return rc, nil
}

// judgeKey asks whether it is the key that was refused, or this one thing.
func (w worker) judgeKey(ctx context.Context, t *turn, prober station.Prober, rc station.Receipt) (station.Receipt, error) {
	probe := prober.Probe(ctx)
	switch {
	case probe.Outcome == 0: // it can be asked nothing, so that its own word counts
		return rc, nil
	case probe.Outcome == station.Refused, errors.Is(probe.Err, station.ErrKey):
		return rc, w.noteWrongKey()
	case probe.Outcome != station.Delivered:
		rc.Err = fmt.Errorf("%v; whether it is the key nobody knows: %v", rc.Err, probe.Err) //nolint:errorlint // it must not be taken for a proof
		return rc, nil
	}
	if err := w.noteGoodKey(); err != nil {
		return rc, err
	}
	switch {
	case !errors.Is(rc.Err, station.ErrForbidden):
		rc.Err = fmt.Errorf("%w: %v; and a read is answered", station.ErrFailed, rc.Err) //nolint:errorlint // it is not the key
		return w.judgeAnswer(ctx, t, prober, rc)
	case t.delivery.Doubtful:
		return undecided("whether the earlier attempt arrived is not shown: %v", rc.Err), nil
	}
	return refused("the key is good for reading, and not for this: %v", rc.Err), nil
}

// judgeRefusal asks whether it is the request that was refused, or the key: some vendors
// answer a key that they do not know with a plain no.
func (w worker) judgeRefusal(ctx context.Context, t *turn, prober station.Prober, rc station.Receipt) (station.Receipt, error) {
	probe := prober.Probe(ctx)
	if probe.Outcome == station.Delivered {
		return rc, w.noteGoodKey()
	}
	if probe.Outcome != station.Refused && !errors.Is(probe.Err, station.ErrKey) {
		return rc, nil
	}
	w.mu.Lock()
	k := w.schedule.keys[w.name]
	if probe.Outcome == station.Refused && k.writes && !k.reads && len(k.refused)+1 < sameRefusals {
		// The key may have no right to read, and be good for everything else.
		w.noteSuspect(t.entry.ID)
		w.mu.Unlock()
		return rc, nil
	}
	w.mu.Unlock()
	err := w.noteWrongKey()
	return station.Receipt{Outcome: station.Unreached,
		Err: fmt.Errorf("%w? a request and a read were refused alike: %v", station.ErrKey, rc.Err)}, err //nolint:errorlint // nobody has judged it
}

// judgeRefusedLook looks behind a look that was refused, so that its entry is held: where no
// read is answered it may be the key. Nobody has said no to anything that would change
// something, so that nothing waits for it.
func (w worker) judgeRefusedLook(ctx context.Context, t *turn, prober station.Prober) error {
	probe := prober.Probe(ctx)
	switch {
	case probe.Outcome == station.Delivered:
		return w.noteGoodKey()
	case probe.Outcome == station.Refused, errors.Is(probe.Err, station.ErrKey):
		w.mu.Lock()
		defer w.mu.Unlock()
		w.noteSuspect(t.entry.ID)
	}
	return nil
}

// noteSuspect notes an entry that is held while reads are refused as well. The caller holds
// mu.
func (w worker) noteSuspect(id station.ID) {
	k := w.schedule.keys[w.name]
	k.refused = append(k.refused[max(0, len(k.refused)+1-mostRefusals):], id)
	w.schedule.keys[w.name] = k
}

// noteAccepted notes that a request was accepted with the key. Where others were refused
// before, and reads with them, a read tells whether it was the key: it may be another
// since.
func (w worker) noteAccepted(ctx context.Context, prober station.Prober) error {
	w.mu.Lock()
	k := w.schedule.keys[w.name]
	k.writes = true
	w.schedule.keys[w.name] = k
	w.mu.Unlock()
	if len(k.refused) == 0 {
		return nil
	}
	if prober.Probe(ctx).Outcome == station.Delivered {
		return w.noteGoodKey()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	k = w.schedule.keys[w.name]
	k.refused = nil // it may write and not read
	w.schedule.keys[w.name] = k
	return nil
}

// checkHeldForKey asks, after the configuration was changed, whether what is held was held for
// the key. It reports whether there was anything to ask.
func (w worker) checkHeldForKey(ctx context.Context) (asked bool, err error) {
	w.mu.Lock()
	k := w.schedule.keys[w.name]
	asked, k.recheck = k.recheck, false
	w.schedule.keys[w.name] = k
	w.mu.Unlock()
	prober, can := w.backend.(station.Prober)
	if asked && can && prober.Probe(ctx).Outcome == station.Delivered {
		err = w.noteGoodKey()
	}
	return asked, err
}

// noteGoodKey notes that a read was answered: the key is good. What was held while reads were
// refused as well goes back to wait: the key was another then, and nobody has judged it.
func (w worker) noteGoodKey() error {
	w.mu.Lock()
	k := w.schedule.keys[w.name]
	k.reads, k.wrong = true, false
	w.schedule.keys[w.name] = k
	w.mu.Unlock()
	if len(k.refused) == 0 {
		return nil
	}
	return w.write(func(b *batch) error { return b.retrySuspects(w.name) })
}

// noteWrongKey notes that the key is wrong. What was held because of it goes back to
// wait, for nobody has judged it.
func (w worker) noteWrongKey() error {
	return w.write(func(b *batch) error {
		k := w.schedule.keys[w.name]
		k.wrong = true
		w.schedule.keys[w.name] = k
		return b.retrySuspects(w.name)
	})
}

// retrySuspects has everything that was held while reads were refused as well wait again.
func (b *batch) retrySuspects(backend string) error {
	k := b.o.schedule.keys[backend]
	suspects := k.refused
	k.refused = nil
	b.o.schedule.keys[backend] = k
	for _, id := range suspects {
		l, at, err := b.find(id)
		if err != nil {
			continue // a person was quicker
		}
		if i := l.find(at); i >= 0 && l.slots[i].held {
			if err := b.retry(l, at, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// keyWorks asks, while the key is known to be wrong, whether it still is, before
// anything is sent with it: a vendor that tells a wrong key with a plain no would
// refuse one entry after the other.
func (w worker) keyWorks(ctx context.Context) (works bool, err error) {
	w.mu.Lock()
	wrong := w.schedule.keys[w.name].wrong
	w.mu.Unlock()
	prober, can := w.backend.(station.Prober)
	if !wrong || !can {
		return true, nil
	}
	rc := prober.Probe(ctx)
	if rc.Outcome == station.Delivered {
		return true, w.noteGoodKey()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if rc.Outcome == station.Refused {
		rc = station.Receipt{Outcome: station.Unreached, Err: fmt.Errorf("%w? a read is refused: %v", station.ErrKey, rc.Err)} //nolint:errorlint // nobody has judged it
	}
	w.schedule.noteContact(w.name, rc, false)
	if errors.Is(rc.Err, station.ErrKey) {
		w.schedule.pause(w.name, keyWait)
	} else {
		w.schedule.pause(w.name, backOff(3))
	}
	w.publish()
	return false, nil
}

// judgeAnswer counts an answer that decides nothing. Where the vendor is well
// otherwise it is the entry that it cannot take: it is looked at once more, and then
// held, so that its lane goes on. Where nothing of the vendor can be read it is
// tried for a long time.
func (w worker) judgeAnswer(ctx context.Context, t *turn, prober station.Prober, rc station.Receipt) (station.Receipt, error) {
	w.mu.Lock()
	first := t.lane.attempt.answers == 0
	w.mu.Unlock()
	well := first
	if !first && !rc.Final {
		probe := prober.Probe(ctx)
		well = probe.Outcome == station.Delivered || probe.Outcome == station.Refused
		if errors.Is(probe.Err, station.ErrKey) {
			rc.Err = fmt.Errorf("%w; before that: %v", probe.Err, rc.Err) //nolint:errorlint // it is the key
			return rc, w.noteWrongKey()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	a := &t.lane.attempt
	if a.answeredSince.IsZero() {
		a.answeredSince = time.Now()
	}
	if a.answers++; !well {
		a.answers = 1 // it was the vendor, and not the entry
	}
	if !a.lookOnly {
		a.answer = inARow(rc.Err, a.answers)
	}
	doubtful := t.delivery.Doubtful || rc.Outcome == station.Doubtful
	long := errors.Is(rc.Err, station.ErrUnreadable) && time.Since(a.answeredSince) >= unreadableTime
	switch {
	case rc.Final && doubtful:
	case a.answers < mostAnswers && !long:
		return rc, nil
	case !doubtful:
		return refused("%s; nothing was sent", inARow(rc.Err, a.answers)), nil
	case a.lookOnly:
		return undecided("%s; and since then: %v", a.answer, rc.Err), nil
	}
	a.lookOnly, a.answers = true, 0
	return rc, nil
}

// inARow says how often an answer came.
func inARow(err error, times int) string {
	if times == 1 {
		return err.Error()
	}
	return fmt.Sprintf("%v (%d times in a row)", err, times)
}

// triedEnough says that an entry was tried as often as it may be, with what came of
// it. Where it has left no trace it is held, and not sent again.
func (w worker) triedEnough(t *turn) (rc station.Receipt, enough bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := t.lane.attempt
	return refused("%s; and the vendor's records show no trace of it", a.answer), a.lookOnly
}

func refused(format string, args ...any) station.Receipt {
	return station.Receipt{Outcome: station.Refused, Err: fmt.Errorf(format, args...)}
}

func undecided(format string, args ...any) station.Receipt {
	return station.Receipt{Outcome: station.Doubtful, Err: fmt.Errorf("%w: %s", station.ErrUndecided, fmt.Sprintf(format, args...))}
}
