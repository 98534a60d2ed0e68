package scanner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"stationd/internal/scanner/label"
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

	// readSize is what is read of a reader at once: a whole scan, where that is what it
	// sends.
	readSize = 8 << 10

	// ahead is how many scans may have been read and not yet recorded. A kernel
	// keeps 64 events of a keyboard, which are ten characters: while one scan is
	// being written to a slow card, the next must be read.
	ahead = 100

	// lastRecords is how long after its context has ended Run goes on with what has
	// been read.
	lastRecords = 5 * time.Second
)

// A Reader reads one scanner. It is a station.Source and a station.Teller. It has
// two loops, and both must run: RunPort reads scans and Run records them.
type Reader struct {
	setting  Scanner
	invalid  error // why the setting cannot be used
	stamp    func(time.Time) station.Stamp
	rules    label.Rules
	log      *slog.Logger
	places   places
	dial     func(ctx context.Context, path string) (device, error)
	network  *network // of a reader of the network; nil for others
	recorded []byte   // what makes the reader beep
	refused  []byte
	scans    chan scan
	followed func(Followed)

	// Only RunPort's own.
	framer framer
	opened bool // the port was open before
	warned bool // the log knows that the port is not

	// Only Run's own, or Listen's.
	last     scan             // with its identifier, passed on or not
	answered station.NoteKind // what the scan before was answered with

	mu     sync.Mutex
	fault  string // what is wrong with the scanner; "" when it is well
	counts Counts
	ear    ear // the port that was opened last; nil for a keyboard

	identified, plain int // scans with an AIM identifier and without one, repeats apart
}

// A device is an open port or keyboard. read returns what has arrived, waiting
// for the first byte at most patience, and 0 and nil when nothing came. A *loss
// says that something is missing behind what it returned; any other error that
// the device is of no use any more.
type device interface {
	read(b []byte, patience time.Duration) (int, error)
	close()
}

// An ear is a device that something can be said to. write never waits.
type ear interface{ write(b []byte) error }

// A scan is what was read between two ends, and when the end was.
type scan struct {
	text string
	at   time.Time
}

// Counts are what a Reader has seen since it was made.
type Counts struct {
	Frames     int // complete scans, repeats among them
	Repeats    int // scans not passed on: the same again within Repeat
	Unrecorded int // scans that emit did not take, or that a stop came before
	Partials   int // scans whose end never came
	Overflows  int // scans longer than any symbol can be
	Spoilt     int // scans of which something was lost on the way
	Noise      int // bytes and keys that belong to no scan
	Stale      int // bytes dropped because they were sent before the port was open
	Reopenings int // times that the port was opened again
	Unheard    int // beeps that the reader did not take
}

// Open returns the reader of a scanner whose setting has passed Check. Nothing
// is touched before RunPort.
//
// stamp makes the stamp of a moment.
func Open(setting Scanner, stamp func(time.Time) station.Stamp, log *slog.Logger) *Reader {
	r := &Reader{
		setting: setting,
		stamp:   stamp,
		log:     log,
		places:  places{sys: "/sys", dev: "/dev"},
		scans:   make(chan scan, ahead),

		followed: func(Followed) {},
		fault:    "is not open yet",
	}
	r.invalid = r.prepare()
	return r
}

// prepare takes up the setting.
func (r *Reader) prepare() (err error) {
	if r.framer.framing, err = parseFraming(r.setting.frame()); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	if r.rules, _, err = r.setting.rules(); err != nil {
		return fmt.Errorf("strip: %w", err)
	}
	if r.recorded, err = unescape(r.setting.BeepRecorded); err != nil {
		return fmt.Errorf("beep_recorded: %w", err)
	}
	if r.refused, err = unescape(r.setting.BeepRefused); err != nil {
		return fmt.Errorf("beep_refused: %w", err)
	}
	if r.setting.network() {
		address, err := parseNetwork(r.setting.Port)
		if err != nil {
			return fmt.Errorf("port: %w", err)
		}
		r.network = &network{address: address, listens: strings.HasPrefix(r.setting.Port, "tcp-listen:"), waits: func() { r.unwell(r.awaits(address)) }}
		r.dial = func(ctx context.Context, _ string) (device, error) { return r.network.dial(ctx) }
		return nil
	}
	if r.setting.reports() {
		r.dial = func(_ context.Context, path string) (device, error) { return openPOS(path) }
		return nil
	}
	if !r.setting.types() {
		r.dial = r.openLine
		return nil
	}
	l, ok := findLayout(r.setting.layout())
	if !ok {
		return fmt.Errorf("layout: there is no %q", r.setting.layout())
	}
	r.dial = func(_ context.Context, path string) (device, error) { return openKeyboard(path, l) }
	return nil
}

