package web

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	g "stationd/internal/html"
	h "stationd/internal/html/element"
	"stationd/internal/words"
)

// mostOthers is how many findings beside the headline have a line on the first screen.
const mostOthers = 3

// html is the main part of the page: the first screen, which is all an operator needs, and
// what is unfolded below it. A section with an id is what the script replaces.
func (v view) html() g.Node {
	return g.Group{
		h.Div(h.ID("screen"),
			v.headline(),
			h.Div(h.ID("work"),
				h.Div(h.ID("left"), v.callSection(), v.nowSection()),
				v.recentSection(),
			),
			v.health(),
		),
		h.Div(h.ID("more"),
			v.detailSection(),
			v.heldSection(),
			v.noticeSection(),
			v.keptSection(),
			v.waitingSection(),
			v.partSection(),
			h.Section(h.ID("sound"),
				h.H2(v.phrase("sound")),
				h.Div(h.Class("acts"),
					h.Button(h.Type("button"), h.ID("sound-on"), h.Aria("pressed", "false"), v.phrase("sound.on")),
					h.Button(h.Type("button"), h.ID("sound-test"), v.phrase("sound.test")),
				),
				h.P(h.Class("small"), v.phrase("sound.help")),
			),
			h.P(h.Class("acts"),
				g.If(len(v.Held) == 0, v.entriesLink()), // else it stands with them
				g.If(v.HasCards, h.A(h.Class("button"), h.Href("/cards"), v.phrase("cards.title"))),
				h.A(h.Class("button"), h.Href("#"), v.phrase("more.close"))),
		),
	}
}

func (v view) phrase(key words.Key, values ...any) g.Node { return g.Text(v.Texts.Say(key, values...)) }

// sizeOf is the class of a sentence by its length: a longer one is smaller.
func sizeOf(sentence string) string {
	if utf8.RuneCountInString(sentence) > 54 {
		return "big longer"
	}
	return "big"
}

// headline is the sentence that fills a third of the screen. Its alarm names what the sound
// is made for: once for each.
func (v view) headline() g.Node {
	f := v.Findings[0]
	alarm := ""
	if f.rank <= actionNeeded {
		alarm = strconv.Itoa(int(f.rank)) + " " + f.Text
	}
	return h.Section(h.ID("headline"), h.Role("status"), h.Aria("live", "polite"), h.Aria("atomic", "true"),
		h.Div(h.Class("card "+f.Class), h.Data("alarm", alarm),
			h.P(h.Class(sizeOf(f.Text)), sign(f.Class), h.Span(h.Class("spoken"), g.Text(v.Spoken+" ")), h.Span(h.ID("sentence"), unbroken(f.Text))),
			g.If(f.Do != "", h.P(h.Class("do"), g.Text(f.Do))),
		),
	)
}

// longestUnbroken is how long a word may be that is not broken at a hyphen.
const longestUnbroken = 16

// unbroken is a sentence in which a name with a hyphen, SEAL-1, stays on one line.
func unbroken(sentence string) g.Node {
	var all g.Group
	for i, word := range strings.Split(sentence, " ") {
		if i > 0 {
			all = append(all, g.Text(" "))
		}
		if strings.Contains(word, "-") && utf8.RuneCountInString(word) <= longestUnbroken {
			all = append(all, h.Span(h.Class("unbroken"), g.Text(word)))
		} else {
			all = append(all, g.Text(word))
		}
	}
	return all
}

// others are the findings beside the headline.
func (v view) others() g.Node {
	var all []g.Node
	left := 0
	for i, f := range v.Findings {
		switch {
		case i == 0, f.rank == allWell, f.rank == callOpen, f.about != "": // its dot says so
			continue
		case len(all) == mostOthers:
			left++
			continue
		}
		all = append(all, h.P(sign(f.Class), g.Text(f.Text)))
	}
	if left > 0 {
		all = append(all, h.P(v.phrase("more", "n", left)))
	}
	if len(all) == 0 {
		return nil
	}
	return h.Div(append([]g.Node{h.ID("others")}, all...)...)
}

// callsAbove is how many calls stand on the first screen beside that of the headline.
const callsAbove = 3

// callSection are the calls, but for the one that fills the screen already.
func (v view) callSection() g.Node {
	others := slices.DeleteFunc(slices.Clone(v.Calls), func(c callLine) bool { return c.Entry == v.Findings[0].call })
	if len(others) == 0 {
		return h.Section(h.ID("calls"))
	}
	shown := others[:min(len(others), callsAbove)]
	left := len(others) - len(shown) + v.MoreCall
	return h.Section(h.ID("calls"), h.H2(h.Class("spoken"), v.phrase("calls")),
		h.Ul(g.Map(shown, func(c callLine) g.Node {
			return h.Li(sign(c.Class), h.Div(h.B(g.Text(c.Name)), g.Text(" "), h.Span(h.Class("small"), g.Text(c.Text))))
		})),
		g.If(left > 0, h.P(v.phrase("more", "n", left))),
	)
}

// closing takes two touches to close a call: one for the list of those that can be closed,
// and one for the call.
func (v view) closing() g.Node {
	open := slices.DeleteFunc(slices.Clone(v.Calls), func(c callLine) bool { return c.Closing })
	if len(open) == 0 {
		return nil
	}
	return h.Details(h.Class("acts"), h.ID("over"), h.Summary(v.phrase("call.close")),
		h.Div(h.Class("sheet"), h.P(v.phrase("call.sure")),
			g.Map(open, func(c callLine) g.Node {
				id := string(c.Entry)
				return h.Form(h.Method("post"), h.Action("/close"),
					h.Label(h.For("close-"+id), g.Text(c.Name)),
					h.Input(h.Type("hidden"), h.Name("entry"), h.Value(id)),
					h.Button(h.ID("close-"+id), h.Class("main"), v.phrase("call.yes")),
				)
			}),
		))
}

