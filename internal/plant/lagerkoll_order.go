package plant

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// productionOrder returns the order of that id, or the refusal of a request
// about it.
func (p *Plant) productionOrder(id int64, code int) (*Order, error) {
	i := slices.IndexFunc(p.store.orders, func(o Order) bool { return o.ID == id })
	if i < 0 {
		return nil, refused(code, "There is no production order %d", id)
	}
	return &p.store.orders[i], nil
}

// openOrder returns the order if it may still be changed.
func (p *Plant) openOrder(id int64, code int) (*Order, error) {
	o, err := p.productionOrder(id, code)
	if err == nil && (o.State == StateFinished || o.State == StateCancelled) {
		return nil, refused(code, "Production order %d is finished or cancelled", id)
	}
	return o, err
}

// getOrder answers GET /{order_id}.
func (p *Plant) getOrder(c call) (any, error) {
	o, err := p.productionOrder(c.id, codeGet)
	if err != nil {
		return nil, err
	}
	return p.orderRecord(*o), nil
}

// nextReference answers GET /pr_ref/next_id; it reserves nothing.
func (p *Plant) nextReference(call) (any, error) {
	for {
		ref := fmt.Sprintf("P%05d", p.store.nextRef)
		if !p.referenceTaken(ref, 0) {
			return map[string]any{"prReference": ref}, nil
		}
		p.store.nextRef++
	}
}

func (p *Plant) referenceTaken(ref string, but int64) bool {
	return slices.ContainsFunc(p.store.orders, func(o Order) bool { return o.Reference == ref && o.ID != but })
}

// createOrder answers POST /. The id is Lagerkoll's to give, whatever the body
// says.
func (p *Plant) createOrder(c call) (any, error) {
	body, err := p.decode(c.body, orderClass(), codeCreate)
	if err != nil {
		return nil, err
	}
	o := Order{State: State(body.long("state")), Reference: body.text("prReference"), Customer: body.long("customerOrderId")}
	if o.State < StateNew || o.State > StateCancelled {
		return nil, invalid(codeCreate, "state %d is none of 0 to 3", o.State)
	}
	if o.Customer != 0 && !p.hasCustomer(o.Customer) {
		return nil, refused(codeCustomer, "There is no customer order %d", o.Customer)
	}
	if o.Reference == "" {
		next, _ := p.nextReference(c)
		o.Reference = next.(map[string]any)["prReference"].(string)
	}
	if p.referenceTaken(o.Reference, 0) && !p.is(ReferenceUnique, Ignored) {
		return nil, refused(codeCreate, "prReference %s is taken", o.Reference)
	}
	p.setFields(&o, body)
	return p.orderRecord(p.storeOrder(o)), nil
}

// createFromCustomer answers POST /customer_order/{customer_order_id}.
func (p *Plant) createFromCustomer(c call) (any, error) {
	if len(c.body) > 0 {
		return nil, invalid(codeCreate, "a body where none is due")
	}
	if !p.hasCustomer(c.id) {
		return nil, refused(codeCustomer, "There is no customer order %d", c.id)
	}
	next, _ := p.nextReference(c)
	o := Order{Customer: c.id, CustomerExternal: p.config.Customers[c.id-1], Reference: next.(map[string]any)["prReference"].(string)}
	return p.orderRecord(p.storeOrder(o)), nil
}

func (p *Plant) hasCustomer(id int64) bool { return id >= 1 && id <= int64(len(p.config.Customers)) }

// storeOrder gives the order its id and keeps it.
func (p *Plant) storeOrder(o Order) Order {
	o.ID = p.store.nextID
	p.store.nextID++
	p.store.orders = append(p.store.orders, o)
	return o
}

// setFields puts the plain fields of a body over an order. The totals are sums
// of the articles and are not taken from the body, nor is the state.
func (p *Plant) setFields(o *Order, body object) {
	merge := p.is(UpdateReplaces, Otherwise)
	takes := func(name string) bool { return body.has(name) || !merge }
	if takes("customerOrderExternalId") {
		o.CustomerExternal = body.text("customerOrderExternalId")
	}
	if takes("internalReference") {
		o.Internal = body.text("internalReference")
	}
	if takes("name") {
		o.Name = body.text("name")
	}
	if takes("comment") {
		o.Comment = body.text("comment")
	}
	if takes("startDate") {
		o.Start = body.date("startDate")
	}
	if takes("endDate") {
		o.End = body.date("endDate")
	}
	if takes("finishDate") {
		o.Finish = body.date("finishDate")
	}
	if takes("workHours") {
		o.WorkHours = body.double("workHours")
	}
	if takes("storeState") {
		o.StoreState = body.long("storeState")
	}
	if takes("reserveInDepth") {
		o.InDepth = body.truth("reserveInDepth")
	}
}

