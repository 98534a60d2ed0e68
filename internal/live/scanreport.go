package live

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"stationd/internal/scanner"
	"stationd/internal/scanner/gs1"
	"stationd/internal/station"
)

// A ScanReport is a scan and what can be said of it: what its GS1 elements are, how the rest
// was read, and what a binding would do with it.
type ScanReport struct {
	scanner.Frame
	GS1     gs1Result
	Meaning *meaning // nil without a configuration
	Result  string   // what the running station did with it; "" where none got it
	Steps   []string // what was taken off and how the rest was read, one step each
}

// NewScanReport reports a frame of the reader with this configuration. Meaning and Result are
// for the caller to add.
func NewScanReport(config scanner.Config, frame scanner.Frame) ScanReport {
	return ScanReport{Frame: frame, GS1: findGS1(frame.Event, frame.Raw), Steps: scanner.Explain(config, frame.Raw)}
}

// A gs1Result is what a scan holds by the rules of GS1.
type gs1Result struct {
	Claimed  bool // its AIM identifier says that it is GS1
	Elements []gs1.Element
	Err      error
	Pos      int // the byte of the fault, counted from 0 and the AIM identifier; -1: none
}

// findGS1 parses a scan by GS1's rules; one that does not claim to be GS1 may still hold
// elements, as an ITF-14 does.
func findGS1(ev station.Event, raw []byte) gs1Result {
	elements, err := gs1.Parse(string(raw))
	found := gs1Result{Claimed: !errors.Is(err, gs1.ErrNotGS1), Elements: elements, Err: err, Pos: -1}
	if fault := (*gs1.Error)(nil); errors.As(err, &fault) {
		found.Pos = fault.Pos
	}
	if !found.Claimed || found.Err != nil && len(found.Elements) == 0 {
		if !found.Claimed {
			found.Err = nil
		}
		for _, key := range slices.Sorted(maps.Keys(ev.Data)) {
			// An ITF-14 is a GTIN by its check digit, without a claim to be GS1.
			if ai, ok := strings.CutPrefix(key, "gs1."); ok && ai != "error" && !gs1.HasPoint(ai) {
				found.Elements = append(found.Elements, gs1.Element{AI: ai, Value: ev.Data[key]})
			}
		}
	}
	return found
}

// A meaning is what a program would do with an event while no values are set.
type meaning struct {
	Number  int // of the binding in the file, counted from 1; 0: none matches
	Binding station.Binding
	State   station.State // afterwards
	Actions []station.Action
	WhyNot  []string // why each binding of this event does not match, where none does
}

// explain decides an event on an empty state, with one binding at a time until one matches:
// Decide itself does not say which binding matched.
func explain(p station.Program, ev station.Event) meaning {
	for _, b := range p.Bindings {
		alone := b
		alone.Confirm = false // what it does once it is confirmed
		single := p
		single.Bindings = []station.Binding{alone}
		state, actions := single.Decide(station.State{}, ev)
		if kind := state.Notes[ev.Source].Kind; kind != station.NoteUnknown && b.Event == ev.Name() && b.WhyNot(ev) == "" {
			return meaning{Number: b.Number + 1, Binding: b, State: state, Actions: actions}
		}
	}
	var whyNot []string
	for _, b := range p.Bindings {
		if why := b.WhyNot(ev); b.Event == ev.Name() && why != "" {
			whyNot = append(whyNot, fmt.Sprintf("[[on]] number %d: %s", b.Number+1, why))
		}
	}
	return meaning{WhyNot: whyNot}
}

// bindingText names a binding so that a person finds it in the file.
func (m *meaning) bindingText() string {
	parts := []string{fmt.Sprintf("[[on]] number %d: event = %q", m.Number, m.Binding.Event)}
	if m.Binding.Match != nil {
		parts = append(parts, fmt.Sprintf("match = '%s'", m.Binding.Match))
	}
	if m.Binding.GS1 != nil {
		parts = append(parts, fmt.Sprintf("gs1 = [%s]", strings.Join(m.Binding.GS1, ", ")))
	}
	for _, kind := range []string{"di", "hibc", "store"} {
		var names []string
		for _, name := range m.Binding.Carry {
			if id, ok := strings.CutPrefix(name, kind+"."); ok {
				names = append(names, id)
			}
		}
		if names != nil {
			parts = append(parts, fmt.Sprintf("%s = [%s]", kind, strings.Join(names, ", ")))
		}
	}
	if m.Binding.JSON != nil {
		parts = append(parts, "json of "+strings.Join(slices.Sorted(maps.Keys(m.Binding.JSON)), ", "))
	}
	if m.Binding.Pairs != nil {
		parts = append(parts, "pairs of "+strings.Join(slices.Sorted(maps.Keys(m.Binding.Pairs)), ", "))
	}
	switch {
	case m.Binding.ConfirmBy != "":
		parts = append(parts, fmt.Sprintf("confirm = %q", m.Binding.ConfirmBy))
	case m.Binding.Confirm:
		parts = append(parts, "confirm = true")
	}
	if m.Binding.Ignore {
		parts = append(parts, "ignore = true")
	}
	return strings.Join(parts, ", ")
}
