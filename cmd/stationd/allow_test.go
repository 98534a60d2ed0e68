package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stationd/internal/api"
	"stationd/internal/plan"
	"stationd/internal/relay"
	"stationd/internal/relay/relaytest"
	"stationd/internal/station"
)

// A book is a vendor that does all that it is asked for, and finds thing 1 at the first
// station's machine and thing 2 at another.
type book struct{ plan.Backend }

func (b book) Verbs() []station.Verb    { return b.Backend.Verbs }
func (b book) Queries() []station.Query { return b.Backend.Queries }

func (b book) Deliver(context.Context, station.Delivery) station.Receipt {
	return station.Receipt{Outcome: station.Delivered}
}

func (b book) Look(context.Context, station.Delivery) ([]byte, station.Receipt) {
	return []byte("{}"), station.Receipt{Outcome: station.Delivered}
}

func (b book) Probe(context.Context) station.Receipt {
	return station.Receipt{Outcome: station.Delivered}
}

func (b book) Query(context.Context, string, map[string]string) (station.Answer, error) {
	return station.AnswerOf([]string{})
}

func (b book) Fetch(context.Context, string, url.Values) ([]byte, station.Receipt) {
	return []byte("[]"), station.Receipt{Outcome: station.Delivered}
}

func (b book) Locate(_ context.Context, _ string, with map[string]string, d *station.Delivery) (api.Place, station.Receipt) {
	at := map[string]api.Place{"1": {Machine: "SEAL-1"}, "2": {Machine: "SEAL-2"}}
	thing := cmp.Or(with["dispatch"], with["id"])
	if thing == "" && d != nil {
		thing = cmp.Or(d.Ref, string(d.Before), with[station.LastSeen])
	}
	return at[thing], station.Receipt{Outcome: station.Delivered}
}

func (b book) Withhold(path string, _ url.Values, body []byte, within func(api.Place) bool) ([]byte, bool) {
	return body, within(api.Place{Line: path})
}

// judged are the fields that a verb or a question may be told beside the line and machine of a
// station that is held to them. Whoever adds a field looks whether it could lead to another
// line's things: then it is Anywhere, and does not stand here.
var judged = map[string]string{
	"l2l/changeover.finish": "last_seen product",
	"l2l/changeover.start":  "last_seen product",
	"l2l/current-order":     "",
	"l2l/dispatch.add":      "assigned_users completed description document_externalid last_part_run material_quarantined reason reported trade trade_required type user",
	"l2l/dispatch.open":     "assigned_users description document_externalid last_part_run material_quarantined once reason trade trade_required type user",
	"l2l/dispatches":        "limit offset open order_by type",
	"l2l/order.complete":    "last_seen product",
	"l2l/order.hold":        "last_seen product",
	"l2l/orders":            "limit offset order_by status_from status_to",
	"l2l/production.record": "actual end operator_count product scrap start",
	"l2l/products":          "",
}

const ownPlace, otherPlace = "PACK4 SEAL-1", "PACK5 SEAL-2"

// at are the line and the machine of a station, as far as there are such fields.
func at(fields []station.Field, of string) map[string]string {
	line, machine, _ := strings.Cut(of, " ")
	with := make(map[string]string)
	for _, f := range fields {
		switch f.Name {
		case "line":
			with["line"] = line
		case "machine":
			with["machine"] = machine
		}
	}
	return with
}

