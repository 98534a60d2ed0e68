package lagerkoll

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/plant"
	"stationd/internal/station"
)

// find returns an order of the plant's by its reference.
func (f floor) find(t *testing.T, reference string) plant.Order {
	t.Helper()
	for _, o := range f.Orders() {
		if o.Reference == reference {
			return o
		}
	}
	t.Fatalf("there is no order %s", reference)
	return plant.Order{}
}

// do delivers a verb as a lane does, and wants it delivered.
func (f floor) do(t *testing.T, verb string, pairs ...string) station.Receipt {
	t.Helper()
	with := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		with[pairs[i]] = pairs[i+1]
	}
	rc := f.carry(t, f.deliveryOf(verb, with))
	if rc.Outcome != station.Delivered {
		t.Fatalf("%s %v: %v", verb, pairs, rc.Err)
	}
	return rc
}

func TestAnOrderLivesFromItsCreationToItsEnd(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	id := f.do(t, orderCreate, "reference", "NIGHT-1", "name", "Night", "internal_reference", "shift 3", "comment", "å \"x\"", "work_hours", "2.5",
		"start_date", "2026-03-02", "reserve_in_depth", "true", "customer_order", "1").Ref
	f.do(t, articleAdd, "order", id, "article", soup, "amount", "12")
	f.do(t, orderStart, "order", id)
	f.do(t, articleTrace, "order", id, "article", soup, "serial", "S-1")
	f.do(t, articleUpdate, "order", id, "article", soup, "finished", "7", "waste", "1.5")
	f.do(t, orderUpdate, "order", id, "comment", "changed")
	f.do(t, articleAdd, "order", id, "article", "09506000134369")
	f.do(t, articleRemove, "order", id, "article", "09506000134369")
	f.do(t, orderFinish, "order", id)
	o := f.find(t, "NIGHT-1")
	if !strings.HasPrefix(o.Internal, "[sd-") || !strings.HasSuffix(o.Internal, "] shift 3") {
		t.Errorf("the internal reference is %q", o.Internal)
	}
	if time.Since(o.Finish) > time.Minute {
		t.Errorf("finished %v", o.Finish)
	}
	o.ID, o.Internal, o.Finish, o.Batches = 0, "", time.Time{}, nil
	o.Start = o.Start.UTC()
	want := plant.Order{
		Reference: "NIGHT-1", Customer: 1, Name: "Night", Comment: "changed", WorkHours: 2.5, InDepth: true,
		Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), State: plant.StateFinished,
		Articles: []plant.OrderArticle{{Article: soup, Name: "Soup 400 g", Amount: 12, Finished: 7, Waste: 1.5}},
	}
	if diff := cmp.Diff(want, o); diff != "" {
		t.Error(diff)
	}
}

func TestAnUpdateLeavesAloneWhatItWasNotTold(t *testing.T) {
	t.Parallel()
	for verb, with := range map[string][]string{
		orderUpdate:   {"order", "4721", "name", "Soup, late"},
		orderStart:    {"order", "4721"},
		articleUpdate: {"order", "4721", "article", soup, "finished", "3"},
	} {
		f := newFloor(t, nil, nil)
		want := f.find(t, "PO-4721")
		f.do(t, verb, with...)
		switch verb {
		case orderUpdate:
			want.Name = "Soup, late"
		case orderStart:
			want.State = plant.StateDeveloping
		case articleUpdate:
			want.Articles[0].Finished = 3
		}
		if diff := cmp.Diff(want, f.find(t, "PO-4721")); diff != "" {
			t.Errorf("%s: %s", verb, diff)
		}
	}
}

