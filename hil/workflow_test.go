//go:build hil

package hil_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stationd/hil"
	"stationd/internal/plant"
)

// atTheBench is the configuration of a station whose operator has something in
// hand: a trace of many scans, cards for the line's orders, calls that are history
// after ten seconds. The settle time and the watch's pace are the least that a
// real vendor's address allows.
const atTheBench = `
[station]
name     = "pack4-1"
timezone = "Europe/Stockholm"
data     = "/var/lib/stationd"

[l2l]
url     = "{plant}/api/1.0/"
key     = { file = "/etc/stationd/l2l.key" }
site    = 12
line    = "PACK4"
machine = "SEAL-1"
trade   = "MECH"
settle  = "60s"
watch   = "5s"

[lagerkoll]
url    = "{plant}/v1/production_orders/"
store  = "1001"
key    = { file = "/etc/stationd/lagerkoll.key" }
rate   = "180/min"
settle  = "60s"

[gpio]
chip = "9030000.pl061"

[[button]]
name = "maintenance"
pin  = 17
lamp = "red"

[[button]]
name = "quality"
pin  = 5
lamp = "blue"

[[lamp]]
name = "red"
pin  = 22

[[lamp]]
name = "white"
pin  = 24

[[lamp]]
name = "blue"
pin  = 25

[[scanner]]
name = "hand"
port = "usb:0403:6001"
lamp = "white"

[[on]]
event = "maintenance.press"
do    = [{ l2l = "dispatch.open", type = "MAINT", description = "Help needed at {station}" }]

[[on]]
event = "maintenance.hold"
do    = [{ l2l = "dispatch.close" }]

[[on]]
event = "quality.press"
do    = [{ l2l = "dispatch.open", type = "QUALITY", description = "A seal is open", late = "record", late_after = "10s" }]

[[on]]
event = "quality.hold"
do    = [{ l2l = "dispatch.close" }]

# The trace: order, article, batch and serial in any order, then each part by its
# own symbol, then DONE.
[[on]]
event  = "hand.scan"
match  = '^PO(?P<order>\d+)$'
set    = { order = "{order}" }
expire = "12h"

[[on]]
event  = "hand.scan"
match  = '^A-(?P<article>\d+)$'
set    = { article = "{article}" }
expire = "1h"

[[on]]
event  = "hand.scan"
match  = '^B-(?P<batch>\w+)$'
set    = { batch = "{batch}" }
expire = "1h"

[[on]]
event  = "hand.scan"
match  = '^S-(?P<serial>\w+)$'
set    = { serial = "{serial}" }
expire = "1h"

[[on]]
event  = "hand.scan"
gs1    = ["01", "10"]
needs  = ["order", "article", "batch", "serial"]
append = { parts = { article = "{gs1.01}", batch = "{gs1.10}", serial = "{gs1.21?}" } }
expire = "1h"

[[on]]
event = "hand.scan"
match = '^UNDO$'
undo  = true

[[on]]
event = "hand.scan"
match = '^DONE$'
needs = ["order", "article", "batch", "serial", "parts"]
do    = [{ lagerkoll = "article.trace", order = "{order}", article = "{article}", batch = "{batch}", serial = "{serial}", parts = "{parts}" }]
clear = ["article", "batch", "serial", "parts"]

# The line's cards, and the same with a limit that is soon over.
[[on]]
event = "hand.scan"
match = '^COMPLETE$'
do    = [{ l2l = "order.complete" }]

[[on]]
event = "hand.scan"
match = '^PC-(?P<product>\w+)$'
do    = [{ l2l = "changeover.start", product = "{product}" }]

[[on]]
event = "hand.scan"
match = '^COMPLETE-NOW$'
do    = [{ l2l = "order.complete", late = "hold", late_after = "10s" }]

[[on]]
event = "hand.scan"
match = '^PC-NOW-(?P<product>\w+)$'
do    = [{ l2l = "changeover.start", product = "{product}", late = "hold", late_after = "10s" }]

# One scan that does two things.
[[on]]
event = "hand.scan"
match = '^END-(?P<order>\d+)$'
do    = [{ l2l = "order.complete" }, { lagerkoll = "order.finish", order = "{order}" }]
`

const (
	bench = 24 // the lamp of the reader
	blue  = 25

	lid  = "09506000134376"
	tray = "09506000134383"

	// soonLate is past the limit of atTheBench, with a second to spare.
	soonLate = 11 * time.Second
)

