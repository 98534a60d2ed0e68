package setup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/plan"
)

func TestWhateverIsAnsweredIsWrittenAsItWasMeant(t *testing.T) {
	t.Parallel()
	d := draft{
		Name: `"quoted" \ 'and' Å ${LINE} $${LINE} ${`, Timezone: "Europe/Stockholm", Data: "/var/lib/station d",
		L2L:       &l2lDraft{URL: "https://acme.example/api/1.0/", Site: "12", Line: `P"4`, Machine: `S\1`, Trade: "MÉCH"},
		Lagerkoll: &lagerkollDraft{URL: "https://capi.example/v1/", Store: "1001", Key: "/etc/a key"},
		Buttons: []buttonDraft{
			{Name: "maintenance", Label: `The "red" one # now`, gpioLine: gpioLine{Pin: 17, Header: 11}, Lamp: "röd", Calls: []callDraft{
				{Event: "press", Type: `A"B`, Description: `{station}: "help" # now ${station}`},
				{Event: "double", Type: "OTHER", Description: "other"},
				{Event: "hold", Ends: true, Type: `A"B`},
			}},
			{Name: "material", gpioLine: gpioLine{Pin: 5}, Wiring: "nc", Latch: true, Calls: []callDraft{{Event: "press", Type: "MAT", Description: "trays"}}},
			{Name: "guard", gpioLine: gpioLine{Pin: 6, Chip: "mcp@1-0020"}, NC: &gpioLine{Pin: 0, Chip: "mcp@1-0020"}, Active: "high", Buzzer: "horn"},
		},
		Lamps: []outputDraft{
			{Name: "röd", gpioLine: gpioLine{Pin: 22}, Active: "low"},
			{Name: "tower-red", gpioLine: gpioLine{Pin: 1, Chip: "mcp@1-0020"}},
		},
		Buzzers: []outputDraft{{Name: "horn", gpioLine: gpioLine{Pin: 13}, Active: "low"}},
		Buzzer:  "horn",
		Stack:   &stackDraft{Name: "tower", Red: "tower-red", Buzzer: "horn"},
		Readers: []readerDraft{{
			Name: "hand", Port: "usb:0403:6001:A#1", Maker: "Åcme # 1",
			Orders:   []string{`^PO(?P<order>\d+)$`, `^it's (?P<order>\d+)$`},
			Products: []string{`^PC-(?P<product>.+)$`},
			Parts:    [][]string{{"01"}, {"01", "10", "21"}},
			Lamp:     "röd", Buzzer: "horn",
		}, {Name: "typing", Port: "hid:0c2e:0b61", Layout: "se"}},
	}
	text := d.render()
	path := filepath.Join(t.TempDir(), "stationd.toml")
	must(t, os.WriteFile(path, text, 0o600))
	p, faults, err := plan.Read(path)
	must(t, err)
	for _, f := range faults {
		t.Error(f)
	}
	if p.Station.Name != d.Name || p.Station.Data != d.Data || p.Scanners[0].Port != d.Readers[0].Port || p.Lamps[0].Active != "low" {
		t.Errorf("station %+v, scanners %+v, lamps %+v", p.Station, p.Scanners, p.Lamps)
	}
	if b := p.Buttons; b[0].Label != d.Buttons[0].Label || b[0].Lamp != "röd" || b[1].Wiring != "nc" || !b[1].Latch || b[2].Active != "high" || *b[2].PinNC != 0 || b[2].Chip != "mcp@1-0020" || b[2].Buzzer != "horn" {
		t.Errorf("buttons %+v", b)
	}
	if k := p.Stacks; len(k) != 1 || k[0].Red != "tower-red" || k[0].Buzzer != "horn" || p.Station.Buzzer != "horn" || p.Buzzers[0].Active != "low" {
		t.Errorf("stack lights %+v, buzzers %+v of %+v", k, p.Buzzers, p.Station)
	}
	if r := p.Scanners; r[0].Lamp != "röd" || r[0].Buzzer != "horn" || r[1].Layout != "se" {
		t.Errorf("readers %+v", r)
	}
	if n := len(p.Program.Bindings); n != 3+1+2+2+1 {
		t.Errorf("%d bindings", n)
	}
	if got := p.Program.Bindings[0].Do[0].With["description"].String(); got != d.Buttons[0].Calls[0].Description {
		t.Errorf("the technicians would read %q", got)
	}
	if diff := cmp.Diff([]string{`^it's (?P<order>\d+)$`, `^PO(?P<order>\d+)$`}, []string{p.Program.Bindings[6].Match.String(), p.Program.Bindings[8].Match.String()}); diff != "" {
		t.Error(diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