// What is so already is not sent again, and what cannot be any more is refused
// before it is sent.
func TestWhatIsSoAlreadyIsNotSent(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	f.do(t, orderCancel, "order", "4724")
	f.do(t, orderFinish, "order", "4723")
	before := len(f.Requests())
	for _, c := range []struct {
		verb string
		with []string
		want station.Outcome
	}{
		{orderUpdate, []string{"order", "4721", "comment", "as ordered", "work_hours", "2.50"}, station.Delivered},
		{orderUpdate, []string{"order", "4721", "start_date", "2024-04-26T05:58:13.596+02:00", "reserve_in_depth", "false"}, station.Delivered},
		{orderStart, []string{"order", "4725"}, station.Delivered},
		{orderFinish, []string{"order", "4723"}, station.Delivered},
		{orderCancel, []string{"order", "4724"}, station.Delivered},
		{articleUpdate, []string{"order", "4726", "article", soup, "finished", "2.0", "waste", "1"}, station.Delivered},
		{orderStart, []string{"order", "4724"}, station.Refused},
		{orderFinish, []string{"order", "4724"}, station.Refused},
		{orderCancel, []string{"order", "4723"}, station.Refused},
		{articleAdd, []string{"order", "4726", "article", soup}, station.Refused},
		{articleUpdate, []string{"order", "4725", "article", "09506000134369", "finished", "1"}, station.Refused},
		{articleRemove, []string{"order", "4725", "article", "09506000134369"}, station.Refused},
		{orderCreate, []string{"reference", "PO-4711"}, station.Refused},
		{orderCreateFrom, []string{"customer_order", "9"}, station.Refused},
		{orderStart, []string{"order", "99"}, station.Refused},
	} {
		with := map[string]string{}
		for i := 0; i < len(c.with); i += 2 {
			with[c.with[i]] = c.with[i+1]
		}
		rc := f.carry(t, f.deliveryOf(c.verb, with))
		if rc.Outcome != c.want || c.want == station.Delivered && rc.Note != alreadySo {
			t.Errorf("%s %v: %+v", c.verb, c.with, rc)
		}
	}
	for _, r := range f.Requests()[before:] {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s was sent", r.Method, r.Path)
		}
	}
}

// What a verb sets is compared with what was there before and with what is
// wanted; others may have been at work meanwhile.
func TestWhatBecameOfAChange(t *testing.T) {
	t.Parallel()
	const stew = "09506000134369"
	change := func(verb string, pairs ...string) told {
		with := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			with[pairs[i]] = pairs[i+1]
		}
		return told{verb, with}
	}
	rename, count := change(orderUpdate, "order", "4723", "name", "Late", "comment", "x"), change(articleUpdate, "order", "4723", "article", soup, "finished", "7")
	put, take := change(articleAdd, "order", "4725", "article", stew, "amount", "12"), change(articleRemove, "order", "4723", "article", stew)
	from := change(orderCreateFrom, "customer_order", "2")
	for sentence, c := range map[string]struct {
		our       told
		fault     plant.FaultKind
		meanwhile []told
		want      string
	}{
		"an update that arrived":                                        {rename, plant.Lost, nil, "delivered"},
		"an update that did not":                                        {rename, plant.Reset, nil, "sent"},
		"an update that did not, and something else changed":            {rename, plant.Reset, []told{change(orderUpdate, "order", "4723", "work_hours", "9")}, "sent"},
		"an update that arrived, and was changed again":                 {rename, plant.Lost, []told{change(orderUpdate, "order", "4723", "name", "Later")}, "held"},
		"an update that did not, and another name":                      {rename, plant.Reset, []told{change(orderUpdate, "order", "4723", "name", "Later")}, "held"},
		"a count that did not arrive":                                   {count, plant.Reset, nil, "sent"},
		"a count that did not, and somebody else counted":               {count, plant.Reset, []told{change(articleUpdate, "order", "4723", "article", soup, "finished", "5")}, "held"},
		"a count that arrived, and more was made since":                 {count, plant.Lost, []told{change(articleTrace, "order", "4723", "article", soup)}, "held"},
		"a count whose article was removed":                             {count, plant.Reset, []told{change(articleRemove, "order", "4723", "article", soup)}, "held"},
		"an added article that arrived":                                 {put, plant.Lost, nil, "delivered"},
		"an added article that did not, and somebody else added it so":  {put, plant.Reset, []told{put}, "delivered"},
		"an added article that did not, and somebody else added more":   {put, plant.Reset, []told{change(articleAdd, "order", "4725", "article", stew, "amount", "13")}, "held"},
		"a removed article that is gone":                                {take, plant.Lost, nil, "delivered"},
		"a removed article that is still there":                         {take, plant.Reset, nil, "sent"},
		"a removed article that somebody put there anew":                {take, plant.Lost, []told{change(articleAdd, "order", "4723", "article", stew, "amount", "99")}, "held"},
		"a removed article of which more was made since":                {take, plant.Reset, []told{change(articleTrace, "order", "4723", "article", stew)}, "held"},
		"an order of a customer's that arrived, another may be its own": {from, plant.Lost, nil, "held"},
		"an order of a customer's that did not arrive":                  {from, plant.Reset, nil, "sent"},
		"an order of a customer's, and somebody else made one as well":  {from, plant.Lost, []told{from}, "held"},
		"a finish that did not arrive, and the order was cancelled":     {change(orderFinish, "order", "4723"), plant.Reset, []told{change(orderCancel, "order", "4723")}, "held"},
		"a cancellation that did not, and the order was finished":       {change(orderCancel, "order", "4723"), plant.Reset, []told{change(orderFinish, "order", "4723")}, "held"},
		"a start that did not, and somebody else started it":            {change(orderStart, "order", "4722"), plant.Reset, []told{change(orderStart, "order", "4722")}, "delivered"},
		"a start that did not, and the order was cancelled":             {change(orderStart, "order", "4722"), plant.Reset, []told{change(orderCancel, "order", "4722")}, "held"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, nil, nil)
			d := f.look(t, f.deliveryOf(c.our.verb, c.our.with))
			f.acts(plant.Fault{Kind: c.fault})
			if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Doubtful {
				t.Fatalf("%+v", rc)
			}
			f.ClearFaults()
			for _, other := range c.meanwhile {
				if rc := f.Deliver(t.Context(), f.deliveryOf(other.verb, other.with)); rc.Outcome != station.Delivered {
					t.Fatalf("%+v", rc)
				}
			}
			before := len(f.Writes())
			rc := f.Deliver(t.Context(), inDoubt(d))
			got := fmt.Sprintf("%v %v", rc.Outcome, rc.Err)
			switch sent := len(f.Writes()) - before; {
			case rc.Outcome == station.Delivered && sent == 0:
				got = "delivered"
			case rc.Outcome == station.Delivered && sent == 1:
				got = "sent"
			case errors.Is(rc.Err, station.ErrUndecided) && sent == 0:
				got = "held"
			}
			if got != c.want {
				t.Errorf("%s, want %s: %v", got, c.want, rc.Err)
			}
		})
	}
}

