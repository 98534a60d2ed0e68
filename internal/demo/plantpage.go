package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	g "stationd/internal/html"
	h "stationd/internal/html/element"
	"stationd/internal/plant"
	"stationd/internal/queue"
	"stationd/internal/station"
)

// A PlantPage is the page of a plant of stations, with every plug to pull. It answers requests
// to this computer only.
type PlantPage struct {
	plant *PlantSimulation

	mu      sync.Mutex  // guards what follows
	scanned map[int]int // how many parts were scanned, by station
}

// NewPlantPage returns the page of a plant.
func NewPlantPage(p *PlantSimulation) *PlantPage {
	return &PlantPage{plant: p, scanned: make(map[int]int)}
}

// servePlant runs a plant and its page until ctx is done.
func servePlant(ctx context.Context, config PlantConfig, listen string, out io.Writer) (err error) {
	listener, err := listenLoopback(ctx, listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) } // it goes on without its terminal
	say("%d stations are being switched on...\n", config.Stations)
	p, err := OpenPlant(ctx, config)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	orders := func(_ int, s *Simulation) error { return s.Scan("PO4711") }
	if err := p.each(orders); err != nil {
		return err
	}
	say(plantWelcome, "http://"+listener.Addr().String()+"/")
	page := NewPlantPage(p)
	server := newServer(ctx, page.Handler())
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); ctx.Err() == nil {
		return fmt.Errorf("the demo's page: %w", err)
	}
	say("\nEverything is being stopped.\n")
	return nil
}

const plantWelcome = `A plant of stations is running on this computer:

    %s

Pull any plug while parts are scanned: of a station, of the relay that leads, of the engine,
of the cable to the vendors. Put it back: each part arrives once.

Press Ctrl-C to stop.
`

// Handler serves the page, its events and its forms.
func (p *PlantPage) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, g.String(p.document(p.view(r.Context())))) // the browser may have gone
	})
	mux.HandleFunc("GET /events", p.events)
	for _, name := range []string{"page.css", "page.js", "plant.css"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pageFiles, name) })
	}
	for path, do := range map[string]func(*http.Request) error{
		"/scan": p.scan, "/call": p.call, "/power": p.power, "/relay": p.relay, "/engine": p.engine, "/cable": p.cable, "/lost": p.lost,
	} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			if err := do(r); err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
				return
			}
			http.Redirect(w, r, "/", http.StatusSeeOther)
		})
	}
	const maxForm = 4 << 10
	return onlyLoopback(withSecurityHeaders(http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(mux, maxForm))))
}

