package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plan"
	"stationd/internal/scanner"
	"stationd/internal/station"
)

// testdata/field-inputs.jsonl holds what people have met in the field: which bytes a
// reader sent, and what is right. Every line runs here by the program's own road: a
// configuration, a reader on a pty, the events, and what the station makes of them.

// notYet are the lines that are not right yet. A line that has become right must leave
// the list, and no other may come in.
var notYet = map[string]string{}

// A fieldInput is how one line is run: what the configuration says besides the plain
// reader, and what is wanted where the line's own words do not say it.
type fieldInput struct {
	reader string            // further keys of [[scanner]]
	on     string            // the bindings; "" are those of traceabilty
	want   map[string]string // besides what the line expects
	also   string            // a test that shows it, where no pty can
	table  string            // further tables
}

const (
	onTrace = `[[on]]
event = "hand.scan"
gs1 = ["01", "10"]
do = [{ lagerkoll = "article.trace", order = "1", article = "{gs1.01}", batch = "{gs1.10}", serial = "{gs1.21?}", best_before = "{gs1.15?}", amount = "{gs1.30|1}" }]
`
	onArticle = `[[on]]
event = "hand.scan"
gs1 = ["01"]
do = [{ lagerkoll = "article.trace", order = "1", article = "{gs1.01}", batch = "B", amount = "1" }]
`
	onOrder = `[[on]]
event = "hand.scan"
match = '^PO(?P<order>\d+)$'
set = { order = "{order}" }
`
	onQuantity = `[[on]]
event = "hand.scan"
match = '^(?P<qty>\d{1,5})$'
set = { qty = "{qty}" }
`
	onProduct = `[[on]]
event = "hand.scan"
match = '^PC-(?P<product>.+)$'
do = [{ l2l = "changeover.start", product = "{product}" }]
`
)

