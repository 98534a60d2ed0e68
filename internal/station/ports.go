package station

import (
	"context"
	"time"
)

// A Backend makes one attempt at a time and never retries: retrying is the
// lane's work, or attempts would multiply and nobody would know the truth.
type Backend interface {
	// Verbs lists what the backend can do and what each verb must be told. A
	// configuration that asks for anything else is refused when it is loaded.
	Verbs() []Verb

	// Deliver makes one attempt at d and says what it came to. It obeys ctx: when
	// ctx ends after the request has left, the receipt is Doubtful, never
	// Unreached. When d is Doubtful it reads the vendor's records first and acts
	// only if they show no trace of the earlier attempt, and not even then when d is
	// LookOnly: that is Unreached with ErrAbsent. A trace is Delivered, and what they
	// cannot tell is Doubtful with ErrUndecided. An entry whose To is not
	// the backend's own is Refused. No receipt's Err carries a key.
	//
	// Deliver is called by several goroutines at once, for different lanes.
	Deliver(ctx context.Context, d Delivery) Receipt
}

// A Looker is a Backend with verbs that must see how things stand before they
// act, because afterwards their own work could not be told from somebody else's.
type Looker interface {
	Backend

	// Look reads what Deliver will need to compare with, for a verb that declares
	// Before. A receipt of Delivered means that before is good; it changes nothing
	// at the vendor. The lane puts before on disk ahead of the first attempt and
	// hands it to every attempt after.
	Look(ctx context.Context, d Delivery) (before []byte, rc Receipt)
}

// A Prober is a Backend that can tell a wrong key from a wrong request. Some
// vendors answer a key without the right to do a thing as they answer a request
// that cannot be: with a no.
type Prober interface {
	Backend

	// Probe makes one cheap read. Delivered says that the key is good for reading;
	// Refused, that the vendor says no even to that. The zero Receipt says that this
	// vendor can be asked nothing.
	Probe(ctx context.Context) Receipt
}

// A Paced is a Backend that limits how often its vendor is asked.
type Paced interface {
	Backend

	// PaceWait returns how long a request that came now would wait for the pace. It must not
	// block.
	PaceWait() time.Duration
}

// A VendorClock is a Backend that hears the vendor's clock with its answers. It is
// good to a second or so, and all there is where no time server can be reached.
type VendorClock interface {
	Backend

	// VendorTime returns what the vendor's clock said last, and when that was heard;
	// zero times where none was. It must not block.
	VendorTime() (vendor, at time.Time)
}

// A Result says what became of an event that has been recorded.
type Result struct {
	ID      ID   // of the event
	Entries []ID // that it made, in the order of its binding
	Retried ID   // the entry that was refused before and is sent again; empty: none
	Note    Note // what its operator is told; the zero Note where nothing is said

	// Repeated: a command with this ID was recorded before, and this is what became of
	// that one.
	Repeated bool
}

// Emit makes an event durable, with everything that it means, and says what became
// of it: that is what a source may tell its operator. An error says that nothing of
// it was recorded.
type Emit func(Event) (Result, error)

// MostTogether is how many events are made durable together at most.
const MostTogether = 32

// EmitAll is Emit for events of one source that wait at the same time, in their order, and for
// one alone: each is decided on the state that the one before it leaves, and what became of it
// is said when it is durable. One that is not recorded keeps none of the others from it. There
// are MostTogether at most.
type EmitAll func([]Emitted)

// An Emitted is an event, and what became of it.
type Emitted struct {
	Event  Event
	Result Result
	Err    error // nothing of it was recorded
}

// One is the Emit of one event at a time.
func (emit EmitAll) One() Emit {
	return func(ev Event) (Result, error) {
		all := []Emitted{{Event: ev}}
		emit(all)
		return all[0].Result, all[0].Err
	}
}

// All is the EmitAll that emits one event after the other.
func (emit Emit) All() EmitAll {
	return func(all []Emitted) {
		for i := range all {
			all[i].Result, all[i].Err = emit(all[i].Event)
		}
	}
}

// A Source makes events of what happens: at a button or a scanner, at a vendor, with time.
type Source interface {
	// Run blocks until ctx is done and then returns nil. When emit returns no error
	// the event is durable, and the source may tell the operator what the result
	// says, and no more. A device that is merely unplugged is waited for; a device
	// that can never come back in this process is an error.
	Run(ctx context.Context, emit Emit) error
}

// A Watch is a Source that follows what others do at a vendor: a call that is closed
// there, an order that is started there.
type Watch interface {
	Source

	// LookNow has the watch look at once, or as soon as the vendor's pace allows. It
	// does not wait for that, and does not block.
	LookNow()
}

// A CallWatch is a Watch that sees how the open calls stand at the vendor.
type CallWatch interface {
	Watch

	// Calls returns how the calls that are open stand, by the vendor's names for them
	// (Call.Ref), as they were last seen; nil before the first look. It must not block, and
	// nobody changes the map.
	Calls() map[string]SeenCall
}

// A SeenCall is how an open call was last seen to stand at the vendor.
type SeenCall struct {
	Number   string // by which people there call it; empty: it is not shown
	Attended bool   // somebody is on it
}

// A Display shows what the station may claim.
type Display interface {
	// Show hands over the light of every lamp. It must not block and may be called
	// again with the same lights.
	Show(map[string]Light)
}

// A Sounder makes the station's sounds.
type Sounder interface {
	// Sound hands over the sounds that are new, by buzzer. Each is made once. It
	// must not block.
	Sound(map[string]SoundKind)
}

// A HealthReporter is a Source or a Display that knows how its devices are.
type HealthReporter interface {
	// Faults returns what is wrong with each device by its configured name; "" says
	// that it is well. It must not block.
	Faults() map[string]string
}

// A FaultExplainer is a HealthReporter whose faults can be said in every language.
type FaultExplainer interface {
	// FaultReasons returns the reasons of the faults that have one, by the device's
	// configured name. It must not block.
	FaultReasons() map[string]*Reason
}

// An Adviser is a HealthReporter whose devices could be set better than they are, with which
// nothing is wrong.
type Adviser interface {
	// Advice returns what would make a device better by its configured name. It must
	// not block.
	Advice() map[string]string
}
