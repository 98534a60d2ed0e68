package scanner

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"stationd/internal/scanner/label"
)

const (
	nul = 0x00
	stx = 0x02
	etx = 0x03
	ht  = 0x09
	lf  = 0x0A
	cr  = 0x0D
)

// maxFrame is the length of the longest frame, in bytes: the largest QR Code
// holds 7,089 digits, and no symbology holds more. The AIM identifier and what the
// scanner puts around a code come on top.
const maxFrame = 7089 + 128

// frameTimeout is how long a line may be silent within a frame that has an end of
// its own. At 9600 bits a second a character takes 1 ms, and USB adapters add
// up to 16 ms; half a second within a scan means that its rest is lost.
const frameTimeout = 500 * time.Millisecond

// lateRestTime is how long after a silence within a frame what comes is taken for its rest,
// and dropped up to its end: a radio link that broke brings it late. What comes later
// still, or begins with an AIM identifier, is another scan, of a person who went on.
const lateRestTime = 10 * time.Second

// style is how frames are told apart.
type style uint8

const (
	byLine    style = iota // a character or two end a frame
	bySTXETX               // STX begins it and ETX ends it
	bySilence              // silence ends it
)

// framing is the rule by which bytes become frames.
type framing struct {
	style style
	end   string        // byLine: what ends a frame
	tab   bool          // byLine: HT ends a frame as well
	gap   time.Duration // silence that ends a frame: as its end by silence, as a loss otherwise
}

// parseFraming reads the key frame of a [[scanner]].
func parseFraming(s string) (framing, error) {
	switch s {
	case defaultFrame:
		return framing{style: byLine, end: "\r", gap: frameTimeout}, nil
	case "lf":
		return framing{style: byLine, end: "\n", gap: frameTimeout}, nil
	case "crlf":
		return framing{style: byLine, end: "\r\n", gap: frameTimeout}, nil
	case "tab":
		return framing{style: byLine, end: "\r", tab: true, gap: frameTimeout}, nil
	case "stx-etx":
		return framing{style: bySTXETX, gap: frameTimeout}, nil
	}
	if text, ok := strings.CutPrefix(s, "idle:"); ok {
		gap, err := time.ParseDuration(text)
		if err != nil || gap < 20*time.Millisecond || gap > frameTimeout {
			return framing{}, fmt.Errorf("%q needs a time from 20ms to %v, as idle:80ms", s, frameTimeout)
		}
		return framing{style: bySilence, gap: gap}, nil
	}
	return framing{}, fmt.Errorf("%q is not a frame; allowed are cr, lf, crlf, tab, stx-etx and idle:80ms", s)
}

// atBoundary reports whether a new frame can begin right after the byte c,
// wherever c stood. Until a line is set up, the kernel makes an LF of a CR.
func (f framing) atBoundary(c byte) bool {
	switch f.style {
	case byLine:
		return c == f.end[len(f.end)-1] || f.end == "\r" && c == lf || f.tab && c == ht
	case bySTXETX:
		return true // what comes before the next STX is no frame
	}
	return false
}

// isEnd reports whether the byte c, wherever it stood, is an end as the scanner sent it: the
// kernel makes an LF of a CR, but nothing into a CR or an HT.
func (f framing) isEnd(c byte) bool {
	return f.style == byLine && f.end == "\r" && (c == cr || f.tab && c == ht)
}

// ends reports whether the byte c, behind the byte before, ends a frame of a line.
func (f framing) ends(before, c byte) bool {
	if f.tab && c == ht {
		return true
	}
	last := len(f.end) - 1
	return c == f.end[last] && (last == 0 || before == f.end[0])
}

// skips reports whether the byte c is dropped where a frame would begin with it: the
// rest of an end that is longer than the one that was named.
func (f framing) skips(c byte) bool {
	return f.style == byLine && (f.end == "\r" && c == lf || f.end == "\n" && c == cr)
}

// frameCounts counts what became of the bytes.
type frameCounts struct {
	frames    int // complete frames
	partials  int // frames whose end never came
	overflows int // frames longer than longest
	damaged   int // frames of which something was lost on the way
	noise     int // bytes that belong to no frame
}

