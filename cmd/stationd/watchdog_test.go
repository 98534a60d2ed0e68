package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plant"
)

// watchdogPings returns how often the running station has sent WATCHDOG=1.
func watchdogPings(b *demo.Simulation) int {
	c := b.Process()
	if c == nil {
		return -1
	}
	return b.NotifyCount(c, "WATCHDOG=1")
}

// waitPings waits until the station has pinged as often as it does in count thirds of an
// interval. That it never was silent for a whole one is for the simulation to find: it ends the
// station then. How often it pings in each is proved by internal/systemd.
func waitPings(t *testing.T, b *demo.Simulation, count int, when string) {
	t.Helper()
	before, began := watchdogPings(b), time.Now()
	must(t, demo.Until(t.Context(), when+" the watchdog hears of progress", func() bool {
		return watchdogPings(b) >= before+count || !b.Powered()
	}))
	if !b.Powered() {
		t.Fatalf("%s the station was ended:\n%s", when, b.Log.Tail())
	}
	t.Logf("%s: %d pings in %v, of an interval of %v", when, count, time.Since(began).Round(time.Millisecond), b.Watchdog)
}

// watched is a watchdog's interval that a busy machine does not miss by itself.
const watched = 6 * time.Second

// The unit asks for a watchdog; a station that does not feed it is killed for ever.
func TestTheWatchdogHearsOfProgressForAsLongAsThereIsSome(t *testing.T) {
	t.Parallel()
	for _, named := range []bool{true, false} {
		t.Run(fmt.Sprintf("WATCHDOG_PID is set: %v", named), func(t *testing.T) {
			t.Parallel()
			b := startStation(t, func(s *demo.Config) {
				s.Watchdog = watched
				if named {
					s.Command = append([]string{"sh", "-c", `export WATCHDOG_PID=$$; exec "$@"`, "sh"}, s.Command...)
				}
			})
			waitPings(t, b, 6, "idle")
			for n := range 20 {
				scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: strconv.Itoa(n)}.Symbol())
			}
			waitPings(t, b, 4, "after scans")
			must(t, b.Cable(false))
			waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
			waitPings(t, b, 4, "in an outage")
			must(t, b.Cable(true))
			b.Plant.AddFault(plant.Fault{Kind: plant.Slow, Where: "PUT *", Delay: time.Second})
			scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: "slow"}.Symbol())
			waitPings(t, b, 4, "while the vendor takes its time")
			b.Plant.ClearFaults()
			must(t, b.WaitDelivered(t.Context()))
		})
	}
}

func TestTheWatchdogEndsAStationWhoseOutboxHangs(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("NOT proved: that a station whose disk hangs is not vouched for. There is no strace (Debian: strace)")
	}
	b := startStation(t, func(s *demo.Config) { s.Watchdog = watched })
	waitPings(t, b, 4, "before the disk hangs")
	c := b.Process()
	if c == nil {
		t.Fatal("the station was ended before its disk hung")
	}
	hang := exec.CommandContext(t.Context(), strace, "-f", "-qq", "-o", "/dev/null", "-p", strconv.Itoa(c.Cmd.Process.Pid),
		"-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=600000000")
	must(t, hang.Start())
	t.Cleanup(func() {
		_ = hang.Process.Kill()
		_ = hang.Wait()
	})
	must(t, demo.Until(t.Context(), "the disk hangs", func() bool { return tracer(c.Cmd.Process.Pid) != "0" }))
	b.Press(demo.PinMaintenance) // who presses now sees no lamp
	must(t, demo.Until(t.Context(), "the watchdog ends the station", func() bool {
		return b.TakeFailure() != nil
	}))
	// What strace holds up does not end before strace does.
	must(t, hang.Process.Kill())
	must(t, demo.Until(t.Context(), "the station has ended", c.Ended))
	if code := c.Cmd.ProcessState.ExitCode(); code != 2 {
		t.Errorf("it ended with %d: %v", code, c.Err)
	}
	b.Release(demo.PinMaintenance)
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
