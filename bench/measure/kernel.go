package measure

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Spent is what a process has taken of the machine so far, all its threads together.
// Threads that have ended are left out.
type Spent struct {
	Processor time.Duration // on a processor
	Switches  int           // how often it gave it up of its own accord: each wake-up ends in one
}

// SpentBy reads what a process has taken, from /proc/PID/task/*/schedstat and status.
func SpentBy(pid int) (Spent, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return Spent{}, err
	}
	if len(threads) == 0 {
		return Spent{}, fmt.Errorf("process %d has ended", pid)
	}
	var all Spent
	for _, thread := range threads {
		schedule, err := os.ReadFile(thread + "/schedstat")
		if err != nil {
			continue // it has just ended
		}
		status, err := os.ReadFile(thread + "/status")
		if err != nil {
			continue
		}
		var nanoseconds int64
		if _, err := fmt.Sscan(string(schedule), &nanoseconds); err != nil {
			return Spent{}, fmt.Errorf("%s/schedstat: %w", thread, err)
		}
		switches, err := statusNumber(string(status), "voluntary_ctxt_switches")
		if err != nil {
			return Spent{}, fmt.Errorf("%s/status: %w", thread, err)
		}
		all.Processor += time.Duration(nanoseconds)
		all.Switches += switches
	}
	return all, nil
}

// Since is what was taken after an earlier reading.
func (s Spent) Since(before Spent) Spent {
	return Spent{s.Processor - before.Processor, s.Switches - before.Switches}
}

// Own is how long this process has been on a processor so far, in the kernel too.
func Own() (time.Duration, error) {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), nil
}

// Memory reads how much memory of a process is resident, and how much was at one time, in
// kibibytes.
func Memory(pid int) (now, most int, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	if now, err = statusNumber(string(status), "VmRSS"); err != nil {
		return 0, 0, err
	}
	most, err = statusNumber(string(status), "VmHWM")
	return now, most, err
}

// A Resident is what memory of a process is resident, by what is in it, in kibibytes.
type Resident struct {
	Own     int // its heap and stacks
	Code    int // pages of its program that are executed
	Rest    int // pages of its program that are not: constants, and the tables of the collector
	Mapped  int // pages of other files, as those of an outbox that was looked at
	Lasting int // of Code, Rest and Mapped: what it has changed, which the kernel cannot take back
}

// ResidentOf reads it from /proc/PID/smaps.
func ResidentOf(pid int) (Resident, error) {
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return Resident{}, err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		return Resident{}, err
	}
	return resident(string(text), program)
}

// TouchedIn is how much of the memory of a process is read or written in some time, in kibibytes.
func TouchedIn(pid int, long time.Duration) (kibibytes int, err error) {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("1"), 0); err != nil {
		return 0, err
	}
	<-time.After(long)
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	return statusNumber(string(text), "Referenced")
}

// resident reads smaps (proc_pid_smaps(5)), of which each part begins as maps does:
//
//	00400000-00ab4000 r-xp 00000000 fe:01 4711      /usr/bin/stationd
//	Rss:                6848 kB
//	Anonymous:             0 kB
func resident(smaps, program string) (r Resident, err error) {
	var to *int
	file := false
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if !strings.HasSuffix(fields[0], ":") {
			path := strings.Join(fields[min(5, len(fields)):], " ")
			file = strings.HasPrefix(path, "/")
			switch executed := strings.Contains(fields[1], "x"); {
			case !file:
				to = &r.Own
			case path == program && executed:
				to = &r.Code
			case path == program:
				to = &r.Rest
			default:
				to = &r.Mapped
			}
			continue
		}
		if to == nil || fields[0] != "Rss:" && fields[0] != "Anonymous:" {
			continue
		}
		n, err := strconv.Atoi(fields[1])
		if err != nil {
			return Resident{}, fmt.Errorf("smaps: %q: %w", strings.TrimSpace(line), err)
		}
		switch {
		case fields[0] == "Rss:":
			*to += n
		case file:
			r.Lasting += n
		}
	}
	return r, nil
}

// statusNumber finds the number of one line of /proc/PID/status:
//
//	VmHWM:	   21304 kB
func statusNumber(status, name string) (int, error) {
	for line := range strings.Lines(status) {
		key, value, found := strings.Cut(line, ":")
		if !found || key != name {
			continue
		}
		number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		return strconv.Atoi(number)
	}
	return 0, fmt.Errorf("it has no %s", name)
}

// A Sync is one fsync or fdatasync, as strace saw it.
type Sync struct {
	Thread     int
	Began, End time.Time
}

// Syncs reads what strace wrote with -f -ttt -T of fsync and fdatasync. Those that had not
// ended are left out.
//
//	4711 1764360000.123456 fdatasync(7) = 0 <0.000345>
//	4711 1764360000.123456 fdatasync(7 <unfinished ...>
//	4711 1764360000.123801 <... fdatasync resumed>) = 0 <0.000345>
func Syncs(trace io.Reader) ([]Sync, error) {
	var all []Sync
	open := make(map[int]time.Time)
	lines := bufio.NewScanner(trace)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			continue
		}
		thread, err := strconv.Atoi(fields[0])
		if err != nil {
			return nil, fmt.Errorf("a trace without threads: %q", lines.Text())
		}
		at, err := seconds(fields[1])
		if err != nil {
			return nil, fmt.Errorf("a trace without times: %q", lines.Text())
		}
		text := strings.Join(fields[2:], " ")
		began := at
		switch {
		case strings.HasPrefix(text, "fsync(") || strings.HasPrefix(text, "fdatasync("):
			if strings.Contains(text, "<unfinished") {
				open[thread] = at
				continue
			}
		case strings.HasPrefix(text, "<... fsync resumed") || strings.HasPrefix(text, "<... fdatasync resumed"):
			first, known := open[thread]
			if !known {
				continue
			}
			delete(open, thread)
			began = first
		default:
			continue // a signal, an end
		}
		_, rest, found := strings.Cut(text, "= 0 <")
		if !found {
			continue // it failed, or was interrupted
		}
		took, err := strconv.ParseFloat(strings.TrimSuffix(rest, ">"), 64)
		if err != nil {
			return nil, fmt.Errorf("a trace without durations: %q", lines.Text())
		}
		all = append(all, Sync{thread, began, began.Add(time.Duration(took * float64(time.Second)))})
	}
	return all, lines.Err()
}

// seconds reads 1764360000.123456.
func seconds(text string) (time.Time, error) {
	whole, part, _ := strings.Cut(text, ".")
	s, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	us, err := strconv.ParseInt((part + "000000")[:6], 10, 64)
	return time.Unix(s, us*1000), err
}

// FileSystem is the kind of file system that a folder lies on, as ext4, by the name under which
// it is mounted: its number is that of ext2 and ext3 too.
func FileSystem(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", err
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	return mountedOn(string(text), dir)
}

// mountedOn finds a path in mountinfo (proc_pid_mountinfo(5)); of two at one place the last is
// the one that is seen:
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
func mountedOn(mountinfo, path string) (kind string, err error) {
	longest := -1
	for line := range strings.Lines(mountinfo) {
		before, after, _ := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if len(left) < 5 || len(right) == 0 {
			continue
		}
		point := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(left[4])
		beneath := path == point || strings.HasPrefix(path, strings.TrimSuffix(point, "/")+"/")
		if beneath && len(point) >= longest {
			kind, longest = right[0], len(point)
		}
	}
	if longest < 0 {
		return "", fmt.Errorf("nothing is mounted at %s", path)
	}
	return kind, nil
}
