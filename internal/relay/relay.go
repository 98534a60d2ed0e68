package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"stationd/internal/api"
	"stationd/internal/station"
)

// Workers is how many asks may be under way at one vendor at once. Each needs a goroutine in
// Work; the vendor's pace holds all of them.
const Workers = 8

const (
	// busyWait is how long a station is to leave a vendor alone for which too much waits.
	busyWait = time.Second

	// keyWait is how long a station waits while the relay's own key is not accepted.
	keyWait = time.Minute

	// stopTime is how long a relay that stops waits for what is under way.
	stopTime = time.Minute
)

// A Vendor is one that a relay speaks to.
type Vendor struct {
	Name    string          // l2l
	Backend station.Backend // with its key and pace
	Settle  time.Duration   // the least that stations must let pass until an absence counts
}

// A Setting is what a Relay needs to know.
type Setting struct {
	Name     string // in the announcement and the lease, checked by CheckName
	Engine   Engine // checked
	Lease    time.Duration
	Replicas int // of the lease, on different nodes of the engine
	Vendors  []Vendor
	Allowed  []Allowance // empty: every station may do everything
	Log      *slog.Logger
}

// A Relay is the plant's end of the way. Of several the one with the lease leads: it announces
// itself, and takes asks. It needs Run, and for each vendor Work in several goroutines.
type Relay struct {
	Setting
	conn            *nats.Conn
	vendors         map[string]Vendor
	admissions      map[string]*admission
	fetched         *fetched
	counted         *counted
	version, oldest int    // of the wire
	bucketName      string // of the lease

	cut atomic.Bool // the connection was lost, and answers with it

	mu       sync.Mutex      // guards what follows
	current  *term           // nil: this relay does not lead
	underWay map[string]*job // by the id of the ask

	revoked map[string]Revocation // stations that are refused

	revokedAt uint64 // its revision in the engine; 0: none. Run's alone
}

// A term is the time for which one relay leads.
type term struct {
	id      string
	began   time.Time
	until   time.Time       // the lease by this process' own clock; guarded by the relay's mu
	first   *term           // of those in which this relay kept the lease, one after the other; nil: it is that
	context context.Context //nolint:containedctx // of the relay, without its end: what is under way is finished
}

// firstOf is the first of the terms in which this relay kept the lease: no other led between.
func firstOf(t *term) *term {
	if t.first != nil {
		return t.first
	}
	return t
}

// tick is the whole seconds since the term began.
func (t *term) tick() int64 { return int64(time.Since(t.began) / beat) }

// Open returns a relay, which connects as soon as the engine is there. An error is that of a
// file. It is closed with Close.
func Open(s Setting) (*Relay, error) {
	r := &Relay{
		Setting: s, counted: newCounted(s.Vendors), fetched: &fetched{kept: make(map[string]keptBody)}, version: Version, oldest: Least, bucketName: leaseBucket,
		vendors: make(map[string]Vendor), admissions: make(map[string]*admission), underWay: make(map[string]*job),
	}
	for _, v := range s.Vendors {
		r.vendors[v.Name], r.admissions[v.Name] = v, newAdmission()
	}
	conn, err := s.Engine.connect("relay "+s.Name, s.Log, func() { r.cut.Store(true) },
		nats.CustomInboxPrefix("sd.inbox."+s.Name),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			s.Log.Error("the engine complains", "error", err)
		}),
		nats.ReconnectHandler(func(*nats.Conn) { s.Log.Info("the engine is reached again") }),
		nats.ConnectHandler(func(*nats.Conn) { s.Log.Info("the engine is reached") }))
	if err != nil {
		return nil, err
	}
	r.conn = conn
	return r, nil
}

// Close ends the connection.
func (r *Relay) Close() { r.conn.Close() }

// Leads reports whether this relay leads now, by its own clock.
func (r *Relay) Leads() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current != nil && time.Now().Before(r.current.until)
}

// fence is why nothing may be begun for an ask any more, nil while it may.
func (r *Relay) fence(j *job) error {
	r.mu.Lock()
	until := j.term.until
	r.mu.Unlock()
	switch age := time.Since(j.term.began) - time.Duration(j.Tick)*beat; {
	case !time.Now().Before(until):
		return errors.New("this relay does not lead any more")
	case age < -beat:
		return errors.New("its tick is none that this relay has told")
	case age > Patience:
		return fmt.Errorf("it was %v on its way: the station does not wait any more", age.Round(time.Second))
	}
	return j.context.Err()
}

