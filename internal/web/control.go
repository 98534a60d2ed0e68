package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// A Control is the control socket: HTTP on a unix socket, for the commands of
// whoever may open the file. It is never on TCP.
//
//	GET  /outbox?held=50&waiting=12&unknown=20  a line of JSON each; what is left out: all
//	POST /outbox/retry    {"entry": "9f86d081.1", "not_there": false, "to_current": false}
//	POST /outbox/discard  {"entry": "9f86d081.1"}
//	POST /outbox/adopt    {"old_computer_gone": true}
//	GET  /outbox/verify                       {"fault": ""}
//	GET  /outbox/entry/9f86d081….1            the Settled, within a while
//	POST /reload                              {"faults": []}
//	GET  /snapshot
//	GET  /follow/scans                        a line of JSON each, until the asker goes
//	GET  /read/l2l/dispatches?machine=SEAL-1  a station.Answer, or the file itself
//	POST /ask             {"backend": "l2l", "verb": "dispatch.open", "with": {…}}
//	GET  /call                                the open calls
//	POST /call/close      {"call": "90017"}
//
// A command that brings the ID of its event along in the header Stationd-Event is
// recorded once, however often it is given.
//
// A refusal is {"error": "why, in a sentence"} with a status of 400 or above.
type Control struct {
	path     string
	desk     Desk
	log      *slog.Logger
	listener *limitedListener

	following chan struct{} // has room for as many as may follow at once
}

// mostFollowers is how many may look on at once.
const mostFollowers = 4

