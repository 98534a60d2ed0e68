package api

import (
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A conn is a TCP connection to a vendor, or to the proxy before it, whose
// requests cannot arrive any more once they are given up.
//
// The kernel goes on sending what was written before a connection is closed, for
// a hundred seconds and more while packets vanish, and longer than the process
// lives: the request would reach the vendor after it was looked for and sent
// again. While a request is under way the connection is therefore one that is
// torn when it is closed, by whomever and for whatever reason: what was not
// acknowledged is dropped. Between requests it is closed in order.
type conn struct {
	*net.TCPConn
	mu       sync.Mutex // guards underWay, and what it makes of the connection
	underWay int        // requests
}

// begin is called before a request is written.
func (c *conn) begin() { c.add(1) }

// end is called when the answer to a request has been read whole.
func (c *conn) end() { c.add(-1) }

// add counts the requests under way: the next may have begun before the end of the
// last was told.
func (c *conn) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.underWay
	c.underWay += n
	switch {
	case before == 0:
		_ = c.SetLinger(0) // it fails on a closed connection alone
	case c.underWay == 0:
		_ = c.SetLinger(-1)
	}
}

// abort ends the connection now. What the kernel has not got acknowledged is
// never sent again.
func (c *conn) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.SetLinger(0)
	_ = c.Close()
}

// connOf finds the connection under the layers of TLS; nil for one in memory.
func connOf(over net.Conn) *conn {
	for {
		if c, ok := over.(*conn); ok {
			return c
		}
		layer, ok := over.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		over = layer.NetConn()
	}
}

// giveUpAfter returns a Control for a dialer: the kernel gives up a connection on
// which something was sent and nothing was acknowledged for that long, also while
// this process is stopped and cannot.
func giveUpAfter(limit time.Duration) func(network, address string, raw syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds()))
		})
		if err != nil {
			return err
		}
		return failed
	}
}
