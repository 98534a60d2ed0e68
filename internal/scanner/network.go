package scanner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How long a connection may take to be made, a beep to be taken, and a look at who
// connects.
const (
	dialTime       = 5 * time.Second
	writeTime      = 50 * time.Millisecond
	acceptTime     = 250 * time.Millisecond
	acceptPollTime = time.Millisecond
)

// parseNetwork returns the address in the port of a scanner of the network:
//
//	tcp:192.0.2.5:9004       it is connected to; tcp://192.0.2.5:9004 is the same
//	tcp-listen:9004          it connects, to any address of this machine
//	tcp-listen:[::1]:9004    to this one
func parseNetwork(port string) (string, error) {
	kind, address, _ := strings.Cut(port, ":")
	address = strings.TrimPrefix(address, "//")
	if kind == "tcp-listen" && !strings.Contains(address, ":") {
		address = ":" + address
	}
	host, number, err := net.SplitHostPort(address)
	n, bad := strconv.Atoi(number)
	if err != nil || bad != nil || n < 1 || n > 65535 || host == "" && kind == "tcp" {
		return "", fmt.Errorf("%q is no address; it is tcp:HOST:PORT, as tcp:192.0.2.5:9004, or tcp-listen:PORT for a reader that connects", port)
	}
	return address, nil
}

// A network is a scanner of the network: one that is connected to, or one that connects.
// It goes away and comes back like one that is unplugged.
type network struct {
	address   string
	onWaiting func() // called each time the wait for a connection begins

	listens  bool
	listener *net.TCPListener // of a scanner that connects; it stays open between two connections
}

// dial connects, or waits for the scanner to, until ctx ends.
func (n *network) dial(ctx context.Context) (device, error) {
	if !n.listens {
		d := net.Dialer{Timeout: dialTime, KeepAliveConfig: keepAlive()}
		line, err := d.DialContext(ctx, "tcp", n.address)
		if err != nil {
			return nil, fmt.Errorf("cannot be reached, look at its cable and at its address: %w", err)
		}
		return &connection{line: line}, nil
	}
	if n.listener == nil {
		kind := "tcp"
		if host, _, err := net.SplitHostPort(n.address); err == nil {
			if address, err := netip.ParseAddr(host); err == nil && address.Is4() {
				kind = "tcp4" // 0.0.0.0 is IPv4 alone; Go's "tcp" would be IPv6 as well
			}
		}
		l, err := (&net.ListenConfig{KeepAliveConfig: keepAlive()}).Listen(ctx, kind, n.address)
		if err != nil {
			return nil, fmt.Errorf("cannot be listened at: %w", err)
		}
		tcp, ok := l.(*net.TCPListener)
		if !ok {
			return nil, errors.Join(errors.New("cannot be listened at"), l.Close())
		}
		n.listener = tcp
	}
	n.onWaiting()
	for ctx.Err() == nil {
		line, err := n.accept(acceptTime)
		if err != nil {
			return nil, err
		}
		if line != nil {
			return &connection{line: line, network: n}, nil
		}
	}
	return nil, ctx.Err()
}

// accept waits for a connection at most so long; nil and nil where none came.
func (n *network) accept(timeout time.Duration) (net.Conn, error) {
	if err := n.listener.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	line, err := n.listener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, nil //nolint:nilnil // nobody connected, and nothing is wrong
	}
	return line, err
}

// stop stops listening.
func (n *network) stop() {
	if n.listener != nil {
		_ = n.listener.Close() // it is given up either way
		n.listener = nil
	}
}

// keepAlive notices within half a minute that the other end was switched off.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}
}

// A connection is a scanner of the network as a device.
type connection struct {
	network *network // where the scanner may connect anew: it has forgotten this connection; nil: nowhere

	mu     sync.Mutex // guards what follows against write, which others call
	line   net.Conn
	closed bool
}

// read reads what has arrived. A scanner that was switched off and on connects anew, and
// the connection before is of no use.
func (c *connection) read(b []byte, timeout time.Duration) (int, error) {
	if c.network != nil {
		line, err := c.network.accept(acceptPollTime)
		if err != nil {
			return 0, err
		}
		if line != nil {
			c.mu.Lock()
			c.line.Close()
			c.line = line
			c.mu.Unlock()
			return 0, &loss{why: "the reader has connected anew", cut: true}
		}
	}
	if err := c.line.SetReadDeadline(deadline(timeout)); err != nil {
		return 0, err
	}
	n, err := c.readLine(b)
	switch {
	case n > 0, errors.Is(err, os.ErrDeadlineExceeded):
		return n, nil
	case err != nil:
		return 0, fmt.Errorf("the reader has hung up, look at its cable: %w", err)
	}
	return 0, nil
}

// readLine is the connection's Read, which looks once more where it comes late.
func (c *connection) readLine(b []byte) (int, error) {
	if line, ok := c.line.(timedReader); ok {
		return readOrLook(line, b)
	}
	return c.line.Read(b)
}

// write sends a few bytes to the scanner, and does not wait for one that takes none.
func (c *connection) write(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	if err := c.line.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	_, err := c.line.Write(b)
	return err
}

// quiet implements device: no read waits for ever, for a scanner that connects by itself
// may connect anew, and what is written goes through the same connection.
func (*connection) quiet() bool { return false }

// keptByKernel implements device.
func (*connection) keptByKernel() bool { return false }

// interrupt implements device.
func (*connection) interrupt() {}

// close hangs up.
func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.line.Close()
}
