package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"stationd/internal/plant"
)

// pings returns how often the station that runs has said that it makes progress.
func (b *box) pings() int {
	c := b.running()
	if c == nil {
		return -1
	}
	return b.said(c, "WATCHDOG=1")
}

// vouched waits until the station has pinged as often as it does in count thirds of an
// interval. That it never was silent for a whole one is for the box to find: it ends the
// station then. How often it pings in each is proved by internal/systemd.
func vouched(t *testing.T, b *box, count int, when string) {
	t.Helper()
	before, began := b.pings(), time.Now()
	must(t, until(t.Context(), when+" the watchdog hears of progress", func() bool {
		return b.pings() >= before+count || !b.powered()
	}))
	if !b.powered() {
		t.Fatalf("%s the station was ended:\n%s", when, b.log.tail())
	}
	t.Logf("%s: %d pings in %v, of an interval of %v", when, count, time.Since(began).Round(time.Millisecond), b.watchdog)
}

// watched is a watchdog's interval that a busy machine does not miss by itself.
const watched = 6 * time.Second

// The unit asks for a watchdog; a station that does not feed it is killed for ever.
func TestTheWatchdogHearsOfProgressForAsLongAsThereIsSome(t *testing.T) {
	t.Parallel()
	for _, named := range []bool{true, false} {
		t.Run(fmt.Sprintf("WATCHDOG_PID is set: %v", named), func(t *testing.T) {
			t.Parallel()
			b := floor(t, func(s *boxSetting) {
				s.Watchdog = watched
				if named {
					s.Command = append([]string{"sh", "-c", `export WATCHDOG_PID=$$; exec "$@"`, "sh"}, s.Command...)
				}
			})
			vouched(t, b, 6, "idle")
			for n := range 20 {
				scanned(t, b, part{article: soup, batch: "B7", serial: strconv.Itoa(n)}.symbol())
			}
			vouched(t, b, 4, "after scans")
			must(t, b.cable(false))
			recorded(t, b, "maintenance.press", func() { b.push(pinMaintenance, briefly) })
			vouched(t, b, 4, "in an outage")
			must(t, b.cable(true))
			b.plant.Order(plant.Fault{Kind: plant.Slow, Where: "PUT *", Delay: time.Second})
			scanned(t, b, part{article: soup, batch: "B7", serial: "slow"}.symbol())
			vouched(t, b, 4, "while the vendor takes its time")
			b.plant.Clear()
			must(t, b.drained(t.Context()))
		})
	}
}

func TestTheWatchdogEndsAStationWhoseOutboxHangs(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("NOT proved: that a station whose disk hangs is not vouched for. There is no strace (Debian: strace)")
	}
	b := floor(t, func(s *boxSetting) { s.Watchdog = watched })
	vouched(t, b, 4, "before the disk hangs")
	c := b.running()
	if c == nil {
		t.Fatal("the station was ended before its disk hung")
	}
	hang := exec.CommandContext(t.Context(), strace, "-f", "-qq", "-o", "/dev/null", "-p", strconv.Itoa(c.cmd.Process.Pid),
		"-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=600000000")
	must(t, hang.Start())
	t.Cleanup(func() {
		_ = hang.Process.Kill()
		_ = hang.Wait()
	})
	must(t, until(t.Context(), "the disk hangs", func() bool { return tracer(c.cmd.Process.Pid) != "0" }))
	b.press(pinMaintenance) // who presses now sees no lamp
	must(t, until(t.Context(), "the watchdog ends the station", func() bool {
		return b.takeBroken() != nil
	}))
	// What strace holds up does not end before strace does.
	must(t, hang.Process.Kill())
	must(t, until(t.Context(), "the station has ended", c.over))
	if code := c.cmd.ProcessState.ExitCode(); code != 2 {
		t.Errorf("it ended with %d: %v", code, c.err)
	}
	b.release(pinMaintenance)
}

// tracer returns the number of the process that traces another; "0" is nobody.
func tracer(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "0"
	}
	_, rest, _ := strings.Cut(string(text), "TracerPid:\t")
	who, _, _ := strings.Cut(rest, "\n")
	return who
}
