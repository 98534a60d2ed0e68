package scanner

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// A keyPresser types on a keyboard that is a pipe: what is written to it are the
// kernel's own bytes.
type keyPresser struct {
	t    testing.TB
	pipe *os.File
}

// send writes events as this machine's kernel does.
func (h keyPresser) send(events ...inputEvent) {
	h.t.Helper()
	var b []byte
	for _, ev := range events {
		b = append(b, make([]byte, 2*bits.UintSize/8)...)
		b = binary.NativeEndian.AppendUint16(b, ev.kind)
		b = binary.NativeEndian.AppendUint16(b, ev.code)
		b = binary.NativeEndian.AppendUint32(b, uint32(ev.value))
	}
	// A keyboard does not mind that nobody reads it.
	if _, err := h.pipe.Write(b); err != nil && !errors.Is(err, unix.EPIPE) {
		h.t.Fatal(err)
	}
}

// strike sends the strokes as usbhid does: the scan code, the key, the end of the
// report. Many go at once, as many as a pipe takes whole (PIPE_BUF): who is kept from the
// processor between two strokes makes a pause that no reader makes.
func (h keyPresser) strike(all ...stroke) {
	h.t.Helper()
	for some := range slices.Chunk(all, 4096/(3*24)) {
		var events []inputEvent
		for _, s := range some {
			events = append(events, inputEvent{4, 4, 0x70000}, inputEvent{evKey, s.code, s.value}, inputEvent{evSyn, synReport, 0})
		}
		h.send(events...)
	}
}

// types types a text on an American keyboard, and Enter.
func (h keyPresser) types(text string) {
	h.t.Helper()
	h.strike(typing(h.t, american(), text)...)
	h.strike(strokes(h.t, "enter")...)
}

// unplug pulls the plug.
func (h keyPresser) unplug() {
	h.t.Helper()
	if err := h.pipe.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// newKeyboard returns a keyboard and the hand on it.
func newKeyboard(t testing.TB, name string) (*keyboard, keyPresser) {
	t.Helper()
	file, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close(); pipe.Close() })
	return &keyboard{file: file, decoder: newTypist(t, name)}, keyPresser{t, pipe}
}

// typingInto returns a Scanner of keyboards, ready for scans, and the hands on the
// keyboards that it finds one after the other. It is not running.
func typingInto(t *testing.T, config Config, keyboards int) (*rig, []keyPresser) {
	t.Helper()
	config.Port = "hid:/dev/input/by-id/usb-Reader-event-kbd"
	b := prepare(t, config)
	var found []*keyboard
	var hands []keyPresser
	for range keyboards {
		k, h := newKeyboard(t, b.config.layout())
		found, hands = append(found, k), append(hands, h)
	}
	b.dial = func(_ context.Context, path string) (device, error) {
		if path != "/dev/input/by-id/usb-Reader-event-kbd" || len(found) == 0 {
			t.Errorf("asked for %s", path)
			return nil, errors.New("not there")
		}
		k := found[0]
		found = found[1:]
		return k, nil
	}
	return b, hands
}

func TestAKeyIsTheSameOnA64BitAndOnA32BitMachine(t *testing.T) {
	t.Parallel()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the bytes are those of a little-endian machine: nothing was proved about this one")
	}
	want := inputEvent{kind: evKey, code: 0x19, value: pressed}
	for word, wire := range map[int]string{
		8: "9a1d6f6500000000c84b0200000000000100190001000000",
		4: "9a1d6f65c84b02000100190001000000",
	} {
		b, err := hex.DecodeString(wire)
		if err != nil {
			t.Fatal(err)
		}
		got, size, ok := parseEvent(append(b, 0xFF), word)
		if got != want || size != len(b) || !ok {
			t.Errorf("words of %d bytes: %+v of %d bytes, %v; want %+v of %d", word, got, size, ok, want, len(b))
		}
		if _, _, ok := parseEvent(b[:len(b)-1], word); ok {
			t.Errorf("words of %d bytes: an event that is cut short is one", word)
		}
	}
}

