package queue

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"stationd/internal/station"
)

// A Done is one line of the history: what was recorded, and what became of it.
type Done struct {
	At     station.Stamp `json:"at"`   // when it was done, as against when it happened
	What   string        `json:"what"` // recorded, delivered, held, retried, discarded, moot, merged
	ID     station.ID    `json:"id"`   // of the event or the entry
	Name   string        `json:"name"` // the event's name, or the entry's lane and verb
	Code   string        `json:"code,omitempty"`
	Ref    string        `json:"ref,omitempty"`
	Note   string        `json:"note,omitempty"`
	Reason string        `json:"reason,omitempty"`
}

const (
	historySuffix = ".jsonl"
	// mostHistory bounds all days together: a scanner that reads without end must
	// not fill the card.
	mostHistory = 64 << 20
	defaultDays = 30
)

// A history is what was done, one file a day. It is promised to nobody: it is not
// synced, and where it cannot be written the outbox goes on without it.
type history struct {
	dir    string
	days   int
	day    string
	file   *os.File
	broken bool // and said so
}

// add appends lines; the caller holds the outbox's mu.
func (h *history) add(lines []Done) error {
	if h.dir == "" || len(lines) == 0 {
		return nil
	}
	if day := lines[0].At.Wall.UTC().Format(time.DateOnly); day != h.day || h.file == nil {
		if err := h.turn(day); err != nil {
			return err
		}
	}
	w := bufio.NewWriter(h.file)
	for _, line := range lines {
		text, err := json.Marshal(line)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(text, '\n')); err != nil {
			return err
		}
	}
	return w.Flush()
}

// turn opens a day's file and lets the oldest go.
func (h *history) turn(day string) error {
	if err := h.close(); err != nil {
		return err
	}
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(h.dir, day+historySuffix), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	h.file, h.day = f, day
	return h.forget()
}

// forget removes the days beyond the number that is kept, and the oldest while
// all together are too large; never the present one.
func (h *history) forget() error {
	days, err := historyDays(h.dir)
	if err != nil {
		return err
	}
	size := int64(0)
	for i, path := range slices.Backward(days) {
		if info, err := os.Stat(path); err == nil {
			size += info.Size()
		}
		if newest := i == len(days)-1; !newest && (len(days)-i > h.days || size > mostHistory) {
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

func (h *history) close() error {
	if h.file == nil {
		return nil
	}
	f := h.file
	h.file = nil
	return f.Close()
}

// historyDays lists the files of the history, the oldest first.
func historyDays(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var days []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), historySuffix) {
			days = append(days, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(days)
	return days, nil
}

// ExportHistory writes the whole history at path to w, one JSON object a line,
// the oldest first. A last line that a power cut tore is left out.
func ExportHistory(path string, w io.Writer) error {
	days, err := historyDays(path)
	if err != nil {
		return fmt.Errorf("history %s: %w", path, err)
	}
	for _, day := range days {
		text, err := os.ReadFile(day)
		if errors.Is(err, os.ErrNotExist) {
			continue // a running station let it go
		}
		if err != nil {
			return fmt.Errorf("history %s: %w", path, err)
		}
		for line := range strings.Lines(string(text)) {
			if !strings.HasSuffix(line, "\n") || !json.Valid([]byte(line)) {
				continue
			}
			if _, err := io.WriteString(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeHistory adds what a commit did. The caller holds mu.
func (o *Outbox) writeHistory(lines []Done) {
	if len(lines) == 0 {
		return
	}
	now := o.setting.Stamp(time.Now())
	for i := range lines {
		lines[i].At = now
	}
	err := o.history.add(lines)
	if err != nil && !o.history.broken {
		o.setting.Log.Warn("the history is not written; the outbox goes on without it", "error", err)
	}
	o.history.broken = err != nil
}

// recordedLine and entryLine say one thing for the history.
func recordedLine(ev station.Event) Done {
	return Done{What: "recorded", ID: ev.ID, Name: ev.Name(), Code: ev.Code}
}

func entryLine(what string, e station.Entry, rc station.Receipt) Done {
	d := Done{What: what, ID: e.ID, Name: e.Lane + " " + e.Verb, Ref: rc.Ref, Note: rc.Note}
	if rc.Err != nil {
		d.Reason = rc.Err.Error()
	}
	return d
}
