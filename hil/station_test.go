//go:build hil

package hil_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"stationd/hil"
	"stationd/internal/plant"
)

// onBoard is the configuration of the stations below. The settle time is the
// least that a real vendor's address allows.
const onBoard = `
[station]
name     = "pack4-1"
timezone = "Europe/Stockholm"
data     = "/var/lib/stationd"

[l2l]
url     = "{plant}/api/1.0/"
key     = { file = "/etc/stationd/l2l.key" }
site    = 12
line    = "PACK4"
machine = "SEAL-1"
trade   = "MECH"
settle  = "60s"

[lagerkoll]
url    = "{plant}/v1/production_orders/"
store  = "1001"
key    = { file = "/etc/stationd/lagerkoll.key" }
rate   = "180/min"
settle  = "60s"

[gpio]
chip = "9030000.pl061"

[[button]]
name = "maintenance"
pin  = 17
lamp = "red"

[[button]]
name = "material"
pin  = 27
lamp = "yellow"

[[lamp]]
name = "red"
pin  = 22

[[lamp]]
name = "yellow"
pin  = 23

[[lamp]]
name = "white"
pin  = 24

[[scanner]]
name = "hand"
port = "usb:0403:6001"
lamp = "white"

[[on]]
event = "maintenance.press"
do    = [{ l2l = "dispatch.open", type = "MAINT", description = "Help needed at {station}" }]

[[on]]
event = "maintenance.hold"
do    = [{ l2l = "dispatch.close" }]

[[on]]
event = "material.press"
do    = [{ l2l = "dispatch.open", type = "MATERIAL", description = "Material is short" }]

[[on]]
event = "hand.scan"
match = '^PO(?P<order>\d+)$'
set   = { order = "{order}" }

[[on]]
event = "hand.scan"
gs1   = ["01", "10"]
needs = ["order"]
do    = [{ lagerkoll = "article.trace", order = "{order}", article = "{gs1.01}", batch = "{gs1.10}", serial = "{gs1.21?}", best_before = "{gs1.15?}", amount = "{gs1.30|1}" }]
`

const (
	red    = 22
	yellow = 23

	maintenance = 17
	material    = 27

	soup = "09506000134352"
)

// symbol is what the reader sends for a GS1 DataMatrix of a soup: article,
// best-before 31 December 2027, batch, serial, and its carriage return.
//
//	]d2 01 09506000134352 15 271231 10 B7 <GS> 21 S001 <CR>
func symbol(batch, serial string) string {
	return "]d201" + soup + "15271231" + "10" + batch + "\x1d21" + serial + "\r"
}

// TestStation is the slice from the contact to the vendor, on both boards.
func TestStation(t *testing.T) {
	for _, arch := range []hil.Arch{hil.ARM64, hil.ARMv6} {
		t.Run(string(arch), func(t *testing.T) {
			t.Parallel()
			board, vendors := stationOn(t, arch, onBoard)
			t.Run("the button's edge makes the lamp blink slowly once the outbox has it, and steady once L2L has it; exactly one dispatch is open", func(t *testing.T) {
				callIsSeen(t, board.For(t), vendors)
			})
			t.Run("a GS1 scan becomes one trace at the right order; unplugging the reader loses no later scan", func(t *testing.T) {
				scansArrive(t, board.For(t), vendors)
			})
			t.Run("a call and three scans without a network, then a power cut: each takes effect once, in order, at its true time", func(t *testing.T) {
				outageAndPowerCut(t, board.For(t), vendors)
			})
			t.Run("killed, it leaves no lamp lit, and back again the lamp says what is on disk", func(t *testing.T) {
				board := board.For(t)
				board.Lamp(red).Is(hil.Steady, 10*time.Second)
				board.Exec("killall -9 stationd")
				board.Says("hil: program followed: <nil>", 20*time.Second)
				if edges := board.Lamp(red).Edges(); len(edges) == 0 || edges[len(edges)-1].High {
					t.Error("the lamp is lit, and nobody is there to say so")
				}
				board.Lamp(red).Is(hil.Steady, time.Minute)
			})
			t.Run("stopped in order, the station leaves a sound outbox and no complaint at the vendors", func(t *testing.T) {
				board := board.For(t)
				if how := board.Stop(); how != "exit status 0" {
					t.Errorf("stationd ended with %s", how)
				}
				if said := board.Exec("stationd outbox verify"); !strings.Contains(said, "sound") {
					t.Errorf("verify says %q", said)
				}
				board.Lamp(red).Is(hil.Dark, 10*time.Second)
				for _, complaint := range vendors.Complaints() {
					t.Errorf("the plant complains: %s", complaint)
				}
			})
		})
	}
}

// stationOn boots a board with a station that is ready and whose clock is set, and opens
// its plant.
func stationOn(t *testing.T, arch hil.Arch, config string) (*hil.Board, *plant.Plant) {
	t.Helper()
	vendors := openPlant(t)
	board := hil.Boot(t, hil.Setting{
		Arch:   arch,
		Config: config,
		Plant:  vendors.Addr(),
		Files: map[string]string{
			"/etc/stationd/l2l.key":       plant.Demo().L2LKey,
			"/etc/stationd/lagerkoll.key": plant.Demo().APIKey,
		},
	})
	board.Says("the station is ready", time.Minute)
	board.TrustClock()
	return board, vendors
}

