package queue

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"stationd/internal/station"
)

const mark = "now the next one"

// recordTwice records two scans on one thread, so that its system calls can be
// counted; before the second it says so. It says what it has acknowledged.
func recordTwice(path string) error {
	runtime.LockOSThread()
	clock := board("boot-1")
	box, err := Open(path, Setting{Size: 1 << 20, Stamp: clock, Program: program})
	if err != nil {
		return err
	}
	for i, code := range []string{"1/first", "1/second"} {
		if i == 1 {
			fmt.Println(mark)
		}
		done, err := box.Record(station.Event{Source: "hand", Kind: station.Scan, Code: code, At: clock(time.Now())})
		if err != nil {
			return err
		}
		fmt.Println(done.Entries[0])
	}
	return nil
}

// A call is a system call of the commit: the n-th of its name on its thread.
type call struct {
	name string
	n    int
}

// traced runs recordTwice under strace and returns what it said.
func traced(t *testing.T, path string, options ...string) (acknowledged []station.ID, complaints string) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("NOT proved: a commit with each of its system calls failing. There is no strace (Debian: strace)")
	}
	child := again(t.Context(), t, "record twice", path)
	options = append(options, "-f", "-qq", "--seccomp-bpf", child.Path)
	child.Args = append(append([]string{strace}, options...), child.Args[1:]...)
	child.Path = strace
	var out, wrong bytes.Buffer
	child.Stdout, child.Stderr = &out, &wrong
	err = child.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if line = strings.TrimSpace(line); line != mark {
			acknowledged = append(acknowledged, station.ID(line))
		}
	}
	return acknowledged, wrong.String()
}

// callsOfACommit counts the system calls of the second record.
func callsOfACommit(t *testing.T, path string) (calls []call) {
	t.Helper()
	logged := filepath.Join(t.TempDir(), "strace.log")
	if said, wrong := traced(t, path, "-o", logged, "-e", "trace=write,pwrite64,fdatasync"); len(said) != 2 {
		if strings.Contains(wrong, "ptrace") {
			t.Skipf("NOT proved: a commit with each of its system calls failing. strace may not trace here: %s", wrong)
		}
		t.Fatalf("it said %v: %s", said, wrong)
	}
	text, err := os.ReadFile(logged)
	if err != nil {
		t.Fatal(err)
	}
	// 4711  pwrite64(3, …
	line := regexp.MustCompile(`(?m)^(\d+) +(\w+)\((.*)$`)
	all := line.FindAllStringSubmatch(string(text), -1)
	at := slices.IndexFunc(all, func(m []string) bool { return m[2] == "write" && strings.Contains(m[3], mark) })
	if at < 0 {
		t.Fatalf("the mark is not in the log:\n%s", text)
	}
	count := make(map[string]int)
	for i, m := range all {
		switch {
		case m[1] != all[at][1]: // another thread
		case m[2] != "write":
			count[m[2]]++
			if i > at {
				calls = append(calls, call{m[2], count[m[2]]})
			}
		case i > at:
			return calls // it is acknowledged
		}
	}
	return calls
}

func TestEverySystemCallFails(t *testing.T) {
	t.Parallel()
	prepared := filepath.Join(t.TempDir(), "outbox.db")
	box := boxOn(t, prepared, 1<<20)
	for i := range 20 {
		if _, err := box.Record(station.Event{Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("2/n%d", i), At: box.setting.Stamp(time.Now())}); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(prepared)
	if err != nil {
		t.Fatal(err)
	}
	place := func(t *testing.T) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "outbox.db")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	after := func(t *testing.T, path string, acknowledged []station.ID) (there []station.EntryStatus) {
		t.Helper()
		box, err := Open(path, Setting{Size: 1 << 20, Stamp: board("boot-2"), Program: program, Verify: inChild(t, 10*time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		c, err := box.Contents(station.NoLimit())
		if err := errors.Join(err, box.Close(), VerifyFile(path)); err != nil {
			t.Fatal(err)
		}
		for _, id := range acknowledged {
			if !slices.ContainsFunc(c.Entries, func(e station.EntryStatus) bool { return e.ID == id && e.Condition != station.Held }) {
				t.Errorf("entry %s was acknowledged and is lost, or held", id)
			}
		}
		if n := len(c.Entries); n < 20+len(acknowledged) || n > 22 {
			t.Errorf("%d entries", n)
		}
		return c.Entries
	}
	calls := callsOfACommit(t, place(t))
	t.Logf("a commit is %v", calls)
	if len(calls) < 4 {
		t.Errorf("a commit of %d system calls is none", len(calls))
	}
	for _, c := range calls {
		for _, fault := range []string{"EIO", "ENOSPC"} {
			t.Run(fmt.Sprintf("%s of %s %d: the scan is safe in the spare file", fault, c.name, c.n), func(t *testing.T) {
				t.Parallel()
				path := place(t)
				acknowledged, wrong := traced(t, path, "-o", "/dev/null", "-e", fmt.Sprintf("inject=%s:error=%s:when=%d", c.name, fault, c.n))
				if len(acknowledged) != 2 {
					t.Errorf("%d of 2 were acknowledged: %s", len(acknowledged), wrong)
				}
				if _, err := os.Stat(siblingPath(path, spareSuffix)); err != nil {
					t.Errorf("the fault did not happen: %v", err)
				}
				after(t, path, acknowledged)
			})
		}
	}
	last := calls[len(calls)-1]
	for name, spare := range map[string]string{"sync": "fsync", "renaming": "renameat,renameat2,rename"} {
		t.Run("the commit fails, and then the "+name+" of the spare file for ever: the scan is refused, and nothing else is lost", func(t *testing.T) {
			t.Parallel()
			path := place(t)
			acknowledged, wrong := traced(t, path, "-o", "/dev/null",
				"-e", fmt.Sprintf("inject=%s:error=EIO:when=%d", last.name, last.n), "-e", "inject="+spare+":error=EIO")
			if len(acknowledged) != 1 || !strings.Contains(wrong, ErrStorage.Error()) {
				t.Errorf("acknowledged %v: %s", acknowledged, wrong)
			}
			after(t, path, acknowledged)
		})
	}
}
