package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"sync/atomic"
	"time"

	"stationd/internal/api"
	"stationd/internal/api/l2l"
	"stationd/internal/queue"
	"stationd/internal/station"
)

// deliverers is how many the daemon starts for each backend.
const deliverers = 8

// program is a station whose scans become dispatches that are over, which leave nothing in
// hand: M012-4711 at the machine M012.
func program(to string) (station.Program, error) {
	verbs := l2l.Verbs()
	do := station.Do{Backend: "l2l", With: make(map[string]station.Template)}
	for _, v := range verbs {
		if v.Name == "dispatch.add" {
			do.Verb = v
		}
	}
	for field, text := range map[string]string{"machine": "M{m}", "type": "MATERIAL", "trade": "MECH", "description": "{code}"} {
		t, err := station.ParseTemplate(text)
		if err != nil {
			return station.Program{}, err
		}
		do.With[field] = t
	}
	return station.Program{
		Station:  "pack4-1",
		Vendors:  map[string]station.Vendor{"l2l": {Verbs: verbs, To: to}},
		Lamps:    []string{"white"},
		Lamp:     map[string]string{"hand": "white"},
		Bindings: []station.Binding{{Event: "hand.scan", Match: regexp.MustCompile(`^M(?P<m>\d{3})-\d+$`), Do: []station.Do{do}}},
	}, nil
}

// stamp is a clock that is right.
func stamp() func(time.Time) station.Stamp {
	start := time.Now()
	return func(t time.Time) station.Stamp {
		return station.Stamp{Wall: t, Boot: "5f0c8f7e-1c39-4e1f-9d6c-0a4a5b1c7d21", Up: t.Sub(start), Trusted: true}
	}
}

// openBox opens an outbox as the daemon does, but for the child that looks at it first.
func openBox(dir, to string) (*queue.Outbox, func() station.Event, error) {
	p, err := program(to)
	if err != nil {
		return nil, nil, err
	}
	clock := stamp()
	box, err := queue.Open(filepath.Join(dir, "outbox.db"), queue.Setting{Stamp: clock, Program: func() station.Program { return p }, History: filepath.Join(dir, "history")})
	if err != nil {
		return nil, nil, err
	}
	var n atomic.Int64
	return box, func() station.Event {
		i := n.Add(1)
		return station.Event{ID: station.NewID(), Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("M%03d-%08d", i%3, i), At: clock(time.Now())}
	}, nil
}

// instant is a vendor that has done it at once, and says so.
type instant struct{ asked chan struct{} }

func (v instant) Verbs() []station.Verb { return l2l.Verbs() }

func (v instant) Deliver(context.Context, station.Delivery) station.Receipt {
	v.asked <- struct{}{}
	return station.Receipt{Outcome: station.Delivered, Ref: "90017", Answered: true}
}

// outbox is stationd's own.
type outbox struct {
	box    *queue.Outbox
	next   func() station.Event
	vendor instant
	stop   func() error // ends delivering; nil before the first cycle
}

func openOutbox(dir string, _ int) (Store, error) {
	box, next, err := openBox(dir, "https://acme.example/api/1.0/ site 12")
	if err != nil {
		return nil, err
	}
	return &outbox{box: box, next: next, vendor: instant{make(chan struct{}, 64)}}, nil
}

func (o *outbox) Put([]byte) error {
	_, err := o.box.Record(o.next())
	return err
}

// Cycle returns when the vendor has been asked: what it answered goes in the commit of what
// is recorded next, or, where nothing comes, in one of its own.
func (o *outbox) Cycle([]byte) error {
	if o.stop == nil {
		o.stop = deliver(context.Background(), o.box, o.vendor)
	}
	if _, err := o.box.Record(o.next()); err != nil {
		return err
	}
	select {
	case <-o.vendor.asked:
		return nil
	case <-time.After(30 * time.Second):
		return errors.New("what was recorded is not delivered within 30 s")
	}
}

