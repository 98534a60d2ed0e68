package web

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	g "stationd/internal/html"
	h "stationd/internal/html/element"
	"stationd/internal/station"
	"stationd/internal/words"
)

// frame is a page around its main part: who is logged in and a way out, and what became of a
// decision that was not carried out.
func (s *Server) frame(who viewer, title string, why answer, main ...g.Node) g.Node {
	say := s.texts.Say
	name := s.stationName(s.station.Snapshot().Station)
	whose := s.whoDecides(who)
	return h.Doctype(h.HTML(h.Lang(s.texts.Tag()),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.TitleEl(g.Text(title+" · "+name)),
			h.Link(h.Rel("icon"), h.Href("/icon.svg")),
			h.Link(h.Rel("stylesheet"), h.Href("/entries.css")),
		),
		h.Body(
			h.Header(h.Nav(h.A(h.Class("button"), h.Href("/"), g.Text("← "+name))), h.H1(g.Text(title)), g.If(whose != nil, whose)),
			g.Iff(why.said != "", func() g.Node {
				return h.Div(h.Class("answer"), h.Role("alert"), h.P(g.Text(say("answer", "reason", visible(why.said)))), s.folded(why.detail))
			}),
			h.Main(main...),
		),
	))
}

// whoDecides says who is logged in, with a way out, or leads to the log-in; nil where the
// configuration has no [access].
func (s *Server) whoDecides(who viewer) g.Node {
	if s.expire() == 0 {
		return nil
	}
	if who.Refusal != "" {
		return h.A(h.Class("button"), h.Href("/login"), g.Text(s.texts.Say("login.title")))
	}
	until := s.times().Until(who.Left)
	said := s.texts.Say("login.in", "until", until)
	if !who.LoggedIn {
		said = s.texts.Say("login.as", "name", visible(who.Name), "until", until)
	}
	return h.Form(h.Method("post"), h.Action("/logout"), h.Span(g.Text(said+" ")), button("", s.texts.Say("login.out")))
}

// folded is what the program says itself, for whoever opens it.
func (s *Server) folded(text string) g.Node {
	if text == "" {
		return nil
	}
	return h.Details(h.Class("detail"), h.Summary(g.Text(s.texts.Say("entries.details"))), h.P(h.Span(h.Class("small code"), h.Lang("en"), g.Text(visible(text)))))
}

// button is a button that sends its form.
func button(class, text string) g.Node {
	return h.Button(g.If(class != "", h.Class(class)), h.Type("submit"), g.Text(text))
}

func hidden(name, value string) g.Node {
	return h.Input(h.Type("hidden"), h.Name(name), h.Value(value))
}

// entriesPage is the technician's page.
func (s *Server) entriesPage(v entriesView) g.Node {
	say := s.texts.Say
	var held, waiting []station.EntryStatus
	for _, e := range v.contents.Entries {
		if e.Condition == station.Held {
			held = append(held, e)
		} else {
			waiting = append(waiting, e)
		}
	}
	var notices, unknown []station.Event
	for _, ev := range slices.Backward(v.contents.Kept) {
		if ev.Source == station.FromStation {
			notices = append(notices, ev)
		} else {
			unknown = append(unknown, ev)
		}
	}
	asOf := v.times.Clock(v.times.Now)
	main := []g.Node{
		g.If(v.done != "", h.P(h.Class("done"), h.Role("status"), g.Text(v.done))),
		h.P(h.Class("small"), g.If(asOf != "", g.Text(say("entries.asof", "clock", asOf)+" ")), h.A(h.Href("/entries"), g.Text(say("entries.reload")))),
		g.If(v.Refusal != "" && v.Refusal != v.answer.said, h.P(h.Class("note"), g.Text(visible(v.Refusal)))),
	}
	if v.err != nil {
		main = append(main, h.Div(h.Class("answer"), h.Role("alert"), h.P(g.Text(say("how.unread"))), s.folded(v.err.Error())))
	} else if len(v.contents.Entries)+len(v.contents.Kept) == 0 {
		main = append(main, h.P(h.Class("done"), g.Text(say("entries.empty"))))
	}
	main = append(main,
		list(s, v, "held", say("held"), held, v.contents.Held, func(e station.EntryStatus) g.Node { return s.heldItem(v, e) }),
		s.lanes(v),
		list(s, v, "waiting", say("waiting"), waiting, v.contents.Waiting, func(e station.EntryStatus) g.Node { return s.waitingItem(v, e) }),
		list(s, v, "unknown", say("kept"), unknown, v.contents.Unknown, func(ev station.Event) g.Node { return s.keptItem(v, ev) }),
	)
	if len(notices) > 0 {
		main = append(main, h.Section(h.ID("notices"), h.H2(g.Text(say("notices"))), h.Ol(g.Map(notices, func(ev station.Event) g.Node { return s.keptItem(v, ev) }))))
	}
	if v.Refusal == "" && s.station.Export != nil {
		main = append(main, h.Section(h.ID("history"), h.H2(g.Text(say("entries.history"))), h.P(
			h.A(h.Class("button"), h.Href("/entries/history?as=csv"), g.Text(say("entries.history.csv"))), g.Text(" "),
			h.A(h.Class("button"), h.Href("/entries/history?as=lines"), g.Text(say("entries.history.lines"))))))
	}
	return s.frame(v.viewer, say("entries.title"), v.answer, main...)
}

