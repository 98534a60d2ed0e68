package queue

import (
	"maps"
	"slices"
	"time"

	"stationd/internal/station"
)

// mostClocks is how many boots' clocks are remembered.
const mostClocks = 8

// noteClock remembers what the wall clock said at this boot, once it is trusted:
// with it the events of this boot keep their true times after the next one. It
// rides along with a commit that happens anyway. The caller holds mu.
func (o *Outbox) noteClock(b *batch) error {
	now := o.setting.Stamp(time.Now())
	if !now.Trusted || now.Boot == "" {
		return nil
	}
	boot := now.Wall.Add(-now.Up).Round(0)
	if known, ok := o.clocks[now.Boot]; ok && known.Sub(boot).Abs() < time.Second {
		return nil
	}
	o.clocks[now.Boot] = boot
	if len(o.clocks) > mostClocks {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(o.clocks)), func(a, b string) int {
			return o.clocks[a].Compare(o.clocks[b])
		})
		delete(o.clocks, oldest)
	}
	return storage(marshal(b.tx.Bucket(bucketMeta), "clocks", o.clocks))
}

// when works out the true time of a stamp. In this boot, and in an earlier one
// whose clock was trusted at some time, it is exact to the clock; otherwise the
// wall clock of the moment is all there is, and sure is false. The caller holds
// mu.
func (o *Outbox) when(s, now station.Stamp) (t time.Time, sure bool) {
	switch {
	case s.Boot != "" && s.Boot == now.Boot && now.Trusted:
		return now.Wall.Add(s.Up - now.Up).Round(0), true
	case s.Trusted:
		return s.Wall.Round(0), true
	}
	if boot, ok := o.clocks[s.Boot]; ok {
		return boot.Add(s.Up), true
	}
	return s.Wall.Round(0), false
}
