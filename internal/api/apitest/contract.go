// Package apitest holds a vendor's contract, an OpenAPI 3.1 description, against
// what goes over the wire. It is for tests alone.
//
// It is stricter than OpenAPI: a parameter that the contract does not name is a
// fault, in the query as in a form.
package apitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// A Contract is a vendor's interface as an OpenAPI document describes it. Its
// methods may be called by several goroutines at once.
type Contract struct {
	doc    *openapi3.T
	root   string
	routes []route

	mu   sync.Mutex // guards used
	used map[string]bool
}

// A route is one path of the document.
type route struct {
	template string
	pattern  *regexp.Regexp
	names    []string
	item     *openapi3.PathItem
}

// Load reads the contract at path. root is the escaped path under which the
// vendor's operations lie: "/api/1.0/". An error says that the document is not
// sound OpenAPI.
func Load(path, root string) (*Contract, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("contract %s: %w", path, err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("contract %s: %w", path, err)
	}
	c := &Contract{doc: doc, root: root, used: map[string]bool{}}
	for template, item := range doc.Paths.Map() {
		c.routes = append(c.routes, newRoute(template, item))
	}
	// The fewest names first, so that state/{state} never takes state/all.
	slices.SortFunc(c.routes, func(a, b route) int {
		return 1000*(len(a.names)-len(b.names)) + strings.Compare(a.template, b.template)
	})
	return c, nil
}

// name matches {id} in a path's template, and {id+} where slashes belong to it.
var name = regexp.MustCompile(`\\\{([a-z_]+)\\\}`)

func newRoute(template string, item *openapi3.PathItem) route {
	r := route{template: template, item: item}
	pattern := name.ReplaceAllStringFunc(regexp.QuoteMeta(strings.TrimPrefix(template, "/")), func(s string) string {
		n := name.FindStringSubmatch(s)[1]
		r.names = append(r.names, n)
		if r.slashes(n) {
			return "(.+)"
		}
		return "([^/]+)"
	})
	r.pattern = regexp.MustCompile("^" + pattern + "$")
	return r
}

// slashes reports whether slashes belong to a parameter of the path: the
// document says x-slashes: true beside it.
func (r route) slashes(name string) bool {
	all := slices.Clone(r.item.Parameters)
	for _, op := range r.item.Operations() {
		all = append(all, op.Parameters...)
	}
	return slices.ContainsFunc(all, func(p *openapi3.ParameterRef) bool {
		return p.Value.Name == name && p.Value.In == openapi3.ParameterInPath && p.Value.Extensions["x-slashes"] == true
	})
}

// Operations lists every operation of the contract as METHOD template, sorted.
func (c *Contract) Operations() []string {
	var all []string
	for _, r := range c.routes {
		for method := range r.item.Operations() {
			all = append(all, method+" "+r.template)
		}
	}
	slices.Sort(all)
	return all
}

// Used lists the operations that requests were seen for, sorted.
func (c *Contract) Used() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.used))
}

// Request says what in a request the contract does not allow; nil when all of it
// is in order.
func (c *Contract) Request(r *http.Request, body []byte) error {
	in, err := c.input(r, body)
	if err != nil {
		return err
	}
	if err := in.strangers(body); err != nil {
		return fmt.Errorf("%s: %w", in.called(), err)
	}
	if err := openapi3filter.ValidateRequest(r.Context(), in.filter); err != nil {
		return fmt.Errorf("%s: %w", in.called(), err)
	}
	return nil
}

// Answer says what in the answer to a request the contract does not allow; nil
// when all of it is in order.
func (c *Contract) Answer(r *http.Request, status int, header http.Header, answer []byte) error {
	in, err := c.input(r, nil)
	if err != nil {
		return err
	}
	err = openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in.filter,
		Status:                 status,
		Header:                 header,
		Body:                   io.NopCloser(bytes.NewReader(answer)),
		Options:                &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		return fmt.Errorf("%s: the answer %s: %w", in.called(), answer, err)
	}
	return nil
}

// An input is a request with the operation that it is for.
type input struct {
	filter *openapi3filter.RequestValidationInput
}

func (in input) called() string { return in.filter.Route.Method + " " + in.filter.Route.Path }

// input finds the operation of a request.
func (c *Contract) input(r *http.Request, body []byte) (input, error) {
	rest, under := strings.CutPrefix(r.URL.EscapedPath(), c.root)
	for _, route := range c.routes {
		found := route.pattern.FindStringSubmatch(rest)
		op := route.item.GetOperation(r.Method)
		if found == nil || op == nil || !under {
			continue
		}
		c.mu.Lock()
		c.used[r.Method+" "+route.template] = true
		c.mu.Unlock()
		params := map[string]string{}
		for i, name := range route.names {
			value, err := url.PathUnescape(found[i+1])
			if err != nil {
				return input{}, fmt.Errorf("%s %s: %w", r.Method, route.template, err)
			}
			params[name] = value
		}
		clone := r.Clone(r.Context())
		clone.Body, clone.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		return input{&openapi3filter.RequestValidationInput{
			Request: clone, PathParams: params,
			Route:   &routers.Route{Spec: c.doc, Path: route.template, PathItem: route.item, Method: r.Method, Operation: op},
			Options: &openapi3filter.Options{AuthenticationFunc: given},
		}}, nil
	}
	return input{}, fmt.Errorf("%s %s: the contract has no such operation", r.Method, r.URL.EscapedPath())
}

// given asks for a key to be where the contract wants one; which key is not its
// business.
func given(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	r, scheme := in.RequestValidationInput.Request, in.SecurityScheme
	if scheme.In == openapi3.ParameterInHeader && r.Header.Get(scheme.Name) != "" ||
		scheme.In == openapi3.ParameterInQuery && r.URL.Query().Get(scheme.Name) != "" {
		return nil
	}
	return errors.New("no key in the " + scheme.In + " " + scheme.Name)
}

// strangers names what a request carries and the contract does not know.
func (in input) strangers(body []byte) error {
	op, r := in.filter.Route.Operation, in.filter.Request
	known := map[string]bool{}
	for _, p := range append(slices.Clone(in.filter.Route.PathItem.Parameters), op.Parameters...) {
		known[p.Value.In+" "+p.Value.Name] = true
	}
	for _, s := range in.filter.Route.Spec.Components.SecuritySchemes {
		known[s.Value.In+" "+s.Value.Name] = true
	}
	for name, values := range r.URL.Query() {
		if !known["query "+name] || len(values) != 1 {
			return fmt.Errorf("the query says %s %d times", name, len(values))
		}
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if len(body) == 0 || kind != "application/x-www-form-urlencoded" {
		return nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return err
	}
	properties := formOf(op)
	for name, values := range form {
		if _, ok := properties[name]; !ok || len(values) != 1 {
			return fmt.Errorf("the form says %s %d times", name, len(values))
		}
	}
	return nil
}

// formOf returns what the form of an operation may say, also by allOf.
func formOf(op *openapi3.Operation) openapi3.Schemas {
	if op.RequestBody == nil {
		return nil
	}
	media := op.RequestBody.Value.Content["application/x-www-form-urlencoded"]
	if media == nil {
		return nil
	}
	all := maps.Clone(media.Schema.Value.Properties)
	for _, part := range media.Schema.Value.AllOf {
		if all == nil {
			all = openapi3.Schemas{}
		}
		maps.Copy(all, part.Value.Properties)
	}
	return all
}
