package queue

import (
	"time"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// mostClocks is how many boots are remembered.
const mostClocks = 32

// clocks are what is known of the times of the last boots, in their order: so an event
// that was recorded before anybody set the clock gets its true time later. It is guarded
// by the outbox's mu.
type clocks struct {
	boots   []format.BootClock
	learned bool // something of this boot is not on disk yet
}

// of returns what is known of a boot; nil when nothing is.
func (c *clocks) of(boot string) *format.BootClock {
	for i := range c.boots {
		if boot != "" && c.boots[i].Boot == boot {
			return &c.boots[i]
		}
	}
	return nil
}

// begin begins this boot's clock when a process is the first of it, and lets the oldest
// go.
func (c *clocks) begin(now station.Stamp) {
	if n := len(c.boots); n == 0 || c.boots[n-1].Boot != now.Boot {
		c.boots = append(c.boots, format.BootClock{Boot: now.Boot})
	}
	c.boots = c.boots[max(0, len(c.boots)-mostClocks):]
}

// note compares what the clock says now with what is known of this boot, and reports whether
// there is anything new to write to disk.
func (c *clocks) note(now station.Stamp) bool {
	boot := c.of(now.Boot)
	if boot == nil {
		return false
	}
	learned := c.learned
	c.learned = false
	if now.Trusted {
		zero := now.Wall.Add(-now.Up).Round(0)
		if boot.Zero.IsZero() || boot.ByVendor || boot.Zero.Sub(zero).Abs() >= time.Second {
			boot.Zero, boot.ByVendor, learned = zero, false, true
		}
	}
	// The last moment is a bound for the boots after it: a minute is near enough,
	// and a second bucket costs a page.
	if now.Up-boot.Last >= time.Minute {
		boot.Last, learned = now.Up, true
	}
	return learned
}

// adopt takes the time that a vendor said in the answer heard at that moment, where the
// station's own clock has not been set.
func (c *clocks) adopt(vendor time.Time, heard station.Stamp) {
	boot := c.of(heard.Boot)
	if heard.Trusted || boot == nil || !boot.Zero.IsZero() {
		return
	}
	boot.Zero, boot.ByVendor, c.learned = vendor.Add(-heard.Up).Round(0), true, true
}

// wasSet reports whether this boot's clock is known to have been set, and still says the
// same.
func (c *clocks) wasSet(now station.Stamp) bool {
	boot := c.of(now.Boot)
	return boot != nil && !boot.Zero.IsZero() && !boot.ByVendor && boot.Zero.Sub(now.Wall.Add(-now.Up)).Abs() < time.Minute
}

// when works out the true time of a stamp. In this boot, and in an earlier one
// whose clock was trusted at some time, it is exact to the clock. Otherwise it is
// an estimate, and sure is false: in this boot by the clock as it is now, which
// somebody may have set since, and of an earlier one between what is known of the
// boots before and after.
func (c *clocks) when(s, now station.Stamp) (t time.Time, sure bool) {
	switch boot := c.of(s.Boot); {
	case s.Boot != "" && s.Boot == now.Boot && now.Trusted:
		return now.Wall.Add(s.Up - now.Up).Round(0), true
	case s.Trusted:
		return s.Wall.Round(0), true
	case boot != nil && !boot.Zero.IsZero():
		return boot.Zero.Add(s.Up), true
	case s.Boot != "" && s.Boot == now.Boot:
		s.Wall = now.Wall.Add(s.Up - now.Up)
	}
	return c.between(s, now), false
}

// between moves the wall clock of a stamp that nobody trusts to where it can have
// been: after the last known moment of an earlier boot, before the beginning of a
// later one, and before now.
func (c *clocks) between(s, now station.Stamp) time.Time {
	t := s.Wall.Round(0)
	passed := false
	for _, boot := range c.boots {
		switch {
		case boot.Boot == s.Boot:
			passed = true
		case boot.Zero.IsZero():
		case !passed:
			if least := boot.Zero.Add(boot.Last + s.Up); t.Before(least) {
				t = least
			}
		case passed:
			if t.After(boot.Zero) {
				return boot.Zero
			}
		}
	}
	if now.Trusted && t.After(now.Wall) {
		return now.Wall.Round(0)
	}
	return t
}

// noteClock remembers what the wall clock said at this boot, once it is trusted:
// with it the events of this boot keep their true times after the next one. It
// rides along with a commit that happens anyway.
func (b *batch) noteClock() error {
	if !b.o.clocks.note(b.o.setting.Stamp(time.Now())) {
		return nil
	}
	return storage(b.tx.PutClocks(b.o.clocks.boots))
}

// adoptVendorTime takes the time of a vendor's answer where the station's own clock has
// not been set. The clock of the system is never set by it. The caller holds mu.
func (o *Outbox) adoptVendorTime(backend station.Backend) {
	keeper, ok := backend.(station.VendorClock)
	if !ok {
		return
	}
	if vendor, at := keeper.VendorTime(); !vendor.IsZero() {
		o.clocks.adopt(vendor, o.setting.Stamp(at))
	}
}

// ClockWasSet reports whether a process of this boot knew that its clock had been set,
// and the clock still says the same. A clock that was set by hand, and one whose time
// server has been silent for hours, are known by nothing else after a restart.
func (o *Outbox) ClockWasSet() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.clocks.wasSet(o.setting.Stamp(time.Now()))
}

// readClocks reads what is known of the boots and begins this one. Where a damaged
// page has made it unreadable, the times of earlier boots are estimates: no reason not
// to record.
func (o *Outbox) readClocks(tx *format.Tx, now station.Stamp) error {
	boots, err := tx.Clocks()
	if err != nil {
		o.setting.Log.Error("what was known of the clocks of earlier boots cannot be read: the times of what they recorded are estimates", "error", err)
		boots = nil
	}
	o.clocks.boots = boots
	o.clocks.begin(now)
	return tx.PutClocks(o.clocks.boots)
}
