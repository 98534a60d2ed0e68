package l2l

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"stationd/internal/station"
)

// The questions of the command line.
const (
	askDispatches = "dispatches"
	askDispatch   = "dispatch"
	askCurrent    = "current-order"
	askOrders     = "orders"
	askSites      = "sites"
	askProducts   = "products"
)

// askLimit is how many rows are asked for where nothing is said.
const askLimit = 20

// Queries lists what the backend can be asked; see station.Querier.
func (b *Backend) Queries() []station.Query { return Queries() }

// Queries lists what this package can ask, for those who have no key.
func Queries() []station.Query {
	limit := station.Field{Name: "limit", Type: station.Integer, Help: fmt.Sprintf("at most so many; %d where nothing is said", askLimit)}
	offset := station.Field{Name: "offset", Type: station.Integer, Help: "leave out so many at the beginning"}
	return []station.Query{
		{Name: askDispatches, Help: "List dispatches, the newest first", Fields: []station.Field{
			{Name: "machine", Help: "at this machine: SEAL-1"},
			{Name: "type", Help: "of this dispatch type: MAINT"},
			{Name: "line", Help: "on this line: PACK4"},
			{Name: "open", Type: station.Bool, Help: "true: only open ones; false: only those that are not"},
			{Name: "order_by", Help: "a field of L2L's, with a minus in front for the greatest first; -reported where nothing is said"},
			limit, offset,
		}},
		{Name: askDispatch, Help: "Look up one dispatch", Args: []string{"number"}, Fields: []station.Field{
			{Name: "number", Type: station.Integer, Anywhere: true, Help: "the number that people say"},
			{Name: "id", Type: station.Integer, Anywhere: true, Help: "its id, in the place of the number"},
		}, Also: numberOrID},
		{Name: askCurrent, Help: "Show the order that runs on a line", Args: []string{"line"}, Fields: []station.Field{
			{Name: "line", Required: true, Help: "line code: PACK4"},
			{Name: "line_externalid", Anywhere: true, Help: "external id of the line, which L2L is then told in the place of its code"},
		}},
		{Name: askOrders, Help: "List the build sequences of a line", Args: []string{"line"}, Fields: []station.Field{
			{Name: "line", Help: "line code: PACK4"},
			{Name: "id", Type: station.Integer, Anywhere: true, Help: "the one with this id"},
			{Name: "status_from", Type: station.Integer, Help: "L2L's number of the first status: 2 is scheduled"},
			{Name: "status_to", Type: station.Integer, Help: "and of the last: 6 is on hold"},
			{Name: "order_by", Help: "schedule_start_date, with a minus in front for the last first"},
			limit, offset,
		}, Offers: []station.Offer{
			{Field: "id", With: planned(), Value: 0, Title: []int{1, 5}},
			{Field: "externalid", With: planned(), Value: 1, Title: []int{1, 5}},
		}},
		{Name: askProducts, Help: "List the products that a line runs or is to run", Args: []string{"line"}, Fields: []station.Field{
			{Name: "line", Help: "line code: PACK4"},
		}, Offers: []station.Offer{{Field: "product", Value: 0}}},
		{Name: askSites, Help: "List the sites that the key may see"},
	}
}

// mostProducts is how many products are listed: each may take a request of its own.
const mostProducts = 30

// askProducts lists the codes of the products of the planned orders, in their order.
func (b *Backend) askProducts(ctx context.Context, line string) (station.Answer, error) {
	with := planned()
	orders, err := b.ReadOrders(ctx, OrderQuery{Line: line, StatusFrom: with["status_from"], StatusTo: with["status_to"], OrderBy: with["order_by"], Limit: 100})
	if err != nil {
		return station.Answer{}, err
	}
	codes := []string{}
	seen := make(map[string]bool)
	for _, o := range orders {
		if of := o.ProductID + " " + o.Product; !seen[of] && len(codes) < mostProducts {
			seen[of] = true
			code, rc := b.productOf(ctx, o)
			if rc.Outcome != station.Delivered {
				return station.Answer{}, rc.Err
			}
			codes = append(codes, code)
		}
	}
	a, err := station.AnswerOf(codes, "PRODUCT")
	for _, code := range codes {
		a.Rows = append(a.Rows, []string{code})
	}
	return a, err
}

// planned chooses the build sequences that a line runs, or may be told to run.
func planned() map[string]string {
	return map[string]string{"status_from": statusScheduled, "status_to": statusOnHold, "order_by": "schedule_start_date"}
}

// Query asks L2L one of its Queries; see station.Querier.
func (b *Backend) Query(ctx context.Context, name string, with map[string]string) (station.Answer, error) {
	switch name {
	case askDispatches:
		return b.askDispatches(ctx, with)
	case askDispatch:
		return b.askDispatch(ctx, with)
	case askCurrent:
		return b.askCurrent(ctx, with)
	case askOrders:
		return b.askOrders(ctx, with)
	case askSites:
		return b.askSites(ctx)
	case askProducts:
		return b.askProducts(ctx, with["line"])
	}
	return station.Answer{}, fmt.Errorf("there is no question %q", name)
}

// whole reads a field that is a whole number; instead is its value where nothing
// is said.
func whole(with map[string]string, field string, instead int) (int, error) {
	text := with[field]
	if text == "" {
		return instead, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s must be a whole number from 0, not %q", field, text)
	}
	return n, nil
}

// part reads which part of a list is wanted.
func part(with map[string]string) (limit, offset int, err error) {
	if limit, err = whole(with, "limit", askLimit); err != nil {
		return 0, 0, err
	}
	offset, err = whole(with, "offset", 0)
	return limit, offset, err
}

