package cards

import (
	"slices"
	"strings"

	"stationd/internal/sheet"
	"stationd/internal/words"
)

// Where a card stands: two beside each other, five below each other.
const (
	columns      = 2
	gap          = 3.0
	top          = 17.0 // below the line at the top of a page
	titleHeight  = 10.0 // of a group
	inset        = 3.0  // of what is on a card
	cardWidth    = (sheet.PageWidth - 2*sheet.Margin - gap*(columns-1)) / columns
	cardHeight   = 48.0
	symbolHeight = 13.0 // of bars
	areaSize     = 24.0 // of a symbol for cameras
)

// SymbolRoom is how wide and high a symbol may be on a card, in millimetres.
func SymbolRoom(s sheet.Symbol) (width, height float64) {
	if s.Rows == 1 {
		return sheet.CardWidth, symbolHeight
	}
	return areaSize, areaSize
}

// A Heading is what stands above the cards of each page.
type Heading struct {
	Station string
	Date    string // as people write it: what is in progress changes
	Words   *words.Catalogue
	Unread  []string // vendors whose lists could not be read, by their titles: cards are missing
}

// Draw draws the cards on sheets of A4, with a title above each group, which is repeated on
// a new page.
func Draw(h Heading, s Sheets) []*sheet.Sheet {
	d := drawing{}
	for _, group := range s.Groups {
		for i := 0; i < len(group.Cards); i += columns {
			if i == 0 && !d.fits(titleHeight+cardHeight) || !d.fits(cardHeight) {
				d.turn()
			}
			if i == 0 || d.y == top {
				title := sheet.Wrap(group.Title, 16, sheet.Bold, sheet.PageWidth-2*sheet.Margin, 1)
				d.page.Lines(sheet.Margin, d.y+6, 16, sheet.Bold, title)
				d.y += titleHeight
			}
			for column, c := range group.Cards[i:min(i+columns, len(group.Cards))] {
				drawCard(d.page, sheet.Margin+float64(column)*(cardWidth+gap), d.y, c)
			}
			d.y += cardHeight + gap
		}
	}
	if len(d.pages) == 0 {
		d.turn()
		if len(h.Unread) == 0 {
			d.page.Lines(sheet.Margin, top+6, 12, sheet.Regular, sheet.Wrap(h.Words.Say("cards.none"), 12, sheet.Regular, sheet.PageWidth-2*sheet.Margin, 3))
		}
	}
	missing := make([]string, 0, len(h.Unread))
	for _, vendor := range h.Unread {
		missing = append(missing, h.Words.Say("cards.unread", "vendor", vendor))
	}
	for i, page := range d.pages {
		page.Text(sheet.Margin, 14, 9, sheet.Regular, h.Words.Say("cards.title"))
		page.Lines(sheet.Margin, 18, 9, sheet.Bold, sheet.Wrap(strings.Join(missing, " · "), 9, sheet.Bold, sheet.PageWidth-2*sheet.Margin, 1))
		right(page, 14, h.Station+"   "+h.Date+"   "+h.Words.Say("cards.page", "page", i+1, "pages", len(d.pages)))
	}
	return d.pages
}

// A drawing is the pages as far as they are drawn, and the place on the last that is next.
type drawing struct {
	pages []*sheet.Sheet
	page  *sheet.Sheet // nil before the first
	y     float64
}

// fits reports whether the page has so much room left.
func (d *drawing) fits(height float64) bool {
	return d.page != nil && d.y+height <= sheet.PageHeight-sheet.Margin
}

// turn begins a new page.
func (d *drawing) turn() {
	d.page = new(sheet.Sheet)
	d.pages = append(d.pages, d.page)
	d.y = top
}

// right writes a line that ends at the right margin.
func right(page *sheet.Sheet, y float64, text string) {
	const size = 9
	for _, line := range sheet.Wrap(text, size, sheet.Regular, 120, 1) {
		page.Text(sheet.PageWidth-sheet.Margin-sheet.Width(line, size, sheet.Regular), y, size, sheet.Regular, line)
	}
}

