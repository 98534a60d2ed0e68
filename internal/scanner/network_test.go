package scanner

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestTheAddressOfAReaderOfTheNetwork(t *testing.T) {
	t.Parallel()
	for port, want := range map[string]string{
		"tcp:192.0.2.5:9004":         "192.0.2.5:9004",
		"tcp://192.0.2.5:9004":       "192.0.2.5:9004",
		"tcp:[2001:db8::5]:9004":     "[2001:db8::5]:9004",
		"tcp:reader.example:9004":    "reader.example:9004",
		"tcp-listen:9004":            ":9004",
		"tcp-listen:127.0.0.1:9004":  "127.0.0.1:9004",
		"tcp:192.0.2.5":              "",
		"tcp::9004":                  "",
		"tcp:192.0.2.5:90044":        "",
		"tcp:192.0.2.5:":             "",
		"tcp-listen:":                "",
		"tcp-listen:reader:of:paper": "",
	} {
		if got, err := parseNetwork(port); got != want || (err == nil) != (want != "") {
			t.Errorf("%s is %q, %v, want %q", port, got, err, want)
		}
	}
}

// send sends what a scanner of the network would.
func send(t *testing.T, line net.Conn, wire string) {
	t.Helper()
	if _, err := io.WriteString(line, wire); err != nil {
		t.Fatal(err)
	}
}

func hears(t *testing.T, line net.Conn, want string) {
	t.Helper()
	if err := line.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if n, err := io.ReadFull(line, got); err != nil || string(got) != want {
		t.Fatalf("the reader heard %q, want %q: %v", got[:n], want, err)
	}
}

func TestAReaderThatIsConnectedToIsReadAgainAfterItWasSwitchedOff(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := prepare(t, Config{Port: "tcp:" + l.Addr().String(), BeepRecorded: "!"})
	b.start(t)
	line, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	b.waitForLog(t, "scanner ready")
	send(t, line, "]C0PO4711\rPO47")
	hears(t, line, "!")
	b.expectScans(t, "PO4711")
	line.Close()
	b.waitForLog(t, "scanner not ready")
	if fault := b.Faults()["hand"]; !strings.Contains(fault, "has hung up") {
		t.Errorf("it tells %q", fault)
	}
	if line, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	b.waitForLog(t, "scanner ready")
	send(t, line, "PO4712\r")
	b.expectScans(t, "PO4712")
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 2, Partials: 1, Reopenings: 1})
}

// freePort is a port of this machine that nobody listens at.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestAReaderThatConnectsMayDoSoForEachScanAndAnew(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	b := prepare(t, Config{Port: "tcp-listen:" + address})
	b.start(t)
	b.waitForLog(t, "scanner not ready")
	if fault := b.Faults()["hand"]; !strings.Contains(fault, "nobody has connected to "+address) {
		t.Errorf("it tells %q", fault)
	}
	connect := func() net.Conn {
		t.Helper()
		line, err := net.DialTimeout("tcp", address, limit)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { line.Close() })
		return line
	}
	one := connect()
	send(t, one, "PO1\rPO")
	b.waitForLog(t, "scanner ready")
	b.expectScans(t, "PO1")
	// It was switched off and on, and has forgotten its connection.
	two := connect()
	send(t, two, "PO2\r")
	b.expectScans(t, "PO2")
	two.Close()
	b.waitForLog(t, "scanner not ready")
	send(t, connect(), "PO3\r")
	b.expectScans(t, "PO3")
	b.waitForLog(t, "scanner ready")
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 3, Partials: 1, Reopenings: 1})
}
