package plant

import (
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"
)

func lineParameters() map[string]parameter {
	return map[string]parameter{
		"site":            {form: number},
		"linecode":        {},
		"line_externalid": {assumed: ExternalIDs},
	}
}

func orderParameters() map[string]parameter {
	takes := lineParameters()
	takes["productcode"] = parameter{}
	takes["id"] = parameter{form: number}
	takes["externalid"] = parameter{assumed: ExternalIDs}
	return takes
}

func needsOfOrder() []string { return []string{"site", "linecode|line_externalid"} }

func sequenceParameters() map[string]parameter {
	return map[string]parameter{
		"site":        {form: number},
		"id":          {form: number, assumed: SequenceByID},
		"linecode":    {},
		"line":        {form: number},
		"status":      {form: number},
		"status__gte": {form: number},
		"status__lte": {form: number},
		"order_by":    {},
		"limit":       {form: number, assumed: LimitAboveOne},
		"offset":      {form: number, assumed: LimitAboveOne},
	}
}

func productParameters() map[string]parameter {
	return map[string]parameter{
		"site":   {form: number},
		"id":     {form: number, assumed: ProductByID},
		"code":   {},
		"limit":  {form: number, assumed: LimitAboveOne},
		"offset": {form: number, assumed: LimitAboveOne},
	}
}

// lineOf returns the code of the line that is meant, and what is wrong with the
// parameters of an order operation.
func (p *Plant) lineOf(q params) (line, why string) {
	line = q["linecode"]
	if external, given := q["line_externalid"]; given {
		i := slices.IndexFunc(p.config.Lines, func(l Line) bool { return l.ExternalID == external && external != "" })
		switch {
		case line != "":
			return "", "linecode and line_externalid together"
		case i < 0:
			return "", fmt.Sprintf("Unknown line: %q", external)
		}
		line = p.config.Lines[i].Code
	}
	if !p.hasLine(line) {
		return "", fmt.Sprintf("Unknown line: %q", line)
	}
	named := 0
	for _, name := range []string{"id", "externalid", "productcode"} {
		if q[name] != "" {
			named++
		}
	}
	if named > 1 {
		return "", "more than one of productcode, id and externalid"
	}
	if product := q["productcode"]; product != "" && !slices.Contains(p.config.Products, product) {
		return "", fmt.Sprintf("Unknown product: %q", product)
	}
	return line, ""
}

// namedSequence returns the build sequence that id or externalid names on the line; nil
// when it is not there. asked is false when neither is given.
func (p *Plant) namedSequence(line string, q params) (s *Sequence, asked bool) {
	if q["id"] == "" && q["externalid"] == "" {
		return nil, false
	}
	i := slices.IndexFunc(p.site.sequences, func(s Sequence) bool {
		return s.Line == line && (q["id"] != "" && s.ID == q.number("id") || q["externalid"] != "" && s.ExternalID == q["externalid"])
	})
	if i < 0 {
		return nil, true
	}
	return &p.site.sequences[i], true
}

// running returns the line's current build sequence; nil when it has none.
func (p *Plant) running(line string) *Sequence {
	id, ok := p.site.current[line]
	if !ok {
		return nil
	}
	return &p.site.sequences[id-firstSequence]
}

// next returns the first order of the line's eKanban queue, with that product
// where one is given; nil when there is none.
func (p *Plant) next(line, product string) *Sequence {
	i := slices.IndexFunc(p.site.sequences, func(s Sequence) bool {
		return s.Line == line && s.Status == Scheduled && (product == "" || s.Product == product)
	})
	if i < 0 {
		return nil
	}
	return &p.site.sequences[i]
}

// startChangeover starts the order that the parameters name, or else the next
// one of the line's queue.
//
//	POST buildsequence/start_change_over/    site=12&linecode=PACK4&productcode=100
func (p *Plant) startChangeover(q params) answer {
	line, why := p.lineOf(q)
	if why != "" {
		return p.refuse("%s", why)
	}
	s, asked := p.namedSequence(line, q)
	if !asked {
		s = p.next(line, q["productcode"])
	}
	if s == nil {
		return l2lError(http.StatusOK, "No matching order in the eKanban Queue")
	}
	switch s.Status {
	case Changeover, InProgress:
		return p.alreadyDone("Build Sequence is already started")
	case Completed:
		return p.alreadyDone("Build Sequence is already completed")
	}
	p.startSequence(s)
	return p.sequenceAnswer(*s)
}