// A station that is held to its line and machine reaches nothing of another's, by whatever this
// program can ask a vendor; docs/relay.md says where each verb and question acts.
func TestAStationThatIsHeldToItsPlacesReachesNothingOfAnothers(t *testing.T) {
	t.Parallel()
	e := relaytest.StartEngine(t, nil)
	log := slog.New(slog.DiscardHandler)
	set := relay.Setting{Name: "dmz-1", Engine: e.Table(), Lease: relay.LeaseLeast, Replicas: 1, Log: log, Allowed: []relay.Allowance{
		{Station: "pack4-*", Lines: []string{"PACK4"}, Machines: []string{"SEAL-[01]"}},
		{Station: "pack4-1", Verbs: []string{"lagerkoll/article.*"}},
	}}
	backends := make(map[string]*relay.Backend)
	for _, b := range plan.Backends() {
		if b.Name != "webhook" {
			set.Vendors = append(set.Vendors, relay.Vendor{Name: b.Name, Backend: book{b}})
		}
	}
	relaytest.Run(t, set)
	for _, name := range []string{"pack4-1", "pack4-2"} {
		link := relaytest.Dial(t, e, name)
		relaytest.Await(t, link)
		for _, v := range set.Vendors {
			backends[name+" "+v.Name] = link.Backend(relay.BackendSetting{Name: v.Name, Verbs: v.Backend.Verbs(), Queries: v.Backend.(book).Queries()})
		}
	}
	allowed := func(err error) bool {
		t.Helper()
		if err != nil && !errors.Is(err, station.ErrForbidden) && !strings.Contains(err.Error(), "needs") && !strings.Contains(err.Error(), "must be") && !strings.Contains(err.Error(), "say which") {
			t.Errorf("neither allowed nor forbidden: %v", err)
		}
		if errors.Is(err, station.ErrForbidden) && !strings.Contains(err.Error(), "[[allow]]") {
			t.Errorf("nobody is told what to write: %v", err)
		}
		return !errors.Is(err, station.ErrForbidden)
	}

	where := make(map[string][]string)
	for _, b := range plan.Backends() {
		if b.Name == "webhook" {
			continue
		}
		by := backends["pack4-2 "+b.Name]
		type asking struct {
			name   string
			fields []station.Field
			ends   bool
			ask    func(with map[string]string, ref string) error
		}
		var all []asking
		for _, v := range b.Verbs {
			if v.BestEffort {
				continue // the station's own
			}
			all = append(all, asking{v.Name, v.Fields, v.Ends != "", func(with map[string]string, ref string) error {
				d := station.Delivery{Entry: station.Entry{ID: station.NewID(), Action: station.Action{Verb: v.Name, With: with}}, Ref: ref}
				_, looked := by.Look(t.Context(), d)
				rc := by.Deliver(t.Context(), d)
				dry := by.Deliver(api.WithDryRun(t.Context(), func(api.DryRunRequest) {}), d)
				if allowed(looked.Err) != allowed(rc.Err) || allowed(dry.Err) != allowed(rc.Err) {
					t.Errorf("%s: looked at: %v, delivered: %v, rehearsed: %v", v.Name, looked.Err, rc.Err, dry.Err)
				}
				return rc.Err
			}})
			for thing, may := range map[string]bool{"1": true, "2": false} {
				with := at(v.Fields, ownPlace)
				before := station.Delivery{Entry: station.Entry{ID: station.NewID(), Action: station.Action{Verb: v.Name, With: with}}, Before: []byte(thing)}
				forced := before
				forced.With, forced.Before, forced.Forced = maps.Clone(with), nil, true
				forced.With[station.LastSeen] = thing
				for _, d := range []station.Delivery{before, forced} {
					if v.Line != "" && allowed(by.Deliver(t.Context(), d).Err) != may {
						t.Errorf("%s of what the line ran before, thing %s, is allowed: %v", v.Name, thing, !may)
					}
				}
			}
		}
		for _, q := range b.Queries {
			all = append(all, asking{q.Name, q.Fields, false, func(with map[string]string, _ string) error {
				_, err := by.Query(t.Context(), q.Name, with)
				return err
			}})
		}
		for _, a := range all {
			name := b.Name + "/" + a.name
			if allowed(a.ask(nil, "")) {
				t.Errorf("%s is allowed without a line and a machine", name)
			}
			own := at(a.fields, ownPlace)
			for _, f := range a.fields {
				with := maps.Clone(own)
				with[f.Name] = at([]station.Field{f}, otherPlace)[f.Name]
				if with[f.Name] != "" && allowed(a.ask(with, "")) {
					t.Errorf("%s is allowed with the %s of another", name, f.Name)
				}
			}
			tied := !a.ends && allowed(a.ask(own, ""))
			var may []string
			looked := a.ends
			for _, f := range a.fields {
				if own[f.Name] != "" {
					continue
				}
				with := maps.Clone(own)
				with[f.Name] = "77" // nobody knows where that is
				if allowed(a.ask(with, "")) {
					may = append(may, f.Name)
				}
				with[f.Name] = "1"
				mine := f.Anywhere && allowed(a.ask(with, ""))
				with[f.Name] = "2"
				if f.Anywhere && allowed(a.ask(with, "")) {
					t.Errorf("%s is allowed with a %s that is another's", name, f.Name)
				}
				looked = looked || mine && !tied
			}
			if a.ends && (!allowed(a.ask(own, "1")) || allowed(a.ask(own, "2"))) {
				t.Errorf("%s ends another's call, or not the station's own", name)
			}
			slices.Sort(may)
			if got, is := judged[name]; strings.Join(may, " ") != got || tied != is {
				t.Errorf("a station that is held to its places may tell %s these besides: %q, and %q were looked at (%v): look whether each could lead to another line's things, and put it into judged, or have it be Anywhere", name, strings.Join(may, " "), got, is)
			}
			if with := map[string]string{station.PassedThrough + "linecode": "PACK5"}; len(own) > 0 {
				maps.Copy(with, own)
				if allowed(a.ask(with, "")) {
					t.Errorf("%s is allowed with a parameter that nobody knows", name)
				}
			}
			switch {
			case tied:
				at := slices.Sorted(maps.Keys(own))
				where["its "+strings.Join(at, " or ")] = append(where["its "+strings.Join(at, " or ")], name)
			case looked:
				where["what it names by its id, which the relay looks up"] = append(where["what it names by its id, which the relay looks up"], name)
			default:
				where["nowhere that is known"] = append(where["nowhere that is known"], name)
			}
		}
		if rc := by.Probe(t.Context()); rc.Outcome != station.Delivered {
			t.Errorf("%s cannot be asked how it is: %v", b.Name, rc.Err)
		}
		if _, rc := by.Fetch(t.Context(), "PACK4", nil); rc.Outcome != station.Delivered {
			t.Errorf("what is at the station's line cannot be followed: %v", rc.Err)
		}
		if _, rc := by.Fetch(t.Context(), "PACK5", nil); allowed(rc.Err) {
			t.Error("what is at another line can be followed")
		}
	}
	if rc := backends["pack4-1 lagerkoll"].Deliver(t.Context(), station.Delivery{Entry: station.Entry{ID: station.NewID(), Action: station.Action{Verb: "article.trace"}}}); rc.Outcome != station.Delivered {
		t.Errorf("what another [[allow]] names is not allowed: %v", rc.Err)
	}
	if rc := backends["pack4-1 lagerkoll"].Deliver(t.Context(), station.Delivery{Entry: station.Entry{ID: station.NewID(), Action: station.Action{Verb: "order.cancel"}}}); allowed(rc.Err) {
		t.Error("what it does not name is allowed")
	}

	var table strings.Builder
	table.WriteString("| acts and reads at | verbs and questions |\n| --- | --- |\n")
	for _, place := range slices.Sorted(maps.Keys(where)) {
		fmt.Fprintf(&table, "| %s | `%s` |\n", place, strings.Join(where[place], "`, `"))
	}
	const begin, end = "<!-- places: written by this project's tests -->\n", "<!-- end of places -->"
	path := filepath.Join("..", "..", "docs", "relay.md")
	text, err := os.ReadFile(path)
	must(t, err)
	before, rest, has := strings.Cut(string(text), begin)
	kept, after, ends := strings.Cut(rest, end)
	if !has || !ends {
		t.Fatalf("docs/relay.md has no table of places")
	}
	if *update {
		must(t, os.WriteFile(path, []byte(before+begin+table.String()+end+after), 0o644))
	} else if kept != table.String() {
		t.Errorf("docs/relay.md does not say where each verb and question acts: go test ./cmd/stationd -run %s -update", t.Name())
	}
}