var fieldInputs = map[string]fieldInput{
	"gs-alt029":          {reader: `gs = ["Alt029"]`},
	"gs-underscore":      {reader: `gs = ["_"]`},
	"gs-hash":            {reader: `gs = ["#"]`},
	"gs-brace":           {reader: `gs = ["{GS}"]`},
	"gs-C1-midway":       {reader: `gs = ["]C1"]`},
	"noaim-gs1":          {reader: `assume = "gs1"`},
	"plain128-gs1":       {reader: `assume = "gs1"`},
	"brackets":           {reader: `assume = "gs1"`},
	"noaim-ean13":        {reader: `assume = "gs1"`, on: onArticle},
	"code-id-honeywell":  {reader: "assume = \"gs1\"\nstrip = { prefix = \"I\" }"},
	"suffix-readtime":    {reader: `strip = { suffix = '/:[A-Z]:\d+ms/' }`},
	"star-code39":        {on: onOrder},
	"trailing-blanks":    {on: onOrder},
	"mod43-digit":        {on: onOrder},
	"codabar-startstop":  {on: onQuantity},
	"eci-qr":             {on: onOrder},
	"bom":                {on: onOrder},
	"sjis":               {reader: `encoding = "shift-jis"`, on: onProduct, want: map[string]string{"changeover.start product": "テスト"}},
	"cp1252-euro":        {on: onProduct, want: map[string]string{"changeover.start product": "€ 12"}},
	"hid-linux-unicode":  {also: "scanner.TestWhatKeysType"},
	"hid-us-ctrl-minus":  {also: "scanner.TestWhatKeysType"},
	"hid-layout-de":      {table: "[[scanner]]\nname = \"typed\"\nport = \"hid:1209:5d01\"\nlayout = \"de\"\n"},
	"mh10-basic":         {on: labelBinding(`di = ["P", "1P", "Q", "1T", "9D"]`, "{di.P} {di.1P} {di.Q} {di.1T} {di.9D}")},
	"mh10-mouser-header": {on: labelBinding(`di = ["P", "Q", "1T"]`, "{di.P} {di.Q} {di.1T}")},
	"mh10-trailer-mixed": {on: labelBinding(`di = ["P", "Q"]`, "{di.P} {di.Q}")},
	"di-bare-code39":     {on: labelBinding(`di = ["P"]`, "{di.P}")},
	"hibc":               {on: labelBinding(`hibc = ["lic", "item"]`, "{hibc.lic} {hibc.item} {hibc.lot?} {hibc.expiry?}")},
	"weight-3103":        {on: labelBinding(`gs1 = ["01", "310"]`, "{gs1.310}"), want: map[string]string{"gs1.310": "1.250"}},
	"rcn-weight":         {table: "[[scanner.store]]\nprefix = \"20\"\nitem = 5\nweight = 5\ndecimals = 3\n", on: onArticle, want: map[string]string{"gs1.01": "", "store.item": "12345", "store.weight": "1.234"}},
	"gtin-13":            {on: labelBinding(`gs1 = ["01"]`, "{gtin13}"), want: map[string]string{"gtin13": "4006381333931"}},
	"upc-e-8":            {on: onArticle},
	"multiline-crlf":     {reader: `frame = "crlf"`, on: onOrder, want: map[string]string{"scans": "1"}},
	"hid-tab":            {also: "scanner.TestScansOfAReaderThatTypes"},
	"pause-inside":       {on: onOrder + onQuantity},
	"parity-7e1":         {reader: "data_bits = 7\nparity = \"even\"", on: onOrder, want: map[string]string{"code": "PO4711"}},
	"flow-rtscts":        {reader: `flow = "rts-cts"`},
	"tcp-reader":         {table: "[[scanner]]\nname = \"fixed\"\nport = \"tcp://192.0.2.5:9004\"\n"},
	"no-read":            {on: "[[on]]\nevent = \"hand.scan\"\nmatch = '^ERROR$'\nignore = true\n", want: map[string]string{"kept": "0"}},
	"ack-repeat":         {also: "scanner.TestARepeatIsAnsweredAsTheScanBeforeIt"},
	"unit-devices":       {also: "main.TestCheckSaysWhatTheUnitDoesNotAllow"},
	"pin-above-27":       {table: "[[button]]\nname = \"far\"\npin = 30\nchip = \"mcp23017\"\n"},
	"pass-yymm00":        {on: onTrace},
	"pass-numpad":        {also: "scanner.TestWhatKeysType"},
	"pass-alt":           {also: "scanner.TestWhatKeysType"},
	"pass-02-37":         {on: labelBinding(`gs1 = ["02", "37"]`, "{gs1.02} {gs1.37}"), want: map[string]string{"gs1.02": "09506000134352", "gs1.37": "24", "gs1.10": "AB-12"}},
	"pass-two-bars":      {on: "[[on]]\nevent = \"hand.scan\"\ngs1 = [\"01\", \"15\"]\nset = { art = \"{gs1.01}\" }\n[[on]]\nevent = \"hand.scan\"\ngs1 = [\"10\", \"37\"]\nneeds = [\"art\", \"batch\"]\nset = { both = \"1\" }\n[[on]]\nevent = \"hand.scan\"\nmatch = '^X$'\nset = { batch = \"1\" }\n", want: map[string]string{"art": "09506000134352", "note": "needs batch"}},
	"pass-latin1":        {want: map[string]string{"code": "BADGE-Åsa"}},
	"pass-link":          {want: map[string]string{"gs1.01": "09520123456788", "gs1.10": "ABC"}},
	"pass-expander-pin0": {table: "[[button]]\nname = \"far\"\npin = 0\nchip = \"mcp23017\"\n"},
	"hid-f13":            {table: "[[button]]\nname = \"pedal\"\nkey = \"input:1209:5d01/KEY_F14\"\n"},
	"trigger":            {also: "main.TestABindingTriggersAReader"},
	"count-40ms-gap":     {also: "gpio.TestEveryPieceOfACountIsOnePress"},
	"ac-opto":            {also: "gpio.TestAlternatingCurrentIsOnePressAsLongAsItsPulsesCome"},
	"expander-no-int":    {also: "gpio.TestAChipWithoutInterruptsIsReadAgainAndAgain"},
	"aim-lead-fnc1":      {},
	"eci-gs1-qr":         {},
	"strict-date0":       {},
	"strict-37":          {},
	"strict-lot-space":   {},
	"link-slash":         {},
	"link-noaim":         {},
	"link-alpha":         {},
	"link-noscheme":      {},
	"pass-trailing-gs":   {},
}

