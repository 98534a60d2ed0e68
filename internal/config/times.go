package config

import (
	"strings"
	"time"

	"stationd/internal/station"
)

// This file compiles what comes by the clock: at and after of a binding, and [[shift]].

// A shift is one [[shift]] of the file.
type shift struct {
	Name  string `toml:"name"`
	Start string `toml:"start"`
	End   string `toml:"end"`
}

// Shifts decodes and checks every [[shift]].
func (f *File) Shifts() []station.Shift {
	var all []shift
	f.Tables("shift", &all)
	var shifts []station.Shift
	names := make(map[string]bool)
	for i, raw := range all {
		switch {
		case raw.Name == "":
			f.Fault(At("shift", i, "name"), `"name" is missing in [[shift]]: what bindings see as {shift}`)
		case names[raw.Name]:
			f.Fault(At("shift", i, "name"), "there is another shift %q", raw.Name)
		}
		names[raw.Name] = true
		start, ok := f.dayTime(At("shift", i, "start"), raw.Start)
		end, well := f.dayTime(At("shift", i, "end"), raw.End)
		if well && strings.Contains(raw.End, " ") {
			f.Fault(At("shift", i, "end"), "a shift's days stand at its start; its end is a time alone, as \"14:00\"")
			continue
		}
		if ok && well {
			shifts = append(shifts, station.NewShift(raw.Name, start, end))
		}
	}
	return shifts
}

// dayTime reads a time of the day of a shift.
func (f *File) dayTime(at Path, text string) (station.DayTime, bool) {
	d, err := station.ParseDayTime(text)
	if err != nil {
		f.Fault(at, "%v", err)
	}
	return d, err == nil
}

// mostTimes is how many times of the day one binding may name.
const mostTimes = 24

// at compiles the times of a binding.
func (c *compiler) at(n *node, kind string) (times []station.DayTime) {
	at := n.fields["at"]
	if at == nil || at.faulty {
		return nil
	}
	if kind != "" && kind != station.At {
		at.faulty = true
		c.fault(at.key, `"at" is an event itself: leave "event" out, or make two bindings of it`)
		return nil
	}
	items := []*node{at}
	if at.kind == list {
		items = at.items
	}
	if len(items) == 0 || len(items) > mostTimes {
		c.faultOf(at, `"at" must be a time, as "06:00", or a list of up to %d`, mostTimes)
	}
	for _, item := range items {
		if item.faulty || !c.wantKind(item, `"at"`, text) {
			continue
		}
		d, err := station.ParseDayTime(item.text)
		if err != nil {
			c.faultOf(item, "%v", err)
			continue
		}
		times = append(times, d)
	}
	return times
}

// placedAfter is a binding for a call that has been open for too long.
type placedAfter struct {
	source string
	at     *node
}

const leastAfter = time.Second

// after compiles how long a call must have been open.
func (c *compiler) after(n *node, source, kind string, after time.Duration) time.Duration {
	at := n.fields["after"]
	switch {
	case source != "" && kind == station.Open && at == nil:
		c.fault(n.fields["event"].at, `%s.open needs to know after how long: after = "5m"`, source)
	case at == nil || at.faulty:
	case kind != "" && kind != station.Open:
		at.faulty = true
		c.fault(at.key, `"after" is how long a call has been open, and belongs to an event like maintenance.open`)
	case after < leastAfter:
		c.faultOf(at, `"after" must be at least %v`, leastAfter)
	default:
		c.afters = append(c.afters, placedAfter{source, at})
		return after
	}
	return 0
}

// checkAfters reports bindings for open calls of sources that open none.
func (c *compiler) checkAfters() {
	for _, a := range c.afters {
		opens := c.unsure[a.source] || c.unsure[""]
		for _, open := range c.opens {
			opens = opens || open.source == a.source
		}
		if !opens {
			c.faultOf(a.at, "no binding of %s opens a call, so none of it is ever open for too long", a.source)
		}
	}
}
