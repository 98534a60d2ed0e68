package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFstabIsReadAsMountDoes(t *testing.T) {
	t.Parallel()
	got := parseFstab(`# /etc/fstab
proc            /proc           proc    defaults          0       0
PARTUUID=1-01   /boot/firmware  vfat    defaults          0       2
PARTUUID=1-02   /               ext4    defaults,noatime  0       1
LABEL=data      /var/lib/stationd/ ext4 nofail,noauto     0       2
/swap           none            swap    sw                0       0
/srv/a\040b     /mnt/a\040b     none    bind
broken
`)
	want := []partition{{"proc", "/proc", false}, {"PARTUUID=1-01", "/boot/firmware", false}, {"LABEL=data", "/var/lib/stationd", false}, {`/srv/a\040b`, "/mnt/a b", true}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(partition{})); diff != "" {
		t.Error(diff)
	}
}

func TestTheUpperLayerOfAnOverlayIsFoundInWhatTheKernelSays(t *testing.T) {
	t.Parallel()
	got := parseMounts("28 1 0:25 / / rw,relatime - overlay overlay rw,lowerdir=/lower,upperdir=/upper/data\n36 28 8:2 / /var/lib/sta\\040tiond rw master:1 - ext4 /dev/mmcblk0p3 rw\nbroken\n")
	want := []mount{{"/", "overlay", "rw,lowerdir=/lower,upperdir=/upper/data"}, {"/var/lib/sta tiond", "ext4", "rw"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(mount{})); diff != "" {
		t.Error(diff)
	}
	for path, beside := range map[string]bool{"/var/lib/stationd": true, "/var/lib/stationd/history": true, "/var/lib/stationdata": false, "/var": false} {
		if beneath(path, "/var/lib/stationd") != beside {
			t.Errorf("%s in /var/lib/stationd: %v", path, !beside)
		}
	}
}

// A plant has a partition of its own for the outbox, with nofail, and its disk is slow.
func TestAPartitionThatIsMountedLateIsWaitedFor(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a partition that is mounted late was NOT proved: it takes its time")
	}
	binary, err := exec.LookPath("stationd")
	must(t, err)
	dir, err := os.MkdirTemp("", "stationd-late-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	data, fstab, config := filepath.Join(dir, "data"), filepath.Join(dir, "fstab"), filepath.Join(dir, "stationd.toml")
	must(t, os.Mkdir(data, 0o700))
	must(t, os.WriteFile(fstab, fmt.Appendf(nil, "LABEL=data %s tmpfs nofail 0 2\n", data), 0o600))
	must(t, os.WriteFile(config, fmt.Appendf(nil, "[station]\nname = \"late\"\ntimezone = \"Europe/Stockholm\"\ndata = %q\n[web]\nlisten = \"127.0.0.1:0\"\n", data), 0o600))

	// Its own view of what is mounted, with another fstab.
	station := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc/fstab && exec "$@"`, fstab, binary, "run", "--config", config)
	log, err := openDiary(filepath.Join(dir, "log"))
	must(t, err)
	t.Cleanup(func() { _ = log.close() })
	station.Stderr = log
	station.Env = append(os.Environ(), "NOTIFY_SOCKET=", "WATCHDOG_USEC=")
	must(t, station.Start())
	ended := make(chan error, 1)
	go func() { ended <- station.Wait() }()
	over := func() bool { return len(ended) > 0 }
	must(t, until(t.Context(), "the station waits", func() bool { return log.count("the start waits") > 0 || over() }))
	if over() && log.count("the start waits") == 0 {
		t.Skipf("a partition that is mounted late was NOT proved: this machine lets nobody mount (%v: %s)", <-ended, log.tail())
	}
	beneath := func() {
		t.Helper()
		if _, err := os.Stat(filepath.Join(data, "outbox.db")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("an outbox was made beneath the partition: %v", err)
		}
	}
	beneath()
	mount := exec.CommandContext(t.Context(), "nsenter", "--mount", "--target", strconv.Itoa(station.Process.Pid), "mount", "-t", "tmpfs", "-o", "size=100m,mode=700", "late", data)
	if out, err := mount.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	must(t, until(t.Context(), "the station is ready", func() bool { return log.count(heardReady) > 0 || over() }))
	beneath()
	must(t, until(t.Context(), "the station says that its outbox is in memory", func() bool {
		return strings.Contains(get(t, http.DefaultClient, log.pageURL()+"healthz"), "ok\ndata: "+data+" is in memory (tmpfs)")
	}))
	must(t, station.Process.Signal(syscall.SIGTERM))
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, log.tail())
	}
}