// labelBinding returns a binding that sets the values that it asks for.
func labelBinding(asks, takes string) string {
	return fmt.Sprintf("[[on]]\nevent = \"hand.scan\"\n%s\nset = { read = %q }\n", asks, takes)
}

// A fieldLine is one line of the file.
type fieldLine struct {
	ID     string          `json:"id"`
	Kind   string          `json:"kind"`
	Input  json.RawMessage `json:"input"`
	Hex    string          `json:"input_hex"`
	Expect json.RawMessage `json:"expect"`
}

func fieldLines(t *testing.T) []fieldLine {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "field-inputs.jsonl"))
	must(t, err)
	defer f.Close()
	var all []fieldLine
	for in := bufio.NewScanner(f); in.Scan(); {
		var l fieldLine
		must(t, json.Unmarshal(in.Bytes(), &l))
		all = append(all, l)
	}
	return all
}

func TestWhatPeopleMeetInTheField(t *testing.T) {
	t.Parallel()
	lines := fieldLines(t)
	if len(lines) != 64 {
		t.Fatalf("%d lines, want 64", len(lines))
	}
	for _, l := range lines {
		t.Run(l.ID, func(t *testing.T) {
			t.Parallel()
			how, planned := fieldInputs[l.ID]
			if !planned {
				t.Fatal("nobody says how this line is run")
			}
			wrong := l.run(t, how)
			switch why := notYet[l.ID]; {
			case why != "" && len(wrong) == 0:
				t.Error("it is right now: take it off the list of what is not yet")
			case why != "":
				t.Skipf("not right yet: %s", why)
			}
			for _, w := range wrong {
				t.Error(w)
			}
		})
	}
}

// expected is what a line says is right, by the names of this test.
func (l fieldLine) expected(how fieldInput) map[string]string {
	want := make(map[string]string)
	var expect map[string]any
	_ = json.Unmarshal(l.Expect, &expect) // a text is in the table above
	var take func(map[string]any)
	take = func(said map[string]any) {
		for name, value := range said {
			if named, is := map[string]string{"lic": "hibc.lic", "pcn": "hibc.item", "lot": "hibc.lot", "expiry": "hibc.expiry", "gtin short form offered": "gtin13"}[name]; is {
				name = named
			}
			switch value := value.(type) {
			case map[string]any:
				if strings.HasPrefix(name, "with_") && name != "with_a_rule" || name == "under_a_profile" {
					take(value)
				}
			case string:
				if strings.ContainsAny(name, ".") || slices.Contains([]string{"order", "code"}, name) {
					want[name], _, _ = strings.Cut(value, " (flagged)")
				}
			case float64:
				want[name] = strconv.Itoa(int(value))
			case nil:
				want[name] = ""
			}
		}
	}
	take(expect)
	delete(want, "gs1.error") // its words are tested where they are made
	maps.Copy(want, how.want)
	return want
}

// run runs a line and says what is not as it should be.
func (l fieldLine) run(t *testing.T, how fieldInput) (wrong []string) {
	t.Helper()
	if notYet[l.ID] != "" {
		return []string{"not tried"}
	}
	if how.also != "" {
		folder, name, _ := strings.Cut(how.also, ".")
		sources, _ := filepath.Glob(filepath.Join(map[string]string{"scanner": "../../internal/scanner", "gpio": "../../internal/gpio", "main": "."}[folder], "*_test.go"))
		for _, source := range sources {
			text, err := os.ReadFile(source)
			must(t, err)
			if strings.Contains(string(text), "\nfunc "+name+"(") {
				return nil
			}
		}
		return []string{"there is no " + how.also}
	}
	got, faults := l.sent(t, how.reader, how.table, how.on)
	if faults != nil {
		return faults
	}
	for name, want := range l.expected(how) {
		if got[name] != want {
			wrong = append(wrong, fmt.Sprintf("%s is %q, want %q", name, got[name], want))
		}
	}
	if strings.Contains(string(l.Expect), `"without"`) {
		bare, faults := l.sent(t, "", how.table, how.on)
		wrong = append(wrong, faults...)
		if bare["actions"] != "0" || bare["kept"] == "0" {
			wrong = append(wrong, fmt.Sprintf("without the key it does something: %v", bare))
		}
	}
	return wrong
}

