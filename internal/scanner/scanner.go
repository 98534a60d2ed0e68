package scanner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"stationd/internal/scanner/label"
	"stationd/internal/station"
)

const (
	// The wait between two tries to open a port doubles from the first to the
	// longest.
	firstWait   = 500 * time.Millisecond
	longestWait = 5 * time.Second

	// readSize is what is read of a scanner at once: a whole scan, where that is what it
	// sends.
	readSize = 8 << 10

	// maxUnrecorded is how many scans may have been read and not yet recorded. The kernel
	// keeps 64 events of a keyboard, which are ten characters: the next scan must be read
	// while one is being written to a slow card.
	maxUnrecorded = 100

	// drainTime is how long Run goes on recording what was read after its context has
	// ended.
	drainTime = 5 * time.Second
)

// A Scanner is one bar code scanner. It is a station.Source and a station.HealthReporter. It has
// two loops, and both must run, each in a goroutine of its own: RunPort reads scans, and
// Run records them.
type Scanner struct {
	config    Config
	configErr error // why config cannot be used
	stamp     func(time.Time) station.Stamp
	rules     label.Rules
	log       *slog.Logger
	roots     deviceRoots
	dial      func(ctx context.Context, path string) (device, error)
	network   *network // of a scanner of the network; nil for others
	recorded  []byte   // what is sent to make it beep "recorded"; empty: nothing
	refused   []byte   // and "refused"
	scans     chan scan
	followed  func(FollowedScan)
	observe   func(Status)

	// Only RunPort's own.
	framer  framer
	tried   bool // the port could not be opened, or was lost, before
	wasOpen bool // the port was open before
	warned  bool // the log knows that the port is not

	// Only Run's own, or Listen's.
	together   []Frame // are emitted next
	emitted    []station.Emitted
	last       scan             // with its identifier, passed on or not
	lastAnswer station.NoteKind // what the scan before that was no repeat was answered with

	reporting sync.Mutex // held while the log and observe are told of the port, one at a time

	mu      sync.Mutex      // guards what follows
	running chan struct{}   // closed when Run ends; nil where it has not begun
	taken   bool            // somebody takes the scans: Run has begun, or Listen
	opened  string          // the port that is open, and of which the log does not know yet; "" otherwise
	fault   string          // what is wrong with the scanner; "" when it is well
	why     *station.Reason // the same for whoever stands there; nil where only fault says it
	counts  Counts
	beeper  beeper // the port that was opened last; nil for a keyboard

	withAIM, withoutAIM int // scans with an AIM identifier and without one, repeats apart
}

// A device is an open port, keyboard, HID-POS scanner or connection.
type device interface {
	// read returns what has arrived, waiting at most timeout for the first byte, or as long
	// as it takes where that is untilClosed; 0 and nil when nothing came. A *loss says that
	// something is missing behind what it returned; any other error says that the device
	// is of no use any more.
	read(b []byte, timeout time.Duration) (int, error)

	// quiet reports that the device keeps nothing back for which a silence would be the
	// end.
	quiet() bool

	// keptByKernel reports that what was sent before the opening lies in the kernel and
	// nowhere else, so that a read which finds nothing has seen the end of it.
	keptByKernel() bool

	// interrupt ends a read that waits untilClosed, and all that come. What is written
	// still goes out.
	interrupt()

	close()
}

// untilClosed has a read wait as long as it takes: a scanner that nobody uses wakes no
// processor.
const untilClosed time.Duration = -1

// restTimeout is how long a read that has waited for the first of something waits for its
// rest.
const restTimeout = frameTimeout / 4

// deadline is when a read that begins now is to end; the zero time is never.
func deadline(timeout time.Duration) time.Time {
	if timeout == untilClosed {
		return time.Time{}
	}
	return time.Now().Add(timeout)
}

// A beeper is a device that can be sent something. write never waits.
type beeper interface{ write(b []byte) error }

// A scan is what was read between two ends, and when the end was.
type scan struct {
	text string
	at   time.Time
}

