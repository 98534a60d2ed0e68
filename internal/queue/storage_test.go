package queue

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// ext4Shutdown is EXT4_IOC_SHUTDOWN of the kernel's fs/ext4/ext4.h, and noLogFlush
// its flag: from now on nothing reaches the device, not even the journal.
const (
	ext4Shutdown = 0x8004587d
	noLogFlush   = 2
)

func TestShutdown(t *testing.T) {
	t.Parallel()
	for round := range rounds(2) {
		t.Run(fmt.Sprintf("the file system dies under the station, round %d: nothing acknowledged is lost", round+1), func(t *testing.T) {
			c := newCard(t, 16, "a file system that dies under the station")
			c.mount()
			path := filepath.Join(c.dir, "outbox.db")
			vendor := filepath.Join(t.TempDir(), "vendor") // whose books do not die
			if err := os.Symlink(vendor+".books", path+".books"); err != nil {
				t.Fatal(err)
			}
			process := again(t.Context(), t, "record for ever", path)
			out, err := process.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := process.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(out)
			var acknowledged []station.ID
			hear := func() error {
				line, err := lines.ReadString('\n')
				if id, whole := strings.CutSuffix(line, "\n"); whole {
					acknowledged = append(acknowledged, station.ID(id))
				}
				return err
			}
			for range 10 + 7*(round%10) {
				if err := hear(); err != nil {
					t.Fatal(err)
				}
			}
			dir, err := os.Open(c.dir)
			if err != nil {
				t.Fatal(err)
			}
			flag := uint32(noLogFlush)
			if err := unix.IoctlSetPointerInt(int(dir.Fd()), ext4Shutdown, int(flag)); err != nil {
				t.Fatalf("EXT4_IOC_SHUTDOWN: %v", err)
			}
			dir.Close()
			for hear() == nil { // what it still says it has synced
			}
			if err := process.Wait(); err == nil {
				t.Error("the process goes on without a disk")
			}
			c.unmount()
			c.mount()
			if err := VerifyFile(path); err != nil {
				t.Fatal(err)
			}
			there, err := books(vendor)
			if err != nil {
				t.Fatal(err)
			}
			found, err := ReadContents(path, station.NoLimit())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range found.Entries {
				there = append(there, e.ID)
			}
			for _, id := range acknowledged {
				if !slices.Contains(there, id) {
					t.Errorf("entry %s was acknowledged and is lost", id)
				}
			}
			t.Logf("%d acknowledged", len(acknowledged))
		})
	}
}

func TestFullCard(t *testing.T) {
	t.Parallel()
	t.Run("on a full card presses are taken until the outbox is full, and then all of it is delivered", func(t *testing.T) {
		c := newCard(t, 16, "draining on a full card")
		c.mount()
		clock := board("boot-1")
		long := program()
		for i := range long.Bindings {
			long.Bindings[i].Max = 6000
		}
		box, err := Open(filepath.Join(c.dir, "outbox.db"), Setting{Size: 512 << 10, Stamp: clock, Program: func() station.Program { return long }})
		if err != nil {
			t.Fatal(err)
		}
		fillCard(t, c.dir)
		n := 0
		for ; ; n++ {
			// Every seventh is longer than a page.
			code := fmt.Sprintf("%d/n%d", n%5, n)
			if n%7 == 0 {
				code += strings.Repeat("x", 5000)
			}
			_, err = box.Record(station.Event{Source: "hand", Kind: station.Scan, Code: code, At: clock(time.Now())})
			if err != nil {
				break
			}
		}
		if !errors.Is(err, ErrFull) {
			t.Fatalf("after %d: %v, want %v", n, err, ErrFull)
		}
		if tell := box.Faults()["outbox"]; !strings.Contains(tell, "full") {
			t.Errorf("it tells %q", tell)
		}
		v := &vendor{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- box.Run(ctx, "l2l", v) }()
		for {
			changed := box.Changed()
			if s := box.Snapshot(); s.Waiting+s.Held == 0 || box.Err() != nil {
				break
			}
			<-changed
		}
		cancel()
		if err := errors.Join(<-ended, box.Err()); err != nil {
			t.Fatal(err)
		}
		if len(v.effects()) != n {
			t.Errorf("%d of %d were delivered", len(v.effects()), n)
		}
		if err := box.Close(); err != nil {
			t.Error(err)
		}
		if err := VerifyFile(filepath.Join(c.dir, "outbox.db")); err != nil {
			t.Error(err)
		}
		t.Logf("%d entries in 512 KiB", n)
	})
}

// fillCard leaves not one free block.
func fillCard(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "photographs"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 512; {
		_, err := f.Write(make([]byte, size))
		if err == nil {
			err = f.Sync()
		}
		if errors.Is(err, unix.ENOSPC) || errors.Is(err, io.ErrShortWrite) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
