package gpio

import (
	"cmp"
	"time"

	"stationd/internal/station"
)

const (
	// defaultRelease is how long a contact must stay open before a release counts, where
	// nothing else is said. Worn contacts bounce longer when they open than when they
	// close.
	defaultRelease = 50 * time.Millisecond

	// stuckTime is how long a button may be down before somebody should look at it.
	stuckTime = time.Minute

	// pulseGap is how long an input for alternating current may be without a pulse
	// while its contact is closed: two periods of 50 Hz, so that one pulse may fail.
	pulseGap = 40 * time.Millisecond

	// discrepancyTime is how long the two contacts of one button may disagree. A slow
	// hand passes the place where both are open in less.
	discrepancyTime = 500 * time.Millisecond
)

// A position is where a button is, by what its contacts say.
type position uint8

const (
	up      position = iota // at rest
	down                    // pressed
	between                 // one contact says up and the other down
)

// A contact debounces one button: it turns the button's positions into presses, holds,
// double presses and releases. It is a pure state machine that reads no clock. Its owner
// feeds it each position with the time at which it began, and calls settle when
// everything up to some time has been fed.
//
// A run is the time for which a position lasts without a change. Only settle accepts a
// run as a press or a release, and feed never does: a run is only as long as it is known
// to have lasted. An edge that has the kernel's time ends the run before it, which is
// settled until then first, however late the edge is read. One that has none is dated
// when it is read, and must not turn the silence before it into a press.
//
// A contact begins as pressed and already reported: what is pressed when the station
// starts is a state and not a press, and only a stable release arms the button.
type contact struct {
	debounce      time.Duration // how long a press must be stable
	releaseTime   time.Duration // how long a release must be stable
	maintained    bool          // a switch: its position is reported at the start too, and never stuck
	alternating   bool          // alternating current: pulses are one press as long as they keep coming
	hold          time.Duration
	doubleWindow  time.Duration // how soon a second press makes a double; 0: no binding has one
	reportHold    bool
	reportRelease bool // a release is reported
	atRelease     bool // nothing is reported before the button is let go

	pulseBegan  time.Time // alternating: when the last pulse began
	pulseEnded  time.Time // when it ended; zero while it lasts, or once the contact is known to be open
	seen        position  // fed last
	since       time.Time // when it became so: the first edge of this run
	pressed     time.Time // the first edge of the run that was accepted as down
	down        bool      // accepted: it is pressed, or that is not known
	disagreeing bool      // accepted: its two contacts disagree, or have not both been at rest since
	armed       bool      // it has been seen at rest
	reported    bool      // nothing is left to report of the press that the button is down for
	unsettled   bool      // the position has left the accepted one since it was last stable
	glitches    int       // times it left and came back too soon

	firstPress pendingPress // a press that may yet become a double

	pending      [4]transition // what is certain and settle has not returned yet, oldest first
	pendingCount int           // how many of pending are used
}

// A pendingPress is not reported before it is known whether a second press follows.
type pendingPress struct {
	is       bool // there is one
	pressed  time.Time
	released time.Time // when it was let go; zero while it is down
}

// A transition is a press, hold, double or release of a button (station.Press and its
// kin), with the time at which it happened.
type transition struct {
	source, kind string
	at           time.Time
}

// newContact returns a contact that has been pressed or not since now.
func newContact(b Button, now time.Time, pressed bool) contact {
	c := contact{
		debounce: b.Debounce, releaseTime: cmp.Or(b.Release, defaultRelease), alternating: b.AC, hold: b.Hold,
		reportHold: b.HoldBound, reportRelease: b.ReleaseBound, atRelease: b.Wiring == normallyClosed,
		since: now, down: true, pressed: now, reported: true,
	}
	if b.DoubleBound {
		c.doubleWindow = b.Double
	}
	if pressed {
		c.seen = down
	}
	if b.Maintained {
		// It is taken to have been in its other position, so that this one is a change.
		c.maintained, c.atRelease, c.armed, c.down = true, false, true, !pressed
	}
	return c
}

