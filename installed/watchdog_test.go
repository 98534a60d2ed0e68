//go:build installed

package installed_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func watchdogScenarios() []scenario {
	return []scenario{
		{"busy, idle, in an outage and on a slow card the watchdog never restarts the station", watchdogFed},
		{"a station that stands still is restarted by the watchdog, and what it had recorded is delivered once", watchdogBites},
	}
}

// short is the watchdog's time, and four times phase at it is what ten minutes are
// at the unit's own 30 s. An emulated processor is given more time and fewer pings.
func (s *fixture) short() (watchdog, phase time.Duration) {
	if s.Accelerated {
		return 3 * time.Second, 15 * time.Second
	}
	return 8 * time.Second, 24 * time.Second
}

func (s *fixture) shortWatchdog(t *testing.T) {
	t.Helper()
	if limit := s.property("WatchdogUSec"); limit != "30s" {
		t.Fatalf("the packaged unit's watchdog is %s", limit)
	}
	watchdog, _ := s.short()
	s.dropIn(fmt.Sprintf("[Service]\nWatchdogSec=%.0f\n", watchdog.Seconds()))
}

func watchdogFed(t *testing.T, s *fixture) {
	s.reset(t)
	s.plug()
	defer s.Unplug()
	s.shortWatchdog(t)
	s.listens("hand", "ttyUSB")
	pid := s.property("MainPID")
	_, phase := s.short()
	step := func(what string, do func()) {
		t.Helper()
		do()
		if n, now := s.property("NRestarts"), s.property("MainPID"); n != "0" || now != pid {
			t.Fatalf("%s: the station was restarted (NRestarts=%s, process %s was %s): %s", what, n, now, pid, s.property("Result"))
		}
		s.Say("      %s: no restart", what)
	}
	// Labels that are recorded and not delivered, one after another without a pause.
	scanAll := func(during time.Duration) func() {
		return func() {
			for end, n := time.Now().Add(during), 0; time.Now().Before(end); n++ {
				s.Scan(fmt.Sprintf("PO%d\r", 4711+n%2))
				<-time.After(50 * time.Millisecond)
			}
		}
	}
	wait := func(during time.Duration) func() { return func() { <-time.After(during) } }
	step("busy", scanAll(phase))
	step("idle", wait(phase))
	s.Network(false)
	s.Push(maintenance, 150*time.Millisecond)
	step("in an outage", wait(phase))
	s.Network(true)
	s.CardSpeed(60)
	step("on a slow card", scanAll(phase))
	s.CardSpeed(0)
	s.empties(t, 2*time.Minute)
	if n := s.open("MAINT"); n != 1 {
		t.Errorf("%d calls are open, want the one that was pressed", n)
	}
}

func watchdogBites(t *testing.T, s *fixture) {
	s.reset(t)
	s.shortWatchdog(t)
	s.Network(false)
	s.Push(material, 150*time.Millisecond)
	s.waits(t, 1)
	pid := s.property("MainPID")
	s.Run("kill -STOP " + pid)
	s.Until("the watchdog ends it and systemd starts it again", 2*time.Minute,
		"test $(systemctl show -P MainPID stationd) != "+pid+" && systemctl -q is-active stationd && test $(systemctl show -P NRestarts stationd) = 1")
	if said := s.Run("journalctl -u stationd -b --no-pager -n 50"); !strings.Contains(said, "Watchdog timeout") {
		t.Errorf("the journal does not say that it was the watchdog:\n%s", said)
	}
	s.Network(true)
	s.empties(t, 3*time.Minute)
	if n := s.open("MATERIAL"); n != 1 {
		t.Errorf("%d calls are open, want 1", n)
	}
}
