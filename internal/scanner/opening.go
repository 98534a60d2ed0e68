package scanner

import (
	"context"
	"slices"
	"time"

	"stationd/internal/scanner/label"
)

// This file tells what was sent before a port was open from what is scanned afterwards. What
// was sent before is dropped, because nobody knows when it was scanned, and counted: it is the
// figure stale of the line "scanner ready". No byte says when it was sent; what does is the
// silence before it. A port is open when its line was seen to be silent for as long as a
// scanner, its adapter or a driver keeps back what it has (see [Scanner.quietTime]), beginning
// with the opening:
//
//	what comes                                        is         because
//	from the driver's buffer, of whatever time        dropped    it is read at once
//	from a scanner or an adapter that kept it, as     dropped    it comes within quietTime
//	soon as DTR is up or the host asks for it
//	several scans that a scanner kept, one by one     dropped    once something has come, all of
//	                                                             staleTime is waited for
//	half a scan that was kept, or under way           dropped    where the last byte of those is
//	                                                             no end, what follows is dropped
//	                                                             up to an end, or to a silence
//	                                                             that ends a scan
//	the rest of a scan whose beginning came before,   dropped,   it pauses for longer than the
//	from a scanner that pauses between characters     and said   line was silent before it, so
//	for longer than cleanTime                                    that this proves no beginning
//	a line that is never silent                       dropped,   after twice staleTime it is read
//	                                                  then read  from the next end on
//	from a scanner that was plugged in just now,      dropped    it, the bus and whoever else
//	within staleTime                                             looks at it are not settled
//	a scan that begins after the silence, without     a scan     its first byte is its beginning
//	such a pause or with an AIM identifier, and has
//	its end
//	what a scanner kept and sends later than that     a scan     it cannot be told from one that
//	                                                             is made now
//
// A scanner that brackets its scans (stx-etx) or sends them in reports (pos) marks their
// beginning, and one whose scans end with silence has been silent for that long.
//
// On a pseudo terminal, the line that another program provides, no scanner is told that its port
// is open, and nothing but the kernel keeps what was sent before: the first read that finds
// nothing has seen the end of it (the kernel's n_tty hands on all that was written before it says
// so). Where the last of that is the end of a scan, the next byte begins one, and no silence is
// waited for. Where it is not, or nothing was kept, the table holds there too: whoever had the line
// before may have read half a scan. A real line is never believed so soon, not the board's own UART
// either: a scanner that heeds RTS or DTR has kept its scans, and sends them as whole as new ones.

const (
	// cleanTime is how long a line must be silent after its opening to have kept nothing. A
	// USB scanner delivers what it had kept with the first packets that the host asks for,
	// within 2 ms, and an adapter what is in its buffer when its latency timer has run out,
	// which is 16 ms (FTDI AN232B-04).
	cleanTime = 25 * time.Millisecond

	// staleTime is how long a line on which something came before it was silent is not
	// believed: a scanner may have kept more than one scan.
	staleTime = 100 * time.Millisecond
)

// quietTime is how long the line must be silent after its opening: the less, where the scanner
// was there when the station started.
func (r *Scanner) quietTime() time.Duration {
	quiet := cleanTime
	if r.tried {
		quiet = staleTime
	}
	if r.framer.style == bySilence {
		quiet = max(quiet, r.framer.gap) // what pauses for less is one scan
	}
	if r.isLine() {
		// Nine characters of eleven bits, for a slow line: a UART tells the kernel of eight at
		// once (the PL011 of the board, a 16550A), and one more is under way.
		quiet = max(quiet, 99*time.Second/time.Duration(r.config.baud()))
	}
	return quiet
}

// isLine reports whether the scanner is on a serial line.
func (r *Scanner) isLine() bool {
	return r.network == nil && !r.config.isKeyboard() && !r.config.isPOS()
}

// kernelRoom is what the kernel keeps of a line for whoever reads it (N_TTY_BUF_SIZE), about: of
// more than that, something may be missing.
const kernelRoom = 4000

