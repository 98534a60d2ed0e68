// Package atomicfile writes small files whole or not at all, also through a power cut:
// whoever opens one finds the text of before or all of the new one.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace writes a file with these permissions in the place of the one that is there, if
// any. After an error that one is as it was.
func Replace(path string, text []byte, perm fs.FileMode) error {
	return write(path, text, perm, true, os.Rename)
}

// ReplaceUnsynced is Replace without the wait for the disk: a process that ends leaves the one
// or the other, and a power cut may leave neither.
func ReplaceUnsynced(path string, text []byte, perm fs.FileMode) error {
	return write(path, text, perm, false, os.Rename)
}

// Create is Replace for a file that must not be there yet: where anything stands at path,
// also a link, it is left as it is and the error is fs.ErrExist.
func Create(path string, text []byte, perm fs.FileMode) error {
	return write(path, text, perm, true, os.Link) // unlike a rename it replaces nothing
}

// write writes a file beside path, syncs it where that is asked for, and then gives it the
// name.
func write(path string, text []byte, perm fs.FileMode, sync bool, name func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // after a rename it is not there
	_, err = f.Write(text)
	if sync && err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Chmod(perm), f.Close()); err != nil {
		return err
	}
	return name(f.Name(), path)
}