// partSymbol is what the reader sends for a part's GS1 DataMatrix.
//
//	]d2 01 09506000134383 10 T7 <GS> 21 T001 <CR>
func partSymbol(article, batch, serial string) string {
	return "]d201" + article + "10" + batch + "\x1d21" + serial + "\r"
}

// A workplace is a board at its line, and what its plant was told so far.
type workplace struct {
	*hil.Board
	t       *testing.T
	vendors *plant.Plant
	begin   int // how many requests the plant had when the sentence began
}

// TestWorkflow is what an operator does with more than one press or scan, on both
// boards.
func TestWorkflow(t *testing.T) {
	for _, arch := range []hil.Arch{hil.ARM64, hil.ARMv6} {
		t.Run(string(arch), func(t *testing.T) {
			t.Parallel()
			board, vendors := stationOn(t, arch, atTheBench)
			board.Plug()
			board.Says("scanner ready", time.Minute)
			for _, s := range []struct {
				sentence string
				proof    func(workplace)
			}{
				{"order, article, batch, serial and two parts are scanned, then DONE: one trace with all of it; DONE too early asks for what is missing and sends nothing; UNDO takes the last part back", manyScansOneTrace},
				{"the order is completed and the next begun without a network, and it returns when both are past their limit: nobody else was at the line, so each is done once, in order, and the line runs what was meant", pairWithoutNetwork},
				{"the same pair comes too late and somebody has changed the line over meanwhile: it is held, the line is left alone, and a person decides each", pairTooLate},
				{"a technician completes one call in L2L and closes the next during an outage: each lamp goes out, and the station tells L2L nothing", technicianEnds},
				{"a call is pressed and closed during an outage past its limit: L2L gets one dispatch, as history, with both true times", callIsHistory},
				{"one scan ends the order at both vendors: two entries of one event, each delivered once", oneScanTwoVendors},
				{"stopped in order, the station leaves a sound outbox and no complaint at the vendors", endsWell},
			} {
				t.Run(s.sentence, func(t *testing.T) {
					w := workplace{board.For(t), t, vendors, len(vendors.Requests())}
					t.Cleanup(w.tellsWhatItCounted)
					s.proof(w)
				})
			}
		})
	}
}

func manyScansOneTrace(w workplace) {
	w.Scan("PO4711\r")
	w.Scan("A-" + soup + "\r")
	w.Scan("B-B7\r")
	w.Scan("S-S001\r")
	w.asksForMore("DONE\r") // no part has been scanned

	w.Scan(partSymbol(tray, "T7", "T001"))
	w.Scan(partSymbol(lid, "L9", "L404")) // of the wrong batch
	w.Scan("UNDO\r")
	w.Scan(partSymbol(lid, "L8", "L001"))
	<-time.After(time.Second) // longer than a reader's second look at one symbol
	w.Scan("DONE\r")
	w.until("the trace arrives", func() bool { return len(w.vendors.Traces()) > 0 })
	w.Lamp(bench).Is(hil.Dark, 20*time.Second)

	w.asksForMore("DONE\r") // nothing is in hand any more but the order
	w.told("PUT 4711/article/" + soup)
	got := w.vendors.Traces()
	for i := range got {
		got[i].At = time.Time{}
	}
	want := []plant.Trace{{
		Order: 4711, Article: soup, Batch: "B7", Serial: "S001", Amount: 1,
		Parts: []plant.Part{
			{Article: tray, Amount: 1, Batch: "T7", Serials: []string{"T001"}},
			{Article: lid, Amount: 1, Batch: "L8", Serials: []string{"L001"}},
		},
	}}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		w.t.Errorf("traced\n%+v, want\n%+v", got, want)
	}
}

