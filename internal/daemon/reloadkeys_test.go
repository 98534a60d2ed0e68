package daemon

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"stationd/internal/metrics"
	"stationd/internal/plan"
	"stationd/internal/plan/plantest"
)

// everyTable is a configuration with every table, of which the test changes one key at
// a time. KEYS is the folder of the keys and DATA that of the outbox.
const everyTable = `[station]
name     = "pack4-1"
timezone = "Europe/Stockholm"
data     = "DATA"
language = "en"
days     = 30
lamp     = "white"
buzzer   = "horn"
last_good = true

[web]
listen = "127.0.0.1:0"
[access]
expire = "15m"
[metrics]
listen = "127.0.0.1:9420"

[l2l]
url     = "https://acme.leading2lean.com/api/1.0/"
key     = { file = "KEYS/one.key" }
site    = 12
line    = "PACK4"
machine = "SEAL-1"
trade   = "MECH"
user    = "eva"
auth    = "query"
settle  = "60s"
watch   = "30s"

[lagerkoll]
url       = "https://capi.lagerkoll.com/v1/production_orders/"
store     = "1001"
key       = { file = "KEYS/one.key" }
rate      = "60/min"
settle    = "60s"
exclusive = false

[webhook]
url     = "https://hooks.example.com/stationd"
key     = { file = "KEYS/one.key" }
timeout = "20s"

[relay]
servers = ["nats://127.0.0.1:4222"]

[alert]
after  = "10m"
repeat = "4h"
url    = "https://alerts.example.com/stationd"
key    = { file = "KEYS/one.key" }
header = "X-Alert-Key"

[gpio]
chip = "pinctrl-rp1"

[[button]]
name     = "help"
pin      = 17
debounce = "30ms"
hold     = "2s"
double   = "300ms"
lamp     = "red"
buzzer   = "horn"

[[button]]
name = "other"
pin  = 5

[[lamp]]
name = "red"
pin  = 22

[[lamp]]
name = "white"
pin  = 23

[[lamp]]
name = "up"
pin  = 24

[[lamp]]
name = "up2"
pin  = 25

[[buzzer]]
name   = "horn"
pin    = 26
remind = "5m"

[[buzzer]]
name = "bell"
pin  = 27

[[stack]]
name   = "tower"
red    = "up"
buzzer = "bell"

[[scanner]]
name   = "hand"
port   = "usb:0403:6001"
lamp   = "white"
buzzer = "horn"

[[scanner]]
name   = "spare"
port   = "hid:0627:0001"
layout = "us"

[[shift]]
name  = "early"
start = "mon-fri 06:00"
end   = "14:00"

[[printer]]
name = "office"
url  = "ipps://192.0.2.10/ipp/print"

[[on]]
event  = "hand.scan"
match  = '^PO(?P<order>\d+)$'
set    = { order = "{order}" }
expire = "12h"

[[on]]
event  = "hand.scan"
match  = '^PART(?P<part>\d+)$'
append = { parts = "{part}" }
count  = { made = 1 }

[[on]]
event = "hand.scan"
gs1   = ["01", "10"]
needs = ["order"]
do    = [{ lagerkoll = "article.trace", order = "{order}", article = "{gs1.01}", batch = "{gs1.10}" }]

[[on]]
event = "help.press"
clear = ["order"]
do    = [{ l2l = "dispatch.open", type = "MAINT", description = "Help", again = false, once = true, late = "record", late_after = "30m", with = { a = "1" } }]
`

// A keyChange changes one key, and says what must come of that.
type keyChange struct {
	old, new string
	live     bool   // it is in force after a reload
	named    string // else: what is answered names it so; "" is the table and the key
}

// needs says that a change is answered with "needs a restart".
func needs(old, new string) keyChange { return keyChange{old: old, new: new} }

// atOnce says that a change is in force at once.
func atOnce(old, new string) keyChange { return keyChange{old: old, new: new, live: true} }