// updateOrder answers PUT /{id}?startProduction=true. Its body must name the
// order again.
func (p *Plant) updateOrder(c call) (any, error) {
	start, err := strconv.ParseBool(c.query.Get("startProduction"))
	if err != nil && c.query.Has("startProduction") {
		return nil, invalid(codeUpdate, "startProduction is %q", c.query.Get("startProduction"))
	}
	body, err := p.decode(c.body, updateClass(), codeUpdate)
	if err != nil {
		return nil, err
	}
	if body.long("orderId") != c.id {
		return nil, invalid(codeUpdate, "orderId in the body is not %d", c.id)
	}
	o, err := p.openOrder(c.id, codeUpdate)
	if err != nil {
		return nil, err
	}
	if body.has("customerOrderId") && !p.hasCustomer(body.long("customerOrderId")) {
		return nil, refused(codeCustomer, "There is no customer order %d", body.long("customerOrderId"))
	}
	if ref := body.text("prReference"); ref != "" {
		if p.referenceTaken(ref, c.id) && !p.is(ReferenceUnique, Ignored) {
			return nil, refused(codeUpdate, "prReference %s is taken", ref)
		}
		o.Reference = ref
	}
	if body.has("customerOrderId") {
		o.Customer = body.long("customerOrderId")
	}
	p.setFields(o, body)
	if start && o.State == StateNew {
		o.State = StateDeveloping
	}
	return p.orderRecord(*o), nil
}

// finishOrder answers PUT /{id}/finish.
func (p *Plant) finishOrder(c call) (any, error) { return p.end(c, StateFinished) }

// cancelOrder answers PUT /{id}/cancel.
func (p *Plant) cancelOrder(c call) (any, error) { return p.end(c, StateCancelled) }

func (p *Plant) end(c call, state State) (any, error) {
	if len(c.body) > 0 {
		return nil, invalid(codeUpdate, "a body where none is due")
	}
	o, err := p.productionOrder(c.id, codeUpdate)
	if err != nil {
		return nil, err
	}
	if o.State == state && p.is(EndTwiceRefused, Otherwise) {
		return p.orderRecord(*o), nil
	}
	if o, err = p.openOrder(c.id, codeUpdate); err != nil {
		return nil, err
	}
	o.State = state
	if state == StateFinished {
		o.Finish = time.Now()
	}
	return p.orderRecord(*o), nil
}

// ordersOfState answers GET /state/{state}.
func (p *Plant) ordersOfState(c call) (any, error) {
	state, err := strconv.ParseInt(c.name, 10, 64)
	if err != nil || state < 0 || state > 3 {
		return nil, invalid(codeGet, "state %q is none of 0 to 3", c.name)
	}
	from, to := intParam(c, "from", 0), intParam(c, "to", 0)
	if from < 0 || to < 0 {
		return nil, invalid(codeGet, "from and to are times in milliseconds")
	}
	return p.orders(c, 50, func(o Order) bool {
		start := o.Start.UnixMilli()
		return o.State == State(state) && start >= from && (to == 0 || start <= to)
	})
}

// ordersBetween answers GET /production_orders_state.
func (p *Plant) ordersBetween(c call) (any, error) {
	from, to := intParam(c, "state_from", 0), intParam(c, "state_to", 3)
	if from < 0 || to < 0 || from > 3 || to > 3 {
		return nil, invalid(codeGet, "state_from and state_to are 0 to 3")
	}
	query := c.query.Get("query")
	searched := Stands
	if query != "" {
		searched = p.position(QueryByReference)
	}
	switch searched {
	case Refused:
		return nil, refused(codeGet, "query is not supported")
	case Ignored:
		query = ""
	}
	list, err := p.orders(c, 20, func(o Order) bool {
		found := strings.Contains(o.Name, query)
		if searched != Otherwise {
			found = found || strings.Contains(o.Reference, query) || strings.Contains(o.Internal, query)
		}
		return o.State >= State(from) && o.State <= State(to) && found
	})
	if err == nil && p.is(OrdersInEnvelope, Otherwise) {
		return list["orders"], nil
	}
	return list, err
}

// ordersOfCustomer answers GET /customer_order/{order_id}.
func (p *Plant) ordersOfCustomer(c call) (any, error) {
	if !p.hasCustomer(c.id) {
		return nil, refused(codeCustomer, "There is no customer order %d", c.id)
	}
	return p.orders(c, 50, func(o Order) bool { return o.Customer == c.id })
}

// ordersWithArticle answers GET /article/{article_id : .+}.
func (p *Plant) ordersWithArticle(c call) (any, error) {
	last := intParam(c, "max_state", 3)
	if last < 0 || last > 3 {
		return nil, invalid(codeGet, "max_state is 0 to 3")
	}
	return p.orders(c, 50, func(o Order) bool {
		return o.State <= State(last) && o.article(c.name) != nil
	})
}

