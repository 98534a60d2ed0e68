package scanner

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// posDescriptor is laid out as the HID Point of Sale tables show a bar code scanner: a
// count, three characters of the identifier, 56 bytes of data, and whether more follows;
// and a report for its settings.
func posDescriptor() []byte {
	return bytes.Join([][]byte{
		{0x05, 0x8C, 0x09, 0x02, 0xA1, 0x01},
		{0x09, 0x12, 0xA1, 0x02, 0x85, 0x02, 0x15, 0x00, 0x26, 0xFF, 0x00, 0x75, 0x08, 0x95, 0x01},
		{0x05, 0x01, 0x09, 0x3B, 0x81, 0x02},
		{0x95, 0x03, 0x05, 0x8C, 0x09, 0xFB, 0x09, 0xFC, 0x09, 0xFD, 0x81, 0x02},
		{0x95, 0x38, 0x09, 0xFE, 0x82, 0x02, 0x01},
		{0x95, 0x02, 0x06, 0x66, 0xFF, 0x09, 0x04, 0x09, 0x00, 0x81, 0x02},
		{0x05, 0x8C, 0x25, 0x01, 0x75, 0x01, 0x95, 0x01, 0x09, 0xFF, 0x81, 0x02, 0x95, 0x07, 0x81, 0x03, 0xC0},
		{0x09, 0x14, 0xA1, 0x02, 0x85, 0x04, 0x75, 0x08, 0x95, 0x02, 0x09, 0x20, 0xB1, 0x02, 0xC0},
		{0xC0},
	}, nil)
}

// posReport is one report of that scanner.
func posReport(aim, data string, more bool) []byte {
	report := append([]byte{2, byte(len(data))}, (aim + "\x00\x00\x00")[:3]...)
	report = append(report, data...)
	report = append(report, make([]byte, 64-len(report))...)
	if more {
		report[63] = 1
	}
	return report
}

func TestWhereAScanStandsInAReport(t *testing.T) {
	t.Parallel()
	l, ok := parsePOS(posDescriptor())
	want := posLayout{report: 2, numbered: true, count: field{0, 8}, aim: field{8, 24}, data: field{32, 56 * 8}, continued: field{496, 1}}
	if !ok || l != want {
		t.Errorf("%+v, %v; want %+v", l, ok, want)
	}
	keyboard := []byte{0x05, 0x01, 0x09, 0x06, 0xA1, 0x01, 0x05, 0x07, 0x19, 0xE0, 0x29, 0xE7, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02, 0xC0}
	if l, ok := parsePOS(keyboard); ok {
		t.Errorf("a keyboard is taken for a reader: %+v", l)
	}
	for n := range posDescriptor() {
		parsePOS(posDescriptor()[:n]) // cut anywhere, it must not panic
	}
	for _, test := range []struct {
		name, aim, data string
		report          []byte
		more, mine, bad bool
	}{
		{"one report", "]C1", "0109506000134352", posReport("]C1", "0109506000134352", false), false, true, false},
		{"more follows", "]Q1", "PO4711", posReport("]Q1", "PO4711", true), true, true, false},
		{"without an identifier", "", "PO4711", posReport("", "PO4711", false), false, true, false},
		{"of its settings", "", "", []byte{4, 1, 2}, false, false, false},
		{"cut short", "", "", posReport("]C0", "PO4711", false)[:20], true, true, true},
		{"a count that cannot be", "", "", append([]byte{2, 57}, posReport("]C0", "PO4711", false)[2:]...), false, true, true},
	} {
		aim, data, more, mine, err := want.split(test.report)
		if string(aim) != test.aim || string(data) != test.data || more != test.more || mine != test.mine || (err != nil) != test.bad {
			t.Errorf("%s: %q %q %v %v %v", test.name, aim, data, more, mine, err)
		}
	}
}

// packets is a pipe from which what is written at once is read at once, as hidraw has it.
func packets(t *testing.T) (read, write *os.File) {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_DIRECT|unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Skipf("NOT PROVED: that a reader's reports are read, because no pipe here keeps packets: %v", err)
	}
	read, write = os.NewFile(uintptr(ends[0]), "reader"), os.NewFile(uintptr(ends[1]), "hand")
	t.Cleanup(func() { read.Close(); write.Close() })
	return read, write
}

