//go:build hil

package hil_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stationd/hil"
	"stationd/internal/plant"
)

// wired is a station of four buttons: one with a hold, one that is refused by the
// vendor, one that lacks something, and one with a normally closed contact. All
// share a lamp and a buzzer; the other lamps are a stack light's.
const wired = `
[station]
name     = "pack4-1"
timezone = "Europe/Stockholm"
data     = "/var/lib/stationd"
lamp     = "white"
buzzer   = "horn"

[l2l]
url     = "{plant}/api/1.0/"
key     = { file = "/etc/stationd/l2l.key" }
site    = 12
line    = "PACK4"
machine = "SEAL-1"
trade   = "MECH"
settle  = "60s"

[gpio]
chip = "9030000.pl061"

[[button]]
name = "maintenance"
pin  = 17

[[button]]
name = "material"
pin  = 27

[[button]]
name = "quality"
pin  = 5

[[button]]
name   = "gate"
pin    = 6
wiring = "nc"

[[lamp]]
name = "white"
pin  = 22

[[lamp]]
name = "tower-yellow"
pin  = 23

[[lamp]]
name = "tower-green"
pin  = 24

[[buzzer]]
name   = "horn"
pin    = 25
remind = "0s"

[[stack]]
name   = "tower"
yellow = "tower-yellow"
green  = "tower-green"

[[on]]
event = "maintenance.press"
do    = [{ l2l = "dispatch.open", type = "MAINT", description = "Help needed at {station}" }]

[[on]]
event = "maintenance.hold"
do    = [{ l2l = "dispatch.close" }]

[[on]]
event = "material.press"
do    = [{ l2l = "dispatch.open", type = "NOSUCH", description = "Of a type that the vendor does not have" }]

[[on]]
event = "quality.press"
needs = ["order"]
do    = [{ l2l = "dispatch.open", type = "MATERIAL", description = "{order}" }]

[[on]]
event = "gate.press"
do    = [{ l2l = "dispatch.open", type = "MATERIAL", description = "The gate is open" }]

[[on]]
event = "maintenance.release"
set   = { order = "4711" }
`

const (
	white  = 22
	middle = 23
	green  = 24
	horn   = 25

	quality = 5
	gate    = 6
)

// TestButtons is what an electrician and an operator see of the inputs, the lamps
// and the buzzer, from outside the board.
func TestButtons(t *testing.T) {
	for _, arch := range []hil.Arch{hil.ARM64, hil.ARMv6} {
		t.Run(string(arch), func(t *testing.T) {
			vendors := openPlant(t)
			board := hil.Boot(t, hil.Setting{
				Arch:   arch,
				Config: wired,
				Plant:  vendors.Addr(),
				Files:  map[string]string{"/etc/stationd/l2l.key": plant.Demo().L2LKey},
			})
			board.Says("the station is ready", time.Minute)
			board.TrustClock()
			board.Network(false)
			for _, s := range []struct {
				sentence string
				proof    func(*testing.T, *hil.Board)
			}{
				{"a cut wire is a fault from the start, and no event when it is mended", cutWire},
				{"a press is one short sound, a slow lamp, and the stack light goes from green to yellow", pressed},
				{"what lacks something is two long sounds", refused},
				{"a button kept down is a hold and not a press, and both have a release", held},
				{"a normally closed button is a press when it is let go", closed},
				{"twenty presses that bounce are twenty presses", bounced},
				{"four buttons at once, again and again, lose no press", together},
				{"what the vendor refuses is three short sounds and a quick lamp", sentBack},
				{"after a crash the lamps say what they said, and nothing sounds again", crashed},
				{"when it is stopped everything is dark and silent", stopped},
			} {
				t.Run(s.sentence, func(t *testing.T) { s.proof(t, board.For(t)) })
				if t.Failed() {
					return
				}
			}
		})
	}
}

