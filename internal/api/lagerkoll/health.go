package lagerkoll

import (
	"time"

	"stationd/internal/station"
)

// What a Backend can do beside delivering is found out by asking for these: a method by
// another name would silently be missing.
var (
	_ station.Looker         = (*Backend)(nil)
	_ station.Prober         = (*Backend)(nil)
	_ station.Querier        = (*Backend)(nil)
	_ station.VendorClock    = (*Backend)(nil)
	_ station.HealthReporter = (*Backend)(nil)
)

// VendorTime implements station.VendorClock.
func (b *Backend) VendorTime() (vendor, at time.Time) { return b.client.VendorTime() }

// PaceWait implements station.Paced.
func (b *Backend) PaceWait() time.Duration { return b.client.PaceWait() }

// Faults implements station.HealthReporter: what is wrong with the files of the way to
// the vendor.
func (b *Backend) Faults() map[string]string {
	return map[string]string{"lagerkoll network": b.client.Broken()}
}
