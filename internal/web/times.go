package web

import (
	"time"

	"stationd/internal/station"
)

// times puts times in words. The station's clock may have been wrong when something happened:
// then the words say how long ago it was, or that this is not known.
type times struct {
	now   station.Stamp
	zone  *time.Location
	texts texts
}

// since says from when on something holds: "since 14:03", or "for 5 min" while
// the clock is not set.
func (t times) since(at station.Stamp) string {
	clock, age := t.clock(at), t.age(at)
	switch {
	case age == "":
		return t.texts.Say("time.unknown.since")
	case clock == "":
		return t.texts.Say("time.for", age)
	}
	return t.texts.Say("time.since", clock)
}

// ago says when something was: "14:03, 5 min ago".
func (t times) ago(at station.Stamp) string {
	clock, age := t.clock(at), t.age(at)
	switch since, _ := t.now.Since(at); {
	case age == "":
		return t.texts.Say("time.unknown")
	case clock == "" && since < time.Minute:
		return t.texts.Say("time.now")
	case since < time.Minute:
		return clock + ", " + t.texts.Say("time.now")
	case clock == "":
		return t.texts.Say("time.ago", age)
	}
	return t.texts.Say("time.both", clock, age)
}

// clock is the true time of a stamp: it is reckoned from now, because the clock
// may have been wrong then. It is empty while that cannot be done.
func (t times) clock(at station.Stamp) string {
	age, known := t.now.Since(at)
	if !known || !t.now.Trusted {
		return ""
	}
	now := t.now.Wall.In(t.zone)
	then := now.Add(-age)
	if then.Format(time.DateOnly) != now.Format(time.DateOnly) {
		return then.Format("2006-01-02 15:04")
	}
	return then.Format("15:04")
}

// age is how long ago something was, as coarse as a person would say it; empty
// where nobody can tell.
func (t times) age(at station.Stamp) string {
	age, known := t.now.Since(at)
	if !known {
		return ""
	}
	minutes := int(age / time.Minute)
	switch {
	case minutes < 1:
		return t.texts.Say("age.now")
	case minutes < 60:
		return t.texts.Say("age.minutes", minutes)
	case minutes < 24*60:
		return t.texts.Say("age.hours", minutes/60, minutes%60)
	}
	return t.texts.Say("age.days", minutes/60/24, minutes/60%24)
}
