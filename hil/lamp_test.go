package hil

import (
	"testing"
	"time"
)

func TestALampIsSeenAsAnEyeSeesIt(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, test := range []struct {
		sentence string
		changes  []time.Duration // since power on; the first is on, the next off, …
		now      time.Duration
		want     Pattern
	}{
		{"a lamp that was never lit is dark", nil, 3 * time.Second, Dark},
		{"right after power on nothing can be said", nil, time.Second, Unclear},
		{"a lamp that was lit long ago is steady", []time.Duration{0}, 3 * time.Second, Steady},
		{"a lamp that was just lit may yet blink", []time.Duration{0}, time.Second, Unclear},
		{"one flash is no blink, and then dark", []time.Duration{0, 2000 * ms}, 4600 * ms, Dark},
		{"two short flashes are no blink", []time.Duration{0, 100 * ms, 300 * ms, 400 * ms}, 600 * ms, Unclear},
		{"half a second on and off is slow", []time.Duration{0, 500 * ms, 1000 * ms, 1500 * ms, 2000 * ms}, 2100 * ms, Slow},
		{"half a second on and off is slow although the board is early", []time.Duration{0, 499 * ms, 999 * ms, 1498 * ms, 1998 * ms}, 2100 * ms, Slow},
		{"a short flash every two seconds is slow", []time.Duration{0, 200 * ms, 2000 * ms, 2200 * ms, 4000 * ms}, 4100 * ms, Slow},
		{"an eighth of a second on and off is quick", []time.Duration{0, 125 * ms, 250 * ms, 375 * ms, 500 * ms}, 510 * ms, Quick},
		{"a quick blink that stopped lit is steady", []time.Duration{0, 125 * ms, 250 * ms, 375 * ms, 500 * ms}, 3100 * ms, Steady},
		{"a change from quick to slow is neither yet", []time.Duration{0, 125 * ms, 250 * ms, 1000 * ms, 2000 * ms}, 2100 * ms, Unclear},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			t.Parallel()
			on := time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
			var edges []Edge
			for i, at := range test.changes {
				edges = append(edges, Edge{At: on.Add(at), High: i%2 == 0})
			}
			if got := PatternOf(edges, on, on.Add(test.now)); got != test.want {
				t.Errorf("it looks %v, want %v", got, test.want)
			}
		})
	}
}
