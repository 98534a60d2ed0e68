package metrics

import (
	"bytes"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// mediaType is the media type of Prometheus' text form, version 0.0.4:
// prometheus.io/docs/instrumenting/exposition_formats. Its client library is an eighth of
// the program; a test reads what is written here with the library's own parser.
const mediaType = "text/plain; version=0.0.4; charset=utf-8"

// A writer gathers numbers, which come in any order, by their names.
type writer struct{ families map[string]*family }

// A family is all numbers of one name.
type family struct {
	help, kind string
	samples    []sample
}

// A sample is one number with its labels, or all numbers of one histogram.
type sample struct {
	labels string // {device="hand"}: the order within the family
	lines  string
}

// text returns what was gathered, in the order of the names.
func (n writer) text() []byte {
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(n.families)) {
		f := n.families[name]
		out.WriteString("# HELP " + name + " " + f.help + "\n# TYPE " + name + " " + f.kind + "\n")
		sort.Slice(f.samples, func(i, j int) bool { return f.samples[i].labels < f.samples[j].labels })
		for _, s := range f.samples {
			out.WriteString(s.lines)
		}
	}
	return out.Bytes()
}

func oneIf(so bool) float64 {
	if so {
		return 1
	}
	return 0
}

func (n writer) gauge(name, help string, value float64, labels ...string) {
	n.number("gauge", name, help, value, labels)
}

func (n writer) counter(name, help string, value float64, labels ...string) {
	n.number("counter", name, help, value, labels)
}

// number adds one number; labels are names and values in turn.
func (n writer) number(kind, name, help string, value float64, labels []string) {
	shown := inBraces(labels)
	n.add(kind, name, help, sample{shown, name + shown + " " + decimal(value) + "\n"})
}

// histogram adds all numbers of one histogram.
func (n writer) histogram(name, help string, h *Histogram, labels ...string) {
	counts, sum := h.read()
	var lines strings.Builder
	total := uint64(0)
	for i, count := range counts {
		total += count
		bound := "+Inf"
		if i < len(h.bounds) {
			bound = decimal(h.bounds[i].Seconds())
		}
		lines.WriteString(name + "_bucket" + inBraces(append(slices.Clone(labels), "le", bound)) + " " + decimal(float64(total)) + "\n")
	}
	shown := inBraces(labels)
	lines.WriteString(name + "_sum" + shown + " " + decimal(sum.Seconds()) + "\n")
	lines.WriteString(name + "_count" + shown + " " + decimal(float64(total)) + "\n")
	n.add("histogram", name, help, sample{shown, lines.String()})
}

func (n writer) add(kind, name, help string, s sample) {
	f := n.families[name]
	if f == nil {
		f = &family{help: help, kind: kind}
		n.families[name] = f
	}
	f.samples = append(f.samples, s)
}

func decimal(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }

// inLabel escapes a label's value.
var inLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`) //nolint:gochecknoglobals // never changes

// inBraces writes labels, which are names and values in turn.
func inBraces(labels []string) string {
	if len(labels) == 0 {
		return ""
	}
	var out strings.Builder
	between := "{"
	for pair := range slices.Chunk(labels, 2) {
		out.WriteString(between + pair[0] + `="` + inLabel.Replace(strings.ToValidUTF8(pair[1], "\ufffd")) + `"`)
		between = ","
	}
	out.WriteString("}")
	return out.String()
}
