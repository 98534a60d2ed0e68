package l2l

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"stationd/internal/plant"
	"stationd/internal/station"
	"stationd/internal/station/stationtest"
)

func TestWhatIsOverIsAddedWithItsTrueTimes(t *testing.T) {
	t.Parallel()
	zone := stockholm(t)
	event := time.Date(2026, 3, 2, 8, 15, 9, 0, zone)
	for sentence, c := range map[string]struct {
		reported, completed string
		unsure              bool
		from, to            string
		about               bool
	}{
		"without times of its own it is over as it begins":       {"", "", false, "08:15:09", "08:15:09", false},
		"with both times it lasted":                              {"2026-03-02T06:00:00Z", "2026-03-02 07:30", false, "07:00:00", "07:30:00", false},
		"told the end alone it is over as it begins":             {"", "2026-03-02 07:30", false, "07:30:00", "07:30:00", false},
		"told the beginning alone it is over at the event":       {"2026-03-02 07:00:30", "", false, "07:00:30", "08:15:09", false},
		"an event whose time is an estimate says so in the text": {"", "", true, "", "", true},
		"but times that it is told are certain":                  {"2026-03-02 07:00", "2026-03-02 07:30", true, "07:00:00", "07:30:00", false},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, "", nil)
			with := help()
			with["reported"], with["completed"] = c.reported, c.completed
			d := f.delivery(dispatchAdd, "", with)
			d.When, d.Exact = event, !c.unsure
			rc := f.must(t, d)
			got := f.Dispatches()[0]
			clock := func(at time.Time) string { return at.In(zone).Format(time.TimeOnly) }
			if got.Made != "add" || rc.Ref != fmt.Sprint(got.ID) || !strings.HasPrefix(got.Description, d.ID.Mark()) {
				t.Errorf("%+v", got)
			}
			if c.from != "" && (clock(got.Reported) != c.from || clock(got.Completed) != c.to) {
				t.Errorf("from %v to %v", got.Reported, got.Completed)
			}
			if strings.Contains(got.Description, "(about 2026-03-02 08:15)") != c.about || c.about && time.Since(got.Reported) > time.Minute {
				t.Errorf("%+v", got)
			}
		})
	}
	t.Run("what ends before it begins, or at no time, is not sent", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		for field, value := range map[string]string{"completed": "2026-03-02 07:00", "reported": "soon", "with.due": "noon"} {
			with := help()
			with["reported"] = "2026-03-02 07:30"
			with[field] = value
			if rc := f.send(t, f.delivery(dispatchAdd, "", with)); rc.Outcome != station.Refused {
				t.Errorf("%s %s: %+v", field, value, rc)
			}
		}
		if len(f.Requests()) != 0 {
			t.Error("something was sent")
		}
	})
}

// A list of the machine's dispatches is newest first, and what is added may have
// been reported long before its event.
func TestWhatWasAddedIsFoundHoweverLongAgoItBegan(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	for range 3 {
		f.must(t, f.delivery(dispatchAdd, "", help()))
	}
	with := help()
	with["completed"] = time.Now().Add(-96 * time.Hour).Format(time.RFC3339)
	d := f.delivery(dispatchAdd, "", with)
	older := f.delivery(dispatchAdd, "", maps.Clone(with))
	older.With["completed"] = time.Now().Add(-48 * time.Hour).Format(time.RFC3339)
	f.must(t, older)
	f.fail(t, stationtest.LostAnswer)
	if rc := f.send(t, d); rc.Outcome != station.Doubtful {
		t.Fatalf("%+v", rc)
	}
	f.fail(t, stationtest.Sound)
	if rc := f.Deliver(t.Context(), inDoubt(d)); rc.Outcome != station.Delivered || f.effects() != 5 {
		t.Errorf("%+v, and %d dispatches", rc, f.effects())
	}
}

func TestADispatchIsCompleted(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	opened := f.must(t, f.delivery(dispatchOpen, "", help()))
	d := f.delivery(dispatchComplete, opened.Ref, nil)
	if rc := f.must(t, d); rc.Note != "" || rc.Ref != opened.Ref {
		t.Errorf("%+v", rc)
	}
	if rc := f.must(t, d); rc.Note != "already completed" {
		t.Errorf("again: %+v", rc)
	}
	f.must(t, f.delivery(dispatchClose, opened.Ref, nil))
	if rc := f.must(t, d); rc.Note != "already completed" {
		t.Errorf("after it was closed: %+v", rc)
	}
	if rc := f.send(t, f.delivery(dispatchComplete, "90999", nil)); rc.Outcome != station.Refused {
		t.Errorf("one that is not there: %+v", rc)
	}
}

