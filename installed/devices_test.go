//go:build installed

package installed_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"stationd/hil"
)

func deviceScenarios() []scenario {
	return []scenario{
		{"a reader that is plugged in after the start, unplugged and plugged in again delivers each scan once", readerComesAndGoes},
		{"a reader that types is read, also when it comes after the start", typingReader},
		{"a button pressed in an outage makes its lamp blink slowly, and steady once L2L has the call", pressAndLamp},
	}
}

// readerComesAndGoes needs the unit's DeviceAllow= for ttyUSB and the driver that
// modules-load.d has loaded before the unit starts.
func readerComesAndGoes(t *testing.T, s *fixture) {
	s.reset(t)
	if loaded := s.Run("lsmod"); !strings.Contains(loaded, "\nftdi_sio ") {
		t.Errorf("the reader's driver is not loaded before the reader is there:\n%s", loaded)
	}
	s.plug()
	s.Scan("PO4711\r")
	s.Scan(symbol("B7", "R001"))
	s.Scan(symbol("B7", "R002"))
	until(t, s.Patience(time.Minute), "two scans arrive", func() bool { return s.traced("R001") == 1 && s.traced("R002") == 1 })
	s.unplug()
	s.plug()
	s.Scan(symbol("B7", "R003"))
	until(t, s.Patience(time.Minute), "the scan after plugging in again arrives", func() bool { return s.traced("R003") == 1 })
	s.unplug()
	s.empties(t, time.Minute)
	for _, serial := range []string{"R001", "R002", "R003"} {
		if n := s.traced(serial); n != 1 {
			t.Errorf("%s was traced %d times", serial, n)
		}
	}
	if said := s.Run("journalctl -u stationd -b --no-pager -n 200"); strings.Contains(said, "operation not permitted") {
		t.Errorf("the unit refuses the reader:\n%s", said)
	}
}

func typingReader(t *testing.T, s *fixture) {
	s.reset(t)
	s.PlugKeyboard()
	defer s.UnplugKeyboard()
	s.listens("typing", "/dev/input/event")
	s.Type("PO4712\n")
	s.Until("the station has the order in hand", time.Minute, "stationd outbox ls >/dev/null && bash -c 'exec 3<>/dev/tcp/127.0.0.1/8420; printf \"GET / HTTP/1.0\\r\\nHost: 127.0.0.1:8420\\r\\n\\r\\n\" >&3; grep -q 4712 <&3'")
}

func pressAndLamp(t *testing.T, s *fixture) {
	s.reset(t)
	s.Network(false)
	s.Push(maintenance, 150*time.Millisecond)
	s.Lamp(red, hil.Slow, time.Minute)
	if waits := s.outbox(t); len(waits) != 1 || waits[0].Verb != "dispatch.open" {
		t.Fatalf("while the lamp blinks slowly the outbox holds %v", waits)
	}
	s.Network(true)
	s.Lamp(red, hil.Steady, 2*time.Minute)
	if n := s.open("MAINT"); n != 1 {
		t.Errorf("%d calls are open, want 1", n)
	}
	s.Push(maintenance, 4*time.Second)
	s.Lamp(red, hil.Dark, 2*time.Minute)
	if n := s.open("MAINT"); n != 0 {
		t.Errorf("%d calls are open after the button was held", n)
	}
	if complaints := s.vendors.Complaints(); slices.ContainsFunc(complaints, func(c string) bool { return c != "" }) {
		t.Errorf("the vendors complain: %s", complaints)
	}
}