// OpenControl listens on a new socket at path, which the owner and the group may
// open. What a stationd that was killed left there is put away; where one still
// answers, that is an error. The folder must exist.
func OpenControl(path string, desk Desk, log *slog.Logger) (*Control, error) {
	if err := clearAway(path); err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if errors.Is(err, unix.EINVAL) {
		return nil, fmt.Errorf("control socket %s: the path is too long for a socket, which may have 107 bytes: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, fmt.Errorf("control socket: %w", errors.Join(err, listener.Close()))
	}
	return &Control{path: path, desk: desk, log: log, listener: limited(listener, log), following: make(chan struct{}, mostFollowers)}, nil
}

// clearAway removes a socket at path that nobody answers. It removes nothing but
// a socket.
func clearAway(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("something is there that is no socket: move it away")
	}
	conn, err := net.DialTimeout("unix", path, time.Second) //nolint:noctx // it ends within a second
	if err == nil {
		conn.Close()
		return errors.New("another stationd answers there: stop that one first")
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// Run answers until ctx is done, removes the socket and returns nil. It may be
// called once.
func (c *Control) Run(ctx context.Context) error {
	server := newServer(ctx, c.handler(), c.log)
	server.ConnContext = withPeer
	server.ConnState = c.listener.noteState
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(c.listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("control socket %s: %w", c.path, err)
	case <-ctx.Done():
		return stop(ctx, server)
	}
}

// peerKey is the key of the peer's name in a connection's context.
type peerKey struct{}

// withPeer notes who is at the other end: the kernel says so, not the peer
// (SO_PEERCRED, see unix(7)).
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	if uid, err := peer(conn); err == nil {
		return context.WithValue(ctx, peerKey{}, fmt.Sprintf("uid:%d", uid))
	}
	return ctx
}

func peer(conn net.Conn) (uid uint32, err error) {
	if c, ok := conn.(*limitedConn); ok {
		conn = c.Conn
	}
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, errors.New("this is no unix socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, failed); err != nil {
		return 0, err
	}
	return cred.Uid, nil
}

// mostAsked is the size of a question in bytes: a list of parts may be long.
const mostAsked = 128 << 10

func (c *Control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /outbox", c.list)
	mux.HandleFunc("POST /outbox/retry", c.decision(station.VerbRetry))
	mux.HandleFunc("POST /outbox/discard", c.decision(station.VerbDiscard))
	mux.HandleFunc("POST /outbox/adopt", c.adopt)
	mux.HandleFunc("GET /outbox/verify", c.verify)
	mux.HandleFunc("GET /outbox/entry/{entry}", c.settled)
	mux.HandleFunc("POST /reload", c.reload)
	mux.HandleFunc("GET /snapshot", c.snapshot)
	mux.HandleFunc("GET /follow/{what}", c.follow)
	mux.HandleFunc("GET /read/{backend}/{name}", c.read)
	mux.HandleFunc("POST /ask", c.ask)
	mux.HandleFunc("GET /call", c.calls)
	mux.HandleFunc("POST /call/close", c.closeCall)
	return http.MaxBytesHandler(mux, mostAsked)
}

// list streams the outbox, and ends with the totals: a list without them broke off.
//
//	{"entry":{"id":"9f86….1",…}}
//	{"kept":{"id":"feed…",…}}
//	{"totals":{"waiting":50000,"held":1,"unknown":0,"notices":0}}
func (c *Control) list(w http.ResponseWriter, r *http.Request) {
	limit := station.NoLimit()
	for name, most := range map[string]*int{"held": &limit.Held, "waiting": &limit.Waiting, "unknown": &limit.Unknown} {
		if said := r.URL.Query().Get(name); said != "" {
			n, err := strconv.Atoi(said)
			if err != nil {
				c.refuse(w, http.StatusBadRequest, fmt.Errorf("%s=%s is no number", name, said))
				return
			}
			*most = n
		}
	}
	w.Header().Set("Content-Type", "application/jsonl")
	out := json.NewEncoder(w)
	totals, err := c.desk.List(limit,
		func(e station.Standing) error { return out.Encode(outboxLine{Entry: &e}) },
		func(ev station.Event) error { return out.Encode(outboxLine{Kept: &ev}) })
	last := outboxLine{Totals: &totals}
	if err != nil {
		last = outboxLine{Error: err.Error()}
	}
	if err := out.Encode(last); err != nil {
		c.log.Debug("a list did not reach the command line", "error", err)
	}
}

// follow streams what the readers or the buttons do. Who does not read what is sent is
// let go.
func (c *Control) follow(w http.ResponseWriter, r *http.Request) {
	what := r.PathValue("what")
	if c.desk.Follow == nil || what != "scans" && what != "pins" {
		c.refuse(w, http.StatusNotFound, fmt.Errorf("%q is nothing that can be followed", what))
		return
	}
	select {
	case c.following <- struct{}{}:
		defer func() { <-c.following }()
	default:
		c.refuse(w, http.StatusServiceUnavailable, fmt.Errorf("%d look on already: end one of them first", mostFollowers))
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	control := http.NewResponseController(w)
	out := json.NewEncoder(w)
	send := func(line any) error {
		_ = control.SetWriteDeadline(time.Now().Add(sendWithin)) // an error shows in the write
		return errors.Join(out.Encode(line), control.Flush())
	}
	if err := c.desk.Follow(r.Context(), what, send); err != nil {
		c.log.Debug("somebody who looked on is gone", "what", what, "error", err)
	}
}

// decision takes a person's decision about one entry, or one kept scan.
func (c *Control) decision(verb string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var asked named
		who, ok := c.asks(w, r, &asked)
		if !ok {
			return
		}
		if _, before := c.desk.Recorded(who.event, verb); before { // the entry may be gone since
			c.answer(w, http.StatusOK, decided{Entry: station.ID(asked.Entry), Event: who.event, Repeated: true})
			return
		}
		id, status, err := c.meant(asked.Entry)
		if err != nil {
			c.refuse(w, status, err)
			return
		}
		before, _, err := c.desk.Standing(id) // an unknown scan stands nowhere
		if err != nil {
			c.refuse(w, http.StatusInternalServerError, err)
			return
		}
		var said []string
		if asked.NotThere {
			said = append(said, station.NotThere)
		}
		if asked.ToCurrent {
			said = append(said, station.ToCurrent)
		}
		if err := c.desk.decide(station.FromCommand, verb, id, who, c.log, said...); err != nil {
			c.refuse(w, http.StatusConflict, err)
			return
		}
		c.answer(w, http.StatusOK, decided{Entry: id, Event: who.event, Looks: before.Doubtful && !asked.NotThere && verb == station.VerbRetry})
	}
}

// adopt puts back everything that is held because the outbox is a copy.
func (c *Control) adopt(w http.ResponseWriter, r *http.Request) {
	var said adoption
	who, ok := c.asks(w, r, &said)
	if !ok {
		return
	}
	if !said.OldComputerGone {
		c.refuse(w, http.StatusBadRequest, errors.New("nothing was done: while anybody still has the original it may be delivered from there"))
		return
	}
	n, err := c.desk.Adopt()
	c.log.Info("a person adopted what is held as a copy: it is looked up, and then sent", "entries", n, "by", who.by, "error", err)
	if err != nil {
		c.refuse(w, http.StatusConflict, err)
		return
	}
	c.answer(w, http.StatusOK, adoptedNow{n})
}

// asks reads who asks and what. Where that cannot be done it answers, and ok is
// false.
func (c *Control) asks(w http.ResponseWriter, r *http.Request, question any) (who asker, ok bool) {
	who = asker{event: station.ID(r.Header.Get(eventHeader))}
	if who.by, ok = r.Context().Value(peerKey{}).(string); !ok {
		c.refuse(w, http.StatusForbidden, errors.New("the kernel does not say who asks"))
		return asker{}, false
	}
	switch {
	case who.event == "":
		who.event = station.NewID()
	case !who.event.OfEvent():
		c.refuse(w, http.StatusBadRequest, fmt.Errorf("%q is no ID of an event: it has 32 hexadecimal digits", who.event))
		return asker{}, false
	}
	if err := json.NewDecoder(r.Body).Decode(question); err != nil {
		c.refuse(w, http.StatusBadRequest, fmt.Errorf("the question cannot be read: %w", err))
		return asker{}, false
	}
	return who, true
}

// ask takes what a person asks a vendor to do.
func (c *Control) ask(w http.ResponseWriter, r *http.Request) {
	var question station.Asking
	if who, ok := c.asks(w, r, &question); ok {
		c.tell(w)(c.desk.ask(question, who, c.log))
	}
}

func (c *Control) calls(w http.ResponseWriter, _ *http.Request) {
	c.answer(w, http.StatusOK, append([]station.Call{}, c.desk.State().Calls...)) // none is an empty list
}

// closeCall closes a call.
func (c *Control) closeCall(w http.ResponseWriter, r *http.Request) {
	var question namedCall
	who, ok := c.asks(w, r, &question)
	if !ok {
		return
	}
	if done, before := c.desk.Recorded(who.event, station.Close); before { // the call may be over since
		c.tell(w)(c.desk.askedBefore(done))
		return
	}
	c.tell(w)(c.desk.closeCall(station.FromCommand, question.Call, who, c.log))
}

// tell answers with what came of something.
func (c *Control) tell(w http.ResponseWriter) func(Asked, error) {
	return func(asked Asked, err error) {
		if err != nil {
			c.refuse(w, http.StatusConflict, err)
			return
		}
		c.answer(w, http.StatusOK, asked)
	}
}

// read puts a question to a vendor. It waits for its turn in the pace, so it may
// take longer than other questions.
func (c *Control) read(w http.ResponseWriter, r *http.Request) {
	with := make(map[string]string)
	for name, values := range r.URL.Query() {
		with[name] = values[0]
	}
	a, err := c.desk.Read(r.Context(), r.PathValue("backend"), r.PathValue("name"), with)
	switch {
	case err != nil:
		c.refuse(w, http.StatusBadGateway, err)
	case a.File != nil:
		w.Header().Set("Content-Type", a.Type)
		if _, err := w.Write(a.File); err != nil {
			c.log.Debug("an answer did not reach the command line", "error", err)
		}
	default:
		c.answer(w, http.StatusOK, a)
	}
}

const (
	// waitFor is how long an entry is waited for in one question.
	waitFor = 5 * time.Second
	// waitBetween is the least time between two looks at the outbox, which may be
	// long.
	waitBetween = 200 * time.Millisecond
)

// settled answers when an entry is delivered, held or gone, and else after a while
// with how it stands.
func (c *Control) settled(w http.ResponseWriter, r *http.Request) {
	id := station.ID(r.PathValue("entry"))
	over := time.NewTimer(waitFor)
	defer over.Stop()
	for {
		changed := c.desk.Changed() // before looking, so that nothing is missed
		s, err := c.stands(id)
		if err != nil {
			c.refuse(w, http.StatusInternalServerError, err)
			return
		}
		if s.Standing == nil || s.Standing.Condition == station.Held {
			c.answer(w, http.StatusOK, s)
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-over.C:
			c.answer(w, http.StatusOK, s)
			return
		case <-changed:
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(waitBetween):
		}
	}
}

// stands says how an entry stands now.
func (c *Control) stands(id station.ID) (Settled, error) {
	e, there, err := c.desk.Standing(id)
	switch {
	case err != nil:
		return Settled{}, err
	case there:
		return Settled{Standing: &e, Contact: c.desk.Snapshot().Health.Backends[e.Backend()]}, nil
	}
	if ended, known := c.desk.Ended(id); known {
		return Settled{Ended: &ended}, nil
	}
	return Settled{}, nil
}

// leastNamed is how many characters of an ID a person must give: fewer would
// find something by accident.
const leastNamed = 4

// meant returns the ID of the entry or the unknown scan that a person means, or the
// status of the refusal.
func (c *Control) meant(said string) (id station.ID, status int, err error) {
	var all []station.ID
	if len(said) >= leastNamed {
		begins, _, _ := strings.Cut(said, ".")
		if all, err = c.desk.Find(begins); err != nil {
			return "", http.StatusInternalServerError, err
		}
	}
	id, err = pick("entry", said, all, "it is not in the outbox; it may have been delivered")
	return id, http.StatusNotFound, err
}

// pick returns the ID that a person means: the whole of it, its short form, or
// the beginning that no other has. none is what to say where there is none.
func pick(what, said string, all []station.ID, none string) (station.ID, error) {
	if len(said) < leastNamed {
		return "", fmt.Errorf("%s %q: give at least %d characters of its ID", what, said, leastNamed)
	}
	var found []string
	for _, id := range all {
		if string(id) == said {
			return id, nil
		}
		if id.Short() == said || strings.HasPrefix(string(id), said) {
			found = append(found, string(id))
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("%s %q: %s", what, said, none)
	case 1:
		return station.ID(found[0]), nil
	}
	return "", fmt.Errorf("%s %q: %d begin like that, say which: %s", what, said, len(found), strings.Join(found, " "))
}

func (c *Control) verify(w http.ResponseWriter, _ *http.Request) {
	var v verified
	if err := c.desk.Verify(); err != nil {
		v.Fault = err.Error()
	}
	c.answer(w, http.StatusOK, v)
}

// reload takes up the configuration as it is now. The answer comes when that is done.
func (c *Control) reload(w http.ResponseWriter, _ *http.Request) {
	c.answer(w, http.StatusOK, reloaded{append([]string{}, c.desk.Reload()...)})
}

func (c *Control) snapshot(w http.ResponseWriter, _ *http.Request) {
	c.answer(w, http.StatusOK, portraitOf(c.desk.Snapshot()))
}

func (c *Control) refuse(w http.ResponseWriter, status int, err error) {
	no := refused{Error: err.Error()}
	if wrong, ok := errors.AsType[*NotTaken](err); ok {
		no.Faults = wrong.Faults
	}
	c.answer(w, status, no)
}

func (c *Control) answer(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(what); err != nil {
		c.log.Debug("an answer did not reach the command line", "error", err)
	}
}
