package terminal

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"stationd/internal/fleet"
	"stationd/internal/station"
)

func TestDurationsAreTextForWhoeverReads(t *testing.T) {
	t.Parallel()
	e := station.EntryStatus{Entry: station.Entry{At: station.Stamp{Up: 90 * time.Second, Boot: `x","up":5,"`}}}
	e.LateAfter = 30 * time.Minute
	e.With = map[string]string{"up": "7", "for": `{"up": 5}`, "description": `he said "up":5, "for": 6`}
	var out bytes.Buffer
	if err := WriteStationJSON(&out, []any{e, station.Value{Text: `{"up":5,"for":6}`, For: time.Hour}}); err != nil {
		t.Fatal(err)
	}
	for text, n := range map[string]int{`"up": "1m30s"`: 1, `"late_after": "30m0s"`: 1, `"for": "1h0m0s"`: 1} {
		if got := strings.Count(out.String(), text); got != n {
			t.Errorf("%s is there %d times, not %d:\n%s", text, got, n, out.String())
		}
	}
	var back []map[string]any
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	with, _ := back[0]["with"].(map[string]any)
	for name, value := range e.With {
		if with[name] != value {
			t.Errorf("%s is %q and not %q", name, with[name], value)
		}
	}
	if back[1]["text"] != `{"up":5,"for":6}` {
		t.Errorf("the text is %q", back[1]["text"])
	}
	var lines bytes.Buffer
	if _, err := (DurationWriter{&lines}).Write([]byte(`{"at":{"wall":"2026-03-02T06:00:00Z","up":1500000000}}` + "\n")); err != nil || lines.String() != `{"at":{"wall":"2026-03-02T06:00:00Z","up":"1.5s"}}`+"\n" {
		t.Errorf("a line is %s, %v", lines.String(), err)
	}
}

// Each duration that a command prints is one of the names that are known for it, and nothing
// else has such a name.
func TestEveryDurationIsKnownByItsName(t *testing.T) {
	t.Parallel()
	known := []string{"up", "for", "late_after", "age", "oldest", "ahead"}
	seen, found := make(map[reflect.Type]bool), make(map[string]bool)
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		switch of.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			walk(of.Elem())
			return
		case reflect.Struct:
		default:
			return
		}
		if seen[of] || of == reflect.TypeFor[time.Time]() {
			return
		}
		seen[of] = true
		for _, f := range reflect.VisibleFields(of) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "-" || !f.IsExported() {
				continue
			}
			if duration := f.Type == reflect.TypeFor[time.Duration](); duration != slices.Contains(known, name) && (duration || f.Type.Kind() == reflect.Int64) {
				t.Errorf("%v has %s as %q, which is known as something else", of, f.Name, name)
			} else if duration {
				found[name] = true
			}
			walk(f.Type)
		}
	}
	for _, printed := range []any{station.EntryStatus{}, station.Event{}, station.Call{}, station.Contents{}, station.State{}, fleet.Seen{}} {
		walk(reflect.TypeOf(printed))
	}
	if len(found) != len(known) {
		t.Errorf("only %v were found", found)
	}
}