// startSequence splits the line's pitch, ends the order that runs, starts s and makes a
// changeover dispatch where the site has a type for it.
func (p *Plant) startSequence(s *Sequence) {
	now := time.Now()
	change := Change{Line: s.Line, Sequence: s.ID, Product: s.Product, Started: now}
	if old := p.running(s.Line); old != nil {
		change.Previous = old.ID
		old.Status = Completed
		if p.is(ChangeoverCompletes, Otherwise) {
			old.Status = OnHold
		}
	}
	s.Status = Changeover
	if s.Planned == 0 {
		s.Status, change.Finished = InProgress, now
	}
	p.site.current[s.Line] = s.ID
	if p.config.ChangeoverType != "" {
		change.Dispatch = p.changeoverDispatch(s, now)
	}
	p.site.changes = append(p.site.changes, change)
}

// changeoverDispatch opens the dispatch on the first machine of the line; 0: the
// line has no machine.
func (p *Plant) changeoverDispatch(s *Sequence, now time.Time) int {
	i := slices.IndexFunc(p.config.Machines, func(m Machine) bool { return m.Line == s.Line })
	if i < 0 {
		return 0
	}
	trade, _ := p.trade(params{})
	return p.storeDispatch(Dispatch{
		Machine: p.config.Machines[i].Code, Line: s.Line, Type: p.config.ChangeoverType, Trade: trade,
		Description: "Changeover to " + s.Product, Reported: now.Truncate(time.Second), Created: now, Made: "changeover",
	}).ID
}

// targetSequence returns the order that finish, hold or complete is about: the one that
// is named, or else the line's current one.
func (p *Plant) targetSequence(q params) (*Sequence, answer, bool) {
	line, why := p.lineOf(q)
	if why != "" {
		return nil, p.refuse("%s", why), false
	}
	s, asked := p.namedSequence(line, q)
	if !asked {
		s = p.running(line)
	}
	if s == nil || q["productcode"] != "" && s.Product != q["productcode"] {
		return nil, l2lError(http.StatusOK, "No matching order on the line"), false
	}
	return s, answer{}, true
}

// finishChangeover completes the changeover and its open dispatches.
func (p *Plant) finishChangeover(q params) answer {
	s, refusal, ok := p.targetSequence(q)
	if !ok {
		return refusal
	}
	if s.Status != Changeover && (s.Status != InProgress || s.Planned != 0) {
		return p.alreadyDone("Build Sequence is not in changeover")
	}
	now := time.Now()
	s.Status = InProgress
	for i := range p.site.changes {
		if c := &p.site.changes[i]; c.Sequence == s.ID && c.Finished.IsZero() {
			c.Finished = now
		}
	}
	for i := range p.site.dispatches {
		if d := &p.site.dispatches[i]; d.Line == s.Line && d.Type == p.config.ChangeoverType && d.Open() {
			d.Completed = now
		}
	}
	return p.sequenceAnswer(*s)
}

// holdOrder puts an order on hold, to be completed at a later date.
func (p *Plant) holdOrder(q params) answer {
	s, refusal, ok := p.targetSequence(q)
	if !ok {
		return refusal
	}
	switch s.Status {
	case OnHold:
		return p.alreadyDone("Build Sequence is already on hold")
	case Completed:
		return p.alreadyDone("Build Sequence is already completed")
	}
	p.endSequence(s, OnHold)
	return p.sequenceAnswer(*s)
}

// completeOrder completes an order.
func (p *Plant) completeOrder(q params) answer {
	s, refusal, ok := p.targetSequence(q)
	if !ok {
		return refusal
	}
	if s.Status == Completed {
		return p.alreadyDone("Build Sequence is already completed")
	}
	p.endSequence(s, Completed)
	return p.sequenceAnswer(*s)
}

