package terminal

import (
	"io"
	"os"

	"stationd/internal/station"
)

// A Colour is one of a terminal's own, which its owner has chosen to be readable.
type Colour string

// The colours. None of them says what no word beside it does.
const (
	Red    Colour = "31"
	Green  Colour = "32"
	Yellow Colour = "33"
)

// Colours reports whether w leads to a terminal that shows colours, and nobody has asked for
// none: NO_COLOR (no-color.org) holds any text, or TERM is dumb.
func Colours(w io.Writer) bool {
	_, _, is := Size(w)
	return is && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Paint writes a text to w, in a colour where w shows colours. The text acts on no terminal,
// as all that an Output writes.
func Paint(w io.Writer, c Colour, text string) error {
	if !Colours(w) {
		_, err := io.WriteString(w, text)
		return err
	}
	_, err := io.WriteString(Raw(w), "\x1b["+string(c)+"m"+string(station.Printable([]byte(text)))+"\x1b[0m")
	return err
}
