package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/relay/relaytest"
)

// A tapped way leads to the engine, and keeps all that passes on it.
type tapped struct {
	net.Listener

	mu     sync.Mutex // guards passed
	passed bytes.Buffer
}

// Write keeps what passes.
func (w *tapped) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.passed.Write(text)
}

func (w *tapped) text() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.passed.Bytes())
}

// tap returns a way to an address.
func tap(t *testing.T, to string) *tapped {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := &tapped{Listener: l}
	var running sync.WaitGroup
	var mu sync.Mutex // guards ends
	var ends []net.Conn
	running.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			mu.Lock()
			ends = append(ends, near, far)
			mu.Unlock()
			running.Go(func() { _, _ = io.Copy(io.MultiWriter(w, far), near); _ = far.Close() })
			running.Go(func() { _, _ = io.Copy(io.MultiWriter(w, near), far); _ = near.Close() })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, end := range ends {
			_ = end.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return w
}

// A vendor's key is at the relays alone: none is in what stations and relays say to the engine,
// nor in any file of a station, nor in what it was started with.
func TestAVendorsKeyIsNeitherOnTheWireNorOnAStation(t *testing.T) {
	t.Parallel()
	var ways []*tapped
	f := newFleet(t, fleetSetting{stations: 1, reached: func(_ string, e *relaytest.Engine) string {
		w := tap(t, strings.TrimPrefix(e.Table().Servers[0], "nats://"))
		ways = append(ways, w)
		return fmt.Sprintf("servers = [%q]\n", "nats://"+w.Addr().String())
	}})
	b := f.stations[0]
	must(t, b.Power(t.Context(), true))
	scanAndWait(t, b, "PO4711")
	scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: "CANARY1"}.Symbol())
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
	must(t, b.WaitDelivered(t.Context()))
	must(t, demo.Until(t.Context(), "the part is traced and the call open", func() bool {
		return len(f.plant().Traces()) == 1 && len(f.plant().Dispatches()) == 1
	}))

	var wire []byte
	for _, w := range ways {
		wire = append(wire, w.text()...)
	}
	if !bytes.Contains(wire, []byte("CANARY1")) {
		t.Fatal("what passes on the wire was not seen: nothing is proved")
	}
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", b.Process().Cmd.Process.Pid))
	must(t, err)
	for _, key := range []string{plant.Demo().L2LKey, plant.Demo().APIKey} {
		if bytes.Contains(wire, []byte(key)) {
			t.Errorf("the key %.6s… passes on the wire", key)
		}
		if bytes.Contains(environment, []byte(key)) {
			t.Errorf("the key %.6s… is in what the station was started with", key)
		}
		must(t, filepath.WalkDir(b.Dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if bytes.Contains(text, []byte(key)) {
				t.Errorf("the key %.6s… is in %s", key, path)
			}
			return err
		}))
	}
}

// An authority of the plant vouches for its engine, its relays and its stations.
type plantAuthority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	last int64
}

func newPlantAuthority(t *testing.T) *plantAuthority {
	t.Helper()
	a := &plantAuthority{t: t, dir: t.TempDir(), last: 1}
	var err error
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, about, about, a.key.Public(), a.key)
	must(t, err)
	a.cert, err = x509.ParseCertificate(raw)
	must(t, err)
	a.write("ca.pem", "CERTIFICATE", raw)
	return a
}

func (a *plantAuthority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *plantAuthority) write(name, kind string, raw []byte) {
	a.t.Helper()
	must(a.t, os.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600))
}

// issue makes a certificate with its key, NAME.pem and NAME.key.
func (a *plantAuthority) issue(name string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.t, err)
	a.last++
	about := &x509.Certificate{
		SerialNumber: big.NewInt(a.last), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, about, a.cert, key.Public(), a.key)
	must(a.t, err)
	a.write(name+".pem", "CERTIFICATE", raw)
	private, err := x509.MarshalECPrivateKey(key)
	must(a.t, err)
	a.write(name+".key", "EC PRIVATE KEY", private)
}

