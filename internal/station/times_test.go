package station

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func stockholm(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func dayTime(t *testing.T, text string) DayTime {
	t.Helper()
	d, err := ParseDayTime(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestATimeOfTheDayIsReadWithItsDays(t *testing.T) {
	t.Parallel()
	for text, days := range map[string]string{"06:00": "sun mon tue wed thu fri sat", "mon-fri 06:00": "mon tue wed thu fri", "sat,sun 22:30": "sun sat", "fri-mon 00:00": "sun mon fri sat"} {
		d := dayTime(t, text)
		var got []string
		for i, is := range d.Days {
			if is {
				got = append(got, weekdays()[i])
			}
		}
		if strings.Join(got, " ") != days {
			t.Errorf("%s: %v", text, got)
		}
	}
	for _, wrong := range []string{"", "6:00", "24:00", "06:60", "06", "mon", "mon 6", "monday 06:00", "mon- 06:00", "06:00 mon", "* 06:00", "mon  06:00", "-1:00", "0600"} {
		if d, err := ParseDayTime(wrong); err == nil {
			t.Errorf("%q is read as %+v", wrong, d)
		}
	}
}

// A wallClock is a station at which time passes by the minute.
type wallClock struct {
	Program
	t    *testing.T
	s    State
	done []string // when what was done, by the clock at the wall
}

// passes has every minute from one moment up to another pass while the station is on.
func (w *wallClock) passes(from, until time.Time) {
	w.t.Helper()
	for at := from; !at.After(until); at = at.Add(time.Minute) {
		w.minute(at, true)
	}
}

func (w *wallClock) minute(at time.Time, trusted bool) {
	w.t.Helper()
	now := Stamp{Wall: at, Boot: "b", Up: time.Duration(at.Unix()) * time.Second, Trusted: trusted}
	events, _ := w.Due(w.s, now, now)
	for i, ev := range events {
		ev.ID = ID(fmt.Sprintf("%d-%d", at.Unix(), i))
		var actions []Action
		w.s, actions = w.Decide(w.s, ev)
		for _, a := range actions {
			w.done = append(w.done, at.In(w.Zone).Format("Mon 15:04 ")+a.With["description"])
		}
		if again, more := w.Decide(w.s, ev); len(more) > 0 || cmp.Diff(w.s, again) != "" {
			w.t.Errorf("the same event once more does %v", more)
		}
	}
}

func (w *wallClock) wants(done ...string) {
	w.t.Helper()
	if diff := cmp.Diff(done, w.done); diff != "" {
		w.t.Error(diff)
	}
	w.done = nil
}

// clockAt is a station with bindings of the clock, which has been on for a while.
func clockAt(t *testing.T, on time.Time, bindings ...Binding) *wallClock {
	t.Helper()
	p := floor()
	p.Zone, p.Bindings = on.Location(), bindings
	w := &wallClock{Program: p, t: t}
	w.minute(on, true)
	w.wants()
	return w
}

func opens(event, description string, at ...DayTime) Binding {
	return Binding{Event: event, At: at, Do: []Do{doing("dispatch.open", map[string]string{"type": "T", "description": description})}}
}

// again has a binding open another dispatch each time.
func again(b Binding) Binding {
	b.Do[0].Again = true
	return b
}

func TestATimeOfTheDayComesOnceADayAlsoWhenTheClocksChange(t *testing.T) {
	t.Parallel()
	zone := stockholm(t)
	day := func(month time.Month, d, h, m int) time.Time { return time.Date(2026, month, d, h, m, 0, 0, zone) }
	w := clockAt(t, day(3, 27, 12, 0), again(opens("station.at", "night", dayTime(t, "02:30"))))
	w.passes(day(3, 27, 12, 1), day(3, 30, 12, 0))
	// On 29 March there is no 02:30: it is done when the clocks are put forward to 03:00.
	w.wants("Sat 02:30 night", "Sun 03:00 night", "Mon 02:30 night")

	w = clockAt(t, day(10, 23, 12, 0), again(opens("station.at", "night", dayTime(t, "02:30"))))
	w.passes(day(10, 23, 12, 1), day(10, 26, 12, 0))
	// On 25 October there are two: it is done at the first.
	w.wants("Sat 02:30 night", "Sun 02:30 night", "Mon 02:30 night")

	w = clockAt(t, day(10, 24, 23, 30), again(opens("station.hour", "hour")))
	w.passes(day(10, 24, 23, 31), day(10, 25, 4, 15))
	w.wants("Sun 00:00 hour", "Sun 01:00 hour", "Sun 02:00 hour", "Sun 02:00 hour", "Sun 03:00 hour", "Sun 04:00 hour")

	w = clockAt(t, day(3, 27, 12, 0), again(opens("station.at", "work", dayTime(t, "mon-fri 06:00"))))
	w.passes(day(3, 27, 12, 1), day(3, 31, 12, 0))
	w.wants("Mon 06:00 work", "Tue 06:00 work")
}

func TestWhatWasDueWhileTheStationWasOffIsMadeUpForWithinTheHour(t *testing.T) {
	t.Parallel()
	zone := stockholm(t)
	day := func(d, h, m int) time.Time { return time.Date(2026, 11, d, h, m, 0, 0, zone) }
	six := again(opens("station.at", "six", dayTime(t, "06:00")))

	w := clockAt(t, day(23, 12, 0), six)
	w.passes(day(24, 6, 40), day(24, 7, 30)) // it was off until then
	w.wants("Tue 06:40 six")
	w.passes(day(25, 7, 1), day(25, 12, 0))
	w.wants() // an hour and a minute late is too late
	w.passes(day(26, 5, 0), day(26, 7, 0))
	w.wants("Thu 06:00 six")

	// The clock is not set at that time, and is set half an hour later.
	for m := range 30 {
		w.minute(day(27, 6, m), false)
	}
	w.wants()
	w.passes(day(27, 6, 30), day(27, 7, 0))
	w.wants("Fri 06:30 six")

	// A binding that is new at half past six does not do what was due at six.
	w = clockAt(t, day(28, 6, 30), six)
	w.passes(day(28, 6, 31), day(28, 8, 0))
	w.wants()

	// Somebody sets the clock a year ahead, and back again.
	w.minute(day(28, 8, 0).AddDate(1, 0, 0), true)
	w.done = nil
	w.passes(day(28, 8, 1), day(29, 7, 0))
	w.wants("Sun 06:00 six")

	// It is put back by half an hour, from 06:10 to 05:40: it is done once.
	w = clockAt(t, day(23, 5, 0), six)
	w.passes(day(23, 5, 1), day(23, 6, 10))
	w.passes(day(23, 5, 40), day(23, 7, 0))
	w.wants("Mon 06:00 six")

	// A value is missing at six, and is there a little later.
	needy := opens("station.at", "order {order}", dayTime(t, "06:00"))
	w = clockAt(t, day(23, 5, 0), needy)
	w.passes(day(23, 5, 1), day(23, 6, 20))
	w.wants()
	w.s = w.s.setValue("order", Value{Text: "4711"})
	w.passes(day(23, 6, 21), day(23, 7, 0))
	w.wants("Mon 06:21 order 4711")
}

func TestAShiftThatEndedWhileTheStationWasOffPutsItsThingsAwayAllTheSame(t *testing.T) {
	t.Parallel()
	zone := stockholm(t)
	day := func(d, h, m int) time.Time { return time.Date(2026, 11, d, h, m, 0, 0, zone) }
	end := again(opens("station.shift_end", "end of {shift}"))
	end.Clear = []string{"user"}
	w := clockAt(t, day(23, 5, 0), again(opens("station.shift_start", "start of {shift}")), end)
	w.Shifts = []Shift{
		NewShift("early", dayTime(t, "mon-fri 06:00"), dayTime(t, "14:00")),
		NewShift("night", dayTime(t, "mon-thu 22:00"), dayTime(t, "06:00")),
	}
	w.minute(day(23, 5, 1), true)
	w.wants()
	w.passes(day(23, 5, 2), day(24, 7, 0))
	w.wants("Mon 06:00 start of early", "Mon 14:00 end of early", "Mon 22:00 start of night", "Tue 06:00 end of night", "Tue 06:00 start of early")

	// The line is switched off before the early shift ends, and comes back the next morning.
	w.s = w.s.setValue("user", Value{Text: "eva"})
	w.passes(day(25, 5, 30), day(25, 5, 45))
	w.wants("Wed 05:30 end of early", "Wed 05:30 start of night")
	if _, in := w.s.Values["user"]; in {
		t.Error("the badge of yesterday is in hand")
	}
	// Friday has no night shift.
	w.passes(day(25, 5, 46), day(28, 12, 0))
	if i := slices.IndexFunc(w.done, func(text string) bool {
		return strings.HasPrefix(text, "Fri 22") || strings.HasPrefix(text, "Sat 06:00 start")
	}); i >= 0 {
		t.Errorf("%v", w.done)
	}
}

// calling is a station whose red call nobody may leave open for long.
func calling(afters ...time.Duration) Program {
	p := floor()
	for i, after := range afters {
		p.Bindings = append(p.Bindings, Binding{Event: "maintenance.open", After: after, Do: []Do{
			doing("dispatch.open", map[string]string{"type": fmt.Sprintf("BOSS-%d", i+1), "description": "Nobody has come to {source} for {after?}"})}})
	}
	return p
}

func (h *shift) due(second int) (types []string) {
	h.t.Helper()
	now := atSecond(second)
	events, _ := h.Due(h.s, atSecond(-3600), now)
	for _, ev := range events {
		for _, a := range h.happens(ev) {
			types = append(types, a.With["type"])
		}
		if more := h.happens(ev); len(more) > 0 {
			h.t.Errorf("the same event once more: %v", more)
		}
	}
	return types
}

func TestACallThatIsOpenForTooLongCallsSomebodyElseOnceForEachTime(t *testing.T) {
	t.Parallel()
	h := &shift{Program: calling(5*time.Minute, 15*time.Minute), t: t}
	h.happens(Event{Source: "maintenance", Kind: Press, At: atSecond(0)})
	if _, next := h.Due(h.s, atSecond(-3600), atSecond(100)); next != 200*time.Second {
		t.Errorf("the next is due in %v", next)
	}
	for _, step := range []struct {
		second int
		types  string
	}{{299, ""}, {300, "BOSS-1"}, {301, ""}, {899, ""}, {900, "BOSS-2"}, {5000, ""}} {
		if got := strings.Join(h.due(step.second), " "); got != step.types {
			t.Errorf("after %d s: %q, want %q", step.second, got, step.types)
		}
	}
	h.Lamps = append(h.Lamps, "up")
	h.Stacks = []Stack{{Name: "tower", Red: "up", Buzzer: "horn"}}
	h.Reminders = map[string]time.Duration{"horn": 5 * time.Minute}
	if lights := h.Lights(h.s, Health{}, atSecond(6000)); lights["red"] != Quick || lights["up"] != Quick {
		t.Errorf("the lamps are %v", lights)
	}
	if sounds := h.Sounds(h.s, Health{}, atSecond(6000)); sounds["tower/again"].Kind != SoundHeld {
		t.Errorf("nobody is reminded: %v", sounds)
	}
	if n := h.s.Notes["maintenance"]; n.Kind != NoteOverdue || n.Text != "15m" {
		t.Errorf("%+v", n)
	}
	if len(h.s.Calls) != 3 || h.s.Sources["maintenance"].Waiting != 3 {
		t.Errorf("%+v", h.s.Calls)
	}
	h.happens(Event{Source: "maintenance", Kind: Hold, At: atSecond(6001)})
	if light := h.Lights(h.s, Health{}, atSecond(6010))["red"]; light != Slow {
		t.Errorf("closed, its lamp is %s", light)
	}
}

func TestACallThatEndsInTimeCallsNobodyElse(t *testing.T) {
	t.Parallel()
	on := &shift{Program: calling(5 * time.Minute), t: t}
	on.happens(Event{Source: "maintenance", Kind: Press, At: atSecond(0)})
	on.s.Calls[0].Attended = true
	if got := on.due(1000); len(got) > 0 || on.s.overdue() {
		t.Errorf("somebody is on it: %v", got)
	}
	h := &shift{Program: calling(5 * time.Minute), t: t}
	h.happens(Event{Source: "maintenance", Kind: Press, At: atSecond(0)})
	h.happens(Event{Source: "maintenance", Kind: Hold, At: atSecond(200)})
	if got := h.due(1000); len(got) > 0 || h.s.Notes["maintenance"].Kind == NoteOverdue {
		t.Errorf("%v, %+v", got, h.s.Notes)
	}
}

// The power goes while a call is open. Whether five minutes have passed cannot be told until
// the clock is set, or the station has been on for so long itself.
func TestACallFromBeforeAPowerCutIsOverdueOnceThatIsSure(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		up      time.Duration
		trusted bool
		due     bool
	}{{time.Minute, false, false}, {6 * time.Minute, false, true}, {time.Minute, true, true}} {
		h := &shift{Program: calling(5 * time.Minute), t: t}
		h.happens(Event{Source: "maintenance", Kind: Press, At: atSecond(0)})
		now := Stamp{Wall: atSecond(7200).Wall, Boot: "another", Up: tt.up, Trusted: tt.trusted}
		began := now
		began.Wall, began.Up = now.Wall.Add(-tt.up), 0
		if events, _ := h.Due(h.s, began, now); len(events) > 0 != tt.due {
			t.Errorf("%v after the start, clock set: %v: %v", tt.up, tt.trusted, events)
		}
	}
	// Who is on it is not on disk: after a start that is looked for first.
	restarted := &shift{Program: calling(5 * time.Minute), t: t}
	restarted.happens(Event{Source: "maintenance", Kind: Press, At: atSecond(0)})
	for second, due := range map[int]bool{3600: false, 3659: false, 3661: true} {
		events, next := restarted.Due(restarted.s, atSecond(3600), atSecond(second))
		if len(events) > 0 != due || !due && next != time.Duration(3660-second)*time.Second {
			t.Errorf("%d s after the start: %v, next in %v", second-3600, events, next)
		}
	}
	h := &shift{Program: calling(5 * time.Minute), t: t}
	h.Bindings[len(h.Bindings)-1].Needs = []string{"order"}
	h.happens(Event{Source: "maintenance", Kind: Press, At: atSecond(0)})
	if got := h.due(300); len(got) > 0 || h.s.Notes["maintenance"].Kind != NoteOverdue {
		t.Errorf("what it would do lacks a value, and lamp and buzzer say so all the same: %v, %+v", got, h.s.Notes)
	}
}
