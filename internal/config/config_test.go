package config

import (
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"stationd/internal/station"
)

// The sections of a station, as the packages that own them would declare them.
type (
	l2lSection struct {
		URL     string `toml:"url"`
		Key     secret `toml:"key"`
		Auth    string `toml:"auth"`
		Site    int    `toml:"site"`
		Line    string `toml:"line"`
		Machine string `toml:"machine"`
		Trade   string `toml:"trade"`
	}
	lagerkollSection struct {
		URL       string  `toml:"url"`
		Store     string  `toml:"store"`
		Key       *secret `toml:"key"`
		Rate      rate    `toml:"rate"`
		Exclusive bool    `toml:"exclusive"`
	}
	secret struct {
		File       string `toml:"file"`
		Credential string `toml:"credential"`
	}
	gpioSection struct {
		Chip string `toml:"chip"`
	}
	button struct {
		Name     string        `toml:"name"`
		Pin      *uint8        `toml:"pin"`
		Active   string        `toml:"active"`
		Bias     string        `toml:"bias"`
		Debounce time.Duration `toml:"debounce"`
		Hold     time.Duration `toml:"hold"`
		Lamp     string        `toml:"lamp"`
		Latch    bool          `toml:"latch"`
	}
	lamp struct {
		Name string `toml:"name"`
		Pin  *uint8 `toml:"pin"`
	}
	scanner struct {
		Name   string        `toml:"name"`
		Port   string        `toml:"port"`
		Baud   int           `toml:"baud"`
		Frame  string        `toml:"frame"`
		Repeat time.Duration `toml:"repeat"`
	}
)

// everything is what the program reads out of one file.
type everything struct {
	station   Station
	place     *time.Location
	web       Web
	l2l       l2lSection
	lagerkoll lagerkollSection
	gpio      gpioSection
	buttons   []button
	lamps     []lamp
	scanners  []scanner
	program   station.Program
}

// read decodes a whole file in the way that the command does.
func read(f *File) everything {
	f.Backends("l2l", "lagerkoll")
	e := everything{
		buttons: []button{{Active: "low", Debounce: 30 * time.Millisecond}},
		l2l:     l2lSection{Auth: "query"},
	}
	base := station.Program{Vendors: make(map[string]station.Vendor), Latch: make(map[string]bool)}
	e.station, e.place = f.Station()
	base.Station = e.station.Name
	f.OneOf(At("station", "language"), e.station.Language, "en", "sv")
	e.web = f.Web()
	if f.Section("l2l", &e.l2l) {
		f.OneOf(At("l2l", "auth"), e.l2l.Auth, "query", "header", "body")
		base.Vendors["l2l"] = station.Vendor{Verbs: l2lVerbs, Defaults: map[string]string{
			"line": e.l2l.Line, "machine": e.l2l.Machine, "trade": e.l2l.Trade,
		}}
	}
	if f.Section("lagerkoll", &e.lagerkoll) {
		base.Vendors["lagerkoll"] = station.Vendor{Verbs: lagerkollVerbs}
	}
	f.Section("gpio", &e.gpio)
	kinds := make(map[string][]string)
	f.Tables("button", &e.buttons)
	for i, b := range e.buttons {
		if f.Name(At("button", i, "name"), b.Name) {
			kinds[b.Name] = []string{station.Press, station.Hold}
			base.Latch[b.Name] = b.Latch
		}
		if b.Pin == nil {
			f.Fault(At("button", i, "pin"), `"pin" is missing`)
		}
		f.OneOf(At("button", i, "active"), b.Active, "low", "high")
	}
	f.Tables("lamp", &e.lamps)
	for i, l := range e.lamps {
		if f.Name(At("lamp", i, "name"), l.Name) {
			base.Lamps = append(base.Lamps, l.Name)
		}
	}
	f.Tables("scanner", &e.scanners)
	for i, s := range e.scanners {
		if f.Name(At("scanner", i, "name"), s.Name) {
			kinds[s.Name] = []string{station.Scan}
		}
	}
	e.program = f.Program(base, kinds)
	f.Unread()
	return e
}

// rate is a field that reads its own text: 60/min.
type rate int

func (r *rate) UnmarshalText(text []byte) error {
	if string(text) != "60/min" {
		return errRate
	}
	*r = 60
	return nil
}