func cutWire(t *testing.T, board *hil.Board) {
	board.Lamp(white).Is(hil.Quick, 20*time.Second)
	board.Lamp(green).Is(hil.Dark, 10*time.Second)
	if got := metric(t, board, `stationd_device_well{device="gate"}`); got != 0 {
		t.Error("the gate, whose contact is open, is called well")
	}
	board.Press(gate) // the contact closes, and is closed at rest from now on
	board.Lamp(white).Is(hil.Dark, 10*time.Second)
	board.Lamp(green).Is(hil.Steady, 10*time.Second)
	if got := counted(t, board); len(got) != 0 {
		t.Errorf("events of nothing: %v", got)
	}
	if got := board.Lamp(horn).Edges(); len(got) != 0 {
		t.Errorf("sounds of nothing: %v", got)
	}
}

func pressed(t *testing.T, board *hil.Board) {
	begin := time.Now()
	board.Press(material)
	sounded := board.Lamp(horn).Lights(begin, 10*time.Second)
	t.Logf("from the contact to the sound, debounce and commit within: %v", sounded.Sub(begin).Round(time.Millisecond))
	<-time.After(200 * time.Millisecond)
	board.Release(material)
	board.Lamp(white).Is(hil.Slow, 10*time.Second)
	board.Lamp(middle).Is(hil.Slow, 10*time.Second)
	board.Lamp(green).Is(hil.Dark, 10*time.Second)
	hears(t, board, begin, "short")
	counts(t, board, map[string]int{"material.press": 1})
}

func refused(t *testing.T, board *hil.Board) {
	begin := time.Now()
	board.Push(quality, 300*time.Millisecond)
	hears(t, board, begin, "long long")
	board.Lamp(white).Is(hil.Slow, 10*time.Second)
	counts(t, board, map[string]int{"material.press": 1, "quality.press": 1})
}

func held(t *testing.T, board *hil.Board) {
	want := counted(t, board)
	board.Push(maintenance, 2800*time.Millisecond)
	want["maintenance.hold"]++
	want["maintenance.release"]++
	counts(t, board, want)
	board.Push(maintenance, 300*time.Millisecond)
	want["maintenance.press"]++
	want["maintenance.release"]++
	counts(t, board, want)
}

func closed(t *testing.T, board *hil.Board) {
	want := counted(t, board)
	begin := time.Now()
	board.Release(gate)
	<-time.After(time.Second)
	counts(t, board, want)
	board.Press(gate)
	hears(t, board, begin, "short")
	want["gate.press"]++
	counts(t, board, want)
}

func bounced(t *testing.T, board *hil.Board) {
	want := counted(t, board)
	const presses, longest = 20, 20 * time.Millisecond
	random := rand.New(rand.NewPCG(17, 22))
	some := func(most time.Duration) time.Duration { return time.Duration(random.Int64N(int64(most))) }
	turn := func(closed bool) {
		set := map[bool]func(int){true: board.Press, false: board.Release}
		for end := time.Now().Add(some(longest)); time.Now().Before(end); <-time.After(some(3 * time.Millisecond)) {
			set[closed](quality)
			<-time.After(some(3 * time.Millisecond))
			set[!closed](quality)
		}
		set[closed](quality)
	}
	for range presses {
		turn(true)
		<-time.After(250*time.Millisecond + some(200*time.Millisecond))
		turn(false)
		<-time.After(250*time.Millisecond + some(200*time.Millisecond))
	}
	want["quality.press"] += presses
	counts(t, board, want)
}

func together(t *testing.T, board *hil.Board) {
	want := counted(t, board)
	r := &rhythm{board: board}
	for r.presses < 66 {
		r.press([]int{maintenance, material, quality}, []int{gate})
	}
	for _, event := range []string{"maintenance.press", "material.press", "quality.press", "gate.press", "maintenance.release"} {
		want[event] += r.presses
	}
	counts(t, board, want)
	t.Log(r)
}

func sentBack(t *testing.T, board *hil.Board) {
	begin := time.Now()
	board.Network(true)
	board.Lamp(white).Is(hil.Quick, 2*time.Minute)
	hears(t, board, begin, "short short short")
}

func crashed(t *testing.T, board *hil.Board) {
	begin := time.Now()
	board.Exec("killall -9 stationd")
	board.SaysTimes("the station is ready", 2, time.Minute)
	ready := time.Now()
	lit := board.Lamp(white).Lights(ready, 10*time.Second)
	t.Logf("from the crash until it is ready %v, and until the lamp is lit again %v", ready.Sub(begin).Round(time.Millisecond), lit.Sub(begin).Round(time.Millisecond))
	board.Lamp(white).Is(hil.Quick, 10*time.Second)
	board.Lamp(white).Stays(hil.Quick, time.Second)
	board.Lamp(green).Is(hil.Dark, 10*time.Second)
	hears(t, board, begin, "")
}

