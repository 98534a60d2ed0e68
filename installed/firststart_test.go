//go:build installed

package installed_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stationd/hil"
	"stationd/internal/plant"
)

// shellLines returns the lines of the sh block under a heading of a text.
func shellLines(t *testing.T, file, heading string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no %q", file, heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	_, rest, found = strings.Cut(rest, "```sh\n")
	block, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatalf("%s has no sh block under %q", file, heading)
	}
	return strings.Split(strings.TrimSpace(block), "\n")
}

// firstStart types every line of the first start as it stands in the text, at the
// technician's terminal, and answers what is asked.
func firstStart(t *testing.T, s *fixture) {
	term := s.Terminal()
	term.Reads("technician$ ", time.Minute)
	deb := pkg(t, s.debian.Arch)
	s.PutFile("/home/technician/"+filepath.Base(deb), 0o644, deb)

	vendorKeys := plant.Demo()
	for _, line := range shellLines(t, "../deploy/README.md", "## The first start") {
		// The one thing that the text leaves open is which package it is.
		line = strings.ReplaceAll(line, "stationd_VERSION_arm64.deb", filepath.Base(deb))
		term.Types(line + "\n")
		switch {
		case strings.Contains(line, "keys/l2l.key"):
			paste(s, vendorKeys.L2LKey)
		case strings.Contains(line, "keys/lagerkoll.key"):
			paste(s, vendorKeys.APIKey)
		case strings.Contains(line, "stationd setup"):
			setUp(s)
		case strings.Contains(line, "sudoedit"):
			term.Types("q\n") // it is looked at
		}
		said := term.Reads("technician$ ", 3*time.Minute)
		term.Types("echo \"status $?\"\n")
		if after := term.Reads("technician$ ", 30*time.Second); !strings.Contains(after, "\nstatus 0\n") {
			t.Fatalf("%s\n%s\n%s", line, said, after)
		}
		s.Say("      %s", line)
	}
	if state := strings.TrimSpace(s.Run("systemctl show -P ActiveState -P SubState stationd | paste -sd' '")); state != "active running" {
		t.Fatalf("after the first start the station is %s", state)
	}
	s.Push(maintenance, 150*time.Millisecond)
	s.Lamp(red, hil.Steady, time.Minute)
}

// paste pastes a key once the program waits for it, and ends it with Ctrl-D.
func paste(s *fixture, key string) {
	s.Until("install waits for the key", time.Minute, "pgrep -x install")
	s.Terminal().Types(key + "\n\x04")
	s.Until("install has ended", time.Minute, "! pgrep -x install")
}

// setUp presses, scans and answers what stationd setup asks.
func setUp(s *fixture) {
	term := s.Terminal()
	term.Answers("The station's name", "pack4-1")
	term.Answers("The site's time zone", plant.Demo().Zone.String())
	term.Answers("The language of the page", "")
	term.Answers("L2L's address", s.URL()+"/api/1.0/")
	term.Answers("The site's number", "12")
	term.Answers("The line's code", "PACK4")
	term.Answers("The code of the machine that calls are for", "SEAL-1")
	term.Answers("The code of the trade that is called", "MECH")
	term.Answers("Another file with the key", "")
	term.Answers("Lagerkoll's address", s.URL()+"/v1/production_orders/")
	term.Answers("The store's id", "1001")
	term.Answers("Another file with the key", "")
	term.Reads("Press the button you want to name", 20*time.Second)
	s.Press(maintenance)
	term.Reads("GPIO17 (header pin 11) went low.", 20*time.Second)
	s.Release(maintenance)
	term.Answers("The button's name", "maintenance")
	term.Answers("What people call it, on the page", "Maintenance")
	term.Answers("Choose", "1")
	term.Answers("The dispatch type's code in L2L", "MAINT")
	term.Answers("What the technicians read", "")
	term.Answers("The GPIO number of the lamp", "22")
	term.Answers("Drive GPIO22", "y")
	term.Answers("Choose", "1")
	term.Answers("The lamp's name", "red")
	term.Answers("Press the next button you want to name", "")
	term.Answers("Its colours", "")
	term.Answers("a port    listen to that port too", "")
	term.Answers("The GPIO number of a buzzer", "")
	term.Answers("Anything more?", "y")
	term.Answers("Choose", "6") // the page on other machines
	term.Reads("Who sees the page?", 10*time.Second)
	term.Answers("Choose", "3") // whoever is in the network
	term.Answers("Its names", "")
	term.Answers("Choose", "1")
	term.Answers("Write it to", "")
	term.Reads("it has no faults.", 20*time.Second)
}
