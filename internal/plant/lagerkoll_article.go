package plant

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bestBeforeFloor is the smallest bestBefore that can be milliseconds: a day in
// 1973. Seconds and day counts of our time lie below it.
const bestBeforeFloor = 100_000_000_000

// addArticle answers POST /{order_id}/article.
func (p *Plant) addArticle(c call) (any, error) {
	body, err := p.decode(c.body, articleClass(), codeCreate)
	if err != nil {
		return nil, err
	}
	if body.has("productionOrderId") && body.long("productionOrderId") != c.id {
		return nil, invalid(codeCreate, "productionOrderId in the body is not %d", c.id)
	}
	o, err := p.openOrder(c.id, codeCreate)
	if err != nil {
		return nil, err
	}
	id := body.text("articleId")
	switch {
	case !p.config.hasArticle(id):
		return nil, invalid(codeCreate, "unknown article %q", id)
	case o.article(id) != nil && !p.is(ArticleOnce, Ignored):
		return nil, refused(codeCreate, "Production order %d has article %s already", c.id, id)
	}
	a := OrderArticle{Article: id, Name: p.articleName(id)}
	o.Articles = append(o.Articles, a)
	setArticle(&o.Articles[len(o.Articles)-1], body)
	articles, parts := []any{}, []any{}
	for _, a := range o.Articles {
		articles, parts = append(articles, p.articleRecord(o.ID, a)), append(parts, p.partsRecord(a))
	}
	return map[string]any{"articles": articles, "parts": parts}, nil
}

// setArticle puts the fields that a body gives over an article.
func setArticle(a *OrderArticle, body object) {
	if body.has("articleName") {
		a.Name = body.text("articleName")
	}
	for name, field := range map[string]*float64{"amount": &a.Amount, "finished": &a.Finished, "waste": &a.Waste, "time": &a.Time} {
		if body.has(name) {
			*field = body.double(name)
		}
	}
	if body.has("status") {
		a.Status = body.long("status")
	}
}

// updateArticle answers PUT /{id}/article, whose body names the article.
func (p *Plant) updateArticle(c call) (any, error) {
	body, err := p.decode(c.body, articleUpdateClass(), codeUpdate)
	if err != nil {
		return nil, err
	}
	if body.has("productionOrderId") && body.long("productionOrderId") != c.id {
		return nil, invalid(codeUpdate, "productionOrderId in the body is not %d", c.id)
	}
	o, a, err := p.articleOf(c.id, body.text("articleId"))
	if err != nil {
		return nil, err
	}
	before := *a
	setArticle(a, body)
	if p.is(ArticleSets, Otherwise) {
		a.Finished, a.Waste = before.Finished+body.double("finished"), before.Waste+body.double("waste")
	}
	return p.orderRecord(*o), nil
}

// articleOf returns an article of an order that may still be changed.
func (p *Plant) articleOf(order int64, id string) (*Order, *OrderArticle, error) {
	o, err := p.openOrder(order, codeUpdate)
	if err != nil {
		return nil, nil, err
	}
	a := o.article(id)
	if a == nil {
		return nil, nil, refused(codeUpdate, "Production order %d has no article %q", order, id)
	}
	return o, a, nil
}

// removeArticle answers DELETE /{order_id}/article/{article_id : .+}.
func (p *Plant) removeArticle(c call) (any, error) {
	if len(c.body) > 0 {
		return nil, invalid(codeUpdate, "a body where none is due")
	}
	o, _, err := p.articleOf(c.id, c.name)
	if err != nil {
		return nil, err
	}
	o.Articles = slices.DeleteFunc(o.Articles, func(a OrderArticle) bool { return a.Article == c.name })
	return p.orderRecord(*o), nil
}

// traceArticle answers
//
//	PUT /4711/article/09506000134352
//	{"articleId":"09506000134352","amount":1,"batch":"B1","serial":"S1","bestBefore":1790000000000}
func (p *Plant) traceArticle(c call) (any, error) {
	body, err := p.decode(c.body, traceClass(), codeUpdate)
	if err != nil {
		return nil, err
	}
	t, err := p.trace(c, body)
	if err != nil {
		return nil, err
	}
	o, a, err := p.articleOf(c.id, c.name)
	if err != nil {
		return nil, err
	}
	p.produce(o, a, t)
	p.store.traces = append(p.store.traces, t)
	return p.orderRecord(*o), nil
}

// trace checks what a traceability update says.
func (p *Plant) trace(c call, body object) (Trace, error) {
	parts, _ := body["partTraceability"].([]Part)
	t := Trace{
		Order: c.id, Article: c.name, Batch: body.text("batch"), Serial: body.text("serial"), Amount: body.double("amount"),
		BestBefore: body.long("bestBefore"), Barcode: body.text("barcode"), Limit: body.truth("limitPartAmounts"),
		Parts: parts, At: time.Now(),
	}
	if body.has("articleId") && body.text("articleId") != c.name {
		return t, invalid(codeUpdate, "articleId in the body is %q, in the path %q", body.text("articleId"), c.name)
	}
	if !(t.Amount > 0) {
		return t, invalid(codeUpdate, "amount is %g", t.Amount)
	}
	if body.has("bestBefore") && t.BestBefore < bestBeforeFloor && !p.is(BestBeforeMillis, Ignored) {
		return t, invalid(codeUpdate, "bestBefore %d is no time in milliseconds", t.BestBefore)
	}
	for _, part := range parts {
		if !p.config.hasArticle(part.Article) {
			return t, invalid(codeUpdate, "unknown part %q", part.Article)
		}
		if !(part.Amount > 0) {
			return t, invalid(codeUpdate, "amount of part %s is %g", part.Article, part.Amount)
		}
	}
	if c.query.Has("waste") {
		waste, err := strconv.ParseFloat(c.query.Get("waste"), 64)
		if err != nil || !(waste >= 0) {
			return t, invalid(codeUpdate, "waste is %q", c.query.Get("waste"))
		}
		switch p.position(TraceWaste) {
		case Refused:
			return t, refused(codeUpdate, "waste is not supported")
		case Stands:
			t.Waste = waste
		}
	}
	return t, nil
}

