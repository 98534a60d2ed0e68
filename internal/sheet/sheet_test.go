package sheet

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stationd/internal/words"
)

func TestTheFontsHaveEveryLetterThatIsSaid(t *testing.T) {
	t.Parallel()
	for _, tag := range words.Languages() {
		catalogue, err := os.ReadFile(filepath.Join("..", "words", tag+".properties"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(catalogue)) {
			if lacks := Lacks(strings.TrimSuffix(line, "\n")); lacks != "" {
				t.Errorf("%s: the fonts have no %q of %s", tag, lacks, line)
			}
		}
	}
	if lacks := Lacks("ŁŻÅÄÖẞЖ"); lacks != "ẞЖ" {
		t.Errorf("of letters of which two are missing, %q are", lacks)
	}
}

func TestModulesAreWholeDotsOfAPrinter(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"UNDO", "PO4711", "PC-COOKIE-200G", "4006381333931"} {
		all, err := Symbols(code)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			dots := s.module(CardWidth, symbolHeight) / dot
			if dots < 4 || math.Abs(dots-math.Round(dots)) > 1e-9 {
				t.Errorf("%s as %s: a module has %v dots", code, s.Symbology, dots)
			}
		}
	}
}

func TestASymbolStandsInWhiteAsItsStandardAsks(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]Symbology{"UNDO": Code128, strings.Repeat("A", 40): DataMatrix, "Åsa": QRCode} {
		all, err := Symbols(code)
		if err != nil {
			t.Fatal(err)
		}
		s := all[0]
		beside, above := s.Symbology.quiet()
		if s.Symbology != want {
			t.Errorf("%s is drawn as %s, want %s", code, s.Symbology, want)
		}
		for _, r := range s.runs() {
			if r.x < beside || r.x+r.length > s.Columns-beside || r.y < above || r.y >= s.Rows-above {
				t.Errorf("%s: dark modules at %+v stand in the quiet zone", code, r)
			}
		}
		if path := s.Path(); !strings.HasPrefix(path, "M") || strings.Count(path, "M") != len(s.runs()) {
			t.Errorf("%s: the path is %.40q", code, path)
		}
	}
}

func TestLinesAreBrokenWhereTheyEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		width float64
		most  int
		want  []string
	}{
		{"Undo the last scan", 100, 2, []string{"Undo the last scan"}},
		{"Undo the last scan", 20, 3, []string{"Undo the", "last scan"}},
		{"Undo the last scan", 20, 1, []string{"Undo the…"}},
		{"COOKIE-400G-DARK", 25, 2, []string{"COOKIE-", "400G-DARK"}},
		{"AAAAAAAAAA", 15, 3, []string{"AAAAAA", "AAAA"}},
		{"", 20, 3, nil},
	} {
		got := Wrap(c.text, 10, Regular, c.width, c.most)
		if !slices.Equal(got, c.want) {
			t.Errorf("%q in %v mm: %q, want %q", c.text, c.width, got, c.want)
		}
		for _, line := range got {
			if Width(line, 10, Regular) > c.width {
				t.Errorf("%q is wider than %v mm", line, c.width)
			}
		}
	}
}

func TestTheSameSheetsAreTheSamePDF(t *testing.T) {
	t.Parallel()
	draw := func() []byte {
		s := new(Sheet)
		s.Text(20, 20, 12, Bold, "Zażółć gęślą jaźń")
		s.Area(20, 30, 10, 10, 0.5)
		var b bytes.Buffer
		if err := WritePDF(&b, Document{Title: "Test", Language: "pl"}, []*Sheet{s, new(Sheet)}); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	first := draw()
	if !bytes.Equal(first, draw()) {
		t.Error("drawn twice, the PDFs differ")
	}
	if n := bytes.Count(first, []byte("/Type /Page ")); n != 2 || !bytes.HasSuffix(first, []byte("%%EOF\n")) {
		t.Errorf("it has %d pages, want 2", n)
	}
}
