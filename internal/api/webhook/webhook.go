// Package webhook posts an event to an address of the plant's, as a small JSON object
// with a shared secret in a header.
//
// Such an address cannot be asked what it has got. An attempt whose answer was lost is
// therefore held for a person, unless the configuration says that the receiver drops
// what it gets twice: then it is sent again, with the same id.
package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	webhookPost = "webhook.post"

	// idHeader has the id in the request's header too, where receivers look for it
	// (draft-ietf-httpapi-idempotency-key-header).
	idHeader = "Idempotency-Key"

	// pace is the shortest time between two requests.
	pace = 100 * time.Millisecond

	// mostAnswer is how many bytes of an answer are read. Nothing in it is asked for;
	// what a no says is shown to a person.
	mostAnswer = 64 << 10
)

// Ceilings lists what is taken of a receiver at most.
func Ceilings() []station.Ceiling {
	return []station.Ceiling{
		{Of: "an answer to a webhook", Most: fmt.Sprintf("%d KiB", mostAnswer>>10), Then: "no more of it is read; the status says what became of the event"},
	}
}

// Verbs lists what this package can do.
func Verbs() []station.Verb {
	return []station.Verb{{
		Name: webhookPost,
		Does: "Post an event to the plant's own address",
		Fields: []station.Field{
			{Name: station.Named, Required: true, Help: "name of the station; left out: its own"},
			{Name: "event", Help: "name of the event; left out: the input and what happened there, red.press"},
			{Name: "code", Help: "what was read, as {code}"},
			{Name: "values", Type: station.List, Help: `what belongs to it, in names and values: { order = "{order}", batch = "{gs1.10}" }`},
		},
		Lane: []string{station.Named},

		// Nothing is read beforehand. The mark on disk tells, when the power comes back,
		// what may have arrived from what was never sent.
		Before: true,
	}}
}

// An Event is what is posted.
//
//	{
//	  "id": "9f86d081884c7d659a2feaa0c55ad015.1",
//	  "station": "pack4-1",
//	  "event": "hand.scan",
//	  "source": "hand",
//	  "code": "PO4711",
//	  "values": {"order": "4711"},
//	  "time": "2026-03-02T07:15:00.25Z",
//	  "clock_trusted": true
//	}
type Event struct {
	ID      station.ID      `json:"id"` // the same for every attempt: what comes twice is one
	Station string          `json:"station"`
	Event   string          `json:"event"`
	Source  string          `json:"source"` // the input that it came from
	Code    string          `json:"code,omitempty"`
	Values  json.RawMessage `json:"values,omitempty"`

	// Time is when it happened, in UTC; left out where nobody knows. ClockTrusted says
	// that it is exact: that the clock had been set.
	Time         *time.Time `json:"time,omitempty"`
	ClockTrusted bool       `json:"clock_trusted"`
}

// eventOf is what is posted of a delivery.
func eventOf(d station.Delivery) (Event, error) {
	e := Event{ID: d.ID, Station: d.With[station.Named], Event: d.With["event"], Source: d.Source, Code: d.With["code"], ClockTrusted: d.Exact}
	if e.Event == "" {
		e.Event = d.Source + "." + d.Kind
	}
	if text := d.With["values"]; text != "" {
		if !json.Valid([]byte(text)) {
			return Event{}, fmt.Errorf("values %s is no JSON", strconv.Quote(text))
		}
		e.Values = json.RawMessage(text)
	}
	if !d.When.IsZero() {
		at := d.When.UTC()
		e.Time = &at
	} else {
		e.ClockTrusted = false
	}
	return e, nil
}

// A Backend posts to one address. It is a station.Looker.
type Backend struct {
	client *api.Client
	header http.Header // with the secret
	to     string
	repeat bool
	verbs  []station.Verb
}

// Verbs lists what the backend can do.
func (b *Backend) Verbs() []station.Verb { return b.verbs }

// Look implements station.Looker. There is nothing to be read; whether anybody is there
// is tried, so that in an outage nothing is marked as if it might have left.
func (b *Backend) Look(ctx context.Context, d station.Delivery) (before []byte, rc station.Receipt) {
	if err := api.CheckDelivery(d, b.to, b.verbs); err != nil {
		return nil, api.Refuse(err)
	}
	return []byte("{}"), b.client.Reach(ctx)
}

// Deliver makes one attempt at d; see station.Backend. Whether an earlier attempt
// arrived nobody can be asked.
func (b *Backend) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	if err := api.CheckDelivery(d, b.to, b.verbs); err != nil {
		return api.Refuse(err)
	}
	event, err := eventOf(d)
	if err != nil {
		return api.Refuse(err)
	}
	if d.Doubtful && !b.repeat {
		return api.Undecided("the receiver cannot be asked: look there whether the id %s has arrived, and discard this; where it has not, retry it with --not-there", d.ID)
	}
	body, err := json.Marshal(event)
	if err != nil {
		return api.Refuse(err)
	}
	header := b.header.Clone()
	header.Set("Content-Type", "application/json")
	header.Set(idHeader, string(d.ID))
	_, rc := b.client.Do(ctx, api.Request{Method: http.MethodPost, Header: header, Body: body, Most: mostAnswer})
	return rc
}

// VendorTime implements station.VendorClock.
func (b *Backend) VendorTime() (vendor, at time.Time) { return b.client.VendorTime() }

// PaceWait implements station.Paced.
func (b *Backend) PaceWait() time.Duration { return b.client.PaceWait() }

// Faults implements station.HealthReporter: it tells what is wrong with the files of the
// way there.
func (b *Backend) Faults() map[string]string {
	return map[string]string{"webhook network": b.client.Broken()}
}