// user makes an nkey, NAME.nkey, with the permissions of docs/relay.md.
func (a *plantAuthority) user(name string, publish, subscribe []string) *server.NkeyUser {
	a.t.Helper()
	pair, err := nkeys.CreateUser()
	must(a.t, err)
	seed, err := pair.Seed()
	must(a.t, err)
	public, err := pair.PublicKey()
	must(a.t, err)
	must(a.t, os.WriteFile(a.path(name+".nkey"), append(seed, '\n'), 0o600))
	return &server.NkeyUser{Nkey: public, Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe},
	}}
}

// Everything is as docs/relay.md has it: certificates on both sides, an nkey and four lines of
// permission each. A station that is taken out of the engine records, and delivers when it is
// let in again.
func TestAStationThatIsTakenOutRecordsUntilItIsLetInAgain(t *testing.T) {
	t.Parallel()
	a := newPlantAuthority(t)
	var users []*server.NkeyUser
	for _, name := range []string{"dmz-1", "dmz-2"} {
		a.issue(name)
		users = append(users, a.user(name, []string{"sd.lead", "sd.answer.>", "$JS.API.>", "$KV.sd-lease.>"}, []string{"sd.do.>", "sd.inbox." + name + ".>", "sd.lead"}))
	}
	for _, name := range []string{"pack4-1", "pack4-2"} {
		a.issue(name)
		users = append(users, a.user(name, []string{"sd.do.*.*." + name + ".*"}, []string{"sd.lead", "sd.answer." + name + ".*"}))
	}
	a.issue("engine")
	own, err := tls.LoadX509KeyPair(a.path("engine.pem"), a.path("engine.key"))
	must(t, err)
	vouches := x509.NewCertPool()
	vouches.AddCert(a.cert)
	f := newFleet(t, fleetSetting{stations: 2, engine: func(o *server.Options) {
		o.Nkeys = users
		o.TLS, o.TLSVerify = true, true
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{own}, ClientCAs: vouches, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
	}, reached: func(name string, e *relaytest.Engine) string {
		return fmt.Sprintf("servers = [%q]\nkey = { file = %q }\nca = %q\ncertificate = %q\ncertificate_key = %q\n",
			strings.Replace(e.Table().Servers[0], "nats://", "tls://", 1), a.path(name+".nkey"), a.path("ca.pem"), a.path(name+".pem"), a.path(name+".key"))
	}})
	one, other := f.stations[0], f.stations[1]
	part := func(b *demo.Simulation, serial string) {
		t.Helper()
		scanAndWait(t, b, "PO4711")
		scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: serial}.Symbol())
	}
	traced := func(serial string) func() bool {
		return func() bool {
			for _, tr := range f.plant().Traces() {
				if tr.Serial == serial {
					return true
				}
			}
			return false
		}
	}
	must(t, one.Power(t.Context(), true))
	must(t, other.Power(t.Context(), true))
	part(one, "T1")
	must(t, demo.Until(t.Context(), "the first part is traced", traced("T1")))

	f.engine.Change(func(o *server.Options) { o.Nkeys = append(users[:2:2], users[3]) }) // without pack4-1
	part(other, "T2")
	must(t, demo.Until(t.Context(), "the other station's part is traced", traced("T2")))
	part(one, "T3")
	part(other, "T4")
	must(t, demo.Until(t.Context(), "the other station's next part is traced", traced("T4")))
	if traced("T3")() {
		t.Error("a station that was taken out has traced a part")
	}
	waiting, ok := one.Waiting(t.Context())
	if !ok || len(waiting) == 0 {
		t.Errorf("what it has recorded does not wait: %v", waiting)
	}
	f.engine.Change(func(o *server.Options) { o.Nkeys = users })
	must(t, demo.Until(t.Context(), "what it has recorded is traced", traced("T3")))
	must(t, one.WaitDelivered(t.Context()))
	if n := len(f.plant().Traces()); n != 4 {
		t.Errorf("%d parts are traced, want 4", n)
	}
}
