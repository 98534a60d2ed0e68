package l2l

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"stationd/internal/api"
	"stationd/internal/plant"
	"stationd/internal/station"
)

func TestDispatchesAreRead(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	yes, no := true, false
	first := f.must(t, f.delivery(dispatchOpen, "", help()))
	f.must(t, f.delivery(dispatchClose, first.Ref, nil))
	with := help()
	with["type"] = "MATERIAL"
	second := f.must(t, f.delivery(dispatchOpen, "", with))
	number := func(i int) string { return digits(f.Dispatches()[i].Number) }
	for sentence, c := range map[string]struct {
		q    DispatchQuery
		want []string
	}{
		"all of them":               {DispatchQuery{}, []string{first.Ref, second.Ref}},
		"the open ones":             {DispatchQuery{Open: &yes}, []string{second.Ref}},
		"those that are not open":   {DispatchQuery{Open: &no}, []string{first.Ref}},
		"of a machine and a type":   {DispatchQuery{Machine: "SEAL-1", Type: "MAINT"}, []string{first.Ref}},
		"of a line":                 {DispatchQuery{Line: "PACK4", Limit: 1, Offset: 1}, []string{second.Ref}},
		"the newest first, and one": {DispatchQuery{OrderBy: "-id", Limit: 1}, []string{second.Ref}},
		"by its number":             {DispatchQuery{Number: number(0)}, []string{first.Ref}},
		"by its id":                 {DispatchQuery{ID: second.Ref}, []string{second.Ref}},
		"by an id that is not":      {DispatchQuery{ID: "90999"}, nil},
	} {
		rows, err := f.ReadDispatches(t.Context(), c.q)
		var got []string
		for _, row := range rows {
			got = append(got, row.ID)
		}
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", sentence, err, diff)
		}
	}
}

func TestRowsAreReadWhateverIsMissing(t *testing.T) {
	t.Parallel()
	zone, yes, no := stockholm(t), true, false
	at := time.Date(2026, 3, 2, 8, 15, 0, 0, zone)
	for answer, want := range map[string][]Dispatch{
		`[]`:        {},
		`null`:      {},
		`{}`:        {},
		`{"id": 7}`: {{ID: "7"}},
		`[{"id": "7", "dispatchnumber": 2871836, "site": 12, "machinecode": "SEAL-1", "dispatchtypecode": "MAINT", "linecode": "PACK4",
			"description": "x", "open": "T", "reported": "2026-03-02 08:15", "created": "2026-03-02T08:15:00.123", "completed": null, "closed": "", "extra": [1]}]`: {
			{ID: "7", Number: "2871836", Site: "12", Machine: "SEAL-1", Type: "MAINT", Line: "PACK4", Description: "x", Open: &yes, Reported: at, Created: at}},
		`[{"id": 7, "open": false, "closed": "2026-03-02T08:15:00"}, {"open": "maybe", "id": [], "reported": {}, "machinecode": true}]`: {
			{ID: "7", Open: &no, Closed: at}, {}},
	} {
		b := script(t, map[string]string{"GET /dispatches/": `{"success": true, "data": ` + answer + `}`})
		rows, err := b.ReadDispatches(t.Context(), DispatchQuery{})
		if diff := cmp.Diff(want, rows, cmpopts.IgnoreUnexported(Dispatch{})); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", answer, err, diff)
		}
	}
	for _, answer := range []string{`{"success": true}`, `{"success": true, "data": "none"}`, `{"success": true, "data": [1]}`, `<html>`, `{"success": true, "data": [{"id": 7}`} {
		b := script(t, map[string]string{"GET /dispatches/": answer})
		if rows, err := b.ReadDispatches(t.Context(), DispatchQuery{}); err == nil {
			t.Errorf("%s: %+v", answer, rows)
		}
	}
}

func TestOrdersAndSitesAreRead(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	if o, err := f.ReadOrder(t.Context(), Line{Code: "LINE1"}); err != nil || o.ID != "" {
		t.Errorf("a line that runs nothing: %+v (%v)", o, err)
	}
	id := f.start(t, "LINE1")
	for _, line := range []Line{{Code: "LINE1"}, {ExternalID: "L-1"}} {
		o, err := f.ReadOrder(t.Context(), line)
		if err != nil || o.ID != id || o.Product != "100" || o.ExternalID != "PO-1-1" || o.StatusName() != "changeover" || o.Start.IsZero() {
			t.Errorf("%v: %+v (%v)", line, o, err)
		}
	}
	if rows, err := f.ReadOrders(t.Context(), OrderQuery{Line: "LINE1", StatusFrom: "2", StatusTo: "2", OrderBy: "schedule_start_date", Limit: 5}); err != nil || len(rows) != 2 {
		t.Errorf("what waits: %+v (%v)", rows, err)
	}
	if rows, err := f.ReadOrders(t.Context(), OrderQuery{ID: id}); err != nil || len(rows) != 1 || rows[0].Line != "LINE1" {
		t.Errorf("by its id: %+v (%v)", rows, err)
	}
	sites, err := f.ReadSites(t.Context())
	if err != nil || len(sites) != 1 || sites[0].Number != "12" || sites[0].ID != "7" || sites[0].Test == nil || !*sites[0].Test {
		t.Errorf("%+v (%v)", sites, err)
	}
	if name := (Order{Status: "23"}).StatusName(); name != "23" {
		t.Errorf("a status that nobody knows is called %q", name)
	}
}

func TestAReadThatIsNotAllowedSaysSo(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", map[plant.Assumption]plant.Position{plant.SitesReadable: plant.Refused})
	_, err := f.ReadSites(t.Context())
	if no, ok := errors.AsType[*api.Refusal](err); !ok || no.Text != "Permission denied" {
		t.Errorf("%v", err)
	}
	f.AddFault(plant.Fault{Kind: plant.Unauthorized})
	for sentence, read := range reads(f.Backend) {
		if err := read(t.Context()); !errors.Is(err, station.ErrKey) {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

func TestAProbe(t *testing.T) {
	t.Parallel()
	var prober interface {
		Probe(ctx context.Context) station.Receipt
	}
	const denied = `{"success": false, "error": "Permission denied"}`
	for sentence, c := range map[string]struct {
		sites, dispatches string
		want              station.Outcome
	}{
		"finds L2L well": {`{"success": true, "data": []}`, denied, station.Delivered},
		"finds it well with a key for dispatches": {denied, `{"success": true, "data": []}`, station.Delivered},
		"finds the key good for nothing":          {denied, denied, station.Refused},
		"does not find it at all":                 {`<html>`, denied, station.Unreached},
	} {
		prober = script(t, map[string]string{"GET /sites/": c.sites, "GET /dispatches/": c.dispatches})
		if rc := prober.Probe(t.Context()); rc.Outcome != c.want {
			t.Errorf("%s: %+v", sentence, rc)
		}
	}
	f := newFloor(t, "", nil)
	f.AddFault(plant.Fault{Kind: plant.Unauthorized})
	if rc := f.Probe(t.Context()); !errors.Is(rc.Err, station.ErrKey) || rc.Outcome != station.Unreached {
		t.Errorf("with a wrong key: %+v", rc)
	}
}
