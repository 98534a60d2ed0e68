package queue

import (
	"time"

	"go.etcd.io/bbolt"

	"stationd/internal/station"
)

// mostClocks is how many boots are remembered.
const mostClocks = 32

// A bootClock is what is known of one boot's time. The boots are kept in their
// order, so that a boot whose clock was never set lies between its neighbours.
type bootClock struct {
	Boot string `json:"boot"`

	// Zero is what the wall clock said, or would have said, at the boot's
	// beginning; zero while nobody knows.
	Zero time.Time `json:"zero,omitzero"`

	// ByVendor: Zero is from a vendor's answer, good to a second or so, and gives
	// way to a clock that has been set.
	ByVendor bool `json:"by_vendor,omitempty"`

	// Last is the latest moment of the boot that is known.
	Last time.Duration `json:"last,omitempty"`
}

// newClock begins this boot's clock when a process is the first of it, and lets
// the oldest go.
func newClock(clocks []bootClock, now station.Stamp) []bootClock {
	if n := len(clocks); n == 0 || clocks[n-1].Boot != now.Boot {
		clocks = append(clocks, bootClock{Boot: now.Boot})
	}
	return clocks[max(0, len(clocks)-mostClocks):]
}

// clockOf returns what is known of a boot; nil when nothing is.
func (o *Outbox) clockOf(boot string) *bootClock {
	for i := range o.clocks {
		if boot != "" && o.clocks[i].Boot == boot {
			return &o.clocks[i]
		}
	}
	return nil
}

// noteClock remembers what the wall clock said at this boot, once it is trusted:
// with it the events of this boot keep their true times after the next one. It
// rides along with a commit that happens anyway. The caller holds mu.
func (o *Outbox) noteClock(b *batch) error {
	now := o.setting.Stamp(time.Now())
	c := o.clockOf(now.Boot)
	if c == nil {
		return nil
	}
	learned := o.learned
	o.learned = false
	if now.Trusted {
		zero := now.Wall.Add(-now.Up).Round(0)
		if c.Zero.IsZero() || c.ByVendor || c.Zero.Sub(zero).Abs() >= time.Second {
			c.Zero, c.ByVendor, learned = zero, false, true
		}
	}
	// The last moment is a bound for the boots after it: a minute is near enough,
	// and a second bucket costs a page.
	if now.Up-c.Last >= time.Minute {
		c.Last, learned = now.Up, true
	}
	if !learned {
		return nil
	}
	return storage(marshal(b.tx.Bucket(bucketMeta), "clocks", o.clocks))
}

// learn takes the time of a vendor's answer where the station's own clock has not
// been set. The clock of the system is never set by it. The caller holds mu.
func (o *Outbox) learn(backend station.Backend) {
	keeper, ok := backend.(station.VendorClock)
	if !ok {
		return
	}
	vendor, at := keeper.VendorTime()
	if vendor.IsZero() {
		return
	}
	heard := o.setting.Stamp(at)
	c := o.clockOf(heard.Boot)
	if heard.Trusted || c == nil || !c.Zero.IsZero() {
		return
	}
	c.Zero, c.ByVendor, o.learned = vendor.Add(-heard.Up).Round(0), true, true
}

// when works out the true time of a stamp. In this boot, and in an earlier one
// whose clock was trusted at some time, it is exact to the clock. Otherwise it is
// an estimate, and sure is false: in this boot by the clock as it is now, which
// somebody may have set since, and of an earlier one between what is known of the
// boots before and after. The caller holds mu.
func (o *Outbox) when(s, now station.Stamp) (t time.Time, sure bool) {
	switch c := o.clockOf(s.Boot); {
	case s.Boot != "" && s.Boot == now.Boot && now.Trusted:
		return now.Wall.Add(s.Up - now.Up).Round(0), true
	case s.Trusted:
		return s.Wall.Round(0), true
	case c != nil && !c.Zero.IsZero():
		return c.Zero.Add(s.Up), true
	case s.Boot != "" && s.Boot == now.Boot:
		s.Wall = now.Wall.Add(s.Up - now.Up)
	}
	return o.between(s, now), false
}

// between moves the wall clock of a stamp that nobody trusts to where it can have
// been: after the last known moment of an earlier boot, before the beginning of a
// later one, and before now.
func (o *Outbox) between(s, now station.Stamp) time.Time {
	t := s.Wall.Round(0)
	passed := false
	for _, c := range o.clocks {
		switch {
		case c.Boot == s.Boot:
			passed = true
		case c.Zero.IsZero():
		case !passed:
			if least := c.Zero.Add(c.Last + s.Up); t.Before(least) {
				t = least
			}
		case passed:
			if t.After(c.Zero) {
				return c.Zero
			}
		}
	}
	if now.Trusted && t.After(now.Wall) {
		return now.Wall.Round(0)
	}
	return t
}

// ClockWasSet reports whether a process of this boot knew that its clock had been set,
// and the clock still says the same. A clock that was set by hand, and one whose time
// server has been silent for hours, are known by nothing else after a restart.
func (o *Outbox) ClockWasSet() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.setting.Stamp(time.Now())
	c := o.clockOf(now.Boot)
	return c != nil && !c.Zero.IsZero() && !c.ByVendor && c.Zero.Sub(now.Wall.Add(-now.Up)).Abs() < time.Minute
}

// readClocks reads what is known of the boots and begins this one. Where a damaged
// page has made it unreadable, the times of earlier boots are estimates: no reason not
// to record.
func (o *Outbox) readClocks(meta *bbolt.Bucket, now station.Stamp) error {
	if err := unmarshal(meta, "clocks", &o.clocks); err != nil {
		o.setting.Log.Error("what was known of the clocks of earlier boots cannot be read: the times of what they recorded are estimates", "error", err)
		o.clocks = nil
	}
	o.clocks = newClock(o.clocks, now)
	return marshal(meta, "clocks", o.clocks)
}