// newPOS is a bench whose scanner is a pipe, and the hand that sends its reports. A pipe
// keeps no packets apart, so that each report is sent when the one before was read.
func newPOS(t *testing.T) (*rig, func(reports ...[]byte)) {
	t.Helper()
	file, pipe := packets(t)
	b := prepare(t, Config{Port: "pos:/dev/hidraw0"})
	layout, _ := parsePOS(posDescriptor())
	b.dial = func(context.Context, string) (device, error) { return &pos{file: file, layout: layout}, nil }
	b.start(t)
	b.waitForLog(t, "scanner ready")
	return b, func(reports ...[]byte) {
		t.Helper()
		for _, report := range reports {
			if _, err := pipe.Write(report); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestScansOfAReaderThatSendsReports(t *testing.T) {
	t.Parallel()
	b, sends := newPOS(t)
	sends(posReport("]C0", "PO4711", false))
	b.expectScans(t, "PO4711")
	sends(posReport("]Q1", "two\r\nlines", false)) // nothing in a symbol ends it
	b.expectScans(t, "two\r\nlines")
	long := strings.Repeat("0123456789", 10)
	sends(posReport("]Q1", long[:56], true), posReport("]Q1", long[56:], false))
	b.expectScans(t, long)
	sends([]byte{4, 1, 2}, posReport("", "PO4712", false))
	b.expectScans(t, "PO4712")
	// Half a scan is none, and what is left of it is no other.
	sends(posReport("]Q1", long[:56], true), append([]byte{2, 60}, posReport("]Q1", "x", true)[2:]...), posReport("]Q1", "the end", false))
	b.waitForLog(t, "scan dropped, scan it again")
	sends(posReport("]C0", "PO4713", false))
	b.expectScans(t, "PO4713")
	sends(posReport("]Q1", long[:56], true))
	b.waitForLog(t, "scan dropped, scan it again")
	b.wantCounts(t, Counts{Frames: 5, Damaged: 2})
	b.expectNoMore(t)
}

// The largest QR Code there is has 7089 digits, and comes in 127 reports.
func TestTheLongestSymbolOfAReaderThatSendsReportsIsOneScan(t *testing.T) {
	t.Parallel()
	b, sends := newPOS(t)
	inReports := func(text string) {
		t.Helper()
		for len(text) > 56 {
			sends(posReport("]Q1", text[:56], true))
			text = text[56:]
		}
		sends(posReport("]Q1", text, false))
	}
	full := strings.Repeat("8", 7089)
	inReports(full)
	b.expectScans(t, full)
	inReports(full + strings.Repeat("8", 200))
	b.waitForLog(t, "scan dropped, scan it again")
	sends(posReport("]C0", "PO4713", false))
	b.expectScans(t, "PO4713")
	b.wantCounts(t, Counts{Frames: 2, Damaged: 1})
	b.expectNoMore(t)
}

func TestAReaderOfReportsIsFoundByItsNumbers(t *testing.T) {
	t.Parallel()
	sys := t.TempDir()
	device := filepath.Join(sys, "class/hidraw/hidraw3/device")
	if err := os.MkdirAll(device, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"uevent":            []byte("DRIVER=hid-generic\nHID_ID=0003:00000C2E:00000B61\nHID_NAME=Honeywell Xenon 1900\nHID_UNIQ=12345\n"),
		"report_descriptor": posDescriptor(),
	} {
		if err := os.WriteFile(filepath.Join(device, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := deviceRoots{sys: sys, dev: "/dev"}
	for _, port := range []string{"pos:0c2e:0b61", "pos:0c2e:0b61:12345"} {
		if path, err := p.find(port); err != nil || path != "/dev/hidraw3" {
			t.Errorf("%s is %q, %v", port, path, err)
		}
	}
	if _, err := p.find("pos:0c2e:0b61:9"); err == nil || !strings.Contains(err.Error(), "plug the reader in") {
		t.Errorf("another is found: %v", err)
	}
	if found := p.plugged(posScanners); len(found) != 1 || found[0].Port != "pos:0c2e:0b61" || found[0].Maker != "Honeywell Xenon 1900" {
		t.Errorf("plugged in: %+v", found)
	}
	if _, err := openPOS(filepath.Join(device, "uevent")); err == nil {
		t.Error("a file is taken for a reader")
	}
}

// A scanner of the kernel's own, where it lets a program make one.
func TestAReaderOfReportsOfTheKernels(t *testing.T) {
	file, err := os.OpenFile("/dev/uhid", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("NOT PROVED: that the kernel's own hidraw devices are read, because no reader can be made here: %v", err)
	}
	defer file.Close()
	// struct uhid_event of UHID_CREATE2 (11): name, phys, uniq, the descriptor's
	// length, bus (3: USB), vendor, product, version, country, the descriptor.
	event := make([]byte, 4+128+64+64+2+2+4*4+4096)
	event[0] = 11
	copy(event[4:], "stationd's test reader")
	d := posDescriptor()
	event[260], event[262] = byte(len(d)), 3
	copy(event[264:], []byte{0x09, 0x12, 0, 0, 0x02, 0x5D})
	copy(event[280:], d)
	if _, err := file.Write(event); err != nil {
		t.Fatal(err)
	}
	b := prepare(t, Config{})
	b.config.Port = "pos:1209:5d02"
	b.dial = func(_ context.Context, path string) (device, error) { return openPOS(path) }
	for found := false; !found; <-time.After(10 * time.Millisecond) {
		_, err := b.roots.find(b.config.Port)
		found = err == nil
	}
	b.start(t)
	b.waitForLog(t, "scanner ready")
	input := make([]byte, 4+2+4096) // UHID_INPUT2 (12)
	input[0], input[4] = 12, 64
	copy(input[6:], posReport("]C0", "PO4711", false))
	if _, err := file.Write(input); err != nil {
		t.Fatal(err)
	}
	b.expectScans(t, "PO4711")
}

func FuzzPOS(f *testing.F) {
	f.Add(posDescriptor(), posReport("]C1", "PO4711", true))
	f.Fuzz(func(t *testing.T, descriptor, report []byte) {
		l, ok := parsePOS(descriptor)
		if !ok {
			return
		}
		_, data, _, _, err := l.split(report)
		if err == nil && len(data) > len(report) {
			t.Errorf("%d bytes out of %d", len(data), len(report))
		}
	})
}
