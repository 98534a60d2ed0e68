package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"sync"
	"time"
)

// PlantHost is the name under which the guest knows the plant. It resolves to
// the host's loopback.
const PlantHost = "plant.test"

// GuestLoopback is where QEMU's user network shows the guest the host's loopback.
const GuestLoopback = "10.0.2.2"

// A Network is the cable between the board and the plant: a relay on the host's
// loopback that speaks TLS to the guest, as the vendors' servers do, and plain
// TCP to the plant. It keeps its port while it is down, so that the station's
// configuration stays true.
type Network struct {
	addr        string // where it listens: 127.0.0.1:PORT
	certificate tls.Certificate
	authority   []byte // what the guest must trust, PEM

	mu     sync.Mutex // guards what follows
	target string     // where the plant listens
	listen net.Listener
	conns  map[net.Conn]bool
	done   sync.WaitGroup
}

// NewNetwork returns a network that is up and leads to target, 127.0.0.1:PORT.
func NewNetwork(target string) (*Network, error) {
	n := &Network{target: target, addr: "127.0.0.1:0", conns: map[net.Conn]bool{}}
	var err error
	if n.certificate, n.authority, err = newCertificate(); err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	if err := n.Up(); err != nil {
		return nil, err
	}
	return n, nil
}

// URL is the plant's address in the guest.
func (n *Network) URL() string {
	_, port, _ := net.SplitHostPort(n.addr) // addr is a listener's own
	return "https://" + net.JoinHostPort(PlantHost, port)
}

// Aim makes new connections end at target.
func (n *Network) Aim(target string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.target = target
}

// relisten is how long up tries to get its port back. Only a stranger's outgoing
// connection can have taken it in the meantime.
const relisten = 10 * time.Second

// Up listens, on the port it always had.
func (n *Network) Up() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listen != nil {
		return nil
	}
	l, err := net.Listen("tcp", n.addr)
	for end := time.Now().Add(relisten); err != nil && time.Now().Before(end); l, err = net.Listen("tcp", n.addr) {
		<-time.After(50 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("network: %w", err)
	}
	n.listen, n.addr = l, l.Addr().String()
	n.done.Go(func() { n.accept(l) })
	return nil
}

// Down refuses new connections and resets those there are.
func (n *Network) Down() {
	n.mu.Lock()
	if n.listen != nil {
		n.listen.Close()
		n.listen = nil
	}
	for c := range n.conns {
		reset(c)
	}
	n.mu.Unlock()
	n.done.Wait()
}

func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // an error means that it is closed already
	}
	c.Close()
}

func (n *Network) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // Down closed it
		}
		n.done.Go(func() { n.relay(l, c) })
	}
}

// relay carries one connection to the plant and back until either side ends it.
func (n *Network) relay(l net.Listener, guest net.Conn) {
	if !n.hold(l, guest) {
		reset(guest)
		return
	}
	defer n.release(guest)
	n.mu.Lock()
	target := n.target
	n.mu.Unlock()
	plant, err := net.Dial("tcp", target)
	if err != nil {
		reset(guest)
		return
	}
	if !n.hold(l, plant) {
		plant.Close()
		return
	}
	defer n.release(plant)

	secure := tls.Server(guest, &tls.Config{Certificates: []tls.Certificate{n.certificate}})
	ended := make(chan struct{}, 2)
	carry := func(to io.Writer, from io.Reader) {
		_, _ = io.Copy(to, from) // either way the connection is over
		ended <- struct{}{}
	}
	go carry(plant, secure)
	go carry(secure, plant)
	<-ended
	if n.isUp(l) { // Down resets the plant's side too: then the guest hears a reset and no goodbye
		_ = secure.Close()
	}
	plant.Close()
	<-ended
}

// hold notes a connection for Down to reset, unless the network went down since
// l accepted it.
func (n *Network) hold(l net.Listener, c net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listen != l {
		return false
	}
	n.conns[c] = true
	return true
}

// isUp reports whether the network has not gone down since l began to listen. While
// Down is at its resets it waits for them.
func (n *Network) isUp(l net.Listener) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.listen == l
}

func (n *Network) release(c net.Conn) {
	n.mu.Lock()
	delete(n.conns, c)
	n.mu.Unlock()
	c.Close()
}

// Authority is the certificate that the guest must trust, as PEM.
func (n *Network) Authority() []byte { return n.authority }

// newCertificate makes a certificate for the plant that vouches for itself. It
// is valid at every time a board without a clock may believe in.
func newCertificate() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: PlantHost},
		DNSNames:              []string{PlantHost},
		NotBefore:             time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, authority, nil
}