// receive takes an ask up, or answers why not. It does not block.
func (r *Relay) receive(t *term, m *nats.Msg) {
	part := strings.Split(m.Subject, ".") // sd.do.TERM.BACKEND.STATION.ASK
	if len(part) != 6 {
		return
	}
	j := &job{term: t, backend: part[3], station: part[4], id: part[5], reply: m.Reply, came: time.Now()}
	j.context, j.end = context.WithTimeout(t.context, askTime)
	if why := r.parse(j, m); why != "" {
		j.end()
		r.refuse(j, why, station.Receipt{})
		return
	}
	if j.Do == doEnd {
		j.end()
		r.endJob(j)
		return
	}
	r.counted.hear(j.station)
	r.mu.Lock()
	_, twice := r.underWay[j.id]
	if !twice {
		r.underWay[j.id] = j
	}
	r.mu.Unlock()
	if twice {
		j.end()
		return // the first is answered
	}
	if !r.admissions[j.backend].add(j) {
		r.refuse(j, "too much waits at the relay", station.Receipt{Wait: busyWait})
	}
}

// parse reads an ask, and says why it is not taken up.
func (r *Relay) parse(j *job, m *nats.Msg) (why string) {
	if len(m.Data) > mostAsk {
		return "it is too large for the relay"
	}
	if err := json.Unmarshal(m.Data, &j.ask); err != nil {
		return "the relay cannot read it"
	}
	v, known := r.vendors[j.backend]
	needs := j.Do == doDeliver || j.Do == doLook
	if !needs && j.Do != doRehearse {
		j.Delivery = nil // what is asked is judged, and not what came with it
	}
	switch {
	case j.Version < r.oldest || j.Version > r.version:
		return fmt.Sprintf("the relay understands the versions %d to %d, and this is %d: update the older", r.oldest, r.version, j.Version)
	case r.refuses(j.station) != "":
		return r.refuses(j.station)
	case !known:
		return "the relay does not speak to " + j.backend
	case !slices.Contains([]string{doDeliver, doLook, doRehearse, doProbe, doRead, doFetch, doEnd}, j.Do):
		return fmt.Sprintf("the relay does not understand %q: update it", station.OneLine(j.Do, 20))
	case (needs || j.Do == doRehearse) && j.Delivery == nil:
		return "the relay finds no delivery in it"
	case needs && j.Settle < v.Settle:
		return fmt.Sprintf("settle in [%s] of the station must be at least %v: so long the relay's way to the vendor takes", j.backend, v.Settle)
	}
	return ""
}

// endJob has nothing more begun for an ask that the station gave up.
func (r *Relay) endJob(end *job) {
	r.mu.Lock()
	j := r.underWay[end.id]
	r.mu.Unlock()
	if j == nil || j.station != end.station {
		return
	}
	j.end()
	if r.admissions[j.backend].remove(j.id) { // else whoever carries it out forgets it
		r.forget(j)
	}
}

// forget forgets a job that is over.
func (r *Relay) forget(j *job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.underWay, j.id)
}

// Work carries out asks to one vendor, one after the other, until ctx is done; then it
// finishes the one under way and returns nil.
func (r *Relay) Work(ctx context.Context, backend string) error {
	queue := r.admissions[backend]
	if queue == nil {
		return fmt.Errorf("the relay does not speak to %s", backend)
	}
	for {
		j := queue.next(ctx)
		if j == nil {
			return nil
		}
		if err := r.fence(j); err != nil {
			queue.done(j, station.Receipt{Outcome: station.Unreached, Err: err})
			r.refuse(j, err.Error(), station.Receipt{})
			continue
		}
		a, rc := r.carryOut(j) //nolint:contextcheck // the job has its own, which outlives the relay's
		queue.done(j, rc)
		if j.Do == doDeliver {
			r.counted.change(j.backend, func(n *VendorNumbers) { n.Attempts[rc.Outcome]++ })
		}
		r.answer(j, a)
		r.Log.Info("asked", "station", j.station, "backend", j.backend, "do", j.Do, "entry", j.entry(), "verb", j.verb(),
			"outcome", rc.Outcome.String(), "took", time.Since(j.came).Round(time.Millisecond))
	}
}

func (j *job) entry() string {
	if j.Delivery == nil {
		return ""
	}
	return string(j.Delivery.ID)
}

// carryOut does what is asked for.
func (r *Relay) carryOut(j *job) (answer, station.Receipt) {
	ctx := api.WithGuard(j.context, func() error { return r.fence(j) })
	ctx = api.WithObserver(ctx, func(time.Duration, station.Receipt) {
		r.counted.change(j.backend, func(n *VendorNumbers) { n.Requests++ })
	})
	v := r.vendors[j.backend]
	var did answer
	var rc station.Receipt
	if within, why := r.permit(ctx, v, j); why != nil {
		rc = station.Receipt{Outcome: station.Unreached, Answered: true, Err: why}
	} else {
		did, rc = r.perform(ctx, v, j, within)
	}
	rc = r.hideKey(j, rc)
	a := answerOf(rc)
	a.Before, a.Answer, a.Body, a.Requests = did.Before, did.Answer, did.Body, did.Requests
	if clock, has := v.Backend.(station.VendorClock); has {
		if vendor, at := clock.VendorTime(); !vendor.IsZero() {
			a.Vendor = vendor.Add(time.Since(at))
		}
	}
	return a, rc
}

