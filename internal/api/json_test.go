package api

import (
	"encoding/json"
	"fmt"
	"testing"
)

// A Scalar reads what an Object reads, whatever stands in a field.
func FuzzAScalarReadsWhatAnObjectReads(f *testing.F) {
	for _, seed := range []string{`null`, `""`, `"a"`, `"å\u00e5\n"`, `"12"`, `" 12 "`, `12`, `1.2E1`, `-3`, `0`, `1e400`, `9007199254740993`, `0.5`,
		`true`, `"True"`, `"false"`, `"T"`, `[]`, `{}`, `["a"]`, `{"a": 1}`, "\"\xff\"", `"007"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		raw := fmt.Appendf(nil, `{"f": %s}`, value)
		o, whole := ReadObject(raw)
		var s struct {
			F Scalar `json:"f"`
		}
		if err := json.Unmarshal(raw, &s); (err == nil) != whole {
			t.Fatalf("%s: an object: %v, a struct: %v", raw, whole, err)
		}
		if !whole || len(o) != 1 || o["f"] == nil {
			return // not one field, or the same under a name in another case
		}
		text, ok := o.Text("f")
		if got, gotOK := s.F.Text(); got != text || gotOK != ok {
			t.Errorf("%s: text %q %v, want %q %v", raw, got, gotOK, text, ok)
		}
		number, ok := o.Number("f")
		if got, gotOK := s.F.Number(); gotOK != ok || ok && got != number {
			t.Errorf("%s: number %v %v, want %v %v", raw, got, gotOK, number, ok)
		}
		id, ok := o.ID("f")
		if got, gotOK := s.F.ID(); got != id || gotOK != ok {
			t.Errorf("%s: id %q %v, want %q %v", raw, got, gotOK, id, ok)
		}
		truth, ok := o.Truth("f")
		if got, gotOK := s.F.Truth(); got != truth || gotOK != ok {
			t.Errorf("%s: truth %v %v, want %v %v", raw, got, gotOK, truth, ok)
		}
	})
}

func TestRowsAreAListOrTheThingItself(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`[]`:                       "there ok none",
		`{}`:                       "there ok none",
		` [ ] `:                    "there ok none",
		`null`:                     "there ok none",
		`false`:                    "there none",
		`""`:                       "there none",
		`"no orders"`:              "there",
		`12`:                       "there",
		`[1]`:                      "there",
		`[{"id": 7}, null]`:        "there",
		`[{"id": 7}, [2]]`:         "there",
		`{"id": 7}`:                "there ok 7",
		`[{"id": 7}, {"id": "8"}]`: "there ok 7 8",
		`[{"id": [7]}, {"x": 1}]`:  "there ok - -",
	} {
		var s struct {
			Data Rows[struct {
				ID Scalar `json:"id"`
			}] `json:"data"`
		}
		if err := json.Unmarshal(fmt.Appendf(nil, `{"data": %s}`, value), &s); err != nil {
			t.Fatal(err)
		}
		got := ""
		if s.Data.There {
			got += "there"
		}
		if s.Data.OK {
			got += " ok"
		}
		if s.Data.None {
			got += " none"
		}
		for _, row := range s.Data.List {
			id, ok := row.ID.ID()
			if !ok {
				id = "-"
			}
			got += " " + id
		}
		if got != want {
			t.Errorf("%s: %s, want %s", value, got, want)
		}
		if one, ok := s.Data.One(); one == nil || ok != (len(s.Data.List) == 1) {
			t.Errorf("%s: one is %v %v", value, one, ok)
		}
	}
	var absent struct {
		Data Rows[struct{}] `json:"data"`
	}
	if err := json.Unmarshal([]byte(`{"other": 1}`), &absent); err != nil || absent.Data.There || absent.Data.OK {
		t.Errorf("%+v (%v)", absent, err)
	}
}
