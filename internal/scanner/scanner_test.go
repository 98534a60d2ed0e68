package scanner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// A Scanner is a source that says how its scanner is.
var (
	_ station.Source         = (*Scanner)(nil)
	_ station.HealthReporter = (*Scanner)(nil)
)

// limit is how long a test waits for what must come.
const limit = 10 * time.Second

// A cable is a pty: the scanner's end in the hand of the test, the computer's
// end under path.
type cable struct {
	hand *os.File
	path string
}

func newCable(t testing.TB) cable {
	t.Helper()
	hand, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pty can be opened here, so nothing was proved about real serial lines: %v", err)
	}
	t.Cleanup(func() { hand.Close(); tty.Close() })
	return cable{hand, tty.Name()}
}

// scan sends what a scanner would.
func (c cable) scan(t testing.TB, wire string) {
	t.Helper()
	if _, err := c.hand.WriteString(wire); err != nil {
		t.Fatal(err)
	}
}

// expectSent waits for what is sent to the scanner.
func (c cable) expectSent(t *testing.T, want string) {
	t.Helper()
	if err := c.hand.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c.hand, got); err != nil || string(got) != want {
		t.Fatalf("the reader heard %q, want %q: %v", got[:n], want, err)
	}
}

// unplug pulls the plug.
func (c cable) unplug(t *testing.T) {
	t.Helper()
	if err := c.hand.Close(); err != nil {
		t.Fatal(err)
	}
}

// A logRecorder is a log that a test can wait for.
type logRecorder chan slog.Record

func (j logRecorder) Enabled(context.Context, slog.Level) bool { return true }
func (j logRecorder) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j logRecorder) WithGroup(string) slog.Handler            { return j }
func (j logRecorder) Handle(_ context.Context, r slog.Record) error {
	j <- r
	return nil
}

// A rig is a running Scanner and what comes out of it.
type rig struct {
	*Scanner
	journal logRecorder
	events  chan station.Event
	refuse  chan error       // what emit answers next; nil when empty
	told    station.NoteKind // what becomes of every other scan
	cancel  context.CancelFunc
	done    chan error
}

// prepare makes a Scanner that is not running yet.
func prepare(t *testing.T, config Config) *rig {
	t.Helper()
	config.Name = "hand"
	b := &rig{
		journal: make(logRecorder, 1000),
		events:  make(chan station.Event, 1000),
		refuse:  make(chan error, 1),
		told:    station.NoteRecorded,
		done:    make(chan error, 2),
	}
	stamp := func(at time.Time) station.Stamp { return station.Stamp{Wall: at, Boot: "b"} }
	b.Scanner = Open(config, stamp, slog.New(b.journal))
	return b
}

func (b *rig) start(t *testing.T) {
	t.Helper()
	var ctx context.Context
	ctx, b.cancel = context.WithCancel(t.Context())
	go func() { b.done <- b.Run(ctx, b.emit) }()
	go func() { b.done <- b.RunPort(ctx) }()
	t.Cleanup(func() { b.stop(t) })
}

// emit records an event, unless the test wants it refused.
func (b *rig) emit(ev station.Event) (station.Result, error) {
	select {
	case err := <-b.refuse:
		return station.Result{}, err
	default:
		b.events <- ev
		return station.Result{ID: ev.ID, Note: station.Note{Kind: b.told}}, nil
	}
}

// stop ends both loops and wants them to end well and soon.
func (b *rig) stop(t *testing.T) {
	t.Helper()
	if b.done == nil {
		return
	}
	b.cancel()
	for range 2 {
		select {
		case err := <-b.done:
			if err != nil {
				t.Errorf("a loop ended with %v", err)
			}
		case <-time.After(limit):
			t.Error("a loop did not end with its context")
		}
	}
	b.done = nil
}

// waitForLog waits for the next line of the log and wants it to be that.
func (b *rig) waitForLog(t *testing.T, text string) {
	t.Helper()
	select {
	case r := <-b.journal:
		if r.Message != text {
			t.Fatalf("the log says %q, want %q", r.Message, text)
		}
	case <-time.After(limit):
		t.Fatalf("the log never said %q", text)
	}
}

