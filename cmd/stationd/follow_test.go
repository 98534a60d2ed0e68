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
	r := handReader(t)
	config := scansConfigured(t, r)
	station := sit(t, "run", "--config", config)
	station.reads("scanner ready")
	on := sit(t, "scans", "--follow", "--config", config)
	on.reads("hand: ready")
	must(t, r.Scan("PO4711"))
	on.reads("hand  no AIM identifier, 6 bytes\n")
	on.reads("raw     50 4F 34 37 31 31")
	on.reads("[[on]] number 1")
	on.reads("station set")
	must(t, r.Scan("PO4711"))
	on.reads("a repeat: a station would not count it")
	must(t, r.Scan("]d2010950600013435210AB-12\x1d210042"))
	on.reads("(21)    0042                  SERIAL")
	on.reads("station recorded")
	must(t, r.Scan("\x1b[2J"))
	on.reads("text    <ESC>[2J")
	on.reads("station un")
	second := sit(t, "scans", "--follow", "--json", "--config", config)
	second.reads("hand: ready")
	must(t, r.Scan("PO4712"))
	second.reads(`"code":"PO4712"`)
	second.reads(`"station":"set`)
	on.reads("text    PO4712")
	must(t, sendRaw(r, "half a label"))
	on.reads("scans of hand: 1 lost since the start (1 whose end never came")
	on.types(ctrlC)
	on.ends(0)
	r.Unplug()
	second.reads("unplugged")
	station.types(ctrlC)
	station.ends(0)
	second.reads("has ended")
	second.ends(1)
	if shown := outboxShows(t, config); !strings.Contains(shown, "AB-12") {
		t.Errorf("the scan is not in the outbox:\n%s", shown)
	}
}

// Somebody who looks on and reads nothing holds up no scan, and five are too many.
func TestWhoLooksOnHoldsUpNothing(t *testing.T) {
	t.Parallel()
	r := handReader(t)
	config := scansConfigured(t, r)
	station := sit(t, "run", "--config", config)
	station.reads("scanner ready")
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
	fifth := sit(t, "scans", "--follow", "--config", config)
	fifth.reads("4 are following already: end one of them first")
	fifth.ends(1)
	const many = 600
	for i := range many {
		must(t, r.Scan(fmt.Sprintf("PC-%d-%s", i, strings.Repeat("X", 1000))))
	}
	must(t, demo.Until(t.Context(), "every scan is recorded", func() bool {
		return strings.Contains(outboxShows(t, config), fmt.Sprintf("PC-%d-", many-1)) || strings.Contains(outboxShows(t, config), fmt.Sprintf(`"product":"%d-`, many-1))
	}))
	station.types(ctrlC)
	station.ends(0)
}

func TestAButtonIsTriedWhileTheStationRuns(t *testing.T) {
	t.Parallel()
	sim, chip, _ := simHands(t)
	data := t.TempDir()
	config := configured(t, pinsConfig+"[web]\nlisten = \"127.0.0.1:0\"\n", data, chip)
	none := sit(t, "pins", "--follow", "--config", config)
	none.reads("no stationd answers")
	none.ends(1)
	station := sit(t, "run", "--config", config)
	station.reads("the station is ready")
	on := sit(t, "pins", "--follow", "--config", config)
	on.reads("GPIO17  high edges 0 glitches 0 maintenance")
	sim.Press(17)
	on.reads("GPIO17  low  edges 1 glitches 0 maintenance")
	sim.Release(17)
	on.reads("GPIO17  high edges 2 glitches 0 maintenance")
	// A wire that lies beside a motor's. On a busy machine a change may last long enough to
	// be a press.
	must(t, demo.Until(t.Context(), "a program that asks is told", func() bool {
		sim.Press(17)
		sim.Release(17)
		<-time.After(demo.ReleaseTime)
		s, err := control.Dial(filepath.Join(data, plan.ControlName)).Snapshot(t.Context())
		return err == nil && strings.HasPrefix(s.Health.Devices["maintenance"], "unsteady")
	}))
	on.reads("maintenance: unsteady: more than 20 changes in a minute that were too short to count")
	on.types(ctrlC)
	on.ends(0)
	station.types(ctrlC)
	station.ends(0)
}
