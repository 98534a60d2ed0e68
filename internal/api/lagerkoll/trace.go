package lagerkoll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"stationd/internal/api"
	"stationd/internal/station"
)

const articleTrace = "article.trace"

func traceVerb() station.Verb {
	return station.Verb{
		Name: articleTrace,
		Fields: []station.Field{
			{Name: "order", Type: station.Integer, Required: true, Means: "id of the production order"},
			{Name: "article", Required: true, Means: "article number of the bundled article"},
			{Name: "batch", Means: "batch of the bundled article"},
			{Name: "serial", Means: "serial number of the bundled article"},
			{Name: "best_before", Type: station.Date, Means: "best before, YYMMDD or YYYY-MM-DD"},
			{Name: "amount", Type: station.Number, Means: "how much was made; 1 where nothing is said"},
			{Name: "barcode", Means: "bar code of the bundled article"},
			{Name: "parts", Type: station.List, Means: `what went into it: [{"article": "…", "amount": 1, "batch": "…", "serial": ["…"]}]; all but the article may be left out`},
			{Name: "limit_part_amounts", Type: station.Truth, Means: "true: overproduction takes no more parts than were ordered"},
		},
		Lane:   []string{"order"},
		Before: true,
	}
}

// A trace is a delivery of article.trace, read and checked.
type trace struct {
	order, article string
	batch, serial  string
	amount         float64
	path           string
	body           []byte
}

// wireTrace is Lagerkoll's ProductionOrderArticleTraceability. The seed prints
// limitPartAmounts in quotes, as it does with every field that has a default;
// its class table says Boolean, and numbers and truths leave bare.
type wireTrace struct {
	ArticleID  string      `json:"articleId"`
	Amount     json.Number `json:"amount"`
	Batch      string      `json:"batch,omitempty"`
	Serial     string      `json:"serial,omitempty"`
	BestBefore *int64      `json:"bestBefore,omitempty"`
	Barcode    string      `json:"barcode,omitempty"`
	Parts      []wirePart  `json:"partTraceability,omitempty"`
	Limit      *bool       `json:"limitPartAmounts,omitempty"`
}

// wirePart is Lagerkoll's PartTraceability.
type wirePart struct {
	ArticleID string      `json:"articleId"`
	Amount    json.Number `json:"amount"`
	Batch     string      `json:"batch,omitempty"`
	Serial    []string    `json:"serial,omitempty"`
}

// newTrace reads what a delivery says. Its errors name the field.
func newTrace(d station.Delivery) (trace, error) {
	t := trace{order: d.With["order"], article: d.With["article"], batch: d.With["batch"], serial: d.With["serial"]}
	if n, err := strconv.ParseUint(t.order, 10, 63); err != nil || strconv.FormatUint(n, 10) != t.order {
		return trace{}, fmt.Errorf("order %q is not the id of a production order: a whole number is wanted", t.order)
	}
	article, err := segment(t.article)
	if err != nil {
		return trace{}, fmt.Errorf("article %w", err)
	}
	t.path = t.order + "/article/" + article

	wire := wireTrace{ArticleID: t.article, Batch: t.batch, Serial: t.serial, Barcode: d.With["barcode"]}
	if wire.Amount, t.amount, err = amount(d.With["amount"]); err != nil {
		return trace{}, err
	}
	if text := d.With["best_before"]; text != "" {
		day, err := bestBefore(text, d.When)
		if err != nil {
			return trace{}, fmt.Errorf("best_before %w", err)
		}
		wire.BestBefore = &day
	}
	if text := d.With["limit_part_amounts"]; text != "" {
		if text != "true" && text != "false" {
			return trace{}, fmt.Errorf("limit_part_amounts %q is neither true nor false", text)
		}
		limit := text == "true"
		wire.Limit = &limit
	}
	if wire.Parts, err = parts(d.With["parts"]); err != nil {
		return trace{}, err
	}
	t.body, err = json.Marshal(wire)
	return t, err
}

// amount reads a decimal number above zero, 1 where nothing is said. It returns
// it as JSON writes it, so that 0012 (as in a GS1 symbol) leaves as 12 and 0.10
// stays 0.10.
func amount(text string) (json.Number, float64, error) {
	if text == "" {
		text = "1"
	}
	plain := strings.TrimLeft(text, "0")
	if plain == "" || plain[0] == '.' {
		plain = "0" + plain
	}
	value, err := strconv.ParseFloat(plain, 64)
	if err != nil || strings.Trim(plain, "0123456789.") != "" || strings.HasSuffix(plain, ".") {
		return "", 0, fmt.Errorf("amount %q is not a number", text)
	}
	if value <= 0 {
		return "", 0, fmt.Errorf("amount %q is nothing", text)
	}
	return json.Number(plain), value, nil
}