// Counts are what a Scanner has seen since it was made.
type Counts struct {
	Frames      int // complete scans, repeats among them
	Repeats     int // scans not passed on: the same again within Repeat
	Unrecorded  int // scans that emit refused, or that were too late for a stop
	Partials    int // scans whose end never came
	Overflows   int // scans longer than any symbol can be
	Damaged     int // scans of which something was lost on the way
	Noise       int // bytes and keys that belong to no scan
	Stale       int // bytes dropped because they were sent before the port was open
	Reopenings  int // times that the port was opened again
	BeepsFailed int // beeps that the scanner did not take
}

// Open returns the scanner of a table that has passed Check. Nothing is touched before
// RunPort. stamp makes the stamp of a moment of time.Now.
func Open(config Config, stamp func(time.Time) station.Stamp, log *slog.Logger) *Scanner {
	r := &Scanner{
		config: config,
		stamp:  stamp,
		log:    log,
		roots:  deviceRoots{sys: "/sys", dev: "/dev"},
		scans:  make(chan scan, maxUnrecorded),

		followed: func(FollowedScan) {},
		observe:  func(Status) {},
		fault:    "is not open yet",
	}
	r.configErr = r.prepare()
	return r
}

// prepare works out from config how the scanner is opened and how its labels are read.
func (r *Scanner) prepare() (err error) {
	if r.framer.framing, err = parseFraming(r.config.frame()); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	if r.rules, _, err = r.config.rules(); err != nil {
		return fmt.Errorf("strip: %w", err)
	}
	if r.recorded, err = unescape(r.config.BeepRecorded); err != nil {
		return fmt.Errorf("beep_recorded: %w", err)
	}
	if r.refused, err = unescape(r.config.BeepRefused); err != nil {
		return fmt.Errorf("beep_refused: %w", err)
	}
	if r.config.isNetwork() {
		address, err := parseNetwork(r.config.Port)
		if err != nil {
			return fmt.Errorf("port: %w", err)
		}
		r.network = &network{address: address, listens: strings.HasPrefix(r.config.Port, "tcp-listen:"), onWaiting: func() { r.setFault(r.notConnected(address)) }}
		r.dial = func(ctx context.Context, _ string) (device, error) { return r.network.dial(ctx) }
		return nil
	}
	if r.config.isPOS() {
		r.dial = func(_ context.Context, path string) (device, error) { return openPOS(path) }
		return nil
	}
	if !r.config.isKeyboard() {
		r.dial = r.openLine
		return nil
	}
	l, ok := findLayout(r.config.layout())
	if !ok {
		return fmt.Errorf("layout: there is no %q", r.config.layout())
	}
	r.dial = func(_ context.Context, path string) (device, error) { return openKeyboard(path, l) }
	return nil
}

// openLine opens a serial line, and logs the keys of config that it cannot do.
func (r *Scanner) openLine(_ context.Context, path string) (device, error) {
	p, err := openPort(path, r.config)
	if err != nil {
		return nil, err
	}
	if p.unsupported != "" {
		const why = "the line has no such levels, and is read all the same; where the reader stays silent, it needs another line or adapter"
		r.log.Warn(why, "source", r.config.Name, "keys", p.unsupported)
		r.observe(Status{Kind: Limited, Err: fmt.Errorf("%s: %s (keys %s)", r.config.Name, why, p.unsupported)})
	}
	return p, nil
}

// Run records the scans that RunPort reads until ctx is done. Then it records what was
// read before, for five seconds at most; what is left is dropped, logged and counted. It
// returns nil, and must not run twice at the same time.
//
// Each scan is one event of kind scan, stamped when its end was read. emit is called for
// one at a time, in the order of reading. A scan that emit refuses is logged and dropped;
// the same code again is then no repeat. Where the configuration has beeps, the scanner
// beeps what the note that emit returns calls for, and refused for what was not recorded.
func (r *Scanner) Run(ctx context.Context, emit station.Emit) error {
	return r.run(ctx, emit.All(), 1)
}

// RunAll is Run for an emit that takes several scans at once: with a scan go those that wait
// behind it, and so a burst costs few commits. A scan behind which none waits waits for none.
func (r *Scanner) RunAll(ctx context.Context, emit station.EmitAll) error {
	return r.run(ctx, emit, station.MostTogether)
}

// run records the scans, up to most of them together.
func (r *Scanner) run(ctx context.Context, emit station.EmitAll, most int) error {
	ended := make(chan struct{})
	defer close(ended)
	r.mu.Lock()
	r.running = ended
	r.mu.Unlock()
	r.take()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case s := <-r.scans:
			r.record(s, emit, most)
		}
	}
	r.drain(emit, most)
	return nil
}

