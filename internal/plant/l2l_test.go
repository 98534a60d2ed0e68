package plant

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// red opens a maintenance dispatch on the sealer.
func red(t *testing.T, p *Plant, more ...string) reply {
	t.Helper()
	return post(t, p, "dispatches/open/", append([]string{"site", "12", "dispatchtypecode", "MAINT",
		"description", "[sd-MFRGGZDFMY] Help needed", "machinecode", "SEAL-1", "tradecode", "MECH"}, more...)...)
}

// text64 is a number of a record as text.
func text64(v any) string {
	f, _ := v.(float64)
	return strconv.Itoa(int(f))
}

func TestADispatchIsOpenedFoundCompletedAndClosed(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	opened := red(t, p)
	if !opened.yes() || opened.status != 200 {
		t.Fatal(opened.text)
	}
	id, number := text64(opened.record()["id"]), text64(opened.record()["dispatchnumber"])
	if id == number {
		t.Error("id and number are the same; a station that mixes them up would not be found out")
	}

	found := get(t, p, "dispatches/", "site", "12", "machinecode", "SEAL-1", "dispatchtypecode", "MAINT", "open", "T", "order_by", "-reported", "limit", "1")
	if len(found.list()) != 1 || found.list()[0].(map[string]any)["description"] != "[sd-MFRGGZDFMY] Help needed" {
		t.Errorf("the look for the same machine and type: %s", found.text)
	}
	if byNumber := get(t, p, "dispatches/", "site", "12", "dispatchnumber", number); len(byNumber.list()) != 1 {
		t.Errorf("by its number there is a list of one: %s", byNumber.text)
	}
	if byID := get(t, p, "dispatches/", "site", "12", "id", id); byID.record()["open"] != "T" {
		t.Errorf("by its id there is one object: %s", byID.text)
	}

	if a := post(t, p, "dispatches/complete/"+id+"/"); !a.yes() {
		t.Error(a.text)
	}
	if a := post(t, p, "dispatches/complete/"+id+"/"); a.status != 200 || a.json["error"] != "Dispatch is already completed" {
		t.Error(a.text)
	}
	if a := post(t, p, "dispatches/close/"+id+"/", "site", "12"); !a.yes() {
		t.Error(a.text)
	}
	if a := post(t, p, "dispatches/close/"+id+"/"); a.json["error"] != "Dispatch already closed" {
		t.Error(a.text)
	}
	if still := get(t, p, "dispatches/", "site", "12", "open", "T"); len(still.list()) != 0 {
		t.Errorf("it still counts as open: %s", still.text)
	}
	d := p.Dispatches()
	if len(d) != 1 || d[0].Open() || d[0].Machine != "SEAL-1" || d[0].Line != "PACK4" || d[0].Trade != "MECH" {
		t.Errorf("%+v", d)
	}
	content(t, p)
}

func TestAClosedDispatchThatNobodyCompletedIsCompletedToo(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	id := text64(red(t, p).record()["id"])
	post(t, p, "dispatches/close/"+id+"/")
	if d := p.Dispatches()[0]; d.Completed.IsZero() || !d.Completed.Equal(d.Closed) {
		t.Errorf("%+v", d)
	}
}

func TestAMachineHasOneOpenCriticalDispatch(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	red(t, p)
	if again := red(t, p); again.yes() || again.json["error"] != "This Machine already has an open critical Dispatch." {
		t.Error(again.text)
	}
	other := []string{"site", "12", "description", "x", "tradecode", "MECH"}
	if a := post(t, p, "dispatches/open/", append(other, "dispatchtypecode", "MATERIAL", "machinecode", "SEAL-1")...); !a.yes() {
		t.Errorf("a call for material on the same machine: %s", a.text)
	}
	if a := post(t, p, "dispatches/open/", append(other, "dispatchtypecode", "MAINT", "machinecode", "LABEL-1")...); !a.yes() {
		t.Errorf("the same call on another machine: %s", a.text)
	}
	content(t, p)
}

