package config

import (
	"bytes"
	"regexp"
	"sync"
)

// The lines of a file that are looked for where the file as a whole cannot be read.
var (
	headerLine   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*\[+\s*"?([A-Za-z_]+)"?\s*\]`) })
	dataLine     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*data\s*=\s*["']([^"']+)["']`) })
	lastGoodLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*last_good\s*=\s*false\b`) })
)

// Outline tells of a file that has faults, however broken it is, in which folder its
// station keeps the outbox, "" where the file does not say, and whether the station
// may run its last good configuration instead. It goes by lines, so it needs no more
// than that the line itself is whole; a file that was put together from several is read as such.
func Outline(path string) (data string, lastGood bool) {
	f, err := Load(path)
	if err != nil {
		return "", true
	}
	lastGood = true
	if f.together && !f.broken {
		if n, rest := f.find(At("station", "data")); len(rest) == 0 && n.kind == text && !n.faulty {
			data = n.text
		}
		n, rest := f.find(At("station", "last_good"))
		return data, len(rest) > 0 || n.kind != boolean || n.boolean
	}
	table := ""
	for line := range bytes.Lines(f.text) {
		if header := headerLine().FindSubmatch(line); header != nil {
			table = string(header[1])
		}
		if table != "station" {
			continue
		}
		if found := dataLine().FindSubmatch(line); found != nil && !bytes.Contains(found[1], []byte("${")) {
			data = string(found[1])
		}
		if lastGoodLine().Match(line) {
			lastGood = false
		}
	}
	return data, lastGood
}
