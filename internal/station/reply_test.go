package station

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"
)

// so says of every note what happened, in the words of docs/lamps.md and its order.
var so = []struct {
	kind NoteKind
	what string
}{
	{NoteRecorded, "a press or a scan was recorded"},
	{NoteSet, "a value was taken in hand, or counted"},
	{NoteAsked, "a list was asked of a printer, once"},
	{NoteUndone, "the last thing was taken back"},
	{NoteLeft, "a call is over here, and left open at the vendor"},
	{NoteTechnician, "a technician's badge was shown"},
	{NoteNoTechnician, "the same badge was shown again: its time has ended"},
	{NoteDelivered, "what was recorded is delivered"},
	{NoteAlready, "the call is open already"},
	{NoteNothing, "there is no call to close"},
	{NoteUnknown, "nobody knows what was scanned"},
	{NoteNeeds, "something must be scanned first"},
	{NoteUnread, "what is made was not read at the vendor lately"},
	{NoteFull, "the list in hand takes nothing more"},
	{NoteAbove, "an amount is larger than it may be"},
	{NoteBelow, "an amount is smaller than it may be"},
	{NoteNotAllowed, "a value is none of those that are allowed"},
	{NoteNotYet, "something is not complete yet"},
	{NoteNotAmong, "what was scanned is not in the list"},
	{NoteAmong, "what was scanned is in the list already"},
	{NoteOverdue, "its call has been open for too long"},
	{NoteConfirm, "it must be confirmed within ten seconds"},
	{NoteNumber, "what was scanned is no number that can be counted"},
	{NoteUnfit, "something is wrong with what was scanned: it is kept"},
	{NoteRole, "this needs a technician's badge first"},
	{NoteNoBadge, "nobody knows the badge, or it was revoked"},
	{NoteLate, "it is too late to take anything back"},
	{NoteUnrecorded, "the outbox did not take it: it must be done again"},
	{NoteTwice, "it was recorded, and an entry that counts the same is held: it may be counted twice"},
	{NoteHeld, "an entry is held for a person"},
}

func TestLampBuzzerReaderAndPageTellEveryNoteAsLampsMdSays(t *testing.T) {
	t.Parallel()
	p := Program{
		Lamps: []string{"red"}, Lamp: map[string]string{"maintenance": "red"},
		Reminders: map[string]time.Duration{"horn": 5 * time.Minute}, DefaultBuzzer: "horn",
	}
	var rows []string
	told := make(map[NoteKind]bool)
	for _, row := range so {
		told[row.kind] = true
		s := State{Notes: noted(row.kind)}
		lamp := p.Lights(s, Health{}, atSecond(100))["red"]
		sound := p.Sounds(s, Health{}, atSecond(100))["maintenance"].Kind
		reply := row.kind.Reply()
		if lamp != reply.Lamp || sound != reply.Buzzer {
			t.Errorf("%s: lamp %s and buzzer %s, want %s and %s", row.kind, lamp, sound, reply.Lamp, reply.Buzzer)
		}
		shown := lamp.String()
		if lamp == Off {
			shown = "as above"
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s | %s |", row.what, shown, sound, reply.Beep, reply.Page))
	}
	for _, kind := range NoteKinds() {
		if !told[kind] {
			t.Errorf("docs/lamps.md says nothing of %q", kind)
		}
	}
	says(t, "notes", rows)
}

func TestLampBuzzerReaderAndPageAgreeOnEveryNote(t *testing.T) {
	t.Parallel()
	for _, kind := range NoteKinds() {
		r := kind.Reply()
		look := r.Page == Look
		if kind == NoteTwice { // it is on disk: refused, it would be scanned a third time
			r.Beep, r.Buzzer = SoundRefused, SoundHeld
			if own := kind.Reply(); own.Beep != SoundRecorded || own.Buzzer != SoundHeld {
				t.Errorf("%s: %+v", kind, own)
			}
		}
		if (r.Lamp == Quick) != look || (r.Buzzer == SoundRefused || r.Buzzer == SoundHeld) != look || (r.Beep == SoundRefused) != look {
			t.Errorf("%s: some ask for a person and some do not: %+v", kind, r)
		}
		if (r.Buzzer == SoundRecorded) != (r.Beep == SoundRecorded) {
			t.Errorf("%s: buzzer and reader differ: %+v", kind, r)
		}
	}
}

func TestEveryNoteThereIsHasAReply(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("state.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^\tNote\w+ +NoteKind = "(\w+)"`).FindAllSubmatch(source, -1)
	if len(declared) < 10 {
		t.Fatalf("state.go declares %d notes: this test reads it wrongly", len(declared))
	}
	for _, d := range declared {
		kind := NoteKind(d[1])
		if _, known := kind.reply(); !known || !slices.Contains(NoteKinds(), kind) {
			t.Errorf("nobody says how %q is told", d[1])
		}
	}
}

func TestWhatWasNotRecordedIsSaidUntilSomethingElseIs(t *testing.T) {
	t.Parallel()
	s := State{Notes: map[string]Note{"hand": {Kind: NoteRecorded, At: atSecond(5)}}}
	lost := Note{Kind: NoteUnrecorded, Text: "the outbox is full", At: atSecond(7)}
	if got := s.WithNote("hand", lost).Notes["hand"]; got != lost {
		t.Errorf("after a scan that was not recorded the operator is told %+v", got)
	}
	later := State{Notes: map[string]Note{"hand": {Kind: NoteDelivered, At: atSecond(8)}}}
	if got := later.WithNote("hand", lost).Notes["hand"].Kind; got != NoteDelivered {
		t.Errorf("the operator is told %q after something newer", got)
	}
	if len(s.Notes) != 1 || s.Notes["hand"].Kind != NoteRecorded {
		t.Error("a state that was handed in was changed")
	}
}
