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
	"unicode/utf8"

	"stationd/internal/atomicfile"
	"stationd/internal/config"
	"stationd/internal/plan"
	"stationd/internal/terminal"
)

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
			err = s.keepOld(path)
		}
		if err == nil {
			err = write(path, text, 0o644)
		}
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

// mostOld is how many files that were replaced are kept beside the one that is there.
const mostOld = 9

// keepOld keeps the file at path beside it before it is replaced, and says what of it the new
// one does not go on with.
func (s *setup) keepOld(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	for n := 1; n <= mostOld; n++ {
		old := path + ".old"
		if n > 1 {
			old += strconv.Itoa(n)
		}
		err := atomicfile.Create(old, text, info.Mode().Perm())
		if errors.Is(err, fs.ErrExist) {
			if kept, readErr := os.ReadFile(old); readErr != nil || !bytes.Equal(kept, text) {
				continue
			}
			err = nil
		}
		if err != nil {
			return err
		}
		s.say("What was there is kept as %s.", old)
		if f, err := config.Load(path); err == nil && len(f.Files()) > 1 {
			s.say("It was put together from %s. What setup writes is whole in itself and includes none of them; they stay as they are.", strings.Join(f.Files(), ", "))
		} else if err == nil && !bytes.Equal(f.Text(), text) {
			s.say("It had variables. What setup writes has what they stand for here as it was answered.")
		}
		return nil
	}
	return fmt.Errorf("%s.old to %s.old%d are there already: move them away", path, path, mostOld)
}

// printNextSteps says what to do with the file that was written.
func (s *setup) printNextSteps(path string) {
	s.say("\nWrote %s; it has no faults. Next:\n", path)
	command := func(format string, args ...any) { // is copied, and so on one line
		fmt.Fprintf(s.out, "  sudo "+format+"\n", args...)
	}
	if whole, err := filepath.Abs(path); err == nil && whole != plan.DefaultPath {
		command("install -m 644 %s %s", path, plan.DefaultPath)
	}
	for _, key := range s.missingCredentials() {
		if _, err := os.Stat("/etc/stationd/keys/" + key); err == nil {
			continue // it is there already
		}
		command("install -m 600 YOUR-KEY-FILE /etc/stationd/keys/%s", key)
	}
	if token := s.More.Page.Token; token != "" {
		command("install -m 640 -g stationd YOUR-TOKEN-FILE %s", token)
	}
	command("systemctl daemon-reload")
	command("systemctl restart stationd")
	if s.More.access() {
		command("stationd badge new NAME      # or: sudo stationd passwd, for a PIN on the page")
	}
	command("stationd doctor")
}

// check reads the text as stationd run would, and prints what is wrong with it, or may not be
// what was meant.
func (s *setup) check(text []byte) error {
	p, faults, err := readText(text)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		plan.PrintFaults(s.out, faults)
		return errors.New("the resulting configuration has faults and was not written; please report it with the lines above")
	}
	for _, w := range p.Warnings {
		s.say("Warning: %s", w.Text)
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
