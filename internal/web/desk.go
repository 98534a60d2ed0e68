package web

import (
	"log/slog"
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

// staleAfter is how old a snapshot may be before it must not be taken for the
// truth. The station is looked at twice a second.
const staleAfter = 10 * time.Second

// stale reports whether the station has not been looked at for too long.
func stale(s station.Snapshot, now station.Stamp) bool {
	age, known := now.Since(s.Now)
	return !known || age > staleAfter
}
