package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"stationd/internal/api"
	"stationd/internal/station"
)

const (
	// beat is how often the relay that leads announces itself.
	beat = time.Second

	// silence is how long the relay may be unheard before nothing is asked of it.
	silence = 3500 * time.Millisecond

	// lossTime is how long it may be unheard before what was asked of it is given up.
	lossTime = 5 * time.Second

	// askTime limits an ask: the relay begins nothing after Patience, and one request to the
	// vendor ends after that at the latest.
	askTime = Patience + api.LookTime + 2*api.ConnectTime + api.ResponseTime + 5*time.Second

	// mostPending is how many asks a station may have under way at once.
	mostPending = 64

	// mostTerms is how many terms are remembered, so that an old one is not taken for new.
	mostTerms = 16
)

// A LinkSetting is what a Link needs to know.
type LinkSetting struct {
	Station string // its name, checked by CheckName; "": it only listens who leads
	Engine  Engine // checked
	Zone    *time.Location
	Log     *slog.Logger

	// Heard is called when a relay is heard that was not before; nil: nobody. It must not
	// block.
	Heard func()
}

// A Link is a station's end of the way to the relay of its plant. Its methods may be called
// by several goroutines at once.
type Link struct {
	LinkSetting
	conn            *nats.Conn
	version, oldest int        // of the wire
	questions       chan asked // of persons
	hearPersons     func() error

	mu        sync.Mutex // guards what follows
	leader    announcement
	heard     time.Time // when the leader announced itself last; zero: never
	terms     []string  // that were heard, the last one last
	pending   map[string]*pending
	forbidden string // why the engine lets this station hear no answers; "": it does

	statusDenied bool // the engine does not take what the station says of itself
}

// A pending is an ask that waits for its answer.
type pending struct {
	term string
	file []byte      // the parts that came of one
	done chan result // of room for one: the first that comes counts
}

// A result is what came of an ask.
type result struct {
	answer answer
	sent   bool // the relay may have got it
	err    error
}

func (p *pending) end(r result) {
	select {
	case p.done <- r:
	default: // it has ended
	}
}

// Dial returns a Link, which connects as soon as the engine is there. An error is that of a
// file; one that is the key's wraps api.ErrKeyUnusable. It is closed with Close.
func Dial(s LinkSetting) (*Link, error) {
	l := &Link{LinkSetting: s, version: Version, oldest: Least, pending: make(map[string]*pending), questions: make(chan asked, mostQuestions)}
	if s.Zone == nil {
		l.Zone = time.UTC
	}
	conn, err := s.Engine.connect("station "+s.Station, s.Log, l.disconnected,
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { l.noteError(err) }),
		nats.ReconnectHandler(func(*nats.Conn) { l.connected() }), nats.ConnectHandler(func(*nats.Conn) { l.connected() }))
	if err != nil {
		return nil, err
	}
	l.conn = conn
	_, err = conn.Subscribe(leadSubject, l.noteAnnouncement)
	if err == nil && s.Station != "" {
		_, err = conn.Subscribe(answerSubject(s.Station, "*"), l.noteAnswer)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("relay: %w", err)
	}
	l.hearPersons = sync.OnceValue(l.subscribePersons)
	return l, nil
}

// Close ends the connection. Asks under way are given up.
func (l *Link) Close() { l.conn.Close() }

// connected begins anew what is known of the engine's permissions.
func (l *Link) connected() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forbidden, l.statusDenied = "", false
}

// disconnected gives up what was asked: its answer is not sent again.
func (l *Link) disconnected() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.pending {
		p.end(result{sent: true, err: errors.New("sent, and the connection to the engine was lost before the answer came")})
	}
}

// denied is how the engine says what it forbids, and to which subject.
var denied = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)permissions violation for (publish|subscription) to "([^"]+)"`)
})

// noteError takes up what the engine says by itself. An ask that it did not let through never
// reached a relay.
func (l *Link) noteError(err error) {
	said := denied().FindStringSubmatch(err.Error())
	l.Log.Warn("the engine complains", "error", err)
	if said == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch hears := !strings.EqualFold(said[1], "publish"); {
	case hears && (strings.HasPrefix(said[2], seeSubject) || strings.HasPrefix(said[2], decideSubject)):
		return // persons cannot ask it, and it delivers all the same
	case strings.HasPrefix(said[2], statusPrefix):
		l.statusDenied = true
		return
	case hears:
		l.forbidden = "the engine does not let this station hear " + said[2]
		return
	}
	id := said[2][strings.LastIndexByte(said[2], '.')+1:]
	if p := l.pending[id]; p != nil {
		p.end(result{err: fmt.Errorf("the engine does not let this station ask: give it the permission to publish sd.do.*.*.%s.*", l.Station)})
	}
}

// noteAnnouncement takes up who leads. A term that was never heard is newer than the one that
// is followed; one that was heard before is followed where the other is silent.
func (l *Link) noteAnnouncement(m *nats.Msg) {
	var a announcement
	if len(m.Data) > mostAnnouncement || json.Unmarshal(m.Data, &a) != nil || !hasNameForm(a.Term) {
		return
	}
	l.mu.Lock()
	before, wasHeard := l.leader.Term, !l.silent(silence)
	if a.Term != before {
		if wasHeard && slices.Contains(l.terms, a.Term) {
			l.mu.Unlock()
			return
		}
		if !slices.Contains(l.terms, a.Term) {
			l.terms = append(l.terms[max(0, len(l.terms)+1-mostTerms):], a.Term)
		}
		for _, p := range l.pending {
			if p.term != a.Term {
				p.end(result{sent: true, err: errors.New("sent, and another relay took over before the answer came")})
			}
		}
	}
	l.leader, l.heard = a, time.Now()
	l.mu.Unlock()
	if a.Term != before || !wasHeard {
		l.Log.Info("a relay is heard", "relay", a.Relay, "term", a.Term)
		if l.Heard != nil {
			l.Heard()
		}
	}
}

