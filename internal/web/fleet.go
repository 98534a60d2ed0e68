package web

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"stationd/internal/fleet"
	g "stationd/internal/html"
	h "stationd/internal/html/element"
	"stationd/internal/httpserver"
	"stationd/internal/station"
	"stationd/internal/words"
)

// A FleetShown is what the page of all stations of a plant shows, and to whom.
type FleetShown struct {
	Name string // of the relay that shows it

	// Stations returns all stations, the one to see to first on top. It is asked at most
	// once in two seconds, until ctx is done.
	Stations func(ctx context.Context) ([]fleet.Seen, error)

	// As of a Station.
	Language string
	Zone     *time.Location
	Hosts    []string
	TLS      *tls.Config
	Token    func() (string, error)
}

// A FleetServer is the page of all stations of a plant. Nobody decides there.
type FleetServer struct {
	page  *Server
	shown FleetShown

	mu   sync.Mutex // guards what follows, and is held while stations are read
	all  []fleet.Seen
	err  error
	read time.Time
}

// OpenFleet listens at an address as Open does, with the same rules of who sees the page.
func OpenFleet(listen string, shown FleetShown, log *slog.Logger) (*FleetServer, error) {
	page, err := Open(listen, Station{
		Snapshot: func() station.Snapshot { return station.Snapshot{Station: shown.Name} },
		Program:  func() station.Program { return station.Program{} },
		Stamp:    func(at time.Time) station.Stamp { return station.Stamp{Wall: at} },
		Hosts:    shown.Hosts, TLS: shown.TLS, Token: shown.Token, Language: shown.Language, Zone: shown.Zone,
	}, log)
	if err != nil {
		return nil, err
	}
	return &FleetServer{page: page, shown: shown}, nil
}

// Addr is where the page listens.
func (f *FleetServer) Addr() net.Addr { return f.page.Addr() }

// Run answers until ctx is done and returns nil. It may be called once.
func (f *FleetServer) Run(ctx context.Context) error {
	server := f.page.listener.Server(ctx, f.handler())
	server.WriteTimeout = httpserver.SendWithin
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(f.page.accepting()) }()
	select {
	case err := <-ended:
		return fmt.Errorf("page %s: %w", f.Addr(), err)
	case <-ctx.Done():
		return httpserver.Stop(ctx, server)
	}
}

// handler answers with the page and the log-in alone.
func (f *FleetServer) handler() http.Handler {
	s := f.page
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", f.show)
	for _, name := range []string{"entries.css", "fleet.css", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, name) })
	}
	if s.station.Token != nil {
		mux.HandleFunc("GET /login", s.loginPage)
		mux.HandleFunc("POST /token", s.takeToken)
	}
	return s.onlyOwnHost(withSecurityHeaders(http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(s.onlyWhoMayLook(mux), mostForm))))
}

// fleetGap is the least time between two reads of what stations say.
const fleetGap = 2 * time.Second

// stations returns what was read last.
func (f *FleetServer) stations(ctx context.Context) ([]fleet.Seen, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.read) > fleetGap {
		f.all, f.err = f.shown.Stations(ctx)
		f.read = time.Now()
		if ctx.Err() != nil {
			f.read = time.Time{} // whoever asked is gone, and the next reads again
		}
	}
	return f.all, f.err
}

// show writes the page.
func (f *FleetServer) show(w http.ResponseWriter, r *http.Request) {
	all, err := f.stations(r.Context())
	f.page.write(w, http.StatusOK, f.document(all, err, time.Now()))
}

// document is the whole page.
func (f *FleetServer) document(all []fleet.Seen, err error, now time.Time) g.Node {
	t := f.page.texts
	say := func(key words.Key, values ...any) g.Node { return g.Text(t.Say(key, values...)) }
	head := g.Map([]words.Key{"fleet.station", "fleet.status", "fleet.held", "fleet.waiting", "fleet.oldest", "fleet.heard", "fleet.version", "fleet.clock", "fleet.what"},
		func(key words.Key) g.Node { return h.Th(g.Attr("scope", "col"), say(key)) })
	return h.Doctype(h.HTML(h.Lang(t.Tag()),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(g.Attr("http-equiv", "refresh"), h.Content("5")),
			h.TitleEl(say("fleet.title")),
			h.Link(h.Rel("icon"), h.Href("/icon.svg")),
			h.Link(h.Rel("stylesheet"), h.Href("/entries.css")),
			h.Link(h.Rel("stylesheet"), h.Href("/fleet.css")),
		),
		h.Body(
			h.Header(h.H1(say("fleet.title")), h.Span(h.Class("small"), say("fleet.drawn", "clock", now.In(f.zone()).Format("15:04:05")))),
			h.Main(
				g.Iff(err != nil, func() g.Node {
					return h.P(h.Class("answer"), h.Role("alert"), say("fleet.unread", "why", visible(err.Error())))
				}),
				g.If(err == nil && len(all) == 0, h.P(say("fleet.none"))),
				g.If(len(all) > 0, h.Section(h.Class("counts"), g.Map(f.counts(all), func(text string) g.Node { return h.Span(g.Text(text)) }))),
				g.If(len(all) > 0, h.Section(h.Table(h.THead(h.Tr(head)), h.TBody(g.Map(all, f.row))))),
			),
		),
	))
}