type faultText string

func (t faultText) Error() string { return string(t) }

const errRate = faultText(`a rate is a number a minute, as "60/min"`)

var l2lVerbs = []station.Verb{
	{
		Name: "dispatch.open",
		Fields: []station.Field{
			{Name: "machine", Required: true, Help: "code of the machine"},
			{Name: "type", Required: true, Help: "code of the dispatch type"},
			{Name: "trade"},
			{Name: "description"},
			{Name: "tech", Type: station.Integer},
			{Name: "user"},
			{Name: "once", Type: station.Bool},
		},
		Adopts:      "once",
		PassThrough: true,
		Lane:        []string{"machine"}, Opens: []string{"machine", "type"},
		Late: station.LateRecord, LateAfter: 30 * time.Minute,
	},
	{
		Name:   "dispatch.close",
		Fields: []station.Field{{Name: "dispatch"}, {Name: "machine"}, {Name: "type"}},
		Lane:   []string{"machine"}, Ends: "dispatch",
	},
	{
		Name:   "changeover.start",
		Fields: []station.Field{{Name: "line", Required: true}, {Name: "product"}, {Name: station.LastSeen}},
		Lane:   []string{"line"}, Line: "line", Barrier: true,
		Late: station.LateHold, LateAfter: 2 * time.Minute,
	},
	{
		Name: "production.record",
		Fields: []station.Field{{Name: "line", Required: true}, {Name: "product", Required: true},
			{Name: "actual", Type: station.Number}, {Name: "scrap", Type: station.Number}, {Name: "start"}, {Name: "end"}},
		Lane: []string{"line"},
	},
}

var lagerkollVerbs = []station.Verb{
	{
		Name: "article.trace",
		Fields: []station.Field{
			{Name: "order", Required: true, Help: "id of the production order"},
			{Name: "article", Required: true, Help: "article number"},
			{Name: "amount", Type: station.Number, Required: true},
			{Name: "batch"}, {Name: "serial"},
			{Name: "best_before", Type: station.Date},
			{Name: "parts", Type: station.List},
		},
		Lane: []string{"order"},
	},
	{
		Name: "order.create",
		Fields: []station.Field{
			{Name: "reference", Required: true},
			{Name: "articles", Type: station.List, Required: true},
			{Name: "start", Type: station.Bool},
		},
		Lane: []string{"reference"},
	},
}

// The station of docs and manuals: everything the configuration can say.
const complete = `[station]
name     = "pack4-1"
timezone = "Europe/Stockholm"        # L2L speaks the site's local time
data     = "/var/lib/stationd"
language = "sv"                      # operator's page: en, sv, …

[web]
listen = "127.0.0.1:8420"

[l2l]
url  = "https://acme.leading2lean.com/api/1.0/"
key  = { file = "/etc/stationd/l2l.key" }        # or { credential = "l2l.key" }
site = 12
line = "PACK4"                       # defaults for the bindings below
machine = "SEAL-1"
trade   = "MECH"

[lagerkoll]
url   = "https://capi.lagerkoll.com/v1/production_orders/"
store = "1001"
key   = { file = "/etc/stationd/lagerkoll.key" } # or user_id and user_token
rate  = "60/min"                     # this station's share of the account's 200

[gpio]
chip = "pinctrl-rp1"                 # a label; left out: the header chip of a known board

[[button]]
name = "maintenance"
pin  = 17
active = "low"
bias   = "pull-up"
debounce = "30ms"
hold     = "2s"
lamp     = "red"

[[lamp]]
name = "red"
pin  = 22

[[scanner]]
name = "hand"
port = "usb:0403:6001"               # or /dev/serial/by-id/…, or "hid:VENDOR:PRODUCT"
baud = 9600
frame = "cr"                         # cr, lf, crlf, stx-etx, idle:80ms
repeat = "800ms"

[[on]]
event = "maintenance.press"
do    = [{ l2l = "dispatch.open", type = "MAINT", description = "Help needed at {station}" }]

[[on]]
event = "maintenance.hold"
do    = [{ l2l = "dispatch.close" }] # the one this button opened

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
gs1   = ["01", "10"]                 # a GS1 symbol that carries at least these
needs = ["order"]                    # else the page and the lamp ask for it
do    = [{ lagerkoll = "article.trace", order = "{order}", article = "{gs1.01}", batch = "{gs1.10}", serial = "{gs1.21?}", best_before = "{gs1.15?}", amount = "{gs1.30|1}" }]
`

