package webhook

import (
	"fmt"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

// RepeatAllowed is what repeat says where the receiver drops what it gets twice.
const RepeatAllowed = "allowed"

// The bounds of timeout.
const (
	shortestTimeout = time.Second
	longestTimeout  = 2 * time.Minute
)

// A Section is the [webhook] table of the configuration.
type Section struct {
	api.Hook

	Timeout time.Duration `toml:"timeout"` // for the answer, after the request has left; 0: api.ResponseTime
	Repeat  string        `toml:"repeat"`  // RepeatAllowed; "": in doubt it is held
	Dial    api.Dial      // no key of the file; nil: over the network
}

// Check reports every fault of the section by its key. It touches no file and no
// network.
func (s Section) Check(fault func(key, text string)) {
	s.Hook.Check(fault)
	if !s.Key.Given() {
		fault("key", "is missing: name a file or a credential that holds the secret by which the receiver knows this station")
	}
	if s.Timeout != 0 && (s.Timeout < shortestTimeout || s.Timeout > longestTimeout) {
		fault("timeout", fmt.Sprintf("must be %v to %v", shortestTimeout, longestTimeout))
	}
	if s.Repeat != "" && s.Repeat != RepeatAllowed {
		fault("repeat", fmt.Sprintf("%q is not %q, which says that the receiver drops what it gets twice, by its id", s.Repeat, RepeatAllowed))
	}
}

// Defaults returns the values of fields for bindings that say nothing: this backend
// has none of its own.
func (s Section) Defaults() map[string]string { return nil }

// SettleTime is how long after an attempt an absence proves nothing yet. Nothing is
// looked up here; it is what any vendor's is.
func (s Section) SettleTime() time.Duration { return api.SettleLeast(s.ByProxy(s.URL)) }

// ByRelay implements api.Section: the receiver is the plant's own, and each station posts
// to it.
func (s Section) ByRelay() bool { return false }

// Reached returns the address and the way there.
func (s Section) Reached() (base string, route api.Route) { return s.URL, s.Route }

// Secret returns where the shared secret is kept.
func (s Section) Secret() api.KeyFrom { return s.Key }

// Open implements api.Section.
func (s Section) Open(o api.Opening) (station.Backend, error) {
	if o.Key != nil {
		s.Key = *o.Key
	}
	header, secrets, err := s.Sign()
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	client := api.New(api.Settings{Base: s.URL, Keys: secrets, Every: pace, Response: s.Timeout, Dial: s.Dial, Route: s.Route, Log: o.Log})
	return &Backend{client: client, header: header, to: s.To(), repeat: s.Repeat == RepeatAllowed, verbs: Verbs()}, nil
}
