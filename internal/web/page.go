package web

import (
	"encoding/base64"
	"io/fs"

	g "stationd/internal/html"
	h "stationd/internal/html/element"
	"stationd/internal/words"
)

// pageData is a whole page: the main part, which everybody sees, and what is said to
// whoever asked.
type pageData struct {
	Texts    *words.Catalogue
	Station  string
	DrawnFor string
	Visitor  bool   // whoever sees this page may look and not decide
	Local    bool   // it is a screen of this machine
	Refusal  string // why, where a viewer on this machine may not; empty: there is nothing to say
	Who      g.Node // who is logged in, or where to do that; nil: nobody has to
	Answer   string // what became of a decision that was not carried out
	Main     string // HTML
}

// html is the page. It has three files besides, and everything else is in them: the style
// sheet has the letters.
func (p pageData) html() g.Node {
	t := p.Texts
	lost := t.Say("lost.elsewhere")
	if p.Local {
		lost = t.Say("lost")
	}
	return h.Doctype(h.HTML(h.Lang(t.Tag()),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.TitleEl(g.Text(p.Station)),
			h.Link(h.Rel("icon"), h.Href(icon)),
			h.Link(h.Rel("stylesheet"), h.Href("/page.css")),
			h.NoScript(h.Meta(g.Attr("http-equiv", "refresh"), h.Content("10; url=/"))),
			h.Script(h.Src("/page.js"), h.Defer()),
		),
		h.Body(h.Data("version", p.DrawnFor), g.If(p.Visitor, h.Class("visitor")),
			h.Div(h.ID("lost"), h.Role("alert"), h.Hidden(""),
				h.P(h.Class("big"), g.Text(lost)),
				h.P(g.Text(t.Say("lost.shown")), g.Text(" "), h.Span(h.ID("heard"))),
			),
			g.If(p.Answer != "", h.P(h.ID("answer"), h.Role("alert"), g.Text(t.Say("answer", "reason", p.Answer)))),
			h.Main(h.ID("main"), g.Raw(p.Main)),
			g.If(p.Refusal != "", h.P(h.ID("refusal"), g.Text(p.Refusal))),
			g.If(p.Who != nil, h.Div(h.ID("who"), h.Class("acts"), p.Who)),
		),
	))
}

// icon is a stack light, as an address of its own: it costs no request.
const icon = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='5' fill='%2316191c'/%3E%3Crect x='11' y='4' width='10' height='7' rx='1.5' fill='%23d9363e'/%3E%3Crect x='11' y='12' width='10' height='7' rx='1.5' fill='%23ffcc33'/%3E%3Crect x='11' y='20' width='10' height='7' rx='1.5' fill='%232fa866'/%3E%3C/svg%3E"

// faces are the files of the letters, and which characters each has. They are Barlow Condensed
// in its semi-bold weight: narrow, so that a sentence is tall on a small panel, and drawn
// after the lettering of road signs.
func faces() [][2]string {
	return [][2]string{
		{"font/barlow-condensed-latin.woff2", "U+0000-00FF, U+2013-2026, U+2039-203A, U+2212"},
		{"font/barlow-condensed-latin-ext.woff2", "U+0100-017F"},
	}
}

// stylesheet is page.css with the letters in it, so that they cost no request.
func stylesheet() ([]byte, error) {
	var all []byte
	for _, face := range faces() {
		file, err := fs.ReadFile(files, face[0])
		if err != nil {
			return nil, err
		}
		all = append(all, `@font-face { font-family: "Station"; font-weight: 600; src: url(data:font/woff2;base64,`...)
		all = base64.StdEncoding.AppendEncode(all, file)
		all = append(all, `) format("woff2"); unicode-range: `+face[1]+"; }\n"...)
	}
	css, err := fs.ReadFile(files, "page.css")
	return append(all, css...), err
}
