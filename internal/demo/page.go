package demo

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"stationd/internal/plant"
	"stationd/internal/station"
)

//go:embed page.html page.css page.js
var demoFiles embed.FS

// A Page is the page of the box: the far ends of everything that a station is
// wired to. Whoever reaches it presses the buttons; so it answers this computer
// alone.
type Page struct {
	box   *Box
	pages *template.Template

	mu      sync.Mutex
	serial  int              // of the last part
	ordered map[faultKey]int // mishaps ordered so far
}

func NewPage(b *Box) *Page {
	return &Page{
		box:     b,
		pages:   template.Must(template.ParseFS(demoFiles, "page.html")),
		ordered: make(map[faultKey]int),
	}
}

// lookEvery is how often an open page looks whether something has changed. Lamps
// are not waited for.
const lookEvery = 200 * time.Millisecond

func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.page)
	mux.HandleFunc("GET /events", p.events)
	for _, name := range []string{"page.css", "page.js"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, demoFiles, name)
		})
	}
	for path, do := range map[string]func(*http.Request) error{
		"/press": p.press, "/release": p.release, "/push": p.push, "/scan": p.scan,
		"/scanner": p.scanner, "/power": p.power, "/cable": p.cable, "/fault": p.fault,
	} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			if err := do(r); err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
				return
			}
			http.Redirect(w, r, "/", http.StatusSeeOther)
		})
	}
	const mostForm = 16 << 10 // longer than any symbol
	return ownHost(http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(mux, mostForm)))
}

// ownHost lets in only who asks for this computer by a name of its own, so that a
// page from elsewhere whose name has been bent to this address stays outside; and
// it tells the browser to run nothing but what came from here.
func ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if host != "localhost" && (err != nil || !ip.IsLoopback()) {
			http.Error(w, "the demo goes by no such name: use the address that it printed", http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// The hands.

// errButton is the answer to a button that is not there.
var errButton = errors.New("there is no such button")

func pinOf(button string) (pin int, err error) {
	for _, p := range posts() {
		if p.Button == button && button != "" {
			return p.buttonPin, nil
		}
	}
	return 0, errButton
}

func (p *Page) press(r *http.Request) error {
	pin, err := pinOf(r.PostFormValue("button"))
	if err == nil {
		p.box.Press(pin)
	}
	return err
}

func (p *Page) release(r *http.Request) error {
	pin, err := pinOf(r.PostFormValue("button"))
	if err == nil {
		p.box.Release(pin)
	}
	return err
}

// push is for browsers without scripts, which cannot keep a button down.
func (p *Page) push(r *http.Request) error {
	name, d := r.PostFormValue("button"), Briefly
	if held := r.PostFormValue("hold"); held != "" {
		name, d = held, Long
	}
	pin, err := pinOf(name)
	if err == nil {
		p.box.Push(pin, d)
	}
	return err
}

// scan reads a label. Nobody can type the separator of a GS1 symbol, so its name
// stands for it.
func (p *Page) scan(r *http.Request) error {
	code := strings.ReplaceAll(r.PostFormValue("code"), "<GS>", "\x1d")
	switch r.PostFormValue("part") {
	case Soup:
		code = p.nextPart(Part{Article: Soup, Batch: "B7", BestBefore: "270331"})
	case Stew:
		code = p.nextPart(Part{Article: Stew, Batch: "C3", BestBefore: "270430"})
	}
	if code == "" {
		return errors.New("there is nothing on that label")
	}
	return p.box.Scan(code)
}

// nextPart is the symbol of the next part, with a serial number of its own.
func (p *Page) nextPart(next Part) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	next.Serial = fmt.Sprintf("%04d", p.serial)
	return next.Symbol()
}

func (p *Page) scanner(r *http.Request) error {
	if on(r) {
		return p.box.Reader.Plug()
	}
	p.box.Reader.Unplug()
	return nil
}

func (p *Page) power(r *http.Request) error { return p.box.Power(r.Context(), on(r)) }

func (p *Page) cable(r *http.Request) error { return p.box.Cable(on(r)) }

func on(r *http.Request) bool { return r.PostFormValue("on") == "true" }

// A mishap is something that goes wrong with the next request by which the station
// changes something: L2L's are POST, Lagerkoll's are PUT.
type mishap struct {
	Text  string
	fault plant.Fault
}

func mishaps() []mishap {
	return []mishap{
		{"Lose the next answer", plant.Fault{Kind: plant.Lost}},
		{"Answer 5 s late", plant.Fault{Kind: plant.Slow, Delay: 5 * time.Second}},
		{"Proxy error 502", plant.Fault{Kind: plant.BadGateway}},
		{"Too many requests", plant.Fault{Kind: plant.TooMany, RetryAfter: 3 * time.Second}},
		{"Refuse the next request", plant.Fault{Kind: plant.Refusal, Text: "Shift not started"}},
	}
}

func (p *Page) fault(r *http.Request) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	kind := plant.FaultKind(r.PostFormValue("kind"))
	if kind == "none" {
		p.box.Plant.ClearFaults()
		p.ordered = parseFaultKey(p.box.Plant)
		return nil
	}
	for _, m := range mishaps() {
		if m.fault.Kind != kind {
			continue
		}
		m.fault.Next = 1
		for _, method := range []string{http.MethodPost, http.MethodPut} {
			m.fault.Where = method + " *"
			p.box.Plant.AddFault(m.fault)
			p.ordered[faultKey{kind, method}]++
		}
		return nil
	}
	return errors.New("nothing goes wrong like that here")
}

