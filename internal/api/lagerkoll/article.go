package lagerkoll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	articleAdd    = "article.add"
	articleUpdate = "article.update"
	articleRemove = "article.remove"
)

// articleNames is how the verbs of an order's article name it.
func articleNames() []station.Field {
	return []station.Field{orderField(), {Name: "article", Required: true, Help: "article number of the bundled article"}}
}

func addVerb() station.Verb {
	return station.Verb{Name: articleAdd, Does: "Add an article to a production order", Fields: append(articleNames(), verbFields(articleFields())...), Lane: []string{"order"}, Before: true}
}

func articleUpdateVerb() station.Verb {
	return station.Verb{Name: articleUpdate, Does: "Change an article of a production order", Fields: append(articleNames(), verbFields(articleFields())...), Lane: []string{"order"}, Before: true}
}

func removeVerb() station.Verb {
	return station.Verb{Name: articleRemove, Does: "Remove an article from a production order", Fields: articleNames(), Lane: []string{"order"}, Before: true, Irreversible: true}
}

// A line is one article of one order.
type line struct {
	order, article string
	path           string // of the article in the order
}

func newLine(d station.Delivery) (line, error) {
	l := line{order: d.With["order"], article: d.With["article"]}
	var err error
	l.path, err = articlePath(l.order, l.article)
	return l, err
}

func (l line) String() string { return fmt.Sprintf("order %s, article %s", l.order, l.article) }

// A lineState is how an article stands on its order.
type lineState struct {
	Rows   int    `json:"rows"`             // how many rows of the order have the article
	Values values `json:"values,omitempty"` // of the row, where it is one

	record api.Object // the row; nil when the rest comes from disk
}

func (s lineState) equal(t lineState) bool {
	return s.Rows == t.Rows && maps.Equal(s.Values, t.Values)
}

// String says in words how the article stands.
func (s lineState) String() string {
	switch {
	case s.Rows == 0:
		return "not on the order"
	case s.Rows > 1:
		return fmt.Sprintf("on the order %d times", s.Rows)
	case len(s.Values) == 0:
		return "on the order"
	}
	return s.Values.String()
}

// lineOf finds the article among an order's, and reads of it the fields that
// the other record has.
func (l line) lineOf(order, other api.Object) (s lineState, ok bool) {
	articles, ok := order.List("articles")
	for _, row := range articles {
		id, named := row.Text("articleId")
		ok = ok && named
		if id != l.article {
			continue
		}
		s.Rows++
		s.record, s.Values = row, valuesOf(row, other, articleFields())
	}
	if s.Rows > 1 {
		s.record, s.Values = nil, nil
	}
	return s, ok
}

// read reads how the article stands on its order. An order that does not list
// its articles has none; a list that cannot be read is no answer.
func (l line) read(ctx context.Context, b *Backend, other api.Object) (lineState, station.Receipt) {
	order, rc := b.order(ctx, l.order)
	if rc.Outcome != station.Delivered {
		return lineState{}, rc
	}
	s, ok := l.lineOf(order, other)
	if !ok {
		return lineState{}, notTold("the articles of order %s", l.order)
	}
	return s, rc
}

// put writes the article's record; method POST adds it.
func (l line) put(ctx context.Context, b *Backend, method string, record api.Object, isYes func([]byte) bool) ([]byte, station.Receipt) {
	if record.Redacted() {
		return nil, api.Refusef("%v has the key in one of its fields: it is not written back, and nothing was sent", l)
	}
	whole := normalize(record, articleFields())
	delete(whole, "accuracy") // it is read and not written
	whole["productionOrderId"] = json.RawMessage(l.order)
	name, err := json.Marshal(l.article)
	if err != nil {
		return nil, api.Refuse(err)
	}
	whole["articleId"] = name
	body, err := json.Marshal(whole)
	if err != nil {
		return nil, api.Refuse(err)
	}
	return b.send(ctx, request{method: method, path: l.order + "/article", body: body, isSuccess: isYes})
}

// An add is a delivery of article.add.
type add struct {
	line
	record api.Object
}

func newAdd(d station.Delivery) (action, error) {
	l, err := newLine(d)
	if err != nil {
		return nil, err
	}
	record, err := fieldsOf(d, articleFields())
	return api.Compared(add{l, record}), err
}

func (a add) Read(ctx context.Context, b *Backend, _ *lineState) (lineState, station.Receipt) {
	return a.read(ctx, b, a.record)
}

// Ready refuses an article that the order has: Lagerkoll does not say whether it
// would become a second row or more of the first.
func (a add) Ready(_ context.Context, _ *Backend, before lineState) (rc station.Receipt, done bool) {
	if before.Rows > 0 {
		return api.RefuseBecause("article-there", []string{"article", a.article, "order", a.order}, "%v: it is there already (%v); nothing was sent", a.line, before), true
	}
	return station.Receipt{}, false
}

func (a add) Compare(_ *Backend, before *lineState, now lineState) api.Finding {
	r := api.Finding{Facts: fmt.Sprintf("%v: now %v", a.line, now)}
	switch {
	case before == nil:
		r.Facts += ", and whether it was there before is not known"
	case before.Rows > 0:
		r.Facts += fmt.Sprintf(", before %v", *before)
	case now.Rows == 0:
		r.Verdict = api.Missing
	case now.Rows == 1 && maps.Equal(now.Values, valuesOf(a.record, a.record, articleFields())):
		return api.Finding{Verdict: api.Applied, Note: byWhomUnsure}
	}
	return r
}