// deliver starts delivering; what it returns ends it.
func deliver(ctx context.Context, box *queue.Outbox, backend station.Backend) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, deliverers)
	for range deliverers {
		go func() { ended <- box.Run(ctx, "l2l", backend) }()
	}
	return func() error {
		cancel()
		var errs []error
		for range deliverers {
			errs = append(errs, <-ended)
		}
		return errors.Join(errs...)
	}
}

// drained waits until nothing waits in an outbox.
func drained(box *queue.Outbox) error {
	late := time.After(time.Minute)
	for {
		changed := box.Changed()
		if box.Snapshot().Waiting == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-late:
			return fmt.Errorf("%d entries still wait after a minute", box.Snapshot().Waiting)
		}
	}
}

// Settled waits until all that was delivered has left the disk.
func (o *outbox) Settled() error { return drained(o.box) }

func (o *outbox) Close() error {
	var err error
	if o.stop != nil {
		err = o.stop()
	}
	return errors.Join(err, o.box.Close())
}

// A Mallocs says how often the process allocates for one press and for one delivery, with
// the round trip of net/http, to a vendor that allocates nothing itself; and which packages do.
type Mallocs struct {
	Press, Delivery     float64
	PressBy, DeliveryBy map[string]float64
}

// CountMallocs counts them over n presses, in an empty folder. Nothing else may run in this
// process.
func CountMallocs(ctx context.Context, dir string, n int) (Mallocs, error) {
	var counts [2]Mallocs
	for i, read := range []func() map[string]float64{
		func() map[string]float64 { return map[string]float64{"": float64(mallocs())} },
		allocated,
	} {
		in := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(in, 0o700); err != nil {
			return Mallocs{}, err
		}
		if i == 1 {
			usual := runtime.MemProfileRate
			runtime.MemProfileRate = 1
			defer func() { runtime.MemProfileRate = usual }()
		}
		var err error
		if counts[i].PressBy, counts[i].DeliveryBy, err = countMallocs(ctx, in, n, read); err != nil {
			return Mallocs{}, err
		}
	}
	return Mallocs{counts[0].PressBy[""], counts[0].DeliveryBy[""], counts[1].PressBy, counts[1].DeliveryBy}, nil
}

// countMallocs reads what was allocated before and after n presses, and their deliveries.
func countMallocs(ctx context.Context, dir string, n int, read func() map[string]float64) (press, delivery map[string]float64, err error) {
	url, stopVendor, err := canned(`{"success": true, "data": {"id": 90017, "dispatchnumber": 2871836, "site": 12, "machinecode": "M001", "linecode": "PACK4", "dispatchtypecode": "MATERIAL", "reported": "2026-03-02 06:00:10", "open": "F", "status": 4}}`)
	if err != nil {
		return nil, nil, err
	}
	defer stopVendor()
	key := filepath.Join(dir, "l2l.key")
	if err := os.WriteFile(key, []byte("bench-key\n"), 0o600); err != nil {
		return nil, nil, err
	}
	section := l2l.Section{URL: url, Key: api.KeyFrom{File: key}, Site: 12, Rate: "60000/s"}
	backend, err := section.Open(api.Opening{Zone: time.UTC, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, err
	}
	box, next, err := openBox(dir, section.To())
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, box.Close()) }()
	events := make([]station.Event, n+1) // what a device makes of it is not counted
	for i := range events {
		events[i] = next()
	}
	if _, err := box.Record(events[n]); err != nil {
		return nil, nil, err
	}
	before := read()
	for _, ev := range events[:n] {
		if _, err := box.Record(ev); err != nil {
			return nil, nil, err
		}
	}
	press = since(before, read(), n)
	before = read()
	stop := deliver(ctx, box, backend)
	err = drained(box)
	delivery = since(before, read(), n+1)
	return press, delivery, errors.Join(err, stop())
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// canned is a server that gives every request the same answer, and allocates nothing for it.
func canned(answer string) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	whole := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				request := make([]byte, 16<<10)
				for {
					// A small request arrives in one piece on the loopback.
					if n, err := conn.Read(request); n == 0 || err != nil {
						return
					}
					if _, err := conn.Write(whole); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/api/1.0/", func() { l.Close() }, nil
}