// drain records what was read before the stop, for drainTime at most, and drops the rest.
func (r *Scanner) drain(emit station.EmitAll, most int) {
	for end := time.Now().Add(drainTime); ; {
		select {
		case s := <-r.scans:
			if time.Now().After(end) {
				r.dropUnrecorded(s)
				continue
			}
			r.record(s, emit, most)
		default:
			return
		}
	}
}

// dropUnrecorded counts and logs a scan that was read and will not be recorded.
func (r *Scanner) dropUnrecorded(s scan) {
	r.count(func(c *Counts) { c.Unrecorded++ })
	r.log.Error("scan not recorded: the station stops", "source", r.config.Name, "code", station.HideBadge(s.text))
	r.beep(r.refused)
}

// RunPort reads scans until ctx is done, and then returns nil as soon as Run, where it
// runs, has ended: until then the scanner can be answered. It may begin before Run, and what is
// scanned meanwhile waits: "scanner ready" is logged when both have begun. Where Run never
// began, what waits is dropped, counted and logged. While a hundred scans wait to be recorded it reads no more, and what
// arrives waits in the kernel. It must not run twice at the same time.
//
// A port that is not there, or goes away, is looked for and opened again after a while:
// a scanner that was moved has another number. What was sent before the port was open is
// dropped, because it is not known when it was scanned; opening.go has how it is told. RunPort fails only for a Config
// that Check refuses.
func (r *Scanner) RunPort(ctx context.Context) error {
	if r.configErr != nil {
		return fmt.Errorf("scanner %s: %w", r.config.Name, r.configErr)
	}
	if r.network != nil {
		defer r.network.stop()
	}
	wait := firstWait
	for {
		err := r.session(ctx)
		if ctx.Err() != nil {
			r.awaitRun()
			return nil
		}
		r.tried = true
		if wasReady := r.setFault(err); wasReady {
			wait = firstWait
		}
		select {
		case <-ctx.Done():
			r.awaitRun()
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, longestWait)
	}
}

// Faults returns what is wrong with the scanner by its name; "" when its port is open, and
// every scan from now on is read.
func (r *Scanner) Faults() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return map[string]string{r.config.Name: r.fault}
}

// FaultReasons implements station.FaultExplainer.
func (r *Scanner) FaultReasons() map[string]*station.Reason {
	r.mu.Lock()
	defer r.mu.Unlock()
	return map[string]*station.Reason{r.config.Name: r.why}
}

// faultReason is why a port is not open, for whoever stands there; nil where only the error
// says it.
func faultReason(err error) *station.Reason {
	switch {
	case errors.Is(err, ErrNotThere):
		return &station.Reason{Kind: "reader-not-there"}
	case errors.Is(err, ErrInUse):
		return &station.Reason{Kind: "reader-in-use"}
	case errors.Is(err, ErrNotAllowed):
		return &station.Reason{Kind: "reader-not-allowed"}
	case errors.Is(err, errNotConnected):
		return &station.Reason{Kind: "reader-not-connected"}
	}
	return nil
}

// minScansForAdvice is how many scans show that a scanner sends an AIM identifier with each.
const minScansForAdvice = 10

// Advice implements station.Adviser.
func (r *Scanner) Advice() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.config.AIM == required || r.config.isPOS() || r.withoutAIM > 0 || r.withAIM < minScansForAdvice {
		return nil
	}
	return map[string]string{r.config.Name: fmt.Sprintf(`each of the %d scans since the start began with an AIM identifier: with aim = "required" a symbol that holds what ends a scan is refused as a whole, and never becomes several`, r.withAIM)}
}

// countAIM counts a scan as one with an AIM identifier or without.
func (r *Scanner) countAIM(with bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if with {
		r.withAIM++
	} else {
		r.withoutAIM++
	}
}

// Counts returns what the scanner has seen so far.
func (r *Scanner) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// count changes the counts.
func (r *Scanner) count(change func(*Counts)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.counts)
}

