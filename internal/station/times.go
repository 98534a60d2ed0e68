package station

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// This file says what is due by the clock: a time of the day, a full hour, a shift that begins
// or ends, a call that has been open for too long. Program.Due is pure; who calls it brings
// the moment, and has what it returns recorded. That it was done is in the state, in the same
// transaction, so that nothing is done twice.

// A DayTime is a time of some days of the week, on the clock at the wall: "06:00",
// "mon-fri 06:00", "sat,sun 22:30".
type DayTime struct {
	Text         string
	Hour, Minute int
	Days         [7]bool // from Sunday on, as time.Weekday
}

func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// ParseDayTime reads a time of the day, with the days before it where it is not for each.
func ParseDayTime(text string) (DayTime, error) {
	wrong := fmt.Errorf(`%q is no time; one is "06:00", or with days "mon-fri 06:00" or "sat,sun 22:30"`, text)
	days, clock, some := strings.Cut(text, " ")
	if !some {
		days, clock = "sun-sat", text
	}
	d := DayTime{Text: text}
	hour, minute, _ := strings.Cut(clock, ":")
	var err, err2 error
	d.Hour, err = strconv.Atoi(hour)
	d.Minute, err2 = strconv.Atoi(minute)
	if err != nil || err2 != nil || len(hour) != 2 || len(minute) != 2 || d.Hour < 0 || d.Hour > 23 || d.Minute < 0 || d.Minute > 59 {
		return DayTime{}, wrong
	}
	for part := range strings.SplitSeq(days, ",") {
		first, last, span := strings.Cut(part, "-")
		if !span {
			last = first
		}
		from, to := slices.Index(weekdays(), first), slices.Index(weekdays(), last)
		if from < 0 || to < 0 {
			return DayTime{}, wrong
		}
		for day := from; ; day = (day + 1) % 7 {
			d.Days[day] = true
			if day == to {
				break
			}
		}
	}
	return d, nil
}

// nextDay is the same time on the days after.
func (d DayTime) nextDay() DayTime {
	days := d.Days
	for i := range days {
		d.Days[(i+1)%7] = days[i]
	}
	return d
}

// before reports whether a time of the day is before another.
func (d DayTime) before(other DayTime) bool {
	return d.Hour < other.Hour || d.Hour == other.Hour && d.Minute < other.Minute
}

// last returns when the time came last, at or before now; the zero time where it did not within
// a week.
func (d DayTime) last(now time.Time, zone *time.Location) time.Time {
	today := now.In(zone)
	for back := range 8 {
		day := time.Date(today.Year(), today.Month(), today.Day()-back, 12, 0, 0, 0, zone)
		if !d.Days[day.Weekday()] {
			continue
		}
		if at := moment(day, d.Hour, d.Minute, zone); !at.After(now) {
			return at
		}
	}
	return time.Time{}
}

// moment returns when a clock at the wall shows a time on a day. Where summer time skips the
// hour, it is when the clock is put forward; where the hour comes twice, it is the first.
func moment(day time.Time, hour, minute int, zone *time.Location) time.Time {
	at := time.Date(day.Year(), day.Month(), day.Day(), hour, minute, 0, 0, zone)
	from, until := at.ZoneBounds()
	shows := func(t time.Time) bool { return t.Hour() == hour && t.Minute() == minute && t.Day() == day.Day() }
	switch {
	case !shows(at) && (at.Hour() > hour || at.Hour() == hour && at.Minute() > minute):
		return from
	case !shows(at):
		return until
	case from.IsZero():
		return at
	}
	_, offset := at.Zone()
	_, before := from.Add(-time.Second).Zone()
	if earlier := at.Add(time.Duration(offset-before) * time.Second); earlier.Before(from) && shows(earlier.In(zone)) {
		return earlier
	}
	return at
}

// A Shift is a part of the day that a station works in.
type Shift struct {
	Name       string
	Start, End DayTime
}

// NewShift returns a shift of some days. Where it ends earlier in the day than it starts, it ends
// on the day after.
func NewShift(name string, start, end DayTime) Shift {
	end.Days = start.Days
	if !start.before(end) {
		end = end.nextDay()
	}
	return Shift{name, start, end}
}

const (
	// makeUpWithin is how long after its time a binding is carried out that could not be
	// at it: the station was off, the clock not set, the outbox full, a value missing.
	makeUpWithin = time.Hour

	// shiftMakeUp is the same of a shift that ended: what it puts away must not be there the
	// next morning.
	shiftMakeUp = 24 * time.Hour

	// seenAgain is how long after a start the vendor has shown who is on which call.
	seenAgain = time.Minute

	// clockWrong is how far ahead what was done may be before it is taken for the fault of a
	// clock that was wrong then.
	clockWrong = time.Hour
)

// A dueTime is one time of the clock, as it is kept in State.Times.
type dueTime struct {
	key    string
	kind   string
	at     time.Time // when it came last
	within time.Duration
	data   map[string]string
}