// expectScans waits for scans and wants them to have these codes, in this order.
func (b *rig) expectScans(t *testing.T, codes ...string) {
	t.Helper()
	for i, want := range codes {
		select {
		case ev := <-b.events:
			if ev.Code != want {
				t.Fatalf("scan %d is %q, want %q", i+1, ev.Code, want)
			}
		case <-time.After(limit):
			t.Fatalf("scan %d, %q, never came", i+1, want)
		}
	}
}

// expectNoMore wants no further scan and no further line in the log. It ends both
// loops.
func (b *rig) expectNoMore(t *testing.T) {
	t.Helper()
	b.stop(t)
	select {
	case ev := <-b.events:
		t.Errorf("one scan too many: %q", ev.Code)
	case r := <-b.journal:
		t.Errorf("one line too many in the log: %q", r.Message)
	default:
	}
}

func (b *rig) wantCounts(t *testing.T, want Counts) {
	t.Helper()
	if diff := cmp.Diff(want, b.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// running returns a Scanner on a cable, ready for scans.
func running(t *testing.T, config Config) (*rig, cable) {
	t.Helper()
	c := newCable(t)
	config.Port = c.path
	b := prepare(t, config)
	b.start(t)
	b.waitForLog(t, "scanner ready")
	return b, c
}

func TestAScanIsOneEvent(t *testing.T) {
	t.Parallel()
	b, c := running(t, Config{})
	before := time.Now()
	c.scan(t, "]d2010950600013435210AB\r")
	ev := <-b.events
	after := time.Now()
	if at := ev.At.Wall; at.Before(before) || at.After(after) {
		t.Errorf("stamped %v, want between %v and %v", at, before, after)
	}
	if len(ev.ID) != 32 {
		t.Errorf("the event's id is %q", ev.ID)
	}
	ev.ID, ev.At = "", station.Stamp{}
	want := station.Event{Source: "hand", Kind: "scan", Code: "010950600013435210AB", Data: map[string]string{
		"symbology": "gs1-datamatrix", "aim": "]d2", "gs1.01": "09506000134352", "gs1.10": "AB",
		"gtin": "9506000134352", "gtin13": "9506000134352",
	}}
	if diff := cmp.Diff(want, ev); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 1})
}

func TestScansOnALine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		frame string
		wire  []string // written one by one
		want  []string
	}{
		{"two scans back to back are two", "cr", []string{"PO4711\rPO4712\r"}, []string{"PO4711", "PO4712"}},
		{"a scan cut in odd places is one", "cr", []string{"P", "O47", "11", "\rPO47", "12\r"}, []string{"PO4711", "PO4712"}},
		{"LF ends a scan", "lf", []string{"PO4711\nPO4712\n"}, []string{"PO4711", "PO4712"}},
		{"CR and LF end a scan, even apart", "crlf", []string{"PO4711\r", "\nPO4712\r\n"}, []string{"PO4711", "PO4712"}},
		{"STX and ETX bracket a scan", "stx-etx", []string{"\x02PO4711\x03\r\n\x02PO", "4712\x03"}, []string{"PO4711", "PO4712"}},
		{"bytes that a terminal would act on are data", "cr", []string{"A\x03\x04\x11\x13\x1a\x1c\x1d\x7fB\r"}, []string{"A\x03\x04\x11\x13\x1a\x1c\x1d\x7fB"}},
		{"silence ends a scan without an end", "idle:40ms", []string{"PO4711"}, []string{"PO4711"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b, c := running(t, Config{Frame: test.frame, Baud: 115200})
			for _, wire := range test.wire {
				c.scan(t, wire)
			}
			b.expectScans(t, test.want...)
			b.expectNoMore(t)
			b.wantCounts(t, Counts{Frames: len(test.want)})
		})
	}
}

func TestFiveHundredScansBackToBackAreReadInOrder(t *testing.T) {
	t.Parallel()
	b, c := running(t, Config{})
	var wire strings.Builder
	var want []string
	for i := range 500 {
		code := fmt.Sprintf("PO%04d", i)
		want = append(want, code)
		wire.WriteString(code + "\r\n")
	}
	go c.hand.WriteString(wire.String())
	b.expectScans(t, want...)
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 500})
}

