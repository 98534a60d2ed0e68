package l2l

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/api"
	"stationd/internal/api/apitest"
	"stationd/internal/plant"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
	"stationd/internal/station/stationtest"
)

var update = flag.Bool("update", false, "write the golden requests anew")

const secret = "c4nary+l2l/key"

func stockholm(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// opened is a backend before some vendor, in no hurry to wait.
func opened(t testing.TB, url, auth string) *Backend {
	t.Helper()
	file := filepath.Join(t.TempDir(), "l2l.key")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Section{URL: url, Site: 12, Auth: auth}
	s.Key.File = file
	b, err := open(s, api.Opening{Zone: stockholm(t), Log: slog.New(slog.DiscardHandler)}, time.Microsecond, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *Backend) delivery(verb, ref string, with map[string]string) station.Delivery {
	return station.Delivery{Attempt: 1, Ref: ref, When: time.Now().Add(-time.Minute), Exact: true, Entry: station.Entry{
		ID: station.NewID().Entry(1), Action: station.Action{Verb: verb, To: b.to, With: with}}}
}

func help() map[string]string {
	return map[string]string{"type": "MAINT", "machine": "SEAL-1", "trade": "MECH", "description": "Help needed at pack4-1"}
}

// A floor is a simulated plant with a backend before it.
type floor struct {
	*plant.Plant
	*Backend
	goesOn bool // where an order leaves a line, the next one starts by itself
}

// contract is L2L's side as OpenAPI.
var contract = sync.OnceValues(func() (*apitest.Contract, error) {
	return apitest.Load("openapi.yaml", "/api/1.0/")
})

// newFloor is a floor with the line of the demonstration and nine more, each with
// an order of product 100, one of 200 and another of 100 in its queue. Where the
// plant is as assumed, what goes over its wire is held against the contract.
func newFloor(t *testing.T, auth string, switched map[plant.Assumption]plant.Position) floor {
	t.Helper()
	return newFloorHeld(t, auth, switched, len(switched) == 0)
}

// newFloorHeld is newFloor; held says whether it is held against the contract,
// which takes more time than all the rest.
func newFloorHeld(t *testing.T, auth string, switched map[plant.Assumption]plant.Position, held bool) floor {
	t.Helper()
	s := plant.Demo()
	s.L2LKey = secret
	s.Zone = stockholm(t)
	s.Assumptions = switched
	for i := 1; i <= 9; i++ {
		s.Lines = append(s.Lines, plant.Line{Code: fmt.Sprintf("LINE%d", i), ExternalID: fmt.Sprintf("L-%d", i), Queue: []plant.QueuedOrder{
			{Product: "100", ExternalID: fmt.Sprintf("PO-%d-1", i), Planned: time.Minute},
			{Product: "200", ExternalID: fmt.Sprintf("PO-%d-2", i), Planned: time.Minute},
			{Product: "100", ExternalID: fmt.Sprintf("PO-%d-3", i), Planned: time.Minute},
		}})
	}
	page, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var faults []error
	s.Observe = func(r *http.Request, body []byte, status int, header http.Header, answer []byte) {
		if !held {
			return
		}
		asked, said := page.Request(r, body), page.Answer(r, status, header, answer)
		mu.Lock()
		defer mu.Unlock()
		faults = append(faults, asked, said)
	}
	p, err := plant.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		// A line that is named by nothing, or a dispatch that was reported just now and
		// was over before, is an offence.
		if switched[plant.ExternalIDs] == "" && switched[plant.ReportedOnOpen] == "" {
			for _, complaint := range p.Complaints() {
				t.Errorf("the plant complains: %s", complaint)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if err := errors.Join(faults...); err != nil {
			t.Errorf("against the contract: %v", err)
		}
	})
	return floor{Plant: p, Backend: opened(t, p.L2LURL(), auth)}
}

// effects counts what stations did to the plant, in whatever way.
func (f floor) effects() (n int) {
	for _, d := range f.Dispatches() {
		switch {
		case d.Made == "add":
			n++
		case d.Made == "open" && !d.Completed.IsZero():
			n += 2
		case d.Made == "open":
			n++
		}
	}
	for _, c := range f.Changeovers() {
		n++
		if !c.Finished.IsZero() {
			n++
		}
	}
	for _, s := range f.Sequences() {
		if s.Status == plant.OnHold || s.Status == plant.Completed {
			n++
		}
	}
	return n + len(f.Counts())
}

// order is the id of the n-th order in a line's queue, from 1.
func (f floor) order(line string, n int) string {
	for _, s := range f.Sequences() {
		if s.Line == line {
			if n--; n == 0 {
				return fmt.Sprint(s.ID)
			}
		}
	}
	return ""
}

// attempt makes one attempt as a lane does: a verb that must see how things
// stand looks first, as long as it is certain that nothing has arrived.
func (f floor) attempt(ctx context.Context, d station.Delivery) (station.Delivery, station.Receipt) {
	for _, v := range f.Verbs() {
		if v.Name == d.Verb && v.Before && !d.Doubtful {
			before, rc := f.Look(ctx, d)
			if rc.Outcome != station.Delivered {
				return d, rc
			}
			d.Before = before
		}
	}
	return d, f.Deliver(ctx, d)
}

// must delivers what the test needs to begin with.
func (f floor) must(t *testing.T, d station.Delivery) station.Receipt {
	t.Helper()
	_, rc := f.attempt(t.Context(), d)
	if rc.Outcome != station.Delivered {
		t.Fatalf("%s: %+v", d.Verb, rc)
	}
	return rc
}

// start starts the next order of a line.
func (f floor) start(t *testing.T, line string) string {
	t.Helper()
	f.must(t, f.delivery(changeoverStart, "", map[string]string{"line": line}))
	return f.order(line, 1)
}

// opens counts the dispatches that a station opened.
func (f floor) opens() (n int) {
	for _, d := range f.Dispatches() {
		if d.Made == "open" {
			n++
		}
	}
	return n
}

func (f floor) closes() (n int) {
	for _, d := range f.Dispatches() {
		if !d.Closed.IsZero() {
			n++
		}
	}
	return n
}

// fail breaks the plant as the suite of backends wants it broken.
func (f floor) fail(t *testing.T, fault stationtest.Fault) {
	t.Helper()
	f.ClearFaults()
	if err := f.Cable(fault != stationtest.Unplugged); err != nil {
		t.Error(err)
	}
	kinds := map[stationtest.Fault]plant.FaultKind{
		stationtest.LostAnswer: plant.Lost, stationtest.LostRequest: plant.Reset,
		stationtest.Silent: plant.Late, stationtest.SaysNo: plant.Refusal,
	}
	if kind, ok := kinds[fault]; ok {
		f.AddFault(plant.Fault{Kind: kind, Where: "POST *", Delay: time.Minute})
	}
}

func TestL2LKeepsTheContractOfABackend(t *testing.T) {
	t.Parallel()
	stationtest.Backend(t, newBench)
}

func TestL2LKeepsTheContractOfABackendByARelay(t *testing.T) {
	t.Parallel()
	passage := relaytest.Open(t)
	stationtest.Backend(t, func(t *testing.T) stationtest.Bench {
		b := newBench(t)
		b.Backend = passage.Through(t, b.Backend)
		return b
	})
}

// newBench is a site before which the suite of backends is held.
func newBench(t *testing.T) stationtest.Bench {
	t.Helper()
	f := newFloorHeld(t, AuthQuery, nil, false)
	call := map[string]string{"type": "MATERIAL", "machine": "LABEL-1", "trade": "MECH", "description": "Labels are out"}
	first, second := f.must(t, f.delivery(dispatchOpen, "", call)), f.must(t, f.delivery(dispatchOpen, "", call))
	for _, line := range []string{"LINE1", "LINE2", "LINE3"} {
		f.start(t, line)
	}
	before := f.effects()
	return stationtest.Bench{
		Backend:  f.Backend,
		Secret:   secret,
		Harmless: []string{dispatchClose, dispatchComplete},
		Deliveries: []station.Delivery{
			f.delivery(dispatchOpen, "", help()),
			f.delivery(dispatchClose, first.Ref, nil),
			f.delivery(dispatchComplete, second.Ref, nil),
			f.delivery(dispatchAdd, "", help()),
			f.delivery(changeoverStart, "", map[string]string{"line": "PACK4", "product": "200"}),
			f.delivery(changeoverFinish, "", map[string]string{"line": "LINE1"}),
			f.delivery(orderHold, "", map[string]string{"line": "LINE2"}),
			f.delivery(orderComplete, "", map[string]string{"line": "LINE3"}),
			f.delivery(productionRecord, "", map[string]string{"line": "LINE4", "product": "100", "actual": "60", "scrap": "1.5"}),
		},
		Break:   func(fault stationtest.Fault) { f.fail(t, fault) },
		Effects: func() int { return f.effects() - before },
	}
}

// Every verb is carried out with the key in the two other places, and nobody
// sees it there.
func TestTheKeyMayGoElsewhere(t *testing.T) {
	t.Parallel()
	for auth, place := range map[string]string{AuthHeader: "header L2LAUTH", AuthBody: "body auth"} {
		t.Run("in the "+auth, func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, auth, nil)
			f.trials(t, plant.Fault{Kind: plant.Lost, Where: "POST *", Next: 1})
			for _, r := range f.Requests() {
				if r.Method == http.MethodPost && (len(r.Key) != 1 || r.Key[0] != place) {
					t.Errorf("%s: the key is in %v", r.Path, r.Key)
				}
			}
			f.AddFault(plant.Fault{Kind: plant.Refusal, Text: "no such key: " + secret})
			for sentence, read := range reads(f.Backend) {
				if err := read(t.Context()); err == nil || strings.Contains(err.Error(), secret) {
					t.Errorf("%s: %v", sentence, err)
				}
			}
		})
	}
}

