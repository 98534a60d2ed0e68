package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"stationd/internal/printer"
	"stationd/internal/station"
)

func TestATrayOfPickingLists(t *testing.T) {
	t.Parallel()
	never := func(context.Context, map[string]string) ([]byte, error) {
		return nil, errors.New("nobody asked")
	}
	scan := func(all printQueues, order string) {
		all.add(slog.New(slog.DiscardHandler), "pack4-1", station.Action{Verb: "picking_list.print", With: map[string]string{"order": order, "printer": "office"}})
	}
	t.Run("what no longer fits is refused at once and told", func(t *testing.T) {
		t.Parallel()
		one := newPrintQueue(printer.Printer{Name: "office"}, never, slog.New(slog.DiscardHandler))
		for range mostLists {
			scan(printQueues{one}, "4711")
		}
		if fault := one.Faults()["office"]; fault != "" {
			t.Errorf("%d lists wait, and it says %s", mostLists, fault)
		}
		scan(printQueues{one}, "4712")
		if fault := one.Faults()["office"]; !strings.Contains(fault, "order 4712") || !strings.Contains(fault, "16 picking lists wait") {
			t.Errorf("it says %q", fault)
		}
	})
	t.Run("what waits when the station stops is not printed, and counted", func(t *testing.T) {
		t.Parallel()
		one := newPrintQueue(printer.Printer{Name: "office"}, never, slog.New(slog.DiscardHandler))
		scan(printQueues{one}, "4711")
		scan(printQueues{one}, "4712")
		ctx, stop := context.WithCancel(t.Context())
		stop()
		must(t, one.run(ctx))
		if printed, not := one.counts(); printed != 0 || not != 2 {
			t.Errorf("%d printed, %d not", printed, not)
		}
	})
	t.Run("a code that is no order's id is never asked for", func(t *testing.T) {
		t.Parallel()
		for _, order := range []string{"", "PO4711", "-1", "0", "4711/../4712"} {
			if _, err := (pickingList{order: order}).request(); err == nil {
				t.Errorf("%q is taken for an id", order)
			}
		}
	})
	t.Run("what the binding says is what Lagerkoll is asked", func(t *testing.T) {
		t.Parallel()
		got, err := pickingList{order: "4711", with: map[string]string{"sort": "supplier", "descending": "true", "only_available": "true", "images": "true"}}.request()
		want := map[string]string{"order": "4711", "sort": "supplier", "descending": "true", "available": "true", "images": "true"}
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%v %v", got, err)
		}
	})
	t.Run("a list goes to the printer that it is for", func(t *testing.T) {
		t.Parallel()
		attic := newPrintQueue(printer.Printer{Name: "attic"}, never, slog.New(slog.DiscardHandler))
		office := newPrintQueue(printer.Printer{Name: "office"}, never, slog.New(slog.DiscardHandler))
		scan(printQueues{attic, office}, "4711")
		if len(attic.waiting) != 0 || len(office.waiting) != 1 {
			t.Errorf("%d wait in the attic, %d in the office", len(attic.waiting), len(office.waiting))
		}
	})
	t.Run("a printer that nobody has is an error in the log", func(t *testing.T) {
		t.Parallel()
		var log bytes.Buffer
		printQueues{}.add(slog.New(slog.NewTextHandler(&log, nil)), "pack4-1", station.Action{With: map[string]string{"printer": "attic"}})
		if !strings.Contains(log.String(), "attic") {
			t.Errorf("%q", &log)
		}
	})
}