func TestEventsOfAnotherLayoutAreSaidAndNotGuessedAt(t *testing.T) {
	t.Parallel()
	k, h := newKeyboard(t, "us")
	// The other machine's P: where the kind is looked for stands its time.
	other := "9a1d6f65c84b02000100190001000000"
	if bits.UintSize == 32 {
		other = "9a1d6f65000000009a1d6f65000000000100190001000000"
	}
	b, err := hex.DecodeString(strings.Repeat(other, 3))
	if err != nil {
		t.Fatal(err)
	}
	b[16], b[17] = 0x9A, 0x1D
	if _, err := h.pipe.Write(b); err != nil {
		t.Fatal(err)
	}
	if _, err := k.read(make([]byte, 64), limit); err == nil || !strings.Contains(err.Error(), "laid out in a way") {
		t.Errorf("read answered %v", err)
	}
}

func TestAKeyboardIsReadAsALine(t *testing.T) {
	t.Parallel()
	k, h := newKeyboard(t, "us")
	h.types("PO4711")
	buf := make([]byte, 64)
	var got []byte
	for len(got) < 7 {
		n, err := k.read(buf, limit)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
	}
	if string(got) != "PO4711\r" {
		t.Errorf("read %q", got)
	}
	h.strike(stroke{keyLeftShift, pressed}, stroke{keyLeftShift, released})
	since := time.Now()
	if n, err := k.read(buf, 50*time.Millisecond); n != 0 || err != nil {
		t.Errorf("Shift alone reads %q, %v", buf[:n], err)
	}
	if took := time.Since(since); took < 50*time.Millisecond || took > limit {
		t.Errorf("silence took %v to be told", took)
	}
	h.unplug()
	if _, err := k.read(buf, limit); err == nil || !strings.Contains(err.Error(), "unplugged, plug the reader in again") || !errors.Is(err, io.EOF) {
		t.Errorf("an unplugged keyboard answers %v", err)
	}
}

func TestADeadKeyThatNothingFollowsIsItself(t *testing.T) {
	t.Parallel()
	k, h := newKeyboard(t, "se")
	h.strike(strokes(t, "shift+rightbrace")...)
	buf := make([]byte, 64)
	if n, err := k.read(buf, 20*time.Millisecond); string(buf[:n]) != "^" || err != nil {
		t.Errorf("read %q, %v", buf[:n], err)
	}
}

func TestWhatIsNoKeyboardIsNotOpened(t *testing.T) {
	t.Parallel()
	us, _ := findLayout("us")
	dir := t.TempDir()
	for name, test := range map[string]struct{ path, want string }{
		"nothing": {filepath.Join(dir, "event3"), "not there, plug the reader in: no such file"},
		"a file":  {os.DevNull, "not a keyboard, name a path under /dev/input/by-id that ends in -event-kbd"},
	} {
		if _, err := openKeyboard(test.path, us); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), test.path) {
			t.Errorf("%s: opening it answers %v", name, err)
		}
	}
}

func TestAGS1SymbolThatIsTypedIsOneEvent(t *testing.T) {
	t.Parallel()
	b, hands := typingInto(t, Config{}, 1)
	b.start(t)
	b.waitForLog(t, "scanner ready")
	hands[0].types("]d2010950600013435210AB")
	ev := <-b.events
	ev.ID, ev.At = "", station.Stamp{}
	want := station.Event{Source: "hand", Kind: "scan", Code: "010950600013435210AB", Data: map[string]string{
		"symbology": "gs1-datamatrix", "aim": "]d2", "gs1.01": "09506000134352", "gs1.10": "AB", "gtin": "9506000134352", "gtin13": "9506000134352",
	}}
	if diff := cmp.Diff(want, ev); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 1})
}

