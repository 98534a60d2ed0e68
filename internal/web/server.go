package web

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	g "stationd/internal/html"
	"stationd/internal/httpserver"
	"stationd/internal/operator"
	"stationd/internal/station"
	"stationd/internal/words"
)

//go:embed page.css page.js entries.css fleet.css cards.css cards.js icon.svg font/*.woff2
var files embed.FS

// A Server is the station's page, with /healthz and /metrics.
type Server struct {
	station   Station
	log       *slog.Logger
	listener  *httpserver.Listener
	host      string // the name or address it was told to listen on
	css       []byte // page.css with the letters in it
	texts     *words.Catalogue
	feed      *feed
	outages   outages
	cache     mainCache
	cardLists cardLists
	sessions  sessions
	sealing   [32]byte // signs what the page is told that was done; new with each start

	peerUID func(local, remote netip.AddrPort) (uint32, error) // httpserver.PeerUID
}

// Open listens at an address, host:port, at once: a port that is taken is an
// error here and not later. Nobody is answered before Run.
func Open(listen string, shown Station, log *slog.Logger) (*Server, error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("page: listen %q: write host:port, as 127.0.0.1:8420: %w", listen, err)
	}
	css, err := stylesheet()
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	listener, err := net.Listen(httpserver.Network(listen), listen) //nolint:noctx // listening on an own address does not wait
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("page: another program listens at %s: stop it, or change listen in [web]: %w", listen, err)
	}
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	s := &Server{
		station:  shown,
		log:      log,
		listener: httpserver.Limit(listener, log),
		host:     host,
		css:      css,
		texts:    words.In(shown.Language),
		feed:     newFeed(),
		peerUID:  httpserver.PeerUID,
	}
	rand.Read(s.sealing[:]) // never fails: crypto/rand ends the process instead
	return s, nil
}

// Connections returns how many connections to the page are open, and how many were refused.
func (s *Server) Connections() (open, refused int) { return s.listener.Counts() }

// Addr is the address it listens at: with port 0, the port that was found.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run answers until ctx is done and then returns nil; the open pages are told by
// the end of their stream. It may be called once: it closes the listener.
func (s *Server) Run(ctx context.Context) error {
	server := s.listener.Server(ctx, s.handler())
	server.WriteTimeout = httpserver.SendWithin
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(s.accepting()) }()
	if err := s.watch(ctx, ended); err != nil {
		return fmt.Errorf("page %s: %w", s.Addr(), err)
	}
	return httpserver.Stop(ctx, server)
}

// accepting is the listener, encrypted for other machines where that is wanted.
func (s *Server) accepting() net.Listener {
	if s.station.TLS == nil {
		return s.listener
	}
	return encrypted{s.listener, s.station.TLS}
}

// watch keeps the open pages true until ctx is done or the server ended.
func (s *Server) watch(ctx context.Context, ended <-chan error) error {
	due := time.NewTimer(0)
	defer due.Stop()
	var changed <-chan struct{}
	var drawn time.Time // for a change: what is drawn only because time passes keeps no change waiting
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case <-changed:
			changed = nil
			due.Reset(max(refreshDelay, time.Until(drawn.Add(refreshGap))))
		case <-s.feed.opened:
			due.Reset(0) // it may be long until the next look
		case <-due.C:
			if changed == nil {
				drawn = time.Now()
			}
			changed = s.station.Outbox.Changed() // before looking, so that nothing is missed
			s.refresh()
			due.Reset(s.feed.refreshIn())
		}
	}
}

// mostForm is the size of a form in bytes: an entry's fields, of which one may be a list.
const mostForm = 64 << 10

// handler is everything that is answered on TCP.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /events", s.events)
	for _, name := range []string{"page.js", "entries.css", "cards.css", "cards.js", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, name) })
	}
	mux.HandleFunc("GET /page.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(s.css) // whoever asked has gone
	})
	if s.station.Cards != nil {
		mux.HandleFunc("GET /cards", s.cardsPage)
		mux.HandleFunc("GET /cards.pdf", s.cardsPDF)
		mux.HandleFunc("GET /poster.pdf", s.posterPDF)
	}
	mux.HandleFunc("POST /discard", s.onlyWhoMayDecide(s.render, s.dismiss))
	mux.HandleFunc("POST /close", s.onlyWhoMayDecide(s.render, s.closeCall))
	s.addEntries(mux)
	mux.HandleFunc("GET /login", s.loginPage)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /logout", s.logout)
	if s.station.Token != nil {
		mux.HandleFunc("POST /token", s.takeToken)
	}
	mux.HandleFunc("GET /healthz", s.healthz)
	if s.station.Metrics != nil {
		mux.Handle("GET /metrics", s.station.Metrics)
	}
	return s.onlyOwnHost(withSecurityHeaders(http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(s.onlyWhoMayLook(mux), mostForm))))
}

