package web

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"stationd/internal/cards"
	g "stationd/internal/html"
	h "stationd/internal/html/element"
	"stationd/internal/poster"
	"stationd/internal/sheet"
)

// This file shows the codes that the station understands: /cards, to scan from a tablet or to
// print, and the same as a PDF.

const (
	// cardsFresh is how long the lists of vendors are not read again: every viewer may ask.
	cardsFresh = time.Minute

	// cardsWithin is how long they may take to be read. An answer is sent within ten seconds.
	cardsWithin = 5 * time.Second
)

// A cardLists keeps the lists of vendors that were read last.
type cardLists struct {
	mu     sync.Mutex // guards what follows; whoever comes while cards are made waits
	lists  cards.Lists
	unread []string // vendors whose lists could not be read, by their titles
	at     time.Time
}

// cards makes the cards of the program in force, with the lists of vendors as they were at
// most a minute ago. unread are the vendors that could not be read.
func (s *Server) cards(ctx context.Context) (made cards.Sheets, unread []string) {
	s.cardLists.mu.Lock()
	defer s.cardLists.mu.Unlock()
	if s.cardLists.at.IsZero() || time.Since(s.cardLists.at) > cardsFresh {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cardsWithin) // the next viewer gets the same
		defer cancel()
		s.cardLists.lists, s.cardLists.unread = s.station.CardLists(ctx)
		s.cardLists.at = time.Now()
	}
	return s.station.Cards(s.texts, s.cardLists.lists), s.cardLists.unread
}

// cardsPage is /cards.
func (s *Server) cardsPage(w http.ResponseWriter, r *http.Request) {
	made, unread := s.cards(r.Context())
	title := s.texts.Say("cards.title")
	var body []g.Node
	for _, vendor := range unread {
		body = append(body, h.P(h.Class("unread"), g.Text(s.texts.Say("cards.unread", "vendor", visible(vendor)))))
	}
	for _, group := range made.Groups {
		var list []g.Node
		for _, c := range group.Cards {
			list = append(list, cardNode(c))
		}
		body = append(body, h.Section(h.H2(g.Text(group.Title)), h.Ul(list...)))
	}
	if len(made.Groups)+len(unread) == 0 {
		body = append(body, h.P(g.Text(s.texts.Say("cards.none"))))
	}
	page := h.Doctype(h.HTML(h.Lang(s.texts.Tag()),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.TitleEl(g.Text(title+" · "+s.calledStation())),
			h.Link(h.Rel("icon"), h.Href("/icon.svg")),
			h.Link(h.Rel("stylesheet"), h.Href("/cards.css")),
			h.Script(h.Src("/cards.js"), h.Defer()),
		),
		h.Body(
			h.Header(
				h.H1(g.Text(title)), h.P(h.Class("station"), g.Text(s.calledStation())),
				h.Nav(
					h.A(h.Href("/"), g.Text("← "+s.calledStation())),
					h.Button(h.ID("print"), h.Type("button"), g.Text(s.texts.Say("cards.print"))),
					h.A(h.Href("/cards.pdf"), g.Text(s.texts.Say("cards.pdf"))),
					h.A(h.Href("/poster.pdf"), g.Text(s.texts.Say("cards.poster"))),
				),
				h.P(h.Class("hint"), g.Text(s.texts.Say("cards.screen"))),
			),
			h.Main(body...),
		),
	))
	s.write(w, http.StatusOK, page)
}

// cardNode is one card.
func cardNode(c cards.Card) g.Node {
	lines := []g.Node{h.H3(g.Text(c.Title))}
	for _, line := range slices.Concat(c.Does, []string{c.Role, c.Needs, c.Confirm, c.Only}) {
		if line != "" {
			lines = append(lines, h.P(g.Text(line)))
		}
	}
	if c.Irreversible != "" {
		lines = append(lines, h.P(h.Class("warning"), g.Text(c.Irreversible)))
	}
	kind := "bars"
	if c.Symbol.Rows > 1 {
		kind = "area"
	}
	width, height := c.Symbol.Size(cards.SymbolRoom(c.Symbol))
	return h.Li(h.Class(kind),
		h.Div(lines...),
		h.Figure(
			h.SVG(g.Attr("viewBox", "0 0 "+strconv.Itoa(c.Symbol.Columns)+" "+strconv.Itoa(c.Symbol.Rows)),
				g.Attr("width", millimetres(width)), g.Attr("height", millimetres(height)),
				g.Attr("preserveAspectRatio", "none"), g.Attr("shape-rendering", "crispEdges"), h.Role("img"), h.Aria("label", visible(c.Code)),
				g.El("path", g.Attr("d", c.Symbol.Path()))),
			h.FigCaption(g.Text(visible(c.Code))),
		),
	)
}

func millimetres(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) + "mm" }

// calledStation is what people call the station.
func (s *Server) calledStation() string {
	p := s.station.Program()
	return visible(cmp.Or(p.Labels.Station, p.Station))
}

// cardsPDF is /cards.pdf.
func (s *Server) cardsPDF(w http.ResponseWriter, r *http.Request) {
	made, unread := s.cards(r.Context())
	heading := cards.Heading{Station: s.calledStation(), Words: s.texts, Date: s.today(), Unread: unread}
	s.sendPDF(w, s.texts.Say("cards.title"), cards.Draw(heading, made))
}

// posterPDF is /poster.pdf: what the lamps, sounds and buttons of the station mean.
func (s *Server) posterPDF(w http.ResponseWriter, _ *http.Request) {
	s.sendPDF(w, s.texts.Say("poster.title"), poster.Draw(s.station.Poster(s.texts)))
}

// today is the day at the station, as its papers have it.
func (s *Server) today() string {
	zone := s.station.Zone
	if zone == nil {
		zone = time.Local
	}
	return s.station.Stamp(time.Now()).Wall.In(zone).Format(time.DateOnly)
}

func (s *Server) sendPDF(w http.ResponseWriter, title string, sheets []*sheet.Sheet) {
	var b bytes.Buffer
	if err := sheet.WritePDF(&b, sheet.Document{Title: title, Language: s.texts.Tag()}, sheets); err != nil {
		s.log.Error("a PDF cannot be drawn", "error", err)
		http.Error(w, "the PDF cannot be drawn; the log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/pdf")
	_, _ = b.WriteTo(w) // whoever asked has gone
}