// parts reads the list of parts.
func parts(text string) ([]wirePart, error) {
	if text == "" {
		return nil, nil
	}
	var list []struct {
		Article string `json:"article"`
		Amount  any    `json:"amount"`
		Batch   string `json:"batch"`
		Serial  any    `json:"serial"`
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	if err := decoder.Decode(&list); err != nil {
		return nil, fmt.Errorf("parts is not a list of parts: %w", err)
	}
	var wire []wirePart
	for i, p := range list {
		if p.Article == "" {
			return nil, fmt.Errorf("part %d has no article", i+1)
		}
		serials, err := texts(p.Serial)
		if err != nil {
			return nil, fmt.Errorf("part %d: serial %w", i+1, err)
		}
		said := strconv.Itoa(max(1, len(serials))) // a serial names one piece
		if p.Amount != nil {
			said = fmt.Sprint(p.Amount)
		}
		number, _, err := amount(said)
		if err != nil {
			return nil, fmt.Errorf("part %d: %w", i+1, err)
		}
		wire = append(wire, wirePart{ArticleID: p.Article, Amount: number, Batch: p.Batch, Serial: serials})
	}
	return wire, nil
}

// texts reads a text or a list of texts.
func texts(v any) (list []string, err error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{v}, nil
	case []any:
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				return nil, errors.New("is not a list of texts")
			}
			list = append(list, text)
		}
		return list, nil
	}
	return nil, errors.New("is neither a text nor a list of texts")
}

// trace reports what was made of an article; in doubt it first reads what became
// of the earlier attempt.
func (b *Backend) trace(ctx context.Context, d station.Delivery) station.Receipt {
	t, err := newTrace(d)
	if err != nil {
		return api.Refuse(err)
	}
	before, known, err := readStand(d.Before)
	if err != nil {
		return api.Refusef("what the order was before cannot be read any more: %v", err)
	}
	if d.Doubtful {
		if rc, settled := b.settle(ctx, d, t, before, known); settled {
			return rc
		}
		return b.put(ctx, t)
	}
	if !known {
		now, rc := b.look(ctx, t)
		if rc.Outcome != station.Delivered {
			return api.Unread(rc)
		}
		before = now
	}
	if before.HasSerial {
		return api.Refusef("serial %s of article %s is traced on order %s already; nothing was sent", t.serial, t.article, t.order)
	}
	return b.put(ctx, t)
}

func (b *Backend) put(ctx context.Context, t trace) station.Receipt {
	_, rc := b.send(ctx, http.MethodPut, t.path, t.body, isOrder(t.order))
	return rc
}

// settle settles what an earlier attempt came to. It is not settled when there
// is certainly no trace of it and it may be sent.
//
// A serial that was there beforehand is never taken for ours: nothing is sent
// for it in the first place, because a second trace of one piece is wrong
// whoever made the first, and calling it delivered would be a lie.
func (b *Backend) settle(ctx context.Context, d station.Delivery, t trace, before stand, known bool) (rc station.Receipt, settled bool) {
	now, rc := b.look(ctx, t)
	if rc.Outcome != station.Delivered {
		return api.UnreadInDoubt(rc), true
	}
	if !known {
		return api.Undecided("order %s, article %s: what was there before is not known; now %v", t.order, t.article, now), true
	}
	switch verdict := t.compare(before, now); {
	case verdict == applied && (t.serial != "" || b.exclusive):
		return station.Receipt{Outcome: station.Delivered}, true
	case verdict == applied:
		return api.Undecided("order %s, article %s: there is as much more as was reported, but another station may have reported it (before %v, now %v)", t.order, t.article, before, now), true
	case verdict == unclear && d.Settle == 0: // before that it may have arrived between the two reads
		return api.Undecided("order %s, article %s: before %v, now %v", t.order, t.article, before, now), true
	case d.Settle > 0:
		return api.TooEarly(d), true
	}
	return station.Receipt{}, false
}

// A verdict is what comparing two stands says of a trace.
type verdict uint8

const (
	unclear verdict = iota
	applied
	absent
)

// compare says whether the trace lies between two stands.
//
// With a serial the batch list is exact, as long as it is seen to tell the whole
// story: where the article's finished amount has grown, the list must have grown
// as much. A list that does not show what is made would otherwise prove absent
// what is there.
func (t trace) compare(before, now stand) verdict {
	finished := t.change(before.Finished, now.Finished)
	if t.serial != "" {
		listed := t.change(&before.Listed, &now.Listed)
		switch {
		case before.HasSerial:
			return unclear
		case now.HasSerial:
			return applied
		case finished == none,
			finished != unknown && listed != unknown && t.near(*now.Finished-float(before.Finished), now.Listed-before.Listed):
			return absent
		}
		return unclear
	}
	batch := finished
	if t.batch != "" {
		batch = t.change(&before.InBatch, &now.InBatch)
	}
	switch {
	case finished == none && batch == none:
		return absent
	case finished == whole && batch == whole:
		return applied
	}
	return unclear
}

// A change is how an amount moved, as measured by the trace's own.
type change uint8

const (
	unknown change = iota
	none
	whole // by exactly the trace's amount
	other
)

