// Package alert tells somebody elsewhere that a station needs a person: it posts a
// small JSON object to an address of the plant's.
package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	// responseTime limits the wait for an answer: whoever takes an alert has nothing
	// to work out first.
	responseTime = 10 * time.Second

	// bearer is the header that has a word before the key.
	bearer = "Authorization"
)

// A Section is the [alert] table of the configuration.
type Section struct {
	After  time.Duration `toml:"after"`  // how long something is so before it is told
	Repeat time.Duration `toml:"repeat"` // how long after that it is told again; 0: never
	URL    string        `toml:"url"`    // where it is posted; empty: nowhere
	Key    api.KeyFrom   `toml:"key"`    // a secret that the address asks for
	Header string        `toml:"header"` // that the secret goes in

	api.Route
}

// Default is what the section is where the file says nothing.
func Default() Section {
	return Section{After: 10 * time.Minute, Repeat: 4 * time.Hour, Header: bearer}
}

// The bounds of after and repeat.
const (
	shortestAfter  = time.Second
	shortestRepeat = 10 * time.Minute
	longest        = 7 * 24 * time.Hour
)

// headerName is what a header may be called.
var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

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
		for key, given := range map[string]bool{"key": s.Key.Given(), "header": s.Header != bearer, "ca": s.CA != "", "proxy": s.Proxy != "", "proxy_key": s.ProxyKey.Given()} {
			if given {
				fault(key, "stands without a url")
			}
		}
		return
	}
	if why := checkURL(s.URL); why != "" {
		fault("url", why)
	}
	if !headerName.MatchString(s.Header) {
		fault("header", "must be the name of a header: letters, digits and -")
	}
	s.Key.Check("key", fault)
	s.Route.Check(fault)
}

// checkURL says what is wrong with an address, "" when nothing is. What stands behind
// its host may be a secret, and is never shown.
func checkURL(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return "is no address like https://alerts.example.com/stationd"
	case u.Scheme != "https" && (u.Scheme != "http" || !api.Loopback(address)):
		return "must begin with https:// (http is for this machine alone)"
	case u.User != nil || u.Fragment != "":
		return "must hold no user and no number sign"
	}
	return ""
}

// Host names where alerts go, without what may be a secret in the address.
func (s Section) Host() string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return ""
	}
	return u.Host
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
	head := http.Header{"Content-Type": {"application/json"}}
	var keys []api.Key
	if s.Key.Given() {
		key, err := s.Key.Read()
		if err != nil {
			return err
		}
		keys = append(keys, key)
		value := key.Reveal()
		if strings.EqualFold(s.Header, bearer) {
			value = "Bearer " + value
		}
		head.Set(s.Header, value)
	}
	if secret := s.secretPart(); secret != (api.Key{}) {
		keys = append(keys, secret)
	}
	client := api.New(api.Settings{Base: s.URL, Keys: keys, Response: responseTime, Route: s.Route, Log: log})
	_, rc := client.Do(ctx, api.Request{
		Method: http.MethodPost, Header: head, Body: body,
		Says: func([]byte) api.Says { return api.Says{Word: api.Yes} }, // its status says the rest
	})
	if rc.Outcome != station.Delivered {
		return fmt.Errorf("%s: %w", s.Host(), rc.Err)
	}
	return nil
}

// secretPart is what stands behind the host of the address; nothing where that is too
// little to be a secret.
func (s Section) secretPart() api.Key {
	u, err := url.Parse(s.URL)
	if err != nil {
		return api.Key{}
	}
	key, err := api.NewKey(strings.TrimPrefix(u.RequestURI(), "/"))
	if err != nil {
		return api.Key{}
	}
	return key
}
