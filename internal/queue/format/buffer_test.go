package format

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"

	"stationd/internal/station"
)

// One event may have 255 entries, each with the longest of labels.
func TestWhatALargeTransactionTookOfMemoryIsNotKept(t *testing.T) {
	t.Parallel()
	f := openAt(t, filepath.Join(t.TempDir(), "outbox.db"))
	put := func(events int) {
		t.Helper()
		if err := f.Update(func(tx *Tx) error {
			for range events {
				if err := tx.PutEvent(PlaceOf(tx.NextSequence(), 0), station.Event{ID: station.NewID()}, true); err != nil {
					return err
				}
			}
			_, err := tx.PutState(State{Sequence: tx.Sequence()})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	put(1000)
	buffer, redo := f.buffer, reflect.ValueOf(f.redo).Pointer()
	put(1)
	if f.buffer == buffer || reflect.ValueOf(f.redo).Pointer() == redo {
		t.Error("the buffer of a transaction of a thousand events is kept, or the list of what it did")
	}
	buffer, redo = f.buffer, reflect.ValueOf(f.redo).Pointer()
	put(1)
	if f.buffer != buffer || reflect.ValueOf(f.redo).Pointer() != redo {
		t.Error("those of a transaction of one event are not used again")
	}
	path := f.Path()
	if err := errors.Join(f.Close(), VerifyFile(path)); err != nil {
		t.Error(err)
	}
}
