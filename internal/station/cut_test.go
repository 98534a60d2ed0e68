package station

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// counting is a line whose pieces are reported each minute, for the product in hand or the
// one that L2L shows.
func counting(product string) Program {
	record := Verb{Name: "production.record", Lane: []string{"line"}, Fields: []Field{
		{Name: "line", Required: true}, {Name: "product", Required: true}, {Name: "actual"}, {Name: "start", Required: true}, {Name: "end", Required: true}}}
	p := floor()
	v := p.Vendors["l2l"]
	v.Verbs, v.Reads, v.Fresh = append(v.Verbs, record), true, 90*time.Second
	p.Vendors = map[string]Vendor{"l2l": v}
	p.Bindings = []Binding{
		{Event: "made.press", Count: map[string]Template{"made": template("1")}},
		{Event: "hand.scan", Set: map[string]Template{"product": template("{code}")}, Expire: 8 * time.Hour},
		{Event: "station.minute", Clear: []string{"made"}, Do: []Do{{Backend: "l2l", Verb: record, With: map[string]Template{
			"product": template(product), "actual": template("{made}"), "start": template("{since}"), "end": template("{now}")}}}},
		{Event: "help.press", Do: []Do{doing("changeover.start", map[string]string{"product": "{l2l.product}"})}},
	}
	return p
}

// A shift is a program and its state, to which things happen.
type shift struct {
	Program
	t      *testing.T
	s      State
	events int
	told   []string // of each production record
}

func (h *shift) happens(ev Event) []Action {
	h.t.Helper()
	h.events++
	ev.ID = ID(fmt.Sprintf("e%d", h.events))
	var actions []Action
	h.s, actions = h.Decide(h.s, ev)
	for _, a := range actions {
		if a.Verb == "production.record" {
			text := fmt.Sprintf("%s of %s, %s to %s", a.With["actual"], a.With["product"], a.With["start"][11:19], a.With["end"][11:19])
			if a.Unsure != "" {
				text += ", unsure"
			}
			h.told = append(h.told, text)
		}
	}
	return actions
}

func (h *shift) made(second int) {
	h.happens(Event{Source: "made", Kind: Press, At: atSecond(second)})
}
func (h *shift) minute(second int) {
	h.happens(Event{Source: FromStation, Kind: Minute, At: atSecond(second)})
}
func (h *shift) scans(code string, second int) { h.happens(scan("", code, nil, second)) }

// runs has L2L's line seen to run an order; "" is none.
func (h *shift) runs(order, product string, second int) {
	h.happens(Event{Source: "l2l", Kind: OrderCurrent, Data: map[string]string{"line": "PACK4", "id": order, "product": product}, At: atSecond(second)})
}

func (h *shift) wants(told ...string) {
	h.t.Helper()
	if diff := cmp.Diff(told, h.told); diff != "" {
		h.t.Error(diff)
	}
}

