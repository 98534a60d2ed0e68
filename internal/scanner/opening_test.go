package scanner

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A sending is what a scanner or its adapter sends some time after its port was opened.
type sending struct {
	after time.Duration
	text  string
}

// openedLine is a scanner on a line that was opened just now and on which that is sent.
func openedLine(t *testing.T, config Config, sent ...sending) *rig {
	t.Helper()
	return opened(t, config, func(d scriptedDevice) device { return d }, sent...)
}

// opened is openedLine with a device made of the one in the hand of the test.
func opened(t *testing.T, config Config, as func(scriptedDevice) device, sent ...sending) *rig {
	t.Helper()
	b := prepare(t, config)
	wire := make(chan string, len(sent))
	var ended sync.WaitGroup
	b.dial = func(context.Context, string) (device, error) {
		for _, s := range sent {
			if s.after == 0 { // it lies in the driver's buffer
				wire <- s.text
				continue
			}
			ended.Go(func() {
				time.Sleep(s.after)
				wire <- s.text
			})
		}
		return as(newScriptedDevice(wire, make(chan struct{}))), nil
	}
	b.start(t)
	t.Cleanup(ended.Wait)
	return b
}

// The rule is the table of opening.go.
func TestWhatComesAtTheOpeningOfALine(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, test := range []struct {
		so     string
		config Config
		sent   []sending
		scans  []string
		stale  int
	}{
		{so: "nothing", sent: []sending{{30 * ms, "PO1\r"}}, scans: []string{"PO1"}},
		{so: "a scan in the driver's buffer", sent: []sending{{0, "OLD\r"}, {101 * ms, "PO1\r"}}, scans: []string{"PO1"}, stale: 4},
		{so: "a scan that a USB reader kept until DTR was up", sent: []sending{{3 * ms, "OLD\r"}, {105 * ms, "PO1\r"}}, scans: []string{"PO1"}, stale: 4},
		{so: "what an adapter's latency timer held back", sent: []sending{{16 * ms, "OLD\r"}, {105 * ms, "PO1\r"}}, scans: []string{"PO1"}, stale: 4},
		{so: "two scans that a reader kept, with a pause", sent: []sending{{3 * ms, "OLD\r"}, {60 * ms, "OLDER\r"}, {130 * ms, "PO1\r"}}, scans: []string{"PO1"}, stale: 10},
		{so: "half a scan that was kept, and its rest", sent: []sending{{3 * ms, "OL"}, {300 * ms, "D1\r"}, {310 * ms, "PO1\r"}}, scans: []string{"PO1"}, stale: 5},
		{so: "half a scan that was kept, and silence", sent: []sending{{3 * ms, "OLD"}, {700 * ms, "PO1\r"}}, scans: []string{"PO1"}, stale: 3},
		{
			so: "the rest of a scan of a reader that pauses between characters",
			sent: []sending{
				{40 * ms, "1"}, {90 * ms, "2"}, {140 * ms, "\r"}, // of PO12
				{800 * ms, "P"}, {850 * ms, "O"}, {900 * ms, "1"}, {950 * ms, "\r"},
			},
			scans: []string{"PO1"},
		},
		{
			so: "a reader that pauses, of which nothing is under way",
			sent: []sending{
				{600 * ms, "P"}, {650 * ms, "O"}, {700 * ms, "1"}, {750 * ms, "\r"},
			},
			scans: []string{"PO1"},
		},
		{so: "a scan that pauses for less than the line was silent", sent: []sending{{200 * ms, "PO"}, {260 * ms, "1\r"}}, scans: []string{"PO1"}},
		{so: "a scan that says that it is a beginning, and pauses", sent: []sending{{40 * ms, "]C1PO"}, {90 * ms, "1\r"}}, scans: []string{"PO1"}},
		{so: "a scan, and half of the next, which pauses", sent: []sending{{40 * ms, "PO1\rPO"}, {90 * ms, "2\r"}}, scans: []string{"PO1", "PO2"}},
		{so: "an end alone, and a scan that pauses", sent: []sending{{40 * ms, "\r"}, {90 * ms, "PO"}, {140 * ms, "2\r"}}, scans: []string{"PO2"}},
		{so: "a scan that comes in pieces", sent: []sending{{40 * ms, "PO"}, {56 * ms, "47"}, {72 * ms, "11\r"}}, scans: []string{"PO4711"}},
		{so: "a slow line on which a character is under way", config: Config{Baud: 300}, sent: []sending{{36 * ms, "D"}, {72 * ms, "\r"}, {400 * ms, "PO1\r"}}, scans: []string{"PO1"}, stale: 2},
		{so: "a slow line whose UART has the rest of a scan", config: Config{Baud: 2400}, sent: []sending{{36 * ms, "OLD1234\r"}, {300 * ms, "PO1\r"}}, scans: []string{"PO1"}, stale: 8},
		{so: "the end of a scan that ends with silence", config: Config{Frame: "idle:80ms"}, sent: []sending{{40 * ms, "OLD"}, {300 * ms, "PO1"}}, scans: []string{"PO1"}, stale: 3},
		{so: "the end of a scan in brackets", config: Config{Frame: "stx-etx"}, sent: []sending{{40 * ms, "LD\x03"}, {60 * ms, "\x02PO1\x03"}}, scans: []string{"PO1"}},
	} {
		t.Run(test.so, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				test.config.Port = "/dev/ttyUSB0"
				b := openedLine(t, test.config, test.sent...)
				time.Sleep(2 * time.Second)
				synctest.Wait()
				b.expectScans(t, test.scans...)
				if n := len(b.events); n > 0 {
					t.Errorf("%d scans too many, the first of them %q", n, (<-b.events).Code)
				}
				if c := b.Counts(); c.Stale != test.stale {
					t.Errorf("%d bytes count as stale, want %d", c.Stale, test.stale)
				}
			})
		})
	}
}