func TestAMegabyteWithoutAnEndIsDroppedAndTheNextScanIsWhole(t *testing.T) {
	t.Parallel()
	b, c := running(t, Config{})
	c.scan(t, strings.Repeat("8", 1<<20)+"\r")
	c.scan(t, "PO4711\r")
	b.expectScans(t, "PO4711")
	b.stop(t)
	select {
	case ev := <-b.events:
		t.Errorf("one scan too many, of %d characters", len(ev.Code))
	default:
	}
	// Too long it is, where the machine has let it come in one go (frame_test.go); else it paused,
	// and is called by what that looks like: the end of a scan of before, or one without its end.
	n := b.Counts()
	if dropped := n.Overflows + n.Damaged + n.Partials; n.Frames != 1 || dropped == 0 {
		t.Errorf("%+v: want one scan, and one or more that were dropped", n)
	}
}

func TestTheSameLabelSeenAgainIsOneScan(t *testing.T) {
	t.Parallel()
	b, c := running(t, Config{Repeat: new(time.Minute)})
	c.scan(t, "PO1\rPO1\r")
	c.scan(t, "PO1\rPO2\rPO1\r")
	b.expectScans(t, "PO1", "PO2", "PO1")
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 5, Repeats: 2})
}

func TestWithRepeatOffEveryScanCounts(t *testing.T) {
	t.Parallel()
	b, c := running(t, Config{Repeat: new(time.Duration(0))})
	c.scan(t, "PO1\rPO1\r")
	b.expectScans(t, "PO1", "PO1")
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 2})
}

func TestTheSameLabelAfterTheRepeatTimeIsAnotherScan(t *testing.T) {
	t.Parallel()
	b := prepare(t, Config{})
	at := time.Now()
	for _, after := range []time.Duration{0, 799 * time.Millisecond, 800 * time.Millisecond} {
		at = at.Add(after)
		b.record(scan{"PO1", at}, station.Emit(b.emit).All(), 1)
	}
	b.expectScans(t, "PO1", "PO1")
	b.wantCounts(t, Counts{Repeats: 1})
}

func TestAScanThatWasNotRecordedCanBeScannedAgainAtOnce(t *testing.T) {
	t.Parallel()
	b, c := running(t, Config{Repeat: new(time.Minute)})
	b.refuse <- errors.New("outbox: the card is full")
	c.scan(t, "PO1\r")
	b.waitForLog(t, "scan not recorded")
	c.scan(t, "PO1\r")
	b.expectScans(t, "PO1")
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 2, Unrecorded: 1})
}

func TestWhatWasScannedBeforeThePortWasOpenIsNoPartOfTheNextScan(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, frame, early string
		next               string
	}{
		{"a whole scan", "cr", "OLD1\r", "PO4711\r"},
		{"half a scan", "cr", "OLD1", "PO4711\r"},
		{"a scan and a half", "cr", "OLD1\rOLD", "PO4711\r"},
		{"half a scan in brackets", "stx-etx", "\x02OLD", "\x02PO4711\x03"},
		{"a scan without an end", "idle:40ms", "OLD", "PO4711"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCable(t)
			b := prepare(t, Config{Port: c.path, Frame: test.frame})
			c.scan(t, test.early)
			b.start(t)
			b.waitForLog(t, "scanner ready")
			c.scan(t, test.next)
			b.expectScans(t, "PO4711")
			b.expectNoMore(t)
			b.wantCounts(t, Counts{Frames: 1, Stale: len(test.early)})
		})
	}
}

func TestAScanThatIsUnderWayWhenThePortIsOpenedIsDroppedToItsEnd(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	p, err := openPort(c.path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	b := prepare(t, Config{})
	c.scan(t, "O")
	go func() {
		<-time.After(staleTime + frameTimeout/4)
		c.hand.WriteString("LD1\rPO4711\r")
	}()
	first, err := b.dropStale(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if string(first.fresh) != "PO4711\r" {
		t.Errorf("%q was kept, want the whole scan behind the end and nothing else", first.fresh)
	}
	b.wantCounts(t, Counts{Stale: 5})
}

func TestScansThatArriveWhileTheOutboxIsBusyAreToldApartAndStampedWhenTheyCame(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, frame, end string }{
		{"by their ends", "cr", "\r"},
		{"by the silence between them", "idle:40ms", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCable(t)
			b := prepare(t, Config{Port: c.path, Frame: test.frame})
			b.events = make(chan station.Event) // emit waits until the test takes the event
			b.start(t)
			b.waitForLog(t, "scanner ready")
			for _, code := range []string{"PO1", "PO2", "PO3"} {
				c.scan(t, code+test.end)
				<-time.After(200 * time.Millisecond)
			}
			free := time.Now()
			for _, want := range []string{"PO1", "PO2", "PO3"} {
				if ev := <-b.events; ev.Code != want || !ev.At.Wall.Before(free) {
					t.Errorf("%q is stamped %v after the outbox was free, want %q, from before", ev.Code, ev.At.Wall.Sub(free), want)
				}
			}
			b.expectNoMore(t)
			b.wantCounts(t, Counts{Frames: 3})
		})
	}
}

