package deploy_test

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

func TestTheRelaysUnit(t *testing.T) {
	t.Parallel()
	u := readUnitFile(t, "stationd-relay.service")
	for _, c := range []struct {
		because, directive, want string
	}{
		{"it is up when the engine is asked, not when it was started", "Service.Type", "notify"},
		{"a relay that ended for whatever reason comes back", "Service.Restart", "always"},
		{"one that keeps failing is tried again for ever", "Unit.StartLimitIntervalSec", "0"},
		{"a configuration with faults is not tried again", "Service.RestartPreventExitStatus", "78"},
		{"a stop lets what is under way finish, which takes a minute at most", "Service.TimeoutStopSec", "75s"},
		{"a host without the relay's configuration runs none", "Unit.ConditionPathExists", "/etc/stationd/relay.toml"},
		{"no key is on a disk after a crash", "Service.LimitCORE", "0"},
		{"it has no device", "Service.PrivateDevices", "yes"},
		{"it has no right that root has", "Service.CapabilityBoundingSet", ""},
	} {
		if got := u[c.directive]; !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s is %q and not %q: %s", c.directive, got, c.want, c.because)
		}
	}
	example, err := os.ReadFile("relay.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`credential = "([^"]+)"`).FindAllSubmatch(example, -1)
	for _, credential := range asked {
		name := string(credential[1])
		if !slices.Contains(u["Service.LoadCredential"], name+":/etc/stationd/keys/"+name) {
			t.Errorf("the example asks for %s, which the unit does not hand over", name)
		}
	}
	if len(asked) < 3 {
		t.Errorf("the example asks for %d keys", len(asked))
	}
	if _, extra := u["Service.StateDirectory"]; extra {
		t.Error("the relay has a folder: it keeps nothing")
	}
}
