package demo

import (
	"strconv"

	g "stationd/internal/html"
	h "stationd/internal/html/element"
)

// document is the whole page. page.js replaces the sections by those of live.
func (v *pageView) document() g.Node {
	return h.Doctype(h.HTML(h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.TitleEl(g.Text("stationd demo")),
			h.Link(h.Rel("icon"), h.Href("data:,")),
			h.Link(h.Rel("stylesheet"), h.Href("/page.css")),
			h.NoScript(h.Meta(g.Attr("http-equiv", "refresh"), h.Content("5"))),
			h.Script(h.Src("/page.js"), h.Defer()),
		),
		h.Body(
			h.Header(h.H1(g.Text("stationd demo")), h.P(g.Text("a whole station, its network cable and its plant, on this computer")), h.P(h.ID("answer"), h.Role("alert"))),
			h.Main(
				v.stationColumn(),
				h.Div(h.Class("column"), h.ID("between"),
					g.If(v.Screen != "", g.Group{h.H2(g.Text("The operator's screen")), h.IFrame(h.ID("screen"), h.Title("The operator's screen"), h.Src(v.Screen))}),
					h.Div(h.Div(h.H2(g.Text("The network cable")), v.section("cable")), v.section("outbox"))),
				h.Div(h.Class("column"), h.ID("plant"), h.H2(g.Text("The plant")),
					v.section("dispatches"), v.section("traces"), v.section("heard"), v.section("faults")),
			),
		),
	))
}

// live is everything on the page that changes.
func (v *pageView) live() g.Node {
	var all g.Group
	for _, name := range []string{"power", "scanner", "cable", "outbox", "dispatches", "traces", "heard", "faults"} {
		all = append(all, v.section(name), g.Text("\n"))
	}
	return all
}

// section is a part of the page that changes by itself.
func (v *pageView) section(name string) g.Node {
	parts := map[string]func() g.Node{
		"power": v.power, "scanner": v.scanner, "cable": v.cable, "outbox": v.outbox,
		"dispatches": v.dispatches, "traces": v.traces, "heard": v.heard, "faults": v.faults,
	}
	return h.Section(h.ID(name), parts[name]())
}

// post is a form that does one thing.
func post(path string, children ...g.Node) g.Node {
	return h.Form(h.Method("post"), h.Action(path), g.Group(children))
}

// classIf is a class, with another where something is so.
func classIf(class string, so bool, also string) g.Node {
	if so {
		class += " " + also
	}
	return h.Class(class)
}

func hint(text string) g.Node { return h.P(h.Class("hint"), g.Text(text)) }

func (v *pageView) stationColumn() g.Node {
	return h.Div(h.Class("column"), h.ID("station"),
		h.H2(g.Text("The station")),
		v.section("power"),
		h.Div(h.Class("panel"), g.Map(v.Panel, func(p panelItem) g.Node {
			below := v.section("scanner")
			if p.Button != "" {
				below = post("/push",
					h.Button(h.Class("push"), h.Name("button"), h.Value(p.Button), h.Data("button", p.Button), h.Span(g.Text(p.Button))),
					h.NoScript(h.Button(h.Name("hold"), h.Value(p.Button), g.Text("hold it 2 s"))))
			}
			return h.Div(h.Class("post "+p.Lamp),
				h.Span(classIf("lamp", p.Lit, "lit"), h.Data("pin", strconv.Itoa(p.Pin)), h.Role("img"), h.Aria("label", p.Lamp+" lamp")), below)
		})),
		h.P(h.Class("hint"), g.Text("Press and hold as on the floor: two seconds on "), h.B(g.Text("maintenance")), g.Text(" close its call, a second press on "), h.B(g.Text("material")), g.Text(" closes that one.")),
		h.H3(g.Text("Labels to scan")),
		h.Div(h.Class("labels"), g.Map(v.Labels, func(l pageLabel) g.Node {
			return post("/scan", h.Button(h.Class("label"), h.Name(l.Field), h.Value(l.Value), h.B(g.Text(l.Title)), h.I(), h.Span(g.Text(l.Text))))
		})),
		h.Form(h.Class("typed"), h.Method("post"), h.Action("/scan"), h.Label(h.For("code"), g.Text("or any other")),
			h.Input(h.ID("code"), h.Name("code"), h.AutoComplete("off"), g.Attr("spellcheck", "false"), h.Placeholder("<GS> stands for FNC1"), h.Required()),
			h.Button(g.Text("scan"))),
	)
}

func (s pageSwitch) node() g.Node {
	to, state := "true", "off"
	if s.On {
		to, state = "false", "on"
	}
	return h.Button(classIf("switch", s.On, "on"), h.Name("on"), h.Value(to), h.Aria("label", s.Name+": "+state), h.Span())
}

func (v *pageView) power() g.Node {
	says := h.Span(h.B(g.Text("No power.")), g.Text(" stationd was killed as it was."))
	if v.Power.On {
		says = h.Span(g.Text("stationd runs. "), h.A(h.Href(v.StationPage), h.Target("_blank"), h.Rel("noopener"), g.Text("Its own page ↗")))
	}
	return h.Form(h.Class("line"), h.Method("post"), h.Action("/power"), v.Power.node(), g.Text(" "), says)
}

func (v *pageView) scanner() g.Node {
	return post("/scanner", h.Span(classIf("gun", !v.Scanner.On, "off"), h.Aria("hidden", "true")), v.Scanner.node(), h.Span(h.Class("under"), g.Text("scanner")))
}

