package config

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxFile is the largest file that is read, in bytes. A station's file is some
// kilobytes; what is larger is the wrong file.
const maxFile = 1 << 20

// A Fault is one thing that is wrong with a configuration file.
type Fault struct {
	File string // as it was named to Load or Parse
	Line int    // counted from 1
	Col  int    // in characters, counted from 1
	Text string // what is wrong and what is allowed; never a secret

	// Detail is the line of the file and a caret under the place, for a terminal.
	// It is empty where that line might hold a secret.
	Detail string
}

// String returns the fault in the form that editors and terminals understand:
//
//	stationd.toml:14:7: "pin" must be a whole number, not text
func (f Fault) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Col, f.Text)
}

// A File is a configuration file that has been read. Its sections are decoded
// one by one; what is wrong with them gathers in Faults. It is not safe for use
// by several goroutines.
type File struct {
	name string
	text []byte
	root *node

	sources  []source          // the files that it was put together from, itself first
	together bool              // it includes others, or has variables
	cutOff   bool              // one that is included could not be read to its end
	known    []string          // the top-level names that somebody asked for, in that order
	named    map[string]string // where the names of inputs and lamps were given first

	backends []string // all that there can be
	faults   []placed
	doubts   []placed // of what is allowed, and may not be what was meant
	broken   bool     // a fault of TOML itself ended the reading: the rest is silence
}

// placed is a fault and its place in the text, by which faults are sorted.
type placed struct {
	offset int
	Fault
}

// Load reads the file at path. An error means that there is nothing to look at:
// the file is missing, unreadable or far too large. What is wrong inside it is
// in Faults.
func Load(path string) (*File, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	f.readIncluded([]string{path})
	f.finish()
	return f, nil
}

// finish reads what is left to read when all files are: the variables.
func (f *File) finish() {
	if f.cutOff {
		f.broken = true // what follows may be missing for that alone
	}
	f.fillVariables()
}

func readFile(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("configuration: %s is larger than %d kB: this is not a configuration file", path, maxFile>>10)
	}
	return text, nil
}

// Parse reads text as the file called name, which includes no others. It never fails: what
// is wrong is in Faults.
func Parse(name string, text []byte) *File {
	f := parse(name, text)
	f.finish()
	return f
}

func parse(name string, text []byte) *File {
	// Windows editors put EF BB BF in front of UTF-8. It is not a key.
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	f := &File{name: name, text: slices.Clip(text), named: make(map[string]string), sources: []source{{name: name}}}
	if isUTF16(text) {
		f.fault(0, "the file is saved as UTF-16; save it as UTF-8 (in Notepad: Save as, Encoding)")
		f.faults[0].Detail = "" // every second character of it is none
		f.root, f.broken = &node{kind: table, origin: byHeader}, true
		return f
	}
	f.root = f.parseTree()
	return f
}

// isUTF16 reports whether a text has two bytes for each character: with a byte order
// mark, or with a zero beside each of its first letters.
//
//	FF FE 5B 00 73 00      "[s" as UTF-16
func isUTF16(text []byte) bool {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return true
	}
	return len(text) >= 4 && (text[0] == 0 && text[2] == 0 || text[1] == 0 && text[3] == 0)
}

// Backends says which backends there can be, whether the file has their tables or not. No
// input has the name of one, and an action that speaks to one without its table is at fault.
// It is called before Name and Program.
func (f *File) Backends(names ...string) { f.backends = names }

// Text is what was read, without a byte order mark: one file that says all of it, also where
// it includes others or has variables.
func (f *File) Text() []byte {
	if f.together && !f.broken {
		return f.written()
	}
	return f.text
}

// Faults returns everything found so far, in the order of the file.
func (f *File) Faults() []Fault {
	found := slices.Clone(f.faults)
	sort.SliceStable(found, func(i, j int) bool { return found[i].offset < found[j].offset })
	found = slices.CompactFunc(found, func(a, b placed) bool { return a == b })
	var faults []Fault
	for _, p := range found {
		faults = append(faults, p.Fault)
	}
	return faults
}

// Warnings returns what is no fault and may yet not be what was meant, in the order of
// the file.
func (f *File) Warnings() []Fault {
	found := slices.Clone(f.doubts)
	sort.SliceStable(found, func(i, j int) bool { return found[i].offset < found[j].offset })
	var doubts []Fault
	for _, p := range found {
		doubts = append(doubts, p.Fault)
	}
	return doubts
}

// Warn reports what the owner of a section finds doubtful in the value at the path.
func (f *File) Warn(at Path, format string, args ...any) {
	n, _ := f.find(at)
	f.warn(n.at, format, args...)
}

