package metrics

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A Histogram counts durations by how long they are. Its methods may be called by several
// goroutines; none of them allocates but read.
type Histogram struct {
	bounds []time.Duration // of the buckets, ascending; what is longer has a bucket too
	counts []atomic.Uint64
	sum    atomic.Int64 // nanoseconds
}

func newHistogram(bounds []time.Duration) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

// Observe counts one duration. A negative one, of a clock that was set back, counts as none.
func (h *Histogram) Observe(d time.Duration) {
	d = max(0, d)
	i := 0
	for i < len(h.bounds) && d > h.bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// read returns how many durations each bucket has, and their sum.
func (h *Histogram) read() (counts []uint64, sum time.Duration) {
	for i := range h.counts {
		counts = append(counts, h.counts[i].Load())
	}
	return counts, time.Duration(h.sum.Load())
}

func milliseconds(all ...int) (bounds []time.Duration) {
	for _, ms := range all {
		bounds = append(bounds, time.Duration(ms)*time.Millisecond)
	}
	return bounds
}

// The buckets, from what stations showed. A press is recorded 30 ms (debounce) and a commit
// (2 ms on an SSD, 10 to 60 ms on a card, more than 200 ms on a worn one) after its edge, and
// as long again as it is held where its button has a hold. A vendor answers within 100 ms to
// 2 s and is given up after 30 s. A delivery takes that and the pace, or as long as an outage.
func recordBounds() []time.Duration {
	return milliseconds(5, 10, 25, 50, 75, 100, 150, 250, 500, 1_000, 2_500, 10_000)
}

func requestBounds() []time.Duration {
	return milliseconds(25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000)
}

func deliveryBounds() []time.Duration {
	return milliseconds(100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 1_800_000, 7_200_000, 28_800_000)
}

// Inputs are the kinds of input whose events are timed.
const (
	Buttons  = "button"
	Scanners = "scanner"
)

// Timings are how long things take, since the process started, and when the vendors last did
// what they were asked. Its methods may be called by several goroutines at once.
type Timings struct {
	recorded map[string]*Histogram // by kind of input; the maps never change
	backends map[string]*backendTimings
}

// backendTimings are those of one backend.
type backendTimings struct {
	delivered *Histogram
	requests  map[string]*Histogram // by verb
	limited   atomic.Uint64         // requests after which the vendor asked to be left alone
	success   atomic.Int64          // when a request was last answered with yes: Unix time, nanoseconds; 0: never
}

// Other is the verb of a request whose verb has no histogram of its own.
const Other = "other"

// The verbs of requests that are no verbs of the vendor's.
const (
	Look  = "look"  // what was there before, or whether something has arrived
	Probe = "probe" // whether anybody is there, and whether the key is right
	Read  = "read"  // of a command
	Watch = "watch" // of the vendor's own state
)

// NewTimings returns the timings of a station with these backends, of which each has these
// verbs. Only they are labels: no text of elsewhere becomes one.
func NewTimings(backends map[string][]string) *Timings {
	t := &Timings{recorded: make(map[string]*Histogram), backends: make(map[string]*backendTimings)}
	for _, input := range []string{Buttons, Scanners} {
		t.recorded[input] = newHistogram(recordBounds())
	}
	for name, verbs := range backends {
		b := &backendTimings{delivered: newHistogram(deliveryBounds()), requests: make(map[string]*Histogram)}
		for _, verb := range slices.Concat(verbs, []string{Look, Probe, Read, Watch, Other}) {
			b.requests[verb] = newHistogram(requestBounds())
		}
		t.backends[name] = b
	}
	return t
}

// Recorded counts an event of an input that is on disk, so long after its first edge or the
// end of its frame. It allocates nothing.
func (t *Timings) Recorded(input string, took time.Duration) {
	if h := t.recorded[input]; h != nil {
		h.Observe(took)
	}
}

// Delivered counts an entry that was delivered, so long after its event.
func (t *Timings) Delivered(backend string, took time.Duration) {
	if b := t.backends[backend]; b != nil {
		b.delivered.Observe(took)
	}
}

// Requested counts a request to a vendor; ok says that it was answered with yes, and limited
// that the vendor asked to be left alone for a while.
func (t *Timings) Requested(backend, verb string, took time.Duration, ok, limited bool) {
	b := t.backends[backend]
	if b == nil {
		return
	}
	h := b.requests[verb]
	if h == nil {
		h = b.requests[Other]
	}
	h.Observe(took)
	if ok {
		b.success.Store(time.Now().UnixNano())
	}
	if limited {
		b.limited.Add(1)
	}
}

// timings adds what t has. The request's verbs that nobody has used yet are left out, but
// for one of each backend: the family is there before its first event.
func (n writer) timings(t *Timings) {
	for input, h := range t.recorded {
		n.histogram("stationd_record_duration_seconds", "From an event's first edge or the end of its frame until it was on disk, by kind of input.", h, "input", input)
	}
	for name, b := range t.backends {
		n.histogram("stationd_delivery_duration_seconds", "From an event until its entry was delivered, by backend.", b.delivered, "backend", name)
		n.counter("stationd_rate_limited_total", "Requests after which the vendor asked to be left alone (429), by backend.", float64(b.limited.Load()), "backend", name)
		if at := b.success.Load(); at != 0 {
			n.gauge("stationd_backend_last_success_timestamp_seconds", "When a request to the backend was last answered with yes; absent until then.", float64(at)/1e9, "backend", name)
		}
		for _, verb := range slices.SortedFunc(maps.Keys(b.requests), strings.Compare) {
			if counts, _ := b.requests[verb].read(); verb != Probe && !slices.ContainsFunc(counts, func(c uint64) bool { return c > 0 }) {
				continue
			}
			n.histogram("stationd_request_duration_seconds", "Of one request to a vendor, without the wait for its turn, by backend and verb.", b.requests[verb], "backend", name, "verb", verb)
		}
	}
}
