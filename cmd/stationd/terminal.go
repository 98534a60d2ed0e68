package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// terminalSize returns the size of the terminal that w leads to; ok is false where
// it leads to a file, a pipe or another program.
func terminalSize(w io.Writer) (rows, columns int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile {
		return 0, 0, false
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, false
	}
	return int(size.Row), int(size.Col), true
}

// A picture is a few lines of a terminal that are drawn again where they stand. It
// changes nothing of the terminal but those lines: no mode is set, no cursor is
// hidden, and what stood above stays. So there is nothing to put back at the end.
type picture struct {
	w     io.Writer
	drawn int // lines of the last drawing
}

// draw draws the lines over those of the last drawing, which were as many.
func (p *picture) draw(lines []string) error {
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", p.drawn) // cursor up
	}
	for _, line := range lines {
		b.WriteString("\r\x1b[K" + line + "\n") // erase the line
	}
	p.drawn = len(lines)
	_, err := io.WriteString(p.w, b.String())
	return err
}

// fit cuts or fills text to a width, in characters.
func fit(text string, width int) string {
	n := utf8.RuneCountInString(text)
	if n <= width {
		return text + strings.Repeat(" ", width-n)
	}
	return string([]rune(text)[:width-1]) + "…"
}