// What the kernel keeps of a pseudo terminal is all that there is from before.
func TestWhatComesAtTheOpeningOfALineThatAnotherProgramProvides(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, test := range []struct {
		so     string
		config Config
		sent   []sending
		scans  []string
		stale  int
	}{
		{so: "a scan that the kernel kept, and the next", sent: []sending{{0, "OLD\r"}, {5 * ms, "PO1\r"}}, scans: []string{"PO1"}, stale: 4},
		{so: "scans that the kernel kept, and the next, which pauses", sent: []sending{{0, "OLD\r"}, {0, "OLDER\r"}, {5 * ms, "PO"}, {65 * ms, "1\r"}}, scans: []string{"PO1"}, stale: 10},
		{so: "a scan that a tab ended", config: Config{Frame: "tab"}, sent: []sending{{0, "OLD\t"}, {5 * ms, "PO1\t"}}, scans: []string{"PO1"}, stale: 4},
		{so: "half a scan that the kernel kept, and its rest", sent: []sending{{0, "OL"}, {300 * ms, "D1\r"}, {310 * ms, "PO1\r"}}, scans: []string{"PO1"}, stale: 5},
		{so: "nothing that the kernel kept, and the rest of a scan", sent: []sending{{5 * ms, "LD1\r"}, {105 * ms, "PO1\r"}}, scans: []string{"PO1"}, stale: 4},
		{so: "an LF, which may be a part of a scan", sent: []sending{{0, "OL\n"}, {5 * ms, "D1\r"}, {105 * ms, "PO1\r"}}, scans: []string{"PO1"}, stale: 6},
		{so: "an end of which the kernel has half", config: Config{Frame: "crlf"}, sent: []sending{{0, "OLD\r"}, {5 * ms, "\n"}, {105 * ms, "PO1\r\n"}}, scans: []string{"PO1"}, stale: 5},
		{so: "more than the kernel keeps", sent: []sending{{0, strings.Repeat("OLD\r", 1024)}, {5 * ms, "LD1\r"}, {105 * ms, "PO1\r"}}, scans: []string{"PO1"}, stale: 4*1024 + 4},
	} {
		t.Run(test.so, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				test.config.Port = "/dev/pts/7"
				b := opened(t, test.config, func(d scriptedDevice) device { d.pseudo = true; return d }, test.sent...)
				time.Sleep(2 * time.Second)
				synctest.Wait()
				b.expectScans(t, test.scans...)
				if n := len(b.events); n > 0 {
					t.Errorf("%d scans too many, the first of them %q", n, (<-b.events).Code)
				}
				if c := b.Counts(); c.Stale != test.stale {
					t.Errorf("%d bytes count as stale, want %d", c.Stale, test.stale)
				}
			})
		})
	}
}

// Which lines those are is asked of the kernel, and not of a name: a port may be named by a link.
func TestALineThatAnotherProgramProvidesIsKnown(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	link := filepath.Join(t.TempDir(), "reader")
	if err := os.Symlink(c.path, link); err != nil {
		t.Fatal(err)
	}
	p, err := openPort(link, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if !p.keptByKernel() {
		t.Error("a pseudo terminal is taken for a real line")
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if isPseudo(int(null.Fd())) {
		t.Error("another device is taken for a pseudo terminal")
	}
}

// A lateReader is a device of a station that is kept from its processor: it waits for what comes
// when that has come already.
type lateReader struct {
	scriptedDevice
	late map[string]time.Duration // by what was read last
	last *string
}

func (d lateReader) read(b []byte, timeout time.Duration) (int, error) {
	time.Sleep(d.late[*d.last])
	n, err := d.scriptedDevice.read(b, timeout)
	if n > 0 {
		*d.last = string(b[:n])
	}
	return n, err
}

// A busy board reads late at its start, of all times. That is no pause of the reader.
func TestAScanThatIsReadLateAtTheOpeningIsNoRestOfAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		as := func(d scriptedDevice) device {
			return lateReader{d, map[string]time.Duration{"PO": 90 * time.Millisecond}, new(string)}
		}
		b := opened(t, Config{Port: "/dev/ttyUSB0"}, as, sending{40 * time.Millisecond, "PO"}, sending{45 * time.Millisecond, "1\r"})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.expectScans(t, "PO1")
	})
}

