package web

import (
	"crypto/tls"
	"net"
	"net/netip"
)

// An encrypted listener speaks TLS to other machines. On this one the page is as it is
// without: the browser of the station's own screen has no certificate to know.
type encrypted struct {
	net.Listener
	config *tls.Config
}

// Accept implements net.Listener.
func (l encrypted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if from, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil && from.Addr().Unmap().IsLoopback() {
		return c, nil
	}
	return tls.Server(c, l.config), nil
}
