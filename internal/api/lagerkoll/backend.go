// Package lagerkoll delivers to Lagerkoll's production orders: what was made of
// an article, with batch, serial number and parts.
//
// Its source is Lagerkoll's own page "Production orders API". Lagerkoll has no
// idempotency key and does not say whether a trace adds or sets; it is taken to
// add, so a lost answer is settled by comparing the order and its batches with
// what they were before.
package lagerkoll

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

// A Backend speaks to one Lagerkoll store. It is a station.Looker.
type Backend struct {
	client    *api.Client
	sign      http.Header // store and credentials, only the pair in use
	to        string
	exclusive bool
}

// Open returns the backend of a checked section. It reads the key and connects
// to nothing.
func Open(s Section, log *slog.Logger) (*Backend, error) {
	every, err := pace(s.Rate)
	if err != nil {
		return nil, fmt.Errorf("lagerkoll: rate %w", err)
	}
	return open(s, log, every, api.ResponseTime)
}

// open is Open with another pace and another patience.
func open(s Section, log *slog.Logger, every, response time.Duration) (*Backend, error) {
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
	client := api.New(api.Settings{Base: s.URL, Keys: []api.Key{key}, Every: every, Response: response, Dial: s.Dial, Log: log})
	return &Backend{client: client, sign: sign, to: s.To(), exclusive: s.Exclusive}, nil
}

// Verbs lists what the backend can do.
func (b *Backend) Verbs() []station.Verb { return Verbs() }

// Verbs lists what this package can do, for those who have no key.
func Verbs() []station.Verb { return []station.Verb{traceVerb()} }

// Deliver makes one attempt at d; see station.Backend.
func (b *Backend) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	if err := api.Misfit(d, b.to, Verbs()); err != nil {
		return api.Refuse(err)
	}
	return b.trace(ctx, d)
}

// Look reads the order and, where it matters, its batches; see station.Looker.
func (b *Backend) Look(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	if err := api.Misfit(d, b.to, Verbs()); err != nil {
		return nil, api.Refuse(err)
	}
	t, err := newTrace(d)
	if err != nil {
		return nil, api.Refuse(err)
	}
	now, rc := b.look(ctx, t)
	if rc.Outcome != station.Delivered {
		return nil, api.Unread(rc)
	}
	return now.marshal(), rc
}

// send makes one round trip. isYes recognises the body of this operation's yes:
// Lagerkoll has no word for it, it returns the thing.
func (b *Backend) send(ctx context.Context, method, path string, body []byte, isYes func(body []byte) bool) ([]byte, station.Receipt) {
	header := b.sign.Clone()
	header.Set("Accept", "application/json")
	if len(body) > 0 {
		header.Set("Content-Type", "application/json")
	}
	return b.client.Do(ctx, api.Request{Method: method, Path: path, Header: header, Body: body,
		Says: func(body []byte) api.Says { return says(body, isYes) }})
}

// Lagerkoll's error codes that say more than no. The others, 903001 to 903004
// among them, are a no.
const (
	codeOther   = 900101 // "Common error": anything, also after the work was done
	codeKey     = 900001 // "Credentials don't match"
	codeTooMany = 900429 // "Too many requests"
)

// says reads an answer.
//
//	{"errorCode": 903003, "errorMessage": "…", "errorField": null, "errorData": null}
func says(body []byte, isYes func(body []byte) bool) api.Says {
	o, isObject := api.ReadObject(body)
	if !isObject || !o.Has("errorCode") {
		if isYes(body) {
			return api.Says{Word: api.Yes}
		}
		return api.Says{}
	}
	text, _ := o.Text("errorMessage")
	if field, ok := o.Text("errorField"); ok {
		text += " (" + field + ")"
	}
	code, _ := o.Number("errorCode")
	switch code {
	case codeKey:
		return api.Says{Word: api.BadKey, Text: text}
	case codeTooMany:
		return api.Says{Word: api.TooMany, Text: text}
	}
	if code < 900000 || code == codeOther {
		return api.Says{Text: text}
	}
	return api.Says{Word: api.No, Text: text}
}

// isOrder recognises the production order of that id.
func isOrder(id string) func(body []byte) bool {
	return func(body []byte) bool {
		o, _ := api.ReadObject(body)
		got, ok := o.ID("orderId")
		return ok && got == id
	}
}
