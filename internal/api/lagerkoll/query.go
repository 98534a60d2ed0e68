package lagerkoll

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"stationd/internal/station"
)

// The questions of the command line.
const (
	askOrder   = "order"
	askOrders  = "orders"
	askBatches = "batches"
	askParts   = "products"
	askNext    = "next-reference"
	askRows    = "picking-rows"
)

// AskPickingList is the question whose answer is a picking list as a PDF, to be printed.
const AskPickingList = "picking-list"

// Queries lists what the backend can be asked; see station.Querier.
func (b *Backend) Queries() []station.Query { return Queries() }

// Queries lists what this package can ask, for those who have no key.
func Queries() []station.Query {
	order := station.Field{Name: "order", Type: station.Integer, Required: true, Help: "id of the production order"}
	sorting := []station.Field{
		{Name: "sort", Help: "art, name, supplier or supplier_art; art where nothing is said"},
		{Name: "descending", Type: station.Bool, Help: "true: the last first"},
	}
	picking := append([]station.Field{order}, append(sorting,
		station.Field{Name: "available", Type: station.Bool, Help: "true: leave out what is not available"},
		station.Field{Name: "images", Type: station.Bool, Help: "true: with pictures of the articles"})...)
	return []station.Query{
		{Name: askOrder, Help: "Show a production order and its articles", Args: []string{"order"}, Fields: []station.Field{order}},
		{Name: askOrders, Help: "List production orders: by state, customer order or article, or between two states", Fields: []station.Field{
			{Name: "state", Help: "in this state: new, developing, finished or cancelled"},
			{Name: "after", Help: "with state: that start at this time or after it: 2026-03-02, or 2026-03-02T06:00:00+01:00"},
			{Name: "before", Help: "with state: that start at this time or before it"},
			{Name: "customer_order", Type: station.Integer, Help: "of the customer order with this id"},
			{Name: "article", Help: "with this article"},
			{Name: "max_state", Help: "with article: in this state or one before it"},
			{Name: "from", Help: "from this state; new where nothing is said"},
			{Name: "to", Help: "to this state; cancelled where nothing is said"},
			{Name: "query", Help: "between two states: what fits this text"},
			{Name: "sort", Help: "start_date or end_date; start_date where nothing is said; not between two states"},
			{Name: "ascending", Type: station.Bool, Help: "true: the first first; not between two states"},
			{Name: "page", Type: station.Integer, Help: "which page of the list, from 0"},
			{Name: "limit", Type: station.Integer, Help: "how many a page; Lagerkoll's own where nothing is said"},
		}, Also: wrongOrders, Offers: []station.Offer{
			{Field: "order", With: map[string]string{"state": "developing"}, Value: 0, Title: []int{1, 2}},
		}},
		{Name: askBatches, Help: "Show the batches and serial numbers of a production order", Args: []string{"order"}, Fields: []station.Field{order}},
		{Name: askParts, Help: "List the parts that a production order needs", Args: []string{"order"}, Fields: append([]station.Field{order,
			{Name: "query", Help: "only parts that fit this text"},
			{Name: "supplier", Help: "only parts of this supplier"},
		}, sorting...)},
		{Name: askNext, Help: "Show the reference that the next production order would get"},
		{Name: AskPickingList, Help: "Fetch the picking list of a production order as a PDF", Args: []string{"order"}, Fields: picking, File: "a PDF"},
		{Name: askRows, Help: "List the picking list of a production order", Args: []string{"order"}, Fields: picking},
	}
}

// Query asks Lagerkoll one of its Queries; see station.Querier.
func (b *Backend) Query(ctx context.Context, name string, with map[string]string) (station.Answer, error) {
	switch name {
	case askOrders:
		return b.askOrders(ctx, with)
	case askNext:
		return b.askNext(ctx)
	}
	id, err := orderID(with["order"])
	if err != nil {
		return station.Answer{}, err
	}
	switch name {
	case askOrder:
		return b.askOrder(ctx, id)
	case askBatches:
		return b.askBatches(ctx, id)
	case askParts:
		rows, err := b.FlatProducts(ctx, id, with["query"], with["supplier"], sortingOf(with))
		return partsTable(rows, err)
	case AskPickingList:
		pdf, err := b.PickingListPDF(ctx, id, pickingOf(with))
		return station.Answer{File: pdf, Type: "application/pdf"}, err
	case askRows:
		rows, err := b.PickingList(ctx, id, pickingOf(with))
		return partsTable(rows, err)
	}
	return station.Answer{}, fmt.Errorf("there is no question %q", name)
}

