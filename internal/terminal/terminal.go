// Package terminal writes for people: text that came from a label, a vendor or a file
// acts on no terminal, lines are broken where a terminal ends, and a table is drawn again
// where it stands.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// Size returns the size of the terminal that w leads to; ok is false where
// it leads to a file, a pipe or another program.
func Size(w io.Writer) (rows, columns int, ok bool) {
	f, isFile := Raw(w).(*os.File)
	if !isFile {
		return 0, 0, false
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, false
	}
	return int(size.Row), int(size.Col), true
}

// A Picture is a few lines of a terminal that are drawn again where they stand. It
// changes nothing of the terminal but those lines: no mode is set, no cursor is
// hidden, and what stood above stays. So there is nothing to put back at the end.
type Picture struct {
	W     io.Writer
	drawn int // lines of the last drawing
}

// Draw draws the lines over those of the last drawing, which were as many.
func (p *Picture) Draw(lines []string) error {
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.drawn) // cursor up
	}
	for _, line := range lines {
		b.WriteString("\r\x1b[K" + string(station.Printable([]byte(line))) + "\n") // erase the line
	}
	p.drawn = len(lines)
	_, err := io.WriteString(p.W, b.String())
	return err
}

// Fit cuts or fills text to a width, in characters.
func Fit(text string, width int) string {
	n := utf8.RuneCountInString(text)
	if n <= width {
		return text + strings.Repeat(" ", width-n)
	}
	return string([]rune(text)[:width-1]) + "…"
}

// LineWidth is the longest line that is written: a terminal has 80 columns at least,
// and some break a line that fills the last.
const LineWidth = 79

// Wrap breaks the lines of a text at spaces, where they are too long for a
// terminal; what goes on below is indented. A word that is too long itself, as a path,
// is left whole.
func Wrap(text string, indent int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		for utf8.RuneCountInString(strings.TrimRight(line, "\n")) > LineWidth {
			from := len(line) - len(strings.TrimLeft(line, " "))
			fits := string([]rune(line)[:LineWidth+1])
			at := strings.LastIndexByte(fits, ' ')
			if at <= from { // the first word is too long
				at = strings.IndexByte(line[from:], ' ') + from
			}
			if at < from || strings.TrimSpace(line[at:]) == "" {
				break
			}
			b.WriteString(strings.TrimRight(line[:at], " ") + "\n")
			line = strings.Repeat(" ", indent) + strings.TrimLeft(line[at:], " ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// Count is a number with its noun: 1 lamp, 2 lamps.
func Count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprint(n, " ", noun)
}

// Is reports whether a file is a terminal.
func Is(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// Hide has a terminal show nothing of what is typed, until show is called.
func Hide(f *os.File) (show func(), err error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &hidden); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }, nil // it was so before
}
