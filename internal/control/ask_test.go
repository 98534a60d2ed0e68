package control

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/operator"
	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

// maint is the call that every floor has open.
const maint = "00000000000000000000000000000001.1"

func opening(fields ...string) station.ActionRequest {
	a := station.ActionRequest{Backend: "l2l", Verb: "dispatch.open", With: map[string]string{}}
	for i := 0; i < len(fields); i += 2 {
		a.With[fields[i]] = fields[i+1]
	}
	return a
}

func TestAPersonAsksAtTheCommandLine(t *testing.T) {
	t.Parallel()
	t.Run("and becomes an entry with a name on it", func(t *testing.T) {
		t.Parallel()
		f := operatortest.Quiet()
		got, err := control(t, f).Ask(t.Context(), opening("type", "QUALITY"))
		if err != nil {
			t.Fatal(err)
		}
		events := f.Events()
		if len(events) != 1 || got.Entry != events[0].ID.Entry(1) || got.Event != events[0].ID {
			t.Fatalf("%+v of %+v", got, events)
		}
		if by := events[0].Data["by"]; events[0].Source != station.FromCommand || by != fmt.Sprintf("uid:%d", os.Getuid()) {
			t.Errorf("it is from %s by %s", events[0].Source, by)
		}
	})
	t.Run("wrongly, and hears everything that is wrong", func(t *testing.T) {
		t.Parallel()
		f := operatortest.Quiet()
		_, err := control(t, f).Ask(t.Context(), opening("typ", "x"))
		var wrong *operator.InvalidError
		if !errors.As(err, &wrong) || len(wrong.Faults) != 2 {
			t.Errorf("the error is %v", err)
		}
		if len(f.Events()) > 0 {
			t.Error("and it was recorded all the same")
		}
	})
	said := []struct {
		name   string
		change func(*station.State)
		ask    station.ActionRequest
		want   string // of the answer or the error
		entry  station.ID
	}{
		{"for a call that is open", nil, opening("type", "MAINT"), "nothing was done: this call is open already (stationd call ls)", ""},
		{"for a call that was refused", func(s *station.State) { s.Calls[0].Hold = station.HoldRefused }, opening("type", "MAINT"),
			"this call was refused before, and is sent again", maint},
		{"for a call about which a person must decide", func(s *station.State) { s.Calls[0].Hold = station.HoldUndecided }, opening("type", "MAINT"),
			"nothing was done: this call is on hold: retry or discard its entry first (stationd outbox ls)", ""},
		{"for what is not kept", nil, station.ActionRequest{Backend: "l2l", Verb: "list.print", With: map[string]string{"order": "4711"}},
			"tried once and not kept: page and log say what came of it", ""},
		{"for a close that is on its way", func(s *station.State) { s.Calls[0].Closing = "aa.1" },
			station.ActionRequest{Backend: "l2l", Verb: "dispatch.close", With: map[string]string{"dispatch": "88123"}},
			"nothing was done: this call is being closed already (stationd call ls)", ""},
	}
	for _, c := range said {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := operatortest.Quiet()
			if c.change != nil {
				c.change(&f.Shown.State)
			}
			got, err := control(t, f).Ask(t.Context(), c.ask)
			text := got.Said
			if err != nil {
				text = err.Error()
			}
			if text != c.want || got.Entry != c.entry {
				t.Errorf("it says %q of entry %q, want %q", text, got.Entry, c.want)
			}
		})
	}
}

