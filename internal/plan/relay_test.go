package plan

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stationd/internal/config"
)

func TestTheRelaysExampleHasNoFaults(t *testing.T) {
	t.Parallel()
	p, faults, err := ReadRelay("../../deploy/relay.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	if len(faults) > 0 || len(p.Warnings) > 0 {
		t.Errorf("%v %v", faults, p.Warnings)
	}
	if len(p.Sections) != 2 || len(p.Allowed) != 2 || p.Table.Replicas != 3 || p.Zone.String() != "Europe/Stockholm" {
		t.Errorf("it is read as %+v", p)
	}
}

// said writes a text and reads it, and returns what is wrong with it.
func said(t *testing.T, text string, read func(path string) ([]config.Fault, error)) (all []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	faults, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		all = append(all, f.Text)
	}
	return all
}

func TestWhatIsWrongOnTheWayByARelayIsSaid(t *testing.T) {
	t.Parallel()
	const ofStation = `[station]
name = "pack4-1"
timezone = "Europe/Stockholm"
[l2l]
via = "relay"
url = "https://acme.example/api/1.0/"
site = 1
[relay]
servers = ["tls://engine-1:4222"]
key = { credential = "relay.nkey" }
`
	const ofRelay = `[relay]
name = "dmz-1"
timezone = "Europe/Stockholm"
servers = ["tls://engine-1:4222"]
key = { credential = "relay.nkey" }
[l2l]
url = "https://acme.example/api/1.0/"
site = 1
key = { credential = "l2l.key" }
`
	station := func(path string) ([]config.Fault, error) { _, faults, err := Read(path); return faults, err }
	relay := func(path string) ([]config.Fault, error) { _, faults, err := ReadRelay(path); return faults, err }
	warned := func(path string) ([]config.Fault, error) {
		p, faults, err := ReadRelay(path)
		if len(faults) > 0 {
			return faults, err
		}
		return p.Warnings, err
	}
	for sentence, c := range map[string]struct {
		read           func(path string) ([]config.Fault, error)
		text, old, new string
		want           string // "": nothing is wrong
	}{
		"a station by a relay":               {station, ofStation, "", "", ""},
		"a key of the vendor beside":         {station, ofStation, "site = 1", "site = 1\nkey = { credential = \"l2l.key\" }\nrate = \"1/s\"", "leave out key, rate here"},
		"another word in via":                {station, ofStation, `"relay"`, `"delay"`, `is not "relay"`},
		"no table relay":                     {station, ofStation, "[relay]\nservers = [\"tls://engine-1:4222\"]\nkey = { credential = \"relay.nkey\" }\n", "", "[relay]"},
		"a name that is no address":          {station, ofStation, "pack4-1", "pack 4.1", "letters, digits"},
		"an engine elsewhere in plain":       {station, ofStation, "tls://", "nats://", "must begin with tls://"},
		"an engine with a password":          {station, ofStation, "tls://", "tls://eva:geheim@", "no user and no password"},
		"no nkey":                            {station, ofStation, "key = { credential = \"relay.nkey\" }\n", "", "seed of an nkey"},
		"a certificate alone":                {station, ofStation, "[relay]", "[relay]\ncertificate = \"/a.pem\"", "belong together"},
		"a settle time that is too short":    {station, ofStation, "site = 1", "site = 1\nsettle = \"60s\"", "at least 2m6s"},
		"a relay":                            {relay, ofRelay, "", "", ""},
		"a relay by a relay":                 {relay, ofRelay, "key = { credential = \"l2l.key\" }", "via = \"relay\"", "this is the relay"},
		"a lease of a blink":                 {relay, ofRelay, "[relay]", "[relay]\nlease = \"1s\"", "2s to 1m"},
		"two nodes of the engine":            {relay, ofRelay, "[relay]", "[relay]\nreplicas = 2", "1, 3 or 5"},
		"nobody to speak to":                 {relay, ofRelay, ofRelay[strings.Index(ofRelay, "[l2l]"):], "", "speaks to nobody"},
		"a store of its own":                 {relay, ofRelay, "[l2l]", "[lagerkoll]\nurl = \"https://capi.example/v1/\"\nstore = \"1001\"\nkey = { credential = \"lagerkoll.key\" }\nexclusive = true\n[l2l]", "is not for a relay"},
		"a key that there is not":            {relay, ofRelay, "[relay]", "[relay]\nleese = \"6s\"", "leese"},
		"numbers at the page's address":      {relay, ofRelay, "[l2l]", "[web]\nlisten = \"127.0.0.1:8422\"\n[metrics]\nlisten = \"127.0.0.1:8422\"\n[l2l]", "take another port"},
		"an allowance for nobody":            {relay, ofRelay, "[l2l]", "[[allow]]\nlines = [\"PACK4\"]\n[l2l]", "pack4-*"},
		"an allowance for another's backend": {relay, ofRelay, "[l2l]", "[[allow]]\nstation = \"a\"\nbackends = [\"webhook\"]\n[l2l]", "webhook"},
		"an allowance that is written well":  {relay, ofRelay, "[l2l]", "[[allow]]\nstation = \"a\"\nverbs = [\"l2l/dispatch.*\", \"lagerkoll/picking-list\", \"l2l/watch\"]\nmachines = [\"*\"]\n[l2l]", ""},
		"an allowance for no verb":           {relay, ofRelay, "[l2l]", "[[allow]]\nstation = \"a\"\nverbs = [\"dispatch.open\"]\n[l2l]", `"dispatch.open" is no verb`},
		"an allowance of a station's own":    {relay, ofRelay, "[l2l]", "[[allow]]\nstation = \"a\"\nverbs = [\"lagerkoll/picking_list.print\"]\n[l2l]", "is no verb"},
		"lines where nobody knows any":       {relay, ofRelay, "[l2l]", "[[allow]]\nstation = \"a\"\nbackends = [\"lagerkoll\"]\nlines = [\"PACK4\"]\n[l2l]", "Lagerkoll knows neither lines"},
		"a pattern that is none":             {relay, ofRelay, "[l2l]", "[[allow]]\nstation = \"a\"\nmachines = [\"SEAL-[\"]\n[l2l]", "no name, nor a pattern"},
		"lines alone, and calls":             {warned, ofRelay, "[l2l]", "[[allow]]\nstation = \"a\"\nlines = [\"PACK4\"]\n[l2l]", "a call names its machine"},
		"lines, and Lagerkoll":               {warned, ofRelay, "[l2l]", "[lagerkoll]\nurl = \"https://capi.example/v1/\"\nstore = \"1001\"\nkey = { credential = \"lagerkoll.key\" }\n[[allow]]\nstation = \"a\"\nlines = [\"PACK4\"]\nmachines = [\"*\"]\n[l2l]", "no station may do anything here"},
	} {
		got := said(t, strings.Replace(c.text, c.old, c.new, 1), c.read)
		found := slices.ContainsFunc(got, func(text string) bool { return strings.Contains(text, c.want) })
		if c.want == "" && len(got) > 0 || c.want != "" && !found {
			t.Errorf("%s: %q, want %q", sentence, got, c.want)
		}
		if slices.ContainsFunc(got, func(text string) bool { return strings.Contains(text, "geheim") }) {
			t.Errorf("%s: a password is shown", sentence)
		}
	}
}
