package relay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"stationd/internal/api"
)

// An Engine is how a table of the configuration names the NATS server by which stations and
// relays reach each other. It is the table [relay] of a station.
type Engine struct {
	Servers        []string    `toml:"servers"`         // tls://engine-1:4222; any of one cluster
	Key            api.KeyFrom `toml:"key"`             // the seed of an nkey: SU…
	CA             string      `toml:"ca"`              // a file of certificates: who vouches for the engine, and nobody else
	Certificate    string      `toml:"certificate"`     // a file, where the engine asks for one
	CertificateKey string      `toml:"certificate_key"` // a file with the certificate's private key

	Dial func(network, address string) (net.Conn, error) // no key of the file; nil: over the network
}

// Check reports every fault of the table by its key. It touches no file.
func (e Engine) Check(fault func(key, text string)) {
	near := len(e.Servers) > 0
	if len(e.Servers) == 0 {
		fault("servers", `is missing: name the engine, as ["tls://engine-1:4222"]`)
	}
	for _, server := range e.Servers {
		u, err := url.Parse(server)
		local := err == nil && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
		near = near && local
		switch {
		case strings.Contains(server, "@"):
			fault("servers", "must hold no user and no password: the key stands in the file that key names")
		case err != nil || u.Host == "" || u.Scheme != "tls" && u.Scheme != "nats" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
			fault("servers", fmt.Sprintf("%q is not an address like tls://engine-1:4222", server))
		case u.Scheme != "tls" && !local:
			fault("servers", fmt.Sprintf("%q must begin with tls:// (nats:// is for this machine alone)", server))
		}
	}
	if !e.Key.Given() && !near {
		fault("key", "is missing: name a file or a credential that holds the seed of an nkey")
	}
	e.Key.Check("key", fault)
	for key, path := range map[string]string{"ca": e.CA, "certificate": e.Certificate, "certificate_key": e.CertificateKey} {
		if path != "" && !filepath.IsAbs(path) {
			fault(key, fmt.Sprintf("file %q must be an absolute path", path))
		}
	}
	if (e.Certificate == "") != (e.CertificateKey == "") {
		fault("certificate", "certificate and certificate_key belong together")
	}
}

const (
	engineConnect = 5 * time.Second        // limits one try to connect
	engineWait    = 500 * time.Millisecond // between two tries
	enginePing    = 5 * time.Second        // between two questions whether the engine is there; two without an answer are an outage
)

// connect returns a connection that is made as soon as the engine is there, and again each
// time that it is lost. An error is that of a file: one that is the key's wraps
// api.ErrKeyUnusable. What cannot be sent now is never sent later. lost is called each time
// that the connection is lost: what was on it may be lost too.
func (e Engine) connect(name string, log *slog.Logger, lost func(), more ...nats.Option) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name(name), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true), nats.ReconnectBufSize(-1),
		nats.IgnoreAuthErrorAbort(), // else the second refusal ends the connection, and nobody makes another
		nats.Timeout(engineConnect), nats.ReconnectWait(engineWait), nats.ReconnectJitter(engineWait, engineWait),
		nats.PingInterval(enginePing), nats.MaxPingsOutstanding(2), nats.NoCallbacksAfterClientClose(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			log.Warn("the connection to the engine is lost", "error", err)
			lost()
		}),
	}
	if e.Key.Given() {
		key, err := e.Key.Read()
		if err != nil {
			return nil, fmt.Errorf("relay: %w", err)
		}
		pair, err := nkeys.FromSeed([]byte(key.Reveal()))
		if err != nil {
			return nil, fmt.Errorf("relay: %w: it is not the seed of an nkey, which begins with SU", api.ErrKeyUnusable)
		}
		public, err := pair.PublicKey()
		if err != nil {
			return nil, fmt.Errorf("relay: %w", api.ErrKeyUnusable)
		}
		options = append(options, nats.Nkey(public, pair.Sign))
	}
	if e.Dial != nil {
		options = append(options, nats.SetCustomDialer(dialer(e.Dial)))
	}
	secure, err := e.secure()
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	if secure != nil {
		options = append(options, nats.Secure(secure))
	}
	conn, err := nats.Connect(strings.Join(e.Servers, ","), append(options, more...)...)
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	return conn, nil
}

// A dialer is a nats.CustomDialer.
type dialer func(network, address string) (net.Conn, error)

// Dial implements nats.CustomDialer.
func (d dialer) Dial(network, address string) (net.Conn, error) { return d(network, address) }

// secure is how the engine is known; nil where it is on this machine, by nats://.
func (e Engine) secure() (*tls.Config, error) {
	if !slices.ContainsFunc(e.Servers, func(s string) bool { return strings.HasPrefix(s, "tls:") }) {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.CA != "" {
		text, err := os.ReadFile(e.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("ca: %s holds no certificate as PEM", e.CA)
		}
	}
	if e.Certificate != "" {
		own, err := tls.LoadX509KeyPair(e.Certificate, e.CertificateKey)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

// unsent reports whether an error of publishing says that nothing was sent, nor will be.
func unsent(err error) bool {
	for _, known := range []error{
		nats.ErrReconnectBufExceeded, nats.ErrConnectionClosed, nats.ErrConnectionDraining,
		nats.ErrMaxPayload, nats.ErrBadSubject, nats.ErrInvalidConnection,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
