// Package report makes docs/benchmarks.md and its pictures of what was measured, of the lines
// that are compared, and of what is said of them (lines.toml).
package report

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"stationd/bench/measure"
	"stationd/bench/rig"
	"stationd/bench/store"
)

// Results are what one run measured.
type Results struct {
	Made     string                               `json:"made"` // day and time
	Commit   string                               `json:"commit"`
	Took     string                               `json:"took"`
	Machine  Machine                              `json:"machine"`
	Versions map[string]string                    `json:"versions"`
	Missing  map[string]string                    `json:"missing,omitempty"` // peers that were not measured, and why
	Failed   map[string]string                    `json:"failed,omitempty"`  // parts of the run that failed, and how
	Load     []string                             `json:"load"`              // average load, as the run went on
	Lines    map[string]map[string]measure.Figure `json:"lines"`             // by line and peer
	Stores   []store.Row                          `json:"stores,omitempty"`
	Curves   map[string][]Curve                   `json:"curves,omitempty"`  // by picture
	Shares   map[string][]measure.Share           `json:"shares,omitempty"`  // what a line's figure consists of, by line
	Renewed  map[string]string                    `json:"renewed,omitempty"` // parts that were measured again since, and when
}

// A Machine is what it was measured on.
type Machine struct {
	Processor  string `json:"processor"`
	Cores      int    `json:"cores"`
	Memory     string `json:"memory"`
	Kernel     string `json:"kernel"`
	FileSystem string `json:"file_system"`
	Go         string `json:"go"`
}

// A Curve is one line of a picture.
type Curve struct {
	Name string    `json:"name"`
	X    []float64 `json:"x"`
	Y    []float64 `json:"y"`
	High []float64 `json:"high,omitempty"` // what a twentieth is above, or the most of few
}

// Set notes a figure.
func (r *Results) Set(line, peer string, f measure.Figure) {
	if f.N == 0 {
		return
	}
	if r.Lines == nil {
		r.Lines = make(map[string]map[string]measure.Figure)
	}
	if r.Lines[line] == nil {
		r.Lines[line] = make(map[string]measure.Figure)
	}
	r.Lines[line][peer] = f
}

// Share notes what a line's figure consists of.
func (r *Results) Share(line string, shares []measure.Share) {
	if r.Shares == nil {
		r.Shares = make(map[string][]measure.Share)
	}
	r.Shares[line] = shares
}

// Renew has what a later run of some parts of it measured take the place of what was.
func (r *Results) Renew(parts string, by Results) {
	for line, figures := range by.Lines {
		for peer, f := range figures {
			r.Set(line, peer, f)
		}
	}
	for line, shares := range by.Shares {
		r.Share(line, shares)
	}
	if r.Curves == nil {
		r.Curves = make(map[string][]Curve)
	}
	maps.Copy(r.Curves, by.Curves)
	for part, why := range by.Failed {
		r.Fail(part, errors.New(why))
	}
	if by.Stores != nil {
		r.Stores = by.Stores
	}
	if r.Renewed == nil {
		r.Renewed = make(map[string]string)
	}
	r.Renewed[parts] = fmt.Sprintf("%s, commit %s, in %s, load average %s", by.Made, by.Commit, by.Took, strings.Join(by.Load, ", "))
}

// Fail notes that a part of the run failed.
func (r *Results) Fail(part string, err error) {
	if r.Failed == nil {
		r.Failed = make(map[string]string)
	}
	r.Failed[part] = err.Error()
}

// Read reads results from a file.
func Read(path string) (Results, error) {
	var r Results
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// Write writes results to a file.
func (r Results) Write(path string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// A Line is one line of the table: what is compared, what is to be reached, and what is said
// where it is not. In what is said, {id} stands for stationd's figure of a line, and {id Python}
// for another's.
type Line struct {
	ID       string   `toml:"id"`
	Title    string   `toml:"title"`
	Unit     string   `toml:"unit"`
	Decimals int      `toml:"decimals"`
	Most     *float64 `toml:"most"`  // the goal: at most
	Least    *float64 `toml:"least"` // or at least
	Limit    string   `toml:"limit"` // what stands in the column of the bare limit where no peer has a figure
	How      string   `toml:"how"`   // how it is measured, where the title does not say all
	Why      string   `toml:"why"`   // what keeps it from its goal: shown where it is not reached alone
	Part     bool     `toml:"part"`  // it is no line of the table: its figures are in what is said of the others
	Where    string   `toml:"where"` // what its shares are, where the run has them; their unit is the line's

	// Beyond these the quick run fails: only for counts, and wide for ratios.
	FailAbove *float64 `toml:"fail_above"`
	FailBelow *float64 `toml:"fail_below"`
}

// A Text is lines.toml.
type Text struct {
	Head  string `toml:"head"`
	Board string `toml:"board"` // the emulated board's figures, a table
	Lines []Line `toml:"line"`
}

//go:embed lines.toml
var linesText []byte

// Lines reads lines.toml.
func Lines() (Text, error) {
	var t Text
	err := toml.Unmarshal(linesText, &t)
	return t, err
}

// Reached says whether a figure reaches the goal of a line; a line without one is reached.
func (l Line) Reached(value float64) bool {
	return (l.Most == nil || value <= *l.Most) && (l.Least == nil || value >= *l.Least)
}

// said is what the document says of a line beneath the table: how it is measured, and where its
// goal is not reached, why.
func (t Text) said(l Line, r Results) string {
	text := l.How
	if ours := r.Lines[l.ID][rig.Stationd]; ours.N > 0 && !l.Reached(ours.Median) {
		text += "\n" + l.Why
	}
	return placeholder.ReplaceAllStringFunc(oneLine(text), func(place string) string {
		id, peer, other := strings.Cut(strings.Trim(place, "{}"), " ")
		if !other {
			peer = rig.Stationd
		}
		for _, line := range t.Lines {
			if f := r.Lines[id][peer]; line.ID == id && f.N > 0 {
				return line.number(f.Median)
			}
		}
		return "(not measured)"
	})
}

// placeholder is where a figure stands in what is said of a line.
var placeholder = regexp.MustCompile(`\{[^{}]+\}`)

// Fails says why the quick run fails on a figure; empty: it does not.
func (l Line) Fails(value float64) string {
	switch {
	case l.FailAbove != nil && value > *l.FailAbove:
		return fmt.Sprintf("%s: %s, and more than %s fails", l.Title, l.number(value), l.number(*l.FailAbove))
	case l.FailBelow != nil && value < *l.FailBelow:
		return fmt.Sprintf("%s: %s, and less than %s fails", l.Title, l.number(value), l.number(*l.FailBelow))
	}
	return ""
}
