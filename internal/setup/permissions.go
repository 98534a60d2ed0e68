package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// reportPermissions says at the start which devices this user may not open, and what to do
// about it: after ten questions it would be too late.
func (s *setup) reportPermissions() {
	for _, text := range permissionProblems("/dev", os.Geteuid(), tryOpen) {
		s.say("%s", text)
	}
}

// tryOpen opens and closes a device.
func tryOpen(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err == nil {
		f.Close()
	}
	return err
}

// permissionProblems returns a text for each kind of device in a folder of which the user may
// open none, with the group to join.
func permissionProblems(dev string, uid int, open func(path string) error) []string {
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
		denied := slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
			return !errors.Is(open(path), fs.ErrPermission)
		})
		if len(denied) < len(paths) {
			continue
		}
		group := groupName(paths[0])
		account := strconv.Itoa(uid)
		if u, err := user.LookupId(account); err == nil {
			account = u.Username
		}
		all = append(all, fmt.Sprintf("You may not open %s, so %s will not be found. Stop setup (Ctrl-C) and either run it as root (sudo stationd setup …) or join the group %s and log in again: sudo adduser %s %s",
			denied[0], kind.what, group, account, group))
	}
	return all
}

// groupName returns the group of a file, its number where it has no name.
func groupName(path string) string {
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
