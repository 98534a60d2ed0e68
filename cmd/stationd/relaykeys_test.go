package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"stationd/internal/demo"
	stations "stationd/internal/fleet"
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

	for _, args := range []string{"l2l dispatch.open type=MAINT machine=SEAL-1 trade=MECH description=Help", "lagerkoll article.update order=4711 article=09506000134352 finished=3"} {
		must(t, demo.Until(t.Context(), args+" --dry-run is shown, and what the relay would send passes on the wire", func() bool {
			_, code := runCommand(t, b, append(strings.Fields(args), "--dry-run")...)
			return code == 0
		}))
	}

	var wire []byte
	for _, w := range ways {
		wire = append(wire, w.text()...)
	}
	if !bytes.Contains(wire, []byte("CANARY1")) || !bytes.Contains(wire, []byte("/dispatches/open/")) {
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

// issue makes a certificate with its key, NAME.pem and NAME.key, for this computer and for
// addresses.
func (a *plantAuthority) issue(name string, addresses ...string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.t, err)
	a.last++
	about := &x509.Certificate{
		SerialNumber: big.NewInt(a.last), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, address := range addresses {
		about.IPAddresses = append(about.IPAddresses, net.ParseIP(address))
	}
	raw, err := x509.CreateCertificate(rand.Reader, about, a.cert, key.Public(), a.key)
	must(a.t, err)
	a.write(name+".pem", "CERTIFICATE", raw)
	private, err := x509.MarshalECPrivateKey(key)
	must(a.t, err)
	a.write(name+".key", "EC PRIVATE KEY", private)
}

// documented is a plant as docs/relay.md and the examples of the packages have it, to the letter
// but for addresses, files and times: certificates on both sides, an nkey and the permissions of
// each.
type documented struct {
	*fleet
	*plantAuthority
	users map[string]*server.NkeyUser
}

// replaced is a text with others in the place of those that it must have.
func replaced(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("there is no %q in\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// example is an example of the packages.
func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", name))
	must(t, err)
	return string(text)
}

func newDocumented(t *testing.T) *documented {
	t.Helper()
	d := &documented{plantAuthority: newPlantAuthority(t), users: make(map[string]*server.NkeyUser)}
	for name, like := range map[string]string{
		"dmz-1": relaytest.RelayOfDocument, "dmz-2": relaytest.RelayOfDocument, "anna": relaytest.PersonOfDocument,
		"pack4-1": relaytest.StationOfDocument, "pack4-2": relaytest.StationOfDocument,
	} {
		d.issue(name)
		user, seed := relaytest.User(t, like, name)
		d.users[name] = user
		must(t, os.WriteFile(d.path(name+".nkey"), []byte(seed+"\n"), 0o600))
	}
	d.issue("engine")
	// The document has one user of each kind, which are these; the others are like them.
	parsed := relaytest.DocumentedEngine(t, []string{d.users["dmz-1"].Nkey, d.users["pack4-1"].Nkey, d.users["anna"].Nkey}, d.path("engine.pem"), d.path("engine.key"), d.path("ca.pem"))
	for _, u := range parsed.Nkeys {
		for _, own := range d.users {
			if own.Nkey == u.Nkey {
				*own = *u
			}
		}
	}
	servers := func(e *relaytest.Engine) string { return strings.Replace(e.Table().Servers[0], "nats://", "tls://", 1) }
	three := `"tls://engine-1:4222", "tls://engine-2:4222", "tls://engine-3:4222"`
	d.fleet = newFleet(t, fleetSetting{stations: 2, engine: func(o *server.Options) {
		parsed.Host, parsed.Port, parsed.NoLog, parsed.NoSigs = o.Host, o.Port, o.NoLog, o.NoSigs
		*o = *parsed
		o.Nkeys = d.everybody()
	}, reached: func(name string, e *relaytest.Engine) string {
		table, _, _ := strings.Cut(relaytest.Block(t, "pack4-1.pem"), "[l2l]")
		return replaced(t, table, "[relay]\n", "", `"tls://engine-1:4222", "tls://engine-2:4222"`, fmt.Sprintf("%q", servers(e)), `{ credential = "relay.nkey" }`, fmt.Sprintf("{ file = %q }", d.path(name+".nkey")),
			"/etc/stationd/plant-ca.pem", d.path("ca.pem"), "/etc/stationd/pack4-1.pem", d.path(name+".pem"), "/etc/stationd/pack4-1.key", d.path(name+".key"))
	}, relay: func(name string, e *relaytest.Engine, l2l, lagerkoll string) (text, credentials string) {
		credentials = t.TempDir()
		seed, err := os.ReadFile(d.path(name + ".nkey"))
		must(t, err)
		for file, key := range map[string]string{"relay.nkey": string(seed), "l2l.key": plant.Demo().L2LKey, "lagerkoll.key": plant.Demo().APIKey} {
			must(t, os.WriteFile(filepath.Join(credentials, file), []byte(key+"\n"), 0o600))
		}
		return replaced(t, example(t, "relay.example.toml"), `"dmz-1"`, fmt.Sprintf("%q", name), three, fmt.Sprintf("%q", servers(e)), "/etc/stationd/plant-ca.pem", d.path("ca.pem"),
			`#certificate = ""`, fmt.Sprintf("certificate = %q", d.path(name+".pem")), `#certificate_key = ""`, fmt.Sprintf("certificate_key = %q", d.path(name+".key")),
			"replicas = 3", "replicas = 1", `"6s"`, `"2s"`, "https://acme.leading2lean.com/api/1.0/", l2l, "https://capi.lagerkoll.com/v1/production_orders/", lagerkoll,
			"127.0.0.1:8422", "127.0.0.1:0"), credentials
	}})
	return d
}

// everybody is every user of the engine but those that are named.
func (d *documented) everybody(without ...string) (all []*server.NkeyUser) {
	for name, u := range d.users {
		if !slices.Contains(without, name) {
			all = append(all, u)
		}
	}
	return all
}

// person is whoever sees to the plant, with the example of their configuration.
func (d *documented) person(t *testing.T) person {
	t.Helper()
	p := person{t, filepath.Join(t.TempDir(), "fleet.toml")}
	must(t, os.WriteFile(p.config, []byte(replaced(t, example(t, "fleet.example.toml"),
		`"tls://engine-1:4222", "tls://engine-2:4222", "tls://engine-3:4222"`, fmt.Sprintf("%q", strings.Replace(d.engine.Table().Servers[0], "nats://", "tls://", 1)),
		"/home/anna/fleet.nkey", d.path("anna.nkey"), "/etc/stationd/plant-ca.pem", d.path("ca.pem"),
		`#certificate = ""`, fmt.Sprintf("certificate = %q", d.path("anna.pem")), `#certificate_key = ""`, fmt.Sprintf("certificate_key = %q", d.path("anna.key")))), 0o600))
	return p
}

// at is one of them at the engine, by a program of their own.
func (d *documented) at(t *testing.T, name string) *nats.Conn {
	t.Helper()
	key, err := nats.NkeyOptionFromSeed(d.path(name + ".nkey"))
	must(t, err)
	conn, err := nats.Connect(strings.Replace(d.engine.Table().Servers[0], "nats://", "tls://", 1), key, nats.RootCAs(d.path("ca.pem")),
		nats.ClientCert(d.path(name+".pem"), d.path(name+".key")), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	must(t, err)
	t.Cleanup(conn.Close)
	return conn
}

// The engine's configuration of docs/relay.md and the examples of the packages make a plant in
// which a station does its work and a person sees to all of them, and nobody is more than they
// are.
func TestThePlantOfTheDocument(t *testing.T) {
	t.Parallel()
	d := newDocumented(t)
	one := d.stations[0]
	for _, b := range d.stations {
		must(t, b.Power(t.Context(), true))
		scanAndWait(t, b, "PO4711")
	}
	traced := func(serial string) func() bool {
		return func() bool {
			return slices.ContainsFunc(d.plant().Traces(), func(tr plant.Trace) bool { return tr.Serial == serial })
		}
	}
	scanAndWait(t, one, demo.Part{Article: demo.Soup, Batch: "B7", Serial: "D1"}.Symbol())
	must(t, demo.Until(t.Context(), "a station's part is traced", traced("D1")))
	pressAndWait(t, one, "material.press", demo.PinMaterial)
	must(t, demo.Until(t.Context(), "its call is open", func() bool { return len(d.plant().Dispatches()) == 1 }))
	pressAndWait(t, one, "material.press", demo.PinMaterial)
	must(t, demo.Until(t.Context(), "its call is closed", func() bool { return !d.plant().Dispatches()[0].Open() }))
	must(t, demo.Until(t.Context(), "the other, which has no call, sees what its line runs", func() bool {
		text, err := os.ReadFile(d.relays[0].log.Name())
		must(t, err)
		other, err := os.ReadFile(d.relays[1].log.Name())
		must(t, err)
		return regexp.MustCompile(`"station":"pack4-2","backend":"l2l","do":"fetch"[^\n]*"outcome":"delivered"`).Match(append(text, other...))
	}))

	anna := d.person(t)
	anna.waitSeen("both are seen, and answer", func(all map[string]stations.Seen) bool {
		return len(all) == 2 && all["pack4-1"].Live && all["pack4-2"].Live
	})
	d.plant().AddFault(plant.Fault{Kind: plant.Refusal, Where: "PUT *", Next: 1, Text: "the order is on hold"})
	must(t, one.Scan(demo.Part{Article: demo.Soup, Batch: "B7", Serial: "D2"}.Symbol()))
	held := waitHeld(t, one, "article.trace", "on hold")
	for _, c := range []struct {
		want string
		args []string
	}{
		{held.ID.Short(), []string{"held"}},
		{"pack4-1", []string{"show", "pack4-1"}},
		{"delivered", []string{"retry", "pack4-1", held.ID.Short(), "--wait"}},
		{"the relays refuse it", []string{"revoke", "pack4-2", "--yes"}},
		{"the relays refuse it: anna", []string{"ls"}},
		{"let it deliver again", []string{"revoke", "pack4-2", "--undo"}},
	} {
		if out := anna.says(0, c.args...); !strings.Contains(out, c.want) {
			t.Errorf("fleet %s does not say %q:\n%s", strings.Join(c.args, " "), c.want, out)
		}
	}
	var found said
	command(t.Context(), []string{"fleet", "doctor", "pack4-1", "--json", "--config", anna.config}, strings.NewReader(""), &found, &found)
	if !strings.Contains(found.String(), `"l2l relay"`) {
		t.Errorf("fleet doctor finds:\n%s", &found)
	}
	page := read(t, d.relays[0].page(t))
	if !strings.Contains(page, ">pack4-1<") {
		t.Errorf("the relay's page does not show a station:\n%s", page)
	}

	forbidden := func(who, what, subject string, do func(conn *nats.Conn) error) {
		t.Helper()
		conn := d.at(t, who)
		must(t, do(conn))
		must(t, conn.Flush())
		if err := conn.LastError(); !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), `"`+subject+`"`) {
			t.Errorf("%s may %s %s: %v", who, what, subject, err)
		}
	}
	for who, subjects := range map[string][]string{
		"pack4-2": {
			"sd.do.x.l2l.pack4-1.x", "sd.lead", "sd.answer.pack4-1.x", "sd.answer.pack4-2.x", "sd.told.anna.pack4-1.x", "sd.done.anna.x", "sd.decide.pack4-1.pack4-2.x", "sd.see.pack4-1.anna.x", "sd.revoke.pack4-2.x",
			"$KV.sd-lease.lead", "$KV.sd-revoked.stations", "$KV.sd-status.pack4-1", "$JS.API.STREAM.PURGE.KV_sd-lease", "$JS.API.STREAM.DELETE.KV_sd-lease", "$JS.API.STREAM.INFO.KV_sd-status",
		},
		"anna": {
			"sd.do.x.l2l.anna.x", "sd.lead", "sd.answer.pack4-1.x", "sd.told.anna.pack4-1.x", "sd.see.pack4-1.bo.x", "sd.decide.pack4-1.bo.x", "sd.revoke.bo.x",
			"$KV.sd-lease.lead", "$KV.sd-revoked.stations", "$KV.sd-status.pack4-1", "$JS.API.STREAM.PURGE.KV_sd-lease", "$JS.API.STREAM.DELETE.KV_sd-revoked", "$JS.API.STREAM.UPDATE.KV_sd-lease",
		},
		"dmz-1": {"sd.do.x.l2l.pack4-1.x", "sd.see.pack4-1.dmz-1.x", "sd.decide.pack4-1.dmz-1.x", "sd.told.anna.pack4-1.x"},
	} {
		for _, subject := range subjects {
			forbidden(who, "publish", subject, func(conn *nats.Conn) error { return conn.Publish(subject, []byte("{}")) })
		}
	}
	for who, subjects := range map[string][]string{
		"pack4-2": {"sd.answer.pack4-1.>", "sd.answer.>", "sd.do.>", "sd.see.pack4-1.>", "sd.decide.pack4-1.>", "sd.told.>", "sd.inbox.dmz-1.>", "sd.inbox.anna.>", "$KV.>", "$JS.>", ">"},
		"anna":    {"sd.answer.>", "sd.do.>", "sd.see.>", "sd.told.bo.>", "sd.inbox.dmz-1.>", "$KV.>", ">"},
		"dmz-1":   {"sd.answer.>", "sd.told.>", "sd.decide.>", "sd.inbox.dmz-2.>", ">"},
	} {
		for _, subject := range subjects {
			forbidden(who, "hear", subject, func(conn *nats.Conn) error { _, err := conn.SubscribeSync(subject); return err })
		}
	}
	scanAndWait(t, one, demo.Part{Article: demo.Soup, Batch: "B7", Serial: "D3"}.Symbol())
	must(t, demo.Until(t.Context(), "after all that a part is traced", traced("D3")))
}

// A station that is taken out of the engine records, and delivers when it is let in again.
func TestAStationThatIsTakenOutRecordsUntilItIsLetInAgain(t *testing.T) {
	t.Parallel()
	d := newDocumented(t)
	f := d.fleet
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

	f.engine.Change(func(o *server.Options) { o.Nkeys = d.everybody("pack4-1") })
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
	f.engine.Change(func(o *server.Options) { o.Nkeys = d.everybody() })
	must(t, demo.Until(t.Context(), "what it has recorded is traced", traced("T3")))
	must(t, one.WaitDelivered(t.Context()))
	if n := len(f.plant().Traces()); n != 4 {
		t.Errorf("%d parts are traced, want 4", n)
	}
}
