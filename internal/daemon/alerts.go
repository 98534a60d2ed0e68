package daemon

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"stationd/internal/api/alert"
	"stationd/internal/atomicfile"
	"stationd/internal/plan"
	"stationd/internal/station"
	"stationd/internal/terminal"
)

const (
	// alertsName is the file beside the outbox that remembers what has been told.
	alertsName = "alerts.json"

	alertEvery  = time.Second      // between two looks at the station
	alertIdle   = 30 * time.Second // where the configuration has no table [alert]: a reload may bring one
	alertKept   = time.Minute      // what has lasted as long is written down, to be remembered over a restart
	alertListed = 3                // held entries in a message

	alertKeyEvery = 10 * time.Second // between two checks that the key of [alert] can be read
)

// The ways in which an alert is sent, as the file beside the outbox calls them.
const (
	byPost  = "post"  // to the address in [alert]
	byEvent = "event" // by a binding of station.alert, through the outbox
)

// alerts tells somebody elsewhere that something is held, or that nothing can be
// delivered, once it has lasted for as long as [alert] says. It only looks at the station:
// neither recording nor delivering waits for it.
type alerts struct {
	path     string
	log      *slog.Logger
	stamp    func(time.Time) station.Stamp
	plan     func() *plan.Plan
	snapshot func() station.Snapshot
	held     func() ([]station.EntryStatus, error) // the first held entries
	record   station.Emit
	fault    func(text string) // says why alerts cannot be sent; "" when they can

	// All below is used by run alone.
	all     []station.AlertState
	written []byte            // what the file has
	saveErr error             // why it could not be written
	errors  map[string]string // what the last try came to, by the way
	keyAt   time.Time         // when the key was last looked at
	keyErr  error             // why it cannot be used
	shown   bool              // fault has been called
}

// alerts makes the station's alerts, for run.
func (s *openStation) alerts() *alerts {
	return &alerts{
		path:     filepath.Join(s.plan.Station.Data, alertsName),
		log:      s.log,
		stamp:    s.clock.Stamp,
		plan:     s.active.plan.Load,
		snapshot: s.status.Snapshot,
		held: func() (held []station.EntryStatus, err error) {
			c, err := s.outbox.Contents(station.Limit{Held: alertListed})
			return c.Entries, err
		},
		record: s.outbox.Record,
		fault:  func(text string) { s.faults.set(plan.PartAlert, text) },
		errors: make(map[string]string),
	}
}

// run looks at the station until ctx is done.
func (a *alerts) run(ctx context.Context) error {
	a.load()
	for {
		a.look(ctx)
		every := alertEvery
		if a.plan().Alert == nil {
			every = station.UntilBeat(time.Now(), alertIdle)
		}
		if !wait(ctx, every) {
			return nil
		}
	}
}

// look looks at the station once, and sends the alerts that are due.
func (a *alerts) look(ctx context.Context) {
	p, s, now := a.plan(), a.snapshot(), a.stamp(time.Now())
	switch {
	case s.Now == (station.Stamp{}): // nobody has looked at it yet
		return
	case p.Alert == nil:
		a.all = nil
	default:
		a.all = s.Alerts(a.all, now)
	}
	for i := range a.all {
		for _, way := range a.ways(p, a.all[i]) {
			if a.all[i].Due(way, now, p.Alert.After, p.Alert.Repeat) {
				a.send(ctx, p, i, way)
			}
		}
	}
	a.save(alertKept)
	a.setFault(p)
}

// ways are the ways in which an alert is sent. That a vendor cannot be reached is not sent
// by an entry for that vendor: it would arrive when all is well again. An entry that waits
// for an unknown reason (AlertWaiting) may wait for any vendor, so that is only posted.
func (a *alerts) ways(p *plan.Plan, one station.AlertState) (all []string) {
	if p.Alert.URL != "" {
		all = append(all, byPost)
	}
	if vendors := p.AlertVendors(); len(vendors) > 0 && (one.Kind == station.AlertHeld || one.Kind == station.AlertUndelivered && !slices.Contains(vendors, one.Backend)) {
		all = append(all, byEvent)
	}
	return all
}

// send makes one try. The try is counted on disk before anything is sent, so that a process
// which is restarted again and again does not send without end.
func (a *alerts) send(ctx context.Context, p *plan.Plan, i int, way string) {
	now := a.stamp(time.Now())
	again := a.all[i].Told[way].At != station.Stamp{}
	a.all[i] = a.all[i].Trying(way, now)
	a.save(0)
	m, brief := a.message(p, a.all[i], now, again)
	log := a.log.With("alert", string(a.all[i].Kind), "backend", a.all[i].Backend, "way", way)
	var err error
	if way == byPost {
		err = p.Alert.Post(ctx, m, a.log)
	} else {
		err = a.recordEvent(brief)
	}
	switch {
	case err != nil && ctx.Err() != nil: // the station stops, and the try counts
	case err != nil:
		a.errors[way] = err.Error()
		log.Warn("an alert was not told", "try", a.all[i].Told[way].Tries, "of", station.MostAlertTries, "error", err)
	default:
		delete(a.errors, way)
		a.all[i] = a.all[i].ToldNow(way, now)
		log.Info("an alert was told", "text", m.Text)
	}
	a.save(0)
}