func TestTheExampleHasNoFaults(t *testing.T) {
	t.Parallel()
	f := Parse("stationd.toml", []byte(complete))
	e := read(f)
	for _, fault := range f.Faults() {
		t.Error(fault)
	}
	if e.station.Name != "pack4-1" || e.place.String() != "Europe/Stockholm" {
		t.Errorf("the station is %q in %v", e.station.Name, e.place)
	}
	if e.l2l.Site != 12 || e.l2l.Key.File != "/etc/stationd/l2l.key" || e.l2l.Auth != "query" {
		t.Errorf("[l2l] came out as %+v", e.l2l)
	}
	if e.lagerkoll.Key.File != "/etc/stationd/lagerkoll.key" || e.lagerkoll.Rate != 60 {
		t.Errorf("[lagerkoll] came out as %+v", e.lagerkoll)
	}
	if len(e.buttons) != 1 || *e.buttons[0].Pin != 17 || e.buttons[0].Hold != 2*time.Second {
		t.Errorf("the buttons came out as %+v", e.buttons)
	}
	if len(e.program.Bindings) != 5 {
		t.Fatalf("%d bindings, want 5", len(e.program.Bindings))
	}
}

// decide runs one event through a program at a station that has just begun.
func decide(p station.Program, s station.State, ev station.Event) (station.State, []station.Action) {
	ev.ID = "9f86d081884c7d659a2feaa0c55ad015"
	return p.Decide(s, ev)
}

func TestTheExampleMeansWhatItSays(t *testing.T) {
	t.Parallel()
	p := read(Parse("stationd.toml", []byte(complete))).program
	_, got := decide(p, station.State{}, station.Event{Source: "maintenance", Kind: station.Press})
	if len(got) != 1 || got[0].Lane != "l2l/machine:SEAL-1" || got[0].With["description"] != "Help needed at pack4-1" ||
		got[0].Late != station.LateRecord || got[0].LateAfter != 30*time.Minute {
		t.Errorf("a press asks for %+v", got)
	}
	s, got := decide(p, station.State{}, station.Event{Source: "hand", Kind: station.Scan, Code: "PO4711"})
	if len(got) != 0 || s.Values["order"].Text != "4711" {
		t.Errorf("scanning an order asks for %+v and leaves %+v in hand", got, s.Values)
	}
	_, got = decide(p, s, station.Event{Source: "hand", Kind: station.Scan, Code: "x", Data: map[string]string{"gs1.01": "07310865004703", "gs1.10": "B7"}})
	want := map[string]string{"order": "4711", "article": "07310865004703", "batch": "B7", "amount": "1"}
	if len(got) != 1 || !maps.Equal(got[0].With, want) {
		t.Errorf("scanning a part asks for %+v", got)
	}
}

func TestAnActionMayStandAsATableOfItsOwn(t *testing.T) {
	t.Parallel()
	inline := read(Parse("a.toml", []byte(`
[l2l]
machine = "SEAL-1"
[[button]]
name = "b"
pin = 1
[[on]]
event = "b.press"
do = [
	{ l2l = "dispatch.open", type = "MAINT", late = "hold", late_after = "5m" },
	{ l2l = "dispatch.open", type = "QUAL", again = true, tech = 7 },
]
`))).program.Bindings
	apart := read(Parse("b.toml", []byte(`
[l2l]
machine = "SEAL-1"
[[button]]
name = "b"
pin = 1
[[on]]
event = "b.press"
[[on.do]]
l2l = "dispatch.open"
type = "MAINT"
late = "hold"
late_after = "5m"
[[on.do]]
l2l = "dispatch.open"
type = "QUAL"
again = true
tech = "7"
`))).program.Bindings
	for i, d := range inline[0].Do {
		other := apart[0].Do[i]
		if d.Late != other.Late || d.LateAfter != other.LateAfter || d.Again != other.Again || !maps.EqualFunc(d.With, other.With, sameTemplate) {
			t.Errorf("%+v and %+v differ", d, other)
		}
	}
	if d := inline[0].Do[0]; d.Late != station.LateHold || d.LateAfter != 5*time.Minute {
		t.Errorf("the late policy came out as %q after %v", d.Late, d.LateAfter)
	}
}

