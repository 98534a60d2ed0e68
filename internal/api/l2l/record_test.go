package l2l

import (
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"time"

	"stationd/internal/plant"
	"stationd/internal/station"
	"stationd/internal/station/stationtest"
)

func sixty() map[string]string {
	return map[string]string{"line": "LINE1", "product": "100", "actual": "60", "scrap": "1.5",
		"start": "2026-03-02T07:15:00Z", "end": "2026-03-02 08:16"}
}

func TestWhatWasMadeIsRecordedWithItsTimes(t *testing.T) {
	t.Parallel()
	zone := stockholm(t)
	event := time.Date(2026, 3, 2, 8, 15, 9, 500, zone)
	for sentence, c := range map[string]struct {
		change   map[string]string
		from, to string
	}{
		"with both":                        {nil, "08:15:00", "08:16:00"},
		"without any, at its event":        {map[string]string{"start": "", "end": ""}, "08:15:09", "08:15:10"},
		"without an end, for a second":     {map[string]string{"end": ""}, "08:15:00", "08:15:01"},
		"by the external id of the line":   {map[string]string{"line_externalid": "L-1"}, "08:15:00", "08:16:00"},
		"without scrap":                    {map[string]string{"scrap": ""}, "08:15:00", "08:16:00"},
		"with how many people worked, too": {map[string]string{"operator_count": "3"}, "08:15:00", "08:16:00"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			f := newFloor(t, "", nil)
			with := sixty()
			maps.Copy(with, c.change)
			d := f.delivery(productionRecord, "", with)
			d.When = event
			f.must(t, d)
			got := f.Counts()
			if len(got) != 1 || got[0].Line != "LINE1" || got[0].Product != "100" || got[0].Actual != 60 ||
				got[0].Start.In(zone).Format(time.TimeOnly) != c.from || got[0].End.In(zone).Format(time.TimeOnly) != c.to {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestACountThatIsNoneIsNotSent(t *testing.T) {
	t.Parallel()
	f := newFloor(t, "", nil)
	for sentence, change := range map[string]map[string]string{
		"nothing was made":      {"actual": "", "scrap": ""},
		"less than nothing":     {"actual": "-1"},
		"a third of one":        {"actual": "0.333"},
		"no number":             {"scrap": "many"},
		"an end before a start": {"end": "2026-03-02 08:14"},
		"an end at the start":   {"end": "2026-03-02 08:15"},
		"no time":               {"start": "now"},
	} {
		with := sixty()
		maps.Copy(with, change)
		d := f.delivery(productionRecord, "", with)
		if _, rc := f.Look(t.Context(), d); rc.Outcome != station.Refused {
			t.Errorf("looking: %s: %+v", sentence, rc)
		}
		if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Refused {
			t.Errorf("%s: %+v", sentence, rc)
		}
	}
	with := sixty()
	delete(with, "start")
	d := f.delivery(productionRecord, "", with)
	d.When = time.Time{}
	if rc := f.Deliver(t.Context(), d); rc.Outcome != station.Refused {
		t.Errorf("at a time that nobody knows: %+v", rc)
	}
	if len(f.Requests()) != 0 {
		t.Error("something was sent")
	}
}

// Two stations may count the same line in the same minute.
func TestACountIsToldFromOneJustLikeIt(t *testing.T) {
	t.Parallel()
	for _, fault := range []stationtest.Fault{stationtest.LostAnswer, stationtest.LostRequest} {
		f := newFloor(t, "", nil)
		f.must(t, f.delivery(productionRecord, "", sixty()))
		other := sixty()
		other["actual"] = "7"
		f.must(t, f.delivery(productionRecord, "", other))
		f.fail(t, fault)
		d, rc := f.attempt(t.Context(), f.delivery(productionRecord, "", sixty()))
		if rc.Outcome != station.Doubtful {
			t.Fatalf("%+v", rc)
		}
		f.fail(t, stationtest.Sound)
		if rc := f.Deliver(t.Context(), inDoubt(d)); rc.Outcome != station.Delivered || len(f.Counts()) != 3 {
			t.Errorf("fault %d: %+v after %d", fault, rc, len(f.Counts()))
		}
	}
}

func TestACountInDoubtIsHeldWhereTheRecordsAreNotShown(t *testing.T) {
	t.Parallel()
	for _, pos := range []plant.Position{plant.Refused, plant.Ignored} {
		for _, fault := range []stationtest.Fault{stationtest.LostAnswer, stationtest.LostRequest} {
			f := newFloor(t, "", map[plant.Assumption]plant.Position{plant.PitchDetailsListed: pos})
			earlier := sixty()
			earlier["start"] = "2026-03-02T07:14:00Z"
			f.must(t, f.delivery(productionRecord, "", earlier))
			f.fail(t, fault)
			d, rc := f.attempt(t.Context(), f.delivery(productionRecord, "", sixty()))
			if rc.Outcome != station.Doubtful {
				t.Fatalf("it was not even sent: %+v", rc)
			}
			f.fail(t, stationtest.Sound)
			n := len(f.Counts())
			if rc := f.Deliver(t.Context(), inDoubt(d)); !errors.Is(rc.Err, station.ErrUndecided) || len(f.Counts()) != n {
				t.Errorf("%s, fault %d: %+v", pos, fault, rc)
			}
		}
	}
}

func TestACountInDoubtIsHeldWhereNobodyLookedBefore(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "null", "{}", `{"known":false}`, `{"known":`} {
		f := newFloor(t, "", nil)
		d := f.delivery(productionRecord, "", sixty())
		d.Before = []byte(before)
		if rc := f.Deliver(t.Context(), inDoubt(d)); !errors.Is(rc.Err, station.ErrUndecided) || len(f.Counts()) != 0 {
			t.Errorf("%s: %+v", before, rc)
		}
	}
}

func TestWhatTheProductionRecordsProve(t *testing.T) {
	t.Parallel()
	const ours = `{"id": 7, "start": "2026-03-02T08:15:00", "end": "2026-03-02 08:16:00", "actual": "60.00", "scrap": 1.5, "product": 3001}`
	for sentence, c := range map[string]struct {
		page, next string
		want       tally
	}{
		"there is none":               {`[]`, `[]`, tally{Known: true, Alike: 0}},
		"there is one":                {`[` + ours + `]`, `[]`, tally{Known: true, Alike: 1}},
		"there is one of another end": {`[{"id": 7, "start": "2026-03-02 08:15:00", "end": "2026-03-02 08:17:00", "actual": 60, "scrap": 1.5}]`, `[]`, tally{Known: true, Alike: 0}},
		"there is one of fewer":       {`[{"id": 7, "start": "2026-03-02 08:15:00", "end": "2026-03-02 08:16:00", "actual": 59}]`, `[]`, tally{Known: true, Alike: 0}},
		"there is one of another product": {`[{"id": 7, "start": "2026-03-02 08:15:00", "end": "2026-03-02 08:16:00", "actual": 60, "scrap": 1.5, "productcode": "200"}]`,
			`[]`, tally{Known: true, Alike: 0}},
		"the same page comes again and again": {`[` + ours + `]`, `[` + ours + `]`, tally{}},
		"one of another time is shown":        {`[{"id": 7, "start": "2026-03-02 08:14:00"}]`, `[]`, tally{}},
		"one without an id is shown":          {`[{"start": "2026-03-02 08:15:00"}]`, `[]`, tally{}},
		"it is no list":                       {`"none"`, `[]`, tally{}},
	} {
		answers := map[string]string{"GET /pitchdetails/": `{"success": true, "data": ` + c.page + `}`, "GET /pitchdetails/ next": `{"success": true, "data": ` + c.next + `}`}
		b := script(t, answers)
		raw, rc := b.Look(t.Context(), b.delivery(productionRecord, "", sixty()))
		var got tally
		if err := json.Unmarshal(raw, &got); err != nil || rc.Outcome != station.Delivered || got.Known != c.want.Known || got.Known && got != c.want {
			t.Errorf("%s: %s (%+v)", sentence, raw, rc)
		}
	}
	b := script(t, map[string]string{"GET /pitchdetails/": `<html>`})
	if _, rc := b.Look(t.Context(), b.delivery(productionRecord, "", sixty())); rc.Outcome != station.Unreached {
		t.Errorf("a page of a captive portal: %+v", rc)
	}
}
