//go:build installed

package installed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stationd/hil"
	"stationd/installed"
	"stationd/internal/plant"
)

// The lines of the stations below.
const (
	maintenance = 17
	material    = 27
	red         = 22
	yellow      = 23
	white       = 24
)

const soup = "09506000134352"

// standard is the configuration of the station in all tests but the first.
const standard = `
[station]
name     = "pack4-1"
timezone = "Europe/Stockholm"

[l2l]
url     = "{plant}/api/1.0/"
key     = { credential = "l2l.key" }
site    = 12
line    = "PACK4"
machine = "SEAL-1"
trade   = "MECH"

[lagerkoll]
url    = "{plant}/v1/production_orders/"
store  = "1001"
key    = { credential = "lagerkoll.key" }
rate   = "180/min"

[gpio]
chip = "{chip}"

[[button]]
name = "maintenance"
pin  = 17
lamp = "red"

[[button]]
name = "material"
pin  = 27
lamp = "yellow"

[[lamp]]
name = "red"
pin  = 22

[[lamp]]
name = "yellow"
pin  = 23

[[lamp]]
name = "white"
pin  = 24

[[scanner]]
name = "hand"
port = "usb:0403:6001"
lamp = "white"

[[scanner]]
name = "typing"
port = "hid:0627:0001"
lamp = "white"

[[on]]
event = "maintenance.press"
do    = [{ l2l = "dispatch.open", type = "MAINT", description = "Help needed at {station}" }]

[[on]]
event = "maintenance.hold"
do    = [{ l2l = "dispatch.close" }]

[[on]]
event = "material.press"
do    = [{ l2l = "dispatch.open", type = "MATERIAL", description = "Material is short" }]

[[on]]
event = "material.hold"
do    = [{ l2l = "dispatch.close" }]

[[on]]
event = "hand.scan"
match = '^PO(?P<order>\d+)$'
set   = { order = "{order}" }

[[on]]
event = "hand.scan"
gs1   = ["01", "10"]
needs = ["order"]
do    = [{ lagerkoll = "article.trace", order = "{order}", article = "{gs1.01}", batch = "{gs1.10}", serial = "{gs1.21?}", best_before = "{gs1.15?}", amount = "{gs1.30|1}" }]

[[on]]
event = "typing.scan"
match = '^PO(?P<order>\d+)$'
set   = { order = "{order}" }
`

// pkg is the package under test: the file that $STATIOND_DEB names for amd64, and
// its neighbours for other architectures.
func pkg(t *testing.T, arch string) string {
	t.Helper()
	deb := os.Getenv("STATIOND_DEB")
	if deb == "" {
		t.Fatal("STATIOND_DEB names no package: run make installed")
	}
	return strings.Replace(deb, "_amd64.deb", "_"+arch+".deb", 1)
}

// newer is the same program as a package of a higher version.
func newer(t *testing.T, arch string) string {
	t.Helper()
	deb := os.Getenv("STATIOND_NEWER_DEB")
	if deb == "" {
		t.Fatal("STATIOND_NEWER_DEB names no package: run make installed")
	}
	return strings.Replace(deb, "_amd64.deb", "_"+arch+".deb", 1)
}

func openPlant(t *testing.T) *plant.Plant {
	t.Helper()
	vendors, err := plant.Open(plant.Demo())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := net.SplitHostPort(vendors.Addr()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- vendors.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return vendors
}

// A scenario is a sentence of the floor and how it is proved.
type scenario struct {
	name string
	do   func(*testing.T, *fixture)
}

// TestInstalled follows deploy/README.md on a Debian that has never seen stationd,
// and then lives through what a station lives through. Two guests share the work at
// the same time; each scenario begins with a station that is well.
func TestInstalled(t *testing.T) {
	debians, err := installed.SelectedDebians()
	if err != nil {
		t.Fatal(err)
	}
	for _, debian := range debians {
		t.Run(debian.String(), func(t *testing.T) {
			for name, scenarios := range map[string][]scenario{
				"use": slices.Concat(
					[]scenario{{"deploy README followed to the letter gives a station that runs, shows its page and delivers a press", firstStart}},
					watchdogScenarios(), deviceScenarios(), doctorScenarios(), removalScenarios()),
				"trouble": slices.Concat(faultScenarios(), upgradeScenarios(), clockScenarios()),
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					live(t, debian, name, scenarios)
				})
			}
		})
	}
}

