// Package operator records what people decide and ask for, and puts what became of it
// in words. The page and the control socket share it, so that a click and a command
// take the same way to the disk as a press.
package operator

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"stationd/internal/station"
)

// An Outbox says how things stand in the outbox. Its methods are called by several
// goroutines at once.
type Outbox interface {
	// State returns the state that is on disk.
	State() station.State

	// Standing returns how an entry stands, or how it ended where it has left the
	// outbox; both are nil where nobody knows any more.
	Standing(id station.ID) (*station.EntryStatus, *station.Ended, error)

	// List hands over the entries without a final fate in the order of their events,
	// and then the unknown scans and notices that are kept, one at a time, and ends
	// with the first error of a function's: no list is too long for it.
	List(limit station.Limit, entry func(station.EntryStatus) error, kept func(station.Event) error) (station.Totals, error)
}

// A Recorder makes events of what people decide and ask for. All fields are required.
type Recorder struct {
	Outbox  Outbox
	Record  station.Emit
	Program func() station.Program           // in force
	Stamp   func(at time.Time) station.Stamp // what the clock said at that moment
	Log     *slog.Logger
}

// A Person is who decides or asks, and under which ID that becomes an event.
type Person struct {
	Source string // station.FromPage or station.FromCommand
	Name   string // as far as it is known: the name of a badge, "uid:1000", "page"
	Event  station.ID

	// Technician is the name of the badge that they decide by; empty where they decide by
	// anything else. It goes to a vendor as who acts, where a verb says that.
	Technician string
}

// A Decision is what a person decides about entries that are held, or scans that nobody
// knew: about all of them or none.
type Decision struct {
	Verb    string            // station.VerbRetry, VerbDiscard or VerbEdit
	Entries []station.ID      // station.MostDecided at most; the outbox refuses an edit of several
	Options []string          // of a retry: station.NotThere, station.ToCurrent
	Fields  map[string]string // of an edit: what each field should be; "" leaves it out
	Reason  string            // in their words, station.LongestReason at most; may be empty
}

// A Receipt says what came of something that a person asked for.
type Receipt struct {
	Event station.ID `json:"event"`
	Entry station.ID `json:"entry,omitempty"` // that carries it out; empty: there is none
	Said  string     `json:"said,omitempty"`  // what a person should know beside that

	// Repeated: it was recorded before, under the same event; Said tells what became
	// of that.
	Repeated bool `json:"repeated,omitempty"`
}

// An InvalidError is the error of a request that no verb allows: what is wrong with
// it, a sentence each.
type InvalidError struct{ Faults []string }

// Error implements error.
func (e *InvalidError) Error() string { return strings.Join(e.Faults, "; ") }

// Decide records what a person decided, and returns the event's receipt: of an edit, with
// the entry that has taken the place of the one that was held. An error says why nothing
// was done.
func (r Recorder) Decide(by Person, d Decision) (Receipt, error) {
	if err := d.check(); err != nil {
		return Receipt{}, err
	}
	done, err := r.Record(station.Event{
		ID:     by.Event,
		Source: by.Source,
		Kind:   d.Verb,
		Data:   d.data(by),
		At:     r.Stamp(time.Now()),
	})
	for _, entry := range d.Entries {
		log := r.Log.With("entry", string(entry), "by", by.Name)
		if d.Reason != "" {
			log = log.With("reason", d.Reason)
		}
		if err != nil {
			log.Info("decision refused", "verb", d.Verb, "error", err)
			continue
		}
		log = log.With("event", string(done.ID))
		switch d.Verb {
		case station.VerbRetry:
			log.Info("entry retried")
		case station.VerbEdit:
			log.Info("entry edited", "corrected", string(done.ID.Entry(1)))
		default:
			log.Info("entry discarded")
		}
	}
	if err != nil {
		return Receipt{}, err
	}
	receipt := Receipt{Event: done.ID, Repeated: done.Repeated}
	if len(done.Entries) > 0 {
		receipt.Entry = done.Entries[0]
	}
	return receipt, nil
}

