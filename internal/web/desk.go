package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"stationd/internal/station"
)

// A Desk is what the page and the control socket ask of the station. Its
// functions are called by several goroutines at once.
type Desk struct {
	// Snapshot returns the station as it was at the last look. It must not block.
	Snapshot func() station.Snapshot

	// Contents lists the outbox, or the beginning of it: the entries without a final
	// fate in the order of their events, and the unknown scans that are kept.
	Contents func(station.Limit) (station.Contents, error)

	// List hands over what Contents lists, one at a time, and ends with the first
	// error of a function's: no list is too long for it.
	List func(station.Limit, func(station.Standing) error, func(station.Event) error) (station.Totals, error)

	// Find returns the IDs of entries and kept events whose event's ID begins so; of
	// very many, the first.
	Find func(begins string) ([]station.ID, error)

	// Standing returns how an entry stands; there is false where it is not in the
	// outbox.
	Standing func(station.ID) (s station.Standing, there bool, err error)

	// Record makes an event durable and says what became of it. An error says in
	// words why nothing was done.
	Record station.Emit

	// Recorded returns what became of a command of that kind that was recorded under
	// that event's ID; false of one that was not, or is forgotten.
	Recorded func(id station.ID, kind string) (station.Result, bool)

	// Adopt puts back everything that is held because the outbox is a copy, to be
	// looked up and sent, and returns how many entries that were.
	Adopt func() (int, error)

	// Program returns the program in force, and State the state that is on disk.
	Program func() station.Program
	State   func() station.State

	// Ended returns what became of an entry that has left the outbox; false where
	// nobody knows any more.
	Ended func(station.ID) (station.Ended, bool)

	// Read asks a vendor, under the backend's pace. An error says in words what did
	// not come.
	Read func(ctx context.Context, backend, name string, with map[string]string) (station.Answer, error)

	// Reload takes up the configuration as it is now, and returns what is wrong with
	// it, one line each; where anything is, the one in force stays.
	Reload func() []string

	// Follow hands tell what the readers ("scans") or the buttons ("pins") do, each to be
	// sent as JSON, until ctx is done or tell fails. The devices wait for none of it. It
	// may be nil.
	Follow func(ctx context.Context, what string, tell func(any) error) error

	// Verify checks the outbox. An error lists everything that it found.
	Verify func() error

	// Changed returns a channel that is closed when the outbox changes next.
	Changed func() <-chan struct{}

	// Stamp says when now is.
	Stamp func(time.Time) station.Stamp

	// Measures returns what the devices counted since the process started, by
	// family and device: "glitches", "maintenance". It may be nil.
	Measures func() map[string]map[string]int

	// LogDropped returns how many lines were not written to the log since the process
	// started, by why: "unread", "ceiling", "repeated". It may be nil.
	LogDropped func() map[string]int

	// Language is the language of the page: en or sv. Any other shows English.
	Language string

	// Zone is where the station stands; nil is the zone of the process.
	Zone *time.Location
}

// An asker is who asks for something, and under which event it is recorded.
type asker struct {
	by    string
	event station.ID
}

// onPage is a person at the page: each of their presses is an event of its own.
func onPage(by string) asker { return asker{by, station.NewID()} }

// decide hands a person's decision to the station as an event. verb is
// station.VerbRetry or station.VerbDiscard; said are the words that they said besides:
// station.NotThere, station.ToCurrent.
func (d Desk) decide(source, verb string, about station.ID, who asker, log *slog.Logger, said ...string) error {
	data := map[string]string{"entry": string(about), "by": who.by}
	for _, word := range said {
		data[word] = "true"
	}
	done, err := d.Record(station.Event{
		ID:     who.event,
		Source: source,
		Kind:   verb,
		Data:   data,
		At:     d.Stamp(time.Now()),
	})
	if err != nil {
		log.Info("a person's decision was not carried out", "verb", verb, "entry", string(about), "by", who.by, "error", err)
		return err
	}
	log.Info("a person decided", "verb", verb, "entry", string(about), "by", who.by, "event", string(done.ID))
	return nil
}

// ask hands what a person asks for to the station, and says what came of it.
func (d Desk) ask(a station.Asking, who asker, log *slog.Logger) (Asked, error) {
	if _, faults := d.Program().Form(a); len(faults) > 0 {
		return Asked{}, &NotTaken{faults}
	}
	ev := a.Event(who.by, d.Stamp(time.Now()))
	ev.ID = who.event
	return d.enter(ev, log)
}

