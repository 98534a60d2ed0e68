package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Card is a loop device with an ext4 of its own: what the block layer counts there is
// that of whoever writes into Dir.
type Card struct {
	Dir    string // where it is mounted
	image  string
	device string
}

// A Told is what a block device was told so far.
type Told struct {
	Bytes   int64 // written
	Flushes int64
}

// ErrNoCard says that this machine lets nobody make a loop device: it takes root.
var ErrNoCard = errors.New("no loop device can be made here, which takes root")

// NewCard makes a card of that many mebibytes, in dir, which exists. The caller closes it.
func NewCard(ctx context.Context, dir, name string, mebibytes int64) (*Card, error) {
	if os.Geteuid() != 0 {
		return nil, ErrNoCard
	}
	c := &Card{Dir: filepath.Join(dir, name), image: filepath.Join(dir, name+".img")}
	image, err := os.Create(c.image)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(image.Truncate(mebibytes<<20), image.Close(), os.MkdirAll(c.Dir, 0o700)); err != nil {
		return nil, err
	}
	if _, err := command(ctx, "mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0", c.image); err != nil {
		return nil, errors.Join(ErrNoCard, err, c.Close(ctx))
	}
	if c.device, err = command(ctx, "losetup", "--find", "--show", c.image); err != nil {
		return nil, errors.Join(ErrNoCard, err, c.Close(ctx))
	}
	if _, err := command(ctx, "mount", "-o", "noatime", c.device, c.Dir); err != nil {
		return nil, errors.Join(ErrNoCard, err, c.Close(ctx))
	}
	if _, err := c.Now(); err != nil {
		return nil, errors.Join(ErrNoCard, err, c.Close(ctx))
	}
	return c, nil
}

// Told writes out what the kernel still has for the card, and then reads what its device was
// told. Twice in a row it differs by nothing but the file system's own.
func (c *Card) Told() (Told, error) {
	dir, err := os.Open(c.Dir)
	if err != nil {
		return Told{}, err
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return Told{}, fmt.Errorf("sync %s: %w", c.Dir, err)
	}
	return c.Now()
}

// Now reads what the device was told, without writing anything out.
func (c *Card) Now() (Told, error) {
	text, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(c.device), "stat"))
	if err != nil {
		return Told{}, err
	}
	return parseStat(string(text))
}

// parseStat reads the seventh number of a block device's stat, which are sectors of 512
// bytes that were written, and the sixteenth, its flushes.
func parseStat(text string) (Told, error) {
	fields := strings.Fields(text)
	if len(fields) < 17 {
		return Told{}, fmt.Errorf("a kernel that does not count flushes: %q", text)
	}
	var sectors, flushes int64
	if _, err := fmt.Sscan(fields[6]+" "+fields[15], &sectors, &flushes); err != nil {
		return Told{}, fmt.Errorf("a device's stat %q: %w", text, err)
	}
	return Told{sectors * 512, flushes}, nil
}

// Since is what the device was told after an earlier reading.
func (t Told) Since(before Told) Told {
	return Told{t.Bytes - before.Bytes, t.Flushes - before.Flushes}
}

// Close unmounts the card and removes it. It may be called again.
func (c *Card) Close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	if _, err := command(ctx, "mountpoint", "-q", c.Dir); err == nil {
		errs = append(errs, c.unmount(ctx))
	}
	if c.device != "" {
		_, err := command(ctx, "losetup", "--detach", c.device)
		errs = append(errs, err)
		c.device = ""
	}
	return errors.Join(append(errs, os.Remove(c.image), os.Remove(c.Dir))...)
}

// unmount waits a moment for whoever still has a file open there. Some libraries forget one;
// then the device goes with the process.
func (c *Card) unmount(ctx context.Context) error {
	for range 10 {
		if _, err := command(ctx, "umount", c.Dir); err == nil {
			return nil
		}
		runtime.GC()
		<-time.After(50 * time.Millisecond)
	}
	_, err := command(ctx, "umount", "--lazy", c.Dir)
	return err
}

// command runs a program of the system and returns what it said.
func command(ctx context.Context, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), "LC_ALL=C", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	if path := "/usr/sbin/" + name; c.Err != nil {
		if _, err := os.Stat(path); err == nil {
			c.Path, c.Err = path, nil
		}
	}
	out, err := c.CombinedOutput()
	said := strings.TrimSpace(string(out))
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, said)
	}
	return said, nil
}
