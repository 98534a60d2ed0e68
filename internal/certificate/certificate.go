// Package certificate has the certificate by which the page is encrypted for other machines:
// the plant's own, or one that the station makes for itself and keeps.
package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"stationd/internal/atomicfile"
)

// A Source has a certificate when a browser asks for it: it is read again when its file has
// changed. One that the station makes itself is made where there is none, and made anew where
// it is not for all of the station's names, or its file is damaged.
type Source struct {
	file, key string
	hosts     []string     // that one which is made is for
	make      func() error // nil: the plant's own is not made

	mu      sync.Mutex // guards the rest
	read    time.Time  // when the file had changed last, as it was read
	current *tls.Certificate
}

// Own is the plant's own certificate, in PEM files. Nothing is read before a browser asks.
func Own(file, key string) *Source { return &Source{file: file, key: key} }

// SelfMade is a certificate that the station makes for itself, and keeps in a file, for
// those names and addresses. Browsers do not know it: people compare its fingerprint.
func SelfMade(file, station string, hosts []string) *Source {
	return &Source{file: file, key: file, hosts: hosts, make: func() error { return write(file, station, hosts) }}
}

// Config is how other machines are spoken to: by TLS 1.2 or newer. What is wrong with the
// certificate shows to a browser that asks, and to failed; made hears why one was made.
func (s *Source) Config(failed func(error), made func(c *tls.Certificate, why string)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c, why, err := s.Certificate()
			switch {
			case err != nil:
				failed(err)
			case why != "":
				made(c, why)
			}
			return c, err
		},
	}
}

// Certificate returns the certificate as its file has it. Where the station makes its own and
// has none that will do, it makes one; why says then what was the matter, and is "" otherwise.
func (s *Source) Certificate() (c *tls.Certificate, why string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.current
	c, err = s.load()
	if s.make == nil || err == nil && c == known {
		return c, "", err
	}
	switch damaged := (*fs.PathError)(nil); {
	case errors.Is(err, fs.ErrNotExist):
		why = "there was none"
	case errors.As(err, &damaged): // it may be there, and only not be read now
		return nil, "", err
	case err != nil:
		why = "it could not be read: " + errors.Unwrap(err).Error()
	default:
		if lacks := s.Lacks(c); lacks != "" {
			why = "it was not for " + lacks
		}
	}
	if why == "" {
		return c, "", nil
	}
	if err := s.make(); err != nil {
		if c != nil { // by its other names the page is seen still
			return c, "", nil
		}
		return nil, "", fmt.Errorf("certificate of the page: %w", err)
	}
	s.current = nil // a file that is written twice within a tick of its clock looks the same
	c, err = s.load()
	return c, why, err
}

// Lacks names the first of the station's names that a certificate is not for, "" where it is
// for all of them. The plant's own is the plant's to say.
func (s *Source) Lacks(c *tls.Certificate) string {
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return ""
	}
	for _, host := range s.hosts {
		if host != "" && leaf.VerifyHostname(host) != nil {
			return host
		}
	}
	return ""
}

// Kept is Certificate for whoever only looks: nothing is made. The error wraps
// fs.ErrNotExist where there is none.
func (s *Source) Kept() (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.load()
}

// load reads the file, unless it is as it was read.
func (s *Source) load() (*tls.Certificate, error) {
	info, err := os.Stat(s.file)
	if err != nil {
		return nil, fmt.Errorf("certificate of the page: %w", err)
	}
	if s.current != nil && info.ModTime().Equal(s.read) {
		return s.current, nil
	}
	c, err := tls.LoadX509KeyPair(s.file, s.key)
	if err != nil {
		return nil, fmt.Errorf("certificate of the page %s: %w", s.file, err)
	}
	s.current, s.read = &c, info.ModTime()
	return s.current, nil
}

// A board without a clock makes a certificate too: it holds from before to after every time
// that the board may believe in.
var (
	holdsFrom  = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)   //nolint:gochecknoglobals // never changes
	holdsUntil = time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // never changes
)

// write makes a certificate with its key, in one file that the station alone reads.
func write(file, station string, hosts []string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	c := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: station},
		NotBefore:    holdsFrom, NotAfter: holdsUntil,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},

		BasicConstraintsValid: true,
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else if host != "" {
			c.DNSNames = append(c.DNSNames, host)
		}
	}
	made, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	return atomicfile.Replace(file, text, 0o600)
}

// Fingerprint is what people compare who see a certificate in a browser: SHA-256 of it, as
// browsers write that.
//
//	9F:86:D0:81:…
func Fingerprint(c *tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	var all []string
	for _, b := range sum {
		all = append(all, fmt.Sprintf("%02X", b))
	}
	return strings.Join(all, ":")
}

// Ends is when a certificate ends; the zero time where it cannot be read.
func Ends(c *tls.Certificate) time.Time {
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return time.Time{}
	}
	return leaf.NotAfter
}
