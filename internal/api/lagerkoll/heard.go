package lagerkoll

import "time"

// Heard implements station.Timekeeper.
func (b *Backend) Heard() (vendor, at time.Time) { return b.client.Heard() }

// Tell implements station.Teller: it tells what is wrong with the files of the way to
// the vendor.
func (b *Backend) Tell() map[string]string {
	return map[string]string{"lagerkoll network": b.client.Broken()}
}
