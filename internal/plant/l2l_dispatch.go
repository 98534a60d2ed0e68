package plant

import (
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"
)

// tolerance is how far ahead of the plant's clock a reported time may be.
const tolerance = 5 * time.Minute

func listParameters() map[string]parameter {
	return map[string]parameter{
		"site":             {form: number},
		"machinecode":      {},
		"dispatchtypecode": {},
		"linecode":         {},
		"dispatchnumber":   {form: number},
		"open":             {form: boolean, assumed: OpenFalse},
		"order_by":         {},
		"id":               {form: number, assumed: DispatchByID},
		"limit":            {form: number, assumed: LimitAboveOne},
		"offset":           {form: number, assumed: LimitAboveOne},
		"reported__gte":    {form: siteTime, assumed: ReportedGTE},
		"reported__lte":    {form: siteTime, assumed: ReportedGTE},
		"created__gte":     {form: siteTime, assumed: CreatedGTE},
		"created__lte":     {form: siteTime, assumed: CreatedGTE},
	}
}

func openParameters() map[string]parameter {
	return map[string]parameter{
		"site":                 {form: number},
		"description":          {},
		"dispatchtypecode":     {},
		"dispatchtype":         {form: number},
		"machinecode":          {},
		"machine":              {form: number},
		"tradecode":            {},
		"trade_required":       {form: boolean},
		"user":                 {},
		"due":                  {form: siteTime},
		"assigned_users":       {},
		"reason_id":            {form: number},
		"document_externalid":  {},
		"parent_dispatch_id":   {form: number},
		"last_part_run":        {},
		"material_quarantined": {form: yesNo},
		"reported":             {form: siteTime, assumed: ReportedOnOpen},
	}
}

func addParameters() map[string]parameter {
	takes := openParameters()
	takes["completed"] = parameter{form: siteTime, assumed: CompletedOnAdd}
	return takes
}

func needsOfOpen() []string {
	return []string{"site", "dispatchtypecode|dispatchtype", "description", "machinecode|machine"}
}

// listDispatches answers
//
//	GET dispatches/?site=12&machinecode=SEAL-1&dispatchtypecode=MAINT&open=T&order_by=-reported&limit=1
//	GET dispatches/?site=12&dispatchnumber=2871001
//	GET dispatches/?site=12&id=90001
//
// with a list; filtered by id with one object, or with an empty list when there
// is none of that id.
func (p *Plant) listDispatches(q params) answer {
	if why := p.unknownCode(q); why != "" {
		return p.refuse("%s", why)
	}
	if by := strings.TrimPrefix(q["order_by"], "-"); by != "" && !slices.Contains([]string{"id", "dispatchnumber", "reported", "created"}, by) {
		return p.refuse("Invalid order_by: %q", by)
	}
	var found []Dispatch
	for _, d := range p.site.dispatches {
		if p.matches(d, q) {
			found = append(found, d)
		}
	}
	if q["id"] != "" && len(found) == 1 {
		return l2lData(p.dispatchRecord(found[0]))
	}
	if strings.HasSuffix(q["order_by"], "reported") {
		sort.SliceStable(found, func(i, j int) bool { return found[i].Reported.Before(found[j].Reported) })
	}
	records := []any{}
	for _, d := range window(found, q) {
		records = append(records, p.dispatchRecord(d))
	}
	return l2lData(records)
}

// unknownCode names the first code among the filters that the plant does not
// have; where the site ignores such a filter, it is taken away instead.
func (p *Plant) unknownCode(q params) string {
	known := map[string]func(string) bool{
		"machinecode":      func(c string) bool { _, ok := p.machine(c); return ok },
		"dispatchtypecode": func(c string) bool { _, ok := p.dispatchType(c); return ok },
		"linecode":         p.hasLine,
	}
	for _, name := range []string{"machinecode", "dispatchtypecode", "linecode"} {
		code, given := q[name]
		if !given || known[name](code) {
			continue
		}
		if !p.is(UnknownCodeRefused, Ignored) {
			return fmt.Sprintf("Unknown %s: %q", name, code)
		}
		delete(q, name)
	}
	return ""
}

// matches reports whether a dispatch passes the filters.
func (p *Plant) matches(d Dispatch, q params) bool {
	same := func(name, value string) bool { return q[name] == "" || q[name] == value }
	if !same("machinecode", d.Machine) || !same("dispatchtypecode", d.Type) || !same("linecode", d.Line) {
		return false
	}
	if q["id"] != "" && q.number("id") != d.ID || q["dispatchnumber"] != "" && q.number("dispatchnumber") != d.Number {
		return false
	}
	if q["open"] != "" && isTrue(q["open"]) != p.countsAsOpen(d) {
		return false
	}
	byKey := q["id"] != "" || q["dispatchnumber"] != ""
	if q["open"] == "" && !byKey && !d.Open() && p.is(ClosedListed, Ignored) {
		return false
	}
	within := func(from, to string, t time.Time) bool {
		return (q[from] == "" || !t.Before(p.siteTime(q[from]))) && (q[to] == "" || !t.After(p.siteTime(q[to])))
	}
	return within("reported__gte", "reported__lte", d.Reported) && within("created__gte", "created__lte", d.Created.Truncate(time.Second))
}

