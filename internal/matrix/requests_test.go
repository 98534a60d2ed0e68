package matrix

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/plant"
)

// A cost is how many requests an action takes, by what goes wrong.
type cost struct {
	good, row, lost, failed, refused int // row: of one of many in a row; 0: as good
}

// struck are the faults under which requests are counted.
const (
	isLost    = "the answer is lost after the effect"
	hasFailed = "the connection ends unanswered, before the effect"
	isRefused = "the vendor's own no"
)

// TestRequests counts the requests of each verb and keeps the account of it in
// docs/requests.md: what becomes dearer is seen there.
func TestRequests(t *testing.T) {
	t.Parallel()
	costs := make(map[string]*cost)
	t.Run("counted", func(t *testing.T) {
		for _, s := range samples() {
			c := &cost{}
			costs[s.String()] = c
			for name, n := range map[string]*int{"nothing": &c.good, isLost: &c.lost, hasFailed: &c.failed, isRefused: &c.refused} {
				t.Run(s.String()+"/"+name, func(t *testing.T) {
					t.Parallel()
					i := slices.IndexFunc(faults(), func(f fault) bool { return f.name == name })
					synctest.Test(t, func(t *testing.T) {
						at := newCell(t, s, faults()[i], variant{})
						at.run(plant.Demo())
						*n = at.asked
					})
				})
			}
			if s.verb == "article.trace" {
				t.Run(s.String()+"/in a row", func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { c.row = inARow(t, s) })
				})
			}
		}
	})
	if !t.Failed() {
		compareFile(t, "../../docs/requests.md", requests(costs))
	}
}

// inARow counts the requests of one trace of many that wait for each other, as after an
// outage, once Lagerkoll was seen to add them up.
func inARow(t *testing.T, s sample) int {
	t.Helper()
	const many = 8
	if s.with["serial"] != "" {
		s.with = with(s.with, "serial", "{code}")
	}
	c := newCell(t, s, fault{}, variant{})
	c.open(plant.Demo())
	defer c.close()
	c.network.breaks(refused)
	for i := range many {
		c.record(fmt.Sprintf("ACT%d", i))
	}
	c.network.breaks(nil)
	c.deliver(20 * time.Minute)
	var sent []int // the numbers of the traces among the requests
	for i, r := range c.plant.Requests() {
		if r.Method == http.MethodPut {
			sent = append(sent, i)
		}
	}
	if len(sent) != many {
		t.Fatalf("%d traces were sent", len(sent))
	}
	for i := 3; i < many; i++ {
		if sent[i]-sent[i-1] != sent[many-1]-sent[many-2] {
			t.Errorf("the traces are the requests %v", sent)
		}
	}
	return sent[many-1] - sent[many-2]
}

const requestsHead = `# How many requests an action takes

This page is written by the test that counts them: ` + "`go test ./internal/matrix -run TestRequests -update`" + `. Each number is
counted at the simulated plant, from the press to the end, by the real outbox and the real backend at their real pace: ` + "`rate`" + `
of the section, where nothing is said four a second for L2L and 60 a minute for Lagerkoll, of the 200 that the account has.

| column | what happens |
|---|---|
| good | nothing goes wrong, and nothing was known beforehand |
| in a row | one of many that wait for each other, as after an outage |
| lost | it is done, and its answer is lost: it is looked up at once, and again when the settle time is over where it is not found |
| failed | it never arrives, and nobody says so: it is looked up at once and when the settle time is over, and then begins anew, with a look of its own where the verb has one |
| refused | the vendor says no: one read shows whether the key is to blame. Lagerkoll's common error (900101) does not say how far it came: it is looked up, too |

`

const requestsRules = `
Beside them: while L2L's watch runs it makes one read a round for the line's order, and one list of the open dispatches
while a call is open, whatever their number ([commands.md](commands.md)); an order that it has not seen before takes a read
of its product. Lagerkoll's watch, where ` + "`[lagerkoll] watch`" + ` says how often, makes one read a round, and no more than one in
five seconds however often another order is taken in hand. A binding that names what was read, as ` + "`{l2l.product}`" + `, makes none.
An outage makes none: nothing gets through.

What is not saved, on purpose. A read that a verb makes before it acts is what a lost answer is settled by: without it each of
those would be held for a person. It is not kept from one action to the next, but for what Lagerkoll showed no longer ago than
its pace lies between two requests: a read would be as old when the request after it leaves. No key of the configuration says
that this station is the only writer, and none is needed for that: whoever else writes has no more time to do it unseen.
What a batch has is reckoned on for as long as the article's finished amount is what this station's last trace left.
` + "`exclusive`" + ` is not taken for such a promise: it says that nobody else reports, and not that nobody corrects.
`

