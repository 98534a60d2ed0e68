//go:build installed

package installed_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"stationd/installed"
)

// What happens in a quarter of an hour: twelve scans, for more would wait for the
// account's pace, two calls, and an outage in which some of the scans come.
const (
	quarterScans   = 12
	quarterCalls   = 2
	quarterOffline = 4
)

// TestEndurance is a test of its own, for it takes its time.
func TestEndurance(t *testing.T) {
	hours, err := strconv.Atoi(os.Getenv("STATIOND_INSTALLED_HOURS"))
	if err != nil || hours < 1 {
		t.Skip("NOT PROVED: ten hours of the installed station; make installed-endurance")
	}
	debians, err := installed.SelectedDebians()
	if err != nil {
		t.Fatal(err)
	}
	for _, debian := range debians {
		t.Run(debian.String(), func(t *testing.T) {
			live(t, debian, "endurance", []scenario{{"hours of work leave the installed station as it was", func(t *testing.T, s *fixture) { endurance(t, s, hours) }}})
		})
	}
}

// endurance plays hours on the installed station, without the waiting between what
// happens: real systemd with the unit's own watchdog, memory limit and journal.
func endurance(t *testing.T, s *fixture, hours int) {
	s.reset(t)
	s.plug()
	defer s.Unplug()
	s.configure(strings.Replace(standard, `rate   = "180/min"`, `rate   = "200/min"`, 1))
	s.Run("systemctl reload stationd")
	s.Scan("PO4711\r")
	pid := s.property("MainPID")
	begin := strings.TrimSpace(s.Run("date +%s"))
	quarters, scans, calls := 4*hours, 0, 0
	before := len(s.vendors.Dispatches())
	var memory []int
	for quarter := range quarters {
		scan := func() {
			scans++
			s.Scan(symbol("B7", fmt.Sprintf("Q%05d", scans)))
			<-time.After(60 * time.Millisecond)
		}
		arrived := func() {
			t.Helper()
			until(t, s.Patience(2*time.Minute), "the last scan arrives", func() bool { return s.traced(fmt.Sprintf("Q%05d", scans)) == 1 })
		}
		for range quarterScans - quarterOffline {
			scan()
		}
		arrived()
		for range quarterCalls {
			calls++
			s.Push(material, 150*time.Millisecond)
			until(t, s.Patience(time.Minute), "the call is open", func() bool { return s.open("MATERIAL") == 1 })
			s.Push(material, 2300*time.Millisecond)
			until(t, s.Patience(time.Minute), "the call is closed", func() bool { return s.open("MATERIAL") == 0 })
		}
		s.Network(false)
		for range quarterOffline {
			scan()
		}
		s.waits(t, quarterOffline)
		s.Network(true)
		arrived()
		s.Run("systemctl reload stationd")
		s.get("/")
		used, err := strconv.Atoi(strings.TrimSpace(s.Run("awk '/^RssAnon/ { print $2 }' /proc/$(systemctl show -P MainPID stationd)/status")))
		if err != nil {
			t.Fatal(err)
		}
		memory = append(memory, used)
		if (quarter+1)%4 == 0 {
			s.Say("      hour %d: %d scans, %d calls, %d kB anonymous", (quarter+1)/4, scans, calls, used)
		}
	}
	s.empties(t, 2*time.Minute)
	if n, now := s.property("NRestarts"), s.property("MainPID"); n != "0" || now != pid {
		t.Errorf("the station was restarted: NRestarts=%s, process %s was %s", n, now, pid)
	}
	written, err := strconv.Atoi(strings.TrimSpace(s.Run("journalctl -u stationd -b -o cat --no-pager --since @" + begin + " | wc -c")))
	if err != nil || written > hours*(1<<20)/10 {
		t.Errorf("%d bytes of log in %d hours, want 1 MiB in ten at most (%v)", written, hours, err)
	}
	// The first third is for caches, pools and the heap's own size to settle.
	third := len(memory) / 3
	settled, last := largest(memory[third:2*third]), largest(memory[2*third:])
	if last > settled*110/100+1024 {
		t.Errorf("memory grows: %d kB in the second third, %d kB in the last", settled, last)
	}
	for n := range scans {
		if got := s.traced(fmt.Sprintf("Q%05d", n+1)); got != 1 {
			t.Errorf("Q%05d was traced %d times", n+1, got)
		}
	}
	if n := len(s.vendors.Dispatches()) - before; n != calls {
		t.Errorf("%d calls reached L2L, want %d", n, calls)
	}
	s.Say("      %d quarters of an hour: %d scans, %d calls, %d outages; %d and %d kB; %d bytes of log", quarters, scans, calls, quarters, settled, last, written)
}

func largest(of []int) (most int) {
	for _, n := range of {
		most = max(most, n)
	}
	return most
}
