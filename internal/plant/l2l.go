package plant

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// site is the L2L side of the plant. Ids of different things never overlap, so
// that one taken for another is noticed.
type site struct {
	dispatches []Dispatch
	sequences  []Sequence
	changes    []Change
	counts     []Count
	current    map[string]int // line to the id of its running build sequence
}

const (
	firstDispatch = 90001
	firstNumber   = 2871001
	firstSequence = 8801
	firstType     = 31
	firstLine     = 71
	firstMachine  = 501
	firstProduct  = 3001
	siteRecord    = 7 // sites[].id, which is not the site number
)

func newSite(s Config) site {
	w := site{current: map[string]int{}}
	start := time.Now().Truncate(time.Hour)
	for _, line := range s.Lines {
		for i, q := range line.Queue {
			w.sequences = append(w.sequences, Sequence{
				ID: firstSequence + len(w.sequences), ExternalID: q.ExternalID, Line: line.Code, Product: q.Product,
				Status: Scheduled, Planned: q.Planned, Start: start.Add(time.Duration(i) * 2 * time.Hour),
			})
		}
	}
	return w
}

// An operation is one that L2L's texts describe. In its path {id} stands for a
// number.
type operation struct {
	method string
	path   string
	takes  map[string]parameter
	needs  []string // each one name, or several with | between them of which one is due
	do     func(*Plant, params) answer
}

func operations() []operation {
	return []operation{
		{"GET", "dispatches/", listParameters(), []string{"site"}, (*Plant).listDispatches},
		{"POST", "dispatches/open/", openParameters(), needsOfOpen(), (*Plant).openDispatch},
		{"POST", "dispatches/add/", addParameters(), needsOfOpen(), (*Plant).addDispatch},
		{"POST", "dispatches/close/{id}/", siteParameter(), nil, (*Plant).closeDispatch},
		{"POST", "dispatches/complete/{id}/", siteParameter(), nil, (*Plant).completeDispatch},
		{"POST", "buildsequence/start_change_over/", orderParameters(), needsOfOrder(), (*Plant).startChangeover},
		{"POST", "buildsequence/finish_change_over/", orderParameters(), needsOfOrder(), (*Plant).finishChangeover},
		{"POST", "buildsequence/put_order_on_hold/", orderParameters(), needsOfOrder(), (*Plant).holdOrder},
		{"POST", "buildsequence/complete_order/", orderParameters(), needsOfOrder(), (*Plant).completeOrder},
		{"GET", "buildsequence/get_current_order_on_line/", lineParameters(), needsOfOrder(), (*Plant).currentOrder},
		{"GET", "buildsequence/", sequenceParameters(), []string{"site"}, (*Plant).listSequences},
		{"GET", "productcomponents/", productParameters(), []string{"site"}, (*Plant).listProducts},
		{"POST", "pitchdetails/record_details/", pitchParameters(), needsOfPitch(), (*Plant).recordDetails},
		{"GET", "pitchdetails/", pitchListParameters(), needsOfOrder(), (*Plant).listDetails},
		{"GET", "sites/", sitesParameters(), nil, (*Plant).listSites},
	}
}

func siteParameter() map[string]parameter { return map[string]parameter{"site": {form: number}} }

func sitesParameters() map[string]parameter {
	return map[string]parameter{"site": {form: number}, "test_site": {form: boolean}, "active": {form: boolean}}
}

// l2l answers a request below /api/1.0/. The caller holds the lock.
func (p *Plant) l2l(r *http.Request, rest string, body []byte) answer {
	name := r.Method + " " + l2lRoot + rest
	if !strings.HasSuffix(rest, "/") {
		p.complainLocked("%s: its path lacks the slash at the end", name)
		a := page(http.StatusMovedPermanently, "Moved Permanently")
		a.header.Set("Location", l2lRoot+rest+"/"+query(r))
		return a
	}
	op, id, status := route(r.Method, rest)
	if status != http.StatusOK {
		p.complainLocked("%s: L2L's texts have no such operation", name)
		return page(status, http.StatusText(status))
	}
	asked, err := parseRequest(r, body)
	if err != nil {
		p.complainLocked("%s: %v", name, err)
		return l2lError(http.StatusOK, err.Error())
	}
	if why := p.wrongKey(asked.keys); why != "" {
		if p.is(WrongKeyIs401, Otherwise) {
			return l2lError(http.StatusOK, why)
		}
		return l2lError(http.StatusUnauthorized, why)
	}
	q := asked.params
	if refusal := p.applySwitches(op, q); refusal != "" {
		return l2lError(http.StatusOK, refusal)
	}
	if refusal := p.malformed(op, q); refusal != "" {
		p.complainLocked("%s: %s", name, refusal)
		return l2lError(http.StatusOK, refusal)
	}
	if id != "" {
		q["{id}"] = id
	}
	return op.do(p, q)
}

