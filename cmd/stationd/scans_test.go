package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

// handReader is a reader that is plugged in.
func handReader(t *testing.T) *reader {
	t.Helper()
	r := newReader(filepath.Join(t.TempDir(), "hand"))
	if err := r.plug(); err != nil {
		t.Skipf("no serial line can be made here, so nothing was proved about readers: %v", err)
	}
	t.Cleanup(r.unplug)
	return r
}

// The reader of a test's station and what its labels mean.
const scansConfig = `[station]
name     = "pack4-1"
timezone = "Europe/Stockholm"
data     = %q

[web]
listen = "127.0.0.1:0"

[l2l]
url  = "http://127.0.0.1:9/api/1.0/"
key  = { file = %q }
site = 12
line = "PACK4"

[lagerkoll]
url   = "http://127.0.0.1:9/v1/production_orders/"
store = "1001"
key   = { file = %q }

[[scanner]]
name = "hand"
port = %q

[[on]]
event = "hand.scan"
match = '^PO(?P<order>\d+)$'
set   = { order = "{order}" }

[[on]]
event = "hand.scan"
match = '^PC-(?P<product>.+)$'
do    = [{ l2l = "changeover.start", product = "{product}" }]

[[on]]
event = "hand.scan"
gs1   = ["01", "10"]
needs = ["order"]
do    = [{ lagerkoll = "article.trace", order = "{order}", article = "{gs1.01}", batch = "{gs1.10}" }]
`

func scansConfigured(t *testing.T, r *reader) string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(key, []byte("a-key-of-a-test\n"), 0o600))
	return configured(t, scansConfig, t.TempDir(), key, key, r.link)
}

func TestTheElectricianSeesWhatAReaderSends(t *testing.T) {
	t.Parallel()
	r := handReader(t)
	c := sit(t, "scans", "--config", scansConfigured(t, r))
	c.reads("hand: listening on " + r.link)
	scan := func(code string, want ...string) {
		t.Helper()
		must(t, r.scan(code))
		for _, text := range want {
			c.reads(text)
		}
	}
	scan("]d201095060001343521510AB",
		"hand  ]d2 gs1-datamatrix, 25 bytes",
		"\n  raw     5D 64 32 30 31 30 39 35 30 36 30 30 30 31 33 34",
		"\n          33 35 32 31 35 31 30 41 42",
		"\n  text    ]d201095060001343521510AB",
		"\n                                   ^",
		"\n  fault   gs1: AI (15), byte ")
	scan("]d2010950600013435210AB-12\x1d210042",
		"  text    ]d2010950600013435210AB-12<GS>210042\n",
		"  (01)    09506000134352        GTIN\n",
		"  (10)    AB-12                 BATCH/LOT\n",
		"  (21)    0042                  SERIAL\n",
		`  means   [[on]] number 3: event = "hand.scan", gs1 = [01, 10]`,
		"order must be in hand first; nothing is in hand here")
	scan("PO4711",
		"hand  no AIM identifier, 6 bytes\n",
		`  means   [[on]] number 1: event = "hand.scan", match = '^PO(?P<order>\d+)$'`,
		"takes order = 4711 in hand")
	scan("PO4711", "a repeat: a station would not count it")
	scan("]A1PO12009",
		`  read    text: ASCII; check character taken off: "9"`,
		"  code    PO1200\n",
		"takes order = 1200 in hand")
	scan("PC-COOKIE",
		"[[on]] number 2",
		"would do l2l changeover.start in lane l2l/line:PACK4",
		"line = PACK4",
		"product = COOKIE")
	scan("7310865004703", "no binding knows it; a station keeps it for a person",
		"[[on]] number 1: match does not fit the code",
		"[[on]] number 3: the label has no gs1.01")
	scan("]C101095060001343521700000010AB", "(10)    AB                    BATCH", "{gtin13} = 9506000134352", `[[on]] number 3: event = "hand.scan"`)
	scan("]C101095060001343523103001250", "{gs1.310} = 1.250")
	scan("]d1[)>\x1e06\x1dPA-100\x1dQ5X\x1e\x04", "{di.P} = A-100  part number of the customer", `fault   Q: "5X" is no quantity`)
	scan("]Q1PC-\x83e\x83X", "fault   byte 3: 83 is neither UTF-8 nor ISO 8859-1", "nothing of this scan may be used")
	scan("]I110614141000415", "(01)    10614141000415        GTIN")
	scan("caf\xe9", "text    caf<E9>")
	must(t, sendRaw(r, "half a label"))
	c.reads("hand: the end of a scan never came; set the reader's suffix to CR, or frame to what it sends")
	r.unplug()
	c.reads("unplugged")
	c.types(ctrlC)
	c.ends(0)
}

// sendRaw sends bytes as they are.
func sendRaw(r *reader, bytes string) error {
	_, err := r.line().WriteString(bytes)
	return err
}