func TestPiecesAreToldOfTheProductThatWasMade(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence string
		product  string
		happens  func(h *shift)
		told     []string
	}{
		{"three products within a minute, each scanned before its pieces", "{product}", func(h *shift) {
			h.scans("A", 1)
			for s := 2; s < 5; s++ {
				h.made(s)
			}
			h.scans("B", 10)
			h.made(11)
			h.made(12)
			h.scans("C", 20)
			for s := 21; s < 25; s++ {
				h.made(s)
			}
			h.minute(60)
		}, []string{"3 of A, 06:00:02 to 06:00:10", "2 of B, 06:00:11 to 06:00:20", "4 of C, 06:00:21 to 06:01:00"}},
		{"three orders that L2L starts one after another", "{l2l.product}", func(h *shift) {
			h.runs("1", "A", 1)
			h.made(2)
			h.runs("2", "B", 30)
			h.made(31)
			h.made(32)
			h.runs("", "", 50)
			h.minute(60)
		}, []string{"1 of A, 06:00:02 to 06:00:30", "2 of B, 06:00:31 to 06:00:50"}},
		{"another order of the same product is no change", "{l2l.product}", func(h *shift) {
			h.runs("1", "A", 1)
			h.made(2)
			h.runs("2", "A", 30)
			h.made(31)
			h.minute(60)
		}, []string{"2 of A, 06:00:02 to 06:01:00"}},
		{"the same product scanned again is no change", "{product}", func(h *shift) {
			h.scans("A", 1)
			h.made(2)
			h.scans("A", 3)
			h.minute(60)
		}, []string{"1 of A, 06:00:02 to 06:01:00"}},
		{"what was counted before the first product was scanned counts for it", "{product}", func(h *shift) {
			h.made(1)
			h.minute(60)
			h.scans("A", 61)
			h.made(62)
			h.minute(120)
		}, []string{"2 of A, 06:00:01 to 06:02:00"}},
		{"a piece and the next product in one second", "{product}", func(h *shift) {
			h.scans("A", 1)
			h.made(5)
			h.scans("B", 5)
			h.made(5)
			h.minute(60)
		}, []string{"1 of A, 06:00:05 to 06:00:06", "1 of B, 06:00:06 to 06:01:00"}},
		{"the line was not seen for longer than a reading counts, and runs another then", "{l2l.product}", func(h *shift) {
			h.runs("1", "A", 1)
			h.made(30)
			h.minute(60)
			h.made(200)
			h.minute(240) // nothing: nobody knows whether it is still A
			h.runs("2", "B", 3600)
			h.made(3601)
			h.minute(3660)
		}, []string{"1 of A, 06:00:30 to 06:01:00", "1 of A, 06:03:20 to 07:00:00, unsure", "1 of B, 07:00:01 to 07:01:00"}},
		{"the line was not seen for long, and runs the same then", "{l2l.product}", func(h *shift) {
			h.runs("1", "A", 1)
			h.made(200)
			h.minute(240)
			h.runs("1", "A", 3600)
			h.minute(3660)
		}, []string{"1 of A, 06:03:20 to 07:01:00"}},
		{"the product in hand was in hand for too long when the next is scanned", "{product}", func(h *shift) {
			h.scans("A", 1)
			h.made(9 * 3600)
			h.minute(9*3600 + 60)
			h.scans("B", 9*3600+70)
		}, []string{"1 of A, 15:00:00 to 15:01:10, unsure"}},
		{"our own changeover has arrived, and the line was not read since", "{l2l.product}", func(h *shift) {
			h.runs("1", "A", 1)
			h.made(2)
			h.s = h.s.leftRunning(Receipt{Runs: Running{Line: "PACK4", Order: "2", Product: "B"}, At: atSecond(55)})
			h.minute(60)
			h.runs("2", "B", 61)
			h.made(62)
			h.minute(120)
		}, []string{"1 of A, 06:00:02 to 06:01:01", "1 of B, 06:01:02 to 06:02:00"}},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			h := &shift{Program: counting(tt.product), t: t}
			tt.happens(h)
			h.wants(tt.told...)
			if len(h.s.Aside) > 0 {
				t.Errorf("%+v is set aside", h.s.Aside)
			}
		})
	}
}

// Nobody has set the clock yet when the product changes: no record can be told, and the
// pieces of the product before must wait beside those of the next.
func TestPiecesCountedBeforeTheClockWasSetKeepTheirProduct(t *testing.T) {
	t.Parallel()
	h := &shift{Program: counting("{product}"), t: t}
	unset := func(second int) Stamp {
		at := atSecond(second)
		at.Wall, at.Trusted = at.Wall.AddDate(-30, 0, 0), false
		return at
	}
	for _, ev := range []Event{
		{Source: "hand", Kind: Scan, Code: "A", At: unset(1)},
		{Source: "made", Kind: Press, At: unset(2)},
		{Source: "hand", Kind: Scan, Code: "B", At: unset(10)},
		{Source: "made", Kind: Press, At: unset(11)},
		{Source: "made", Kind: Press, At: unset(12)},
		{Source: FromStation, Kind: Minute, At: unset(60)},
	} {
		h.happens(ev)
	}
	h.wants()
	if !h.s.Counting() || len(h.s.Aside) != 1 {
		t.Errorf("%+v", h.s.Aside)
	}
	h.minute(120)
	h.wants("1 of A, 06:00:02 to 06:00:10", "2 of B, 06:00:11 to 06:02:00")
	h.minute(180)
	if h.s.Counting() || len(h.told) != 2 {
		t.Errorf("%+v, %v", h.s, h.told)
	}
}

