package hil

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// An Edge is one change of an output line, seen from outside the board.
type Edge struct {
	At   time.Time // on the test's clock
	Line int       // its GPIO number
	High bool
}

// A Pattern is what an eye sees in a lamp.
type Pattern uint8

// The patterns. Unclear is none of the others yet: a single flash, a blink that
// has just begun.
const (
	Unclear Pattern = iota
	Dark
	Slow   // a blink with a period of about one to four seconds
	Quick  // a blink with a period of clearly less than one second
	Steady // lit without a break
)

// String returns the pattern's word.
func (p Pattern) String() string {
	switch p {
	case Dark:
		return "dark"
	case Slow:
		return "slow"
	case Quick:
		return "quick"
	case Steady:
		return "steady"
	}
	return "unclear"
}

const (
	// quickBelow keeps its distance from a period of one second, which an emulated
	// board does not keep to the millisecond.
	quickBelow = 700 * time.Millisecond
	slowBelow  = 4 * time.Second
	// rest is how long a lamp must not change to be dark or steady: longer than
	// either half of a slow blink.
	rest = 2500 * time.Millisecond
)

// PatternOf tells what a lamp shows at the time now, from all its edges so far. A
// blink is two whole periods, the newest of them not yet over for long.
func PatternOf(edges []Edge, on, now time.Time) Pattern {
	last := Edge{At: on}
	if len(edges) > 0 {
		last = edges[len(edges)-1]
	}
	if now.Sub(last.At) >= rest {
		if last.High {
			return Steady
		}
		return Dark
	}
	if len(edges) < 5 {
		return Unclear
	}
	e := edges[len(edges)-5:]
	first, second := e[2].At.Sub(e[0].At), e[4].At.Sub(e[2].At)
	switch {
	case first < quickBelow && second < quickBelow:
		return Quick
	case first >= quickBelow && second >= quickBelow && first < slowBelow && second < slowBelow:
		return Slow
	}
	return Unclear
}

// A Lamp is one lamp of a board.
type Lamp struct {
	board *Board
	line  int
}

// Lamp returns the lamp on the line with that GPIO number, one of [Lamps].
func (b *Board) Lamp(line int) Lamp {
	b.t.Helper()
	if !slices.Contains(Lamps(), line) {
		b.t.Fatalf("board: no lamp on GPIO%d: lamps are on %v", line, Lamps())
	}
	return Lamp{b, line}
}

// lookEvery is how often a lamp is looked at while a pattern is waited for.
const lookEvery = 20 * time.Millisecond

// Is waits until the lamp shows the pattern, and fails the test when it does not
// within the time given. Dark and Steady need 2.5 s to be seen, a blink two periods.
func (l Lamp) Is(want Pattern, within time.Duration) {
	l.board.t.Helper()
	saw := Unclear
	for end := time.Now().Add(within); time.Now().Before(end); <-time.After(lookEvery) {
		if saw = l.Pattern(); saw == want {
			return
		}
	}
	l.board.t.Fatalf("lamp GPIO%d is %v, not %v, after %v; its last changes: %s", l.line, saw, want, within, l.history())
}

// Stays fails the test when the lamp, which must show the pattern already, shows
// another within the time given. A blink that pauses to be counted as unclear
// fails as well.
func (l Lamp) Stays(want Pattern, during time.Duration) {
	l.board.t.Helper()
	begin := time.Now()
	for ; time.Since(begin) < during; <-time.After(lookEvery) {
		if saw := l.Pattern(); saw != want {
			l.board.t.Fatalf("lamp GPIO%d became %v after %v and did not stay %v; its last changes: %s",
				l.line, saw, time.Since(begin).Round(time.Millisecond), want, l.history())
		}
	}
}

// Pattern tells what the lamp shows now.
func (l Lamp) Pattern() Pattern {
	edges, on := l.edges()
	return PatternOf(edges, on, time.Now())
}

// Lights waits until the lamp is lit for the first time since the given time,
// for however short a moment, and returns when that was. It fails the test when
// the lamp stays dark for as long as given.
func (l Lamp) Lights(since time.Time, within time.Duration) time.Time {
	l.board.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); <-time.After(lookEvery) {
		edges, _ := l.edges()
		for _, e := range edges {
			if e.High && !e.At.Before(since) {
				return e.At
			}
		}
	}
	l.board.t.Fatalf("lamp GPIO%d was not lit within %v; its last changes: %s", l.line, within, l.history())
	return time.Time{}
}

// Edges returns the lamp's changes since the board was first switched on.
func (l Lamp) Edges() []Edge {
	edges, _ := l.edges()
	return edges
}

func (l Lamp) edges() (edges []Edge, on time.Time) {
	for _, e := range l.board.Timeline() {
		if e.Line == l.line {
			edges = append(edges, e)
		}
	}
	return edges, l.board.first
}

// history lists the lamp's newest changes in words.
func (l Lamp) history() string {
	edges, _ := l.edges()
	if len(edges) == 0 {
		return "none since power on"
	}
	now := time.Now()
	var s strings.Builder
	for _, e := range edges[max(0, len(edges)-12):] {
		word := "off"
		if e.High {
			word = "on"
		}
		fmt.Fprintf(&s, "%s %.2fs ago, ", word, now.Sub(e.At).Seconds())
	}
	return strings.TrimSuffix(s.String(), ", ")
}
