package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"stationd/internal/station"
)

// This file has a station's end of what persons of the plant ask of it over the engine: a
// question is a request as the control socket takes, and its answer is the station's. Nothing
// of it goes by a relay, and nothing is kept for later.
//
//	sd.see.STATION.PERSON.ASK       a person to a station: what changes nothing
//	sd.decide.STATION.PERSON.ASK    a person to a station: a decision
//	sd.told.PERSON.STATION.ASK      the station to that person: the answer
//
// The engine sees to it that a person asks under their own name alone, and decides only where
// they may (docs/relay.md), so that the station knows by the subject who asks.
//
//	{"v":1,"method":"GET","path":"/status","wait":5000000000}
//	{"v":1,"status":200,"type":"application/json","body":"{…}"}

const (
	seeSubject    = "sd.see."
	decideSubject = "sd.decide."
	toldSubject   = "sd.told."

	mostQuestion  = 64 << 10  // bytes of a question
	mostTold      = 512 << 10 // bytes of the body of its answer
	mostQuestions = 16        // that wait at a station

	// questionTime limits how long a station works at a question: doctor takes longest.
	questionTime = 90 * time.Second

	// eventHeader is the one header of a request that goes over the wire.
	eventHeader = "Stationd-Event"
)

// Answerers is how many questions of persons a station answers at once. Each needs a goroutine
// in AnswerPersons.
const Answerers = 3

// A question is a request on the wire.
type question struct {
	Version int    `json:"v"`
	Method  string `json:"method"`
	Path    string `json:"path"` // with its query
	Event   string `json:"event,omitempty"`
	Body    string `json:"body,omitempty"`

	// Wait is how long the person waits: what the station comes to later it does not do.
	Wait time.Duration `json:"wait,omitempty"`
}

// An asked is a question that waits at a station.
type asked struct {
	*nats.Msg
	came time.Time
}

// A told is an answer to a question.
type told struct {
	Version int    `json:"v"`
	Status  int    `json:"status"`
	Type    string `json:"type,omitempty"`
	Body    string `json:"body,omitempty"`
}

// refusalOf is an answer as the control socket refuses.
func refusalOf(status int, why string) told {
	body, _ := json.Marshal(map[string]string{"error": why}) // of strings alone
	return told{Version: Version, Status: status, Type: "application/json", Body: string(body)}
}

// A Person is who asks over the engine.
type Person struct {
	Name    string
	Decides bool // the engine let it through as a decision
}

// personKey is the key of the person in the context of a request.
type personKey struct{}

// PersonOf returns who asks, of a request that AnswerPersons hands to its handler.
func PersonOf(ctx context.Context) (p Person, known bool) {
	p, known = ctx.Value(personKey{}).(Person)
	return p, known
}

// subscribePersons begins to hear what persons ask of this station. Who has the station's name at
// the engine and answers nobody, as doctor beside a station that runs, must not hear it.
func (l *Link) subscribePersons() error {
	for _, kind := range []string{seeSubject, decideSubject} {
		if _, err := l.conn.Subscribe(kind+l.Station+".*.*", l.notePerson); err != nil {
			return fmt.Errorf("relay: what people ask is not heard: %w", err)
		}
	}
	return nil
}

// notePerson takes up what a person asks. It does not block.
func (l *Link) notePerson(m *nats.Msg) {
	select {
	case l.questions <- asked{m, time.Now()}:
	default:
		l.tell(m, refusalOf(http.StatusServiceUnavailable, "the station is being asked too much already: ask again later"))
	}
}

// asker is who asks a question, and by which name of it; false where the subject or the place
// for the answer is not as it must be.
func (l *Link) asker(m *nats.Msg) (Person, bool) {
	part := strings.Split(m.Subject, ".") // sd.see.STATION.PERSON.ASK
	if len(part) != 5 || m.Reply != toldSubject+part[3]+"."+l.Station+"."+part[4] {
		return Person{}, false
	}
	return Person{Name: part[3], Decides: strings.HasPrefix(m.Subject, decideSubject)}, true
}

// tell answers a question.
func (l *Link) tell(m *nats.Msg, a told) {
	if _, known := l.asker(m); !known {
		return
	}
	text, err := json.Marshal(a)
	if err == nil {
		err = l.conn.Publish(m.Reply, text)
	}
	if err != nil {
		l.Log.Info("a person's question is not answered", "subject", m.Subject, "error", err)
	}
}

