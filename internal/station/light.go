package station

import "time"

// A Light is what a lamp may claim. It never says more than the disk knows.
type Light uint8

// The lights, from the weakest claim to the strongest: where several things
// share a lamp, the greatest wins. OffDuty is shown by the display alone, when
// the station stops; it is never the answer of Lights.
const (
	Off     Light = iota // nothing is going on
	Steady               // delivered: the vendor has it
	Slow                 // recorded: it is on disk and will be delivered
	Quick                // a person must look
	OffDuty              // stationd is stopped: nothing pressed here is recorded
)

// String returns the light's word in logs, metrics and pages.
func (l Light) String() string {
	switch l {
	case Off:
		return "off"
	case Steady:
		return "steady"
	case Slow:
		return "slow"
	case Quick:
		return "quick"
	case OffDuty:
		return "off duty"
	}
	return "no light"
}

// Flash is how long a lamp shows something that passes, as a delivered trace or
// an unknown scan. The lights are asked for again at least this often.
const Flash = 2 * time.Second

// Health is how the parts of the station are. It is kept by the agent and never
// on disk: it is true only while the process lives.
type Health struct {
	Storage  string             // what is wrong with the outbox; "" when it is sound
	Fill     float64            // how full the outbox is, 0 to 1 of what it may hold
	Backends map[string]Contact // by name
	Devices  map[string]string  // what is wrong with each input or lamp, by configured name; "" when it is well
	Clock    bool               // the wall clock has been set from outside since boot
}

// Contact is how the last attempts at a backend went.
type Contact struct {
	Reached bool   // the last attempt was answered
	Fault   string // why the backend is paused until a person has acted: the key is wrong; "" otherwise
	Last    string // the last error in words, "" after an answer
}

// Lights says what every lamp may claim. It is pure, and it looks at nothing but
// what is on disk (s), how the parts are (h) and what time it is (now).
//
// A source's lamp shows, the strongest first: quick while one of its entries is
// held, slow while one waits, steady while a call it opened is open at the
// vendor. What passes shows for at least Flash: steady after a delivery, quick
// after a scan that nobody knows or that lacks something. A fault is quick.
func (p Program) Lights(s State, h Health, now Stamp) map[string]Light {
	lights := make(map[string]Light, len(p.Lamps))
	for _, lamp := range p.Lamps {
		lights[lamp] = Off
	}
	raise := func(lamp string, l Light) {
		if shown, known := lights[lamp]; known && l > shown {
			lights[lamp] = l
		}
	}
	lampOf := func(source string) string {
		if lamp := p.Lamp[source]; lamp != "" {
			return lamp
		}
		return p.Rest
	}
	for source, t := range s.Sources {
		switch {
		case t.Held > 0:
			raise(lampOf(source), Quick)
		case t.Waiting > 0:
			raise(lampOf(source), Slow)
		}
	}
	for _, c := range s.Calls {
		if c.Ref != "" {
			raise(lampOf(c.Source), Steady)
		}
	}
	for source, n := range s.Notes {
		if age, known := now.Since(n.At); known && age >= 0 && age < Flash {
			raise(lampOf(source), n.flash())
		}
	}
	for device, fault := range h.Devices {
		if fault == "" {
			continue
		}
		if _, lamp := lights[device]; lamp {
			raise(device, Quick)
			continue
		}
		raise(lampOf(device), Quick)
	}
	if h.Storage != "" || h.keyFault() && p.Rest == "" {
		for lamp := range lights {
			raise(lamp, Quick)
		}
	}
	if h.keyFault() {
		raise(p.Rest, Quick)
	}
	return lights
}

func (h Health) keyFault() bool {
	for _, c := range h.Backends {
		if c.Fault != "" {
			return true
		}
	}
	return false
}

// flash is the light that a note shows while it is fresh.
func (n Note) flash() Light {
	switch n.Kind {
	case NoteDelivered:
		return Steady
	case NoteUnknown, NoteNeeds, NoteHeld:
		return Quick
	}
	return Off
}
