// Command poster makes the sheet of A4 that hangs beside a station: what each light
// and each sound means. It draws what docs/lamps.md says, whose tables the program's
// own tests hold to what the program does.
//
//	go run ./deploy/poster docs/lamps.md en >lamps-poster.en.html
package main

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: poster docs/lamps.md en|sv")
		os.Exit(2)
	}
	page, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = write(os.Stdout, string(page), os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "poster:", err)
		os.Exit(1)
	}
}

// A row is one light or one sound.
type row struct {
	Name    string        // the program's word for it
	Title   string        // how it looks
	Promise template.HTML // what it means
	Action  string        // what to do; "" for nothing
	On      []interval
	Length  float64 // seconds that are drawn
}

// An interval is when a lamp is lit or a buzzer sounds, in seconds.
type interval struct{ From, For float64 }

const (
	lightNames = "slow,steady,quick,off,off duty" // in the order of the sheet
	soundNames = "recorded,refused,held"

	lightSeconds = 5.0 // drawn of a light: the off duty pattern once
	soundSeconds = 1.25
)

//go:embed poster.html
var sheet string

// write writes the sheet of a language from the text of docs/lamps.md.
func write(w io.Writer, page, language string) error {
	var said words
	switch language {
	case "en":
		said = english()
	case "sv":
		said = swedish()
	default:
		return fmt.Errorf("language %q: there are en and sv", language)
	}
	drawn, err := patterns(page)
	if err != nil {
		return err
	}
	lights, err := lightsOf(page)
	if err != nil {
		return err
	}
	var rows struct {
		Text           words
		Language       string
		Lights, Sounds []row
	}
	rows.Text, rows.Language = said, language
	for name := range strings.SplitSeq(lightNames, ",") {
		r := row{Name: name, Length: lightSeconds}
		if language == "en" { // the page's own sentences
			r.Title, r.Promise, r.Action = lights[name].Title, lights[name].Promise, lights[name].Action
		} else {
			r.Title, r.Promise, r.Action = said.Lights[name].Title, said.Lights[name].Promise, said.Lights[name].Action
		}
		if r.Title == "" || r.Promise == "" {
			return fmt.Errorf("light %q: it is not told in %s", name, language)
		}
		pattern, there := drawn[name]
		if !there {
			return fmt.Errorf("light %q: the table of patterns does not have it", name)
		}
		if r.On, err = pattern.within(lightSeconds); err != nil {
			return fmt.Errorf("light %q: %w", name, err)
		}
		rows.Lights = append(rows.Lights, r)
	}
	for name := range strings.SplitSeq(soundNames, ",") {
		r := row{Name: name, Length: soundSeconds, Title: said.Sounds[name].Title, Promise: said.Sounds[name].Promise}
		if r.On, err = drawn[name].within(soundSeconds); err != nil || len(r.On) == 0 {
			return errors.Join(fmt.Errorf("sound %q: the table of patterns does not have it", name), err)
		}
		rows.Sounds = append(rows.Sounds, r)
	}
	return template.Must(template.New("poster").Parse(sheet)).Execute(w, rows)
}

// A pattern is the text of a row of the table of patterns.
type pattern string

// patterns reads the table of patterns.
func patterns(page string) (map[string]pattern, error) {
	_, below, found := strings.Cut(page, "<!-- patterns -->\n")
	if !found {
		return nil, errors.New("the page has no table of patterns")
	}
	all := make(map[string]pattern)
	for _, cells := range table(below) {
		all[cells[0]] = pattern(cells[1])
	}
	return all, nil
}

// within is when the pattern is on in the first seconds: "0.5 lit, 0.5 dark, and again".
func (p pattern) within(seconds float64) (on []interval, err error) {
	switch p {
	case "dark":
		return nil, nil
	case "lit":
		return []interval{{0, seconds}}, nil
	}
	text, again := strings.CutSuffix(string(p), ", and again")
	for at := 0.0; at < seconds; {
		for part := range strings.SplitSeq(text, ", ") {
			number, word, _ := strings.Cut(part, " ")
			length, err := strconv.ParseFloat(number, 64)
			if err != nil || length <= 0 {
				return nil, fmt.Errorf("pattern %q: %q is no length", p, part)
			}
			if (word == "lit" || word == "on") && at < seconds {
				on = append(on, interval{at, min(length, seconds-at)})
			}
			at += length
		}
		if !again {
			break
		}
	}
	return on, nil
}

var bold = regexp.MustCompile(`\*\*([^*]+)\*\*`)

// lightsOf reads the table of what each light promises.
func lightsOf(page string) (map[string]row, error) {
	_, below, found := strings.Cut(page, "\n| light |")
	if !found {
		return nil, errors.New("the page has no table of lights")
	}
	all := make(map[string]row)
	for _, cells := range table("| light |" + below) {
		name := bold.FindStringSubmatch(cells[0])
		if name == nil || len(cells) != 3 {
			return nil, fmt.Errorf("the row %q has no light in bold, what it promises and what to do", cells)
		}
		title := strings.TrimPrefix(strings.ReplaceAll(cells[0], "**", ""), "off duty: ")
		all[name[1]] = row{Title: title, Promise: italics(cells[1]), Action: cells[2]}
	}
	return all, nil
}

var italic = regexp.MustCompile(`\*([^*]+)\*`)

// italics sets what stands between asterisks off, and everything else as it is.
func italics(text string) template.HTML {
	return template.HTML(italic.ReplaceAllString(template.HTMLEscapeString(text), "<b>$1</b>")) //nolint:gosec // escaped
}

// table is the cells of the table that the text begins with, without its head.
func table(text string) (rows [][]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			break
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	return rows[min(2, len(rows)):]
}
