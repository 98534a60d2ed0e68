package measure

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAMedianAndItsSpread(t *testing.T) {
	t.Parallel()
	many := make([]float64, 101)
	for i := range many {
		many[i] = float64(100 - i)
	}
	for sentence, c := range map[string]struct {
		of   []float64
		want Figure
	}{
		"of nothing nothing is known":             {nil, Figure{}},
		"one is its own spread":                   {[]float64{7}, Figure{7, 7, 7, 1}},
		"of two the median lies between":          {[]float64{4, 1}, Figure{2.5, 1, 4, 2}},
		"of few the spread is all of them":        {[]float64{3, 100, 1}, Figure{3, 1, 100, 3}},
		"of many the outermost do not count":      {many, Figure{50, 5, 95, 101}},
		"of twenty a twentieth is left out":       {many[:20], Figure{90.5, 81.95, 99.05, 20}},
		"equal ones are no spread":                {[]float64{2, 2, 2}, Figure{2, 2, 2, 3}},
		"the order in which they came is nothing": {[]float64{5, 1, 4, 2, 3}, Figure{3, 1, 5, 5}},
	} {
		if got := Of(c.of...); !near(got, c.want) {
			t.Errorf("%s: %+v, want %+v", sentence, got, c.want)
		}
	}
}

func near(a, b Figure) bool {
	close := func(x, y float64) bool { return x-y < 1e-9 && y-x < 1e-9 }
	return close(a.Median, b.Median) && close(a.Low, b.Low) && close(a.High, b.High) && a.N == b.N
}

