package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"stationd/internal/station"
)

// ErrAway is wrapped by the error of what was asked of a station that certainly did not get
// it: it is not at the engine, or the engine is not reached.
var ErrAway = errors.New("the station is away")

// What stations say of themselves is kept in the engine, the last of each, for a month. A
// station that is away is shown by it.
const (
	statusBucket = "sd-status"
	statusPrefix = "$KV." + statusBucket + "."
	mostStatus   = 16 << 10
	statusKept   = 30 * 24 * time.Hour

	// statusTime limits a read of all of them.
	statusTime = 10 * time.Second
)

// A FleetSetting is what a Fleet needs to know.
type FleetSetting struct {
	Person string // who asks, checked by CheckName
	Engine Engine // checked
	Log    *slog.Logger
}

// A Fleet is a person's end of the way to the stations of a plant. Its methods may be called
// by several goroutines at once.
type Fleet struct {
	FleetSetting
	conn *nats.Conn

	mu      sync.Mutex // guards what follows
	waiting map[string]chan heard
	denied  string // what the engine does not let this person hear; "": nothing
	unread  string // what it does not let them ask of what it keeps; "": nothing
}

// heard is what came of a question.
type heard struct {
	station string
	told    told
	err     error
}

// DialFleet returns a Fleet, which connects as soon as the engine is there. An error is that of
// a file. It is closed with Close.
func DialFleet(s FleetSetting) (*Fleet, error) {
	f := &Fleet{FleetSetting: s, waiting: make(map[string]chan heard)}
	conn, err := s.Engine.connect("person "+s.Person, s.Log, func() { f.endAll("the connection to the engine was lost before the answer came") },
		nats.CustomInboxPrefix("sd.inbox."+s.Person),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { f.noteError(err) }))
	if err != nil {
		return nil, err
	}
	f.conn = conn
	_, err = conn.Subscribe(toldSubject+s.Person+".*.*", f.noteTold)
	if err == nil {
		_, err = conn.Subscribe(doneSubject+s.Person+".*", f.noteTold)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("fleet: %w", err)
	}
	return f, nil
}

// Close ends the connection.
func (f *Fleet) Close() { f.conn.Close() }

// Await waits until the engine is reached, or ctx ends, which is an error.
func (f *Fleet) Await(ctx context.Context) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !f.conn.IsConnected() {
		select {
		case <-ctx.Done():
			why := f.conn.LastError()
			if why == nil {
				why = ctx.Err()
			}
			return fmt.Errorf("the engine %s is not reached: %w", strings.Join(f.Engine.Servers, ", "), why)
		case <-look.C:
		}
	}
	return nil
}

// endAll gives up what was asked.
func (f *Fleet) endAll(why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, to := range f.waiting {
		end(to, heard{err: errors.New(why)})
	}
}

// end hands over what was heard. A question of many stations has room for all answers.
func end(to chan heard, h heard) {
	select {
	case to <- h:
	default: // it has ended
	}
}

// noteError takes up what the engine says by itself: what it does not let this person ask.
func (f *Fleet) noteError(err error) {
	said := denied().FindStringSubmatch(err.Error())
	f.Log.Debug("the engine complains", "error", err)
	if said == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !strings.EqualFold(said[1], "publish") {
		f.denied = said[2]
		for _, to := range f.waiting {
			end(to, heard{err: fmt.Errorf("the engine does not let %s hear answers: give them the permission to subscribe to %s", f.Person, said[2])})
		}
		return
	}
	if strings.HasPrefix(said[2], "$JS.") {
		f.unread = said[2]
		return
	}
	part := strings.Split(said[2], ".")
	to := f.waiting[part[len(part)-1]]
	if to == nil {
		return
	}
	h := heard{err: fmt.Errorf("%w for %s: the engine does not let them publish %s", ErrNotAllowed, f.Person, said[2][:strings.LastIndexByte(said[2], '.')+1]+"*")}
	if len(part) == 5 {
		h.station = part[2]
	}
	end(to, h)
}

// ErrNotAllowed is wrapped by the error of what the engine does not let a person ask: no station got it.
var ErrNotAllowed = errors.New("it is not allowed")