// openLine opens a serial line, and says what it cannot do.
func (r *Reader) openLine(_ context.Context, path string) (device, error) {
	p, err := openPort(path, r.setting)
	if err != nil {
		return nil, err
	}
	if p.lacks != "" {
		r.log.Warn("the line has no such levels, and is read all the same; where the reader stays silent, it needs another line or adapter", "source", r.setting.Name, "keys", p.lacks)
	}
	return p, nil
}

// Run records the scans that RunPort reads until ctx is done, and then returns nil
// when what was read before is recorded; what takes longer than five seconds then
// is lost aloud. It must not run twice at the same time.
//
// Each scan is one event of kind scan, stamped when its end was read, and emit
// is called for one at a time in the order of reading. A scan that emit refuses is
// logged and gone, and the next is taken; the same code again is then no repeat.
// The reader beeps when it has been told how: what the note that emit returns is
// told with, and refused for what was not recorded.
func (r *Reader) Run(ctx context.Context, emit station.Emit) error {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case s := <-r.scans:
			r.take(s, emit)
		}
	}
	r.finish(emit)
	return nil
}

// finish records what was read before the stop, as long as there is time.
func (r *Reader) finish(emit station.Emit) {
	for end := time.Now().Add(lastRecords); ; {
		select {
		case s := <-r.scans:
			if time.Now().After(end) {
				r.tooLate(s)
				continue
			}
			r.take(s, emit)
		default:
			return
		}
	}
}

// tooLate says aloud that a scan which was read is lost.
func (r *Reader) tooLate(s scan) {
	r.count(func(c *Counts) { c.Unrecorded++ })
	r.log.Error("scan not recorded: the station stops", "source", r.setting.Name, "code", s.text)
	r.beep(r.refused)
}

// RunPort reads scans until ctx is done, and then returns nil within a quarter of
// a second. While a hundred scans wait to be recorded it reads no more, and what
// arrives waits in the kernel. It must not run twice at the same time.
//
// A port that is not there, or goes, is opened again after a while: at once it
// would be too early, and after the reader was moved it has another number. What
// a reader sent before its port was open is dropped, because nobody knows when
// it was scanned. RunPort fails only for a setting that Check refuses.
func (r *Reader) RunPort(ctx context.Context) error {
	if r.invalid != nil {
		return fmt.Errorf("scanner %s: %w", r.setting.Name, r.invalid)
	}
	if r.network != nil {
		defer r.network.end()
	}
	wait := firstWait
	for {
		err := r.session(ctx)
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

// enoughIdentified is how many scans show that a reader sends an AIM identifier with each.
const enoughIdentified = 10

// Advice implements station.Adviser.
func (r *Reader) Advice() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.setting.AIM == required || r.setting.reports() || r.plain > 0 || r.identified < enoughIdentified {
		return nil
	}
	return map[string]string{r.setting.Name: fmt.Sprintf(`each of the %d scans since the start began with an AIM identifier: with aim = "required" a symbol that holds what ends a scan is refused as a whole, and never becomes several`, r.identified)}
}

// noteIdentifier counts a scan that came with an AIM identifier or without one.
func (r *Reader) noteIdentifier(with bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if with {
		r.identified++
	} else {
		r.plain++
	}
}

// Counts returns what the reader has seen so far.
func (r *Reader) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// count changes the counts.
func (r *Reader) count(change func(*Counts)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.counts)
}

// session finds and opens the port and reads it until it goes or ctx ends. The
// error is never nil.
func (r *Reader) session(ctx context.Context) error {
	path, err := r.places.find(r.setting.Port)
	if err != nil {
		return fmt.Errorf("scanner %s: port %s: %w", r.setting.Name, r.setting.Port, err)
	}
	err = r.readFrom(ctx, path)
	return fmt.Errorf("scanner %s: port %s: %w", r.setting.Name, path, err)
}

