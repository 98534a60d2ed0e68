package station

import (
	"slices"
	"time"
)

// A Light is how a lamp is lit. Each way says something to the operator, and a lamp never
// says more than what is on disk: slow flashing promises that a press is recorded.
type Light uint8

// The lights, in the order of their urgency: where several things share a lamp, it shows the
// greatest. OffDuty is set by the agent when the station stops; Lights never returns it.
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

// Flash is how long a lamp shows something that leaves nothing behind for it to show, as a
// delivered production record or an unknown scan. Lights is asked again at least this often.
const Flash = 2 * time.Second

// PageElsewhere is the part among Health.Devices that says why no other machine sees the page.
// Nobody who stands at the station misses anything by it: no lamp and no buzzer shows it.
const PageElsewhere = "page elsewhere"

// Health is how the parts of the station are. It is kept by the agent and never
// on disk: it is true only while the process lives.
type Health struct {
	Storage  string             // what is wrong with the outbox; "" when it is sound
	Fill     float64            // how full the outbox is, 0 to 1 of what it may hold
	Backends map[string]Contact // by name
	Devices  map[string]string  // what is wrong with each input or lamp, by configured name; "" when it is well
	Reasons  map[string]*Reason // the same as Devices as a kind and values, where it has one
	Advice   map[string]string  // what would make a device better with which nothing is wrong; only the doctor says it
	Clock    bool               // the wall clock has been set from outside since boot
}

// Lights says how every lamp is to be lit. It is pure, and it looks at nothing but what is
// on disk (s), how the parts are (h) and what time it is (now).
//
// A source's lamp shows, the strongest first: quick while one of its entries is
// held, slow while one waits, steady while a call it opened is open at the
// vendor. A note shows for Flash at least: steady after a delivery, quick after a
// scan that no binding takes or for which something is missing. A fault is quick;
// where no lamp stands for the station as a whole, every lamp that is off shows it.
//
// A stack light shows the station: its red is quick while a person must look, its
// yellow slow while something waits or a vendor is out of reach, its green steady
// while neither is so. docs/lamps.md has the whole table.
func (p Program) Lights(s State, h Health, now Stamp) map[string]Light {
	shown := p.allOff()
	for source, t := range s.Sources {
		switch {
		case t.Held > 0:
			shown.raise(p.lampOf(source), Quick)
		case t.Waiting > 0:
			shown.raise(p.lampOf(source), Slow)
		}
	}
	for _, c := range s.Calls {
		switch {
		case c.Unanswered():
			shown.raise(p.lampOf(c.Source), Quick)
		case c.Closing != "": // maybe from the page, which has no lamp
			shown.raise(p.lampOf(c.Source), Slow)
		case c.Ref != "":
			shown.raise(p.lampOf(c.Source), Steady)
		}
	}
	for source, n := range s.Notes {
		if age, known := now.Since(n.At); known && age >= 0 && age < Flash {
			shown.raise(p.lampOf(source), n.Kind.Reply().Lamp)
		}
	}
	noLamp := false // something is wrong that has no lamp
	for device, fault := range h.Devices {
		if fault == "" || device == PageElsewhere {
			continue
		}
		if _, lamp := shown[device]; lamp {
			shown.raise(device, Quick)
			// The fault may be what keeps the lamp dark: another one has to say so.
			if shown.raise(p.DefaultLamp, Quick); p.DefaultLamp == "" || p.DefaultLamp == device {
				noLamp = true
			}
			continue
		}
		if lamp := p.lampOf(device); lamp != "" {
			shown.raise(lamp, Quick)
			continue
		}
		noLamp = true
	}
	switch {
	case h.Storage != "", h.keyFault() && p.DefaultLamp == "" && !p.hasRed():
		for lamp := range shown {
			shown.raise(lamp, Quick)
		}
	case h.keyFault():
		shown.raise(p.DefaultLamp, Quick)
	}
	if noLamp && !p.hasRed() {
		for lamp, l := range shown {
			if l == Off { // one that answers a press goes on answering it
				shown[lamp] = Quick
			}
		}
	}
	return p.withStackLights(shown, s, h)
}

// lights are the lights that are shown, by lamp.
type lights map[string]Light

// allOff is every lamp but those of stack lights, off.
func (p Program) allOff() lights {
	shown := make(lights, len(p.Lamps))
	for _, lamp := range p.Lamps {
		shown[lamp] = Off
	}
	for _, k := range p.Stacks {
		for _, lamp := range []string{k.Red, k.Yellow, k.Green} {
			delete(shown, lamp)
		}
	}
	return shown
}

// raise makes a lamp that there is show at least so much.
func (all lights) raise(lamp string, l Light) {
	if shown, known := all[lamp]; known && l > shown {
		all[lamp] = l
	}
}

func (p Program) lampOf(source string) string {
	if lamp := p.Lamp[source]; lamp != "" {
		return lamp
	}
	return p.DefaultLamp
}

func (p Program) hasRed() bool {
	return slices.ContainsFunc(p.Stacks, func(k Stack) bool { return k.Red != "" })
}

// withStackLights adds the lamps of the stack lights.
func (p Program) withStackLights(shown lights, s State, h Health) lights {
	red, yellow, green := Off, Off, Off
	if s.held() || s.overdue() || h.faulty() {
		red = Quick
	}
	if s.waits() || h.offline() {
		yellow = Slow
	}
	if red == Off && yellow == Off {
		green = Steady
	}
	for _, k := range p.Stacks {
		for lamp, l := range map[string]Light{k.Red: red, k.Yellow: yellow, k.Green: green} {
			if lamp != "" {
				shown[lamp] = l
			}
		}
	}
	return shown
}

// overdue reports whether a call has been open for too long.
func (s State) overdue() bool {
	return slices.ContainsFunc(s.Calls, Call.Unanswered)
}

// held reports whether anything waits for a person.
func (s State) held() bool {
	for _, t := range s.Sources {
		if t.Held > 0 {
			return true
		}
	}
	return false
}

// waits reports whether anything waits to be delivered.
func (s State) waits() bool {
	for _, t := range s.Sources {
		if t.Waiting > 0 {
			return true
		}
	}
	return false
}

// faulty reports whether anything is wrong that only a person can mend.
func (h Health) faulty() bool {
	for device, fault := range h.Devices {
		if fault != "" && device != PageElsewhere {
			return true
		}
	}
	return h.Storage != "" || h.keyFault()
}

// offline reports whether the last attempt at any backend was not answered. One
// that was never tried is not offline.
func (h Health) offline() bool {
	for _, c := range h.Backends {
		if c.Kind == NoContact {
			return true
		}
	}
	return false
}

func (h Health) keyFault() bool {
	for _, c := range h.Backends {
		if c.Fault != "" {
			return true
		}
	}
	return false
}
