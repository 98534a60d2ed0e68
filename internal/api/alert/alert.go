// Package alert tells somebody elsewhere that a station needs a person: it posts a
// small JSON object to an address of the plant's.
package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	// responseTime limits the wait for an answer: whoever takes an alert has nothing
	// to work out first.
	responseTime = 10 * time.Second
)

// A Section is the [alert] table of the configuration.
type Section struct {
	After  time.Duration `toml:"after"`  // how long something is so before it is told
	Repeat time.Duration `toml:"repeat"` // how long after that it is told again; 0: never

	// Hook is where it is posted; without a URL nowhere.
	api.Hook
}

// Default is what the section is where the file says nothing.
func Default() Section {
	return Section{After: 10 * time.Minute, Repeat: 4 * time.Hour, Hook: api.Hook{Header: api.BearerHeader}}
}

// The bounds of after and repeat.
const (
	shortestAfter  = time.Second
	shortestRepeat = 10 * time.Minute
	longest        = 7 * 24 * time.Hour
)

// Check reports every fault of the section by its key. It touches no file and no
// network.
func (s Section) Check(fault func(key, text string)) {
	if s.After < shortestAfter || s.After > longest {
		fault("after", "must be 1s to 168h: how long something is held, or undelivered, before somebody is told")
	}
	if s.Repeat != 0 && (s.Repeat < shortestRepeat || s.Repeat > longest) {
		fault("repeat", "must be 10m to 168h, or 0s: never again")
	}
	if s.URL == "" {
		for key, given := range map[string]bool{"key": s.Key.Given(), "header": s.Header != api.BearerHeader, "ca": s.CA != "", "proxy": s.Proxy != "", "proxy_key": s.ProxyKey.Given()} {
			if given {
				fault(key, "stands without a url")
			}
		}
		return
	}
	s.Hook.Check(fault)
}

// A Message is what is posted.
//
//	{
//	  "text": "pack4-1: 2 entries are held for a person since 2026-03-02 08:15: stationd outbox ls",
//	  "station": "pack4-1",
//	  "what": "held",
//	  "since": "2026-03-02T08:15:00+01:00",
//	  "minutes": 10,
//	  "held": 2,
//	  "waiting": 3,
//	  "entries": [{"id": "9f86d081….1", "lane": "l2l/machine:SEAL-1", "verb": "dispatch.open", "hold": "refused", "reason": "…"}]
//	}
type Message struct {
	Text    string            `json:"text"` // all of it in a sentence, for a chat
	Station string            `json:"station"`
	What    station.AlertKind `json:"what"`
	Backend string            `json:"backend,omitempty"` // of undelivered
	Reason  string            `json:"reason,omitempty"`  // of undelivered: the last error
	Since   *time.Time        `json:"since,omitempty"`   // left out while the clock is not set
	Minutes int               `json:"minutes"`           // for which it has been so
	Again   bool              `json:"again,omitempty"`   // it was told before
	Held    int               `json:"held"`
	Waiting int               `json:"waiting"`
	Entries []Entry           `json:"entries,omitempty"` // the first that are held
}

// An Entry is one that is held.
type Entry struct {
	ID     station.ID         `json:"id"`
	Lane   string             `json:"lane"`
	Verb   string             `json:"verb"`
	Hold   station.HoldReason `json:"hold"`
	Reason string             `json:"reason"`
}

// Post makes one attempt at posting a message, follows no redirect and does not try
// again. An error says in a sentence what went wrong, and carries neither the key nor
// the address behind its host.
func (s Section) Post(ctx context.Context, m Message, log *slog.Logger) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	header, secrets, err := s.Sign()
	if err != nil {
		return err
	}
	header.Set("Content-Type", "application/json")
	client := api.New(api.Settings{Base: s.URL, Keys: secrets, Response: responseTime, Route: s.Route, Log: log})
	_, rc := client.Do(ctx, api.Request{Method: http.MethodPost, Header: header, Body: body})
	if rc.Outcome != station.Delivered {
		return fmt.Errorf("%s: %w", s.Host(), rc.Err)
	}
	return nil
}
