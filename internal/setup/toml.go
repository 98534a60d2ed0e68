package setup

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// This file writes values as TOML.

// quote writes a text as it is to be read: "${" begins no variable. Strings have Go's escapes,
// which without control characters are TOML's; no answer has any.
func quote(text string) string { return strconv.Quote(asTyped(text)) }

// asTyped writes a text so that a configuration has it as it was typed: ${NAME} would be a
// variable there.
func asTyped(text string) string { return strings.ReplaceAll(text, "${", "$${") }

// quoteAll writes a list of texts.
func quoteAll(texts []string) string {
	var all []string
	for _, text := range texts {
		all = append(all, quote(text))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// quotePattern returns a regular expression as a TOML string: in single quotes, which need no
// escapes, if it has none itself.
func quotePattern(pattern string) string {
	if strings.ContainsRune(pattern, '\'') {
		return quote(pattern)
	}
	return "'" + asTyped(pattern) + "'"
}

// inline writes a table on one line; {} where it is empty.
func inline(fields ...keyValue) string {
	if len(fields) == 0 {
		return "{}"
	}
	var all []string
	for _, f := range fields {
		all = append(all, f.key+" = "+f.value)
	}
	return "{ " + strings.Join(all, ", ") + " }"
}

// inlineTexts writes texts by their names on one line.
func inlineTexts(byName map[string]string) string {
	var fields []keyValue
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		fields = append(fields, keyValue{name, quote(byName[name])})
	}
	return inline(fields...)
}

// inlineNumbers writes numbers by their names on one line.
func inlineNumbers(byName map[string]string) string {
	var fields []keyValue
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		fields = append(fields, keyValue{name, byName[name]})
	}
	return inline(fields...)
}

// aligned adds keys and values with their equals signs below each other.
func (d *document) aligned(all []keyValue) {
	width := 0
	for _, kv := range all {
		width = max(width, len(kv.key))
	}
	for _, kv := range all {
		d.lines(kv.key + strings.Repeat(" ", width-len(kv.key)) + " = " + kv.value)
	}
}