func TestMoreScansThanCanWaitAreReadWhenTheOutboxIsFree(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	b := prepare(t, Config{Port: c.path})
	b.events = make(chan station.Event)
	b.start(t)
	b.waitForLog(t, "scanner ready")
	var want []string
	for i := range 2 * maxUnrecorded {
		want = append(want, fmt.Sprintf("PO%04d", i))
	}
	c.scan(t, strings.Join(want, "\r")+"\r")
	for len(b.scans) < maxUnrecorded {
		<-time.After(time.Millisecond)
	}
	b.expectScans(t, want...)
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 2 * maxUnrecorded})
}

func TestWhatWasScannedBeforeTheStopIsRecordedAndWhatTakesTooLongIsLostAloud(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := prepare(t, Config{Port: "/dev/null"})
		for _, code := range []string{"PO1", "PO2", "PO3"} {
			b.scans <- scan{text: code}
		}
		over, stop := context.WithCancel(t.Context())
		stop()
		err := b.Run(over, func(ev station.Event) (station.Result, error) {
			time.Sleep(3 * time.Second)
			return b.emit(ev)
		})
		if err != nil {
			t.Error(err)
		}
		b.expectScans(t, "PO1", "PO2")
		b.waitForLog(t, "scan not recorded: the station stops")
		b.wantCounts(t, Counts{Unrecorded: 1})
		if len(b.events)+len(b.journal) != 0 {
			t.Error("more was told than could be recorded in time")
		}
	})
}

func TestAReaderThatComesBackUnderAnotherNumberIsReadAgain(t *testing.T) {
	t.Parallel()
	first, second := newCable(t), newCable(t)
	byID := filepath.Join(t.TempDir(), "usb-Reader-if00")
	if err := os.Symlink(first.path, byID); err != nil {
		t.Fatal(err)
	}
	b := prepare(t, Config{Port: byID})
	b.start(t)
	b.waitForLog(t, "scanner ready")
	if fault := b.Faults()["hand"]; fault != "" {
		t.Errorf("a scanner that is ready tells %q", fault)
	}
	first.scan(t, "PO1\rPO2 is cut sh")
	b.expectScans(t, "PO1")

	first.unplug(t)
	b.waitForLog(t, "scanner not ready")
	if fault := b.Faults()["hand"]; !strings.Contains(fault, "scanner hand: port "+byID+": unplugged") {
		t.Errorf("an unplugged scanner tells %q", fault)
	}

	os.Remove(byID)
	if err := os.Symlink(second.path, byID); err != nil {
		t.Fatal(err)
	}
	b.waitForLog(t, "scanner ready")
	second.scan(t, "PO3\r")
	b.expectScans(t, "PO3")
	if fault := b.Faults()["hand"]; fault != "" {
		t.Errorf("a scanner that came back tells %q", fault)
	}
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 2, Partials: 1, Reopenings: 1})
}

func TestAReaderNamedByItsUSBNumbersIsFoundWhereverItIsPlugged(t *testing.T) {
	t.Parallel()
	first, second := newCable(t), newCable(t)
	tree := newTree(t)
	tree.line(t, "ttyACM0", "1-1", "", "0c2e", "0b6a", "SN1")
	tree.device(t, "ttyACM0", first.path)
	b := prepare(t, Config{Port: "usb:0C2E:0B6A"})
	b.roots = tree.deviceRoots
	b.start(t)
	b.waitForLog(t, "scanner ready")
	first.scan(t, "PO1\r")
	b.expectScans(t, "PO1")

	tree.unplug(t, "ttyACM0")
	first.unplug(t)
	b.waitForLog(t, "scanner not ready")
	tree.line(t, "ttyACM1", "1-2", "", "0c2e", "0b6a", "SN1")
	tree.device(t, "ttyACM1", second.path)
	b.waitForLog(t, "scanner ready")
	second.scan(t, "PO2\r")
	b.expectScans(t, "PO2")
	b.expectNoMore(t)
}

