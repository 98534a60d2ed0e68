package relay

import (
	"maps"
	"sync"
	"time"

	"stationd/internal/station"
)

// seenFor is how long a station counts as heard after it asked for something.
const seenFor = 5 * time.Minute

// Numbers are how a relay stands, and what it counted since it was opened.
type Numbers struct {
	Relay     string // its name
	Connected bool   // to the engine
	Leads     bool
	Terms     int // that it began
	Stations  int // that asked for something within the last five minutes
	Vendors   map[string]VendorNumbers
}

// VendorNumbers are those of one vendor.
type VendorNumbers struct {
	Waiting  int                     // asks that wait for their turn now
	Attempts map[station.Outcome]int // at delivery
	Refused  int                     // asks that were not carried out
	Requests int                     // to the vendor, of whatever kind
}

// counted is what a relay counts. Its methods may be called by several goroutines at once.
type counted struct {
	mu      sync.Mutex // guards what follows
	terms   int
	heard   map[string]time.Time // the last ask of each station
	vendors map[string]VendorNumbers
}

func newCounted(vendors []Vendor) *counted {
	c := &counted{heard: make(map[string]time.Time), vendors: make(map[string]VendorNumbers)}
	for _, v := range vendors {
		attempts := make(map[station.Outcome]int) // they begin at zero
		for _, o := range []station.Outcome{station.Delivered, station.Refused, station.Unreached, station.Doubtful} {
			attempts[o] = 0
		}
		c.vendors[v.Name] = VendorNumbers{Attempts: attempts}
	}
	return c
}

func (c *counted) term() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.terms++
}

// hear counts a station that asks for something.
func (c *counted) hear(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.heard[name]; !known && len(c.heard) >= mostServed {
		c.forgetSilent()
		if len(c.heard) >= mostServed {
			return
		}
	}
	c.heard[name] = time.Now()
}

// forgetSilent forgets the stations that have not asked for long. The caller holds mu.
func (c *counted) forgetSilent() {
	maps.DeleteFunc(c.heard, func(_ string, at time.Time) bool { return time.Since(at) > seenFor })
}

// change counts at a vendor; nothing at one that the relay does not speak to.
func (c *counted) change(vendor string, count func(*VendorNumbers)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, known := c.vendors[vendor]; known {
		count(&n)
		c.vendors[vendor] = n
	}
}

// Numbers returns how the relay stands.
func (r *Relay) Numbers() Numbers {
	n := Numbers{Relay: r.Name, Connected: r.conn.IsConnected(), Leads: r.Leads(), Vendors: make(map[string]VendorNumbers)}
	c := r.counted
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetSilent()
	n.Terms, n.Stations = c.terms, len(c.heard)
	for name, v := range c.vendors {
		v.Attempts, v.Waiting = maps.Clone(v.Attempts), r.admissions[name].length()
		n.Vendors[name] = v
	}
	return n
}
