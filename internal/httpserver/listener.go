// Package httpserver answers HTTP to whoever reaches the station: on a listener that
// accepts so many connections and no more, with time limits that no slow client
// outlasts. The page and the control socket are each such a server.
package httpserver

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"stationd/internal/station"
)

// How many connections there may be at once. A browser keeps a handful to one page.
const (
	mostRemote     = 96 // from other machines, all together
	mostPerAddress = 24 // from one of them
	mostLocal      = 64 // from this machine, which has places of its own

	// refusedLogEvery is the least time between two log lines about refused connections.
	refusedLogEvery = time.Minute
)

// A Listener accepts so many connections and no more. Where there is no place, the
// connection on which nothing has been asked for longest is closed; where something is
// being answered on each, the new one is.
type Listener struct {
	net.Listener
	log *slog.Logger

	mu       sync.Mutex // guards the fields below and the idle time of each Conn
	open     map[*Conn]bool
	refused  int
	logged   int       // how many of the refused the log has had
	loggedAt time.Time // when refused connections were logged last
}

// A Conn is a connection that has a place among those of its Listener.
type Conn struct {
	net.Conn
	listener *Listener
	from     netip.Addr // not valid on a unix socket
	idle     time.Time  // since when nothing is being answered on it; zero: something is
}

// Limit returns l with a limit on its connections.
func Limit(l net.Listener, log *slog.Logger) *Listener {
	return &Listener{Listener: l, log: log, open: make(map[*Conn]bool)}
}

// Accept returns the next connection that there is a place for.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &Conn{Conn: conn, listener: l, from: remote(conn), idle: time.Now()}
		oldest, place := l.add(c)
		if oldest != nil {
			_ = oldest.Conn.Close() // its server hears of it by its own read
		}
		if place {
			return c, nil
		}
		_ = conn.Close() // nothing was said on it
		l.logRefused(c.from)
	}
}

// remote is the address of the other end.
func remote(conn net.Conn) netip.Addr {
	from, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return from.Addr().Unmap().WithZone("")
}

// local reports whether the other end is this machine too.
func (c *Conn) local() bool { return !c.from.IsValid() || c.from.IsLoopback() }

// add gives a connection a place. It returns the one that loses its own for that, nil where
// none has to, and whether there is a place at all.
func (l *Listener) add(c *Conn) (oldest *Conn, place bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sameAddress := func(o *Conn) bool { return o.from == c.from }
	sameSide := func(o *Conn) bool { return o.local() == c.local() }
	switch {
	case c.local():
		oldest, place = l.place(sameSide, mostLocal)
	case l.count(sameAddress) >= mostPerAddress:
		oldest, place = l.place(sameAddress, mostPerAddress)
	default:
		oldest, place = l.place(sameSide, mostRemote)
	}
	if !place {
		l.refused++
		return nil, false
	}
	delete(l.open, oldest)
	l.open[c] = true
	return oldest, true
}

// place reports whether there is a place among connections that are alike, and which of
// them has to be closed for it; nil: none has to. The caller holds the lock.
func (l *Listener) place(alike func(*Conn) bool, most int) (oldest *Conn, place bool) {
	if l.count(alike) < most {
		return nil, true
	}
	for c := range l.open {
		if alike(c) && !c.idle.IsZero() && (oldest == nil || c.idle.Before(oldest.idle)) {
			oldest = c
		}
	}
	return oldest, oldest != nil
}

func (l *Listener) count(alike func(*Conn) bool) int {
	n := 0
	for c := range l.open {
		if alike(c) {
			n++
		}
	}
	return n
}

// connState is the ConnState of the listener's server: it notes on which connections
// nothing is being answered.
func (l *Listener) connState(conn net.Conn, state http.ConnState) {
	if encrypted, ok := conn.(*tls.Conn); ok {
		conn = encrypted.NetConn()
	}
	c, ok := conn.(*Conn)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch state {
	case http.StateActive:
		c.idle = time.Time{}
	case http.StateIdle:
		c.idle = time.Now()
	case http.StateNew, http.StateHijacked, http.StateClosed:
	}
}

// logRefused logs that connections are refused, once a minute at most.
func (l *Listener) logRefused(last netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.loggedAt) >= refusedLogEvery {
		l.log.Warn("connections refused: there are as many as there may be", "refused", l.refused-l.logged, "last", last.String())
		l.logged, l.loggedAt = l.refused, now
	}
}

// Counts returns how many connections are open and how many were refused.
func (l *Listener) Counts() (open, refused int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open), l.refused
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// Ceilings lists how many connections there may be.
func Ceilings() []station.Ceiling {
	const full = "the connection on which nothing was asked for longest is closed for a new one; where all are answering, the new one is refused: log, `stationd_page_connections_refused_total`"
	return []station.Ceiling{
		{Of: "connections to the page from other machines", Most: strconv.Itoa(mostRemote), Then: full},
		{Of: "connections to the page from one other machine", Most: strconv.Itoa(mostPerAddress), Then: "as above, among those of that machine"},
		{Of: "connections to the page from this machine", Most: strconv.Itoa(mostLocal), Then: "as above, among those of this machine"},
		{Of: "connections to the control socket", Most: strconv.Itoa(mostLocal), Then: "as above: the command says that nothing answers"},
	}
}
