package live

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// holders says which other processes have a device open, as far as this user may
// see:
//
//	/proc/812/fd/9 -> /dev/ttyACM0
//	/proc/812/comm    stationd
func holders(device string) []string {
	real, err := filepath.EvalSymlinks(device)
	if err != nil {
		return nil
	}
	open, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return nil
	}
	var found []string
	for _, fd := range open {
		process := filepath.Dir(filepath.Dir(fd))
		pid := filepath.Base(process)
		if to, err := os.Readlink(fd); err != nil || to != real || pid == fmt.Sprint(os.Getpid()) {
			continue
		}
		comm, err := os.ReadFile(filepath.Join(process, "comm"))
		if err != nil {
			continue // it has just ended
		}
		if who := fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(comm)), pid); !slices.Contains(found, who) {
			found = append(found, who)
		}
	}
	return found
}