// list is one of the page's lists, of which it shows a page. all is how many there are.
func list[T any](s *Server, v entriesView, kind, title string, some []T, all int, item func(T) g.Node) g.Node {
	if all == 0 {
		return nil
	}
	page := v.page[kind]
	shown, more := pageOf(some, page)
	more = more || len(some) < all && (page+1)*entriesPerPage < mostEntries
	leaf := []g.Node{}
	if page > 0 {
		leaf = append(leaf, h.A(h.Class("button"), h.Href(v.at(kind, page-1)), g.Text(s.texts.Say("entries.before"))))
	}
	if more {
		leaf = append(leaf, h.A(h.Class("button"), h.Href(v.at(kind, page+1)), g.Text(s.texts.Say("entries.next"))))
	}
	if rest := all - page*entriesPerPage - len(shown); rest > 0 {
		leaf = append(leaf, h.Span(g.Text(s.texts.Say("more", "n", rest))))
	}
	return h.Section(h.ID(kind),
		h.H2(g.Text(title+" "), h.Span(h.Class("count"), g.Text(s.texts.Number(all)))),
		h.Ol(g.Map(shown, item)),
		g.If(len(leaf) > 0, h.P(h.Class("leaf"), g.Group(leaf))))
}

// lanes lists where anything is held or waits.
func (s *Server) lanes(v entriesView) g.Node {
	if len(v.lanes) == 0 {
		return nil
	}
	rows := g.Map(v.lanes, func(l station.LaneStatus) g.Node {
		backend, _, _ := strings.Cut(l.Name, "/")
		return h.Li(h.Span(h.Class("lane"), g.Text(visible(vendorTitle(v.program, backend))+" · "+s.names(v.program).subject(l.Name))),
			g.If(l.Held > 0, h.Span(h.Class("look"), g.Text(s.texts.Count("entries.lane.held", l.Held)))),
			g.If(l.Waiting > 0, h.Span(g.Text(s.texts.Count("entries.lane.waiting", l.Waiting)))))
	})
	return h.Section(h.ID("lanes"), h.H2(g.Text(s.texts.Say("entries.lanes"))), h.Ul(rows),
		g.If(v.allLanes > len(v.lanes), h.P(h.Class("leaf"), g.Text(s.texts.Say("more", "n", v.allLanes-len(v.lanes))))))
}

// vendorTitle is what people call a vendor.
func vendorTitle(p station.Program, backend string) string {
	return cmp.Or(p.Vendors[backend].Title, backend)
}

// what says what an entry is, where it goes, its fields, and of when it is.
func (s *Server) what(v entriesView, e station.EntryStatus) g.Node {
	return g.Group{
		h.H3(g.Text(s.names(v.program).verb(e.Verb)+" "), h.Span(h.Class("where"), g.Text(visible(vendorTitle(v.program, e.Backend()))+" · "+s.names(v.program).subject(e.Lane)))),
		s.fields(v.program, e.With),
		h.P(h.Class("small"), g.Text(s.names(v.program).part(e.Source)+" · "+v.times.Ago(e.At)+" · "+visible(e.ID.Short()))),
	}
}

