package sheet

import (
	"errors"
	"fmt"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/code128"
	"github.com/boombuler/barcode/datamatrix"
	"github.com/boombuler/barcode/qr"
)

// A Symbology is a kind of bar code.
type Symbology string

// The symbologies that are drawn.
const (
	Code128    Symbology = "Code 128"    // bars: any reader reads it
	DataMatrix Symbology = "Data Matrix" // for a reader with a camera; ASCII
	QRCode     Symbology = "QR Code"     // for a reader with a camera; UTF-8
)

// AIM is the identifier that a reader which sends one puts in front of a code.
func (s Symbology) AIM() string {
	switch s {
	case Code128:
		return "]C0"
	case DataMatrix:
		return "]d1"
	default:
		return "]Q1"
	}
}

// quiet is how many modules stay white around a symbol, on each side and above and below.
func (s Symbology) quiet() (beside, above int) {
	switch s {
	case Code128:
		return 10, 0
	case DataMatrix:
		return 2, 2 // one by ISO/IEC 16022; cameras like more
	default:
		return 4, 4
	}
}

// A Symbol is a code as it is drawn: dark and light modules.
type Symbol struct {
	Symbology Symbology
	Columns   int // in modules, with the quiet zones
	Rows      int // as Columns; 1: bars, which are as high as one likes

	dark [][]bool // by row and column
}

// Symbols returns the ways to draw a code, the best first: bars where they are short enough
// for a card, because every reader reads them, and else, or where the bars would be read as
// something else, an area that only a camera reads. An error says why there is none.
func Symbols(code string) ([]Symbol, error) {
	ascii := true
	for _, r := range code {
		if r < ' ' || r == 0x7F {
			return nil, fmt.Errorf("%q has a control character", code)
		}
		ascii = ascii && r < 0x7F
	}
	if code == "" {
		return nil, errors.New("it is empty")
	}
	var all []Symbol
	add := func(kind Symbology, b barcode.Barcode, err error) {
		if err != nil {
			return
		}
		s := symbolOf(kind, b)
		module := s.module(CardWidth, symbolHeight)
		if module == 0 || kind == Code128 && module < wellRead {
			return
		}
		all = append(all, s)
	}
	if ascii {
		bars, err := code128.Encode(code)
		add(Code128, bars, err)
		area, err := datamatrix.Encode(code)
		add(DataMatrix, area, err)
	} else {
		area, err := qr.Encode(code, qr.M, qr.Unicode)
		add(QRCode, area, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%d characters are too many for a card", len(code))
	}
	return all, nil
}

// Draw draws a code as a symbology, however large that is.
func Draw(kind Symbology, code string) (Symbol, error) {
	encode := map[Symbology]func(string) (barcode.Barcode, error){
		DataMatrix: datamatrix.Encode,
		Code128:    func(code string) (barcode.Barcode, error) { return code128.Encode(code) },
		QRCode:     func(code string) (barcode.Barcode, error) { return qr.Encode(code, qr.M, qr.Unicode) },
	}[kind]
	b, err := encode(code)
	if err != nil {
		return Symbol{}, err
	}
	return symbolOf(kind, b), nil
}

func symbolOf(kind Symbology, b barcode.Barcode) Symbol {
	beside, above := kind.quiet()
	size := b.Bounds().Size()
	rows := size.Y
	if kind == Code128 {
		rows = 1
	}
	s := Symbol{Symbology: kind, Columns: size.X + 2*beside, Rows: rows + 2*above}
	s.dark = make([][]bool, s.Rows)
	for y := range s.Rows {
		s.dark[y] = make([]bool, s.Columns)
		if y < above || y >= above+rows {
			continue
		}
		for x := range size.X {
			r, _, _, _ := b.At(x, y-above).RGBA()
			s.dark[y][x+beside] = r == 0
		}
	}
	return s
}

// A run is a row's dark modules that touch each other.
type run struct{ x, y, length int }

// runs lists the dark modules of all rows.
func (s Symbol) runs() (all []run) {
	for y, row := range s.dark {
		for x := 0; x < len(row); x++ {
			if !row[x] {
				continue
			}
			begin := x
			for x < len(row) && row[x] {
				x++
			}
			all = append(all, run{begin, y, x - begin})
		}
	}
	return all
}

// Path is the dark modules as the d of a path of SVG, in a view of Columns times Rows.
func (s Symbol) Path() string {
	var b strings.Builder
	for _, r := range s.runs() {
		fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", r.x, r.y, r.length, r.length)
	}
	return b.String()
}

// dot is one of the 300 in an inch that a printer has. Modules are whole dots, so that a
// printer draws them all alike.
const dot = 25.4 / 300

// How large a symbol may be on a card.
const (
	CardWidth    = 84.0 // of the symbol with its quiet zones
	symbolHeight = 24.0

	wellRead = 4*dot - 1e-9 // of a module of bars, which any laser reads
)

// Size is how large the symbol is drawn where it has that much room: bars are as high as the
// room is. It is 0 where the room is too small.
func (s Symbol) Size(width, height float64) (w, h float64) {
	module := s.module(width, height)
	if s.Rows > 1 {
		height = float64(s.Rows) * module
	}
	return float64(s.Columns) * module, height
}

// module is the width of a module where the symbol has that much room; 0: it is too large to
// be drawn there. Bars are read well by lasers from 0.34 mm and at a short distance from
// 0.25 mm, an area by cameras from 0.42 mm.
func (s Symbol) module(width, height float64) float64 {
	least, most := 3, 6
	if s.Rows > 1 {
		least, most = 5, 12
	}
	for dots := most; dots >= least; dots-- {
		size := float64(dots) * dot
		if float64(s.Columns)*size <= width && (s.Rows == 1 || float64(s.Rows)*size <= height) {
			return size
		}
	}
	return 0
}