// produce books a trace: it adds to what was produced, or is what was produced.
func (p *Plant) produce(o *Order, a *OrderArticle, t Trace) {
	i := slices.IndexFunc(o.Batches, func(b Batch) bool {
		return b.Article == t.Article && b.Batch == t.Batch && b.Serial == t.Serial
	})
	if i < 0 {
		i = len(o.Batches)
		o.Batches = append(o.Batches, Batch{Article: t.Article, Batch: t.Batch, Serial: t.Serial})
	}
	b := &o.Batches[i]
	if t.BestBefore != 0 {
		b.BestBefore = t.BestBefore
	}
	if p.is(TraceAdds, Otherwise) {
		a.Finished, b.Amount = t.Amount, t.Amount
		if t.Waste > 0 {
			a.Waste = t.Waste
		}
		return
	}
	a.Finished += t.Amount
	a.Waste += t.Waste
	b.Amount += t.Amount
}

// getBatches answers GET /{order_id}/batch with one element for each article.
//
//	[{"articleId":"09506000134352","countBatch":1,"countSerial":1,"batches":[{"batchId":"B1","serialNr":"S1",…}]}]
func (p *Plant) getBatches(c call) (any, error) {
	if p.is(BatchReadable, Refused) {
		return nil, refused(codeGet, "Permission denied")
	}
	o, err := p.productionOrder(c.id, codeGet)
	if err != nil {
		return nil, err
	}
	articles := []any{}
	for _, a := range o.Articles {
		articles = append(articles, p.batchRecord(o, a))
	}
	if p.is(BatchList, Otherwise) {
		if len(articles) == 0 {
			return map[string]any{"articleId": nil, "countBatch": 0, "countSerial": 0, "batches": articles}, nil
		}
		return articles[0], nil
	}
	return articles, nil
}

func (p *Plant) batchRecord(o *Order, a OrderArticle) map[string]any {
	batches, names, serials := []any{}, map[string]bool{}, map[string]bool{}
	for _, b := range o.Batches {
		if b.Article != a.Article || p.is(BatchReadable, Ignored) {
			continue
		}
		if b.Batch != "" {
			names[b.Batch] = true
		}
		if b.Serial != "" {
			serials[b.Serial] = true
		}
		var best any
		if b.BestBefore != 0 {
			best = b.BestBefore
		}
		batches = append(batches, map[string]any{
			"batchId": b.Batch, "serialNr": b.Serial, "orderedAmount": a.Amount, "deliveredAmount": b.Amount, "bestBefore": best,
		})
	}
	return map[string]any{"articleId": a.Article, "countBatch": len(names), "countSerial": len(serials), "batches": batches}
}

// flatProducts answers GET /{order_id}/products/flat: the parts of all articles
// of the order.
func (p *Plant) flatProducts(c call) (any, error) {
	o, err := p.productionOrder(c.id, codeGet)
	if err != nil {
		return nil, err
	}
	if err := printable(c); err != nil {
		return nil, err
	}
	need := map[string]float64{}
	var ids []string
	for _, a := range o.Articles {
		for _, part := range p.recipe(a.Article) {
			if _, ok := need[part.Article]; !ok {
				ids = append(ids, part.Article)
			}
			need[part.Article] += part.Amount * a.Amount
		}
	}
	slices.Sort(ids)
	if c.query.Get("order") == "desc" {
		slices.Reverse(ids)
	}
	articles := []any{}
	for _, id := range ids {
		if q := c.query.Get("query"); strings.Contains(id, q) || strings.Contains(p.articleName(id), q) {
			articles = append(articles, flatRecord(id, p.articleName(id), need[id]))
		}
	}
	return map[string]any{"articles": articles}, nil
}

func flatRecord(id, name string, amount float64) map[string]any {
	return map[string]any{
		"articleId": id, "articleName": name, "reserved": 0.0, "amount": amount, "partAmount": amount,
		"purchasePrice": 0.0, "purchasePriceMisc": 0.0, "purchasePriceShipment": 0.0, "supplierId": nil,
		"supplierName": nil, "supplierArticleId": nil, "unit": "pcs", "stockplace": nil, "purchaseOrders": []any{},
	}
}

// printable checks the parameters that the flat list and its print share.
func printable(c call) error {
	allowed := map[string][]string{
		"order":                {"asc", "desc"},
		"sort_column":          {"art", "name", "supplier", "supplier_art"},
		"filter_non_available": {"true", "false"},
		"article_images":       {"true", "false"},
	}
	for name, values := range allowed {
		if c.query.Has(name) && !slices.Contains(values, c.query.Get(name)) {
			return invalid(codeGet, "%s is %q", name, c.query.Get(name))
		}
	}
	return nil
}

// pickingList answers GET /{order_id}/pickinglist/print with a PDF, or with the
// flat list where JSON alone is accepted.
func (p *Plant) pickingList(c call) (any, error) {
	if !strings.Contains(c.accepts, "application/pdf") {
		return p.flatProducts(c)
	}
	if _, err := p.productionOrder(c.id, codeGet); err != nil {
		return nil, err
	}
	if err := printable(c); err != nil {
		return nil, err
	}
	return answer{
		status: http.StatusOK,
		header: http.Header{"Content-Type": {"application/pdf"}},
		body:   []byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"),
	}, nil
}