// session finds the port, opens it and reads it until it goes away or ctx ends. The error
// is never nil.
func (r *Scanner) session(ctx context.Context) error {
	path, err := r.roots.find(r.config.Port)
	if err != nil {
		return fmt.Errorf("scanner %s: port %s: %w", r.config.Name, r.config.Port, err)
	}
	err = r.readFrom(ctx, path)
	return fmt.Errorf("scanner %s: port %s: %w", r.config.Name, path, err)
}

func (r *Scanner) readFrom(ctx context.Context, path string) error {
	d, err := r.dial(ctx, path)
	if err != nil {
		return err
	}
	defer d.close()
	defer context.AfterFunc(ctx, d.interrupt)() // a read may wait for ever
	first := opening{}
	if r.network == nil { // a connection that has just begun keeps nothing from before
		if first, err = r.dropStale(ctx, d); err != nil {
			return err
		}
	}
	r.setReady(path, d)
	err = r.readScans(ctx, d, first)
	if ctx.Err() != nil {
		r.awaitRun() // what was read before is still answered, with a beep
	}
	return err
}

// awaitRun waits until Run, where it runs, has ended. Where it never ran nobody records what
// was read.
func (r *Scanner) awaitRun() {
	r.mu.Lock()
	running := r.running
	r.mu.Unlock()
	if running != nil {
		<-running
		return
	}
	for {
		select {
		case s := <-r.scans:
			r.dropUnrecorded(s)
		default:
			return
		}
	}
}

// readOrLoss reads, and returns a loss apart from an error that ends the reading.
func readOrLoss(d device, b []byte, timeout time.Duration) (n int, lost *loss, err error) {
	n, err = d.read(b, timeout)
	if lost, ok := errors.AsType[*loss](err); ok {
		return n, lost, nil
	}
	return n, nil, err
}

// readScans reads scans, beginning with what has been read already. The error is
// never nil.
func (r *Scanner) readScans(ctx context.Context, d device, first opening) error {
	defer r.publish()
	defer r.framer.abandon()
	lastByte := time.Now()
	b := burst{emit: func(s scan) { r.enqueue(ctx, s) }, refuse: r.refuseBurst}
	defer b.abort()
	deliver := func(text []byte) {
		if s := (scan{string(text), lastByte}); r.config.AIM == required {
			b.frame(s)
		} else {
			b.emit(s)
		}
	}
	r.framer.push(first.fresh, deliver)
	buf := make([]byte, readSize)
	for ctx.Err() == nil {
		timeout := r.framer.gap / 4
		switch {
		case d.quiet() && first.inDoubt(&r.framer):
			timeout = cleanTime
		case b.underWay():
			timeout = burstGap
		case d.quiet() && !r.framer.awaitsSilence():
			timeout = untilClosed
		}
		began := time.Now()
		n, lost, err := readOrLoss(d, buf, timeout)
		if err != nil {
			return err
		}
		// Only a read that ended with nothing proves silence. A late one may just
		// be late: another program had the processor, and the bytes came in time.
		if n == 0 && lost == nil {
			first.foundNothing(began.Add(timeout))
			r.framer.silent(time.Since(lastByte), deliver)
			if time.Since(lastByte) >= burstGap {
				b.silent()
			}
		} else {
			now := time.Now()
			if first.mayBeTail(now, lastByte, &r.framer) {
				r.handleLoss(&loss{why: "it began as the port was opened, and paused: it may be the end of another"})
			}
			lastByte = now
			if r.config.isPOS() && n > 0 {
				r.framer.frames++
				deliver(buf[:n])
			} else {
				r.framer.push(buf[:n], deliver)
			}
		}
		if lost != nil {
			r.handleLoss(lost)
		}
		r.publish()
	}
	return ctx.Err()
}

// refuseBurst counts and logs that what came in one go is no scan.
func (r *Scanner) refuseBurst(frames int) {
	r.framer.frames -= frames
	r.framer.damaged++
	r.publish()
	const why = "scan dropped: a part of it has no AIM identifier, so it holds what ends a scan; set another end at the reader and as frame, or take aim from the scanner if it sends none"
	r.log.Warn(why, "source", r.config.Name, "parts", frames)
	r.observe(Status{Kind: Dropped, Err: fmt.Errorf("%s: %s (parts %d)", r.config.Name, why, frames)})
}

