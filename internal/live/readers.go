package live

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"stationd/internal/plan"
	"stationd/internal/scanner"
	"stationd/internal/terminal"
)

// ReportStatus calls say with the lines that tell a person the status of a reader, and which
// process has its port open where another has.
func ReportStatus(config scanner.Config, status scanner.Status, say func(line string)) {
	if status.Kind == scanner.Ready {
		line := "listening on " + status.Port
		if config.Name != status.Port {
			line = config.Name + ": " + line
		}
		if status.Old > 0 {
			line += fmt.Sprintf(" (%s from before dropped)", terminal.Count(status.Old, "byte"))
		}
		say(line)
		return
	}
	say(status.Err.Error())
	switch {
	case errors.Is(status.Err, scanner.ErrInUse):
		reportHolders(config, say)
	case errors.Is(status.Err, scanner.ErrNotAllowed):
		say("For this command that is your own user; or run it with sudo.")
	}
}

// ReportLosses calls say with a line whenever a reader sent something that is not a scan,
// until ctx is done. It looks four times a second.
func ReportLosses(ctx context.Context, r *scanner.Scanner, name string, say func(line string)) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	before := r.Counts()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := r.Counts()
		if now.Partials > before.Partials {
			say(name + ": the end of a scan never came; set the reader's suffix to CR, or frame to what it sends")
		}
		if now.Damaged > before.Damaged {
			say(name + ": a scan was dropped because a part of it was lost")
		}
		if now.Overflows > before.Overflows {
			say(name + ": a scan is longer than any symbol can be; compare the reader's suffix with frame, and its speed with baud")
		}
		if now.Noise > before.Noise {
			say(fmt.Sprintf("%s: %s came that belong to no scan; compare the reader's speed with baud, and its prefix with frame", name, terminal.Count(now.Noise-before.Noise, "byte")))
		}
		before = now
	}
}

// reportHolders says which other processes have a reader's port open.
func reportHolders(config scanner.Config, say func(line string)) {
	device, err := scanner.Find(config.Port)
	if err != nil {
		return
	}
	for _, who := range holders(device) {
		line := fmt.Sprintf("%s: %s is in use by %s", config.Name, device, who)
		if who.program == "stationd" {
			line += ", a station that is running; watch it with stationd scans --follow, or " + plan.StopFirst
		}
		say(line)
	}
}

// A process is a running program.
type process struct{ program, pid string }

// String implements fmt.Stringer.
func (p process) String() string { return fmt.Sprintf("%s (process %s)", p.program, p.pid) }

// holders returns the other processes that have a device open, as far as this user may see:
//
//	/proc/812/fd/9 -> /dev/ttyACM0
//	/proc/812/comm    stationd
func holders(device string) []process {
	resolved, err := filepath.EvalSymlinks(device)
	if err != nil {
		return nil
	}
	open, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return nil
	}
	var found []process
	for _, fd := range open {
		folder := filepath.Dir(filepath.Dir(fd))
		pid := filepath.Base(folder)
		if target, err := os.Readlink(fd); err != nil || target != resolved || pid == fmt.Sprint(os.Getpid()) {
			continue
		}
		comm, err := os.ReadFile(filepath.Join(folder, "comm"))
		if err != nil {
			continue // it has ended
		}
		if holder := (process{strings.TrimSpace(string(comm)), pid}); !slices.Contains(found, holder) {
			found = append(found, holder)
		}
	}
	return found
}