func TestARatioIsOfTheMedianAndTheSpread(t *testing.T) {
	t.Parallel()
	if got, want := (Figure{6, 4, 10, 9}).Over(2), (Figure{3, 2, 5, 9}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := (Figure{6, 4, 10, 9}).Over(0); got != (Figure{}) {
		t.Errorf("to what was not measured there is no ratio: %+v", got)
	}
}

func TestEverySyncOfATraceIsRead(t *testing.T) {
	t.Parallel()
	const trace = `4711 1764360000.100000 fdatasync(7) = 0 <0.000345>
4712 1764360000.200000 fsync(9 <unfinished ...>
4711 1764360000.200100 fdatasync(7 <unfinished ...>
4712 1764360000.200500 <... fsync resumed>) = 0 <0.000500>
4711 1764360000.200900 <... fdatasync resumed>) = 0 <0.000800>
4711 1764360000.300000 fdatasync(7) = -1 EIO (Input/output error) <0.000100>
4713 1764360000.300001 <... fdatasync resumed>) = 0 <0.000100>
4711 1764360000.400000 fdatasync(7 <unfinished ...>
4711 1764360000.500000 +++ exited with 0 +++
`
	got, err := Syncs(strings.NewReader(trace))
	if err != nil {
		t.Fatal(err)
	}
	at := func(us int64) time.Time { return time.Unix(1764360000, us*1000) }
	want := []Sync{{4711, at(100_000), at(100_345)}, {4712, at(200_000), at(200_500)}, {4711, at(200_100), at(200_900)}}
	if len(got) != len(want) {
		t.Fatalf("%d syncs, want %d: %v", len(got), len(want), got)
	}
	for i := range want {
		if got[i].Thread != want[i].Thread || !got[i].Began.Equal(want[i].Began) || got[i].End.Sub(want[i].End).Abs() > time.Microsecond {
			t.Errorf("sync %d: %v, want %v", i, got[i], want[i])
		}
	}
	if _, err := Syncs(strings.NewReader("fdatasync(7) = 0 <0.1>\n")); err == nil {
		t.Error("a trace without threads and times is taken for one")
	}
}

func TestADevicesCountsAreRead(t *testing.T) {
	t.Parallel()
	const stat = "     125        0     2178       14     1312      899    41984      512        0      300      526        0        0        0        0       77       31\n"
	if got, err := parseStat(stat); err != nil || got != (Told{41984 * 512, 77}) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := parseStat("1 2 3 4 5 6 7 8 9 10 11"); err == nil {
		t.Error("a kernel that counts no flushes is taken for one that counts none")
	}
}

func TestANumberOfAProcessIsRead(t *testing.T) {
	t.Parallel()
	const status = "Name:\tstationd\nVmHWM:\t   21304 kB\nVmRSS:\t   18212 kB\nvoluntary_ctxt_switches:\t4711\nnonvoluntary_ctxt_switches:\t12\n"
	for name, want := range map[string]int{"VmHWM": 21304, "VmRSS": 18212, "voluntary_ctxt_switches": 4711} {
		if got, err := statusNumber(status, name); got != want || err != nil {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
	if _, err := statusNumber(status, "VmSwap"); err == nil {
		t.Error("a number that is not there is 0")
	}
}

func TestAFileSystemIsCalledAsItIsMounted(t *testing.T) {
	t.Parallel()
	const mountinfo = `21 1 254:1 / / rw,noatime - ext4 /dev/root rw
22 21 0:21 / /proc rw,relatime - proc proc rw
25 21 0:26 / /srv/two\040words rw shared:12 - xfs /dev/sdb1 rw
26 21 0:27 / /srv/work rw - ext3 /dev/sdc1 rw
27 26 0:28 / /srv/work rw - btrfs /dev/sdd1 rw
`
	for path, want := range map[string]string{
		"/":                   "ext4",
		"/home/pi":            "ext4",
		"/srv/two words":      "xfs",
		"/srv/two words/data": "xfs",
		"/srv/work/data":      "btrfs",
		"/srv/workshop":       "ext4",
	} {
		if got, err := mountedOn(mountinfo, path); got != want || err != nil {
			t.Errorf("%s is on %q, %v; want %s", path, got, err, want)
		}
	}
	if kind, err := mountedOn("", "/"); err == nil {
		t.Errorf("where nothing is mounted it is %q", kind)
	}
}

func TestWhatIsResidentIsTakenApart(t *testing.T) {
	t.Parallel()
	const smaps = `00400000-00ab4000 r-xp 00000000 fe:01 4711      /usr/bin/stationd
Size:               6864 kB
Rss:                6848 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00ab4000-01200000 r--p 006b4000 fe:01 4711      /usr/bin/stationd
Rss:                6100 kB
Anonymous:             0 kB
01200000-01270000 rw-p 00e00000 fe:01 4711      /usr/bin/stationd
Rss:                 400 kB
Anonymous:           120 kB
01270000-012a0000 rw-p 00000000 00:00 0
Rss:                 100 kB
Anonymous:           100 kB
c000000000-c000400000 rw-p 00000000 00:00 0     [anon: Go: heap]
Rss:                3000 kB
Anonymous:          3000 kB
7f0000000000-7f0004000000 r--s 00000000 fe:01 4712 /var/lib/stationd/outbox.db
Rss:                2048 kB
Anonymous:             0 kB
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 [stack]
Rss:                  12 kB
Anonymous:            12 kB
`
	want := Resident{Own: 3112, Code: 6848, Rest: 6500, Mapped: 2048, Lasting: 120}
	if got, err := resident(smaps, "/usr/bin/stationd"); got != want || err != nil {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if _, err := resident("Rss: none\n00-01 r--p 0 0:0 0 /a\nRss: many kB\n", "/a"); err == nil {
		t.Error("a number that is none is taken for one")
	}
}

func TestTheKernelsOwnTraceIsRead(t *testing.T) {
	t.Parallel()
	boot := time.Unix(1764360000, 0)
	const trace = `# tracer: nop
#
# entries-in-buffer/entries-written: 6/6   #P:2
#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
        stationd-4711    [001] .....    12.100000: sys_fdatasync(fd: 7)
 node-MainThread-4712    [000] .....    12.100100: sys_fsync(fd: 9)
        stationd-4711    [001] .....    12.100345: sys_fdatasync -> 0x0
 node-MainThread-4712    [000] .....    12.100900: sys_fsync -> 0xfffffffffffffffb
        stationd-4711    [001] .....    12.200000: sys_fdatasync -> 0x0
        stationd-4713    [001] .....    12.300000: sys_fdatasync(fd: 7)
`
	all, err := events(strings.NewReader(trace), boot)
	if err != nil || len(all) != 6 {
		t.Fatalf("%v, %v", all, err)
	}
	got := syncsOf(all)
	want := Sync{4711, boot.Add(12100 * time.Millisecond), boot.Add(12100345 * time.Microsecond)}
	if len(got) != 1 || got[0] != want {
		t.Errorf("%v, want %v alone: one failed, of one the beginning is unknown, and one has not ended", got, want)
	}
	if _, err := events(strings.NewReader("# tracer: nop\n#\n# entries-in-buffer/entries-written: 20/37   #P:2\n"), boot); err == nil {
		t.Error("a trace that is not whole is taken for one that is")
	}
}

func TestWhatADeviceWasWrittenIsTakenApart(t *testing.T) {
	t.Parallel()
	var all []Event
	for _, text := range []string{
		"block_rq_issue: 7,3 RM 4096 () 232 + 8 be,0,4 [mount]",
		"block_rq_issue: 7,3 WS 4096 () 266264 + 8 be,0,4 [stationd]",
		"block_rq_issue: 7,3 FF 0 () 0 + 0 none,0,0 [kworker/0:1H]",
		"block_rq_issue: 7,3 WS 4096 () 266240 + 8 be,0,4 [stationd]",
		"block_rq_issue: 7,3 WSM 12288 () 25400 + 24 be,0,3 [jbd2/loop3-8]",
		"block_rq_issue: 7,3 W 8192 () 266272 + 16 be,0,4 [kworker/u8:2]",
	} {
		all = append(all, Event{Text: text})
	}
	if got, err := writtenOf(all); err != nil || got != (Written{Synced: 8192, Later: 8192, System: 12288}) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := writtenOf([]Event{{Text: "block_rq_issue: 7,3"}}); err == nil {
		t.Error("a request that says nothing is one of nothing")
	}
}

func TestAFunctionsPackageIsToldFromItsName(t *testing.T) {
	t.Parallel()
	for function, want := range map[string]string{
		"main.main":                                     "main",
		"net/http.(*Transport).roundTrip":               "net/http",
		"go.etcd.io/bbolt.(*Tx).Commit":                 "go.etcd.io/bbolt",
		"gopkg.in/yaml%2ev3.Unmarshal":                  "gopkg.in/yaml.v3",
		"slices.SortFunc[go.shape.[]stationd/x.A,int]":  "slices",
		"stationd/internal/queue.(*Outbox).Run.func1.2": "stationd/internal/queue",
	} {
		if got := PackageOf(function); got != want {
			t.Errorf("%s is of %q, want %q", function, got, want)
		}
	}
}

func TestTheLargestPartsStandFirst(t *testing.T) {
	t.Parallel()
	got := Shares(map[string]float64{"a": 1, "b": 30, "c": 4, "d": 2}, 2)
	if want := []Share{{"b", 30}, {"c", 4}, {"the rest", 3}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := Shares(map[string]float64{"a": 1}, 2); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// This test's own program is one of Go's.
func TestAProgramsPartsAreItsBytes(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(self)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := ProgramParts(self)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, n := range parts {
		sum += n
	}
	if size := float64(info.Size()); sum < size*0.95 || sum > size*1.05 {
		t.Errorf("the parts are %.0f bytes, the file %.0f: %v", sum, size, parts)
	}
	if parts["code: Go's runtime, files and processes"] < 100_000 || parts["code: between functions"] > sum/10 {
		t.Errorf("whose the code is, is not told: %v", parts)
	}
}

func TestWhatIsTracedIsSeen(t *testing.T) {
	tracing, err := OpenTracing(t.Context())
	if errors.Is(err, ErrNoTracing) {
		t.Skipf("NOT PROVED: that the kernel's tracepoints are read: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tracing.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	trace, err := tracing.TraceSyncs("test", os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := trace.Close(); err != nil {
			t.Error(err)
		}
	}()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	before := time.Now()
	for range 3 {
		if err := file.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	all, err := trace.Syncs()
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	if all[0].Began.Before(before.Add(-time.Minute)) || all[2].End.After(time.Now().Add(time.Minute)) {
		t.Errorf("between %v and %v: %v", before, time.Now(), all)
	}
}
