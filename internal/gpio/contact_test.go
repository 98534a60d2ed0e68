package gpio

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

var morning = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

// A change is a level at a time since the contact was made.
type change struct {
	after  time.Duration
	active bool
}

// play feeds the changes to a contact, lets it settle whenever it asks to and at
// each change, and goes on until the given time. It returns what was told.
func play(c *contact, changes []change, until time.Duration) []string {
	var told []string
	settle := func(now time.Time) {
		for {
			kind, at := c.settle(now)
			if kind == "" {
				return
			}
			told = append(told, fmt.Sprintf("%s of %s at %s", kind, at.Sub(morning), now.Sub(morning)))
		}
	}
	wait := func(until time.Time) {
		for {
			at, ok := c.next()
			if !ok || at.After(until) {
				settle(until)
				return
			}
			settle(at)
		}
	}
	for _, ch := range changes {
		wait(morning.Add(ch.after))
		c.feed(morning.Add(ch.after), ch.active)
	}
	wait(morning.Add(until))
	return told
}

const ms = time.Millisecond

func TestContact(t *testing.T) {
	t.Parallel()
	holding := Button{HoldBound: true}
	doubling := Button{DoubleBound: true}
	releasing := Button{ReleaseBound: true}
	all := Button{HoldBound: true, DoubleBound: true, ReleaseBound: true}
	closed := Button{Wiring: normallyClosed, HoldBound: true, ReleaseBound: true}
	tests := []struct {
		name     string
		button   Button
		down     bool // at the start
		changes  []change
		until    time.Duration
		want     []string
		glitches int
	}{
		{
			name:    "a press is told on contact, with the time of its first edge",
			changes: []change{{100 * ms, true}, {300 * ms, false}},
			until:   time.Second,
			want:    []string{"press of 100ms at 130ms"},
		},
		{
			name:     "a press shorter than the debounce time is a glitch and not a press",
			changes:  []change{{100 * ms, true}, {129 * ms, false}},
			until:    time.Second,
			glitches: 1,
		},
		{
			name:    "a contact that bounces as it closes is one press and no glitch",
			changes: []change{{100 * ms, true}, {103 * ms, false}, {105 * ms, true}, {110 * ms, false}, {111 * ms, true}, {300 * ms, false}},
			until:   time.Second,
			want:    []string{"press of 111ms at 141ms"},
		},
		{
			name:    "a contact that bounces as it opens is not pressed again",
			changes: []change{{100 * ms, true}, {300 * ms, false}, {320 * ms, true}, {325 * ms, false}, {370 * ms, true}, {380 * ms, false}},
			until:   time.Second,
			want:    []string{"press of 100ms at 130ms"},
		},
		{
			name:     "a gap shorter than the release time is a glitch in one long press",
			changes:  []change{{100 * ms, true}, {300 * ms, false}, {349 * ms, true}, {600 * ms, false}},
			until:    time.Second,
			want:     []string{"press of 100ms at 130ms"},
			glitches: 1,
		},
		{
			name:    "two presses with a release between are two presses",
			changes: []change{{100 * ms, true}, {200 * ms, false}, {251 * ms, true}, {351 * ms, false}},
			until:   time.Second,
			want:    []string{"press of 100ms at 130ms", "press of 251ms at 281ms"},
		},
		{
			name:    "without a hold binding a button that is kept down tells one press",
			changes: []change{{100 * ms, true}, {5 * time.Second, false}},
			until:   6 * time.Second,
			want:    []string{"press of 100ms at 130ms"},
		},
		{
			name:    "with a hold binding a press is told at release",
			button:  holding,
			changes: []change{{100 * ms, true}, {500 * ms, false}},
			until:   5 * time.Second,
			want:    []string{"press of 100ms at 550ms"},
		},
		{
			name:    "a hold replaces the press and is told while the button is down",
			button:  holding,
			changes: []change{{100 * ms, true}, {4 * time.Second, false}},
			until:   5 * time.Second,
			want:    []string{"hold of 2.1s at 2.1s"},
		},
		{
			name:    "a button let go just before the hold time is a press, however it bounces",
			button:  holding,
			changes: []change{{100 * ms, true}, {2095 * ms, false}, {2098 * ms, true}, {2110 * ms, false}},
			until:   5 * time.Second,
			want:    []string{"press of 100ms at 2.16s"},
		},
		{
			name:    "a button that is down at the start is a state and not a press",
			down:    true,
			changes: []change{{3 * time.Second, false}, {4 * time.Second, true}},
			until:   5 * time.Second,
			want:    []string{"press of 4s at 4.03s"},
		},
		{
			name:   "a button that is down at the start is not held either",
			button: holding,
			down:   true,
			until:  time.Hour,
		},
		{
			name:    "a button is armed by the first stable release",
			down:    true,
			changes: []change{{100 * ms, false}, {149 * ms, true}},
			until:   time.Second, want: nil, glitches: 1,
		},
		{
			name:    "a button that is pressed before the station has seen it at rest is not a press",
			changes: []change{{49 * ms, true}, {200 * ms, false}},
			until:   time.Second,
		},
		{
			name:    "with a double binding a single press is told when no second one can follow",
			button:  doubling,
			changes: []change{{100 * ms, true}, {200 * ms, false}},
			until:   time.Second,
			want:    []string{"press of 100ms at 400ms"},
		},
		{
			name:    "with a double binding a press is told no later because the button is kept down",
			button:  doubling,
			changes: []change{{100 * ms, true}, {900 * ms, false}},
			until:   2 * time.Second,
			want:    []string{"press of 100ms at 400ms"},
		},
		{
			name:    "two presses in quick succession are one double, dated by the second",
			button:  doubling,
			changes: []change{{100 * ms, true}, {160 * ms, false}, {300 * ms, true}, {400 * ms, false}},
			until:   time.Second,
			want:    []string{"double of 300ms at 330ms"},
		},
		{
			name:    "a second press that begins in time makes a double although it is certain later",
			button:  doubling,
			changes: []change{{100 * ms, true}, {200 * ms, false}, {399 * ms, true}, {500 * ms, false}},
			until:   time.Second,
			want:    []string{"double of 399ms at 429ms"},
		},
		{
			name:    "a second press that begins too late is a press of its own",
			button:  doubling,
			changes: []change{{100 * ms, true}, {200 * ms, false}, {401 * ms, true}, {500 * ms, false}},
			until:   time.Second,
			want:    []string{"press of 100ms at 400ms", "press of 401ms at 701ms"},
		},
		{
			name:    "a touch makes no double of a press",
			button:  doubling,
			changes: []change{{100 * ms, true}, {200 * ms, false}, {385 * ms, true}, {395 * ms, false}},
			until:   time.Second,
			want:    []string{"press of 100ms at 400ms"}, glitches: 1,
		},
		{
			name:    "three presses in quick succession are a double and a press",
			button:  doubling,
			changes: []change{{100 * ms, true}, {160 * ms, false}, {250 * ms, true}, {310 * ms, false}, {400 * ms, true}, {460 * ms, false}},
			until:   time.Second,
			want:    []string{"double of 250ms at 280ms", "press of 400ms at 700ms"},
		},
		{
			name:    "a release is told where a binding waits for it, with the time of its first edge",
			button:  releasing,
			changes: []change{{100 * ms, true}, {300 * ms, false}, {305 * ms, true}, {310 * ms, false}},
			until:   time.Second,
			want:    []string{"press of 100ms at 130ms", "release of 310ms at 360ms"},
		},
		{
			name:    "a button that is down at the start is not released either",
			button:  releasing,
			down:    true,
			changes: []change{{300 * ms, false}},
			until:   time.Second,
		},
		{
			name:    "with every binding a single press and its release are told in their order",
			button:  all,
			changes: []change{{100 * ms, true}, {200 * ms, false}},
			until:   time.Second,
			want:    []string{"press of 100ms at 400ms", "release of 200ms at 400ms"},
		},
		{
			name:    "with every binding a press that was not quick is told at its release",
			button:  all,
			changes: []change{{100 * ms, true}, {1000 * ms, false}},
			until:   3 * time.Second,
			want:    []string{"press of 100ms at 1.05s", "release of 1s at 1.05s"},
		},
		{
			name:    "with every binding a hold is told while the button is down, and then its release",
			button:  all,
			changes: []change{{100 * ms, true}, {4000 * ms, false}},
			until:   5 * time.Second,
			want:    []string{"hold of 2.1s at 2.1s", "release of 4s at 4.05s"},
		},
		{
			name:    "with every binding a double has one release, the last",
			button:  all,
			changes: []change{{100 * ms, true}, {160 * ms, false}, {300 * ms, true}, {4000 * ms, false}},
			until:   5 * time.Second,
			want:    []string{"double of 300ms at 330ms", "release of 4s at 4.05s"},
		},
		{
			name:    "a normally closed button is told when it is let go: then its wire is known to be whole",
			button:  closed,
			changes: []change{{100 * ms, true}, {300 * ms, false}},
			until:   time.Second,
			want:    []string{"press of 100ms at 350ms", "release of 300ms at 350ms"},
		},
		{
			name:    "a normally closed button that was kept down is a hold when it is let go",
			button:  closed,
			changes: []change{{100 * ms, true}, {4000 * ms, false}},
			until:   5 * time.Second,
			want:    []string{"hold of 2.1s at 4.05s", "release of 4s at 4.05s"},
		},
		{
			name:    "a wire that is cut is not a press",
			button:  closed,
			changes: []change{{100 * ms, true}},
			until:   time.Hour,
		},
		{
			name:    "a wire that is mended after more than a minute is not a press, and the next press is one",
			button:  closed,
			changes: []change{{100 * ms, true}, {61 * time.Second, false}, {70 * time.Second, true}, {70100 * ms, false}},
			until:   71 * time.Second,
			want:    []string{"press of 1m10s at 1m10.15s", "release of 1m10.1s at 1m10.15s"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newContact(test.button.withDefaults(Chips{}), morning, test.down)
			told := play(&c, test.changes, test.until)
			if diff := cmp.Diff(test.want, told); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if c.glitches != test.glitches {
				t.Errorf("%d glitches, want %d", c.glitches, test.glitches)
			}
		})
	}
}

