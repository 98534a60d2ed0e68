package matrix

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"stationd/internal/api/l2l"
	"stationd/internal/api/lagerkoll"
	"stationd/internal/api/webhook"
	"stationd/internal/plant"
	"stationd/internal/station"
)

const soup, stew = "09506000134352", "09506000134369"

// A sample is one way to use a verb: what it is told decides what a look-up after
// doubt can go by.
type sample struct {
	name      string // the row of the table
	backend   string
	verb      string
	with      map[string]string
	exclusive bool          // lagerkoll: nobody but this station reports on its orders
	repeat    bool          // webhook: the receiver drops what it gets twice
	called    bool          // a call is open that can be closed
	there     func(*cell)   // what happens at the plant beforehand
	closed    bool          // the call is closed while it waits
	outage    time.Duration // how long nothing is reached, from before the call to long after its close
	act       string        // the request that acts, as plant.Fault.Where
	reads     bool          // that request changes nothing

	// done is how often anybody has done it, as the plant knows.
	done func(*plant.Plant) int

	// wrong says what of the plant's records must not be; "" when all is well. It
	// is asked when the station has nothing left to do.
	wrong func(*cell) string
}

const (
	opens   = "POST /api/1.0/dispatches/open/"
	adds    = "POST /api/1.0/dispatches/add/"
	changes = "POST /api/1.0/buildsequence/start_change_over/"
	orders  = "/v1/production_orders/"
)

// samples has every mutating verb of every backend at least once.
func samples() []sample { return slices.Concat(ofL2L(), ofLagerkoll(), ofWebhook()) }

func ofL2L() []sample {
	open := map[string]string{"machine": "SEAL-1", "trade": "MECH", "description": "Help needed"}
	line := map[string]string{"line": "PACK4"}
	all := []sample{
		{name: "any number at a time", verb: "dispatch.open", with: with(open, "type", "MATERIAL"), act: opens, done: filed("MATERIAL")},
		{name: "one at a time", verb: "dispatch.open", with: with(open, "type", "MAINT"), act: opens, done: filed("MAINT")},
		{name: "once", verb: "dispatch.open", with: with(open, "type", "MATERIAL", "once", "true"), act: opens, done: filed("MATERIAL")},
		{name: "once, while somebody else's is open, and closed again", verb: "dispatch.open", with: with(open, "type", "MATERIAL", "once", "true"), act: "GET /api/1.0/dispatches/", reads: true,
			there: somebodyCalls("MATERIAL"), closed: true, done: filed("MATERIAL"), wrong: theirsIsClosed},
		{name: "once and one at a time, while somebody else's is open, and closed again", verb: "dispatch.open", with: with(open, "type", "MAINT", "once", "true"), act: "GET /api/1.0/dispatches/", reads: true,
			there: somebodyCalls("MAINT"), closed: true, done: filed("MAINT"), wrong: theirsIsClosed},
		{name: "opened and closed in an outage, told as history", verb: "dispatch.open", with: with(open, "type", "MATERIAL"), act: adds,
			closed: true, outage: 40 * time.Minute, done: filed("MATERIAL"), wrong: historyIsWrong},
		{name: "", verb: "dispatch.add", with: with(open, "type", "QUALITY"), act: adds, done: filed("QUALITY")},
		{name: "", verb: "dispatch.complete", called: true, act: "POST /api/1.0/dispatches/complete/*",
			done: dispatched(func(d plant.Dispatch) bool { return !d.Completed.IsZero() })},
		{name: "", verb: "dispatch.close", called: true, act: "POST /api/1.0/dispatches/close/*",
			done: dispatched(func(d plant.Dispatch) bool { return !d.Closed.IsZero() })},
		{name: "by product", verb: "changeover.start", with: with(line, "product", "100"), act: changes, done: changed},
		{name: "by id", verb: "changeover.start", with: with(line, "id", "8802"), act: changes, done: changed},
		{name: "by line alone", verb: "changeover.start", with: line, act: changes, done: changed},
		{name: "by external ids", verb: "changeover.start", with: with(line, "line_externalid", "L-PACK4", "externalid", "PO-200-1"), act: changes, done: changed},
		{name: "", verb: "changeover.finish", with: line, there: somebodyChangesOver, act: "POST /api/1.0/buildsequence/finish_change_over/", done: sequenced(plant.InProgress)},
		{name: "", verb: "order.hold", with: line, there: somebodyChangesOver, act: "POST /api/1.0/buildsequence/put_order_on_hold/", done: sequenced(plant.OnHold)},
		{name: "", verb: "order.complete", with: line, there: somebodyChangesOver, act: "POST /api/1.0/buildsequence/complete_order/", done: sequenced(plant.Completed)},
		{name: "", verb: "production.record", with: with(line, "product", "100", "actual", "60", "scrap", "2"), act: "POST /api/1.0/pitchdetails/record_details/",
			done: func(p *plant.Plant) int { return len(p.Counts()) }},
	}
	for i := range all {
		all[i].backend = "l2l"
	}
	return all
}