func (v view) nowSection() g.Node {
	if len(v.Now) == 0 {
		return h.Section(h.ID("now"))
	}
	return h.Section(h.ID("now"), h.H2(h.Class("spoken"), v.phrase("job")), h.Dl(g.Map(v.Now, func(l line) g.Node {
		return h.Div(h.Dt(g.Text(l.Name)), h.Dd(g.Text(l.Text)))
	})))
}

func (v view) recentSection() g.Node {
	if len(v.Recent) == 0 {
		return h.Section(h.ID("recent"))
	}
	return h.Section(h.ID("recent"), h.H2(h.Class("spoken"), v.phrase("notes")), h.Ol(g.Map(v.Recent, func(l recentLine) g.Node {
		return h.Li(sign(l.Class), h.Span(g.If(l.Clock != "", h.Time(g.Text(l.Clock))), g.Text(" "), g.Text(l.Text)), g.If(l.Fate != "", h.Span(h.Class("fate"), g.Text(l.Fate))))
	})))
}

// health is the bar at the foot of the screen: what else there is to know, the station's
// health in one line, and what can be touched.
func (v view) health() g.Node {
	return h.Section(h.ID("health"),
		h.Div(
			v.others(),
			h.Ul(h.Li(h.H1(g.Text(v.Station))), g.Map(v.Dots, func(d dot) g.Node {
				return h.Li(h.Class(d.Class), sign(d.Class), h.Span(g.Text(d.Name), g.If(d.Text != "", h.Span(h.Class("fault"), g.Text(" "+d.Text)))))
			})),
		),
		v.closing(),
		h.A(h.Class("button"), h.Href("#more"), v.phrase("details")),
	)
}

// detailSection has the words of programs and of vendors, for whoever repairs what the
// sentences say.
func (v view) detailSection() g.Node {
	var all []g.Node
	for _, f := range v.Findings {
		if f.Detail != "" {
			all = append(all, h.Div(h.Dt(g.Text(f.Text)), h.Dd(h.Span(h.Class("small code"), g.Text(f.Detail)))))
		}
	}
	if len(all) == 0 {
		return h.Section(h.ID("why"))
	}
	return h.Section(h.ID("why"), h.H2(v.phrase("details")), h.Dl(all...))
}

func (v view) partSection() g.Node {
	return h.Section(h.ID("parts"), h.H2(v.phrase("parts")),
		g.If(len(v.Lamps) > 0, h.Ul(h.Class("lamps"), h.Aria("label", v.Texts.Say("lamps")), g.Map(v.Lamps, func(l lamp) g.Node {
			return h.Li(h.Class("light-"+l.Class), lampSign(l.Class), h.Span(h.B(g.Text(l.Name)), g.Text(" "), h.Span(h.Class("small"), g.Text(l.Light))))
		}))),
		h.Dl(g.Map(v.Parts, func(l line) g.Node {
			return h.Div(h.Dt(g.Text(l.Name)), h.Dd(sign(l.Class), g.Text(l.Text), g.If(l.Detail != "", h.Span(h.Class("small code"), g.Text(" "+l.Detail)))))
		})),
		h.P(h.Label(h.For("fill"), v.phrase("fill")), g.Text(" "),
			h.Meter(h.ID("fill"), h.Min("0"), h.Max("100"), g.Attr("high", "80"), h.Value(strconv.Itoa(v.Fill)), g.Text(strconv.Itoa(v.Fill)+" %")),
			h.Span(h.Class("small"), g.Text(" "), v.phrase("fill.of", "percent", v.Fill))),
		h.P(h.Class("small"), v.phrase("version", "version", v.Version)),
	)
}

// sign is the sign of a class: whoever does not see its colour sees its form.
func sign(class string) g.Node {
	var lines []g.Node
	switch class {
	case "good":
		lines = []g.Node{circle(""), path("", "M7 12.5l3.5 3.5L17 9")}
	case "wait":
		lines = []g.Node{circle(""), path("", "M12 6v6.5l4 2.5")}
	case "next":
		lines = []g.Node{path("", "M3 5v14M7 5v14M10 5v14M14 5v14M17 5v14M21 5v14")}
	case "look":
		lines = []g.Node{path("", "M12 2.5L23 21.5H1z"), path("", "M12 9.5v6M12 18v.5")}
	case "idle":
		lines = []g.Node{circle("")}
	default:
		return nil
	}
	return g.El("svg", append([]g.Node{h.Class("sign " + class), g.Attr("viewBox", "0 0 24 24"), h.Aria("hidden", "true")}, lines...)...)
}

// lampSign is a lamp as it is lit.
func lampSign(class string) g.Node {
	lines := []g.Node{circle("")}
	switch class {
	case "steady":
		lines = []g.Node{circle("full")}
	case "slow":
		lines = []g.Node{circle(""), path("full", "M12 2a10 10 0 0 0 0 20z")}
	case "quick":
		lines = []g.Node{path("full", "M12 1.5L23.5 22H.5z"), path("mark", "M12 9v6.5M12 18v.5")}
	case "off-duty":
		lines = []g.Node{circle(""), path("", "M5 19L19 5")}
	}
	return g.El("svg", append([]g.Node{h.Class("lamp"), g.Attr("viewBox", "0 0 24 24"), h.Aria("hidden", "true")}, lines...)...)
}

func circle(class string) g.Node {
	return g.El("circle", g.If(class != "", h.Class(class)), g.Attr("cx", "12"), g.Attr("cy", "12"), g.Attr("r", "10"))
}

func path(class, d string) g.Node {
	return g.El("path", g.If(class != "", h.Class(class)), g.Attr("d", d))
}