// orderID reads the id of an order.
func orderID(text string) (ID, error) {
	if _, err := orderPath(text); err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return ID(n), err
}

func sortingOf(with map[string]string) Sorting {
	return Sorting{Sort: with["sort"], Descending: with["descending"] == "true"}
}

func pickingOf(with map[string]string) Picking {
	return Picking{Sorting: sortingOf(with), OnlyAvailable: with["available"] == "true", Images: with["images"] == "true"}
}

// day writes a date of Lagerkoll's. Lagerkoll does not say what the hour of its
// dates means, so one that is no midnight is written with its zone.
func (d Date) day() string {
	switch {
	case d.IsZero():
		return ""
	case d.Equal(d.Truncate(24 * time.Hour)):
		return d.Format(time.DateOnly)
	}
	return d.Format("2006-01-02 15:04Z")
}

func (b *Backend) askOrder(ctx context.Context, id ID) (station.Answer, error) {
	o, err := b.Order(ctx, id)
	if err != nil {
		return station.Answer{}, err
	}
	a, err := station.AnswerOf(o, "ARTICLE", "NAME", "AMOUNT", "FINISHED", "WASTE")
	for _, row := range o.Articles {
		a.Rows = append(a.Rows, []string{string(row.Article), string(row.Name), row.Amount.String(), row.Finished.String(), row.Waste.String()})
	}
	a.Note = o.sentence()
	return a, err
}

// sentence says the order in a line.
//
//	Order 4711, PO-4711: Soup, morning; developing; start 2026-03-02 05:00Z; 12 of 700 finished
func (o Order) sentence() string {
	said := []string{"Order " + o.ID.String() + ", " + string(o.Reference) + ": " + string(o.Name), o.State.String()}
	for _, d := range []struct {
		what string
		date Date
	}{{"start", o.Start}, {"end", o.End}, {"finished on", o.Finish}} {
		if !d.date.IsZero() {
			said = append(said, d.what+" "+d.date.day())
		}
	}
	if o.Total.Known && o.FinishedAmount.Known {
		said = append(said, o.FinishedAmount.String()+" of "+o.Total.String()+" finished")
	}
	return strings.Join(said, "; ")
}

func (b *Backend) askOrders(ctx context.Context, with map[string]string) (station.Answer, error) {
	page, err := b.pageOf(ctx, with)
	if err != nil {
		return station.Answer{}, err
	}
	if page.Orders == nil {
		page.Orders = []Order{}
	}
	a, err := station.AnswerOf(page, "ID", "REFERENCE", "NAME", "STATE", "START", "END", "FINISHED", "OF", "CUSTOMER ORDER")
	for _, o := range page.Orders {
		a.Rows = append(a.Rows, []string{o.ID.String(), string(o.Reference), string(o.Name), o.State.String(), o.Start.day(), o.End.day(),
			o.FinishedAmount.String(), o.Total.String(), o.CustomerOrder.String()})
	}
	if page.Count.Known && page.Pages.Known && page.Pages.Value > 1 {
		a.Note = fmt.Sprintf("Page %s of %s, from 0: %s orders in all.", page.Page, page.Pages, page.Count)
	}
	return a, err
}

// pageOf asks for the list of orders that is meant: each way to choose orders is a
// list of its own at Lagerkoll. with is what wrongOrders finds nothing wrong with.
func (b *Backend) pageOf(ctx context.Context, with map[string]string) (Page, error) {
	paging := pagingOf(with)
	state := func(field string, instead State) State {
		if s, ok := ReadState(with[field]); ok {
			return s
		}
		return instead
	}
	switch {
	case with["state"] != "":
		return b.OrdersOfState(ctx, state("state", New), moment(with["after"]), moment(with["before"]), paging)
	case with["customer_order"] != "":
		id, err := orderID(with["customer_order"])
		if err != nil {
			return Page{}, err
		}
		return b.OrdersOfCustomerOrder(ctx, id)
	case with["article"] != "":
		return b.OrdersWithArticle(ctx, with["article"], state("max_state", 0), paging)
	}
	return b.OrdersBetween(ctx, state("from", New), state("to", Cancelled), with["query"], paging)
}

