package installed

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"stationd/hil"
	"stationd/hil/emulator"
)

// A PC's lines are those of the kernel's gpio-sim, which are pressed and read
// through sysfs; an arm64 guest has the emulated board's chip, whose lines QEMU
// drives and reports.

// simulated is the folder of a gpio-sim's chip in the guest.
const simulated = "/sys/devices/platform/gpio-sim.0/gpiochip*/sim_gpio%d/%s"

func (g *Guest) wireLines(s *emulator.Setting) {
	if g.setting.Debian.Arch != "arm64" {
		return
	}
	s.Lines, s.High = hil.EveryLine(), hil.Buttons()
	s.Edge = func(line int, high bool) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.edges = append(g.edges, hil.Edge{At: time.Now(), Line: line, High: high})
	}
}

// Press closes the contact of a button and keeps it closed.
func (g *Guest) Press(line int) {
	g.t.Helper()
	g.contact(line, true)
}

// Release opens it again.
func (g *Guest) Release(line int) {
	g.t.Helper()
	g.contact(line, false)
}

// lifted is how long a finger is off a button before it can press again: a release
// counts after 50 ms.
const lifted = 200 * time.Millisecond

// Push presses a button for as long as given, and lifts the finger. On a PC it is the guest itself that
// waits: with an order for each edge a busy guest made holds of short presses.
func (g *Guest) Push(line int, hold time.Duration) {
	g.t.Helper()
	if g.setting.Debian.Arch == "arm64" {
		g.Press(line)
		<-time.After(hold)
		g.Release(line)
		<-time.After(lifted)
		return
	}
	g.Run(fmt.Sprintf("f=$(echo "+simulated+"); echo pull-down >$f; sleep %.3f; echo pull-up >$f; sleep %.3f", line, "pull", hold.Seconds(), lifted.Seconds()))
}

func (g *Guest) contact(line int, closed bool) {
	g.t.Helper()
	if g.setting.Debian.Arch == "arm64" {
		if err := g.on().Set(line, !closed); err != nil {
			g.t.Fatal(err)
		}
		return
	}
	pull := "pull-up"
	if closed {
		pull = "pull-down"
	}
	g.Run(fmt.Sprintf("for f in "+simulated+"; do echo %s >$f; done", line, "pull", pull))
}

// Lamp waits until the lamp shows the pattern.
func (g *Guest) Lamp(line int, want hil.Pattern, within time.Duration) {
	g.t.Helper()
	within = g.Patience(within)
	var saw hil.Pattern
	for end := time.Now().Add(within); time.Now().Before(end); {
		if saw = g.sees(line); saw == want {
			return
		}
	}
	g.t.Fatalf("lamp GPIO%d is %v, not %v, after %v", line, saw, want, within)
}

// sees looks at a lamp for some seconds.
func (g *Guest) sees(line int) hil.Pattern {
	g.t.Helper()
	if g.setting.Debian.Arch == "arm64" {
		<-time.After(look)
		g.mu.Lock()
		defer g.mu.Unlock()
		var edges []hil.Edge
		for _, e := range g.edges {
			if e.Line == line {
				edges = append(edges, e)
			}
		}
		return hil.PatternOf(edges, g.begin, time.Now())
	}
	// 9 s hold two whole periods of the slowest blink and a rest. The shell looks
	// without a pause, and each change has the guest's own time: how soon an emulated
	// guest comes back from a sleep is up to how busy it is.
	const during = 9
	text := g.Run(fmt.Sprintf("f=$(echo "+simulated+"); was=; read -r t _ </proc/uptime; end=$((${t%%.*} + %d)); "+
		"while [ ${t%%.*} -lt $end ]; do read -r v <$f; read -r t _ </proc/uptime; [ \"$v\" = \"$was\" ] || echo $t $v; was=$v; done; echo $t $v", line, "value", during))
	var edges []hil.Edge
	var begin, now time.Time
	level := "0"
	for sample := range strings.Lines(text) {
		at, value, _ := strings.Cut(strings.TrimSpace(sample), " ")
		up, err := strconv.ParseFloat(at, 64)
		if err != nil {
			g.t.Fatalf("lamp GPIO%d: %q: %v", line, sample, err)
		}
		now = time.UnixMilli(int64(up * 1000))
		if begin.IsZero() {
			begin = now
		}
		if value != level {
			edges = append(edges, hil.Edge{At: now, Line: line, High: value == "1"})
			level = value
		}
	}
	return hil.PatternOf(edges, begin, now)
}
