package format

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stationd/internal/station"
)

// A card flips one bit of the page that says which version wrote the file. Whatever it
// becomes, the station comes up: it is no newer version's. The keys and values of a page
// of bbolt stand side by side behind a table of where each begins and how long it is.
func TestNoFlippedBitOfTheMetaPageIsANewerVersion(t *testing.T) {
	t.Parallel()
	stamp := func(at time.Time) station.Stamp { return station.Stamp{Wall: at, Boot: "boot-1", Up: time.Minute} }
	f, err := Open(filepath.Join(t.TempDir(), "outbox.db"), Options{Size: 256 << 10, Stamp: stamp, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var table [][3]uint32 // begins, length of the key, length of the value
	var bytesOf, state []byte
	err = f.Update(func(tx *Tx) error {
		if err := errors.Join(
			tx.PutProgram("1.9.0"),
			tx.PutHome(Home{Machine: "10000000abcd", Inode: 7}),
			tx.PutClocks([]BootClock{{Boot: "boot-1", Last: time.Minute}}),
			tx.ChangeSession(func(s *Session) { s.Began = stamp(time.Now()) }),
		); err != nil {
			return err
		}
		state = bytes.Clone(tx.records.get(statePlace))
		return tx.meta().ForEach(func(k, v []byte) error {
			if name := string(k); name == "seal" || name == "id" {
				v = bytes.Repeat([]byte("badeface"), len(v)/8) // digits that could be a name, as they may come
			}
			table = append(table, [3]uint32{uint32(len(bytesOf)), uint32(len(k)), uint32(len(v))})
			bytesOf = append(append(bytesOf, k...), v...)
			return nil
		})
	})
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	read := func() map[string][]byte {
		all := make(map[string][]byte)
		for _, e := range table {
			key, end := uint64(e[0])+uint64(e[1]), uint64(e[0])+uint64(e[1])+uint64(e[2])
			if end > uint64(len(bytesOf)) {
				return nil // beyond the page: bbolt does not come through it
			}
			all[string(bytesOf[e[0]:key])] = bytesOf[key:end]
		}
		return all
	}
	if err := checkMeta(read(), state); err != nil {
		t.Fatal(err)
	}
	tried := 0
	look := func(what string, at int) {
		t.Helper()
		all := read()
		if all == nil {
			return
		}
		tried++
		for _, state := range [][]byte{state, nil} {
			if err := checkMeta(all, state); errors.Is(err, ErrNewer) {
				t.Errorf("bit %d of %s: %v", at, what, err)
			}
		}
	}
	for i := range table {
		for field, name := range []string{"where it begins", "the key's length", "the value's length"} {
			for bit := range 32 {
				table[i][field] ^= 1 << bit
				look(fmt.Sprintf("entry %d, %s", i, name), bit)
				table[i][field] ^= 1 << bit
			}
		}
	}
	for at := range len(bytesOf) * 8 {
		bytesOf[at/8] ^= 1 << (at % 8)
		look("the keys and values", at)
		bytesOf[at/8] ^= 1 << (at % 8)
	}
	if tried < 1000 {
		t.Errorf("%d bits were flipped, of %d entries", tried, len(table))
	}
}

func TestNamesAndVersionsAreFoundAsPatternsFindThem(t *testing.T) {
	t.Parallel()
	for name, both := range map[string]struct {
		is      func(string) bool
		pattern *regexp.Regexp
	}{
		"a name of meta": {func(s string) bool {
			return isMetaName(s) || strings.Trim(s, "abcdef") == "" && len(s) > 1 && len(s) <= 32
		}, regexp.MustCompile(`^[a-z][a-z_-]{1,31}$`)},
		"a version in words": {isVersion, regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.~+-]{1,31}$`)},
		"a seal":             {isSeal, regexp.MustCompile(`^[0-9a-f]{8}$`)},
	} {
		rapid.Check(t, func(t *rapid.T) {
			text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune("afz09AZ_-.~+\n é")), 0, 34, -1), rapid.StringMatching(`[0-9a-f]{7,9}|[a-z_-]{1,33}`)).Draw(t, "text")
			if got, want := both.is(text), both.pattern.MatchString(text); got != want {
				t.Errorf("%q is %s: %v, want %v", text, name, got, want)
			}
		})
	}
}
