package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"stationd/internal/queue/jsonobject"
	"stationd/internal/station"
)

// A HistoryLine is one line of the history: what was recorded, and what became of it.
type HistoryLine struct {
	At     station.Stamp `json:"at"`   // when it was done, as against when it happened
	What   string        `json:"what"` // recorded, delivered, held, retried, discarded, corrected, moot, merged
	ID     station.ID    `json:"id"`   // of the event or the entry
	Name   string        `json:"name"` // the event's name, or the entry's lane and verb
	Code   string        `json:"code,omitempty"`
	Ref    string        `json:"ref,omitempty"`
	Note   string        `json:"note,omitempty"`
	Reason string        `json:"reason,omitempty"` // of an entry that is held: the vendor's, or the station's

	By     string            `json:"by,omitempty"`     // who decided it: the name of a badge, an account, the page
	Why    string            `json:"why,omitempty"`    // their reason
	Fields map[string]string `json:"fields,omitempty"` // of an entry
}

const (
	historySuffix = ".jsonl"
	// mostHistory bounds all days together, and with mostPart the present one: a
	// scanner that reads without end must not fill the card.
	mostHistory = 64 << 20
	mostPart    = 8 << 20
	mostText    = 64 << 10 // of memory that is kept from one commit to the next
	defaultDays = 30
)

// A history is what was done, one file a day, or several where a day has much. It is
// promised to nobody: it is not synced, and where it cannot be written the outbox goes
// on without it.
type history struct {
	dir     string
	days    int
	day     string
	trusted bool // the clock, when the day was turned
	file    *os.File
	size    int64 // of the file
	broken  bool  // and said so
	fault   string

	text []byte // what is written next: used again for each commit
}

// add appends lines; the caller holds the outbox's mu.
func (h *history) add(lines []HistoryLine) error {
	if h.dir == "" || len(lines) == 0 {
		return nil
	}
	at := lines[0].At
	day := at.Wall.UTC().AppendFormat(make([]byte, 0, len(time.DateOnly)), time.DateOnly)
	switch {
	case h.file == nil, at.Trusted != h.trusted, string(day) > h.day, at.Trusted && string(day) != h.day:
		if err := h.openDay(string(day), at.Trusted); err != nil {
			return err
		}
	case h.size >= mostPart:
		if err := h.splitDay(); err != nil {
			return err
		}
	}
	h.text = h.text[:0]
	for i := range lines {
		text, err := lines[i].appendJSON(h.text)
		if err != nil {
			return err
		}
		h.text = append(text, '\n')
	}
	n, err := h.file.Write(h.text)
	h.size += int64(n)
	if cap(h.text) > mostText { // of a large transaction
		h.text = nil
	}
	return err
}

// appendJSON appends the line as encoding/json would write it, without taking memory for it.
func (l *HistoryLine) appendJSON(to []byte) ([]byte, error) {
	o := jsonobject.Begin(to)
	o.Stamp("at", l.At)
	o.Text("what", l.What)
	o.Text("id", string(l.ID))
	o.Text("name", l.Name)
	o.OptionalText("code", l.Code)
	o.OptionalText("ref", l.Ref)
	o.OptionalText("note", l.Note)
	o.OptionalText("reason", l.Reason)
	o.OptionalText("by", l.By)
	o.OptionalText("why", l.Why)
	o.OptionalTexts("fields", l.Fields)
	return o.End()
}

// openDay opens a day's file and lets the oldest go. A clock that nobody has set may be
// in 1970: what is done then is added to the newest day there is, which is not the
// first to go.
func (h *history) openDay(day string, trusted bool) error {
	if err := h.close(); err != nil {
		return err
	}
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	if !trusted {
		files, err := historyFiles(h.dir)
		if err != nil {
			return err
		}
		if n := len(files); n > 0 {
			day = max(day, dayOf(files[n-1]))
		}
	}
	h.day, h.trusted = day, trusted
	return h.open()
}

