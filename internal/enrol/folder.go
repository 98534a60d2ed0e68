package enrol

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	mostFiles    = 100      // in the folder; more than a configuration is put together from, and its keys
	mostBytes    = 1 << 20  // of one of them
	mostTogether = 16 << 20 // bytes of all: the package's unit has 64 MiB of memory

	refusedName = "refused.txt" // what is wrong, for whoever filled the folder
	wiping      = ".wipe"       // behind the name of a folder that is being wiped
)

// A folder is what somebody put on the boot partition.
type folder map[string]folderFile // by name, as it is meant

// A folderFile is one file of it.
type folderFile struct {
	path string
	text []byte
}

// meant is the name that somebody meant: an editor of Windows adds .txt and does not show it,
// and a FAT partition may show capitals alone. What the configuration names by its spelling
// keeps that.
func meant(name string) string {
	if short := name[:max(len(name)-len(".txt"), 0)]; strings.EqualFold(name, short+".txt") && filepath.Ext(short) != "" {
		name = short
	}
	if endsIn(name, ".toml", ".pem") && !strings.EqualFold(name, configName) {
		return name
	}
	return strings.ToLower(name)
}

// endsIn reports whether a name has one of the endings.
func endsIn(name string, endings ...string) bool {
	return slices.Contains(endings, strings.ToLower(filepath.Ext(name)))
}

// isLitter reports whether a file is what computers leave in folders that they show, or this
// command's own.
func isLitter(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, ".") || name == "thumbs.db" || name == "desktop.ini" || name == refusedName
}

// readFolder reads the folder whole. The error is a refusal where it holds what is not for
// it.
func readFolder(path string) (folder, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return isLitter(e.Name()) })
	if len(entries) > mostFiles { // a folder of pictures is more than a small board has memory for
		return nil, refusal{fmt.Sprintf("%s holds %d files, and %d at most: leave what is the station's", filepath.Base(path), len(entries), mostFiles)}
	}
	all := make(folder)
	together := 0
	var no refusal
	for _, entry := range entries {
		name := meant(entry.Name())
		_, twice := all[name]
		switch {
		case !entry.Type().IsRegular():
			no = append(no, fmt.Sprintf("%s is no file: put the files themselves into the folder", entry.Name()))
			continue
		case twice:
			no = append(no, fmt.Sprintf("%s is there twice: leave one", name))
			continue
		}
		file := filepath.Join(path, entry.Name())
		text, err := readUpTo(file, mostBytes)
		if err != nil {
			return nil, err
		}
		if together += len(text); together > mostTogether {
			return nil, refusal{fmt.Sprintf("%s holds more than %d MiB together: leave what is the station's", filepath.Base(path), mostTogether>>20)}
		}
		if len(text) > mostBytes {
			no = append(no, fmt.Sprintf("%s is longer than %d bytes: it is something else", entry.Name(), mostBytes))
			continue
		}
		all[name] = folderFile{file, text}
	}
	if len(no) > 0 {
		return nil, no
	}
	return all, nil
}

// readUpTo reads a file, and one byte more than the most where there is more.
func readUpTo(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}

// wipe takes the folder away and wipes it. It has another name from the first step on: what
// is half wiped must not be taken for what somebody has put there.
func (e *enrolment) wipe() error {
	if err := os.Rename(e.from, e.from+wiping); err != nil {
		return err
	}
	if err := syncFolder(filepath.Dir(e.from)); err != nil {
		return err
	}
	_, err := e.finishWiping()
	return err
}

// finishWiping wipes what wipe has taken away, also that of a run that was cut off, and
// reports whether there was anything.
func (e *enrolment) finishWiping() (begun bool, err error) {
	away := e.from + wiping
	if !exists(away) {
		return false, nil
	}
	err = filepath.WalkDir(away, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return overwrite(path)
	})
	if err := errors.Join(err, os.RemoveAll(away)); err != nil {
		return true, err
	}
	return true, syncFolder(filepath.Dir(e.from))
}

// overwrite writes zeros over a file. A card may keep what was there before all the same,
// where no file system reaches it.
func overwrite(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode()&0o200 == 0 { // Windows' read-only, which keeps root out as well in the package's unit
		if err := os.Chmod(path, info.Mode()|0o200); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	zeros := make([]byte, 64<<10) // what a computer has left in the folder may be of any size
	for left := info.Size(); left > 0 && err == nil; left -= int64(len(zeros)) {
		_, err = f.Write(zeros[:min(left, int64(len(zeros)))])
	}
	return errors.Join(err, f.Sync(), f.Close())
}
