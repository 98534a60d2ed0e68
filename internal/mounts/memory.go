package mounts

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// InMemory says why what is written to a folder is gone when the power is; "" where it
// lies on something that lasts, or nobody can tell.
func InMemory(path string) string {
	const keep = "; mount a real partition there (ext4): what waits in the outbox exists nowhere else"
	if os.Getenv("STATIOND_DEMO") == "1" && beneath(path, os.TempDir()) {
		return "" // the demonstration's, which is thrown away
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(path, &disk); err != nil {
		return ""
	}
	switch uint32(disk.Type) {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return path + " is in memory (tmpfs): a power cut loses everything" + keep
	case unix.OVERLAYFS_SUPER_MAGIC:
	default:
		return ""
	}
	upper := overlayUpper(path)
	if err := unix.Statfs(upper, &disk); upper != "" && err == nil {
		if kind := uint32(disk.Type); kind == unix.TMPFS_MAGIC || kind == unix.RAMFS_MAGIC {
			return path + " is on an overlay whose upper layer is in memory: a power cut loses everything" + keep
		}
		return ""
	}
	if contained() {
		return "" // a container's layer is its host's to keep
	}
	return path + " is on an overlay, whose upper layer cannot be seen: where it is in memory, as with Raspberry Pi OS's overlay file system, a power cut loses everything" + keep
}

// contained reports whether this process is in a container.
func contained() bool {
	for _, sign := range []string{"/.dockerenv", "/run/.containerenv", "/run/systemd/container"} {
		if _, err := os.Stat(sign); err == nil {
			return true
		}
	}
	return false
}

// overlayUpper is the folder of the upper layer of the overlay that a path is on, as the
// kernel names it (proc_pid_mountinfo(5)):
//
//	28 1 0:25 / / rw - overlay overlay rw,lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work
func overlayUpper(path string) string {
	at, ok := mountOf(path)
	if !ok {
		return ""
	}
	for option := range strings.SplitSeq(at.options, ",") {
		if upper, found := strings.CutPrefix(option, "upperdir="); found {
			return upper
		}
	}
	return ""
}