// inDoubt is the next attempt after one whose fate nobody knows.
func inDoubt(d station.Delivery) station.Delivery {
	d.Doubtful = true
	d.Attempt++
	return d
}

func TestHelpIsCalled(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	d := f.delivery(dispatchOpen, "", help())
	rc := f.Deliver(t.Context(), d)
	if rc.Outcome != station.Delivered || rc.Ref == "" {
		t.Fatalf("%+v", rc)
	}
	got := f.Dispatches()[0]
	if fmt.Sprint(got.ID) != rc.Ref || got.Description != d.ID.Mark()+" Help needed at pack4-1" || !got.Reported.Equal(d.When.Truncate(time.Second)) {
		t.Errorf("ref %s, dispatch %+v", rc.Ref, got)
	}
	closing := f.delivery(dispatchClose, rc.Ref, nil)
	if rc := f.Deliver(t.Context(), closing); rc.Outcome != station.Delivered || rc.Note != "" {
		t.Errorf("closing: %+v", rc)
	}
	if rc := f.Deliver(t.Context(), closing); rc.Outcome != station.Delivered || rc.Note != "already closed" {
		t.Errorf("closing again: %+v", rc)
	}
}

func TestACloseWithoutADispatchIsRefused(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	for _, ref := range []string{"", "0", "-3", "../open", "1/../../dispatches/delete/1", "12a"} {
		if rc := f.Deliver(t.Context(), f.delivery(dispatchClose, ref, nil)); rc.Outcome != station.Refused {
			t.Errorf("%q: %+v", ref, rc)
		}
	}
	if n := len(f.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestACloseMayBeToldTheMachineAndTheTypeOfTheCall(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	opened := f.Deliver(t.Context(), f.delivery(dispatchOpen, "", help()))
	if opened.Outcome != station.Delivered {
		t.Fatal(opened.Err)
	}
	rc := f.Deliver(t.Context(), f.delivery(dispatchClose, opened.Ref, map[string]string{"machine": "SEAL-1", "type": "MAINT"}))
	if rc.Outcome != station.Delivered || f.closes() != 1 {
		t.Errorf("%+v, and %d dispatches are closed", rc, f.closes())
	}
	for _, r := range f.Requests() {
		if strings.Contains(r.Path, "/close/") && len(r.Form) != 0 {
			t.Errorf("L2L is told %v", r.Form)
		}
	}
}

func TestTheMarkIsFound(t *testing.T) {
	t.Parallel()
	for sentence, prepare := range map[string]func(t *testing.T, f floor){
		"among sixty other calls of the machine": func(t *testing.T, f floor) {
			for range 60 {
				d := f.delivery(dispatchOpen, "", map[string]string{"type": "MATERIAL", "machine": "SEAL-1", "trade": "MECH", "description": "Film is out"})
				d.When = time.Now()
				f.Deliver(t.Context(), d)
			}
		},
		"after somebody closed it": func(t *testing.T, f floor) {
			f.Deliver(t.Context(), f.delivery(dispatchClose, fmt.Sprint(f.Dispatches()[0].ID), nil))
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, "", nil)
			with := help()
			with["type"] = "MATERIAL"
			d := f.delivery(dispatchOpen, "", with)
			f.fail(t, stationtest.LostAnswer)
			if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Doubtful {
				t.Fatalf("%+v", rc)
			}
			f.fail(t, stationtest.Sound)
			prepare(t, f)
			before := f.opens()
			rc := f.Deliver(t.Context(), inDoubt(d))
			if rc.Outcome != station.Delivered || rc.Ref != fmt.Sprint(f.Dispatches()[0].ID) || f.opens() != before {
				t.Errorf("%+v, and %d dispatches more", rc, f.opens()-before)
			}
		})
	}
}