func TestWhatTheLineRunsIsNeverGuessed(t *testing.T) {
	t.Parallel()
	help := func(second int) Event { return Event{Source: "help", Kind: Press, At: atSecond(second)} }
	h := &shift{Program: counting("{l2l.product}"), t: t}
	asks := func(when string, second int) {
		t.Helper()
		if a := h.happens(help(second)); len(a) > 0 || h.s.Notes["help"].Kind != NoteUnread || h.s.Notes["help"].Text != "l2l.product" {
			t.Errorf("%s: %v, %+v", when, a, h.s.Notes["help"])
		}
	}
	takes := func(when string, second int, product string) {
		t.Helper()
		if a := h.happens(help(second)); len(a) != 1 || a[0].With["product"] != product {
			t.Errorf("%s: %v, %+v", when, a, h.s.Notes["help"])
		}
	}
	asks("nothing was read", 1)
	h.runs("", "", 2)
	asks("it runs none", 3)
	h.runs("1", "A", 4)
	takes("just now", 5, "A")
	asks("too long ago", 100)
	h.happens(Event{Source: "l2l", Kind: OrderSeen, Data: map[string]string{"line": "PACK4", "id": "1", "product": "A"}, At: atSecond(110)})
	takes("seen again", 190, "A")
	rebooted := help(191)
	rebooted.At.Boot, rebooted.At.Trusted = "another", false
	if a := h.happens(rebooted); len(a) > 0 {
		t.Errorf("after the power was off for nobody knows how long: %v", a)
	}
	h.s = h.s.leftRunning(Receipt{Runs: Running{Line: "PACK4", Order: "2", Product: "B"}, At: atSecond(192)})
	asks("an answer of L2L's has said since that it runs another", 193)
	h.runs("2", "", 194)
	asks("L2L does not tell its product", 195)
}

// A reading that says the same again is not worth a write to the card; one that says
// another thing is.
func TestAReadingThatSaysTheSameAgainIsNoChange(t *testing.T) {
	t.Parallel()
	h := &shift{Program: counting("{l2l.product}"), t: t}
	h.runs("1", "A", 1)
	before := h.s
	h.happens(Event{Source: "l2l", Kind: OrderSeen, Data: map[string]string{"line": "PACK4", "id": "1", "product": "A", "done": "17"}, At: atSecond(31)})
	if !h.s.OnlyReadAgain(before) || h.s.Readings["l2l"].Done != "17" || h.s.Readings["l2l"].At != atSecond(31) || h.s.Readings["l2l"].Since != atSecond(1) {
		t.Errorf("%+v", h.s.Readings)
	}
	h.runs("2", "A", 61)
	if h.s.OnlyReadAgain(before) {
		t.Error("another order is no change")
	}
}

// An undo takes the wrong scan back, and not the pieces that were counted before it.
func TestUndoingAWrongProductKeepsWhatWasReported(t *testing.T) {
	t.Parallel()
	h := &shift{Program: counting("{product}"), t: t}
	h.Bindings = append([]Binding{{Event: "undo.press", Undo: true}, {Event: "hand.hold", Undo: true}}, h.Bindings...)
	h.scans("A", 1)
	h.made(2)
	h.scans("WRONG", 10)
	h.made(11)
	if a := h.happens(Event{Source: "hand", Kind: Hold, At: atSecond(12)}); len(a) > 0 {
		t.Errorf("%v", a)
	}
	h.minute(60)
	h.wants("1 of A, 06:00:02 to 06:00:10", "1 of A, 06:00:11 to 06:01:00")
	if why := strings.Join(h.told, ""); strings.Contains(why, "unsure") {
		t.Error(why)
	}
}