// wrongOrders says what is wrong with the fields by which orders are chosen. A
// field that the list does not take would be left out in silence.
func wrongOrders(with map[string]string) (faults []string) {
	lists := map[string][]string{
		"state":          {"state", "after", "before", "sort", "ascending", "page", "limit"},
		"customer_order": {"customer_order"},
		"article":        {"article", "max_state", "sort", "ascending", "page", "limit"},
		"":               {"from", "to", "query", "page", "limit"},
	}
	chosen, by := "", "between two states"
	for _, field := range []string{"state", "customer_order", "article"} {
		switch {
		case with[field] == "":
		case chosen != "":
			return []string{fmt.Sprintf("orders are listed either by %s or by %s: keep one of them", chosen, field)}
		default:
			chosen, by = field, "by "+field
		}
	}
	for _, field := range slices.Sorted(maps.Keys(with)) {
		if !slices.Contains(lists[chosen], field) {
			faults = append(faults, fmt.Sprintf("a list of orders %s takes no %s; it takes: %s", by, field, strings.Join(lists[chosen], ", ")))
			continue
		}
		faults = append(faults, wrongValue(field, with[field])...)
	}
	return faults
}

// wrongValue says why a text cannot be the value of a field of a list.
func wrongValue(field, text string) []string {
	switch field {
	case "state", "max_state", "from", "to":
		if _, ok := ReadState(text); !ok {
			return []string{fmt.Sprintf("%s must be new, developing, finished or cancelled, not %q", field, text)}
		}
	case "after", "before":
		if _, err := instant(text); err != nil {
			return []string{fmt.Sprintf("%s: %v", field, err)}
		}
	case "page", "limit":
		if n, err := strconv.Atoi(text); err != nil || n < 0 {
			return []string{fmt.Sprintf("%s must be a whole number from 0, not %q", field, text)}
		}
	}
	return nil
}

// moment reads a time; zero where there is none.
func moment(text string) time.Time {
	at, err := instant(text)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(at)
}

func pagingOf(with map[string]string) Paging {
	page, _ := strconv.Atoi(with["page"]) // 0 where nothing is said
	limit, _ := strconv.Atoi(with["limit"])
	return Paging{Page: page, Limit: limit, Sort: with["sort"], Ascending: with["ascending"] == "true"}
}

func (b *Backend) askBatches(ctx context.Context, id ID) (station.Answer, error) {
	list, err := b.Batches(ctx, id)
	if err != nil {
		return station.Answer{}, err
	}
	if list == nil {
		list = []Batches{}
	}
	a, err := station.AnswerOf(list, "ARTICLE", "BATCH", "SERIAL", "DELIVERED", "ORDERED", "BEST BEFORE")
	for _, of := range list {
		for _, row := range of.Batches {
			a.Rows = append(a.Rows, []string{string(of.Article), string(row.Batch), string(row.Serial), row.Delivered.String(), row.Ordered.String(), row.BestBefore.day()})
		}
	}
	return a, err
}

// partsTable is a table of parts.
func partsTable(rows []FlatArticle, err error) (station.Answer, error) {
	if err != nil {
		return station.Answer{}, err
	}
	if rows == nil {
		rows = []FlatArticle{}
	}
	a, err := station.AnswerOf(rows, "ARTICLE", "NAME", "AMOUNT", "RESERVED", "UNIT", "PLACE", "SUPPLIER")
	for _, row := range rows {
		a.Rows = append(a.Rows, []string{string(row.Article), string(row.Name), row.Amount.String(), row.Reserved.String(), string(row.Unit), string(row.StockPlace), string(row.SupplierName)})
	}
	return a, err
}

func (b *Backend) askNext(ctx context.Context) (station.Answer, error) {
	reference, err := b.NextReference(ctx)
	if err != nil {
		return station.Answer{}, err
	}
	a, err := station.AnswerOf(map[string]string{"prReference": reference}, "REFERENCE")
	a.Rows = [][]string{{reference}}
	return a, err
}
