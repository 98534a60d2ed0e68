package words

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed *.properties
var files embed.FS

// Languages are those that have a catalogue, English first.
func Languages() []string { return []string{"en", "sv", "de", "pl", "es", "fi"} }

// A Key names a text: "how.held". What is said of a number has its forms below it,
// "how.held.one", and is asked for without them.
type Key string

// A Catalogue is everything that is said in one language. It never changes, and several
// goroutines may use it at once.
type Catalogue struct {
	tag   string
	texts map[Key]string
}

// In returns the catalogue of a language, and that of English where there is none. It reads
// the whole file: keep what it returns.
func In(tag string) *Catalogue {
	if !slices.Contains(Languages(), tag) {
		tag = "en"
	}
	text, err := files.ReadFile(tag + ".properties")
	if err != nil {
		return &Catalogue{tag: tag} // each language's file is in the program
	}
	return &Catalogue{tag: tag, texts: read(string(text))}
}

// read reads the lines of a catalogue. What is no text is a comment or nothing; a test finds
// lines that are neither.
func read(file string) map[Key]string {
	texts := make(map[Key]string, strings.Count(file, "\n"))
	for line := range strings.Lines(file) {
		key, text, found := strings.Cut(strings.TrimSuffix(line, "\n"), " = ")
		if found && !strings.HasPrefix(key, "#") {
			texts[Key(key)] = text
		}
	}
	return texts
}

// Tag is the language's, as HTML has it: "sv".
func (c *Catalogue) Tag() string { return c.tag }

// Say returns a text with its values filled in, which are given as names and values in
// turn:
//
//	c.Say("how.lost", "vendor", "L2L", "since", times.Since(lost))
//
// A whole number is written as the language writes it. A key without a text is returned as
// it is: a test finds it first.
func (c *Catalogue) Say(key Key, values ...any) string {
	text, found := c.Find(key, values...)
	if !found {
		return string(key)
	}
	return text
}

// Find is [Catalogue.Say] of a key that is made of something else, a verb's name or a
// vendor's code, for which there may be no text.
func (c *Catalogue) Find(key Key, values ...any) (text string, found bool) {
	text, found = c.texts[key]
	return c.fill(text, values), found
}

// Count returns the text for a number of things in the form that the language has for it.
// {n} in the text is the number; the other values are given as to [Catalogue.Say].
func (c *Catalogue) Count(key Key, n int, values ...any) string {
	return c.Say(key+"."+Key(c.form(n)), append([]any{"n", n}, values...)...)
}

// form is the name of the form that a number takes: "one". Of the Unicode CLDR.
func (c *Catalogue) form(n int) string {
	n = max(n, -n)
	switch {
	case n == 1:
		return "one"
	case c.tag != "pl":
		return "other"
	case 2 <= n%10 && n%10 <= 4 && (n%100 < 12 || n%100 > 14):
		return "few"
	}
	return "many"
}

// fill puts values where a text has their names in braces.
func (c *Catalogue) fill(text string, values []any) string {
	if len(values) < 2 {
		return text
	}
	pairs := make([]string, 0, len(values))
	for i := 0; i+1 < len(values); i += 2 {
		pairs = append(pairs, fmt.Sprintf("{%v}", values[i]), c.write(values[i+1]))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func (c *Catalogue) write(value any) string {
	if n, ok := value.(int); ok {
		return c.Number(n)
	}
	return fmt.Sprint(value)
}