// An opening is what the first reading of a port that has just been opened came to. Its zero
// value is that of a port on which nothing can be from before.
type opening struct {
	fresh  []byte        // was read already, and is of the scans
	since  time.Time     // nothing has come from then on,
	quiet  time.Duration // for so long at least, and this alone says that the next byte begins a scan; 0: that is not in doubt
	begun  bool          // the first scan has
	ends   int           // the framer had seen so many ends then
	silent bool          // a read has found nothing since its last byte
}

// inDoubt reports whether the beginning of the first scan, under way or not, may have come before
// the port was open. It ends with that scan, and where none begins within frameTimeout: no scan
// pauses for longer.
func (o *opening) inDoubt(f *framer) bool {
	if o.begun && (f.ended > o.ends || !f.underWay()) || o.quiet >= frameTimeout {
		o.quiet = 0
	}
	return o.quiet > 0
}

// foundNothing notes that a read has found nothing up to a moment.
func (o *opening) foundNothing(until time.Time) {
	o.silent = true
	if o.quiet > 0 && !o.begun {
		o.quiet = until.Sub(o.since)
	}
}

// mayBeTail reports, once, that the scan under way is the first one and has paused for longer
// than the line had been silent before it, so that its beginning may have come before the port
// was open. It is asked at each reading of more, before that is taken in. A read that comes late
// is no pause: only one that found nothing proves it. Nor is it in doubt where an AIM identifier
// says that it is the beginning.
func (o *opening) mayBeTail(now, lastByte time.Time, f *framer) bool {
	if !o.inDoubt(f) {
		return false
	}
	paused := o.begun && o.silent && now.Sub(lastByte) >= o.quiet
	o.silent = false
	if !o.begun {
		o.begun, o.ends = true, f.ended
	}
	if !paused {
		return false
	}
	o.quiet = 0
	return !label.HasAIM(f.buffered)
}

// dropStale reads and drops what was sent before the port was open, by the rule above.
func (r *Scanner) dropStale(ctx context.Context, d device) (opening, error) {
	quiet := r.quietTime()
	between, clean, silent, ended, stale := true, true, false, false, 0
	buf := make([]byte, readSize)
	since := time.Now()
	for {
		// A read that comes late still finds what came in time: so the last one is always
		// one that found nothing.
		age, settled := time.Since(since), staleTime
		if clean {
			settled = quiet
		}
		if ended && stale < kernelRoom {
			settled = 0
		}
		if silent && age >= settled || age >= 2*staleTime+quiet {
			break
		}
		n, lost, err := readOrLoss(d, buf, max(settled-age, time.Millisecond))
		if err != nil {
			return opening{}, err
		}
		r.count(func(c *Counts) { c.Stale += n })
		stale += n
		silent = n == 0 && lost == nil
		clean = clean && silent
		switch {
		case lost != nil:
			between, ended = false, false
		case n > 0:
			between = r.config.isPOS() || r.framer.atBoundary(buf[n-1])
			ended = d.keptByKernel() && r.framer.isEnd(buf[n-1])
		}
	}
	if !between {
		fresh, err := r.dropRest(ctx, d)
		return opening{fresh: fresh}, err
	}
	if !clean || r.tried || r.framer.style != byLine || r.config.isPOS() {
		return opening{}, ctx.Err()
	}
	return opening{since: since, quiet: quiet}, ctx.Err()
}

// dropRest reads and drops the rest of a scan, up to its end or a silence, and
// returns what was read behind the end.
func (r *Scanner) dropRest(ctx context.Context, d device) (fresh []byte, err error) {
	buf := make([]byte, readSize)
	for ctx.Err() == nil {
		n, lost, err := readOrLoss(d, buf, r.framer.gap)
		if err != nil || n == 0 && lost == nil {
			return nil, err
		}
		if end := slices.IndexFunc(buf[:n], r.framer.atBoundary); end >= 0 && lost == nil {
			r.count(func(c *Counts) { c.Stale += end + 1 })
			return buf[end+1 : n], nil
		}
		r.count(func(c *Counts) { c.Stale += n })
	}
	return nil, ctx.Err()
}