// A framer cuts a stream of bytes into frames. It is pure: it knows no port and
// no clock, and how the bytes were cut on their way makes no difference. Its
// zero value with a framing is ready.
//
// A frame is never empty and never longer than longest. All bytes within it
// are kept as they came: GS (1D), RS (1E) and EOT (04) are data. NUL before a
// frame is not: a break of the line, as when a scanner is switched on, reads as
// NUL (termios(3), IGNBRK and BRKINT off).
type framer struct {
	framing
	frameCounts

	ended int // ends that were seen, byLine

	buffered []byte // of the frame under way
	last     byte   // byLine: the byte before, which may begin an end of two
	started  bool   // bySTXETX: STX came
	dropping bool   // the frame under way is too long or damaged: it is dropped up to its end
	afterCut bool   // a silence has cut a frame, and its rest may come
}

// push takes the next bytes of the stream and hands each frame that they
// complete to frame, which may use the slice until it returns.
func (f *framer) push(b []byte, frame func([]byte)) {
	for _, c := range b {
		if f.style == bySTXETX {
			f.pushBracketed(c, frame)
		} else {
			f.pushPlain(c, frame)
		}
	}
}

func (f *framer) pushPlain(c byte, frame func([]byte)) {
	before := f.last
	f.last = c
	switch {
	case f.style == byLine && f.ends(before, c):
		// Only what says that it is the beginning of a symbol is no rest of one.
		if f.afterCut && f.underWay() && !f.dropping && !label.HasAIM(f.buffered) {
			f.dropping = true
			f.damaged++
		}
		f.afterCut = false
		f.finish(frame)
		f.last = 0
		f.ended++
	case !f.underWay() && f.skips(c):
	case c == nul && !f.underWay():
		f.noise++
	default:
		f.keep(c)
	}
}

func (f *framer) pushBracketed(c byte, frame func([]byte)) {
	switch {
	case c == stx:
		f.abandon()
		f.started = true
	case c == etx && f.started:
		f.finish(frame)
	case f.started:
		f.keep(c)
	case c != cr && c != lf: // many scanners end their line behind ETX
		f.noise++
	}
}

// silent notes that nothing has arrived for d since the last byte.
func (f *framer) silent(d time.Duration, frame func([]byte)) {
	switch {
	case f.afterCut && d >= lateRestTime:
		f.afterCut = false
	case d < f.gap || !f.underWay():
	case f.style == bySilence:
		f.finish(frame)
	default:
		cut := f.style == byLine
		f.abandon()
		f.afterCut = cut
	}
}

// markDamaged notes that something is missing at this place of the stream. The frame
// under way, or the one that has begun with what is missing, is dropped up to its
// end: the rest of a scan is another code.
func (f *framer) markDamaged() {
	if !f.dropping {
		f.damaged++
		f.dropping = true
	}
}

// strayKey notes a key without a character. Within a frame it damages it, for it may have
// stood for a character. Between frames it is noise.
func (f *framer) strayKey() {
	if f.underWay() {
		f.markDamaged()
	} else {
		f.noise++
	}
}

// abandon gives up the frame under way: its end will not come.
func (f *framer) abandon() {
	if f.underWay() && !f.dropping {
		f.partials++
	}
	f.reset()
	f.afterCut = false
}

// underWay reports whether a frame has begun and not ended.
func (f *framer) underWay() bool { return len(f.buffered) > 0 || f.started || f.dropping }

// awaitsSilence reports whether silence would change anything.
func (f *framer) awaitsSilence() bool { return f.underWay() || f.afterCut }

func (f *framer) reset() { f.buffered, f.started, f.dropping = f.buffered[:0], false, false }

// keep adds a byte to the frame under way. Two bytes more than the longest
// frame are kept, because STX and ETX may come off it.
func (f *framer) keep(c byte) {
	switch {
	case f.dropping:
	case len(f.buffered) == maxFrame+2:
		f.overflows++
		f.dropping = true
	default:
		f.buffered = append(f.buffered, c)
	}
}

// finish ends the frame under way.
func (f *framer) finish(frame func([]byte)) {
	defer f.reset()
	if f.dropping {
		return
	}
	b := f.buffered
	if f.style == byLine {
		if last := len(b) - 1; last >= 0 && b[last] == cr && (f.end == "\r\n" || f.end == "\n") {
			b = b[:last]
		}
		b = bytes.TrimPrefix(b, []byte{stx})
		b = bytes.TrimSuffix(b, []byte{etx})
	}
	switch {
	case len(b) == 0:
	case len(b) > maxFrame:
		f.overflows++
	default:
		f.frames++
		frame(b)
	}
}
