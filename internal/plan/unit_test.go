package plan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheDropInNamesTheDevicesOfThePackagedUnit(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "stationd.service"))
	if err != nil {
		t.Fatal(err)
	}
	var allowed []string
	for line := range strings.Lines(string(text)) {
		if device, is := strings.CutPrefix(strings.TrimSpace(line), "DeviceAllow="); is {
			allowed = append(allowed, device)
		}
	}
	if got, want := strings.Join(unitDevices(), "; "), strings.Join(allowed, "; "); got != want {
		t.Errorf("the drop-in knows %s, and the unit allows %s", got, want)
	}
}

func TestAddressesAreRestrictedOnlyWhereEachIsKnownByItsNumber(t *testing.T) {
	t.Parallel()
	const numbers = `
[station]
name     = "pack4-1"
timezone = "Europe/Stockholm"
data     = "/var/lib/stationd"

[l2l]
url   = "https://acme.leading2lean.com/api/1.0/"
key   = { credential = "l2l.key" }
site  = 12
proxy = "http://192.0.2.10:3128"

[[scanner]]
name = "fixed"
port = "tcp:192.0.2.20:9004"

[[printer]]
name = "office"
url  = "ipp://[2001:db8::7]/ipp/print"
`
	tests := []struct {
		name, from, to string
		want           string
	}{
		{"by a proxy", "", "", "IPAddressDeny=any\nIPAddressAllow=localhost 192.0.2.10 2001:db8::7 192.0.2.20\n"},
		{"a vendor by its name", `"http://192.0.2.10:3128"`, `"none"`, `# Addresses are not restricted: [l2l] is at "acme.leading2lean.com", a name whose addresses may change`},
		{"a proxy of the environment", `proxy = "http://192.0.2.10:3128"`, "", `# Addresses are not restricted: [l2l] has no proxy = "none", so that the environment may name one`},
		{"a reader that connects", `"tcp:192.0.2.20:9004"`, `"tcp-listen:9004"`, "# Addresses are not restricted: scanner fixed is for the network, whoever is in it"},
		{"a page for the network", "[[printer]]", "[web]\nlisten = \"0.0.0.0:8420\"\nopen = true\n\n[[printer]]", "# Addresses are not restricted: the page is for the network, whoever is in it"},
		{"a printer by its name", "[2001:db8::7]", "office.example", `# Addresses are not restricted: printer office is at "office.example", a name whose addresses may change`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "stationd.toml")
			if err := os.WriteFile(path, []byte(strings.Replace(numbers, test.from, test.to, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			p, faults, err := Read(path)
			if err != nil || len(faults) > 0 {
				t.Fatal(err, faults)
			}
			got := p.DropIn()
			if !strings.Contains(got, test.want) || strings.Contains(got, "IPAddressDeny") == strings.Contains(got, "not restricted") {
				t.Errorf("the drop-in is\n%s\nwithout\n%s", got, test.want)
			}
		})
	}
}
