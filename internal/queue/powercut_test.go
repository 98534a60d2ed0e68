package queue

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// A disk is a file of a FUSE file system that remembers every write and every
// flush, so that the power can be cut afterwards at any moment.
type disk struct {
	fusefs.Inode

	mu   sync.Mutex
	data []byte
	log  []diskOp
}

// A diskOp is a write, or a flush: everything before it is on the medium then.
type diskOp struct {
	at    int64
	data  []byte
	flush bool
}

var (
	_ fusefs.NodeGetattrer = (*disk)(nil)
	_ fusefs.NodeOpener    = (*disk)(nil)
	_ fusefs.NodeReader    = (*disk)(nil)
	_ fusefs.NodeWriter    = (*disk)(nil)
	_ fusefs.NodeFsyncer   = (*disk)(nil)
)

func (d *disk) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = 0o600, uint64(len(d.data)) // which never changes
	return 0
}

func (d *disk) Open(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

func (d *disk) Read(_ context.Context, _ fusefs.FileHandle, into []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fuse.ReadResultData(into[:copy(into, d.data[min(at, int64(len(d.data))):])]), 0
}

func (d *disk) Write(_ context.Context, _ fusefs.FileHandle, data []byte, at int64) (uint32, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at+int64(len(data)) > int64(len(d.data)) {
		return 0, syscall.ENOSPC
	}
	copy(d.data[at:], data)
	d.log = append(d.log, diskOp{at: at, data: bytes.Clone(data)})
	return uint32(len(data)), 0
}

func (d *disk) Fsync(context.Context, fusefs.FileHandle, uint32) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, diskOp{flush: true})
	return 0
}

func (d *disk) told() []diskOp {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log)
}

func (d *disk) moment() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.log)
}

// root is the folder with the disk in it.
type root struct {
	fusefs.Inode
	disk *disk
}

func (r *root) OnAdd(ctx context.Context) {
	r.AddChild("disk", r.NewPersistentInode(ctx, r.disk, fusefs.StableAttr{Mode: fuse.S_IFREG}), false)
}

// said is one thing that the recording process said, and how much the disk had
// been told by then.
type said struct {
	moment int
	what   string // recorded, or delivering
	id     station.ID
}

// onDisk lets a process use an outbox on a disk that remembers.
func onDisk(t *testing.T, child string, proves string) (base []byte, log []diskOp, heard []said) {
	t.Helper()
	c := newCard(t, 16, proves)
	base, err := os.ReadFile(c.image)
	if err != nil {
		t.Fatal(err)
	}
	d := &disk{data: bytes.Clone(base)}
	dir := filepath.Join(t.TempDir(), "fuse")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	server, err := fusefs.Mount(dir, &root{disk: d}, &fusefs.Options{MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "stationd-test", Name: "disk"}})
	if err != nil {
		t.Skipf("NOT proved: %s. FUSE: %v", proves, err)
	}
	defer func() {
		if err := server.Unmount(); err != nil {
			t.Errorf("unmount FUSE: %v", err)
		}
	}()
	c.image = filepath.Join(dir, "disk")
	c.mount()
	heard = listen(t, child, filepath.Join(c.dir, "data", "outbox.db"), d)
	log = d.told() // the power goes while the station runs
	c.unmount()
	return base, log, heard
}

// listen runs the recording process to its end. It says one thing at a time and
// waits until it has been heard, so that the disk's log has everything that was
// done before, and nothing that was done after.
func listen(t *testing.T, child, path string, d *disk) (heard []said) {
	t.Helper()
	process := again(t.Context(), t, child, path)
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		what, id, _ := strings.Cut(lines.Text(), " ")
		heard = append(heard, said{d.moment(), what, station.ID(id)})
		if _, err := io.WriteString(in, "\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := process.Wait(); err != nil {
		t.Fatal(err)
	}
	return heard
}

// recordAndSay records and delivers, and says everything that it acknowledges and
// everything that may have left it.
func recordAndSay(path string) error { return sayAll(path, false) }

// recordUnsynced is the canary: it says the same and has synced nothing.
func recordUnsynced(path string) error { return sayAll(path, true) }

