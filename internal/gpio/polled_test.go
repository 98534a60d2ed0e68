package gpio

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warthog618/go-gpiocdev/uapi"
)

// quiet is lines that cannot tell of edges.
type quiet struct {
	since time.Time
	at    []time.Duration // when line 1 of two changes, from low
	gone  error
}

func (q *quiet) close() error { return nil }

func (q *quiet) levels() (uint64, error) {
	level := uint64(0)
	for _, after := range q.at {
		if time.Since(q.since) >= after {
			level ^= 0b10
		}
	}
	return level, q.gone
}

func TestAChipWithoutInterruptsIsReadAgainAndAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &quiet{since: time.Now(), at: []time.Duration{100 * ms, 160 * ms}}
		p := &polled{levelReader: q, count: 2}
		if level, err := p.levels(); level != 0 || err != nil {
			t.Fatalf("levels %b, %v", level, err)
		}
		for _, want := range []struct {
			high  bool
			after time.Duration
		}{{true, 100 * ms}, {false, 160 * ms}} {
			e, err := p.wait(time.Second)
			if err != nil || e.line != 1 || e.high != want.high || !e.at.IsZero() {
				t.Fatalf("edge %+v, %v", e, err)
			}
			if late := time.Since(q.since) - want.after; late < 0 || late > pollEvery {
				t.Errorf("it is told %v late", late)
			}
		}
		if _, err := p.wait(time.Second); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a wait without an edge ends with %v", err)
		}
		q.gone = os.ErrClosed
		if _, err := p.wait(time.Second); !errors.Is(err, os.ErrClosed) {
			t.Errorf("of a chip that is gone it ends with %v", err)
		}
	})
}

func TestLinesWithoutEdgesAreAskedForWithTheirBias(t *testing.T) {
	t.Parallel()
	r, err := requestFor([]int{1, 2}, []inputPin{{pin: 1, bias: pullUp}, {pin: 2}})
	if err != nil {
		t.Fatal(err)
	}
	withoutEdges(r)
	if r.Config.Flags != uapi.LineFlagV2Input || r.EventBufferSize != 0 {
		t.Errorf("flags %b, %d events", r.Config.Flags, r.EventBufferSize)
	}
	if flags := uapi.LineFlagV2(r.Config.Attrs[0].Attr.Value64()); flags != uapi.LineFlagV2Input|uapi.LineFlagV2BiasPullUp {
		t.Errorf("flags of the biased line %b", flags)
	}
}
