package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

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
	source, point string
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
		p := partition{source: f[0], point: filepath.Clean(unescapePath(f[1]))}
		if len(f) > 3 {
			for option := range strings.SplitSeq(f[3], ",") {
				p.bind = p.bind || option == "bind" || option == "rbind"
			}
		}
		all = append(all, p)
	}
	return all
}

// unmounted returns the partition of fstab that belongs under a folder and is not
// mounted now: what was written there would be hidden when it is.
func unmounted(folder string) (partition, bool) {
	text, err := os.ReadFile("/etc/fstab")
	if err != nil {
		return partition{}, false
	}
	for _, p := range parseFstab(string(text)) {
		if beneath(folder, p.point) && !p.mounted() {
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
		m, ok := mountOf(p.point)
		return ok && m.point == p.point
	}
	var here, above unix.Stat_t
	if unix.Stat(p.point, &here) != nil || unix.Stat(filepath.Dir(p.point), &above) != nil {
		return false
	}
	return here.Dev != above.Dev
}

const (
	// partitionTime is how long a start waits for a partition: longer than systemd
	// waits for a disk (90 s), shorter than it waits for the start.
	partitionTime = 2 * time.Minute
	partitionLook = time.Second
)

// awaitPartition waits until the partition that fstab has for a folder is mounted. A
// new outbox in the folder beneath it would be hidden as soon as it is, and with it what
// was recorded. An error says that it did not come; another start waits again.
func (s *opened) awaitPartition(ctx context.Context) error {
	folder := s.plan.station.Data
	p, missing := unmounted(folder)
	if !missing {
		return nil
	}
	text := fmt.Sprintf("the partition %s is not mounted at %s: nothing is recorded before it is; look with systemctl status and lsblk, or mount it: mount %s", p.source, p.point, p.point)
	s.log.Error("the start waits", "for", text)
	telling, told := context.WithCancel(ctx)
	var tells sync.WaitGroup
	tells.Go(func() { s.notRecording(telling, errors.New(text)) })
	defer tells.Wait()
	defer told()
	for end := time.Now().Add(partitionTime); time.Now().Before(end); {
		if !wait(ctx, partitionLook) {
			return ctx.Err()
		}
		if p, missing = unmounted(folder); !missing {
			s.log.Info("the partition is mounted", "folder", folder)
			return nil
		}
	}
	return fmt.Errorf("waited %v: %s", partitionTime, text)
}