// feed takes one level, from an edge or from reading the line.
func (c *contact) feed(at time.Time, pressed bool) {
	switch {
	case c.alternating && pressed:
		c.pulseBegan, c.pulseEnded = at, time.Time{}
	case c.alternating:
		if c.seen == down && c.pulseEnded.IsZero() {
			c.pulseEnded = at
		}
		return
	}
	if pressed {
		c.moveTo(at, down)
		return
	}
	c.moveTo(at, up)
}

// endPulses opens the contact once the pulses of alternating current have stopped: it has
// been open since the last one ended.
func (c *contact) endPulses(now time.Time) {
	if c.alternating && !c.pulseEnded.IsZero() && now.Sub(c.pulseEnded) >= pulseGap {
		at := c.pulseEnded
		c.pulseEnded = time.Time{}
		c.moveTo(at, up)
	}
}

// moveTo begins a run of another position. The position that it has already changes
// nothing. A time before the last change, as that of the other of two contacts may be,
// counts as the time of that change.
func (c *contact) moveTo(at time.Time, to position) {
	if to == c.seen {
		return
	}
	c.seen, c.since = to, later(at, c.since)
	if !c.accepted(to) {
		c.unsettled = true
	}
}

// restartRun begins the present run anew at a time before which the position was left
// for nobody knows how long.
func (c *contact) restartRun(at time.Time) { c.since, c.unsettled = later(at, c.since), true }

func later(x, y time.Time) time.Time {
	if x.Before(y) {
		return y
	}
	return x
}

// accepted reports whether a position is the accepted one. After a disagreement only
// rest is new.
func (c *contact) accepted(p position) bool {
	switch p {
	case down:
		return c.down
	case between:
		return c.disagreeing
	default:
		return !c.down
	}
}

// settle returns one transition that is certain at now, when every position until then
// has been fed: a station.Press, Hold, Double or Release and the time at which it
// happened; "" where there is none. Call it again until there is none, and at next.
func (c *contact) settle(now time.Time) (kind string, at time.Time) {
	if c.pendingCount == 0 {
		c.evaluate(now)
	}
	if c.pendingCount == 0 {
		return "", time.Time{}
	}
	h := c.pending[0]
	c.pendingCount--
	copy(c.pending[:], c.pending[1:])
	return h.kind, h.at
}

// report notes a transition that is certain.
func (c *contact) report(kind string, at time.Time) {
	c.pending[c.pendingCount] = transition{kind: kind, at: at}
	c.pendingCount++
}

// evaluate accepts what has lasted long enough at now, and reports what follows from it.
func (c *contact) evaluate(now time.Time) {
	c.endPulses(now)
	if c.stable(now) {
		switch {
		case !c.accepted(c.seen):
			c.accept()
		case c.unsettled:
			c.unsettled = false
			c.glitches++
		}
	}
	if c.firstPress.is && !c.secondBegun() && now.Sub(c.firstPress.pressed) >= c.doubleWindow {
		c.reportSingle()
	}
	if c.mayHold() && !c.unsettled && now.Sub(c.pressed) >= c.hold {
		c.reported, c.firstPress = true, pendingPress{}
		c.report(station.Hold, c.pressed.Add(c.hold))
	}
}

// accept makes the present run the accepted position.
func (c *contact) accept() {
	c.unsettled = false
	switch c.seen {
	case down:
		c.press()
	case between:
		// Which of the two is wrong nobody knows, so the button says nothing until
		// both have been seen at rest.
		c.down, c.disagreeing, c.armed, c.reported, c.pressed = true, true, false, true, c.since
	case up:
		c.release()
	}
}

