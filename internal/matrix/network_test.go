package matrix

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A network leads to one server, in memory: a goroutine that waits for it stands
// still as far as synctest's clock is concerned, which one at a socket does not.
type network struct {
	server chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex               // guards the fields below
	broken func() (net.Conn, error) // what a dial comes to instead; nil: the server

	// vanish says for how long packets vanish from the one on that begins with these
	// bytes; nil: never.
	vanish  func(begins []byte) time.Duration
	through time.Time // packets get through again

	conns []*kernelConn // all that were made
}

func newNetwork() *network {
	return &network{server: make(chan net.Conn), closed: make(chan struct{})}
}

// breaks makes every dial from now on come to that; nil mends it.
func (n *network) breaks(how func() (net.Conn, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken = how
}

// vanishes has packets vanish, as how says, from now on.
func (n *network) vanishes(how func(begins []byte) time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.vanish = how
}

// Dial is an api.Dial.
func (n *network) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	broken, through := n.broken, n.through
	n.mu.Unlock()
	if broken != nil {
		return broken()
	}
	select {
	case <-time.After(time.Until(through)):
	case <-ctx.Done():
		return nil, fmt.Errorf("dial %s: %w", address, ctx.Err())
	}
	here, there := net.Pipe()
	select {
	case n.server <- there:
		made := &kernelConn{Conn: here, network: n, torn: make(chan struct{})}
		n.mu.Lock()
		n.conns = append(n.conns, made)
		n.mu.Unlock()
		return made, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("dial %s: %w", address, ctx.Err())
	case <-n.closed:
		return refused()
	}
}

// A kernelConn is a connection whose kernel sends what vanished again, until packets get
// through or the connection is torn. That a request which is given up is torn, and that
// a torn one is sent no more, is shown with real sockets, in internal/api and
// cmd/stationd.
type kernelConn struct {
	net.Conn
	network *network
	once    sync.Once
	torn    chan struct{}
	closes  bool // guarded by network.mu: the other side closes it at the next write
}

// closeIdle has every connection that there is be closed by the other side in the moment
// in which something is written on it.
func (n *network) closeIdle() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.closes = true
	}
}

// tear ends every connection.
func (n *network) tear() {
	n.mu.Lock()
	conns := n.conns
	n.conns = nil
	n.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

func (c *kernelConn) Write(p []byte) (int, error) {
	n := c.network
	n.mu.Lock()
	if c.closes {
		n.mu.Unlock()
		return len(p), c.Conn.Close() // the kernel took it, and nobody reads it
	}
	if n.vanish != nil {
		if lasts := n.vanish(p); lasts > 0 {
			n.through = time.Now().Add(lasts)
		}
	}
	wait := time.Until(n.through)
	n.mu.Unlock()
	if wait <= 0 {
		return c.Conn.Write(p)
	}
	sent := bytes.Clone(p)
	go func() {
		select {
		case <-time.After(wait):
			_, _ = c.Conn.Write(sent)
		case <-c.torn:
		}
	}()
	return len(p), nil
}

func (c *kernelConn) Close() error {
	c.once.Do(func() { close(c.torn) })
	return c.Conn.Close()
}

func refused() (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

func unknownName() (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "acme.leading2lean.com", IsNotFound: true}}
}

// hangsUp accepts the connection and ends it before a byte is read. The client
// learns of it when it writes, and never by a race of that with what it reads.
func hangsUp() (net.Conn, error) {
	here, there := net.Pipe()
	return deadConn{here, there}, nil
}

// A deadConn takes no byte and gives none.
type deadConn struct {
	net.Conn
	other net.Conn
}

func (deadConn) Write([]byte) (int, error) {
	return 0, &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}
}

func (c deadConn) Close() error { return errors.Join(c.Conn.Close(), c.other.Close()) }

// Accept makes the network the server's net.Listener.
func (n *network) Accept() (net.Conn, error) {
	select {
	case conn := <-n.server:
		return conn, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

func (n *network) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// Certificates of the plant: one that this process trusts, and the ways in which
// one cannot be trusted.
type certificates struct {
	good     tls.Certificate
	stranger tls.Certificate // signed by nobody we know
	tomorrow tls.Certificate // good, and begins after synctest's clock
}

var issued certificates

// TestMain makes this process trust an authority of its own, which is possible
// only before the first certificate is looked at.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "stationd-matrix-")
	if err == nil {
		issued, err = issue(filepath.Join(dir, "authority.pem"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// issue makes an authority, which the process is told to trust, and certificates.
func issue(path string) (certificates, error) {
	authority, key, err := authority()
	if err != nil {
		return certificates{}, err
	}
	err = os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw}), 0o600)
	if err != nil {
		return certificates{}, err
	}
	if err := os.Setenv("SSL_CERT_FILE", path); err != nil {
		return certificates{}, err
	}
	other, otherKey, err := authorityOf(2)
	if err != nil {
		return certificates{}, err
	}
	var c certificates
	for _, want := range []struct {
		into  *tls.Certificate
		by    *x509.Certificate
		key   *ecdsa.PrivateKey
		since int
	}{{&c.good, authority, key, 1999}, {&c.stranger, other, otherKey, 1999}, {&c.tomorrow, authority, key, 2026}} {
		if *want.into, err = sign(want.by, want.key, want.since); err != nil {
			return certificates{}, err
		}
	}
	return c, nil
}

func authority() (*x509.Certificate, *ecdsa.PrivateKey, error) { return authorityOf(1) }

func authorityOf(number int64) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	about := certificate(number, 1999)
	about.IsCA, about.BasicConstraintsValid, about.KeyUsage = true, true, x509.KeyUsageCertSign
	raw, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	made, err := x509.ParseCertificate(raw)
	return made, key, err
}

func sign(by *x509.Certificate, with *ecdsa.PrivateKey, since int) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	about := certificate(3, since)
	about.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	raw, err := x509.CreateCertificate(rand.Reader, about, by, key.Public(), with)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, err
}

func certificate(number int64, since int) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(number),
		NotBefore:    time.Date(since, time.January, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2100, time.January, 1, 0, 0, 0, 0, time.UTC),
	}
}
