package lagerkoll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	orderUpdate = "order.update"
	orderStart  = "order.start"
	orderFinish = "order.finish"
	orderCancel = "order.cancel"
)

// orderField is how the verbs of an order name it.
func orderField() station.Field {
	return station.Field{Name: "order", Type: station.Integer, Required: true, Help: "id of the production order"}
}

func updateVerb() station.Verb {
	return station.Verb{
		Name:   orderUpdate,
		Does:   "Change a production order",
		Fields: append([]station.Field{orderField()}, verbFields(orderFields())...),
		Lane:   []string{"order"},
		Before: true,
	}
}

func startVerb() station.Verb {
	return station.Verb{Name: orderStart, Does: "Start a production order", Fields: []station.Field{orderField()}, Lane: []string{"order"}}
}

func finishVerb() station.Verb {
	return station.Verb{Name: orderFinish, Does: "Finish a production order", Fields: []station.Field{orderField()}, Lane: []string{"order"}, Barrier: true, Irreversible: true}
}

func cancelVerb() station.Verb {
	return station.Verb{Name: orderCancel, Does: "Cancel a production order", Fields: []station.Field{orderField()}, Lane: []string{"order"}, Barrier: true, Irreversible: true}
}

// order reads a production order, whole.
func (b *Backend) order(ctx context.Context, path string) (api.Object, station.Receipt) {
	body, rc := b.get(ctx, path, nil, isOrder(path))
	if rc.Outcome != station.Delivered {
		return nil, rc
	}
	o, _ := api.ReadObject(body)
	b.recent.noteOrder(path, o)
	return o, rc
}

// isOrder recognises the production order of that id.
func isOrder(id string) func(body []byte) bool {
	return func(body []byte) bool { return summaryOf(body).ID.String() == id }
}

// An orderSummary is what tells which order an answer is, and how it stands.
type orderSummary struct {
	ID    ID    `json:"orderId"`
	State State `json:"state"`
}

// summaryOf reads an order in brief; its zero value is none.
func summaryOf(body []byte) (o orderSummary) {
	if json.Unmarshal(body, &o) != nil {
		return orderSummary{}
	}
	return o
}

// putOrder writes a production order back with something changed. The body is
// the whole record: what an update leaves out Lagerkoll may empty.
func (b *Backend) putOrder(ctx context.Context, path string, record api.Object, change api.Object, query url.Values) ([]byte, station.Receipt) {
	if record.Redacted() {
		return nil, api.Refusef("order %s has the key in one of its fields: it is not written back, and nothing was sent", path)
	}
	whole := normalize(record, orderFields())
	maps.Copy(whole, change)
	body, err := json.Marshal(whole)
	if err != nil {
		return nil, api.Refuse(err)
	}
	return b.send(ctx, request{method: http.MethodPut, path: path, query: query, body: body, isSuccess: isOrder(path)})
}

// An orderState is how the fields that a verb sets stand.
type orderState struct {
	Values values `json:"values"`

	record api.Object // what they were read from; nil when they come from disk
}

// target is what a verb that sets fields wants them to be.
type target struct {
	values values
	what   string // order 4711
}

// set reports whether the fields are as they are wanted.
func (w target) set(now values) bool { return maps.Equal(w.values, now) }

// compare settles what an earlier attempt at setting the fields came to. Where
// they are as wanted it does not matter who did it; where they are as they were
// nobody did; anything else is for a person.
func (w target) compare(before *orderState, now orderState) api.Finding {
	r := api.Finding{Facts: fmt.Sprintf("%s: now %s, wanted %s", w.what, now.Values, w.values)}
	switch {
	case w.set(now.Values):
		return api.Finding{Verdict: api.Applied, Note: byWhomUnsure}
	case before == nil:
		r.Facts += ", and what there was before is not known"
	case maps.Equal(before.Values, now.Values):
		r.Verdict = api.Missing
	default:
		r.Facts += fmt.Sprintf(", before %s", before.Values)
	}
	return r
}

// String writes the values in words: finished 7, waste 1.
func (v values) String() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		value := v[name]
		if value == "" {
			value = "nothing"
		}
		words = append(words, name+" "+value)
	}
	return strings.Join(words, ", ")
}

// An orderChange is a delivery of order.update.
type orderChange struct {
	target
	path   string
	change api.Object
}

func newUpdate(d station.Delivery) (action, error) {
	path, err := orderPath(d.With["order"])
	if err != nil {
		return nil, err
	}
	change, err := fieldsOf(d, orderFields())
	if err != nil {
		return nil, err
	}
	if len(change) == 0 {
		return nil, errors.New("order.update is told nothing to change")
	}
	wanted := valuesOf(change, change, orderFields())
	return api.Compared(orderChange{target{wanted, "order " + path}, path, change}), nil
}

