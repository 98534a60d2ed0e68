package httpserver

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// A fakeConn is a connection from an address.
type fakeConn struct {
	net.Conn
	from   string
	closed bool
}

func (c *fakeConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.from))
}
func (c *fakeConn) Close() error { c.closed = true; return nil }

// A fakeListener has connections that came.
type fakeListener struct {
	net.Listener
	come []net.Conn
}

func (l *fakeListener) Accept() (net.Conn, error) {
	if len(l.come) == 0 {
		return nil, net.ErrClosed
	}
	next := l.come[0]
	l.come = l.come[1:]
	return next, nil
}

// connected has a connection come from each address and returns those that were closed.
func connected(l *Listener, come *fakeListener, busy bool, from ...string) (closed int) {
	var all []*fakeConn
	for _, address := range from {
		c := &fakeConn{from: address}
		all = append(all, c)
		come.come = append(come.come, c)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			break
		}
		if busy {
			l.connState(c, http.StateActive)
		}
	}
	for _, c := range all {
		if c.closed {
			closed++
		}
	}
	return closed
}

// addresses are n connections, so many from each address.
func addresses(n, each int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("192.0.2.%d:%d", 1+i/each, 1024+i))
	}
	return all
}

func TestSoManyConnectionsAreLetInAndTheOperatorsScreenHasPlacesOfItsOwn(t *testing.T) {
	t.Parallel()
	come := new(fakeListener)
	var log strings.Builder
	l := Limit(come, slog.New(slog.NewTextHandler(&log, nil)))
	if closed := connected(l, come, true, addresses(30, 30)...); closed != 30-mostPerAddress {
		t.Errorf("%d of 30 connections of one address were closed", closed)
	}
	if closed := connected(l, come, true, addresses(500, 10)...); mostRemote-mostPerAddress+closed != 500 {
		t.Errorf("%d of 500 connections of the plant were closed", closed)
	}
	if closed := connected(l, come, true, "127.0.0.1:5000", "[::1]:5000", "[::ffff:127.0.0.1]:5001"); closed != 0 {
		t.Errorf("%d connections of the operator's own screen were closed", closed)
	}
	open, refused := l.Counts()
	if open != mostRemote+3 || refused != 530-mostRemote {
		t.Errorf("%d are open and %d refused", open, refused)
	}
	if n := strings.Count(log.String(), "connections refused"); n != 1 {
		t.Errorf("the log says it %d times:\n%s", n, &log)
	}
}

func TestAConnectionThatIsIdleGivesItsPlaceUp(t *testing.T) {
	t.Parallel()
	come := new(fakeListener)
	l := Limit(come, slog.New(slog.DiscardHandler))
	if closed := connected(l, come, false, addresses(mostRemote+10, 10)...); closed != 10 {
		t.Errorf("%d of the connections that were idle were closed", closed)
	}
	open, refused := l.Counts()
	if open != mostRemote || refused != 0 {
		t.Errorf("%d are open and %d refused", open, refused)
	}
	for c := range l.open {
		if c.from.String() == "192.0.2.1" {
			t.Error("one of the oldest has kept its place")
		}
	}
}

func TestAConnectionThatIsClosedMakesRoom(t *testing.T) {
	t.Parallel()
	come := &fakeListener{come: []net.Conn{&fakeConn{from: "192.0.2.1:1024"}}}
	l := Limit(come, slog.New(slog.DiscardHandler))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if open, _ := l.Counts(); open != 0 {
		t.Errorf("%d are open", open)
	}
}

func TestTheNetworkOfAnAddress(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"0.0.0.0:8420": "tcp4", "127.0.0.1:8420": "tcp4", "192.0.2.1:0": "tcp4",
		":8420": "tcp", "[::]:8420": "tcp", "[::1]:8420": "tcp", "localhost:8420": "tcp", "nonsense": "tcp",
	} {
		if got := Network(listen); got != want {
			t.Errorf("%s is listened at in %s", listen, got)
		}
	}
}
