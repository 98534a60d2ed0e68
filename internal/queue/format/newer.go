package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// This file tells what a newer version wrote from what is damaged.

// ErrNewer is wrapped by every error that says that a newer version of stationd wrote
// an outbox or its spare file. That is no damage: nothing of it is read, salvaged or
// changed, not by a byte, and no other start mends it.
var ErrNewer = errors.New("a newer version of stationd wrote it")

// newer is an error that says by what that was seen.
func newer(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNewer, fmt.Sprintf(format, args...))
}

// newerVersion reports whether a byte that should be the format's version is that of a
// newer one: a small number. A single flipped bit is damage, unless what belongs to the
// byte agrees with it.
func newerVersion(said byte, agrees bool) bool {
	return said > current && said < ' ' && (agrees || bits.OnesCount8(said^current) > 1)
}

// newerRecord says in words why bytes that begin as a record does are of a newer
// version; "" where they are not.
func (s seal) newerRecord(record []byte) string {
	if len(record) < headLength || string(record[:len(magic)]) != magic {
		return ""
	}
	whole := int(binary.BigEndian.Uint32(record[8:])) == len(record)-headLength &&
		binary.BigEndian.Uint32(record[28:]) == checksum(s.sum, record)
	switch said := record[len(magic)]; {
	case newerVersion(said, whole):
		return fmt.Sprintf("a record of version %d of the format, and this one reads version %d", said, current)
	case said == current && whole && !kindOf(record).known():
		return fmt.Sprintf("a record of the kind %q, which this one does not know", record[4])
	}
	return ""
}

// newerBytes looks for records of a newer version anywhere in data, damaged or not.
// JSON text has no bytes below the blank, so none of it can look like one.
func (s seal) newerBytes(data []byte) error {
	for at := 0; ; at += len(magic) {
		i := bytes.Index(data[at:], []byte(magic))
		if i < 0 || len(data)-at-i < headLength {
			return nil
		}
		at += i
		end := at + headLength + int(binary.BigEndian.Uint32(data[at+8:]))
		if end > len(data) || end < at {
			end = at + headLength
		}
		if said := data[at+len(magic)]; said > current && said < ' ' {
			if why := s.newerRecord(data[at:end]); why != "" {
				return newer("%s", why)
			}
		}
	}
}

// metaKeys are the keys of the bucket meta.
func metaKeys() []string {
	return []string{"version", "id", "seal", "session", "home", "clocks", "program"}
}

// checkVersion says whether the file is of this version. Another one is believed where
// more than a flipped bit speaks for it.
func checkVersion(tx *bbolt.Tx) error {
	meta := tx.Bucket(bucketMeta)
	if meta == nil || tx.Bucket(bucketQ) == nil {
		return errNoOutbox
	}
	all := make(map[string][]byte)
	if err := meta.ForEach(func(k, v []byte) error {
		all[string(k)] = v
		return nil
	}); err != nil {
		return err
	}
	return checkMeta(all, recordsOf(tx, true).get(statePlace))
}

// checkMeta is checkVersion for what meta has, and the record of the state.
func checkMeta(meta map[string][]byte, state []byte) error {
	said := meta["version"]
	switch {
	case len(said) == 0, len(said) == 1 && said[0] < 1:
		return fmt.Errorf("version %v", said)
	case len(said) > 1 && !isVersion(string(said)):
		return fmt.Errorf("version %q", said)
	case len(said) > 1:
		return newer("version %q of the format, and this one reads version %d", said, current)
	case said[0] > current:
		if newerVersion(said[0], len(state) > len(magic) && state[len(magic)] == said[0]) {
			return newer("version %d of the format, and this one reads version %d", said[0], current)
		}
		return fmt.Errorf("version %v", said)
	case said[0] == 3:
		return fmt.Errorf("version %v", said)
	case said[0] > 1 && !isSeal(string(meta["seal"])), said[0] == 1 && meta["seal"] != nil:
		return fmt.Errorf("version %v, and the seal is %q", said, meta["seal"])
	}
	known := metaKeys()
	for _, k := range slices.Sorted(maps.Keys(meta)) {
		if slices.Contains(known, k) {
			continue
		}
		for _, name := range known {
			if meta[name] == nil && (bitsApart(k, name) == 1 || strings.Contains(k, name) || strings.Contains(name, k)) {
				return fmt.Errorf("meta: %q stands where %q should", k, name)
			}
		}
		if !isMetaName(k) || meta["id"] == nil || meta["session"] == nil || meta["program"] == nil {
			return fmt.Errorf("meta: %q is no key", k)
		}
		return newer("it keeps %q, which this one does not know", k)
	}
	return nil
}

// A bit that flips in the layout of a page makes a key or a value of what stands beside
// it. So a key of a newer version is believed where it is a name, and nothing is missing
// that every version from this one on keeps; and a version in words, where it is one.
const (
	digits  = "0123456789"
	lower   = "abcdefghijklmnopqrstuvwxyz"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	longest = 32 // characters, of a name and of a version in words
)

// isMetaName reports whether a key of meta is a name. What could be digits of the seal or of the
// id is none: they stand in the same page.
func isMetaName(key string) bool {
	return isWord(key, lower, "_-") && strings.Trim(key, "abcdef") != ""
}

// isVersion reports whether a version in words is one.
func isVersion(said string) bool { return isWord(said, digits+upper+lower, ".~+-") }

// isWord reports whether text has 2 to longest characters, all of the letters or, behind the
// first, of also.
func isWord(text, letters, also string) bool {
	return 2 <= len(text) && len(text) <= longest && strings.Contains(letters, text[:1]) && strings.Trim(text[1:], letters+also) == ""
}

// isSeal reports whether text is written as a seal is.
func isSeal(text string) bool { return len(text) == 8 && strings.Trim(text, digits+"abcdef") == "" }

// bitsApart is in how many bits two names differ; those of different lengths in all.
func bitsApart(a, b string) (n int) {
	if len(a) != len(b) {
		return 8 * max(len(a), len(b))
	}
	for i := range len(a) {
		n += bits.OnesCount8(a[i] ^ b[i])
	}
	return n
}

// checkRecords looks for what a newer version wrote, and for nothing else.
func checkRecords(tx *bbolt.Tx) error {
	err := checkVersion(tx)
	if errors.Is(err, errNoOutbox) {
		return nil
	}
	if err != nil {
		return err
	}
	s := fileSeal(tx)
	for _, v := range recordsOf(tx, s.old).all() {
		if _, err := s.parse(v); errors.Is(err, ErrNewer) {
			return err
		} // whatever else is wrong shows elsewhere
	}
	return nil
}

// explainNewer completes an error that wraps ErrNewer: which version it was, where the file
// says so, and what to do. Any other error stays as it is.
func explainNewer(err error, program []byte) error {
	if !errors.Is(err, ErrNewer) {
		return err
	}
	by := "that version"
	if len(program) > 0 {
		by = "stationd " + string(program)
		err = fmt.Errorf("written by %s: %w", by, err)
	}
	return fmt.Errorf("%w; nothing was changed: install %s again, or a newer one (or move the file away, and begin without what waits in it)", err, by)
}

// explainNewerIn is explainNewer for what was found in a transaction.
func explainNewerIn(tx *bbolt.Tx, err error) error {
	meta := tx.Bucket(bucketMeta)
	if err == nil || meta == nil {
		return explainNewer(err, nil)
	}
	return explainNewer(err, meta.Get([]byte("program")))
}
