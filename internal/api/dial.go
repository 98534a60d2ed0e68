package api

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// fallbackDelay is how long the addresses of one family have for themselves before
// those of the other are tried beside them (RFC 8305).
const fallbackDelay = 300 * time.Millisecond

// A network makes connections to a vendor, or to the proxy before it.
type network struct {
	names  *resolver
	dialer net.Dialer
}

func newNetwork(names *resolver, response time.Duration) *network {
	return &network{names: names, dialer: net.Dialer{Control: giveUpAfter(response)}}
}

// dial is a Dial. Looking up the name and connecting each have a time of their
// own.
func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addresses, err := n.names.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, ConnectTime)
	defer cancel()
	c, err := n.connect(ctx, addresses, port)
	if err != nil {
		n.names.forget(host)
		return nil, err
	}
	return &conn{TCPConn: c}, nil
}

// connect connects to one of the addresses. Those of the family that stands first
// come first; while they are silent the others are tried beside them. Nothing that
// it began goes on when it returns.
func (n *network) connect(ctx context.Context, addresses []netip.Addr, port string) (*net.TCPConn, error) {
	var first, second []netip.Addr
	for _, a := range addresses {
		if a.Unmap().Is4() == addresses[0].Unmap().Is4() {
			first = append(first, a)
		} else {
			second = append(second, a)
		}
	}
	if len(second) == 0 {
		return n.oneByOne(ctx, first, port)
	}
	firstContext, endFirst := context.WithCancel(ctx)
	defer endFirst()
	secondContext, endSecond := context.WithCancel(ctx)
	defer endSecond()
	type result struct {
		c   *net.TCPConn
		err error
	}
	beside := make(chan result, 1)
	later := time.AfterFunc(fallbackDelay, func() {
		c, err := n.oneByOne(secondContext, second, port)
		if err == nil {
			endFirst()
		}
		beside <- result{c, err}
	})
	c, err := n.oneByOne(firstContext, first, port)
	switch {
	case err == nil && later.Stop():
		return c, nil
	case err == nil:
		endSecond()
		if other := <-beside; other.err == nil {
			_ = other.c.Close()
		}
		return c, nil
	case later.Stop():
		return n.oneByOne(ctx, second, port)
	}
	other := <-beside
	return other.c, other.err
}

// oneByOne tries addresses one after the other; each has its share of the time that
// is left.
func (n *network) oneByOne(ctx context.Context, addresses []netip.Addr, port string) (*net.TCPConn, error) {
	err := errors.New("no address")
	for i, a := range addresses {
		share := ConnectTime
		if end, limited := ctx.Deadline(); limited {
			share = time.Until(end) / time.Duration(len(addresses)-i)
		}
		var c net.Conn
		c, err = n.try(ctx, share, net.JoinHostPort(a.String(), port))
		if tcp, ok := c.(*net.TCPConn); ok {
			return tcp, nil
		}
	}
	return nil, err
}

func (n *network) try(ctx context.Context, share time.Duration, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	return n.dialer.DialContext(ctx, "tcp", address)
}
