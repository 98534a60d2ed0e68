//go:build hil

package hil_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stationd/hil"
	"stationd/internal/plant"
)

// eight is a station with a button on every line of the board.
func eight() string {
	var config strings.Builder
	config.WriteString(`
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

[gpio]
chip = "9030000.pl061"
`)
	for _, line := range hil.EveryLine() {
		fmt.Fprintf(&config, `
[[button]]
name = "b%[1]d"
pin  = %[1]d

[[on]]
event = "b%[1]d.press"
set   = { last = "%[1]d" }
`, line)
	}
	return config.String()
}

// TestEightButtons presses every button of the board at once, again and again for a
// minute, as quickly as its kernel follows and some 150 ms apart at best. Every press
// of each is recorded.
func TestEightButtons(t *testing.T) {
	for _, arch := range []hil.Arch{hil.ARM64, hil.ARMv6} {
		t.Run(string(arch), func(t *testing.T) {
			vendors := openPlant(t)
			board := hil.Boot(t, hil.Setting{
				Arch:       arch,
				Config:     eight(),
				Plant:      vendors.Addr(),
				Files:      map[string]string{"/etc/stationd/l2l.key": plant.Demo().L2LKey},
				AllButtons: true,
			})
			board.Says("the station is ready", time.Minute)
			<-time.After(time.Second) // until every button has been seen at rest
			r := &rhythm{board: board}
			for begin := time.Now(); time.Since(begin) < time.Minute; {
				r.press(hil.EveryLine(), nil)
			}
			want := make(map[string]int)
			for _, line := range hil.EveryLine() {
				want[fmt.Sprintf("b%d.press", line)] = r.presses
			}
			if lost := differ(t, board, want); len(lost) > 0 {
				t.Error(strings.Join(lost, ", "))
			}
			t.Log(r)
		})
	}
}

// half is how long a button is closed, and open, as the board's kernel sees it.
// Moving eight, and waiting until the kernel has noticed, comes on top.
const half = 65 * time.Millisecond

// noticed is how long the kernel may take to remember an edge. One that it then has
// not is missing, and is found missing when the presses are counted.
const noticed = 10 * time.Second

// A rhythm is buttons pressed all at once, again and again. The guest stands still
// when the machine under it is busy, and all that a line does meanwhile is one edge
// to it, or none. So they are moved again when the guest's kernel has remembered
// that they were; whether the station then knows it too is what is tried.
type rhythm struct {
	board *hil.Board

	edges   int // that the kernel had remembered when it was asked last
	presses int
	took    time.Duration // all of them
	longest time.Duration // until the kernel had remembered a change
}

// press closes and opens the contacts of buttons, and opens and closes those of
// closed.
func (r *rhythm) press(buttons, closed []int) {
	begin := time.Now()
	r.turn(buttons, closed)
	r.turn(closed, buttons) // and back
	r.presses++
	r.took += time.Since(begin)
}

func (r *rhythm) turn(closing, opening []int) {
	begin := time.Now()
	if r.presses == 0 {
		r.edges = r.board.Edges()
	}
	want := r.edges + len(closing) + len(opening)
	for _, line := range closing {
		r.board.Press(line)
	}
	for _, line := range opening {
		r.board.Release(line)
	}
	for r.edges = r.board.Edges(); r.edges < want && time.Since(begin) < noticed; r.edges = r.board.Edges() {
		<-time.After(2 * time.Millisecond)
	}
	r.longest = max(r.longest, time.Since(begin))
	<-time.After(half)
}

// String says how quick it was.
func (r *rhythm) String() string {
	return fmt.Sprintf("%d presses of each button, %v apart; the kernel had remembered every edge within %v",
		r.presses, (r.took / time.Duration(max(r.presses, 1))).Round(time.Millisecond), r.longest.Round(time.Millisecond))
}