// Whatever doubt there was of the first scan, half a second later nothing wakes the processor for
// it.
func TestALineThatWasJustOpenedIsSoonWaitedForAsLongAsItTakes(t *testing.T) {
	t.Parallel()
	for _, sent := range [][]sending{nil, {{40 * time.Millisecond, "PO1\r"}}, {{40 * time.Millisecond, "PO"}}, {{40 * time.Millisecond, "\x00"}}} {
		synctest.Test(t, func(t *testing.T) {
			reads := 0
			as := func(d scriptedDevice) device { return countedReader{d, &reads} }
			opened(t, Config{Port: "/dev/ttyUSB0"}, as, sent...)
			time.Sleep(2*frameTimeout + lateRestTime)
			synctest.Wait()
			before := reads
			time.Sleep(time.Hour)
			synctest.Wait()
			if reads != before {
				t.Errorf("after %v the line was read %d times in an hour", sent, reads-before)
			}
		})
	}
}

// A countedReader counts how often it is read.
type countedReader struct {
	scriptedDevice
	reads *int
}

func (d countedReader) read(b []byte, timeout time.Duration) (int, error) {
	*d.reads++
	return d.scriptedDevice.read(b, timeout)
}

// A line that chatters, as of a reader at the wrong speed, is read from its next end on.
func TestALineThatIsNeverSilentIsReadAllTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent []sending
		for at := 5 * time.Millisecond; at < time.Second; at += 10 * time.Millisecond {
			sent = append(sent, sending{at, "X\r"})
		}
		none := time.Duration(0)
		b := openedLine(t, Config{Port: "/dev/ttyUSB0", Repeat: &none}, sent...)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if c := b.Counts(); c.Frames < 50 || c.Stale == 0 {
			t.Errorf("%+v: it was never read", c)
		}
	})
}

// A reader that is plugged in while the station runs is not settled as soon as one that was
// there.
func TestWhatComesFromAReaderThatWasPluggedInJustNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := prepare(t, Config{Port: "/dev/ttyUSB0"})
		wire := make(chan string)
		tries := 0
		b.dial = func(context.Context, string) (device, error) {
			if tries++; tries == 1 {
				return nil, ErrNotThere
			}
			return newScriptedDevice(wire, make(chan struct{})), nil
		}
		b.start(t)
		time.Sleep(firstWait + cleanTime + 30*time.Millisecond)
		wire <- "OLD\r"
		time.Sleep(staleTime)
		wire <- "PO1\r"
		synctest.Wait()
		b.expectScans(t, "PO1")
		if c := b.Counts(); c.Stale != len("OLD\r") {
			t.Errorf("%d bytes count as stale", c.Stale)
		}
	})
}

// Nobody is told that a reader is ready before its scans are recorded; one that was scanned
// earlier is recorded then, with its own time.
func TestAReaderIsReadyWhenItsScansAreRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := prepare(t, Config{Port: "/dev/ttyUSB0"})
		wire := make(chan string)
		b.dial = func(context.Context, string) (device, error) {
			return newScriptedDevice(wire, make(chan struct{})), nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		b.cancel = cancel
		go func() { b.done <- b.RunPort(ctx) }()
		time.Sleep(time.Second)
		scanned := time.Now()
		wire <- "PO1\r"
		time.Sleep(time.Minute)
		if n := len(b.journal); n > 0 {
			t.Errorf("the log says %q while nobody records", (<-b.journal).Message)
		}
		go func() { b.done <- b.Run(ctx, b.emit) }()
		b.waitForLog(t, "scanner ready")
		if ev := <-b.events; ev.Code != "PO1" || !ev.At.Wall.Equal(scanned) {
			t.Errorf("%q at %v, want PO1 at %v", ev.Code, ev.At.Wall, scanned)
		}
		b.stop(t)
	})
}

