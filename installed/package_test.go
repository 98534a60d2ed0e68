//go:build installed

package installed_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stationd/hil"
	"stationd/internal/plant"
)

func upgradeScenarios() []scenario {
	return []scenario{
		{"reboot, power cut and upgrade with entries waiting and one in doubt: each takes effect once, in order", throughEverything},
		{"an older program refuses an outbox that a newer one wrote, in words, and touches nothing", downgrade},
	}
}

func removalScenarios() []scenario {
	return []scenario{
		{"a removal says how much waits and keeps it, and what waited is delivered when the package is installed again", removal},
		{"a purge throws nothing away that waits, and leaves no unit enabled", purge},
		{"the screen's unit says what is missing on a board without a screen, and leaves the station alone", screenWithoutCage},
	}
}

// throughEverything leaves a call at L2L whose answer was lost, and behind it scans
// and another call, and then does everything to the station that must not matter.
func throughEverything(t *testing.T, s *fixture) {
	s.reset(t)
	s.plug()
	s.Scan("PO4711\r")
	before := len(s.vendors.Dispatches())
	s.vendors.AddFault(plant.Fault{Kind: plant.Lost, Where: "POST /api/1.0/dispatches/open/", Next: 1})
	s.Push(maintenance, 150*time.Millisecond)
	until(t, s.Patience(time.Minute), "L2L has the call and its answer is lost", func() bool { return len(s.vendors.Dispatches()) == before+1 })
	s.Network(false)
	for _, serial := range []string{"P001", "P002", "P003"} {
		s.Scan(symbol("B8", serial))
		s.waitsFor(t, "article.trace", slices.Index([]string{"P001", "P002", "P003"}, serial)+1)
	}
	s.Push(material, 150*time.Millisecond)
	s.waits(t, 5)
	s.Unplug()

	s.Reboot()
	s.waits(t, 5)
	s.PowerCut()
	s.PowerOn()
	s.waits(t, 5)
	was := s.property("MainPID")
	version := s.Run("dpkg-query -Wf '${Version}' stationd")
	s.install(newer(t, s.debian.Arch))
	if now := s.Run("dpkg-query -Wf '${Version}' stationd"); now != version+"+1" {
		t.Errorf("the upgrade of %s installed %s", version, now)
	}
	if runs := s.Run("/proc/$(systemctl show -P MainPID stationd)/exe version"); !strings.Contains(runs, "+1") || s.property("MainPID") == was {
		t.Errorf("after the upgrade the process is %s", runs)
	}
	s.waits(t, 5)

	s.Network(true)
	s.empties(t, 4*time.Minute)
	if n := len(s.vendors.Dispatches()) - before; n != 2 {
		t.Errorf("%d calls reached L2L, want the two that were pressed", n)
	}
	for _, kind := range []string{"MAINT", "MATERIAL"} {
		if n := s.open(kind); n != 1 {
			t.Errorf("%d calls of type %s are open, want 1", n, kind)
		}
	}
	var order []string
	for _, trace := range s.vendors.Traces() {
		if strings.HasPrefix(trace.Serial, "P0") {
			order = append(order, trace.Serial)
		}
	}
	if !slices.Equal(order, []string{"P001", "P002", "P003"}) {
		t.Errorf("the traces arrived as %v", order)
	}
	// Back to the version under test, for the scenarios that follow.
	s.install(pkg(t, s.debian.Arch))
}

// waitsFor waits until so many entries of a verb are in the outbox.
func (s *fixture) waitsFor(t *testing.T, verb string, n int) {
	t.Helper()
	until(t, s.Patience(time.Minute), fmt.Sprintf("%d of %s wait", n, verb), func() bool {
		got := 0
		for _, e := range s.outbox(t) {
			if e.Verb == verb {
				got++
			}
		}
		return got == n
	})
}

// downgrade goes back to the version under test from one whose outbox it cannot read.
func downgrade(t *testing.T, s *fixture) {
	s.reset(t)
	s.install(newer(t, s.debian.Arch))
	s.Network(false)
	s.Push(material, 150*time.Millisecond)
	s.waits(t, 1)
	const outbox = "/var/lib/stationd/outbox.db"
	format := func(from, to string) {
		// Into the same file: another one would be a copy, and what waits in it held.
		s.Run("systemctl stop stationd; LC_ALL=C sed 's/SDQ\\x0" + from + "/SDQ\\x0" + to + "/g; s/version\\x0" + from + "/version\\x0" + to + "/g' " + outbox + " >/root/outbox && cat /root/outbox >" + outbox)
	}
	format("4", "8")
	before := s.Run("sha256sum " + outbox + "; ls /var/lib/stationd")
	s.install(pkg(t, s.debian.Arch))
	s.Until("the older program has given up", time.Minute, "systemctl -q is-failed stationd")
	if status := s.property("ExecMainStatus"); status != "78" {
		t.Errorf("it ended with %s", status)
	}
	s.Lamp(red, hil.Quick, time.Minute) // until somebody starts it again
	if said, _ := s.Try("systemctl status stationd --no-pager -l"); !strings.Contains(said, "a newer version of stationd wrote it") {
		t.Errorf("systemctl status does not say why:\n%s", said)
	}
	if now := s.Run("sha256sum " + outbox + "; ls /var/lib/stationd"); now != before {
		t.Errorf("the outbox was\n%sand is\n%s", before, now)
	}
	format("8", "4") // as if the newer version had been installed again
	s.Run("systemctl reset-failed stationd; systemctl start stationd")
	s.Network(true)
	s.empties(t, 3*time.Minute)
	if n := s.open("MATERIAL"); n != 1 {
		t.Errorf("%d calls are open, want 1", n)
	}
}

