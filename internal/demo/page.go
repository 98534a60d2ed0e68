package demo

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	g "stationd/internal/html"
	"stationd/internal/plant"
)

//go:embed page.css page.js plant.css
var pageFiles embed.FS

// A Page is the demo's page, with everything that a station is connected to. Whoever reaches
// it can press the buttons, so it answers requests to this computer only.
type Page struct {
	sim    *Simulation
	screen string // where the station's own page is for the frame; empty: there is no frame

	mu          sync.Mutex       // guards what follows
	serial      int              // of the last part that was scanned
	addedFaults map[faultKey]int // faults added to the plant so far
}

// NewPage returns the page of a simulation.
func NewPage(s *Simulation) *Page {
	return &Page{
		sim:         s,
		addedFaults: make(map[faultKey]int),
	}
}

// refreshEvery is how often an open page is compared with the simulation. Lamps change at
// once.
const refreshEvery = 200 * time.Millisecond

// Handler serves the page, its events and its forms.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.page)
	mux.HandleFunc("GET /events", p.events)
	for _, name := range []string{"page.css", "page.js"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, pageFiles, name)
		})
	}
	for path, do := range map[string]func(*http.Request) error{
		"/press": button(p.sim.Press), "/release": button(p.sim.Release), "/push": p.push, "/scan": p.scan,
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
	const maxForm = 16 << 10 // longer than any symbol
	return onlyLoopback(withSecurityHeaders(http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(mux, maxForm))))
}

// withSecurityHeaders tells the browser to run only what comes from here.
func withSecurityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; frame-src http://127.0.0.1:*; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// onlyLoopback refuses requests whose Host is not this computer, which protects from DNS
// rebinding.
func onlyLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if host != "localhost" && (err != nil || !ip.IsLoopback()) {
			http.Error(w, "the demo does not have this name: use the address that it printed", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// errButton is the error of an unknown button.
var errButton = errors.New("there is no such button")

// buttonPin returns the line of a button by its name.
func buttonPin(button string) (pin int, err error) {
	for _, p := range panelItems() {
		if p.Button == button && button != "" {
			return p.buttonPin, nil
		}
	}
	return 0, errButton
}

// button calls do with the line of the button in a form.
func button(do func(pin int)) func(*http.Request) error {
	return func(r *http.Request) error {
		pin, err := buttonPin(r.PostFormValue("button"))
		if err == nil {
			do(pin)
		}
		return err
	}
}

// push presses a button for a fixed time: without scripts a browser cannot hold it.
func (p *Page) push(r *http.Request) error {
	name, d := r.PostFormValue("button"), PressTime
	if held := r.PostFormValue("hold"); held != "" {
		name, d = held, HoldTime
	}
	pin, err := buttonPin(name)
	if err == nil {
		p.sim.Push(pin, d)
	}
	return err
}

// scan scans a label. Nobody can type GS, the separator of a GS1 symbol: <GS> stands for it.
func (p *Page) scan(r *http.Request) error {
	code := strings.ReplaceAll(r.PostFormValue("code"), "<GS>", "\x1d")
	switch r.PostFormValue("part") {
	case Soup:
		code = p.nextPart(Part{Article: Soup, Batch: "B7", BestBefore: "270331"})
	case Stew:
		code = p.nextPart(Part{Article: Stew, Batch: "C3", BestBefore: "270430"})
	}
	if code == "" {
		return errors.New("the label is empty")
	}
	return p.sim.Scan(code)
}

// nextPart returns the symbol of a part with the next serial number.
func (p *Page) nextPart(next Part) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	next.Serial = fmt.Sprintf("%04d", p.serial)
	return next.Symbol()
}

func (p *Page) scanner(r *http.Request) error {
	if on(r) {
		return p.sim.Scanner.Plug()
	}
	p.sim.Scanner.Unplug()
	return nil
}

func (p *Page) power(r *http.Request) error { return p.sim.Power(r.Context(), on(r)) }

func (p *Page) cable(r *http.Request) error { return p.sim.Cable(on(r)) }

// on returns the new position of a switch.
func on(r *http.Request) bool { return r.PostFormValue("on") == "true" }

func (p *Page) fault(r *http.Request) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	kind := plant.FaultKind(r.PostFormValue("kind"))
	if kind == "none" {
		p.sim.Plant.ClearFaults()
		p.addedFaults = faultCounts(p.sim.Plant)
		return nil
	}
	for _, m := range faultOptions() {
		if m.fault.Kind != kind {
			continue
		}
		m.fault.Next = 1
		for _, method := range []string{http.MethodPost, http.MethodPut} {
			m.fault.Where = method + " *"
			p.sim.Plant.AddFault(m.fault)
			p.addedFaults[faultKey{kind, method}]++
		}
		return nil
	}
	return errors.New("there is no such fault")
}

func (p *Page) page(w http.ResponseWriter, r *http.Request) {
	view := p.view(r.Context())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, g.String(view.document())) // the browser may have gone
}

// events sends changes until the browser leaves: the lines of the lamps that are lit, at once,
// and the sections of the page.
//
//	event: lamps
//	data: 22 24
//
//	event: live
//	data: <section id="power">…
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	var lamps, shown string
	for first := true; ; first = false {
		lit, changed := p.sim.Lamps.lit()
		now := litPins(lit)
		if first || now != lamps {
			lamps = now
			_, _ = fmt.Fprintf(w, "event: lamps\ndata: %s\n\n", now)
		}
		view := p.view(r.Context())
		if now := g.String(view.live()); now != shown {
			shown = now
			_, _ = io.WriteString(w, "event: live\ndata: "+strings.ReplaceAll(shown, "\n", "\ndata: ")+"\n\n")
		}
		if flush() != nil { // fails too when a write before it failed
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

// litPins returns the lines of the lit lamps, as text.
func litPins(lit map[int]bool) string {
	var pins []string
	for pin, yes := range lit {
		if yes {
			pins = append(pins, strconv.Itoa(pin))
		}
	}
	slices.Sort(pins)
	return strings.Join(pins, " ")
}
