package sheet

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
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

// A face is a font, and what of it has been asked for.
type face struct {
	name string
	file []byte
	font *sfnt.Font
	em   int // units
}

// fonts reads both fonts once. They are part of the program: one that cannot be read is a
// defect of it, which every test of this package would show.
var fonts = sync.OnceValue(func() [2]*face {
	return [2]*face{readFace("Go-Regular", regularTTF), readFace("Go-Bold", boldTTF)}
})

func readFace(name string, file []byte) *face {
	f, err := sfnt.Parse(file)
	if err != nil {
		panic(fmt.Errorf("font %s: %w", name, err))
	}
	return &face{name: name, file: file, font: f, em: int(f.UnitsPerEm())}
}

// glyph returns the number and the width of a letter, in thousandths of the size. A letter
// that the font does not have is number 0, an empty box.
func (f *face) glyph(buffer *sfnt.Buffer, r rune) (number sfnt.GlyphIndex, width int) {
	number, err := f.font.GlyphIndex(buffer, r)
	if err != nil {
		number = 0
	}
	advance, err := f.font.GlyphAdvance(buffer, number, fixed.I(f.em), font.HintingNone)
	if err != nil {
		return 0, 0
	}
	return number, advance.Round() * 1000 / f.em
}

// pointsPerMM is how many of a typesetter's points are a millimetre.
const pointsPerMM = 72 / 25.4

// Width is how wide a text is in millimetres; size is in points.
func Width(text string, size float64, weight Weight) float64 {
	var buffer sfnt.Buffer
	sum := 0
	for _, r := range text {
		_, width := fonts()[weight].glyph(&buffer, r)
		sum += width
	}
	return float64(sum) / 1000 * size / pointsPerMM
}

// Lacks returns the letters of a text that the fonts do not have, each once.
func Lacks(text string) string {
	var buffer sfnt.Buffer
	var lacks strings.Builder
	for _, r := range text {
		if number, _ := fonts()[Regular].glyph(&buffer, r); number == 0 && !strings.ContainsRune(lacks.String(), r) {
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
