package l2l

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
)

// Where the key goes. L2L's own texts put it into the query; its own shell
// sample sends a header, which keeps it out of the access logs on the way.
const (
	AuthQuery  = "query"  // ?auth=KEY, the default
	AuthHeader = "header" // L2LAUTH: KEY
	AuthBody   = "body"   // auth=KEY in the form of a POST; reads use the header
)

// defaultRate is the pace where the configuration says nothing. L2L publishes no limit and
// asks for no bursts.
const defaultRate = "4/s"

// watchLeast is the shortest time between two looks that is accepted for a real
// vendor.
const watchLeast = 5 * time.Second

// A Section is the [l2l] table of the configuration.
type Section struct {
	URL     string        `toml:"url"`
	Key     api.KeyFrom   `toml:"key"`
	Site    int           `toml:"site"`    // the site number, not the id of the site's record
	Line    string        `toml:"line"`    // default of the field line
	Machine string        `toml:"machine"` // default of the field machine
	Trade   string        `toml:"trade"`   // default of the field trade
	User    string        `toml:"user"`    // default of the field user
	Auth    string        `toml:"auth"`    // query, header or body; empty: query
	Rate    string        `toml:"rate"`    // of this station: 4/s, 60/min; empty: 4/s
	Settle  time.Duration `toml:"settle"`  // 0: api.SettleLeast
	Watch   time.Duration `toml:"watch"`   // the time between two looks at calls and line, on the average; 0: 30 s
	Fresh   time.Duration `toml:"fresh"`   // how long what was seen on the line counts; 0: three times watch
	Dial    api.Dial      // no key of the file; nil: over the network

	api.Via
	api.Route
}

// Check reports every fault of the section by its key. It touches no file and no
// network.
func (s Section) Check(fault func(key, text string)) {
	if text := api.CheckURL(s.URL); text != "" {
		fault("url", text)
	}
	s.CheckVia(map[string]bool{
		"key": s.Key.Given(), "auth": s.Auth != "", "rate": s.Rate != "",
		"ca": s.CA != "", "proxy": s.Proxy != "", "proxy_key": s.ProxyKey.Given(),
	}, fault)
	if !s.Key.Given() && !s.ByRelay() {
		fault("key", "is missing: name a file or a credential that holds L2L's API key")
	}
	s.Key.Check("key", fault)
	if s.Site <= 0 {
		fault("site", "must be the number of the L2L site")
	}
	switch s.Auth {
	case "", AuthQuery, AuthHeader, AuthBody:
	default:
		fault("auth", fmt.Sprintf("%q is not query, header or body", s.Auth))
	}
	if _, err := api.Pace(s.Rate, defaultRate); err != nil {
		fault("rate", err.Error())
	}
	s.Route.Check(fault)
	if least := s.LeastSettle(s.ByProxy(s.URL)); s.Settle < 0 || s.Settle > 0 && s.Settle < least && !api.Loopback(s.URL) {
		fault("settle", fmt.Sprintf("must be at least %v: an attempt that was given up may take that long to take effect", least))
	}
	if s.Watch < 0 || s.Watch > 0 && s.Watch < watchLeast && !api.Loopback(s.URL) {
		fault("watch", fmt.Sprintf("must be at least %v: L2L asks for no bursts", watchLeast))
	}
	if every := cmp.Or(s.Watch, watchEvery); s.Fresh < 0 || s.Fresh > 0 && s.Fresh < 2*every {
		fault("fresh", fmt.Sprintf("must be at least twice watch, %v: one look that fails would make nothing of what was seen", 2*every))
	}
}

// Reads implements api.Follower: what the line runs is read where it is said which.
func (s Section) Reads() (reads bool, fresh time.Duration, follows string) {
	every := cmp.Or(s.Watch, watchEvery)
	return s.Line != "", cmp.Or(s.Fresh, 3*every), ""
}

// basePath is where L2L's operations are.
const basePath = "/api/1.0/"

// Warn reports what of the section is allowed and is seldom meant.
func (s Section) Warn(warn func(key, text string)) {
	if u, err := url.Parse(s.URL); err == nil && !strings.HasSuffix(strings.TrimSuffix(u.Path, "/")+"/", basePath) {
		warn("url", fmt.Sprintf("ends in another path than L2L's operations have, %s: https://%s%s", basePath, u.Host, basePath))
	}
}

// To says whom the section speaks to: what an entry is frozen with.
//
//	https://acme.leading2lean.com/api/1.0/ site 12
func (s Section) To() string { return api.Canonical(s.URL) + " site " + strconv.Itoa(s.Site) }

// Share implements api.Sharer. L2L publishes no limit, and looks at a site as a whole.
func (s Section) Share() api.Share {
	every, _ := api.Pace(s.Rate, defaultRate) // it has been checked
	return api.Share{Account: s.To(), Pace: every, LocalTime: true}
}

// Defaults returns the values of fields for bindings that say nothing.
func (s Section) Defaults() map[string]string {
	defaults := map[string]string{}
	for field, value := range map[string]string{"line": s.Line, "machine": s.Machine, "trade": s.Trade, "user": s.User} {
		if value != "" {
			defaults[field] = value
		}
	}
	return defaults
}

// SettleTime is how long after an attempt an absence proves nothing yet.
func (s Section) SettleTime() time.Duration {
	if s.Settle == 0 {
		return s.LeastSettle(s.ByProxy(s.URL))
	}
	return s.Settle
}

// Reached returns L2L's address and the way there.
func (s Section) Reached() (base string, route api.Route) { return s.URL, s.Route }

// Secret returns where L2L's key is kept.
func (s Section) Secret() api.KeyFrom { return s.Key }

// Open implements api.Section.
func (s Section) Open(o api.Opening) (station.Backend, error) {
	if o.Key != nil {
		s.Key = *o.Key
	}
	if o.Brisk {
		s.Rate = ""
	}
	every, err := api.Pace(s.Rate, defaultRate)
	if err != nil {
		return nil, fmt.Errorf("l2l: rate %w", err)
	}
	b, err := open(s, o, every, api.ResponseTime)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Follow implements api.Follower: it follows the station's calls, and the line of the
// section.
func (s Section) Follow(b station.Backend, state func() station.State, stamp func(time.Time) station.Stamp) station.Watch {
	site, is := b.(*Backend)
	if by, fetches := b.(api.Fetching); fetches {
		site, is = &Backend{site: strconv.Itoa(s.Site), to: s.To(), verbs: verbs(), names: Verbs(), fetch: by.Fetch}, true
		site.zone, site.log = by.Site()
	}
	if !is {
		return nil
	}
	return site.Watch(s.Line, s.Watch, func() []station.Call { return state().Calls }, stamp)
}