// ofL2L reports whether a switch is one of L2L's.
func ofL2L(s plant.Switch) bool { return s.Number < 40 || s.Number >= 69 && s.Number <= 71 }

// With any one assumption false, a call whose answer or whose request was lost
// is open once, or held: never twice.
func TestACallIsOnceOrHeldWhateverL2LDoesOtherwise(t *testing.T) {
	t.Parallel()
	for _, s := range plant.Switches() {
		if !ofL2L(s) {
			continue
		}
		for _, pos := range s.Positions {
			for _, fault := range []stationtest.Fault{stationtest.LostAnswer, stationtest.LostRequest} {
				for _, others := range []int{0, 2} {
					t.Run(fmt.Sprintf("%s %s, fault %d, %d other calls", s.Assumption, pos, fault, others), func(t *testing.T) {
						t.Parallel()
						f := newFloor(t, "", map[plant.Assumption]plant.Position{s.Assumption: pos})
						with := help()
						with["type"] = "MATERIAL"
						for range others {
							f.Deliver(t.Context(), f.delivery(dispatchOpen, "", with))
						}
						before := f.opens()
						d := f.delivery(dispatchOpen, "", with)
						f.fail(t, fault)
						f.Deliver(t.Context(), d)
						f.fail(t, stationtest.Sound)
						rc := f.Deliver(t.Context(), inDoubt(d))
						undecided := rc.Outcome == station.Doubtful && errors.Is(rc.Err, station.ErrUndecided)
						if n := f.opens() - before; n > 1 || n == 0 && !undecided && rc.Outcome != station.Refused {
							t.Errorf("%d dispatches were opened: %+v", n, rc)
						}
						if undecided {
							t.Logf("held: %v", rc.Err)
						}
					})
				}
			}
		}
	}
}

