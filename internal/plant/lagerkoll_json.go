package plant

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// fieldType is the type of a field in the seed's class tables.
type fieldType int

const (
	aString fieldType = iota
	aLong             // Long, long, Integer, int
	aDouble
	aDate // milliseconds since 1970
	aBoolean
	aStringList
	aPartList
	aReadList // a list of access R: taken note of by nobody
)

// A class is one of the seed's class tables, without the fields that a request
// may not carry.
type class map[string]fieldType

func orderClass() class {
	return class{
		"orderId": aLong, "prReference": aString, "customerOrderId": aLong, "customerOrderExternalId": aString,
		"internalReference": aString, "name": aString, "comment": aString, "startDate": aDate, "endDate": aDate,
		"finishDate": aDate, "workHours": aDouble, "state": aLong, "reserveInDepth": aBoolean, "storeState": aLong,
		"totalAmount": aDouble, "finishedAmount": aDouble,
	}
}

// updateClass is orderClass with the lists that the seed's PUT prints although
// their access is R.
func updateClass() class {
	c := orderClass()
	c["articles"], c["singleArticles"] = aReadList, aReadList
	return c
}

func articleClass() class {
	return class{
		"productionOrderId": aLong, "articleId": aString, "articleName": aString, "time": aDouble,
		"amount": aDouble, "finished": aDouble, "waste": aDouble, "status": aLong,
	}
}

// articleUpdateClass is articleClass with accuracy, which the seed's PUT prints
// although its access is R.
func articleUpdateClass() class {
	c := articleClass()
	c["accuracy"] = aDouble
	return c
}

func traceClass() class {
	return class{
		"articleId": aString, "batch": aString, "serial": aString, "amount": aDouble, "bestBefore": aLong,
		"barcode": aString, "partTraceability": aPartList, "limitPartAmounts": aBoolean,
	}
}

func partClass() class {
	return class{"articleId": aString, "amount": aDouble, "batch": aString, "serial": aStringList}
}

// object is a request's body after its class: string, int64, float64, bool,
// time.Time, []string or []Part. A null field is as good as absent.
type object map[string]any

func (o object) text(name string) string    { s, _ := o[name].(string); return s }
func (o object) long(name string) int64     { n, _ := o[name].(int64); return n }
func (o object) double(name string) float64 { f, _ := o[name].(float64); return f }
func (o object) truth(name string) bool     { b, _ := o[name].(bool); return b }
func (o object) date(name string) time.Time { t, _ := o[name].(time.Time); return t }
func (o object) has(name string) bool       { _, ok := o[name]; return ok }

// decode reads a body strictly after a class. The code is that of its refusals.
func (p *Plant) decode(body []byte, c class, code int) (object, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var raw map[string]any
	if err := d.Decode(&raw); err != nil {
		return nil, invalid(code, "the body is not a JSON object: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, invalid(code, "there is more in the body than one JSON object")
	}
	return p.typed(raw, c, code)
}

func (p *Plant) typed(raw map[string]any, c class, code int) (object, error) {
	o := object{}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		want, known := c[name]
		if !known {
			return nil, invalid(code, "unknown field %s", name)
		}
		if raw[name] == nil {
			continue
		}
		v, err := p.value(name, raw[name], want, code)
		if err != nil {
			return nil, err
		}
		o[name] = v
	}
	return o, nil
}

// value reads one field.
func (p *Plant) value(name string, raw any, want fieldType, code int) (any, error) {
	if s, ok := raw.(string); ok && want != aString && p.is(NativeRequests, Otherwise) {
		raw = unquoted(name, s)
	}
	switch v := raw.(type) {
	case string:
		if want == aString {
			return v, nil
		}
	case bool:
		if want == aBoolean {
			return v, nil
		}
	case json.Number:
		if n, ok := numeric(v, want); ok {
			return n, nil
		}
	case []any:
		if want == aStringList || want == aPartList || want == aReadList {
			return p.list(name, v, want, code)
		}
	}
	return nil, invalid(code, "field %s has the wrong type: %s", name, asJSON(raw))
}

func numeric(v json.Number, want fieldType) (any, bool) {
	switch want {
	case aLong:
		n, err := v.Int64()
		return n, err == nil
	case aDate:
		n, err := v.Int64()
		return time.UnixMilli(n), err == nil
	case aDouble:
		f, err := v.Float64()
		return f, err == nil && !math.IsInf(f, 0)
	}
	return nil, false
}

func (p *Plant) list(name string, list []any, want fieldType, code int) (any, error) {
	if want == aReadList {
		return list, nil
	}
	var texts []string
	var parts []Part
	for _, element := range list {
		switch v := element.(type) {
		case string:
			if want == aStringList {
				texts = append(texts, v)
				continue
			}
		case map[string]any:
			if want == aPartList {
				o, err := p.typed(v, partClass(), code)
				if err != nil {
					return nil, err
				}
				serials, _ := o["serial"].([]string)
				parts = append(parts, Part{Article: o.text("articleId"), Amount: o.double("amount"), Batch: o.text("batch"), Serials: serials})
				continue
			}
		}
		return nil, invalid(code, "field %s holds a wrong element: %s", name, asJSON(element))
	}
	if want == aStringList {
		return texts, nil
	}
	return parts, nil
}

// unquoted reads the four fields that the seed prints in quotes as if they were
// not.
func unquoted(name, s string) any {
	switch name {
	case "state", "waste":
		return json.Number(s)
	case "reserveInDepth", "limitPartAmounts":
		if b, err := strconv.ParseBool(s); err == nil {
			return b
		}
	}
	return s
}

func asJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
