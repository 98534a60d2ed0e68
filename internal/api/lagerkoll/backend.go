// Package lagerkoll delivers to Lagerkoll's production orders: the orders
// themselves, their articles, and what was made of an article, with batch,
// serial number and parts.
//
// Its source is Lagerkoll's own page "Production orders API"; openapi.yaml beside
// this file is that page as a contract. Lagerkoll has no idempotency key and does
// not say whether a trace adds or sets; it is taken to add, so a lost answer is
// settled by comparing the order and its batches with what they were before. A
// new order is found again by its reference and the mark in its internal
// reference; what sets something is found again by what it has set.
package lagerkoll

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

// What a person is told of an order that is so already, and of one that may have become
// so by an earlier attempt.
const (
	alreadySo    = "already so"
	byWhomUnsure = "it is so, by whom cannot be told"
)

// A Backend speaks to one Lagerkoll store. It is a station.Looker.
type Backend struct {
	client    *api.Client
	sign      http.Header // store and credentials, only the pair in use
	to        string
	exclusive bool
	verbs     []station.Verb
	recent    *recent
	log       *slog.Logger

	// fetch reads in the client's place, where the relay of the plant does; nil: the client
	// does. Such a backend only follows.
	fetch func(ctx context.Context, path string, query url.Values) ([]byte, station.Receipt)
}

// open opens a checked section with a pace and a patience.
func open(s Section, o api.Opening, every, response time.Duration) (*Backend, error) {
	from, name := s.Key, "api_key"
	sign := http.Header{}
	sign.Set("store", s.Store)
	if !s.Key.Given() {
		from, name = s.UserToken, "user_token"
		sign.Set("user_id", s.UserID)
	}
	key, err := from.Read()
	if err != nil {
		return nil, fmt.Errorf("lagerkoll: %w", err)
	}
	sign.Set(name, key.Reveal())
	client := api.New(api.Settings{Base: s.URL, Keys: []api.Key{key}, Every: every, Response: response, Dial: s.Dial, Route: s.Route, Log: o.Log})
	return &Backend{client: client, sign: sign, to: s.To(), exclusive: s.Exclusive, verbs: Verbs(), recent: newRecent(every), log: o.Log}, nil
}

// Verbs lists what the backend can do.
func (b *Backend) Verbs() []station.Verb { return b.verbs }

// Verbs lists what this package can do, for those who have no key.
func Verbs() []station.Verb {
	return []station.Verb{
		createVerb(), createFromVerb(), updateVerb(), startVerb(), finishVerb(), cancelVerb(),
		addVerb(), articleUpdateVerb(), traceVerb(), removeVerb(),
	}
}

// Deliver makes one attempt at d; see station.Backend.
func (b *Backend) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	a, err := b.action(d)
	if err != nil {
		return api.Refuse(err)
	}
	return a.Deliver(ctx, b, d)
}

// Look reads how things stand before d; see station.Looker.
func (b *Backend) Look(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	a, err := b.action(d)
	if err != nil {
		return nil, api.Refuse(err)
	}
	return a.Look(ctx, b)
}

// An action is a delivery that was read and found possible.
type action = api.Change[*Backend]

// action reads a delivery. Its errors name the field, and nothing has been sent.
func (b *Backend) action(d station.Delivery) (action, error) {
	if err := api.CheckDelivery(d, b.to, b.verbs); err != nil {
		return nil, err
	}
	switch d.Verb {
	case orderCreate:
		return newCreate(d)
	case orderCreateFrom:
		return newCreateFrom(d)
	case orderUpdate:
		return newUpdate(d)
	case orderStart:
		return newMove(d, Developing)
	case orderFinish:
		return newMove(d, Finished)
	case orderCancel:
		return newMove(d, Cancelled)
	case articleAdd:
		return newAdd(d)
	case articleUpdate:
		return newArticleUpdate(d)
	case articleRemove:
		return newRemove(d)
	}
	return newTrace(d)
}

// likely is the verdict where there is as much more as was sent: it is proof where nobody
// but this station reports on its orders.
func (b *Backend) likely() api.Verdict {
	if b.exclusive {
		return api.Applied
	}
	return api.Likely
}

// Probe makes one cheap read, so that a lane which has been told the same no
// several times can learn whether the vendor still speaks to this station.
func (b *Backend) Probe(ctx context.Context) station.Receipt {
	_, rc := b.page(ctx, "production_orders_state", url.Values{"state_from": {"0"}, "state_to": {"0"}, "limit": {"1"}})
	return api.Unread(rc)
}

// A request is one round trip to make.
type request struct {
	method    string
	path      string // after the base, escaped
	query     url.Values
	accept    string // "": application/json
	body      []byte
	traces    string                 // the one article whose amounts it may change; "": whatever the order has
	isSuccess func(body []byte) bool // recognises this operation's yes: Lagerkoll has no word for it, it returns the thing
	most      int                    // bytes of the answer; 0: as api.Request has it
}

// send makes one round trip.
func (b *Backend) send(ctx context.Context, r request) ([]byte, station.Receipt) {
	if b.fetch != nil {
		body, rc := b.fetch(ctx, r.path, r.query)
		if rc.Outcome == station.Delivered && !r.isSuccess(body) {
			rc = api.NotTold("Lagerkoll", "what was asked")
		}
		return body, rc
	}
	header := b.sign.Clone()
	header.Set("Accept", "application/json")
	if r.accept != "" {
		header.Set("Accept", r.accept)
	}
	if len(r.body) > 0 {
		header.Set("Content-Type", "application/json")
	}
	if r.method != http.MethodGet {
		b.recent.forget(r.path, r.traces)
	}
	var own *Error
	body, rc := b.client.Do(ctx, api.Request{
		Method: r.method, Path: r.path, Query: r.query, Header: header, Body: r.body, Most: r.most,
		Interpret: func(body []byte) api.Answer {
			if own = errorOf(body); own != nil {
				return own.answer()
			}
			if r.isSuccess(body) {
				return api.Answer{Word: api.Yes}
			}
			return api.Answer{}
		}})
	return body, own.wrap(rc, b.client.Clean)
}

// watchedPath is where a watch reads: an order by its id, and the orders of a state.
var watchedPath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(state/)?[0-9]+$`) })

// Fetch implements api.Fetcher: it reads records of the backend's own store.
func (b *Backend) Fetch(ctx context.Context, path string, query url.Values) ([]byte, station.Receipt) {
	if !watchedPath().MatchString(path) {
		return nil, api.NotWatched(path)
	}
	body, rc := b.get(ctx, path, query, json.Valid)
	return body, api.Unread(rc)
}

// get reads.
func (b *Backend) get(ctx context.Context, path string, query url.Values, isYes func(body []byte) bool) ([]byte, station.Receipt) {
	return b.send(ctx, request{method: http.MethodGet, path: path, query: query, isSuccess: isYes})
}
