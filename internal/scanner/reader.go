package scanner

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"stationd/internal/station"
)

const (
	// stale is how long after opening a port what arrives is taken for older
	// than the port: a USB reader hands over what it kept within milliseconds.
	stale = 100 * time.Millisecond

	// The wait between two tries to open a port doubles from the first to the
	// longest.
	firstWait   = 500 * time.Millisecond
	longestWait = 5 * time.Second
)

// A Reader reads one scanner. It is a station.Source and a station.Teller.
type Reader struct {
	setting Scanner
	invalid error // why the setting cannot be used
	stamp   func(time.Time) station.Stamp
	parse   func(string) (map[string]string, error)
	log     *slog.Logger
	places  places

	// Only Run's own.
	framer framer
	last   string    // the last scan, with its identifier
	lastAt time.Time // when it was read
	opened bool      // the port was open before
	warned bool      // the log knows that the port is not

	mu     sync.Mutex
	fault  string // what is wrong with the scanner; "" when it is well
	counts Counts
}

// Counts are what a Reader has seen since it was made.
type Counts struct {
	Frames     int // complete scans, repeats among them
	Repeats    int // scans not passed on: the same again within Repeat
	Unrecorded int // scans that emit did not take
	Partials   int // scans whose end never came
	Overflows  int // scans longer than any symbol can be
	Noise      int // bytes that belong to no scan
	Stale      int // bytes dropped because they were sent before the port was open
	Reopenings int // times that the port was opened again
}

// Open returns the reader of a scanner whose setting has passed Check. Nothing
// is touched before Run.
//
// stamp makes the stamp of a moment. parse reads the element strings of a GS1
// symbol, given the whole scan with its AIM identifier ("]C1…", separators are
// GS), and returns their values by application identifier. It is given web
// addresses in plain QR Codes and Data Matrices too ("]Q1https://…", "]d1…"), and
// returns neither values nor an error for one that is no GS1 Digital Link.
func Open(setting Scanner, stamp func(time.Time) station.Stamp, parse func(scan string) (map[string]string, error), log *slog.Logger) *Reader {
	framing, err := parseFraming(setting.Frame)
	return &Reader{
		setting: setting,
		invalid: err,
		stamp:   stamp,
		parse:   parse,
		log:     log,
		places:  places{sys: "/sys", dev: "/dev"},
		framer:  framer{framing: framing},
		fault:   "is not open yet",
	}
}

// Run reads scans until ctx is done, and then returns nil within a quarter of a
// second and the time that emit takes. It must not run twice at the same time.
//
// Each scan is one event of kind scan, stamped when its end was read, and emit
// is called for one at a time in the order of reading; what arrives meanwhile
// waits in the kernel (4 KiB at least). A scan that emit refuses is logged and
// gone, and reading goes on; the same code again is then no repeat.
//
// A port that is not there, or goes, is opened again after a while: at once it
// would be too early, and after the reader was moved it has another number. What
// a reader sent before its port was open is dropped, because nobody knows when
// it was scanned. Run fails only for a setting that Check refuses.
func (r *Reader) Run(ctx context.Context, emit func(station.Event) error) error {
	if r.invalid != nil {
		return fmt.Errorf("scanner %s: frame: %w", r.setting.Name, r.invalid)
	}
	wait := firstWait
	for {
		err := r.session(ctx, emit)
		if ctx.Err() != nil {
			return nil
		}
		if wasWell := r.unwell(err); wasWell {
			wait = firstWait
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, longestWait)
	}
}

// Tell returns what is wrong with the scanner by its name, "" when it is well:
// its port is open, and every scan from now on is read.
func (r *Reader) Tell() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return map[string]string{r.setting.Name: r.fault}
}

// Counts returns what the reader has seen so far.
func (r *Reader) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// session finds and opens the port and reads it until it goes or ctx ends. The
// error is never nil.
func (r *Reader) session(ctx context.Context, emit func(station.Event) error) error {
	path, err := r.places.find(r.setting.Port)
	if err != nil {
		return fmt.Errorf("scanner %s: port %s: %w", r.setting.Name, r.setting.Port, err)
	}
	err = r.readFrom(ctx, path, emit)
	return fmt.Errorf("scanner %s: port %s: %w", r.setting.Name, path, err)
}

func (r *Reader) readFrom(ctx context.Context, path string, emit func(station.Event) error) error {
	p, err := openPort(path, r.setting.baud())
	if err != nil {
		return err
	}
	defer p.close()
	fresh, err := r.dropStale(ctx, p)
	if err != nil {
		return err
	}
	r.well(path)
	return r.listen(ctx, p, fresh, emit)
}