// times lists the times that bindings wait for.
func (p Program) times(now time.Time) (all []dueTime) {
	zone := p.Zone
	if zone == nil {
		zone = time.UTC
	}
	bound := make(map[string]bool)
	for _, b := range p.Bindings {
		bound[b.Event] = true
		for _, d := range b.At {
			all = append(all, dueTime{"at " + d.Text, At, d.last(now, zone), makeUpWithin, map[string]string{DataAt: d.Text}})
		}
	}
	if bound[FromStation+"."+Hour] {
		local := now.In(zone)
		full := now.Add(-time.Duration(local.Minute())*time.Minute - time.Duration(local.Second())*time.Second - time.Duration(local.Nanosecond()))
		all = append(all, dueTime{Hour, Hour, full, makeUpWithin, nil})
	}
	// At one moment what ends comes before what starts.
	for _, shift := range p.Shifts {
		if bound[FromStation+"."+ShiftEnd] {
			all = append(all, dueTime{ShiftEnd + " " + shift.Name, ShiftEnd, shift.End.last(now, zone), shiftMakeUp, map[string]string{DataShift: shift.Name}})
		}
	}
	for _, shift := range p.Shifts {
		if bound[FromStation+"."+ShiftStart] {
			start, within := shift.Start.last(now, zone), shiftMakeUp
			if !start.After(shift.End.last(now, zone)) {
				within = 0 // it is over
			}
			all = append(all, dueTime{ShiftStart + " " + shift.Name, ShiftStart, start, within, map[string]string{DataShift: shift.Name}})
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].at.Before(all[j].at) })
	return all
}

// Due returns the events that are due by the clock, the earliest first and without IDs, and
// how long it is until a call will have been open for too long; 0: none will. A time of the
// clock that was never seen before is not made up for: it is noted by an event that does
// nothing else. While nobody has set the clock no time of it comes. began is when this process
// did: whether somebody is on a call from before it is seen again first.
func (p Program) Due(s State, began, now Stamp) (events []Event, next time.Duration) {
	if now.Trusted {
		for _, d := range p.times(now.Wall) {
			done, seen := s.Times[d.key]
			ev := Event{Source: FromStation, Kind: d.kind, Data: map[string]string{dataTime: d.key, dataDue: d.at.UTC().Format(time.RFC3339)}, At: now}
			maps.Copy(ev.Data, d.data)
			switch {
			case d.at.IsZero():
			case !seen || done.Sub(now.Wall) > clockWrong:
				ev.Data[dataDue], ev.Data[dataNoted] = now.Wall.UTC().Format(time.RFC3339), "true"
				events = append(events, ev)
			case d.at.After(done) && now.Wall.Sub(d.at) <= d.within:
				events = append(events, ev)
			}
		}
	}
	overdue, next := p.dueCalls(s, began, now)
	return append(events, overdue...), next
}

// dueCalls is Due for open calls.
func (p Program) dueCalls(s State, began, now Stamp) (events []Event, next time.Duration) {
	on, _ := now.Since(began)
	for _, c := range s.Calls {
		if c.Closing != "" || c.Raised || c.Attended {
			continue
		}
		age, known := now.Since(c.At)
		if !known {
			age = now.Up // it is older than this boot of the machine
		}
		for _, b := range p.Bindings {
			if b.Event != c.Source+"."+Open || slices.Contains(c.Overdue, b.After) {
				continue
			}
			left := b.After - age
			if since, known := c.At.Since(began); on < seenAgain && (!known || since < 0) {
				left = max(left, seenAgain-on)
			}
			if left > 0 {
				if next == 0 || left < next {
					next = left
				}
				continue
			}
			events = append(events, Event{Source: c.Source, Kind: Open, Data: map[string]string{dataEntry: string(c.Entry), DataAfter: inWords(b.After)}, At: now})
		}
	}
	return events, next
}

// inWords writes a time span without what is zero: 5m and not 5m0s.
func inWords(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}

// atTime carries out what one of the station's own times means, once.
func (p Program) atTime(s State, ev Event) (State, []Action) {
	key := ev.Data[dataTime]
	due, err := time.Parse(time.RFC3339, ev.Data[dataDue])
	if err != nil {
		return s, nil
	}
	marked := p.withTime(s, key, due)
	if ev.Data[dataNoted] != "" {
		return marked, nil
	}
	if done, seen := s.Times[key]; !seen || !due.After(done) {
		return s, nil
	}
	b, groups, found := p.firstMatch(ev)
	if !found {
		return marked, nil
	}
	after, actions, done := p.tryExecute(b, groups, marked, ev)
	if !done {
		return s, nil // it is tried again, until it is too late
	}
	return after, actions
}

// withTime notes that a time of the clock was seen to. Those that no binding waits for any
// more are forgotten.
func (p Program) withTime(s State, key string, due time.Time) State {
	times := map[string]time.Time{key: due}
	for _, d := range p.times(due) {
		if seen, is := s.Times[d.key]; is && d.key != key {
			times[d.key] = seen
		}
	}
	s.Times = times
	return s
}

// overdue does what is bound to a call that has been open for too long, once.
func (p Program) overdue(s State, ev Event) (State, []Action) {
	i := slices.IndexFunc(s.Calls, func(c Call) bool { return string(c.Entry) == ev.Data[dataEntry] })
	k := slices.IndexFunc(p.Bindings, func(b Binding) bool { return b.Event == ev.Name() && inWords(b.After) == ev.Data[DataAfter] })
	if i < 0 || k < 0 || s.Calls[i].Closing != "" || slices.Contains(s.Calls[i].Overdue, p.Bindings[k].After) {
		return s, nil
	}
	b := p.Bindings[k]
	s.Calls = slices.Clone(s.Calls)
	s.Calls[i].Overdue = append(slices.Clone(s.Calls[i].Overdue), b.After)
	after, actions, done := p.tryExecute(b, nil, s, ev)
	if !done {
		after, actions = s, nil // lamp and buzzer say so all the same
	}
	return after.addNote(ev, NoteOverdue, ev.Data[DataAfter]), actions
}

// UntilBeat is how long it is until the clock shows the next multiple of every. Parts that look
// now and then, and need no certain moment for it, look at these: together they wake the
// processor as often as one.
func UntilBeat(now time.Time, every time.Duration) time.Duration {
	return every - time.Duration(now.UnixNano()%int64(every))
}
