package lagerkoll

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	// accountLimit is what Lagerkoll allows an account in a minute, all stations
	// together.
	accountLimit = 200
	// defaultRate is this station's share where the configuration says nothing.
	defaultRate = "60/min"
)

// A Section is the [lagerkoll] table of the configuration.
type Section struct {
	URL       string        `toml:"url"`
	Store     string        `toml:"store"`
	Key       api.KeyFrom   `toml:"key"`        // machine to machine; or else
	UserID    string        `toml:"user_id"`    // a person's login,
	UserToken api.KeyFrom   `toml:"user_token"` // with the token that it returned
	Rate      string        `toml:"rate"`       // this station's share of the account's 200: 60/min, 1/s
	Exclusive bool          `toml:"exclusive"`  // nobody but this station reports on its orders
	Settle    time.Duration `toml:"settle"`     // 0: api.SettleLeast
	Watch     time.Duration `toml:"watch"`      // the time between two looks at the order that is made, on the average; 0: none
	Hand      string        `toml:"follow"`     // the value in hand that has its id; empty: the one order in development
	Fresh     time.Duration `toml:"fresh"`      // how long what was seen of it counts; 0: three times watch
	Dial      api.Dial      // no key of the file; nil: over the network

	api.Via
	api.Route
}

// Check reports every fault of the section by its key. It touches no file and no
// network.
func (s Section) Check(fault func(key, text string)) {
	if text := api.CheckURL(s.URL); text != "" {
		fault("url", text)
	}
	if !headerText(s.Store) {
		fault("store", "must be the store-id, in plain characters")
	}
	s.CheckVia(map[string]bool{
		"key": s.Key.Given(), "user_id": s.UserID != "", "user_token": s.UserToken.Given(), "rate": s.Rate != "", "exclusive": s.Exclusive,
		"ca": s.CA != "", "proxy": s.Proxy != "", "proxy_key": s.ProxyKey.Given(),
	}, fault)
	switch person := s.UserID != "" || s.UserToken.Given(); {
	case s.Key.Given() && person:
		fault("key", "stands beside user_id and user_token: keep one way to log in")
	case person && (!headerText(s.UserID) || !s.UserToken.Given()):
		fault("user_id", "user_id and user_token belong together")
	case !s.Key.Given() && !person && !s.ByRelay():
		fault("key", "is missing: name a file or a credential that holds the API-key")
	}
	s.Key.Check("key", fault)
	s.UserToken.Check("user_token", fault)
	if every, err := api.Pace(s.Rate, defaultRate); err != nil {
		fault("rate", err.Error())
	} else if every < time.Minute/accountLimit && !api.Loopback(s.URL) {
		fault("rate", fmt.Sprintf("is above %d/min, which is all that the whole account may ask", accountLimit))
	}
	s.checkWatch(fault)
	s.Route.Check(fault)
	if least := s.LeastSettle(s.ByProxy(s.URL)); s.Settle < 0 || s.Settle > 0 && s.Settle < least && !api.Loopback(s.URL) {
		fault("settle", fmt.Sprintf("must be at least %v: an attempt that was given up may take that long to take effect", least))
	}
}

// watchShare is how many requests of the station's own lie between two of the watch.
const watchShare = 4

func (s Section) checkWatch(fault func(key, text string)) {
	every, err := api.Pace(s.Rate, defaultRate)
	least := max(watchLeast, watchShare*every)
	switch {
	case err != nil:
	case s.Watch < 0 || s.Watch > 0 && s.Watch < least && !api.Loopback(s.URL):
		fault("watch", fmt.Sprintf("must be at least %v: at this rate the rest is for what was pressed and scanned", least))
	case s.Watch == 0 && s.Hand != "":
		fault("follow", `says which order is looked at, and none is: add watch = "60s"`)
	case s.Watch == 0 && s.Fresh != 0:
		fault("fresh", `says how long what was seen counts, and nothing is looked at: add watch = "60s"`)
	case s.Fresh < 0 || s.Fresh > 0 && s.Fresh < 2*s.Watch:
		fault("fresh", fmt.Sprintf("must be at least twice watch, %v: one look that fails would make nothing of what was seen", 2*s.Watch))
	}
}

// headerText reports whether a text can stand in a header line.
func headerText(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// Reads implements api.Follower: the order that is made is read where that is asked for.
func (s Section) Reads() (reads bool, fresh time.Duration, follows string) {
	return s.Watch > 0, cmp.Or(s.Fresh, 3*s.Watch), s.Hand
}

// To says whom the section speaks to: what an entry is frozen with.
//
//	https://capi.lagerkoll.com/v1/production_orders/ store 1001
func (s Section) To() string { return api.Canonical(s.URL) + " store " + s.Store }

// Share implements api.Sharer. Which account a key belongs to stands in no file; an account
// may have several stores, and all that is asked at one address counts as one.
func (s Section) Share() api.Share {
	every, _ := api.Pace(s.Rate, defaultRate) // it has been checked
	return api.Share{Account: api.Canonical(s.URL), Pace: every, Limit: accountLimit, Alone: s.Exclusive}
}

// Defaults returns the values of fields for bindings that say nothing: this
// backend has none.
func (s Section) Defaults() map[string]string { return nil }

// SettleTime is how long after an attempt an absence proves nothing yet.
func (s Section) SettleTime() time.Duration {
	if s.Settle == 0 {
		return s.LeastSettle(s.ByProxy(s.URL))
	}
	return s.Settle
}

// Reached returns Lagerkoll's address and the way there.
func (s Section) Reached() (base string, route api.Route) { return s.URL, s.Route }

// Secret returns where the API-key is kept, or the token of a person's login.
func (s Section) Secret() api.KeyFrom {
	if s.Key.Given() {
		return s.Key
	}
	return s.UserToken
}

// Open implements api.Section.
func (s Section) Open(o api.Opening) (station.Backend, error) {
	switch {
	case o.Key == nil:
	case s.Key.Given():
		s.Key = *o.Key
	default:
		s.UserToken = *o.Key
	}
	if o.Brisk {
		s.Rate = ""
	}
	every, err := api.Pace(s.Rate, defaultRate)
	if err != nil {
		return nil, fmt.Errorf("lagerkoll: rate %w", err)
	}
	b, err := open(s, o, every, api.ResponseTime)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Follow implements api.Follower: it follows the order that is made, where that is asked for.
func (s Section) Follow(b station.Backend, state func() station.State, stamp func(time.Time) station.Stamp) station.Watch {
	store, is := b.(*Backend)
	if by, fetches := b.(api.Fetching); fetches {
		store, is = &Backend{to: s.To(), verbs: Verbs(), fetch: by.Fetch}, true
		_, store.log = by.Site()
	}
	if !is || s.Watch == 0 {
		return nil
	}
	return store.Watch(s.Hand, s.Watch, state, stamp)
}