// keyChanges is a change of every key there is.
func keyChanges() map[string]map[string]keyChange {
	oneKey, help := "key     = { file = \"KEYS/one.key\" }\nsite", "name     = \"help\"\n"
	lagerkoll := "store     = \"1001\"\nkey       = { file = \"KEYS/one.key\" }\n"
	before := "[[on]]\nevent = \"help.press\""
	engine := "servers = [\"nats://127.0.0.1:4222\"]\n"
	web := "[web]\nlisten = \"127.0.0.1:0\"\n"
	changes := map[string]map[string]keyChange{
		"[station]": {
			"label":     atOnce("language = \"en\"\n", "language = \"en\"\nlabel = \"Packing 4\"\n"),
			"name":      needs(`name     = "pack4-1"`, `name     = "pack4-2"`),
			"timezone":  needs("Europe/Stockholm", "Europe/Helsinki"),
			"data":      needs(`"DATA"`, `"DATA/other"`),
			"language":  needs(`"en"`, `"sv"`),
			"days":      needs("= 30\n", "= 31\n"),
			"lamp":      atOnce("lamp     = \"white\"\nbuzzer", "lamp     = \"red\"\nbuzzer"),
			"buzzer":    atOnce("buzzer   = \"horn\"\nlast_good", "buzzer   = \"\"\nlast_good"),
			"last_good": atOnce("last_good = true", "last_good = false"),
		},
		"[web]": {
			"listen":          needs("127.0.0.1:0", "127.0.0.1:8421"),
			"tls":             needs(web, web+"tls = true\n"),
			"certificate":     needs(web, web+"tls = true\ncertificate = \"/etc/page.crt\"\ncertificate_key = \"/etc/page.key\"\n"),
			"certificate_key": needs(web, web+"tls = true\ncertificate = \"/etc/page.crt\"\ncertificate_key = \"/etc/page.key\"\n"),
			"token":           needs(web, web+"token = { file = \"KEYS/one.key\" }\n"),
			"open":            needs(web, web+"open = true\n"),
			"hosts":           needs(web, web+"hosts = [\"pack4-1.plant.example\"]\n"),
		},
		"[access]":  {"expire": atOnce(`"15m"`, `"20m"`)},
		"[metrics]": {"listen": needs("127.0.0.1:9420", "127.0.0.1:9421")},
		"[relay]": {
			"servers":         needs(engine, strings.Replace(engine, "4222", "4223", 1)),
			"key":             needs(engine, engine+"key = { file = \"KEYS/two.key\" }\n"),
			"ca":              needs(engine, engine+"ca = \"/etc/stationd/plant-ca.pem\"\n"),
			"certificate":     needs(engine, engine+"certificate = \"/etc/stationd/a.pem\"\ncertificate_key = \"/etc/stationd/a.key\"\n"),
			"certificate_key": needs(engine, engine+"certificate_key = \"/etc/stationd/a.key\"\ncertificate = \"/etc/stationd/a.pem\"\n"),
		},
		"[l2l]": {
			"via": atOnce("key     = { file = \"KEYS/one.key\" }\nsite    = 12\nline    = \"PACK4\"\nmachine = \"SEAL-1\"\ntrade   = \"MECH\"\nuser    = \"eva\"\nauth    = \"query\"\nsettle  = \"60s\"\n",
				"via = \"relay\"\nsite    = 12\nline    = \"PACK4\"\nmachine = \"SEAL-1\"\ntrade   = \"MECH\"\nuser    = \"eva\"\n"),
			"url":       atOnce("acme.leading2lean.com", "other.leading2lean.com"),
			"key":       atOnce(oneKey, strings.Replace(oneKey, "one", "two", 1)),
			"site":      atOnce("site    = 12", "site    = 13"),
			"line":      atOnce("PACK4", "PACK5"),
			"machine":   atOnce("SEAL-1", "SEAL-2"),
			"trade":     atOnce("MECH", "ELEC"),
			"user":      atOnce("eva", "tor"),
			"auth":      atOnce(`"query"`, `"header"`),
			"rate":      atOnce("settle  = \"60s\"\nwatch", "settle  = \"60s\"\nrate = \"2/s\"\nwatch"),
			"settle":    atOnce("settle  = \"60s\"\nwatch", "settle  = \"90s\"\nwatch"),
			"ca":        atOnce("settle  = \"60s\"\nwatch", "settle  = \"60s\"\nca = \"/etc/stationd/plant.pem\"\nwatch"),
			"proxy":     atOnce("settle  = \"60s\"\nwatch", "proxy = \"none\"\nsettle  = \"60s\"\nwatch"),
			"proxy_key": atOnce("settle  = \"60s\"\nwatch", "proxy = \"http://proxy.example:3128\"\nproxy_key = { file = \"KEYS/two.key\" }\nsettle = \"165s\"\nwatch"),
			"watch":     atOnce(`"30s"`, `"20s"`),
			"fresh":     atOnce("settle  = \"60s\"\nwatch", "settle  = \"60s\"\nfresh = \"4m\"\nwatch"),
		},
		"[lagerkoll]": {
			"via":        atOnce(lagerkoll+"rate      = \"60/min\"\nsettle    = \"60s\"\nexclusive = false\n", "store     = \"1001\"\nvia = \"relay\"\n"),
			"url":        atOnce("capi.lagerkoll.com", "other.lagerkoll.com"),
			"store":      atOnce(`"1001"`, `"1002"`),
			"key":        atOnce(lagerkoll, strings.Replace(lagerkoll, "one.key", "two.key", 1)),
			"user_id":    atOnce(lagerkoll, "store     = \"1001\"\nuser_id = \"7\"\nuser_token = { file = \"KEYS/two.key\" }\n"),
			"user_token": atOnce(lagerkoll, "store     = \"1001\"\nuser_id = \"7\"\nuser_token = { file = \"KEYS/one.key\" }\n"),
			"rate":       atOnce("60/min", "50/min"),
			"exclusive":  atOnce("exclusive = false", "exclusive = true"),
			"watch":      atOnce("exclusive = false", "exclusive = false\nwatch = \"60s\""),
			"follow":     atOnce("exclusive = false", "exclusive = false\nwatch = \"60s\"\nfollow = \"order\""),
			"fresh":      atOnce("exclusive = false", "exclusive = false\nwatch = \"60s\"\nfresh = \"4m\""),
			"settle":     atOnce("settle    = \"60s\"", "settle    = \"90s\""),
			"ca":         atOnce("settle    = \"60s\"", "settle    = \"60s\"\nca = \"/etc/stationd/plant.pem\""),
			"proxy":      atOnce("settle    = \"60s\"", "settle    = \"60s\"\nproxy = \"none\""),
			"proxy_key":  atOnce("settle    = \"60s\"", "proxy = \"http://proxy.example:3128\"\nproxy_key = { file = \"KEYS/two.key\" }\nsettle = \"165s\""),
		},
		"[webhook]": {
			"url":       atOnce("hooks.example.com", "hooks.example.org"),
			"key":       atOnce("key     = { file = \"KEYS/one.key\" }\ntimeout", "key     = { file = \"KEYS/two.key\" }\ntimeout"),
			"header":    atOnce("timeout = \"20s\"", "timeout = \"20s\"\nheader = \"X-Key\""),
			"timeout":   atOnce("timeout = \"20s\"", "timeout = \"30s\""),
			"repeat":    atOnce("timeout = \"20s\"", "timeout = \"20s\"\nrepeat = \"allowed\""),
			"ca":        atOnce("timeout = \"20s\"", "timeout = \"20s\"\nca = \"/etc/stationd/plant.pem\""),
			"proxy":     atOnce("timeout = \"20s\"", "timeout = \"20s\"\nproxy = \"none\""),
			"proxy_key": atOnce("timeout = \"20s\"", "timeout = \"20s\"\nproxy = \"http://proxy.example:3128\"\nproxy_key = { file = \"KEYS/two.key\" }"),
		},
		"[alert]": {
			"after":     atOnce(`"10m"`, `"11m"`),
			"repeat":    atOnce(`"4h"`, `"5h"`),
			"url":       atOnce("alerts.example.com", "alerts.example.org"),
			"key":       atOnce("key    = { file = \"KEYS/one.key\" }\nheader", "key    = { file = \"KEYS/two.key\" }\nheader"),
			"header":    atOnce("X-Alert-Key", "X-Key"),
			"ca":        atOnce("header = \"X-Alert-Key\"\n", "header = \"X-Alert-Key\"\nca = \"/etc/stationd/plant.pem\"\n"),
			"proxy":     atOnce("header = \"X-Alert-Key\"\n", "header = \"X-Alert-Key\"\nproxy = \"none\"\n"),
			"proxy_key": atOnce("header = \"X-Alert-Key\"\n", "header = \"X-Alert-Key\"\nproxy = \"http://proxy.example:3128\"\nproxy_key = { file = \"KEYS/two.key\" }\n"),
		},
		"[gpio]": {"chip": needs("pinctrl-rp1", "pinctrl-bcm2711")},
		"[[button]]": {
			"name":       {old: `name = "other"`, new: `name = "another"`, named: "[[button]] another is new"},
			"label":      atOnce(help, help+"label = \"Help\"\n"),
			"pin":        needs("= 17", "= 18"),
			"pin_nc":     needs(help, help+"pin_nc = 16\n"),
			"wiring":     needs(help, help+"wiring = \"nc\"\n"),
			"active":     needs(help, help+"active = \"high\"\n"),
			"bias":       needs(help, help+"bias = \"none\"\n"),
			"debounce":   needs(`"30ms"`, `"40ms"`),
			"hold":       needs(`"2s"`, `"3s"`),
			"double":     needs(`"300ms"`, `"400ms"`),
			"lamp":       atOnce(`lamp     = "red"`, `lamp     = "white"`),
			"buzzer":     atOnce("lamp     = \"red\"\nbuzzer   = \"horn\"", "lamp     = \"red\"\nbuzzer   = \"\""),
			"chip":       needs(help, help+"chip = \"other\"\n"),
			"key":        {old: "name = \"other\"\npin  = 5", new: "name = \"other\"\nkey  = \"input:1209:5d01/KEY_F13\"", named: "[[button]] other: pin"},
			"maintained": needs("name = \"other\"\npin  = 5\n", "name = \"other\"\npin  = 5\nmaintained = true\n"),
			"release":    needs(help, help+"release = \"60ms\"\n"),
			"ac":         needs(help, help+"ac = true\n"),
			"latch":      atOnce(help, help+"latch = true\n"),
		},
		"[[lamp]]": {
			"name":   {old: `name = "up2"`, new: `name = "up3"`, named: "[[lamp]] up3 is new"},
			"label":  atOnce("pin  = 22\n", "pin  = 22\nlabel = \"Red\"\n"),
			"pin":    needs("= 22", "= 21"),
			"active": needs("pin  = 22\n", "pin  = 22\nactive = \"low\"\n"),
			"chip":   needs("pin  = 22\n", "pin  = 22\nchip = \"other\"\n"),
		},
		"[[buzzer]]": {
			"name":   {old: "name = \"bell\"\npin  = 27\n\n[[stack]]\nname   = \"tower\"\nred    = \"up\"\nbuzzer = \"bell\"", new: "name = \"gong\"\npin  = 27\n\n[[stack]]\nname   = \"tower\"\nred    = \"up\"\nbuzzer = \"gong\"", named: "[[buzzer]] gong is new"},
			"pin":    needs("= 26", "= 20"),
			"active": needs("= 26\n", "= 26\nactive = \"low\"\n"),
			"chip":   needs("= 26\n", "= 26\nchip = \"other\"\n"),
			"remind": atOnce(`"5m"`, `"6m"`),
		},
		"[[stack]]": {
			"name":   atOnce(`"tower"`, `"mast"`),
			"red":    atOnce(`red    = "up"`, `red    = "up2"`),
			"yellow": atOnce(`red    = "up"`, "red    = \"up\"\nyellow = \"up2\""),
			"green":  atOnce(`red    = "up"`, "red    = \"up\"\ngreen = \"up2\""),
			"buzzer": atOnce(`buzzer = "bell"`, `buzzer = ""`),
		},
		"[[printer]]": {
			"name":        {old: `"office"`, new: `"hall"`, named: "[[printer]] hall is new"},
			"url":         needs("192.0.2.10", "192.0.2.11"),
			"certificate": needs("ipp/print\"\n", "ipp/print\"\ncertificate = \"/etc/stationd/office.pem\"\n"),
		},
		"[labels]": {
			"value":   atOnce(before, "[labels]\nvalue = { order = \"Job\" }\n\n"+before),
			"type":    atOnce(before, "[labels]\ntype = { MAINT = \"Maintenance\" }\n\n"+before),
			"product": atOnce(before, "[labels]\nproduct = { A = \"Cookies\" }\n\n"+before),
		},
		"[[shift]]": {
			"name":  atOnce(`"early"`, `"first"`),
			"start": atOnce(`"mon-fri 06:00"`, `"06:00"`),
			"end":   atOnce(`"14:00"`, `"14:30"`),
		},
		"[[on]]": {
			"event": atOnce("help.press", "other.press"),
			"at":    atOnce(before, "[[on]]\nat = \"06:00\"\nclear = [\"order\"]\n\n"+before),
			"after": atOnce(before, "[[on]]\nevent = \"help.open\"\nafter = \"5m\"\n\n"+before),
			"match": atOnce("^PART", "^DEL"),
			"gs1":   atOnce(`["01", "10"]`, `["01", "10", "21"]`),
			"needs": atOnce(`["order"]
do    = [{ lagerkoll`, `["order", "parts"]
do    = [{ lagerkoll`),
			"ask":        atOnce("needs = [\"order\"]\n", "needs = [\"order\"]\nask = \"Scan the order's sheet first\"\n"),
			"set":        atOnce(`order = "{order}" }`, `order = "{order}", last = "{order}" }`),
			"append":     atOnce(`parts = "{part}"`, `parts = "{code}"`),
			"count":      atOnce("made = 1", "made = 2"),
			"clear":      atOnce(`clear = ["order"]`, `clear = ["parts"]`),
			"expire":     atOnce(`"12h"`, `"11h"`),
			"undo":       atOnce("[[on]]\nevent = \"help.press\"", "[[on]]\nevent = \"hand.scan\"\nmatch = '^UNDO$'\nundo = true\n\n[[on]]\nevent = \"help.press\""),
			"do":         atOnce(`type = "MAINT"`, `type = "MATERIAL"`),
			"again":      atOnce("again = false", "again = true"),
			"once":       atOnce("once = true", "once = false"),
			"adopted":    atOnce("once = true", "once = true, adopted = \"close\""),
			"with":       atOnce(`a = "1"`, `a = "2"`),
			"late":       atOnce(`late = "record"`, `late = "hold"`),
			"di":         atOnce(before, "[[on]]\nevent = \"hand.scan\"\ndi = [\"P\"]\nset = { x = \"{di.P}\" }\n\n"+before),
			"hibc":       atOnce(before, "[[on]]\nevent = \"hand.scan\"\nhibc = [\"lic\"]\nset = { x = \"{hibc.lic}\" }\n\n"+before),
			"store":      atOnce(before, "[[on]]\nevent = \"hand.scan\"\nstore = [\"item\"]\nset = { x = \"{store.item}\" }\n\n"+before),
			"json":       atOnce(before, "[[on]]\nevent = \"hand.scan\"\njson = { x = \"$.po\" }\nset = { y = \"{x}\" }\n\n"+before),
			"pairs":      atOnce(before, "[[on]]\nevent = \"hand.scan\"\npairs = { x = \"PO\" }\nset = { y = \"{x}\" }\n\n"+before),
			"max":        atOnce(before, "[[on]]\nevent = \"hand.scan\"\nmatch = '^M(?P<m>.+)$'\nmax = 5\nset = { y = \"{m}\" }\n\n"+before),
			"min":        atOnce(`needs = ["order"]`, "min = { order = 1 }\nneeds = [\"order\"]"),
			"allow":      atOnce(`needs = ["order"]`, "allow = { order = [\"1\"] }\nneeds = [\"order\"]"),
			"in":         atOnce(`needs = ["order"]`, "in = \"parts\"\nneeds = [\"order\"]"),
			"not_in":     atOnce(`needs = ["order"]`, "not_in = { parts = \"{gs1.10}\" }\nneeds = [\"order\"]"),
			"confirm":    atOnce(`needs = ["order"]`, "confirm = \"other.press\"\nneeds = [\"order\"]"),
			"role":       atOnce(`needs = ["order"]`, "role = \"technician\"\nneeds = [\"order\"]"),
			"ignore":     atOnce(before, "[[on]]\nevent = \"hand.scan\"\nmatch = '^NOREAD$'\nignore = true\n\n"+before),
			"trigger":    atOnce(before, before+"\ntrigger = { hand = 'LON\\r' }"),
			"late_after": atOnce(`"30m"`, `"40m"`),
		},
	}
	scanner := "port   = \"usb:0403:6001\"\n"
	changes["[[scanner]]"] = map[string]keyChange{
		"name":   {old: "name   = \"spare\"", new: "name   = \"gun\"", named: "[[scanner]] gun is new"},
		"label":  atOnce(scanner, scanner+"label = \"Hand scanner\"\n"),
		"port":   needs("0403:6001", "0403:6002"),
		"layout": needs(`"us"`, `"se"`),
		"lamp":   atOnce(scanner+"lamp   = \"white\"", scanner+"lamp   = \"red\""),
		"buzzer": atOnce("lamp   = \"white\"\nbuzzer = \"horn\"", "lamp   = \"white\"\nbuzzer = \"\""),
	}
	for key, value := range map[string]string{"baud": "19200", "frame": `"lf"`, "repeat": `"3s"`, "beep_recorded": `"\\x07"`, "beep_refused": `"\\x07"`,
		"data_bits": "7", "parity": `"even"`, "stop_bits": "2", "flow": `"rts-cts"`, "dtr": "false", "rts": "false",
		"aim": `"required"`, "gs": `["<GS>"]`, "strict": "true", "assume": `"gs1"`, "encoding": `"latin-1"`, "check": `"keep"`, "start_stop": `"keep"`,
		"strip": `{ prefix = "x" }`, "store": `[{ prefix = "20", item = 5, weight = 5, decimals = 3 }]`} {
		changes["[[scanner]]"][key] = needs(scanner, scanner+key+" = "+value+"\n")
	}
	return changes
}

