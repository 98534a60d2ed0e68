package station

import (
	"maps"
	"slices"
)

// This file keeps what each line was last seen to run, in State.Lines: an order that is
// closed late must not close the one that runs by then.

// setCurrentOrder enters what a line runs now.
func (s State) setCurrentOrder(ev Event) State {
	line := ev.Data["line"]
	now := Current{Order: clip(ev.Data["id"]), Product: clip(ev.Data["product"]), At: ev.At}
	last, known := s.Lines[line]
	if line == "" || known && last.Order == now.Order && last.Product == now.Product {
		return s
	}
	s.Lines = maps.Clone(s.Lines)
	if s.Lines == nil {
		s.Lines = make(map[string]Current)
	}
	if !known && len(s.Lines) >= mostLines {
		delete(s.Lines, oldestLine(s.Lines))
	}
	s.Lines[line] = now
	return s
}

// oldestLine is the line whose last change was seen longest ago.
func oldestLine(lines map[string]Current) string {
	return slices.MinFunc(slices.Sorted(maps.Keys(lines)), func(a, b string) int { return lines[a].At.Wall.Compare(lines[b].At.Wall) })
}

// clip cuts a vendor's name for something where it is longer than a name may be.
func clip(name string) string {
	if runes := []rune(name); len(runes) > longestSubject {
		return string(runes[:longestSubject])
	}
	return name
}

// leftRunning enters what a line runs after a delivery that changed it, as the vendor's
// answer showed it.
func (s State) leftRunning(rc Receipt) State {
	r := rc.Runs
	if r.Line == "" {
		return s
	}
	data := map[string]string{"line": r.Line}
	if r.Order != NoOrder {
		data["id"], data["product"] = r.Order, r.Product
	}
	return s.setCurrentOrder(Event{Data: data, At: rc.At})
}

// fillLastSeen fills in what the line of an action was last seen to run.
func (s State) fillLastSeen(verb Verb, with map[string]string) {
	c, known := s.Lines[with[verb.Line]]
	switch {
	case verb.Line == "" || !known:
	case c.Order == "":
		with[LastSeen] = NoOrder
	default:
		with[LastSeen] = c.Order
	}
}
