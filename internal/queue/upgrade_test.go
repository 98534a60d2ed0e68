package queue

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.etcd.io/bbolt"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// everything is what an outbox holds, as whoever lists it is told.
type everything struct {
	Contents station.Contents
	State    station.State
}

// oldVersions are those that a start rewrites.
var oldVersions = []int{1, 2}

// oldFile returns a file as the last stationd wrote it that knew that version of the format,
// and what it said of it. It is never written anew.
func oldFile(version int) (file []byte, holds everything, err error) {
	unpacked := func(name string) []byte {
		packed, failed := os.ReadFile(filepath.Join("testdata", name))
		if failed != nil {
			err = failed
			return nil
		}
		r, failed := gzip.NewReader(bytes.NewReader(packed))
		if failed != nil {
			err = failed
			return nil
		}
		data, failed := io.ReadAll(r)
		err = errors.Join(err, failed)
		return data
	}
	file = unpacked(fmt.Sprintf("v%d-full.db.gz", version))
	if text := unpacked("v1-full.json.gz"); err == nil {
		err = json.Unmarshal(text, &holds)
	}
	return file, holds, err
}

// differs says in what a closed file differs from what it should hold.
func (want everything) differs(path string) (string, error) {
	c, err := ReadContents(path, station.NoLimit())
	if err != nil {
		return "", err
	}
	s, err := ReadState(path)
	return cmp.Diff(want, everything{c, s}, cmpopts.EquateEmpty()), err
}

// rewrite opens the file and closes it, as the first start of this version does, without
// what a start does besides.
func rewrite(path string, commit func(*bbolt.Tx) error) error {
	f, err := format.Open(path, format.Options{
		Size: 256 << 10, Stamp: board("boot-2"), Log: slog.New(slog.DiscardHandler), Faults: format.Faults{Commit: commit},
	})
	if err != nil {
		return err
	}
	return f.Close()
}

func TestAnOutboxOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	for _, version := range oldVersions {
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) {
			t.Parallel()
			testOldVersion(t, version)
		})
	}
}

func testOldVersion(t *testing.T, old int) {
	file, holds, err := oldFile(old)
	if err != nil {
		t.Fatal(err)
	}
	place := func(t *testing.T) (path string) {
		path = filepath.Join(t.TempDir(), "outbox.db")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sound := func(t *testing.T, path string) {
		t.Helper()
		diff, err := holds.differs(path)
		if err := errors.Join(err, InspectFile(path), VerifyFile(path)); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	t.Run("whoever looks reads it as it is", func(t *testing.T) {
		t.Parallel()
		path := place(t)
		sound(t, path)
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, file) {
			t.Errorf("it was changed by looking: %v", err)
		}
	})
	t.Run("the first start rewrites it, in its place and its size, and it means the same", func(t *testing.T) {
		t.Parallel()
		path := place(t)
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := rewrite(path, nil); err != nil {
				t.Fatal(err)
			}
		}
		after, err := os.Stat(path)
		if err != nil || !os.SameFile(before, after) || after.Size() != before.Size() {
			t.Errorf("it is another file, or of another size: %v, %v", after, err)
		}
		sound(t, path)
		s := &station1{T: t, path: path}
		s.file(func(records, meta *bbolt.Bucket) error {
			if v := meta.Get([]byte("version")); !bytes.Equal(v, []byte{version}) {
				t.Errorf("it says version %v", v)
			}
			seal := bytes.Clone(meta.Get([]byte("seal")))
			n := 0
			for k, v := range recordsIn(records) {
				n++
				if !bytes.Equal(resum(seal, bytes.Clone(v)), v) || v[3] != version {
					t.Errorf("record %x: version %d, and its checksum is not of seal %s", k, v[3], seal)
				}
				if bytes.Contains(v, []byte("order:9\x01")) {
					t.Errorf("record %x has a lane with a control character", k)
				}
			}
			if n < len(holds.Contents.Entries) {
				t.Errorf("%d records of %d entries", n, len(holds.Contents.Entries))
			}
			return nil
		})
	})
	t.Run("a lane with control characters keeps its name", func(t *testing.T) {
		t.Parallel()
		s := &station1{T: t, path: place(t), stamp: board("boot-2"), size: 256 << 10}
		s.start()
		defer s.stop()
		for _, e := range s.standings() {
			if e.With["serial"] == "odd" && e.Lane != "l2l/order:9\x01\x1d100%" || s.box.index.lanes[e.Lane] == nil {
				t.Errorf("its lane is %q", e.Lane)
			}
		}
	})
	t.Run("the power goes between two parts of the rewriting: the file is sound, and the next start goes on", func(t *testing.T) {
		t.Parallel()
		path := place(t)
		for parts := 0; ; parts++ {
			left := 1 // of the parts that the disk takes before the power goes
			err := rewrite(path, func(tx *bbolt.Tx) error {
				if left--; left < 0 {
					return errDisk
				}
				return tx.Commit()
			})
			sound(t, path)
			switch {
			case err == nil && parts < 2:
				t.Errorf("it was rewritten in %d parts: this test proves little", parts+1)
				return
			case err == nil:
				return
			case !errors.Is(err, errDisk), parts > 100:
				t.Fatal(err)
			}
		}
	})
	for name, parts := range map[string]int{"before it is rewritten": 0, "while it is being rewritten": 2} {
		t.Run("it is damaged "+name+": what can be read of it is saved", func(t *testing.T) {
			t.Parallel()
			path := place(t)
			left := parts
			if err := rewrite(path, func(tx *bbolt.Tx) error {
				if left--; left < 0 {
					return errDisk
				}
				return tx.Commit()
			}); !errors.Is(err, errDisk) {
				t.Fatal(err)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			clear(data[:2*format.PageSize])
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			box, err := Open(path, Setting{Size: 256 << 10, Stamp: board("boot-2"), Program: program, Verify: InspectFile})
			if err != nil {
				t.Fatal(err)
			}
			c, err := box.Contents(station.NoLimit())
			if err := errors.Join(err, box.Close(), VerifyFile(path)); err != nil {
				t.Error(err)
			}
			if n := len(c.Entries); n != len(holds.Contents.Entries) {
				t.Errorf("%d entries were saved of %d: %s", n, len(holds.Contents.Entries), c.Kept[len(c.Kept)-1].Code)
			}
		})
	}
	t.Run("nothing of it can be read: the station comes up with an empty outbox", func(t *testing.T) {
		t.Parallel()
		path := place(t)
		if err := os.WriteFile(path, make([]byte, 256<<10), 0o600); err != nil {
			t.Fatal(err)
		}
		box, err := Open(path, Setting{Size: 256 << 10, Stamp: board("boot-2"), Program: program, Verify: InspectFile})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(box.Close(), VerifyFile(path)); err != nil {
			t.Error(err)
		}
	})
	t.Run("its last commit failed, and the spare file has it: it is taken up", func(t *testing.T) {
		t.Parallel()
		path := place(t)
		spare := siblingPath(path, spareSuffix)
		if err := os.WriteFile(spare, lastState(t, file), 0o600); err != nil {
			t.Fatal(err)
		}
		box, err := Open(path, Setting{Size: 256 << 10, Stamp: board("boot-2"), Program: program, Verify: InspectFile})
		if err != nil {
			t.Fatal(err)
		}
		c, err := box.Contents(station.NoLimit())
		if err := errors.Join(err, box.Close(), VerifyFile(path)); err != nil || len(c.Entries) != len(holds.Contents.Entries) {
			t.Errorf("%d entries of %d, %v", len(c.Entries), len(holds.Contents.Entries), err)
		}
		if _, err := os.Stat(spare); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the spare file is still there: %v", err)
		}
	})
}