// inForce is everything that a reload may change.
type inForce struct {
	program, settle, sections, station, alert, access any
	backends                                          map[string]any
}

func (a *activeConfig) inForce() inForce {
	p := a.plan.Load()
	now := inForce{program: p.Program, station: p.Station, alert: p.Alert, access: p.Access, backends: make(map[string]any)}
	settle, sections := make(map[string]string), make(map[string]any)
	for name, b := range a.backends {
		now.backends[name] = *b.current.Load()
		settle[name] = a.settle(name).String()
	}
	for _, v := range p.Vendors {
		sections[v.Name] = v.Section
	}
	now.settle, now.sections = settle, sections
	return now
}

func TestEveryKeyIsInForceAfterAReloadOrNeedsARestartByName(t *testing.T) {
	t.Parallel()
	changes := keyChanges()
	for table, keys := range plantest.Keys(t) {
		for _, key := range keys {
			if _, known := changes[table][key]; !known {
				t.Errorf("nothing is proved of %s %s: add a change of it to keyChanges", table, key)
			}
		}
	}
	for _, table := range slices.Sorted(maps.Keys(changes)) {
		for _, key := range slices.Sorted(maps.Keys(changes[table])) {
			t.Run(table+" "+key, func(t *testing.T) {
				t.Parallel()
				changes[table][key].prove(t, table, key)
			})
		}
	}
}