func (f *FleetServer) zone() *time.Location { return cmp.Or(f.shown.Zone, time.Local) }

// counts says how many stations need what.
func (f *FleetServer) counts(all []fleet.Seen) (texts []string) {
	count := make(map[fleet.Need]int)
	for _, s := range all {
		count[s.Need]++
	}
	for _, need := range fleet.Needs() {
		if count[need] > 0 {
			texts = append(texts, fmt.Sprintf("%s: %s", f.need(need), f.page.texts.Number(count[need])))
		}
	}
	return texts
}

// need is a need in words.
func (f *FleetServer) need(n fleet.Need) string {
	return f.page.texts.Say("fleet.need." + words.Key(strings.ReplaceAll(string(n), " ", "-")))
}

// row is a station.
func (f *FleetServer) row(s fleet.Seen) g.Node {
	t, n := f.page.texts, s.Status
	oldest := ""
	if n.Oldest > 0 {
		oldest = t.Duration(n.Oldest)
	}
	heard := t.Say("time.now")
	if s.Age > fleet.AwayAfter {
		heard = t.Say("time.ago", "age", t.Duration(s.Age))
	}
	class := map[fleet.Need]string{
		fleet.NotRecording: "look", fleet.Held: "look", fleet.Faulty: "look", fleet.Away: "wait", fleet.Refused: "wait", fleet.Late: "wait",
		fleet.Clock: "wait", fleet.OtherVersion: "wait", fleet.Well: "good",
	}[s.Need]
	return h.Tr(h.Class(class),
		h.Th(g.Attr("scope", "row"), g.Text(visible(s.Name))), h.Td(h.Class("need"), g.Text(f.need(s.Need))),
		h.Td(h.Class("number"), g.Text(t.Number(n.Held))), h.Td(h.Class("number"), g.Text(t.Number(n.Waiting))),
		h.Td(g.Text(oldest)), h.Td(g.Text(heard)), h.Td(g.Text(visible(n.Version))), h.Td(g.Text(f.clock(n))),
		h.Td(g.Map(f.matters(s), func(text string) g.Node { return h.P(g.Text(text)) })))
}

// clock says whether a station's clock may be believed.
func (f *FleetServer) clock(n fleet.Status) string {
	t := f.page.texts
	text := t.Say("fleet.clock.set")
	if !n.Clock {
		text = t.Say("fleet.clock.unset")
	}
	const shown = 5 * time.Second // what came over the network is not exact
	switch {
	case n.Ahead > shown:
		text += ", " + t.Say("fleet.clock.ahead", "age", t.Duration(n.Ahead))
	case n.Ahead < -shown:
		text += ", " + t.Say("fleet.clock.behind", "age", t.Duration(-n.Ahead))
	}
	return text
}

// matters says what is the matter with a station.
func (f *FleetServer) matters(s fleet.Seen) (all []string) {
	t := f.page.texts
	if s.Status.Storage != "" {
		all = append(all, visible(s.Status.Storage))
	}
	if s.Refused != "" {
		all = append(all, t.Say("fleet.refuses", "who", visible(s.Refused)))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Status.Vendors)) {
		c, how := s.Status.Vendors[name], ""
		switch {
		case c.Fault != "":
			how = t.Say("contact.key")
		case c.Kind == station.NoContact:
			how = t.Say("contact.no-contact")
		case c.Kind == station.Confirming:
			how = t.Say("contact.confirming")
		}
		if how != "" {
			all = append(all, t.Say("fleet.contact", "vendor", visible(name), "how", how))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Status.Faults)) {
		all = append(all, visible(name+": "+s.Status.Faults[name]))
	}
	return all
}