func (u orderChange) Read(ctx context.Context, b *Backend, _ *orderState) (orderState, station.Receipt) {
	record, rc := b.order(ctx, u.path)
	return orderState{valuesOf(record, u.change, orderFields()), record}, rc
}

func (u orderChange) Ready(_ context.Context, _ *Backend, before orderState) (rc station.Receipt, done bool) {
	return station.Receipt{Outcome: station.Delivered, Ref: u.path, Note: alreadySo}, u.set(before.Values)
}

func (u orderChange) Compare(_ *Backend, before *orderState, now orderState) api.Finding {
	return u.compare(before, now)
}

// Send rebuilds the whole order from what it is this very moment.
func (u orderChange) Send(ctx context.Context, b *Backend, now orderState) station.Receipt {
	if now.record == nil {
		var rc station.Receipt
		if now.record, rc = b.recentOrder(ctx, u.path); rc.Outcome != station.Delivered {
			return api.Unread(rc)
		}
	}
	body, rc := b.putOrder(ctx, u.path, now.record, u.change, nil)
	answer, _ := api.ReadObject(body)
	if shown := valuesOf(answer, u.change, orderFields()); rc.Outcome == station.Delivered && !u.set(shown) {
		rc.Note = "Lagerkoll shows " + shown.String()
	}
	return rc
}

// A move is a delivery of a verb that moves an order to a state.
type move struct {
	path string
	to   State
}

func newMove(d station.Delivery, to State) (action, error) {
	path, err := orderPath(d.With["order"])
	return api.Compared(move{path, to}), err
}

func (m move) Read(ctx context.Context, b *Backend, _ *orderState) (orderState, station.Receipt) {
	record, rc := b.order(ctx, m.path)
	if rc.Outcome == station.Delivered && stateOf(record) == 0 {
		return orderState{}, notTold("the state of order %s", m.path)
	}
	return orderState{record: record}, rc
}

// stateOf reads the state of an order.
func stateOf(record api.Object) (s State) {
	if raw, ok := record["state"]; ok {
		_ = s.UnmarshalJSON(raw) // what cannot be read is no state
	}
	return s
}

// possible reports whether an order in that state can still be moved to the wanted
// one. No order goes back.
func (m move) possible(s State) bool { return s < m.to && s < Finished }

func (m move) Ready(_ context.Context, _ *Backend, before orderState) (rc station.Receipt, done bool) {
	switch s := stateOf(before.record); {
	case before.record == nil || m.possible(s):
		return station.Receipt{}, false
	case s == m.to:
		return station.Receipt{Outcome: station.Delivered, Ref: m.path, Note: alreadySo}, true
	default:
		return api.RefuseBecause("order-over", []string{"order", m.path}, "order %s is %v: it can become %v no more; nothing was sent", m.path, s, m.to), true
	}
}

func (m move) Compare(_ *Backend, _ *orderState, now orderState) api.Finding {
	switch s := stateOf(now.record); {
	case s == m.to:
		return api.Finding{Verdict: api.Applied, Ref: m.path, Note: byWhomUnsure}
	case m.possible(s):
		return api.Finding{Verdict: api.Missing}
	default:
		return api.Finding{Facts: fmt.Sprintf("order %s is %v: whether it was %v before that cannot be told", m.path, s, m.to)}
	}
}

// Send makes the move. The state of an order that is only started cannot be
// written; a parameter of the update does it, so its body is the order as it is.
func (m move) Send(ctx context.Context, b *Backend, now orderState) station.Receipt {
	var answer []byte
	var rc station.Receipt
	switch m.to {
	case Developing:
		if now.record == nil {
			if now, rc = m.Read(ctx, b, nil); rc.Outcome != station.Delivered {
				return api.Unread(rc)
			}
		}
		answer, rc = b.putOrder(ctx, m.path, now.record, nil, url.Values{"startProduction": {"true"}})
	case Finished:
		answer, rc = b.putEmpty(ctx, m.path, "/finish")
	default:
		answer, rc = b.putEmpty(ctx, m.path, "/cancel")
	}
	if s := summaryOf(answer).State; rc.Outcome == station.Delivered && s != 0 && s != m.to {
		return api.Undecided("Lagerkoll said yes, and order %s is %v instead of %v", m.path, s, m.to)
	}
	if rc.Outcome == station.Delivered {
		rc.Ref = m.path
	}
	return rc
}

// putEmpty tells an order something without a body.
func (b *Backend) putEmpty(ctx context.Context, order, what string) ([]byte, station.Receipt) {
	return b.send(ctx, request{method: http.MethodPut, path: order + what, isSuccess: isOrder(order)})
}
