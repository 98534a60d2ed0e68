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
	tests := []struct {
		name      string
		holdBound bool
		down      bool // at the start
		changes   []change
		until     time.Duration
		want      []string
		glitches  int
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
			name:      "with a hold binding a press is told at release",
			holdBound: true,
			changes:   []change{{100 * ms, true}, {500 * ms, false}},
			until:     5 * time.Second,
			want:      []string{"press of 100ms at 550ms"},
		},
		{
			name:      "a hold replaces the press and is told while the button is down",
			holdBound: true,
			changes:   []change{{100 * ms, true}, {4 * time.Second, false}},
			until:     5 * time.Second,
			want:      []string{"hold of 2.1s at 2.1s"},
		},
		{
			name:      "a button let go just before the hold time is a press, however it bounces",
			holdBound: true,
			changes:   []change{{100 * ms, true}, {2095 * ms, false}, {2098 * ms, true}, {2110 * ms, false}},
			until:     5 * time.Second,
			want:      []string{"press of 100ms at 2.16s"},
		},
		{
			name:    "a button that is down at the start is a state and not a press",
			down:    true,
			changes: []change{{3 * time.Second, false}, {4 * time.Second, true}},
			until:   5 * time.Second,
			want:    []string{"press of 4s at 4.03s"},
		},
		{
			name:      "a button that is down at the start is not held either",
			holdBound: true,
			down:      true,
			until:     time.Hour,
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
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := Button{HoldBound: test.holdBound}.withDefaults(Chips{})
			c := newContact(b, morning, test.down)
			told := play(&c, test.changes, test.until)
			if diff := cmp.Diff(test.want, told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
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

// FuzzContact feeds levels at any times, each byte a step of up to 127 ms and a
// level, and lets the contact settle or not.
func FuzzContact(f *testing.F) {
	f.Add(false, false, []byte{0x40, 0x81, 0x40, 0x85, 0x40, 0x40})
	f.Add(true, true, []byte{0xff, 0xff, 0xff, 0x7f, 0x7f, 0x83, 0x03, 0x83, 0xff})
	f.Fuzz(func(t *testing.T, down, holdBound bool, steps []byte) {
		c := newContact(Button{HoldBound: holdBound, Hold: 200 * ms}.withDefaults(Chips{}), morning, down)
		now, active := morning, down
		rising, told := 0, 0
		released := !down // since the last press or hold, or since the start
		rose := make(map[time.Time]bool)
		for _, step := range steps {
			now = now.Add(time.Duration(step&0x7f) * ms)
			if pressed := step&0x80 != 0; pressed != active {
				active = pressed
				if active {
					rising++
					rose[now] = true
				} else {
					released = true
				}
				c.feed(now, active)
				if step&1 != 0 {
					continue // more edges are waiting to be read
				}
			}
			kind, at := c.settle(now)
			switch {
			case kind == "":
				continue
			case !released:
				t.Fatalf("%s at %s without a release since the one before", kind, at)
			case kind == station.Press && !rose[at], kind == station.Hold && !rose[at.Add(-c.hold)]:
				t.Fatalf("%s at %s, when no contact closed", kind, at)
			case kind == station.Hold && !holdBound:
				t.Fatal("a hold that nothing waits for")
			case at.After(now):
				t.Fatalf("%s at %s, which is still to come at %s", kind, at, now)
			}
			told++
			released = !active
		}
		if told > rising {
			t.Fatalf("%d presses and holds told of %d rising edges", told, rising)
		}
	})
}

func BenchmarkDebounce(b *testing.B) {
	c := newContact(Button{}.withDefaults(Chips{}), morning, false)
	now := morning
	c.settle(now.Add(releaseTime)) // arms it
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