func TestAPortThatIsNotThereIsToldOnceAndTriedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := prepare(t, Config{Port: filepath.Join(dir, "ttyUSB0")})
		b.start(t)
		b.waitForLog(t, "scanner not ready")
		if fault := b.Faults()["hand"]; !strings.Contains(fault, "not there, plug the reader in") {
			t.Errorf("a missing scanner tells %q", fault)
		}
		time.Sleep(time.Hour)
		b.expectNoMore(t)
	})
}

func TestTheWaitBetweenTwoTriesGrowsToFiveSeconds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	port := filepath.Join(dir, "ttyUSB0")
	synctest.Test(t, func(t *testing.T) {
		b := prepare(t, Config{Port: port})
		b.start(t)
		b.waitForLog(t, "scanner not ready")
		// Each try is seen by what it finds: nothing, or a file that is no line.
		found := map[bool]string{false: "not there", true: "not a serial line"}
		there := false
		for i, ms := range []time.Duration{500, 1000, 2000, 4000, 5000, 5000} {
			wait := ms * time.Millisecond
			if there = !there; there {
				if err := os.WriteFile(port, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			} else if err := os.Remove(port); err != nil {
				t.Fatal(err)
			}
			time.Sleep(wait - time.Nanosecond)
			if fault := b.Faults()["hand"]; !strings.Contains(fault, found[!there]) {
				t.Errorf("try %d came before %v: %s", i+2, wait, fault)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if fault := b.Faults()["hand"]; !strings.Contains(fault, found[there]) {
				t.Errorf("try %d had not come after %v: %s", i+2, wait, fault)
			}
		}
	})
}

// A scriptedDevice is a device in the hand of the test, which needs no real time.
type scriptedDevice struct {
	wire   chan string
	gone   chan struct{}
	closed chan struct{}
	once   *sync.Once
	pseudo bool // it is a pseudo terminal
}

func newScriptedDevice(wire chan string, gone chan struct{}) scriptedDevice {
	return scriptedDevice{wire: wire, gone: gone, closed: make(chan struct{}), once: new(sync.Once)}
}

func (s scriptedDevice) read(b []byte, timeout time.Duration) (int, error) {
	var silence <-chan time.Time
	if timeout != untilClosed {
		silence = time.After(timeout)
	}
	select {
	case text := <-s.wire:
		return copy(b, text), nil
	case <-s.gone:
		return 0, errors.New("unplugged")
	case <-silence:
		return 0, nil
	case <-s.closed:
		return 0, os.ErrClosed
	}
}

func (scriptedDevice) quiet() bool { return true }

func (s scriptedDevice) keptByKernel() bool { return s.pseudo }

func (s scriptedDevice) interrupt() { s.close() }

func (s scriptedDevice) close() { s.once.Do(func() { close(s.closed) }) }

func TestAfterAPortWasWellTheNextTryComesSoonAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := prepare(t, Config{Port: "/dev/ttyUSB0"})
		var tries []time.Time
		reader := newScriptedDevice(make(chan string), make(chan struct{}))
		b.dial = func(context.Context, string) (device, error) {
			tries = append(tries, time.Now())
			if len(tries) == 6 {
				return reader, nil
			}
			return nil, errors.New("not there")
		}
		b.start(t)
		b.waitForLog(t, "scanner not ready")
		time.Sleep(13 * time.Second) // 0.5, 1, 2, 4 and 5 between the tries
		b.waitForLog(t, "scanner ready")
		reader.wire <- "PO1\r"
		b.expectScans(t, "PO1")
		gone := time.Now()
		close(reader.gone)
		b.waitForLog(t, "scanner not ready")
		time.Sleep(firstWait)
		synctest.Wait()
		if len(tries) != 7 || tries[6].Sub(gone) != firstWait {
			t.Errorf("the tries after the reader went at %v: %v", gone, tries[6:])
		}
		if before := tries[5].Sub(tries[4]); before != longestWait {
			t.Errorf("before it was well the wait had grown to %v, want %v", before, longestWait)
		}
	})
}

