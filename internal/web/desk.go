package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"stationd/internal/station"
)

// A Desk is what the page and the control socket ask of the station. Its
// functions are called by several goroutines at once.
type Desk struct {
	// Snapshot returns the station as it was at the last look. It must not block.
	Snapshot func() station.Snapshot

	// Contents lists the outbox: the entries without a final fate in the order of
	// their events, and the unknown scans that are kept.
	Contents func() ([]station.Standing, []station.Event, error)

	// Record makes an event durable and returns its ID. An error says in words why
	// nothing was done.
	Record func(station.Event) (station.ID, error)

	// Enter makes an event durable as Record does, keeps its stamp, and returns the
	// entries that it made.
	Enter func(station.Event) ([]station.ID, error)

	// Program returns the program in force, and State the state that is on disk.
	Program func() station.Program
	State   func() station.State

	// Ended returns what became of an entry that has left the outbox; false where
	// nobody knows any more.
	Ended func(station.ID) (Ended, bool)

	// Read asks a vendor, under the backend's pace. An error says in words what did
	// not come.
	Read func(ctx context.Context, backend, name string, with map[string]string) (station.Answer, error)

	// Verify checks the outbox. An error lists everything that it found.
	Verify func() error

	// Changed returns a channel that is closed when the outbox changes next.
	Changed func() <-chan struct{}

	// Stamp says when now is.
	Stamp func(time.Time) station.Stamp

	// Measures returns what the devices counted since the process started, by
	// family and device: "glitches", "maintenance". It may be nil.
	Measures func() map[string]map[string]int

	// Language is the language of the page: en or sv. Any other shows English.
	Language string

	// Zone is where the station stands; nil is the zone of the process.
	Zone *time.Location
}

// decide hands a person's decision to the station as an event and returns the
// event's ID. verb is station.VerbRetry or station.VerbDiscard.
func (d Desk) decide(source, verb string, about station.ID, by string, log *slog.Logger) (station.ID, error) {
	event, err := d.Record(station.Event{
		ID:     station.NewID(),
		Source: source,
		Kind:   verb,
		Data:   map[string]string{"entry": string(about), "by": by},
		At:     d.Stamp(time.Now()),
	})
	if err != nil {
		log.Info("a person's decision was not carried out", "verb", verb, "entry", string(about), "by", by, "error", err)
		return "", err
	}
	log.Info("a person decided", "verb", verb, "entry", string(about), "by", by, "event", string(event))
	return event, nil
}

// ask hands what a person asks for to the station, and says what came of it.
func (d Desk) ask(a station.Asking, by string, log *slog.Logger) (Asked, error) {
	if _, faults := d.Program().Form(a); len(faults) > 0 {
		return Asked{}, &NotTaken{faults}
	}
	return d.enter(a.Event(by, d.Stamp(time.Now())), log)
}

// closeCall closes an open call, whose button it may be. It is named by the entry
// that opened it, whole or as find takes it, or by the vendor's name for it.
func (d Desk) closeCall(source, said, by string, log *slog.Logger) (Asked, error) {
	c, err := d.call(said)
	if err != nil {
		return Asked{}, err
	}
	if c.Closing != "" {
		return Asked{}, fmt.Errorf("call %s: its close is on its way already, as entry %s", said, c.Closing.Short())
	}
	return d.enter(station.Event{
		ID:     station.NewID(),
		Source: source,
		Kind:   station.Close,
		Data:   map[string]string{"entry": string(c.Entry), "by": by},
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

// enter hands an event to the station and says what came of it. What an event means
// is decided when it is recorded; it is decided here before, for its words alone.
func (d Desk) enter(ev station.Event, log *slog.Logger) (Asked, error) {
	after, actions := d.Program().Decide(d.State(), ev)
	entries, err := d.Enter(ev)
	if err != nil {
		log.Info("what a person asked for was not done", "kind", ev.Kind, "by", ev.Data["by"], "error", err)
		return Asked{}, err
	}
	log.Info("a person asked", "kind", ev.Kind, "by", ev.Data["by"], "event", string(ev.ID), "entries", len(entries))
	asked := Asked{Event: ev.ID}
	if len(entries) > 0 {
		asked.Entry = entries[0]
		return asked, nil
	}
	for _, a := range actions {
		switch {
		case a.Verb == station.VerbRetry:
			asked.Entry, asked.Said = a.About, "this call was refused before, and is sent again"
			return asked, nil
		case a.Fleeting:
			asked.Said = "it is tried once, and not kept: the page and the log say what came of it"
			return asked, nil
		}
	}
	note := after.Notes[ev.Source]
	if note.At != ev.At {
		return Asked{}, errors.New("nothing was done: a person must decide about its open first (stationd outbox ls)")
	}
	switch note.Kind {
	case station.NoteLeft:
		asked.Said = "the call is over here; at the vendor it stays open"
	case station.NoteAlready:
		if note.Text != "" {
			return Asked{}, errors.New("nothing was done: the close of this call is on its way already (stationd call ls)")
		}
		return Asked{}, errors.New("nothing was done: this call is open already (stationd call ls)")
	case station.NoteHeld:
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