func (r *Reader) readFrom(ctx context.Context, path string) error {
	d, err := r.dial(ctx, path)
	if err != nil {
		return err
	}
	defer d.close()
	var fresh []byte
	if r.network == nil { // a connection that has just begun keeps nothing from before
		if fresh, err = r.dropStale(ctx, d); err != nil {
			return err
		}
	}
	r.well(path, d)
	return r.listen(ctx, d, fresh)
}

// dropStale reads and drops what was sent before the port was open. When the
// time for that ends within a scan, the rest of the scan goes too: half a scan
// is another code. It returns what was read of the next.
func (r *Reader) dropStale(ctx context.Context, d device) (fresh []byte, err error) {
	between := true
	buf := make([]byte, readSize)
	since := time.Now()
	for left := stale; left > 0; left = stale - time.Since(since) {
		n, lost, err := readPast(d, buf, left)
		if err != nil {
			return nil, err
		}
		r.count(func(c *Counts) { c.Stale += n })
		switch {
		case lost != nil:
			between = false
		case n > 0:
			between = r.setting.reports() || r.framer.between(buf[n-1])
		}
	}
	if between {
		return nil, ctx.Err()
	}
	return r.dropRest(ctx, d)
}

// dropRest reads and drops the rest of a scan, up to its end or a silence, and
// returns what was read behind the end.
func (r *Reader) dropRest(ctx context.Context, d device) (fresh []byte, err error) {
	buf := make([]byte, readSize)
	for ctx.Err() == nil {
		n, lost, err := readPast(d, buf, r.framer.gap)
		if err != nil || n == 0 && lost == nil {
			return nil, err
		}
		if end := slices.IndexFunc(buf[:n], r.framer.between); end >= 0 && lost == nil {
			r.count(func(c *Counts) { c.Stale += end + 1 })
			return buf[end+1 : n], nil
		}
		r.count(func(c *Counts) { c.Stale += n })
	}
	return nil, ctx.Err()
}

// readPast reads, and tells what was lost from what ends the reading.
func readPast(d device, b []byte, patience time.Duration) (n int, lost *loss, err error) {
	n, err = d.read(b, patience)
	if lost, ok := errors.AsType[*loss](err); ok {
		return n, lost, nil
	}
	return n, nil, err
}

// listen reads scans, beginning with what has been read already. The error is
// never nil.
func (r *Reader) listen(ctx context.Context, d device, fresh []byte) error {
	defer r.publish()
	defer r.framer.abandon()
	lastByte := time.Now()
	b := burst{hand: func(s scan) { r.hand(ctx, s) }, refuse: r.refuseBurst}
	defer b.cut()
	hand := func(text []byte) {
		if s := (scan{string(text), lastByte}); r.setting.AIM == required {
			b.frame(s)
		} else {
			b.hand(s)
		}
	}
	r.framer.push(fresh, hand)
	buf := make([]byte, readSize)
	for ctx.Err() == nil {
		patience := r.framer.gap / 4
		if b.underWay() {
			patience = burstGap
		}
		n, lost, err := readPast(d, buf, patience)
		if err != nil {
			return err
		}
		// Only a read that ended with nothing proves silence. A late one may just
		// be late: another program had the processor, and the bytes came in time.
		if n == 0 && lost == nil {
			r.framer.silent(time.Since(lastByte), hand)
			if time.Since(lastByte) >= burstGap {
				b.silent()
			}
		} else {
			lastByte = time.Now()
			if r.setting.reports() && n > 0 {
				r.framer.frames++
				hand(buf[:n])
			} else {
				r.framer.push(buf[:n], hand)
			}
		}
		if lost != nil {
			r.miss(lost)
		}
		r.publish()
	}
	return ctx.Err()
}

// refuseBurst says that what came in one go is no scan.
func (r *Reader) refuseBurst(frames int) {
	r.framer.frames -= frames
	r.framer.spoilt++
	r.publish()
	r.log.Warn("scan dropped: a part of it has no AIM identifier, so it holds what ends a scan; set another end at the reader and as frame, or take aim from the scanner if it sends none",
		"source", r.setting.Name, "parts", frames)
}

// hand hands a scan over to Run.
func (r *Reader) hand(ctx context.Context, s scan) {
	r.publish()
	if ctx.Err() == nil {
		select {
		case r.scans <- s:
			return
		case <-ctx.Done():
		}
	}
	r.tooLate(s)
}