func pairWithoutNetwork(w workplace) {
	first := w.somebodyStartsTheNextOrder()
	w.watchHasSeenTheLine()
	w.Network(false)
	w.Scan("COMPLETE-NOW\r")
	w.Scan("PC-NOW-200\r")
	scanned := time.Now()
	w.Lamp(bench).Is(hil.Slow, 20*time.Second)
	w.waits("order.complete", "changeover.start")
	w.told()
	<-time.After(time.Until(scanned.Add(soonLate)))

	w.Network(true)
	w.isEmpty()
	w.told("POST buildsequence/complete_order/", "POST buildsequence/start_change_over/")
	if got := w.sequence(first); got.Status != plant.Completed {
		w.t.Errorf("the order that ran is %+v", got)
	}
	if got := w.runs(); got.Product != "200" || got.ID == first {
		w.t.Errorf("the line runs %+v", got)
	}
	if n := len(w.vendors.Changeovers()); n != 2 {
		w.t.Errorf("%d changeovers, want that of L2L and that of the station", n)
	}
	w.Lamp(bench).Is(hil.Dark, 20*time.Second)
}

func pairTooLate(w workplace) {
	ran := w.runs()
	w.watchHasSeenTheLine()
	w.Network(false)
	w.Scan("COMPLETE-NOW\r")
	w.Scan("PC-NOW-100\r")
	w.waits("order.complete", "changeover.start")
	scanned := time.Now()
	theirs := w.somebodyStartsTheNextOrder()
	if theirs == ran.ID {
		w.t.Fatalf("the line runs order %d still", theirs)
	}
	<-time.After(time.Until(scanned.Add(soonLate)))

	w.Network(true)
	complete := w.holds("order.complete")
	w.Lamp(bench).Is(hil.Quick, 20*time.Second)
	w.waits("order.complete", "changeover.start") // the second waits for the first
	w.leftAlone(theirs)

	// It is completed already: somebody's changeover did it.
	w.Exec("stationd outbox discard --yes " + complete)
	changeover := w.holds("changeover.start")
	w.Lamp(bench).Is(hil.Quick, 20*time.Second)
	w.leftAlone(theirs)

	w.Exec("stationd outbox retry " + changeover)
	w.isEmpty()
	w.told("POST buildsequence/start_change_over/")
	if got := w.runs(); got.Product != "100" || got.ID == theirs {
		w.t.Errorf("a person has it sent, and the line runs %+v", got)
	}
	w.Lamp(bench).Is(hil.Dark, 20*time.Second)
}

func technicianEnds(w workplace) {
	w.Push(maintenance, 150*time.Millisecond)
	w.Lamp(red).Is(hil.Steady, time.Minute)
	call := w.calls("MAINT")[0]
	completed := time.Now()
	w.inL2L("dispatches/complete/" + strconv.Itoa(call.ID) + "/")
	w.Lamp(red).Is(hil.Dark, 30*time.Second)
	w.t.Logf("completed in L2L until the lamp has been dark for 2.5 s: %v", time.Since(completed).Round(100*time.Millisecond))

	w.Push(maintenance, 150*time.Millisecond) // a new call, for the other is over
	w.Lamp(red).Is(hil.Steady, time.Minute)
	calls := w.calls("MAINT")
	if len(calls) != 2 || !calls[1].Open() {
		w.t.Fatalf("pressed again, L2L has %+v", calls)
	}
	w.Network(false)
	w.inL2L("dispatches/close/" + strconv.Itoa(calls[1].ID) + "/")
	w.Lamp(red).Stays(hil.Steady, 10*time.Second) // what is not seen is not over
	w.Network(true)
	w.Lamp(red).Is(hil.Dark, time.Minute)
	w.nothingWaits()
	w.told("POST dispatches/open/", "POST dispatches/open/")
}

func callIsHistory(w workplace) {
	w.Network(false)
	pressed := time.Now()
	w.Push(quality, 150*time.Millisecond)
	w.Lamp(blue).Is(hil.Slow, 20*time.Second)
	<-time.After(time.Until(pressed.Add(6 * time.Second)))
	closed := time.Now()
	w.Push(quality, 2500*time.Millisecond)
	w.waits("dispatch.open", "dispatch.close")
	<-time.After(time.Until(pressed.Add(soonLate)))

	w.Network(true)
	w.isEmpty()
	w.told("POST dispatches/add/")
	calls := w.calls("QUALITY")
	if len(calls) != 1 {
		w.t.Fatalf("L2L has %+v", calls)
	}
	d := calls[0]
	if d.Made != "add" || d.Machine != "SEAL-1" || !strings.HasSuffix(d.Description, "] A seal is open") {
		w.t.Errorf("the dispatch is %+v", d)
	}
	if off := d.Reported.Sub(pressed); off < -2*time.Second || off > 2*time.Second {
		w.t.Errorf("it was reported %v from the press", off)
	}
	// The close is of when the button had been held for its two seconds, or of when
	// it went down, in whole seconds.
	if off := d.Completed.Sub(closed); off < -2*time.Second || off > 4*time.Second {
		w.t.Errorf("it was completed %v from the close", off)
	}
	w.Lamp(blue).Is(hil.Dark, 20*time.Second)
}