// The same of a changeover: the line is changed over once, or the entry is held
// or refused.
func TestAChangeoverIsOnceOrHeldWhateverL2LDoesOtherwise(t *testing.T) {
	t.Parallel()
	for _, s := range plant.Switches() {
		if !ofL2L(s) {
			continue
		}
		for _, pos := range s.Positions {
			for _, fault := range []stationtest.Fault{stationtest.LostAnswer, stationtest.LostRequest} {
				for _, with := range []map[string]string{{"product": "100"}, {"id": "8801"}, {}} {
					t.Run(fmt.Sprintf("%s %s, fault %d, told %v", s.Assumption, pos, fault, with), func(t *testing.T) {
						t.Parallel()
						f := newFloor(t, "", map[plant.Assumption]plant.Position{s.Assumption: pos})
						with := maps.Clone(with)
						with["line"] = "PACK4"
						d := f.delivery(changeoverStart, "", with)
						before, rc := f.Look(t.Context(), d)
						if rc.Outcome != station.Delivered {
							if rc.Outcome == station.Doubtful {
								t.Errorf("a look that failed left a doubt: %+v", rc)
							}
							return
						}
						d.Before = before
						f.fail(t, fault)
						f.Deliver(t.Context(), d)
						f.fail(t, stationtest.Sound)
						rc = f.Deliver(t.Context(), inDoubt(d))
						undecided := errors.Is(rc.Err, station.ErrUndecided)
						if n := len(f.Changeovers()); n > 1 || n == 0 && !undecided && rc.Outcome != station.Refused {
							t.Errorf("%d changeovers: %+v", n, rc)
						}
					})
				}
			}
		}
	}
}

