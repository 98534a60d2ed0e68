package scanner

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

func TestSerialDevicesAreListedByTheShortestNameThatMeansOneAlone(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	tr.line(t, "ttyACM0", "1-1", "", "0c2e", "0b6a", "SN12345")
	tr.line(t, "ttyUSB0", "1-2", "ttyUSB0", "0403", "6001", "A1")
	tr.line(t, "ttyUSB1", "1-3", "ttyUSB1", "0403", "6001", "B2")
	tr.line(t, "ttyUSB2", "1-4", "ttyUSB2", "1a86", "7523", "")
	tr.line(t, "ttyUSB3", "1-5", "ttyUSB3", "1a86", "7523", "")
	want := []Plugged{
		{Port: "usb:0c2e:0b6a", Path: tr.dev + "/ttyACM0"},
		{Port: "usb:0403:6001:A1", Path: tr.dev + "/ttyUSB0"},
		{Port: "usb:0403:6001:B2", Path: tr.dev + "/ttyUSB1"},
		{Port: tr.dev + "/ttyUSB2", Path: tr.dev + "/ttyUSB2"},
		{Port: tr.dev + "/ttyUSB3", Path: tr.dev + "/ttyUSB3"},
	}
	found := tr.plugged(serialLines)
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	for _, p := range found {
		if path, err := tr.find(p.Port); err != nil || path != p.Path {
			t.Errorf("%s leads to %s, %v", p.Port, path, err)
		}
	}
}

func TestWhoListensHearsRepeatsToo(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	log := make(logRecorder, 1000)
	stamp := func(at time.Time) station.Stamp { return station.Stamp{Wall: at, Boot: "b"} }
	r := Open(Config{Name: "hand", Port: c.path}, stamp, slog.New(log))
	ctx, stop := context.WithCancel(t.Context())
	ended, heard := make(chan error, 2), make(chan Frame, 10)
	go func() { ended <- r.RunPort(ctx) }()
	go func() { ended <- r.Listen(ctx, func(f Frame) { heard <- f }) }()
	defer func() {
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}()
	select {
	case <-log: // it is ready
	case <-time.After(limit):
		t.Fatal("the reader is not ready")
	}
	c.scan(t, "]C0caf\xe9\r\n]C0caf\xe9\rPO4711\r")
	for i, want := range []Frame{
		{Raw: []byte("]C0caf\xe9"), Event: station.Event{Code: "café"}},
		{Raw: []byte("]C0caf\xe9"), Event: station.Event{Code: "café"}, Repeat: true},
		{Raw: []byte("PO4711"), Event: station.Event{Code: "PO4711"}},
	} {
		select {
		case got := <-heard:
			if string(got.Raw) != string(want.Raw) || got.Repeat != want.Repeat || got.Event.Code != want.Event.Code || got.Event.Source != "hand" {
				t.Errorf("scan %d is %+v", i+1, got)
			}
		case <-time.After(limit):
			t.Fatalf("scan %d was not heard", i+1)
		}
	}
}

func TestWhatEndsAScanIsFoundInWhatAReaderSends(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ sent, frame, raw string }{
		{"PO4711\r", "cr", "PO4711"},
		{"PO4711\n", "lf", "PO4711"},
		{"PO4711\r\n", "crlf", "PO4711"},
		{"PO4711\t", "tab", "PO4711"},
		{"\x02PO4711\x03", "stx-etx", "PO4711"},
		{"\x02PO4711\x03\r\n", "stx-etx", "PO4711"},
		{"PO4711", "idle:80ms", "PO4711"},
		{"PART 7\nPO4711\r", "cr", "PART 7\nPO4711"},
		{"\r", "cr", ""},
		{"\x02", "idle:80ms", "\x02"},
		{"", "idle:80ms", ""},
	} {
		frame, raw := SplitEnding([]byte(test.sent))
		if frame != test.frame || string(raw) != test.raw {
			t.Errorf("%q ends with %s behind %q", test.sent, frame, raw)
		}
		if _, err := parseFraming(frame); err != nil {
			t.Error(err)
		}
	}
	if _, err := parseFraming(WholeBurst); err != nil {
		t.Error(err)
	}
}