// closeCall closes an open call, whose button it may be. It is named by the entry
// that opened it, whole or as find takes it, or by the vendor's name for it.
func (d Desk) closeCall(source, said string, who asker, log *slog.Logger) (Asked, error) {
	c, err := d.call(said)
	if err != nil {
		return Asked{}, err
	}
	if c.Closing != "" {
		return Asked{}, fmt.Errorf("call %s: its close is on its way already, as entry %s", said, c.Closing.Short())
	}
	return d.enter(station.Event{
		ID:     who.event,
		Source: source,
		Kind:   station.Close,
		Data:   map[string]string{"entry": string(c.Entry), "by": who.by},
		At:     d.Stamp(time.Now()),
	}, log)
}

// call finds the open call that a person means.
func (d Desk) call(said string) (station.Call, error) {
	calls := d.State().Calls
	var opens []station.ID
	for _, c := range calls {
		if c.Ref != "" && c.Ref == said {
			return c, nil
		}
		opens = append(opens, c.Entry)
	}
	id, err := pick("call", said, opens, "no open call goes by that: stationd call ls lists them")
	if err != nil {
		return station.Call{}, err
	}
	return calls[slices.Index(opens, id)], nil
}

// enter hands an event to the station and says what came of it.
func (d Desk) enter(ev station.Event, log *slog.Logger) (Asked, error) {
	done, err := d.Record(ev)
	if err != nil {
		log.Info("what a person asked for was not done", "kind", ev.Kind, "by", ev.Data["by"], "error", err)
		return Asked{}, err
	}
	if done.Repeated {
		return d.askedBefore(done)
	}
	log.Info("a person asked", "kind", ev.Kind, "by", ev.Data["by"], "event", string(ev.ID), "entries", len(done.Entries))
	return askedOf(done)
}

// askedBefore is askedOf for what was recorded before, with what has become of it.
func (d Desk) askedBefore(done station.Result) (Asked, error) {
	asked, err := askedOf(done)
	if err != nil {
		return asked, err
	}
	asked.Repeated = true
	if asked.Entry == "" {
		asked.Said = "it was recorded before, and is not done again"
		return asked, nil
	}
	became := "it has left the outbox"
	e, there, err := d.Standing(asked.Entry)
	switch ended, known := d.Ended(asked.Entry); {
	case err != nil:
		return asked, err
	case there && e.Condition == station.Held:
		became = fmt.Sprintf("it is held (%s)", e.Hold)
	case there:
		became = "it waits"
	case known:
		became = strings.TrimSpace(fmt.Sprintf("it is %s %s", ended.What, ended.Ref))
	}
	asked.Said = "recorded before, and not a second time: " + became
	return asked, nil
}

// askedOf puts what became of an event in words. An error says that nothing was
// done, and why.
func askedOf(done station.Result) (Asked, error) {
	asked := Asked{Event: done.ID}
	switch note := done.Note; {
	case len(done.Entries) > 0 && note.Kind == station.NoteTwice:
		asked.Entry, asked.Said = done.Entries[0], "recorded, and it counts the same as "+note.Text+", which is held: if both are sent, it is counted twice"
	case len(done.Entries) > 0:
		asked.Entry = done.Entries[0]
	case done.Retried != "":
		asked.Entry, asked.Said = done.Retried, "this call was refused before, and is sent again"
	case note.Kind == station.NoteAsked:
		asked.Said = "it is tried once, and not kept: the page and the log say what came of it"
	case note.Kind == station.NoteLeft:
		asked.Said = "the call is over here; at the vendor it stays open"
	case note.Kind == "":
		return Asked{}, errors.New("nothing was done: a person must decide about its open first (stationd outbox ls)")
	case note.Kind == station.NoteAlready && note.Text != "":
		return Asked{}, errors.New("nothing was done: the close of this call is on its way already (stationd call ls)")
	case note.Kind == station.NoteAlready:
		return Asked{}, errors.New("nothing was done: this call is open already (stationd call ls)")
	case note.Kind == station.NoteHeld:
		return Asked{}, errors.New("nothing was done: a person must decide about this call first (stationd outbox ls)")
	default:
		return Asked{}, fmt.Errorf("nothing was done (%s %s)", note.Kind, note.Text)
	}
	return asked, nil
}

// staleAfter is how old a snapshot may be before it must not be taken for the
// truth. The station is looked at twice a second.
const staleAfter = 10 * time.Second

// stale reports whether the station has not been looked at for too long.
func stale(s station.Snapshot, now station.Stamp) bool {
	age, known := now.Since(s.Now)
	return !known || age > staleAfter
}