// Where the station cannot be opened, the scans that were made meanwhile are not lost silently.
func TestAScanOfAStationThatNeverBeganToRecordIsLostAloud(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	b := prepare(t, Config{Port: c.path, BeepRefused: "no"})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.RunPort(ctx) }()
	for end := time.Now().Add(limit); b.Faults()["hand"] != "" && time.Now().Before(end); {
		<-time.After(time.Millisecond)
	}
	c.scan(t, "PO1\r")
	for end := time.Now().Add(limit); len(b.scans) == 0 && time.Now().Before(end); {
		<-time.After(time.Millisecond)
	}
	cancel()
	b.waitForLog(t, "scan not recorded: the station stops")
	c.expectSent(t, "no")
	if err := <-done; err != nil {
		t.Error(err)
	}
	b.wantCounts(t, Counts{Frames: 1, Unrecorded: 1})
}

// Nor are they where the reader has gone since.
func TestAScanOfAReaderThatIsGoneIsLostAloudWhereTheStationNeverBeganToRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := prepare(t, Config{Port: "/dev/ttyUSB0"})
		reader := newScriptedDevice(make(chan string), make(chan struct{}))
		tries := 0
		b.dial = func(context.Context, string) (device, error) {
			if tries++; tries > 1 {
				return nil, ErrNotThere
			}
			return reader, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.RunPort(ctx) }()
		time.Sleep(time.Second)
		reader.wire <- "PO1\r"
		synctest.Wait()
		close(reader.gone)
		time.Sleep(time.Minute)
		cancel()
		b.waitForLog(t, "scanner not ready")
		b.waitForLog(t, "scan not recorded: the station stops")
		if err := <-done; err != nil {
			t.Error(err)
		}
		if c := b.Counts(); c.Unrecorded != 1 {
			t.Errorf("%+v: want one scan that was not recorded", c)
		}
	})
}

// Whatever was written before a port was opened never becomes a scan, and whatever is written
// as a whole scan once the port is ready does: on real lines of the kernel.
func TestWhateverWasWrittenBeforeTheOpeningNeverBecomesAScan(t *testing.T) {
	t.Parallel()
	const seed = 20261128
	random := rand.New(rand.NewPCG(seed, 1))
	for i := range 24 {
		var early strings.Builder
		if i%8 == 0 { // more than the kernel keeps for who reads it
			early.WriteString(strings.Repeat("OLDER\r", 1200))
		}
		for range random.IntN(6) {
			early.WriteString("OLD"[:random.IntN(4)])
			early.WriteString([]string{"", "\r", "\n", "\r\n", "\x00", "\x02", "]C1OLD\r"}[random.IntN(7)])
		}
		frame := []string{"cr", "lf", "crlf", "tab", "stx-etx", "idle:30ms"}[random.IntN(6)]
		begin, end := "", map[string]string{"cr": "\r", "lf": "\n", "crlf": "\r\n", "tab": "\t", "stx-etx": "\x03"}[frame]
		if frame == "stx-etx" {
			begin = "\x02"
		}
		kept := early.String()
		t.Run("", func(t *testing.T) {
			t.Parallel()
			c := newCable(t)
			b := prepare(t, Config{Port: c.path, Frame: frame})
			c.scan(t, kept)
			b.start(t)
			b.waitForLog(t, "scanner ready")
			c.scan(t, begin+"NEW1"+end)
			b.expectScans(t, "NEW1")
			c.scan(t, begin+"NEW2"+end)
			b.expectScans(t, "NEW2")
			b.stop(t)
			if n := len(b.events); n > 0 {
				t.Errorf("of %q, sent before the port was open, a scan %q was made", kept, (<-b.events).Code)
			}
		})
	}
}

// Whatever comes within the time in which kept things come never becomes a scan, and a whole
// scan that begins when it is over and the line was silent does.
func FuzzOpening(f *testing.F) {
	f.Add("OLD\r", uint16(0), "", uint16(0))
	f.Add("OL", uint16(3), "D\r", uint16(40))
	f.Add("\x00", uint16(24), "X", uint16(1))
	f.Fuzz(func(t *testing.T, first string, firstAfter uint16, second string, secondAfter uint16) {
		const longest = 64
		first, second = first[:min(len(first), longest)], second[:min(len(second), longest)]
		// Both within the time in which kept things come.
		a := time.Duration(firstAfter) % (cleanTime - 1)
		z := a + time.Duration(secondAfter)*time.Microsecond%(staleTime-a-1)
		synctest.Test(t, func(t *testing.T) {
			sent := []sending{{z + 2*staleTime + 2*frameTimeout, "NEW1\r"}}
			if first != "" {
				sent = append([]sending{{a, first}, {z, second}}, sent...)
			}
			b := openedLine(t, Config{Port: "/dev/ttyUSB0"}, sent...)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			b.expectScans(t, "NEW1")
			if n := len(b.events); n > 0 {
				t.Errorf("%q %v and %q %v after the opening made the scan %q", first, a, second, z, (<-b.events).Code)
			}
		})
	})
}
