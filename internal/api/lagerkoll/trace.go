package lagerkoll

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const articleTrace = "article.trace"

func traceVerb() station.Verb {
	return station.Verb{
		Name: articleTrace,
		Does: "Report what was made of an article, and of what",
		Fields: []station.Field{
			{Name: "order", Type: station.Integer, Required: true, Help: "id of the production order"},
			{Name: "article", Required: true, Help: "article number of the bundled article"},
			{Name: "batch", Help: "batch of the bundled article"},
			{Name: "serial", Help: "serial number of the bundled article"},
			{Name: "best_before", Type: station.Date, Help: "best before, YYMMDD or YYYY-MM-DD"},
			{Name: "amount", Type: station.Number, Help: "how much was made; 1 where nothing is said"},
			{Name: "barcode", Help: "bar code of the bundled article"},
			{Name: "parts", Type: station.List, Help: `what went into it: [{"article": "…", "amount": 1, "batch": "…", "serial": ["…"]}]; all but the article may be left out`},
			{Name: "limit_part_amounts", Type: station.Bool, Help: "true: overproduction takes no more parts than were ordered"},
			{Name: "waste", Type: station.Number, Help: "how much was scrapped besides; Lagerkoll's page names this parameter and does not explain it"},
		},
		Lane:   []string{"order"},
		Before: true,
		Counts: []string{"order", "article", "batch"},
		Unique: "serial",
	}
}

// A trace is a delivery of article.trace, read and checked.
type trace struct {
	order, article string
	batch, serial  string
	amount         float64
	waste          string // as it leaves; "" where nothing is said
	path           string
	body           []byte
}

// wireTrace is Lagerkoll's ProductionOrderArticleTraceability. Lagerkoll's page shows
// limitPartAmounts in quotes, as every field that has a default; its table says Boolean, so
// it is sent without.
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
func newTrace(d station.Delivery) (action, error) {
	t, err := readTrace(d)
	return api.Compared(t), err
}

