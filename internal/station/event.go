package station

import "time"

// A Stamp says when something happened without trusting the wall clock, which a
// board without a real-time clock gets wrong until it has reached a time server.
type Stamp struct {
	Wall    time.Time     `json:"wall"`              // what the clock said then
	Boot    string        `json:"boot"`              // the kernel's boot id
	Up      time.Duration `json:"up"`                // since that boot (CLOCK_BOOTTIME)
	Trusted bool          `json:"trusted,omitempty"` // the wall clock had been set from outside in that boot
}

// Since returns how long before t the earlier stamp was. Within one boot the
// time since the boot decides; between boots the wall clock does, when it was
// trusted both times; otherwise nobody can tell, and known is false.
func (t Stamp) Since(earlier Stamp) (age time.Duration, known bool) {
	switch {
	case t.Boot != "" && t.Boot == earlier.Boot:
		return t.Up - earlier.Up, true
	case t.Trusted && earlier.Trusted:
		return t.Wall.Sub(earlier.Wall), true
	}
	return 0, false
}

// An Event is something that happened at the station.
type Event struct {
	ID     ID                `json:"id"`             // for ever; its entries' short marks ride along to the vendors
	Source string            `json:"source"`         // configured name of the input
	Kind   string            `json:"kind"`           // the source's own word: press, hold, scan
	Code   string            `json:"code,omitempty"` // what was read
	Data   map[string]string `json:"data,omitempty"` // what belongs to it: symbology, gs1.01, ref, by
	At     Stamp             `json:"at"`
}

// Name is what a binding calls the event: its source, a point, its kind.
func (ev Event) Name() string { return ev.Source + "." + ev.Kind }

// The kinds that the sources of this program use.
const (
	Press   = "press"   // a button was pressed
	Hold    = "hold"    // a button was held down
	Double  = "double"  // a button was pressed twice in quick succession
	Release = "release" // a button that was pressed, held or pressed twice was let go
	Scan    = "scan"    // a bar code was read

	// Close comes from the page or the command line: a person closes a call, also
	// one whose button is not there any more. Data names it, by entry (the ID of
	// its open) or by ref (the vendor's name for it).
	Close = "close"

	// Minute comes from the station itself once a minute while anything is
	// counted: station.minute is the one event of the program's own that a
	// configuration may bind.
	Minute = "minute"

	// Hour, At, ShiftStart and ShiftEnd come from the station itself too, by the clock at
	// the wall: at each full hour, at the times that a binding names, and as shifts begin
	// and end. Data: at, shift.
	Hour       = "hour"
	At         = "at"
	ShiftStart = "shift_start"
	ShiftEnd   = "shift_end"

	// Open comes of a source whose call has been open for so long. Data: after.
	Open = "open"

	// OrderCurrent comes from a vendor: what is made, and on which line. Data: line, id,
	// product, reference, done and amount; without id nothing runs. Every other kind of
	// event from a vendor but OrderSeen tells of a call that is over there; Data: ref.
	OrderCurrent = "order.current"

	// OrderSeen comes from a vendor each time that what is made was read and is what it was:
	// with the same Data, and those that may change meanwhile, how much is done.
	OrderSeen = "order.seen"
)

// The names of Data of the station's own times. Those in small letters are its own.
const (
	DataAt    = "at"
	DataShift = "shift"
	DataAfter = "after"

	dataTime  = "time"  // the key in State.Times
	dataDue   = "due"   // when it came
	dataNoted = "noted" // it is noted, and nothing is done
	dataEntry = "entry" // of the call
)

// The sources that no configuration may name, beside the backends: they are the
// program's own.
const (
	FromCommand = "cli"     // the operator's command line
	FromPage    = "web"     // the operator's page
	FromStation = "station" // the program itself
)

// Reserved reports whether a source name is the program's own, or a backend's: what is
// seen at a vendor is an event of a source with the backend's name.
func (p Program) Reserved(source string) bool {
	_, vendor := p.Vendors[source]
	return vendor || Own(source)
}

// Own reports whether a source is the program itself.
func Own(source string) bool {
	return source == FromCommand || source == FromPage || source == FromStation
}