func TestAPortThatIsNeverWellIsNotTriedSoonAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := prepare(t, Config{Port: "/dev/ttyUSB0"})
		tries := 0
		b.dial = func(context.Context, string) (device, error) {
			tries++
			gone := make(chan struct{})
			close(gone)
			return newScriptedDevice(nil, gone), nil // opens, and goes before it is ready
		}
		b.start(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		if tries > 16 {
			t.Errorf("%d tries in a minute", tries)
		}
	})
}

func TestThePortIsFreeWhenRunHasEnded(t *testing.T) {
	t.Parallel()
	b, c := running(t, Config{})
	asked := time.Now()
	b.stop(t)
	if took := time.Since(asked); took > time.Second {
		t.Errorf("Run took %v to end", took)
	}
	p, err := openPort(c.path, Config{})
	if err != nil {
		t.Fatalf("the port is still held: %v", err)
	}
	p.close()
	if _, err := c.hand.WriteString("PO1\r"); err != nil {
		t.Fatal(err)
	}
	b.expectNoMore(t)
}

func TestASettingThatCannotBeUsedEndsRunPort(t *testing.T) {
	t.Parallel()
	b := prepare(t, Config{Port: "/dev/null", Frame: "eof"})
	err := b.RunPort(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), `scanner hand: frame: "eof" is not a frame`) {
		t.Errorf("RunPort ended with %v", err)
	}
}

func TestASecondProgramIsToldThatThePortIsInUse(t *testing.T) {
	t.Parallel()
	_, c := running(t, Config{})
	link := filepath.Join(t.TempDir(), "other-name")
	if err := os.Symlink(c.path, link); err != nil {
		t.Fatal(err)
	}
	p, err := openPort(link, Config{})
	if err == nil {
		p.close()
		t.Fatal("the port was opened twice")
	}
	if !errors.Is(err, ErrInUse) {
		t.Errorf("the second program is told %q", err)
	}
}

func TestABeepIsHeardAtTheReader(t *testing.T) {
	t.Parallel()
	b, c := running(t, Config{BeepRecorded: `\x1b[6q`, BeepRefused: `\x1b[4q\r`})
	c.scan(t, "PO1\r")
	c.expectSent(t, "\x1b[6q")
	b.refuse <- errors.New("outbox: the card is full")
	c.scan(t, "PO2\r")
	c.expectSent(t, "\x1b[4q\r")
	b.expectScans(t, "PO1")
	b.waitForLog(t, "scan not recorded")

	c.scan(t, "PO3 is cut sh")
	c.expectSent(t, "\x1b[4q\r")
	c.scan(t, "ort\r")
	c.expectSent(t, "\x1b[4q\r")
	c.scan(t, "PO4\r")
	c.expectSent(t, "\x1b[6q")
	b.expectScans(t, "PO4")
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 3, Unrecorded: 1, Partials: 1, Damaged: 1})
}

func TestAReaderBeepsWhatBecameOfItsScan(t *testing.T) {
	t.Parallel()
	sounds := map[station.SoundKind]string{station.SoundRecorded: "+", station.SoundRefused: "-", station.Silent: ""}
	for _, kind := range station.NoteKinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			c := newCable(t)
			b := prepare(t, Config{Port: c.path, BeepRecorded: "+", BeepRefused: "-"})
			b.told = kind
			b.start(t)
			b.waitForLog(t, "scanner ready")
			c.scan(t, "PO1\r")
			b.expectScans(t, "PO1")
			b.refuse <- errors.New("outbox: the card is full") // so that something is heard at last
			c.scan(t, "PO2\r")
			c.expectSent(t, sounds[kind.Reply().Beep]+"-")
			b.waitForLog(t, "scan not recorded")
		})
	}
}

func TestARepeatIsAnsweredAsTheScanBeforeIt(t *testing.T) {
	t.Parallel()
	for told, answer := range map[station.NoteKind]string{station.NoteRecorded: "\x06\x06", station.NoteUnknown: "\x15\x15", station.NoteNeeds: "\x15\x15"} {
		t.Run(string(told), func(t *testing.T) {
			t.Parallel()
			c := newCable(t)
			b := prepare(t, Config{Port: c.path, Repeat: new(time.Minute), BeepRecorded: `\x06`, BeepRefused: `\x15`})
			b.told = told
			b.start(t)
			b.waitForLog(t, "scanner ready")
			c.scan(t, "PO4701\rPO4701\r")
			c.expectSent(t, answer)
			b.expectScans(t, "PO4701")
			b.expectNoMore(t)
			b.wantCounts(t, Counts{Frames: 2, Repeats: 1})
		})
	}
}

