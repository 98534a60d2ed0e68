package l2l

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/plant"
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
	b, err := open(s, stockholm(t), slog.New(slog.DiscardHandler), time.Microsecond, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *Backend) delivery(verb, ref string, with map[string]string) station.Delivery {
	return station.Delivery{Attempt: 1, Ref: ref, When: time.Now().Add(-time.Minute), Sure: true, Entry: station.Entry{
		ID: station.NewID().Entry(1), Action: station.Action{Verb: verb, To: b.to, With: with}}}
}

func help() map[string]string {
	return map[string]string{"type": "MAINT", "machine": "SEAL-1", "trade": "MECH", "description": "Help needed at pack4-1"}
}

// A floor is a simulated plant with a backend before it.
type floor struct {
	*plant.Plant
	*Backend
}

func newFloor(t *testing.T, auth string, switched map[plant.Assumption]plant.Position) floor {
	t.Helper()
	s := plant.Demo()
	s.L2LKey = secret
	s.Zone = stockholm(t)
	s.Assumptions = switched
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
		for _, complaint := range p.Complaints() {
			t.Errorf("the plant complains: %s", complaint)
		}
	})
	return floor{p, opened(t, p.L2LURL(), auth)}
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
	f.Clear()
	if err := f.Cable(fault != stationtest.Unplugged); err != nil {
		t.Error(err)
	}
	kinds := map[stationtest.Fault]plant.Kind{
		stationtest.LostAnswer: plant.Lost, stationtest.LostRequest: plant.Reset,
		stationtest.Silent: plant.Late, stationtest.SaysNo: plant.Refusal,
	}
	if kind, ok := kinds[fault]; ok {
		f.Order(plant.Fault{Kind: kind, Where: "POST *", Delay: time.Minute})
	}
}

func TestL2LKeepsTheContractOfABackend(t *testing.T) {
	t.Parallel()
	for _, auth := range []string{AuthQuery, AuthHeader, AuthBody} {
		t.Run("with the key in the "+auth, func(t *testing.T) {
			t.Parallel()
			stationtest.Backend(t, func(t *testing.T) stationtest.Bench {
				f := newFloor(t, auth, nil)
				rc := f.Deliver(t.Context(), f.delivery(dispatchOpen, "", map[string]string{
					"type": "MATERIAL", "machine": "LABEL-1", "trade": "MECH", "description": "Labels are out"}))
				if rc.Outcome != station.Delivered {
					t.Fatal(rc.Err)
				}
				return stationtest.Bench{
					Backend:  f.Backend,
					Secret:   secret,
					Harmless: []string{dispatchClose},
					Deliveries: []station.Delivery{
						f.delivery(dispatchOpen, "", help()),
						f.delivery(dispatchClose, rc.Ref, nil),
						f.delivery(changeoverStart, "", map[string]string{"line": "PACK4", "product": "200"}),
					},
					Break:   func(fault stationtest.Fault) { f.fail(t, fault) },
					Effects: func() int { return f.opens() - 1 + f.closes() + len(f.Changeovers()) },
				}
			})
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

// With any one assumption false, a call whose answer or whose request was lost
// is open once, or held: never twice.
func TestACallIsOnceOrHeldWhateverL2LDoesOtherwise(t *testing.T) {
	t.Parallel()
	for _, s := range plant.Switches() {
		if s.Number >= 40 {
			continue // of Lagerkoll
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
		if s.Number >= 40 {
			continue // of Lagerkoll
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
		if rc := start(t, f, map[string]string{"product": "200", "id": "8801"}); rc.Outcome != station.Refused {
			t.Errorf("%+v", rc)
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
			d.Sure = !c.unsure
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
		d.Sure = c.sure
		form := b.openForm(d)
		if form.Get("reported") != c.reported || form.Get("description") != d.ID.Mark()+" "+c.text {
			t.Errorf("%s: %v", sentence, form)
		}
	}
}

func TestTheRequestsAreTheSeeds(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen bytes.Buffer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&seen, "%s %s\n", r.Method, r.RequestURI)
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			if name == "L2lauth" || name == "Accept" || strings.HasPrefix(name, "Content") {
				fmt.Fprintf(&seen, "%s: %s\n", name, r.Header.Get(name))
			}
		}
		fmt.Fprintf(&seen, "\n%s\n\n", body)
		io.WriteString(w, `{"success": true, "data": []}`)
	}))
	t.Cleanup(server.Close)
	with := help()
	with["description"] = "Hjälp & stöd = +1 %"
	with["user"], with["reason"] = "station.pack4", "17"
	for _, auth := range []string{AuthQuery, AuthHeader, AuthBody} {
		b := opened(t, server.URL+"/api/1.0/", auth)
		for _, d := range []station.Delivery{
			inDoubt(b.delivery(dispatchOpen, "", with)),
			b.delivery(dispatchClose, "90017", nil),
			b.delivery(changeoverStart, "", map[string]string{"line": "PACK 4", "product": "PC/1"}),
			b.delivery(changeoverStart, "", map[string]string{"line": "PACK4"}),
			b.delivery(changeoverStart, "", map[string]string{"line": "PACK4", "id": "8801"}),
		} {
			d.ID = "9f86d081884c7d659a2feaa0c55ad015.1"
			d.When = time.Date(2026, 3, 2, 7, 15, 9, 0, time.UTC)
			mu.Lock()
			fmt.Fprintf(&seen, "### %s, key in the %s\n", d.Verb, auth)
			mu.Unlock()
			b.Deliver(t.Context(), d)
		}
	}
	got := strings.NewReplacer(secret, "<key>", url.QueryEscape(secret), "<key>").Replace(seen.String())
	golden(t, "testdata/requests.http", got)
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
		} {
			rc := b.Deliver(context.Background(), d)
			if rc.Outcome < station.Delivered || rc.Outcome > station.Doubtful {
				t.Fatalf("no outcome: %+v", rc)
			}
			closed := d.Verb == dispatchClose && strings.Contains(strings.ToLower(text), "already closed")
			if rc.Outcome == station.Delivered && !closed && (s > 299 || !strings.Contains(strings.ToLower(text), "true")) {
				t.Fatalf("%s delivered by %d %q", d.Verb, s, text)
			}
		}
	})
}
