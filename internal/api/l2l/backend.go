// Package l2l delivers to L2L (Leading2Lean CloudDISPATCH): dispatches,
// changeovers, orders and production records of a line.
//
// Its sources are L2L's support articles "Launch, Close, Complete Dispatches API
// Integration" and "Production API Integration: Working with Product Orders".
// Where those are silent it holds what L2L's own sample programs do; openapi.yaml
// is the whole of it, each guess marked with its number in docs/assumptions.md.
//
// L2L answers a no with 200 and "success": false. It has no idempotency key. A
// dispatch is found again by the mark in front of its description, what is done
// to an order by comparing the order with what it was before, a production
// record by its times and amounts.
package l2l

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

// A Backend speaks to one L2L site. It is a station.Looker.
type Backend struct {
	client  *api.Client
	key     api.Key
	auth    string
	reads   http.Header // of a read, with the key where it goes there
	posts   http.Header // of a form, likewise
	signed  url.Values  // the query of a form: the key where it goes there
	site    string
	to      string
	zone    *time.Location // the site's: L2L's times have none
	log     *slog.Logger
	verbs   []verb // of which none ever changes
	names   []station.Verb
	started startMemory

	// fetch reads in the client's place, where the relay of the plant does; nil: the client
	// does. Such a backend only follows.
	fetch func(ctx context.Context, path string, query url.Values) ([]byte, station.Receipt)
}

// An action is a delivery that was read and found possible, whose verb compares what
// there is with what there was before.
type action = api.Change[*Backend]

// A verb is a station.Verb with one of the two that carry it out.
type verb struct {
	station.Verb
	deliver func(*Backend, context.Context, station.Delivery) station.Receipt
	compare func(*Backend, station.Delivery) (action, error) // where the verb says Before
}

// open opens a checked section with a pace and a patience.
func open(s Section, o api.Opening, every, response time.Duration) (*Backend, error) {
	key, err := s.Key.Read()
	if err != nil {
		return nil, fmt.Errorf("l2l: %w", err)
	}
	if s.Auth == "" {
		s.Auth = AuthQuery
	}
	client := api.New(api.Settings{Base: s.URL, Keys: []api.Key{key}, Every: every, Response: response, Dial: s.Dial, Route: s.Route, Log: o.Log})
	b := &Backend{client: client, key: key, auth: s.Auth, site: strconv.Itoa(s.Site), to: s.To(), zone: o.Zone, log: o.Log,
		verbs: verbs(), names: Verbs(),
		reads: http.Header{"Accept": {"application/json"}},
		posts: http.Header{"Accept": {"application/json"}, "Content-Type": {"application/x-www-form-urlencoded"}},
	}
	switch s.Auth {
	case AuthHeader:
		b.reads.Set(keyHeader, key.Reveal())
		b.posts.Set(keyHeader, key.Reveal())
	case AuthBody:
		b.reads.Set(keyHeader, key.Reveal())
	default:
		b.signed = url.Values{"auth": {key.Reveal()}}
	}
	return b, nil
}

// keyHeader is the header that the key goes in, where it goes in one.
const keyHeader = "L2LAUTH"

// Verbs lists what the backend can do.
func (b *Backend) Verbs() []station.Verb { return b.names }

// Verbs lists what this package can do, for those who have no key. A verb that
// closes comes before one that only completes: the second press of a latching
// button takes the first that ends a call.
func Verbs() []station.Verb {
	var all []station.Verb
	for _, v := range verbs() {
		all = append(all, v.Verb)
	}
	return all
}

func verbs() []verb {
	return []verb{
		{Verb: openVerb(), deliver: (*Backend).openDispatch},
		{Verb: closeVerb(), deliver: (*Backend).closeDispatch},
		{Verb: completeVerb(), deliver: (*Backend).completeDispatch},
		{Verb: addVerb(), deliver: (*Backend).addDispatch},
		{Verb: startVerb(), compare: newStart},
		{Verb: finishing().declare(), compare: finishing().newDelivery},
		{Verb: holding().declare(), compare: holding().newDelivery},
		{Verb: completing().declare(), compare: completing().newDelivery},
		{Verb: recordVerb(), compare: newRecording},
	}
}

