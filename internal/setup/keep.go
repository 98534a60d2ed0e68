package setup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"stationd/internal/atomicfile"
	"stationd/internal/config"
	"stationd/internal/terminal"
)

// keptAnswers are what a talk has come to, kept beside the file that is to be written until
// it is: a talk that is ended, or whose line is gone, goes on where it was. No secret is
// among them.
type keptAnswers struct {
	Done  int    `json:"done"` // how many parts of the talk are over
	Draft draft  `json:"draft"`
	Label string `json:"label"`
	Bare  bool   `json:"bare"`
}

// draftPath is where the answers are kept: stationd.toml.draft.
func (s *setup) draftPath() string { return s.begun + ".draft" }

// keep keeps the answers so far. Where nothing can be written the talk goes on, and says
// so when it is ended.
func (s *setup) keep() {
	if s.Name == "" {
		return // nothing was answered
	}
	text, err := json.MarshalIndent(keptAnswers{s.done, s.draft, s.label, s.bare}, "", "  ")
	if err == nil {
		err = atomicfile.Write(s.draftPath(), append(text, '\n'))
	}
	s.kept, s.unkept = err == nil, err
}

// tellKept says what becomes of the answers of a talk that has not come to its end.
func (s *setup) tellKept() {
	switch {
	case s.unkept != nil:
		s.say("\nThe answers could not be kept: %v", s.unkept)
	case s.kept:
		s.say("\nThe answers are kept in %s: setup goes on with them.", s.draftPath())
	}
}

// resume goes on with the answers of a talk that was ended, where there are any and the
// person wants to.
func (s *setup) resume() error {
	text, err := os.ReadFile(s.draftPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var kept keptAnswers
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil || kept.Draft.Name == "" {
		s.say("%s cannot be read, and is not gone on with.", s.draftPath())
		return nil //nolint:nilerr // it was said
	}
	d := kept.Draft
	yes, err := s.yesOr(fmt.Sprintf("There are answers of a talk that was ended: station %s, %s, %s. Go on with them?", d.Name,
		terminal.Count(len(d.Buttons), "button"), terminal.Count(len(d.Readers), "reader")), "y")
	if err != nil || !yes {
		return err
	}
	s.done, s.draft, s.label, s.bare = kept.Done, d, kept.Label, kept.Bare
	s.takeNames()
	return nil
}

// takeNames has the judge know the names that are given already.
func (s *setup) takeNames() {
	for i, b := range s.Buttons {
		s.judge.Name(config.At("button", i, "name"), b.Name)
	}
	for i, l := range s.Lamps {
		s.judge.Name(config.At("lamp", i, "name"), l.Name)
	}
	for i, b := range s.Buzzers {
		s.judge.Name(config.At("buzzer", i, "name"), b.Name)
	}
	for i, r := range s.Readers {
		s.judge.Name(config.At("scanner", i, "name"), r.Name)
	}
	if s.Stack != nil {
		s.judge.Name(config.At("stack", 0, "name"), s.Stack.Name)
	}
}

// tellPermissions says at the beginning what this user may not open, and what to do:
// after ten questions it would be too late.
func (s *setup) tellPermissions() {
	for _, text := range notPermitted("/dev", os.Geteuid(), openable) {
		s.say("%s", text)
	}
}

// openable is why a device may not be opened, or nil.
func openable(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err == nil {
		f.Close()
	}
	return err
}

// notPermitted says of each kind of device in a folder that the user may open none of
// it, by which group that can be changed.
func notPermitted(dev string, uid int, open func(path string) error) []string {
	var all []string
	for _, kind := range []struct{ what, pattern string }{
		{"buttons and lamps", "gpiochip*"},
		{"readers on a serial line", "tty[AU][CMS][MB]*"},
		{"readers that type", "input/event*"},
		{"readers that are set to HID-POS", "hidraw*"},
	} {
		paths, err := filepath.Glob(filepath.Join(dev, kind.pattern))
		if err != nil || len(paths) == 0 {
			continue
		}
		shut := slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
			return !errors.Is(open(path), fs.ErrPermission)
		})
		if len(shut) < len(paths) {
			continue
		}
		group := groupOf(paths[0])
		who := strconv.Itoa(uid)
		if u, err := user.LookupId(who); err == nil {
			who = u.Username
		}
		all = append(all, fmt.Sprintf("You may not open %s, so %s will not be found. End this (Ctrl-C), and either run it as root (sudo stationd setup …) or join the group %s and log in again: sudo adduser %s %s",
			shut[0], kind.what, group, who, group))
	}
	return all
}

// groupOf is the group that a file belongs to, by its name where it has one.
func groupOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "root"
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return "root"
	}
	gid := strconv.Itoa(int(owner.Gid))
	if g, err := user.LookupGroupId(gid); err == nil {
		return g.Name
	}
	return gid
}

// forget puts the answers away that have become a configuration.
func (s *setup) forget() {
	if err := os.Remove(s.draftPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.say("%v", err)
	}
}