// silent reports whether no relay was heard for that long. The caller holds mu.
func (l *Link) silent(limit time.Duration) bool {
	return l.heard.IsZero() || time.Since(l.heard) > limit
}

// noteAnswer hands an answer to whoever waits for it.
func (l *Link) noteAnswer(m *nats.Msg) {
	id := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	l.mu.Lock()
	p := l.pending[id]
	l.mu.Unlock()
	if p == nil {
		return
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		p.end(result{err: errors.New("the relay that was heard last takes nothing any more")})
		return
	}
	r := result{sent: true}
	switch err := json.Unmarshal(m.Data, &r.answer); {
	case err != nil:
		r.err = errors.New("the relay's answer cannot be read")
	case r.answer.Answer != nil && len(p.file)+len(r.answer.Answer.File) > api.MostDocument:
		r.err = fmt.Errorf("the file has more than %d MB", api.MostDocument>>20)
	case r.answer.Answer != nil:
		p.file = append(p.file, r.answer.Answer.File...) // answers come one after the other
		r.answer.Answer.File = p.file
	}
	if r.answer.More && r.err == nil {
		return
	}
	p.end(r)
}

// Leader returns the name of the relay that leads, or why none can be asked.
func (l *Link) Leader() (name string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leader.Relay, l.unheard()
}

// Await waits until a relay can be asked, or ctx ends, and is Leader then.
func (l *Link) Await(ctx context.Context) (name string, err error) {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if name, err = l.Leader(); err == nil {
			return name, nil
		}
		select {
		case <-ctx.Done():
			return name, err
		case <-look.C:
		}
	}
}

// unheard is why no relay can be asked; nil when one can. The caller holds mu.
func (l *Link) unheard() error {
	switch {
	case l.forbidden != "":
		return errors.New(l.forbidden)
	case l.silent(silence) && l.heard.IsZero():
		return errors.New("no relay was heard yet")
	case l.silent(silence):
		return fmt.Errorf("no relay heard since %s", l.heard.In(l.Zone).Format("15:04"))
	case l.leader.Version < l.oldest || l.leader.Least > l.version:
		return fmt.Errorf("the relay %s speaks versions %d to %d, this station %d to %d: update the older", l.leader.Relay, l.leader.Least, l.leader.Version, l.oldest, l.version)
	}
	return nil
}

// begin takes an ask up: it says whom it goes to, and puts version and tick into it.
func (l *Link) begin(a *ask) (id string, p *pending, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.unheard(); err != nil {
		return "", nil, err
	}
	if len(l.pending) >= mostPending {
		return "", nil, errors.New("too much is asked of the relay already")
	}
	a.Version, a.Tick = min(l.version, l.leader.Version), l.leader.Tick
	id, p = string(station.NewID()), &pending{term: l.leader.Term, done: make(chan result, 1)}
	l.pending[id] = p
	return id, p, nil
}

func (l *Link) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, id)
}

// ask asks the relay once and waits for the answer. It obeys ctx.
func (l *Link) ask(ctx context.Context, backend string, a ask) result {
	if err := ctx.Err(); err != nil {
		return result{err: err}
	}
	id, p, err := l.begin(&a)
	if err != nil {
		return result{err: err}
	}
	defer l.forget(id)
	text, err := json.Marshal(a)
	if err == nil && len(text) > mostAsk {
		err = fmt.Errorf("%w: it has %d kB, and a relay takes %d at most", station.ErrMisfit, len(text)>>10, mostAsk>>10)
	}
	if err != nil {
		return result{err: err}
	}
	subject := askSubject(p.term, backend, l.Station, id)
	err = l.conn.PublishMsg(&nats.Msg{Subject: subject, Reply: answerSubject(l.Station, id), Data: text})
	if err != nil {
		return result{err: fmt.Errorf("the engine is not reached: %w", err), sent: !unsent(err)}
	}
	r := l.await(ctx, p)
	if r.sent && r.err != nil {
		l.giveUp(subject, a.Version)
	}
	return r
}

// await waits for what comes of an ask that was published.
func (l *Link) await(ctx context.Context, p *pending) result {
	limit := time.NewTimer(askTime)
	defer limit.Stop()
	look := time.NewTicker(beat)
	defer look.Stop()
	for {
		select {
		case r := <-p.done:
			return r
		case <-ctx.Done():
			return result{sent: true, err: fmt.Errorf("sent, and no answer came: %w", ctx.Err())}
		case <-limit.C:
			return result{sent: true, err: fmt.Errorf("sent, and no answer came for %v", askTime)}
		case <-look.C:
			l.mu.Lock()
			lost := l.silent(lossTime)
			l.mu.Unlock()
			if lost {
				return result{sent: true, err: errors.New("sent, and the relay is not heard any more")}
			}
		}
	}
}

// giveUp tells the relay that nobody waits any more: it may not have begun. That it hears of
// it is not relied on.
func (l *Link) giveUp(subject string, version int) {
	text, err := json.Marshal(ask{Version: version, Do: doEnd})
	if err != nil {
		return
	}
	if err := l.conn.Publish(subject, text); err != nil {
		l.Log.Debug("the relay was not told that an ask was given up", "error", err)
	}
}
