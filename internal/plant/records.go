package plant

import (
	"net/url"
	"slices"
	"time"
)

// A Request is one request that reached the plant, in the order of arrival. No
// key is in it.
type Request struct {
	Number int // from 1
	At     time.Time
	Method string
	Path   string     // as it was sent, still encoded
	Query  url.Values // L2L's key is ***
	Form   url.Values // of a form body; L2L's key is ***
	Body   string     // any other body, as it was sent
	Key    []string   // where a key was given: "query auth", "header L2LAUTH", "body auth", "header api_key", "header user_token"
	Status int        // 0: not answered, or not yet
	Fault  FaultKind  // the fault that was played for it; empty: none
}

// A Dispatch is a dispatch as L2L has it.
type Dispatch struct {
	ID          int // by which requests name it
	Number      int // by which people name it
	Machine     string
	Line        string
	Type        string
	Trade       string
	User        string
	Description string
	Made        string    // open, add, changeover
	Attended    bool      // somebody is working on it
	Created     time.Time // when the plant made it, by its own clock
	Reported    time.Time // what it was told, or Created
	Completed   time.Time // zero: not yet
	Closed      time.Time // zero: not yet
}

// Open reports whether somebody is still wanted at the machine.
func (d Dispatch) Open() bool { return d.Completed.IsZero() && d.Closed.IsZero() }

// A Sequence is a build sequence: one product order in a line's eKanban queue.
type Sequence struct {
	ID         int
	ExternalID string
	Line       string
	Product    string
	Status     Status
	Planned    time.Duration // planned changeover; 0: finishing it may be skipped
	Start      time.Time     // scheduled
}

// Status is how a build sequence stands, in L2L's own numbers.
type Status int

// The statuses that the plant uses of L2L's eleven.
const (
	Scheduled  Status = 2
	Changeover Status = 4
	InProgress Status = 5
	OnHold     Status = 6
	Completed  Status = 7
)

// A Change is one started changeover: the pitch was split at that moment.
type Change struct {
	Line     string
	Sequence int // the build sequence that was started
	Product  string
	Previous int       // the build sequence that ran before; 0: none
	Dispatch int       // the changeover dispatch; 0: the site makes none
	Started  time.Time // by the plant's own clock
	Finished time.Time // zero: not yet
}

// A Count is one production record: what a line made of a product in a time.
type Count struct {
	Line    string
	Product string
	Start   time.Time
	End     time.Time
	Actual  float64
	Scrap   float64
}

// An Order is a production order as Lagerkoll has it.
type Order struct {
	ID               int64
	Reference        string // prReference
	Customer         int64  // customerOrderId; 0: none
	CustomerExternal string
	Internal         string // internalReference
	Name             string
	Comment          string
	Start            time.Time // startDate; zero: none
	End              time.Time
	Finish           time.Time
	WorkHours        float64
	State            State
	StoreState       int64
	InDepth          bool // reserveInDepth
	Articles         []OrderArticle
	Batches          []Batch // what was produced, as /batch shows it
}

// State is how a production order stands, in Lagerkoll's own numbers.
type State int64

// The states of the seed.
const (
	StateNew        State = 0
	StateDeveloping State = 1
	StateFinished   State = 2
	StateCancelled  State = 3
)

// An OrderArticle is one article of a production order.
type OrderArticle struct {
	Article  string
	Name     string
	Amount   float64 // to be produced
	Finished float64
	Waste    float64
	Time     float64
	Status   int64
}

// A Batch is what was produced of an article under one batch and serial number.
type Batch struct {
	Article    string
	Batch      string
	Serial     string
	Amount     float64
	BestBefore int64 // as it was sent; 0: none
}

// A Trace is one accepted update of an article with traceability, as it was
// sent.
type Trace struct {
	Order      int64
	Article    string
	Batch      string
	Serial     string
	Amount     float64
	Waste      float64 // the query parameter; 0: none
	BestBefore int64   // 0: none
	Barcode    string
	Limit      bool // limitPartAmounts
	Parts      []Part
	At         time.Time // by the plant's own clock
}

// A Write is one request that changed something in the Lagerkoll store, or was
// answered as if it had.
type Write struct {
	Method string
	Path   string    // with {id} and {rest} where the request had its own
	Order  int64     // the production or customer order in the path; 0: none
	At     time.Time // by the plant's own clock
}

// A Part is what went into an article: one element of partTraceability, or one
// part of an article's recipe.
type Part struct {
	Article string
	Amount  float64
	Batch   string
	Serials []string
}

// Requests returns every request that reached the plant, in order.
func (p *Plant) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(p.requests)
	for i, r := range all {
		all[i].Query = p.redacted(r.Query)
		if r.Form != nil {
			all[i].Form = p.redacted(r.Form)
		}
		all[i].Key = slices.Clone(r.Key)
	}
	return all
}

// Complaints returns in words everything that was refused because no vendor's
// text allows it. A station in order leaves the list empty. A no of the plant's
// business, as a dispatch that is closed already, is not among it.
func (p *Plant) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.complaints)
}

// AssumptionsUsed returns the assumptions that any answer so far depends on, in the
// order of Switches. With any other of them switched, the same requests would have been
// answered the same.
func (p *Plant) AssumptionsUsed() []Assumption {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Assumption
	for _, s := range Switches() {
		if p.assumptionsUsed[s.Assumption] {
			all = append(all, s.Assumption)
		}
	}
	return all
}

// Dispatches returns every dispatch, oldest first.
func (p *Plant) Dispatches() []Dispatch {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.site.dispatches)
}

// Sequences returns every line's build sequences in the order of its queue.
func (p *Plant) Sequences() []Sequence {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.site.sequences)
}

// Changeovers returns every changeover that was started, oldest first.
func (p *Plant) Changeovers() []Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.site.changes)
}

// Counts returns every production record, oldest first.
func (p *Plant) Counts() []Count {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.site.counts)
}

// Orders returns every production order, oldest first.
func (p *Plant) Orders() []Order {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cloneOrders(p.store.orders)
}

// Writes returns everything that Lagerkoll was told and accepted, oldest first.
func (p *Plant) Writes() []Write {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.store.writes)
}

// Traces returns every accepted trace, oldest first.
func (p *Plant) Traces() []Trace {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(p.store.traces)
	for i, t := range all {
		all[i].Parts = cloneParts(t.Parts)
	}
	return all
}

func cloneOrders(orders []Order) []Order {
	all := slices.Clone(orders)
	for i, o := range all {
		all[i].Articles = slices.Clone(o.Articles)
		all[i].Batches = slices.Clone(o.Batches)
	}
	return all
}

func cloneParts(parts []Part) []Part {
	all := slices.Clone(parts)
	for i, part := range all {
		all[i].Serials = slices.Clone(part.Serials)
	}
	return all
}