// AnswerPersons answers what persons ask of this station with handler, one question after the
// other, until ctx is done; then it returns nil. The handler finds who asks by PersonOf. An error
// is that of a connection that was closed.
func (l *Link) AnswerPersons(ctx context.Context, handler http.Handler) error {
	if err := l.hearPersons(); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-l.questions:
			if by, known := l.asker(m.Msg); known {
				if a, answered := l.answerPerson(ctx, by, m, handler); answered {
					l.tell(m.Msg, a)
				}
			}
		}
	}
}

// answerPerson has one question answered; answered is false where nobody waits for it any more.
func (l *Link) answerPerson(ctx context.Context, by Person, m asked, handler http.Handler) (a told, answered bool) {
	var q question
	if len(m.Data) > mostQuestion || json.Unmarshal(m.Data, &q) != nil {
		return refusalOf(http.StatusBadRequest, "the station cannot read the question"), true
	}
	if q.Version < Least || q.Version > Version {
		return refusalOf(http.StatusBadRequest, fmt.Sprintf("the station understands the versions %d to %d of questions, and this is %d: update the older", Least, Version, q.Version)), true
	}
	if q.Method != http.MethodGet && !by.Decides {
		return refusalOf(http.StatusForbidden, "nothing was done: it was asked as a question, and is a decision"), true
	}
	limit := questionTime
	if q.Wait > 0 {
		limit = min(limit, q.Wait-time.Since(m.came))
	}
	if limit <= 0 {
		return told{}, false
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, personKey{}, by), limit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, q.Method, "http://station.invalid"+q.Path, strings.NewReader(q.Body))
	if err != nil {
		return refusalOf(http.StatusBadRequest, "the station cannot read the question"), true
	}
	if q.Event != "" {
		r.Header.Set(eventHeader, q.Event)
	}
	w := &answerWriter{header: make(http.Header), status: http.StatusOK}
	defer func() {
		if why := recover(); why != nil { // as net/http does: a question ends no station
			l.Log.Error("a person's question could not be answered", "person", by.Name, "path", station.OneLine(q.Path, 100), "panic", fmt.Sprint(why), "stack", string(debug.Stack()))
			a, answered = refusalOf(http.StatusInternalServerError, "the station failed at it; its log says how"), true
		}
	}()
	handler.ServeHTTP(w, r)
	if w.over {
		return refusalOf(http.StatusInsufficientStorage, fmt.Sprintf("the answer has more than %d kB: ask for less, or at the station itself", mostTold>>10)), true
	}
	return told{Version: q.Version, Status: w.status, Type: w.header.Get("Content-Type"), Body: w.body.String()}, true
}

// An answerWriter keeps an answer, up to a size.
type answerWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
	over   bool // there was more
}

// errOver ends an answer that is too large.
var errOver = errors.New("the answer is too large")

// Header implements http.ResponseWriter.
func (w *answerWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *answerWriter) WriteHeader(status int) { w.status = status }

// Write implements http.ResponseWriter.
func (w *answerWriter) Write(text []byte) (int, error) {
	if w.body.Len()+len(text) > mostTold {
		w.over = true
		return 0, errOver
	}
	return w.body.Write(text)
}

// KeepStatus has the engine keep what the station says of itself, in place of what it said
// before. Nothing waits for it, and what cannot be sent now is not sent.
func (l *Link) KeepStatus(text []byte) error {
	l.mu.Lock()
	denied := l.statusDenied
	l.mu.Unlock()
	if denied || l.Station == "" {
		return nil // the log has said so
	}
	if len(text) > mostStatus {
		return fmt.Errorf("the status has %d bytes, and the engine keeps %d at most", len(text), mostStatus)
	}
	return l.conn.Publish(statusPrefix+l.Station, text)
}

// An address is where a person asks one station.
type address struct {
	fleet   *Fleet
	station string
}

// RoundTrip implements http.RoundTripper. An error that wraps ErrAway says that certainly
// nobody was asked.
func (a address) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(io.LimitReader(r.Body, mostQuestion+1))
		if err = errors.Join(err, r.Body.Close()); err != nil {
			return nil, err
		}
	}
	got := a.fleet.ask(r.Context(), []string{a.station}, question{Method: r.Method, Path: r.URL.RequestURI(), Event: r.Header.Get(eventHeader), Body: string(body)})
	one := got[a.station]
	if one.err != nil {
		return nil, one.err
	}
	return one.told.response(r), nil
}

// response is the answer as one of HTTP.
func (t told) response(r *http.Request) *http.Response {
	return &http.Response{
		StatusCode: t.Status, Status: fmt.Sprintf("%d %s", t.Status, http.StatusText(t.Status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {station.OneLine(t.Type, 100)}}, ContentLength: int64(len(t.Body)),
		Body: io.NopCloser(strings.NewReader(t.Body)),
	}
}