// The eyes.

func (p *Page) page(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	if err := p.pages.ExecuteTemplate(&b, "page", p.look(r.Context())); err != nil {
		http.Error(w, "the page cannot be drawn: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = b.WriteTo(w) // whoever asked has gone
}

// events sends what changes, until the reader leaves: the pins of the lamps that
// are lit, at once; and the sections of the page.
//
//	event: lamps
//	data: 22 24
//
//	event: live
//	data: <section id="power">…
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var lamps, shown string
	for first := true; ; first = false {
		lit, changed := p.box.Eyes.lit()
		now := pinsOf(lit)
		if first || now != lamps {
			lamps = now
			_, _ = fmt.Fprintf(w, "event: lamps\ndata: %s\n\n", now)
		}
		var b strings.Builder
		if err := p.pages.ExecuteTemplate(&b, "live", p.look(r.Context())); err != nil {
			return
		}
		if b.String() != shown {
			shown = b.String()
			_, _ = io.WriteString(w, "event: live\ndata: "+strings.ReplaceAll(shown, "\n", "\ndata: ")+"\n\n")
		}
		if flush() != nil { // it tells of a failed write as well
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-tick.C:
		}
	}
}

func pinsOf(lit map[int]bool) string {
	var pins []string
	for pin, yes := range lit {
		if yes {
			pins = append(pins, strconv.Itoa(pin))
		}
	}
	slices.Sort(pins)
	return strings.Join(pins, " ")
}

// A demoView is what the page shows.
type demoView struct {
	Power, Scanner, Cable demoSwitch
	StationPage           string
	Posts                 []demoPost
	Labels                []demoLabel

	Entries      []demoEntry
	More         int
	OutboxSilent bool

	Running    string
	Dispatches []demoDispatch
	Traces     []demoTrace
	Requests   int
	Heard      []demoRequest
	Complaints []string
	Mishaps    []demoMishap
	Pending    bool
}

// A demoSwitch is something that is on or off.
type demoSwitch struct {
	Name string
	On   bool
}

// A demoPost is a lamp on the front of the station and what is below it: a button,
// or the scanner.
type demoPost struct {
	Lamp      string
	Pin       int
	Lit       bool
	Button    string
	buttonPin int
}

// A demoLabel is a label that can be scanned: a code, or the next part of an
// article.
type demoLabel struct{ Field, Value, Title, Text string }

type (
	demoEntry    struct{ Class, Title, Text, Reason string }
	demoDispatch struct {
		Number                       int
		Type, Reported, Mark, Closed string
		Open                         bool
	}
	demoTrace struct {
		Order                                  int64
		Article, Batch, Serial, BestBefore, At string
	}
	demoRequest struct{ At, Method, Path, Answer, Class string }
	demoMishap  struct {
		Kind    plant.FaultKind
		Text    string
		Pending string
	}
)

// How much of each list there is room for.
const (
	mostEntries    = 8
	mostDispatches = 6
	mostTraces     = 8
	mostHeard      = 7
)

// posts are the front of the station, from left to right.
func posts() []demoPost {
	return []demoPost{
		{Lamp: "red", Pin: PinRed, Button: "maintenance", buttonPin: PinMaintenance},
		{Lamp: "yellow", Pin: PinYellow, Button: "material", buttonPin: PinMaterial},
		{Lamp: "white", Pin: PinWhite},
	}
}

// labels are what lies about at the station to be scanned.
func labels() []demoLabel {
	return []demoLabel{
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

// look takes one look at the whole box.
func (p *Page) look(ctx context.Context) demoView {
	v := demoView{
		Power:       demoSwitch{"power of the station", p.box.Powered()},
		Scanner:     demoSwitch{"plug of the scanner", p.box.Reader.plugged()},
		Cable:       demoSwitch{"network cable", p.box.connected()},
		StationPage: p.box.Log.PageURL(),
		Posts:       posts(),
		Labels:      labels(),
	}
	lit, _ := p.box.Eyes.lit()
	for i := range v.Posts {
		v.Posts[i].Lit = lit[v.Posts[i].Pin]
	}
	v.lookIntoOutbox(p.box.Contents(ctx))
	v.lookAtPlant(p.box.Plant)
	p.lookAtMishaps(&v)
	return v
}

func (v *demoView) lookIntoOutbox(c station.Contents, err error) {
	v.OutboxSilent = err != nil
	for _, e := range c.Entries {
		entry := demoEntry{Class: "waiting", Title: e.Verb, Text: saysOf(e)}
		if e.Condition == station.Held {
			entry.Class, entry.Reason = "held", "held: "+e.Reason
		}
		v.Entries = append(v.Entries, entry)
	}
	for _, ev := range c.Kept {
		v.Entries = append(v.Entries, demoEntry{Class: "kept", Title: "a scan that nobody knows", Text: ev.Code})
	}
	if n := len(v.Entries); n > mostEntries {
		v.Entries, v.More = v.Entries[:mostEntries], n-mostEntries
	}
}

// saysOf is an entry in the words of the floor.
func saysOf(e station.EntryStatus) string {
	var said []string
	for _, field := range []string{"type", "machine", "product", "line", "order", "article", "batch", "serial"} {
		text := e.With[field]
		if field == "article" {
			text = dish(text)
		}
		if text != "" && (field != "line" || e.With["machine"] == "") {
			said = append(said, text)
		}
	}
	said = append(said, siteClock(e.At.Wall))
	return strings.Join(said, " · ")
}

// siteClock is a time as the clocks on the floor show it.
func siteClock(t time.Time) string { return t.In(plant.Demo().Zone).Format(time.TimeOnly) }

// lookAtPlant shows the newest first.
func (v *demoView) lookAtPlant(p *plant.Plant) {
	for _, s := range p.Sequences() {
		if s.Status == plant.InProgress || s.Status == plant.Changeover {
			v.Running = s.Product
		}
	}
	for _, d := range newest(p.Dispatches(), mostDispatches) {
		mark, _, marked := strings.Cut(d.Description, "]")
		if !marked {
			mark = "(the site's own)"
		}
		shown := demoDispatch{Number: d.Number, Type: d.Type, Reported: siteClock(d.Reported), Mark: strings.TrimPrefix(mark, "["), Open: d.Open()}
		if !d.Closed.IsZero() {
			shown.Closed = siteClock(d.Closed)
		}
		v.Dispatches = append(v.Dispatches, shown)
	}
	for _, t := range newest(p.Traces(), mostTraces) {
		shown := demoTrace{Order: t.Order, Article: dish(t.Article), Batch: t.Batch, Serial: t.Serial, At: siteClock(t.At)}
		if t.BestBefore != 0 {
			shown.BestBefore = time.UnixMilli(t.BestBefore).UTC().Format(time.DateOnly)
		}
		v.Traces = append(v.Traces, shown)
	}
	requests := p.Requests()
	v.Requests, v.Complaints = len(requests), p.Complaints()
	for _, r := range newest(slices.DeleteFunc(requests, routine), mostHeard) {
		path := strings.TrimPrefix(strings.TrimPrefix(r.Path, "/api/1.0"), "/v1")
		shown := demoRequest{At: siteClock(r.At), Method: r.Method, Path: path, Answer: strconv.Itoa(r.Status), Class: "good"}
		switch {
		case r.Fault != "":
			shown.Answer, shown.Class = string(r.Fault), "bad"
		case r.Status == 0:
			shown.Answer, shown.Class = "no answer", "bad"
		case r.Status >= http.StatusBadRequest:
			shown.Class = "bad"
		}
		v.Heard = append(v.Heard, shown)
	}
}

// routine reports whether a request is one that the station's watch makes again and
// again: among them nobody would see the others.
func routine(r plant.Request) bool {
	return r.Method == http.MethodGet && r.Fault == "" &&
		(strings.HasSuffix(r.Path, "/get_current_order_on_line/") || strings.HasSuffix(r.Path, "/dispatches/") && r.Query.Has("id"))
}

// newest returns the last of a list, the very last first.
func newest[T any](all []T, most int) []T {
	last := slices.Clone(all[max(0, len(all)-most):])
	slices.Reverse(last)
	return last
}

// A faultKey is a kind of mishap and the method of the requests that it strikes.
type faultKey struct {
	kind   plant.FaultKind
	method string
}

// parseFaultKey counts the mishaps that have happened.
func parseFaultKey(p *plant.Plant) map[faultKey]int {
	n := make(map[faultKey]int)
	for _, r := range p.Requests() {
		if r.Fault != "" {
			n[faultKey{r.Fault, r.Method}]++
		}
	}
	return n
}

// lookAtMishaps shows which mishaps have not happened yet, and to whom they will.
func (p *Page) lookAtMishaps(v *demoView) {
	struck := parseFaultKey(p.box.Plant)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range mishaps() {
		kind := m.fault.Kind
		var whom []string
		if at := (faultKey{kind, http.MethodPost}); p.ordered[at] > struck[at] {
			whom = append(whom, "L2L")
		}
		if at := (faultKey{kind, http.MethodPut}); p.ordered[at] > struck[at] {
			whom = append(whom, "Lagerkoll")
		}
		v.Mishaps = append(v.Mishaps, demoMishap{kind, m.Text, strings.Join(whom, " and ")})
		v.Pending = v.Pending || len(whom) > 0
	}
}
