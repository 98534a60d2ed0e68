package l2l

import (
	"net/url"
	"testing"

	"pgregory.net/rapid"
)

func TestAFormIsPostedAsURLValuesAre(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := url.Values{}
		var f form
		for range rapid.IntRange(0, 20).Draw(t, "fields") {
			name, value := rapid.SampledFrom([]string{"site", "user", "a b", "Ö", "%"}).Draw(t, "name"), rapid.String().Draw(t, "value")
			values.Set(name, value)
			f.Set(name, value)
			if f.Get(name) != value || !f.Has(name) || f.Has("none") {
				t.Fatalf("%v has not what was set", f)
			}
		}
		if got := string(f.encode()); got != values.Encode() {
			t.Fatalf("%s, want %s", got, values.Encode())
		}
	})
}