func TestACustomersOrdersThatAreNotAllListedDecideNothing(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]station.Outcome{
		`{"pages": 1, "ordersCount": 1, "orders": [{"orderId": 1}]}`: station.Delivered,
		`{"pages": 2, "ordersCount": 1, "orders": [{"orderId": 1}]}`: station.Doubtful,
		`{"pages": 1, "ordersCount": 9, "orders": [{"orderId": 1}]}`: station.Doubtful,
	} {
		b := ask(t, func(method, _, _ string) string {
			if method == "POST" {
				return `{"orderId": 2}`
			}
			return answer
		})
		d := b.deliveryOf(orderCreateFrom, map[string]string{"customer_order": "1"})
		before, rc := b.Look(t.Context(), d)
		if rc.Outcome != station.Delivered {
			t.Fatal(rc.Err)
		}
		d.Before = before
		if rc := b.Deliver(t.Context(), inDoubt(d)); rc.Outcome != want {
			t.Errorf("%s: %+v", answer, rc)
		}
	}
}

func TestANumberThatSomebodyTookMeanwhileIsNotAskedForTwice(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	first, second := f.deliveryOf(orderCreate, map[string]string{"reference": next}), f.deliveryOf(orderCreate, map[string]string{"reference": next})
	first, second = f.look(t, first), f.look(t, second)
	if rc := f.Deliver(t.Context(), first); rc.Outcome != station.Delivered || rc.Note != "P00001" {
		t.Fatalf("%+v", rc)
	}
	if rc := f.Deliver(t.Context(), second); rc.Outcome != station.Unreached || rc.Err == nil {
		t.Fatalf("%+v", rc)
	}
	if rc := f.Deliver(t.Context(), f.look(t, second)); rc.Outcome != station.Delivered || rc.Note != "P00002" {
		t.Errorf("%+v", rc)
	}
	bad := f.deliveryOf(orderCreate, map[string]string{"reference": next, "customer_order": "99"})
	if rc := f.Deliver(t.Context(), f.look(t, bad)); rc.Outcome != station.Refused {
		t.Errorf("a no of another kind: %+v", rc)
	}
}

