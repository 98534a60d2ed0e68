package web

import (
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
	mostElsewhere  = 96 // from other machines, all together
	mostPerAddress = 24 // from one of them
	mostLocal      = 64 // from this machine, which has places of its own

	// refusedLogEvery is how often the log hears of refused connections at most.
	refusedLogEvery = time.Minute
)

// A limitedListener accepts so many connections and no more. Where there is no place, the
// connection on which nothing has been asked for longest is closed; where something is
// being answered on each, the new one is.
type limitedListener struct {
	net.Listener
	log *slog.Logger

	mu       sync.Mutex
	open     map[*limitedConn]bool
	refused  int
	logged   int       // of refused
	loggedAt time.Time // when the log heard of it last
}

// A limitedConn is a connection that has a place.
type limitedConn struct {
	net.Conn
	listener *limitedListener
	from     netip.Addr // not valid on a unix socket

	idle time.Time // since when nothing is being answered on it; zero: something is; the listener's lock guards it
}

func limited(l net.Listener, log *slog.Logger) *limitedListener {
	return &limitedListener{Listener: l, log: log, open: make(map[*limitedConn]bool)}
}

// Accept returns the next connection that there is a place for.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &limitedConn{Conn: conn, listener: l, from: remote(conn), idle: time.Now()}
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
func (c *limitedConn) local() bool { return !c.from.IsValid() || c.from.IsLoopback() }

// add gives a connection a place. It returns the one that loses its own for that, nil where
// none has to, and whether there is a place at all.
func (l *limitedListener) add(c *limitedConn) (oldest *limitedConn, place bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	same := func(o *limitedConn) bool { return o.from == c.from }
	alike := func(o *limitedConn) bool { return o.local() == c.local() }
	switch {
	case c.local():
		oldest, place = l.room(alike, mostLocal)
	case l.count(same) >= mostPerAddress:
		oldest, place = l.room(same, mostPerAddress)
	default:
		oldest, place = l.room(alike, mostElsewhere)
	}
	if !place {
		l.refused++
		return nil, false
	}
	delete(l.open, oldest)
	l.open[c] = true
	return oldest, true
}

// room finds out whether there is a place among connections that are alike, and which of
// them has to go for it. The caller holds the lock.
func (l *limitedListener) room(alike func(*limitedConn) bool, most int) (oldest *limitedConn, place bool) {
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

func (l *limitedListener) count(alike func(*limitedConn) bool) int {
	n := 0
	for c := range l.open {
		if alike(c) {
			n++
		}
	}
	return n
}

// noteState is the server's ConnState: it tells on which connections nothing is being
// answered.
func (l *limitedListener) noteState(conn net.Conn, state http.ConnState) {
	c, ok := conn.(*limitedConn)
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

// logRefused has the log hear of refused connections, now and then.
func (l *limitedListener) logRefused(last netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.loggedAt) >= refusedLogEvery {
		l.log.Warn("connections refused: there are as many as there may be", "refused", l.refused-l.logged, "last", last.String())
		l.logged, l.loggedAt = l.refused, now
	}
}

// counts returns how many connections are open and how many were refused.
func (l *limitedListener) counts() (open, refused int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open), l.refused
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// Ceilings lists what there may be at most of what connects.
func Ceilings() []station.Ceiling {
	const turnedAway = "the connection on which nothing was asked for longest is closed for a new one; where all are answering, the new one is refused: log, `stationd_page_connections_refused_total`"
	number := func(n int) string { return strconv.Itoa(n) }
	return []station.Ceiling{
		{Of: "connections to the page from other machines", Most: number(mostElsewhere), Then: turnedAway},
		{Of: "connections to the page from one other machine", Most: number(mostPerAddress), Then: "as above, among those of that machine"},
		{Of: "connections to the page from this machine", Most: number(mostLocal), Then: "as above, among those of this machine"},
		{Of: "connections to the control socket", Most: number(mostLocal), Then: "as above: the command says that nothing answers"},
		{Of: "open pages on other machines", Most: number(mostReaders), Then: "one more shows what it showed first and says that it is old, and tries again every ten seconds"},
		{Of: "open pages on this machine", Most: number(mostOwn), Then: "as above"},
		{Of: "commands that look on (`--follow`)", Most: number(mostFollowers), Then: "one more is refused with words"},
		{Of: "a form or question to the page", Most: number(mostForm) + " bytes", Then: "413"},
		{Of: "a question to the control socket", Most: number(mostAsked) + " bytes", Then: "the command says so"},
		{Of: "calls on the page", Most: number(mostCalls), Then: "*and 12 more*: those whose close waits are left out first; `stationd call ls` lists all"},
		{Of: "a scan or a vendor's text as the page shows it", Most: number(longestShown) + " characters", Then: "an ellipsis; the whole of it is in the outbox"},
	}
}
