package scanner

import (
	"time"

	"stationd/internal/scanner/label"
)

// burstGap is the silence behind a symbol by which it is known to be over. A scanner sends
// a symbol in one go; between two that a person or a line brings there is more.
const burstGap = 60 * time.Millisecond

// A burst is what a scanner that identifies every symbol sends in one go. A symbol that
// contains what ends a frame arrives as several frames, of which only the first has an
// identifier. So each frame is kept until the next one, or silence, shows whether it was
// a whole symbol. It is pure: it knows no port and no clock.
type burst struct {
	emit   func(scan)
	refuse func(frames int)

	pending      []scan
	unidentified bool // a frame had no identifier
	frames       int
}

// frame adds the next frame. Two with an identifier are two symbols.
func (b *burst) frame(s scan) {
	b.frames++
	switch {
	case !label.HasAIM([]byte(s.text)):
		b.unidentified = true
		b.pending = nil
	case !b.unidentified:
		b.flush()
		b.pending = append(b.pending, s)
	}
}

// silent ends the burst: it emits what is pending, or refuses all of it.
func (b *burst) silent() {
	if b.unidentified {
		b.refuse(b.frames)
	} else {
		b.flush()
	}
	b.pending, b.unidentified, b.frames = nil, false, 0
}

// abort refuses what is pending, because the line is gone: it may have been the beginning
// of more.
func (b *burst) abort() {
	if b.underWay() {
		b.refuse(b.frames)
	}
	b.pending, b.unidentified, b.frames = nil, false, 0
}

// underWay reports whether silence would decide something.
func (b *burst) underWay() bool { return b.unidentified || len(b.pending) > 0 }

// flush emits what is pending.
func (b *burst) flush() {
	for _, s := range b.pending {
		b.emit(s)
	}
	b.frames -= len(b.pending)
	b.pending = nil
}