func TestAButtonHeldForAMinuteIsStuckUntilItIsReleased(t *testing.T) {
	t.Parallel()
	c := newContact(Button{}.withDefaults(Chips{}), morning, false)
	play(&c, []change{{100 * ms, true}}, 75*time.Second)
	if _, stuck := c.stuck(morning.Add(59 * time.Second)); stuck {
		t.Error("stuck after 59 s")
	}
	if down, stuck := c.stuck(morning.Add(75*time.Second + 100*ms)); !stuck || down != 75*time.Second {
		t.Errorf("after 75 s: stuck %v for %s", stuck, down)
	}
	c.feed(morning.Add(76*time.Second), false)
	if _, stuck := c.stuck(morning.Add(77 * time.Second)); stuck {
		t.Error("still stuck after the release")
	}
}

func TestASecondPressThatIsReadLateMakesNoDoubleOfTwoPresses(t *testing.T) {
	t.Parallel()
	c := newContact(Button{DoubleBound: true, ReleaseBound: true}.withDefaults(Chips{}), morning, false)
	told := play(&c, []change{{100 * ms, true}, {200 * ms, false}}, 300*ms)
	c.feed(morning.Add(450*ms), true) // nobody looked at 400 ms
	for {
		kind, at := c.settle(morning.Add(500 * ms))
		if kind == "" {
			break
		}
		told = append(told, fmt.Sprintf("%s of %s", kind, at.Sub(morning)))
	}
	told = append(told, play(&c, []change{{600 * ms, false}}, time.Second)...)
	want := []string{"press of 100ms", "release of 200ms", "press of 450ms at 750ms", "release of 600ms at 750ms"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestAnEdgeThatIsBehindTheLastOneMakesNoRunLonger(t *testing.T) {
	t.Parallel()
	c := newContact(Button{}.withDefaults(Chips{}), morning, false)
	told := play(&c, []change{{100 * ms, true}, {200 * ms, false}}, 300*ms)
	c.feed(morning.Add(150*ms), true)
	if kind, at := c.settle(morning.Add(220 * ms)); kind != "" {
		told = append(told, fmt.Sprintf("%s of %s", kind, at.Sub(morning)))
	}
	c.restartRun(morning.Add(170 * ms))
	if kind, at := c.settle(morning.Add(221 * ms)); kind != "" {
		told = append(told, fmt.Sprintf("%s of %s", kind, at.Sub(morning)))
	}
	c.feed(morning.Add(221*ms), false)
	told = append(told, play(&c, nil, time.Second)...)
	if diff := cmp.Diff([]string{"press of 100ms at 130ms"}, told); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestTenThousandBouncedPressesAreTenThousandPresses(t *testing.T) {
	t.Parallel()
	const presses, longestBounce = 10_000, 20 * ms
	random := rand.New(rand.NewPCG(17, 22))
	between := func(least, most time.Duration) time.Duration {
		return least + time.Duration(random.Int64N(int64(most-least)))
	}
	var changes []change
	var closed []time.Duration
	now := 100 * ms
	bounce := func(active bool) {
		changes = append(changes, change{now, active})
		for end := now + between(0, longestBounce); ; {
			for _, level := range []bool{!active, active} {
				now += between(1, 5*ms)
				changes = append(changes, change{now, level})
			}
			if now+10*ms >= end {
				return
			}
		}
	}
	for range presses {
		closed = append(closed, now)
		bounce(true)
		now += between(31*ms, 400*ms)
		bounce(false)
		now += between(51*ms, 400*ms)
	}
	c := newContact(Button{}.withDefaults(Chips{}), morning, false)
	told := play(&c, changes, now)
	if len(told) != presses {
		t.Fatalf("%d presses told, want %d", len(told), presses)
	}
	for i, s := range told {
		var at, by string
		if _, err := fmt.Sscanf(s, "press of %s at %s", &at, &by); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		first, err := time.ParseDuration(at)
		if err != nil || first < closed[i] || first > closed[i]+longestBounce {
			t.Fatalf("press %d of a contact closed at %s is dated %s", i, closed[i], at)
		}
	}
	if c.glitches != 0 {
		t.Errorf("%d glitches counted in clean presses", c.glitches)
	}
}

// FuzzContact feeds positions at any times, each byte a step of up to 63 ms and a
// position, or a restarted run, and lets the contact settle or not. The first byte says what
// is bound, how the button is wired, and whether edges have the kernel's time: then
// what was certain until each is asked for first.
func FuzzContact(f *testing.F) {
	f.Add(false, byte(0), []byte{0x20, 0x41, 0x20, 0x45, 0x20, 0x20})
	f.Add(true, byte(1), []byte{0x7f, 0x7f, 0x7f, 0x3f, 0x3f, 0x43, 0x03, 0x43, 0x7f})
	f.Add(false, byte(7), []byte{0x3f, 0x3f, 0x5f, 0x5f, 0x1f, 0x3f, 0x5f, 0x5f, 0x3f, 0x3f, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf})
	f.Add(false, byte(15), []byte{0x3f, 0x3f, 0x5f, 0x5f, 0x1f, 0x3f, 0x5f, 0x5f, 0x3f, 0x3f})
	f.Add(false, byte(16), []byte{0x3f, 0x3f, 0x5f, 0x1f, 0x3f, 0x41, 0x3f, 0xc1, 0x3f})
	f.Add(false, byte(31), []byte{0x3f, 0x3f, 0x5f, 0x5f, 0x1f, 0x3f, 0x5f, 0x5f, 0x3f, 0x3f})
	f.Fuzz(func(t *testing.T, pressed bool, bound byte, steps []byte) {
		b := Button{Hold: 200 * ms, Double: 150 * ms, HoldBound: bound&1 != 0, DoubleBound: bound&2 != 0, ReleaseBound: bound&4 != 0}
		if bound&8 != 0 {
			b.Wiring = normallyClosed
		}
		c := newContact(b.withDefaults(Chips{}), morning, pressed)
		now, seen := morning, c.seen
		rose, fell := map[time.Time]bool{}, map[time.Time]bool{}
		told := make(map[string]int)
		last := morning // when the button last went down for something that was told
		settle := func() {
			for answers := 0; ; answers++ {
				kind, at := c.settle(now)
				if kind == "" {
					return
				}
				told[kind]++
				began := at
				if kind == station.Hold {
					began = at.Add(-c.hold)
				}
				switch {
				case answers > 4:
					t.Fatal("it never has enough")
				case at.After(now):
					t.Fatalf("%s at %s, which is still to come at %s", kind, at, now)
				case kind == station.Release && !fell[at], kind != station.Release && !rose[began]:
					t.Fatalf("%s at %s, when nothing of the kind happened", kind, at)
				case kind == station.Hold && !b.HoldBound, kind == station.Double && !b.DoubleBound, kind == station.Release && !b.ReleaseBound:
					t.Fatalf("a %s that nothing waits for", kind)
				case kind != station.Release && !fellWithin(fell, last, began) && (pressed || last != morning):
					t.Fatalf("%s at %s without a release since the one before", kind, at)
				}
				if kind != station.Release {
					last = began
				}
			}
		}
		timed := bound&16 != 0
		for _, step := range steps {
			now = now.Add(time.Duration(step&0x3f) * ms)
			switch p := position(step >> 6); {
			case p <= between && p != seen:
				if timed {
					settle()
				}
				seen = p
				rose[now], fell[now] = rose[now] || p == down, fell[now] || p == up
				c.moveTo(now, p)
				if step&1 != 0 {
					continue // more edges are waiting to be read
				}
			case p > between && timed:
				rose[now], fell[now] = rose[now] || seen == down, fell[now] || seen == up
				c.restartRun(now)
			}
			settle()
			if at, ok := c.next(); ok && !at.After(now) {
				t.Fatalf("at %s it still wants to settle at %s", now, at)
			}
		}
		if presses := told[station.Press] + told[station.Hold] + told[station.Double]; presses > len(rose) || told[station.Release] > presses {
			t.Fatalf("told %v of %d rising edges", told, len(rose))
		}
	})
}

func fellWithin(fell map[time.Time]bool, from, to time.Time) bool {
	for at := range fell {
		if !at.Before(from) && at.Before(to) {
			return true
		}
	}
	return false
}

func BenchmarkDebounce(b *testing.B) {
	c := newContact(Button{}.withDefaults(Chips{}), morning, false)
	now := morning
	c.settle(now.Add(defaultRelease)) // arms it
	presses := 0
	for b.Loop() {
		for _, step := range []struct {
			after  time.Duration
			active bool
		}{{100 * ms, true}, {2 * ms, false}, {2 * ms, true}, {30 * ms, true}, {100 * ms, false}, {3 * ms, true}, {3 * ms, false}, {50 * ms, false}} {
			now = now.Add(step.after)
			c.feed(now, step.active)
			if kind, _ := c.settle(now); kind != "" {
				presses++
			}
		}
	}
	if presses != b.N {
		b.Fatalf("%d presses told of %d", presses, b.N)
	}
}

// pulses are so many, each on and off for so long.
func pulses(n int, on, off time.Duration) []change {
	var all []change
	for i := range n {
		at := 100*ms + time.Duration(i)*(on+off)
		all = append(all, change{at, true}, change{at + on, false})
	}
	return all
}

func TestEveryPieceOfACountIsOnePress(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		button  Button
		on, off time.Duration
	}{
		{"60 ms on and 40 off", Button{Debounce: 5 * ms}, 60 * ms, 40 * ms},
		{"160 ms on and 40 off", Button{Debounce: 5 * ms}, 160 * ms, 40 * ms},
		{"a fast one", Button{Debounce: 2 * ms}, 4 * ms, 4 * ms},
		{"a release time of its own", Button{Release: 20 * ms}, 60 * ms, 25 * ms},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newContact(test.button.withDefaults(Chips{}), morning, false)
			told := play(&c, pulses(20, test.on, test.off), 10*time.Second)
			if len(told) != 20 || c.glitches != 0 {
				t.Errorf("%d presses and %d glitches: %v", len(told), c.glitches, told)
			}
		})
	}
}