// Deliver makes one attempt at d; see station.Backend.
//
// dispatch.open and dispatch.add pass further documented parameters on: with.due,
// with.parent_dispatch_id.
func (b *Backend) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	v, err := b.fits(d)
	if err != nil {
		return api.Refuse(err)
	}
	rc := v.carryOut(ctx, b, d)
	rc.Runs = runsAfter(d, rc)
	b.started.note(d, rc)
	return rc
}

func (v verb) carryOut(ctx context.Context, b *Backend, d station.Delivery) station.Receipt {
	if v.compare == nil {
		return v.deliver(b, ctx, d)
	}
	a, err := v.compare(b, d)
	if err != nil {
		return api.Refuse(err)
	}
	return a.Deliver(ctx, b, d)
}

// Look reads what a verb must see before it acts; see station.Looker.
func (b *Backend) Look(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	v, err := b.fits(d)
	if err == nil && v.compare == nil {
		err = errors.New("this verb looks at nothing beforehand")
	}
	if err != nil {
		return nil, api.Refuse(err)
	}
	a, err := v.compare(b, d)
	if err != nil {
		return nil, api.Refuse(err)
	}
	return a.Look(ctx, b)
}

// fits finds the verb of a delivery that can be for this backend.
func (b *Backend) fits(d station.Delivery) (verb, error) {
	i := slices.IndexFunc(b.verbs, func(v verb) bool { return v.Name == d.Verb })
	if i >= 0 && b.verbs[i].PassThrough {
		d.With = withoutFurther(d.With)
	}
	if err := api.CheckDelivery(d, b.to, b.names); err != nil {
		return verb{}, err
	}
	return b.verbs[i], nil
}

// An envelope is how L2L answers everything: with one record of data, a list of
// them, or none.
//
//	{"success": true, "data": {…}}
//	{"success": false, "error": "Dispatch already closed"}
type envelope[T any] struct {
	Success api.Scalar  `json:"success"`
	Error   api.Scalar  `json:"error"`
	Data    api.Rows[T] `json:"data"`
}

// An idOnly is a record of which nothing but its id is asked.
type idOnly struct {
	ID api.Scalar `json:"id"`
}

// get reads. It adds the site to the query, which every list of a site needs.
func get[T any](ctx context.Context, b *Backend, path string, query url.Values) (api.Rows[T], station.Receipt) {
	query.Set("site", b.site)
	return ask[T](ctx, b, path, query)
}

// ask reads without naming the site.
func ask[T any](ctx context.Context, b *Backend, path string, query url.Values) (api.Rows[T], station.Receipt) {
	if b.fetch == nil {
		return trip[T](ctx, b, b.reading(path, query))
	}
	body, rc := b.fetch(ctx, path, query)
	if rc.Outcome != station.Delivered {
		return api.Rows[T]{}, rc
	}
	var answer envelope[T]
	if answer.says(body).Word != api.Yes {
		return api.Rows[T]{}, api.NotTold("L2L", "what was asked")
	}
	return answer.Data, rc
}

// reading is the request of a read.
func (b *Backend) reading(path string, query url.Values) api.Request {
	maps.Copy(query, b.signed)
	return api.Request{Method: http.MethodGet, Path: path, Query: query, Header: b.reads}
}

// post acts. L2L takes forms, and every path ends in a slash: without it a
// server may redirect, and a redirected POST arrives as a GET without its body.
//
// id is the id of the record that L2L answers with; "" where it shows none.
func (b *Backend) post(ctx context.Context, path string, form form) (id string, rc station.Receipt) {
	rows, rc := act[idOnly](ctx, b, path, form)
	if made, ok := rows.One(); ok {
		id, _ = made.ID.ID()
	}
	return id, rc
}

