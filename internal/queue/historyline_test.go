package queue

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"stationd/internal/station/stationtest"
)

func TestALineOfHistoryIsWrittenAsEncodingJSONWouldWriteIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var line HistoryLine
		stationtest.Fill(t, &line)
		want, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		got, err := line.appendJSON(nil)
		if err != nil || string(got) != string(want) {
			t.Fatalf("%v, and it is\n%s, want\n%s", err, got, want)
		}
	})
}
