package lagerkoll

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

// This file lists the fields of Lagerkoll's classes, as the tables of its API page
// (docs/assumptions.md, S3) have them: what an update sends, and what a verb may set.

// A kind is a type in those tables.
type kind uint8

const (
	aText kind = iota
	aWhole
	aDecimal
	aDate // milliseconds since 1970
	aTruth
	aList // of another class
)

// A field is one field of a class: Lagerkoll's name for it, and the one under
// which an action sets it. A field without the latter cannot be set.
type field struct {
	wire  string
	name  string
	kind  kind
	means string
	class []field // of a list
}

// orderFields is Lagerkoll's ProductionOrder. The totals are sums of the
// articles, the lists are read and not written, and the id is Lagerkoll's to
// give: nobody says them, and an update sends them back as they were.
func orderFields() []field {
	return []field{
		{wire: "orderId", kind: aWhole},
		{wire: "prReference", name: "reference", means: "the order's own reference (prReference), which no other order has"},
		{wire: "customerOrderId", name: "customer_order", kind: aWhole, means: "id of the customer order that it is made for"},
		{wire: "customerOrderExternalId", name: "customer_order_external", means: "the customer order's id in another system"},
		{wire: "internalReference", name: "internal_reference", means: "internal reference"},
		{wire: "name", name: "name", means: "name of the order"},
		{wire: "comment", name: "comment", means: "comment"},
		{wire: "startDate", name: "start_date", kind: aDate, means: "start: 2026-03-02T06:00:00+01:00, or a day, which begins at midnight UTC"},
		{wire: "endDate", name: "end_date", kind: aDate, means: "planned end, as start_date"},
		{wire: "finishDate", name: "finish_date", kind: aDate, means: "finished, as start_date"},
		{wire: "workHours", name: "work_hours", kind: aDecimal, means: "hours of work"},
		{wire: "state", kind: aWhole},
		{wire: "reserveInDepth", name: "reserve_in_depth", kind: aTruth, means: "true: parts are reserved in all layers of bundled articles, not in the first alone"},
		{wire: "storeState", name: "store_state", kind: aWhole, means: "store state, in Lagerkoll's numbers"},
		{wire: "totalAmount", kind: aDecimal},
		{wire: "finishedAmount", kind: aDecimal},
		{wire: "articles", kind: aList, class: articleFields()},
		{wire: "singleArticles", kind: aList, class: []field{
			{wire: "singleArticles", kind: aList, class: []field{
				{wire: "totalReserved", kind: aDecimal}, {wire: "totalAmount", kind: aDecimal}, {wire: "partAmount", kind: aDecimal},
				{wire: "purchasePrice", kind: aDecimal}, {wire: "hasStockValue", kind: aTruth},
			}},
		}},
	}
}

// articleFields is Lagerkoll's ProductionOrderArticle.
func articleFields() []field {
	return []field{
		{wire: "productionOrderId", kind: aWhole},
		{wire: "articleId"},
		{wire: "articleName", name: "name", means: "name of the article"},
		{wire: "time", name: "time", kind: aDecimal, means: "time, in Lagerkoll's own measure"},
		{wire: "amount", name: "amount", kind: aDecimal, means: "how much is to be produced"},
		{wire: "finished", name: "finished", kind: aDecimal, means: "how much is finished in all, not how much more"},
		{wire: "waste", name: "waste", kind: aDecimal, means: "how much is waste in all, not how much more"},
		{wire: "status", name: "status", kind: aWhole, means: "status, in Lagerkoll's numbers"},
		{wire: "accuracy", kind: aDecimal},
	}
}

// verbFields lists the fields of a verb that a class has, with their types.
func verbFields(class []field) []station.Field {
	types := map[kind]station.FieldType{aWhole: station.Integer, aDecimal: station.Number, aTruth: station.Bool}
	var fields []station.Field
	for _, f := range class {
		if f.name != "" {
			fields = append(fields, station.Field{Name: f.name, Type: types[f.kind], Help: f.means})
		}
	}
	return fields
}

// fieldsOf collects what a delivery says of a class, as it leaves. Its errors name
// the field.
func fieldsOf(d station.Delivery, class []field) (api.Object, error) {
	o := api.Object{}
	for _, f := range class {
		value := d.With[f.name]
		if f.name == "" || value == "" {
			continue
		}
		raw, err := f.write(value)
		if err != nil {
			return nil, err
		}
		o[f.wire] = raw
	}
	return o, nil
}

