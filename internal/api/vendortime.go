package api

import (
	"net/http"
	"sync"
	"time"
)

// vendorTime is what the vendor's clock said last.
type vendorTime struct {
	mu     sync.Mutex // guards both
	vendor time.Time
	at     time.Time
}

// noteVendorTime takes the time of an answer from its Date header (RFC 9110, 6.6.1). It has
// whole seconds, and was written while the answer was under way: the middle of
// that second is the best guess.
func (c *Client) noteVendorTime(t roundTrip) {
	said := t.header.Get("Date")
	if said == "" {
		return
	}
	date, err := http.ParseTime(said)
	if err != nil {
		return
	}
	c.lastTime.mu.Lock()
	defer c.lastTime.mu.Unlock()
	c.lastTime.vendor, c.lastTime.at = date.Add(time.Second/2), time.Now()
}

// VendorTime returns what the vendor's clock said last, and when that was heard; zero
// times where no answer has come yet.
func (c *Client) VendorTime() (vendor, at time.Time) {
	c.lastTime.mu.Lock()
	defer c.lastTime.mu.Unlock()
	return c.lastTime.vendor, c.lastTime.at
}
