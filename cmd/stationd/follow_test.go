package main

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stationd/internal/control"
	"stationd/internal/demo"
	"stationd/internal/plan"
)

// Whoever has a reader in hand sees what it sends while the station goes on.
func TestAReaderIsTriedWhileTheStationRuns(t *testing.T) {
	t.Parallel()
	r := newPluggedScanner(t)
	config := writeScansConfig(t, r)
	station := startConsole(t, "run", "--config", config)
	station.expect("scanner ready")
	on := startConsole(t, "scans", "--follow", "--config", config)
	on.expect("hand: ready")
	must(t, r.Scan("PO4711"))
	on.expect("hand  no AIM identifier, 6 bytes\n")
	on.expect("raw     50 4F 34 37 31 31")
	on.expect("[[on]] number 1")
	on.expect("station set")
	must(t, r.Scan("PO4711"))
	on.expect("a repeat: a station would not count it")
	must(t, r.Scan("]d2010950600013435210AB-12\x1d210042"))
	on.expect("(21)    0042                  SERIAL")
	on.expect("station recorded")
	must(t, r.Scan("\x1b[2J"))
	on.expect("text    <ESC>[2J")
	on.expect("station un")
	second := startConsole(t, "scans", "--follow", "--json", "--config", config)
	second.expect("hand: ready")
	must(t, r.Scan("PO4712"))
	second.expect(`"code":"PO4712"`)
	second.expect(`"station":"set`)
	on.expect("text    PO4712")
	must(t, sendRaw(r, "half a label"))
	on.expect("scans of hand: 1 lost since the start (1 whose end never came")
	on.send(ctrlC)
	on.expectExit(0)
	r.Unplug()
	second.expect("unplugged")
	station.send(ctrlC)
	station.expectExit(0)
	second.expect("has ended")
	second.expectExit(1)
	if shown := outboxShows(t, config); !strings.Contains(shown, "AB-12") {
		t.Errorf("the scan is not in the outbox:\n%s", shown)
	}
}

// Somebody who looks on and reads nothing holds up no scan, and five are too many.
func TestWhoLooksOnHoldsUpNothing(t *testing.T) {
	t.Parallel()
	r := newPluggedScanner(t)
	config := writeScansConfig(t, r)
	station := startConsole(t, "run", "--config", config)
	station.expect("scanner ready")
	p, faults, err := plan.Read(config)
	if err != nil || faults != nil {
		t.Fatal(err, faults)
	}
	for range 4 {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "unix", filepath.Join(p.Station.Data, plan.ControlName))
		must(t, err)
		defer conn.Close()
		_, err = fmt.Fprint(conn, "GET /follow/scans HTTP/1.1\r\nHost: x\r\n\r\n")
		must(t, err)
		_, err = conn.Read(make([]byte, 1)) // it is being shown something, and reads no more
		must(t, err)
	}
	fifth := startConsole(t, "scans", "--follow", "--config", config)
	fifth.expect("4 are following already: end one of them first")
	fifth.expectExit(1)
	const many = 600
	for i := range many {
		must(t, r.Scan(fmt.Sprintf("PC-%d-%s", i, strings.Repeat("X", 1000))))
	}
	must(t, demo.Until(t.Context(), "every scan is recorded", func() bool {
		return strings.Contains(outboxShows(t, config), fmt.Sprintf("PC-%d-", many-1)) || strings.Contains(outboxShows(t, config), fmt.Sprintf(`"product":"%d-`, many-1))
	}))
	station.send(ctrlC)
	station.expectExit(0)
}

func TestAButtonIsTriedWhileTheStationRuns(t *testing.T) {
	t.Parallel()
	sim, chip, _ := newChip(t)
	data := t.TempDir()
	config := writeConfig(t, pinsConfig+"[web]\nlisten = \"127.0.0.1:0\"\n", data, chip)
	none := startConsole(t, "pins", "--follow", "--config", config)
	none.expect("no stationd answers")
	none.expectExit(1)
	station := startConsole(t, "run", "--config", config)
	station.expect("the station is ready")
	on := startConsole(t, "pins", "--follow", "--config", config)
	on.expect("GPIO17  high edges 0 glitches 0 maintenance")
	sim.Press(17)
	on.expect("GPIO17  low  edges 1 glitches 0 maintenance")
	sim.Release(17)
	on.expect("GPIO17  high edges 2 glitches 0 maintenance")
	// A wire that lies beside a motor's. On a busy machine a change may last long enough to
	// be a press.
	must(t, demo.Until(t.Context(), "a program that asks is told", func() bool {
		sim.Press(17)
		sim.Release(17)
		<-time.After(demo.ReleaseTime)
		s, err := control.Dial(filepath.Join(data, plan.ControlName)).Snapshot(t.Context())
		return err == nil && strings.HasPrefix(s.Health.Devices["maintenance"], "unsteady")
	}))
	on.expect("maintenance: unsteady: more than 20 changes in a minute that were too short to count")
	on.send(ctrlC)
	on.expectExit(0)
	station.send(ctrlC)
	station.expectExit(0)
}
