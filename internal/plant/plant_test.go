package plant

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// served opens the plant and serves it until the test ends.
func served(t *testing.T, s Config) *Plant {
	t.Helper()
	held(t, &s)
	p, err := Open(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p
}

// with is the demonstration plant with one assumption switched.
func with(a Assumption, pos Position) Config {
	s := Demo()
	s.Assumptions = map[Assumption]Position{a: pos}
	return s
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func (r reply) yes() bool { return r.json["success"] == true }

// record is the one object of L2L's data.
func (r reply) record() map[string]any { m, _ := r.json["data"].(map[string]any); return m }

// list is the list of L2L's data.
func (r reply) list() []any { l, _ := r.json["data"].([]any); return l }

// client does as stationd does: no redirects, no shared connections
// between tests.
func client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       5 * time.Second,
	}
}

func send(t *testing.T, r *http.Request) reply {
	t.Helper()
	res, err := client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := reply{status: res.StatusCode, header: res.Header, text: string(body)}
	json.Unmarshal(body, &a.json) // a list or a page leaves it nil, and the test sees that
	return a
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// pairs builds parameters from pairs.
func pairs(kv ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(kv); i += 2 {
		v.Set(kv[i], kv[i+1])
	}
	return v
}

// post posts a form to L2L with the key in the query, as the seeds do.
func post(t *testing.T, p *Plant, path string, kv ...string) reply {
	t.Helper()
	r := request(t, "POST", p.L2LURL()+path+"?auth="+p.config.L2LKey, pairs(kv...).Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return send(t, r)
}

// get asks L2L with the key in the query.
func get(t *testing.T, p *Plant, path string, kv ...string) reply {
	t.Helper()
	v := pairs(kv...)
	v.Set("auth", p.config.L2LKey)
	return send(t, request(t, "GET", p.L2LURL()+path+"?"+v.Encode(), ""))
}

// lager asks Lagerkoll with the store's key.
func lager(t *testing.T, p *Plant, method, path, body string) reply {
	t.Helper()
	return send(t, lagerRequest(t, p, method, path, body))
}

func lagerRequest(t *testing.T, p *Plant, method, path, body string) *http.Request {
	t.Helper()
	r := request(t, method, p.LagerkollURL()+path, body)
	r.Header.Set("store", p.config.Store)
	r.Header.Set("api_key", p.config.APIKey)
	r.Header.Set("Accept", "application/json")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// content checks that nothing was complained of.
func content(t *testing.T, p *Plant) {
	t.Helper()
	for _, c := range p.Complaints() {
		t.Errorf("the plant complains: %s", c)
	}
}

// complains checks that something was.
func complains(t *testing.T, p *Plant, of string) {
	t.Helper()
	for _, c := range p.Complaints() {
		if strings.Contains(c, of) {
			return
		}
	}
	t.Errorf("the plant does not complain of %q but of %q", of, p.Complaints())
}

func TestAPlantThatCannotBeIsNotOpened(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Config){
		"machine on a line that is not there":     func(s *Config) { s.Machines[0].Line = "PACK9" },
		"queued product that is not there":        func(s *Config) { s.Lines[0].Queue[0].Product = "999" },
		"order of an article that is not there":   func(s *Config) { s.Orders[0].Articles[0].Article = "1" },
		"no key":                                  func(s *Config) { s.L2LKey = "" },
		"assumption that nobody knows":            func(s *Config) { s.Assumptions = map[Assumption]Position{"moon": Refused} },
		"position that an assumption cannot take": func(s *Config) { s.Assumptions = map[Assumption]Position{LimitAboveOne: Otherwise} },
		"address that cannot be had":              func(s *Config) { s.Listen = "203.0.113.1:80" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Demo()
			spoil(&s)
			if p, err := Open(s); err == nil {
				p.cable.Close()
				t.Error("it was opened")
			}
		})
	}
}

func TestNoKeyIsInWhatThePlantRemembers(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	post(t, p, "dispatches/open/", "site", "12")
	r := request(t, "POST", p.L2LURL()+"dispatches/open/", "auth="+p.config.L2LKey+"&x="+p.config.L2LKey)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	send(t, r)
	r = request(t, "POST", p.L2LURL()+"dispatches/open/", `{"auth":"`+p.config.L2LKey+`"}`)
	r.Header.Set("L2LAUTH", p.config.L2LKey)
	r.Header.Set("Content-Type", "application/json")
	send(t, r)
	lager(t, p, "PUT", "4711/article/1", `{"`+p.config.APIKey+`":1}`)
	all, err := json.Marshal([]any{p.Requests(), p.Complaints()})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{p.config.L2LKey, p.config.APIKey} {
		if strings.Contains(string(all), key) {
			t.Errorf("a key is in %s", all)
		}
	}
	if got := p.Requests(); len(got) != 4 || got[0].Key[0] != "query auth" || got[1].Key[0] != "body auth" || got[2].Key[0] != "header L2LAUTH" || got[3].Key[0] != "header api_key" {
		t.Errorf("where the keys were given: %+v", got)
	}
}

func TestWhatThePlantTellsIsACopy(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	p.Orders()[0].Articles[0].Finished = 99
	p.Sequences()[0].Status = Completed
	if p.Orders()[0].Articles[0].Finished != 0 || p.Sequences()[0].Status != Scheduled {
		t.Error("the plant was changed through a copy")
	}
}