// What is counted and cannot be told is not left to be found by itself: the page says why,
// once, and takes it back when it was told.
func TestThatPiecesCannotBeToldIsSaidOnce(t *testing.T) {
	t.Parallel()
	h := &shift{Program: counting("{l2l.product}"), t: t}
	h.minute(30)
	if len(h.s.Notes) > 0 {
		t.Errorf("nothing was counted, and it says %+v", h.s.Notes)
	}
	h.made(40)
	h.minute(60)
	if n := h.s.Notes[FromStation]; n.Kind != NoteUnread || n.Text != "l2l.product" {
		t.Errorf("%+v", n)
	}
	before := h.s
	h.minute(120)
	if diff := cmp.Diff(before, h.s); diff != "" {
		t.Errorf("the next minute changes %s", diff)
	}
	h.runs("1", "A", 130)
	h.minute(180)
	if _, told := h.s.Notes[FromStation]; told || len(h.told) != 1 {
		t.Errorf("%+v, %v", h.s.Notes, h.told)
	}
}

// The order is followed as it is taken in hand: what is counted between the scan and the next
// look at the vendor counts for the order that was scanned.
func TestPiecesCountForTheOrderInHandAlsoBeforeItWasRead(t *testing.T) {
	t.Parallel()
	h := &shift{Program: counting("{l2l.order}"), t: t}
	v := h.Vendors["l2l"]
	v.Follows = "product"
	h.Vendors = map[string]Vendor{"l2l": v}
	h.scans("4711", 1)
	h.runs("4711", "A", 3)
	h.made(4)
	h.scans("4712", 10)
	h.made(11)
	h.minute(12)
	h.runs("4712", "B", 14)
	h.made(15)
	h.runs("", "", 20) // it is finished
	h.wants("1 of 4711, 06:00:04 to 06:00:10", "2 of 4712, 06:00:11 to 06:00:20")
}

// The next product is taken in hand only where pieces were made, and what was made is reported
// just before: then they are not there any more. Whatever is said of the scan, no piece is lost.
func TestPiecesAreNotLostWhereWhatChangesTheProductIsRefused(t *testing.T) {
	t.Parallel()
	h := &shift{Program: counting("{product}"), t: t}
	h.Bindings[1].Conditions = []Comparison{{Name: "made", Compare: ">=", Number: 1, Counted: true}}
	h.made(1)
	h.scans("A", 2)
	h.made(3)
	h.scans("B", 10)
	if n := h.s.Notes["hand"]; n.Kind != NoteNotYet {
		t.Errorf("%+v", n)
	}
	h.minute(60)
	h.wants("2 of A, 06:00:01 to 06:01:00")
}

// The largest amount is there against an article number that was scanned in its place. What
// the station has counted itself has a ceiling of its own, and would never be told.
func TestWhatTheStationCountedIsNoMistypedAmount(t *testing.T) {
	t.Parallel()
	h := &shift{Program: counting("{product}"), t: t}
	h.Bindings[2].Do[0].Verb.Fields[2].Type = Number
	h.Bindings[2].Do[0].With["actual"] = template("{made|0}")
	h.scans("A", 1)
	h.made(2)
	h.s.Counters["made"] = Counter{Count: MostAmount + 1, Since: h.s.Counters["made"].Since}
	h.minute(60)
	h.wants("100001 of A, 06:00:02 to 06:01:00")
	// A label that says so is no count, whatever the value is called.
	h.Bindings = append(h.Bindings, Binding{Event: "other.scan", Do: h.Bindings[2].Do})
	h.s.Counters["made"] = Counter{Count: 1, Since: atSecond(61)}
	if a := h.happens(Event{Source: "other", Kind: Scan, Data: map[string]string{"made": "100001"}, At: atSecond(70)}); len(a) > 0 || h.s.Notes["other"].Kind != NoteAbove {
		t.Errorf("%v, %+v", a, h.s.Notes["other"])
	}
}
