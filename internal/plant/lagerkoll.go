package plant

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// store is the Lagerkoll side of the plant.
type store struct {
	orders  []Order
	traces  []Trace
	writes  []Write
	nextID  int64
	nextRef int
	asked   []time.Time // when the account's requests of the last minute came
}

func newStore(s Config) store {
	w := store{orders: cloneOrders(s.Orders), nextID: 5001, nextRef: 1}
	for _, o := range s.Orders {
		w.nextID = max(w.nextID, o.ID+1)
	}
	return w
}

// The error codes of the seed.
const (
	codeCredentials = 900001
	codeCommon      = 900101
	codeTooMany     = 900429
	codeGet         = 903001
	codeCreate      = 903002
	codeUpdate      = 903003
	codeCustomer    = 903004
)

// A failure is a refusal of Lagerkoll's.
type failure struct {
	code      int
	text      string
	complaint bool // no text of the vendor's allows the request: the plant complains of it
}

func (f *failure) Error() string { return f.text }

// refused is a refusal that the vendor's own rules give.
func refused(code int, format string, args ...any) error {
	return &failure{code: code, text: fmt.Sprintf(format, args...)}
}

// invalid is the refusal of a request that the vendor's texts do not allow.
func invalid(code int, format string, args ...any) error {
	return &failure{code: code, text: fmt.Sprintf(format, args...), complaint: true}
}

// call is one request to Lagerkoll, its path taken apart.
type call struct {
	id      int64  // of the production order, where the path has one
	name    string // the last part of the path: an article id, a state
	query   url.Values
	body    []byte
	accepts string
}

// A lagerkollRoute is one of the 18 operations of the seed. In its path {id} stands for a
// number and {rest} for anything, slashes too.
type lagerkollRoute struct {
	method string
	path   string
	query  string // the names of its parameters
	code   int    // the code of its refusals
	do     func(*Plant, call) (any, error)
}

const listQuery = "page limit sort_column order"

func lagerkollRoutes() []lagerkollRoute {
	return []lagerkollRoute{
		{"GET", "pr_ref/next_id", "", codeGet, (*Plant).nextReference},
		{"GET", "production_orders_state", "state_from state_to page limit query", codeGet, (*Plant).ordersBetween},
		{"GET", "state/{rest}", "from to " + listQuery, codeGet, (*Plant).ordersOfState},
		{"GET", "customer_order/{id}", "", codeGet, (*Plant).ordersOfCustomer},
		{"GET", "article/{rest}", "max_state " + listQuery, codeGet, (*Plant).ordersWithArticle},
		{"GET", "{id}", "", codeGet, (*Plant).getOrder},
		{"GET", "{id}/batch", "", codeGet, (*Plant).getBatches},
		{"GET", "{id}/products/flat", "query supplier order sort_column", codeGet, (*Plant).flatProducts},
		{"GET", "{id}/pickinglist/print", "filter_non_available article_images order sort_column", codeGet, (*Plant).pickingList},
		{"POST", "", "", codeCreate, (*Plant).createOrder},
		{"POST", "customer_order/{id}", "", codeCustomer, (*Plant).createFromCustomer},
		{"POST", "{id}/article", "", codeCreate, (*Plant).addArticle},
		{"PUT", "{id}", "startProduction", codeUpdate, (*Plant).updateOrder},
		{"PUT", "{id}/article", "", codeUpdate, (*Plant).updateArticle},
		{"PUT", "{id}/article/{rest}", "waste", codeUpdate, (*Plant).traceArticle},
		{"PUT", "{id}/cancel", "", codeUpdate, (*Plant).cancelOrder},
		{"PUT", "{id}/finish", "", codeUpdate, (*Plant).finishOrder},
		{"DELETE", "{id}/article/{rest}", "", codeUpdate, (*Plant).removeArticle},
	}
}

// lagerkoll answers a request to the production orders. The caller holds the
// lock.
func (p *Plant) lagerkoll(r *http.Request, rest string, body []byte) answer {
	name := r.Method + " " + r.URL.EscapedPath()
	route, c, status := p.findRoute(r.Method, r.URL.EscapedPath(), rest)
	if status != http.StatusOK {
		p.complainLocked("%s: the production orders have no such operation", name)
		return lagerkollError(status, codeCommon, http.StatusText(status))
	}
	if why, complaint := p.wrongCredentials(r.Header); why != "" {
		if complaint {
			p.complainLocked("%s: %s", name, why)
		}
		if p.is(CredentialsAre401, Otherwise) {
			return lagerkollError(http.StatusBadRequest, codeCredentials, why)
		}
		return lagerkollError(http.StatusUnauthorized, codeCredentials, why)
	}
	if wait := p.overLimit(time.Now()); wait > 0 {
		return Fault{RetryAfter: wait}.tooMany(true)
	}
	c.body, c.accepts = body, r.Header.Get("Accept")
	err := p.checkRequest(r, route, &c)
	var data any
	if err == nil {
		data, err = route.do(p, c)
	}
	if err != nil {
		return p.lagerkollRefusal(name, err)
	}
	if route.method != http.MethodGet {
		p.store.writes = append(p.store.writes, Write{Method: route.method, Path: route.path, Order: c.id, At: time.Now()})
	}
	if file, ok := data.(answer); ok {
		return file
	}
	return lagerkollJSON(http.StatusOK, data)
}

