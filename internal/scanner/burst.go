package scanner

import (
	"time"

	"stationd/internal/scanner/label"
)

// burstGap is the silence behind a symbol by which it is known to be over. A reader sends
// a symbol in one go; between two that a person or a line brings there is more.
const burstGap = 60 * time.Millisecond

// A burst is what a reader that identifies every symbol sends in one go: the frames of
// one symbol, if that holds what ends a frame. Each frame is held back until the next
// tells, or silence. It is pure.
type burst struct {
	hand   func(scan)
	refuse func(frames int)

	held   []scan
	broken bool // a frame had no identifier
	frames int
}

// frame takes the next frame. Two with an identifier are two symbols.
func (b *burst) frame(s scan) {
	b.frames++
	switch {
	case !label.Identified([]byte(s.text)):
		b.broken = true
		b.held = nil
	case !b.broken:
		b.release()
		b.held = append(b.held, s)
	}
}

// silent says that the burst is over.
func (b *burst) silent() {
	if b.broken {
		b.refuse(b.frames)
	} else {
		b.release()
	}
	b.held, b.broken, b.frames = nil, false, 0
}

// cut says that the line is gone: what was held may have been the beginning of more.
func (b *burst) cut() {
	if b.underWay() {
		b.refuse(b.frames)
	}
	b.held, b.broken, b.frames = nil, false, 0
}

// underWay reports whether a silence would tell something.
func (b *burst) underWay() bool { return b.broken || len(b.held) > 0 }

// release hands on what was held.
func (b *burst) release() {
	for _, s := range b.held {
		b.hand(s)
	}
	b.frames -= len(b.held)
	b.held = nil
}