// press accepts that the button is down.
func (c *contact) press() {
	c.down, c.pressed, c.reported = true, c.since, true
	if c.firstPress.is && c.pressed.Sub(c.firstPress.pressed) < c.doubleWindow {
		c.firstPress = pendingPress{}
		c.report(station.Double, c.pressed)
		return
	}
	c.reportSingle()
	switch {
	case c.reportHold || c.atRelease:
		c.reported = false // a release or the hold time decides which it is
	case c.doubleWindow > 0:
		c.firstPress = pendingPress{is: true, pressed: c.pressed}
	default:
		c.report(station.Press, c.pressed)
	}
}

// release accepts that the button is at rest.
func (c *contact) release() {
	was := *c
	c.down, c.disagreeing, c.armed, c.reported = false, false, true, true
	length := c.since.Sub(was.pressed)
	switch {
	case !was.armed:
		return // a state and not a press
	case was.reported:
	case c.atRelease && length >= stuckTime:
		return // a wire that was mended, as likely as a hand
	case c.atRelease && c.reportHold && length >= c.hold:
		c.report(station.Hold, was.pressed.Add(c.hold))
	case c.doubleWindow > 0:
		c.firstPress = pendingPress{is: true, pressed: was.pressed}
	default:
		c.report(station.Press, was.pressed)
	}
	switch {
	case c.firstPress.is:
		c.firstPress.released = c.since
	case c.reportRelease:
		c.report(station.Release, c.since)
	}
}

// reportSingle reports the pending press as one that no second one followed.
func (c *contact) reportSingle() {
	if !c.firstPress.is {
		return
	}
	c.report(station.Press, c.firstPress.pressed)
	if c.reportRelease && !c.firstPress.released.IsZero() {
		c.report(station.Release, c.firstPress.released)
	}
	c.firstPress = pendingPress{}
}

// secondBegun reports whether a second press has begun in time and may yet be accepted.
func (c *contact) secondBegun() bool {
	return c.seen == down && !c.down && c.since.Sub(c.firstPress.pressed) < c.doubleWindow
}

// mayHold reports whether a hold may yet be reported while the button is down.
func (c *contact) mayHold() bool { return c.down && !c.reported && c.reportHold && !c.atRelease }

// next returns when settle may have a transition without another position being fed; ok
// is false where only a position can bring one.
func (c *contact) next() (at time.Time, ok bool) {
	sooner := func(t time.Time) {
		if !ok || t.Before(at) {
			at, ok = t, true
		}
	}
	switch {
	case c.seen == down && !c.pulseEnded.IsZero(): // it is over or goes on when the pulse gap has passed
	case !c.accepted(c.seen) || c.unsettled:
		sooner(c.since.Add(c.stableTime()))
	case c.mayHold():
		sooner(c.pressed.Add(c.hold))
	}
	if c.firstPress.is && !c.secondBegun() {
		sooner(c.firstPress.pressed.Add(c.doubleWindow))
	}
	if !c.pulseEnded.IsZero() {
		sooner(c.pulseEnded.Add(pulseGap))
	}
	return at, ok
}

// stuck returns how long the button has been down, when that is too long.
func (c *contact) stuck(now time.Time) (time.Duration, bool) {
	if !c.down || c.disagreeing || c.maintained || c.seen != down {
		return 0, false
	}
	length := now.Sub(c.pressed)
	return length, length >= stuckTime
}

// stable reports whether the position has lasted long enough. Between two pulses of
// alternating current it has lasted as long as the last of them shows.
func (c *contact) stable(now time.Time) bool {
	if c.alternating && c.seen == down && !c.pulseEnded.IsZero() && c.pulseEnded.Before(now) {
		now = later(c.pulseBegan, c.since)
	}
	return now.Sub(c.since) >= c.stableTime()
}

func (c *contact) stableTime() time.Duration {
	switch c.seen {
	case down:
		return c.debounce
	case between:
		return discrepancyTime
	default:
		return c.releaseTime
	}
}