func removal(t *testing.T, s *fixture) {
	s.reset(t)
	s.Network(false)
	s.Push(material, 150*time.Millisecond)
	s.waits(t, 1)
	said := s.Run("DEBIAN_FRONTEND=noninteractive apt-get -qy remove stationd")
	if !strings.Contains(said, "1 entry waits") {
		t.Errorf("the removal does not say how much waits:\n%s", said)
	}
	s.Run("test -s /var/lib/stationd/outbox.db && test -s /etc/stationd/stationd.toml && test -s /etc/stationd/keys/l2l.key && ! test -e /usr/bin/stationd")
	if state, err := s.Try("systemctl is-active stationd"); err == nil {
		t.Errorf("after the removal the station is %s", state)
	}
	s.Network(true)
	s.install(pkg(t, s.debian.Arch))
	s.empties(t, 2*time.Minute)
	if n := s.open("MATERIAL"); n != 1 {
		t.Errorf("%d calls are open, want 1", n)
	}
}

func purge(t *testing.T, s *fixture) {
	s.reset(t)
	s.Network(false)
	s.Push(material, 150*time.Millisecond)
	s.waits(t, 1)
	s.Run("rm -rf /var/backups/stationd-*; systemctl enable stationd-screen")
	said := s.Run("DEBIAN_FRONTEND=noninteractive apt-get -qy purge stationd")
	if !strings.Contains(said, "1 entry waits") || !strings.Contains(said, "/var/backups/stationd-") {
		t.Errorf("the purge does not say what waits and where it went:\n%s", said)
	}
	if kept := s.Run("ls -d /etc/stationd /var/lib/stationd 2>/dev/null || true"); kept != "" {
		t.Errorf("the purge left %s", kept)
	}
	if left := s.Run("find /etc/systemd /var/lib/systemd -name '*stationd*'"); left != "" {
		t.Errorf("the purge left\n%s", left)
	}
	if listed := s.Run("cat /var/backups/stationd-*/entries.jsonl"); !strings.Contains(listed, "dispatch.open") {
		t.Errorf("the list beside the outbox says %q", listed)
	}

	// What was moved is sent after all, by the lines of the text.
	s.Network(true)
	keys := plant.Demo()
	s.install(pkg(t, s.debian.Arch))
	s.Put("/etc/stationd/keys/l2l.key", 0o600, []byte(keys.L2LKey+"\n"))
	s.Put("/etc/stationd/keys/lagerkoll.key", 0o600, []byte(keys.APIKey+"\n"))
	s.configure(standard)
	s.Run("systemctl start stationd")
	backup := strings.TrimSpace(s.Run("ls -d /var/backups/stationd-*"))
	for _, line := range shellLines(t, "../deploy/README.md", "## Removal") {
		s.Run(strings.ReplaceAll(line, "/var/backups/stationd-DATE", backup))
	}
	s.empties(t, 3*time.Minute)
	if n := s.open("MATERIAL"); n != 1 {
		t.Errorf("%d calls are open, want 1", n)
	}
}

// screenWithoutCage starts the screen's unit where docs/screen.md was not followed.
func screenWithoutCage(t *testing.T, s *fixture) {
	s.reset(t)
	s.Run("systemd-analyze verify --man=no stationd.service stationd-lamps.service stationd-enrol.service")
	was := s.property("MainPID")
	s.Run("systemctl enable --now stationd-screen")
	if said, _ := s.Try("systemctl status stationd-screen --no-pager -l"); !strings.Contains(said, "ConditionPathExists=/usr/bin/") || !strings.Contains(said, "was not met") {
		t.Errorf("it does not say what is missing:\n%s", said)
	}
	if failed := s.Run("systemctl --failed --plain --no-legend"); failed != "" {
		t.Errorf("failed: %s", failed)
	}
	s.Push(material, 150*time.Millisecond)
	s.empties(t, 2*time.Minute)
	if now := s.property("MainPID"); now != was {
		t.Errorf("the station was process %s and is %s", was, now)
	}
	s.Run("systemctl disable stationd-screen")
}
