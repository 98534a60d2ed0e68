//go:build installed

package installed_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// A finding is a line of stationd doctor.
type finding struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
	Found   string `json:"found"`
	Do      string `json:"do"`
}

// doctor runs stationd doctor as root and returns its lines by what they look at.
func (s *fixture) doctor(t *testing.T) map[string]finding {
	t.Helper()
	text, err := s.Try("stationd doctor --json 2>/dev/null || true")
	if err != nil {
		t.Fatal(err)
	}
	var all []finding
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatalf("doctor says %q: %v", text, err)
	}
	by := map[string]finding{}
	for _, f := range all {
		by[f.Check] = f
	}
	return by
}

func doctorScenarios() []scenario {
	return []scenario{
		{"each line of doctor is so: all is well, and then one thing after another is taken away", doctorLines},
	}
}

// doctorLines compares what doctor says with what the guest shows by other means, and
// then breaks one thing at a time: exactly its own line must turn.
func doctorLines(t *testing.T, s *fixture) {
	s.reset(t)
	s.plug()
	defer s.Unplug()
	s.PlugKeyboard()
	defer s.UnplugKeyboard()
	s.listens("hand", "ttyUSB")
	s.listens("typing", "/dev/input/event")
	s.Run("rm -f /var/lib/stationd/crash.txt") // of a scenario before

	// Nobody has set the guest's clock, and that is said of it the whole time.
	turned := func() map[string]finding {
		found := s.doctor(t)
		if f := found["clock"]; f.Verdict != "warning" || !strings.Contains(f.Found, "not synchronised") {
			t.Errorf("of the clock doctor says %+v", f)
		}
		delete(found, "clock")
		maps.DeleteFunc(found, func(_ string, f finding) bool { return f.Verdict != "FAIL" && f.Verdict != "warning" })
		return found
	}
	for check, f := range turned() {
		t.Errorf("of a station that is well doctor says: %s: %s: %s", f.Verdict, check, f.Found)
	}
	well := s.doctor(t)
	version := strings.TrimSpace(s.Run("dpkg-query -Wf '${Version}' stationd"))
	for check, shows := range map[string]string{
		"station":     "version " + version + " is running",
		"service":     "enabled",
		"reader hand": strings.TrimSpace(s.Run("readlink -f /dev/serial/by-id/*")),
		"lines":       "maintenance",
		"clock":       strings.TrimSpace(s.Run("date +%Y")),
	} {
		if f := well[check]; !strings.Contains(f.Found, shows) {
			t.Errorf("%s: doctor says %q, and the guest shows %q", check, f.Found, shows)
		}
	}

	for _, broken := range []struct {
		what, do, undo string
		checks         []string // those that turn, and no others
	}{
		{"the service is disabled", "systemctl disable stationd", "systemctl enable stationd", []string{"service"}},
		{"a key that everybody may read", "chmod 755 /etc/stationd/keys; chmod 644 /etc/stationd/keys/l2l.key",
			"chmod 700 /etc/stationd/keys; chmod 600 /etc/stationd/keys/l2l.key", []string{"l2l key file"}},
		{"the vendors' name is not known", "mv /etc/hosts /etc/hosts.kept", "mv /etc/hosts.kept /etc/hosts", []string{"l2l name", "lagerkoll name"}},
		{"a file that the station cannot open", "touch /var/lib/stationd/history/x && chown root: /var/lib/stationd/history/x && chmod 600 /var/lib/stationd/history/x",
			"rm /var/lib/stationd/history/x", []string{"data files"}},
		{"a process that was killed", "kill -9 $(systemctl show -P MainPID stationd); until test $(systemctl show -P NRestarts stationd) = 1 && systemctl -q is-active stationd; do sleep 0.2; done",
			"systemctl restart stationd", []string{"restarts"}},
	} {
		s.Run(broken.do)
		found := turned()
		// A reader is read a moment after the start.
		for end := time.Now().Add(s.Patience(20 * time.Second)); len(found) > len(broken.checks) && time.Now().Before(end); found = turned() {
			<-time.After(time.Second)
		}
		s.Run(broken.undo)
		if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, broken.checks) {
			t.Errorf("%s: doctor complains of %q, want %q: %+v", broken.what, got, broken.checks, found)
		}
	}
	s.Unplug()
	if f := s.doctor(t)["reader hand"]; f.Verdict != "FAIL" {
		t.Errorf("the reader is unplugged, and doctor says of it: %+v", f)
	}
}