// lagerkollRefusal is the answer to a request that was refused.
func (p *Plant) lagerkollRefusal(name string, err error) answer {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		f = &failure{code: codeCommon, text: err.Error()}
	}
	if f.complaint {
		p.complainLocked("%s: %s", name, f.text)
	}
	if p.is(ErrorIs400, Otherwise) {
		return lagerkollError(http.StatusOK, f.code, f.text)
	}
	return lagerkollError(http.StatusBadRequest, f.code, f.text)
}

// findRoute finds the operation of a path and takes the path apart.
func (p *Plant) findRoute(method, path, rest string) (lagerkollRoute, call, int) {
	status := http.StatusNotFound
	if path+"/" == lagerkollRoot {
		return lagerkollRoute{}, call{}, status
	}
	for _, route := range lagerkollRoutes() {
		c, ok := p.match(route.path, rest)
		switch {
		case ok && route.method == method:
			return route, c, http.StatusOK
		case ok:
			status = http.StatusMethodNotAllowed
		}
	}
	return lagerkollRoute{}, call{}, status
}

// match reports whether an encoded path is the pattern's, and takes out what it
// names.
func (p *Plant) match(pattern, path string) (c call, ok bool) {
	front, rest := strings.CutSuffix(pattern, "{rest}")
	if rest {
		front = strings.TrimSuffix(front, "/")
	}
	parts := strings.Split(front, "/")
	given := strings.SplitN(path, "/", len(parts)+1)
	if len(given) < len(parts) || rest != (len(given) > len(parts)) {
		return call{}, false
	}
	for i, part := range parts {
		if part != "{id}" && part != given[i] {
			return call{}, false
		}
		if part == "{id}" {
			id, err := strconv.ParseInt(given[i], 10, 64)
			if err != nil || id < 0 {
				return call{}, false
			}
			c.id = id
		}
	}
	if !rest {
		return c, true
	}
	last := given[len(parts)]
	if p.is(SlashEncoded, Refused) && strings.Contains(strings.ToUpper(last), "%2F") {
		return call{}, false
	}
	name, err := url.PathUnescape(last)
	c.name = name
	return c, err == nil && name != ""
}

// wrongCredentials says what is wrong with the credentials; "" when they may
// pass. complaint: the two ways were mixed or half given, which no key can put right.
func (p *Plant) wrongCredentials(h http.Header) (why string, complaint bool) {
	given := func(name string) bool { return len(h.Values(name)) > 0 }
	machine, person := given("api_key"), given("user_id") || given("user_token")
	switch {
	case !given("store"):
		return "The header store is missing", true
	case machine && person:
		return "api_key stands beside user_id and user_token", true
	case !machine && !person:
		return "Credentials are missing", false
	case person && (!given("user_id") || !given("user_token")):
		return "user_id and user_token belong together", true
	case h.Get("store") != p.config.Store,
		machine && h.Get("api_key") != p.config.APIKey,
		person && (p.config.UserID == "" || h.Get("user_id") != p.config.UserID || h.Get("user_token") != p.config.UserToken):
		return "Credentials don't match", false
	}
	return "", false
}

// overLimit counts the request against the account's minute; when that is used
// up it returns how long to stay away. What was turned away is not counted.
func (p *Plant) overLimit(now time.Time) time.Duration {
	p.store.asked = slices.DeleteFunc(p.store.asked, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if len(p.store.asked) >= p.config.PerMinute {
		return p.store.asked[0].Add(time.Minute).Sub(now)
	}
	p.store.asked = append(p.store.asked, now)
	return 0
}

// checkRequest checks everything about a request but its meaning.
func (p *Plant) checkRequest(r *http.Request, route lagerkollRoute, c *call) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || !utf8.ValidString(c.name) || !utf8.Valid(c.body) {
		return invalid(codeCommon, "not encoded UTF-8")
	}
	for name, values := range query {
		if !slices.Contains(strings.Fields(route.query), name) {
			return invalid(route.code, "unknown parameter %s", name)
		}
		if len(values) != 1 {
			return invalid(route.code, "parameter %s is given %d times", name, len(values))
		}
	}
	c.query = query
	printed := strings.HasSuffix(route.path, "print") && strings.Contains(c.accepts, "application/pdf")
	if !printed && !strings.Contains(c.accepts, "application/json") {
		return invalid(codeCommon, "the header Accept is %q where application/json is due", c.accepts)
	}
	if route.method == http.MethodGet && len(c.body) > 0 {
		return invalid(codeCommon, "a GET with a body")
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if len(c.body) > 0 && strings.TrimSpace(kind) != "application/json" {
		return invalid(codeCommon, "a body of type %q where application/json is due", r.Header.Get("Content-Type"))
	}
	return nil
}

// lagerkollError is an error as the seed prints it.
//
//	{"errorCode":900101,"errorMessage":"Something went wrong on the server","errorField":null,"errorData":null}
func lagerkollError(status, code int, text string) answer {
	return lagerkollJSON(status, struct {
		Code    int    `json:"errorCode"`
		Message string `json:"errorMessage"`
		Field   *int   `json:"errorField"`
		Data    *int   `json:"errorData"`
	}{Code: code, Message: text})
}

func lagerkollJSON(status int, data any) answer {
	body, err := json.Marshal(data)
	if err != nil {
		return page(http.StatusInternalServerError, "Internal Server Error")
	}
	return answer{status: status, header: http.Header{"Content-Type": {"application/json;charset=UTF-8"}}, body: body}
}

// quoted is a value that the seed prints in quotes: "state": "0".
func (p *Plant) quoted(v any) any {
	if p.is(QuotedAnswers, Otherwise) {
		return v
	}
	return fmt.Sprint(v)
}

// millis is a date as Lagerkoll writes it: milliseconds since 1970, null for
// none.
func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}