func sameTemplate(a, b station.Template) bool { return a.String() == b.String() }

func TestAListInTheFileBecomesCanonicalJSON(t *testing.T) {
	t.Parallel()
	f := Parse("a.toml", []byte(`
[lagerkoll]
[[scanner]]
name = "hand"
[[on]]
event = "hand.scan"
do = [{ lagerkoll = "order.create", reference = "{code}", start = true, articles = [{ article = "A<{{1}}>", amount = 2 }, { amount = 0.5, article = "B" }] }]
`))
	p := read(f).program
	_, got := decide(p, station.State{}, station.Event{Source: "hand", Kind: station.Scan, Code: "77"})
	if len(got) != 1 {
		t.Fatalf("%d actions, faults %v", len(got), f.Faults())
	}
	if want := `[{"amount":2,"article":"A<{1}>"},{"amount":0.5,"article":"B"}]`; got[0].With["articles"] != want {
		t.Errorf("got %s, want %s", got[0].With["articles"], want)
	}
	if got[0].With["start"] != "true" {
		t.Errorf("start is %q", got[0].With["start"])
	}
}

func TestDefaultsStayWhereTheFileSaysNothing(t *testing.T) {
	t.Parallel()
	f := Parse("a.toml", []byte("[[button]]\nname = 'a'\n[[button]]\nname = 'b'\nactive = 'high'\n"))
	buttons := []button{{Active: "low", Debounce: time.Second}}
	if !f.Tables("button", &buttons) || len(buttons) != 2 {
		t.Fatalf("%d buttons, want 2", len(buttons))
	}
	if buttons[0].Active != "low" || buttons[1].Active != "high" || buttons[1].Debounce != time.Second {
		t.Errorf("the buttons came out as %+v", buttons)
	}
	none := []lamp{{Name: "default"}}
	if f.Tables("lamp", &none) || len(none) != 0 {
		t.Errorf("without [[lamp]] there are lamps: %+v", none)
	}
}

func TestEveryPlainTypeIsDecoded(t *testing.T) {
	t.Parallel()
	type inner struct {
		Deep []int `toml:"deep"`
		Held int   `toml:"held"`
	}
	type common struct {
		Shared string `toml:"shared"`
	}
	into := struct {
		common
		Text    string            `toml:"text"`
		Whole   int16             `toml:"whole"`
		Number  float64           `toml:"number"`
		Truth   bool              `toml:"truth"`
		Time    time.Duration     `toml:"time"`
		List    []string          `toml:"list"`
		Map     map[string]string `toml:"map"`
		Any     any               `toml:"any"`
		Pointer *inner            `toml:"pointer"`
		Rate    rate              `toml:"rate"`
		Own     string
	}{Own: "mine", Pointer: &inner{Held: 7}, Map: map[string]string{"held": "before"}}
	f := Parse("a.toml", []byte("\ufeff[all] # saved by Windows\r\n"+`
shared = "s"
text = """
two \
lines"""
whole = -1_6
number = 3
truth = true
time = "1m30s"
list = ["a", # one
	'b',
]
map.dotted = "value"
any = { a = [1, 2.5, true, 2026-10-31, "x"] }
pointer = { deep = [1_000] }
rate = "60/min"
`))
	if !f.Section("all", &into) || len(f.Faults()) > 0 {
		t.Fatal(f.Faults())
	}
	want := into
	want.common, want.Text, want.Whole, want.Number, want.Truth = common{"s"}, "two lines", -16, 3, true
	want.Time, want.List, want.Rate, want.Own = 90*time.Second, []string{"a", "b"}, 60, "mine"
	want.Map = map[string]string{"held": "before", "dotted": "value"}
	want.Any = map[string]any{"a": []any{int64(1), 2.5, true, "2026-10-31", "x"}}
	want.Pointer = &inner{Deep: []int{1000}, Held: 7}
	if !reflect.DeepEqual(into, want) {
		t.Errorf("got %+v, want %+v", into, want)
	}
}

