package lagerkoll

import (
	"bytes"
	"encoding/json"

	"stationd/internal/api"
	"stationd/internal/station"
)

// An Order is Lagerkoll's ProductionOrder.
type Order struct {
	ID               ID                     `json:"orderId"`
	Reference        Text                   `json:"prReference"` // unique, and the customer's to choose
	CustomerOrder    ID                     `json:"customerOrderId"`
	CustomerExternal Text                   `json:"customerOrderExternalId"`
	Internal         Text                   `json:"internalReference"`
	Name             Text                   `json:"name"`
	Comment          Text                   `json:"comment"`
	Start            Date                   `json:"startDate"`
	End              Date                   `json:"endDate"`
	Finish           Date                   `json:"finishDate"`
	WorkHours        Number                 `json:"workHours"`
	State            State                  `json:"state"`
	ReserveInDepth   Truth                  `json:"reserveInDepth"`
	StoreState       Number                 `json:"storeState"`
	Total            Number                 `json:"totalAmount"`
	FinishedAmount   Number                 `json:"finishedAmount"`
	Articles         api.List[Article]      `json:"articles"`
	SingleArticles   api.List[ArticleGroup] `json:"singleArticles"`
}

// An Article is Lagerkoll's ProductionOrderArticle: one article of an order.
type Article struct {
	Order    ID     `json:"productionOrderId"`
	Article  Text   `json:"articleId"`
	Name     Text   `json:"articleName"`
	Time     Number `json:"time"`
	Amount   Number `json:"amount"`
	Finished Number `json:"finished"`
	Waste    Number `json:"waste"`
	Status   Number `json:"status"`
	Accuracy Number `json:"accuracy"` // per cent: positive is overproduction, negative is waste
}

// An ArticleGroup is Lagerkoll's ProductionOrderSingleArticleGroup: what one
// bundled article is made of.
type ArticleGroup struct {
	Article Text                    `json:"articleId"`
	Singles api.List[SingleArticle] `json:"singleArticles"`
}

// A SingleArticle is Lagerkoll's ProductionOrderSingleArticleReserved.
type SingleArticle struct {
	Article       Text   `json:"articleId"`
	Single        Text   `json:"singleArticleId"`
	Name          Text   `json:"singleArticleName"`
	TotalReserved Number `json:"totalReserved"`
	TotalAmount   Number `json:"totalAmount"`
	PartAmount    Number `json:"partAmount"`
	PurchasePrice Number `json:"purchasePrice"`
	HasStockValue Truth  `json:"hasStockValue"`
}

// A Page is Lagerkoll's ProductionOrdersResponse. Pages and Count are not known
// where Lagerkoll answers with a bare list.
type Page struct {
	Page   Number          `json:"page"` // from 0
	Pages  Number          `json:"pages"`
	Size   Number          `json:"pageSize"`
	Count  Number          `json:"ordersCount"`
	Orders api.List[Order] `json:"orders"`
}

// Batches is Lagerkoll's ProductionOrderBatchResponse: what was made of one
// article of an order.
type Batches struct {
	Article     Text            `json:"articleId"`
	CountBatch  Number          `json:"countBatch"`
	CountSerial Number          `json:"countSerial"`
	Batches     api.List[Batch] `json:"batches"`
}

// A Batch is Lagerkoll's ProductionOrderProductBatch.
type Batch struct {
	Batch      Text   `json:"batchId"`
	Serial     Text   `json:"serialNr"`
	Ordered    Number `json:"orderedAmount"`
	Delivered  Number `json:"deliveredAmount"`
	BestBefore Date   `json:"bestBefore"`
}

// A FlatArticle is Lagerkoll's FlatBundledArticle: one part that an order needs.
type FlatArticle struct {
	Article               Text                    `json:"articleId"`
	Name                  Text                    `json:"articleName"`
	Reserved              Number                  `json:"reserved"`
	Amount                Number                  `json:"amount"`
	PartAmount            Number                  `json:"partAmount"`
	PurchasePrice         Number                  `json:"purchasePrice"`
	PurchasePriceMisc     Number                  `json:"purchasePriceMisc"`
	PurchasePriceShipment Number                  `json:"purchasePriceShipment"`
	Supplier              ID                      `json:"supplierId"`
	SupplierName          Text                    `json:"supplierName"`
	SupplierArticle       Text                    `json:"supplierArticleId"`
	Unit                  Text                    `json:"unit"`
	StockPlace            Text                    `json:"stockplace"`
	PurchaseOrders        api.List[PurchaseOrder] `json:"purchaseOrders"`
}

// A PurchaseOrder is Lagerkoll's FlatBundledArticlePurchaseOrder.
type PurchaseOrder struct {
	Order    ID     `json:"orderId"`
	Ref      Text   `json:"poRef"`
	Ordered  Number `json:"ordered"`
	State    Number `json:"state"` // in purchase orders' own numbers, which the page does not tell
	Delivery Date   `json:"deliveryDate"`
}

// readPage reads a list of orders in any of the forms that Lagerkoll's page
// shows or describes: the envelope, a bare list, one order. ok is false for
// anything else, and where an order has no id.
//
//	{"ordersCount": 516, "pages": 1922, "pageSize": 6603, "orders": [{"orderId": 8646, …}], "page": 4791}
func readPage(body []byte) (p Page, ok bool) {
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return Page{}, false
	case body[0] == '[':
		ok = json.Unmarshal(body, &p.Orders) == nil
	default:
		var either struct {
			Page
			ID ID `json:"orderId"`
		}
		ok = json.Unmarshal(body, &either) == nil
		p = either.Page
		if ok && either.ID != 0 {
			p.Orders = make([]Order, 1)
			ok = json.Unmarshal(body, &p.Orders[0]) == nil
		}
		none := p.Count.Known && p.Count.Value == 0
		ok = ok && (p.Orders != nil || none)
	}
	for _, o := range p.Orders {
		ok = ok && o.ID != 0
	}
	return p, ok
}

// readBatches reads the batches of an order, which come as a list or as one.
func readBatches(body []byte) (list []Batches, ok bool) {
	var all api.List[Batches]
	ok = isBatchList(body) && json.Unmarshal(body, &all) == nil
	return all, ok
}

// same compares texts as people mean them.
func same(a Text, b string) bool { return station.SameText(string(a), b) }