func oneScanTwoVendors(w workplace) {
	ran := w.runs()
	w.Network(false)
	w.Scan("END-4711\r")
	w.Lamp(bench).Is(hil.Slow, 20*time.Second)
	both := w.waits("order.complete", "order.finish")
	if one, other := eventOf(both[0]), eventOf(both[1]); one != other {
		w.t.Errorf("the two are of the events %s and %s", one, other)
	}

	w.Network(true)
	w.isEmpty()
	w.told("POST buildsequence/complete_order/", "PUT 4711/finish")
	if got := w.sequence(ran.ID); got.Status != plant.Completed {
		w.t.Errorf("at L2L the order is %+v", got)
	}
	for _, o := range w.vendors.Orders() {
		if finished := o.State == plant.StateFinished; finished != (o.ID == 4711) {
			w.t.Errorf("at Lagerkoll order %d is %d", o.ID, o.State)
		}
	}
	w.Lamp(bench).Is(hil.Dark, 20*time.Second)
}

func endsWell(w workplace) {
	if how := w.Stop(); how != "exit status 0" {
		w.t.Errorf("stationd ended with %s", how)
	}
	if said := w.Exec("stationd outbox verify"); !strings.Contains(said, "sound") {
		w.t.Errorf("verify says %q", said)
	}
	for _, complaint := range w.vendors.Complaints() {
		w.t.Errorf("the plant complains: %s", complaint)
	}
}

// tellsWhatItCounted says, of a sentence that is not true, what the station has
// counted: whether a scan was read at all.
func (w workplace) tellsWhatItCounted() {
	if w.t.Failed() {
		w.t.Log(w.Exec("wget -qO- http://127.0.0.1:8420/metrics | grep -E '^stationd_(events|device|outbox|outcomes)' || true"))
	}
}

// asksForMore scans what lacks something, sees the lamp ask for it, and that
// nothing comes of it.
func (w workplace) asksForMore(symbol string) {
	w.t.Helper()
	w.Scan(symbol)
	w.Lamp(bench).Is(hil.Quick, 20*time.Second)
	w.Lamp(bench).Is(hil.Dark, 20*time.Second)
	w.nothingWaits()
}

