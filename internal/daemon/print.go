package daemon

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
	"stationd/internal/plan"
	"stationd/internal/printer"
	"stationd/internal/station"
)

const (
	// mostLists is how many picking lists may wait for one printer. More are refused: by
	// then the operator has seen that none is printed.
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

// A printQueue prints the picking lists of one printer, one after the other. What waits
// in it is in memory alone: a list is tried once, and who wants it after that asks
// for it again.
type printQueue struct {
	printer printer.Printer
	fetch   func(ctx context.Context, with map[string]string) ([]byte, error)
	log     *slog.Logger
	waiting chan pickingList

	mu         sync.Mutex // guards what follows
	fault      string     // of the last list
	absent     string     // why the printer was not there at the start, until it is
	printed    int
	notPrinted int
}

func newPrintQueue(p printer.Printer, fetch func(ctx context.Context, with map[string]string) ([]byte, error), log *slog.Logger) *printQueue {
	return &printQueue{printer: p, fetch: fetch, log: log, waiting: make(chan pickingList, mostLists)}
}

// add has a list printed. It does not block: when too many wait, the list is not
// printed, and that is told.
func (t *printQueue) add(l pickingList) {
	select {
	case t.waiting <- l:
	default:
		t.finish(l, 0, fmt.Errorf("%d picking lists wait for printer %s already", mostLists, t.printer.Name))
	}
}

// run prints until ctx is done. A list under way is given up then, and what waits
// is not printed.
func (t *printQueue) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			for len(t.waiting) > 0 {
				t.finish(<-t.waiting, 0, errors.New("stationd was stopped before it was printed"))
			}
			return nil
		case l := <-t.waiting:
			number, err := t.print(ctx, l)
			t.finish(l, number, err)
		}
	}
}

const (
	printerLook  = 15 * time.Second // limits one look at a printer
	printerEvery = 30 * time.Second // between two looks at one that is not there
)

// watch looks whether the printer is there, until it is: a station says at its start
// what it lacks. A printer that goes away later shows when it is to print.
func (t *printQueue) watch(ctx context.Context) error {
	for {
		look, cancel := context.WithTimeout(ctx, printerLook)
		err := t.printer.Ready(look)
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
func (t *printQueue) print(ctx context.Context, l pickingList) (number int, err error) {
	with, err := l.request()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, printTime)
	defer cancel()
	pdf, err := t.fetch(ctx, with)
	if err != nil {
		return 0, fmt.Errorf("Lagerkoll: %w", err) //nolint:staticcheck // it is a name
	}
	return t.printer.Print(ctx, printer.Document{Name: fmt.Sprintf("Picking list %s (%s)", l.order, l.station), PDF: pdf})
}

// request says what Lagerkoll is to be asked for.
func (l pickingList) request() (with map[string]string, err error) {
	if n, err := strconv.ParseInt(l.order, 10, 64); err != nil || n <= 0 {
		return nil, fmt.Errorf("%q is no id of a production order", l.order)
	}
	with = map[string]string{"order": l.order}
	for field, asked := range map[string]string{"sort": "sort", "descending": "descending", "only_available": "available", "images": "images"} {
		if value := l.with[field]; value != "" {
			with[asked] = value
		}
	}
	return with, nil
}

// finish notes what became of a list.
func (t *printQueue) finish(l pickingList, number int, err error) {
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

// Faults implements station.HealthReporter: what was wrong with the last list, until one is
// printed again, and else why the printer was not there.
func (t *printQueue) Faults() map[string]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return map[string]string{t.printer.Name: cmp.Or(t.fault, t.absent)}
}

// counts are the lists that were and were not printed since the start.
func (t *printQueue) counts() (printed, notPrinted int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.printed, t.notPrinted
}

// printQueues are the station's printers.
type printQueues []*printQueue

// add hands an action that prints to its printer. It does not block.
func (all printQueues) add(log *slog.Logger, name string, a station.Action) {
	l := pickingList{order: a.With["order"], with: a.With, station: name}
	for _, t := range all {
		if t.printer.Name == a.With[plan.FieldPrinter] {
			t.add(l)
			return
		}
	}
	log.Error("a picking list was not printed: there is no such printer", "printer", a.With[plan.FieldPrinter], "order", l.order)
}

// pickingList reads a picking list from the Lagerkoll that is in force, by whatever way leads
// there.
func (a *activeConfig) pickingList(ctx context.Context, with map[string]string) ([]byte, error) {
	b := a.backends["lagerkoll"]
	if b == nil {
		return nil, errors.New("this station does not speak to it")
	}
	open, err := b.usable()
	if err != nil {
		return nil, err
	}
	list, err := station.RunQuery(ctx, open, lagerkoll.AskPickingList, with)
	return list.File, err
}