// warn records a doubt at an offset.
func (f *File) warn(offset int, format string, args ...any) {
	known := len(f.faults)
	f.fault(offset, format, args...)
	f.doubts = append(f.doubts, f.faults[known:]...)
	f.faults = f.faults[:known]
}

// A Path leads to a place in the file: the names of tables and keys, and in
// lists the place counted from 0, as in the slice that Tables filled.
type Path []any

// At returns a path. Its steps are strings and ints:
//
//	config.At("button", 2, "pin") // the pin of the third button
func At(steps ...any) Path { return steps }

// String returns the path as a person would say it: button 3, pin. Places are
// counted from 1 there.
func (p Path) String() string {
	var b strings.Builder
	for i, step := range p {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&b, " %d", step+1)
		default:
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprint(&b, step)
		}
	}
	return b.String()
}

// Fault reports what the owner of a section found wrong with the value at the
// path. Where the path leads to a key that is not in the file, the fault stands
// at the table that lacks it. A value that could not be decoded has its fault
// already: what follows from it is not reported.
func (f *File) Fault(at Path, format string, args ...any) {
	n, rest := f.find(at)
	if n.faulty {
		return
	}
	if len(rest) == 0 && n.kind != table && n.kind != list {
		n.faulty = true
	}
	f.fault(n.at, format, args...)
}

// OneOf reports whether value is one of the allowed words, and a fault that
// lists them if it is not.
func (f *File) OneOf(at Path, value string, allowed ...string) bool {
	if slices.Contains(allowed, value) {
		return true
	}
	if secretive().MatchString(at.String()) {
		f.Fault(at, "%s must be one of: %s", at, strings.Join(allowed, ", "))
		return false
	}
	f.Fault(at, "%s: there is no %q%s", at, value, choice(value, allowed))
	return false
}

// Unread reports every top-level table or key that nobody asked for, with the
// names that somebody did ask for. It is called when all sections are decoded.
func (f *File) Unread() {
	for _, name := range f.root.names {
		n := f.root.fields[name]
		if n.faulty || slices.Contains(f.known, name) {
			continue
		}
		n.faulty = true
		switch {
		case n.kind == table || n.listOfTables:
			f.fault(n.at, "unknown table %q%s", name, choice(name, f.known))
		default:
			f.fault(n.key, "%q stands before the first table, and only include is allowed there; tables are %s", name, strings.Join(f.known, ", "))
		}
	}
}

// find walks along the path as far as the file goes and returns the last node
// and the steps that are left.
func (f *File) find(p Path) (n *node, rest Path) {
	n = f.root
	for i, step := range p {
		next := n.step(step)
		if next == nil {
			return n, p[i:]
		}
		n = next
	}
	return n, nil
}

// fault records a fault at an offset.
func (f *File) fault(offset int, format string, args ...any) {
	if f.broken {
		return
	}
	offset = min(max(offset, 0), len(f.text))
	start := bytes.LastIndexByte(f.text[:offset], '\n') + 1
	at := Fault{
		File:   f.sourceAt(offset).name,
		Line:   f.line(offset),
		Col:    1 + utf8.RuneCount(f.text[start:offset]),
		Text:   fmt.Sprintf(format, args...),
		Detail: detail(f.text, start, offset-start),
	}
	f.faults = append(f.faults, placed{offset, at})
}

// line returns the number of the line that an offset is in, in its file.
func (f *File) line(offset int) int {
	return 1 + bytes.Count(f.text[f.sourceAt(offset).begin:offset], []byte("\n"))
}

// secretive matches a line that may hold a secret, in the place where somebody
// would put one who does not know better: ipp://eva:PASSWORD@192.0.2.10/ too.
var secretive = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(key|token|secret|passw|auth|credential|://[^/"]*@)`)
})

// detail returns the line of text that begins at start, and under it a caret at the offset; ""
// where the line has what Public would remove.
func detail(text []byte, start, offset int) string {
	line, _, _ := bytes.Cut(text[start:], []byte("\n"))
	table := max(bytes.LastIndex(text[:start], []byte("\n[")), 0)
	public := Public(text[table : start+len(line)])
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 || len(line) > 200 || secretive().Match(line) || !utf8.Valid(line) {
		return ""
	}
	if public = public[bytes.LastIndexByte(public, '\n')+1:]; bytes.Contains(public, []byte(Removed)) {
		return ""
	}
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(line[:min(offset, len(line))]))
	return string(line) + "\n" + indent + "^"
}
