//go:build hil

package hil_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stationd/hil"
	"stationd/internal/plant"
)

// withReaders is the configuration of a station with a reader on a serial line
// and one that types.
const withReaders = `
[station]
name     = "pack4-1"
timezone = "Europe/Stockholm"
data     = "/var/lib/stationd"

[lagerkoll]
url   = "{plant}/v1/production_orders/"
store = "1001"
key   = { file = "/etc/stationd/lagerkoll.key" }

[[scanner]]
name = "hand"
port = "usb:0403:6001"
beep_recorded = '\x1b[6q'

[[scanner]]
name   = "typing"
port   = "hid:0627:0001"
layout = "us"

[[on]]
event = "hand.scan"
match = '^PO(?P<order>\d+)$'
set   = { order = "{order}" }

[[on]]
event = "hand.scan"
gs1   = ["01", "10"]
needs = ["order"]
do    = [{ lagerkoll = "article.trace", order = "{order}", article = "{gs1.01}", batch = "{gs1.10}", serial = "{gs1.21?}" }]

[[on]]
event = "typing.scan"
gs1   = ["01", "10"]
needs = ["order"]
do    = [{ lagerkoll = "article.trace", order = "{order}", article = "{gs1.01}", batch = "{gs1.10}", serial = "{gs1.21?}" }]
`

// TestScanners is both kinds of readers through the kernel's own drivers. The
// network is down all the while, so that everything that was scanned is to be seen
// in the outbox.
func TestScanners(t *testing.T) {
	for _, arch := range []hil.Arch{hil.ARM64, hil.ARMv6} {
		t.Run(string(arch), func(t *testing.T) {
			vendors := openPlant(t)
			board := hil.Boot(t, hil.Setting{
				Arch:   arch,
				Config: withReaders,
				Plant:  vendors.Addr(),
				Files: map[string]string{
					"/etc/stationd/lagerkoll.key": plant.Demo().APIKey,
					ownTests:                      compiledTests(t, arch),
				},
			})
			board.Network(false)
			board.Says("the station is ready", time.Minute)
			seen := &readings{t: t, board: board, opened: make(map[string]int)}
			for _, s := range []struct {
				sentence string
				proof    func(*readings)
			}{
				{"500 scans back to back through ftdi_sio: none is lost, none is merged, all are in order", backToBack},
				{"a reader that is pulled out and put back five times is read each time", pluggedFiveTimes},
				{"a scan that was sent before the port was open is dropped, and not echoed to the reader, which then beeps for the next", early},
				{"a reader that types is read: every character of ISO 646, and GS by Ctrl+]", typedScans},
				{"what it types reaches nobody else", grabbed},
				{"a reader that types and is pulled out and put back five times is read each time", typedFiveTimes},
				{"a scan of which the kernel lost keys is dropped and said, and the next is whole", keysLost},
			} {
				t.Run(s.sentence, func(t *testing.T) {
					seen.t, seen.board = t, board.For(t)
					s.proof(seen)
				})
			}
			t.Run("the kernel's own keyboards are read, grabbed and missed", func(t *testing.T) {
				said := board.For(t).Exec("cp " + ownTests + " /run/tests && chmod +x /run/tests && /run/tests -test.v -test.run AKeyboardOfTheKernels 2>&1 || true")
				if !strings.Contains(said, "--- PASS: TestAKeyboardOfTheKernels") {
					t.Error(said)
				}
			})
		})
	}
}

// ownTests is where the board has the tests of the package scanner: some need a
// kernel that can make keyboards.
const ownTests = "/root/scanner.test"

// compiledTests returns them, compiled for the board.
func compiledTests(t *testing.T, arch hil.Arch) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scanner.test")
	cmd := exec.Command("go", "test", "-c", "-trimpath", "-ldflags=-s -w", "-o", path, "stationd/internal/scanner")
	cmd.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0", "GOFLAGS=", "GOARCH=arm64")
	if arch == hil.ARMv6 {
		cmd.Env = append(cmd.Env, "GOARCH=arm", "GOARM=6")
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the tests of scanner: %v: %s", err, said)
	}
	tests, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(tests)
}

// readings is what the station has in its outbox, as far as a test has looked.
type readings struct {
	t       *testing.T
	board   *hil.Board
	serials []string       // of the traces that are to wait, in order
	kept    []string       // the codes of the scans that nobody knows
	opened  map[string]int // times that a reader's port was, by reader
}

// contents is what `stationd outbox ls --json --all` prints, as far as it matters here.
type contents struct {
	Entries []struct {
		With struct {
			Serial string `json:"serial"`
		} `json:"with"`
	} `json:"entries"`
	Kept []struct {
		Code string `json:"code"`
	} `json:"kept"`
}

func (r *readings) contents() (serials, kept []string) {
	r.t.Helper()
	var c contents
	if text := r.board.Exec("stationd outbox ls --json --all"); json.Unmarshal([]byte(text), &c) != nil {
		r.t.Fatalf("outbox ls says %q", text)
	}
	for _, e := range c.Entries {
		serials = append(serials, e.With.Serial)
	}
	for _, k := range c.Kept {
		kept = append(kept, k.Code)
	}
	return serials, kept
}