// enqueue passes a scan on to Run, and waits while maxUnrecorded are waiting.
func (r *Scanner) enqueue(ctx context.Context, s scan) {
	r.publish()
	if ctx.Err() == nil {
		select {
		case r.scans <- s:
			runtime.Gosched() // Run takes it now, on this thread: to wake another takes longer than to write it
			return
		case <-ctx.Done():
		}
	}
	r.dropUnrecorded(s)
}

// handleLoss drops the frame in which something was lost.
func (r *Scanner) handleLoss(lost *loss) {
	before := r.framer.damaged
	switch {
	case lost.cut:
		r.framer.abandon()
	case lost.stray:
		r.framer.strayKey()
	default:
		r.framer.markDamaged()
	}
	if r.config.isPOS() {
		r.framer.reset() // what was lost was lost as a whole
	}
	if r.framer.damaged > before {
		r.publish() // before it is logged, so that whoever reads of it finds it counted
		r.log.Warn("scan dropped, scan it again", "source", r.config.Name, "error", lost)
		r.observe(Status{Kind: Dropped, Err: fmt.Errorf("%s: scan dropped, scan it again: %w", r.config.Name, lost)})
	}
}

// record records a scan, unless it is a repeat, together with those that wait behind it
// already; most of them at most.
func (r *Scanner) record(s scan, emit station.EmitAll, most int) {
	for n := 1; ; n++ {
		if r.sameAgain(s) { // and no repeat where the one before it is not recorded
			r.recordTogether(emit)
		}
		if r.repeats(s) {
			r.count(func(c *Counts) { c.Repeats++ })
			// A scanner that waits for its answer asks again because it has heard none.
			r.answer(r.lastAnswer)
			r.followed(FollowedScan{Frame: r.frame(s, true)})
		} else {
			r.together = append(r.together, r.frame(s, false))
		}
		if n < most {
			select {
			case s = <-r.scans:
				continue
			default:
			}
		}
		r.recordTogether(emit)
		return
	}
}

// recordTogether records the scans that were gathered, and answers each of them.
func (r *Scanner) recordTogether(emit station.EmitAll) {
	if len(r.together) == 0 {
		return
	}
	for _, f := range r.together {
		if f.Event.Kind == station.Scan {
			r.countAIM(f.Event.Data[label.AIM] != "")
		}
		r.emitted = append(r.emitted, station.Emitted{Event: f.Event})
	}
	emit(r.emitted)
	for i, f := range r.together {
		note, err := r.emitted[i].Result.Note, r.emitted[i].Err
		r.followed(FollowedScan{Frame: f, Note: note, Err: err})
		if err != nil {
			if i == len(r.together)-1 {
				r.last = scan{}
			}
			r.count(func(c *Counts) { c.Unrecorded++ })
			r.log.Error("scan not recorded", "source", f.Event.Source, "event", f.Event.ID, "code", f.Event.Code, "error", err)
			r.beep(r.refused)
			continue
		}
		r.lastAnswer = note.Kind
		r.answer(r.lastAnswer)
	}
	clear(r.together)
	clear(r.emitted)
	r.together, r.emitted = r.together[:0], r.emitted[:0]
}

// answer beeps what became of a scan: recorded only where it was.
func (r *Scanner) answer(note station.NoteKind) {
	switch note.Reply().Beep {
	case station.SoundRecorded:
		r.beep(r.recorded)
	case station.SoundRefused, station.SoundHeld:
		r.beep(r.refused)
	case station.Silent:
	}
}

// repeats reports whether a scan is the one before, again. The time counts from that one,
// whether it was passed on or not: a scanner on its stand that sees the same label all day
// has scanned it once.
func (r *Scanner) repeats(s scan) bool {
	repeat := r.sameAgain(s)
	r.last = s
	return repeat
}

// sameAgain reports whether a scan is the one before, again.
func (r *Scanner) sameAgain(s scan) bool {
	return s.text == r.last.text && s.at.Sub(r.last.at) < r.config.repeat()
}

// frame is a scan as people who look on are shown it, with what it is to the station. Of a
// badge they are not shown the code.
func (r *Scanner) frame(s scan, repeat bool) Frame {
	return Frame{Raw: []byte(station.HideBadge(s.text)), Repeat: repeat, Event: event(r.config.Name, r.rules, []byte(s.text), r.stamp(s.at))}
}

