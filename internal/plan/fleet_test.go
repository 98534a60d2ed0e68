package plan

import (
	"slices"
	"strings"
	"testing"

	"stationd/internal/config"
)

func TestTheFleetsExampleHasNoFaults(t *testing.T) {
	t.Parallel()
	p, faults, err := ReadFleet("../../deploy/fleet.example.toml")
	if err != nil || len(faults) > 0 {
		t.Fatalf("%v %v", faults, err)
	}
	if p.Table.Name != "anna" || p.Zone.String() != "Europe/Stockholm" || len(p.Table.Servers) != 3 {
		t.Errorf("it is read as %+v", p)
	}
}

func TestWhatIsWrongForWhoSeesToThePlantIsSaid(t *testing.T) {
	t.Parallel()
	read := func(path string) ([]config.Fault, error) {
		_, faults, err := ReadFleet(path)
		return faults, err
	}
	const good = "[fleet]\nname = \"anna\"\ntimezone = \"Europe/Stockholm\"\nservers = [\"nats://127.0.0.1:4222\"]\n"
	if wrong := said(t, good, read); len(wrong) > 0 {
		t.Errorf("of what is right it says %v", wrong)
	}
	for sentence, c := range map[string]struct{ text, want string }{
		"there is no table":         {"", "the table [fleet] is missing"},
		"the name is no address":    {strings.Replace(good, "anna", "anna b.", 1), `"name" must be of letters`},
		"there is no time zone":     {strings.Replace(good, "Europe/Stockholm", "Local", 1), `"timezone" must be the site's`},
		"the engine is elsewhere":   {strings.Replace(good, "127.0.0.1", "engine-1", 1), `must begin with tls://`},
		"a key that there is not":   {good + "nam = 1\n", "nam"},
		"a table that there is not": {good + "[station]\nname = \"x\"\n", "station"},
	} {
		if wrong := said(t, c.text, read); !slices.ContainsFunc(wrong, func(text string) bool { return strings.Contains(text, c.want) }) {
			t.Errorf("%s: it says %v", sentence, wrong)
		}
	}
}

func TestTheRelaysPageHasTheRulesOfAStations(t *testing.T) {
	t.Parallel()
	var plan *RelayPlan
	read := func(path string) ([]config.Fault, error) {
		p, faults, err := ReadRelay(path)
		plan = p
		return faults, err
	}
	const relay = "[relay]\nname = \"dmz-1\"\ntimezone = \"Europe/Stockholm\"\nservers = [\"nats://127.0.0.1:4222\"]\n[l2l]\nurl = \"https://acme.leading2lean.com/api/1.0/\"\nsite = 12\nkey = { file = \"/l2l.key\" }\n"
	if wrong := said(t, relay, read); len(wrong) > 0 || plan.Web != nil {
		t.Errorf("without [web] it says %v, and has a page: %v", wrong, plan.Web)
	}
	if wrong := said(t, relay+"[web]\n", read); len(wrong) > 0 || plan.Web == nil || plan.Web.Address() != "127.0.0.1:8422" {
		t.Errorf("with [web] it says %v: %+v", wrong, plan.Web)
	}
	if wrong := said(t, relay+"[web]\nlisten = \"0.0.0.0:8422\"\n", read); len(wrong) > 0 || plan.Web.Address() != "127.0.0.1:8422" {
		t.Errorf("where it does not say who else sees it: %v, %s", wrong, plan.Web.Address())
	}
	for text, want := range map[string]string{
		"[web]\nlisten = \"0.0.0.0:8422\"\ntls = true\ntoken = { file = \"/t\" }\n": "a relay keeps nothing, and makes none",
		"[web]\nlanguage = \"fr\"\n": "fr",
		"[web]\nlisten = \"here\"\n": "must be an address and a port",
	} {
		if wrong := said(t, relay+text, read); !slices.ContainsFunc(wrong, func(text string) bool { return strings.Contains(text, want) }) {
			t.Errorf("of %q it says %v", text, wrong)
		}
	}
}