// arrive waits until the outbox holds all that was scanned so far, and nothing
// else.
func (r *readings) arrive() {
	r.t.Helper()
	all := fmt.Sprintf("stationd_outbox_waiting %d\nstationd_outbox_kept %d\n", len(r.serials), len(r.kept))
	until(r.t, 3*time.Minute, "every scan is recorded", func() bool {
		<-time.After(time.Second) // an emulated board has other things to do than to be asked
		return r.board.Exec("wget -qO- http://127.0.0.1:8420/metrics | grep -E '^stationd_outbox_(waiting|kept) ' | sort -r") == all
	})
	serials, kept := r.contents()
	if !slices.Equal(serials, r.serials) {
		r.t.Errorf("the outbox has the serials\n%q, want\n%q", serials, r.serials)
	}
	if !slices.Equal(kept, r.kept) {
		r.t.Errorf("kept are\n%q, want\n%q", kept, r.kept)
	}
}

// ready waits until a reader that was plugged in is ready. After the first time its number tells:
// the log counts what it has said five times within a minute, and writes it no more.
func (r *readings) ready(reader string) {
	r.t.Helper()
	number, want := "stationd_device_well", 1
	if again := r.opened[reader]; again > 0 {
		number, want = "stationd_device_reopenings_total", again
	}
	r.opened[reader]++
	name := fmt.Sprintf("%s{device=%q}", number, reader)
	until(r.t, time.Minute, "the reader "+reader+" is ready", func() bool {
		return metric(r.t, r.board, name) >= want
	})
}

// trace makes the next symbol, and remembers that it is to arrive.
func (r *readings) trace() string {
	serial := fmt.Sprintf("S%04d", len(r.serials)+1)
	r.serials = append(r.serials, serial)
	return strings.TrimSuffix(symbol("B7", serial), "\r")
}

func backToBack(r *readings) {
	r.board.Plug()
	r.ready("hand")
	var wire strings.Builder
	wire.WriteString("PO4711\r")
	for range 500 {
		wire.WriteString(r.trace() + "\r")
	}
	began := time.Now()
	r.board.Scan(wire.String())
	r.arrive()
	for i := range 501 { // the order's label among them
		if before := r.board.ScannerReceives(beep, 10*time.Second); before != "" {
			r.t.Errorf("before beep %d the reader heard %q", i+1, before)
		}
	}
	r.t.Logf("500 scans of %d bytes were on the card after %v", wire.Len()/500, time.Since(began).Round(time.Second))
}

func pluggedFiveTimes(r *readings) {
	for range 5 {
		r.board.Unplug()
		r.board.Plug()
		r.ready("hand")
		r.board.Scan(r.trace() + "\r")
		r.board.Scan(r.trace() + "\r")
		r.arrive()
	}
}

// beep is what makes the reader beep: ESC [ 6 q.
const beep = "\x1b[6q"

func early(r *readings) {
	r.board.Unplug()
	r.board.Plug()
	r.board.Scan("EARLY\r")
	r.ready("hand")
	r.board.Scan(r.trace() + "\r")
	r.arrive()
	if before := r.board.ScannerReceives(beep, 30*time.Second); before != "" {
		r.t.Errorf("before the beep the reader heard %q", before)
	}
}

func typedScans(r *readings) {
	r.board.PlugKeyboard()
	r.ready("typing")
	var all strings.Builder
	all.WriteString("! ") // a blank at either end is taken off
	for c := '"'; c <= '~'; c++ {
		all.WriteRune(c)
	}
	r.kept = append(r.kept, all.String())
	r.board.Type(all.String() + "\n")
	r.board.Type(r.trace() + "\n")
	r.arrive()
}

func grabbed(r *readings) {
	const others = `ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c ' /dev/input/event' || true`
	before := r.board.Exec(others)
	r.board.Exec("for e in /dev/input/event*; do cat $e >>/tmp/typed 2>/dev/null & done")
	for end := time.Now().Add(20 * time.Second); r.board.Exec(others) == before; <-time.After(100 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatal("nobody else reads what is typed, so nothing is proved")
		}
	}
	r.kept = append(r.kept, "rm -rf")
	r.board.Type("rm -rf\n")
	r.arrive()
	if size := strings.TrimSpace(r.board.Exec("killall cat; wc -c </tmp/typed")); size != "0" {
		r.t.Errorf("another program read %s bytes of it", size)
	}
}

func typedFiveTimes(r *readings) {
	for range 5 {
		r.board.UnplugKeyboard()
		r.board.PlugKeyboard()
		r.ready("typing")
		r.board.Type(r.trace() + "\n")
		r.arrive()
	}
}

func keysLost(r *readings) {
	// The kernel keeps 64 events for a reader, and a key pressed and released is six.
	r.board.Exec("killall -STOP stationd")
	r.board.Type("THIS IS NOT READ IN TIME\n")
	r.board.Exec("killall -CONT stationd")
	r.board.Says("scan dropped, scan it again", 30*time.Second)
	<-time.After(time.Second) // the next label is not scanned at once
	r.board.Type(r.trace() + "\n")
	r.arrive()
}