// endSequence ends the order's time on its line.
func (p *Plant) endSequence(s *Sequence, status Status) {
	s.Status = status
	if p.site.current[s.Line] != s.ID {
		return
	}
	delete(p.site.current, s.Line)
	if next := p.next(s.Line, ""); next != nil && p.is(LineIdles, Otherwise) {
		p.startSequence(next)
	}
}

// sequenceAnswer is the answer to an operation on an order.
func (p *Plant) sequenceAnswer(s Sequence) answer {
	if p.is(OrderAnswered, Ignored) {
		return l2lAnswer(http.StatusOK, map[string]any{"success": true})
	}
	return l2lData(p.sequenceRecord(s))
}

// currentOrder answers
//
//	GET buildsequence/get_current_order_on_line/?site=12&linecode=PACK4
func (p *Plant) currentOrder(q params) answer {
	line, why := p.lineOf(q)
	if why != "" {
		return p.refuse("%s", why)
	}
	s := p.running(line)
	switch {
	case s != nil:
		return l2lData(p.sequenceRecord(*s))
	case p.is(NoOrderIsNull, Otherwise):
		return l2lError(http.StatusOK, "No current order on line")
	}
	return l2lData(nil)
}

// listSequences answers GET buildsequence/?site=12&id=8801 with one object, and
// any other filter with a list.
func (p *Plant) listSequences(q params) answer {
	if why := p.unknownCode(q); why != "" {
		return p.refuse("%s", why)
	}
	if by := strings.TrimPrefix(q["order_by"], "-"); by != "" && by != "id" && by != "schedule_start_date" {
		return p.refuse("Invalid order_by: %q", by)
	}
	var found []Sequence
	for _, s := range p.site.sequences {
		is := func(name string, n int) bool { return q[name] == "" || q.number(name) == n }
		if is("id", s.ID) && is("line", p.lineID(s.Line)) && is("status", int(s.Status)) &&
			(q["linecode"] == "" || q["linecode"] == s.Line) &&
			(q["status__gte"] == "" || int(s.Status) >= q.number("status__gte")) &&
			(q["status__lte"] == "" || int(s.Status) <= q.number("status__lte")) {
			found = append(found, s)
		}
	}
	if q["id"] != "" && len(found) == 1 {
		return l2lData(p.sequenceRecord(found[0]))
	}
	if strings.HasSuffix(q["order_by"], "schedule_start_date") {
		sort.SliceStable(found, func(i, j int) bool { return found[i].Start.Before(found[j].Start) })
	}
	records := []any{}
	for _, s := range window(found, q) {
		records = append(records, p.sequenceRecord(s))
	}
	return l2lData(records)
}

// sequenceRecord is a build sequence as L2L writes it. Its product is a number
// that productcomponents/ resolves.
//
//	{"id":8801,"externalid":"PO-100-1","line":71,"linecode":"PACK4","product":3001,"status":4,…}
func (p *Plant) sequenceRecord(s Sequence) map[string]any {
	record := map[string]any{
		"id": s.ID, "site": p.config.Site, "line": p.lineID(s.Line),
		"product": firstProduct + slices.Index(p.config.Products, s.Product), "status": int(s.Status),
		"schedule_start_date": p.localTime(s.Start),
	}
	if !p.is(LineCodeReturned, Ignored) {
		record["linecode"] = s.Line
	}
	if !p.is(ExternalIDReturned, Ignored) {
		record["externalid"] = s.ExternalID
	}
	return record
}

// listProducts answers GET productcomponents/?site=12&id=3001 with one object,
// and any other filter with a list.
func (p *Plant) listProducts(q params) answer {
	if q["id"] != "" {
		if i := q.number("id") - firstProduct; i >= 0 && i < len(p.config.Products) {
			return l2lData(p.productRecord(i))
		}
		return l2lData([]any{})
	}
	var found []int
	for i, code := range p.config.Products {
		if q["code"] == "" || q["code"] == code {
			found = append(found, i)
		}
	}
	records := []any{}
	for _, i := range window(found, q) {
		records = append(records, p.productRecord(i))
	}
	return l2lData(records)
}

func (p *Plant) productRecord(i int) map[string]any {
	return map[string]any{"id": firstProduct + i, "site": p.config.Site, "code": p.config.Products[i], "description": "Product " + p.config.Products[i]}
}
