package httpserver

import (
	"net"
	"net/netip"
	"os"
	"testing"
)

func addrPort(t *testing.T, a net.Addr) netip.AddrPort {
	t.Helper()
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheKernelSaysWhoseConnectionItIs(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]struct{ network, listen, dial string }{
		"over IPv4":                        {"tcp4", "127.0.0.1:0", "127.0.0.1"},
		"over IPv6":                        {"tcp6", "[::1]:0", "::1"},
		"over IPv4, to a socket of both":   {"tcp", ":0", "127.0.0.1"},
		"to another address of this board": {"tcp4", "127.0.0.2:0", "127.0.0.2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen(how.network, how.listen)
			if err != nil && how.network == "tcp6" {
				t.Skipf("NOT PROVED: whose connection it is %s, which this machine has not: %v", name, err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			_, port, err := net.SplitHostPort(listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			client, err := net.Dial("tcp", net.JoinHostPort(how.dial, port))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			conn, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			local, remote := addrPort(t, conn.LocalAddr()), addrPort(t, conn.RemoteAddr())
			if uid, err := PeerUID(local, remote); err != nil || int(uid) != os.Getuid() {
				t.Errorf("the connection is of %d, want %d: %v", uid, os.Getuid(), err)
			}
			if uid, err := PeerUID(remote, netip.AddrPortFrom(local.Addr(), 1)); err == nil {
				t.Errorf("a connection that there is not is of %d", uid)
			}
			client.Close()
			if uid, err := PeerUID(local, remote); err == nil {
				t.Errorf("a connection that its process has closed is of %d", uid)
			}
		})
	}
}