// withSecurityHeaders tells the browser to run nothing but what came from here, to take no
// file for what it is not, to tell nobody where it came from, and to keep nothing.
func withSecurityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; font-src data:; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// onlyOwnHost refuses requests for a host that this is not. A page from elsewhere can
// have its own name resolved to this address (DNS rebinding) and would then count
// as of the same origin; but its name stays in the Host field.
func (s *Server) onlyOwnHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.namesThisHost(r) {
			http.Error(w, "unknown host name: use the address in [web] listen, or name this one in hosts", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// namesThisHost reports whether a request names this machine: a loopback name, the host
// it was told to listen on, or the very address that the connection came in at.
func (s *Server) namesThisHost(r *http.Request) bool {
	host := strings.ToLower(hostOf(r.Host))
	named := func(name string) bool { return name != "" && host == strings.ToLower(name) }
	if host == "localhost" || named(s.host) || slices.ContainsFunc(s.station.Hosts, named) {
		return true
	}
	asked, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	if asked.IsLoopback() {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	at, err := netip.ParseAddrPort(local.String())
	return err == nil && at.Addr().Unmap() == asked.Unmap()
}

// hostOf is an address without its port and brackets.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}

// isLocal reports whether a request comes from this machine: its viewers have places of
// their own. Who may decide is another question (viewer).
func isLocal(r *http.Request) bool {
	from, err := netip.ParseAddr(hostOf(r.RemoteAddr))
	return err == nil && from.Unmap().IsLoopback()
}

func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "")
}

// render writes the whole page; answer says what became of a decision.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, answer string) {
	now := s.station.Snapshot()
	who := s.viewer(r)
	refusal := who.Refusal
	page := pageData{
		Texts: s.texts, Station: s.stationName(now.Station), DrawnFor: s.drawnFor(r),
		Visitor: refusal != "", Local: isLocal(r), Answer: visible(answer), Who: s.whoDecides(who),
	}
	if page.Local && refusal != answer {
		page.Refusal = visible(refusal)
	}
	page.Main = s.renderMain()
	s.write(w, status, page.html())
}

// write writes a page.
func (s *Server) write(w http.ResponseWriter, status int, page g.Node) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, g.String(page)) // whoever asked has gone
}

// onlyWhoMayDecide is the way in of every decision: it carries out what whoever may decide has
// decided about the entry that a form names, and refuses everybody else. show writes the page
// from which the form came, with why nothing was done.
func (s *Server) onlyWhoMayDecide(show func(w http.ResponseWriter, r *http.Request, status int, said string), carryOut func(w http.ResponseWriter, r *http.Request, by operator.Person, entry station.ID)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, entry := s.viewer(r), r.PostFormValue("entry")
		switch {
		case who.Refusal != "":
			s.log.Info("a decision was refused", "path", r.URL.Path, "from", r.RemoteAddr, "reason", who.Refusal)
			show(w, r, http.StatusForbidden, who.Refusal)
		case entry == "":
			show(w, r, http.StatusBadRequest, s.texts.Say("refuse.entry"))
		default:
			carryOut(w, r, who.Person, station.ID(entry))
		}
	}
}

// dismiss puts an unknown scan or a notice away, and shows the page again.
func (s *Server) dismiss(w http.ResponseWriter, r *http.Request, by operator.Person, entry station.ID) {
	_, err := s.station.Operator.Decide(by, operator.Decision{Verb: station.VerbDiscard, Entries: []station.ID{entry}})
	s.decided(w, r, err)
}

// closeCall closes the call that an entry opened, and shows the page again.
func (s *Server) closeCall(w http.ResponseWriter, r *http.Request, by operator.Person, entry station.ID) {
	_, err := s.station.Operator.CloseCall(by, string(entry))
	s.decided(w, r, err)
}

// decided shows the page after a decision, or why it was not carried out.
func (s *Server) decided(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		s.log.Info("a decision was not carried out", "path", r.URL.Path, "error", err)
		s.render(w, r, http.StatusConflict, s.failed(err).said)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// healthz answers 200 while what is pressed here is recorded, and 503 with the
// reason when it is not. A vendor out of reach is no fault of the station's. What is
// missing beside that follows, a line each:
//
//	ok
//	l2l key: key file /run/credentials/stationd.service/l2l.key: it is empty
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	snapshot := s.station.Snapshot()
	var faults []string
	switch {
	case snapshot.Health.Fill >= 1:
		faults = append(faults, "outbox full")
	case snapshot.Health.Storage != "":
		faults = append(faults, "storage failed: "+visible(snapshot.Health.Storage))
	}
	if now := s.station.Stamp(time.Now()); stale(snapshot, now) {
		faults = append(faults, "the station has not been looked at for more than "+staleAfter.String())
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if len(faults) == 0 {
		faults = append(faults, "ok")
	} else {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	for _, name := range slices.Sorted(maps.Keys(snapshot.Health.Backends)) {
		if fault := snapshot.Health.Backends[name].Fault; fault != "" {
			faults = append(faults, visible(name)+": "+visible(fault))
		}
	}
	for _, part := range slices.Sorted(maps.Keys(snapshot.Health.Devices)) {
		if fault := snapshot.Health.Devices[part]; fault != "" {
			faults = append(faults, visible(part)+": "+visible(fault))
		}
	}
	_, _ = io.WriteString(w, strings.Join(faults, "\n")+"\n") // whoever asked has gone
}