// drawCard draws a card: above what it does, below its symbol with the code in letters.
func drawCard(page *sheet.Sheet, x, y float64, c Card) {
	const titleSize, size, codeSize = 13, 8, 10
	page.Frame(x, y, cardWidth, cardHeight, 0.15, 0.6)
	width := cardWidth - 2*inset
	left, bottom := x+inset, y+cardHeight-inset
	bars := c.Symbol.Rows == 1
	end := bottom - 5 // of the lines: where the symbol begins, or the code
	if bars {
		end -= symbolHeight
	} else {
		width -= areaSize + gap
	}
	at := page.Lines(left, y+inset+4, titleSize, sheet.Bold, sheet.Wrap(c.Title, titleSize, sheet.Bold, width, 2))
	if c.Irreversible != "" {
		at = page.Lines(left, at, size, sheet.Bold, sheet.Wrap("! "+c.Irreversible, size, sheet.Bold, width, 2))
	}
	said := slices.DeleteFunc(slices.Concat(c.Does, []string{c.Role, c.Needs, c.Confirm, c.Only}), func(line string) bool { return line == "" })
	var lines []string
	for _, line := range said {
		lines = append(lines, sheet.Wrap(line, size, sheet.Regular, width, 2)...)
	}
	if most := int((end - at) / sheet.LineHeight(size)); len(lines) > most {
		lines = sheet.Wrap(strings.Join(said, " · "), size, sheet.Regular, width, max(most, 1))
	}
	page.Lines(left, at, size, sheet.Regular, lines)
	code := sheet.Wrap(c.Code, codeSize, sheet.Regular, cardWidth-2*inset, 1)
	if bars {
		page.Symbol(x, end, cardWidth, symbolHeight, c.Symbol)
		for _, line := range code {
			page.Text(x+(cardWidth-sheet.Width(line, codeSize, sheet.Regular))/2, bottom-0.5, codeSize, sheet.Regular, line)
		}
		return
	}
	page.Lines(left, bottom-0.5, codeSize, sheet.Regular, code)
	page.Symbol(x+cardWidth-inset-areaSize, y+(cardHeight-areaSize)/2-4, areaSize, areaSize, c.Symbol)
}

// The size of a badge: no wider than its bars ask for.
const (
	badgeWidth  = 98.0
	badgeHeight = 55.0
)

// DrawBadge draws the badge of a technician, whose code is longer than a card has room for in
// bars that any reader reads: in narrower ones, and as Data Matrix beside the name.
func DrawBadge(h Heading, name, code string) ([]*sheet.Sheet, error) {
	bars, err := sheet.Draw(sheet.Code128, code)
	if err != nil {
		return nil, err
	}
	area, err := sheet.Draw(sheet.DataMatrix, code)
	if err != nil {
		return nil, err
	}
	page := new(sheet.Sheet)
	x, y := sheet.Margin, sheet.Margin
	page.Frame(x, y, badgeWidth, badgeHeight, 0.15, 0.6)
	width := badgeWidth - 2*inset - areaSize - gap
	at := page.Lines(x+inset, y+inset+5, 16, sheet.Bold, sheet.Wrap(visible(name), 16, sheet.Bold, width, 2))
	at = page.Lines(x+inset, at, 10, sheet.Regular, []string{h.Words.Say("cards.technician")})
	page.Lines(x+inset, at, 10, sheet.Regular, sheet.Wrap(h.Station+" · "+h.Date, 10, sheet.Regular, width, 1))
	page.Symbol(x+badgeWidth-inset-areaSize, y+inset, areaSize, areaSize, area)
	page.Symbol(x, y+badgeHeight-inset-symbolHeight, badgeWidth, symbolHeight, bars)
	return []*sheet.Sheet{page}, nil
}
