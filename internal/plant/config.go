package plant

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"stationd/internal/zone"
)

// A Config is the plant before anything happened in it.
type Config struct {
	Listen string         // IPv4 address and port; empty: a free port of 127.0.0.1
	Zone   *time.Location // the L2L site's; nil: UTC

	Site           int
	TestSite       bool // the site is one for tests
	L2LKey         string
	Types          []DispatchType
	Trades         []string // the first is the default trade
	Machines       []Machine
	Lines          []Line
	Products       []string // product codes
	ChangeoverType string   // the "Changeover Dispatch Type"; empty: a changeover makes no dispatch

	Store     string
	APIKey    string
	UserID    string // with UserToken: a person's login; both empty: there is none
	UserToken string
	PerMinute int      // requests the account may make in a minute; 0: 200
	Customers []string // external ids of the customer orders, numbered from 1
	Articles  []Article
	Orders    []Order // production orders; their ids are kept

	WebhookKey  string // of the plant's own receiver of events; empty: it takes none
	Assumptions map[Assumption]Position

	// Observe, when it is set, is shown each request that no fault struck with what it
	// was answered, before the answer leaves: a test holds both against the vendors'
	// contracts. Several requests may be shown at once.
	Observe func(r *http.Request, body []byte, status int, header http.Header, answer []byte)
}

// A DispatchType is a kind of dispatch.
type DispatchType struct {
	Code     string
	Critical bool // only one dispatch of such types may be open on a machine
}

// A Machine stands on a line.
type Machine struct{ Code, Line string }

// A Line has a queue of product orders, the next one first.
type Line struct {
	Code       string
	ExternalID string
	Queue      []QueuedOrder
}

// A QueuedOrder is one product order in a line's eKanban queue.
type QueuedOrder struct {
	Product    string
	ExternalID string
	Planned    time.Duration // planned changeover
}

// An Article is an article of the Lagerkoll store.
type Article struct {
	ID    string
	Name  string
	Parts []Part // what one of it is made of
}

// Demo is the plant of `stationd demo`, of the emulated board and of most
// tests: site 12 with the line PACK4 and the machine SEAL-1, and store 1001
// with the production orders 4711 and 4712.
func Demo() Config {
	stockholm, err := zone.Load("Europe/Stockholm")
	if err != nil {
		stockholm = time.UTC // a machine without time zones: the demonstration still runs
	}
	start := time.Date(2026, time.March, 2, 6, 0, 0, 0, stockholm)
	const soup, stew, lid, tray = "09506000134352", "09506000134369", "09506000134376", "09506000134383"
	return Config{
		Zone: stockholm,
		Site: 12, TestSite: true,
		L2LKey: "demo-l2l-key",
		Types: []DispatchType{
			{Code: "MAINT", Critical: true}, {Code: "MATERIAL"}, {Code: "QUALITY"}, {Code: "CHANGEOVER"},
		},
		Trades:         []string{"MECH", "ELEC"},
		Machines:       []Machine{{Code: "SEAL-1", Line: "PACK4"}, {Code: "LABEL-1", Line: "PACK4"}},
		ChangeoverType: "CHANGEOVER",
		Products:       []string{"100", "200", "300"},
		Lines: []Line{{Code: "PACK4", ExternalID: "L-PACK4", Queue: []QueuedOrder{
			{Product: "100", ExternalID: "PO-100-1", Planned: 10 * time.Minute},
			{Product: "200", ExternalID: "PO-200-1", Planned: 15 * time.Minute},
			{Product: "300", ExternalID: "PO-300-1"},
			{Product: "100", ExternalID: "PO-100-2", Planned: 10 * time.Minute},
		}}},

		Store:     "1001",
		APIKey:    "demo-lagerkoll-key",
		Customers: []string{"C-1", "C-2"},

		WebhookKey: "demo-webhook-key",
		Articles: []Article{
			{ID: soup, Name: "Soup 400 g", Parts: []Part{{Article: tray, Amount: 1}, {Article: lid, Amount: 1}}},
			{ID: stew, Name: "Stew 400 g", Parts: []Part{{Article: tray, Amount: 1}, {Article: lid, Amount: 1}}},
			{ID: lid, Name: "Lid"},
			{ID: tray, Name: "Tray"},
		},
		Orders: []Order{
			{ID: 4711, Reference: "PO-4711", Name: "Soup, morning", Start: start, State: StateDeveloping,
				Articles: []OrderArticle{{Article: soup, Name: "Soup 400 g", Amount: 500}, {Article: stew, Name: "Stew 400 g", Amount: 200}}},
			{ID: 4712, Reference: "PO-4712", Name: "Stew, afternoon", Start: start.Add(7 * time.Hour), State: StateNew,
				Articles: []OrderArticle{{Article: stew, Name: "Stew 400 g", Amount: 300}}},
		},
	}
}

// withDefaults returns a copy that shares nothing with c, its defaults filled in.
func (c Config) withDefaults() Config {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.PerMinute == 0 {
		c.PerMinute = 200
	}
	c.Types, c.Trades, c.Machines = slices.Clone(c.Types), slices.Clone(c.Trades), slices.Clone(c.Machines)
	c.Products, c.Customers = slices.Clone(c.Products), slices.Clone(c.Customers)
	c.Lines = slices.Clone(c.Lines)
	for i, line := range c.Lines {
		c.Lines[i].Queue = slices.Clone(line.Queue)
	}
	c.Articles = slices.Clone(c.Articles)
	for i, a := range c.Articles {
		c.Articles[i].Parts = cloneParts(a.Parts)
	}
	c.Orders = cloneOrders(c.Orders)
	c.Assumptions = maps.Clone(c.Assumptions)
	return c
}

// check returns everything that is wrong with the configuration.
func (c Config) check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if strings.TrimSpace(c.L2LKey) == "" || strings.TrimSpace(c.APIKey) == "" {
		fault("both L2LKey and APIKey must be set")
	}
	for _, m := range c.Machines {
		if !slices.ContainsFunc(c.Lines, func(l Line) bool { return l.Code == m.Line }) {
			fault("machine %s stands on line %s, which the plant does not have", m.Code, m.Line)
		}
	}
	for _, line := range c.Lines {
		for _, q := range line.Queue {
			if !slices.Contains(c.Products, q.Product) {
				fault("line %s queues product %s, which the plant does not have", line.Code, q.Product)
			}
		}
	}
	if c.ChangeoverType != "" && !slices.ContainsFunc(c.Types, func(t DispatchType) bool { return t.Code == c.ChangeoverType }) {
		fault("changeover dispatch type %s is not a dispatch type of the plant", c.ChangeoverType)
	}
	for _, o := range c.Orders {
		for _, a := range o.Articles {
			if !c.hasArticle(a.Article) {
				fault("production order %d has article %s, which the store does not have", o.ID, a.Article)
			}
		}
	}
	for a, pos := range c.Assumptions {
		if !canBe(a, pos) {
			fault("assumption %q has no position %q", a, pos)
		}
	}
	return errors.Join(faults...)
}

func (c Config) hasArticle(id string) bool {
	return slices.ContainsFunc(c.Articles, func(a Article) bool { return a.ID == id })
}

// is reports whether the assumption was put in that position.
func (p *Plant) is(a Assumption, pos Position) bool { return p.position(a) == pos }

// position is where the assumption was put, and notes that an answer depends on it.
// The caller holds the lock.
func (p *Plant) position(a Assumption) Position {
	p.assumptionsUsed[a] = true
	return p.config.Assumptions[a]
}
