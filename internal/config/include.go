package config

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// This file puts a configuration together from several files, and fills in its variables, so
// that many stations share one file and say in their own only what differs:
//
//	include = ["line.toml"]
//
//	[vars]
//	STATION = "pack4-1"
//	PIN     = 17

const (
	includeKey = "include"
	varsTable  = "vars"

	mostFiles = 50 // that one configuration is put together from
)

// A source is one of the files that a configuration was put together from. Their texts stand
// one after another in File.text.
type source struct {
	name  string
	begin int // offset of its text
}

// sourceAt returns the file that an offset is in.
func (f *File) sourceAt(offset int) source {
	for _, s := range slices.Backward(f.sources) {
		if s.begin <= offset {
			return s
		}
	}
	return source{name: f.name}
}

// Files lists the files that were read, this one first.
func (f *File) Files() (names []string) {
	for _, s := range f.sources {
		names = append(names, s.name)
	}
	return names
}

// readIncluded reads what the file includes, and puts it behind what stands in the file
// itself. way are the files by which it was come here, whole paths, this one last.
func (f *File) readIncluded(way []string) {
	n := f.root.fields[includeKey]
	if n == nil || f.broken {
		return
	}
	delete(f.root.fields, includeKey)
	f.root.names = slices.DeleteFunc(f.root.names, func(name string) bool { return name == includeKey })
	f.together = true
	if !f.wantKind(n, `"include"`, list) {
		return
	}
	for _, item := range n.items {
		if !f.wantKind(item, `each of "include"`, text) {
			continue
		}
		path := item.text
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(way[len(way)-1]), path)
		}
		switch i := slices.Index(way, path); {
		case i >= 0:
			f.faultOf(item, "%s includes itself: %s", item.text, strings.Join(append(way[i:], path), " includes "))
			continue
		case slices.ContainsFunc(f.sources, func(s source) bool { return s.name == path }):
			f.faultOf(item, "%s is included already", item.text)
			continue
		case len(f.sources) >= mostFiles:
			f.faultOf(item, "a configuration is put together from %d files at most", mostFiles)
			return
		}
		included, err := open(path)
		if err != nil {
			f.faultOf(item, "%v", err)
			continue
		}
		f.add(included, append(slices.Clone(way), path))
	}
}

// open reads one file.
func open(path string) (*File, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return parse(path, text), nil
}

// add puts what an included file has, and what that includes, behind what there is.
func (f *File) add(included *File, way []string) {
	begin := len(f.text) + 1
	f.text = slices.Clip(append(append(bytes.Clone(f.text), '\n'), included.text...))
	f.sources = append(f.sources, source{included.name, begin})
	for _, p := range included.faults {
		p.offset += begin
		f.faults = append(f.faults, p)
	}
	if included.broken {
		f.cutOff = true
		return
	}
	included.root.shift(begin)
	more := &File{name: f.name, text: f.text, root: included.root, sources: f.sources, named: f.named}
	more.readIncluded(way)
	f.text, f.sources, f.cutOff = more.text, more.sources, f.cutOff || more.cutOff
	f.faults = append(f.faults, more.faults...)
	for _, name := range included.root.names {
		f.merge(name, included.root.fields[name])
	}
}

// merge puts a table of an included file beside those that there are.
func (f *File) merge(name string, n *node) {
	old := f.root.fields[name]
	switch {
	case old == nil:
		f.root.add(name, n)
	case old.listOfTables && n.listOfTables:
		old.items = append(old.items, n.items...)
	case name == varsTable && old.kind == table && n.kind == table:
		for _, of := range n.names { // the file that includes it says what it is
			if old.fields[of] == nil {
				old.add(of, n.fields[of])
			}
		}
	default:
		first := f.sourceAt(old.at)
		f.fault(n.at, "[%s] stands in %s already, in line %d; put the keys together, or let them differ by a variable", name, first.name, f.line(old.at))
	}
}

// shift moves a value and all that is in it by so many bytes.
func (n *node) shift(by int) {
	n.at, n.key = n.at+by, n.key+by
	if n.inside >= 0 {
		n.inside += by
	}
	for _, item := range n.items {
		item.shift(by)
	}
	for _, name := range n.names {
		n.fields[name].shift(by)
	}
}

// The variables that a file need not give itself.
const (
	hostVariable = "HOSTNAME"
	environment  = "STATIOND_" // begins those of the environment
)