// check says what is wrong with a decision by itself.
func (d Decision) check() error {
	switch n := len(d.Entries); {
	case n == 0:
		return errors.New("nothing was done: say which entry")
	case n > station.MostDecided:
		return fmt.Errorf("nothing was done: %d entries at once, and %d at most", n, station.MostDecided)
	}
	if slices.ContainsFunc(append(slices.Collect(maps.Values(d.Fields)), d.Reason), station.HoldsBadge) { // a reader that types into whatever has the focus
		return station.Because(errors.New("nothing was done: the code of a badge is a secret, and stands in no text"), "reason-badge")
	}
	if n := utf8.RuneCountInString(d.Reason); n > station.LongestReason {
		return station.Because(fmt.Errorf("nothing was done: the reason has %d characters, and may have %d", n, station.LongestReason), "reason-text")
	}
	if !bytes.Equal(station.Printable([]byte(d.Reason)), []byte(d.Reason)) || strings.Contains(d.Reason, "\n") {
		return station.Because(errors.New("nothing was done: the reason has a character that cannot be seen"), "reason-text")
	}
	return nil
}

// data is what the event of a decision says.
func (d Decision) data(by Person) map[string]string {
	data := map[string]string{station.DataBy: by.Name}
	if len(d.Entries) == 1 {
		data[station.DataEntry] = string(d.Entries[0])
	} else {
		var all []string
		for _, entry := range d.Entries {
			all = append(all, string(entry))
		}
		data[station.DataEntries] = strings.Join(all, " ")
	}
	if d.Reason != "" {
		data[station.DataReason] = d.Reason
	}
	for _, option := range d.Options {
		data[option] = "true"
	}
	for name, value := range d.Fields {
		data[station.EditField(name)] = value
	}
	return data
}

// Alike returns the held entries of the same kind as one (station.EntryStatus.HeldKind),
// the oldest first: that one among them, station.MostDecided at most. more is how many
// there are beside those.
func (r Recorder) Alike(entry station.ID) (all []station.ID, more int, err error) {
	one, _, err := r.Outbox.Standing(entry)
	switch {
	case err != nil:
		return nil, 0, err
	case one == nil || one.Condition != station.Held:
		return nil, 0, station.Because(fmt.Errorf("entry %s: it is not held any more", entry.Short()), "not-held")
	}
	kind := one.HeldKind()
	_, err = r.Outbox.List(station.Limit{Held: -1}, func(e station.EntryStatus) error {
		switch {
		case e.Condition != station.Held || e.HeldKind() != kind:
		case len(all) < station.MostDecided:
			all = append(all, e.ID)
		default:
			more++
		}
		return nil
	}, func(station.Event) error { return nil })
	return all, more, err
}

// Ask records what a person asks a vendor to do. The error is an *InvalidError where
// the request is wrong, and else says why nothing was done.
func (r Recorder) Ask(by Person, a station.ActionRequest) (Receipt, error) {
	if _, faults := r.Program().BuildAction(a); len(faults) > 0 {
		return Receipt{}, &InvalidError{faults}
	}
	ev := a.Event(by.Name, r.Stamp(time.Now()))
	ev.ID = by.Event
	return r.record(ev)
}

// CloseCall closes an open call, whose button it may be. It is named by the entry
// that opened it, as for Pick, or by the vendor's name for it.
func (r Recorder) CloseCall(by Person, named string) (Receipt, error) {
	c, err := r.call(named)
	if err != nil {
		return Receipt{}, err
	}
	if c.Closing != "" {
		return Receipt{}, station.Because(fmt.Errorf("call %s: it is being closed already, by entry %s", named, c.Closing.Short()), "call-closing")
	}
	return r.record(station.Event{
		ID:     by.Event,
		Source: by.Source,
		Kind:   station.Close,
		Data:   closing(by, c.Entry),
		At:     r.Stamp(time.Now()),
	})
}

// closing is what the event says by which a person closes a call.
func closing(by Person, open station.ID) map[string]string {
	data := map[string]string{station.DataEntry: string(open), station.DataBy: by.Name}
	if by.Technician != "" {
		data[station.DataTechnician] = by.Technician
	}
	return data
}

// call finds the open call that a person means.
func (r Recorder) call(named string) (station.Call, error) {
	calls := r.Outbox.State().Calls
	var entries []station.ID
	for _, c := range calls {
		if c.Ref != "" && c.Ref == named {
			return c, nil
		}
		entries = append(entries, c.Entry)
	}
	id, err := Pick("call", named, entries, "no such open call: stationd call ls lists them")
	if err != nil {
		return station.Call{}, station.Because(err, "no-such-call")
	}
	return calls[slices.Index(entries, id)], nil
}