func TestAnAddedDispatchIsHistory(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	reported := time.Now().Add(-2 * time.Hour).In(p.config.Zone).Truncate(time.Second)
	a := post(t, p, "dispatches/add/", "site", "12", "dispatchtypecode", "MAINT", "description", "while the network was down",
		"machinecode", "SEAL-1", "tradecode", "MECH", "reported", reported.Format(time.DateTime), "completed", reported.Add(time.Hour).Format(time.DateTime))
	if !a.yes() {
		t.Fatal(a.text)
	}
	d := p.Dispatches()[0]
	if d.Open() || d.Made != "add" || !d.Reported.Equal(reported) || d.Completed.Sub(d.Reported) != time.Hour {
		t.Errorf("%+v", d)
	}
	since := get(t, p, "dispatches/", "site", "12", "reported__gte", reported.Format(time.DateTime), "order_by", "-reported", "limit", "50")
	if len(since.list()) != 1 {
		t.Errorf("reported since then: %s", since.text)
	}
	if later := get(t, p, "dispatches/", "site", "12", "reported__gte", reported.Add(time.Second).Format(time.DateTime)); len(later.list()) != 0 {
		t.Errorf("reported a second later: %s", later.text)
	}
	content(t, p)
}

func TestTimesAreThoseOfTheSite(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	a := red(t, p, "reported", at.In(p.config.Zone).Format(time.DateTime))
	if got, want := a.record()["reported"], at.In(p.config.Zone).Format(time.DateTime); got != want {
		t.Errorf("reported is answered as %v, want %v", got, want)
	}
	if d := p.Dispatches()[0]; !d.Reported.Equal(at) {
		t.Errorf("reported is %v, want %v", d.Reported, at)
	}
}

func TestWhatNoTextOfL2LAllowsIsRefusedAloud(t *testing.T) {
	t.Parallel()
	good := func(kv ...string) []string {
		return append([]string{"site", "12", "dispatchtypecode", "MAINT", "description", "x", "machinecode", "SEAL-1", "tradecode", "MECH"}, kv...)
	}
	for name, tt := range map[string]struct {
		send func(*testing.T, *Plant) reply
		of   string
	}{
		"a parameter that nobody documented": {func(t *testing.T, p *Plant) reply { return post(t, p, "dispatches/open/", good("externalid", "1")...) }, "Unknown parameter: externalid"},
		"a site that is not a number":        {func(t *testing.T, p *Plant) reply { return post(t, p, "dispatches/open/", good("site", "twelve")...) }, "Invalid value for site"},
		"another site":                       {func(t *testing.T, p *Plant) reply { return post(t, p, "dispatches/open/", good("site", "13")...) }, "Unknown site"},
		"a machine that is not there": {func(t *testing.T, p *Plant) reply {
			return post(t, p, "dispatches/open/", good("machinecode", "SEAL-9")...)
		}, "Unknown machine"},
		"a type that is not there": {func(t *testing.T, p *Plant) reply {
			return post(t, p, "dispatches/open/", good("dispatchtypecode", "M")...)
		}, "Unknown dispatch type"},
		"no description": {func(t *testing.T, p *Plant) reply { return post(t, p, "dispatches/open/", good("description", "")...) }, "Missing parameter: description"},
		"a time with a zone": {func(t *testing.T, p *Plant) reply {
			return post(t, p, "dispatches/open/", good("reported", "2026-03-02T08:00:00Z")...)
		}, "Invalid value for reported"},
		"a time that has not come": {func(t *testing.T, p *Plant) reply {
			return post(t, p, "dispatches/open/", good("reported", "2999-03-02 08:00:00")...)
		}, "in the future"},
		"a filter of a machine that is not there": {func(t *testing.T, p *Plant) reply {
			return get(t, p, "dispatches/", "site", "12", "machinecode", "SEAL-9")
		}, "Unknown machinecode"},
		"a line that is not there": {func(t *testing.T, p *Plant) reply {
			return post(t, p, "buildsequence/start_change_over/", "site", "12", "linecode", "PACK9")
		}, "Unknown line"},
		"a product that is not there": {func(t *testing.T, p *Plant) reply {
			return post(t, p, "buildsequence/start_change_over/", "site", "12", "linecode", "PACK4", "productcode", "999")
		}, "Unknown product"},
		"product and id together": {func(t *testing.T, p *Plant) reply {
			return post(t, p, "buildsequence/start_change_over/", "site", "12", "linecode", "PACK4", "productcode", "100", "id", "8801")
		}, "more than one"},
		"JSON where a form is due": {func(t *testing.T, p *Plant) reply {
			r := request(t, "POST", p.L2LURL()+"dispatches/open/?auth="+p.config.L2LKey, `{"site":12}`)
			r.Header.Set("Content-Type", "application/json")
			return send(t, r)
		}, "where a form is due"},
		"parameters of a POST in its query": {func(t *testing.T, p *Plant) reply {
			return send(t, request(t, "POST", p.L2LURL()+"dispatches/open/?site=12&auth="+p.config.L2LKey, ""))
		}, "stands in the query"},
		"a parameter given twice": {func(t *testing.T, p *Plant) reply {
			return send(t, request(t, "GET", p.L2LURL()+"dispatches/?site=12&site=12&auth="+p.config.L2LKey, ""))
		}, "is given 2 times"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := served(t, Demo())
			if a := tt.send(t, p); a.status != 200 || a.yes() || a.json["error"] == nil {
				t.Errorf("%d %s", a.status, a.text)
			}
			complains(t, p, tt.of)
			if len(p.Dispatches()) != 0 || len(p.Changeovers()) != 0 {
				t.Error("it was done all the same")
			}
		})
	}
}