// sent sends a line's bytes to a reader and returns what came of them, by name.
func (l fieldLine) sent(t *testing.T, reader, table, on string) (got map[string]string, faults []string) {
	t.Helper()
	if on == "" {
		on = onTrace
	}
	hand := newPluggedScanner(t)
	key := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(key, []byte("a-key-of-a-test\n"), 0o600))
	path := filepath.Join(t.TempDir(), "stationd.toml")
	head, _, _ := strings.Cut(fmt.Sprintf(scansConfig, t.TempDir(), key, key, hand.Link), "[[on]]")
	must(t, os.WriteFile(path, []byte(head+reader+"\n"+table+"\n"+on), 0o600))
	p, found, err := plan.Read(path)
	must(t, err)
	for _, fault := range found {
		faults = append(faults, fault.String())
	}
	if faults != nil {
		return nil, faults
	}
	events, counts := eventsOf(t, p.Scanners[0], hand, l.pieces(t))
	got = map[string]string{"scans": strconv.Itoa(len(events)), "partials": strconv.Itoa(counts.Partials)}
	state, actions, kept := station.State{}, 0, 0
	for _, ev := range events {
		maps.Copy(got, ev.Data)
		got["code"] = ev.Code
		var done []station.Action
		state, done = p.Program.Decide(state, ev)
		for _, a := range done {
			if a.Verb == station.VerbKeep {
				kept++
				continue
			}
			actions++
			for name, value := range a.With {
				got[a.Verb+" "+name] = value
			}
		}
		note := state.Notes[ev.Source]
		got["note"] = string(note.Kind) + " " + note.Text
	}
	for name, value := range state.Values {
		got[name] = value.Text
	}
	got["actions"], got["kept"] = strconv.Itoa(actions), strconv.Itoa(kept)
	return got, nil
}

// pieces is what the reader sends; a pause stands for itself: "<0.7 s>".
func (l fieldLine) pieces(t *testing.T) []string {
	t.Helper()
	if l.Hex != "" {
		raw, err := hex.DecodeString(l.Hex)
		must(t, err)
		return []string{string(raw)}
	}
	var pieces []string
	if json.Unmarshal(l.Input, &pieces) != nil {
		return nil // a line about the configuration alone
	}
	return pieces
}

// eventsOf returns the events that a reader makes of what is sent to it.
func eventsOf(t *testing.T, setting scanner.Config, hand *demo.Scanner, pieces []string) ([]station.Event, scanner.Counts) {
	t.Helper()
	const last = "THE-LAST-ONE"
	ready := make(logWaiter, 10)
	stamp := func(at time.Time) station.Stamp { return station.Stamp{Wall: at, Boot: "b", Trusted: true} }
	r := scanner.Open(setting, stamp, slog.New(slog.NewTextHandler(ready, nil)))
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { _ = r.RunPort(ctx) })
	events := make(chan station.Event, 100)
	running.Go(func() { _ = r.Listen(ctx, func(f scanner.Frame) { events <- f.Event }) })
	ready.says(t, "scanner ready")
	for _, piece := range pieces {
		if pause, is := strings.CutPrefix(piece, "<"); is && strings.HasSuffix(pause, " s>") {
			seconds, err := strconv.ParseFloat(strings.TrimSuffix(pause, " s>"), 64)
			must(t, err)
			<-time.After(time.Duration(seconds * float64(time.Second))) // what is fed is the pause itself
			continue
		}
		must(t, sendRaw(hand, piece))
	}
	must(t, sendRaw(hand, "]C0"+last+"\r\n"))
	var all []station.Event
	for {
		select {
		case ev := <-events:
			if strings.Contains(ev.Code, last) {
				return all, r.Counts()
			}
			all = append(all, ev)
		case <-time.After(20 * time.Second):
			t.Fatalf("the last scan never came; before it: %v, counts %+v", all, r.Counts())
		}
	}
}

// A logWaiter is a log that a test can wait for.
type logWaiter chan string

// Write implements io.Writer.
func (w logWaiter) Write(line []byte) (int, error) {
	select {
	case w <- string(line):
	default:
	}
	return len(line), nil
}

var _ io.Writer = logWaiter(nil)

func (w logWaiter) says(t *testing.T, text string) {
	t.Helper()
	for {
		select {
		case line := <-w:
			if strings.Contains(line, text) {
				return
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("the log never said %q", text)
		}
	}
}
