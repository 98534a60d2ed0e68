package hil

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// An archive is an initramfs in the making: files by their absolute path. The
// kernel unpacks several of them one after the other, which lets the drivers be
// kept in the cache and the program and its configuration follow per board.
type archive map[string]file

type file struct {
	mode os.FileMode
	body []byte
}

func (a archive) add(path string, mode os.FileMode, body []byte) {
	a[path] = file{mode, body}
}

// addFile takes a file of the host into the archive.
func (a archive) addFile(path string, mode os.FileMode, from string) error {
	body, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	a.add(path, mode, body)
	return nil
}

// writeTo writes the archive in cpio's newc form (kernel documentation,
// driver-api/early-userspace/buffer-format): for each file the magic 070701,
// thirteen numbers of eight hexadecimal digits, the name, the content, both
// filled up to four bytes. Directories come before what they hold. Everything
// belongs to root and carries no time, so equal content gives equal bytes.
func (a archive) writeTo(w io.Writer) error {
	b := &cpioWriter{w: bufio.NewWriter(w)}
	for _, dir := range a.directories() {
		b.entry(dir[1:], fileTypeDir|0o755, nil)
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		f := a[name]
		b.entry(name[1:], fileTypeRegular|uint32(f.mode.Perm()), f.body)
	}
	b.entry("TRAILER!!!", 0, nil)
	if b.err != nil {
		return b.err
	}
	return b.w.Flush()
}

// The file types of st_mode, which cpio shares with stat(2).
const (
	fileTypeDir     = 0o040000
	fileTypeRegular = 0o100000
)

// directories lists every directory above the archive's files, outermost first.
func (a archive) directories() []string {
	set := map[string]bool{}
	for name := range a {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			set[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

type cpioWriter struct {
	w    *bufio.Writer
	size int
	err  error
}

func (c *cpioWriter) entry(name string, mode uint32, body []byte) {
	links := 1
	c.write(fmt.Appendf(nil, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		0, mode, 0, 0, links, 0, len(body), 0, 0, 0, 0, len(name)+1, 0))
	c.write(append([]byte(name), 0))
	c.fill()
	c.write(body)
	c.fill()
}

func (c *cpioWriter) write(b []byte) {
	if c.err == nil {
		var n int
		n, c.err = c.w.Write(b)
		c.size += n
	}
}

func (c *cpioWriter) fill() {
	c.write(make([]byte, (4-c.size%4)%4))
}

// writeFile writes the archive to the named file, whole or not at all.
func (a archive) writeFile(name string) error {
	return whole(name, func(f *os.File) error { return a.writeTo(f) })
}

// whole lets fill write a file that appears under its name when it is complete.
func whole(name string, fill func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once the file has its name, as it should
	if err := fill(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