// noteTold hands an answer to whoever waits for it.
func (f *Fleet) noteTold(m *nats.Msg) {
	part := strings.Split(m.Subject, ".") // sd.told.PERSON.STATION.ASK, sd.done.PERSON.ASK
	f.mu.Lock()
	to := f.waiting[part[len(part)-1]]
	f.mu.Unlock()
	if to == nil {
		return
	}
	h := heard{}
	if len(part) == 5 {
		h.station = part[3]
	}
	switch {
	case len(m.Data) == 0 && m.Header.Get("Status") == "503":
		h.err = ErrAway
	case json.Unmarshal(m.Data, &h.told) != nil:
		h.err = errors.New("its answer cannot be read")
	case h.told.Version < Least || h.told.Version > Version:
		h.err = fmt.Errorf("it answers in version %d, and this program understands %d to %d: update the older", h.told.Version, Least, Version)
	}
	end(to, h)
}

// expect makes room for the answers to one question.
func (f *Fleet) expect(answers int) (id string, to chan heard, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.denied != "" {
		return "", nil, fmt.Errorf("the engine does not let %s hear %s", f.Person, f.denied)
	}
	id, to = string(station.NewID()), make(chan heard, answers+1)
	f.waiting[id] = to
	return id, to, nil
}

func (f *Fleet) forget(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waiting, id)
}

// ask asks stations the same, each once, and returns what each came to, until ctx ends.
func (f *Fleet) ask(ctx context.Context, stations []string, q question) map[string]heard {
	got := make(map[string]heard)
	failed := func(err error) map[string]heard {
		for _, name := range stations {
			if _, has := got[name]; !has {
				got[name] = heard{station: name, err: err}
			}
		}
		return got
	}
	q.Version = Version
	if until, limited := ctx.Deadline(); limited {
		q.Wait = time.Until(until)
	}
	text, err := json.Marshal(q)
	if err == nil && len(text) > mostQuestion {
		err = fmt.Errorf("the question has more than %d kB", mostQuestion>>10)
	}
	if err != nil {
		return failed(err)
	}
	id, to, err := f.expect(len(stations))
	if err != nil {
		return failed(err)
	}
	defer f.forget(id)
	kind := seeSubject
	if q.Method != http.MethodGet {
		kind = decideSubject
	}
	for _, name := range stations {
		m := &nats.Msg{Subject: kind + name + "." + f.Person + "." + id, Reply: toldSubject + f.Person + "." + name + "." + id, Data: text}
		if err := f.conn.PublishMsg(m); err != nil {
			h := heard{station: name, err: fmt.Errorf("the engine is not reached: %w", err)}
			if unsent(err) {
				h.err = fmt.Errorf("%w: %w", ErrAway, h.err)
			}
			got[name] = h
		}
	}
	for len(got) < len(stations) {
		select {
		case h := <-to:
			if h.station == "" {
				return failed(h.err)
			}
			got[h.station] = h
		case <-ctx.Done():
			return failed(fmt.Errorf("no answer came: %w", ctx.Err()))
		}
	}
	return got
}

// Station returns the way to one station, as that of an http.Client. A request to a station
// that is away fails with an error that wraps ErrAway.
func (f *Fleet) Station(name string) http.RoundTripper { return address{f, name} }

// A Reply is what a station answered.
type Reply struct {
	Body []byte
	Err  error // it wraps ErrAway where the station certainly was not asked
}

// Read asks stations the same question at once and returns what each came to, at the latest
// when ctx ends. Path is one of the control socket's.
func (f *Fleet) Read(ctx context.Context, stations []string, path string) map[string]Reply {
	all := make(map[string]Reply)
	for name, h := range f.ask(ctx, stations, question{Method: http.MethodGet, Path: path}) {
		r := Reply{Body: []byte(h.told.Body), Err: h.err}
		if r.Err == nil && h.told.Status != http.StatusOK {
			var no struct {
				Error string `json:"error"`
			}
			_ = json.Unmarshal(r.Body, &no) // then it has no words
			r.Err = errors.New(station.OneLine(no.Error, mostText))
			if no.Error == "" {
				r.Err = fmt.Errorf("it answers %d: is it of another version?", h.told.Status)
			}
		}
		all[name] = r
	}
	return all
}

