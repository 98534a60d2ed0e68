package printer

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// busConfig is a message bus for one test: the printer below announces itself on
// one, and does not start without.
const busConfig = `<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`

// TestCUPSPrinterPrintsAPickingList prints on the IPP printer of CUPS, which is
// what the printers of an office are certified against.
func TestCUPSPrinterPrintsAPickingList(t *testing.T) {
	t.Parallel()
	eve, err := exec.LookPath("ippeveprinter")
	if err != nil {
		t.Skip("that a printer which is not ours prints a picking list was NOT proved: ippeveprinter is missing (Debian: cups-ipp-utils)")
	}
	bus, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("that a printer which is not ours prints a picking list was NOT proved: ippeveprinter does not start without dbus-daemon (Debian: dbus-daemon)")
	}
	dir, err := os.MkdirTemp("", "ipp-") // not the test's own: its name is too long for a socket
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	spool := filepath.Join(dir, "spool")
	must(t, os.Mkdir(spool, 0o700))
	socket, config := filepath.Join(dir, "bus"), filepath.Join(dir, "bus.conf")
	must(t, os.WriteFile(config, fmt.Appendf(nil, busConfig, socket), 0o600))
	run(t, nil, bus, "--nofork", "--config-file="+config)
	wait(t, "the bus is there", func() bool { _, err := os.Stat(socket); return err == nil })

	port := freePort(t)
	run(t, []string{"DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + socket}, eve, "-r", "off", "-n", "localhost", "-p", port, "-d", spool, "-k", "-f", "application/pdf", "Office")
	p := Printer{Name: "office", URL: "ipp://localhost:" + port + "/ipp/print"}
	wait(t, "the printer is there", func() bool { return p.Ready(t.Context()) == nil })

	number, err := p.Print(t.Context(), Document{Name: "Picking list 4711", PDF: list()})
	if err != nil || number == 0 {
		t.Fatalf("number %d, %v", number, err)
	}
	received, err := filepath.Glob(filepath.Join(spool, "*.pdf"))
	must(t, err)
	if len(received) != 1 {
		t.Fatalf("the printer keeps %q", received)
	}
	got, err := os.ReadFile(received[0])
	must(t, err)
	if !bytes.Equal(got, list()) {
		t.Errorf("the printer got %d bytes, and %d were sent, or they differ", len(got), len(list()))
	}
}

// run starts a program for the time of the test.
func run(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var said bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), env...)
	c.Stdout, c.Stderr = &said, &said
	must(t, c.Start())
	t.Cleanup(func() {
		stop()
		_ = c.Wait() // it was killed
		if t.Failed() {
			t.Logf("%s: %s", filepath.Base(name), strings.TrimSpace(said.String()))
		}
	})
}

func wait(t *testing.T, what string, so func() bool) {
	t.Helper()
	end := time.After(20 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); !so(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	must(t, err)
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// selfSigned makes a certificate as a printer makes its own.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	mould := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, mould, mould, key.Public(), key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