// orders is one page of the orders that fit.
//
//	{"page":0,"pages":1,"pageSize":50,"ordersCount":2,"orders":[…]}
func (p *Plant) orders(c call, limit int64, fits func(Order) bool) (map[string]any, error) {
	page, size := intParam(c, "page", 0), intParam(c, "limit", limit)
	order, column := c.query.Get("order"), c.query.Get("sort_column")
	if page < 0 || size < 1 || order != "" && order != "asc" && order != "desc" ||
		column != "" && column != "start_date" && column != "end_date" {
		return nil, invalid(codeGet, "page, limit, order or sort_column has no allowed value")
	}
	found := slices.DeleteFunc(slices.Clone(p.store.orders), func(o Order) bool { return !fits(o) })
	sort.SliceStable(found, func(i, j int) bool {
		if order != "asc" {
			i, j = j, i
		}
		if column == "end_date" {
			return found[i].End.Before(found[j].End)
		}
		return found[i].Start.Before(found[j].Start)
	})
	count := int64(len(found))
	from := min(page*size, count)
	records := []any{}
	for _, o := range found[from:min(from+size, count)] {
		records = append(records, p.orderRecord(o))
	}
	return map[string]any{
		"page": page, "pages": (count + size - 1) / size, "pageSize": size, "ordersCount": count, "orders": records,
	}, nil
}

// intParam reads a query parameter that is a whole number: the default where it is
// not given, -1 where it is something else.
func intParam(c call, name string, otherwise int64) int64 {
	if !c.query.Has(name) {
		return otherwise
	}
	n, err := strconv.ParseInt(c.query.Get(name), 10, 32)
	if name == "from" || name == "to" {
		n, err = strconv.ParseInt(c.query.Get(name), 10, 64)
	}
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// article returns the order's article of that id; nil when it has none.
func (o *Order) article(id string) *OrderArticle {
	i := slices.IndexFunc(o.Articles, func(a OrderArticle) bool { return a.Article == id })
	if i < 0 {
		return nil
	}
	return &o.Articles[i]
}

// orderRecord is a production order as the seed prints it.
func (p *Plant) orderRecord(o Order) map[string]any {
	var total, finished float64
	articles, groups := []any{}, []any{}
	for _, a := range o.Articles {
		total, finished = total+a.Amount, finished+a.Finished
		articles = append(articles, p.articleRecord(o.ID, a))
		groups = append(groups, p.partsRecord(a))
	}
	var customer any
	if o.Customer != 0 {
		customer = o.Customer
	}
	return map[string]any{
		"orderId": o.ID, "prReference": o.Reference, "customerOrderId": customer,
		"customerOrderExternalId": o.CustomerExternal, "internalReference": p.internal(o),
		"name": o.Name, "comment": o.Comment, "startDate": millis(o.Start), "endDate": millis(o.End),
		"finishDate": millis(o.Finish), "workHours": o.WorkHours, "state": p.quoted(int64(o.State)),
		"reserveInDepth": p.quoted(o.InDepth), "storeState": o.StoreState,
		"totalAmount": total, "finishedAmount": finished, "articles": articles, "singleArticles": groups,
	}
}

// internal is the internal reference that an order is read back with.
func (p *Plant) internal(o Order) string {
	if p.is(InternalReturned, Ignored) {
		return ""
	}
	return o.Internal
}

func (p *Plant) articleRecord(order int64, a OrderArticle) map[string]any {
	accuracy := 0.0
	if a.Amount > 0 && a.Finished+a.Waste > 0 {
		accuracy = 100 * (a.Finished - a.Waste - a.Amount) / a.Amount
	}
	return map[string]any{
		"productionOrderId": order, "articleId": a.Article, "articleName": a.Name, "amount": a.Amount,
		"finished": a.Finished, "waste": p.quoted(a.Waste), "time": a.Time, "status": a.Status, "accuracy": accuracy,
	}
}

// partsRecord is the group of single articles that an article is made of.
func (p *Plant) partsRecord(a OrderArticle) map[string]any {
	parts := []any{}
	for _, part := range p.recipe(a.Article) {
		parts = append(parts, map[string]any{
			"articleId": a.Article, "singleArticleId": part.Article, "singleArticleName": p.articleName(part.Article),
			"totalReserved": 0.0, "totalAmount": part.Amount * a.Amount, "partAmount": part.Amount,
			"purchasePrice": 0.0, "hasStockValue": true,
		})
	}
	return map[string]any{"articleId": a.Article, "singleArticles": parts}
}

func (p *Plant) recipe(article string) []Part {
	for _, a := range p.config.Articles {
		if a.ID == article {
			return a.Parts
		}
	}
	return nil
}

func (p *Plant) articleName(id string) string {
	for _, a := range p.config.Articles {
		if a.ID == id {
			return a.Name
		}
	}
	return ""
}