func ofLagerkoll() []sample {
	order := map[string]string{"order": "4711"}
	made := with(order, "article", soup)
	const traces = "PUT " + orders + "4711/article/*"
	all := []sample{
		{name: "with a reference of our own", verb: "order.create", with: with(nil, "reference", "NIGHT-1", "name", "Night"), act: "POST " + orders, done: created},
		{name: "with Lagerkoll's next reference", verb: "order.create", with: with(nil, "reference", "next", "name", "Night"), act: "POST " + orders, done: created},
		{name: "exclusive", verb: "order.create_from_customer_order", with: with(nil, "customer_order", "1"), exclusive: true, act: "POST " + orders + "customer_order/1", done: written("POST", "customer_order/{id}")},
		{name: "shared", verb: "order.create_from_customer_order", with: with(nil, "customer_order", "1"), act: "POST " + orders + "customer_order/1", done: written("POST", "customer_order/{id}")},
		{name: "", verb: "order.update", with: with(order, "comment", "by hand"), act: "PUT " + orders + "4711", done: written("PUT", "{id}")},
		{name: "", verb: "order.start", with: with(nil, "order", "4712"), act: "PUT " + orders + "4712", done: written("PUT", "{id}")},
		{name: "", verb: "order.finish", with: order, act: "PUT " + orders + "4711/finish", done: written("PUT", "{id}/finish")},
		{name: "", verb: "order.cancel", with: order, act: "PUT " + orders + "4711/cancel", done: written("PUT", "{id}/cancel")},
		{name: "", verb: "article.add", with: with(nil, "order", "4712", "article", soup, "amount", "12"), act: "POST " + orders + "4712/article", done: written("POST", "{id}/article")},
		{name: "", verb: "article.update", with: with(made, "finished", "7", "waste", "3"), act: "PUT " + orders + "4711/article", done: written("PUT", "{id}/article")},
		{name: "serial", verb: "article.trace", with: with(made, "batch", "B7", "serial", "S1"), act: traces, done: traced},
		{name: "batch, exclusive", verb: "article.trace", with: with(made, "batch", "B7", "amount", "5"), exclusive: true, act: traces, done: traced},
		{name: "batch, shared", verb: "article.trace", with: with(made, "batch", "B7", "amount", "5"), act: traces, done: traced},
		{name: "amount, exclusive", verb: "article.trace", with: with(made, "amount", "5"), exclusive: true, act: traces, done: traced},
		{name: "amount, shared", verb: "article.trace", with: with(made, "amount", "5"), act: traces, done: traced},
		{name: "amount and waste, exclusive", verb: "article.trace", with: with(made, "amount", "5", "waste", "2"), exclusive: true, act: traces, done: traced},
		{name: "", verb: "article.remove", with: with(order, "article", stew), act: "DELETE " + orders + "4711/article/*", done: written("DELETE", "{id}/article/{rest}")},
	}
	for i := range all {
		all[i].backend = "lagerkoll"
	}
	return all
}

func ofWebhook() []sample {
	event := map[string]string{"station": "pack4-1", "event": "made", "code": "PO4711"}
	const posts = "POST /hooks/stationd"
	return []sample{
		{name: "", backend: "webhook", verb: "webhook.post", with: event, act: posts, done: posted(false)},
		{name: `repeat = "allowed"`, backend: "webhook", verb: "webhook.post", with: event, repeat: true, act: posts, done: posted(true)},
	}
}

// posted counts what the plant's own receiver has: each event once where it drops what
// it gets twice.
func posted(drops bool) func(*plant.Plant) int {
	return func(p *plant.Plant) (n int) {
		seen := make(map[string]bool)
		for _, one := range p.Posts() {
			if one.Event == "made" && (!drops || !seen[one.ID]) {
				n++
			}
			seen[one.ID] = true
		}
		return n
	}
}

// blind reports whether the sample's vendor can be asked nothing: neither what it has,
// nor whether the key is good.
func (s sample) blind() bool { return s.backend == "webhook" }

// String is the sample as a test and the manual name it.
func (s sample) String() string {
	if s.name == "" {
		return s.verb
	}
	return s.verb + ", " + s.name
}

// meets reports whether the fault can happen to the sample: nobody does the same
// as a request that changes nothing, or that has an id of its own; and a wrong key is
// not told with a plain no where nothing but the status says no.
func (s sample) meets(f fault) bool {
	return (f.kind != bySecond || !s.reads && !s.blind()) && (!f.others || !s.blind())
}