func (c keyChange) prove(t *testing.T, table, key string) {
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		must(t, os.WriteFile(filepath.Join(dir, name+".key"), []byte("sekret-"+name+"\n"), 0o600))
	}
	path := filepath.Join(dir, "stationd.toml")
	write := func(text string) {
		t.Helper()
		must(t, os.WriteFile(path, []byte(strings.NewReplacer("KEYS", dir, "DATA", dir).Replace(text)), 0o600))
	}
	before, after := everyTable, strings.Replace(everyTable, c.old, c.new, 1)
	if key == "user_token" { // from one token to another
		before = strings.Replace(everyTable, c.old, strings.Replace(c.new, "one.key", "two.key", 1), 1)
	}
	if before == after || after == everyTable {
		t.Fatalf("the configuration has no %q", c.old)
	}
	write(before)
	p, faults, err := plan.Read(path)
	must(t, err)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	f := newActiveConfig(p, newFaults(log), metrics.NewTimings(nil), log)
	t.Cleanup(f.close)
	was := f.inForce()
	if wrong := f.reload(); len(wrong) > 0 || !reflect.DeepEqual(was.program, f.inForce().program) {
		t.Fatalf("the same file is another program: %q", wrong)
	}
	write(after)
	wrong := f.reload()
	now := f.inForce()
	if !c.live {
		named := c.named
		if named == "" {
			named = key
		}
		if len(wrong) != 1 || !strings.Contains(wrong[0], "needs a restart") || !strings.Contains(wrong[0], table) || !strings.Contains(wrong[0], named) {
			t.Errorf("it is answered: %q", wrong)
		}
		if !reflect.DeepEqual(was.program, now.program) || !reflect.DeepEqual(was.settle, now.settle) {
			t.Error("a part of it is in force all the same")
		}
		if fault := f.faults.Faults()[plan.PartConfiguration]; !strings.Contains(fault, "needs a restart") {
			t.Errorf("the station says %q", fault)
		}
		return
	}
	if len(wrong) > 0 {
		t.Fatalf("it is refused: %q", wrong)
	}
	if reflect.DeepEqual(was.program, now.program) && reflect.DeepEqual(was.settle, now.settle) &&
		reflect.DeepEqual(was.sections, now.sections) && reflect.DeepEqual(was.station, now.station) && reflect.DeepEqual(was.alert, now.alert) && reflect.DeepEqual(was.access, now.access) {
		t.Error("nothing of it is in force")
	}
	if vendor := strings.Trim(table, "[]"); now.backends[vendor] != nil && fmt.Sprintf("%p", was.backends[vendor]) == fmt.Sprintf("%p", now.backends[vendor]) {
		t.Errorf("%s is the one that was opened before", vendor)
	}
}