// A site may say in any words, or language, that a dispatch is over.
func TestADispatchThatIsOverIsKnownWhateverTheWords(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{dispatchClose, dispatchComplete} {
		f := newFloor(t, "", map[plant.Assumption]plant.Position{plant.RepeatSaysSo: plant.Otherwise})
		opened := f.must(t, f.delivery(dispatchOpen, "", help()))
		d := f.delivery(verb, opened.Ref, nil)
		f.must(t, d)
		if rc := f.must(t, d); rc.Note == "" {
			t.Errorf("%s: %+v", verb, rc)
		}
	}
}

// What a no in other words means is asked again, not held, where the look is not
// answered.
func TestANoIsNotBelievedWhileTheDispatchCannotBeLookedAt(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{dispatchClose, dispatchComplete} {
		f := newFloor(t, "", map[plant.Assumption]plant.Position{plant.RepeatSaysSo: plant.Otherwise})
		opened := f.must(t, f.delivery(dispatchOpen, "", help()))
		d := f.delivery(verb, opened.Ref, nil)
		f.must(t, d)
		f.AddFault(plant.Fault{Kind: plant.BadGateway, Where: "GET *", Next: 1})
		if rc := f.send(t, d); rc.Outcome != station.Unreached || rc.Holds() != station.HoldNone {
			t.Errorf("%s: %+v", verb, rc)
		}
		if rc := f.must(t, d); rc.Note == "" {
			t.Errorf("%s: %+v", verb, rc)
		}
	}
}

func TestACallIsOpenedOnce(t *testing.T) {
	t.Parallel()
	once := func() map[string]string {
		with := help()
		with["type"], with["once"] = "MATERIAL", "true"
		return with
	}
	t.Run("one that is open at the machine already is adopted", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		with := once()
		delete(with, "once")
		there := f.must(t, f.delivery(dispatchOpen, "", with))
		rc := f.must(t, f.delivery(dispatchOpen, "", once()))
		if rc.Ref != there.Ref || rc.Note != adopted || !rc.Adopted || f.opens() != 1 {
			t.Errorf("%+v", rc)
		}
	})
	t.Run("one that is over, of another type or at another machine is not", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		for field, value := range map[string]string{"machine": "LABEL-1", "type": "QUALITY"} {
			with := once()
			with[field] = value
			f.must(t, f.delivery(dispatchOpen, "", with))
		}
		over := f.must(t, f.delivery(dispatchOpen, "", once()))
		f.must(t, f.delivery(dispatchClose, over.Ref, nil))
		if rc := f.must(t, f.delivery(dispatchOpen, "", once())); rc.Note != "" || f.opens() != 4 {
			t.Errorf("%+v after %d", rc, f.opens())
		}
	})
	t.Run("what L2L shows without having been asked for it is not", func(t *testing.T) {
		t.Parallel()
		for sentence, row := range map[string]string{
			"another machine":    `{"id": 7, "machinecode": "LABEL-1", "dispatchtypecode": "MATERIAL"}`,
			"another type":       `{"id": 7, "machinecode": "SEAL-1", "dispatchtypecode": "MAINT"}`,
			"one that is over":   `{"id": 7, "machinecode": "SEAL-1", "dispatchtypecode": "MATERIAL", "open": "F"}`,
			"one that is closed": `{"id": 7, "machinecode": "SEAL-1", "dispatchtypecode": "MATERIAL", "closed": "2026-03-02 08:00:00"}`,
			"one without an id":  `{"machinecode": "SEAL-1", "dispatchtypecode": "MATERIAL"}`,
			"no list":            `"none"`,
		} {
			b := script(t, map[string]string{"GET /dispatches/": `{"success": true, "data": ` + row + `}`, "POST /dispatches/open/": `{"success": true, "data": {"id": 99}}`})
			if rc := b.Deliver(t.Context(), b.delivery(dispatchOpen, "", once())); rc.Ref != "99" || rc.Note != "" {
				t.Errorf("%s: %+v", sentence, rc)
			}
		}
	})
	t.Run("a key that may not look opens all the same", func(t *testing.T) {
		t.Parallel()
		b := script(t, map[string]string{"GET /dispatches/": `{"success": false, "error": "Permission denied"}`, "POST /dispatches/open/": `{"success": true, "data": {"id": 99}}`})
		if rc := b.Deliver(t.Context(), b.delivery(dispatchOpen, "", once())); rc.Ref != "99" {
			t.Errorf("%+v", rc)
		}
	})
	t.Run("while the look does not come through nothing is opened", func(t *testing.T) {
		t.Parallel()
		b := script(t, map[string]string{"GET /dispatches/": `<html>`, "POST /dispatches/open/": `{"success": true, "data": {"id": 99}}`})
		if rc := b.Deliver(t.Context(), b.delivery(dispatchOpen, "", once())); rc.Outcome != station.Unreached {
			t.Errorf("%+v", rc)
		}
	})
	t.Run("in doubt the call's own dispatch is found and is its own", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		d := f.delivery(dispatchOpen, "", once())
		f.fail(t, stationtest.LostAnswer)
		f.send(t, d)
		f.fail(t, stationtest.Sound)
		if rc := f.Deliver(t.Context(), inDoubt(d)); rc.Outcome != station.Delivered || rc.Note != "" || f.opens() != 1 {
			t.Errorf("%+v", rc)
		}
	})
}