func TestAPersonClosesACallAtTheCommandLine(t *testing.T) {
	t.Parallel()
	ways := []struct {
		name   string
		source string
		close  func(t *testing.T, f *operatortest.Station) error
	}{
		{"by the vendor's name", "cli", func(t *testing.T, f *operatortest.Station) error {
			t.Helper()
			got, err := control(t, f).CloseCall(t.Context(), "88123")
			if err == nil && (got.Entry == "" || got.Entry != f.Events()[0].ID.Entry(1)) {
				t.Errorf("the answer names %q", got.Entry)
			}
			return err
		}},
		{"by the beginning of its ID", "cli", func(t *testing.T, f *operatortest.Station) error {
			t.Helper()
			_, err := control(t, f).CloseCall(t.Context(), "00000000.1")
			return err
		}},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			f := operatortest.Quiet()
			if err := way.close(t, f); err != nil {
				t.Fatal(err)
			}
			events := f.Events()
			if len(events) != 1 || events[0].Source != way.source || events[0].Kind != station.Close || events[0].Data["entry"] != maint || events[0].Data["by"] == "" {
				t.Errorf("recorded: %+v", events)
			}
			if c := f.Shown.State.Calls[0]; c.Closing != events[0].ID.Entry(1) {
				t.Errorf("the call is %+v", c)
			}
		})
	}
	refused := []struct{ name, said, want string }{
		{"none is like that", "77777", `call "77777": no such open call: stationd call ls lists them`},
		{"too little is said", "8", `call "8": give at least 4 characters of its ID`},
		{"its close is on its way", "88123", "call 88123: it is being closed already, by entry 0a0b0c0d.1"},
	}
	for _, c := range refused {
		t.Run("and hears why not: "+c.name, func(t *testing.T) {
			t.Parallel()
			f := operatortest.Quiet()
			f.Shown.State.Calls[0].Closing = "0a0b0c0d0a0b0c0d0a0b0c0d0a0b0c0d.1"
			if _, err := control(t, f).CloseCall(t.Context(), c.said); err == nil || err.Error() != c.want {
				t.Errorf("the error is %v, want %s", err, c.want)
			}
		})
	}
	t.Run("and one that was adopted is over here alone", func(t *testing.T) {
		t.Parallel()
		f := operatortest.Quiet()
		f.Shown.State.Calls[0].Adopted, f.Shown.State.Calls[0].Leave = true, true
		got, err := control(t, f).CloseCall(t.Context(), "88123")
		if err != nil || got.Entry != "" || got.Said != "closed here, still open at the vendor" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestTheCommandLineSeesTheCalls(t *testing.T) {
	t.Parallel()
	f := operatortest.Quiet()
	got, err := control(t, f).Calls(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.Shown.State.Calls, got); diff != "" {
		t.Errorf("the calls differ (-want +got):\n%s", diff)
	}
}

func TestAVendorIsAskedThroughTheStation(t *testing.T) {
	t.Parallel()
	client := control(t, operatortest.Quiet())
	t.Run("and answers with a table", func(t *testing.T) {
		t.Parallel()
		got, err := client.Read(t.Context(), "l2l", "dispatches", map[string]string{"machine": "SEAL & 1"})
		want := station.Answer{Columns: []string{"BACKEND", "NAME", "MACHINE"}, Rows: [][]string{{"l2l", "dispatches", "SEAL & 1"}}, Note: "all of it",
			All: []byte(`{"machine":"SEAL \u0026 1"}`)}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("(-want +got), %v:\n%s", err, diff)
		}
	})
	t.Run("and answers with a file", func(t *testing.T) {
		t.Parallel()
		got, err := client.Read(t.Context(), "lagerkoll", "picture", nil)
		if err != nil || string(got.File) != "%PDF-1.7 \x00\xff" || got.Type != "application/pdf" {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("and does not answer", func(t *testing.T) {
		t.Parallel()
		if _, err := client.Read(t.Context(), "l2l", "silence", nil); err == nil || err.Error() != "GET dispatches/: sent, and no answer came" {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestAPersonWaitsForAnEntry(t *testing.T) {
	t.Parallel()
	entry := operatortest.Trace(0x5a11ce00).ID
	cases := []struct {
		name string
		come func(*operatortest.Station)
		want func(Progress) bool
	}{
		{"until it is delivered", func(f *operatortest.Station) {
			f.Entries, f.Left = nil, map[station.ID]station.Ended{entry: {What: "delivered", Ref: "90001"}}
		}, func(s Progress) bool { return s.Ended != nil && s.Ended.Ref == "90001" }},
		{"until it is held", func(f *operatortest.Station) {
			held := operatortest.Trace(0x5a11ce00)
			held.Condition, held.Hold, held.Reason = station.Held, station.HoldRefused, "no"
			f.Entries = []station.EntryStatus{held}
		}, func(s Progress) bool { return s.Standing != nil && s.Standing.Reason == "no" }},
		{"until nobody knows any more", func(f *operatortest.Station) { f.Entries = nil }, func(s Progress) bool { return s == Progress{} }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := operatortest.Quiet()
			waits := operatortest.Trace(0x5a11ce00)
			waits.Condition = station.Waiting
			f.Entries = []station.EntryStatus{waits}
			client := control(t, f)
			go f.Change(func() { c.come(f) })
			got, err := client.Await(t.Context(), entry)
			if err != nil || !c.want(got) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}
