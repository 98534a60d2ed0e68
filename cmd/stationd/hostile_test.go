package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// hostileLabels are the labels of the corpus, by their names.
func hostileLabels(t *testing.T) (names []string, labels map[string]string) {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "internal", "scanner", "testdata", "hostile-labels.jsonl"))
	must(t, err)
	defer file.Close()
	labels = make(map[string]string)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var row struct {
			Name, Hex string
			Times     int
		}
		must(t, json.Unmarshal(lines.Bytes(), &row))
		raw, err := hex.DecodeString(row.Hex)
		must(t, err)
		names = append(names, row.Name)
		labels[row.Name] = strings.Repeat(string(raw), max(1, row.Times))
	}
	if len(names) < 100 {
		t.Fatalf("the corpus has %d labels", len(names))
	}
	return names, labels
}

// trace returns the first thing in a text that would act on a terminal, turn text around
// or hide in it; "" for none. It is not the program's own rule, so that one mistake does
// not hide the other.
func trace(text string) string {
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\n', r == '\t':
		case r == utf8.RuneError && size == 1:
			return fmt.Sprintf("byte %02X, which is no UTF-8", text[i])
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029', r == '\u200b', r == '\ufeff':
			return fmt.Sprintf("U+%04X", r)
		}
	}
	return ""
}

// unseen fails where a value has a character that is not seen, so that it is another value
// than the one it looks like.
func unseen(t *testing.T, where, value string) {
	t.Helper()
	untouched(t, where, value)
	before := ' '
	for _, r := range value {
		joined := (r == '\u200c' || r == '\u200d' || r == '\ufe0f') && before > unicode.MaxASCII
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) && !joined {
			t.Errorf("%s has U+%04X: %.300q", where, r, value)
			return
		}
		before = r
	}
}

// untouched fails where a text holds a trace, and shows what stands around it.
func untouched(t *testing.T, where, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if found := trace(strings.TrimSuffix(line, "\n")); found != "" {
			t.Errorf("%s has %s: %.300q", where, found, line)
			return
		}
	}
}

// hostileStation is a station whose bindings put what is scanned into every kind of field.
func hostileStation(t *testing.T) *demo.Simulation {
	t.Helper()
	b := newStation(t, nil)
	editConfig(t, b, "[[on]]\nevent = \"maintenance.press\"", `[[on]]
event = "hand.scan"
match = '(?s)^X-(?P<any>.*)$'
do    = [{ l2l = "dispatch.open", type = "MAINT", description = "{any}", again = true }]

[[on]]
event = "hand.scan"
match = '(?s)^Y-(?P<any>.*)$'
do    = [{ lagerkoll = "order.start", order = "{any}" }]

[[on]]
event = "hand.scan"
match = '(?s)^Z-(?P<any>.*)$'
set   = { product = "{any}" }
do    = [{ lagerkoll = "article.trace", order = "4711", article = "09506000134352", batch = "{any}", serial = "{any}" }]

[[on]]
event = "maintenance.press"`)
	must(t, b.Power(t.Context(), true))
	return b
}

// everything is what people see of the station: by commands, the page, the metrics, the log.
func everything(t *testing.T, b *demo.Simulation) map[string]string {
	t.Helper()
	shown := make(map[string]string)
	for _, args := range [][]string{
		{"outbox", "ls", "--all"}, {"outbox", "ls", "--json", "--all"}, {"outbox", "summary"}, {"outbox", "export"}, {"outbox", "verify"},
		{"doctor"}, {"doctor", "--json"}, {"call", "ls"}, {"call", "ls", "--json"},
	} {
		var out, errs bytes.Buffer
		command(t.Context(), append(args, "--config", b.ConfigPath()), strings.NewReader(""), &out, &errs)
		shown["stationd "+strings.Join(args, " ")] = out.String() + errs.String()
	}
	c, err := b.Contents(t.Context())
	must(t, err)
	for _, e := range c.Entries {
		var out, errs bytes.Buffer
		command(t.Context(), []string{"outbox", "show", string(e.ID), "--config", b.ConfigPath()}, strings.NewReader(""), &out, &errs)
		shown["stationd outbox show"] += out.String() + errs.String()
	}
	for _, path := range []string{"", "metrics", "healthz", "events"} {
		shown["the page /"+path] = getText(t, http.DefaultClient, b.Log.PageURL()+path)
	}
	log, err := os.ReadFile(b.LogPath())
	must(t, err)
	shown["the log"] = string(log)
	return shown
}