func readTrace(d station.Delivery) (trace, error) {
	t := trace{order: d.With["order"], article: d.With["article"], batch: d.With["batch"], serial: d.With["serial"]}
	var err error
	if t.path, err = articlePath(t.order, t.article); err != nil {
		return trace{}, err
	}
	if text := d.With["waste"]; text != "" {
		plain, _, err := decimal("waste", text)
		if err != nil {
			return trace{}, err
		}
		t.waste = plain.String()
	}

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

// amount reads a decimal number above zero, 1 where nothing is said.
func amount(text string) (json.Number, float64, error) {
	if text == "" {
		text = "1"
	}
	plain, value, err := decimal("amount", text)
	if err == nil && value <= 0 {
		err = fmt.Errorf("amount %q is nothing", text)
	}
	return plain, value, err
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

// Ready refuses a serial that was there beforehand: it is never taken for ours,
// because a second trace of one piece is wrong whoever made the first, and
// calling it delivered would be a lie.
func (t trace) Ready(_ context.Context, _ *Backend, before articleState) (rc station.Receipt, done bool) {
	if before.HasSerial {
		return api.RefuseBecause("serial-there", []string{"serial", t.serial, "article", t.article, "order", t.order}, "serial %s of article %s is traced on order %s already; nothing was sent", t.serial, t.article, t.order), true
	}
	return station.Receipt{}, false
}

// Send reports what was made of the article. What the answer shows is remembered
// where it has grown by what was reported: so it is how the article stands after it.
func (t trace) Send(ctx context.Context, b *Backend, before articleState) station.Receipt {
	r := request{method: http.MethodPut, path: t.path, body: t.body, traces: t.article, isSuccess: isOrder(t.order)}
	if t.waste != "" {
		r.query = url.Values{"waste": {t.waste}}
	}
	body, rc := b.send(ctx, r)
	if rc.Outcome != station.Delivered {
		return rc
	}
	finished, waste := sumOf(body, t.article, "finished"), sumOf(body, t.article, "waste")
	if t.change(before.Finished, finished) == whole {
		b.recent.noteTrace(t.of(), t.after(b, before, finished, waste))
	}
	if t.waste != "" && !t.wasteBooked(before, waste) {
		rc.Note = "the waste is not seen on the order"
	}
	return rc
}

// after is how the article stands after a trace whose answer shows that. That the batch
// has grown as well no answer shows: it has where the batches were seen to list what is
// made, and Lagerkoll adds, or sets what was nothing, which is the same.
func (t trace) after(b *Backend, before articleState, finished, waste *float64) afterTrace {
	adds := !t.equal(float(before.Finished), 0) || t.equal(before.InBatch, 0)
	return afterTrace{finished: finished, waste: waste, at: time.Now(),
		known: t.batch != "" && adds && b.recent.article(t.of()).listed, batch: t.batch, inBatch: before.InBatch + t.amount}
}

func (t trace) of() articleOf { return articleOf{t.order, t.article} }

// wasteBooked reports whether the order that came back shows more waste by what
// was said: Lagerkoll's page does not tell what the parameter does.
func (t trace) wasteBooked(before articleState, now *float64) bool {
	said, _ := strconv.ParseFloat(t.waste, 64)
	return now != nil && max(*now-float(before.Waste)-said, said-*now+float(before.Waste)) <= said/1000
}

// Compare compares the article with what it was before. With a serial it is exact;
// without one another station may have reported as much.
func (t trace) Compare(b *Backend, before *articleState, now articleState) api.Finding {
	r := api.Finding{Facts: fmt.Sprintf("order %s, article %s: now %v", t.order, t.article, now)}
	if before == nil {
		r.Facts += ", and what was there before is not known"
		return r
	}
	r.Facts = fmt.Sprintf("order %s, article %s: before %v, now %v", t.order, t.article, *before, now)
	if r.Verdict = t.compare(*before, now); r.Verdict == api.Applied && t.serial == "" {
		r.Verdict = b.likely()
		r.Facts += ": there is as much more as was reported"
	}
	return r
}

// compare says whether the trace lies between two stands.
//
// With a serial the batch list is exact, as long as it is seen to tell the whole
// story: where the article's finished amount has grown, the list must have grown
// as much. A list that does not show what is made would otherwise prove absent
// what is there.
func (t trace) compare(before, now articleState) api.Verdict {
	if before.Hidden || now.Hidden {
		return api.Unproven
	}
	finished := t.change(before.Finished, now.Finished)
	if t.serial != "" {
		listed := t.change(&before.Listed, &now.Listed)
		switch {
		case before.HasSerial:
			return api.Unproven
		case now.HasSerial:
			return api.Applied
		case finished == whole && listed == whole:
			// As much more as was reported, and not by its serial: that may be it, where
			// Lagerkoll shows serials in another form.
			return api.Unproven
		case finished == none,
			finished != unknown && listed != unknown && t.equal(*now.Finished-float(before.Finished), now.Listed-before.Listed):
			return api.Missing
		}
		return api.Unproven
	}
	batch := finished
	if t.batch != "" {
		batch = t.change(&before.InBatch, &now.InBatch)
	}
	switch {
	case finished == none && batch == none:
		return api.Missing
	case finished == whole && batch == whole:
		return api.Applied
	}
	return api.Unproven
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
	case t.equal(moved, 0):
		return none
	case t.equal(moved, t.amount):
		return whole
	}
	return other
}

// equal compares amounts within a thousandth of the trace's own, for doubles do
// not add up: 0.1 + 0.2.
func (t trace) equal(a, b float64) bool { return max(a-b, b-a) <= t.amount/1000 }

func float(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

// An articleState is how the article stands on its order. Of the batch list it keeps
// sums, which is all that is compared, for lists grow long.
//
// Hidden is a list that Lagerkoll refuses to show, or that cannot be read. It is
// no reason not to send; after a lost answer a person then decides.
type articleState struct {
	Finished  *float64 `json:"finished"`         // nil: not told
	Hidden    bool     `json:"hidden,omitempty"` // the batches are not shown
	Listed    float64  `json:"listed"`           // delivered in all batches and serials of the article
	InBatch   float64  `json:"batch,omitempty"`  // delivered in the trace's batch
	HasSerial bool     `json:"serial,omitempty"` // the trace's serial is listed
	Waste     *float64 `json:"waste,omitempty"`  // where the trace says something of it
}

// String says in words how the article stands.
func (s articleState) String() string {
	finished := "unknown"
	if s.Finished != nil {
		finished = strconv.FormatFloat(*s.Finished, 'f', -1, 64)
	}
	if s.Hidden {
		return fmt.Sprintf("finished %s, its batches not shown", finished)
	}
	return fmt.Sprintf("finished %s, in the batch %s", finished, strconv.FormatFloat(s.InBatch, 'f', -1, 64))
}

// mostListed is how often the batches are read for one look, while others report on
// the same article.
const mostListed = 3

// errMoving says that no look was one look.
var errMoving = errors.New("others report on it all the time, and it changes while it is looked at: looking again later")

// Read reads how the trace's article stands. As long as it is certain that nothing
// arrived, the answer to the trace before serves for the order, and what the batch
// had then for the batches, if nobody else has traced the article since. For a serial
// number the batches are always read: it may be traced already.
func (t trace) Read(ctx context.Context, b *Backend, before *articleState) (s articleState, rc station.Receipt) {
	last := b.recent.article(t.of()).after
	rc = station.Receipt{Outcome: station.Delivered}
	if before == nil && last.finished != nil && b.recent.fresh(last.at) {
		s.Finished, s.Waste = last.finished, last.waste
	} else if s, rc = t.readOrder(ctx, b); rc.Outcome != station.Delivered {
		return articleState{}, rc
	}
	if t.waste == "" {
		s.Waste = nil
	}
	switch {
	case t.serial == "" && t.batch == "":
		return s, rc
	case before == nil && t.serial == "" && last.known && last.batch == t.batch && t.change(last.finished, s.Finished) == none:
		s.InBatch = last.inBatch
		return s, rc
	}
	return t.withBatches(ctx, b, s)
}

// readOrder reads the amounts of the article on its order.
func (t trace) readOrder(ctx context.Context, b *Backend) (articleState, station.Receipt) {
	body, rc := b.get(ctx, t.order, nil, isOrder(t.order))
	return articleState{Finished: sumOf(body, t.article, "finished"), Waste: sumOf(body, t.article, "waste")}, rc
}

// withBatches reads the batches to what is read of the order. The two are two reads:
// what others report in between would be in one of them and not in the other, and
// would look like an arrival later. They are one look where as much lies between them
// as was seen to lie there before, most often nothing, or else where the order has not
// moved while the batches were read. A few times they are read again; a look that is
// torn is never taken.
func (t trace) withBatches(ctx context.Context, b *Backend, s articleState) (articleState, station.Receipt) {
	for range mostListed {
		body, rc := b.get(ctx, t.order+"/batch", nil, isBatchList)
		s.Listed, s.InBatch, s.HasSerial = 0, 0, false
		switch rc.Outcome {
		case station.Delivered:
			s.Hidden = !s.count(body, t)
		case station.Refused:
			s.Hidden = true
		default:
			return articleState{}, rc
		}
		switch {
		case s.Hidden || s.Finished == nil:
			return s, station.Receipt{Outcome: station.Delivered}
		case t.consistent(b, s):
			b.recent.noteBatches(t.of(), *s.Finished-s.Listed, s.Listed > 0)
			return s, station.Receipt{Outcome: station.Delivered}
		}
		again, rc := t.readOrder(ctx, b)
		if rc.Outcome != station.Delivered {
			return articleState{}, rc
		}
		if t.change(s.Finished, again.Finished) == none {
			b.recent.noteBatches(t.of(), *s.Finished-s.Listed, false)
			return s, rc
		}
		s.Finished = again.Finished
	}
	return articleState{}, station.Receipt{Outcome: station.Unreached, Answered: true, Err: fmt.Errorf("order %s, article %s: %w", t.order, t.article, errMoving)}
}

// consistent reports whether the finished amount and the batches belong together.
func (t trace) consistent(b *Backend, s articleState) bool {
	apart := *s.Finished - s.Listed
	known := b.recent.article(t.of()).apart
	return t.equal(apart, 0) || known != nil && t.equal(apart, *known)
}

// sumOf adds up an amount of an article of an order, all its rows together; nil
// where the order does not tell it.
//
//	{"orderId": 4711, "state": "1", "articles": [{"articleId": "A-1", "amount": 500.0, "finished": 3.0, "waste": "0"}]}
func sumOf(order []byte, article, field string) (sum *float64) {
	o, _ := api.ReadObject(order)
	articles, _ := o.List("articles")
	for _, a := range articles {
		if id, _ := a.Text("articleId"); id != article {
			continue
		}
		if amount, ok := a.Number(field); ok {
			amount += float(sum)
			sum = &amount
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
// makes the whole list worthless, and then ok is false.
//
//	{"articleId": "A-1", "countBatch": 1, "countSerial": 0,
//	 "batches": [{"batchId": "B7", "serialNr": null, "orderedAmount": 500.0, "deliveredAmount": 3.0, "bestBefore": 1806451200000}]}
func (s *articleState) count(body []byte, t trace) (ok bool) {
	list, _ := api.ReadList(body)
	for _, o := range list {
		if id, _ := o.Text("articleId"); id != t.article {
			continue
		}
		rows, ok := o.List("batches")
		if !ok {
			return false
		}
		for _, row := range rows {
			delivered, ok := row.Number("deliveredAmount")
			if !ok && row.Has("deliveredAmount") {
				return false
			}
			s.Listed += delivered
			if batch, _ := row.Text("batchId"); t.batch != "" && station.SameText(batch, t.batch) {
				s.InBatch += delivered
			}
			if serial, _ := row.Text("serialNr"); t.serial != "" && station.SameText(serial, t.serial) {
				s.HasSerial = true
			}
		}
	}
	return true
}
