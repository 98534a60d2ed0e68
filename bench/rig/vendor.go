package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"stationd/internal/plant"
)

// A Vendor takes what a station delivers, on a port of this machine, and notes when each
// scan came. To stationd it is the simulated L2L of its tests; the peers, which speak no
// vendor's interface, post a form to it and are answered at once.
type Vendor struct {
	address string
	plant   *plant.Plant

	mu      sync.Mutex // guards what follows
	server  *http.Server
	delay   func() time.Duration // before each answer
	arrived map[string]time.Time // by code: when it came first
	count   int
	last    time.Time
	twice   int
	changed chan struct{}
}

// Site and Lanes are what the simulated L2L has: a site and a machine for each lane.
const (
	Site  = 12
	Lanes = 500
	key   = "bench-l2l-key"
)

// Machine is the code of the machine of a lane.
func Machine(lane int) string { return fmt.Sprintf("M%03d", lane) }

// Code is what is scanned: thirteen characters, which name the lane.
func Code(lane, n int) string { return fmt.Sprintf("%s-%08d", Machine(lane), n) }

// OpenVendor opens a vendor that can be reached. The caller closes it.
func OpenVendor() (*Vendor, error) {
	config := plant.Config{
		Site: Site, TestSite: true, L2LKey: key, APIKey: "unused", Store: "1001",
		Types:  []plant.DispatchType{{Code: "MATERIAL"}},
		Trades: []string{"MECH"},
		Lines:  []plant.Line{{Code: "PACK4"}},
	}
	for lane := range Lanes {
		config.Machines = append(config.Machines, plant.Machine{Code: Machine(lane), Line: "PACK4"})
	}
	p, err := plant.Open(config)
	if err != nil {
		return nil, err
	}
	v := &Vendor{plant: p, arrived: make(map[string]time.Time), changed: make(chan struct{}), delay: func() time.Duration { return 0 }}
	return v, v.listen("127.0.0.1:0")
}

func (v *Vendor) listen(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	v.address = l.Addr().String()
	server := &http.Server{Handler: http.HandlerFunc(v.serve)} //nolint:gosec // it serves this machine for minutes
	v.mu.Lock()
	v.server = server
	v.mu.Unlock()
	go func() { _ = server.Serve(l) }() // it ends with the server
	return nil
}

// Cut makes the vendor refuse connections, and ends those that there are.
func (v *Vendor) Cut() error {
	v.mu.Lock()
	server := v.server
	v.mu.Unlock()
	return server.Close()
}

// Back ends Cut.
func (v *Vendor) Back() error { return v.listen(v.address) }

// Close ends it.
func (v *Vendor) Close() error { return v.Cut() }

// L2L is the base URL for stationd, and Form the address for the peers.
func (v *Vendor) L2L() string { return "http://" + v.address + "/api/1.0/" }

// Form is where the peers post.
func (v *Vendor) Form() string { return "http://" + v.address + "/scan" }

// AnswerAfter has each scan answered after a time.
func (v *Vendor) AnswerAfter(delay func() time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.delay = delay
}

func (v *Vendor) serve(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	if r.Method != http.MethodPost {
		v.plant.Handler().ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	toPlant := strings.HasPrefix(r.URL.Path, "/api/")
	code := form.Get("code")
	if description := form.Get("description"); toPlant && len(description) >= 13 {
		code = description[len(description)-13:]
	}
	v.mu.Lock()
	if _, again := v.arrived[code]; again {
		v.twice++
	} else {
		v.arrived[code] = at
		v.count++
		v.last = at
	}
	close(v.changed)
	v.changed = make(chan struct{})
	delay := v.delay()
	v.mu.Unlock()
	if delay > 0 {
		<-time.After(delay)
	}
	if !toPlant {
		_, _ = io.WriteString(w, "ok") // a client that has gone sends it again
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	v.plant.Handler().ServeHTTP(w, r)
}

// Wait waits until n scans have come, and returns when the last one did.
func (v *Vendor) Wait(ctx context.Context, n int, limit time.Duration) (last time.Time, err error) {
	late := time.After(limit)
	for {
		v.mu.Lock()
		count, last, changed := v.count, v.last, v.changed
		v.mu.Unlock()
		if count >= n {
			return last, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return last, ctx.Err()
		case <-late:
			return last, fmt.Errorf("%d of %d scans have come within %v", count, n, limit)
		}
	}
}

// Count is how many scans have come.
func (v *Vendor) Count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.count
}

// Twice is how many requests brought a scan that had come before.
func (v *Vendor) Twice() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.twice
}

// Arrived returns when a scan came; ok is false where it has not.
func (v *Vendor) Arrived(code string) (at time.Time, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	at, ok = v.arrived[code]
	return at, ok
}

// Next is closed when the next scan comes.
func (v *Vendor) Next() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.changed
}

// WaitFor waits for one scan.
func (v *Vendor) WaitFor(ctx context.Context, code string, limit time.Duration) (time.Time, error) {
	late := time.After(limit)
	for {
		v.mu.Lock()
		at, ok := v.arrived[code]
		changed := v.changed
		v.mu.Unlock()
		if ok {
			return at, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return at, ctx.Err()
		case <-late:
			return at, fmt.Errorf("scan %s has not come within %v", code, limit)
		}
	}
}

// Complaints is what the simulated L2L found wrong with the requests.
func (v *Vendor) Complaints() error {
	all := v.plant.Complaints()
	if len(all) == 0 {
		return nil
	}
	text, err := json.Marshal(all)
	return errors.Join(err, fmt.Errorf("the simulated L2L complains: %.600s", text))
}