func TestAChangeover(t *testing.T) {
	t.Parallel()
	look := func(t *testing.T, f floor, d station.Delivery) station.Delivery {
		t.Helper()
		before, rc := f.Look(t.Context(), d)
		if rc.Outcome != station.Delivered {
			t.Fatal(rc.Err)
		}
		d.Before = before
		return d
	}
	start := func(t *testing.T, f floor, with map[string]string) station.Receipt {
		t.Helper()
		with["line"] = "PACK4"
		return f.Deliver(t.Context(), look(t, f, f.delivery(changeoverStart, "", with)))
	}
	t.Run("to the product that runs already sends nothing", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		start(t, f, map[string]string{"product": "200"})
		rc := start(t, f, map[string]string{"product": "200"})
		if rc.Outcome != station.Delivered || rc.Note != alreadySo || len(f.Changeovers()) != 1 {
			t.Errorf("%+v", rc)
		}
	})
	t.Run("to the order that runs already sends nothing", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		id := fmt.Sprint(f.Sequences()[1].ID)
		if rc := start(t, f, map[string]string{"id": id}); rc.Outcome != station.Delivered || rc.Ref != id || rc.Note != "" {
			t.Errorf("%+v", rc)
		}
		if rc := start(t, f, map[string]string{"id": id}); rc.Note != alreadySo || rc.Ref != id || len(f.Changeovers()) != 1 {
			t.Errorf("%+v", rc)
		}
	})
	t.Run("without product and id starts the next order", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		if rc := start(t, f, map[string]string{}); rc.Outcome != station.Delivered || f.Changeovers()[0].Product != "100" {
			t.Errorf("%+v", rc)
		}
	})
	t.Run("to a product and an order at once is refused", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		d := f.delivery(changeoverStart, "", map[string]string{"line": "PACK4", "product": "200", "id": "8801"})
		if _, rc := f.Look(t.Context(), d); rc.Outcome != station.Refused {
			t.Errorf("%+v", rc)
		}
		if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Refused || len(f.Changeovers()) != 0 {
			t.Errorf("%+v", rc)
		}
	})

	t.Run("that may still be on its way is not held because the line runs something else", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		start(t, f, map[string]string{"id": "8801"})
		d := look(t, f, f.delivery(changeoverStart, "", map[string]string{"line": "PACK4", "product": "200"}))
		start(t, f, map[string]string{"product": "300"}) // somebody else
		doubt := inDoubt(d)
		doubt.Settle = 20 * time.Second
		if rc := f.Deliver(t.Context(), doubt); rc.Outcome != station.Doubtful || errors.Is(rc.Err, station.ErrUndecided) || rc.Wait != doubt.Settle {
			t.Errorf("%+v", rc)
		}
		start(t, f, map[string]string{"product": "200"}) // it arrives
		if rc := f.Deliver(t.Context(), doubt); rc.Outcome != station.Delivered || rc.Note != byWhomUnsure || len(f.Changeovers()) != 3 {
			t.Errorf("%+v after %d changeovers", rc, len(f.Changeovers()))
		}
	})

	// What the line runs before, what was asked for, who else did what meanwhile.
	for sentence, c := range map[string]struct {
		with      map[string]string
		fault     stationtest.Fault
		meanwhile map[string]string // another changeover at the portal
		want      station.Outcome
		note      string
		changes   int
	}{
		"in doubt, the line runs the product":         {map[string]string{"product": "200"}, stationtest.LostAnswer, nil, station.Delivered, byWhomUnsure, 2},
		"in doubt, the line runs the order":           {map[string]string{"id": "8802"}, stationtest.LostAnswer, nil, station.Delivered, byWhomUnsure, 2},
		"in doubt, by line alone, the line has moved": {map[string]string{}, stationtest.LostAnswer, nil, station.Doubtful, "", 2},
		"in doubt, nothing has moved":                 {map[string]string{"product": "200"}, stationtest.LostRequest, nil, station.Delivered, "", 2},
		"in doubt, by line alone, nothing has moved":  {map[string]string{}, stationtest.LostRequest, nil, station.Delivered, "", 2},
		"in doubt, the line runs something else":      {map[string]string{"product": "200"}, stationtest.LostRequest, map[string]string{"product": "300"}, station.Doubtful, "", 2},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, "", nil)
			start(t, f, map[string]string{"id": "8801"})
			c.with["line"] = "PACK4"
			d := look(t, f, f.delivery(changeoverStart, "", c.with))
			f.fail(t, c.fault)
			if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Doubtful {
				t.Fatalf("%+v", rc)
			}
			f.fail(t, stationtest.Sound)
			if c.meanwhile != nil {
				start(t, f, c.meanwhile)
			}
			rc := f.Deliver(t.Context(), inDoubt(d))
			if rc.Outcome != c.want || rc.Note != c.note || len(f.Changeovers()) != c.changes {
				t.Errorf("%+v after %d changeovers", rc, len(f.Changeovers()))
			}
			if c.want == station.Doubtful && !errors.Is(rc.Err, station.ErrUndecided) {
				t.Errorf("it is not held: %v", rc.Err)
			}
		})
	}
}

// A script is a vendor that gives the same answers to everybody.
func script(t *testing.T, answers map[string]string) *Backend {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Method + " " + r.URL.Path
		if r.URL.Query().Get("offset") != "" {
			key += " next"
		}
		if answer, ok := answers[key+" F"]; ok && r.URL.Query().Get("open") == "F" {
			io.WriteString(w, answer)
			return
		}
		io.WriteString(w, answers[key])
	}))
	t.Cleanup(server.Close)
	return opened(t, server.URL+"/", "")
}

