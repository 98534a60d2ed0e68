package measure

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Tracing is where the kernel says what it does (tracefs), without stopping whoever does it, as
// strace must.
type Tracing struct {
	dir   string
	mount string // where it was mounted for us; empty: it was there already
}

// ErrNoTracing says that this machine lets nobody see its tracepoints: it takes root.
var ErrNoTracing = errors.New("the kernel's tracepoints cannot be seen here, which takes root")

// OpenTracing finds tracefs, or mounts it. The caller closes it.
func OpenTracing(ctx context.Context) (*Tracing, error) {
	if os.Geteuid() != 0 {
		return nil, ErrNoTracing
	}
	t := &Tracing{dir: "/sys/kernel/tracing"}
	if !usable(t.dir) {
		dir, err := os.MkdirTemp("", "stationd-bench-tracing-")
		if err != nil {
			return nil, err
		}
		if _, err := command(ctx, "mount", "-t", "tracefs", "tracefs", dir); err != nil {
			return nil, errors.Join(ErrNoTracing, err, os.Remove(dir))
		}
		t = &Tracing{dir: dir, mount: dir}
	}
	if err := t.sees(); err != nil {
		return nil, errors.Join(ErrNoTracing, err, t.Close(ctx))
	}
	return t, nil
}

// sees makes sure that what this process syncs is seen: in a container it may go by other numbers
// than the kernel's.
func (t *Tracing) sees() (err error) {
	if !usable(t.dir) {
		return errors.New("this kernel has no tracepoints of system calls and block devices")
	}
	tr, err := t.TraceSyncs("try", os.Getpid())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tr.Close()) }()
	file, err := os.CreateTemp("", "stationd-bench-sync-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	if err := file.Sync(); err != nil {
		return err
	}
	all, err := tr.Syncs()
	if err == nil && len(all) == 0 {
		err = errors.New("a sync of this process is not seen")
	}
	return err
}

