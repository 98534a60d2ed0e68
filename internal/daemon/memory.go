package daemon

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// limitMemory has the program give memory back before the kernel would end it: at three
// quarters of what its control group allows (the unit's MemoryMax, or MemoryHigh). Where
// GOMEMLIMIT says another limit, that one holds.
func limitMemory(log *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if allowed := allowedMemory("/proc/self/cgroup", "/sys/fs/cgroup"); allowed > 0 {
		debug.SetMemoryLimit(allowed / 4 * 3)
		log.Debug("memory is limited", "bytes", allowed/4*3)
	}
}

// releaseTime is how long after its start the program releases what only a start needs.
const releaseTime = 10 * time.Second

// releaseProgram has the kernel take the pages of the program's file, its instructions and
// constants, out of this process's memory: a start has touched nearly all of them. They stay in
// the page cache, whence those that are used are mapped again, about a third. Where the kernel
// does not do it, they stay.
//
//	00400000-00b25000 r-xp 00000000 08:02 131093    /usr/bin/stationd
func releaseProgram() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(maps)) {
		var from, until uintptr
		var mode string
		_, err := fmt.Sscanf(line, "%x-%x %s", &from, &until, &mode)
		// What may be written is the process's own: its variables.
		if err == nil && strings.HasPrefix(mode, "r-") && strings.HasSuffix(strings.TrimSpace(line), " "+program) {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, until-from, unix.MADV_DONTNEED) // else it stays
		}
	}
}

// allowedMemory is how many bytes the control group of a process, and those around it,
// allow it; 0 where none says so. See cgroups(7):
//
//	/proc/self/cgroup                                            0::/system.slice/stationd.service
//	/sys/fs/cgroup/system.slice/stationd.service/memory.max      268435456
//	/sys/fs/cgroup/system.slice/memory.max                       max
func allowedMemory(of, groups string) (least int64) {
	text, err := os.ReadFile(of)
	if err != nil {
		return 0 // a kernel without control groups
	}
	for line := range strings.Lines(string(text)) {
		path, unified := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !unified {
			continue
		}
		for path = filepath.Clean("/" + path); ; path = filepath.Dir(path) {
			for _, name := range []string{"memory.max", "memory.high"} {
				said, err := os.ReadFile(filepath.Join(groups, path, name))
				if err != nil {
					continue
				}
				n, err := strconv.ParseInt(strings.TrimSpace(string(said)), 10, 64)
				if err == nil && n > 0 && (least == 0 || n < least) {
					least = n
				}
			}
			if path == "/" {
				return least
			}
		}
	}
	return 0
}