func with(base map[string]string, more ...string) map[string]string {
	all := make(map[string]string)
	maps.Copy(all, base)
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

func dispatched(is func(plant.Dispatch) bool) func(*plant.Plant) int {
	return func(p *plant.Plant) (n int) {
		for _, d := range p.Dispatches() {
			if is(d) {
				n++
			}
		}
		return n
	}
}

func filed(kind string) func(*plant.Plant) int {
	return dispatched(func(d plant.Dispatch) bool { return d.Type == kind })
}

func changed(p *plant.Plant) int { return len(p.Changeovers()) }

func sequenced(status plant.Status) func(*plant.Plant) int {
	return func(p *plant.Plant) (n int) {
		for _, s := range p.Sequences() {
			if s.Status == status {
				n++
			}
		}
		return n
	}
}

func created(p *plant.Plant) (n int) {
	for _, o := range p.Orders() {
		if o.Name == "Night" {
			n++
		}
	}
	return n
}

func written(method, path string) func(*plant.Plant) int {
	return func(p *plant.Plant) (n int) {
		for _, w := range p.Writes() {
			if w.Method == method && w.Path == path {
				n++
			}
		}
		return n
	}
}

func traced(p *plant.Plant) int { return len(p.Traces()) }

// somebody does something at L2L's own screen.
func (c *cell) somebody(path string, form url.Values) {
	form.Set("site", fmt.Sprint(plant.Demo().Site))
	r := httptest.NewRequest(http.MethodPost, "/api/1.0/"+path+"?auth="+plant.Demo().L2LKey, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	c.plant.Handler().ServeHTTP(answer, r)
	if !strings.Contains(answer.Body.String(), `"success":true`) {
		c.t.Fatalf("%s: %s", path, answer.Body)
	}
}

const theirs = "Somebody else needs help"

func somebodyCalls(kind string) func(*cell) {
	return func(c *cell) {
		c.somebody("dispatches/open/", url.Values{"machinecode": {"SEAL-1"}, "dispatchtypecode": {kind}, "tradecode": {"MECH"}, "description": {theirs}})
	}
}

func somebodyChangesOver(c *cell) {
	c.somebody("buildsequence/start_change_over/", url.Values{"linecode": {"PACK4"}, "id": {"8801"}})
}

// theirsIsClosed: a call that was taken for ours must stay open, and one that is
// ours must not.
func theirsIsClosed(c *cell) string {
	for _, d := range c.plant.Dispatches() {
		switch ours := d.Description != theirs; {
		case !ours && !d.Open():
			return "somebody else's call was closed"
		case ours && d.Open():
			return "our own call was left open"
		}
	}
	return ""
}

// historyIsWrong: a call that is over calls nobody, and has its true times.
func historyIsWrong(c *cell) string {
	for _, d := range c.plant.Dispatches() {
		switch ours := strings.Contains(d.Description, "[sd-"); {
		case ours && d.Open():
			return "a call that is over was left open"
		case ours && c.asAssumed && !d.Reported.Equal(c.pressed.Truncate(time.Second)):
			return fmt.Sprintf("called at %v and reported at %v", c.pressed, d.Reported)
		case ours && c.asAssumed && d.Made == "add" && !d.Completed.Equal(c.pressed.Add(lasts).Truncate(time.Second)):
			return fmt.Sprintf("over at %v and completed at %v", c.pressed.Add(lasts), d.Completed)
		}
	}
	return ""
}

// verbsOf are the verbs of a backend that change something and are kept until
// they are done.
func verbsOf(backend string) (kept []station.Verb) {
	all := l2l.Verbs()
	switch backend {
	case "lagerkoll":
		all = lagerkoll.Verbs()
	case "webhook":
		all = webhook.Verbs()
	}
	for _, v := range all {
		if !v.BestEffort {
			kept = append(kept, v)
		}
	}
	return kept
}

// Each verb has a row of the matrix and a sentence on its look, and no other has.
func TestEveryVerbIsInTheMatrix(t *testing.T) {
	t.Parallel()
	known := make(map[string]bool)
	for _, backend := range []string{"l2l", "lagerkoll", "webhook"} {
		for _, v := range verbsOf(backend) {
			known[v.Name] = true
			rows, said := 0, 0
			for _, s := range samples() {
				if s.backend == backend && s.verb == v.Name {
					rows++
				}
			}
			for _, d := range lookups() {
				if d.verb == v.Name {
					said++
				}
			}
			if rows == 0 {
				t.Errorf("%s of %s has no row: it is NOT in the fault matrix", v.Name, backend)
			}
			if said != 1 {
				t.Errorf("%d sentences say who could deceive the look of %s, want one", said, v.Name)
			}
		}
	}
	seen := make(map[string]bool)
	for _, s := range samples() {
		if !known[s.verb] || seen[s.String()] {
			t.Errorf("%v: there is no such verb, or the row is there twice", s)
		}
		seen[s.String()] = true
	}
	for _, d := range lookups() {
		if !known[d.verb] {
			t.Errorf("a sentence about %s, which is no verb", d.verb)
		}
	}
}