// recordEvent sends an alert as an event of the station's own, which a binding makes an entry
// of. Its text is cut to the length that a binding's value may have.
func (a *alerts) recordEvent(text string) error {
	if runes := []rune(text); len(runes) > station.LongestValue {
		text = string(runes[:station.LongestValue-1]) + "…"
	}
	done, err := a.record(station.Event{
		ID: station.NewID(), Source: station.FromStation, Kind: station.Alert,
		Data: map[string]string{station.DataAlert: text},
		At:   a.stamp(time.Now()),
	})
	switch {
	case err != nil:
		return err
	case len(done.Entries) > 0, done.Retried != "", done.Note.Kind == station.NoteAlready, done.Note.Kind == station.NoteAsked:
		return nil
	}
	return errors.New("the binding of station.alert made nothing of it: " + strings.TrimSpace(string(done.Note.Kind)+" "+done.Note.Text))
}

// message puts an alert in words. brief is a sentence without the vendor's own words, for an
// entry that goes to another vendor.
func (a *alerts) message(p *plan.Plan, one station.AlertState, now station.Stamp, again bool) (m alert.Message, brief string) {
	s := a.snapshot()
	long := one.For(now)
	m = alert.Message{
		Station: p.Station.Name, What: one.Kind, Backend: one.Backend, Again: again,
		Minutes: int(long / time.Minute), Held: s.Held, Waiting: s.Waiting,
	}
	when := fmt.Sprintf("for %d min", m.Minutes)
	if now.Trusted {
		since := now.Wall.Add(-long).In(p.Zone).Truncate(time.Second)
		m.Since, when = &since, "since "+since.Format("2006-01-02 15:04")
	}
	if one.Kind == station.AlertWaiting {
		m.Text = fmt.Sprintf("%s: the oldest of %d that wait is not delivered %s, although the vendors answer: stationd outbox ls", m.Station, m.Waiting, when)
		return m, m.Text
	}
	if one.Kind == station.AlertUndelivered {
		c := s.Health.Backends[one.Backend]
		m.Reason = terminal.OneLine(cmp.Or(c.Fault, c.Last))
		brief = fmt.Sprintf("%s: nothing can be delivered to %s %s, and %d wait", m.Station, one.Backend, when, m.Waiting)
		m.Text = brief + ": " + m.Reason
		return m, brief
	}
	noun := "entries are"
	if m.Held == 1 {
		noun = "entry is"
	}
	m.Text = fmt.Sprintf("%s: %d %s held for a person %s: stationd outbox ls", m.Station, m.Held, noun, when)
	held, err := a.held()
	if err != nil {
		a.log.Warn("what is held could not be read for an alert", "error", err)
	}
	for _, e := range held {
		if e.Condition == station.Held {
			m.Entries = append(m.Entries, alert.Entry{ID: e.ID, Lane: e.Lane, Verb: e.Verb, Hold: e.Hold, Reason: terminal.OneLine(e.Reason)})
		}
	}
	return m, m.Text
}

// checkKey checks that the key of the address can be read, so that a person is told before
// it is needed.
func (a *alerts) checkKey(p *plan.Plan) {
	if now := time.Now(); now.Sub(a.keyAt) >= alertKeyEvery {
		a.keyAt, a.keyErr = now, nil
		if p.Alert != nil && p.Alert.Key.Given() {
			_, a.keyErr = p.Alert.Key.Read()
		}
	}
}

// setFault sets or clears the fault of the alerts: the key cannot be read, the tries have
// failed, or what was sent cannot be written down.
func (a *alerts) setFault(p *plan.Plan) {
	text := ""
	if a.checkKey(p); a.keyErr != nil && p.Alert != nil {
		text = fmt.Sprintf("nobody could be told: %v; see [alert] in %s", a.keyErr, p.Path)
	}
	for _, one := range a.all {
		for _, way := range a.ways(p, one) {
			if one.Told[way].Tries >= station.MostAlertTries {
				text = fmt.Sprintf("nobody was told that something is %s, in %d tries: %s; see [alert] in %s", one.Kind, station.MostAlertTries, a.errors[way], p.Path)
			}
		}
	}
	if a.saveErr != nil {
		text = fmt.Sprintf("what was told is not remembered, and a restart tells it again: %v", a.saveErr)
	}
	if text != "" || a.shown || p.Alert != nil {
		a.shown = true
		a.fault(text)
	}
}

// load reads what an earlier process has told already. Without the file, or with one that
// cannot be read, nothing counts as told.
func (a *alerts) load() {
	text, err := os.ReadFile(a.path)
	if err == nil {
		err = json.Unmarshal(text, &a.all)
	}
	if err != nil {
		a.all = nil
		if !errors.Is(err, fs.ErrNotExist) {
			a.log.Warn("what was told before is not known", "error", err)
		}
		return
	}
	a.written = text
}

// save writes down the alerts that have lasted for so long or were sent, unless the file has
// them already.
func (a *alerts) save(long time.Duration) {
	now := a.stamp(time.Now())
	kept := []station.AlertState{}
	for _, one := range a.all {
		if len(one.Told) > 0 || one.For(now) >= long {
			kept = append(kept, one)
		}
	}
	text, err := json.Marshal(kept)
	if err == nil && (bytes.Equal(text, a.written) || len(kept) == 0 && a.written == nil) {
		return
	}
	if err == nil {
		err = atomicfile.Replace(a.path, text, 0o600)
	}
	if a.saveErr = err; err == nil {
		a.written = text
	}
}