// What became of a new order is decided by its reference, its mark, and a search
// that is seen to find what is there.
func TestWhatBecameOfANewOrder(t *testing.T) {
	t.Parallel()
	const mark = "[sd-CUTOM3MKCZ]"
	row := func(id int, reference, internal, name string) string {
		return fmt.Sprintf(`{"orderId": %d, "prReference": %q, "internalReference": %q, "name": %q}`, id, reference, internal, name)
	}
	many := `{"pages": 90, "orders": [` + row(1, "A-1", "", "A-1 soup") + "," + row(2, "B-2", "", "stew") + "]}"
	const none = `{"pages": 0, "orders": []}`
	for sentence, c := range map[string]struct {
		list, byReference, byMark, control string
		want                               string
	}{
		"found by both": {many, row(7, "N-1", mark+" x", ""), "", "", "delivered 7"},
		"found by its mark alone, under another number":  {many, none, row(7, "P-9", mark, ""), "", "delivered 7"},
		"found where the search finds nothing":           {"[" + row(7, "N-1", mark, "") + "]", none, none, "", "delivered 7"},
		"the reference is somebody else's":               {many, row(7, "N-1", "of the office", ""), "", "", "held"},
		"two orders have the mark":                       {many, "[" + row(7, "N-1", mark, "") + "," + row(8, "N-1", mark, "") + "]", "", "", "held"},
		"not there, and the search finds what is":        {many, none, none, row(2, "B-2", "", "stew"), "sent"},
		"not there, and the search does not find either": {many, none, none, none, "held"},
		"not there, and the search finds anything":       {many, row(1, "A-1", "", ""), row(1, "A-1", "", ""), row(1, "A-1", "", ""), "held"},
		"a store with few orders is seen whole":          {"[" + row(1, "A-1", "", "") + "]", none, none, "", "sent"},
		"an empty store":                                 {none, none, none, "", "sent"},
		"a search without an end":                        {many, many, many, many, "held"},
		"a search that is refused":                       {many, `{"errorCode": 903001, "errorMessage": "query"}`, "", "", "held"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			sent := 0
			b := ask(t, func(method, path, query string) string {
				switch {
				case method == "POST":
					sent++
					return row(9, "N-1", mark, "")
				case query == "N-1":
					return c.byReference
				case query == mark:
					return c.byMark
				case query == "B-2":
					return c.control
				case query == "":
					return c.list
				}
				t.Errorf("%s %s %s is asked for", method, path, query)
				return ""
			})
			d := b.deliveryOf(orderCreate, map[string]string{"reference": "N-1"})
			d.ID = "9f86d081884c7d659a2feaa0c55ad015.1"
			d.Before = []byte(`{"reference":"N-1"}`)
			rc := b.Deliver(t.Context(), inDoubt(d))
			got := fmt.Sprintf("%v %v", rc.Outcome, rc.Err)
			switch {
			case rc.Outcome == station.Delivered && sent == 1:
				got = "sent"
			case rc.Outcome == station.Delivered && sent == 0:
				got = "delivered " + rc.Ref
			case errors.Is(rc.Err, station.ErrUndecided) && sent == 0:
				got = "held"
			}
			if got != c.want {
				t.Errorf("%s, want %s (%v)", got, c.want, rc.Err)
			}
		})
	}
}