func (a add) Send(ctx context.Context, b *Backend, _ lineState) station.Receipt {
	_, rc := a.put(ctx, b, http.MethodPost, a.record, a.added)
	return rc
}

// added recognises the yes to an added article: a list that has it.
//
//	{"parts": […], "articles": [{"articleId": "09506000134352", "amount": 500.0, "waste": "0", …}]}
func (a add) added(body []byte) bool {
	o, _ := api.ReadObject(body)
	s, ok := a.lineOf(o, nil)
	return ok && s.Rows > 0
}

// An articleChange is a delivery of article.update.
type articleChange struct {
	line
	change api.Object
}

func newArticleUpdate(d station.Delivery) (action, error) {
	l, err := newLine(d)
	if err != nil {
		return nil, err
	}
	change, err := fieldsOf(d, articleFields())
	if err != nil {
		return nil, err
	}
	if len(change) == 0 {
		return nil, errors.New("article.update is told nothing to change")
	}
	return api.Compared(articleChange{l, change}), nil
}

func (a articleChange) wanted() values { return valuesOf(a.change, a.change, articleFields()) }

func (a articleChange) Read(ctx context.Context, b *Backend, _ *lineState) (lineState, station.Receipt) {
	return a.read(ctx, b, a.change)
}

func (a articleChange) Ready(_ context.Context, _ *Backend, before lineState) (rc station.Receipt, done bool) {
	switch {
	case before.Rows != 1:
		return api.RefuseBecause("article-not-one", []string{"article", a.article, "order", a.order}, "%v: %v; nothing was sent", a.line, before), true
	case maps.Equal(before.Values, a.wanted()):
		return station.Receipt{Outcome: station.Delivered, Note: alreadySo}, true
	}
	return station.Receipt{}, false
}

func (a articleChange) Compare(_ *Backend, before *lineState, now lineState) api.Finding {
	r := api.Finding{Facts: fmt.Sprintf("%v: now %v, wanted %v", a.line, now, a.wanted())}
	switch {
	case now.Rows == 1 && maps.Equal(now.Values, a.wanted()):
		return api.Finding{Verdict: api.Applied, Note: byWhomUnsure}
	case before == nil:
		r.Facts += ", and what there was before is not known"
	case before.equal(now):
		r.Verdict = api.Missing
	default:
		r.Facts += fmt.Sprintf(", before %v", *before)
	}
	return r
}

// Send rebuilds the article's whole record from what it is this very moment. A
// yes whose order shows another amount than was set is for a person: sending
// again would make it worse where Lagerkoll adds.
func (a articleChange) Send(ctx context.Context, b *Backend, now lineState) station.Receipt {
	if now.record == nil {
		order, rc := b.recentOrder(ctx, a.order)
		if rc.Outcome != station.Delivered {
			return api.Unread(rc)
		}
		if now, _ = a.lineOf(order, a.change); now.record == nil {
			return api.RefuseBecause("article-not-one", []string{"article", a.article, "order", a.order}, "%v: %v; nothing was sent", a.line, now)
		}
	}
	record := maps.Clone(now.record)
	maps.Copy(record, a.change)
	answer, rc := a.put(ctx, b, http.MethodPut, record, isOrder(a.order))
	if rc.Outcome != station.Delivered {
		return rc
	}
	order, _ := api.ReadObject(answer)
	amounts := api.Object{"finished": nil, "waste": nil}
	shown, ok := a.lineOf(order, amounts)
	if want := valuesOf(record, amounts, articleFields()); ok && shown.Rows == 1 && !maps.Equal(shown.Values, want) {
		return api.Undecided("Lagerkoll said yes, and %v shows %v where %v was set", a.line, shown, want)
	}
	return rc
}

// A removal is a delivery of article.remove.
type removal struct{ line }

func newRemove(d station.Delivery) (action, error) {
	l, err := newLine(d)
	return api.Compared(removal{l}), err
}

// Read keeps the amounts, so that an article which somebody puts on the order
// anew is not taken for the one that was there.
func (r removal) Read(ctx context.Context, b *Backend, _ *lineState) (lineState, station.Receipt) {
	return r.read(ctx, b, api.Object{"amount": nil, "finished": nil, "waste": nil})
}

func (r removal) Ready(_ context.Context, _ *Backend, before lineState) (rc station.Receipt, done bool) {
	if before.Rows == 0 {
		return api.RefuseBecause("article-gone", []string{"article", r.article, "order", r.order}, "%v: %v; there is nothing to remove", r.line, before), true
	}
	return station.Receipt{}, false
}

func (r removal) Compare(_ *Backend, before *lineState, now lineState) api.Finding {
	rule := api.Finding{Facts: fmt.Sprintf("%v: now %v", r.line, now)}
	switch {
	case now.Rows == 0:
		return api.Finding{Verdict: api.Applied, Note: byWhomUnsure}
	case before == nil:
		rule.Facts += ", and what there was before is not known"
	case before.equal(now):
		rule.Verdict = api.Missing
	default:
		rule.Facts += fmt.Sprintf(", before %v", *before)
	}
	return rule
}

func (r removal) Send(ctx context.Context, b *Backend, _ lineState) station.Receipt {
	_, rc := b.send(ctx, request{method: http.MethodDelete, path: r.path, isSuccess: isOrder(r.order)})
	return rc
}