// record hands an event to the station and says what came of it.
func (r Recorder) record(ev station.Event) (Receipt, error) {
	done, err := r.Record(ev)
	if err != nil {
		r.Log.Info("a request was refused", "kind", ev.Kind, "by", ev.Data["by"], "error", err)
		return Receipt{}, err
	}
	if done.Repeated {
		return r.Repeated(done)
	}
	r.Log.Info("a request is recorded", "kind", ev.Kind, "by", ev.Data["by"], "event", string(ev.ID), "entries", len(done.Entries))
	return receiptOf(done)
}

// Repeated says what has become since of something that was recorded before.
func (r Recorder) Repeated(done station.Result) (Receipt, error) {
	receipt, err := receiptOf(done)
	if err != nil {
		return receipt, err
	}
	receipt.Repeated = true
	if receipt.Entry == "" {
		receipt.Said = "recorded before, and not done again"
		return receipt, nil
	}
	became := "it has left the outbox"
	e, ended, err := r.Outbox.Standing(receipt.Entry)
	switch {
	case err != nil:
		return receipt, err
	case e != nil && e.Condition == station.Held:
		became = fmt.Sprintf("it is held (%s)", e.Hold)
	case e != nil:
		became = "it waits"
	case ended != nil:
		became = strings.TrimSpace(fmt.Sprintf("it is %s %s", ended.What, ended.Ref))
	}
	receipt.Said = "recorded before, and not a second time: " + became
	return receipt, nil
}

// receiptOf puts what became of an event in words. An error says that nothing was
// done, and why.
func receiptOf(done station.Result) (Receipt, error) {
	receipt := Receipt{Event: done.ID}
	switch note := done.Note; {
	case len(done.Entries) > 0 && note.Kind == station.NoteTwice:
		receipt.Entry, receipt.Said = done.Entries[0], "recorded, and it counts the same as "+note.Text+", which is on hold: if both are sent, it is counted twice"
	case len(done.Entries) > 0:
		receipt.Entry = done.Entries[0]
	case done.Retried != "":
		receipt.Entry, receipt.Said = done.Retried, "this call was refused before, and is sent again"
	case note.Kind == station.NoteAsked:
		receipt.Said = "tried once and not kept: page and log say what came of it"
	case note.Kind == station.NoteLeft:
		receipt.Said = "closed here, still open at the vendor"
	case note.Kind == "":
		return Receipt{}, station.Because(errors.New("nothing was done: the entry that opens this call is on hold: retry or discard it first (stationd outbox ls)"), "call-held")
	case note.Kind == station.NoteAlready && note.Text != "":
		return Receipt{}, station.Because(errors.New("nothing was done: this call is being closed already (stationd call ls)"), "call-closing")
	case note.Kind == station.NoteAlready:
		return Receipt{}, station.Because(errors.New("nothing was done: this call is open already (stationd call ls)"), "call-open")
	case note.Kind == station.NoteHeld:
		return Receipt{}, station.Because(errors.New("nothing was done: this call is on hold: retry or discard its entry first (stationd outbox ls)"), "call-held")
	default:
		return Receipt{}, fmt.Errorf("nothing was done (%s %s)", note.Kind, note.Text)
	}
	return receipt, nil
}

// LeastNamed is how many characters of an ID a person must give: fewer would
// find something by accident.
const LeastNamed = 4

// Pick returns the ID that a person means: the whole of it, or the beginning that no
// other has, with the entry's place behind it or without. The error speaks of what ("entry", "call") and of
// what is named; none is what it says where no ID fits.
func Pick(what, named string, all []station.ID, none string) (station.ID, error) {
	if len(named) < LeastNamed {
		return "", fmt.Errorf("%s %q: give at least %d characters of its ID", what, named, LeastNamed)
	}
	var found []string
	event, place, placed := strings.Cut(named, ".")
	for _, id := range all {
		if string(id) == named {
			return id, nil
		}
		if strings.HasPrefix(string(id), event) && (!placed || strings.HasSuffix(string(id), "."+place)) {
			found = append(found, string(id))
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("%s %q: %s", what, named, none)
	case 1:
		return station.ID(found[0]), nil
	}
	return "", fmt.Errorf("%s %q: %d begin like that, give more of one of: %s", what, named, len(found), strings.Join(found, " "))
}