// variable matches what stands for a variable, and what would if it were whole.
var variable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$?\$\{[^}]*\}?`) })

// shellName finds the first variable in a text that is written as a shell has it, $NAME, of two
// signs at least; "" where there is none.
func shellName(text string) (name string, at int) {
	const first = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	for {
		next := strings.IndexByte(text[at:], '$')
		if next < 0 {
			return "", 0
		}
		at += next
		name := text[at+1:]
		name = name[:len(name)-len(strings.TrimLeft(name, first+digits))]
		if len(name) > 1 && strings.Contains(first, name[:1]) {
			return name, at
		}
		at++
	}
}

// variables are what a file's texts may name.
type variables struct {
	*File
	given map[string]*node
	used  map[string]bool
}

// fillVariables fills the variables in, in every text of the file.
func (f *File) fillVariables() {
	if f.broken {
		return
	}
	v := variables{f, make(map[string]*node), make(map[string]bool)}
	if n := f.root.fields[varsTable]; n != nil && f.wantKind(n, "[vars]", table) {
		f.known, f.together = append(f.known, varsTable), true
		for _, name := range n.names {
			value := n.fields[name]
			switch {
			case !valueName(name):
				f.fault(value.key, "%q: a variable's name has only letters, digits and _, and does not begin with a digit", name)
			case value.kind == list || value.kind == table:
				f.faultOf(value, "%q must be text, a number or true or false, not %s", name, value.kind)
			case value.kind == text && strings.Contains(value.text, "${"):
				f.faultOf(value, "%q: what a variable stands for has no variables itself", name)
			default:
				v.given[name] = value
			}
		}
	}
	for _, name := range f.root.names {
		if name != varsTable {
			v.fill(f.root.fields[name], name)
		}
	}
	for name, value := range v.given {
		if !v.used[name] {
			f.warn(value.key, "nothing uses the variable %q", name)
		}
	}
}

// fill fills in what a value, or what is in it, names. key is the key that it stands at.
func (v variables) fill(n *node, key string) {
	for _, item := range n.items {
		v.fill(item, key)
	}
	for _, name := range n.names {
		v.fill(n.fields[name], name)
	}
	if n.kind != text || n.faulty {
		return
	}
	if !strings.Contains(n.text, "${") {
		if name, at := shellName(n.text); name != "" && key != "match" && key != "json" {
			v.warn(n.place(at), "$%s stands there as it is; a variable is written ${%s}", name, name)
		}
		return
	}
	var wrong bool
	whole := n.text
	filled := variable().ReplaceAllStringFunc(n.text, func(found string) string {
		text, ok := v.value(n, whole, found)
		wrong = wrong || !ok
		return text
	})
	if wrong {
		return
	}
	v.together = true
	name, alone := strings.CutPrefix(whole, "${")
	if given := v.given[strings.TrimSuffix(name, "}")]; alone && given != nil && given.kind != text && variable().FindString(whole) == whole {
		n.kind, n.whole, n.float, n.boolean, n.text = given.kind, given.whole, given.float, given.boolean, given.text
		return
	}
	n.text, n.inside = filled, -1
}

// value is what one ${NAME} of a text stands for; $${NAME} is ${NAME} as it stands.
func (v variables) value(n *node, whole, found string) (text string, ok bool) {
	if rest, literal := strings.CutPrefix(found, "$${"); literal {
		return "${" + rest, true
	}
	at := n.place(strings.Index(whole, found))
	name := strings.TrimSuffix(strings.TrimPrefix(found, "${"), "}")
	if !strings.HasSuffix(found, "}") || !valueName(name) {
		n.faulty = true
		v.fault(at, "%q is no variable; one is ${NAME}, and $${ is ${ as it stands", found)
		return "", false
	}
	if given, is := v.given[name]; is {
		v.used[name] = true
		return given.written(), true
	}
	if set, is := fromOutside(name); is {
		return set, true
	}
	n.faulty = true
	known := append([]string{hostVariable}, slices.Sorted(maps.Keys(v.given))...)
	v.fault(at, `there is no variable %s: give it in [vars], or in the environment if it begins with %s%s`, name, environment, choice(name, known))
	return "", false
}

// fromOutside is a variable that the machine gives: its name, and what begins with STATIOND_ in
// the environment.
func fromOutside(name string) (value string, set bool) {
	switch {
	case name == hostVariable:
		host, err := os.Hostname()
		return host, err == nil
	case strings.HasPrefix(name, environment):
		return os.LookupEnv(name)
	}
	return "", false
}

// written writes a configuration that was put together as one file: without include and
// [vars], and with every variable filled in.
func (f *File) written() []byte {
	var b bytes.Buffer
	for _, name := range f.root.names {
		if name == varsTable {
			continue
		}
		tables, header := []*node{f.root.fields[name]}, "[%s]\n"
		if tables[0].listOfTables {
			tables, header = tables[0].items, "[[%s]]\n"
		}
		for _, t := range tables {
			fmt.Fprintf(&b, header, quoted(name))
			for _, key := range t.names {
				fmt.Fprintf(&b, "%s = %s\n", quoted(key), t.fields[key].toml())
			}
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// toml writes a value on one line.
func (n *node) toml() string {
	var all []string
	switch n.kind {
	case text:
		return quoted(strings.ReplaceAll(n.text, "${", "$${"))
	case list:
		for _, item := range n.items {
			all = append(all, item.toml())
		}
		return "[" + strings.Join(all, ", ") + "]"
	case table:
		for _, name := range n.names {
			all = append(all, quoted(name)+" = "+n.fields[name].toml())
		}
		return "{ " + strings.Join(all, ", ") + " }"
	case number:
		if written := n.written(); strings.Contains(written, ".") {
			return written
		}
		return n.written() + ".0"
	default:
		return n.written()
	}
}

// quoted writes a text between double quotes, as TOML wants it.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
