package scanner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

// A heard is a beeper that remembers what it was sent.
type heard struct{ beeps string }

func (h *heard) write(b []byte) error {
	h.beeps += string(b)
	return nil
}

func TestScansThatWaitAreRecordedTogether(t *testing.T) {
	t.Parallel()
	at := time.Now()
	waiting := func(codes ...string) (all []scan) {
		for i, code := range codes {
			all = append(all, scan{code, at.Add(time.Duration(i) * time.Millisecond)})
		}
		return all
	}
	var forty []string
	for i := range 40 {
		forty = append(forty, fmt.Sprintf("PO%02d", i))
	}
	tests := []struct {
		name    string
		waiting []scan
		refused string   // the first scan of this code is not recorded
		want    []string // each what was recorded together
		beeps   string
		counts  Counts
	}{
		{
			name:    "a scan behind which none waits is recorded alone",
			waiting: waiting("PO1"), want: []string{"PO1"}, beeps: "+",
		},
		{
			name:    "those that wait are recorded together, and each is answered for itself",
			waiting: waiting("PO1", "UNKNOWN", "PO2"), want: []string{"PO1 UNKNOWN PO2"}, beeps: "+-+",
		},
		{
			name:    "no more than a commit takes",
			waiting: waiting(forty...),
			want:    []string{strings.Join(forty[:station.MostTogether], " "), strings.Join(forty[station.MostTogether:], " ")},
			beeps:   strings.Repeat("+", 40),
		},
		{
			name:    "a repeat is dropped, and answered as the scan that it repeats",
			waiting: waiting("PO1", "UNKNOWN", "UNKNOWN", "PO2"), want: []string{"PO1 UNKNOWN", "PO2"}, beeps: "+--+",
			counts: Counts{Repeats: 1},
		},
		{
			name:    "the same code again is no repeat where the one before it was not recorded",
			waiting: waiting("PO1", "PO2", "PO2"), refused: "PO2", want: []string{"PO1 PO2", "PO2"}, beeps: "+-+",
			counts: Counts{Unrecorded: 1},
		},
		{
			name:    "it is a repeat where another before it was not recorded",
			waiting: waiting("PO1", "PO2", "PO2"), refused: "PO1", want: []string{"PO1 PO2"}, beeps: "-++",
			counts: Counts{Unrecorded: 1, Repeats: 1},
		},
		{
			name:    "one that is not recorded keeps none behind it",
			waiting: waiting("PO1", "PO2", "PO1"), refused: "PO1", want: []string{"PO1 PO2 PO1"}, beeps: "-++",
			counts: Counts{Unrecorded: 1},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := prepare(t, Config{BeepRecorded: "+", BeepRefused: "-"})
			ear := new(heard)
			b.beeper = ear
			for _, s := range test.waiting {
				b.scans <- s
			}
			var got []string
			var times []time.Time
			err := b.RunAll(stopped(t), func(all []station.Emitted) {
				if n := len(times) + test.counts.Repeats; len(ear.beeps) > n {
					t.Errorf("the reader has beeped %d times, and %d scans are recorded", len(ear.beeps), len(times))
				}
				var codes []string
				for i := range all {
					e := &all[i]
					codes, times = append(codes, e.Event.Code), append(times, e.Event.At.Wall)
					switch e.Event.Code {
					case test.refused:
						e.Err, test.refused = errors.New("the outbox is full"), ""
					case "UNKNOWN":
						e.Result.Note.Kind = station.NoteUnknown
					default:
						e.Result.Note.Kind = station.NoteRecorded
					}
				}
				got = append(got, strings.Join(codes, " "))
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("recorded together (-want +got):\n%s", diff)
			}
			if ear.beeps != test.beeps {
				t.Errorf("the reader beeped %q, want %q", ear.beeps, test.beeps)
			}
			for i := range times[1:] {
				if !times[i].Before(times[i+1]) {
					t.Errorf("scan %d has the time of the one behind it", i)
				}
			}
			b.wantCounts(t, test.counts)
		})
	}
}

// stopped is a context that has ended: what waits is recorded, and nothing more.
func stopped(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
