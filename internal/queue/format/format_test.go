package format

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"stationd/internal/station"
)

func TestARecordIsWhatThePackageCommentSays(t *testing.T) {
	t.Parallel()
	e := Entry{Entry: station.Entry{ID: "7.2", Action: station.Action{Lane: "l2l/machine:SEAL\x011%", Barrier: true}}, Target: PlaceOf(7, 1), Condition: station.Held}
	got, err := sealOf("0badc0de").encode(KindEntry, PlaceOf(7, 2), 9, &e)
	if err != nil {
		t.Fatal(err)
	}
	doc := strings.ReplaceAll("53445104 6e000000 ________ 00000000 00000702 00000000 00000009 ________", " ", "")
	for i, digit := range hex.EncodeToString(got[:headLength]) {
		if doc[i] != '_' && byte(digit) != doc[i] {
			t.Fatalf("the head is %x, want %s", got[:headLength], doc)
		}
	}
	sum := crc32.Checksum(slices.Concat([]byte("0badc0de"), got[:28], got[headLength:]), crc32.MakeTable(crc32.Castagnoli))
	if said := binary.BigEndian.Uint32(got[28:]); said != sum {
		t.Errorf("the checksum is %x, want %x", said, sum)
	}
	if n := binary.BigEndian.Uint32(got[8:]); int(n) != len(got)-headLength {
		t.Errorf("the length is %d of %d", n, len(got)-headLength)
	}
	label := got[headLength:]
	want := binary.BigEndian.AppendUint64(nil, Hash("7.2"))
	want = append(want, 0, 0, 0, 0, 0, 0, 7, 1, 'h', 1, 0, 23)
	want = append(want, "l2l/machine:SEAL%011%25{"...)
	if !bytes.HasPrefix(label, want) {
		t.Errorf("the label is\n%x, want\n%x", label[:len(want)], want)
	}
}

func TestOfTwoCopiesTheNewerOneCountsAndWhatHasEndedDoesNotComeBack(t *testing.T) {
	t.Parallel()
	s := sealOf("0badc0de")
	var file []byte
	put := func(k Kind, at Place, commit uint64, body any) {
		record, err := s.encode(k, at, commit, body)
		if err != nil {
			t.Fatal(err)
		}
		file = append(append(file, "somewhere"...), record...)
	}
	entry := func(id station.ID, reason string) *Entry {
		return &Entry{Entry: station.Entry{ID: id, Action: station.Action{Lane: "l2l/order:1"}}, Condition: station.Held, Reason: reason}
	}
	put(KindEntry, PlaceOf(3, 1), 3, entry("ended.1", ""))
	put(KindEntry, PlaceOf(7, 1), 9, entry("waits.1", "newer"))
	put(KindState, statePlace, 9, &State{Sequence: 7, Ended: 5, Seal: s.digits})
	put(KindEntry, PlaceOf(7, 1), 7, entry("waits.1", "older"))
	put(KindState, statePlace, 8, &State{Sequence: 7, Ended: 2, Seal: s.digits})
	put(KindEntry, PlaceOf(8, 1), 8, entry("fate.1", ""))
	put(KindFate, PlaceOf(8, 1), 9, &Fate{ID: "fate.1"})
	saved := salvage(file, nil)
	if _, back := saved.records[PlaceOf(3, 1)]; back {
		t.Error("an entry that has ended is back")
	}
	f := saved.records[PlaceOf(7, 1)]
	if e, err := f.entry(); err != nil || f.inTree || e.Reason != "newer" {
		t.Errorf("the entry that waits is %+v, %v", e, err)
	}
	if f := saved.records[PlaceOf(8, 1)]; f.Kind != KindFate {
		t.Errorf("an entry whose fate was written later is a %q", f.Kind)
	}
}