func TestScansOfAReaderThatTypes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		config Config
		keys   string
		want   []string
		counts Counts
	}{
		{"Enter ends a scan", Config{}, "p 1 enter p 2 kpenter", []string{"p1", "p2"}, Counts{Frames: 2}},
		{"Tab ends a scan where it is said", Config{Frame: "tab"}, "p 1 tab p 2 tab", []string{"p1", "p2"}, Counts{Frames: 2}},
		{"Tab is data where Enter alone is to end a scan", Config{}, "p 1 tab p 2 enter", []string{"p1\tp2"}, Counts{Frames: 1}},
		{"silence ends a scan without an end, and the dead key in it", Config{Frame: "idle:40ms", Layout: "se"}, "p 1 shift+rightbrace", []string{"p1^"}, Counts{Frames: 1}},
		{"STX and ETX bracket a scan", Config{Frame: "stx-etx"}, "ctrl+b p 1 ctrl+c enter", []string{"p1"}, Counts{Frames: 1}},
		{"GS is data", Config{}, "1 ctrl+rightbrace 2 enter", []string{"1\x1d2"}, Counts{Frames: 1}},
		{"Swedish letters are UTF-8", Config{Layout: "se"}, "leftbrace apostrophe semicolon enter", []string{"åäö"}, Counts{Frames: 1}},
		{"a key without a character spoils its scan and no other", Config{}, "p 1 f8 2 enter p 3 enter", []string{"p3"}, Counts{Frames: 1, Damaged: 1}},
		{"a number that is no character was meant as one, also at the beginning", Config{}, "down:alt kp0 kp1 kp2 kp9 up:alt p 1 enter p 2 enter", []string{"p2"}, Counts{Frames: 1, Damaged: 1}},
		{"a key without a character between two scans is noise", Config{}, "p 1 enter f8 p 2 enter", []string{"p1", "p2"}, Counts{Frames: 2, Noise: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b, hands := typingInto(t, test.config, 1)
			b.start(t)
			b.waitForLog(t, "scanner ready")
			hands[0].strike(strokes(t, test.keys)...)
			b.expectScans(t, test.want...)
			if test.counts.Damaged > 0 {
				b.waitForLog(t, "scan dropped, scan it again")
			}
			b.expectNoMore(t)
			b.wantCounts(t, test.counts)
		})
	}
}

func TestAKeyThatIsHeldTypesOnce(t *testing.T) {
	t.Parallel()
	b, hands := typingInto(t, Config{}, 1)
	b.start(t)
	b.waitForLog(t, "scanner ready")
	p := codes()["p"]
	hands[0].strike(stroke{p, pressed}, stroke{p, 2}, stroke{p, 2}, stroke{p, 2}, stroke{p, released})
	hands[0].strike(stroke{keyEnter, pressed}, stroke{keyEnter, 2}, stroke{keyEnter, released})
	b.expectScans(t, "p")
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 1})
}

func TestAScanOfWhichKeysWereLostIsDroppedAndTheNextIsWhole(t *testing.T) {
	t.Parallel()
	b, hands := typingInto(t, Config{}, 1)
	b.start(t)
	b.waitForLog(t, "scanner ready")
	h := hands[0]
	// The kernel had no room: it throws away what it kept, says so, and what comes
	// up to the end of the report is the rest of one that is not whole.
	h.strike(strokes(t, "p 4 down:shift")...)
	h.send(inputEvent{evSyn, synDropped, 0}, inputEvent{evKey, codes()["7"], released},
		inputEvent{evKey, keyEnter, pressed}, inputEvent{evSyn, synReport, 0})
	h.strike(strokes(t, "1 1 enter")...)
	b.waitForLog(t, "scan dropped, scan it again")
	h.types("po4712")
	b.expectScans(t, "po4712")
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 1, Damaged: 1})
}

func TestAReaderThatTypesIsReadAgainAfterItWasUnplugged(t *testing.T) {
	t.Parallel()
	b, hands := typingInto(t, Config{}, 2)
	b.start(t)
	b.waitForLog(t, "scanner ready")
	hands[0].types("PO1")
	b.expectScans(t, "PO1")
	hands[0].strike(strokes(t, "p o 2 down:shift")...)
	hands[0].unplug()
	b.waitForLog(t, "scanner not ready")
	if fault := b.Faults()["hand"]; !strings.Contains(fault, "unplugged, plug the reader in again") {
		t.Errorf("an unplugged reader tells %q", fault)
	}
	b.waitForLog(t, "scanner ready")
	hands[1].types("po3")
	b.expectScans(t, "po3")
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 2, Partials: 1, Reopenings: 1})
}

