package queue

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// changeOne changes the first record of a kind.
func changeOne(k format.Kind, change func(record, seal []byte) []byte) func(records, meta *bbolt.Bucket) error {
	return func(records, meta *bbolt.Bucket) error {
		for key, v := range recordsIn(records) {
			if format.Kind(v[4]) == k {
				return records.Put(bytes.Clone(key), change(bytes.Clone(v), meta.Get([]byte("seal"))))
			}
		}
		return errors.New("there is none")
	}
}

func TestANewerVersionWroteIt(t *testing.T) {
	t.Parallel()
	set := func(at int, to byte, sound bool) func(record, seal []byte) []byte {
		return func(record, seal []byte) []byte {
			record[at] = to
			if sound {
				resum(seal, record)
			}
			return record
		}
	}
	key := func(name, value string) func(records, meta *bbolt.Bucket) error {
		return func(_, meta *bbolt.Bucket) error { return meta.Put([]byte(name), []byte(value)) }
	}
	cases := map[string]func(records, meta *bbolt.Bucket) error{
		"meta says version 8":                           key("version", "\x08"),
		"meta says its version in words":                key("version", "8.0"),
		"one entry is of version 8":                     changeOne(format.KindEntry, set(3, 8, true)),
		"one entry is of version 7":                     changeOne(format.KindEntry, set(3, 7, true)),
		"one entry is of version 8, and laid out anew":  changeOne(format.KindEntry, set(3, 8, false)),
		"one event is of version 8":                     changeOne(format.KindEvent, set(3, 8, true)),
		"the state is of version 8":                     changeOne(format.KindState, set(3, 8, true)),
		"a record is of a kind that this one knows not": changeOne(format.KindEvent, set(4, 'p', true)),
		"an entry is in a condition it knows not":       changeOne(format.KindEntry, set(headLength+16, 'p', true)),
		"meta has a key that it knows not":              key("relay", "{}"),
		"everything is of version 8": func(records, meta *bbolt.Bucket) error {
			var all [][2][]byte
			for k, v := range recordsIn(records) {
				all = append(all, [2][]byte{bytes.Clone(k), set(3, 8, true)(bytes.Clone(v), meta.Get([]byte("seal")))})
			}
			for _, r := range all {
				if err := records.Put(r[0], r[1]); err != nil {
					return err
				}
			}
			return key("version", "\x08")(records, meta)
		},
	}
	const afterDamage = "version 8"
	stopped := func(t *testing.T) *station1 {
		s := &station1{T: t, path: filepath.Join(t.TempDir(), "outbox.db"), stamp: board("boot-1"), size: 256 << 10}
		s.open(Setting{Version: "1.9.0"})
		s.press()
		s.scan("1/a")
		s.scan("nobody knows this")
		s.stop()
		return s
	}
	// refused checks that nobody opens, reads or saves it, and that nothing is touched.
	refused := func(t *testing.T, s *station1, says string) {
		t.Helper()
		type file struct {
			data []byte
			at   time.Time
		}
		files := func() map[string]file {
			all := make(map[string]file)
			names, err := filepath.Glob(filepath.Join(filepath.Dir(s.path), "*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				data, err := os.ReadFile(name)
				info, failed := os.Stat(name)
				if err := errors.Join(err, failed); err != nil {
					t.Fatal(err)
				}
				all[name] = file{data, info.ModTime()}
			}
			return all
		}
		before := files()
		for how, verify := range map[string]func(string) error{"unseen": nil, "seen": InspectFile, "damaged": func(string) error { return ErrDamaged }} {
			if how == "unseen" && says == afterDamage {
				continue // what is damaged is not opened unseen
			}
			box, err := Open(s.path, Setting{Size: 1 << 20, Stamp: s.stamp, Program: program, Version: "1.4.0", Verify: verify})
			if err == nil {
				box.Close()
			}
			if !errors.Is(err, ErrNewer) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "install") {
				t.Errorf("opened %s: %v", how, err)
			}
		}
		after := files()
		if len(after) != len(before) {
			t.Errorf("there were %d files, and now there are %d", len(before), len(after))
		}
		for name, was := range before {
			if now := after[name]; !bytes.Equal(now.data, was.data) || !now.at.Equal(was.at) {
				t.Errorf("%s was touched", filepath.Base(name))
			}
		}
	}
	for name, change := range cases {
		t.Run(name+": it is refused in words, and nothing is touched", func(t *testing.T) {
			t.Parallel()
			s := stopped(t)
			s.file(change)
			refused(t, s, "1.9.0")
			_, read := ReadContents(s.path, station.NoLimit())
			for how, err := range map[string]error{
				"inspected": InspectFile(s.path),
				"verified":  VerifyFile(s.path),
				"read":      read,
			} {
				if !errors.Is(err, ErrNewer) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "1.9.0") {
					t.Errorf("%s: %v", how, err)
				}
			}
		})
	}
	for name, change := range map[string]func(record, seal []byte) []byte{
		"of version 8":                      set(3, 8, true),
		"of a kind that this one knows not": set(4, 'p', true),
	} {
		t.Run("the spare file has a record "+name+": it is refused in words, and nothing is touched", func(t *testing.T) {
			t.Parallel()
			s := stopped(t)
			seal := s.seal()
			record := func() []byte {
				return recordBytes(t, seal, format.KindEvent, format.PlaceOf(9, 0), 99, station.Event{ID: "9"})
			}
			if err := os.WriteFile(siblingPath(s.path, spareSuffix), append(record(), change(record(), seal)...), 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, s, "spare file")
		})
	}
	t.Run("a file of a newer version that is damaged besides is not taken apart", func(t *testing.T) {
		t.Parallel()
		s := stopped(t)
		s.file(changeOne(format.KindEntry, set(3, 8, true)))
		data, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		clear(data[:2*format.PageSize])
		if err := os.WriteFile(s.path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, s, afterDamage)
	})
	for name, change := range map[string]func(records, meta *bbolt.Bucket) error{
		"of the version in a record": changeOne(format.KindEntry, set(3, version^8, false)),
		"of the version in meta":     key("version", string([]byte{version ^ 8})),
		"of a key of meta": func(_, meta *bbolt.Bucket) error {
			return errors.Join(meta.Put([]byte("sessioo"), meta.Get([]byte("session"))), meta.Delete([]byte("session")))
		},
	} {
		t.Run("a flipped bit "+name+" is damage, and the rest is saved", func(t *testing.T) {
			t.Parallel()
			s := stopped(t)
			s.file(change)
			if err := InspectFile(s.path); !errors.Is(err, ErrDamaged) {
				t.Errorf("inspected: %v", err)
			}
			box, err := Open(s.path, Setting{Size: s.size, Stamp: s.stamp, Program: program, Verify: InspectFile})
			if err != nil {
				t.Fatal(err)
			}
			c, err := box.Contents(station.NoLimit())
			if err := errors.Join(err, box.Close(), VerifyFile(s.path)); err != nil || len(c.Entries) == 0 {
				t.Errorf("%d entries, %v", len(c.Entries), err)
			}
		})
	}
}
