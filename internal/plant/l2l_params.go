package plant

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A form is what a parameter's value must look like.
type form int

const (
	text          form = iota
	number             // a whole number
	siteTime           // site time: 2006-01-02 15:04:05 or 2006-01-02 15:04
	boolean            // T, F, True, False, true, false
	yesNo              // Y, N
	siteTimeOrNow      // a site time, or now
	decimal            // a number of at most two decimal places
)

// A parameter is one that an operation takes.
type parameter struct {
	form    form
	assumed Assumption // that the vendor takes it; empty: the vendor's text says so
}

// params are the parameters of one request without the key. The id of the path
// is {id}.
type params map[string]string

// number returns a parameter that has been checked to be a number; 0 when it is
// not given.
func (q params) number(name string) int {
	n, _ := strconv.Atoi(q[name])
	return n
}

// parsed is a request of L2L's, read into its parts.
type parsed struct {
	params params
	keys   map[string]string // by place: query, header, body
}

// parseRequest reads the parameters: a GET's from its query, a POST's from its form
// body. Only the key and the format may stand in a POST's query.
//
//	POST /api/1.0/dispatches/open/?auth=KEY
//	site=12&dispatchtypecode=MAINT&description=Help&machinecode=SEAL-1&tradecode=MECH
func parseRequest(r *http.Request, body []byte) (parsed, error) {
	a := parsed{params: params{}, keys: map[string]string{}}
	if header := r.Header.Values("L2LAUTH"); len(header) > 0 {
		a.keys["header"] = header[0]
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return parsed{}, errors.New("the query cannot be read")
	}
	if err := a.add("query", query); err != nil {
		return parsed{}, err
	}
	if r.Method != http.MethodPost {
		if len(body) > 0 {
			return parsed{}, fmt.Errorf("a %s with a body", r.Method)
		}
		return a, nil
	}
	for name := range a.params {
		if name != "format" {
			return parsed{}, fmt.Errorf("parameter %s stands in the query; a POST has it in its body", name)
		}
	}
	if len(body) > 0 && !isForm(r) {
		return parsed{}, fmt.Errorf("a body of type %q where a form is due", r.Header.Get("Content-Type"))
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return parsed{}, errors.New("the form cannot be read")
	}
	return a, a.add("body", form)
}

// add adds the parameters that were found in one place.
func (a parsed) add(place string, values url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) != 1 {
			return fmt.Errorf("parameter %s is given %d times", name, len(values[name]))
		}
		if name == "auth" {
			a.keys[place] = values[name][0]
			continue
		}
		a.params[name] = values[name][0]
	}
	return nil
}

// applySwitches applies the switches to the parameters: it returns a refusal, or
// takes away what the vendor is to ignore.
func (p *Plant) applySwitches(op operation, q params) string {
	for name, takes := range op.takes {
		if _, given := q[name]; !given || takes.assumed == "" {
			continue
		}
		if takes.assumed == LimitAboveOne && q.number(name) <= 1 && name == "limit" || takes.assumed == OpenFalse && isTrue(q[name]) {
			continue
		}
		switch p.position(takes.assumed) {
		case Refused:
			return fmt.Sprintf("Invalid parameter: %s", name)
		case Ignored:
			delete(q, name)
			if name == "limit" {
				q[name] = "1"
			}
		}
	}
	return ""
}

// malformed says what no text of L2L allows; "" when everything is in order.
func (p *Plant) malformed(op operation, q params) string {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		takes, known := op.takes[name]
		if name == "format" && q[name] == "json" {
			continue
		}
		if !known {
			return fmt.Sprintf("Unknown parameter: %s", name)
		}
		if !p.wellFormed(takes.form, q[name]) {
			return fmt.Sprintf("Invalid value for %s: %q", name, q[name])
		}
	}
	for _, need := range op.needs {
		if !slices.ContainsFunc(strings.Split(need, "|"), func(name string) bool { return q[name] != "" }) {
			return fmt.Sprintf("Missing parameter: %s", strings.ReplaceAll(need, "|", " or "))
		}
	}
	if q["site"] != "" && q.number("site") != p.config.Site {
		return fmt.Sprintf("Unknown site: %s", q["site"])
	}
	return ""
}

func (p *Plant) wellFormed(f form, value string) bool {
	switch f {
	case number:
		_, err := strconv.ParseUint(value, 10, 31)
		return err == nil
	case siteTime:
		_, err := p.parseSiteTime(value)
		return err == nil
	case siteTimeOrNow:
		_, err := p.parseSiteTime(value)
		return err == nil || value == "now"
	case decimal:
		_, places, _ := strings.Cut(value, ".")
		f, err := strconv.ParseFloat(value, 64)
		return err == nil && f >= 0 && len(places) <= 2
	case boolean:
		return isTrue(value) || isFalse(value)
	case yesNo:
		return value == "Y" || value == "N"
	}
	return true
}
