package web

import (
	g "stationd/internal/html"
	h "stationd/internal/html/element"
	"stationd/internal/words"
)

// This file draws what somebody may decide about, and what waits.

// heldSection are the entries that are on hold, each with why. What becomes of them is decided
// on the technician's page, to which it leads.
func (v view) heldSection() g.Node {
	if len(v.Held) == 0 {
		return h.Section(h.ID("held"))
	}
	return h.Section(h.ID("held"), h.H2(v.phrase("held")),
		h.P(h.Class("acts"), v.entriesLink()),
		h.Ol(g.Map(v.Held, func(i item) g.Node {
			return h.Li(itemHead(i),
				h.P(h.Class("why"), sign("look"), h.Span(g.Text(i.Hold), g.If(i.Reason != "", h.Span(g.Text(": "), h.Span(h.Class("code"), g.Text(i.Reason)))))),
				g.If(i.Advice != "", h.P(g.Text(i.Advice))),
			)
		})),
		g.If(v.MoreHeld > 0, h.P(v.phrase("more", "n", v.MoreHeld))),
	)
}

// entriesLink leads to the technician's page.
func (v view) entriesLink() g.Node {
	return h.A(h.ID("to-entries"), h.Class("button"), h.Href("/entries"), v.phrase("entries.title"))
}

func (v view) noticeSection() g.Node {
	return v.dismissible("notices", "notices", v.Notices, 0)
}

func (v view) keptSection() g.Node {
	return v.dismissible("kept", "kept", v.Kept, v.MoreKept)
}

// dismissible is a list of what is put away with one touch.
func (v view) dismissible(id string, title words.Key, all []item, more int) g.Node {
	if len(all) == 0 {
		return h.Section(h.ID(id))
	}
	return h.Section(h.ID(id), h.H2(v.phrase(title)), h.Ol(g.Map(all, func(i item) g.Node {
		return h.Li(itemHead(i), h.Div(h.Class("acts"),
			h.Form(h.Method("post"), h.Action("/discard"), h.Input(h.Type("hidden"), h.Name("entry"), h.Value(string(i.ID))),
				h.Button(h.ID("away-"+string(i.ID)), v.phrase("kept.away")))))
	})), g.If(more > 0, h.P(v.phrase("more", "n", more))))
}

func (v view) waitingSection() g.Node {
	if len(v.Waiting) == 0 {
		return h.Section(h.ID("waiting"))
	}
	return h.Section(h.ID("waiting"), h.H2(v.phrase("waiting")), h.Ol(g.Map(v.Waiting, func(i item) g.Node {
		return h.Li(itemHead(i), g.If(i.Hold != "", h.P(h.Class("small"), g.Text(i.Hold))))
	})), g.If(v.MoreWait > 0, h.P(v.phrase("more", "n", v.MoreWait))))
}

// itemHead says what an entry or an unknown scan is.
func itemHead(i item) g.Node {
	return g.Group{
		h.H3(h.Span(h.Class("code"), g.Text(i.What)), g.If(i.Where != "", h.Span(h.Class("where"), g.Text(" "+i.Where)))),
		g.If(i.With != "", h.P(h.Class("small code"), g.Text(i.With))),
		h.P(h.Class("small"), g.Text(i.When+" · "+i.Short)),
	}
}