// live takes one guest through scenarios.
func live(t *testing.T, debian installed.Debian, name string, scenarios []scenario) {
	vendors := openPlant(t)
	s := &fixture{
		Guest:   installed.Boot(t, installed.Setting{Debian: debian, Name: name, Plant: vendors.Addr()}),
		vendors: vendors,
		debian:  debian,
	}
	for _, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			s.For(t)
			begin := time.Now()
			c.do(t, s)
			s.Say("%3.0f s  %s", time.Since(begin).Seconds(), c.name)
		})
	}
	for _, complaint := range vendors.Complaints() {
		t.Errorf("the vendors complain: %s", complaint)
	}
}

// A fixture is a guest on which stationd is or will be installed, and its vendors.
type fixture struct {
	*installed.Guest
	vendors *plant.Plant
	debian  installed.Debian
}

// reset makes the station what the scenarios take for granted, and waits until it is:
// installed in the version under test, with its keys and the standard configuration,
// without readers, the vendors reachable, and nothing waiting.
func (s *fixture) reset(t *testing.T) {
	t.Helper()
	s.vendors.ClearFaults()
	s.Network(true)
	s.Unplug()
	if _, err := s.Try("dpkg -s stationd 2>/dev/null | grep -q '^Status: install ok installed'"); err != nil {
		s.install(pkg(t, s.debian.Arch))
	}
	keys := plant.Demo()
	s.Put("/etc/stationd/keys/l2l.key", 0o600, []byte(keys.L2LKey+"\n"))
	s.Put("/etc/stationd/keys/lagerkoll.key", 0o600, []byte(keys.APIKey+"\n"))
	s.Run("rm -rf /etc/systemd/system/stationd.service.d")
	s.configure(standard)
	s.Run("systemctl daemon-reload; systemctl reset-failed stationd; systemctl restart stationd")
	s.empties(t, 5*time.Minute)
	for _, button := range []int{maintenance, material} {
		s.closeCallOf(t, button)
	}
}

// install installs a package with apt, from the file and without a network.
func (s *fixture) install(deb string) string {
	s.PutFile("/root/"+filepath.Base(deb), 0o644, deb)
	return s.Run("DEBIAN_FRONTEND=noninteractive apt-get -qy --allow-downgrades install /root/" + filepath.Base(deb))
}

// configure writes the configuration, with the vendors' address and the chip.
func (s *fixture) configure(text string) {
	chip := "pinctrl-bcm2711"
	if s.debian.Arch == "arm64" {
		chip = hil.Chip
	}
	text = strings.NewReplacer("{plant}", s.URL(), "{chip}", chip).Replace(text)
	s.Put("/etc/stationd/stationd.toml", 0o644, []byte(text))
}

// dropIn changes the unit as systemctl edit does, and restarts the station.
func (s *fixture) dropIn(text string) {
	s.Run("mkdir -p /etc/systemd/system/stationd.service.d")
	s.Put("/etc/systemd/system/stationd.service.d/override.conf", 0o644, []byte(text))
	s.Run("systemctl daemon-reload && systemctl restart stationd")
}

// closeCallOf ends the call of a button that a scenario left open.
func (s *fixture) closeCallOf(t *testing.T, button int) {
	t.Helper()
	kind := map[int]string{maintenance: "MAINT", material: "MATERIAL"}[button]
	if !slices.ContainsFunc(s.vendors.Dispatches(), func(d plant.Dispatch) bool { return d.Open() && d.Type == kind }) {
		return
	}
	s.Push(button, 4*time.Second)
	until(t, s.Patience(time.Minute), "the call of the scenario before is closed", func() bool {
		return !slices.ContainsFunc(s.vendors.Dispatches(), func(d plant.Dispatch) bool { return d.Open() && d.Type == kind })
	})
	s.empties(t, time.Minute)
}

