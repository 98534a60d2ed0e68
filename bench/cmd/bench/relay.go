package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"stationd/bench/measure"
	"stationd/bench/rig"
)

// relay has the project's own benchmark say what a relay adds, which has an engine and a vendor of
// its own.
func (b *bench) relay(ctx context.Context) error {
	c := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkWhatARelayAdds$", "-benchtime", "200x", "-count", "5", "./internal/matrix")
	said, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "added-ms") {
		b.Rig.Missing["what a relay adds"] = fmt.Sprintf("its benchmark says nothing (%v): %.200s", err, said)
		return nil
	}
	for name, line := range map[string]string{"added": "relay_added", "direct": "relay_direct", "relay": "relay_by"} {
		values, err := metrics(string(said), name+"-ms")
		if err != nil {
			return err
		}
		b.Set(line, rig.Stationd, measure.Of(values...))
	}
	return nil
}

// metrics are what a Go benchmark has reported under a name, of each of its runs:
//
//	BenchmarkWhatARelayAdds-2   200   5167480 ns/op   0.9130 added-ms   1.502 direct-ms   2.426 relay-ms
func metrics(said, name string) (values []float64, err error) {
	for _, m := range regexp.MustCompile(`([0-9.e+-]+) `+regexp.QuoteMeta(name)+`\b`).FindAllStringSubmatch(said, -1) {
		value, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("no %s in what the benchmark says: %.300s", name, said)
	}
	return values, nil
}
