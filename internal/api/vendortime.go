package api

import (
	"net/http"
	"sync"
	"time"
)

// heard is what the vendor's clock said last.
type heard struct {
	mu     sync.Mutex
	vendor time.Time
	at     time.Time
}

// hear takes the time of an answer from its Date header (RFC 9110, 6.6.1). It has
// whole seconds, and was written while the answer was under way: the middle of
// that second is the best guess.
func (c *Client) hear(t trip) {
	said := t.header.Get("Date")
	if said == "" {
		return
	}
	date, err := http.ParseTime(said)
	if err != nil {
		return
	}
	c.heard.mu.Lock()
	defer c.heard.mu.Unlock()
	c.heard.vendor, c.heard.at = date.Add(time.Second/2), time.Now()
}

// VendorTime returns what the vendor's clock said last, and when that was heard; zero
// times where no answer has come yet.
func (c *Client) VendorTime() (vendor, at time.Time) {
	c.heard.mu.Lock()
	defer c.heard.mu.Unlock()
	return c.heard.vendor, c.heard.at
}
