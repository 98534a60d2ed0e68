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

// longest is the length of the longest frame, in bytes: the largest QR Code
// holds 7,089 digits, and no symbology holds more. The AIM identifier and what the
// reader puts around a code come on top.
const longest = 7089 + 128

// cutShort is how long a line may be silent within a frame that has an end of
// its own. At 9600 bits a second a character takes 1 ms, and USB adapters add
// up to 16 ms; half a second within a scan means that its rest is lost.
const cutShort = 500 * time.Millisecond

// tailTime is how long after a silence within a frame what comes is taken for its rest,
// and dropped up to its end: a radio link that broke brings it late. What comes later
// still, or begins with an AIM identifier, is another scan, of a person who went on.
const tailTime = 10 * time.Second

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
		return framing{style: byLine, end: "\r", gap: cutShort}, nil
	case "lf":
		return framing{style: byLine, end: "\n", gap: cutShort}, nil
	case "crlf":
		return framing{style: byLine, end: "\r\n", gap: cutShort}, nil
	case "tab":
		return framing{style: byLine, end: "\r", tab: true, gap: cutShort}, nil
	case "stx-etx":
		return framing{style: bySTXETX, gap: cutShort}, nil
	}
	if text, ok := strings.CutPrefix(s, "idle:"); ok {
		gap, err := time.ParseDuration(text)
		if err != nil || gap < 20*time.Millisecond || gap > cutShort {
			return framing{}, fmt.Errorf("%q needs a time from 20ms to %v, as idle:80ms", s, cutShort)
		}
		return framing{style: bySilence, gap: gap}, nil
	}
	return framing{}, fmt.Errorf("%q is not a frame; allowed are cr, lf, crlf, tab, stx-etx and idle:80ms", s)
}

// between reports whether a new frame can begin right after the byte c,
// wherever c stood. Until a line is set up, the kernel makes an LF of a CR.
func (f framing) between(c byte) bool {
	switch f.style {
	case byLine:
		return c == f.end[len(f.end)-1] || f.end == "\r" && c == lf || f.tab && c == ht
	case bySTXETX:
		return true // what comes before the next STX is no frame
	}
	return false
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

// tally counts what became of the bytes.
type tally struct {
	frames    int // complete frames
	partials  int // frames whose end never came
	overflows int // frames longer than longest
	spoilt    int // frames of which something was lost on the way
	noise     int // bytes that belong to no frame
}

// A framer cuts a stream of bytes into frames. It is pure: it knows no port and
// no clock, and how the bytes were cut on their way makes no difference. Its
// zero value with a framing is ready.
//
// A frame is never empty and never longer than longest. All bytes within it
// are kept as they came: GS (1D), RS (1E) and EOT (04) are data. NUL before a
// frame is not: a break of the line, as when a reader is switched on, reads as
// NUL (termios(3), IGNBRK and BRKINT off).
type framer struct {
	framing
	tally

	kept  []byte // of the frame under way
	last  byte   // byLine: the byte before, which may begin an end of two
	begun bool   // bySTXETX: STX came
	bad   bool   // the frame under way is too long or spoilt: it is dropped up to its end
	tail  bool   // a silence has cut a frame, and its rest may come
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
		if f.tail && f.underWay() && !f.bad && !label.Identified(f.kept) {
			f.bad = true
			f.spoilt++
		}
		f.tail = false
		f.finish(frame)
		f.last = 0
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
		f.begun = true
	case c == etx && f.begun:
		f.finish(frame)
	case f.begun:
		f.keep(c)
	case c != cr && c != lf: // many readers end their line behind ETX
		f.noise++
	}
}

// silent says that nothing arrived for d after the last byte that was pushed.
func (f *framer) silent(d time.Duration, frame func([]byte)) {
	switch {
	case f.tail && d >= tailTime:
		f.tail = false
	case d < f.gap || !f.underWay():
	case f.style == bySilence:
		f.finish(frame)
	default:
		cut := f.style == byLine
		f.abandon()
		f.tail = cut
	}
}

// spoil says that something is missing at this place of the stream. The frame
// under way, or the one that has begun with what is missing, is dropped up to its
// end: the rest of a scan is another code.
func (f *framer) spoil() {
	if !f.bad {
		f.spoilt++
		f.bad = true
	}
}

// stray says that something without a meaning stood here. Within a frame that
// spoils it: it may have stood for a character. Between frames it is noise.
func (f *framer) stray() {
	if f.underWay() {
		f.spoil()
	} else {
		f.noise++
	}
}

// abandon gives up the frame under way: its end will not come.
func (f *framer) abandon() {
	if f.underWay() && !f.bad {
		f.partials++
	}
	f.reset()
	f.tail = false
}

// underWay reports whether a frame has begun and not ended.
func (f *framer) underWay() bool { return len(f.kept) > 0 || f.begun || f.bad }

func (f *framer) reset() { f.kept, f.begun, f.bad = f.kept[:0], false, false }

// keep adds a byte to the frame under way. Two bytes more than the longest
// frame are kept, because STX and ETX may come off it.
func (f *framer) keep(c byte) {
	switch {
	case f.bad:
	case len(f.kept) == longest+2:
		f.overflows++
		f.bad = true
	default:
		f.kept = append(f.kept, c)
	}
}

// finish ends the frame under way.
func (f *framer) finish(frame func([]byte)) {
	defer f.reset()
	if f.bad {
		return
	}
	b := f.kept
	if f.style == byLine {
		if last := len(b) - 1; last >= 0 && b[last] == cr && (f.end == "\r\n" || f.end == "\n") {
			b = b[:last]
		}
		b = bytes.TrimPrefix(b, []byte{stx})
		b = bytes.TrimSuffix(b, []byte{etx})
	}
	switch {
	case len(b) == 0:
	case len(b) > longest:
		f.overflows++
	default:
		f.frames++
		frame(b)
	}
}