func TestAMachineThatIsDownAlready(t *testing.T) {
	t.Parallel()
	critical := func(t *testing.T) floor {
		t.Helper()
		f := newFloor(t, "", nil)
		f.must(t, f.delivery(dispatchOpen, "", help()))
		return f
	}
	t.Run("is refused, and the dispatch in the way is named", func(t *testing.T) {
		t.Parallel()
		f := critical(t)
		rc := f.send(t, f.delivery(dispatchOpen, "", help()))
		want := fmt.Sprintf("dispatch %d of type MAINT", f.Dispatches()[0].Number)
		if rc.Outcome != station.Refused || !strings.Contains(rc.Err.Error(), want) || !strings.Contains(rc.Err.Error(), "SEAL-1 is down for another call") {
			t.Errorf("%+v", rc)
		}
		if _, said := refusal(rc); !said {
			t.Errorf("the vendor's own words are lost: %v", rc.Err)
		}
	})
	t.Run("by a call of another type is named too", func(t *testing.T) {
		t.Parallel()
		b := script(t, map[string]string{
			"GET /dispatches/": `{"success": true, "data": [{"id": 7, "dispatchnumber": 2871836, "machinecode": "SEAL-1", "dispatchtypecode": "QUALITY", "reported": "2026-03-02 08:15:00"},
				{"id": 8, "machinecode": "LABEL-1", "dispatchtypecode": "MAINT"}]}`,
			"POST /dispatches/open/": `{"success": false, "error": "This Machine already has an open critical Dispatch."}`})
		rc := b.Deliver(t.Context(), b.delivery(dispatchOpen, "", help()))
		const want = "(open there: dispatch 2871836 of type QUALITY, reported 2026-03-02 08:15)"
		if rc.Outcome != station.Refused || !strings.Contains(rc.Err.Error(), want) {
			t.Errorf("%+v", rc)
		}
	})
	t.Run("is refused also where L2L does not show why", func(t *testing.T) {
		t.Parallel()
		for _, answer := range []string{`<html>`, `{"success": true, "data": []}`, `{"success": false, "error": "Permission denied"}`} {
			b := script(t, map[string]string{"GET /dispatches/": answer,
				"POST /dispatches/open/": `{"success": false, "error": "This Machine already has an open critical Dispatch."}`})
			rc := b.Deliver(t.Context(), b.delivery(dispatchOpen, "", help()))
			if rc.Outcome != station.Refused || !strings.Contains(rc.Err.Error(), "does not show which") {
				t.Errorf("%+v", rc)
			}
		}
	})
	t.Run("by this very call is delivered", func(t *testing.T) {
		t.Parallel()
		f := newFloor(t, "", nil)
		d := f.delivery(dispatchOpen, "", help())
		first := f.must(t, d)
		if rc := f.must(t, d); rc.Ref != first.Ref || rc.Note != "" {
			t.Errorf("%+v", rc)
		}
	})
}

