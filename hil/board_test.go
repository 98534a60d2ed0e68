//go:build hil

package hil_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stationd/hil"
)

// The rig proves itself here, without stationd: a probe runs in its place.
func TestTheEmulatedBoard(t *testing.T) {
	for _, arch := range []hil.Arch{hil.ARM64, hil.ARMv6} {
		t.Run(string(arch), func(t *testing.T) {
			t.Parallel()
			plant := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, "the plant has ", r.URL.Path)
			}))
			defer plant.Close()
			board := hil.Boot(t, hil.Setting{
				Arch:    arch,
				Program: hil.Compile(t, arch, "stationd/hil/probe"),
				Config:  "{plant}/order\n",
				Files:   map[string]string{"/etc/stationd/l2l.key": "secret"},
				Plant:   plant.Listener.Addr().String(),
				Clock:   time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC),
			})
			// One boot serves all the sentences, in this order: it is what costs.
			for _, s := range []struct {
				sentence string
				proof    func(*testing.T, *hil.Board)
			}{
				{"the chip has the label that the rig promises", labelled},
				{"a lamp is lit while the button is pressed, and dark otherwise", echoed},
				{"every edge of a quick sequence is seen in order", ordered},
				{"a slow blink, a quick blink and a steady light are told apart", patterns},
				{"what is scanned arrives, also after the scanner was pulled out and put back", scanned},
				{"a scanner that types is read as a keyboard, and can be pulled out", typed},
				{"the plant is reached through the network while it is up, and only then", networked},
				{"the clock is wrong and untrusted until a time server is reached", clocked},
				{"a program that dies is started again, and one that is stopped is not", restarted},
				{"after a power cut the card holds what was synced and not what was not", cut},
			} {
				t.Run(s.sentence, func(t *testing.T) { s.proof(t, board.For(t)) })
				if t.Failed() {
					return
				}
			}
		})
	}
}

func labelled(t *testing.T, board *hil.Board) {
	board.Says("probe: chip "+hil.Chip+", kept 0 scans", 30*time.Second)
	board.Says("probe: watching", 10*time.Second)
	if got := board.Exec("cat /etc/stationd/l2l.key"); got != "secret" {
		t.Errorf("the key file holds %q", got)
	}
}

func echoed(t *testing.T, board *hil.Board) {
	board.Lamp(22).Is(hil.Dark, 10*time.Second)
	pressed := time.Now()
	board.Press(17)
	lit := board.Lamp(22).Lights(pressed, 10*time.Second)
	t.Logf("from the contact to the lamp: %v", lit.Sub(pressed).Round(time.Microsecond))
	board.Lamp(22).Is(hil.Steady, 10*time.Second)
	board.Release(17)
	board.Lamp(22).Is(hil.Dark, 10*time.Second)
}

func ordered(t *testing.T, board *hil.Board) {
	before := len(board.Lamp(22).Edges())
	const presses = 20
	for range presses {
		board.Push(17, 30*time.Millisecond)
		<-time.After(30 * time.Millisecond)
	}
	board.Lamp(22).Is(hil.Dark, 10*time.Second)
	edges := board.Lamp(22).Edges()[before:]
	if len(edges) != 2*presses {
		t.Errorf("%d presses and releases gave %d edges", presses, len(edges))
	}
	for i, e := range edges {
		if e.High != (i%2 == 0) {
			t.Fatalf("edge %d is out of order: %v", i, edges)
		}
	}
}

func patterns(t *testing.T, board *hil.Board) {
	board.Lamp(23).Is(hil.Slow, 15*time.Second)
	board.Lamp(24).Is(hil.Quick, 15*time.Second)
	board.Lamp(25).Is(hil.Steady, 15*time.Second)
	board.Lamp(25).Stays(hil.Steady, time.Second)
}

func scanned(t *testing.T, board *hil.Board) {
	board.Plug()
	board.SaysTimes("probe: scanner plugged in", 1, 20*time.Second)
	board.Scan("PO4711\n")
	board.Says(`probe: scanned "PO4711"`, 20*time.Second)
	board.Unplug()
	board.Says("probe: scanner gone", 20*time.Second)
	board.Plug()
	board.SaysTimes("probe: scanner plugged in", 2, 20*time.Second)
	board.Scan("PC-BLUE\n")
	board.Says(`probe: scanned "PC-BLUE"`, 20*time.Second)
}

