package measure

import (
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
