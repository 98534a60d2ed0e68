package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/OpenPrinting/goipp"

	"stationd/internal/api/lagerkoll"
	"stationd/internal/plant"
	"stationd/internal/printer"
	"stationd/internal/station"
)

// A desktop is a printer that keeps what it prints.
type desktop struct {
	mu      sync.Mutex
	empty   bool // it has no paper
	printed [][]byte
}

func (d *desktop) paper(there bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.empty = !there
}

func (d *desktop) out() [][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.printed
}

func (d *desktop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var m goipp.Message
	if err := m.Decode(r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	reply := goipp.NewResponse(goipp.MakeVersion(1, 1), goipp.StatusOk, m.RequestID)
	reply.Operation.Add(goipp.MakeAttribute("attributes-charset", goipp.TagCharset, goipp.String("utf-8")))
	reply.Operation.Add(goipp.MakeAttribute("attributes-natural-language", goipp.TagLanguage, goipp.String("en")))
	switch goipp.Op(m.Code) {
	case goipp.OpGetPrinterAttributes:
		state, reason := 3, "none"
		if d.empty {
			state, reason = 5, "media-empty"
		}
		reply.Printer.Add(goipp.MakeAttribute("printer-state", goipp.TagEnum, goipp.Integer(state)))
		reply.Printer.Add(goipp.MakeAttribute("printer-state-reasons", goipp.TagKeyword, goipp.String(reason)))
		reply.Printer.Add(goipp.MakeAttribute("document-format-supported", goipp.TagMimeType, goipp.String("application/pdf")))
	case goipp.OpPrintJob:
		document, _ := io.ReadAll(r.Body)
		d.printed = append(d.printed, document)
		reply.Job.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(len(d.printed))))
	}
	w.Header().Set("Content-Type", goipp.ContentType)
	_ = reply.Encode(w)
}

func TestAScanPrintsAPickingList(t *testing.T) {
	t.Parallel()
	b := floor(t, nil)
	must(t, b.stop())
	office := new(desktop)
	s := httptest.NewServer(office)
	t.Cleanup(s.Close)
	file, err := os.OpenFile(b.configPath(), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = fmt.Fprintf(file, `
[[printer]]
name = "office"
url  = "ipp%s/ipp/print"

[[on]]
event = "hand.scan"
match = '^LIST(?P<list>\d+)$'
do    = [{ lagerkoll = "picking_list.print", order = "{list}" }]
`, strings.TrimPrefix(s.URL, "http"))
	must(t, errors.Join(err, file.Close()))
	must(t, b.power(t.Context(), true))
	fault := func(says string) func() bool {
		return func() bool {
			s, err := b.desk().Snapshot(t.Context())
			said := s.Health.Devices["office"]
			return err == nil && (said == "") == (says == "") && strings.Contains(said, says)
		}
	}

	scanned(t, b, "LIST4711")
	must(t, until(t.Context(), "the list of order 4711 is printed", func() bool { return len(office.out()) == 1 }))
	if got := office.out()[0]; !bytes.HasPrefix(got, []byte("%PDF-")) || !bytes.HasSuffix(got, []byte("%%EOF\n")) {
		t.Errorf("the printer got %q", got)
	}
	c, err := b.contents(t.Context())
	must(t, err)
	if len(c.Entries) != 0 {
		t.Errorf("a list that is printed is no entry: %v", c.Entries)
	}

	office.paper(false)
	scanned(t, b, "LIST4712")
	must(t, until(t.Context(), "the page says that the printer has no paper", fault("order 4712 was not printed: printer office")))
	found, _ := consult(t, b.configPath())
	found.is(t, "printer office", isNotWell, "no paper (media-empty)")
	found.is(t, "lagerkoll picking list", isWell, "")

	office.paper(true)
	scanned(t, b, "LIST9999") // which Lagerkoll does not know
	must(t, until(t.Context(), "the page says that there is no such order", fault("order 9999 was not printed: Lagerkoll")))

	scanned(t, b, "LIST4712")
	must(t, until(t.Context(), "nothing is wrong with the printer any more", fault("")))
	if n := len(office.out()); n != 2 {
		t.Errorf("%d lists were printed, want 2", n)
	}

	// What fails is tried once, and not again.
	b.plant.Order(plant.Fault{Kind: plant.BadGateway, Where: "*/pickinglist/print", Next: 1})
	scanned(t, b, "LIST4711")
	must(t, until(t.Context(), "the page says that Lagerkoll failed", fault("order 4711 was not printed: Lagerkoll")))
	must(t, b.drained(t.Context()))
	if n := len(office.out()); n != 2 {
		t.Errorf("%d lists were printed, want 2", n)
	}
}

func TestATrayOfPickingLists(t *testing.T) {
	t.Parallel()
	never := func(context.Context, lagerkoll.ID, lagerkoll.Picking) ([]byte, error) {
		return nil, errors.New("nobody asked")
	}
	scan := func(all trays, order string) {
		all.take(slog.New(slog.DiscardHandler), "pack4-1", station.Action{Verb: "picking_list.print", With: map[string]string{"order": order, "printer": "office"}})
	}
	t.Run("what no longer fits is refused at once and told", func(t *testing.T) {
		t.Parallel()
		one := newTray(printer.Printer{Name: "office"}, never, slog.New(slog.DiscardHandler))
		for range mostLists {
			scan(trays{one}, "4711")
		}
		if fault := one.Tell()["office"]; fault != "" {
			t.Errorf("%d lists wait, and it says %s", mostLists, fault)
		}
		scan(trays{one}, "4712")
		if fault := one.Tell()["office"]; !strings.Contains(fault, "order 4712") || !strings.Contains(fault, "16 picking lists wait") {
			t.Errorf("it says %q", fault)
		}
	})
	t.Run("what waits when the station stops is not printed, and counted", func(t *testing.T) {
		t.Parallel()
		one := newTray(printer.Printer{Name: "office"}, never, slog.New(slog.DiscardHandler))
		scan(trays{one}, "4711")
		scan(trays{one}, "4712")
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
			if _, _, err := (pickingList{order: order}).ask(); err == nil {
				t.Errorf("%q is taken for an id", order)
			}
		}
	})
	t.Run("what the binding says is what Lagerkoll is asked", func(t *testing.T) {
		t.Parallel()
		id, p, err := pickingList{order: "4711", with: map[string]string{"sort": "supplier", "descending": "true", "only_available": "true", "images": "true"}}.ask()
		want := lagerkoll.Picking{Sorting: lagerkoll.Sorting{Sort: "supplier", Descending: true}, OnlyAvailable: true, Images: true}
		if err != nil || id != 4711 || p != want {
			t.Errorf("%d %+v %v", id, p, err)
		}
	})
	t.Run("a list goes to the printer that it is for", func(t *testing.T) {
		t.Parallel()
		attic := newTray(printer.Printer{Name: "attic"}, never, slog.New(slog.DiscardHandler))
		office := newTray(printer.Printer{Name: "office"}, never, slog.New(slog.DiscardHandler))
		scan(trays{attic, office}, "4711")
		if len(attic.waiting) != 0 || len(office.waiting) != 1 {
			t.Errorf("%d wait in the attic, %d in the office", len(attic.waiting), len(office.waiting))
		}
	})
	t.Run("a printer that nobody has is an error in the log", func(t *testing.T) {
		t.Parallel()
		var log bytes.Buffer
		trays{}.take(slog.New(slog.NewTextHandler(&log, nil)), "pack4-1", station.Action{With: map[string]string{"printer": "attic"}})
		if !strings.Contains(log.String(), "attic") {
			t.Errorf("%q", &log)
		}
	})
}
