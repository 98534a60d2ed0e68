package demo

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"time"
)

// A LogWatcher writes the station's log to a file, and reads from the fields of its lines what
// a simulation waits for.
type LogWatcher struct {
	mu          sync.Mutex // guards what follows
	file        *os.File
	partial     []byte // a line without its end
	counts      map[string]int
	last        map[string]time.Time // when a message came last
	portsOpened int                  // how often a scanner's port was opened
	page        string               // address of the station's own page
	tail        []string
}

// tailLines is how many lines Tail returns.
const tailLines = 5

// OpenLogWatcher appends to the file at path. The caller closes the LogWatcher.
func OpenLogWatcher(path string) (*LogWatcher, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &LogWatcher{file: file, counts: make(map[string]int), last: make(map[string]time.Time)}, nil
}

// Write implements io.Writer. What is counted is in the file by then.
func (l *LogWatcher) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.file.Write(p)
	l.partial = append(l.partial, p[:n]...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return n, err
		}
		l.parseLine(line)
		l.partial = rest
	}
}

// parseLine reads one line. One with a page has the address of the page, and one with a source
// and a port says that a scanner's port was opened:
//
//	{"time":"…","level":"INFO","msg":"the station is ready","station":"pack4-1","page":"127.0.0.1:8420"}
//	{"time":"…","level":"INFO","msg":"scanner ready","source":"hand","port":"/dev/ttyACM0","stale":0}
func (l *LogWatcher) parseLine(line []byte) {
	l.tail = append(l.tail, string(line))
	l.tail = l.tail[max(0, len(l.tail)-tailLines):]
	var entry struct{ Msg, Page, Source, Port string }
	if json.Unmarshal(line, &entry) != nil {
		return // faults of the configuration and crashes are plain text
	}
	l.counts[entry.Msg]++
	l.last[entry.Msg] = time.Now()
	if entry.Page != "" {
		l.page = entry.Page
	}
	if entry.Source != "" && entry.Port != "" {
		l.portsOpened++
	}
}

// Count returns how often the station has logged a message.
func (l *LogWatcher) Count(message string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[message]
}

// Last returns when a message came last; zero: never.
func (l *LogWatcher) Last(message string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last[message]
}

// PortsOpened returns how often the station has opened a scanner's port.
func (l *LogWatcher) PortsOpened() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.portsOpened
}

// PageURL returns the URL of the station's own page.
func (l *LogWatcher) PageURL() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return "http://" + l.page + "/"
}

// Tail returns the last lines of the log.
func (l *LogWatcher) Tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.tail, "\n")
}

// Close closes the file.
func (l *LogWatcher) Close() error { return l.file.Close() }