func TestFaultsOfOwnersStandWhereTheValueIs(t *testing.T) {
	t.Parallel()
	f := Parse("a.toml", []byte("[[button]]\nname = 'a'\n[[button]]\n  pin = 99\nlist = [1,\n 2]\n[x.y]\n"))
	for _, test := range []struct {
		at        Path
		line, col int
	}{
		{At("button", 1, "pin"), 4, 9},
		{At("button", 1, "list", 1), 6, 2},
		{At("button", 0, "pin"), 1, 1},
		{At("button", 1, "name"), 3, 1},
		{At("x", "y", "z"), 7, 1},
		{At("nowhere"), 1, 1},
	} {
		before := len(f.faults)
		f.Fault(test.at, "%s is wrong", test.at)
		got := f.faults[before]
		if got.Line != test.line || got.Col != test.col {
			t.Errorf("a fault of %q stands at %d:%d, want %d:%d", test.at, got.Line, got.Col, test.line, test.col)
		}
	}
}

func TestAFaultShowsItsLineUnlessThatMightHoldASecret(t *testing.T) {
	t.Parallel()
	f := Parse("a.toml", []byte("[l2l]\n\tsite = 'åäö'\nkey = 'hunter2'\n"))
	f.Section("l2l", &l2lSection{})
	faults := f.Faults()
	if len(faults) != 2 {
		t.Fatalf("%d faults, want 2: %v", len(faults), faults)
	}
	if want := "\tsite = 'åäö'\n\t       ^"; faults[0].Detail != want {
		t.Errorf("the detail is %q, want %q", faults[0].Detail, want)
	}
	if faults[1].Detail != "" {
		t.Errorf("the secret is shown: %q", faults[1].Detail)
	}
}

func TestWhatFollowsFromAFaultIsNotReported(t *testing.T) {
	t.Parallel()
	f := Parse("a.toml", []byte("[l2l]\nsite = 'x'\n"))
	f.Section("l2l", &l2lSection{})
	f.Fault(At("l2l", "site"), "the site must be above zero")
	if got := f.Faults(); len(got) != 1 {
		t.Errorf("%d faults, want 1: %v", len(got), got)
	}
}

func TestAWordIsMeantUpToOneSlipInThreeLetters(t *testing.T) {
	t.Parallel()
	words := []string{"line", "site", "machine", "late_after"}
	for wrong, want := range map[string]string{
		"lnie": "line", "Line": "line", "lin": "line", "sites": "site", "mashine": "machine",
		"late-after": "late_after", "lateafter": "late_after", "x": "", "button": "", "": "",
	} {
		if got := Nearest(wrong, words); got != want {
			t.Errorf("%q: meant %q, want %q", wrong, got, want)
		}
	}
	if !slices.IsSorted([]int{distance("", ""), distance("a", "b"), distance("ab", "cd")}) {
		t.Error("the distance does not grow")
	}
}

func TestABindingOverrulesHowLateAVerbMayBe(t *testing.T) {
	t.Parallel()
	f := Parse("a.toml", []byte(`
[station]
name = "s"
timezone = "UTC"
[l2l]
machine = "SEAL-1"
line = "PACK4"
[[button]]
name = "b"
pin = 1
[[on]]
event = "b.press"
do = [
	{ l2l = "dispatch.open", type = "A", late = "deliver" },
	{ l2l = "dispatch.open", type = "B", late = "hold" },
	{ l2l = "dispatch.open", type = "C", late_after = "1h" },
	{ l2l = "changeover.start" },
]
`))
	p := read(f).program
	if faults := f.Faults(); len(faults) > 0 {
		t.Fatal(faults)
	}
	for i, want := range []station.Do{
		{Late: station.LateDeliver},
		{Late: station.LateHold, LateAfter: 30 * time.Minute},
		{Late: station.LateRecord, LateAfter: time.Hour},
		{Late: station.LateHold, LateAfter: 2 * time.Minute},
	} {
		if got := p.Bindings[0].Do[i]; got.Late != want.Late || got.LateAfter != want.LateAfter {
			t.Errorf("action %d is %q after %v, want %q after %v", i+1, got.Late, got.LateAfter, want.Late, want.LateAfter)
		}
	}
}