func TestAWritingVerbIsNotAskedByGetNorWithoutItsSlash(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	if a := get(t, p, "dispatches/close/90001/"); a.status != 405 {
		t.Errorf("GET: %d", a.status)
	}
	a := post(t, p, "dispatches/open", "site", "12")
	if a.status != 301 || !strings.HasPrefix(a.header.Get("Location"), "/api/1.0/dispatches/open/") {
		t.Errorf("without its slash: %d %s", a.status, a.header.Get("Location"))
	}
	complains(t, p, "lacks the slash")
}

func TestTheKeyIsTakenInThreePlacesAndAWrongOneIsNot(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	for place, good := range map[string]bool{"query": true, "header": true, "body": true, "wrong": false, "none": false} {
		url, body := p.L2LURL()+"dispatches/open/", "site=12&dispatchtypecode=QUALITY&description=x&machinecode=SEAL-1"
		switch place {
		case "query":
			url += "?auth=" + p.config.L2LKey
		case "body":
			body += "&auth=" + p.config.L2LKey
		case "wrong":
			url += "?auth=x"
		}
		r := request(t, "POST", url, body)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if place == "header" {
			r.Header.Set("L2LAUTH", p.config.L2LKey)
		}
		if a := send(t, r); a.yes() != good || !good && a.status != 401 {
			t.Errorf("%s: %d %s", place, a.status, a.text)
		}
	}
}

func TestAChangeoverStartsTheNextOrderOfTheQueue(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	line := []string{"site", "12", "linecode", "PACK4"}
	if a := get(t, p, "buildsequence/get_current_order_on_line/", line...); !a.yes() || a.json["data"] != nil {
		t.Errorf("before any order: %s", a.text)
	}

	a := post(t, p, "buildsequence/start_change_over/", append(line, "productcode", "200")...)
	if !a.yes() || a.record()["status"] != 4.0 {
		t.Fatal(a.text)
	}
	id := text64(a.record()["id"])
	if cur := get(t, p, "buildsequence/get_current_order_on_line/", line...); text64(cur.record()["id"]) != id {
		t.Errorf("current: %s", cur.text)
	}
	if d := p.Dispatches(); len(d) != 1 || d[0].Made != "changeover" || !d[0].Open() {
		t.Errorf("changeover dispatch: %+v", d)
	}
	if a := post(t, p, "buildsequence/finish_change_over/", line...); a.record()["status"] != 5.0 {
		t.Error(a.text)
	}
	if d := p.Dispatches(); d[0].Open() {
		t.Error("the changeover dispatch is still open")
	}

	post(t, p, "buildsequence/start_change_over/", line...) // the next one of the line: product 100
	product := get(t, p, "productcomponents/", "site", "12", "id", text64(get(t, p, "buildsequence/get_current_order_on_line/", line...).record()["product"]))
	if product.record()["code"] != "100" {
		t.Errorf("product: %s", product.text)
	}
	if was := get(t, p, "buildsequence/", "site", "12", "id", id); was.record()["status"] != 7.0 {
		t.Errorf("the order before it: %s", was.text)
	}
	if c := p.Changeovers(); len(c) != 2 || c[0].Finished.IsZero() || c[1].Previous == 0 || !c[1].Finished.IsZero() {
		t.Errorf("%+v", c)
	}
	content(t, p)
}

