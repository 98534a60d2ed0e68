package demo

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"stationd/internal/plant"
	"stationd/internal/station"
)

// A pageView is what the page shows.
type pageView struct {
	Power, Scanner, Cable pageSwitch
	StationPage           string
	Screen                string // the station's own page, for a frame; empty: there is none
	Panel                 []panelItem
	Labels                []pageLabel

	Entries          []pageEntry // in the outbox
	More             int         // entries that are not shown
	OutboxUnreadable bool

	Running      string // the product that the line runs
	Dispatches   []pageDispatch
	Traces       []pageTrace
	Requests     int // that the plant has had
	Recent       []pageRequest
	Complaints   []string
	FaultButtons []faultButton
	Pending      bool // a fault that was added has not happened yet
}

// A pageSwitch is a switch on the page.
type pageSwitch struct {
	Name string
	On   bool
}

// A panelItem is a lamp on the front of the station with what is below it: a button, or the
// scanner.
type panelItem struct {
	Lamp      string
	Pin       int
	Lit       bool
	Button    string
	buttonPin int
}

// A pageLabel is a label that can be scanned: a code, or the next part of an article.
type pageLabel struct{ Field, Value, Title, Text string }

type (
	pageEntry    struct{ Class, Title, Text, Reason string }
	pageDispatch struct {
		Number                       int
		Type, Reported, Mark, Closed string
		Open                         bool
	}
	pageTrace struct {
		Order                                  int64
		Article, Batch, Serial, BestBefore, At string
	}
	pageRequest struct{ At, Method, Path, Answer, Class string }
	faultButton struct {
		Kind    plant.FaultKind
		Text    string
		Pending string
	}
)

// How many rows of each list the page shows.
const (
	maxEntries    = 8
	maxDispatches = 6
	maxTraces     = 8
	maxRequests   = 7
)

// panelItems returns the front of the station, from left to right.
func panelItems() []panelItem {
	return []panelItem{
		{Lamp: "red", Pin: PinRed, Button: "maintenance", buttonPin: PinMaintenance},
		{Lamp: "yellow", Pin: PinYellow, Button: "material", buttonPin: PinMaterial},
		{Lamp: "white", Pin: PinWhite},
	}
}

// labels returns the labels that can be scanned.
func labels() []pageLabel {
	return []pageLabel{
		{"code", "PO4711", "PO4711", "order"},
		{"part", Soup, "Soup", "next serial"},
		{"code", "PC-200", "PC-200", "changeover"},
		{"code", "7310865004703", "Carton", "not ours"},
		{"code", "PO4712", "PO4712", "order"},
		{"part", Stew, "Stew", "next serial"},
		{"code", "PC-300", "PC-300", "changeover"},
		{"code", "PC-100", "PC-100", "changeover"},
	}
}

// view returns the present state of the simulation.
func (p *Page) view(ctx context.Context) pageView {
	v := pageView{
		Power:       pageSwitch{"power of the station", p.sim.Powered()},
		Scanner:     pageSwitch{"plug of the scanner", p.sim.Scanner.plugged()},
		Cable:       pageSwitch{"network cable", p.sim.connected()},
		StationPage: p.sim.Log.PageURL(),
		Screen:      p.screen,
		Panel:       panelItems(),
		Labels:      labels(),
	}
	lit, _ := p.sim.Lamps.lit()
	for i := range v.Panel {
		v.Panel[i].Lit = lit[v.Panel[i].Pin]
	}
	v.addOutbox(p.sim.Contents(ctx))
	v.addPlant(p.sim.Plant)
	p.addFaultButtons(&v)
	return v
}

// addOutbox adds the entries in the outbox.
func (v *pageView) addOutbox(c station.Contents, err error) {
	v.OutboxUnreadable = err != nil
	for _, e := range c.Entries {
		entry := pageEntry{Class: "waiting", Title: e.Verb, Text: entryText(e)}
		if e.Condition == station.Held {
			entry.Class, entry.Reason = "held", "held: "+e.Reason
		}
		v.Entries = append(v.Entries, entry)
	}
	for _, ev := range c.Kept {
		v.Entries = append(v.Entries, pageEntry{Class: "kept", Title: "unknown scan", Text: ev.Code})
	}
	if n := len(v.Entries); n > maxEntries {
		v.Entries, v.More = v.Entries[:maxEntries], n-maxEntries
	}
}

// entryText describes an entry by its fields and its time.
func entryText(e station.EntryStatus) string {
	var parts []string
	for _, field := range []string{"type", "machine", "product", "line", "order", "article", "batch", "serial"} {
		text := e.With[field]
		if field == "article" {
			text = articleName(text)
		}
		if text != "" && (field != "line" || e.With["machine"] == "") {
			parts = append(parts, text)
		}
	}
	parts = append(parts, plantTime(e.At.Wall))
	return strings.Join(parts, " · ")
}