func TestFurtherParametersArePassedOn(t *testing.T) {
	t.Parallel()
	b := opened(t, "http://127.0.0.1/", "")
	with := func(more ...string) station.Delivery {
		d := b.delivery(dispatchOpen, "", help())
		for i := 0; i < len(more); i += 2 {
			d.With[more[i]] = more[i+1]
		}
		return d
	}
	for sentence, c := range map[string]struct {
		d    station.Delivery
		name string
		want string // "" : not sent at all
	}{
		"one that is documented":                  {with("with.reason_id", "17"), "reason_id", "17"},
		"a time in the site's own":                {with("with.due", "2026-03-02T11:00:00Z"), "due", "2026-03-02 12:00"},
		"one that nobody documented":              {with("with.new_thing", "a&b=ü"), "new_thing", "a&b=ü"},
		"but not the key":                         {with("with.auth", "stolen"), "auth", ""},
		"but not another site":                    {with("with.site", "13"), "site", ""},
		"but not another format":                  {with("with.format", "xml"), "format", ""},
		"but not a text without its mark":         {with("with.description", "x"), "description", ""},
		"but not another machine":                 {with("with.machine", "502"), "machine", ""},
		"but not a time of its own":               {with("with.reported", "2026-03-02 12:00"), "reported", ""},
		"but not what makes a deletion of it":     {with("with._action", "delete"), "_action", ""},
		"but not what a field says already":       {with("with.reason_id", "17", "reason", "18"), "reason_id", ""},
		"but no id that is none":                  {with("with.parent_dispatch_id", "-1"), "parent_dispatch_id", ""},
		"but no truth that is none":               {with("with.trade_required", "yes"), "trade_required", ""},
		"but no letter that is none":              {with("with.material_quarantined", "yes"), "material_quarantined", ""},
		"but nothing without a name":              {with("with.", "x"), "", ""},
		"but no name that is none":                {with("with.a b", "x"), "a b", ""},
		"but nothing where nothing is documented": {b.delivery(changeoverStart, "", map[string]string{"line": "PACK4", "with.id": "8801"}), "id", ""},
	} {
		if c.want == "" {
			if rc := b.Deliver(t.Context(), c.d); rc.Outcome != station.Refused {
				t.Errorf("%s: %+v", sentence, rc)
			}
			continue
		}
		if form, err := b.openForm(c.d); err != nil || form.Get(c.name) != c.want {
			t.Errorf("%s: %v (%v)", sentence, form, err)
		}
	}
}

// Where nothing says that a list holds what is over, a dispatch that is not in it
// may be over and hidden.
func TestAnAbsenceProvesNothingWhereNothingThatIsOverIsShown(t *testing.T) {
	t.Parallel()
	row := func(id int, more string) string {
		return fmt.Sprintf(`{"id": %d, "machinecode": "SEAL-1", "dispatchtypecode": "MAINT", "description": "x"%s}`, id, more)
	}
	list := func(rows string) string { return `{"success": true, "data": [` + rows + `]}` }
	const denied = `{"success": false, "error": "Invalid parameter: open"}`
	for sentence, c := range map[string]struct {
		all, ended string
		held       bool
	}{
		"the filter works and finds none":                      {list(row(8, `, "open": "T"`)), list(""), false},
		"the filter is refused, and an open one is shown":      {list(row(8, `, "open": "T"`)), denied, true},
		"the filter is refused, and none is shown":             {list(""), denied, true},
		"the filter is refused, and a closed one is shown":     {list(row(8, `, "closed": "2026-03-02 08:00:00"`)), denied, false},
		"the filter is ignored, and open ones are shown":       {list(row(8, `, "open": "T"`)), list(row(8, `, "open": "T"`)), true},
		"the filter is ignored, and one that is over is shown": {list(row(8, `, "open": "T"`) + "," + row(9, `, "open": "F"`)), list(row(8, `, "open": "T"`) + "," + row(9, `, "open": "F"`)), false},
	} {
		b := script(t, map[string]string{"GET /dispatches/": c.all, "GET /dispatches/ next": list(""), "GET /dispatches/ F": c.ended, "GET /dispatches/ next F": list(""),
			"POST /dispatches/open/": `{"success": true, "data": {"id": 99}}`, "POST /dispatches/add/": `{"success": true, "data": {"id": 99}}`})
		for _, verb := range []string{dispatchOpen, dispatchAdd} {
			rc := b.Deliver(t.Context(), inDoubt(b.delivery(verb, "", help())))
			if errors.Is(rc.Err, station.ErrUndecided) != c.held || !c.held && rc.Ref != "99" {
				t.Errorf("%s, %s: %+v", verb, sentence, rc)
			}
		}
	}
}

func TestALostCallThatWasClosedMeanwhileIsFoundEvenWhereListsHideIt(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{dispatchOpen, dispatchAdd} {
		for _, s := range plant.Switches() {
			if !ofL2L(s) {
				continue
			}
			for _, pos := range s.Positions {
				t.Run(fmt.Sprintf("%s, %s %s", verb, s.Assumption, pos), func(t *testing.T) {
					t.Parallel()
					f := newFloor(t, "", map[plant.Assumption]plant.Position{s.Assumption: pos})
					with := help()
					with["type"] = "MATERIAL"
					d := f.delivery(verb, "", with)
					f.fail(t, stationtest.LostAnswer)
					f.send(t, d)
					f.fail(t, stationtest.Sound)
					if len(f.Dispatches()) == 0 {
						return // refused for a parameter
					}
					f.send(t, f.delivery(dispatchClose, fmt.Sprint(f.Dispatches()[0].ID), nil))
					rc := f.Deliver(t.Context(), inDoubt(d))
					if n := len(f.Dispatches()); n != 1 {
						t.Errorf("%d dispatches: %+v", n, rc)
					}
				})
			}
		}
	}
}
