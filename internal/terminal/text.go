package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// OneLine shows text of a vendor or a bar code as text: nothing in it can move
// the cursor or pretend to be another line.
func OneLine(text string) string {
	const longest = 120
	quoted := Quote(text)
	if runes := []rune(quoted); len(runes) > longest {
		quoted = string(runes[:longest]) + "…"
	}
	return quoted
}

// Quote is oneLine for a text of any length.
func Quote(text string) string {
	quoted := fmt.Sprintf("%q", text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