func (b *Backend) askDispatches(ctx context.Context, with map[string]string) (station.Answer, error) {
	q := DispatchQuery{Machine: with["machine"], Type: with["type"], Line: with["line"], OrderBy: with["order_by"]}
	if q.OrderBy == "" {
		q.OrderBy = "-reported"
	}
	if text := with["open"]; text != "" {
		open := text == "true"
		q.Open = &open
	}
	var err error
	if q.Limit, q.Offset, err = part(with); err != nil {
		return station.Answer{}, err
	}
	rows, err := b.ReadDispatches(ctx, q)
	if err != nil {
		return station.Answer{}, err
	}
	return b.table(rows, q.Limit)
}

// numberOrID says that a dispatch is not named in one way.
func numberOrID(with map[string]string) []string {
	if (with["number"] == "") == (with["id"] == "") {
		return []string{"say which dispatch: either its number or id=…"}
	}
	return nil
}

func (b *Backend) askDispatch(ctx context.Context, with map[string]string) (station.Answer, error) {
	all, err := b.ReadDispatches(ctx, DispatchQuery{Number: with["number"], ID: with["id"]})
	if err != nil {
		return station.Answer{}, err
	}
	// L2L may take no notice of what it is asked for.
	var found []Dispatch
	for _, row := range all {
		if with["number"] != "" && row.Number == with["number"] || with["id"] != "" && row.ID == with["id"] {
			found = append(found, row)
		}
	}
	if len(found) == 0 {
		what, which := "number", with["number"]
		if which == "" {
			what, which = "id", with["id"]
		}
		return station.Answer{}, fmt.Errorf("no dispatch with the %s %s is shown", what, which)
	}
	return b.table(found, 0)
}

// table is a table of dispatches. limit is how many were asked for; 0: all.
func (b *Backend) table(rows []Dispatch, limit int) (station.Answer, error) {
	if rows == nil {
		rows = []Dispatch{}
	}
	a, err := station.AnswerOf(rows, "NUMBER", "ID", "MACHINE", "TYPE", "OPEN", "REPORTED", "COMPLETED", "CLOSED", "DESCRIPTION")
	for _, d := range rows {
		a.Rows = append(a.Rows, []string{d.Number, d.ID, d.Machine, d.Type, yesNo(d.Open), b.shown(d.Reported), b.shown(d.Completed), b.shown(d.Closed), d.Description})
	}
	a.Note = more(len(rows), limit)
	return a, err
}

// more says that there may be more rows than were asked for.
func more(rows, limit int) string {
	if limit == 0 || rows < limit {
		return ""
	}
	return fmt.Sprintf("There may be more: these are the first %d that were asked for (limit, offset).", rows)
}

// shown writes a time as the site's clocks show it; nothing where there is none.
func (b *Backend) shown(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return b.local(t)
}

// yesNo writes a truth; a question mark where L2L does not say.
func yesNo(truth *bool) string {
	switch {
	case truth == nil:
		return "?"
	case *truth:
		return "yes"
	}
	return "no"
}

func (b *Backend) askCurrent(ctx context.Context, with map[string]string) (station.Answer, error) {
	line := Line{Code: with["line"], ExternalID: with["line_externalid"]}
	o, err := b.ReadOrder(ctx, line)
	if err != nil {
		return station.Answer{}, err
	}
	rows := []Order{}
	note := ""
	if o.ID == "" {
		note = fmt.Sprintf("Line %v runs no order.", line)
	} else {
		rows = append(rows, o)
	}
	a, err := b.orders(rows)
	a.Note = note
	return a, err
}

func (b *Backend) askOrders(ctx context.Context, with map[string]string) (station.Answer, error) {
	q := OrderQuery{ID: with["id"], Line: with["line"], StatusFrom: with["status_from"], StatusTo: with["status_to"], OrderBy: with["order_by"]}
	var err error
	if q.Limit, q.Offset, err = part(with); err != nil {
		return station.Answer{}, err
	}
	rows, err := b.ReadOrders(ctx, q)
	if err != nil {
		return station.Answer{}, err
	}
	a, err := b.orders(rows)
	a.Note = more(len(rows), q.Limit)
	return a, err
}

// orders is a table of build sequences. Some of L2L's answers show a product by the
// id of its record alone.
func (b *Backend) orders(rows []Order) (station.Answer, error) {
	if rows == nil {
		rows = []Order{}
	}
	a, err := station.AnswerOf(rows, "ID", "EXTERNAL ID", "LINE", "PRODUCT", "STATUS", "SCHEDULED")
	for _, o := range rows {
		product := o.Product
		if product == "" && o.ProductID != "" {
			product = "record " + o.ProductID
		}
		a.Rows = append(a.Rows, []string{o.ID, o.ExternalID, o.Line, product, o.StatusName(), b.shown(o.Start)})
	}
	return a, err
}

func (b *Backend) askSites(ctx context.Context) (station.Answer, error) {
	rows, err := b.ReadSites(ctx)
	if err != nil {
		return station.Answer{}, err
	}
	if rows == nil {
		rows = []Site{}
	}
	a, err := station.AnswerOf(rows, "SITE", "ID", "NAME", "FOR TESTS", "ACTIVE")
	for _, s := range rows {
		a.Rows = append(a.Rows, []string{s.Number, s.ID, s.Name, yesNo(s.Test), yesNo(s.Active)})
	}
	return a, err
}
