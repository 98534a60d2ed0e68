package l2l

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const productionRecord = "production.record"

// recordVerb declares the adding of what a line made. L2L asks for one record in
// one to five minutes and not for one a part, for periods that do not overlap,
// and for one product in each (its article "Actual and Scrap").
func recordVerb() station.Verb {
	return station.Verb{
		Name: productionRecord,
		Does: "Record what a line made",
		Fields: append(lineFields(),
			station.Field{Name: "product", Required: true, Help: "product code; one that L2L does not know becomes a new product there"},
			station.Field{Name: "actual", Type: station.Number, Help: "how many good ones were made, at most two decimal places"},
			station.Field{Name: "scrap", Type: station.Number, Help: "how many were scrapped, at most two decimal places"},
			station.Field{Name: "operator_count", Type: station.Number, Help: "how many people worked"},
			station.Field{Name: "start", Help: "when it began: 2026-03-02T08:15:00+01:00, or the site's time 2026-03-02 08:15; left out: at the event"},
			station.Field{Name: "end", Help: "when it was over, written the same way and after the start; left out: a second after the start"}),
		Lane:   []string{"line"},
		Before: true,
		Counts: []string{"line", "product", "start"},
	}
}

// amount is a number as record_details takes it.
var amount = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]+(\.[0-9]{1,2})?$`) })

// A record is one production record as it is sent.
type record struct {
	form       form
	start, end time.Time
}

// record reads a delivery.
func (b *Backend) record(d station.Delivery) (record, error) {
	r := record{form: b.newForm(), start: d.When}
	lineOf(d).addTo(&r.form)
	put(&r.form, "productcode", d, "product")
	for _, field := range []string{"actual", "scrap", "operator_count"} {
		put(&r.form, field, d, field)
		if value := d.With[field]; value != "" && !amount().MatchString(value) {
			return record{}, fmt.Errorf("%s: %q is no number as 12 or 0.5, with two decimal places at most", field, value)
		}
	}
	if d.With["actual"] == "" && d.With["scrap"] == "" {
		return record{}, errors.New("neither actual nor scrap says how many")
	}
	var err error
	if text := d.With["start"]; text != "" {
		if r.start, err = b.moment(text); err != nil {
			return record{}, fmt.Errorf("start: %w", err)
		}
	}
	r.start = r.start.Truncate(time.Second)
	r.end = r.start.Add(time.Second)
	if text := d.With["end"]; text != "" {
		if r.end, err = b.moment(text); err != nil {
			return record{}, fmt.Errorf("end: %w", err)
		}
	}
	switch {
	case r.start.IsZero():
		return record{}, errors.New("nobody knows when it was made, and L2L takes no count without its time")
	case !r.end.After(r.start):
		return record{}, fmt.Errorf("it ends at %s and begins at %s", b.local(r.end), b.local(r.start))
	}
	r.form.Set("start", b.local(r.start))
	r.form.Set("end", b.local(r.end))
	return r, nil
}

// A tally is how many records just like the one to be sent L2L has. Known is false
// where L2L does not show its records.
//
//	{"known":true,"alike":0}
type tally struct {
	Known bool `json:"known"`
	Alike int  `json:"alike"`

	unclear string // why the count proves nothing
}

// A recording is a delivery of production.record. Sent twice it counts twice, and
// L2L's operators cannot correct what came by its interface: it is sent again only
// where L2L's records show that there is not one more than before.
type recording struct {
	record
	d station.Delivery
}

func newRecording(b *Backend, d station.Delivery) (action, error) {
	r, err := b.record(d)
	return api.Compared(recording{r, d}), err
}

// Read counts the records that are just like the one to be sent. A site that does not
// show its records still takes them, so this is no reason not to send; after a lost
// answer there is then nothing to compare with, and a person decides.
func (r recording) Read(ctx context.Context, b *Backend, before *tally) (tally, station.Receipt) {
	if r.d.Doubtful && (before == nil || !before.Known) {
		return tally{}, station.Receipt{Outcome: station.Delivered}
	}
	alike, unclear, rc := b.alike(ctx, r.d, r.record)
	if rc.Outcome == station.Refused && before == nil {
		return tally{}, station.Receipt{Outcome: station.Delivered}
	}
	return tally{Known: unclear == "", Alike: alike, unclear: unclear}, rc
}

func (r recording) Ready(context.Context, *Backend, tally) (rc station.Receipt, done bool) {
	return station.Receipt{}, false
}

func (r recording) Compare(b *Backend, before *tally, now tally) api.Finding {
	what := fmt.Sprintf("line %v, product %s, from %s to %s: ", lineOf(r.d), r.d.With["product"], b.local(r.start), b.local(r.end))
	switch {
	case before == nil || !before.Known:
		return api.Finding{Facts: what + "L2L does not show what was recorded before"}
	case now.unclear != "":
		return api.Finding{Facts: what + now.unclear}
	case now.Alike == before.Alike+1:
		return api.Finding{Verdict: api.Applied, Note: "found by its times and amounts"}
	case now.Alike != before.Alike:
		return api.Finding{Facts: what + fmt.Sprintf("there were %d such records and now there are %d", before.Alike, now.Alike)}
	}
	return api.Finding{Verdict: api.Missing}
}

func (r recording) Send(ctx context.Context, b *Backend, _ tally) station.Receipt {
	id, rc := b.post(ctx, "pitchdetails/record_details/", r.form)
	rc.Ref = id
	return rc
}

// alike counts the production records that are just like r: the same times and
// the same amounts, and the same product where L2L shows its code. unclear says
// why the count proves nothing.
//
//	GET pitchdetails/?site=12&linecode=PACK4&start__gte=2026-03-02 08:00:00&start__lte=2026-03-02 08:00:00&limit=50
func (b *Backend) alike(ctx context.Context, d station.Delivery, r record) (alike int, unclear string, rc station.Receipt) {
	seen := map[string]bool{}
	for rows := 0; rows <= listPages*listLimit; {
		query := url.Values{"start__gte": {b.local(r.start)}, "start__lte": {b.local(r.start)}, "limit": {strconv.Itoa(listLimit)}}
		lineOf(d).addTo(query)
		if rows > 0 {
			query.Set("offset", strconv.Itoa(rows))
		}
		data, rc := get[shownRecord](ctx, b, "pitchdetails/", query)
		switch {
		case rc.Outcome != station.Delivered:
			return 0, "", rc
		case !data.OK:
			return 0, "the answer is not a list of production records", rc
		case len(data.List) == 0:
			return alike, "", rc
		}
		for _, row := range data.List {
			id, ok := row.ID.ID()
			if !ok || seen[id] || !b.at(row.Start, r.start) {
				return 0, "L2L shows records that were not asked for, or the same one twice", rc
			}
			seen[id] = true
			if b.isLike(row, d, r) {
				alike++
			}
		}
		rows += len(data.List)
	}
	return 0, "there are too many records of that moment", station.Receipt{Outcome: station.Delivered}
}

// A shownRecord is one row of pitchdetails/.
//
//	{"id": 1, "site": 12, "line": 71, "product": 3001, "start": "2026-03-02 08:00:00", "end": "2026-03-02 08:05:00",
//	 "actual": 60, "scrap": 2}
type shownRecord struct {
	ID      api.Scalar `json:"id"`
	Product api.Scalar `json:"productcode"`
	Start   api.Scalar `json:"start"`
	End     api.Scalar `json:"end"`
	Actual  api.Scalar `json:"actual"`
	Scrap   api.Scalar `json:"scrap"`
}

// isLike reports whether a row is a record just like r.
func (b *Backend) isLike(row *shownRecord, d station.Delivery, r record) bool {
	if code := row.Product.String(); code != "" && !same(code, d.With["product"]) {
		return false
	}
	return b.at(row.End, r.end) && isAmount(row.Actual, r.form.Get("actual")) && isAmount(row.Scrap, r.form.Get("scrap"))
}

// isAmount reports whether a row's amount is the one that was sent; none is 0.
func isAmount(shown api.Scalar, sent string) bool {
	is, _ := shown.Number()
	was, _ := strconv.ParseFloat(sent, 64)
	return math.Abs(is-was) < 0.005 // L2L keeps two decimal places
}

// at reports whether a row's time is t, as the site's clock shows it: in the hour
// that repeats in autumn two times look the same there.
func (b *Backend) at(shown api.Scalar, t time.Time) bool {
	moment := b.when(shown)
	return !moment.IsZero() && b.local(moment) == b.local(t)
}
