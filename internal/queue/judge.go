package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stationd/internal/station"
)

// This file decides what is at fault when a vendor refuses an entry or answers with an error:
// the entry alone, the key, or the vendor as a whole. One read of the vendor's (a probe)
// tells them apart. A bad entry is held and its lane goes on; for a bad key all wait.

const (
	// sameRefusals is how many refusals in a row, each with a refused probe, it takes until
	// the key is taken for wrong, if it was good for requests before and never for a read:
	// such a key may have no right to read.
	sameRefusals = 3

	// mostRefusals is how many refused entries are remembered at most, to be retried when it
	// turns out that the key was wrong.
	mostRefusals = 1000

	// mostAnswers is how many tries at an entry in a row may be answered with an error that
	// says neither yes nor no, before the entry is held. They count only while a probe, after
	// each but the first, shows that the vendor answers other requests.
	mostAnswers = 5

	// unreadableTime is for how long an entry is tried while no answer of the vendor can be
	// read, before it is held.
	unreadableTime = 4 * time.Hour

	// unreadableWait is the longest wait between two such tries.
	unreadableWait = 5 * time.Minute
)

// A keyRecord is what is known of a backend's key since the process started.
type keyRecord struct {
	wrong   bool         // it was refused when it was last tried: nothing is sent until a probe is answered
	reads   bool         // a read was answered with it
	writes  bool         // a request was accepted with it
	recheck bool         // the configuration was changed since: a probe is due, for which refused may be retried
	refused []station.ID // entries held since the last that was accepted, while probes were refused as well
}

// answered reports whether the vendor answered, but with neither yes nor no.
func answered(rc station.Receipt) bool {
	return errors.Is(rc.Err, station.ErrUnreadable) || errors.Is(rc.Err, station.ErrFailed)
}

// judge finds out what is at fault by the answer to an attempt, and returns the receipt that
// counts: the one it was given, or one that says what was found.
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

// judgeKey asks by a probe whether the key was refused altogether, or for this one request.
func (w worker) judgeKey(ctx context.Context, t *turn, prober station.Prober, rc station.Receipt) (station.Receipt, error) {
	probe := prober.Probe(ctx)
	switch {
	case probe.Outcome == 0: // this vendor has no read to probe it with: what it said counts
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
		return undecided("not-shown", rc.Err, "whether the earlier attempt arrived is not shown: %v", rc.Err), nil
	}
	return refused("not-allowed", rc.Err, "the key is good for reading, and not for this: %v", rc.Err), nil
}

// judgeRefusal asks by a probe whether it was the request that was refused, or the key: some
// vendors refuse a request with an unknown key as they refuse any other.
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

// judgeRefusedLook asks by a probe whether it was the key where a look-up was refused, so
// that its entry is held. The key is only suspected: no request that would change something
// was refused, so the other entries go on.
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

// noteAccepted notes that a request was accepted with the key. Where entries and probes were
// refused before, another probe tells whether that was for the key, which may have been
// replaced or given more rights since.
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
	k.refused = nil // the key may write and not read: it was not why they were refused
	w.schedule.keys[w.name] = k
	return nil
}

// takeRecheck reports whether a probe is due after a change of the configuration. It is then
// due no more.
func (w worker) takeRecheck() (due bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.schedule.keys[w.name]
	if due, k.recheck = k.recheck, false; due {
		w.schedule.keys[w.name] = k
	}
	return due
}

// checkHeldForKey makes that probe: where it is answered, what was refused with the key before
// is retried.
func (w worker) checkHeldForKey(ctx context.Context) error {
	if prober, can := w.backend.(station.Prober); can && prober.Probe(ctx).Outcome == station.Delivered {
		return w.noteGoodKey()
	}
	return nil
}

// noteGoodKey notes that a probe was answered: the key is good. What was refused while probes
// were refused as well is retried: the key was wrong then, and the vendor has not judged it.
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

// noteWrongKey notes that the key is wrong. What was refused because of it waits again, for
// the vendor has not judged it.
func (w worker) noteWrongKey() error {
	return w.write(func(b *batch) error {
		k := w.schedule.keys[w.name]
		k.wrong = true
		w.schedule.keys[w.name] = k
		return b.retrySuspects(w.name)
	})
}

// retrySuspects retries every entry that was refused while probes were refused as well.
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

// keyWorks probes a key that is known to be wrong before anything is sent with it: a vendor
// that refuses a wrong key like any other request would have one entry after the other held.
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

// judgeAnswer counts answers that say neither yes nor no. While probes are answered it is the
// entry that the vendor cannot handle: after mostAnswers it is looked up once more, and then
// held, so that its lane goes on. While no answer can be read at all, it is tried for
// unreadableTime.
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
		a.answers = 1 // the vendor fails at everything: the count begins again
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
		return refused("answers", rc.Err, "%s; nothing was sent", inARow(rc.Err, a.answers)), nil
	case a.lookOnly:
		return undecided("answers", rc.Err, "%s; and since then: %v", a.answer, rc.Err), nil
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

// triedEnough reports whether an entry that has certainly not arrived was tried as often as
// it may be, and returns the receipt with which it is then held.
func (w worker) triedEnough(t *turn) (rc station.Receipt, enough bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := t.lane.attempt
	return refused("no-trace", nil, "%s; and the vendor's records show no trace of it", a.answer), a.lookOnly
}

// refused is the receipt of an entry that is held because the vendor goes on answering as
// cause says; kind is that of its station.Reason.
func refused(kind string, cause error, format string, args ...any) station.Receipt {
	return station.Receipt{Outcome: station.Refused, Err: judged(fmt.Errorf(format, args...), kind, cause)}
}

// undecided is refused for an entry that may have arrived.
func undecided(kind string, cause error, format string, args ...any) station.Receipt {
	return station.Receipt{Outcome: station.Doubtful, Err: judged(fmt.Errorf("%w: %s", station.ErrUndecided, fmt.Sprintf(format, args...)), kind, cause)}
}

// A judgement is an error with the reason for it. The cause is no part of the error: it is
// not to be judged again.
type judgement struct {
	error
	why station.Reason
}

func (j judgement) Unwrap() error       { return j.error }
func (j judgement) Why() station.Reason { return j.why }

// judged gives an error a reason, with what the vendor said in the cause.
func judged(err error, kind string, cause error) error {
	why := station.Reason{Kind: kind}
	if of := station.ReasonOf(cause); of != nil {
		why.Quote = of.Quote
	}
	return judgement{err, why}
}