// wrongKey says what is wrong with the keys of a request; "" when it may pass.
func (p *Plant) wrongKey(keys map[string]string) string {
	for place, a := range map[string]Assumption{"header": KeyInHeader, "body": KeyInBody} {
		if _, given := keys[place]; !given {
			continue
		}
		switch p.position(a) {
		case Refused:
			return "An API key is not accepted in the " + place
		case Ignored:
			delete(keys, place)
		}
	}
	if len(keys) == 0 {
		return "API key missing"
	}
	for _, key := range keys {
		if key != p.config.L2LKey {
			return "Invalid API key"
		}
	}
	return ""
}

// query is the request's query with its question mark, or nothing.
func query(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return "?" + r.URL.RawQuery
}

// route finds the operation of a path.
func route(method, rest string) (op operation, id string, status int) {
	status = http.StatusNotFound
	for _, o := range operations() {
		front, numbered := strings.CutSuffix(o.path, "{id}/")
		id, ok := strings.CutPrefix(rest, front)
		id = strings.TrimSuffix(id, "/")
		if _, err := strconv.ParseUint(id, 10, 31); numbered {
			ok = ok && err == nil
		} else {
			ok = ok && id == ""
		}
		switch {
		case ok && o.method == method:
			return o, id, http.StatusOK
		case ok:
			status = http.StatusMethodNotAllowed
		}
	}
	return operation{}, "", status
}

// l2lData is an answer of L2L's with data:
//
//	{"success":true,"data":…}
func l2lData(data any) answer {
	return l2lAnswer(http.StatusOK, map[string]any{"success": true, "data": data})
}

// l2lError is a refusal of L2L's:
//
//	{"success":false,"error":"Dispatch already closed"}
func l2lError(status int, text string) answer {
	return l2lAnswer(status, map[string]any{"success": false, "error": text})
}

func l2lAnswer(status int, envelope map[string]any) answer {
	body, err := json.Marshal(envelope)
	if err != nil {
		return page(http.StatusInternalServerError, "Server Error (500)")
	}
	return answer{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

// refuse refuses a code that the plant does not have, and complains of it, because
// only a wrong configuration asks for it.
func (p *Plant) refuse(format string, args ...any) answer {
	why := fmt.Sprintf(format, args...)
	p.complainLocked("l2l: %s", why)
	return l2lError(http.StatusOK, why)
}

// localTime is a time as L2L writes it: in the site's zone, without naming it.
func (p *Plant) localTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.In(p.config.Zone).Format(time.DateTime)
}

// siteTime reads a time of the site that has been checked.
func (p *Plant) siteTime(s string) time.Time {
	t, _ := p.parseSiteTime(s)
	return t
}

func (p *Plant) parseSiteTime(s string) (time.Time, error) {
	if t, err := time.ParseInLocation("2006-01-02 15:04", s, p.config.Zone); err == nil {
		return t, nil
	}
	return time.ParseInLocation(time.DateTime, s, p.config.Zone)
}

// window returns the part of a list that limit and offset ask for, in the order
// that is asked for.
func window[T any](all []T, q params) []T {
	if strings.HasPrefix(q["order_by"], "-") {
		slices.Reverse(all)
	}
	limit := 100
	if q["limit"] != "" {
		limit = q.number("limit")
	}
	offset := min(q.number("offset"), len(all))
	return all[offset:min(offset+limit, len(all))]
}

func (p *Plant) listSites(q params) answer {
	if p.is(SitesReadable, Refused) {
		return l2lError(http.StatusOK, "Permission denied")
	}
	if q["site"] != "" && q.number("site") != p.config.Site || isFalse(q["active"]) || isTrue(q["test_site"]) != p.config.TestSite && q["test_site"] != "" {
		return l2lData([]any{})
	}
	return l2lData([]any{map[string]any{
		"id": siteRecord, "site": p.config.Site, "description": fmt.Sprintf("Site %d", p.config.Site),
		"test_site": p.config.TestSite, "active": true,
	}})
}

func isTrue(s string) bool  { return s == "T" || strings.EqualFold(s, "true") }
func isFalse(s string) bool { return s == "F" || strings.EqualFold(s, "false") }