func TestAScanThatIsBeingTypedWhenTheReaderIsOpenedIsDroppedToItsEnd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, early, late string }{
		{"a scan in two parts", "down:shift p o", "4 7 up:shift enter"},
		{"a key without a character in its first part", "p f8", "4 7 enter"},
		{"a key without a character in its second part", "p o", "f8 4 7 enter"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b, hands := typingInto(t, Config{}, 1)
			hands[0].strike(strokes(t, test.early)...)
			b.start(t)
			<-time.After(staleTime + frameTimeout/4)
			hands[0].strike(strokes(t, test.late)...)
			b.waitForLog(t, "scanner ready")
			hands[0].types("PO4711")
			b.expectScans(t, "PO4711")
			b.expectNoMore(t)
		})
	}
}

func TestFiveHundredTypedScansBackToBackAreReadInOrder(t *testing.T) {
	t.Parallel()
	b, hands := typingInto(t, Config{}, 1)
	b.start(t)
	b.waitForLog(t, "scanner ready")
	var want []string
	var all []stroke
	for i := range 500 {
		code := fmt.Sprintf("PO%04d", i)
		want = append(want, code)
		all = append(append(all, typing(t, american(), code)...), strokes(t, "enter")...)
	}
	var typed sync.WaitGroup
	typed.Go(func() { hands[0].strike(all...) })
	b.expectScans(t, want...)
	typed.Wait()
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 500})
}

func TestKeyboardsAreFoundByTheirNumbers(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	const typewriter, mediaKeys = "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe", "3e000a00000000 e3878000000c 0"
	tr.input(t, "event1", "0c2e", "0b61", "SN1", "Honeywell Xenon 1900", typewriter)
	tr.input(t, "event2", "0c2e", "0b61", "SN1", "Honeywell Xenon 1900 Consumer Control", mediaKeys)
	tr.input(t, "event3", "05e0", "1200", "A", "Symbol Bar Code Scanner", "7 ff9f207a c14057ff febeffdf ffefffff ffffffff fffffffe")
	tr.input(t, "event4", "05e0", "1200", "B", "Symbol Bar Code Scanner", typewriter)
	tests := []struct{ name, port, want, fault string }{
		{"a path is itself", "hid:/dev/input/by-id/x-event-kbd", "/dev/input/by-id/x-event-kbd", ""},
		{"the keyboard of a reader that has media keys too", "hid:0C2E:0B61", tr.dev + "/input/event1", ""},
		{"one of two equal readers, on a 32-bit kernel", "hid:05e0:1200:A", tr.dev + "/input/event3", ""},
		{"two equal readers are not guessed at", "hid:05e0:1200", "", "fits " + tr.dev + "/input/event3 and " + tr.dev + "/input/event4; add the serial number, or name one of these, or a path under /dev/input/by-id"},
		{"a reader that is elsewhere", "hid:05e0:1701", "", "not there, plug the reader in"},
		{"a reader on a serial line of the same numbers is another", "usb:0c2e:0b61", "", "not there, plug the reader in"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := tr.find(test.port)
			fault := ""
			if err != nil {
				fault = err.Error()
			}
			if got != test.want || fault != test.fault {
				t.Errorf("find(%q) = %q, %q; want %q, %q", test.port, got, fault, test.want, test.fault)
			}
		})
	}
	t.Run("the list names each as shortly as it can", func(t *testing.T) {
		t.Parallel()
		want := []Plugged{
			{"hid:0c2e:0b61", tr.dev + "/input/event1", "Honeywell Xenon 1900"},
			{"hid:05e0:1200:A", tr.dev + "/input/event3", "Symbol Bar Code Scanner"},
			{"hid:05e0:1200:B", tr.dev + "/input/event4", "Symbol Bar Code Scanner"},
		}
		if diff := cmp.Diff(want, tr.plugged(keyboards)); diff != "" {
			t.Errorf("keyboards (-want +got):\n%s", diff)
		}
	})
}
