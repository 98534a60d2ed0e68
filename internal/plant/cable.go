package plant

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A cable is a listener that can be unplugged. While it is pulled the port must
// refuse connections and yet belong to nobody else: a socket that is bound and
// never listens keeps it.
type cable struct {
	address  string
	reserved int // the socket that keeps the port

	mu      sync.Mutex    // guards the fields below
	inner   net.Listener  // nil while pulled
	plugged chan struct{} // closed while inner is set
	open    map[net.Conn]struct{}
	closed  bool
}

// newCable listens on an IPv4 address; port 0 is any free one.
func newCable(address string) (*cable, error) {
	inner, err := listen(address)
	if err != nil {
		return nil, err
	}
	addr := inner.Addr().(*net.TCPAddr)
	reserved, err := reservePort(addr)
	if err != nil {
		inner.Close()
		return nil, fmt.Errorf("reserve port %s: %w", addr, err)
	}
	c := &cable{address: addr.String(), reserved: reserved, inner: inner, plugged: make(chan struct{}), open: map[net.Conn]struct{}{}}
	close(c.plugged)
	return c, nil
}

// listen listens with SO_REUSEPORT, without which the socket that keeps the
// port would be in the way.
func listen(address string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if ctl := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}); ctl != nil {
			return ctl
		}
		return err
	}}
	return config.Listen(context.Background(), "tcp4", address) //nolint:forbidigo // listening on an own address does not wait
}

// reservePort binds a socket to the address and does not listen on it. It sets
// SO_REUSEPORT alone: with SO_REUSEADDR as well, any other program's listener
// would be let in beside it.
func reservePort(addr *net.TCPAddr) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return 0, err
	}
	unix.CloseOnExec(fd)
	at := &unix.SockaddrInet4{Port: addr.Port}
	copy(at.Addr[:], addr.IP.To4())
	if err := errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1), unix.Bind(fd, at)); err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// Accept waits for the next connection, across pulled cables.
func (c *cable) Accept() (net.Conn, error) {
	for {
		c.mu.Lock()
		inner, plugged, closed := c.inner, c.plugged, c.closed
		c.mu.Unlock()
		if closed {
			return nil, net.ErrClosed
		}
		if inner == nil {
			<-plugged
			continue
		}
		conn, err := inner.Accept()
		if err == nil {
			if conn, ok := c.admit(inner, conn); ok {
				return conn, nil
			}
			continue
		}
		if c.isPluggedIn(inner) {
			return nil, err
		}
	}
}

// isPluggedIn reports whether inner is plugged in.
func (c *cable) isPluggedIn(inner net.Listener) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inner == inner
}

// admit keeps count of a fresh connection, or cuts it when the cable was pulled
// while it was being accepted.
func (c *cable) admit(inner net.Listener, conn net.Conn) (net.Conn, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner != inner {
		conn.Close()
		return nil, false
	}
	c.open[conn] = struct{}{}
	return &cableConn{Conn: conn, cable: c}, true
}

// pull cuts every connection and refuses new ones.
func (c *cable) pull() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		return nil
	}
	inner := c.inner
	c.inner, c.plugged = nil, make(chan struct{})
	err := inner.Close()
	for conn := range c.open {
		reset(conn)
	}
	clear(c.open)
	return err
}

// plugIn listens again on the same address.
func (c *cable) plugIn() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner != nil || c.closed {
		return nil
	}
	inner, err := listen(c.address)
	if err != nil {
		return fmt.Errorf("plant %s: %w", c.address, err)
	}
	c.inner = inner
	close(c.plugged)
	return nil
}

// Close ends the listener for good. Doing it again changes nothing.
func (c *cable) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	unix.Close(c.reserved)
	if c.inner == nil {
		close(c.plugged)
		return nil
	}
	err := c.inner.Close()
	c.inner = nil
	return err
}

// Addr is the address of the port, plugged in or not.
func (c *cable) Addr() net.Addr {
	addr, _ := net.ResolveTCPAddr("tcp4", c.address)
	return addr
}

// A cableConn is a connection that its cable knows of.
type cableConn struct {
	net.Conn
	cable *cable
}

func (c *cableConn) Close() error {
	c.cable.mu.Lock()
	delete(c.cable.open, c.Conn)
	c.cable.mu.Unlock()
	return c.Conn.Close()
}

// reset closes a connection so that the other end sees a reset, not an end.
func reset(conn net.Conn) {
	if p, ok := conn.(*cableConn); ok {
		reset(p.Conn)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // refused only by a connection that is closed already
	}
	conn.Close()
}