// act is post, with the record that L2L answers with.
func act[T any](ctx context.Context, b *Backend, path string, form form) (api.Rows[T], station.Receipt) {
	r := api.Request{Method: http.MethodPost, Path: path, Query: b.signed, Header: b.posts}
	if b.auth == AuthBody {
		form.Set("auth", b.key.Reveal())
	}
	r.Body = form.encode()
	return trip[T](ctx, b, r)
}

// trip makes the round trip and opens the envelope of a Delivered answer. The
// answer is read once: the client asks what it says, and that reading is kept.
func trip[T any](ctx context.Context, b *Backend, r api.Request) (api.Rows[T], station.Receipt) {
	var answer envelope[T]
	r.Interpret = answer.says
	_, rc := b.client.Do(ctx, r)
	if rc.Outcome != station.Delivered {
		return api.Rows[T]{}, explained(rc)
	}
	return answer.Data, rc
}

// says reads L2L's envelope. A success that is missing or unreadable is neither
// a yes nor a no.
func (e *envelope[T]) says(body []byte) api.Answer {
	if !e.long(body) {
		*e = envelope[T]{}
		if err := json.Unmarshal(body, e); err != nil {
			return api.Answer{}
		}
	}
	success, ok := e.Success.Truth()
	switch {
	case !ok:
		return api.Answer{}
	case success:
		return api.Answer{Word: api.Yes}
	}
	return api.Answer{Word: api.No, Text: e.Error.String()}
}

// long reads an envelope with a long list in one go, where api.Rows would have
// the list read twice. It reports false for everything else.
func (e *envelope[T]) long(body []byte) bool {
	if len(body) < 4096 {
		return false
	}
	var list struct {
		Success api.Scalar `json:"success"`
		Error   api.Scalar `json:"error"`
		Data    []*T       `json:"data"`
	}
	if err := json.Unmarshal(body, &list); err != nil || len(list.Data) == 0 || slices.Contains(list.Data, nil) {
		return false
	}
	*e = envelope[T]{list.Success, list.Error, api.Rows[T]{List: list.Data, There: true, OK: true}}
	return true
}

// put sets the wire's name for a field that the delivery says something of.
func put(form *form, wire string, d station.Delivery, field string) {
	if value := d.With[field]; value != "" {
		form.Set(wire, value)
	}
}

// same compares codes as L2L means them: exactly, but for the spaces around.
func same(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) }

// refusal reports whether the vendor itself said no, and with what words.
func refusal(rc station.Receipt) (text string, said bool) {
	no, ok := errors.AsType[*api.Refusal](rc.Err)
	if !ok {
		return "", false
	}
	return strings.ToLower(no.Text), true
}

// siteTime is how L2L takes and gives times: the site's wall clock, no zone.
const siteTime = "2006-01-02 15:04:05"

// local writes a time as L2L takes it.
func (b *Backend) local(t time.Time) string { return t.In(b.zone).Format(siteTime) }

// moment reads a time that an action says: with its zone as RFC 3339 has it, or
// the site's wall clock as L2L writes it.
func (b *Backend) moment(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, ok := b.siteMoment(text); ok && len(text) <= len(siteTime) {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is no time as 2026-03-02T08:15:00+01:00 or 2026-03-02 08:15", text)
}

// siteMoment reads a time as L2L's records have it:
//
//	2026-03-02 08:15:00
//	2026-03-02T08:15:00.123
//	2026-03-02 08:15
func (b *Backend) siteMoment(text string) (t time.Time, ok bool) {
	if len(text) > len("2006-01-02") && text[len("2006-01-02")] == 'T' {
		text = strings.Replace(text, "T", " ", 1)
	}
	for _, layout := range []string{siteTime, "2006-01-02 15:04"} {
		if len(text) < len(layout) {
			continue
		}
		if t, err := time.ParseInLocation(layout, text[:len(layout)], b.zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