func TestAReaderThatTakesNoBeepIsReadAllTheSame(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	b := prepare(t, Config{Port: c.path, BeepRecorded: strings.Repeat("!", longestBeep), Repeat: new(time.Duration(0))})
	b.start(t)
	b.waitForLog(t, "scanner ready")
	// Nobody takes the beeps off the cable until the line is full of them, and then
	// for as long again.
	scans := 0
	for full := 0; full == 0 || scans < 2*full; scans++ {
		c.scan(t, "PO1\r")
		b.expectScans(t, "PO1")
		if full == 0 && b.Counts().BeepsFailed > 0 {
			full = scans
		}
	}
	if fault := b.Faults()["hand"]; fault != "" {
		t.Errorf("a reader that takes no beep tells %q", fault)
	}
	b.expectNoMore(t)
}

func TestABeepAfterThePortWasClosedGoesToNobody(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	p, err := openPort(c.path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.write([]byte("BEEP")); err != nil {
		t.Fatal(err)
	}
	c.expectSent(t, "BEEP")
	own := p.fd
	p.close()
	// The next file may get the port's number, and must not get its beeps.
	heir, err := os.Create(filepath.Join(t.TempDir(), "outbox"))
	if err != nil {
		t.Fatal(err)
	}
	defer heir.Close()
	if int(heir.Fd()) != own {
		t.Logf("the next file is %d and the port was %d", heir.Fd(), own)
	}
	if err := p.write([]byte("BEEP")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a beep after close answers %v", err)
	}
	if info, err := heir.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("the next file holds %d bytes of a beep: %v", info.Size(), err)
	}
}

func TestABeepThatTheLineDoesNotTakeIsGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	p, err := openPort(c.path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for err := error(nil); err == nil; err = p.write([]byte("BEEP")) {
		}
		p.close()
	}()
	select {
	case <-closed:
	case <-time.After(limit):
		t.Fatal("a write, or the close behind it, waits for a reader that takes nothing")
	}
}

func TestBeepsAndTheEndOfThePortMayMeet(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	p, err := openPort(c.path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		for {
			if err := p.write([]byte("!")); errors.Is(err, fs.ErrClosed) {
				ended <- nil
				return
			}
		}
	}()
	if _, err := p.read(make([]byte, 1), 10*time.Millisecond); err != nil {
		t.Error(err)
	}
	p.close()
	<-ended
}

// It is not parallel: it makes the descriptors scarce for the whole process.
func TestADescriptorAboveAThousandIsAnErrorAndNotTheEnd(t *testing.T) {
	c := newCable(t)
	var limits unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limits); err != nil || limits.Cur < 1200 {
		t.Skip("the process may not open 1,200 files, so nothing was proved about descriptors above 1,023")
	}
	for range 1100 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	p, err := openPort(c.path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if _, err := p.read(make([]byte, 1), 0); err == nil || !strings.Contains(err.Error(), "too many files are open") {
		t.Errorf("read answered %v", err)
	}
}

func TestWhereEverySymbolIsIdentifiedAPieceOfOneIsNoScan(t *testing.T) {
	t.Parallel()
	b, c := running(t, Config{AIM: "required"})
	c.scan(t, "]C0PO4711\r")
	b.expectScans(t, "PO4711")
	c.scan(t, "]Q1PART 7\rPO4712\r500\r")
	b.waitForLog(t, "scan dropped: a part of it has no AIM identifier, so it holds what ends a scan; set another end at the reader and as frame, or take aim from the scanner if it sends none")
	c.scan(t, "]C0PO4713\r]C0PO4714\r")
	b.expectScans(t, "PO4713", "PO4714")
	c.scan(t, "PO4715\r")
	b.waitForLog(t, "scan dropped: a part of it has no AIM identifier, so it holds what ends a scan; set another end at the reader and as frame, or take aim from the scanner if it sends none")
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 3, Damaged: 2})
}

func TestALineOfSevenBitsWithParityIsReadAsText(t *testing.T) {
	t.Parallel()
	b, c := running(t, Config{DataBits: 7, Parity: "even", Flow: "xon-xoff"})
	c.scan(t, "P\xcf\xb4\xb7\xb1\xb1\x8d")
	b.expectScans(t, "PO4711")
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 1})
}