// miss takes a loss up.
func (r *Reader) miss(lost *loss) {
	before := r.framer.spoilt
	switch {
	case lost.cut:
		r.framer.abandon()
	case lost.stray:
		r.framer.stray()
	default:
		r.framer.spoil()
	}
	if r.setting.reports() {
		r.framer.reset() // what was lost was lost as a whole
	}
	if r.framer.spoilt > before {
		r.publish() // who hears of it finds it counted
		r.log.Warn("scan dropped, scan it again", "source", r.setting.Name, "error", lost)
	}
}

// take records one scan, unless it is a repeat.
func (r *Reader) take(s scan, emit station.Emit) {
	if r.repeats(s) {
		r.count(func(c *Counts) { c.Repeats++ })
		// A reader that waits for its answer asks again because it has heard none.
		r.answer(r.answered)
		r.followed(Followed{Frame: Frame{Raw: []byte(s.text), Repeat: true, Event: r.event(s)}})
		return
	}
	ev := r.event(s)
	r.noteIdentifier(ev.Data[label.AIM] != "")
	done, err := emit(ev)
	r.followed(Followed{Frame: Frame{Raw: []byte(s.text), Event: ev}, Note: done.Note, Err: err})
	if err != nil {
		r.last = scan{}
		r.count(func(c *Counts) { c.Unrecorded++ })
		r.log.Error("scan not recorded", "source", ev.Source, "event", ev.ID, "code", ev.Code, "error", err)
		r.beep(r.refused)
		return
	}
	r.answered = done.Note.Kind
	r.answer(r.answered)
}

// answer beeps what became of a scan: recorded only where it was.
func (r *Reader) answer(note station.NoteKind) {
	switch note.Reply().Beep {
	case station.SoundRecorded:
		r.beep(r.recorded)
	case station.SoundRefused, station.SoundHeld:
		r.beep(r.refused)
	case station.Silent:
	}
}

// repeats reports whether a scan is the one before, again. It is counted from that
// one, passed on or not: a reader on its stand that sees the same label all day has
// scanned it once.
func (r *Reader) repeats(s scan) bool {
	repeat := s.text == r.last.text && s.at.Sub(r.last.at) < r.setting.repeat()
	r.last = s
	return repeat
}

// event is what a scan is to the station.
func (r *Reader) event(s scan) station.Event {
	return event(r.setting.Name, r.rules, []byte(s.text), r.stamp(s.at))
}

func event(source string, rules label.Rules, raw []byte, at station.Stamp) station.Event {
	code, data := rules.Read(raw)
	return station.Event{
		ID:     station.NewID(),
		Source: source,
		Kind:   station.Scan,
		Code:   code,
		Data:   data,
		At:     at,
	}
}

// Send sends text to the reader, with the escapes that beeps have. It does not wait: an
// error says that the reader is not there, takes nothing now, or cannot be sent to.
func (r *Reader) Send(text string) error {
	raw, err := unescape(text)
	if err != nil {
		return err
	}
	r.mu.Lock()
	ear, fault := r.ear, r.fault
	r.mu.Unlock()
	if ear == nil || fault != "" {
		return fmt.Errorf("scanner %s: it is not there", r.setting.Name)
	}
	return ear.write(raw)
}

// beep makes the reader beep, if it has been told how and can. A beep that fails
// is only counted: the lamp says the same.
func (r *Reader) beep(how []byte) {
	r.mu.Lock()
	ear := r.ear
	r.mu.Unlock()
	if len(how) == 0 || ear == nil {
		return
	}
	if err := ear.write(how); err != nil {
		r.count(func(c *Counts) { c.Unheard++ })
	}
}

// publish copies the framer's counts to where others may read them, and tells
// the operator by a beep of a scan that was damaged on its way.
func (r *Reader) publish() {
	f := &r.framer.tally
	damaged := false
	r.count(func(c *Counts) {
		damaged = f.partials+f.overflows+f.spoilt > c.Partials+c.Overflows+c.Spoilt
		c.Frames, c.Partials, c.Overflows, c.Spoilt, c.Noise = f.frames, f.partials, f.overflows, f.spoilt, f.noise
	})
	if damaged {
		r.beep(r.refused)
	}
}

// awaits is what is wrong with a reader that has not connected.
func (r *Reader) awaits(address string) error {
	return fmt.Errorf("scanner %s: nobody has connected to %s; set the reader to send there", r.setting.Name, address)
}

// well says that the port is open.
func (r *Reader) well(path string, d device) {
	r.mu.Lock()
	r.fault = ""
	r.ear, _ = d.(ear)
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