// plantTime is a time of day at the plant.
func plantTime(t time.Time) string { return t.In(plant.Demo().Zone).Format(time.TimeOnly) }

// addPlant adds the plant's records and requests, the newest first.
func (v *pageView) addPlant(p *plant.Plant) {
	for _, s := range p.Sequences() {
		if s.Status == plant.InProgress || s.Status == plant.Changeover {
			v.Running = s.Product
		}
	}
	for _, d := range newest(p.Dispatches(), maxDispatches) {
		mark, _, marked := strings.Cut(d.Description, "]")
		if !marked {
			mark = "(the site's own)"
		}
		shown := pageDispatch{Number: d.Number, Type: d.Type, Reported: plantTime(d.Reported), Mark: strings.TrimPrefix(mark, "["), Open: d.Open()}
		if !d.Closed.IsZero() {
			shown.Closed = plantTime(d.Closed)
		}
		v.Dispatches = append(v.Dispatches, shown)
	}
	for _, t := range newest(p.Traces(), maxTraces) {
		shown := pageTrace{Order: t.Order, Article: articleName(t.Article), Batch: t.Batch, Serial: t.Serial, At: plantTime(t.At)}
		if t.BestBefore != 0 {
			shown.BestBefore = time.UnixMilli(t.BestBefore).UTC().Format(time.DateOnly)
		}
		v.Traces = append(v.Traces, shown)
	}
	requests := p.Requests()
	v.Requests, v.Complaints = len(requests), p.Complaints()
	for _, r := range newest(slices.DeleteFunc(requests, routine), maxRequests) {
		path := strings.TrimPrefix(strings.TrimPrefix(r.Path, "/api/1.0"), "/v1")
		shown := pageRequest{At: plantTime(r.At), Method: r.Method, Path: path, Answer: strconv.Itoa(r.Status), Class: "good"}
		switch {
		case r.Fault != "":
			shown.Answer, shown.Class = string(r.Fault), "bad"
		case r.Status == 0:
			shown.Answer, shown.Class = "no answer", "bad"
		case r.Status >= http.StatusBadRequest:
			shown.Class = "bad"
		}
		v.Recent = append(v.Recent, shown)
	}
}

// routine reports whether a request is one of the many by which the station watches L2L: among
// them nobody would see the others.
func routine(r plant.Request) bool {
	return r.Method == http.MethodGet && r.Fault == "" &&
		(strings.HasSuffix(r.Path, "/get_current_order_on_line/") || strings.HasSuffix(r.Path, "/dispatches/") && r.Query.Has("id"))
}

// newest returns at most the last elements of a list, in reverse.
func newest[T any](all []T, most int) []T {
	last := slices.Clone(all[max(0, len(all)-most):])
	slices.Reverse(last)
	return last
}

// A faultKey is a kind of fault and the method of the requests that have it.
type faultKey struct {
	kind   plant.FaultKind
	method string
}

// faultCounts counts the faults that have happened.
func faultCounts(p *plant.Plant) map[faultKey]int {
	n := make(map[faultKey]int)
	for _, r := range p.Requests() {
		if r.Fault != "" {
			n[faultKey{r.Fault, r.Method}]++
		}
	}
	return n
}

// addFaultButtons adds the buttons of the faults, with the vendors for which each is pending.
func (p *Page) addFaultButtons(v *pageView) {
	happened := faultCounts(p.sim.Plant)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range faultOptions() {
		kind := m.fault.Kind
		var vendors []string
		if at := (faultKey{kind, http.MethodPost}); p.addedFaults[at] > happened[at] {
			vendors = append(vendors, "L2L")
		}
		if at := (faultKey{kind, http.MethodPut}); p.addedFaults[at] > happened[at] {
			vendors = append(vendors, "Lagerkoll")
		}
		v.FaultButtons = append(v.FaultButtons, faultButton{kind, m.Text, strings.Join(vendors, " and ")})
		v.Pending = v.Pending || len(vendors) > 0
	}
}

// A faultOption is a fault of the next request by which the station changes something: POST at
// L2L, PUT at Lagerkoll.
type faultOption struct {
	Text  string
	fault plant.Fault
}

func faultOptions() []faultOption {
	return []faultOption{
		{"Lose the next answer", plant.Fault{Kind: plant.Lost}},
		{"Answer 5 s late", plant.Fault{Kind: plant.Slow, Delay: 5 * time.Second}},
		{"Proxy error 502", plant.Fault{Kind: plant.BadGateway}},
		{"Too many requests", plant.Fault{Kind: plant.TooMany, RetryAfter: 3 * time.Second}},
		{"Refuse the next request", plant.Fault{Kind: plant.Refusal, Text: "Shift not started"}},
	}
}
