package relay

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/api"
	"stationd/internal/station"
)

var update = flag.Bool("update", false, "write what stands on the wire anew")

// fill gives every field of a struct a value of its own that is not zero, and stays the same
// when a field is added.
func fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	n := 10
	for _, letter := range name {
		n = (7*n + int(letter)) % 101
	}
	n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 3, 2, 8, 15, n%60, 250_000_000, time.UTC)))
		return
	case error:
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("the " + name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Uint8:
		v.SetUint(uint64(n))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i), fmt.Sprint(name, i))
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"order": "4711"}))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.Interface:
	default:
		t.Fatalf("a field of kind %v: nobody says how it goes over the wire", v.Kind())
	}
}

// Whoever adds a field to a delivery or a receipt must say how it goes over the wire.
func TestWhatTheStationSaysArrivesWhole(t *testing.T) {
	t.Parallel()
	var d station.Delivery
	var rc station.Receipt
	fill(t, reflect.ValueOf(&d).Elem(), "whole")
	fill(t, reflect.ValueOf(&rc).Elem(), "whole")
	rc.Outcome, rc.At = station.Doubtful, station.Stamp{} // the lane's own
	rc.Err = errors.Join(errors.New("POST a: refused"), station.ErrKey, station.ErrForbidden, station.ErrUndecided, station.ErrNotShown,
		station.ErrAbsent, station.ErrUnreadable, station.ErrFailed, station.ErrMisfit, &api.Refusal{Text: "no"})

	text, err := json.Marshal((*delivery)(&d))
	if err != nil {
		t.Fatal(err)
	}
	var came delivery
	if err := json.Unmarshal(text, &came); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, station.Delivery(came)); diff != "" {
		t.Errorf("a delivery arrives as another:\n%s", diff)
	}

	if text, err = json.Marshal(answerOf(rc)); err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	back, err := a.receipt()
	if err != nil {
		t.Fatal(err)
	}
	for name, kind := range kinds() {
		if !errors.Is(back.Err, kind) {
			t.Errorf("an error that is %s arrives as another: %v", name, back.Err)
		}
	}
	if no, is := errors.AsType[*api.Refusal](back.Err); !is || no.Text != "no" {
		t.Errorf("the vendor's own words are lost: %v", back.Err)
	}
	rc.Err, back.Err = nil, nil
	if diff := cmp.Diff(rc, back); diff != "" {
		t.Errorf("a receipt arrives as another:\n%s", diff)
	}
}

// A station of yesterday must be understood today: what stands in testdata stays.
func TestTheWireIsAsItIsWrittenDown(t *testing.T) {
	t.Parallel()
	var d station.Delivery
	var rc station.Receipt
	fill(t, reflect.ValueOf(&d).Elem(), "whole")
	fill(t, reflect.ValueOf(&rc).Elem(), "whole")
	rc.Outcome, rc.Err = station.Unreached, station.ErrAbsent
	said := answerOf(rc)
	said.Version, said.Before, said.Vendor = 1, []byte("{}"), d.When
	said.Body = []byte("[]")
	said.Answer = &table{Columns: []string{"order"}, Rows: [][]string{{"4711"}}, Note: "more", All: json.RawMessage(`[1]`), File: []byte("%PDF"), Type: "application/pdf"}
	for name, what := range map[string]any{
		"announcement-1": announcement{Version: 1, Least: 1, Term: "3f", Tick: 17, Relay: "dmz-1"},
		"deliver-1":      ask{Version: 1, Do: doDeliver, Tick: 17, Settle: time.Minute, Delivery: (*delivery)(&d)},
		"read-1":         ask{Version: 1, Do: doRead, Tick: 17, Question: "order", With: map[string]string{"id": "4711"}},
		"answer-1":       said,
	} {
		text, err := json.MarshalIndent(what, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimSpace(string(kept)), string(text)); diff != "" {
			t.Errorf("%s is another on the wire than it was: where an older program would not understand it, it needs another version\n%s", name, diff)
		}
	}
}
