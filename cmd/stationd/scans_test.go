package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/demo"
)

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

func writeScansConfig(t *testing.T, r *demo.Scanner) string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(key, []byte("a-key-of-a-test\n"), 0o600))
	return writeConfig(t, scansConfig, t.TempDir(), key, key, r.Link)
}

func TestTheElectricianSeesWhatAReaderSends(t *testing.T) {
	t.Parallel()
	r := newPluggedScanner(t)
	c := startConsole(t, "scans", "--config", writeScansConfig(t, r))
	c.expect("hand: listening on " + r.Link)
	scan := func(code string, want ...string) {
		t.Helper()
		must(t, r.Scan(code))
		for _, text := range want {
			c.expect(text)
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
		"needs order first; no values are set here")
	scan("PO4711",
		"hand  no AIM identifier, 6 bytes\n",
		`  means   [[on]] number 1: event = "hand.scan", match = '^PO(?P<order>\d+)$'`,
		"sets order = 4711")
	scan("PO4711", "a repeat: a station would not count it")
	scan("]A1PO12009",
		`  read    text: ASCII; check character taken off: "9"`,
		"  code    PO1200\n",
		"sets order = 1200")
	scan("PC-COOKIE",
		"[[on]] number 2",
		"would send l2l changeover.start in lane l2l/line:PACK4",
		"line = PACK4",
		"product = COOKIE")
	scan("7310865004703", "no binding matches: a station would keep it as an unknown scan",
		"[[on]] number 1: match does not fit the code",
		"[[on]] number 3: the label has no gs1.01")
	scan("]C101095060001343521700000010AB", "(10)    AB                    BATCH", "{gtin13} = 9506000134352", `[[on]] number 3: event = "hand.scan"`)
	scan("]C101095060001343523103001250", "{gs1.310} = 1.250")
	scan("]d1[)>\x1e06\x1dPA-100\x1dQ5X\x1e\x04", "{di.P} = A-100  part number of the customer", `fault   Q: "5X" is no quantity`)
	scan("]Q1PC-\x83e\x83X", "fault   byte 3: 83 is neither UTF-8 nor ISO 8859-1", "nothing of this scan may be used")
	scan("]I110614141000415", "(01)    10614141000415        GTIN")
	scan("caf\xe9", "text    caf<E9>")
	must(t, sendRaw(r, "half a label"))
	c.expect("hand: the end of a scan never came; set the reader's suffix to CR, or frame to what it sends")
	r.Unplug()
	c.expect("unplugged")
	c.send(ctrlC)
	c.expectExit(0)
}

// sendRaw sends bytes as they are.
func sendRaw(r *demo.Scanner, bytes string) error {
	_, err := r.Line().WriteString(bytes)
	return err
}

func TestScansOfAPortThatNobodyConfigured(t *testing.T) {
	t.Parallel()
	r := newPluggedScanner(t)
	c := startConsole(t, "scans", "--port", r.Link, "--json")
	c.expect("listening on")
	must(t, r.Scan("]E04006381333931"))
	c.expect(`"raw":"5d453034303036333831333333393331"`)
	c.expect(`"code":"4006381333931","aim":"]E0","symbology":"ean-13","gs1":{"ok":true,"ai":[["01","04006381333931"]],"titles":["GTIN"]},"read":["text: ASCII","read as an article number"],"names":{"gs1.01":"04006381333931","gtin":"4006381333931","gtin13":"4006381333931"}}`)
	must(t, r.Scan("]C1019506000134353"))
	c.expect(`"gs1":{"ok":false,"err":"gs1: AI (01), byte `)
	c.send(ctrlC)
	c.expectExit(0)
}

func TestScansSayWhoHasTheReader(t *testing.T) {
	t.Parallel()
	r := newPluggedScanner(t)
	config := writeScansConfig(t, r)
	station := startConsole(t, "run", "--config", config)
	station.expect("scanner ready")
	c := startConsole(t, "scans", "--config", config)
	c.expect("in use, stop the other program that has it open")
	c.expect(fmt.Sprintf("is in use by stationd (process %d), a station that is running; watch it with stationd scans --follow, or stop it first, and start it again afterwards: systemctl stop stationd", station.cmd.Process.Pid))
	station.send(ctrlC)
	station.expectExit(0)
	c.expect("hand: listening on")
	c.send(ctrlC)
	c.expectExit(0)
	if n := strings.Count(c.output(), "is in use by"); n != 1 {
		t.Errorf("one process had it, and %d are named", n)
	}
}

func TestScansOfNothing(t *testing.T) {
	t.Parallel()
	c := startConsole(t, "scans", "--config", "/nowhere.toml")
	c.expect("give a reader with --port")
	c.expectExit(78)
	c = startConsole(t, "scans", "--port", "elsewhere")
	c.expect(`--port: "elsewhere" is not a port`)
	c.expectExit(2)
	c = startConsole(t, "scans", "--stdin", "--port", "/dev/null")
	c.expectExit(2)
}
