package queue

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"stationd/internal/station"
)

// ExportCSV writes the whole history at path to w as a table with a heading, for a
// spreadsheet: the oldest first, in the time of a zone, with a ? behind a time whose clock had
// not been set. No cell is a formula.
func ExportCSV(path string, zone *time.Location, w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write([]string{"time", "what", "id", "name", "code", "fields", "ref", "note", "reason", "by", "why"}); err != nil {
		return err
	}
	if err := ExportHistory(path, rowWriter{out, zone}); err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// A rowWriter is handed lines of the history, one at a time, and writes each as a row.
type rowWriter struct {
	out  *csv.Writer
	zone *time.Location
}

// Write implements io.Writer.
func (w rowWriter) Write(line []byte) (int, error) {
	var l HistoryLine
	if err := json.Unmarshal(line, &l); err != nil {
		return 0, fmt.Errorf("a line of the history: %w", err)
	}
	return len(line), w.out.Write(row(l, w.zone))
}

// row is one line of the history as a table has it.
func row(l HistoryLine, zone *time.Location) []string {
	at := l.At.Wall.In(zone).Format("2006-01-02 15:04:05")
	if !l.At.Trusted {
		at += "?"
	}
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(l.Fields)) {
		fields = append(fields, name+"="+l.Fields[name])
	}
	all := []string{at, l.What, string(l.ID), l.Name, l.Code, strings.Join(fields, "; "), l.Ref, l.Note, l.Reason, l.By, l.Why}
	for i, cell := range all {
		all[i] = harmless(cell)
	}
	return all
}

// harmless is a cell that a spreadsheet shows and does not work out: a label can begin
// with = and be a formula. What acts on a screen is a question mark.
func harmless(cell string) string {
	cell = string(station.Printable([]byte(cell)))
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
