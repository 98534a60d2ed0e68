package terminal

import (
	"bytes"
	"errors"
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

// A LinePainter writes lines to W, each in the colour that Of has for it; "" is none.
type LinePainter struct {
	W  io.Writer
	Of func(line string) Colour

	part []byte // of a line whose end is to come
}

// Write implements io.Writer. A last line without an end is not written.
func (p *LinePainter) Write(text []byte) (int, error) {
	p.part = append(p.part, text...)
	for {
		line, rest, whole := bytes.Cut(p.part, []byte("\n"))
		if !whole {
			return len(text), nil
		}
		p.part = rest
		var err error
		if c := p.Of(string(line)); c != "" {
			err = Paint(p.W, c, string(line))
			line = nil
		}
		if _, err2 := p.W.Write(append(bytes.Clone(line), '\n')); err != nil || err2 != nil {
			return 0, errors.Join(err, err2)
		}
	}
}
