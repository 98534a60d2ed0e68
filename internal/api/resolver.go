package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// LookTime limits looking up a name. It is apart from the time for connecting:
	// one name server that does not answer takes 5 s of it, and up to three are
	// asked one after the other (resolv.conf(5)).
	LookTime = 16 * time.Second

	// hastyLook limits looking up a name whose last answer is kept: then a slow name
	// server costs no press its time.
	hastyLook = 2 * time.Second

	// keepTime is for how long the last good answer is used when a look-up fails or
	// is slow. Who answers at an address that has been given to another since fails
	// at the TLS handshake.
	keepTime = 15 * time.Minute

	// silentTime is for how long a name server that did not answer is left out, while
	// another answers.
	silentTime = 10 * time.Minute

	// mostServers bounds how many name servers are remembered: networks change, and
	// each has its own.
	mostServers = 16
)

// A resolver looks up names for many goroutines at once, and keeps the last good answer
// for each. It is asked about the vendor and a proxy, so it holds two names.
type resolver struct {
	resolver *net.Resolver

	mu   sync.Mutex // guards kept
	kept map[string]cachedAnswer
}

type cachedAnswer struct {
	addresses []netip.Addr
	at        time.Time
}

func newResolver(log *slog.Logger) *resolver {
	s := &nameServers{log: log, silent: make(map[string]time.Time), heard: make(map[string]time.Time)}
	return &resolver{resolver: &net.Resolver{PreferGo: true, Dial: s.dial}, kept: make(map[string]cachedAnswer)}
}

// lookup returns the addresses of a host, at least one where err is nil. Where the
// look-up fails, or takes longer than hastyLook, they are those of the last good
// answer, if that is not older than keepTime.
func (n *resolver) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address}, nil
	}
	kept, limit := n.cached(host), LookTime
	if len(kept) > 0 {
		limit = hastyLook
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	addresses, err := n.resolver.LookupNetIP(limited, "ip", host)
	switch {
	case err == nil && len(addresses) > 0:
		n.cache(host, addresses)
		return addresses, nil
	case len(kept) > 0 && ctx.Err() == nil:
		return kept, nil
	case err == nil:
		err = &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return nil, err
}

// cached returns the kept answer for a host; nil where there is none, or it is too
// old.
func (n *resolver) cached(host string) []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	if k := n.kept[host]; time.Since(k.at) < keepTime {
		return k.addresses
	}
	return nil
}

func (n *resolver) cache(host string, addresses []netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kept[host] = cachedAnswer{addresses, time.Now()}
}

// forget drops the kept answer for a host: nobody answers there any more.
func (n *resolver) forget(host string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.kept, host)
}

// nameServers remembers which name servers do not answer, so that only the first
// of many look-ups waits for one that is dead.
type nameServers struct {
	log *slog.Logger

	mu     sync.Mutex           // guards silent and heard
	silent map[string]time.Time // when one last let a query time out
	heard  map[string]time.Time // when one last answered
}

var errSilent = errors.New("it did not answer before, and another does")

// dial connects to a name server; see net.Resolver. One that is left out is an
// error at once, upon which the resolver asks the next.
func (s *nameServers) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.skips(address) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errSilent}
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if udp, ok := c.(*net.UDPConn); ok {
		return &query{UDPConn: udp, servers: s, address: address}, nil
	}
	return c, err
}

// skips reports whether a name server was silent lately while another answers.
func (s *nameServers) skips(address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, silent := s.silent[address]
	if !silent || time.Since(since) > silentTime {
		return false
	}
	for other, at := range s.heard {
		if other != address && at.After(since) && at.After(s.silent[other]) {
			return true
		}
	}
	return false
}

// note takes up how a query ended.
func (s *nameServers) note(address string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.silent)+len(s.heard) >= 2*mostServers {
		clear(s.silent)
		clear(s.heard)
	}
	var late net.Error
	switch {
	case err == nil:
		s.heard[address] = time.Now()
		delete(s.silent, address)
	case errors.As(err, &late) && late.Timeout():
		if _, known := s.silent[address]; !known {
			s.log.Warn("a name server does not answer", "server", address)
		}
		s.silent[address] = time.Now()
	}
}

// A query is a query to one name server.
type query struct {
	*net.UDPConn
	servers *nameServers
	address string
}

// Read reads the answer.
func (q *query) Read(p []byte) (int, error) {
	n, err := q.UDPConn.Read(p)
	q.servers.note(q.address, err)
	return n, err
}

// NameServers returns the name servers of this machine, in the order in which they
// are asked; none where resolv.conf(5) names none or cannot be read.
func NameServers() []string {
	text, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return nil
	}
	var servers []string
	for line := range strings.Lines(string(text)) {
		field := strings.Fields(line)
		if len(field) > 1 && field[0] == "nameserver" && len(servers) < 3 { // three are the most that are asked
			servers = append(servers, field[1])
		}
	}
	return servers
}

// AskNameServer asks one name server alone for a name. An error says that it did not
// answer; where it answers that there is no such name, there are no addresses. It
// obeys ctx.
func AskNameServer(ctx context.Context, server, host string) ([]netip.Addr, error) {
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(server, "53"))
	}}
	addresses, err := r.LookupNetIP(ctx, "ip", host)
	if no, ok := errors.AsType[*net.DNSError](err); ok && no.IsNotFound {
		return nil, nil
	}
	return addresses, err
}