func typed(t *testing.T, board *hil.Board) {
	board.PlugKeyboard()
	// One input_event of a 64-bit kernel is 24 bytes, of a 32-bit kernel 16: a key
	// gives six of them (scan code, key, end; down and up) and shift four more.
	board.Exec("cat /dev/input/event0 >/tmp/events 2>/dev/null & sleep 1")
	board.Type("Po-4711\n")
	events := board.Exec("sleep 1; hexdump -v -e '1/1 \"%02x\"' /tmp/events")
	for _, key := range []struct{ name, code string }{
		{"shift", "01002a0001000000"}, {"P", "0100190001000000"}, {"o", "0100180001000000"}, {"-", "01000c0001000000"},
		{"4", "0100050001000000"}, {"7", "0100080001000000"}, {"1", "0100020001000000"}, {"enter", "01001c0001000000"},
	} {
		if !strings.Contains(events, key.code) {
			t.Errorf("the guest saw no key %s: %s", key.name, events)
		}
	}
	board.UnplugKeyboard()
}

func networked(t *testing.T, board *hil.Board) {
	const answer = "probe: answered 200 the plant has /order"
	board.Scan("get\n")
	board.Says(answer, 20*time.Second)
	board.Network(false)
	board.Scan("get\n")
	board.Says("probe: no answer: ", 20*time.Second)
	board.Says("connection refused", time.Second)
	board.Network(true)
	board.Scan("get\n")
	board.SaysTimes(answer, 2, 20*time.Second)
	board.Cable(false)
	board.Scan("get\n")
	board.SaysTimes("probe: no answer: ", 2, 30*time.Second)
	board.Cable(true)
	board.Scan("get\n")
	board.SaysTimes(answer, 3, 30*time.Second)
}

func clocked(t *testing.T, board *hil.Board) {
	if got := board.Exec("date -u +%Y-%m-%d"); got != "2024-02-29\n" {
		t.Errorf("the board's clock says %q", got)
	}
	if got := board.Exec("adjtimex"); !strings.Contains(got, "UNSYNC") {
		t.Errorf("the kernel calls the clock synchronised before it was: %s", got)
	}
	board.TrustClock()
	if got, want := board.Exec("date -u +%Y-%m-%d"), time.Now().UTC().Format(time.DateOnly)+"\n"; got != want {
		t.Errorf("the board's clock says %q and not %q", got, want)
	}
	if got := board.Exec("sleep 2; adjtimex"); strings.Contains(got, "UNSYNC") {
		t.Errorf("the kernel calls the clock unsynchronised after it was set: %s", got)
	}
}

func restarted(t *testing.T, board *hil.Board) {
	board.Exec("killall -9 stationd")
	board.Says("hil: program ended: signal: killed", 10*time.Second)
	board.SaysTimes("probe: watching", 2, 20*time.Second)
	if how := board.Stop(); how != "signal: terminated" {
		t.Errorf("stopping the probe ended it with %q", how)
	}
	if how := board.Stop(); how != "not running" {
		t.Errorf("stopping it again answered %q", how)
	}
	board.Start()
	board.SaysTimes("probe: watching", 3, 20*time.Second)
	board.SaysTimes("probe: scanner plugged in", 3, 20*time.Second)
}

func cut(t *testing.T, board *hil.Board) {
	const last = "LAST"
	// The kernel writes on its own every five seconds; here only a sync does.
	board.Exec("echo 0 >/proc/sys/vm/dirty_writeback_centisecs")
	kept := strings.Count(board.Exec("cat /var/lib/stationd/synced"), "\n")
	board.Scan(last + "\n")
	board.Says(`probe: scanned "LAST"`, 20*time.Second)
	board.PowerCut()
	for _, line := range hil.Lamps() {
		if edges := board.Lamp(line).Edges(); edges[len(edges)-1].High {
			t.Errorf("lamp GPIO%d is lit without power", line)
		}
	}
	board.PowerOn()
	board.Says(fmt.Sprintf("kept %d scans", kept+1), 30*time.Second)
	if got := board.Exec("tail -n 1 /var/lib/stationd/synced"); got != last+"\n" {
		t.Errorf("the last synced line is %q", got)
	}
	if got := board.Exec("cat /var/lib/stationd/unsynced"); strings.Contains(got, last) {
		t.Errorf("the cut lost nothing: what was never synced is there: %q", got)
	}
	if got := board.Exec("date -u +%Y"); got != "2024\n" {
		t.Errorf("after the cut the clock says %q: the board has no battery", got)
	}
}
