package l2l

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/station"
)

// A looker is a watch whose rounds a test makes, and what it emitted.
type looker struct {
	*watch
	ended []string // refs of calls
	calls []station.Call
	took  int   // how often the calls were taken
	fail  error // what emit answers
}

func look(b *Backend, line string, calls ...station.Call) *looker {
	l := &looker{calls: calls}
	open := func() []station.Call { l.took++; return slices.Clone(l.calls) }
	l.watch, _ = b.Watch(line, 0, open, func(time.Time) station.Stamp { return station.Stamp{} }).(*watch)
	return l
}

// rounds makes so many rounds.
func (l *looker) rounds(t *testing.T, n int) {
	t.Helper()
	for range n {
		l.round(t.Context(), func(ev station.Event) (station.Result, error) {
			if ev.Kind == callEnded && l.fail == nil {
				l.ended = append(l.ended, ev.Data["ref"])
			}
			return station.Result{}, l.fail
		})
	}
}

func called(ref string, at ...string) station.Call {
	c := station.Call{Backend: "l2l", Ref: ref, Subject: map[string]string{}}
	for i, field := range []string{"machine", "type"} {
		if i < len(at) {
			c.Subject[field] = at[i]
		}
	}
	return c
}

func TestARoundOfTheWatchAsksForOneListWhateverTheNumberOfCalls(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ calls, reads int }{{0, 1}, {1, 2}, {40, 2}} { // the line's order is one
		t.Run(fmt.Sprint(tt.calls), func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, "", nil)
			var calls []station.Call
			for i := range tt.calls {
				with := help()
				with["type"], with["machine"] = "MATERIAL", []string{"SEAL-1", "LABEL-1"}[i%2]
				calls = append(calls, called(f.must(t, f.delivery(dispatchOpen, "", with)).Ref, with["machine"], with["type"]))
			}
			l := look(f.Backend, "LINE1", calls...)
			l.rounds(t, 1)
			before := len(f.Requests())
			l.rounds(t, 3)
			if n := len(f.Requests()) - before; n != 3*tt.reads {
				t.Errorf("with %d open calls three rounds made %d reads, want %d each", tt.calls, n, tt.reads)
			}
			for _, c := range calls {
				f.must(t, f.delivery(dispatchClose, c.Ref, nil))
			}
			before = len(f.Requests())
			for range 3 {
				l.rounds(t, 1)
				if n := len(f.Requests()) - before; n > 2+1+mostLooks {
					t.Errorf("a round in which calls ended made %d reads", n)
				}
				before = len(f.Requests())
			}
			if len(l.ended) != tt.calls {
				t.Errorf("%d of %d calls ended", len(l.ended), tt.calls)
			}
			if l.rounds(t, 1); len(f.Requests())-before != 1 {
				t.Error("what has ended is asked for again")
			}
		})
	}
}

// site answers reads of dispatches.
func site(t *testing.T, answer func(q url.Values) string) *Backend {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, answer(r.URL.Query()))
	}))
	t.Cleanup(server.Close)
	return opened(t, server.URL+"/", "")
}

func shows(rows ...string) string {
	return `{"success": true, "data": [` + strings.Join(rows, ",") + `]}`
}

