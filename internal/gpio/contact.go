package gpio

import (
	"time"

	"stationd/internal/station"
)

const (
	// releaseTime is how long a contact must stay open before a release counts.
	// Worn contacts bounce longer when they open than when they close.
	releaseTime = 50 * time.Millisecond

	// stuckTime is how long a button may be down before somebody should look at it.
	stuckTime = time.Minute
)

// A contact turns the levels of one button into presses and holds. It reads no
// clock: whoever owns it feeds it levels with the times they were seen, and asks
// it to settle when everything seen up to some time has been fed.
//
// Acceptance is left to settle, and feed never accepts: edges reach this process
// without a time of their own, so an edge that is seen late must not turn the
// silence before it into a press.
//
// A contact begins as one that is down and has been told: what is pressed when
// the station starts is a state and not a press, and only a stable release arms
// the button.
type contact struct {
	debounce  time.Duration // of a press; a release takes releaseTime
	hold      time.Duration
	holdBound bool

	active   bool      // the level last fed
	since    time.Time // when it became so: the first edge of this run
	down     bool      // the level last accepted
	pressed  time.Time // the first edge of the run that was accepted as down
	told     bool      // the press that the button is down for needs no more telling
	uneasy   bool      // the level has left the accepted one since it was last stable
	glitches int       // times it left and came back too soon
}

// newContact returns a contact that has been active or not since now.
func newContact(b Button, now time.Time, active bool) contact {
	return contact{
		debounce: b.Debounce, hold: b.Hold, holdBound: b.HoldBound,
		active: active, since: now, down: true, pressed: now, told: true,
	}
}

// feed takes one level, from an edge or from reading the line. A level that is
// known already changes nothing. Times must not run backwards.
func (c *contact) feed(at time.Time, active bool) {
	if active == c.active {
		return
	}
	c.active, c.since = active, at
	if active != c.down {
		c.uneasy = true
	}
}

// settle says what is certain at now, when every level seen until then has been
// fed: a station.Press or a station.Hold with the time it happened, or "". It is
// called again after each answer and at next.
func (c *contact) settle(now time.Time) (kind string, at time.Time) {
	if c.stable(now) {
		if c.active != c.down {
			return c.accept()
		}
		if c.uneasy {
			c.uneasy = false
			c.glitches++
		}
	}
	if c.down && !c.told && !c.uneasy && now.Sub(c.pressed) >= c.hold {
		c.told = true
		return station.Hold, c.pressed.Add(c.hold)
	}
	return "", time.Time{}
}

// accept makes the present run the accepted level.
func (c *contact) accept() (kind string, at time.Time) {
	c.down, c.uneasy = c.active, false
	if c.down {
		c.pressed, c.told = c.since, false
		if c.holdBound {
			return "", time.Time{} // a release or the hold time will tell which it is
		}
	}
	if c.told {
		return "", time.Time{}
	}
	c.told = true
	return station.Press, c.pressed
}

// next returns when settle may have something new to say without another level
// being fed; ok is false when it has not.
func (c *contact) next() (at time.Time, ok bool) {
	switch {
	case c.active != c.down || c.uneasy:
		return c.since.Add(c.stableTime()), true
	case c.down && !c.told:
		return c.pressed.Add(c.hold), true
	}
	return time.Time{}, false
}

// stuck returns how long the button has been down, when that is too long.
func (c *contact) stuck(now time.Time) (time.Duration, bool) {
	if !c.down || !c.active {
		return 0, false
	}
	down := now.Sub(c.pressed)
	return down, down >= stuckTime
}

func (c *contact) stable(now time.Time) bool { return now.Sub(c.since) >= c.stableTime() }

func (c *contact) stableTime() time.Duration {
	if c.active {
		return c.debounce
	}
	return releaseTime
}
