package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Section decodes the table [name] into the struct that into points to, and
// reports whether the file has it. What the struct held stays where the file
// says nothing: those are the defaults. Keys are matched with `toml:"key"` tags;
// a field without one is not read from the file.
//
// Fields are string, bool, numbers, time.Duration (written "30ms"),
// encoding.TextUnmarshaler, any, and pointers, slices, structs and maps with
// string keys of these.
func (f *File) Section(name string, into any) bool {
	n := f.topLevel(name)
	if n == nil {
		return false
	}
	if n.listOfTables {
		f.faultOf(n, "[[%s]] makes a list, but there is only one; write [%s]", name, name)
		return true
	}
	what := fmt.Sprintf("[%s]", name)
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		f.cannotDecode(n, what, v)
		return true
	}
	f.decode(n, v.Elem(), what)
	return true
}

// Tables decodes every [[name]] into the slice that into points to, one element
// a table, in the order of the file, and reports whether there is any. An
// element that the slice held before is the default of each; a slice without
// elements has no defaults. A table with faults keeps its place.
func (f *File) Tables(name string, into any) bool {
	what := fmt.Sprintf("[[%s]]", name)
	n := f.tables(name)
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Slice {
		f.cannotDecode(n, what, v)
		return false
	}
	defaults := v.Elem()
	f.wantKind(n, what, list)
	tables := reflect.MakeSlice(defaults.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		if defaults.Len() > 0 {
			tables.Index(i).Set(defaults.Index(0))
		}
		f.decode(item, tables.Index(i), what)
	}
	defaults.Set(tables)
	return len(n.items) > 0
}

// tables returns the list of [[name]], which may be empty; a single [name] is a
// fault, and a list of one.
func (f *File) tables(name string) *node {
	n := f.topLevel(name)
	if n == nil {
		return &node{kind: list}
	}
	if n.kind == table {
		f.fault(n.at, "[%s] makes one table, but there may be several; write [[%s]]", name, name)
		return &node{kind: list, at: n.at, items: []*node{n}}
	}
	return n
}

// topLevel returns the top-level value of that name and remembers that somebody
// wanted it.
func (f *File) topLevel(name string) *node {
	if !slices.Contains(f.known, name) {
		f.known = append(f.known, name)
	}
	return f.root.fields[name]
}

// cannotDecode reports a mistake of the program in the only place where it can be
// heard.
func (f *File) cannotDecode(n *node, what string, v reflect.Value) {
	f.faultOf(n, "%s cannot be read by this program: it has no way to decode it into %v", what, v.Kind())
}

// decode puts the value n into v. what is how faults call the value.
func (f *File) decode(n *node, v reflect.Value, what string) {
	if n.faulty {
		return
	}
	if v.Kind() == reflect.Pointer {
		fresh := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			fresh.Elem().Set(v.Elem())
		}
		f.decode(n, fresh.Elem(), what)
		v.Set(fresh)
		return
	}
	if v.CanAddr() && v.Addr().Type().Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		if f.wantKind(n, what, text) {
			if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.text)); err != nil {
				f.faultOf(n, "%s: %v", what, err)
			}
		}
		return
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		f.decodeDuration(n, v, what)
		return
	}
	switch v.Kind() {
	case reflect.String:
		if f.wantKind(n, what, text) {
			v.SetString(n.text)
		}
	case reflect.Bool:
		if f.wantKind(n, what, boolean) {
			v.SetBool(n.boolean)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if f.wantKind(n, what, whole) && f.fitsField(n, what, v.OverflowInt(n.whole)) {
			v.SetInt(n.whole)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if f.wantKind(n, what, whole) && f.fitsField(n, what, n.whole < 0 || v.OverflowUint(uint64(n.whole))) {
			v.SetUint(uint64(n.whole))
		}
	case reflect.Float32, reflect.Float64:
		if n.kind == whole || f.wantKind(n, what, number) {
			v.SetFloat(n.float)
		}
	case reflect.Slice:
		f.decodeSlice(n, v, what)
	case reflect.Map:
		f.decodeMap(n, v, what)
	case reflect.Struct:
		f.decodeStruct(n, v, what)
	case reflect.Interface:
		if v.NumMethod() > 0 {
			f.cannotDecode(n, what, v)
			return
		}
		v.Set(reflect.ValueOf(n.toGo()))
	default:
		f.cannotDecode(n, what, v)
	}
}

// wantKind reports whether n is of that kind, and a fault if it is not. The value itself is
// not repeated: it might be a secret in the wrong place.
func (f *File) wantKind(n *node, what string, want kind) bool {
	if n.kind == want {
		return true
	}
	f.faultOf(n, "%s must be %s, not %s", what, want.wanted(), n.kind)
	return false
}

// fitsField reports a fault when a whole number overflows its field.
func (f *File) fitsField(n *node, what string, overflows bool) bool {
	if overflows {
		f.faultOf(n, "%s cannot be %d", what, n.whole)
	}
	return !overflows
}

func (f *File) decodeDuration(n *node, v reflect.Value, what string) {
	if n.kind != text {
		f.faultOf(n, `%s must be a time with its unit, as "30ms", "2s", "5m" or "24h", not %s`, what, n.kind)
		return
	}
	d, err := time.ParseDuration(n.text)
	switch {
	case err != nil:
		f.faultOf(n, `%s must be a time with its unit, as "30ms", "2s", "5m" or "24h"`, what)
	case d < 0:
		f.faultOf(n, "%s must not be below zero", what)
	default:
		v.SetInt(int64(d))
	}
}

func (f *File) decodeSlice(n *node, v reflect.Value, what string) {
	if !f.wantKind(n, what, list) {
		return
	}
	items := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		f.decode(item, items.Index(i), fmt.Sprintf("place %d of %s", i+1, what))
	}
	v.Set(items)
}