// usable says whether traces can be made of system calls and of block devices.
func usable(dir string) bool {
	for _, name := range []string{"instances", "events/syscalls/sys_exit_fdatasync", "events/block/block_rq_issue"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// Close unmounts it, where it was mounted.
func (t *Tracing) Close(ctx context.Context) error {
	if t.mount == "" {
		return nil
	}
	if _, err := command(context.WithoutCancel(ctx), "umount", "--lazy", t.mount); err != nil {
		return err
	}
	return os.Remove(t.mount)
}

// A Trace is what the kernel has said of some tracepoints since it was opened.
type Trace struct{ dir string }

// Trace begins one: name is that of no other, and events are tracepoints, as block/block_rq_issue,
// each with a filter or none. The caller closes it.
func (t *Tracing) Trace(name string, events map[string]string) (*Trace, error) {
	tr := &Trace{filepath.Join(t.dir, "instances", fmt.Sprintf("stationd-bench-%d-%s", os.Getpid(), name))}
	if err := os.Mkdir(tr.dir, 0o700); err != nil {
		return nil, err
	}
	err := errors.Join(tr.set("trace_clock", "mono"), tr.set("options/event-fork", "1"))
	for event, filter := range events {
		if filter != "" {
			err = errors.Join(err, tr.set("events/"+event+"/filter", filter))
		}
	}
	for event := range events {
		err = errors.Join(err, tr.set("events/"+event+"/enable", "1"))
	}
	if err != nil {
		return nil, errors.Join(err, tr.Close())
	}
	return tr, nil
}

func (t *Trace) set(name, value string) error {
	return os.WriteFile(filepath.Join(t.dir, name), []byte(value), 0)
}

// Of leaves out what others do than a process and what it starts from now on.
func (t *Trace) Of(pid int) error {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return err
	}
	var all strings.Builder
	for _, thread := range threads {
		all.WriteString(filepath.Base(thread) + " ")
	}
	return t.set("set_event_pid", all.String())
}

// Close ends it. It may be called again.
func (t *Trace) Close() error {
	if err := os.Remove(t.dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// An Event is one tracepoint that was passed.
type Event struct {
	Thread int
	At     time.Time
	Text   string // what it says of itself
}

// Events are those until now.
func (t *Trace) Events() ([]Event, error) {
	f, err := os.Open(filepath.Join(t.dir, "trace"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	boot, err := booted()
	if err != nil {
		return nil, err
	}
	return events(f, boot)
}

// booted is when the clock of traces began. The two clocks are read until nobody has come between.
func booted() (boot time.Time, err error) {
	shortest := time.Hour
	for range 20 {
		var before, after unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &before); err != nil {
			return boot, err
		}
		now := time.Now()
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &after); err != nil {
			return boot, err
		}
		if took := time.Duration(after.Nano() - before.Nano()); took < shortest {
			shortest, boot = took, now.Add(-time.Duration(before.Nano()))
		}
	}
	return boot, nil
}

// eventLine is a line of a trace (Documentation/trace/ftrace.rst):
//
//	stationd-4711    [001] ..... 62192.923659: sys_fdatasync(fd: 7)
var eventLine = regexp.MustCompile(`-(\d+)\s+\[\d+\]\s+\S+\s+(\d+)\.(\d{6}): (.*)$`)

// events reads a trace, whose times begin when the machine did.
func events(trace io.Reader, boot time.Time) (all []Event, err error) {
	lines := bufio.NewScanner(trace)
	for lines.Scan() {
		var kept, written int
		if _, err := fmt.Sscanf(lines.Text(), "# entries-in-buffer/entries-written: %d/%d", &kept, &written); err == nil && kept < written {
			return nil, fmt.Errorf("the kernel has kept only %d of %d lines of a trace", kept, written)
		}
		m := eventLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		thread, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, err
		}
		after, err := time.ParseDuration(m[2] + "s" + m[3] + "us")
		if err != nil {
			return nil, err
		}
		all = append(all, Event{thread, boot.Add(after), m[4]})
	}
	return all, lines.Err()
}

// syncEvents are the tracepoints of a sync.
func syncEvents() map[string]string {
	return map[string]string{
		"syscalls/sys_enter_fsync": "", "syscalls/sys_exit_fsync": "",
		"syscalls/sys_enter_fdatasync": "", "syscalls/sys_exit_fdatasync": "",
	}
}

// TraceSyncs begins a trace of what a process syncs.
func (t *Tracing) TraceSyncs(name string, pid int) (*Trace, error) {
	tr, err := t.Trace(name, syncEvents())
	if err != nil {
		return nil, err
	}
	if err := tr.Of(pid); err != nil {
		return nil, errors.Join(err, tr.Close())
	}
	return tr, nil
}

// Syncs are the fsyncs and fdatasyncs of a trace that have ended well:
//
//	sys_fdatasync(fd: 7)
//	sys_fdatasync -> 0x0
func (t *Trace) Syncs() ([]Sync, error) {
	all, err := t.Events()
	if err != nil {
		return nil, err
	}
	return syncsOf(all), nil
}

func syncsOf(events []Event) (all []Sync) {
	began := make(map[int]time.Time)
	for _, e := range events {
		at, entered := began[e.Thread]
		switch {
		case strings.Contains(e.Text, "("):
			began[e.Thread] = e.At
		case entered && strings.HasSuffix(e.Text, "-> 0x0"):
			all = append(all, Sync{e.Thread, at, e.At})
			delete(began, e.Thread)
		default:
			delete(began, e.Thread)
		}
	}
	return all
}

// Written is what was written to a block device, in bytes, by what it was.
type Written struct {
	Synced int64 // data that somebody waited for
	Later  int64 // data that nobody did, as of a file that is not synced
	System int64 // the file system's own: its journal and its tables
}

// TraceWrites begins a trace of what a card is written.
func (t *Tracing) TraceWrites(name string, c *Card) (*Trace, error) {
	var s unix.Stat_t
	if err := unix.Stat(c.device, &s); err != nil {
		return nil, err
	}
	device := int(unix.Major(s.Rdev))<<20 | int(unix.Minor(s.Rdev)) // as the kernel has it
	return t.Trace(name, map[string]string{"block/block_rq_issue": fmt.Sprintf("dev == %d", device)})
}

// Written sums up a trace of writes.
func (t *Trace) Written() (Written, error) {
	all, err := t.Events()
	if err != nil {
		return Written{}, err
	}
	return writtenOf(all)
}

// writtenOf sums up requests, each with what it is (R or W, of metadata M, that somebody waits
// for S) and its bytes:
//
//	block_rq_issue: 7,3 WSM 12288 () 25400 + 24 be,0,3 [jbd2/loop3-8]
func writtenOf(events []Event) (w Written, err error) {
	for _, e := range events {
		fields := strings.Fields(e.Text)
		if len(fields) < 4 {
			return Written{}, fmt.Errorf("a request that says too little: %q", e.Text)
		}
		bytes, err := strconv.ParseInt(fields[3], 10, 64)
		if err != nil {
			return Written{}, fmt.Errorf("a request without its bytes: %q", e.Text)
		}
		switch kind := fields[2]; {
		case !strings.Contains(kind, "W"):
		case strings.Contains(kind, "M"):
			w.System += bytes
		case strings.Contains(kind, "S"):
			w.Synced += bytes
		default:
			w.Later += bytes
		}
	}
	return w, nil
}