func TestWhatTheRecordsOfDispatchesProve(t *testing.T) {
	t.Parallel()
	entry := station.NewID().Entry(1)
	mark := entry.Mark()
	now := time.Now().In(stockholm(t))
	row := func(id, machine, description string, age time.Duration) string {
		return fmt.Sprintf(`{"id": %s, "site": 12, "machinecode": %q, "dispatchtypecode": "MAINT", "description": %q, "reported": %q}`,
			id, machine, description, now.Add(-age).Format(siteTime))
	}
	list := func(rows ...string) string { return `{"success": true, "data": [` + strings.Join(rows, ",") + `]}` }
	empty := list()
	for sentence, c := range map[string]struct {
		page, next string
		unsure     bool
		want       string // sent, found, held, later
	}{
		"the mark is there":                                {list(row("7", "SEAL-1", mark+" Help", 0)), empty, false, "found"},
		"the mark is on the second page":                   {list(row("8", "SEAL-1", "x", 0)), list(row("7", "SEAL-1", mark+" Help", 0)), false, "found"},
		"the one dispatch is given bare":                   {`{"success": true, "data": ` + row("7", "SEAL-1", mark, 0) + `}`, empty, false, "found"},
		"the mark has text before it":                      {list(row("7", "SEAL-1", "urgent! "+mark, 0)), empty, false, "found"},
		"there is nothing":                                 {empty, empty, false, "sent"},
		"the list has an end and no mark":                  {list(row("8", "SEAL-1", "x", 0)), empty, false, "sent"},
		"the list goes back to the day before yesterday":   {list(row("8", "SEAL-1", "x", 0), row("9", "SEAL-1", "x", 48*time.Hour)), "<html>", false, "sent"},
		"it goes back so far, but the time is an estimate": {list(row("8", "SEAL-1", "x", 0), row("9", "SEAL-1", "x", 48*time.Hour)), `{"success": false, "error": "no offset"}`, true, "held"},
		"it goes back so far, but is not in order":         {list(row("9", "SEAL-1", "x", 48*time.Hour), row("8", "SEAL-1", "x", 0), row("10", "SEAL-1", "x", 49*time.Hour)), `{"success": false, "error": "no offset"}`, false, "held"},
		"the same page comes again and again":              {list(row("8", "SEAL-1", "x", 0)), list(row("8", "SEAL-1", "x", 0)), false, "held"},
		"dispatches of another machine are shown":          {list(row("8", "LABEL-1", "x", 48*time.Hour)), empty, false, "held"},
		"the descriptions are not shown":                   {`{"success": true, "data": [{"id": 8, "machinecode": "SEAL-1", "dispatchtypecode": "MAINT"}]}`, empty, false, "held"},
		"dispatches of two sites are shown":                {list(row("8", "SEAL-1", "x", 0), strings.Replace(row("9", "SEAL-1", "x", 0), `"site": 12`, `"site": 13`, 1)), empty, false, "held"},
		"the mark is on a dispatch that was moved":         {list(row("7", "LABEL-1", mark, 0)), empty, false, "held"},
		"the mark is on a dispatch without an id":          {list(row("null", "SEAL-1", mark, 0)), empty, false, "held"},
		"the list is not a list":                           {`{"success": true, "data": "none"}`, empty, false, "held"},
		"there is no data":                                 {`{"success": true}`, empty, false, "held"},
		"L2L refuses to show them":                         {`{"success": false, "error": "No permission"}`, empty, false, "held"},
		"a page of a captive portal comes":                 {"<html>", empty, false, "later"},
		"the second page is cut off":                       {list(row("8", "SEAL-1", "x", 0)), `{"success": true, "data": [`, false, "later"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			b := script(t, map[string]string{
				"GET /dispatches/": c.page, "GET /dispatches/ next": c.next,
				"POST /dispatches/open/": `{"success": true, "data": {"id": "99"}}`,
			})
			d := inDoubt(b.delivery(dispatchOpen, "", help()))
			d.ID = entry
			d.Exact = !c.unsure
			rc := b.Deliver(t.Context(), d)
			got := "held"
			switch {
			case rc.Outcome == station.Delivered && rc.Ref == "99":
				got = "sent"
			case rc.Outcome == station.Delivered && rc.Ref == "7":
				got = "found"
			case rc.Outcome == station.Unreached:
				got = "later"
			case !errors.Is(rc.Err, station.ErrUndecided):
				got = "nothing"
			}
			if got != c.want {
				t.Errorf("%s, want %s: %+v", got, c.want, rc)
			}
		})
	}
}

func TestADispatchThatL2LDoesNotNameIsLookedFor(t *testing.T) {
	t.Parallel()
	for sentence, c := range map[string]struct {
		listed bool
		want   station.Outcome
	}{
		"and found": {true, station.Delivered}, "and not found yet": {false, station.Doubtful},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			answers := map[string]string{"POST /dispatches/open/": `{"success": true}`, "GET /dispatches/": `{"success": true, "data": []}`}
			b := script(t, answers)
			d := b.delivery(dispatchOpen, "", help())
			if c.listed {
				answers["GET /dispatches/"] = fmt.Sprintf(`{"success": true, "data": [{"id": 7, "description": %q}]}`, d.ID.Mark())
			}
			if rc := b.Deliver(t.Context(), d); rc.Outcome != c.want || errors.Is(rc.Err, station.ErrUndecided) {
				t.Errorf("%+v", rc)
			}
		})
	}
}