// countsAsOpen reports whether open=T finds the dispatch.
func (p *Plant) countsAsOpen(d Dispatch) bool {
	if d.Closed.IsZero() && !d.Completed.IsZero() && p.is(CompletedNotOpen, Otherwise) {
		return true
	}
	return d.Open()
}

// dispatchRecord is a dispatch as L2L writes it.
//
//	{"id":90001,"dispatchnumber":2871001,"site":12,"dispatchtypecode":"MAINT",…,"reported":"2026-03-02 08:15:00","open":"T"}
func (p *Plant) dispatchRecord(d Dispatch) map[string]any {
	machine, _ := p.machine(d.Machine)
	kind, _ := p.dispatchType(d.Type)
	record := map[string]any{
		"id": d.ID, "dispatchnumber": d.Number, "site": p.config.Site,
		"dispatchtype": firstType + kind, "dispatchtypecode": d.Type,
		"machine": firstMachine + machine, "machinecode": d.Machine,
		"line": p.lineID(d.Line), "linecode": d.Line,
		"reported": p.localTime(d.Reported), "created": p.localTime(d.Created), "lastupdated": p.localTime(lastOf(d)),
	}
	if !p.is(DescriptionReturned, Ignored) {
		record["description"] = d.Description
	}
	switch p.position(RecordSaysOpen) {
	case Stands:
		record["open"] = "F"
		if p.countsAsOpen(d) {
			record["open"] = "T"
		}
		record["completed"], record["closed"] = p.localTime(d.Completed), p.localTime(d.Closed)
		if d.Attended && d.Open() {
			record["currentstatus_dispatchstatus_id"], record["currentstatus_description"] = statusAttended, "In Progress"
		}
	case Otherwise:
		record["currentstatus_dispatchstatus_id"], record["currentstatus_description"] = d.status()
	}
	return record
}

// statusAttended is L2L's own number for a dispatch that somebody is working on, by what its
// customers' programs set.
const statusAttended = -4

// Attend has somebody work on the dispatch of that number, as a technician does on L2L's own
// page. It reports whether there is an open one.
func (p *Plant) Attend(number int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, d := range p.site.dispatches {
		if d.Number == number && d.Open() {
			p.site.dispatches[i].Attended = true
			return true
		}
	}
	return false
}

// status is how a dispatch stands, in the number and the words of L2L's own statuses.
// The numbers are not L2L's: nothing public says which is which.
func (d Dispatch) status() (id int, words string) {
	switch {
	case !d.Closed.IsZero():
		return -3, "Closed"
	case !d.Completed.IsZero():
		return -2, "Completed"
	}
	return -1, "Open"
}

