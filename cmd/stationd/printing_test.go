package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/OpenPrinting/goipp"

	"stationd/internal/demo"
	"stationd/internal/doctor"
	"stationd/internal/plant"
)

// A savingPrinter is a printer that keeps what it prints.
type savingPrinter struct {
	mu    sync.Mutex // guards what follows
	empty bool       // it has no paper
	pages [][]byte
}

func (d *savingPrinter) paper(there bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.empty = !there
}

func (d *savingPrinter) printed() [][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pages
}

func (d *savingPrinter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
		d.pages = append(d.pages, document)
		reply.Job.Add(goipp.MakeAttribute("job-id", goipp.TagInteger, goipp.Integer(len(d.pages))))
	}
	w.Header().Set("Content-Type", goipp.ContentType)
	_ = reply.Encode(w)
}

// printsLists gives a station that is off a printer, which LIST and an order's number print its
// picking list on.
func printsLists(t *testing.T, b *demo.Simulation) *savingPrinter {
	t.Helper()
	office := new(savingPrinter)
	s := httptest.NewServer(office)
	t.Cleanup(s.Close)
	file, err := os.OpenFile(b.ConfigPath(), os.O_APPEND|os.O_WRONLY, 0)
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
	return office
}

func TestAScanPrintsAPickingList(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	must(t, b.Stop())
	office := printsLists(t, b)
	must(t, b.Power(t.Context(), true))
	fault := func(says string) func() bool {
		return func() bool {
			s, err := b.Control().Snapshot(t.Context())
			said := s.Health.Devices["office"]
			return err == nil && (said == "") == (says == "") && strings.Contains(said, says)
		}
	}

	scanAndWait(t, b, "LIST4711")
	must(t, demo.Until(t.Context(), "the list of order 4711 is printed", func() bool { return len(office.printed()) == 1 }))
	if got := office.printed()[0]; !bytes.HasPrefix(got, []byte("%PDF-")) || !bytes.HasSuffix(got, []byte("%%EOF\n")) {
		t.Errorf("the printer got %q", got)
	}
	c, err := b.Contents(t.Context())
	must(t, err)
	if len(c.Entries) != 0 {
		t.Errorf("a list that is printed is no entry: %v", c.Entries)
	}

	office.paper(false)
	scanAndWait(t, b, "LIST4712")
	must(t, demo.Until(t.Context(), "the page says that the printer has no paper", fault("order 4712 was not printed: printer office")))
	found, _ := runDoctor(t, b.ConfigPath())
	found.expect(t, "printer office", doctor.Fail, "no paper (media-empty)")
	found.expect(t, "lagerkoll picking list", doctor.OK, "")

	office.paper(true)
	scanAndWait(t, b, "LIST9999") // which Lagerkoll does not know
	must(t, demo.Until(t.Context(), "the page says that there is no such order", fault("order 9999 was not printed: Lagerkoll")))

	scanAndWait(t, b, "LIST4712")
	must(t, demo.Until(t.Context(), "nothing is wrong with the printer any more", fault("")))
	if n := len(office.printed()); n != 2 {
		t.Errorf("%d lists were printed, want 2", n)
	}

	// What fails is tried once, and not again.
	b.Plant.AddFault(plant.Fault{Kind: plant.BadGateway, Where: "*/pickinglist/print", Next: 1})
	scanAndWait(t, b, "LIST4711")
	must(t, demo.Until(t.Context(), "the page says that Lagerkoll failed", fault("order 4711 was not printed: Lagerkoll")))
	must(t, b.WaitDelivered(t.Context()))
	if n := len(office.printed()); n != 2 {
		t.Errorf("%d lists were printed, want 2", n)
	}
}