// write turns the text of a delivery into what leaves: numbers and truths bare,
// dates as milliseconds.
func (f field) write(value string) (json.RawMessage, error) {
	switch f.kind {
	case aWhole:
		if n, err := strconv.ParseUint(value, 10, 53); err != nil || strconv.FormatUint(n, 10) != value {
			return nil, fmt.Errorf("%s %q is not a whole number", f.name, value)
		}
		return json.RawMessage(value), nil
	case aDecimal:
		plain, _, err := decimal(f.name, value)
		return json.RawMessage(plain), err
	case aDate:
		at, err := instant(value)
		if err != nil {
			return nil, fmt.Errorf("%s %w", f.name, err)
		}
		return strconv.AppendInt(nil, at, 10), nil
	case aTruth:
		if value != "true" && value != "false" {
			return nil, fmt.Errorf("%s %q is neither true nor false", f.name, value)
		}
		return json.RawMessage(value), nil
	}
	return json.Marshal(value)
}

// decimal reads a decimal number that is not below zero. It returns it as JSON
// writes it, so that 0012 (as in a GS1 symbol) leaves as 12 and 0.10 stays 0.10.
func decimal(name, text string) (json.Number, float64, error) {
	plain := strings.TrimLeft(text, "0")
	if plain == "" || plain[0] == '.' {
		plain = "0" + plain
	}
	value, err := strconv.ParseFloat(plain, 64)
	if err != nil || strings.Trim(plain, "0123456789.") != "" || strings.HasSuffix(plain, ".") {
		return "", 0, fmt.Errorf("%s %q is not a number", name, text)
	}
	return json.Number(plain), value, nil
}

// instant reads a time with its zone, or a day, and returns milliseconds since
// 1970. Lagerkoll does not say what the hour of its dates means; a day is its
// midnight UTC, so that it is the same day in the zones of Europe.
func instant(text string) (int64, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UnixMilli(), nil
		}
	}
	return 0, fmt.Errorf("%q is not a time like 2026-03-02T06:00:00+01:00 or a day like 2026-03-02", text)
}

// normalize returns a record as it was read in the form in which it may leave:
// quoted numbers and truths bare, nulls left out. What the class does not have,
// and what cannot be read, stays as it was: an update must lose nothing.
func normalize(o api.Object, class []field) api.Object {
	out := api.Object{}
	for name, raw := range o {
		if !o.Has(name) {
			continue
		}
		out[name] = raw
		for _, f := range class {
			if f.wire == name {
				out[name] = f.normalized(o)
			}
		}
	}
	return out
}

func (f field) normalized(o api.Object) json.RawMessage {
	switch f.kind {
	case aWhole, aDate:
		if value, ok := o.Number(f.wire); ok && value == math.Trunc(value) && math.Abs(value) <= 1<<53 {
			return strconv.AppendInt(nil, int64(value), 10)
		}
	case aDecimal:
		if text, ok := o.Text(f.wire); ok {
			if literal := strings.TrimSpace(text); json.Valid([]byte(literal)) {
				return json.RawMessage(literal)
			}
		}
	case aTruth:
		if value, ok := o.Truth(f.wire); ok {
			return strconv.AppendBool(nil, value)
		}
	case aList:
		list, ok := o.List(f.wire)
		if !ok {
			break
		}
		out := make([]api.Object, len(list))
		for i, row := range list {
			out[i] = normalize(row, f.class)
		}
		if raw, err := json.Marshal(out); err == nil {
			return raw
		}
	case aText:
	}
	return o[f.wire]
}

// values are how fields stand, by Lagerkoll's names, in a form that two records
// can be compared in. What is not there is the empty text.
type values map[string]string

// valuesOf reads the fields of a record that the other has.
func valuesOf(o, other api.Object, class []field) values {
	v := values{}
	for _, f := range class {
		if _, wanted := other[f.wire]; wanted {
			v[f.wire] = f.value(o)
		}
	}
	return v
}

func (f field) value(o api.Object) string {
	switch f.kind {
	case aWhole, aDecimal, aDate:
		if value, ok := o.Number(f.wire); ok {
			return plainly(value)
		}
		return ""
	case aTruth:
		if value, ok := o.Truth(f.wire); ok {
			return strconv.FormatBool(value)
		}
		return ""
	case aText, aList:
	}
	value, _ := o.Text(f.wire)
	return strings.TrimSpace(value)
}
