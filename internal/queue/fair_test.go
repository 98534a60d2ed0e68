package queue

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// calling is a station with a button that calls, a scanner whose labels call for each
// machine that they name, and another whose labels are history.
func calling() station.Program {
	scan := func(source, match string, do station.Do) station.Binding {
		return station.Binding{Event: source + ".scan", Match: regexp.MustCompile(match), Do: []station.Do{do}}
	}
	p := program()
	p.Bindings = []station.Binding{
		{Event: "red.press", Do: []station.Do{do("dispatch.open", map[string]string{"machine": "SEAL-1", "type": "MAINT"})}},
		scan("junk", `^CALL (?P<machine>\w+)$`, do("dispatch.open", map[string]string{"machine": "{machine}", "type": "MAINT"})),
		scan("hand", `^(?P<order>\d+)/(?P<serial>\w+)$`, do("article.trace", map[string]string{"order": "{order}", "serial": "{serial}"})),
		scan("junk", `^(?P<order>\d+)/(?P<serial>\w+)$`, do("article.trace", map[string]string{"order": "{order}", "serial": "{serial}"})),
	}
	return p
}

// attemptsOf returns at which attempts what is so was sent.
func attemptsOf(sent []station.Delivery, is func(station.Delivery) bool) (at []int) {
	for i, d := range sent {
		if is(d) {
			at = append(at, i+1)
		}
	}
	return at
}

func TestOneBackendsPaceIsSharedOutFairly(t *testing.T) {
	t.Parallel()
	const few = 6 // attempts, of two at a time
	from := func(source string) func(station.Delivery) bool {
		return func(d station.Delivery) bool { return d.Source == source }
	}
	for name, restart := range map[string]bool{"": false, ", also after a restart": true} {
		run := func(t *testing.T, record func(*station1)) []station.Delivery {
			t.Helper()
			var sent []station.Delivery
			synctest.Test(t, func(t *testing.T) {
				s, v := open1(t), &vendor{}
				s.box.setting.Program = calling
				record(s)
				if restart {
					s.stop()
					s.start()
				}
				s.deliver(v, time.Hour)
				if n := len(s.standings()); n != 0 {
					t.Errorf("%d entries were not delivered", n)
				}
				sent = v.attempts()
			})
			last := make(map[string]station.Stamp)
			for _, d := range sent {
				if before := last[d.Lane]; before.Up > d.At.Up {
					t.Errorf("lane %s: what was recorded at %v was sent after what was at %v", d.Lane, d.At.Up, before.Up)
				}
				last[d.Lane] = d.At
			}
			return sent
		}
		scan := func(s *station1, source, code string) {
			s.record(station.Event{Source: source, Kind: station.Scan, Code: code})
		}
		t.Run("a call is sent before the history that waits since longer"+name, func(t *testing.T) {
			t.Parallel()
			sent := run(t, func(s *station1) {
				for i := range 150 {
					scan(s, "hand", fmt.Sprintf("%d/s%d", i%50, i))
				}
				s.press()
			})
			if at := attemptsOf(sent, from("red")); len(at) != 1 || at[0] > few {
				t.Errorf("of %d attempts the call was at %v", len(sent), at)
			}
		})
		t.Run("many calls of one source delay that of another by a few attempts"+name, func(t *testing.T) {
			t.Parallel()
			sent := run(t, func(s *station1) {
				for i := range 150 {
					scan(s, "junk", fmt.Sprintf("CALL M%d", i))
				}
				s.press()
			})
			if at := attemptsOf(sent, from("red")); len(at) != 1 || at[0] > few {
				t.Errorf("of %d attempts the call was at %v", len(sent), at)
			}
		})
		t.Run("many scans of one source delay those of another by a few attempts each"+name, func(t *testing.T) {
			t.Parallel()
			sent := run(t, func(s *station1) {
				for i := range 150 {
					scan(s, "junk", fmt.Sprintf("%d/s%d", i, i))
				}
				for i := range 10 {
					scan(s, "hand", fmt.Sprintf("999/s%d", i))
				}
			})
			if at := attemptsOf(sent, from("hand")); len(at) != 10 || at[9] > 10*few {
				t.Errorf("of %d attempts the ten scans were at %v", len(sent), at)
			}
		})
		t.Run("calls without end leave history its turns"+name, func(t *testing.T) {
			t.Parallel()
			sent := run(t, func(s *station1) {
				for i := range 150 {
					scan(s, "junk", fmt.Sprintf("CALL M%d", i))
				}
				for i := range 5 {
					scan(s, "hand", fmt.Sprintf("%d/s", i))
				}
			})
			// Without their turns they would be the last five of 69. A turn is sometimes given
			// back, while the vendor is asked how it is.
			if at := attemptsOf(sent, from("hand")); len(at) != 5 || slices.Max(at) > 8*few {
				t.Errorf("of %d attempts the history was at %v", len(sent), at)
			}
		})
	}
}
