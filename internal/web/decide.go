package web

import (
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"stationd/internal/words"
)

// This file draws what somebody may decide about, and what waits.

// heldSection are the entries that are on hold, each with what may be done about it.
func (v view) heldSection() g.Node {
	if len(v.Held) == 0 {
		return h.Section(h.ID("held"))
	}
	return h.Section(h.ID("held"), h.H2(v.phrase("held")),
		h.P(h.Class("for-visitors small"), v.phrase("visitor")),
		h.Ol(g.Map(v.Held, func(i item) g.Node {
			return h.Li(itemHead(i),
				h.P(h.Class("why"), sign("look"), h.Span(g.Text(i.Hold), g.If(i.Reason != "", h.Span(g.Text(": "), h.Span(h.Class("code"), g.Text(i.Reason)))))),
				g.If(i.Advice != "", h.P(g.Text(i.Advice))),
				h.Div(h.Class("acts"), v.retrying(i), v.discarding(i)),
			)
		})),
		g.If(v.MoreHeld > 0, h.P(v.phrase("more", "n", v.MoreHeld))),
	)
}

// retrying are the ways of sending a held entry again.
func (v view) retrying(i item) g.Node {
	id := string(i.ID)
	if i.Moved != "" {
		label, also := i.Moved, []string{"to_current"}
		if i.Doubtful {
			label, also = label+" "+v.Texts.Say("held.notthere.there"), append(also, "not_there")
		}
		return v.asked("moved-"+id, "held.current", "current-"+id, "/retry", label, id, "held.current.yes", also...)
	}
	return g.Group{
		h.Form(h.Method("post"), h.Action("/retry"), h.Input(h.Type("hidden"), h.Name("entry"), h.Value(id)),
			h.Button(h.ID("retry-"+id), h.Class("main"), v.phrase("held.retry"))),
		g.If(i.Doubtful, v.asked("notthere-"+id, "held.notthere", "send-"+id, "/retry", i.Sure, id, "held.notthere.yes", "not_there")),
	}
}

func (v view) discarding(i item) g.Node {
	id := string(i.ID)
	return v.asked("sure-"+id, "held.discard", "discard-"+id, "/discard", v.Texts.Say("held.sure"), id, "held.yes")
}

// asked is a decision that takes two touches.
func (v view) asked(id string, summary words.Key, buttonID, action, question, entry string, yes words.Key, also ...string) g.Node {
	return h.Details(h.ID(id), h.Summary(v.phrase(summary)),
		h.Form(h.Method("post"), h.Action(action), h.Label(h.For(buttonID), g.Text(question)),
			h.Input(h.Type("hidden"), h.Name("entry"), h.Value(entry)),
			g.Map(also, func(name string) g.Node { return h.Input(h.Type("hidden"), h.Name(name), h.Value("true")) }),
			h.Button(h.ID(buttonID), h.Class("danger"), v.phrase(yes)),
		))
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
