package l2l

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"stationd/internal/api"
	"stationd/internal/station"
)

func TestWhereADispatchAndAnOrderAre(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"/dispatches/ 90017":    `{"success": true, "data": [{"id": 90017, "machinecode": "SEAL-1", "linecode": "PACK4"}]}`,
		"/dispatches/ 90018":    `{"success": true, "data": [{"id": 90018, "linecode": "PACK5"}]}`,
		"/dispatches/ 90019":    `{"success": true, "data": [{"id": 90017, "machinecode": "SEAL-1"}]}`,
		"/buildsequence/ 8801":  `{"success": true, "data": [{"id": 8801, "linecode": "PACK4"}]}`,
		"/buildsequence/ 8802":  `{"success": true, "data": []}`,
		"/buildsequence/ 90017": `{"success": true, "data": [{"id": 8801, "linecode": "PACK4"}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, answers[r.URL.Path+" "+r.URL.Query().Get("id")])
	}))
	t.Cleanup(server.Close)
	b := opened(t, server.URL+"/", "")
	for _, c := range []struct {
		name, field, value, ref string
		want                    api.Place
	}{
		{"dispatch.close", "dispatch", "90017", "", api.Place{Machine: "SEAL-1"}},
		{"dispatch.complete", "machine", "SEAL-9", "90017", api.Place{Machine: "SEAL-1"}},
		{"dispatch", "id", "90018", "", api.Place{Line: "PACK5"}},
		{"dispatch.close", "dispatch", "90019", "", api.Place{}}, // L2L shows another
		{"changeover.start", "id", "8801", "", api.Place{Line: "PACK4"}},
		{"order.hold", "id", "8802", "", api.Place{}},
		{"order.hold", "externalid", "PO-1", "", api.Place{}},
		{"changeover.start", "line_externalid", "5", "", api.Place{}},
		{"dispatch", "number", "2871836", "", api.Place{}},
	} {
		if got, rc := b.Locate(t.Context(), c.name, map[string]string{c.field: c.value}, &station.Delivery{Ref: c.ref, Entry: station.Entry{Action: station.Action{With: map[string]string{c.field: c.value}}}}); got != c.want || rc.Outcome != station.Delivered {
			t.Errorf("%s with %s=%s is at %+v, want %+v (%v)", c.name, c.field, c.value, got, c.want, rc.Err)
		}
	}
}

// A step is sent the id of the order that was looked at, or that ran at the event: that one is
// looked for, and not what the line runs.
func TestWhereTheOrderIsThatAStepMeans(t *testing.T) {
	t.Parallel()
	shown := map[string]string{"8801": "PACK4", "9901": "PACK5", "7701": ""}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("id")
		if r.URL.Path == "/"+pathCurrent {
			id = "7701"
		}
		_, _ = fmt.Fprintf(w, `{"success": true, "data": [{"id": %s, "linecode": %q}]}`, id, shown[id])
	}))
	t.Cleanup(server.Close)
	b := opened(t, server.URL+"/", "")
	for _, c := range []struct {
		sentence string
		id       string
		seen     string
		before   string
		forced   bool
		want     string
	}{
		{"looked at on the line", "", "", `{"order":"8801"}`, false, "PACK4"},
		{"looked at on another", "", "", `{"order":"9901"}`, false, "PACK5"},
		{"looked at on another, and named on the line", "8801", "", `{"order":"9901"}`, false, "PACK5"},
		{"looked at, when none ran", "", "", `{"order":""}`, false, "PACK4"},
		{"seen on another at the event, and sent all the same", "", "9901", "", true, "PACK5"},
		{"seen at the event", "", "9901", "", false, "PACK4"},
		{"shown without its line, which runs it", "", "", `{"order":"7701"}`, false, "PACK4"},
		{"shown nowhere", "", "", `{"order":"6601"}`, false, ""},
	} {
		d := station.Delivery{Forced: c.forced, Entry: station.Entry{Action: station.Action{Verb: orderHold, With: map[string]string{"line": "PACK4", "id": c.id, station.LastSeen: c.seen}}}}
		d.Before = []byte(c.before)
		if got, rc := b.Locate(t.Context(), orderHold, d.With, &d); got != (api.Place{Line: c.want}) || rc.Outcome != station.Delivered {
			t.Errorf("an order that was %s is at %+v, want %q (%v)", c.sentence, got, c.want, rc.Err)
		}
	}
}

func TestOfAnotherMachinesDispatchesOnlyThatTheyAreThereIsTold(t *testing.T) {
	t.Parallel()
	within := func(p api.Place) bool { return p == api.Place{Machine: "SEAL-1"} || p == api.Place{Line: "PACK4"} }
	b := new(Backend)
	list := `{"success": true, "data": [
		{"id": 1, "machinecode": "SEAL-1", "description": "ours", "open": "T"},
		{"id": 2, "machinecode": "SEAL-2", "description": "secret", "open": "T", "closed": null, "user": "bo"},
		{"id": 3, "description": "secret"}]}`
	left, ok := b.Withhold("dispatches/", nil, []byte(list), within)
	var answer envelope[shownDispatch]
	if !ok || json.Unmarshal(left, &answer) != nil || len(answer.Data.List) != 3 || strings.Contains(string(left), "secret") || strings.Contains(string(left), "bo") {
		t.Fatalf("told is %s", left)
	}
	if first, second := answer.Data.List[0], answer.Data.List[1]; first.Description.String() != "ours" || second.ID.String() != "2" || second.Open.String() != "T" {
		t.Errorf("told is %s", left)
	}
	for sentence, c := range map[string]struct {
		path, query, body string
		ok                bool
	}{
		"one record":                              {"dispatches/", "id=2", `{"success": true, "data": {"id": 2, "machinecode": "SEAL-2", "description": "secret"}}`, true},
		"an empty page":                           {"dispatches/", "", `{"success": true, "data": []}`, true},
		"no records":                              {"dispatches/", "", `{"success": true, "data": null}`, true},
		"what is no list":                         {"dispatches/", "", `{"success": true, "data": "secret"}`, false},
		"no JSON":                                 {"dispatches/", "", `secret`, false},
		"the order of its line":                   {"buildsequence/get_current_order_on_line/", "site=12&linecode=PACK4", `{}`, true},
		"the order of another line":               {"buildsequence/get_current_order_on_line/", "linecode=PACK5", `secret`, false},
		"a line that is named in another way":     {"buildsequence/get_current_order_on_line/", "line_externalid=5", `secret`, false},
		"a line that is named in two ways":        {"buildsequence/get_current_order_on_line/", "linecode=PACK4&line=5", `secret`, false},
		"a product":                               {"productcomponents/", "site=12&id=3001", `{}`, true},
		"all products":                            {"productcomponents/", "site=12", `secret`, false},
		"anything else":                           {"users/", "", `secret`, false},
		"another list, with the path of this one": {"dispatches/add/", "", `secret`, false},
	} {
		query, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if left, ok := b.Withhold(c.path, query, []byte(c.body), within); ok != c.ok || ok && strings.Contains(string(left), "secret") {
			t.Errorf("%s: told is %s, %v", sentence, left, ok)
		}
	}
}

// What follows a line may be told apart from everything else that L2L can be asked: whoever has a
// station's key has nothing else read, and no parameter with which L2L might do something.
func TestARelayFetchesWhatAWatchReadsAndNothingElse(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = io.WriteString(w, `{"success": true, "data": []}`)
	}))
	t.Cleanup(server.Close)
	b := opened(t, server.URL+"/", "")
	for _, c := range []struct {
		path, query string
		read        bool
	}{
		{"dispatches/", "open=T&order_by=-reported&limit=200", true},
		{"dispatches/", "id=90017", true},
		{"buildsequence/get_current_order_on_line/", "linecode=PACK4", true},
		{"productcomponents/", "id=3001", true},
		{"users/", "", false},
		{"dispatches/../users/", "", false},
		{"dispatches/close/90017/", "", false},
		{"dispatches/", "id=90017&_action=delete", false},
	} {
		query, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		before := asked.Load()
		_, rc := b.Fetch(t.Context(), c.path, query)
		if n := asked.Load() - before; (rc.Outcome == station.Delivered) != c.read || (n > 0) != c.read {
			t.Errorf("%s?%s is %v (%v), and L2L was asked %d times", c.path, c.query, rc.Outcome, rc.Err, n)
		}
	}
}