// events sends the parts of the page that change, until the browser leaves.
func (p *PlantPage) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for shown := ""; ; {
		v := p.view(r.Context())
		if now := g.String(g.Group{v.between(), v.stations()}); now != shown {
			shown = now
			_, _ = io.WriteString(w, "event: live\ndata: "+strings.ReplaceAll(shown, "\n", "\ndata: ")+"\n\n")
		}
		if flush() != nil { // fails too when a write before it failed
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// station returns the station that a form names.
func (p *PlantPage) station(r *http.Request) (int, *Simulation, error) {
	i, err := strconv.Atoi(r.PostFormValue("station"))
	if err != nil || i < 1 || i > len(p.plant.Stations) {
		return 0, nil, errors.New("there is no such station")
	}
	return i - 1, p.plant.Stations[i-1], nil
}

// scan scans the next part at one station, or at all that have power.
func (p *PlantPage) scan(r *http.Request) error {
	one := func(i int, s *Simulation) error {
		p.mu.Lock()
		p.scanned[i]++
		serial := fmt.Sprintf("%d-%04d", i+1, p.scanned[i])
		p.mu.Unlock()
		return s.Scan(Part{Article: Soup, Batch: "B7", Serial: serial}.Symbol())
	}
	if r.PostFormValue("station") == "all" {
		return p.plant.each(func(i int, s *Simulation) error {
			if !s.Powered() {
				return nil
			}
			return one(i, s)
		})
	}
	i, s, err := p.station(r)
	if err != nil {
		return err
	}
	return one(i, s)
}

func (p *PlantPage) call(r *http.Request) error {
	_, s, err := p.station(r)
	if err == nil {
		s.Push(PinMaterial, PressTime)
	}
	return err
}

func (p *PlantPage) power(r *http.Request) error {
	_, s, err := p.station(r)
	if err != nil {
		return err
	}
	return s.Power(r.Context(), on(r))
}

func (p *PlantPage) relay(r *http.Request) error {
	for _, c := range p.plant.relays {
		if c.name == r.PostFormValue("relay") {
			return p.plug(r, c)
		}
	}
	return errors.New("there is no such relay")
}

func (p *PlantPage) plug(r *http.Request, c *child) error {
	if on(r) {
		return c.start(r.Context())
	}
	return c.end(syscall.SIGKILL)
}

func (p *PlantPage) engine(r *http.Request) error {
	if r.PostFormValue("wipe") != "" {
		return p.plant.wipeEngine(r.Context())
	}
	return p.plug(r, p.plant.engine)
}

func (p *PlantPage) cable(r *http.Request) error { return p.plant.Cable(on(r)) }

// lost has the vendor's next answer to a trace be lost on its way.
func (p *PlantPage) lost(*http.Request) error {
	p.plant.Plant.AddFault(plant.Fault{Kind: plant.Lost, Where: "PUT *", Next: 1})
	return nil
}

// A plantView is what the page shows.
type plantView struct {
	Stations   []stationRow
	Relays     []plug
	Engine     plug
	Cable      bool
	Traced     int
	Calls      int
	Requests   int
	Complaints []string
}

// A plug is a program that may be switched.
type plug struct {
	Name  string
	On    bool
	Leads bool
	Page  string // of a relay: where it shows all stations
}

// A stationRow is one station.
type stationRow struct {
	Number        int
	Name          string
	On            bool
	Waiting, Held int
	Says          string
	Page          string
}

func (p *PlantPage) view(ctx context.Context) plantView {
	s := p.plant
	v := plantView{
		Engine: plug{Name: "engine", On: s.engine.on()}, Cable: s.connected(), Traced: len(s.Plant.Traces()), Calls: len(s.Plant.Dispatches()),
		Requests: len(s.Plant.Requests()), Complaints: s.Plant.Complaints(),
	}
	leader := s.leader()
	for _, r := range s.relays {
		v.Relays = append(v.Relays, plug{r.name, r.on(), r == leader, r.log.PageURL()})
	}
	for i, sim := range s.Stations {
		v.Stations = append(v.Stations, rowOf(ctx, i, sim))
	}
	return v
}

// rowOf asks a station how it is, or reads its outbox while it has no power.
func rowOf(ctx context.Context, i int, sim *Simulation) stationRow {
	row := stationRow{Number: i + 1, Name: fmt.Sprintf("pack4-%d", i+1), On: sim.Powered(), Page: sim.Log.PageURL()}
	if !row.On {
		row.Says = "no power"
		if c, err := queue.ReadContents(sim.OutboxPath(), station.NoLimit()); err == nil {
			row.Waiting, row.Held = c.Waiting, c.Held
		}
		return row
	}
	now, err := sim.Control().Snapshot(ctx)
	if err != nil {
		row.Says = "it is starting"
		return row
	}
	row.Waiting, row.Held = now.Waiting, now.Held
	for _, name := range []string{"lagerkoll", "l2l"} {
		if c := now.Health.Backends[name]; c.Kind == station.NoContact || row.Waiting > 0 && c.Last != "" {
			row.Says = station.Cut(c.Last, 90)
		}
	}
	return row
}

func (p *PlantPage) document(v plantView) g.Node {
	return h.Doctype(h.HTML(h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.TitleEl(g.Text("stationd demo: a plant of stations")),
			h.Link(h.Rel("icon"), h.Href("data:,")),
			h.Link(h.Rel("stylesheet"), h.Href("/page.css")),
			h.Link(h.Rel("stylesheet"), h.Href("/plant.css")),
			h.NoScript(h.Meta(g.Attr("http-equiv", "refresh"), h.Content("5"))),
			h.Script(h.Src("/page.js"), h.Defer()),
		),
		h.Body(
			h.Header(h.H1(g.Text("stationd demo")), h.P(g.Text("a plant of stations, two relays, an engine and both vendors, on this computer")), h.P(h.ID("answer"), h.Role("alert"))),
			h.Main(h.Class("whole"), v.between(), v.stations()),
		),
	))
}

// switchOf is a switch of a form that also says what it is of.
func switchOf(path, field, value string, on bool, label string) g.Node {
	return h.Form(h.Class("line"), h.Method("post"), h.Action(path), h.Input(h.Type("hidden"), h.Name(field), h.Value(value)),
		pageSwitch{Name: label, On: on}.node(), h.Span(g.Text(label)))
}

// between is what stands between stations and vendors.
func (v plantView) between() g.Node {
	said := hint("No protocol violations.")
	if len(v.Complaints) > 0 {
		said = h.Ul(h.Class("complaints"), g.Map(v.Complaints, func(c string) g.Node { return h.Li(g.Text(c)) }))
	}
	return h.Section(h.ID("between-all"), h.Class("column"),
		h.H2(g.Text("Between")),
		switchOf("/engine", "engine", "engine", v.Engine.On, "engine"),
		post("/engine", h.Button(h.Name("wipe"), h.Value("true"), g.Text("kill the engine and empty its disk"))),
		g.Map(v.Relays, func(r plug) g.Node {
			text := r.Name
			if r.Leads {
				text += " (leads)"
			}
			return g.Group{
				switchOf("/relay", "relay", r.Name, r.On, text),
				g.If(r.On, h.P(h.Class("hint"), h.A(h.Href(r.Page), h.Target("_blank"), h.Rel("noopener"), g.Text("what it shows of all stations ↗")))),
			}
		}),
		switchOf("/cable", "cable", "cable", v.Cable, "cable to the vendors"),
		post("/lost", h.Button(g.Text("lose the next answer"))),
		h.H2(g.Text("The vendors")),
		h.P(h.B(h.ID("traced"), g.Text(strconv.Itoa(v.Traced))), g.Text(" parts traced, "), h.B(g.Text(strconv.Itoa(v.Calls))), g.Text(" calls, "), g.Text(strconv.Itoa(v.Requests)+" requests")),
		said,
		post("/scan", h.Button(h.Name("station"), h.Value("all"), g.Text("scan a part at every station"))),
	)
}

// stations are all stations, a row each.
func (v plantView) stations() g.Node {
	return h.Section(h.ID("all-stations"), h.Class("column"),
		h.H2(g.Text("The stations")),
		table([]string{"Station", "Power", "", "Waiting", "Held", ""}, g.Map(v.Stations, func(r stationRow) g.Node {
			number := strconv.Itoa(r.Number)
			name := g.Text(r.Name)
			if r.On {
				name = h.A(h.Href(r.Page), h.Target("_blank"), h.Rel("noopener"), g.Text(r.Name))
			}
			return h.Tr(h.Td(name),
				h.Td(h.Form(h.Method("post"), h.Action("/power"), h.Input(h.Type("hidden"), h.Name("station"), h.Value(number)), pageSwitch{Name: r.Name, On: r.On}.node())),
				h.Td(h.Class("do"), g.If(r.On, g.Group{
					post("/scan", h.Button(h.Name("station"), h.Value(number), g.Text("scan a part"))),
					post("/call", h.Button(h.Name("station"), h.Value(number), g.Text("call"))),
				})),
				h.Td(g.Text(strconv.Itoa(r.Waiting))), h.Td(g.Text(strconv.Itoa(r.Held))), h.Td(h.Class("hint"), g.Text(r.Says)))
		})))
}
