// Package l2l delivers to L2L (Leading2Lean CloudDISPATCH): dispatches and
// changeovers of a line.
//
// Its sources are L2L's support articles "Launch, Close, Complete Dispatches API
// Integration" and "Production API Integration: Working with Product Orders".
// Where those are silent it holds what L2L's own sample programs do.
//
// L2L answers a no with 200 and "success": false. It has no idempotency key. A
// dispatch is found again by the mark in front of its description, a changeover
// by comparing the line's current order with what it was before.
package l2l

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

// every is the pace. L2L publishes no limit and asks for no bursts.
const every = 250 * time.Millisecond

// A Backend speaks to one L2L site. It is a station.Looker.
type Backend struct {
	client *api.Client
	key    api.Key
	auth   string
	site   string
	to     string
	zone   *time.Location // the site's: L2L's times have none
}

// Open returns the backend of a checked section. It reads the key and connects
// to nothing. zone is the time zone of the L2L site.
func Open(s Section, zone *time.Location, log *slog.Logger) (*Backend, error) {
	return open(s, zone, log, every, api.ResponseTime)
}

// open is Open with another pace and another patience.
func open(s Section, zone *time.Location, log *slog.Logger, every, response time.Duration) (*Backend, error) {
	key, err := s.Key.Read()
	if err != nil {
		return nil, fmt.Errorf("l2l: %w", err)
	}
	if s.Auth == "" {
		s.Auth = AuthQuery
	}
	client := api.New(api.Settings{Base: s.URL, Keys: []api.Key{key}, Every: every, Response: response, Dial: s.Dial, Log: log})
	return &Backend{client: client, key: key, auth: s.Auth, site: strconv.Itoa(s.Site), to: s.To(), zone: zone}, nil
}

// Verbs lists what the backend can do.
func (b *Backend) Verbs() []station.Verb { return Verbs() }

// Verbs lists what this package can do, for those who have no key.
func Verbs() []station.Verb {
	return []station.Verb{openVerb(), closeVerb(), changeoverVerb()}
}

// Deliver makes one attempt at d; see station.Backend.
func (b *Backend) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	if err := api.Misfit(d, b.to, Verbs()); err != nil {
		return api.Refuse(err)
	}
	switch d.Verb {
	case dispatchOpen:
		return b.openDispatch(ctx, d)
	case dispatchClose:
		return b.closeDispatch(ctx, d)
	}
	return b.startChangeover(ctx, d)
}

// Look reads the line's current order for a changeover; see station.Looker.
func (b *Backend) Look(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	if err := api.Misfit(d, b.to, Verbs()); err != nil {
		return nil, api.Refuse(err)
	}
	if d.Verb != changeoverStart {
		return nil, api.Refuse(errors.New("this verb looks at nothing beforehand"))
	}
	now, rc := b.currentOrder(ctx, d.With["line"], d.With["product"] != "")
	if rc.Outcome != station.Delivered {
		return nil, api.Unread(rc)
	}
	return now.marshal(), rc
}

// get reads. Its query always names the site.
func (b *Backend) get(ctx context.Context, path string, query url.Values) (api.Object, station.Receipt) {
	query.Set("site", b.site)
	r := api.Request{Method: http.MethodGet, Path: path, Query: query, Header: header(), Says: says}
	if b.auth == AuthQuery {
		r.Query.Set("auth", b.key.Reveal())
	} else {
		r.Header.Set("L2LAUTH", b.key.Reveal())
	}
	return b.answer(b.client.Do(ctx, r))
}

// post acts. L2L takes forms, and every path ends in a slash: without it a
// server may redirect, and a redirected POST arrives as a GET without its body.
func (b *Backend) post(ctx context.Context, path string, form url.Values) (api.Object, station.Receipt) {
	r := api.Request{Method: http.MethodPost, Path: path, Query: url.Values{}, Header: header(), Says: says}
	switch b.auth {
	case AuthHeader:
		r.Header.Set("L2LAUTH", b.key.Reveal())
	case AuthBody:
		form.Set("auth", b.key.Reveal())
	default:
		r.Query.Set("auth", b.key.Reveal())
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Body = []byte(form.Encode())
	return b.answer(b.client.Do(ctx, r))
}

func header() http.Header { return http.Header{"Accept": {"application/json"}} }

// answer opens the envelope of a Delivered answer.
func (b *Backend) answer(body []byte, rc station.Receipt) (api.Object, station.Receipt) {
	envelope, _ := api.ReadObject(body)
	return envelope, rc
}

// says reads L2L's envelope. A success that is missing or unreadable is neither
// a yes nor a no.
//
//	{"success": true, "data": {…}}
//	{"success": false, "error": "Dispatch already closed"}
func says(body []byte) api.Says {
	envelope, ok := api.ReadObject(body)
	if !ok {
		return api.Says{}
	}
	success, ok := envelope.Truth("success")
	switch {
	case !ok:
		return api.Says{}
	case success:
		return api.Says{Word: api.Yes}
	}
	text, _ := envelope.Text("error")
	return api.Says{Word: api.No, Text: text}
}

// put sets the wire's name for a field that the delivery says something of.
func put(form url.Values, wire string, d station.Delivery, field string) {
	if value := d.With[field]; value != "" {
		form.Set(wire, value)
	}
}

// same compares codes as L2L means them: exactly, but for the spaces around.
func same(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) }