func TestTheListOfTheOpenOnesDecidesWhereNoRecordDoes(t *testing.T) {
	t.Parallel()
	const ours, other = `{"id": 7}`, `{"id": 8, "machinecode": "SEAL-1"}`
	// list gives the answers of the rounds to the list, the last one again and again.
	for _, tt := range []struct {
		so    string
		list  []string
		alone string // what the call's own record is shown as
		after int    // the round in which it ends; 0: it does not
	}{
		{"it is shown, and two lists are without it", []string{shows()}, shows(ours), 2},
		{"it is shown, and two lists have another", []string{shows(other)}, shows(ours), 2},
		{"a list has it in between", []string{shows(), shows(ours), shows(), shows(ours)}, shows(ours), 0},
		{"it is not shown, and stood in a list before", []string{shows(ours), shows()}, shows(), 3},
		{"it may not be read, and stood in a list before", []string{shows(ours), shows()}, `{"success": false, "error": "no"}`, 3},
		{"it is not shown and never was", []string{shows()}, shows(), 0},
		{"it is not shown and never was, another is", []string{shows(other)}, shows(other), 0},
		{"its record says that it is open", []string{shows()}, shows(`{"id": 7, "open": "T"}`), 0},
		{"its record says a status of L2L's", []string{shows()}, shows(`{"id": 7, "currentstatus_description": " closed"}`), 1},
		{"its row says a status of L2L's", []string{shows(`{"id": 7, "currentstatus_description": "Completed"}`)}, shows(), 1},
		{"its row says a status of the site's own", []string{shows(`{"id": 7, "currentstatus_description": "Completed by night"}`)}, shows(), 0},
		{"its row says open, and a status", []string{shows(`{"id": 7, "open": "T", "currentstatus_description": "Closed"}`)}, shows(), 0},
		{"the list holds what is closed", []string{shows(other, `{"id": 9, "open": "F"}`)}, shows(ours), 0},
		{"the list holds what has a time of its end", []string{shows(other, `{"id": 9, "closed": "2026-03-02 06:00:10"}`)}, shows(ours), 0},
		{"the list has a row of which nobody knows which it is", []string{shows(`{"machinecode": "SEAL-1"}`)}, shows(ours), 0},
		{"the list is no list", []string{`{"success": true, "data": "many"}`}, shows(ours), 0},
		{"the list is not there", []string{`{"success": true}`}, shows(ours), 0},
		{"the list may not be read", []string{`{"success": false, "error": "no"}`}, shows(ours), 0},
		{"the list may not be read, its record says that it is over", []string{`{"success": false, "error": "no"}`}, shows(`{"id": 7, "open": "F"}`), 1},
		{"the list is cut off", []string{`{"success": true, "data": [`}, shows(`{"id": 7, "open": "F"}`), 0},
		{"the list is cut off in between", []string{shows(), `{"success": true, "data": [`, shows()}, shows(ours), 3},
	} {
		t.Run(tt.so, func(t *testing.T) {
			t.Parallel()
			round := 0
			l := look(site(t, func(q url.Values) string {
				if q.Get("id") != "" {
					return tt.alone
				}
				if q.Get("offset") != "" { // whatever stands on the first page, the second is empty
					return shows()
				}
				return tt.list[min(round, len(tt.list)-1)]
			}), "", called("7"))
			for ; round < 5; round++ {
				l.rounds(t, 1)
				if ended := tt.after > 0 && round+1 >= tt.after; ended != (len(l.ended) > 0) {
					t.Errorf("after %d rounds %v have ended", round+1, l.ended)
				}
			}
			if len(l.ended) > 1 {
				t.Errorf("it is told %d times", len(l.ended))
			}
		})
	}
}

// While the list is asked for, a press may open another call: it is not in that list.
func TestTheCallsAreTakenBeforeTheListIsAskedFor(t *testing.T) {
	t.Parallel()
	var l *looker
	l = look(site(t, func(q url.Values) string {
		if len(l.calls) == 1 {
			l.calls = append(l.calls, called("8"))
			return shows(`{"id": 7}`)
		}
		if q.Get("id") != "" {
			t.Errorf("%s is read by itself", q.Get("id"))
		}
		return shows(`{"id": 8}`, `{"id": 7}`)
	}), "", called("7"))
	l.rounds(t, 1)
	if l.took != 1 || len(l.followed) != 1 {
		t.Errorf("the calls were taken %d times: %v", l.took, l.followed)
	}
	l.rounds(t, 3)
	if len(l.ended) > 0 {
		t.Errorf("%v have ended", l.ended)
	}
}

func TestTheListIsAsNarrowAsTheCallsAre(t *testing.T) {
	t.Parallel()
	var asked []string
	moved := false
	b := site(t, func(q url.Values) string {
		asked = append(asked, strings.TrimSpace(q.Get("machinecode")+" "+q.Get("dispatchtypecode")+" "+q.Get("id")))
		if moved && q.Get("machinecode") != "" && q.Get("id") == "" {
			return shows()
		}
		return shows(`{"id": 7}`, `{"id": 8}`, `{"id": 9}`)
	})
	for _, tt := range []struct {
		calls []station.Call
		asked string
	}{
		{[]station.Call{called("7", "SEAL-1", "MAINT")}, "SEAL-1 MAINT"},
		{[]station.Call{called("7", "SEAL-1", "MAINT"), called("8", "SEAL-1", "QUALITY")}, "SEAL-1"},
		{[]station.Call{called("7", "SEAL-1", "MAINT"), called("8", "LABEL-1", "MAINT")}, "MAINT"},
		{[]station.Call{called("7", "SEAL-1", "MAINT"), called("8")}, ""},
	} {
		asked = nil
		look(b, "", tt.calls...).rounds(t, 1)
		if diff := cmp.Diff([]string{tt.asked}, asked); diff != "" {
			t.Errorf("%v:\n%s", tt.calls, diff)
		}
	}
	// A technician has moved the dispatch to another machine.
	moved, asked = true, nil
	l := look(b, "", called("7", "SEAL-1", "MAINT"))
	l.rounds(t, 6)
	if len(l.ended) > 0 {
		t.Error("it is at another machine now, and is taken for over")
	}
	if want := []string{"SEAL-1 MAINT", "7", ""}; !slices.Equal(want, asked[:3]) {
		t.Errorf("asked for %q, want %q", asked[:3], want)
	}
}

