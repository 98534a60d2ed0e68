package api

import (
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// listenAt listens on an address; where swallows is set, every packet to it
// vanishes.
func listenAt(t *testing.T, address string, swallows bool) (port string) {
	t.Helper()
	var config net.ListenConfig
	config.SetMultipathTCP(false) // such a socket takes no filter
	l, err := config.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Skipf("that the other family is tried beside one that is silent was NOT proved: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	if swallows {
		raw, err := l.(*net.TCPListener).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
		if err := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing})
		}); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestAnAddressThatIsSilentIsNotTheOnlyOneTried(t *testing.T) {
	t.Parallel()
	four, other, six := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("::1")
	for sentence, tt := range map[string]struct {
		addresses []netip.Addr
		silent    string // an address besides 127.0.0.1
	}{
		"one family is silent, and the other answers":         {[]netip.Addr{six, four}, "[::1]"},
		"of one family the first is silent, the next answers": {[]netip.Addr{other, four}, "127.0.0.2"},
		"the one that answers stands first":                   {[]netip.Addr{four, six}, "[::1]"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			port := listenAt(t, "127.0.0.1:0", false)
			listenAt(t, tt.silent+":"+port, true)
			n := newNetwork(newResolver(slog.New(slog.DiscardHandler)), time.Second)
			c, err := n.connect(t.Context(), tt.addresses, port)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got := c.RemoteAddr().String(); got != "127.0.0.1:"+port {
				t.Errorf("connected to %s", got)
			}
		})
	}
}

func TestNobodyAnswersAtAnyAddress(t *testing.T) {
	t.Parallel()
	port := listenAt(t, "127.0.0.1:0", true)
	n := newNetwork(newResolver(slog.New(slog.DiscardHandler)), time.Second)
	if c, err := n.connect(t.Context(), []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.1")}, port); err == nil {
		c.Close()
		t.Error("connected to nobody")
	}
}