func TestAYesThatShowsSomethingElseIsForAPerson(t *testing.T) {
	t.Parallel()
	f := newFloor(t, map[plant.Assumption]plant.Position{plant.ArticleSets: plant.Otherwise}, nil)
	d := f.deliveryOf(articleUpdate, map[string]string{"order": "4726", "article": soup, "finished": "7"})
	if rc := f.carry(t, d); !errors.Is(rc.Err, station.ErrUndecided) || len(f.Writes()) != 1 {
		t.Errorf("%+v", rc)
	}
	for verb, answer := range map[string]string{
		orderFinish: `{"orderId": 1, "state": "1"}`, orderStart: `{"orderId": 1, "state": "0"}`, orderCancel: `{"orderId": 1, "state": "1"}`,
	} {
		state := map[string]string{orderFinish: "1", orderStart: "0", orderCancel: "0"}[verb]
		b := ask(t, func(method, _, _ string) string {
			if method == "PUT" {
				return answer
			}
			return `{"orderId": 1, "state": ` + state + `}`
		})
		if rc := b.Deliver(t.Context(), b.deliveryOf(verb, map[string]string{"order": "1"})); !errors.Is(rc.Err, station.ErrUndecided) {
			t.Errorf("%s: %+v", verb, rc)
		}
	}
	b := ask(t, func(string, string, string) string { return `{"orderId": 1, "comment": "short"}` })
	rc := b.Deliver(t.Context(), b.deliveryOf(orderUpdate, map[string]string{"order": "1", "comment": "shortened"}))
	if rc.Outcome != station.Delivered || rc.Note != "Lagerkoll shows comment short" {
		t.Errorf("%+v", rc)
	}
}

// An order whose record says more than the page does keeps it.
func TestAnAnswerThatDoesNotTellIsNoAnswer(t *testing.T) {
	t.Parallel()
	const again, forEver = station.Unreached, station.Refused // what is in order and does not tell stays so
	for sentence, c := range map[string]struct {
		verb, order string
		want        station.Outcome
	}{
		"an order without a state":                 {orderFinish, `{"orderId": 1}`, forEver},
		"an order in a state that is none":         {orderCancel, `{"orderId": 1, "state": 9}`, forEver},
		"an order whose state is null":             {orderStart, `{"orderId": 1, "state": null}`, forEver},
		"another order":                            {orderStart, `{"orderId": 2, "state": 0}`, again},
		"articles that are a text":                 {articleAdd, `{"orderId": 1, "articles": "none"}`, forEver},
		"an article without a number":              {articleUpdate, `{"orderId": 1, "articles": [{"amount": 1}]}`, forEver},
		"an order cut off":                         {orderUpdate, `{"orderId": 1, "comment": `, again},
		"the orders of a customer without a list":  {orderCreateFrom, `{"pages": 1}`, again},
		"a next reference that is empty":           {orderCreate, `{"prReference": ""}`, again},
		"a next reference in the answer's comment": {orderCreate, `{"comment": "P00001"}`, again},
	} {
		sent := 0
		b := ask(t, func(method, _, _ string) string {
			if method != "GET" {
				sent++
			}
			return c.order
		})
		with := map[string]map[string]string{
			orderCreate: {"reference": next}, orderCreateFrom: {"customer_order": "1"}, orderUpdate: {"order": "1", "comment": "x"},
			articleAdd: {"order": "1", "article": "A"}, articleUpdate: {"order": "1", "article": "A", "finished": "1"},
		}[c.verb]
		if with == nil {
			with = map[string]string{"order": "1"}
		}
		rc := b.Deliver(t.Context(), b.deliveryOf(c.verb, with))
		if rc.Outcome != c.want || sent != 0 {
			t.Errorf("%s: %d sent, %+v", sentence, sent, rc)
		}
		in := b.Deliver(t.Context(), inDoubt(b.deliveryOf(c.verb, with)))
		if sent != 0 || in.Outcome == station.Delivered || c.want == forEver && !errors.Is(in.Err, station.ErrUndecided) {
			t.Errorf("%s, in doubt: %d sent, %+v", sentence, sent, in)
		}
	}
}

// That nobody may search is no reason not to create an order: a reference that is
// taken Lagerkoll refuses by itself. After a lost answer a person decides.
func TestAnOrderIsCreatedWhereNobodyMaySearch(t *testing.T) {
	t.Parallel()
	f := newFloor(t, map[plant.Assumption]plant.Position{plant.QueryByReference: plant.Refused}, nil)
	f.do(t, orderCreate, "reference", "NIGHT-1")
	if rc := f.carry(t, f.deliveryOf(orderCreate, map[string]string{"reference": "NIGHT-1"})); rc.Outcome != station.Refused {
		t.Errorf("one that is taken: %+v", rc)
	}
	f.acts(just(plant.Fault{Kind: plant.Lost}))
	if rc := f.carry(t, f.deliveryOf(orderCreate, map[string]string{"reference": "NIGHT-2"})); rc.Holds() != station.HoldUndecided {
		t.Errorf("a lost answer: %+v", rc)
	}
}

func TestNoVerbSendsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	f := newFloor(t, nil, nil)
	for sentence, w := range map[string]told{
		"an update of nothing":                  {orderUpdate, map[string]string{"order": "4721"}},
		"an update of an order that climbs":     {orderUpdate, map[string]string{"order": "4721/finish", "comment": "x"}},
		"hours that are words":                  {orderUpdate, map[string]string{"order": "4721", "work_hours": "two"}},
		"hours below nothing":                   {orderUpdate, map[string]string{"order": "4721", "work_hours": "-2"}},
		"a date without a zone":                 {orderUpdate, map[string]string{"order": "4721", "start_date": "2026-03-02 06:00"}},
		"a truth that is none":                  {orderUpdate, map[string]string{"order": "4721", "reserve_in_depth": "yes"}},
		"a number that is not whole":            {orderUpdate, map[string]string{"order": "4721", "store_state": "1.5"}},
		"a state that is none":                  {orderCreate, map[string]string{"reference": "N", "state": "4"}},
		"a state cannot be updated":             {orderUpdate, map[string]string{"order": "4721", "state": "2"}},
		"a customer order that climbs":          {orderCreateFrom, map[string]string{"customer_order": "../4721"}},
		"an article that climbs":                {articleRemove, map[string]string{"order": "4721", "article": ".."}},
		"an article that climbs, to be added":   {articleAdd, map[string]string{"order": "4721", "article": "a/../b"}},
		"an article that climbs, to be changed": {articleUpdate, map[string]string{"order": "4721", "article": "%2e%2e", "finished": "1"}},
		"an update of nothing of an article":    {articleUpdate, map[string]string{"order": "4721", "article": soup}},
		"an article with half a number":         {articleUpdate, map[string]string{"order": "4721", "article": soup, "finished": "1,5"}},
		"a start of no order":                   {orderStart, map[string]string{"order": "PO-4721"}},
		"waste below nothing":                   {articleTrace, made("waste", "-1")},
	} {
		d := f.deliveryOf(w.verb, w.with)
		if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Refused {
			t.Errorf("%s: %+v", sentence, rc)
		}
		if _, rc := f.Look(t.Context(), d); rc.Outcome != station.Refused {
			t.Errorf("%s: looking: %+v", sentence, rc)
		}
	}
	if n := len(f.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestAnArticleWithASlashIsHandledByEveryVerb(t *testing.T) {
	t.Parallel()
	const article = "AB/12 #å%+?;x"
	b := ask(t, func(method, path, _ string) string {
		if method != "GET" && path != "/4711/article" && path != "/4711/article/AB%2F12%20%23%C3%A5%25+%3F%3Bx" {
			t.Errorf("%s %s", method, path)
		}
		switch method {
		case "POST":
			return `{"articles": [{"articleId": "AB/12 #å%+?;x"}]}`
		case "GET":
			return `{"orderId": 4711, "articles": [{"articleId": "AB/12 #å%+?;x", "finished": 1}]}`
		}
		return `{"orderId": 4711}`
	})
	for _, w := range []told{
		{articleUpdate, map[string]string{"order": "4711", "article": article, "finished": "2"}},
		{articleRemove, map[string]string{"order": "4711", "article": article}},
		{articleTrace, map[string]string{"order": "4711", "article": article}},
	} {
		if rc := b.Deliver(t.Context(), b.deliveryOf(w.verb, w.with)); rc.Outcome != station.Delivered {
			t.Errorf("%s: %+v", w.verb, rc)
		}
	}
}

func TestWasteThatIsNotBookedIsSaid(t *testing.T) {
	t.Parallel()
	for pos, note := range map[plant.Position]string{plant.Stands: "", plant.Ignored: "the waste is not seen on the order"} {
		f := newFloor(t, map[plant.Assumption]plant.Position{plant.TraceWaste: pos}, nil)
		if rc := f.do(t, articleTrace, "order", "4726", "article", soup, "amount", "2", "waste", "1.5"); rc.Note != note {
			t.Errorf("%s: %+v", pos, rc)
		}
	}
}