// On a site with many open dispatches the own ones may stand on a later page, and
// whoever closes another one meanwhile moves them.
func TestAListOfManyPagesIsReadToItsEndOrSaysNothing(t *testing.T) {
	t.Parallel()
	for so, tt := range map[string]struct {
		open  int
		ended bool
	}{
		"on the second page":                  {openLimit + 5, false},
		"on the last page that is asked for":  {listPages*openLimit - 1, false},
		"on none that is asked for":           {listPages*openLimit + 1, false},
		"on none, and the list is at its end": {openLimit + 5, true},
	} {
		t.Run(so, func(t *testing.T) {
			t.Parallel()
			reads := 0
			b := site(t, func(q url.Values) string {
				if reads++; q.Get("id") != "" {
					return shows(`{"id": 1}`)
				}
				from := 0
				fmt.Sscan(q.Get("offset"), &from)
				var rows []string
				for i := from; i < min(from+openLimit, tt.open); i++ {
					rows = append(rows, fmt.Sprintf(`{"id": %d, "machinecode": "SEAL-1"}`, tt.open+1-i))
				}
				if !tt.ended && from+openLimit >= tt.open && from < tt.open {
					rows = append(rows, `{"id": 1}`)
				}
				return shows(rows...)
			})
			l := look(b, "", called("1"))
			l.rounds(t, 4)
			if tt.ended != (len(l.ended) > 0) {
				t.Errorf("%v have ended", l.ended)
			}
			if reads > 4*(listPages+1) {
				t.Errorf("%d reads in four rounds", reads)
			}
		})
	}
}

// Calls that no list shows are read in turns, so that each comes to its own.
func TestWhereNoListMayBeReadTheCallsAreReadInTurns(t *testing.T) {
	t.Parallel()
	var calls []station.Call
	for i := range 3 * mostLooks {
		calls = append(calls, called(fmt.Sprint(100+i)))
	}
	l := look(site(t, func(q url.Values) string {
		switch id := q.Get("id"); id {
		case "":
			return `{"success": false, "error": "no"}`
		case "100":
			return shows(`{"id": 100, "open": "F"}`)
		default:
			return shows(fmt.Sprintf(`{"id": %s, "open": "T"}`, id))
		}
	}), "", calls...)
	for range 1000 {
		if l.rounds(t, 1); len(l.ended) > 0 {
			break
		}
	}
	if !slices.Equal(l.ended, []string{"100"}) {
		t.Errorf("%v have ended", l.ended)
	}
}

func TestAnEndThatTheListShowsIsToldAgainWhereItWasNotRecorded(t *testing.T) {
	t.Parallel()
	l := look(site(t, func(q url.Values) string {
		if q.Get("id") != "" {
			return shows(`{"id": 7}`)
		}
		return shows()
	}), "", called("7"))
	l.fail = errors.New("the outbox is full")
	l.rounds(t, 4)
	l.fail = nil
	l.rounds(t, 3)
	if !slices.Equal(l.ended, []string{"7"}) {
		t.Errorf("%v have ended", l.ended)
	}
}

// A site that answers the question for a product with a page, or with a failure each
// time, shows which order runs all the same.
func TestAnOrderWhoseProductIsNotShownIsFollowedAllTheSame(t *testing.T) {
	t.Parallel()
	asked := 0
	l := look(site(t, func(q url.Values) string {
		if q.Get("id") != "" {
			asked++
			return "<html>"
		}
		return `{"success": true, "data": {"id": 8801, "linecode": "PACK4", "product": 3001}}`
	}), "PACK4")
	var orders []string
	for range 10 {
		l.round(t.Context(), func(ev station.Event) (station.Result, error) {
			if ev.Kind == station.OrderCurrent {
				orders = append(orders, ev.Data["id"]+ev.Data["product"])
			}
			return station.Result{}, nil
		})
	}
	if !slices.Equal(orders, []string{"8801"}) || asked != mostProductReads {
		t.Errorf("%v is told, and the product asked for %d times", orders, asked)
	}
}

func TestAWatchThatIsAskedLooksAtOnceAndNotMoreOftenThanEveryFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var rounds []time.Duration
		began := time.Now()
		b := opened(t, "http://127.0.0.1/", "") // it has no call and no line: nothing is asked
		open := func() []station.Call { rounds = append(rounds, time.Since(began)); return nil }
		w, _ := b.Watch("", 100*365*24*time.Hour, open, nil).(*watch) // no round by itself
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx, nil) }()
		for _, at := range []time.Duration{0, 0, time.Second, 2 * time.Second, time.Minute} {
			time.Sleep(at - time.Since(began))
			w.LookNow()
			w.LookNow()
			synctest.Wait()
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]time.Duration{0, watchLeast, time.Minute}, rounds); diff != "" {
			t.Error(diff)
		}
	})
}
