// Package measure has what every measurement needs: medians and spreads, what the kernel
// counts of a process and of a block device, and a block device whose counts are one
// program's alone.
package measure

import (
	"math"
	"slices"
	"time"
)

// A Figure is what several measurements of one thing came to.
type Figure struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`  // the least; of twenty and more, what a twentieth is below
	High   float64 `json:"high"` // the most; of twenty and more, what a twentieth is above
	N      int     `json:"n"`
}

// Of sums up measurements. Of none it is the zero value, which has N = 0.
func Of(values ...float64) Figure {
	if len(values) == 0 {
		return Figure{}
	}
	s := slices.Sorted(slices.Values(values))
	f := Figure{Median: Quantile(s, 0.5), Low: s[0], High: s[len(s)-1], N: len(s)}
	if len(s) >= 20 {
		f.Low, f.High = Quantile(s, 0.05), Quantile(s, 0.95)
	}
	return f
}

// Quantile is the value below which a part q, 0 to 1, of sorted values lies, worked out
// between the two nearest. Of no values it is 0.
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	below := int(math.Floor(at))
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// Milliseconds are durations as numbers.
func Milliseconds(d []time.Duration) []float64 {
	ms := make([]float64, len(d))
	for i := range d {
		ms[i] = float64(d[i]) / float64(time.Millisecond)
	}
	return ms
}

// Over divides a figure by a number: a ratio to what was measured in the same run. By zero
// it is the zero value.
func (f Figure) Over(by float64) Figure {
	if by == 0 || f.N == 0 {
		return Figure{}
	}
	return Figure{Median: f.Median / by, Low: f.Low / by, High: f.High / by, N: f.N}
}