func TestScansOfAPortThatNobodyConfigured(t *testing.T) {
	t.Parallel()
	r := handReader(t)
	c := sit(t, "scans", "--port", r.link, "--json")
	c.reads("listening on")
	must(t, r.scan("]E04006381333931"))
	c.reads(`"raw":"5d453034303036333831333333393331"`)
	c.reads(`"code":"4006381333931","aim":"]E0","symbology":"ean-13","gs1":{"ok":true,"ai":[["01","04006381333931"]],"titles":["GTIN"]},"read":["text: ASCII","read as an article number"],"names":{"gs1.01":"04006381333931","gtin":"4006381333931","gtin13":"4006381333931"}}`)
	must(t, r.scan("]C1019506000134353"))
	c.reads(`"gs1":{"ok":false,"err":"gs1: AI (01), byte `)
	c.types(ctrlC)
	c.ends(0)
}

func TestScansSayWhoHasTheReader(t *testing.T) {
	t.Parallel()
	r := handReader(t)
	config := scansConfigured(t, r)
	station := sit(t, "run", "--config", config)
	station.reads("scanner ready")
	c := sit(t, "scans", "--config", config)
	c.reads("in use, stop the other program that has it open")
	c.reads(fmt.Sprintf("is in use by stationd (process %d), a station that is running; look on with stationd scans --follow, or stop it first, and start it again afterwards: systemctl stop stationd", station.cmd.Process.Pid))
	station.types(ctrlC)
	station.ends(0)
	c.reads("hand: listening on")
	c.types(ctrlC)
	c.ends(0)
	if n := strings.Count(c.shown(), "is in use by"); n != 1 {
		t.Errorf("one process had it, and %d are named", n)
	}
}

func TestScansOfNothing(t *testing.T) {
	t.Parallel()
	c := sit(t, "scans", "--config", "/nowhere.toml")
	c.reads("name a reader with --port")
	c.ends(78)
	c = sit(t, "scans", "--port", "elsewhere")
	c.reads(`--port: "elsewhere" is not a port`)
	c.ends(2)
	c = sit(t, "scans", "--stdin", "--port", "/dev/null")
	c.ends(2)
}

func TestWhatAScanMeansIsWhatTheStationDecides(t *testing.T) {
	t.Parallel()
	p, faults, err := read(filepath.Join("..", "..", "deploy", "stationd.example.toml"))
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	for _, code := range []string{"PO4711", "PC-COOKIE", "elsewhere"} {
		ev := station.Event{ID: station.NewID(), Source: "hand", Kind: station.Scan, Code: code}
		state, actions := p.program.Decide(station.State{}, ev)
		m := means(p.program, ev)
		if (m.Place == 0) != (len(actions) == 1 && actions[0].Verb == station.VerbKeep) {
			t.Errorf("%s: binding %d fits, and the station does %v", code, m.Place, actions)
		}
		if m.Place > 0 && (len(m.Actions) != len(actions) || len(m.State.Values) != len(state.Values)) {
			t.Errorf("%s: shown as %v, and the station does %v", code, m.Actions, actions)
		}
	}
}

func TestALongScanIsShownInLinesWithItsMarkBelowTheFault(t *testing.T) {
	t.Parallel()
	half := strings.Repeat("0123456789", 7)[:67]
	tests := []struct {
		name  string
		raw   string
		fault int
		want  string
	}{
		{"a short one", "]d210AB", -1, "  text    ]d210AB\n"},
		{"nothing", "", 0, "  text    \n          ^\n"},
		{"a fault in the first line", half + "ABCDE", 1, "  text    " + half + "A\n           ^\n          BCDE\n"},
		{"a fault in the second line", half + "ABCDE", 69, "  text    " + half + "A\n          BCDE\n           ^\n"},
		{"a fault behind the end", "AB", 2, "  text    AB\n            ^\n"},
		{"the name of a control character stays whole", half + "\x1dAB", -1, "  text    " + half + "\n          <GS>AB\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, textAndMark([]byte(test.raw), test.fault)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestABindingIsNamedAsItStandsInTheFile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		binding station.Binding
		want    string
	}{
		{station.Binding{Event: "hand.scan", GS1: []string{"01", "10"}}, `[[on]] number 2: event = "hand.scan", gs1 = [01, 10]`},
		{station.Binding{Event: "hand.scan", Carry: []string{"di.P", "hibc.lot", "di.Q", "store.item"}}, `[[on]] number 2: event = "hand.scan", di = [P, Q], hibc = [lot], store = [item]`},
		{station.Binding{Event: "hand.scan", JSON: map[string]station.JSONPath{"order": {}}}, `[[on]] number 2: event = "hand.scan", json of order`},
		{station.Binding{Event: "hand.scan", Pairs: map[string]string{"order": "PO", "amount": "QTY"}}, `[[on]] number 2: event = "hand.scan", pairs of amount, order`},
		{station.Binding{Event: "hand.scan", Ignore: true}, `[[on]] number 2: event = "hand.scan", which ignores it`},
	} {
		if got := (&meaning{Place: 2, Binding: test.binding}).binding(); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}