func (v *pageView) cable() g.Node {
	path := func(d string) g.Node { return g.El("path", g.Attr("d", d)) }
	says := h.Span(h.B(g.Text("pulled out")))
	if v.Cable.On {
		says = h.Span(g.Text("plugged in"))
	}
	return post("/cable",
		h.SVG(classIf("cable", !v.Cable.On, "cut"), g.Attr("viewBox", "0 0 240 56"), h.Aria("hidden", "true"),
			path("M0 28H84"), path("M156 28H240"),
			g.El("g", h.Class("left"), path("M84 14h26v28H84z"), path("M110 21h9M110 35h9")),
			g.El("g", h.Class("right"), path("M156 14h-36v28h36z"))),
		h.Div(h.Class("line"), v.Cable.node(), says))
}

func (v *pageView) outbox() g.Node {
	all := g.Group{h.H3(g.Text("In the outbox "), h.Span(h.Class("count"), g.Text(strconv.Itoa(len(v.Entries)))))}
	if v.OutboxUnreadable {
		all = append(all, hint("stationd is starting."))
	}
	switch {
	case len(v.Entries) > 0:
		all = append(all, h.Ul(g.Map(v.Entries, func(e pageEntry) g.Node {
			return h.Li(h.Class(e.Class), h.B(g.Text(e.Title)), h.Span(g.Text(e.Text)), g.If(e.Reason != "", h.Em(g.Text(e.Reason))))
		})))
		if v.More > 0 {
			all = append(all, hint("and "+strconv.Itoa(v.More)+" more"))
		}
	case !v.OutboxUnreadable:
		all = append(all, hint("Empty: the plant has everything that was pressed and scanned."))
	}
	if !v.Power.On {
		all = append(all, h.P(h.Class("hint below"), g.Text("Read from the disk: this is what a power cut leaves.")))
	}
	return all
}

// table is a table with a heading.
func table(heading []string, rows g.Node) g.Node {
	return h.Table(h.THead(h.Tr(g.Map(heading, func(text string) g.Node { return h.Th(g.Text(text)) }))), h.TBody(rows))
}

func cell(text string) g.Node { return h.Td(g.Text(text)) }

func code(text string) g.Node { return h.Td(h.Class("code"), g.Text(text)) }

func (v *pageView) dispatches() g.Node {
	rows := hint("Nobody has called yet.")
	if len(v.Dispatches) > 0 {
		rows = table([]string{"No.", "Type", "Reported", "Mark", ""}, g.Map(v.Dispatches, func(d pageDispatch) g.Node {
			class, state := "", h.Td(g.Text("closed "+d.Closed))
			if d.Open {
				class, state = "open", h.Td(h.Span(h.Class("badge"), g.Text("open")))
			}
			return h.Tr(h.Class(class), cell(strconv.Itoa(d.Number)), cell(d.Type), cell(d.Reported), code(d.Mark), state)
		}))
	}
	return g.Group{
		h.H3(g.Text("L2L "), h.Span(h.Class("count"), g.Text("dispatches")),
			g.If(v.Running != "", h.Span(h.Class("right"), g.Text("PACK4 runs "), h.B(g.Text(v.Running))))),
		rows,
	}
}

func (v *pageView) traces() g.Node {
	rows := hint("No part yet. Scan an order, then parts.")
	if len(v.Traces) > 0 {
		rows = table([]string{"Order", "Article", "Batch", "Serial", "Best before", "At"}, g.Map(v.Traces, func(t pageTrace) g.Node {
			return h.Tr(cell(strconv.FormatInt(t.Order, 10)), cell(t.Article), cell(t.Batch), code(t.Serial), cell(t.BestBefore), cell(t.At))
		}))
	}
	return g.Group{h.H3(g.Text("Lagerkoll "), h.Span(h.Class("count"), g.Text("parts traced"))), rows}
}

func (v *pageView) heard() g.Node {
	complaints := hint("No protocol violations.")
	if len(v.Complaints) > 0 {
		complaints = h.Ul(h.Class("complaints"), g.Map(v.Complaints, func(c string) g.Node { return h.Li(g.Text(c)) }))
	}
	return g.Group{
		h.H3(g.Text("What the plant heard "), h.Span(h.Class("count"), g.Text(strconv.Itoa(v.Requests)+" requests"))),
		h.Ol(h.Class("wire"), g.Map(v.Recent, func(r pageRequest) g.Node {
			return h.Li(h.Span(g.Text(r.At)), h.Span(h.Class("code"), g.Text(r.Method+" "+r.Path)), h.Span(h.Class(r.Class), g.Text(r.Answer)))
		})),
		complaints,
	}
}

func (v *pageView) faults() g.Node {
	return g.Group{
		h.H3(g.Text("Let something go wrong")),
		h.Form(h.Class("mishaps"), h.Method("post"), h.Action("/fault"),
			g.Map(v.FaultButtons, func(f faultButton) g.Node {
				return h.Button(h.Name("kind"), h.Value(string(f.Kind)), g.If(f.Pending != "", h.Class("pending")), g.Text(f.Text),
					g.If(f.Pending != "", g.Group{g.Text(" "), h.Span(g.Text("waits for " + f.Pending))}))
			}),
			g.If(v.Pending, h.Button(h.Name("kind"), h.Value("none"), g.Text("Take it back")))),
	}
}