func TestARepeatedChangeoverByProductStartsTheFollowingOrder(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	for range 2 {
		post(t, p, "buildsequence/start_change_over/", "site", "12", "linecode", "PACK4", "productcode", "100")
	}
	if c := p.Changeovers(); len(c) != 2 || c[0].Sequence == c[1].Sequence {
		t.Errorf("%+v", c)
	}
	if a := post(t, p, "buildsequence/start_change_over/", "site", "12", "linecode", "PACK4", "productcode", "100"); a.yes() {
		t.Errorf("a third one is not in the queue: %s", a.text)
	}
}

func TestAnOrderIsHeldResumedAndCompletedByItsID(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	line := []string{"site", "12", "linecode", "PACK4", "id", "8803"}
	for _, step := range []struct {
		verb string
		yes  bool
		want Status
	}{
		{"start_change_over", true, InProgress}, // no changeover is planned
		{"start_change_over", false, InProgress},
		{"finish_change_over", true, InProgress}, // may be skipped, and may be said
		{"put_order_on_hold", true, OnHold},
		{"put_order_on_hold", false, OnHold},
		{"start_change_over", true, InProgress},
		{"complete_order", true, Completed},
		{"complete_order", false, Completed},
		{"start_change_over", false, Completed},
	} {
		if a := post(t, p, "buildsequence/"+step.verb+"/", line...); a.yes() != step.yes || p.Sequences()[2].Status != step.want {
			t.Fatalf("%s: %s; the order is %v, want %v", step.verb, a.text, p.Sequences()[2].Status, step.want)
		}
	}
	content(t, p)
}

func TestTheLinesAndOrdersExternalNamesStandForTheirCodes(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	a := post(t, p, "buildsequence/start_change_over/", "site", "12", "line_externalid", "L-PACK4", "externalid", "PO-200-1")
	if !a.yes() || p.Changeovers()[0].Product != "200" {
		t.Error(a.text)
	}
}

func TestProductionIsAddedUp(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	for range 2 {
		if a := post(t, p, "pitchdetails/record_details/", "site", "12", "linecode", "PACK4", "productcode", "100", "start", "now", "end", "now", "actual", "60", "scrap", "0.25"); !a.yes() {
			t.Error(a.text)
		}
	}
	if c := p.Counts(); len(c) != 2 || c[0].Actual != 60 || c[1].Scrap != 0.25 {
		t.Errorf("%+v", c)
	}
	if a := get(t, p, "pitchdetails/record_details/"); a.status != 405 {
		t.Errorf("by GET: %d", a.status)
	}
}

func TestTheTestSiteSaysThatItIsOne(t *testing.T) {
	t.Parallel()
	p := served(t, Demo())
	if a := get(t, p, "sites/", "test_site", "true", "site", "12", "active", "true"); len(a.list()) != 1 {
		t.Error(a.text)
	}
	if a := get(t, p, "sites/", "test_site", "false", "site", "12"); len(a.list()) != 0 {
		t.Error(a.text)
	}
}