func event(source string, rules label.Rules, raw []byte, at station.Stamp) station.Event {
	code, data := rules.Read(raw)
	for _, text := range []string{string(raw), code} {
		if station.HoldsBadge(text) { // a secret, which goes no further
			return station.Event{ID: station.NewID(), Source: source, Kind: station.Badge, Data: map[string]string{station.DataSum: station.BadgeSum(text)}, At: at}
		}
	}
	return station.Event{
		ID:     station.NewID(),
		Source: source,
		Kind:   station.Scan,
		Code:   code,
		Data:   data,
		At:     at,
	}
}

// Send sends text to the scanner, with the escapes that beeps have. It does not wait. An
// error says that the scanner is not there, takes nothing now, or takes nothing at all.
func (r *Scanner) Send(text string) error {
	raw, err := unescape(text)
	if err != nil {
		return err
	}
	r.mu.Lock()
	beeper, fault := r.beeper, r.fault
	r.mu.Unlock()
	if beeper == nil || fault != "" {
		return fmt.Errorf("scanner %s: it is not there", r.config.Name)
	}
	return beeper.write(raw)
}

// beep makes the scanner beep, where the configuration says how and the device can. A beep
// that fails is only counted: the lamp shows the same.
func (r *Scanner) beep(how []byte) {
	r.mu.Lock()
	beeper := r.beeper
	r.mu.Unlock()
	if len(how) == 0 || beeper == nil {
		return
	}
	if err := beeper.write(how); err != nil {
		r.count(func(c *Counts) { c.BeepsFailed++ })
	}
}

// publish copies the framer's counts to where Counts reads them, and beeps for a scan that
// was damaged on its way.
func (r *Scanner) publish() {
	f := &r.framer.frameCounts
	damaged := false
	r.count(func(c *Counts) {
		damaged = f.partials+f.overflows+f.damaged > c.Partials+c.Overflows+c.Damaged
		c.Frames, c.Partials, c.Overflows, c.Damaged, c.Noise = f.frames, f.partials, f.overflows, f.damaged, f.noise
	})
	if damaged {
		r.beep(r.refused)
	}
}

// errNotConnected is the fault of a reader of the network that should connect.
var errNotConnected = errors.New("nobody has connected")

// notConnected says that a scanner which should connect has not.
func (r *Scanner) notConnected(address string) error {
	return fmt.Errorf("scanner %s: %w to %s; set the reader to send there", r.config.Name, errNotConnected, address)
}

// setReady notes that the port is open, and logs it where somebody takes the scans.
func (r *Scanner) setReady(path string, d device) {
	r.mu.Lock()
	r.fault, r.why = "", nil
	r.beeper, _ = d.(beeper)
	r.opened = path
	if r.wasOpen {
		r.counts.Reopenings++
	}
	r.mu.Unlock()
	r.wasOpen, r.warned = true, false
	r.reportReady()
}

// take notes that somebody takes the scans from now on.
func (r *Scanner) take() {
	r.mu.Lock()
	r.taken = true
	r.mu.Unlock()
	r.reportReady()
}

// reportReady logs that the port is open and the scans are taken, once both are so.
func (r *Scanner) reportReady() {
	r.reporting.Lock()
	defer r.reporting.Unlock()
	r.mu.Lock()
	path, dropped := r.opened, r.counts.Stale
	if !r.taken || path == "" {
		r.mu.Unlock()
		return
	}
	r.opened = ""
	r.mu.Unlock()
	r.log.Info("scanner ready", "source", r.config.Name, "port", path, "stale", dropped)
	r.observe(Status{Kind: Ready, Port: path, Old: dropped})
}

// setFault notes why the port is not open, and returns whether it was before. It is logged
// once until the port is open again.
func (r *Scanner) setFault(err error) (wasReady bool) {
	r.reporting.Lock()
	defer r.reporting.Unlock()
	r.mu.Lock()
	wasReady = r.fault == ""
	r.fault, r.why, r.opened = err.Error(), faultReason(err), ""
	r.mu.Unlock()
	if !r.warned {
		r.warned = true
		r.log.Warn("scanner not ready", "source", r.config.Name, "error", err)
		r.observe(Status{Kind: NotReady, Err: err})
	}
	return wasReady
}