// perform asks the vendor. Of what was fetched it tells what is within the places of the station.
func (r *Relay) perform(ctx context.Context, v Vendor, j *job, within func(api.Place) bool) (did answer, rc station.Receipt) {
	switch j.Do {
	case doDeliver:
		return did, v.Backend.Deliver(ctx, station.Delivery(*j.Delivery))
	case doRehearse:
		ctx = api.WithDryRun(ctx, func(shown api.DryRunRequest) { did.Requests = append(did.Requests, shown) })
		rc = station.AttemptOnce(ctx, v.Backend, station.Delivery(*j.Delivery))
		return did, rc
	case doLook:
		if looker, can := v.Backend.(station.Looker); can {
			did.Before, rc = looker.Look(ctx, station.Delivery(*j.Delivery))
			return did, rc
		}
	case doProbe:
		if prober, can := v.Backend.(station.Prober); can {
			return did, prober.Probe(ctx)
		}
	case doRead:
		got, err := station.RunQuery(ctx, v.Backend, j.Question, j.With)
		if err != nil {
			return did, station.Receipt{Outcome: station.Unreached, Answered: true, Err: err}
		}
		did.Answer = (*table)(&got)
		return did, station.Receipt{Outcome: station.Delivered}
	case doFetch:
		did.Body, rc = r.fetched.get(ctx, v, j, within)
		return did, rc
	}
	return did, station.Receipt{Outcome: station.Unreached, Err: fmt.Errorf("%s cannot be asked that", v.Name)}
}

// hideKey makes a key that the vendor does not accept the relay's own matter: it is told
// here, and no station's. What is forbidden to the key alone stays the entry's.
func (r *Relay) hideKey(j *job, rc station.Receipt) station.Receipt {
	if !errors.Is(rc.Err, station.ErrKey) || errors.Is(rc.Err, station.ErrForbidden) {
		return rc
	}
	r.Log.Error("the vendor does not accept the relay's key: write the right one into its file and restart the relay", "backend", j.backend, "error", rc.Err)
	return station.Receipt{Outcome: station.Unreached, Answered: true, Wait: keyWait, Err: fmt.Errorf("the relay's key is not accepted: %v", rc.Err)} //nolint:errorlint // it is no key of the station's
}

// refuse answers that certainly nothing was done. The receipt says what else a station should
// know: whether the vendor can be reached, and how long to wait.
func (r *Relay) refuse(j *job, why string, rc station.Receipt) {
	rc.Outcome, rc.Err = station.Unreached, errors.New("the relay did nothing: "+why)
	r.counted.change(j.backend, func(n *VendorNumbers) { n.Refused++ })
	r.answer(j, answerOf(rc))
	r.Log.Warn("an ask was not carried out", "station", j.station, "backend", j.backend, "entry", j.entry(), "why", why)
}

// answer answers an ask, whose job is over.
func (r *Relay) answer(j *job, a answer) {
	j.end()
	r.forget(j)
	a.Version = min(max(j.Version, r.oldest), r.version)
	for a.Answer != nil && len(a.Answer.File) > mostPart {
		part := answer{Version: a.Version, More: true, Answer: &table{File: a.Answer.File[:mostPart]}}
		text, err := json.Marshal(part)
		if err != nil || r.conn.Publish(answerSubject(j.station, j.id), text) != nil {
			break // so does the rest below, which says so
		}
		a.Answer.File = a.Answer.File[mostPart:]
	}
	text, err := json.Marshal(a)
	if len(text) > mostAnswer {
		large := station.Receipt{Outcome: station.Unreached, Answered: true, Err: fmt.Errorf("the answer has %d kB, and the relay sends %d at most", len(text)>>10, mostAnswer>>10)}
		if j.Do == doDeliver {
			large.Outcome = station.Doubtful
		}
		text, err = json.Marshal(answerOf(large))
	}
	if err == nil && j.reply == answerSubject(j.station, j.id) {
		err = r.conn.Publish(j.reply, text)
	}
	if err != nil {
		r.Log.Warn("an ask is not answered", "station", j.station, "backend", j.backend, "entry", j.entry(), "error", err)
	}
}

// reap answers what has waited too long.
func (r *Relay) reap() {
	for _, queue := range r.admissions {
		for j, laneBusy := range queue.late(time.Now()) {
			if laneBusy {
				r.refuse(j, "another entry of this lane is not decided yet", station.Receipt{Answered: true})
			} else {
				r.refuse(j, "the vendor's pace lets no more through now", station.Receipt{Answered: true, Wait: busyWait})
			}
		}
	}
}

// dismiss answers everything that waits.
func (r *Relay) dismiss(why string, closed bool) {
	for _, queue := range r.admissions {
		for _, j := range queue.empty(closed) {
			r.refuse(j, why, station.Receipt{})
		}
	}
}

// busy reports whether any ask is under way.
func (r *Relay) busy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.underWay) > 0
}
