package scanner

import (
	"context"
	"slices"
	"time"
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
//	the rest of a scan whose beginning came before,   dropped,   its pauses are longer than the
//	from a scanner that pauses between characters     and said   silence that was seen, so that
//	for longer than cleanTime                                    this proves no beginning
//	a line that is never silent                       dropped,   after twice staleTime it is read
//	                                                  then read  from the next end on
//	from a scanner that was plugged in just now,      dropped    it, the bus and whoever else
//	within staleTime                                             looks at it are not settled
//	a scan that begins after the silence, without     a scan     its first byte is its beginning
//	such a pause, and has its end
//	what a scanner kept and sends later than that     a scan     it cannot be told from one that
//	                                                             is made now
//
// A scanner that brackets its scans (stx-etx) or sends them in reports (pos) marks their
// beginning, and one whose scans end with silence has been silent for that long.

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
		// Two characters of eleven bits, for a slow line: one that is under way has not
		// arrived yet.
		quiet = max(quiet, 22*time.Second/time.Duration(r.config.baud()))
	}
	return quiet
}

// isLine reports whether the scanner is on a serial line.
func (r *Scanner) isLine() bool {
	return r.network == nil && !r.config.isKeyboard() && !r.config.isPOS()
}

// An opening is what the first reading of a port that has just been opened came to. Its zero
// value is that of a port on which nothing can be from before.
type opening struct {
	fresh []byte        // was read already, and is of the scans
	quiet time.Duration // that the line was seen to be silent for, where this alone says that the next byte begins a scan; else 0
	until time.Time     // the first scan is doubted that begins before
	begun bool          // the first scan has
	ends  int           // the framer had seen so many ends then
}

// mayBeTail reports, once, that the scan under way is the first one and has paused for longer
// than the line had been silent before it, so that its beginning may have come before the port
// was open. It is asked at each reading of more, before that is taken in.
func (o *opening) mayBeTail(now, lastByte time.Time, f *framer) bool {
	switch {
	case o.quiet == 0:
		return false
	case !o.begun:
		o.begun, o.ends = true, f.ended
		if now.After(o.until) {
			o.quiet = 0
		}
		return false
	case f.ended > o.ends || !f.underWay():
		o.quiet = 0 // the first is over
		return false
	case now.Sub(lastByte) < o.quiet:
		return false
	}
	o.quiet = 0
	return true
}

// dropStale reads and drops what was sent before the port was open, by the rule above.
func (r *Scanner) dropStale(ctx context.Context, d device) (opening, error) {
	quiet := r.quietTime()
	between, clean, silent := true, true, false
	buf := make([]byte, readSize)
	since := time.Now()
	for {
		// A read that comes late still finds what came in time: so the last one is always
		// one that found nothing.
		age, settled := time.Since(since), staleTime
		if clean {
			settled = quiet
		}
		if silent && age >= settled || age >= 2*staleTime+quiet {
			break
		}
		n, lost, err := readOrLoss(d, buf, max(settled-age, time.Millisecond))
		if err != nil {
			return opening{}, err
		}
		r.count(func(c *Counts) { c.Stale += n })
		silent = n == 0 && lost == nil
		clean = clean && silent
		switch {
		case lost != nil:
			between = false
		case n > 0:
			between = r.config.isPOS() || r.framer.atBoundary(buf[n-1])
		}
	}
	if !between {
		fresh, err := r.dropRest(ctx, d)
		return opening{fresh: fresh}, err
	}
	if !clean || r.tried || r.framer.style != byLine || r.config.isPOS() {
		return opening{}, ctx.Err()
	}
	return opening{quiet: quiet, until: time.Now().Add(frameTimeout)}, ctx.Err()
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
