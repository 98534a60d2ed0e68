package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"stationd/internal/api/lagerkoll"
	"stationd/internal/config"
	"stationd/internal/printer"
	"stationd/internal/station"
)

// printVerb is the one verb of the backend lagerkoll that Lagerkoll does not carry
// out: its picking list is read there and printed here. It is tried once.
func printVerb() station.Verb {
	return station.Verb{
		Name:     "picking_list.print",
		Fleeting: true,
		Fields: []station.Field{
			{Name: "order", Type: station.Integer, Required: true, Means: "id of the production order"},
			{Name: fieldPrinter, Required: true, Means: "name of the [[printer]]"},
			{Name: "only_available", Type: station.Truth, Means: "true: what is not available is left out"},
			{Name: "images", Type: station.Truth, Means: "true: with pictures of the articles"},
			{Name: "sort", Means: "art, name, supplier or supplier_art; left out: art"},
			{Name: "descending", Type: station.Truth, Means: "true: the last article first"},
		},
	}
}

const fieldPrinter = "printer"

// readPrinters reads the [[printer]] tables.
func (p *plan) readPrinters(f *config.File) {
	f.Tables("printer", &p.printers)
	printer.Check(p.printers, func(table string, index int, key, text string) { f.Fault(config.At(table, index, key), "%s", text) })
}

// printerDefaults are the fields of printVerb that go without saying.
func (p *plan) printerDefaults() map[string]string {
	if len(p.printers) != 1 {
		return nil
	}
	return map[string]string{fieldPrinter: p.printers[0].Name}
}

// checkPrinting checks the printers' names, and that each action which prints names a printer that there
// is. Which printer it is cannot be read from a label: a slip of a reader would
// print who knows where.
func (p *plan) checkPrinting(f *config.File) {
	var names []string
	for i, one := range p.printers {
		if f.Name(config.At("printer", i, "name"), one.Name) {
			names = append(names, one.Name)
		}
	}
	var on []map[string]any
	f.Tables("on", &on)
	for i, binding := range on {
		do, _ := binding["do"].([]any)
		for j := range do {
			action, _ := do[j].(map[string]any)
			at := config.At("on", i, "do", j, fieldPrinter)
			switch named, said := action[fieldPrinter].(string); {
			case action["lagerkoll"] != printVerb().Name:
			case len(names) == 0:
				f.Fault(config.At("on", i, "do", j), `there is no [[printer]] in this file, so nothing can be printed; it needs a name and a url, as "ipp://192.0.2.10/ipp/print"`)
			case said:
				f.OneOf(at, named, names...)
			}
		}
	}
}

const (
	// mostLists is how many picking lists may wait for one printer. Who has scanned
	// more than that has long seen that none comes.
	mostLists = 16

	// printTime limits one list, from Lagerkoll to the printer.
	printTime = time.Minute
)

// A pickingList is one to be printed.
type pickingList struct {
	order   string
	with    map[string]string
	station string
}

// A tray prints the picking lists of one printer, one after the other. What waits
// in it is in memory alone: a list is tried once, and who wants it after that asks
// for it again.
type tray struct {
	printer printer.Printer
	fetch   func(context.Context, lagerkoll.ID, lagerkoll.Picking) ([]byte, error)
	log     *slog.Logger
	waiting chan pickingList

	mu         sync.Mutex
	fault      string // of the last list
	absent     string // why the printer was not there at the start, until it is
	printed    int
	notPrinted int
}

func newTray(p printer.Printer, fetch func(context.Context, lagerkoll.ID, lagerkoll.Picking) ([]byte, error), log *slog.Logger) *tray {
	return &tray{printer: p, fetch: fetch, log: log, waiting: make(chan pickingList, mostLists)}
}

// put has a list printed. It does not block: when too many wait, the list is not
// printed, and that is told.
func (t *tray) put(l pickingList) {
	select {
	case t.waiting <- l:
	default:
		t.end(l, 0, fmt.Errorf("%d picking lists wait for printer %s already", mostLists, t.printer.Name))
	}
}

