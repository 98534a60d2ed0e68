package format

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"stationd/internal/station"
	"stationd/internal/station/stationtest"
)

// What is written without encoding/json is read with it, and must be what it would have written.
func TestRecordsAreWrittenAsEncodingJSONWouldWriteThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ev, entry, state := new(station.Event), new(Entry), new(State)
		for _, body := range []any{ev, entry, state, new(Fate)} {
			stationtest.Fill(t, body)
			want, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := appendJSON([]byte("before"), body)
			if err != nil || string(got) != "before"+string(want) {
				t.Fatalf("%v, and it is\n%s, want\n%s", err, got, want)
			}
		}
	})
}

// waiting is an entry that nobody has attempted.
func waiting() Entry {
	return Entry{Entry: station.Entry{ID: "9f86d081884c7d659a2feaa0c55ad015.1", Source: "hand", Kind: station.Scan, Action: station.Action{
		Lane: "lagerkoll/order:4711", Verb: "article.trace", To: "https://lagerkoll.example/ store 3", Marks: true, LateAfter: 1,
		With: map[string]string{"order": "4711", "article": "Ö-1"}}}, Condition: station.Waiting, Target: 7, Unsent: true}
}

// What is read without encoding/json must be what it would have read, whatever else stands
// somewhere in it, and where it would have refused, nothing.
func TestEntriesAreReadAsEncodingJSONWouldReadThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := waiting()
		if rapid.Bool().Draw(t, "any entry") {
			stationtest.Fill(t, &e)
		}
		written, err := e.appendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		text := string(written)
		if i := rapid.IntRange(0, 2*len(text)).Draw(t, "where"); i < len(text) { // something else stands there
			text = text[:i] + rapid.SampledFrom([]string{"", `"`, "{", "}", ",", ":", " ", "0", "-", "+", "e1", "[", "null", "\\", "\x01", "\xff", "ID"}).Draw(t, "other") + text[i+rapid.IntRange(0, 1).Draw(t, "gone"):]
		}
		got, ok := readEntry(text)
		if !ok {
			return
		}
		var want Entry
		if err := json.Unmarshal([]byte(text), &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nis read as\n%+v, want\n%+v, %v", text, got, want, err)
		}
	})
}

func TestAnEntryThatWaitsIsReadWithoutEncodingJSON(t *testing.T) {
	t.Parallel()
	e := waiting()
	text, err := e.appendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := readEntry(string(text)); !ok || !reflect.DeepEqual(got, e) {
		t.Errorf("%s is read as %+v", text, got)
	}
	if _, ok := readEntry(strings.Replace(string(text), "Ö", `\u00d6`, 1)); ok {
		t.Error("what is escaped is left to encoding/json")
	}
}