// A KeptStatus is what a station said last of itself, as the engine keeps it.
type KeptStatus struct {
	Station string
	Text    []byte
	At      time.Time // by the engine's clock
	Age     time.Duration
}

// Statuses returns what each station of the plant said last, by their names; none where the
// engine has kept nothing yet.
func (f *Fleet) Statuses(ctx context.Context) ([]KeptStatus, error) {
	all, err := statuses(ctx, f.conn)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil && f.denied != "":
		err = fmt.Errorf("the engine does not let %s hear %s", f.Person, f.denied)
	case err != nil && f.unread != "":
		err = fmt.Errorf("the engine does not let %s publish %s: %w", f.Person, f.unread, err)
	}
	return all, err
}

// Statuses returns what each station of the plant said last, as Fleet.Statuses.
func (r *Relay) Statuses(ctx context.Context) ([]KeptStatus, error) { return statuses(ctx, r.conn) }

// statuses reads everything that is kept now. How old it is the engine's clock alone says: by it
// a status is stamped, and so is the beginning of this read.
func statuses(ctx context.Context, conn *nats.Conn) (_ []KeptStatus, err error) {
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	defer func() {
		if err != nil {
			err = fmt.Errorf("what stations said last cannot be read: %w", err)
		}
	}()
	js, err := conn.JetStream(nats.MaxWait(statusTime / 2))
	if err != nil {
		return nil, err
	}
	sub, err := js.SubscribeSync(statusPrefix+">", nats.BindStream("KV_"+statusBucket), nats.OrderedConsumer(), nats.DeliverLastPerSubject(), nats.Context(ctx))
	if errors.Is(err, nats.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }() // it is read
	read, err := sub.ConsumerInfo()
	if err != nil {
		return nil, err
	}
	last := make(map[string]KeptStatus)
	for left := read.NumPending + read.Delivered.Consumer; left > 0; left-- {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, err
		}
		kept, err := m.Metadata()
		if err != nil {
			return nil, err
		}
		if name := strings.TrimPrefix(m.Subject, statusPrefix); hasNameForm(name) && len(m.Data) <= mostStatus {
			last[name] = KeptStatus{Station: name, Text: m.Data, At: kept.Timestamp, Age: max(read.Created.Sub(kept.Timestamp), 0)}
		}
		if kept.NumPending == 0 { // what was said anew meanwhile took the place of what was counted
			break
		}
	}
	return slices.SortedFunc(maps.Values(last), func(a, b KeptStatus) int { return strings.Compare(a.Station, b.Station) }), nil
}

// Revoked returns which stations the relays refuse.
func (f *Fleet) Revoked(ctx context.Context) (map[string]Revocation, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	js, err := f.conn.JetStream(nats.MaxWait(statusTime / 2))
	if err != nil {
		return nil, err
	}
	all, _, err := revokedIn(js)
	if err != nil {
		return nil, fmt.Errorf("which stations are refused cannot be read: %w", err)
	}
	return all, nil
}

// Revoke has the relays refuse a station from now on, or, with allow, no longer. It waits for
// the relay that leads to have written it down.
func (f *Fleet) Revoke(ctx context.Context, name string, allow bool) error {
	id, to, err := f.expect(1)
	if err != nil {
		return err
	}
	defer f.forget(id)
	text, err := json.Marshal(revokeQuestion{Version: Version, Station: name, Allow: allow})
	if err != nil {
		return err
	}
	m := &nats.Msg{Subject: revokeSubject + f.Person + "." + id, Reply: doneSubject + f.Person + "." + id, Data: text}
	if err := f.conn.PublishMsg(m); err != nil {
		return fmt.Errorf("the engine is not reached: %w", err)
	}
	select {
	case h := <-to:
		switch {
		case errors.Is(h.err, ErrAway):
			return errors.New("nothing was done: no relay leads, which would have to refuse it")
		case h.err != nil:
			return h.err
		case h.told.Status != http.StatusOK:
			return errors.New(station.OneLine(h.told.Body, mostText))
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("no answer came: it may be done, and may be asked again: %w", ctx.Err())
	}
}
