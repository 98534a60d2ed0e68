package terminal

import (
	"encoding/json"
	"io"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// stationDuration matches the durations in JSON of station's types, which on disk and between
// the programs are nanoseconds. A key stands behind a brace, a comma or a space, and within a
// text each quote has a backslash before it, so that no text is taken for one.
var stationDuration = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`([{,\s])"(up|for|late_after|age|oldest|ahead)":(\s*)(-?\d+)`)
})

// Durations returns JSON of station's types with its durations as text: "1m30s".
func Durations(text []byte) []byte {
	return stationDuration().ReplaceAllFunc(text, func(found []byte) []byte {
		parts := stationDuration().FindSubmatch(found)
		n, err := strconv.ParseInt(string(parts[4]), 10, 64)
		if err != nil {
			return found
		}
		return []byte(string(parts[1]) + `"` + string(parts[2]) + `":` + string(parts[3]) + `"` + time.Duration(n).String() + `"`)
	})
}

// WriteStationJSON is WriteJSON of station's types, with durations as text.
func WriteStationJSON(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(Durations(text), '\n'))
	return err
}

// A DurationWriter writes lines of JSON of station's types with durations as text. Each write
// is whole lines.
type DurationWriter struct{ To io.Writer }

// Write implements io.Writer.
func (d DurationWriter) Write(lines []byte) (int, error) {
	if _, err := d.To.Write(Durations(lines)); err != nil {
		return 0, err
	}
	return len(lines), nil
}
