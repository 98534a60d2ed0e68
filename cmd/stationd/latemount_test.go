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

	"stationd/internal/demo"
)

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
	log, err := demo.OpenLogWatcher(filepath.Join(dir, "log"))
	must(t, err)
	t.Cleanup(func() { _ = log.Close() })
	station.Stderr = log
	station.Env = append(os.Environ(), "NOTIFY_SOCKET=", "WATCHDOG_USEC=")
	must(t, station.Start())
	ended := make(chan error, 1)
	go func() { ended <- station.Wait() }()
	over := func() bool { return len(ended) > 0 }
	must(t, demo.Until(t.Context(), "the station waits", func() bool { return log.Count("the start waits") > 0 || over() }))
	if over() && log.Count("the start waits") == 0 {
		t.Skipf("a partition that is mounted late was NOT proved: this machine lets nobody mount (%v: %s)", <-ended, log.Tail())
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
	must(t, demo.Until(t.Context(), "the station is ready", func() bool { return log.Count(heardReady) > 0 || over() }))
	beneath()
	must(t, demo.Until(t.Context(), "the station says that its outbox is in memory", func() bool {
		return strings.Contains(getText(t, http.DefaultClient, log.PageURL()+"healthz"), "ok\ndata: "+data+" is in memory (tmpfs)")
	}))
	must(t, station.Process.Signal(syscall.SIGTERM))
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, log.Tail())
	}
}
