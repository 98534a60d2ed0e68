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