func sayAll(path string, noSync bool) error {
	clock := board("boot-1")
	box, err := Open(path, Setting{Size: 1 << 20, Stamp: clock, Program: program, faults: format.Faults{NoSync: noSync}})
	if err != nil {
		return err
	}
	var mu sync.Mutex
	hear := bufio.NewReader(os.Stdin)
	say := func(what string, id station.ID) error {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(what, id)
		_, err := hear.ReadString('\n')
		return err
	}
	v := &vendor{}
	v.answer = func(d station.Delivery) (bool, station.Receipt) {
		if noSync || len(v.done) == 20 { // the rest waits, and can be missed
			return false, station.Receipt{Outcome: station.Unreached, Err: errors.New("no route to host")}
		}
		if err := say("delivering", d.ID); err != nil {
			return false, station.Receipt{Outcome: station.Unreached, Err: err}
		}
		return true, station.Receipt{Outcome: station.Delivered, Ref: "ref-" + d.ID.Short()}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for i := range 60 {
		if i == 20 { // by then there is a backlog
			go func() { _ = box.Run(ctx, "l2l", v) }()
		}
		ev := station.Event{Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("%d/n%d", i%3, i), At: clock(time.Now())}
		if i%10 == 9 {
			ev = station.Event{Source: "red", Kind: []string{station.Press, station.Hold}[i/10%2], At: clock(time.Now())}
		}
		done, err := box.Record(ev)
		if err != nil {
			return err
		}
		for _, id := range done.Entries {
			if err := say("recorded", id); err != nil {
				return err
			}
		}
	}
	return nil // without closing it
}

// lookAfterCut is what the station's next start sees: the file is sound, and
// opens. It prints the entries.
func lookAfterCut(path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		fmt.Println("[]")
		return nil
	}
	if err := VerifyFile(path); err != nil {
		return err
	}
	box, err := Open(path, Setting{Size: 1 << 20, Stamp: board("boot-2"), Program: program})
	if err != nil {
		return err
	}
	c, err := box.Contents(station.NoLimit())
	if err != nil {
		return err
	}
	ids := []station.ID{}
	for _, e := range c.Entries {
		ids = append(ids, e.ID)
	}
	return json.NewEncoder(os.Stdout).Encode(ids)
}

const sector = 512

// cut is the image as a power cut at that moment leaves it: everything up to the
// last flush, and of what was written after it each sector with a probability.
func cut(image []byte, log []diskOp, moment int, share float64, r *rand.Rand) {
	flushed := 0
	for i, op := range log[:moment] {
		if op.flush {
			flushed = i
		}
	}
	for i, op := range log[:moment] {
		if op.flush {
			continue
		}
		for n := 0; n < len(op.data); n += sector {
			if i < flushed || r.Float64() < share {
				copy(image[op.at+int64(n):], op.data[n:min(n+sector, len(op.data))])
			}
		}
	}
}

// afterCuts cuts the power n times, not before a moment, and returns what was
// wrong each time.
func afterCuts(t *testing.T, n, from int, base []byte, log []diskOp, heard []said) (bad []string) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	c := newCard(t, 1, "power cuts")
	early := 0
	for range n {
		moment := from + r.IntN(len(log)+1-from)
		share := []float64{0, 0.2, 0.5, 0.8, 1}[r.IntN(5)]
		image := bytes.Clone(base)
		cut(image, log, moment, share, r)
		if err := os.WriteFile(c.image, image, 0o600); err != nil {
			t.Fatal(err)
		}
		if len(heard) > 0 && moment < heard[0].moment {
			early++
		}
		if fault := c.lookedAt("look after a cut", moment, heard); fault != "" {
			bad = append(bad, fmt.Sprintf("cut at %d of %d, %.0f %% of the sectors: %s", moment, len(log), 100*share, fault))
		}
	}
	t.Logf("seed %d: %d cuts (%d before the first press), %d writes and flushes, %d things said: %d bad", seed, n, early, len(log), len(heard), len(bad))
	return bad
}

// lookedAt mounts the card and compares what is there with what was said.
func (c *card) lookedAt(child string, moment int, heard []said) (fault string) {
	c.Helper()
	if err := c.tryMount(); errors.Is(err, syscall.EBADMSG) {
		// The superblock of ext4 is two sectors. A card of an ordinary size has copies
		// of it, from which e2fsck mends a torn one.
		c.Logf("cut at %d: the superblock was torn; this cut proves nothing", moment)
		return ""
	} else if err != nil {
		return err.Error()
	}
	defer c.unmount()
	var out, complaints bytes.Buffer
	look := again(c.Context(), c.TB, child, filepath.Join(c.dir, "data", "outbox.db"))
	look.Stdout, look.Stderr = &out, &complaints
	if err := look.Run(); err != nil {
		return fmt.Sprintf("%v: %.300s", err, complaints.String())
	}
	var there []station.ID
	if err := json.Unmarshal(out.Bytes(), &there); err != nil {
		return err.Error()
	}
	left := make(map[station.ID]bool)
	for _, s := range heard {
		left[s.id] = left[s.id] || s.what == "delivering" && s.moment <= moment
	}
	for _, s := range heard {
		if s.what == "recorded" && s.moment <= moment && !left[s.id] && !slices.Contains(there, s.id) {
			return fmt.Sprintf("entry %s was acknowledged at %d and is lost", s.id, s.moment)
		}
	}
	return ""
}

func TestPowerCut(t *testing.T) {
	t.Parallel()
	const proves = "power cuts at any moment, with torn sectors"
	t.Run("the power is cut at any moment and tears sectors: nothing acknowledged is lost, and the outbox is sound", func(t *testing.T) {
		base, log, heard := onDisk(t, "record and say", proves)
		for _, fault := range afterCuts(t, rounds(10), 0, base, log, heard) {
			t.Error(fault)
		}
	})
	t.Run("the canary: without a sync the same cuts are found out", func(t *testing.T) {
		base, log, heard := onDisk(t, "record unsynced", proves)
		if bad := afterCuts(t, 3, heard[0].moment, base, log, heard); len(bad) == 0 {
			t.Error("not one of the cuts was found out: this test proves nothing")
		}
	})
}
