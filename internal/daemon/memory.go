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
func releaseProgram() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, part := range unchangedParts(string(smaps), program) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, part[0], part[1]-part[0], unix.MADV_DONTNEED) // else it stays
	}
}

// unchangedParts finds the parts of a program in smaps (proc_pid_smaps(5)) that are as in its file:
// from where until where. The others are the process's own and would be lost: what may be written,
// its variables, and what was written before that was forbidden, as the addresses in a position
// independent program.
//
//	00400000-00b25000 r-xp 00000000 08:02 131093    /usr/bin/stationd
//	Anonymous:             0 kB
func unchangedParts(smaps, program string) (parts [][2]uintptr) {
	var part [2]uintptr
	file := false
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line)
		switch {
		case len(fields) < 2:
		case !strings.HasSuffix(fields[0], ":"):
			_, err := fmt.Sscanf(fields[0], "%x-%x", &part[0], &part[1])
			file = err == nil && strings.HasPrefix(fields[1], "r-") && strings.HasSuffix(strings.TrimSpace(line), " "+program)
		case file && fields[0] == "Anonymous:" && fields[1] == "0":
			parts = append(parts, part)
		}
	}
	return parts
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
