// Package mounts says what a folder lies on: which file system is mounted there, whether
// it loses what is written with the power, and which partition fstab wants there.
package mounts

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A mount is a line of /proc/self/mountinfo.
type mount struct{ point, kind, options string }

// mounts are what is mounted for this process, in order: of two at one place the last
// is the one that is seen.
func mounts() []mount {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	return parseMounts(string(text))
}

// parseMounts reads mountinfo (proc_pid_mountinfo(5)):
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
func parseMounts(text string) []mount {
	var all []mount
	for line := range strings.Lines(text) {
		before, after, _ := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if len(left) >= 5 && len(right) >= 3 {
			all = append(all, mount{unescapePath(left[4]), right[0], right[2]})
		}
	}
	return all
}

// unescapePath undoes what the kernel and fstab write for the characters that divide
// fields: \040 is a space.
func unescapePath(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

// mountOf is the mount that a path is on.
func mountOf(path string) (found mount, ok bool) {
	for _, m := range mounts() {
		if beneath(path, m.point) && len(m.point) >= len(found.point) {
			found, ok = m, true
		}
	}
	return found, ok
}

// beneath reports whether a path is a folder or lies in it.
func beneath(path, folder string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// A partition is a line of /etc/fstab.
type partition struct {
	Source, Point string
	bind          bool // a folder that is seen in a second place
}

// parseFstab reads fstab(5), of which noauto and nofail are mounted late or by hand and
// count as the others do. The root and swap are left out.
//
//	PARTLABEL=data  /var/lib/stationd  ext4  defaults,nofail  0 2
func parseFstab(text string) []partition {
	var all []partition
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 3 || strings.HasPrefix(f[0], "#") || f[2] == "swap" || f[1] == "none" || filepath.Clean(f[1]) == "/" {
			continue
		}
		p := partition{Source: f[0], Point: filepath.Clean(unescapePath(f[1]))}
		if len(f) > 3 {
			for option := range strings.SplitSeq(f[3], ",") {
				p.bind = p.bind || option == "bind" || option == "rbind"
			}
		}
		all = append(all, p)
	}
	return all
}

// Unmounted returns the partition of fstab that belongs under a folder and is not
// mounted now: what was written there would be hidden when it is.
func Unmounted(folder string) (partition, bool) {
	text, err := os.ReadFile("/etc/fstab")
	if err != nil {
		return partition{}, false
	}
	for _, p := range parseFstab(string(text)) {
		if beneath(folder, p.Point) && !p.mounted() {
			return p, true
		}
	}
	return partition{}, false
}

// mounted reports whether something is mounted at the partition's place. A mount of
// another file system has another device than the folder that it is in; that it stands
// in mountinfo proves nothing, for systemd mounts the folder of a service onto itself.
func (p partition) mounted() bool {
	if p.bind {
		m, ok := mountOf(p.Point)
		return ok && m.point == p.Point
	}
	var here, above unix.Stat_t
	if unix.Stat(p.Point, &here) != nil || unix.Stat(filepath.Dir(p.Point), &above) != nil {
		return false
	}
	return here.Dev != above.Dev
}
