package format

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/station"
)

// A commit costs the card its pages. With a meta page these are two, for as long as the
// records fit into one: those of a scan of a GS1 label and of the one that is delivered in the
// same commit do.
func TestACommitOfAScanWritesOnePageAndAMetaPage(t *testing.T) {
	t.Parallel()
	f := openAt(t, filepath.Join(t.TempDir(), "outbox.db"))
	long := strings.Repeat("x", 450) // event, entry and state then have 1,500 bytes
	last := Place(0)
	scan := func(tx *Tx) error {
		if last != 0 {
			if err := tx.DeleteEntry(last); err != nil {
				return err
			}
		}
		sequence := tx.NextSequence()
		id := station.ID(fmt.Sprint(sequence))
		last = PlaceOf(sequence, 1)
		e := Entry{Entry: station.Entry{ID: id.Entry(1), Source: "hand", Action: station.Action{Lane: "l2l/order:1", Verb: "article.trace", With: map[string]string{"label": long}}}, Condition: station.Waiting}
		if err := tx.PutEvent(last.Event(), station.Event{ID: id, Source: "hand", Code: long}, false); err != nil {
			return err
		}
		if err := tx.PutEntry(last, &e); err != nil {
			return err
		}
		_, err := tx.PutState(State{Sequence: sequence, State: station.State{
			Values: map[string]station.Value{"order": {Text: long}}, Sources: map[string]station.Tally{"hand": {Waiting: 1}},
		}})
		return err
	}
	for i := range 50 {
		before := f.db.Stats().TxStats
		if err := f.Update(scan); err != nil {
			t.Fatal(err)
		}
		after := f.db.Stats().TxStats
		if pages := (after.GetPageAlloc() - before.GetPageAlloc()) / PageSize; pages != 1 {
			t.Errorf("commit %d wrote %d pages besides the meta page, want 1", i, pages)
		}
		if writes := after.GetWrite() - before.GetWrite(); writes != 2 {
			t.Errorf("commit %d was %d writes, want 2", i, writes)
		}
	}
	path := f.Path()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := VerifyFile(path); err != nil {
		t.Error(err)
	}
}
