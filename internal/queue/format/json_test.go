package format

import (
	"encoding/json"
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