// requests is docs/requests.md.
func requests(costs map[string]*cost) string {
	var b strings.Builder
	b.WriteString(requestsHead)
	for _, vendor := range []struct{ backend, name string }{{"l2l", "L2L"}, {"lagerkoll", "Lagerkoll"}, {"webhook", "Webhook"}} {
		fmt.Fprintf(&b, "## %s\n\n| verb | good | in a row | lost | failed | refused | why no fewer |\n|---|---|---|---|---|---|---|\n", vendor.name)
		for _, s := range samples() {
			if s.backend != vendor.backend {
				continue
			}
			c := costs[s.String()]
			row := c.row
			if row == 0 {
				row = c.good
			}
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %s |\n", s.titled(), c.good, row, c.lost, c.failed, c.refused, leastOf(s))
		}
		b.WriteString("\n")
	}
	b.WriteString(strings.TrimPrefix(requestsRules, "\n"))
	return b.String()
}

// leastOf says why an action takes no fewer requests.
func leastOf(s sample) string {
	for _, name := range []string{s.String(), s.verb} {
		for _, l := range leasts() {
			if l.of == name {
				return l.why
			}
		}
	}
	return ""
}

// A least is why a verb, or one way to use it, takes no fewer requests.
type least struct{ of, why string }

func leasts() []least {
	const whole = "the request carries the whole record, so that is read; what the look has read is sent, and not read again"
	const step = "the order is read, and sent by its id: without one L2L takes whatever runs. In doubt its status tells"
	return []least{
		{"dispatch.open", "it is sent at once: its mark finds it in doubt. At once the list of the open ones is read; when its absence counts also that of all, and that of those that are not open, for no text says that one of them has all"},
		{"dispatch.open, once", "L2L's own advice: whether one is open is read first"},
		{"dispatch.open, once, while somebody else's is open, and closed again", "one read finds theirs; it is not closed"},
		{"dispatch.open, once and one at a time, while somebody else's is open, and closed again", "one read finds theirs; it is not closed"},
		{"dispatch.open, opened and closed in an outage, told as history", "two presses are one request"},
		{"dispatch.add", "it is sent at once: its mark finds it in doubt. At once the list of all is read; when its absence counts also that of those that are not open"},
		{"dispatch.complete", "it is sent at once, and in doubt again: to end what is ended changes nothing, and L2L says that it was"},
		{"dispatch.close", "it is sent at once, and in doubt again: to end what is ended changes nothing, and L2L says that it was"},
		{"changeover.start", "what the line runs is read: what runs already is not started, and in doubt it tells whether it was. A product's code stands in a record of its own where L2L shows its id alone"},
		{"changeover.finish", step},
		{"order.hold", step},
		{"order.complete", step},
		{"production.record", "how many records there are of that moment is read: L2L gives a record no mark, and in doubt one more is ours"},
		{"order.create", "whether the reference is taken is read, for a store may let it be taken twice; in doubt it is searched by reference and mark, and the search must be seen to find what is there"},
		{"order.create, with Lagerkoll's next reference", "the next reference is asked for, so that in doubt it is known which to look for"},
		{"order.create_from_customer_order", "which orders the customer's order has is read: the request has no place for a mark"},
		{"order.update", whole},
		{"order.start", whole},
		{"order.finish", "its state is read: what is finished is not finished again, and what is cancelled not at all"},
		{"order.cancel", "its state is read: what is cancelled is not cancelled again, and what is finished not at all"},
		{"article.add", "the order is read: an article that it has is not added, for nobody says whether it would become two"},
		{"article.update", whole},
		{"article.trace, serial", "the batches are read each time: a serial number that is traced already must not be traced again, and no other answer shows it. The order is read with them, unless the answer before has just shown it"},
		{"article.trace", "what is finished is read, unless the answer before has just shown it; the batches where they are not known: what the batch had before and what was traced make what it has, as long as nobody else has traced the article"},
		{"webhook.post", "it is sent at once, and nothing is read: what is posted to can be asked nothing"},
		{"article.remove", "the order is read: what is not there cannot be removed, and in doubt it tells"},
	}
}

// Each row of the page says why, and every reason has a row.
func TestEveryCountSaysWhyItIsTheLeast(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, s := range samples() {
		if leastOf(s) == "" {
			t.Errorf("nothing says why %v takes no fewer requests", s)
		}
		used[s.String()], used[s.verb] = true, true
	}
	for _, l := range leasts() {
		if !used[l.of] {
			t.Errorf("a reason for %s, which is no row", l.of)
		}
	}
}