// splitDay ends the present day's file, which has become large, and begins another.
func (h *history) splitDay() error {
	if err := h.close(); err != nil {
		return err
	}
	files, err := historyFiles(h.dir)
	if err != nil {
		return err
	}
	last := 0 // the numbers of parts that have gone are not given again: they are the order
	for _, path := range files {
		if rest, found := strings.CutPrefix(filepath.Base(path), h.day+"."); found {
			n, err := strconv.Atoi(strings.TrimSuffix(rest, historySuffix))
			if err == nil {
				last = max(last, n)
			}
		}
	}
	path := filepath.Join(h.dir, fmt.Sprintf("%s.%04d%s", h.day, last+1, historySuffix))
	if err := os.Rename(h.path(), path); err != nil {
		return err
	}
	return h.open()
}

// path is the present file's.
func (h *history) path() string { return filepath.Join(h.dir, h.day+historySuffix) }

// open opens the present day's file and lets the oldest go.
func (h *history) open() error {
	f, err := os.OpenFile(h.path(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	h.file, h.size = f, info.Size()
	return h.removeOld()
}

// removeOld removes the days beyond the number that is kept, and the oldest files while
// all together are too large; never the one that is written.
func (h *history) removeOld() error {
	files, err := historyFiles(h.dir)
	if err != nil {
		return err
	}
	size := h.size
	days := map[string]bool{h.day: true}
	for _, path := range slices.Backward(files) {
		if path == h.path() {
			continue
		}
		if info, err := os.Stat(path); err == nil {
			size += info.Size()
		}
		days[dayOf(path)] = true
		if len(days) > h.days || size > mostHistory {
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

// dayOf is the day of a file of the history: 2026-03-02, of 2026-03-02.0001.jsonl.
func dayOf(path string) string {
	day, _, _ := strings.Cut(filepath.Base(path), ".")
	return day
}

// historyFiles lists the files of the history, the oldest first: of a day, the file
// that is or was written last comes last.
func historyFiles(dir string) ([]string, error) {
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
func ExportHistory(path string, w io.Writer) error { return ExportHistorySince(path, time.Time{}, w) }

// ExportHistorySince is ExportHistory without what was done before a moment. What was done
// while nobody had set the clock stays, as far as it is with the day of that moment or later.
func ExportHistorySince(path string, since time.Time, w io.Writer) error {
	days, err := historyFiles(path)
	if err != nil {
		return fmt.Errorf("history %s: %w", path, err)
	}
	for _, day := range days {
		if dayOf(day) < since.UTC().Format(time.DateOnly) {
			continue
		}
		text, err := os.ReadFile(day)
		if errors.Is(err, os.ErrNotExist) {
			continue // a running station let it go
		}
		if err != nil {
			return fmt.Errorf("history %s: %w", path, err)
		}
		for line := range strings.Lines(string(text)) {
			var done HistoryLine
			if !strings.HasSuffix(line, "\n") || json.Unmarshal([]byte(line), &done) != nil || done.At.Trusted && done.At.Wall.Before(since) {
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
func (o *Outbox) writeHistory(lines []HistoryLine) {
	if len(lines) == 0 {
		return
	}
	o.ends.add(lines)
	now := o.setting.Stamp(time.Now())
	for i := range lines {
		lines[i].At = now
	}
	err := o.history.add(lines)
	if err != nil && !o.history.broken {
		o.setting.Log.Warn("the history is not written; the outbox goes on without it", "error", err)
	}
	o.history.broken = err != nil
	o.history.fault = ""
	if err != nil {
		o.history.fault = fmt.Sprintf("what is done is not written down, and nothing else is lost by that: %v; see that the folder can be written", err)
	}
}

// entryLine says for the history what became of an entry.
func entryLine(what string, e station.Entry, rc station.Receipt) HistoryLine {
	d := HistoryLine{What: what, ID: e.ID, Name: e.Lane + " " + e.Verb, Ref: rc.Ref, Note: rc.Note, Fields: e.With}
	if rc.Err != nil {
		d.Reason = rc.Err.Error()
	}
	return d
}
