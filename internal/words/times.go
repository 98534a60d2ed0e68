package words

import (
	"time"

	"stationd/internal/station"
)

// Times puts times in words. The station's clock may have been wrong when something happened:
// then the words say how long ago it was, or that this is not known.
type Times struct {
	Now   station.Stamp
	Zone  *time.Location // where the station stands
	Words *Catalogue
}

// Since says from when on something holds: "since 14:03", or "for 5 min" while
// the clock is not set.
func (t Times) Since(at station.Stamp) string {
	then, known := t.reckon(at)
	age := t.Age(at)
	switch {
	case age == "":
		return t.Words.Say("time.unknown.since")
	case !known:
		return t.Words.Say("time.for", "age", age)
	case t.today(then):
		return t.Words.Say("time.since", "clock", t.write(then))
	}
	return t.Words.Say("time.since.date", "date", t.write(then))
}

// Ago says when something was: "14:03, 5 min ago".
func (t Times) Ago(at station.Stamp) string {
	clock, age := t.Clock(at), t.Age(at)
	switch since, _ := t.Now.Since(at); {
	case age == "":
		return t.Words.Say("time.unknown")
	case clock == "" && since < time.Minute:
		return t.Words.Say("time.now")
	case since < time.Minute:
		return t.Words.Say("time.both.now", "clock", clock)
	case clock == "":
		return t.Words.Say("time.ago", "age", age)
	}
	return t.Words.Say("time.both", "clock", clock, "age", age)
}

// Until says when something ends that holds for a while from now: "until 14:42", which stays
// true where it stands; or "for 10 min more" while the clock is not set.
func (t Times) Until(left time.Duration) string {
	if !t.Now.Trusted {
		return t.Words.Say("time.left", "left", t.Words.Duration(left))
	}
	return t.Words.Say("time.until", "clock", t.write(t.Now.Wall.In(t.Zone).Add(left)))
}

// Clock is the true time of a stamp, with the date where that is not today's: it is reckoned
// from now, because the clock may have been wrong then. It is empty while that cannot be done.
func (t Times) Clock(at station.Stamp) string {
	then, known := t.reckon(at)
	if !known {
		return ""
	}
	return t.write(then)
}

// Age is how long ago something was, as coarse as a person would say it; empty
// where nobody can tell.
func (t Times) Age(at station.Stamp) string {
	age, known := t.Now.Since(at)
	if !known {
		return ""
	}
	return t.Words.Duration(age)
}

// reckon is the true time of a stamp, where it can be known.
func (t Times) reckon(at station.Stamp) (then time.Time, known bool) {
	age, known := t.Now.Since(at)
	return t.Now.Wall.In(t.Zone).Add(-age), known && t.Now.Trusted
}

func (t Times) today(then time.Time) bool {
	return then.Format(time.DateOnly) == t.Now.Wall.In(t.Zone).Format(time.DateOnly)
}

func (t Times) write(then time.Time) string {
	if t.today(then) {
		return then.Format(t.Words.Say("time.layout"))
	}
	return then.Format(t.Words.Say("time.layout.date"))
}

// Duration says how long something takes or has taken, in minutes, hours or days.
func (c *Catalogue) Duration(d time.Duration) string {
	minutes := int(d / time.Minute)
	switch {
	case minutes < 1:
		return c.Say("age.now")
	case minutes < 60:
		return c.Say("age.minutes", "minutes", minutes)
	case minutes < 24*60:
		return c.Say("age.hours", "hours", minutes/60, "minutes", minutes%60)
	}
	return c.Say("age.days", "days", minutes/60/24, "hours", minutes/60%24)
}
