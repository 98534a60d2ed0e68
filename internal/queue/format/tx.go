package format

import (
	"bytes"
	"fmt"
	"iter"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// A Tx is one transaction: what it reads is the file at one moment, and what it writes
// is there whole after its commit, or not at all. It must not be used after the
// function it was handed to has returned.
type Tx struct {
	tx       *bbolt.Tx
	records  records
	seal     seal
	commit   uint64           // its number
	sequence uint64           // given to an event last
	redo     map[Place][]byte // every record as it stands after it, for the spare file
	buffer   *recordBuffer    // where they are
	key      [keyLength]byte  // of the place that is written; bbolt keeps a copy
	changed  bool
}

const fillPercent = 0.95 // of a page, before the next is begun: keys only ascend

// txOf is the transaction on the records with a seal.
func txOf(tx *bbolt.Tx, s seal) *Tx {
	return &Tx{tx: tx, records: recordsOf(tx, s.old), seal: s}
}

// meta is the bucket of that name.
func (t *Tx) meta() *bbolt.Bucket { return t.tx.Bucket(bucketMeta) }

// Records returns the records of events, entries and fates in the order of their
// places, from one on. A record that cannot be read is an error, and the last that is
// handed over. What was read does not stay in this process's memory.
func (t *Tx) Records(from Place) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		defer t.release()
		read := 0
		for k, v := range t.records.from(from) {
			if read += len(v); read > mostResident {
				t.release()
				read = 0
			}
			if bytes.Equal(k, stateKey[1:]) {
				continue
			}
			r, err := t.seal.parse(v)
			if err != nil {
				yield(Record{}, explainNewer(fmt.Errorf("record at %x: %w", k, err), t.meta().Get([]byte("program"))))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// mostResident is how many bytes of records are read before their pages are released.
const mostResident = 1 << 20

// release has the kernel take the file's pages out of this process's memory, into which bbolt
// maps them: a whole backlog that was read once would count as the station's until memory is
// short. They stay in the page cache, and what is read again is mapped again. Where the kernel
// does not do it, they stay mapped.
func (t *Tx) release() {
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, t.tx.DB().Info().Data, uintptr(t.tx.Size()), unix.MADV_DONTNEED)
}

// Entry reads an entry; there is false where it has ended.
func (t *Tx) Entry(at Place) (e Entry, there bool, err error) {
	record := t.records.get(at)
	if record == nil || kindOf(record) == KindFate {
		return e, false, nil
	}
	r, err := t.seal.parseAt(record, KindEntry, at)
	if err != nil {
		return e, false, fmt.Errorf("entry %v: %w", at, err)
	}
	e, err = r.Entry()
	return e, err == nil, err
}

// Live reports whether an entry stands at a place, and not its end.
func (t *Tx) Live(at Place) bool { return kindOf(t.records.get(at)) == KindEntry }

// Kept reads a kept event; there is false where it has been put away.
func (t *Tx) Kept(at Place) (ev station.Event, there bool, err error) {
	record := t.records.get(at)
	if record == nil {
		return ev, false, nil
	}
	if err := t.seal.decode(record, KindKept, at, &ev); err != nil {
		return ev, false, fmt.Errorf("event %d: %w", at.Sequence(), err)
	}
	return ev, true, nil
}

// idBegins is how the JSON of an entry and of an event begins.
const idBegins = `{"id":"`

// ID returns the ID of the entry or event at a place, if it begins so; is is false
// where it does not, or nothing is there. It looks at the record's bytes: of tens of
// thousands no JSON is read.
func (t *Tx) ID(at Place, begins string) (id station.ID, is bool, err error) {
	record := t.records.get(at)
	if record == nil {
		return "", false, nil
	}
	r, err := t.seal.parse(record)
	if err != nil {
		return "", false, fmt.Errorf("record %v: %w", at, err)
	}
	if r.Kind == KindFate || !bytes.HasPrefix(r.text, []byte(idBegins+begins)) {
		return "", false, nil
	}
	whole, _, _ := bytes.Cut(r.text[len(idBegins):], []byte(`"`))
	return station.ID(whole), true, nil
}

// State reads the state, and the number of the commit that wrote it.
func (t *Tx) State() (s State, commit uint64, err error) {
	r, err := t.seal.parseAt(t.records.get(statePlace), KindState, statePlace)
	if err == nil {
		err = r.read(&s)
	}
	if err != nil {
		return s, 0, fmt.Errorf("state: %w", err)
	}
	return s, r.commit, nil
}

// Commit returns the number of the commit that the file has; it reads no more of the
// state than that. A state that cannot be read is an error.
func (t *Tx) Commit() (uint64, error) {
	r, err := t.seal.parseAt(t.records.get(statePlace), KindState, statePlace)
	return r.commit, err
}

// Sequence returns the number that was given to an event last.
func (t *Tx) Sequence() uint64 { return t.sequence }

// NextSequence returns the number of a new event. The state says which was the last, and so
// is to be written after it.
func (t *Tx) NextSequence() uint64 {
	t.changed = true
	t.sequence++
	return t.sequence
}

// PutEvent writes an event: as kept where it stays until a person has seen it.
func (t *Tx) PutEvent(at Place, ev station.Event, kept bool) error {
	if kept {
		return t.put(KindKept, at, &ev)
	}
	return t.put(KindEvent, at, &ev)
}

// PutEntry writes an entry that has no final fate.
func (t *Tx) PutEntry(at Place, e *Entry) error { return t.put(KindEntry, at, e) }

// PutFate writes an entry's end in its place.
func (t *Tx) PutFate(at Place, f Fate) error { return t.put(KindFate, at, &f) }

// PutState writes the state and returns how many bytes it has.
func (t *Tx) PutState(s State) (int, error) {
	s.Seal, s.Old = t.seal.digits, t.seal.old
	err := t.put(KindState, statePlace, &s)
	return len(t.redo[statePlace]), err
}

func (t *Tx) put(k Kind, at Place, body any) error {
	record, err := t.buffer.encode(t.seal, k, at, t.commit, body)
	if err != nil {
		return err
	}
	t.changed = true
	t.redo[at] = record
	return t.records.root.Put(at.appendKey(t.key[:0]), record)
}

// Delete deletes what stands at a place.
func (t *Tx) Delete(at Place) error {
	record, err := t.buffer.encode(t.seal, kindGone, at, t.commit, nil)
	if err != nil {
		return err
	}
	t.changed = true
	t.redo[at] = record
	key := at.appendKey(t.key[:0])
	if k, _ := t.records.seek.Seek(key); !bytes.Equal(k, key) {
		return nil
	}
	return t.records.seek.Delete()
}

// DeleteEntry deletes what stands at an entry's place, and its event when that was the
// last of it.
func (t *Tx) DeleteEntry(at Place) error {
	if err := t.Delete(at); err != nil {
		return err
	}
	c := t.records.seek
	event := at.Event().appendKey(t.key[:0])
	k, _ := c.Seek(event)
	if !bytes.Equal(k, event) {
		return nil
	}
	if k, _ = c.Next(); len(k) == len(event) && bytes.Equal(k[:9], event[:9]) {
		return nil // another entry of the same event
	}
	return t.Delete(at.Event())
}

// Written returns how many bytes of records the transaction has written.
func (t *Tx) Written() int { return len(t.buffer.bytes) }

// Changed reports whether the transaction has anything to commit.
func (t *Tx) Changed() bool { return t.changed }
