package live

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A process is a program that runs.
type process struct{ program, pid string }

// String implements fmt.Stringer.
func (p process) String() string { return fmt.Sprintf("%s (process %s)", p.program, p.pid) }

// holders says which other processes have a device open, as far as this user may
// see:
//
//	/proc/812/fd/9 -> /dev/ttyACM0
//	/proc/812/comm    stationd
func holders(device string) []process {
	real, err := filepath.EvalSymlinks(device)
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
		if to, err := os.Readlink(fd); err != nil || to != real || pid == fmt.Sprint(os.Getpid()) {
			continue
		}
		comm, err := os.ReadFile(filepath.Join(folder, "comm"))
		if err != nil {
			continue // it has just ended
		}
		if who := (process{strings.TrimSpace(string(comm)), pid}); !slices.Contains(found, who) {
			found = append(found, who)
		}
	}
	return found
}