func TestWhatALineRuns(t *testing.T) {
	t.Parallel()
	const product = `{"success": true, "data": {"id": 3001, "code": "PC-1"}}`
	for answer, want := range map[string]string{
		`{"success": true, "data": {"id": 8801, "linecode": "PACK4", "product": 3001}}`: `{"order":"8801","product":"PC-1"}`,
		`{"success": true, "data": [{"id": "8801", "product": "3001"}]}`:                `{"order":"8801","product":"PC-1"}`,
		`{"success": "true", "data": {"id": 8.801E3, "productcode": "PC-2"}}`:           `{"order":"8801","product":"PC-2"}`,
		`{"success": true, "data": null}`:                                               `{"order":""}`,
		`{"success": true, "data": []}`:                                                 `{"order":""}`,
		`{"success": true, "data": {}}`:                                                 `{"order":""}`,
		`{"success": false, "error": "No current order on line"}`:                       `{"order":""}`,
		`{"success": true}`:                           "",
		`{"success": false, "error": "Unknown line"}`: "",
		`{"success": true, "data": {"id": 8801, "linecode": "PACK5", "product": 3001}}`:      "",
		`{"success": true, "data": {"linecode": "PACK4", "product": 3001}}`:                  "",
		`{"success": true, "data": {"id": 8801, "linecode": "PACK4"}}`:                       "",
		`{"success": true, "data": {"id": 8801, "linecode": "PACK4", "product": 3002}}`:      "",
		`{"success": true, "data": [{"id": 8801, "product": 3001},{"id": 2, "product": 3}]}`: "",
		`{"success": true, "data": "PACK4"}`:                                                 "",
	} {
		b := script(t, map[string]string{"GET /buildsequence/get_current_order_on_line/": answer, "GET /productcomponents/": product})
		d := b.delivery(changeoverStart, "", map[string]string{"line": "PACK4", "product": "PC-1"})
		before, rc := b.Look(t.Context(), d)
		if string(before) != want || (rc.Outcome == station.Delivered) != (want != "") || rc.Outcome == station.Doubtful {
			t.Errorf("%s: %s (%+v)", answer, before, rc)
		}
	}
}

