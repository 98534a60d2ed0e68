package sheet

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Document says what a PDF is.
type Document struct {
	Title    string
	Language string // of its texts, as "sv"
}

// WritePDF writes sheets as a PDF (ISO 32000-1). The same sheets are the same bytes: there is
// no time in it.
func WritePDF(w io.Writer, document Document, sheets []*Sheet) error {
	var p pdf
	used := [2]map[int]rune{{}, {}}
	p.out.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	catalog, pages := p.reserve(), p.reserve()
	var fontObjects [2]int
	for i := range fontObjects {
		fontObjects[i] = p.reserve()
	}
	var kids []string
	for _, s := range sheets {
		content := p.stream("", s.content(used))
		page := p.reserve()
		p.object(page, fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %s %s] /Contents %d 0 R /Resources << /Font << /F0 %d 0 R /F1 %d 0 R >> >> >>",
			pages, number(PageWidth*pointsPerMM), number(PageHeight*pointsPerMM), content, fontObjects[0], fontObjects[1]))
		kids = append(kids, fmt.Sprintf("%d 0 R", page))
	}
	for i, f := range fonts() {
		p.font(fontObjects[i], f, used[i])
	}
	p.object(pages, fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(kids), strings.Join(kids, " ")))
	p.object(catalog, fmt.Sprintf("<< /Type /Catalog /Pages %d 0 R /Lang %s /ViewerPreferences << /DisplayDocTitle true /PrintScaling /None >> >>", pages, textString(document.Language)))
	info := p.reserve()
	p.object(info, fmt.Sprintf("<< /Title %s /Producer %s >>", textString(document.Title), textString("stationd")))
	p.end(catalog, info)
	_, err := w.Write(p.out.Bytes())
	return err
}

// A pdf is a PDF as far as it is written: objects with numbers from 1, and where each begins.
type pdf struct {
	out    bytes.Buffer
	begins []int
}

// reserve returns the number of an object that is written later.
func (p *pdf) reserve() int {
	p.begins = append(p.begins, 0)
	return len(p.begins)
}

func (p *pdf) object(number int, body string) {
	p.begins[number-1] = p.out.Len()
	fmt.Fprintf(&p.out, "%d 0 obj\n%s\nendobj\n", number, body)
}

// stream writes a compressed stream and returns its number; entries are added to its
// dictionary.
func (p *pdf) stream(entries string, content []byte) int {
	var packed bytes.Buffer
	z, _ := zlib.NewWriterLevel(&packed, zlib.BestCompression) // the level is one that there is
	_, _ = z.Write(content)                                    // into memory
	_ = z.Close()
	n := p.reserve()
	p.object(n, fmt.Sprintf("<< /Filter /FlateDecode /Length %d%s >>\nstream\n%s\nendstream", packed.Len(), entries, packed.String()))
	return n
}

// end writes the table of objects.
func (p *pdf) end(catalog, info int) {
	at := p.out.Len()
	fmt.Fprintf(&p.out, "xref\n0 %d\n0000000000 65535 f \n", len(p.begins)+1)
	for _, begin := range p.begins {
		fmt.Fprintf(&p.out, "%010d 00000 n \n", begin)
	}
	fmt.Fprintf(&p.out, "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(p.begins)+1, catalog, info, at)
}

// font writes a font with its file, the widths of the letters that were used, and what they
// are, so that a text can be searched and read aloud.
func (p *pdf) font(number int, f *face, used map[int]rune) {
	file := p.stream(fmt.Sprintf(" /Length1 %d", len(f.file)), f.file)
	descriptor := p.reserve()
	p.object(descriptor, fmt.Sprintf("<< /Type /FontDescriptor /FontName /STATND+%s /Flags 32 /FontBBox [-200 -250 1200 1000] /ItalicAngle 0 /Ascent %d /Descent %d /CapHeight %d /StemV 80 /FontFile2 %d 0 R >>",
		f.name, f.ascent, -f.descent, f.capital, file))
	glyphs := make([]int, 0, len(used))
	for g := range used {
		glyphs = append(glyphs, g)
	}
	slices.Sort(glyphs)
	var widths, letters strings.Builder
	for _, g := range glyphs {
		fmt.Fprintf(&widths, "%d [%d] ", g, f.glyph(used[g]).width)
		fmt.Fprintf(&letters, "1 beginbfchar\n<%04X> <%s>\nendbfchar\n", g, utf16Hex(string(used[g])))
	}
	unicode := p.stream("", []byte("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"+
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"+
		letters.String()+"endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"))
	descendant := p.reserve()
	p.object(descendant, fmt.Sprintf("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /STATND+%s /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor %d 0 R /CIDToGIDMap /Identity /W [%s] >>",
		f.name, descriptor, strings.TrimSpace(widths.String())))
	p.object(number, fmt.Sprintf("<< /Type /Font /Subtype /Type0 /BaseFont /STATND+%s /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>", f.name, descendant, unicode))
}

// content is what is drawn on a sheet in the operators of PDF, and notes which letters it
// takes.
func (s *Sheet) content(used [2]map[int]rune) []byte {
	var b bytes.Buffer
	gray, unfilled := 0.0, false
	fill := func() { // areas that touch are filled at once, so that no line shows between them
		if unfilled {
			b.WriteString("f\n")
		}
		unfilled = false
	}
	set := func(to float64) {
		if gray != to {
			fill()
			fmt.Fprintf(&b, "%s g\n", number(to))
			gray = to
		}
	}
	for _, i := range s.items {
		x, y := i.x*pointsPerMM, (PageHeight-i.y)*pointsPerMM
		if i.text == "" {
			set(i.gray)
			fmt.Fprintf(&b, "%s %s %s %s re\n", number(x), number(y-i.height*pointsPerMM), number(i.width*pointsPerMM), number(i.height*pointsPerMM))
			unfilled = true
			continue
		}
		fill()
		set(0)
		fmt.Fprintf(&b, "BT /F%d %s Tf %s %s Td <", i.weight, number(i.size), number(x), number(y))
		for _, r := range i.text {
			g := fonts()[i.weight].glyph(r).number
			if _, known := used[i.weight][g]; !known {
				used[i.weight][g] = r
			}
			fmt.Fprintf(&b, "%04X", g)
		}
		b.WriteString("> Tj ET\n")
	}
	fill()
	return b.Bytes()
}

// number writes a number as PDF has it, to a thousandth.
func number(f float64) string {
	text := strconv.FormatFloat(f, 'f', 3, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// textString writes a text as PDF has it outside of pages.
func textString(text string) string { return "<FEFF" + utf16Hex(text) + ">" }

func utf16Hex(text string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = append(b, byte(unit>>8), byte(unit))
	}
	return strings.ToUpper(hex.EncodeToString(b))
}