func (f *File) decodeMap(n *node, v reflect.Value, what string) {
	if v.Type().Key().Kind() != reflect.String {
		f.cannotDecode(n, what, v)
		return
	}
	if !f.wantKind(n, what, table) {
		return
	}
	fresh := reflect.MakeMap(v.Type())
	for it := v.MapRange(); it.Next(); {
		fresh.SetMapIndex(it.Key(), it.Value())
	}
	for _, name := range n.names {
		value := reflect.New(v.Type().Elem()).Elem()
		f.decode(n.fields[name], value, fmt.Sprintf("%q", name))
		fresh.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), value)
	}
	v.Set(fresh)
}

func (f *File) decodeStruct(n *node, v reflect.Value, what string) {
	names, fields := keys(v)
	if n.kind != table && slices.Contains(names, "file") {
		f.faultOf(n, "%s: a secret is never written in this file; put it in a file of its own and say which, as { file = \"/etc/stationd/…\" }; allowed there: %s", what, strings.Join(names, ", "))
		return
	}
	if !f.wantKind(n, what, table) {
		return
	}
	for _, name := range n.names {
		value := n.fields[name]
		if i := slices.Index(names, name); i >= 0 {
			f.decode(value, fields[i], fmt.Sprintf("%q", name))
		} else {
			f.unknown(value, name, what, names)
		}
	}
}

// unknown reports a key that nobody knows, at the key.
func (f *File) unknown(n *node, name, table string, allowed []string) {
	if !n.faulty {
		n.faulty = true
		f.fault(n.key, "unknown key %q in %s%s", name, table, choice(name, allowed))
	}
}

// keys returns the keys that a struct takes and its fields, in the struct's
// order; those of embedded structs stand in the embedding one's.
func keys(v reflect.Value) (names []string, fields []reflect.Value) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := field.Tag.Get("toml")
		switch {
		case field.Anonymous && name == "" && field.Type.Kind() == reflect.Struct:
			inner, innerFields := keys(v.Field(i))
			names, fields = append(names, inner...), append(fields, innerFields...)
		case name != "" && name != "-" && field.IsExported():
			names, fields = append(names, name), append(fields, v.Field(i))
		}
	}
	return names, fields
}

// toGo returns the value as one of Go's own: string, int64, float64, bool,
// []any or map[string]any. Dates are strings.
func (n *node) toGo() any {
	switch n.kind {
	case whole:
		return n.whole
	case number:
		return n.float
	case boolean:
		return n.boolean
	case list:
		items := make([]any, 0, len(n.items))
		for _, item := range n.items {
			items = append(items, item.toGo())
		}
		return items
	case table:
		fields := make(map[string]any)
		for name, value := range n.fields {
			fields[name] = value.toGo()
		}
		return fields
	default:
		return n.text
	}
}
