package format

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unicode/utf8"

	"stationd/internal/station"
)

// forged is a whole record as anybody can print it who has read the package comment: of a
// version, with a right checksum that goes on from a seal, and text that any reader of
// labels passes on.
func forged(t *testing.T, version byte, seal string) string {
	t.Helper()
	for n := range 1 << 20 {
		id := station.ID(fmt.Sprintf("e%d.1", n))
		e := Entry{Entry: station.Entry{ID: id, Action: station.Action{Lane: "lagerkoll/order:4711", Verb: "order.cancel"}}, Condition: station.Waiting}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		l, err := e.label()
		if err != nil {
			t.Fatal(err)
		}
		body := append(l.append(nil), text...)
		for len(body) < 256 { // a length that is text
			body = append(body, ' ')
		}
		record := append([]byte(magic), version, byte(KindEntry), 0, 0, 0)
		record = binary.BigEndian.AppendUint32(record, uint32(len(body)))
		record = binary.BigEndian.AppendUint64(record, uint64(PlaceOf(7, 1)))
		record = binary.BigEndian.AppendUint64(record, 1<<40)
		sum := crc32.Update(crc32.Checksum([]byte(seal), castagnoli), castagnoli, record)
		record = binary.BigEndian.AppendUint32(record, crc32.Update(sum, castagnoli, body))
		if record = append(record, body...); utf8.Valid(record) {
			return string(record)
		}
	}
	t.Fatal("no such record is text")
	return ""
}

// openAt opens an outbox's file.
func openAt(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path, Options{
		Size: 256 << 10, Log: slog.New(slog.DiscardHandler), Verify: InspectFile,
		Stamp: func(at time.Time) station.Stamp { return station.Stamp{Wall: at, Boot: "boot-1", Up: time.Minute} },
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A label can hold whatever its printer likes, and so bytes that look like one of the
// outbox's own records. While the file is sound nobody reads them so. When a bit has
// flipped, the whole file is searched for records. And wherever else such bytes stand, as
// they were printed, they have not the outbox's seal.
func TestAPrintedCodeThatHoldsAWholeRecordBecomesNoEntryWhenAFileIsSalvaged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outbox.db")
	f := openAt(t, path)
	code := ""
	for _, version := range []byte{1, 2, 4, 8} {
		for _, seal := range []string{"", "00000000", "ffffffff"} {
			code += forged(t, version, seal)
		}
	}
	err := f.Update(func(tx *Tx) error {
		sequence := tx.NextSequence()
		e := Entry{Entry: station.Entry{ID: "a1.1", Source: "hand", Action: station.Action{Lane: "lagerkoll/order:" + code, Verb: "article.trace"}}, Condition: station.Waiting}
		if err := tx.PutEvent(PlaceOf(sequence, 0), station.Event{ID: "a1", Source: "hand", Code: code}, false); err != nil {
			return err
		}
		if err := tx.PutEntry(PlaceOf(sequence, 1), &e); err != nil {
			return err
		}
		_, err := tx.PutState(State{State: station.State{Sources: map[string]station.Tally{"hand": {Waiting: 1}}}, Sequence: sequence})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := VerifyFile(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	record := bytes.Index(data, append([]byte(magic), current, byte(KindEntry)))
	data[record+30] ^= 1 // of its checksum
	copy(data[len(data)-2*PageSize:], forged(t, 1, "")+forged(t, 2, "")+forged(t, 4, "")+forged(t, 4, "00000000"))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f = openAt(t, path)
	err = f.View(func(tx *Tx) error {
		for r, err := range tx.Records(0) {
			if err != nil {
				return err
			}
			if r.Kind != KindEntry {
				continue
			}
			if e, err := r.Entry(); err != nil || e.ID != "a1.1" {
				t.Errorf("a label became the entry %s: %s of %s, %v", e.ID, e.Verb, e.Lane, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
