package gpio

import (
	"os"
	"sync/atomic"
	"time"

	"github.com/warthog618/go-gpiocdev/uapi"
)

// pollEvery is how often the lines of a chip without interrupts are read. A press of a
// hand takes 60 ms at least; what is shorter than the debounce time is none anyway.
const pollEvery = 5 * time.Millisecond

// A polled is the input lines of a chip that reports no edges: an expander on I2C whose
// INT pin is not wired. The kernel refuses to buffer its edges (ENXIO), so the levels are
// read every pollEvery. An edge has no time of its own, and what lasts less than
// pollEvery is not seen.
type polled struct {
	levelReader
	count  int
	last   uint64
	began  bool
	queued []edge // seen, and not yet returned by wait
	woken  atomic.Bool
}

// A levelReader is what polled needs of the lines.
type levelReader interface {
	levels() (uint64, error)
	close() error
}

// pollLines takes lines of the chip at path as inputs, without their edges.
func pollLines(path string, offsets []int, pins []inputPin) (*polled, error) {
	config, err := requestFor(offsets, pins)
	if err != nil {
		return nil, err
	}
	withoutEdges(config)
	r, err := requestLines(path, config, offsets)
	if err != nil {
		return nil, err
	}
	return &polled{levelReader: r, count: len(offsets)}, nil
}

// withoutEdges asks for the lines' levels alone.
func withoutEdges(r *uapi.LineRequest) {
	r.EventBufferSize = 0
	r.Config.Flags &^= uapi.LineFlagV2EdgeBoth
	for i := range r.Config.NumAttrs {
		attribute := &r.Config.Attrs[i].Attr
		flags := uapi.LineFlagV2(attribute.Value64()) &^ uapi.LineFlagV2EdgeBoth
		*attribute = flags.Encode()
	}
}

// wait implements inputLines.
func (p *polled) wait(timeout time.Duration) (edge, error) {
	end := time.NewTimer(timeout)
	defer end.Stop()
	look := time.NewTicker(pollEvery)
	defer look.Stop()
	for {
		if err := p.poll(); err != nil {
			return edge{}, err
		}
		if len(p.queued) > 0 {
			e := p.queued[0]
			p.queued = p.queued[1:]
			return e, nil
		}
		if p.woken.Swap(false) {
			return edge{}, os.ErrDeadlineExceeded
		}
		select {
		case <-end.C:
			return edge{}, os.ErrDeadlineExceeded
		case <-look.C:
		}
	}
}

// wake implements inputLines: the wait sees it when it reads the lines next.
func (p *polled) wake() { p.woken.Store(true) }

// levels implements inputLines. What is read first is what later changes are counted from.
func (p *polled) levels() (uint64, error) {
	now, err := p.levelReader.levels()
	if err == nil && !p.began {
		p.last, p.began = now, true
	}
	return now, err
}

// poll reads the levels and notes what has changed.
func (p *polled) poll() error {
	now, err := p.levelReader.levels()
	if err != nil {
		return err
	}
	for line := range p.count {
		if changed := (now^p.last)>>line&1 != 0; changed && p.began {
			p.queued = append(p.queued, edge{line: line, high: now>>line&1 != 0})
		}
	}
	p.last, p.began = now, true
	return nil
}
