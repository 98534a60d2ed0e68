package terminal

import (
	"encoding/json"
	"io"

	"stationd/internal/station"
)

// WriteJSON writes a value as indented JSON.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// OneLine shows text of a vendor or a bar code as text: nothing in it can move
// the cursor or pretend to be another line. It is cut to what a table has room for.
func OneLine(text string) string { return station.Cut(Visible(text), 120) }

// Visible is OneLine for a text of any length.
func Visible(text string) string { return station.Visible(text, "<", ">") }