// property is one of systemd's about the unit.
func (s *fixture) property(name string) string {
	return strings.TrimSpace(s.Run("systemctl show -P " + name + " stationd"))
}

// An entry is what the outbox's list says of one.
type entry struct {
	Verb      string `json:"verb"`
	Condition string `json:"condition"`
}

// outbox lists what waits or is held.
func (s *fixture) outbox(t *testing.T) (all []entry) {
	t.Helper()
	var contents struct {
		Entries []entry `json:"entries"`
	}
	text := s.Run("stationd outbox ls --json")
	if err := json.Unmarshal([]byte(text), &contents); err != nil {
		t.Fatalf("outbox ls says %q: %v", text, err)
	}
	return contents.Entries
}

// waits waits until so many entries are in the outbox.
func (s *fixture) waits(t *testing.T, n int) {
	t.Helper()
	var got []entry
	until(t, s.Patience(time.Minute), fmt.Sprintf("%d entries wait", n), func() bool {
		got = s.outbox(t)
		return len(got) == n
	})
}

// empties waits until the station runs and nothing waits in its outbox.
func (s *fixture) empties(t *testing.T, within time.Duration) {
	t.Helper()
	var left []entry
	for end := time.Now().Add(s.Patience(within)); time.Now().Before(end); <-time.After(500 * time.Millisecond) {
		if _, err := s.Try("systemctl -q is-active stationd"); err != nil {
			continue
		}
		if left = s.outbox(t); len(left) == 0 {
			return
		}
	}
	t.Fatalf("the outbox is not empty after %v: %v", s.Patience(within), left)
}

// plug plugs the serial reader in and returns when the station listens to it.
func (s *fixture) plug() {
	s.Plug()
	s.listens("hand", "ttyUSB")
}

// listens waits until the station listens to a reader whose device is there. It has the
// device open a moment before, and drops what it finds, for nobody was listening.
func (s *fixture) listens(reader, device string) {
	s.Until("the station listens to the reader", time.Minute, "ls -l /proc/$(systemctl show -P MainPID stationd)/fd | grep -q "+device+" && "+
		`bash -c 'exec 3<>/dev/tcp/127.0.0.1/8420; printf "GET /healthz HTTP/1.0\r\nHost: 127.0.0.1:8420\r\n\r\n" >&3; ! grep -q `+reader+` <&3'`)
}

// unplug pulls the reader's cable and returns when the station has let go of it.
func (s *fixture) unplug() {
	s.Unplug()
	s.Until("the station lets go of the reader", time.Minute, "! ls -l /proc/$(systemctl show -P MainPID stationd)/fd | grep -q ttyUSB")
}

// get is what the page's server in the guest answers, with its head.
func (s *fixture) get(path string) string {
	return s.Run(`bash -c 'exec 3<>/dev/tcp/127.0.0.1/8420; printf "GET ` + path + ` HTTP/1.0\r\nHost: 127.0.0.1:8420\r\n\r\n" >&3; cat <&3'`)
}

// symbol is what the reader sends for a soup's GS1 DataMatrix.
func symbol(batch, serial string) string {
	return "]d201" + soup + "15271231" + "10" + batch + "\x1d21" + serial + "\r"
}

// traced counts how often Lagerkoll was told of a serial number.
func (s *fixture) traced(serial string) (n int) {
	for _, trace := range s.vendors.Traces() {
		if trace.Serial == serial {
			n++
		}
	}
	return n
}

// open counts the calls of a type that are open.
func (s *fixture) open(kind string) (n int) {
	for _, d := range s.vendors.Dispatches() {
		if d.Open() && d.Type == kind {
			n++
		}
	}
	return n
}

// until polls for a fact, with an end.
func until(t *testing.T, within time.Duration, what string, fact func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !fact(); <-time.After(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain until %s", within, what)
		}
	}
}