// inL2L does something in L2L as one of its own users does, over a network of
// their own. L2L is given their key in the header, which tells them from the
// station.
func (w workplace) inL2L(path string, fields ...string) {
	w.t.Helper()
	form := url.Values{"site": {"12"}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.vendors.L2LURL()+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set(theirKey, plant.Demo().L2LKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	var said struct {
		Success bool   `json:"success"`
		Error   string `json:"error"`
	}
	if body, err := io.ReadAll(answer.Body); err != nil || json.Unmarshal(body, &said) != nil || !said.Success {
		w.t.Fatalf("%s: %d %s %v", path, answer.StatusCode, body, err)
	}
}

const theirKey = "L2LAUTH"

// ofTheStation are the requests of the station alone since the sentence began.
func (w workplace) ofTheStation() []plant.Request {
	return slices.DeleteFunc(w.vendors.Requests()[w.begin:], func(r plant.Request) bool {
		return slices.Contains(r.Key, "header "+theirKey)
	})
}

// told checks what the station asked the vendors to change since the sentence
// began, of each in order and L2L first: between two vendors there is no order.
func (w workplace) told(want ...string) {
	w.t.Helper()
	var got []string
	for _, root := range []string{"/api/1.0/", "/v1/production_orders/"} {
		for _, r := range w.ofTheStation() {
			if path, its := strings.CutPrefix(r.Path, root); its && r.Method != http.MethodGet {
				got = append(got, r.Method+" "+path)
			}
		}
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("the station told the vendors %q, want %q", got, want)
	}
}

// somebodyStartsTheNextOrder changes the line over in L2L and returns the id of
// what runs then.
func (w workplace) somebodyStartsTheNextOrder() int {
	w.t.Helper()
	w.inL2L("buildsequence/start_change_over/", "linecode", "PACK4")
	return w.runs().ID
}

// runs is what the line runs: the last that was started.
func (w workplace) runs() plant.Sequence {
	w.t.Helper()
	changes := w.vendors.Changeovers()
	if len(changes) == 0 {
		w.t.Fatal("the line has run nothing yet")
	}
	s := w.sequence(changes[len(changes)-1].Sequence)
	if s.Status != plant.Changeover && s.Status != plant.InProgress {
		w.t.Fatalf("the line runs nothing; the last was %+v", s)
	}
	return s
}

func (w workplace) sequence(id int) plant.Sequence {
	w.t.Helper()
	for _, s := range w.vendors.Sequences() {
		if s.ID == id {
			return s
		}
	}
	w.t.Fatalf("there is no order %d", id)
	return plant.Sequence{}
}

// leftAlone checks that the line runs somebody's order still, and that the station
// has told the vendors nothing.
func (w workplace) leftAlone(theirs int) {
	w.t.Helper()
	w.told()
	if got := w.runs(); got.ID != theirs {
		w.t.Errorf("the line runs %+v, want order %d", got, theirs)
	}
}

// calls are the dispatches of one type, oldest first.
func (w workplace) calls(kind string) []plant.Dispatch {
	return slices.DeleteFunc(w.vendors.Dispatches(), func(d plant.Dispatch) bool { return d.Type != kind })
}

// watchHasSeenTheLine waits until the watch has made a whole round from now on.
func (w workplace) watchHasSeenTheLine() {
	w.t.Helper()
	looks := func() (n int) {
		for _, r := range w.ofTheStation() {
			if strings.HasSuffix(r.Path, "/get_current_order_on_line/") {
				n++
			}
		}
		return n
	}
	before := looks()
	// The second look says that what the first saw is on disk.
	w.until("the watch has looked at the line", func() bool { return looks() >= before+2 })
}

// standing is an entry in the outbox, as outbox ls shows it.
type standing struct {
	ID        string `json:"id"`
	Verb      string `json:"verb"`
	Condition string `json:"condition"`
	Hold      string `json:"hold"`
	Reason    string `json:"reason"`
}

// eventOf is the event of an entry, of which the entry's id is the event's and its
// place.
func eventOf(s standing) string {
	event, _, _ := strings.Cut(s.ID, ".")
	return event
}

func (w workplace) outbox() []standing {
	w.t.Helper()
	var contents struct {
		Entries []standing `json:"entries"`
	}
	if text := w.Exec("stationd outbox ls --json"); json.Unmarshal([]byte(text), &contents) != nil {
		w.t.Fatalf("outbox ls says %q", text)
	}
	return contents.Entries
}

// waits waits until the outbox holds these verbs and no other, in order.
func (w workplace) waits(verbs ...string) (all []standing) {
	w.t.Helper()
	w.until(fmt.Sprintf("the outbox holds %q", verbs), func() bool {
		all = w.outbox()
		return slices.EqualFunc(all, verbs, func(s standing, verb string) bool { return s.Verb == verb })
	})
	return all
}

// holds waits until an entry with that verb is held because it is late, and
// returns its id.
func (w workplace) holds(verb string) (id string) {
	w.t.Helper()
	w.until(verb+" is held", func() bool {
		for _, s := range w.outbox() {
			if s.Verb == verb && s.Condition == "held" {
				if s.Hold != "misfit" || !strings.Contains(s.Reason, "late") {
					w.t.Errorf("%s is held as %s: %s", verb, s.Hold, s.Reason)
				}
				w.t.Logf("%s is held: %s", verb, s.Reason)
				id = s.ID
			}
		}
		return id != ""
	})
	return id
}

// isEmpty waits until everything is delivered.
func (w workplace) isEmpty() {
	w.t.Helper()
	w.until("the outbox is empty", func() bool { return len(w.outbox()) == 0 })
}

// nothingWaits checks that the outbox is empty now.
func (w workplace) nothingWaits() {
	w.t.Helper()
	if all := w.outbox(); len(all) > 0 {
		w.t.Errorf("the outbox holds %+v", all)
	}
}

// until polls for a fact for as long as any outage here takes to be made up for.
func (w workplace) until(what string, fact func() bool) {
	w.t.Helper()
	until(w.t, 2*time.Minute, what, fact)
}
