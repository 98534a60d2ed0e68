package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"stationd/internal/atomicfile"
	"stationd/internal/plan"
	"stationd/internal/terminal"
)

// quotePattern returns a regular expression as a TOML string: in single quotes, which need no
// escapes, if it has none itself.
func quotePattern(pattern string) string {
	if strings.ContainsRune(pattern, '\'') {
		return strconv.Quote(pattern)
	}
	return "'" + pattern + "'"
}

// noteColumn is the column of the comments behind values.
const noteColumn = 37

// alignNotes aligns the comments that follow values after a tab. No answer holds a tab.
func alignNotes(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		value, note, noted := strings.Cut(line, "\t")
		b.WriteString(value)
		if noted {
			b.WriteString(strings.Repeat(" ", max(1, noteColumn-utf8.RuneCountInString(value))) + note)
		}
	}
	return b.String()
}

// write sums the draft up, checks it as check would, and writes it where the person agrees.
func (s *setup) write() error {
	s.heading("The configuration")
	s.say("Station %s: %s, %s, %s, %s.", s.Name, terminal.Count(len(s.Buttons), "button"), terminal.Count(len(s.Lamps), "lamp"),
		terminal.Count(len(s.Buzzers), "buzzer"), terminal.Count(len(s.Readers), "reader"))
	text := s.render()
	if err := s.check(text); err != nil {
		return err
	}
	for {
		path, replace, err := s.askPath()
		if err != nil {
			return err
		}
		if path == "" {
			s.say("Nothing was written.")
			s.reportSaved()
			return nil
		}
		// It holds no secret, and the account that stationd runs as reads it.
		write := atomicfile.Create
		if replace {
			write = atomicfile.Replace
		}
		err = write(path, text, 0o644)
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%s was created meanwhile", path)
		}
		if err == nil {
			s.printNextSteps(path)
			s.removeAnswers()
			return nil
		}
		s.say("%v", err)
		if s.output, err = s.ask("Another file (nothing: write none)", "", nil); err != nil {
			return err
		}
	}
}

// printNextSteps says what to do with the file that was written.
func (s *setup) printNextSteps(path string) {
	s.say("\nWrote %s; it has no faults. Next:\n", path)
	if whole, err := filepath.Abs(path); err == nil && whole != plan.DefaultPath {
		s.say("  sudo install -m 644 %s %s", path, plan.DefaultPath)
	}
	for _, key := range s.missingCredentials() {
		s.say("  sudo install -m 600 YOUR-KEY-FILE /etc/stationd/keys/%s", key)
	}
	s.say("  sudo systemctl daemon-reload\n  sudo systemctl restart stationd\n  systemctl status stationd")
}

// check reads the text as stationd run would, and prints its faults.
func (s *setup) check(text []byte) error {
	dir, err := os.MkdirTemp("", "stationd-setup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
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
		return errors.New("the resulting configuration has faults and was not written; please report it with the lines above")
	}
	return nil
}

// askPath asks whether and where to write the file; an empty path means nowhere.
func (s *setup) askPath() (path string, replace bool, err error) {
	for s.output != "" {
		_, err := os.Lstat(s.output)
		if errors.Is(err, fs.ErrNotExist) {
			ok, err := s.confirmOr("Write it to "+s.output+"?", "y")
			if err != nil || ok {
				return s.output, false, err
			}
			return "", false, nil
		}
		ok, err := s.confirm(s.output + " exists. Replace it?")
		if err != nil || ok {
			return s.output, true, err
		}
		if s.output, err = s.ask("Another file (nothing: write none)", "", nil); err != nil {
			return "", false, err
		}
	}
	return "", false, nil
}