func TestL2LBehavesAsItsSwitchesSay(t *testing.T) {
	t.Parallel()
	list := func(kv ...string) func(*testing.T, *Plant) reply {
		return func(t *testing.T, p *Plant) reply {
			return get(t, p, "dispatches/", append([]string{"site", "12"}, kv...)...)
		}
	}
	count := func(n int) func(reply, *Plant) bool {
		return func(a reply, _ *Plant) bool { return len(a.list()) == n }
	}
	no := func(a reply, _ *Plant) bool { return a.status == 200 && a.json["success"] == false }
	lacks := func(name string) func(reply, *Plant) bool {
		return func(a reply, _ *Plant) bool {
			_, ok := a.list()[0].(map[string]any)[name]
			return !ok
		}
	}
	line := []string{"site", "12", "linecode", "PACK4"}
	byHeader := func(t *testing.T, p *Plant) reply {
		r := request(t, "GET", p.L2LURL()+"dispatches/?site=12", "")
		r.Header.Set("L2LAUTH", p.config.L2LKey)
		return send(t, r)
	}
	inBody := func(t *testing.T, p *Plant) reply {
		r := request(t, "POST", p.L2LURL()+"dispatches/close/90001/", "auth="+p.config.L2LKey)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return send(t, r)
	}
	long := time.Now().Add(-3 * time.Hour)
	for _, tt := range []struct {
		a    Assumption
		pos  Position
		send func(*testing.T, *Plant) reply
		want func(reply, *Plant) bool
	}{
		{KeyInHeader, Refused, byHeader, func(a reply, _ *Plant) bool { return a.status == 401 }},
		{KeyInHeader, Ignored, byHeader, func(a reply, _ *Plant) bool { return a.status == 401 }},
		{KeyInBody, Refused, inBody, func(a reply, _ *Plant) bool { return a.status == 401 }},
		{KeyInBody, Ignored, inBody, func(a reply, _ *Plant) bool { return a.status == 401 }},
		{WrongKeyIs401, Otherwise, func(t *testing.T, p *Plant) reply {
			return send(t, request(t, "GET", p.L2LURL()+"dispatches/?site=12&auth=x", ""))
		}, no},
		{LimitAboveOne, Refused, list("limit", "5"), no},
		{LimitAboveOne, Refused, list("limit", "1"), count(1)},
		{LimitAboveOne, Ignored, list("limit", "5"), count(1)},
		{ReportedGTE, Refused, list("reported__gte", "2999-01-01 00:00:00"), no},
		{ReportedGTE, Ignored, list("reported__gte", "2999-01-01 00:00:00"), count(3)},
		{CreatedGTE, Refused, list("created__gte", "2999-01-01 00:00:00"), no},
		{CreatedGTE, Ignored, list("created__gte", "2999-01-01 00:00:00"), count(3)},
		{DispatchByID, Refused, list("id", "90001"), no},
		{DispatchByID, Ignored, list("id", "90001"), count(3)},
		{ReportedOnOpen, Refused, func(t *testing.T, p *Plant) reply {
			return post(t, p, "dispatches/open/", "site", "12", "dispatchtypecode", "QUALITY", "description", "x", "machinecode", "SEAL-1", "reported", long.In(p.config.Zone).Format(time.DateTime))
		}, no},
		{ReportedOnOpen, Ignored, func(t *testing.T, p *Plant) reply {
			return post(t, p, "dispatches/open/", "site", "12", "dispatchtypecode", "QUALITY", "description", "x", "machinecode", "SEAL-1", "reported", long.In(p.config.Zone).Format(time.DateTime))
		}, func(a reply, p *Plant) bool { return a.yes() && time.Since(p.Dispatches()[3].Reported) < time.Hour }},
		{CompletedOnAdd, Refused, func(t *testing.T, p *Plant) reply {
			return post(t, p, "dispatches/add/", "site", "12", "dispatchtypecode", "QUALITY", "description", "x", "machinecode", "SEAL-1", "reported", "2026-01-01 08:00", "completed", "2026-01-01 09:00")
		}, no},
		{CompletedOnAdd, Ignored, func(t *testing.T, p *Plant) reply {
			return post(t, p, "dispatches/add/", "site", "12", "dispatchtypecode", "QUALITY", "description", "x", "machinecode", "SEAL-1", "reported", "2026-01-01 08:00", "completed", "2026-01-01 09:00")
		}, func(a reply, p *Plant) bool { d := p.Dispatches()[3]; return a.yes() && d.Completed.Equal(d.Reported) }},
		{ClosedListed, Ignored, list(), count(1)},
		{CompletedNotOpen, Otherwise, list("open", "T"), count(2)},
		{DescriptionReturned, Ignored, list(), lacks("description")},
		{RecordSaysOpen, Ignored, list(), lacks("open")},
		{RecordSaysOpen, Otherwise, list(), func(a reply, _ *Plant) bool {
			return lacks("open")(a, nil) && a.list()[2].(map[string]any)["currentstatus_description"] == "Closed"
		}},
		{UnknownCodeRefused, Ignored, list("machinecode", "SEAL-9"), count(3)},
		{RepeatSaysSo, Otherwise, func(t *testing.T, p *Plant) reply { return post(t, p, "dispatches/close/90003/") },
			func(a reply, _ *Plant) bool { return a.json["error"] != "Dispatch already closed" }},
		{DispatchAnswered, Ignored, func(t *testing.T, p *Plant) reply {
			return post(t, p, "dispatches/open/", "site", "12", "dispatchtypecode", "QUALITY", "description", "x", "machinecode", "SEAL-1")
		}, func(a reply, _ *Plant) bool { return a.yes() && a.json["data"] == nil }},
		{SequenceByID, Refused, func(t *testing.T, p *Plant) reply { return get(t, p, "buildsequence/", "site", "12", "id", "8801") }, no},
		{SequenceByID, Ignored, func(t *testing.T, p *Plant) reply { return get(t, p, "buildsequence/", "site", "12", "id", "8801") }, count(4)},
		{ProductByID, Refused, func(t *testing.T, p *Plant) reply { return get(t, p, "productcomponents/", "site", "12", "id", "3002") }, no},
		{ProductByID, Ignored, func(t *testing.T, p *Plant) reply { return get(t, p, "productcomponents/", "site", "12", "id", "3002") }, count(3)},
		{ExternalIDs, Refused, func(t *testing.T, p *Plant) reply {
			return post(t, p, "buildsequence/start_change_over/", append(line, "externalid", "PO-300-1")...)
		}, no},
		{ExternalIDs, Ignored, func(t *testing.T, p *Plant) reply {
			return post(t, p, "buildsequence/start_change_over/", append(line, "externalid", "PO-300-1")...)
		}, func(a reply, p *Plant) bool { return a.yes() && p.Changeovers()[0].Product == "100" }},
		{NoOrderIsNull, Otherwise, func(t *testing.T, p *Plant) reply {
			return get(t, p, "buildsequence/get_current_order_on_line/", line...)
		}, no},
		{ChangeoverCompletes, Otherwise, func(t *testing.T, p *Plant) reply {
			post(t, p, "buildsequence/start_change_over/", line...)
			return post(t, p, "buildsequence/start_change_over/", line...)
		}, func(_ reply, p *Plant) bool { return p.Sequences()[0].Status == OnHold }},
		{LineIdles, Otherwise, func(t *testing.T, p *Plant) reply {
			post(t, p, "buildsequence/start_change_over/", line...)
			return post(t, p, "buildsequence/complete_order/", line...)
		}, func(_ reply, p *Plant) bool { return p.Sequences()[1].Status == Changeover }},
		{OrderAnswered, Ignored, func(t *testing.T, p *Plant) reply { return post(t, p, "buildsequence/start_change_over/", line...) },
			func(a reply, _ *Plant) bool { return a.yes() && a.json["data"] == nil }},
		{LineCodeReturned, Ignored, func(t *testing.T, p *Plant) reply { return get(t, p, "buildsequence/", "site", "12") }, lacks("linecode")},
		{SitesReadable, Refused, func(t *testing.T, p *Plant) reply { return get(t, p, "sites/") }, no},
	} {
		t.Run(fmt.Sprintf("%s is %s", tt.a, tt.pos), func(t *testing.T) {
			t.Parallel()
			p := served(t, with(tt.a, tt.pos))
			p.seedDispatches()
			if a := tt.send(t, p); !tt.want(a, p) {
				t.Errorf("%d %s", a.status, a.text)
			}
			content(t, p)
		})
	}
}

// seedDispatches puts one open, one completed and one closed dispatch on the
// sealer.
func (p *Plant) seedDispatches() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	d := Dispatch{Machine: "SEAL-1", Line: "PACK4", Type: "MATERIAL", Description: "x", Reported: now, Created: now}
	p.storeDispatch(d)
	d.Completed = now
	p.storeDispatch(d)
	d.Closed = now
	p.storeDispatch(d)
}