// lastState is the record of the state in a file of an older version, as a spare file has it too.
func lastState(t *testing.T, file []byte) (record []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: format.PageSize, NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		record = bytes.Clone(tx.Bucket([]byte("q")).Get(stateKey[1:]))
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return record
}

func TestAControlCharacterInALaneIsRefusedInWords(t *testing.T) {
	t.Parallel()
	s := open1(t)
	s.box.setting.Program = func() station.Program {
		p := program()
		p.Bindings = []station.Binding{{Event: "red.press", Do: []station.Do{do("article.trace", map[string]string{"order": "9\x01"})}}}
		return p
	}
	_, err := s.box.Record(station.Event{Source: "red", Kind: station.Press, At: s.stamp(time.Now())})
	if err == nil || !strings.Contains(err.Error(), "control character (01)") || len(s.standings()) != 0 {
		t.Errorf("%v, and %d entries", err, len(s.standings()))
	}
}

// rewriteAndSay is a start of this version that finds an outbox of an older one.
func rewriteAndSay(path string, old int) error {
	file, _, err := oldFile(old)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(file)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	syscall.Sync()
	fmt.Println("placed")
	if _, err := fmt.Scanln(); err != nil && !strings.Contains(err.Error(), "newline") {
		return err
	}
	return rewrite(path, nil)
}

// lookAfterRewriteCut is the start after a power cut in it.
func lookAfterRewriteCut(path string) error {
	_, holds, err := oldFile(oldVersions[0]) // both mean the same
	if err != nil {
		return err
	}
	for range 2 { // as the cut left it, and when the start has gone on
		diff, err := holds.differs(path)
		if diff != "" {
			err = errors.Join(err, errors.New(diff))
		}
		if err := errors.Join(err, VerifyFile(path), rewrite(path, nil)); err != nil {
			return err
		}
	}
	fmt.Println("[]")
	return nil
}

func TestThePowerIsCutAtAnyWriteWhileAnOutboxOfAnOlderVersionIsRewritten(t *testing.T) {
	t.Parallel()
	for _, version := range oldVersions {
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) {
			t.Parallel()
			cutWhileRewritten(t, version)
		})
	}
}

func cutWhileRewritten(t *testing.T, old int) {
	base, log, heard := onDisk(t, fmt.Sprintf("rewrite version %d and say", old), "power cuts while an outbox is rewritten")
	from := heard[0].moment
	c := newCard(t, 1, "power cuts while an outbox is rewritten")
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	cuts := 0
	for moment := from; moment <= len(log); moment++ {
		if testing.Short() && moment%20 != 0 {
			continue
		}
		for _, share := range []float64{0, 0.2, 0.5, 0.8, 1} {
			image := bytes.Clone(base)
			cut(image, log, moment, share, r)
			if err := os.WriteFile(c.image, image, 0o600); err != nil {
				t.Fatal(err)
			}
			if fault := c.lookedAt("look after a cut in rewriting", moment, nil); fault != "" {
				t.Errorf("cut at %d of %d, %.0f %% of the sectors: %s", moment, len(log), 100*share, fault)
			}
			cuts++
		}
	}
	if cuts < 20 && !testing.Short() {
		t.Errorf("%d cuts: this test proves little", cuts)
	}
	t.Logf("%d cuts, at each of %d writes and flushes", cuts, len(log)-from)
}
