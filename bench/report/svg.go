package report

import (
	"fmt"
	"math"
	"strings"
)

// The size of a picture, and of the area in it, in its own units.
const (
	width, height            = 760, 380
	left, right, top, bottom = 70, 170, 40, 50
)

// SVG draws a picture. It is read on light and on dark paper, so it brings its own.
func (p Picture) SVG(curves []Curve) string {
	var x, y span
	for _, c := range curves {
		for i := range c.X {
			x.add(p.across(c.X[i]))
			y.add(p.up(c.Y[i]))
			if len(c.High) > i {
				y.add(p.up(c.High[i]))
			}
		}
	}
	if !p.LogY {
		y.add(0)
	}
	if !p.LogX {
		x.add(0)
	}
	x, y = x.wide(), y.wide()
	px := func(v float64) float64 { return left + x.part(p.across(v))*(width-left-right) }
	py := func(v float64) float64 { return height - bottom - y.part(p.up(v))*(height-top-bottom) }
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" role="img">`, width, height)
	line(`<title>%s</title>`, escaped(p.Title))
	line(`<rect width="%d" height="%d" fill="#fff"/>`, width, height)
	line(`<text x="%d" y="22" font-size="15" fill="#111">%s</text>`, left, escaped(p.Title))
	for _, v := range p.ticks(y, p.LogY) {
		line(`<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#444">%s</text>`, left, py(v), width-right, left-8, py(v)+4, short(v))
	}
	for _, v := range p.ticks(x, p.LogX) {
		line(`<path d="M%.1f %dV%d" stroke="#eee"/><text x="%.1f" y="%d" text-anchor="middle" fill="#444">%s</text>`, px(v), top, height-bottom, px(v), height-bottom+18, short(v))
	}
	line(`<text x="%d" y="%d" text-anchor="middle" fill="#444">%s</text>`, (left+width-right)/2, height-12, escaped(p.X))
	line(`<text x="16" y="%d" fill="#444">%s</text>`, top-4, escaped(p.Y))
	for i, c := range curves {
		colour := [...]string{"#0b5fa5", "#b8470b", "#3f7d20", "#6b3fa0"}[i%4]
		var path, high strings.Builder
		for j := range c.X {
			step := "L"
			if j == 0 {
				step = "M"
			}
			fmt.Fprintf(&path, "%s%.1f %.1f", step, px(c.X[j]), py(c.Y[j]))
			if len(c.High) > j {
				fmt.Fprintf(&high, "%s%.1f %.1f", step, px(c.X[j]), py(c.High[j]))
			}
			if len(c.X) <= 20 {
				line(`<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`, px(c.X[j]), py(c.Y[j]), colour)
			}
		}
		line(`<path d="%s" fill="none" stroke="%s" stroke-width="2"/>`, path.String(), colour)
		name := c.Name
		if high.Len() > 0 {
			line(`<path d="%s" fill="none" stroke="%s" stroke-dasharray="4 3"/>`, high.String(), colour)
			name += " (- - " + p.High + ")"
		}
		line(`<text x="%d" y="%d" fill="%s">%s</text>`, width-right+12, top+14+18*i, colour, escaped(name))
	}
	line(`</svg>`)
	return b.String()
}

// across and up are where a value stands on its axis; on one of logarithms 0 stands with 1.
func (p Picture) across(v float64) float64 { return scaled(v, p.LogX) }
func (p Picture) up(v float64) float64     { return scaled(v, p.LogY) }

func scaled(v float64, logarithm bool) float64 {
	if logarithm {
		return math.Log10(max(v, 1))
	}
	return v
}

// A span is the part of an axis that is drawn.
type span struct {
	low, high float64
	any       bool
}

func (s *span) add(v float64) {
	if !s.any {
		s.low, s.high, s.any = v, v, true
		return
	}
	s.low, s.high = min(s.low, v), max(s.high, v)
}

func (s span) wide() span {
	if s.high == s.low {
		s.high++
	}
	return s
}

func (s span) part(v float64) float64 { return (v - s.low) / (s.high - s.low) }

// ticks are the values at which an axis has a line.
func (p Picture) ticks(s span, logarithm bool) (all []float64) {
	if logarithm {
		for e := math.Ceil(s.low); e <= s.high; e++ {
			all = append(all, math.Pow(10, e))
		}
		return all
	}
	step := math.Pow(10, math.Floor(math.Log10((s.high-s.low)/2)))
	for i := 0; (s.high-s.low)/step > 8; i++ {
		step *= [...]float64{2, 2.5, 2}[i%3] // 1, 2, 5, 10
	}
	for v := math.Ceil(s.low/step) * step; v <= s.high; v += step {
		all = append(all, v)
	}
	return all
}

func short(v float64) string {
	if v >= 1000 {
		return grouped(v, 0)
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", v), "0"), ".")
}

func escaped(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
