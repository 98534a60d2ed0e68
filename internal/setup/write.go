package setup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"unicode/utf8"

	_ "embed"

	"stationd/internal/plan"
	"stationd/internal/terminal"
)

//go:embed stationd.toml
var setupConfig string

// text renders the draft as a configuration. Texts are written with Go's escapes,
// which are TOML's where there are no control characters, and no answer has any.
func (d *draft) text() ([]byte, error) {
	t, err := template.New("stationd.toml").Funcs(template.FuncMap{
		"text":    strconv.Quote,
		"pattern": literal,
		"key": func(file, credential string) string {
			if file != "" {
				return "{ file = " + strconv.Quote(file) + " }"
			}
			return "{ credential = " + strconv.Quote(credential) + " }"
		},
	}).Parse(setupConfig)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, d)
	return []byte(aligned(b.String())), err
}

// literal writes a regular expression in single quotes, where nothing is escaped, if
// it has none of its own.
func literal(pattern string) string {
	if strings.ContainsRune(pattern, '\'') {
		return strconv.Quote(pattern)
	}
	return "'" + pattern + "'"
}

// notesAt is the column of the notes behind values.
const notesAt = 37

// aligned puts the notes behind values, which stand behind a tab, under each other.
// No answer holds a tab.
func aligned(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		value, note, noted := strings.Cut(line, "\t")
		b.WriteString(value)
		if noted {
			b.WriteString(strings.Repeat(" ", max(1, notesAt-utf8.RuneCountInString(value))) + note)
		}
	}
	return b.String()
}

// write shows what there is, checks it as check would, and writes it where the
// person says so.
func (s *setup) write() error {
	s.heading("The configuration")
	s.say("Station %s: %s, %s, %s, %s.", s.Name, terminal.Count(len(s.Buttons), "button"), terminal.Count(len(s.Lamps), "lamp"),
		terminal.Count(len(s.Buzzers), "buzzer"), terminal.Count(len(s.Readers), "reader"))
	text, err := s.text()
	if err != nil {
		return err
	}
	if err := s.check(text); err != nil {
		return err
	}
	for {
		path, replace, err := s.where()
		if err != nil {
			return err
		}
		if path == "" {
			s.say("Nothing was written.")
			s.tellKept()
			return nil
		}
		err = writeFile(path, text, replace)
		if err == nil {
			s.tellNext(path)
			s.forget()
			return nil
		}
		s.say("%v", err)
		if s.path, err = s.ask("Another file (nothing: write none)", "", nil); err != nil {
			return err
		}
	}
}

// tellNext says what is to be done with the file that was written.
func (s *setup) tellNext(path string) {
	s.say("\n%s is written, and has no faults. What comes next:\n", path)
	if whole, err := filepath.Abs(path); err == nil && whole != plan.DefaultPath {
		s.say("  sudo install -m 644 %s %s", path, plan.DefaultPath)
	}
	for _, key := range s.credentials() {
		s.say("  sudo install -m 600 YOUR-KEY-FILE /etc/stationd/keys/%s", key)
	}
	s.say("  sudo systemctl daemon-reload\n  sudo systemctl restart stationd\n  systemctl status stationd")
}

// credentials are the keys that the packaged unit hands over.
func (d *draft) credentials() []string {
	var names []string
	if d.L2L != nil && d.L2L.Key == "" {
		names = append(names, "l2l.key")
	}
	if d.Lagerkoll != nil && d.Lagerkoll.Key == "" {
		names = append(names, "lagerkoll.key")
	}
	return names
}

// check reads the text as run would.
func (s *setup) check(text []byte) error {
	dir, err := os.MkdirTemp("", "stationd-setup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is a folder for passing things
	path := filepath.Join(dir, "stationd.toml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	_, faults, err := plan.Read(path)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		plan.PrintFaults(s.out, faults)
		return errors.New("what came of the answers has faults, and was not written; please report it with the lines above")
	}
	return nil
}

// where asks whether and where the file is to be written; an empty path is nowhere.
func (s *setup) where() (path string, replace bool, err error) {
	for s.path != "" {
		_, err := os.Lstat(s.path)
		if errors.Is(err, fs.ErrNotExist) {
			ok, err := s.yesOr("Write it to "+s.path+"?", "y")
			if err != nil || ok {
				return s.path, false, err
			}
			return "", false, nil
		}
		ok, err := s.yes(s.path + " exists. Replace it?")
		if err != nil || ok {
			return s.path, true, err
		}
		if s.path, err = s.ask("Another file (nothing: write none)", "", nil); err != nil {
			return "", false, err
		}
	}
	return "", false, nil
}

// writeFile writes a file whole or not at all. Only with replace does it touch one
// that exists. It holds no secret and is read by the account that stationd runs as.
func writeFile(path string, text []byte, replace bool) error {
	if !replace {
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s has come to exist meanwhile", path)
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".stationd-setup-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // after the rename it is not there
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if replace {
		return os.Rename(f.Name(), path)
	}
	return os.Link(f.Name(), path) // fails where something stands already
}
