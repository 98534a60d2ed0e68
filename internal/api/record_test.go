package api

import "testing"

func TestVendorsPrintTheSameThingInManyWays(t *testing.T) {
	t.Parallel()
	o, ok := ReadObject([]byte(`{"bare": 12, "quoted": "12", "float": 1.2E1, "part": 1.5, "null": null, "true": "true",
		"false": false, "word": "twelve", "one": {"id": 1}, "many": [{"id": 1}, {"id": "2"}], "mixed": [{"id": 1}, 2], "none": [], "huge": 1e999}`))
	if !ok {
		t.Fatal("the object cannot be read")
	}
	for _, name := range []string{"bare", "quoted", "float"} {
		if id, ok := o.ID(name); !ok || id != "12" {
			t.Errorf("%s: id %q", name, id)
		}
	}
	for _, name := range []string{"part", "null", "word", "missing", "one", "true", "huge"} {
		if id, ok := o.ID(name); ok {
			t.Errorf("%s: taken for the id %s", name, id)
		}
	}
	if truth, ok := o.Truth("true"); !ok || !truth {
		t.Error(`"true" is not true`)
	}
	if truth, ok := o.Truth("false"); !ok || truth {
		t.Error("false is not false")
	}
	for _, name := range []string{"null", "bare", "word", "missing", "one"} {
		if _, ok := o.Truth(name); ok {
			t.Errorf("%s: taken for a truth", name)
		}
	}
	for name, want := range map[string]int{"one": 1, "many": 2, "none": 0, "null": 0, "missing": 0} {
		if list, ok := o.List(name); !ok || len(list) != want {
			t.Errorf("%s: a list of %d, want %d", name, len(list), want)
		}
	}
	for _, name := range []string{"mixed", "bare", "word"} {
		if _, ok := o.List(name); ok {
			t.Errorf("%s: taken for a list", name)
		}
	}
	for _, text := range []string{"", "null", "[]", `{"a": 1`, `{"a": 1} x`, "<html>"} {
		if _, ok := ReadObject([]byte(text)); ok {
			t.Errorf("%q: taken for an object", text)
		}
	}
}