func lastOf(d Dispatch) time.Time {
	last := d.Created
	for _, t := range []time.Time{d.Completed, d.Closed} {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// openDispatch launches an open dispatch, as the New Dispatch form does.
func (p *Plant) openDispatch(q params) answer {
	d, why := p.newDispatch(q)
	if why != "" {
		return p.refuse("%s", why)
	}
	if p.config.Types[p.typeOf(d.Type)].Critical && slices.ContainsFunc(p.site.dispatches, func(o Dispatch) bool {
		return o.Open() && o.Machine == d.Machine && p.config.Types[p.typeOf(o.Type)].Critical
	}) {
		return l2lError(http.StatusOK, "This Machine already has an open critical Dispatch.")
	}
	d.Made = "open"
	return p.dispatchAnswer(p.storeDispatch(d))
}

// addDispatch records a dispatch that is completed and closed already.
func (p *Plant) addDispatch(q params) answer {
	d, why := p.newDispatch(q)
	if why != "" {
		return p.refuse("%s", why)
	}
	d.Completed = d.Reported
	if q["completed"] != "" {
		d.Completed = p.siteTime(q["completed"])
	}
	if d.Completed.Before(d.Reported) || d.Completed.After(time.Now().Add(tolerance)) {
		return p.refuse("Invalid value for completed: %q", q["completed"])
	}
	d.Closed, d.Made = d.Completed, "add"
	return p.dispatchAnswer(p.storeDispatch(d))
}

// dispatchAnswer is the answer to open and add.
func (p *Plant) dispatchAnswer(d Dispatch) answer {
	if p.is(DispatchAnswered, Ignored) {
		return l2lAnswer(http.StatusOK, map[string]any{"success": true})
	}
	return l2lData(p.dispatchRecord(d))
}

// newDispatch is the dispatch that the parameters describe, or why there can be
// none.
func (p *Plant) newDispatch(q params) (d Dispatch, why string) {
	now := time.Now()
	machine, ok := p.machine(q["machinecode"])
	if q["machinecode"] == "" {
		machine = q.number("machine") - firstMachine
		ok = machine >= 0 && machine < len(p.config.Machines)
	}
	if !ok {
		return Dispatch{}, fmt.Sprintf("Unknown machine: %q", q["machinecode"]+q["machine"])
	}
	kind, ok := p.dispatchType(q["dispatchtypecode"])
	if q["dispatchtypecode"] == "" {
		kind = q.number("dispatchtype") - firstType
		ok = kind >= 0 && kind < len(p.config.Types)
	}
	if !ok {
		return Dispatch{}, fmt.Sprintf("Unknown dispatch type: %q", q["dispatchtypecode"]+q["dispatchtype"])
	}
	trade, why := p.trade(q)
	if why != "" {
		return Dispatch{}, why
	}
	reported := now
	if q["reported"] != "" {
		reported = p.siteTime(q["reported"])
	}
	if reported.After(now.Add(tolerance)) {
		return Dispatch{}, fmt.Sprintf("reported lies in the future: %q", q["reported"])
	}
	m := p.config.Machines[machine]
	return Dispatch{
		Machine: m.Code, Line: m.Line, Type: p.config.Types[kind].Code, Trade: trade, User: q["user"],
		Description: q["description"], Reported: reported.Truncate(time.Second), Created: now,
	}, ""
}

// trade is the trade that is called: the default trade for none or an unknown
// one, unless it is required.
func (p *Plant) trade(q params) (trade, why string) {
	if slices.Contains(p.config.Trades, q["tradecode"]) {
		return q["tradecode"], ""
	}
	if isTrue(q["trade_required"]) || len(p.config.Trades) == 0 {
		return "", fmt.Sprintf("Unknown trade: %q", q["tradecode"])
	}
	return p.config.Trades[0], ""
}

// storeDispatch gives the dispatch its id and number and keeps it.
func (p *Plant) storeDispatch(d Dispatch) Dispatch {
	d.ID, d.Number = firstDispatch+len(p.site.dispatches), firstNumber+len(p.site.dispatches)
	p.site.dispatches = append(p.site.dispatches, d)
	return d
}

// completeDispatch stops a dispatch's time.
func (p *Plant) completeDispatch(q params) answer {
	d := p.dispatch(q.number("{id}"))
	switch {
	case d == nil:
		return l2lError(http.StatusOK, "Dispatch not found")
	case !d.Closed.IsZero():
		return p.alreadyDone("Dispatch already closed")
	case !d.Completed.IsZero():
		return p.alreadyDone("Dispatch is already completed")
	}
	d.Completed = time.Now()
	return l2lData(p.dispatchRecord(*d))
}

// closeDispatch archives a dispatch and completes it where nobody has.
func (p *Plant) closeDispatch(q params) answer {
	d := p.dispatch(q.number("{id}"))
	switch {
	case d == nil:
		return l2lError(http.StatusOK, "Dispatch not found")
	case !d.Closed.IsZero():
		return p.alreadyDone("Dispatch already closed")
	}
	d.Closed = time.Now()
	if d.Completed.IsZero() {
		d.Completed = d.Closed
	}
	return l2lData(p.dispatchRecord(*d))
}

// alreadyDone refuses what is done already.
func (p *Plant) alreadyDone(text string) answer {
	if p.is(RepeatSaysSo, Otherwise) {
		text = "The request could not be processed"
	}
	return l2lError(http.StatusOK, text)
}

// dispatch returns the dispatch of that id; nil: there is none.
func (p *Plant) dispatch(id int) *Dispatch {
	i := id - firstDispatch
	if i < 0 || i >= len(p.site.dispatches) {
		return nil
	}
	return &p.site.dispatches[i]
}

func (p *Plant) machine(code string) (int, bool) {
	i := slices.IndexFunc(p.config.Machines, func(m Machine) bool { return m.Code == code })
	return i, i >= 0
}

func (p *Plant) dispatchType(code string) (int, bool) {
	i := p.typeOf(code)
	return i, i >= 0
}

func (p *Plant) typeOf(code string) int {
	return slices.IndexFunc(p.config.Types, func(t DispatchType) bool { return t.Code == code })
}

func (p *Plant) hasLine(code string) bool {
	return slices.ContainsFunc(p.config.Lines, func(l Line) bool { return l.Code == code })
}

func (p *Plant) lineID(code string) int {
	return firstLine + slices.IndexFunc(p.config.Lines, func(l Line) bool { return l.Code == code })
}
