package gpio

import (
	"cmp"
	"time"

	"stationd/internal/station"
)

const (
	// releaseTime is how long a contact must stay open before a release counts, where
	// nothing else is said. Worn contacts bounce longer when they open than when they
	// close.
	releaseTime = 50 * time.Millisecond

	// stuckTime is how long a button may be down before somebody should look at it.
	stuckTime = time.Minute

	// currentGap is how long an input for alternating current may be without a pulse
	// while its contact is closed: two periods of 50 Hz, so that one pulse may fail.
	currentGap = 40 * time.Millisecond

	// discrepancy is how long the two contacts of one button may disagree. A slow
	// hand passes the place where both are open in less.
	discrepancy = 500 * time.Millisecond
)

// A position is where a button is, as far as its contacts tell.
type position uint8

const (
	up      position = iota // at rest
	down                    // pressed
	between                 // one contact says up and the other down
)

// A contact turns the positions of one button into presses, holds, double presses
// and releases. It reads no clock: whoever owns it feeds it positions with the
// times they were seen, and asks it to settle when everything seen up to some time
// has been fed.
//
// Acceptance is left to settle, and feed never accepts: a run is only as long as
// it is known to have lasted. An edge that has the kernel's time ends the run
// before it, which is settled until then first, however late the edge is read. One
// that has none is dated when it is read, and must not turn the silence before it
// into a press.
//
// A contact begins as one that is down and has been told: what is pressed when
// the station starts is a state and not a press, and only a stable release arms
// the button.
type contact struct {
	debounce time.Duration // of a press
	letGo    time.Duration // and of letting go
	stays    bool          // a switch: its position is told at the start too, and never stuck
	current  bool          // alternating current: pulses are one press as long as they keep coming
	hold     time.Duration
	window   time.Duration // how soon a second press makes a double; 0: nobody asks for doubles
	tellHold bool
	tellUp   bool // a release is told
	late     bool // nothing is told before the button is let go

	pulse    time.Time // current: when the last pulse began
	ended    time.Time // and when it ended; zero while it lasts, or once the contact is known to be open
	seen     position  // last fed
	since    time.Time // when it became so: the first edge of this run
	pressed  time.Time // the first edge of the run that was accepted as down
	down     bool      // accepted: it is pressed, or nobody knows
	odd      bool      // accepted: its two contacts disagree, or have not agreed on rest since
	armed    bool      // it has been seen at rest
	told     bool      // the press that the button is down for needs no more telling
	uneasy   bool      // the position has left the accepted one since it was last stable
	glitches int       // times it left and came back too soon

	first waiting // a press that may yet become a double

	ready [4]happening // what is certain and not asked for yet, oldest first
	count int          // of ready
}

// A waiting press is not told before it is known whether a second one follows.
type waiting struct {
	is      bool
	pressed time.Time
	let     time.Time // when it was let go; zero while it is down
}

// A happening is what a contact came to. Its source is filled in by the board.
type happening struct {
	source, kind string
	at           time.Time
}

// newContact returns a contact that has been pressed or not since now.
func newContact(b Button, now time.Time, pressed bool) contact {
	c := contact{
		debounce: b.Debounce, letGo: cmp.Or(b.Release, releaseTime), current: b.AC, hold: b.Hold,
		tellHold: b.HoldBound, tellUp: b.ReleaseBound, late: b.Wiring == normallyClosed,
		since: now, down: true, pressed: now, told: true,
	}
	if b.DoubleBound {
		c.window = b.Double
	}
	if pressed {
		c.seen = down
	}
	if b.Maintain {
		// It is taken to have been in its other position, so that this one is a change.
		c.stays, c.late, c.armed, c.down = true, false, true, !pressed
	}
	return c
}

// feed takes one level, from an edge or from reading the line.
func (c *contact) feed(at time.Time, pressed bool) {
	switch {
	case c.current && pressed:
		c.pulse, c.ended = at, time.Time{}
	case c.current:
		if c.seen == down && c.ended.IsZero() {
			c.ended = at
		}
		return
	}
	if pressed {
		c.move(at, down)
		return
	}
	c.move(at, up)
}

// opened takes up that pulses have stopped coming: the contact has been open since the
// last one ended.
func (c *contact) opened(now time.Time) {
	if c.current && !c.ended.IsZero() && now.Sub(c.ended) >= currentGap {
		at := c.ended
		c.ended = time.Time{}
		c.move(at, up)
	}
}

// move takes one position. One that is known already changes nothing. A time
// before that of the last change, as of the other one of two contacts, is that
// one's.
func (c *contact) move(at time.Time, to position) {
	if to == c.seen {
		return
	}
	c.seen, c.since = to, later(at, c.since)
	if !c.accepted(to) {
		c.uneasy = true
	}
}

// stir takes that the position was left and taken again before at, and nobody
// knows for how long: what has lasted begins anew.
func (c *contact) stir(at time.Time) { c.since, c.uneasy = later(at, c.since), true }

func later(x, y time.Time) time.Time {
	if x.Before(y) {
		return y
	}
	return x
}

// accepted reports whether a position is what the contact holds to be true. After
// a disagreement only rest is new.
func (c *contact) accepted(p position) bool {
	switch p {
	case down:
		return c.down
	case between:
		return c.odd
	default:
		return !c.down
	}
}

