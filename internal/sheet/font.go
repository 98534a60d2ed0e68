package sheet

import (
	_ "embed"
	"encoding/binary"
	"strings"
	"sync"
)

// A Weight is how heavy letters are.
type Weight uint8

// The weights.
const (
	Regular Weight = iota
	Bold
)

//go:embed fonts/Go-Regular.ttf
var regularTTF []byte

//go:embed fonts/Go-Bold.ttf
var boldTTF []byte

// A face is one of the two fonts.
type face struct {
	name            string
	file            []byte
	em              int            // units
	ascent, descent int            // in thousandths of the size; descent is below the line
	capital         int            // height of a capital
	glyphs          map[rune]glyph // of every letter that it has
}

// A glyph is how a letter is drawn; number 0 is an empty box.
type glyph struct{ number, width int } // width in thousandths of the size

// fonts reads both fonts once. They are part of the program: one that cannot be read is a
// defect of it, which every test of this package would show.
var fonts = sync.OnceValue(func() [2]*face { //nolint:gochecknoglobals // never changes
	return [2]*face{readFace("Go-Regular", regularTTF), readFace("Go-Bold", boldTTF)}
})

// readFace reads of a TrueType file what is needed here: which letters it has and how wide they
// are. The library for it (golang.org/x/image/font/sfnt) reads ten times as much.
func readFace(name string, file []byte) *face {
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(file[at:])) }
	i16 := func(at int) int { return int(int16(binary.BigEndian.Uint16(file[at:]))) } //nolint:gosec // as the format has it
	table := make(map[string]int)
	for i := range u16(4) {
		entry := 12 + 16*i
		table[string(file[entry:entry+4])] = int(binary.BigEndian.Uint32(file[entry+8:]))
	}
	f := &face{name: name, file: file, em: u16(table["head"] + 18), glyphs: make(map[rune]glyph)}
	f.ascent, f.descent, f.capital = f.thousandths(i16(table["hhea"]+4)), -f.thousandths(i16(table["hhea"]+6)), f.thousandths(i16(table["OS/2"]+88))
	widths := u16(table["hhea"] + 34)
	width := func(number int) int { return f.thousandths(u16(table["hmtx"] + 4*min(number, widths-1))) }
	f.glyphs[noLetter] = glyph{0, width(0)}
	// Of the tables of letters, the first has what the basic plane of Unicode has (format 4):
	// segments of letters that follow each other.
	letters := table["cmap"] + int(binary.BigEndian.Uint32(file[table["cmap"]+8:]))
	segments := u16(letters+6) / 2
	ends := letters + 14
	starts := ends + 2*segments + 2
	deltas, offsets := starts+2*segments, starts+4*segments
	for s := range segments {
		for r := u16(starts + 2*s); r <= u16(ends+2*s) && r < 0xFFFF; r++ {
			number := r
			if offset := u16(offsets + 2*s); offset != 0 {
				number = u16(offsets + 2*s + offset + 2*(r-u16(starts+2*s)))
			}
			if number = (number + u16(deltas+2*s)) & 0xFFFF; number != 0 {
				f.glyphs[rune(r)] = glyph{number, width(number)}
			}
		}
	}
	return f
}

// noLetter stands for every letter that a font does not have.
const noLetter = rune(-1)

func (f *face) thousandths(units int) int { return units * 1000 / f.em }

// glyph returns how a letter is drawn.
func (f *face) glyph(r rune) glyph {
	if g, has := f.glyphs[r]; has {
		return g
	}
	return f.glyphs[noLetter]
}

// pointsPerMM is how many of a typesetter's points are a millimetre.
const pointsPerMM = 72 / 25.4

// Width is how wide a text is in millimetres; size is in points.
func Width(text string, size float64, weight Weight) float64 {
	sum := 0
	for _, r := range text {
		sum += fonts()[weight].glyph(r).width
	}
	return float64(sum) / 1000 * size / pointsPerMM
}

// Lacks returns the letters of a text that the fonts do not have, each once.
func Lacks(text string) string {
	var lacks strings.Builder
	for _, r := range text {
		if fonts()[Regular].glyph(r).number == 0 && !strings.ContainsRune(lacks.String(), r) {
			lacks.WriteRune(r)
		}
	}
	return lacks.String()
}

// Wrap breaks a text into lines of at most that width, between words, behind a hyphen,
// or within a word that is too long. At most that many lines are returned; the last ends in an ellipsis where
// something is left out.
func Wrap(text string, size float64, weight Weight, width float64, most int) (lines []string) {
	fits := func(line string) bool { return Width(line, size, weight) <= width }
	line := ""
	end := func() {
		if line = strings.TrimRight(line, " "); line != "" {
			lines = append(lines, line)
		}
		line = ""
	}
	for _, word := range strings.SplitAfter(strings.Join(strings.Fields(text), " "), " ") {
		for part := range strings.SplitAfterSeq(word, "-") {
			if !fits(strings.TrimRight(line+part, " ")) {
				end()
			}
			for _, r := range part {
				if line != "" && r != ' ' && !fits(line+string(r)) {
					end()
				}
				line += string(r)
			}
		}
	}
	end()
	if len(lines) <= most {
		return lines
	}
	last := []rune(lines[most-1])
	for len(last) > 0 && !fits(string(last)+"…") {
		last = last[:len(last)-1]
	}
	lines[most-1] = strings.TrimRight(string(last), " ") + "…"
	return lines[:most]
}
