package api

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Pace turns a rate into the time between two requests: 60/min, 2/s, 100/h. An empty one is
// otherwise.
func Pace(rate, otherwise string) (time.Duration, error) {
	if rate == "" {
		rate = otherwise
	}
	count, unit, _ := strings.Cut(rate, "/")
	n, err := strconv.ParseUint(strings.TrimSpace(count), 10, 16)
	per, known := map[string]time.Duration{"s": time.Second, "min": time.Minute, "h": time.Hour}[strings.TrimSpace(unit)]
	if err != nil || n == 0 || !known {
		return 0, fmt.Errorf("%q is not a rate like 60/min, 1/s or 100/h", rate)
	}
	return per / time.Duration(n), nil
}

// FirstRound is how long after its start a watch makes the first of its rounds, one of which
// comes every so often. It is drawn, so that stations which are switched on together do not ask
// together, and no sooner than a quarter of every: what waits to be delivered goes first, and a
// round is several requests that would each take the pace of one.
func FirstRound(every time.Duration) time.Duration {
	return every/4 + rand.N(every-every/4)
}