// Whatever is printed on a label: it leaves no trace in what people see, in the outbox's
// lanes, or in what a vendor is sent.
func TestAHostileLabelLeavesNoTraceByTheReader(t *testing.T) {
	t.Parallel()
	names, labels := hostileLabels(t)
	b := hostileStation(t)
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.WaitDelivered(t.Context()))
	file, err := os.ReadFile(b.OutboxPath())
	must(t, err)
	at := bytes.Index(file, []byte("SDQ"))
	if at < 0 {
		t.Fatal("no record is found in the outbox's file, so nothing would be proved of it")
	}
	names = append(names, "a whole record of the outbox")
	labels["a whole record of the outbox"] = string(bytes.ReplaceAll(file[at:at+2800], []byte("\r"), nil))
	for i, name := range names {
		for _, prefix := range []string{"", "X-", "Y-", "Z-", "]Q1", "]C101095060001343510"} {
			must(t, b.Scan(prefix+labels[name]))
		}
		scanAndWait(t, b, fmt.Sprintf("END-%d", i)) // those before are recorded or refused
	}
	for where, text := range everything(t, b) {
		untouched(t, where, text)
		if strings.HasPrefix(where, "the page /") && (strings.Contains(text, "<script>alert") || strings.Contains(text, "<img src=x") || strings.Contains(text, "<svg/onload")) {
			t.Errorf("%s has the markup of a label", where)
		}
	}
	c, err := b.Contents(t.Context())
	must(t, err)
	for _, e := range c.Entries {
		unseen(t, "the lane of "+e.Verb, e.Lane)
		for field, value := range e.With {
			unseen(t, "the field "+field+" of "+e.Verb, value)
		}
	}
	if len(c.Entries) == 0 && len(b.Plant.Dispatches()) < 10 {
		t.Error("no label came as far as the outbox, so nothing was proved of it")
	}
	for _, r := range b.Plant.Requests() {
		unseen(t, r.Method+" of a vendor, its address", r.Path)
		for _, values := range []url.Values{r.Query, r.Form} {
			for key, all := range values {
				unseen(t, r.Method+" "+r.Path+", its field "+key, strings.Join(all, " "))
			}
		}
		var text any
		if json.Unmarshal([]byte(r.Body), &text) == nil {
			eachText(text, func(s string) { unseen(t, r.Method+" "+r.Path+", a text of it", s) })
		}
	}
	if len(b.Plant.Orders()) > 0 && slices.ContainsFunc(b.Plant.Writes(), func(w plant.Write) bool { return strings.Contains(w.Path, "finish") }) {
		t.Error("a label has finished an order")
	}
	must(t, b.Kill()) // what waits is for nobody: the box's end verifies the file
}

// eachText calls f with every text of a JSON value.
func eachText(value any, f func(string)) {
	switch value := value.(type) {
	case string:
		f(value)
	case []any:
		for _, v := range value {
			eachText(v, f)
		}
	case map[string]any:
		for k, v := range value {
			f(k)
			eachText(v, f)
		}
	}
}

// The page's forms and the command line take a label in the place of an entry, of a field
// or of a file.
func TestAHostileLabelLeavesNoTraceByTheFormsAndCommands(t *testing.T) {
	t.Parallel()
	names, labels := hostileLabels(t)
	b := hostileStation(t)
	for _, name := range names {
		label := labels[name]
		for _, form := range []string{"retry", "discard", "close"} {
			answer, err := http.PostForm(b.Log.PageURL()+form, url.Values{"entry": {label}, station.NotThere: {label}})
			must(t, err)
			text, err := io.ReadAll(answer.Body)
			must(t, err)
			must(t, answer.Body.Close())
			untouched(t, "the answer to "+form+" of "+name, string(text))
			for key, values := range answer.Header {
				untouched(t, "the header "+key+" of "+form+" of "+name, strings.Join(values, " "))
			}
			if strings.Contains(string(text), "<script>alert") || strings.Contains(string(text), "<img src=x") {
				t.Errorf("the answer to %s has the markup of %s", form, name)
			}
		}
		for _, args := range [][]string{
			{"outbox", "show", label}, {"outbox", "retry", label}, {"outbox", "discard", "--yes", label}, {"call", "close", "--yes", label},
			{"l2l", "dispatch.open", "--yes", "type=MAINT", "machine=SEAL-1", "description=" + label}, {"l2l", "dispatch.open", "--dry-run", "type=" + label, "machine=" + label},
			{"lagerkoll", "order.start", "--yes", "order=" + label}, {"lagerkoll", "order.start", "--dry-run", "order=" + label},
			{"scans", "--port", label, "--frame", label}, {label}, {"outbox", "ls", "--limit", label},
		} {
			var out, errs bytes.Buffer
			if args[0] != "scans" && args[0] != label {
				args = append(args, "--config", b.ConfigPath())
			}
			if args[0] == "scans" && strings.HasPrefix(label, "/") {
				continue // a port that is a path is waited for
			}
			command(t.Context(), args, strings.NewReader(""), &out, &errs)
			untouched(t, strings.Join(args[:min(2, len(args))], " ")+" of "+name, out.String()+errs.String())
		}
	}
	for where, text := range everything(t, b) {
		untouched(t, where, text)
	}
	c, err := b.Contents(t.Context())
	must(t, err)
	for _, e := range c.Entries {
		unseen(t, "the lane of "+e.Verb, e.Lane)
		for field, value := range e.With {
			unseen(t, "the field "+field+" of "+e.Verb, value)
		}
	}
	for _, d := range b.Plant.Dispatches() {
		unseen(t, "a dispatch at the vendor", d.Description)
	}
	must(t, b.Kill())
}

// An integrator judges labels by standard input.
func TestAHostileLabelLeavesNoTraceByScansOfStandardInput(t *testing.T) {
	t.Parallel()
	names, labels := hostileLabels(t)
	var in bytes.Buffer
	for _, name := range names {
		for _, prefix := range []string{"", "]Q1", "]C1", "]C101095060001343510", "]d1"} {
			line, err := json.Marshal(prefix + labels[name])
			must(t, err)
			in.Write(append(line, '\n'))
		}
		in.WriteString(strings.ReplaceAll(labels[name], "\n", "") + "\n") // no JSON at all
	}
	var out, errs bytes.Buffer
	if code := command(t.Context(), []string{"scans", "--stdin"}, &in, &out, &errs); code != 0 {
		t.Errorf("it ends with %d: %s", code, errs.String())
	}
	untouched(t, "scans --stdin", out.String())
	untouched(t, "scans --stdin, its errors", errs.String())
	if n := strings.Count(out.String(), "\n"); n != 6*len(names) {
		t.Errorf("%d answers to %d lines", n, 6*len(names))
	}
}