func openPlant(t *testing.T) *plant.Plant {
	t.Helper()
	vendors, err := plant.Open(plant.Demo())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := net.SplitHostPort(vendors.Addr()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- vendors.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return vendors
}

func callIsSeen(t *testing.T, board *hil.Board, vendors *plant.Plant) {
	if waits := waiting(t, board); len(waits) > 0 {
		t.Fatalf("a new card's outbox holds %v", waits)
	}
	board.Network(false)
	board.Push(maintenance, 150*time.Millisecond)
	board.Lamp(red).Is(hil.Slow, 20*time.Second)
	if waits := waiting(t, board); !slices.Equal(waits, []string{"dispatch.open"}) {
		t.Fatalf("while the lamp blinks slowly the outbox holds %v", waits)
	}
	if n := len(vendors.Dispatches()); n != 0 {
		t.Fatalf("%d dispatches without a network", n)
	}
	board.Network(true)
	board.Lamp(red).Is(hil.Steady, 90*time.Second)
	got := vendors.Dispatches()
	if len(got) != 1 || !got[0].Open() || got[0].Type != "MAINT" || got[0].Machine != "SEAL-1" {
		t.Fatalf("the plant has %+v", got)
	}
	if d := got[0].Description; !strings.HasPrefix(d, "[sd-") || !strings.HasSuffix(d, "] Help needed at pack4-1") {
		t.Errorf("its description is %q", d)
	}
}

func scansArrive(t *testing.T, board *hil.Board, vendors *plant.Plant) {
	board.Plug()
	board.SaysTimes("scanner ready", 1, time.Minute)
	board.Scan("PO4711\r")
	board.Scan(symbol("B7", "S001"))
	until(t, time.Minute, "the trace arrives", func() bool { return len(vendors.Traces()) == 1 })
	got := vendors.Traces()[0]
	got.At = time.Time{}
	want := plant.Trace{
		Order: 4711, Article: soup, Batch: "B7", Serial: "S001", Amount: 1,
		BestBefore: time.Date(2027, 12, 31, 0, 0, 0, 0, time.UTC).UnixMilli(),
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("the trace is\n%+v, want\n%+v", got, want)
	}
	if n := puts(vendors); n != 1 {
		t.Errorf("%d PUT requests for one scan", n)
	}

	board.Unplug()
	board.Plug()
	board.SaysTimes("scanner ready", 2, time.Minute)
	board.Scan(symbol("B7", "S002"))
	board.Scan(symbol("B7", "S003"))
	until(t, time.Minute, "the scans after plugging in arrive", func() bool { return len(vendors.Traces()) == 3 })
	if got := serials(vendors); !slices.Equal(got, []string{"S001", "S002", "S003"}) {
		t.Errorf("traced %v", got)
	}
}

func outageAndPowerCut(t *testing.T, board *hil.Board, vendors *plant.Plant) {
	board.Network(false)
	pressed := time.Now()
	board.Push(material, 150*time.Millisecond)
	for _, serial := range []string{"S011", "S012", "S013"} {
		board.Scan(symbol("B8", serial))
	}
	want := []string{"article.trace", "article.trace", "article.trace", "dispatch.open"}
	until(t, time.Minute, "a call and three scans are recorded", func() bool {
		got := waiting(t, board)
		slices.Sort(got)
		return slices.Equal(got, want)
	})
	board.PowerCut()
	board.PowerOn()
	board.Says("the station is ready", time.Minute)
	board.Lamp(yellow).Is(hil.Slow, 20*time.Second)
	board.TrustClock()
	board.Network(true)
	board.Lamp(yellow).Is(hil.Steady, 3*time.Minute)
	until(t, 3*time.Minute, "the three scans arrive", func() bool { return len(serials(vendors)) >= 6 })
	until(t, time.Minute, "the outbox is empty", func() bool { return len(waiting(t, board)) == 0 })

	if got := serials(vendors); !slices.Equal(got, []string{"S001", "S002", "S003", "S011", "S012", "S013"}) {
		t.Errorf("traced %v", got)
	}
	var calls []plant.Dispatch
	for _, d := range vendors.Dispatches() {
		if d.Type == "MATERIAL" {
			calls = append(calls, d)
		}
	}
	if len(calls) != 1 || !calls[0].Open() {
		t.Fatalf("material calls at the plant: %+v", calls)
	}
	if off := calls[0].Reported.Sub(pressed); off < -2*time.Second || off > 3*time.Second {
		t.Errorf("it was reported %v from the press", off)
	}
	// The red call of before the power cut is open still, and its lamp knows.
	board.Lamp(red).Is(hil.Steady, 10*time.Second)
}

// waiting lists the verbs of what waits in the board's outbox, in order.
func waiting(t *testing.T, board *hil.Board) []string {
	t.Helper()
	var contents struct {
		Entries []struct {
			Verb string `json:"verb"`
		} `json:"entries"`
	}
	if text := board.Exec("stationd outbox ls --json"); json.Unmarshal([]byte(text), &contents) != nil {
		t.Fatalf("outbox ls says %q", text)
	}
	var verbs []string
	for _, e := range contents.Entries {
		verbs = append(verbs, e.Verb)
	}
	return verbs
}

func serials(vendors *plant.Plant) []string {
	var all []string
	for _, trace := range vendors.Traces() {
		all = append(all, trace.Serial)
	}
	return all
}

func puts(vendors *plant.Plant) int {
	n := 0
	for _, r := range vendors.Requests() {
		if r.Method == http.MethodPut {
			n++
		}
	}
	return n
}

// until polls for a fact, with an end.
func until(t *testing.T, within time.Duration, what string, fact func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !fact(); <-time.After(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain until %s", within, what)
		}
	}
}