// fields lists what an entry says.
func (s *Server) fields(p station.Program, with map[string]string) g.Node {
	return h.Dl(g.Map(slices.Sorted(maps.Keys(with)), func(name string) g.Node {
		return h.Div(h.Dt(g.Text(s.names(p).value(name))), h.Dd(g.Text(visible(p.Labels.Of(name, with[name])))))
	}))
}

// names says what people call things.
func (s *Server) names(p station.Program) viewBuilder { return viewBuilder{program: p, texts: s.texts} }

// heldItem is an entry that waits for a person.
func (s *Server) heldItem(v entriesView, e station.EntryStatus) g.Node {
	vendor := visible(vendorTitle(v.program, e.Backend()))
	doubtful := e.Hold == station.HoldUndecided || e.Doubtful
	moved := ""
	if to := v.program.Vendors[e.Backend()].To; to != "" && to != e.To {
		moved = to
	}
	var advice []string
	if doubtful {
		advice = append(advice, s.texts.Say("held.look", "vendor", vendor))
	}
	if moved != "" {
		advice = append(advice, s.texts.Say("held.moved.look", "from", visible(e.To), "to", visible(moved)))
	}
	if e.Twice != "" {
		advice = append(advice, s.texts.Say("entry.twice", "entry", e.Twice.Short()))
	}
	return h.Li(h.ID("e-"+visible(e.ID.Short())),
		s.what(v, e),
		s.why(v.program, e),
		g.If(len(advice) > 0, h.P(g.Text(strings.Join(advice, " ")))),
		g.Iff(v.Refusal == "", func() g.Node { return s.heldForms(v, e, doubtful, moved) }))
}

// why says why an entry is held, in words and the vendor's own sentence; beneath it folded, as
// the program noted it.
func (s *Server) why(p station.Program, e station.EntryStatus) g.Node {
	said := s.names(p).reason(e.Why)
	return h.Div(h.Class("why"),
		h.P(h.Strong(g.Text(s.texts.Say("hold."+words.Key(e.Hold), "vendor", visible(vendorTitle(p, e.Backend()))))), g.If(said != "", g.Text(": "+said))),
		s.folded(e.Reason))
}

// heldForms is what can be decided about a held entry.
func (s *Server) heldForms(v entriesView, e station.EntryStatus, doubtful bool, moved string) g.Node {
	say := s.texts.Say
	vendor := visible(vendorTitle(v.program, e.Backend()))
	id := string(e.ID)
	var forms []g.Node
	switch {
	case moved != "":
		sure := say("held.moved", "from", visible(e.To), "to", visible(moved))
		also := []g.Node{hidden(station.ToCurrent, "true")}
		if doubtful {
			sure += " " + say("held.notthere.there")
			also = append(also, hidden(station.NotThere, "true"))
		}
		forms = append(forms, s.sure("retry", "current", id, say("held.current"), sure, say("held.current.yes"), also...))
	default:
		forms = append(forms, h.Form(h.Method("post"), h.Action("/entries/retry"), hidden("entry", id), button("main", say("held.retry"))))
		if doubtful {
			forms = append(forms, s.sure("retry", "notthere", id, say("held.notthere"), say("held.notthere.sure", "vendor", vendor), say("held.notthere.yes"), hidden(station.NotThere, "true")))
		}
	}
	if why := s.uneditable(e, v.program); why == "" {
		forms = append(forms, h.A(h.Class("button"), h.Href("/entries/edit?entry="+id), g.Text(say("entries.edit"))))
	} else {
		forms = append(forms, h.Details(h.Summary(g.Text(say("entries.edit"))), h.P(g.Text(why))))
	}
	forms = append(forms, s.sure("discard", "discard", id, say("held.discard"), say("held.sure"), say("held.yes")))
	if n := v.alike[e.HeldKind()]; n > 1 {
		n = min(n, station.MostDecided)
		like := hidden("like", "true")
		if moved == "" {
			forms = append(forms, s.sure("retry", "retry-like", id, s.texts.Count("entries.like.retry", n), say("entries.like.sure"), say("held.retry"), like))
		}
		forms = append(forms, s.sure("discard", "discard-like", id, s.texts.Count("entries.like.discard", n), say("entries.like.sure")+" "+say("held.sure"), say("held.yes"), like))
	}
	return h.Div(h.Class("acts"), g.Group(forms))
}

