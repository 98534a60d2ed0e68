package sheet

import "math"

// The size of A4, and what most printers leave white at its edges.
const (
	PageWidth  = 210.0
	PageHeight = 297.0
	Margin     = 12.0
)

// A Sheet is one side of A4. Its zero value is empty.
type Sheet struct{ items []item }

// An item is one thing on a sheet: a text or an area.
type item struct {
	x, y          float64 // of a text: where its first letter stands, on the line
	width, height float64 // of an area; 0 for a text
	gray          float64 // of an area: 0 is black, 1 white
	text          string
	size          float64 // in points
	weight        Weight
}

// Text writes a text whose letters stand on the line at y. size is in points.
func (s *Sheet) Text(x, y, size float64, weight Weight, text string) {
	s.items = append(s.items, item{x: x, y: y, text: text, size: size, weight: weight})
}

// Lines writes lines below each other, the first on the line at y, and returns where the next
// would stand.
func (s *Sheet) Lines(x, y, size float64, weight Weight, lines []string) float64 {
	for _, line := range lines {
		s.Text(x, y, size, weight, line)
		y += LineHeight(size)
	}
	return y
}

// LineHeight is how far apart lines of that size stand.
func LineHeight(size float64) float64 { return size * 1.25 / pointsPerMM }

// Area fills an area with gray: 0 is black, 1 white.
func (s *Sheet) Area(x, y, width, height, gray float64) {
	s.items = append(s.items, item{x: x, y: y, width: width, height: height, gray: gray})
}

// Frame draws lines around an area, of that thickness, inside it.
func (s *Sheet) Frame(x, y, width, height, thickness, gray float64) {
	s.Area(x, y, width, thickness, gray)
	s.Area(x, y+height-thickness, width, thickness, gray)
	s.Area(x, y, thickness, height, gray)
	s.Area(x+width-thickness, y, thickness, height, gray)
}

// Symbol draws a bar code in the middle of an area, as large as it is read well.
func (s *Sheet) Symbol(x, y, width, height float64, symbol Symbol) {
	module := symbol.module(width, height)
	if module == 0 {
		return
	}
	high := module
	top := y + (height-float64(symbol.Rows)*module)/2
	if symbol.Rows == 1 {
		top, high = y, height
	}
	left := wholeDots(x + (width-float64(symbol.Columns)*module)/2)
	top = wholeDots(top)
	for _, r := range symbol.runs() {
		s.Area(left+float64(r.x)*module, top+float64(r.y)*module, float64(r.length)*module, high, 0)
	}
}

// wholeDots moves a place to where a printer's dot begins.
func wholeDots(at float64) float64 { return math.Round(at/dot) * dot }