// settle says what is certain at now, when every position seen until then has
// been fed: a station.Press, Hold, Double or Release with the time it happened, or
// "". It is called again after each answer and at next.
func (c *contact) settle(now time.Time) (kind string, at time.Time) {
	if c.count == 0 {
		c.judge(now)
	}
	if c.count == 0 {
		return "", time.Time{}
	}
	h := c.ready[0]
	c.count--
	copy(c.ready[:], c.ready[1:])
	return h.kind, h.at
}

// tell notes what is certain.
func (c *contact) tell(kind string, at time.Time) {
	c.ready[c.count] = happening{kind: kind, at: at}
	c.count++
}

func (c *contact) judge(now time.Time) {
	c.opened(now)
	if c.stable(now) {
		switch {
		case !c.accepted(c.seen):
			c.accept()
		case c.uneasy:
			c.uneasy = false
			c.glitches++
		}
	}
	if c.first.is && !c.second() && now.Sub(c.first.pressed) >= c.window {
		c.single()
	}
	if c.holds() && !c.uneasy && now.Sub(c.pressed) >= c.hold {
		c.told, c.first = true, waiting{}
		c.tell(station.Hold, c.pressed.Add(c.hold))
	}
}

// accept makes the present run the accepted position.
func (c *contact) accept() {
	c.uneasy = false
	switch c.seen {
	case down:
		c.press()
	case between:
		// Which of the two is wrong nobody knows, so the button says nothing until
		// both have been seen at rest.
		c.down, c.odd, c.armed, c.told, c.pressed = true, true, false, true, c.since
	case up:
		c.release()
	}
}

// press takes up that the button is down.
func (c *contact) press() {
	c.down, c.pressed, c.told = true, c.since, true
	if c.first.is && c.pressed.Sub(c.first.pressed) < c.window {
		c.first = waiting{}
		c.tell(station.Double, c.pressed)
		return
	}
	c.single()
	switch {
	case c.tellHold || c.late:
		c.told = false // a release or the hold time will tell which it is
	case c.window > 0:
		c.first = waiting{is: true, pressed: c.pressed}
	default:
		c.tell(station.Press, c.pressed)
	}
}

// release takes up that the button is at rest.
func (c *contact) release() {
	was := *c
	c.down, c.odd, c.armed, c.told = false, false, true, true
	length := c.since.Sub(was.pressed)
	switch {
	case !was.armed:
		return // a state and not a press
	case was.told:
	case c.late && length >= stuckTime:
		return // a wire that was mended, as likely as a hand
	case c.late && c.tellHold && length >= c.hold:
		c.tell(station.Hold, was.pressed.Add(c.hold))
	case c.window > 0:
		c.first = waiting{is: true, pressed: was.pressed}
	default:
		c.tell(station.Press, was.pressed)
	}
	switch {
	case c.first.is:
		c.first.let = c.since
	case c.tellUp:
		c.tell(station.Release, c.since)
	}
}

// single tells the press that waited in vain for a second one.
func (c *contact) single() {
	if !c.first.is {
		return
	}
	c.tell(station.Press, c.first.pressed)
	if c.tellUp && !c.first.let.IsZero() {
		c.tell(station.Release, c.first.let)
	}
	c.first = waiting{}
}

// second reports whether a second press that is in time has begun and may yet be
// accepted.
func (c *contact) second() bool {
	return c.seen == down && !c.down && c.since.Sub(c.first.pressed) < c.window
}

// holds reports whether the button may yet be told to be held while it is down.
func (c *contact) holds() bool { return c.down && !c.told && c.tellHold && !c.late }

// next returns when settle may have something new to say without another position
// being fed; ok is false when it has not.
func (c *contact) next() (at time.Time, ok bool) {
	sooner := func(t time.Time) {
		if !ok || t.Before(at) {
			at, ok = t, true
		}
	}
	switch {
	case c.seen == down && !c.ended.IsZero(): // the next pulse will tell, or that there is none
	case !c.accepted(c.seen) || c.uneasy:
		sooner(c.since.Add(c.stableTime()))
	case c.holds():
		sooner(c.pressed.Add(c.hold))
	}
	if c.first.is && !c.second() {
		sooner(c.first.pressed.Add(c.window))
	}
	if !c.ended.IsZero() {
		sooner(c.ended.Add(currentGap))
	}
	return at, ok
}

// stuck returns how long the button has been down, when that is too long.
func (c *contact) stuck(now time.Time) (time.Duration, bool) {
	if !c.down || c.odd || c.stays || c.seen != down {
		return 0, false
	}
	length := now.Sub(c.pressed)
	return length, length >= stuckTime
}

// stable reports whether the position has lasted long enough. Between two pulses of
// alternating current it has lasted as long as the last of them shows.
func (c *contact) stable(now time.Time) bool {
	if c.current && c.seen == down && !c.ended.IsZero() && c.ended.Before(now) {
		now = later(c.pulse, c.since)
	}
	return now.Sub(c.since) >= c.stableTime()
}

func (c *contact) stableTime() time.Duration {
	switch c.seen {
	case down:
		return c.debounce
	case between:
		return discrepancy
	default:
		return c.letGo
	}
}