func stopped(t *testing.T, board *hil.Board) {
	begin := time.Now()
	if how := board.Stop(); how != "exit status 0" {
		t.Errorf("stationd ended with %s", how)
	}
	for _, line := range []int{white, middle, green} {
		board.Lamp(line).Is(hil.Dark, 10*time.Second)
	}
	hears(t, board, begin, "")
}

// hears checks what the buzzer said since begin, when it has been silent for a
// second: how long each sound was, as an ear tells short from long.
func hears(t *testing.T, board *hil.Board, begin time.Time, want string) {
	t.Helper()
	var got []string
	for quiet := time.Now().Add(time.Second); ; <-time.After(20 * time.Millisecond) {
		var on time.Time
		got = nil
		for _, e := range board.Lamp(horn).Edges() {
			switch {
			case e.At.Before(begin):
			case e.High:
				on = e.At
				quiet = e.At.Add(1500 * time.Millisecond)
			case on.IsZero():
			case e.At.Sub(on) < 300*time.Millisecond:
				got = append(got, "short")
			case e.At.Sub(on) < 900*time.Millisecond:
				got = append(got, "long")
			default:
				got = append(got, "endless")
			}
		}
		if time.Now().After(quiet) && (len(got) >= len(strings.Fields(want)) || time.Since(begin) > 20*time.Second) {
			break
		}
	}
	if s := strings.Join(got, " "); s != want {
		t.Errorf("the buzzer says %q, want %q", s, want)
	}
}

// counted returns how often each event of a button or reader was recorded since the
// station started.
func counted(t *testing.T, board *hil.Board) map[string]int {
	t.Helper()
	events := make(map[string]int)
	for _, found := range regexp.MustCompile(`(?m)^stationd_events_total\{event="([^"]+)"\} (\d+)$`).FindAllStringSubmatch(metrics(board), -1) {
		if strings.HasPrefix(found[1], "l2l.") {
			continue // what the watch has seen
		}
		n, err := strconv.Atoi(found[2])
		if err != nil {
			t.Fatal(err)
		}
		events[found[1]] = n
	}
	return events
}

// counts waits until exactly so many events were recorded, and a second longer.
func counts(t *testing.T, board *hil.Board, want map[string]int) {
	t.Helper()
	if list := differ(t, board, want); len(list) > 0 {
		t.Error(strings.Join(list, ", "))
	}
}

// differ waits until all that is wanted is recorded and nothing more comes, and says
// what is not as wanted. The card of a board on a busy machine may take seconds for a
// commit, and presses wait for it: what is missing is waited for longer.
func differ(t *testing.T, board *hil.Board, want map[string]int) (list []string) {
	t.Helper()
	const quiet, patient = 1200 * time.Millisecond, 15 * time.Second
	got := make(map[string]int)
	for since := time.Now(); ; <-time.After(quiet / 4) {
		now := counted(t, board)
		for event := range want {
			now[event] += 0
		}
		if !maps.Equal(now, got) {
			got, since = now, time.Now()
		}
		if still := time.Since(since); still > patient || still > quiet && maps.Equal(got, want) {
			break
		}
	}
	for _, event := range slices.Sorted(maps.Keys(got)) {
		if want[event] != got[event] {
			list = append(list, fmt.Sprintf("%d %s recorded and not %d", got[event], event, want[event]))
		}
	}
	if len(list) > 0 {
		list = append(list, regexp.MustCompile(`(?m)^stationd_device_(glitches|lost)_total.*`).FindAllString(metrics(board), -1)...)
	}
	return list
}

// metric returns one number of /metrics.
func metric(t *testing.T, board *hil.Board, name string) int {
	t.Helper()
	for line := range strings.Lines(metrics(board)) {
		if text, found := strings.CutPrefix(line, name+" "); found {
			n, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("there is no number %s", name)
	return 0
}

func metrics(board *hil.Board) string { return board.Exec("wget -qO- http://127.0.0.1:8420/metrics") }