func TestAlternatingCurrentIsOnePressAsLongAsItsPulsesCome(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		changes  []change
		want     []string
		glitches int
	}{
		{"50 Hz, half of each wave", pulses(50, 10*ms, 10*ms), []string{"press of 100ms at 130ms", "release of 1.09s at 1.14s"}, 0},
		{"60 Hz, both halves", pulses(120, 5*ms, 3*ms), []string{"press of 100ms at 130ms", "release of 1.057s at 1.107s"}, 0},
		{"one pulse is none", pulses(1, 10*ms, 10*ms), nil, 1},
		{"a steady level", []change{{100 * ms, true}, {600 * ms, false}}, []string{"press of 100ms at 130ms", "release of 600ms at 650ms"}, 0},
		{"a wave that fails once", append(pulses(5, 10*ms, 10*ms), []change{{220 * ms, true}, {230 * ms, false}, {240 * ms, true}, {250 * ms, false}}...), []string{"press of 100ms at 130ms", "release of 250ms at 300ms"}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newContact(Button{AC: true, ReleaseBound: true}.withDefaults(Chips{}), morning, false)
			told := play(&c, test.changes, 5*time.Second)
			if diff := cmp.Diff(test.want, told); diff != "" || c.glitches != test.glitches {
				t.Errorf("(-want +got):\n%s%d glitches", diff, c.glitches)
			}
		})
	}
}

func TestASwitchTellsItsPositionAtTheStartAndAtEachChange(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		wiring  string
		down    bool
		changes []change
		want    []string
	}{
		{"on at the start", "", true, []change{{time.Hour, false}}, []string{"press of 0s at 30ms", "release of 1h0m0s at 1h0m0.05s"}},
		{"off at the start", "", false, []change{{time.Hour, true}}, []string{"release of 0s at 50ms", "press of 1h0m0s at 1h0m0.03s"}},
		{"normally closed", normallyClosed, true, []change{{time.Hour, false}}, []string{"press of 0s at 30ms", "release of 1h0m0s at 1h0m0.05s"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newContact(Button{Maintained: true, ReleaseBound: true, Wiring: test.wiring}.withDefaults(Chips{}), morning, test.down)
			told := play(&c, test.changes, 2*time.Hour)
			if diff := cmp.Diff(test.want, told); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if length, stuck := c.stuck(morning.Add(3 * time.Hour)); stuck {
				t.Errorf("it is stuck for %v", length)
			}
		})
	}
}