// dropStale reads and drops what was sent before the port was open. When the
// time for that ends within a scan, the rest of the scan goes too: half a scan
// is another code. It returns what was read of the next.
func (r *Reader) dropStale(ctx context.Context, p *port) (fresh []byte, err error) {
	between := true
	buf := make([]byte, 4096)
	since := time.Now()
	for left := stale; left > 0; left = stale - time.Since(since) {
		n, err := p.read(buf, left)
		if err != nil {
			return nil, err
		}
		r.dropped(n)
		if n > 0 {
			between = r.framer.between(buf[n-1])
		}
	}
	if between {
		return nil, ctx.Err()
	}
	return r.dropRest(ctx, p)
}

// dropRest reads and drops the rest of a scan, up to its end or a silence, and
// returns what was read behind the end.
func (r *Reader) dropRest(ctx context.Context, p *port) (fresh []byte, err error) {
	buf := make([]byte, 4096)
	for ctx.Err() == nil {
		n, err := p.read(buf, r.framer.gap)
		if n == 0 || err != nil {
			return nil, err
		}
		if end := slices.IndexFunc(buf[:n], r.framer.between); end >= 0 {
			r.dropped(end + 1)
			return buf[end+1 : n], nil
		}
		r.dropped(n)
	}
	return nil, ctx.Err()
}

// dropped counts stale bytes.
func (r *Reader) dropped(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Stale += n
}

// listen reads scans, beginning with what has been read already. The error is
// never nil.
func (r *Reader) listen(ctx context.Context, p *port, fresh []byte, emit func(station.Event) error) error {
	defer r.publish()
	defer r.framer.abandon()
	lastByte := time.Now()
	take := func(scan []byte) { r.take(scan, lastByte, emit) }
	r.framer.push(fresh, take)
	buf := make([]byte, 4096)
	for ctx.Err() == nil {
		n, err := p.read(buf, r.framer.gap/4)
		if err != nil {
			return err
		}
		// Only a read that ended with nothing proves silence. A late one may just
		// be late: emit, or another program, had the processor, and the bytes came
		// in time.
		if n == 0 {
			r.framer.silent(time.Since(lastByte), take)
		} else {
			lastByte = time.Now()
			r.framer.push(buf[:n], take)
		}
		r.publish()
	}
	return ctx.Err()
}

// take makes one scan an event, unless it is a repeat. A repeat is counted from
// the scan before it, passed on or not: a reader on its stand that sees the same
// label all day has scanned it once.
func (r *Reader) take(scan []byte, at time.Time, emit func(station.Event) error) {
	r.publish()
	repeat := string(scan) == r.last && at.Sub(r.lastAt) < r.setting.repeat()
	r.last, r.lastAt = string(scan), at
	if repeat {
		r.mu.Lock()
		r.counts.Repeats++
		r.mu.Unlock()
		return
	}
	code, data := interpret(scan, r.parse)
	ev := station.Event{
		ID:     station.NewID(),
		Source: r.setting.Name,
		Kind:   station.Scan,
		Code:   code,
		Data:   data,
		At:     r.stamp(at),
	}
	if err := emit(ev); err != nil {
		r.last = ""
		r.mu.Lock()
		r.counts.Unrecorded++
		r.mu.Unlock()
		r.log.Error("scan not recorded", "source", ev.Source, "event", ev.ID, "code", ev.Code, "error", err)
	}
}

// publish copies the framer's counts to where others may read them.
func (r *Reader) publish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Frames = r.framer.frames
	r.counts.Partials = r.framer.partials
	r.counts.Overflows = r.framer.overflows
	r.counts.Noise = r.framer.noise
}

// well says that the port is open.
func (r *Reader) well(path string) {
	r.mu.Lock()
	r.fault = ""
	if r.opened {
		r.counts.Reopenings++
	}
	dropped := r.counts.Stale
	r.mu.Unlock()
	r.opened, r.warned = true, false
	r.log.Info("scanner ready", "source", r.setting.Name, "port", path, "stale", dropped)
}

// unwell says why the port is not open, and returns whether it was before. The
// log hears of it once until the port is open again.
func (r *Reader) unwell(err error) (wasWell bool) {
	r.mu.Lock()
	wasWell = r.fault == ""
	r.fault = err.Error()
	r.mu.Unlock()
	if !r.warned {
		r.warned = true
		r.log.Warn("scanner not ready", "source", r.setting.Name, "error", err)
	}
	return wasWell
}