// change measures how an amount moved. Nothing before is taken for zero, which
// Lagerkoll may leave out; nothing now is not known.
func (t trace) change(before, now *float64) change {
	if now == nil {
		return unknown
	}
	moved := *now - float(before)
	switch {
	case math.Nextafter(*now, math.Inf(1))-*now > t.amount/1000: // too large for such small steps: 1.0E17
		return unknown
	case t.near(moved, 0):
		return none
	case t.near(moved, t.amount):
		return whole
	}
	return other
}

// near compares amounts within a thousandth of the trace's own, for doubles do
// not add up: 0.1 + 0.2.
func (t trace) near(a, b float64) bool { return max(a-b, b-a) <= t.amount/1000 }

func float(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

// A stand is how the article stands on its order. Of the batch list it keeps
// sums, which is all that is compared, for lists grow long.
type stand struct {
	Finished  *float64 `json:"finished"`         // nil: not told
	Listed    float64  `json:"listed"`           // delivered in all batches and serials of the article
	InBatch   float64  `json:"batch,omitempty"`  // delivered in the trace's batch
	HasSerial bool     `json:"serial,omitempty"` // the trace's serial is listed
}

func (s stand) marshal() []byte {
	raw, _ := json.Marshal(s) // its numbers are finite
	return raw
}

// String says in words how the article stands.
func (s stand) String() string {
	finished := "unknown"
	if s.Finished != nil {
		finished = strconv.FormatFloat(*s.Finished, 'f', -1, 64)
	}
	return fmt.Sprintf("finished %s, in the batch %s", finished, strconv.FormatFloat(s.InBatch, 'f', -1, 64))
}

func readStand(raw []byte) (s stand, known bool, err error) {
	if len(raw) == 0 {
		return stand{}, false, nil
	}
	err = json.Unmarshal(raw, &s)
	return s, true, err
}

// look reads how the trace's article stands.
func (b *Backend) look(ctx context.Context, t trace) (stand, station.Receipt) {
	body, rc := b.send(ctx, http.MethodGet, t.order, nil, isOrder(t.order))
	if rc.Outcome != station.Delivered {
		return stand{}, rc
	}
	s := stand{Finished: finishedOf(body, t.article)}
	if t.batch == "" && t.serial == "" {
		return s, rc
	}
	body, rc = b.send(ctx, http.MethodGet, t.order+"/batch", nil, isBatchList)
	if rc.Outcome != station.Delivered {
		return stand{}, rc
	}
	return s, s.count(body, t)
}

// finishedOf reads the finished amount of an article of an order, all its rows
// together; nil where the order does not tell it.
//
//	{"orderId": 4711, "state": "1", "articles": [{"articleId": "A-1", "amount": 500.0, "finished": 3.0, "waste": "0"}]}
func finishedOf(order []byte, article string) (sum *float64) {
	o, _ := api.ReadObject(order)
	articles, _ := o.List("articles")
	for _, a := range articles {
		if id, _ := a.Text("articleId"); id != article {
			continue
		}
		if finished, ok := a.Number("finished"); ok {
			finished += float(sum)
			sum = &finished
		}
	}
	return sum
}

// isBatchList recognises the answer of /batch: an object with batches, a list of
// them, or nothing at all. Taking nothing for no batches is safe, because the
// order's finished amount is compared as well.
func isBatchList(body []byte) bool {
	list, ok := api.ReadList(body)
	for _, o := range list {
		_, named := o["articleId"]
		_, listed := o["batches"]
		ok = ok && (named && listed || len(o) == 0)
	}
	return ok
}

// count adds up the batches of the trace's article. A row that cannot be read
// makes the whole list worthless.
//
//	{"articleId": "A-1", "countBatch": 1, "countSerial": 0,
//	 "batches": [{"batchId": "B7", "serialNr": null, "orderedAmount": 500.0, "deliveredAmount": 3.0, "bestBefore": 1806451200000}]}
func (s *stand) count(body []byte, t trace) station.Receipt {
	list, _ := api.ReadList(body)
	for _, o := range list {
		if id, _ := o.Text("articleId"); id != t.article {
			continue
		}
		rows, ok := o.List("batches")
		if !ok {
			return garbled(t)
		}
		for _, row := range rows {
			delivered, ok := row.Number("deliveredAmount")
			if !ok && row.Has("deliveredAmount") {
				return garbled(t)
			}
			s.Listed += delivered
			if batch, _ := row.Text("batchId"); t.batch != "" && batch == t.batch {
				s.InBatch += delivered
			}
			if serial, _ := row.Text("serialNr"); t.serial != "" && serial == t.serial {
				s.HasSerial = true
			}
		}
	}
	return station.Receipt{Outcome: station.Delivered}
}

func garbled(t trace) station.Receipt {
	return station.Receipt{Outcome: station.Unreached,
		Err: fmt.Errorf("the batches of order %s cannot be read", t.order)}
}
