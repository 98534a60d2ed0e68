package main

import (
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/station"
)

// lastNote waits until the last thing that a source's operator was told is of that kind, and
// returns its text.
func lastNote(t *testing.T, b *demo.Simulation, source string, kind station.NoteKind) (text string) {
	t.Helper()
	must(t, demo.Until(t.Context(), source+" is told "+string(kind), func() bool {
		s, err := b.Control().Snapshot(t.Context())
		if err != nil {
			return false
		}
		note := s.State.Notes[source]
		text = note.Text
		return note.Kind == kind
	}))
	return text
}

// A trace is built of scanned parts: each once, at least two, in an amount that somebody may
// mean; and what throws it away must be scanned twice, or be confirmed with a button.
func TestAPieceIsBuiltOfPartsAndNothingMistypedGoesOut(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	editConfig(t, b, `[[on]]
event  = "hand.scan"
match  = '^PO(?P<order>\d+)$'`, `[[on]]
event  = "hand.scan"
match  = '^PART-(?P<part>\w+)$'
not_in = { parts = "{part}" }
append = { parts = { article = "{part}" } }

[[on]]
event = "hand.scan"
match = '^DONE-(?P<amount>\d+)$'
needs = ["order", "parts>=2"]
max   = { amount = 12 }
do    = [{ lagerkoll = "article.trace", order = "{order}", article = "09506000134352", batch = "B7", amount = "{amount}" }]
clear = ["parts"]

[[on]]
event   = "hand.scan"
match   = '^AWAY$'
confirm = "material.hold"
clear   = ["parts", "order"]

[[on]]
event  = "hand.scan"
match  = '^PO(?P<order>\d+)$'`)
	editConfig(t, b, `event = "maintenance.hold"
do    = [{ l2l = "dispatch.close" }]`, `event = ["maintenance.hold", "material.hold"]
count = { stops = 1 }`)
	editConfig(t, b, "latch = true\n", "")
	must(t, b.Power(t.Context(), true))
	for _, step := range []struct {
		code string
		kind station.NoteKind
		text string
	}{
		{"DONE-5", station.NoteNeeds, "order"},
		{"PO4711", station.NoteSet, "PO4711"},
		{"DONE-5", station.NoteNotYet, "parts 0 (>= 2)"},
		{"PART-A", station.NoteSet, "parts 1"},
		{"PART-A", station.NoteAmong, "A"},
		{"PART-B", station.NoteSet, "parts 2"},
		{"DONE-99999999", station.NoteAbove, "amount 99999999 > 12"},
		{"AWAY", station.NoteConfirm, "AWAY"},
		{"DONE-5", station.NoteDelivered, ""},
	} {
		must(t, b.Scan(step.code))
		if text := lastNote(t, b, "hand", step.kind); text != step.text {
			t.Errorf("%s: %q, want %q", step.code, text, step.text)
		}
		// The same code again too soon is the same scan.
		waitRecorded(t, b, "hand.scan", func() { must(t, b.Scan("nothing")) })
	}
	if traces := b.Plant.Traces(); len(traces) != 1 || traces[0].Amount != 5 {
		t.Errorf("%+v", traces)
	}
	must(t, b.Scan("AWAY"))
	lastNote(t, b, "hand", station.NoteConfirm)
	waitRecorded(t, b, "material.hold", func() { b.Push(demo.PinMaterial, 2500*time.Millisecond) })
	must(t, demo.Until(t.Context(), "the order is put away", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		_, in := s.State.Values["order"]
		return err == nil && !in
	}))
	if found := b.Plant.Dispatches(); len(found) > 0 {
		t.Errorf("the press that confirmed has opened %+v", found)
	}
	// One binding answers two buttons.
	for i, pin := range []int{demo.PinMaintenance, demo.PinMaterial} {
		b.Push(pin, 2500*time.Millisecond)
		must(t, demo.Until(t.Context(), "it is counted", func() bool {
			s, err := b.Control().Snapshot(t.Context())
			return err == nil && s.State.Counters["stops"].Count == i+1
		}))
	}
}

