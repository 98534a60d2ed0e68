package scanner

import (
	"errors"
	"testing"
	"time"
)

// next waits for the next status of a scanner.
func next(t *testing.T, statuses <-chan Status) Status {
	t.Helper()
	select {
	case s := <-statuses:
		return s
	case <-time.After(limit):
		t.Fatal("nothing was seen of the scanner")
		return Status{}
	}
}

func TestWhoLooksOnSeesAScannerInUseThenReadThenUnpluggedByKind(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	other, err := openPort(c.path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	b := prepare(t, Config{Port: c.path})
	statuses := make(chan Status, 100)
	b.Observe(func(s Status) { statuses <- s })
	b.start(t)
	if s := next(t, statuses); s.Kind != NotReady || !errors.Is(s.Err, ErrInUse) || errors.Is(s.Err, ErrNotThere) {
		t.Errorf("while another program has the port: %+v", s)
	}
	other.close()
	if s := next(t, statuses); s.Kind != Ready || s.Port != c.path {
		t.Errorf("when it is free: %+v", s)
	}
	c.unplug(t)
	if s := next(t, statuses); s.Kind != NotReady || s.Err == nil {
		t.Errorf("when it is unplugged: %+v", s)
	}
}

func TestWhoLooksOnSeesThatAScanWasDropped(t *testing.T) {
	t.Parallel()
	b, hands := typingInto(t, Config{}, 1)
	statuses := make(chan Status, 100)
	b.Observe(func(s Status) { statuses <- s })
	b.start(t)
	if s := next(t, statuses); s.Kind != Ready {
		t.Errorf("at first: %+v", s)
	}
	b.waitForLog(t, "scanner ready")
	hands[0].strike(strokes(t, "p 1 f8 2 enter")...)
	if s := next(t, statuses); s.Kind != Dropped || s.Err == nil {
		t.Errorf("after a key without a character: %+v", s)
	}
}
