package queue

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A card is a small ext4 on a loop device: a real file system on a block device
// whose end, faults and counts a test has in its hand.
type card struct {
	testing.TB
	image  string // the file behind the device
	dir    string // where it is mounted
	device string // loop7, while it is mounted
	with   string // options of ext4
}

// newCard makes a card of that size, or skips with what was not proved.
func newCard(t testing.TB, megabytes int64, proves string) *card {
	t.Helper()
	return newCardIn(t, inMemory(t), megabytes, proves)
}

// newCardIn is newCard with its image in that folder, on a disk whose speed counts.
func newCardIn(t testing.TB, dir string, megabytes int64, proves string) *card {
	t.Helper()
	c := &card{TB: t, dir: filepath.Join(t.TempDir(), "card"), image: filepath.Join(dir, "card.img")}
	if os.Geteuid() != 0 {
		t.Skipf("NOT proved: %s. It needs root, for a loop device", proves)
	}
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("NOT proved: %s. There is no loop device: %v", proves, err)
	}
	control.Close()
	mkfs, err := exec.LookPath("mkfs.ext4")
	if err != nil {
		if mkfs, err = exec.LookPath("/usr/sbin/mkfs.ext4"); err != nil {
			t.Skipf("NOT proved: %s. There is no mkfs.ext4 (Debian: e2fsprogs)", proves)
		}
	}
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(c.image, megabytes<<20); err != nil {
		t.Fatal(err)
	}
	make := exec.CommandContext(t.Context(), mkfs, "-q", "-F", "-b", "4096", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", c.image)
	if said, err := make.CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, said)
	}
	t.Cleanup(func() {
		if c.device != "" {
			c.unmount()
		}
	})
	return c
}

// inMemory is a folder that no disk slows down, where the system has one. A sync
// there costs nothing, and is counted all the same.
func inMemory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "stationd-card-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// mount mounts the card, as the kernel would after a power cut: with a look at the
// journal.
func (c *card) mount() {
	c.Helper()
	if err := c.tryMount(); err != nil {
		c.Fatal(err)
	}
}

func (c *card) tryMount() error {
	backing, err := os.OpenFile(c.image, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer backing.Close()
	device, err := attach(backing)
	if err != nil {
		return err
	}
	defer device.Close() // the last to close it, a mount counts, detaches it
	if err := unix.Mount(device.Name(), c.dir, "ext4", unix.MS_NOATIME, c.with); err != nil {
		return fmt.Errorf("mount %s: %w", device.Name(), err)
	}
	c.device = filepath.Base(device.Name())
	return nil
}

// attach puts a free loop device over a file. Another process may take the device
// that was free a moment ago.
func attach(backing *os.File) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	for range 100 {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("a free loop device: %w", err)
		}
		device, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		err = unix.IoctlLoopConfigure(int(device.Fd()), &unix.LoopConfig{
			Fd: uint32(backing.Fd()), Size: 512, Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR},
		})
		if err == nil {
			return device, nil
		}
		device.Close()
		if !errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("loop device %d: %w", n, err)
		}
	}
	return nil, unix.EBUSY
}

func (c *card) unmount() {
	c.Helper()
	err := unix.Unmount(c.dir, 0)
	// Another test's child process has the file open for as long as it takes to begin.
	for end := time.Now().Add(10 * time.Second); errors.Is(err, unix.EBUSY) && time.Now().Before(end); err = unix.Unmount(c.dir, 0) {
		<-time.After(10 * time.Millisecond)
	}
	if err != nil {
		c.Errorf("unmount: %v", err)
		_ = unix.Unmount(c.dir, unix.MNT_DETACH)
	}
	c.device = ""
}

// A reading is what the block device has counted.
type reading struct{ writes, bytes, flushes int64 }

// read takes the counts: Documentation/block/stat.rst of the kernel.
func (c *card) read() reading {
	c.Helper()
	text, err := os.ReadFile("/sys/block/" + c.device + "/stat")
	if err != nil {
		c.Fatal(err)
	}
	fields := strings.Fields(string(text))
	if len(fields) < 16 {
		c.Skip("NOT proved: what a press costs in flushes. This kernel does not count them")
	}
	number := func(i int) int64 {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			c.Fatal(err)
		}
		return n
	}
	return reading{writes: number(4), bytes: 512 * number(6), flushes: number(15)}
}

func (r reading) since(before reading) reading {
	return reading{r.writes - before.writes, r.bytes - before.bytes, r.flushes - before.flushes}
}