// Nobody comes, and the station calls somebody else: once, also when the power goes meanwhile.
func TestACallThatIsOpenForTooLongCallsSomebodyElseInTheRunningProgram(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	editConfig(t, b, `[[on]]
event = "maintenance.hold"`, `[[on]]
event = "maintenance.open"
after = "2s"
do    = [{ l2l = "dispatch.open", type = "MATERIAL", description = "Nobody has come" }]

[[on]]
event = "maintenance.hold"`)
	editConfig(t, b, `l2l = "dispatch.close"`, `l2l = "dispatch.close", type = "MAINT"`)
	must(t, b.Power(t.Context(), true))
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	lastNote(t, b, "maintenance", station.NoteOverdue)
	must(t, b.WaitDelivered(t.Context()))
	must(t, b.Power(t.Context(), false))
	must(t, b.Power(t.Context(), true))
	must(t, demo.Until(t.Context(), "the red lamp blinks quickly", func() bool {
		l, ok := b.Lamps.Light(demo.PinRed)
		return ok && l == station.Quick
	}))
	must(t, b.WaitDelivered(t.Context()))
	if found := b.Plant.Dispatches(); len(found) != 2 || found[0].Type != "MAINT" || found[1].Type != "MATERIAL" {
		t.Errorf("%+v", found)
	}
}

// Somebody is on a call at L2L, and another call is too old: nobody else is called for the first.
// The times are taken into force when L2L has been seen to show it, so that no race decides.
func TestACallThatSomebodyIsOnCallsNobodyElseInTheRunningProgram(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	editConfig(t, b, `"24h0m0s"`, `"1s"`)
	must(t, b.Power(t.Context(), true))
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.WaitDelivered(t.Context()))
	if found := b.Plant.Dispatches(); len(found) != 1 || !b.Plant.Attend(found[0].Number) {
		t.Fatalf("%+v", found)
	}
	waitRecorded(t, b, "material.press", func() { b.Push(demo.PinMaterial, demo.PressTime) })
	must(t, demo.Until(t.Context(), "somebody is seen to be on the first call", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && len(s.State.Calls) == 2 && s.State.Calls[0].Attended
	}))
	editConfig(t, b, `[[on]]
event = "maintenance.hold"`, `[[on]]
event = ["maintenance.open", "material.open"]
after = "2s"

[[on]]
event = "maintenance.hold"`)
	reloadStation(t, b, heardReload)
	lastNote(t, b, "material", station.NoteOverdue) // the clock looks at the older call first
	s, err := b.Control().Snapshot(t.Context())
	must(t, err)
	if n := s.State.Notes["maintenance"]; n.Kind == station.NoteOverdue || len(s.State.Calls[0].Overdue) > 0 {
		t.Errorf("%+v, %+v", n, s.State.Calls[0])
	}
}

// A binding of the clock, in the time zone of the station.
func TestWhatIsBoundToATimeOfTheDayIsDoneOnceInTheRunningProgram(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	zone, err := time.LoadLocation("Europe/Stockholm")
	must(t, err)
	soon := time.Now().Add(40 * time.Second).Truncate(time.Minute).Add(time.Minute)
	editConfig(t, b, `[[on]]
event = "maintenance.press"`, `[[on]]
at = "`+soon.In(zone).Format("15:04")+`"
do = [{ l2l = "dispatch.open", type = "MATERIAL", description = "Clean the line" }]

[[on]]
event = "maintenance.press"`)
	must(t, b.Power(t.Context(), true))
	done := func() bool { return len(b.Plant.Dispatches()) > 0 }
	for !done() && time.Since(soon) < 20*time.Second {
		_ = demo.Until(t.Context(), "it is time", done) // which waits for half a minute
	}
	must(t, b.WaitDelivered(t.Context()))
	if found := b.Plant.Dispatches(); len(found) != 1 || found[0].Type != "MATERIAL" {
		t.Errorf("%+v", found)
	}
}
