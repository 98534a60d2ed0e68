// Package report makes docs/benchmarks.md and its pictures of what was measured, of the lines
// that are compared, and of what is said of them (lines.toml).
package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"

	"github.com/pelletier/go-toml/v2"

	"stationd/bench/measure"
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
	Curves   map[string][]Curve                   `json:"curves,omitempty"` // by picture
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
	High []float64 `json:"high,omitempty"` // what a twentieth is above
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
// where it is not.
type Line struct {
	ID       string   `toml:"id"`
	Title    string   `toml:"title"`
	Unit     string   `toml:"unit"`
	Decimals int      `toml:"decimals"`
	Most     *float64 `toml:"most"`  // the goal: at most
	Least    *float64 `toml:"least"` // or at least
	Limit    string   `toml:"limit"` // what stands in the column of the bare limit where no peer has a figure
	Why      string   `toml:"why"`   // why it is not reached, or what is to be known

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