func TestTheReportedTimeIsTheSites(t *testing.T) {
	t.Parallel()
	b := opened(t, "http://127.0.0.1/", "")
	for sentence, c := range map[string]struct {
		when     string
		sure     bool
		reported string
		text     string
	}{
		"a certain time is reported":               {"2026-03-02T07:15:09Z", true, "2026-03-02 08:15:09", "Help"},
		"in summer the site's clock is ahead":      {"2026-07-02T07:15:09Z", true, "2026-07-02 09:15:09", "Help"},
		"before the hour that is left out":         {"2026-03-29T00:59:59Z", true, "2026-03-29 01:59:59", "Help"},
		"after the hour that is left out":          {"2026-03-29T01:00:00Z", true, "2026-03-29 03:00:00", "Help"},
		"the first pass of the hour that repeats":  {"2026-10-25T00:30:00Z", true, "2026-10-25 02:30:00", "Help"},
		"the second pass of the hour that repeats": {"2026-10-25T01:30:00Z", true, "2026-10-25 02:30:00", "Help"},
		"an estimate stands in the text instead":   {"2026-03-02T07:15:09Z", false, "", "Help (about 2026-03-02 08:15)"},
		"where nothing is known nothing is said":   {"", false, "", "Help"},
	} {
		d := b.delivery(dispatchOpen, "", map[string]string{"description": "Help"})
		d.When, _ = time.Parse(time.RFC3339, c.when)
		d.Exact = c.sure
		form, _ := b.openForm(d)
		if form.Get("reported") != c.reported || form.Get("description") != d.ID.Mark()+" "+c.text {
			t.Errorf("%s: %v", sentence, form)
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestTheSectionSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := Section{URL: "https://acme.leading2lean.com/api/1.0/", Site: 12, Line: "PACK4", Machine: "SEAL-1"}
	good.Key.File = "/etc/stationd/l2l.key"
	for sentence, c := range map[string]struct {
		change func(*Section)
		want   []string
	}{
		"a good one has no fault":                  {func(s *Section) {}, nil},
		"plain http is refused":                    {func(s *Section) { s.URL = "http://acme.leading2lean.com/api/1.0/" }, []string{"url"}},
		"no key, no site":                          {func(s *Section) { s.Key.File = ""; s.Site = 0 }, []string{"key", "site"}},
		"a key in two places":                      {func(s *Section) { s.Key.Credential = "l2l.key" }, []string{"key"}},
		"an unknown place for the key":             {func(s *Section) { s.Auth = "cookie" }, []string{"auth"}},
		"a rate that is none":                      {func(s *Section) { s.Rate = "often" }, []string{"rate"}},
		"a settle time that is shorter than a try": {func(s *Section) { s.Settle = time.Second }, []string{"settle"}},
		"a short settle time before a simulation":  {func(s *Section) { s.Settle = time.Second; s.URL = "http://127.0.0.1/" }, nil},
	} {
		s := good
		c.change(&s)
		var got []string
		s.Check(func(key, text string) { got = append(got, key) })
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", sentence, diff)
		}
	}
	if got := good.To(); got != "https://acme.leading2lean.com/api/1.0/ site 12" {
		t.Errorf("to: %s", got)
	}
	if diff := cmp.Diff(map[string]string{"line": "PACK4", "machine": "SEAL-1"}, good.Defaults()); diff != "" {
		t.Error(diff)
	}
	if good.SettleTime() != time.Minute {
		t.Errorf("settle: %v", good.SettleTime())
	}
}

// A plant whose L2L takes more says so, and one whose stations share what it takes says less.
func TestTheRateOfTheSectionIsKeptAndUsed(t *testing.T) {
	t.Parallel()
	for rate, want := range map[string]int{"": 240, "20/s": 1200, "30/min": 30} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			file := filepath.Join(t.TempDir(), "l2l.key")
			if err := os.WriteFile(file, []byte("a-key-of-l2l"), 0o600); err != nil {
				t.Fatal(err)
			}
			s := Section{URL: "http://127.0.0.1:1/", Site: 12, Rate: rate, Dial: func(context.Context, string, string) (net.Conn, error) {
				asked++
				return nil, errors.New("nobody listens")
			}}
			s.Key.File = file
			opened, err := s.Open(api.Opening{Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
			if err != nil {
				t.Fatal(err)
			}
			ctx, over := context.WithTimeout(t.Context(), time.Minute)
			defer over()
			for ctx.Err() == nil {
				opened.(*Backend).client.Do(ctx, api.Request{Method: http.MethodGet, Path: "sites/"})
			}
			if asked > want || asked < want*95/100 {
				t.Errorf("rate %q: %d requests in a minute, %d are allowed", rate, asked, want)
			}
		})
	}
}

func FuzzOutcome(f *testing.F) {
	for _, seed := range []string{
		`{"success": true, "data": {"id": 1}}`, `{"success": false, "error": "Dispatch already closed"}`,
		`{"success": true, "data": []}`, `{"success": null}`, `{"success": true, "data": {"id": 8801, "product": 3001}}`, "<html>", "",
	} {
		f.Add(200, seed)
	}
	var status int
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	f.Cleanup(server.Close)
	b := opened(f, server.URL+"/", "")
	f.Fuzz(func(t *testing.T, s int, text string) {
		if s < 200 || s > 599 || s == 429 || s == 503 {
			return // 429 and 503 may make the client wait
		}
		status, body = s, text
		for _, d := range []station.Delivery{
			b.delivery(dispatchOpen, "", help()), inDoubt(b.delivery(dispatchOpen, "", help())),
			b.delivery(dispatchClose, "7", nil), b.delivery(changeoverStart, "", map[string]string{"line": "PACK4", "product": "1"}),
			inDoubt(b.delivery(dispatchAdd, "", help())), b.delivery(dispatchComplete, "7", nil),
			b.delivery(orderHold, "", map[string]string{"line": "PACK4"}), inDoubt(b.delivery(orderComplete, "", map[string]string{"line": "PACK4", "id": "7"})),
			b.delivery(productionRecord, "", sixty()), inDoubt(b.delivery(productionRecord, "", sixty())),
		} {
			rc := b.Deliver(context.Background(), d)
			if rc.Outcome < station.Delivered || rc.Outcome > station.Doubtful {
				t.Fatalf("no outcome: %+v", rc)
			}
			low := strings.ToLower(text)
			closed := strings.Contains(low, "already closed") && (d.Verb == dispatchClose || d.Verb == dispatchComplete) ||
				strings.Contains(low, "already completed") && d.Verb == dispatchComplete
			if rc.Outcome == station.Delivered && !closed && (s > 299 || !strings.Contains(strings.ToLower(text), "true")) {
				t.Fatalf("%s delivered by %d %q", d.Verb, s, text)
			}
		}
	})
}