// sure is a decision that asks before it is carried out, with a place for the reason.
func (s *Server) sure(verb, what, id, title, question, yes string, also ...g.Node) g.Node {
	reason := what + "-reason-" + id
	return h.Details(h.Summary(g.Text(title)),
		h.Form(h.Method("post"), h.Action("/entries/"+verb),
			h.P(g.Text(question)),
			h.Label(h.For(reason), g.Text(s.texts.Say("entries.reason"))),
			h.Input(h.ID(reason), h.Name("reason"), h.MaxLength("200"), h.AutoComplete("off")),
			hidden("entry", id), g.Group(also), button("danger", yes)))
}

// waitingItem is an entry that waits to be sent.
func (s *Server) waitingItem(v entriesView, e station.EntryStatus) g.Node {
	var why []string
	if e.Condition == station.Marked {
		why = append(why, s.texts.Say("waiting.marked"))
	}
	if e.Behind != nil {
		why = append(why, s.texts.Say("waiting.behind", "entry", e.Behind.Entry.Short()))
	}
	if e.Twice != "" {
		why = append(why, s.texts.Say("entry.twice", "entry", e.Twice.Short()))
	}
	return h.Li(s.what(v, e), g.If(len(why) > 0, h.P(g.Text(strings.Join(why, " ")))))
}

// keptItem is an unknown scan, or what the station has noted for a person.
func (s *Server) keptItem(v entriesView, ev station.Event) g.Node {
	who := v.times.Ago(ev.At)
	heading := h.H3(h.Class("code"), g.Text(visible(ev.Code)))
	var detail g.Node
	if ev.Source == station.FromStation {
		heading, detail = h.H3(g.Text(s.names(v.program).notice(ev.Kind))), s.folded(ev.Code)
	} else {
		who = s.names(v.program).part(ev.Source) + " · " + who
	}
	return h.Li(
		heading, detail,
		g.If(len(ev.Data) > 0, s.fields(v.program, ev.Data)),
		h.P(h.Class("small"), g.Text(who+" · "+visible(ev.ID.Short()))),
		g.If(v.Refusal == "", h.Div(h.Class("acts"), h.Form(h.Method("post"), h.Action("/entries/discard"), hidden("entry", string(ev.ID)), button("", s.texts.Say("kept.away"))))))
}

// editPage has the fields of a held entry to be put right.
func (s *Server) editPage(who viewer, e station.EntryStatus, with map[string]string, why answer) g.Node {
	say := s.texts.Say
	v := entriesView{viewer: who, program: s.station.Program(), times: s.times()}
	verb, _ := v.program.Vendors[e.Backend()].Verb(e.Verb)
	names := slices.SortedFunc(maps.Keys(with), func(a, b string) int { // those that it has first
		_, hasA := e.With[a]
		_, hasB := e.With[b]
		if hasA != hasB {
			if hasA {
				return -1
			}
			return 1
		}
		return cmp.Compare(a, b)
	})
	inputs := g.Map(names, func(name string) g.Node {
		id := "field-" + name
		field, _ := verb.Field(name)
		return h.Div(h.Class("field"), h.Label(h.For(id), g.Text(s.names(v.program).value(name))),
			h.Input(h.ID(id), h.Name(station.EditField(name)), h.Value(with[name]), h.AutoComplete("off"), g.Attr("spellcheck", "false"), g.If(field.Required, h.Required())))
	})
	var form g.Node
	if never := s.uneditable(e, v.program); never != "" {
		form = h.P(h.Class("note"), g.Text(never))
	} else {
		form = h.Form(h.Method("post"), h.Action("/entries/edit"), h.Class("edit"),
			h.P(g.Text(say("entries.edit.help"))),
			hidden("entry", string(e.ID)), inputs,
			h.Div(h.Class("field"), h.Label(h.For("reason"), g.Text(say("entries.reason"))), h.Input(h.ID("reason"), h.Name("reason"), h.MaxLength("200"), h.AutoComplete("off"))),
			h.Div(h.Class("acts"), button("main", say("entries.edit.send")), h.A(h.Class("button"), h.Href("/entries"), g.Text(say("entries.edit.cancel")))))
	}
	return s.frame(who, say("entries.edit"), why, h.Section(s.what(v, e), s.why(v.program, e), form))
}