// run prints until ctx is done. A list under way is given up then, and what waits
// is not printed.
func (t *tray) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			for len(t.waiting) > 0 {
				t.end(<-t.waiting, 0, errors.New("stationd was stopped before it was printed"))
			}
			return nil
		case l := <-t.waiting:
			number, err := t.print(ctx, l)
			t.end(l, number, err)
		}
	}
}

const (
	printerLook  = 15 * time.Second // limits one look at a printer
	printerEvery = 30 * time.Second // between two looks at one that is not there
)

// watch looks whether the printer is there, until it is: a station says at its start
// what it lacks. A printer that goes away later shows when it is to print.
func (t *tray) watch(ctx context.Context) error {
	for {
		look, cancel := context.WithTimeout(ctx, printerLook)
		err := t.printer.Look(look)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		t.mu.Lock()
		t.absent = ""
		if err != nil {
			t.absent = fmt.Sprintf("it cannot print now, and everything else goes on: %v", err)
		}
		t.mu.Unlock()
		if err == nil {
			<-ctx.Done()
			return nil
		}
		if !wait(ctx, printerEvery) {
			return nil
		}
	}
}

// print makes the one attempt at a list.
func (t *tray) print(ctx context.Context, l pickingList) (number int, err error) {
	id, picking, err := l.ask()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, printTime)
	defer cancel()
	pdf, err := t.fetch(ctx, id, picking)
	if err != nil {
		return 0, fmt.Errorf("Lagerkoll: %w", err) //nolint:staticcheck // it is a name
	}
	return t.printer.Print(ctx, printer.Document{Name: fmt.Sprintf("Picking list %s (%s)", l.order, l.station), PDF: pdf})
}

// ask says what Lagerkoll is to be asked for.
func (l pickingList) ask() (id lagerkoll.ID, p lagerkoll.Picking, err error) {
	n, err := strconv.ParseInt(l.order, 10, 64)
	if err != nil || n <= 0 {
		return 0, p, fmt.Errorf("%q is no id of a production order", l.order)
	}
	p.Sort = l.with["sort"]
	p.Descending = l.with["descending"] == "true"
	p.OnlyAvailable = l.with["only_available"] == "true"
	p.Images = l.with["images"] == "true"
	return lagerkoll.ID(n), p, nil
}

// end notes what became of a list.
func (t *tray) end(l pickingList, number int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.notPrinted++
		t.fault = fmt.Sprintf("the picking list of order %s was not printed: %v", l.order, err)
		t.log.Error("a picking list was not printed", "printer", t.printer.Name, "order", l.order, "error", err)
		return
	}
	t.printed++
	t.fault, t.absent = "", ""
	t.log.Info("a picking list was printed", "printer", t.printer.Name, "order", l.order, "number", number)
}

// Tell implements station.Teller: what was wrong with the last list, until one is
// printed again, and else why the printer was not there.
func (t *tray) Tell() map[string]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return map[string]string{t.printer.Name: cmp.Or(t.fault, t.absent)}
}

// counts are the lists that were and were not printed since the start.
func (t *tray) counts() (printed, notPrinted int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.printed, t.notPrinted
}

// trays are the station's printers.
type trays []*tray

// take hands an action that prints to its printer. It does not block.
func (all trays) take(log *slog.Logger, name string, a station.Action) {
	l := pickingList{order: a.With["order"], with: a.With, station: name}
	for _, t := range all {
		if t.printer.Name == a.With[fieldPrinter] {
			t.put(l)
			return
		}
	}
	log.Error("a picking list was not printed: there is no such printer", "printer", a.With[fieldPrinter], "order", l.order)
}

// pickingList reads a picking list from the Lagerkoll that is in force.
func (f *force) pickingList(ctx context.Context, id lagerkoll.ID, p lagerkoll.Picking) ([]byte, error) {
	b := f.backends["lagerkoll"]
	if b == nil {
		return nil, errors.New("this station does not speak to it")
	}
	open, err := b.usable()
	if err != nil {
		return nil, err
	}
	lister, ok := open.(interface {
		PickingListPDF(context.Context, lagerkoll.ID, lagerkoll.Picking) ([]byte, error)
	})
	if !ok {
		return nil, errors.New("it has no picking lists")
	}
	return lister.PickingListPDF(ctx, id, p)
}
