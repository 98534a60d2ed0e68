package l2l

import "time"

// Heard implements station.Timekeeper.
func (b *Backend) Heard() (vendor, at time.Time) { return b.client.Heard() }
