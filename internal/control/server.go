// Package control is the control socket: HTTP on a unix socket, by which stationd's
// own commands ask the running station and decide about what is held. It has the
// server, the client, and what goes between them.
package control

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

	"stationd/internal/httpserver"
	"stationd/internal/operator"
	"stationd/internal/station"
)

// A Server is the control socket: HTTP on a unix socket, for the commands of
// whoever may open the file. It is never on TCP.
//
//	GET  /outbox?held=50&waiting=12&unknown=20  a line of JSON each; what is left out: all
//	POST /outbox/retry    {"entry": "9f86d081.1", "not_there": false, "to_current": false, "reason": "the order is there now"}
//	POST /outbox/discard  {"entries": ["9f86d081.1", "5a11ce00.1"], "reason": "scanned twice"}
//	POST /outbox/edit     {"entry": "9f86d081.1", "fields": {"order": "4711"}}
//	POST /outbox/adopt    {"old_computer_gone": true}
//	GET  /outbox/verify                       {"fault": ""}
//	GET  /outbox/entry/9f86d081….1            the Progress, within a while
//	GET  /badge                               the badges
//	POST /badge           {"name": "Anna"}    {"code": "…"}
//	POST /badge/revoke    {"name": "Anna"}
//	POST /pin             {"pin": "…"}        empty: none
//	POST /reload                              {"faults": []}
//	GET  /snapshot
//	GET  /metrics                             as the page's
//	GET  /log                                 its last lines
//	GET  /history?since=2026-03-02T06:00:00Z  a line of JSON each
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
type Server struct {
	path     string
	station  Station
	log      *slog.Logger
	listener *httpserver.Listener

	following chan struct{} // has room for as many as may follow at once
}

// mostFollowers is how many may follow at once.
const mostFollowers = 4

// Open listens on a new socket at path, which the owner and the group may
// open. A socket that a killed stationd left there is removed; where one still
// answers, that is an error. The folder must exist.
func Open(path string, asked Station, log *slog.Logger) (*Server, error) {
	if err := removeStaleSocket(path); err != nil {
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
	return &Server{path: path, station: asked, log: log, listener: httpserver.Limit(listener, log), following: make(chan struct{}, mostFollowers)}, nil
}

// removeStaleSocket removes a socket at path that nobody answers. It removes nothing but
// a socket.
func removeStaleSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("something else is there, not a socket: move it away")
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
func (s *Server) Run(ctx context.Context) error {
	server := s.listener.Server(ctx, s.handler())
	server.ConnContext = withPeerName
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(s.listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("control socket %s: %w", s.path, err)
	case <-ctx.Done():
		return httpserver.Stop(ctx, server)
	}
}

// peerKey is the key of the peer's name in a connection's context.
type peerKey struct{}

// withPeerName notes who is at the other end: the kernel says so, not the peer
// (SO_PEERCRED, see unix(7)).
func withPeerName(ctx context.Context, conn net.Conn) context.Context {
	if uid, err := peerUID(conn); err == nil {
		return context.WithValue(ctx, peerKey{}, fmt.Sprintf("uid:%d", uid))
	}
	return ctx
}

func peerUID(conn net.Conn) (uid uint32, err error) {
	if c, ok := conn.(*httpserver.Conn); ok {
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

// mostRequest is the size of a question in bytes: a list of parts may be long.
const mostRequest = 128 << 10

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /outbox", s.list)
	mux.HandleFunc("POST /outbox/retry", s.decision(station.VerbRetry))
	mux.HandleFunc("POST /outbox/discard", s.decision(station.VerbDiscard))
	mux.HandleFunc("POST /outbox/edit", s.decision(station.VerbEdit))
	mux.HandleFunc("POST /outbox/adopt", s.adopt)
	mux.HandleFunc("GET /outbox/verify", s.verify)
	mux.HandleFunc("GET /outbox/entry/{entry}", s.await)
	mux.HandleFunc("GET /badge", s.badges)
	mux.HandleFunc("POST /badge", s.newBadge)
	mux.HandleFunc("POST /badge/revoke", s.revokeBadge)
	mux.HandleFunc("POST /pin", s.setPIN)
	mux.HandleFunc("POST /reload", s.reload)
	mux.HandleFunc("GET /snapshot", s.snapshot)
	mux.HandleFunc("GET /log", s.recentLog)
	mux.HandleFunc("GET /history", s.history)
	if s.station.Metrics != nil {
		mux.Handle("GET /metrics", s.station.Metrics)
	}
	mux.HandleFunc("GET /follow/{what}", s.follow)
	mux.HandleFunc("GET /read/{backend}/{name}", s.read)
	mux.HandleFunc("POST /ask", s.ask)
	mux.HandleFunc("GET /call", s.calls)
	mux.HandleFunc("POST /call/close", s.closeCall)
	return http.MaxBytesHandler(mux, mostRequest)
}

// list streams the outbox, and ends with the totals: a list without them broke off.
//
//	{"entry":{"id":"9f86….1",…}}
//	{"kept":{"id":"feed…",…}}
//	{"totals":{"waiting":50000,"held":1,"unknown":0,"notices":0}}
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	limit := station.NoLimit()
	for name, most := range map[string]*int{"held": &limit.Held, "waiting": &limit.Waiting, "unknown": &limit.Unknown} {
		if said := r.URL.Query().Get(name); said != "" {
			n, err := strconv.Atoi(said)
			if err != nil {
				s.refuse(w, http.StatusBadRequest, fmt.Errorf("%s=%s is not a number", name, said))
				return
			}
			*most = n
		}
	}
	w.Header().Set("Content-Type", "application/jsonl")
	out := json.NewEncoder(w)
	totals, err := s.station.Outbox.List(limit,
		func(e station.EntryStatus) error { return out.Encode(outboxLine{Entry: &e}) },
		func(ev station.Event) error { return out.Encode(outboxLine{Kept: &ev}) })
	last := outboxLine{Totals: &totals}
	if err != nil {
		last = outboxLine{Error: err.Error()}
	}
	if err := out.Encode(last); err != nil {
		s.log.Debug("a list did not reach the command line", "error", err)
	}
}

// follow streams what the readers or the buttons do. A client that does not read is
// disconnected.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) {
	what := r.PathValue("what")
	if s.station.Follow == nil || what != "scans" && what != "pins" {
		s.refuse(w, http.StatusNotFound, fmt.Errorf("%q cannot be followed: scans and pins can", what))
		return
	}
	select {
	case s.following <- struct{}{}:
		defer func() { <-s.following }()
	default:
		s.refuse(w, http.StatusServiceUnavailable, fmt.Errorf("%d are following already: end one of them first", mostFollowers))
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	control := http.NewResponseController(w)
	out := json.NewEncoder(w)
	send := func(line any) error {
		_ = control.SetWriteDeadline(time.Now().Add(httpserver.SendWithin)) // an error shows in the write
		return errors.Join(out.Encode(line), control.Flush())
	}
	if err := s.station.Follow(r.Context(), what, send); err != nil {
		s.log.Debug("a follower is gone", "what", what, "error", err)
	}
}

// decision takes a person's decision about entries, or kept scans.
func (s *Server) decision(verb string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var asked decisionRequest
		person, ok := s.readRequest(w, r, &asked)
		if !ok {
			return
		}
		named := asked.Entries
		if len(named) == 0 {
			named = []string{asked.Entry}
		}
		if done, before := s.station.Outbox.Recorded(person.Event, verb); before { // the entry may be gone since
			answer := decisionAnswer{Entry: station.ID(named[0]), Event: person.Event, Repeated: true}
			if len(done.Entries) > 0 {
				answer.Corrected = done.Entries[0]
			}
			s.answer(w, http.StatusOK, answer)
			return
		}
		decision := operator.Decision{Verb: verb, Fields: asked.Fields, Reason: asked.Reason}
		if asked.NotThere {
			decision.Options = append(decision.Options, station.NotThere)
		}
		if asked.ToCurrent {
			decision.Options = append(decision.Options, station.ToCurrent)
		}
		answer := decisionAnswer{Event: person.Event}
		for _, one := range named {
			id, status, err := s.resolve(one)
			if err != nil {
				s.refuse(w, status, err)
				return
			}
			before, _, err := s.station.Outbox.Standing(id) // an unknown scan stands nowhere
			if err != nil {
				s.refuse(w, http.StatusInternalServerError, err)
				return
			}
			decision.Entries = append(decision.Entries, id)
			answer.Looks = answer.Looks || before != nil && before.Doubtful && !asked.NotThere && verb == station.VerbRetry
		}
		receipt, err := s.station.Operator.Decide(person, decision)
		if err != nil {
			s.refuse(w, http.StatusConflict, err)
			return
		}
		answer.Entry, answer.Corrected = decision.Entries[0], receipt.Entry
		if len(decision.Entries) > 1 {
			answer.Entries = decision.Entries
		}
		s.answer(w, http.StatusOK, answer)
	}
}

// adopt puts back everything that is held because the outbox is a copy.
func (s *Server) adopt(w http.ResponseWriter, r *http.Request) {
	var said adoptRequest
	person, ok := s.readRequest(w, r, &said)
	if !ok {
		return
	}
	if !said.OldComputerGone {
		s.refuse(w, http.StatusBadRequest, errors.New("nothing was done: while anybody still has the original it may be delivered from there"))
		return
	}
	n, err := s.station.Outbox.Adopt()
	s.log.Info("the entries held as a copy are adopted: each is looked up, and then sent", "entries", n, "by", person.Name, "error", err)
	if err != nil {
		s.refuse(w, http.StatusConflict, err)
		return
	}
	s.answer(w, http.StatusOK, adoptAnswer{n})
}

// readRequest reads who asks and what. Where that cannot be done it answers, and ok is
// false.
func (s *Server) readRequest(w http.ResponseWriter, r *http.Request, question any) (person operator.Person, ok bool) {
	person = operator.Person{Source: station.FromCommand, Event: station.ID(r.Header.Get(eventHeader))}
	if person.Name, ok = r.Context().Value(peerKey{}).(string); !ok {
		s.refuse(w, http.StatusForbidden, errors.New("the kernel does not say who asks"))
		return operator.Person{}, false
	}
	switch {
	case person.Event == "":
		person.Event = station.NewID()
	case !person.Event.OfEvent():
		s.refuse(w, http.StatusBadRequest, fmt.Errorf("%q is not the ID of an event, which has 32 hexadecimal digits", person.Event))
		return operator.Person{}, false
	}
	if err := json.NewDecoder(r.Body).Decode(question); err != nil {
		s.refuse(w, http.StatusBadRequest, fmt.Errorf("the question cannot be read: %w", err))
		return operator.Person{}, false
	}
	return person, true
}

// ask takes what a person asks a vendor to do.
func (s *Server) ask(w http.ResponseWriter, r *http.Request) {
	var question station.ActionRequest
	if person, ok := s.readRequest(w, r, &question); ok {
		s.answerReceipt(w)(s.station.Operator.Ask(person, question))
	}
}

func (s *Server) calls(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, http.StatusOK, append([]station.Call{}, s.station.Outbox.State().Calls...)) // none is an empty list
}

// closeCall closes a call.
func (s *Server) closeCall(w http.ResponseWriter, r *http.Request) {
	var question closeCallRequest
	person, ok := s.readRequest(w, r, &question)
	if !ok {
		return
	}
	if done, before := s.station.Outbox.Recorded(person.Event, station.Close); before { // the call may be over since
		s.answerReceipt(w)(s.station.Operator.Repeated(done))
		return
	}
	s.answerReceipt(w)(s.station.Operator.CloseCall(person, question.Call))
}

// answerReceipt answers with what came of something.
func (s *Server) answerReceipt(w http.ResponseWriter) func(operator.Receipt, error) {
	return func(receipt operator.Receipt, err error) {
		if err != nil {
			s.refuse(w, http.StatusConflict, err)
			return
		}
		s.answer(w, http.StatusOK, receipt)
	}
}

// read puts a question to a vendor. It waits for its turn in the pace, so it may
// take longer than other questions.
func (s *Server) read(w http.ResponseWriter, r *http.Request) {
	with := make(map[string]string)
	for name, values := range r.URL.Query() {
		with[name] = values[0]
	}
	a, err := s.station.Read(r.Context(), r.PathValue("backend"), r.PathValue("name"), with)
	switch {
	case err != nil:
		s.refuse(w, http.StatusBadGateway, err)
	case a.File != nil:
		w.Header().Set("Content-Type", a.Type)
		if _, err := w.Write(a.File); err != nil {
			s.log.Debug("an answer did not reach the command line", "error", err)
		}
	default:
		s.answer(w, http.StatusOK, a)
	}
}

const (
	// awaitFor is how long an entry is waited for in one question.
	awaitFor = 5 * time.Second
	// awaitGap is the least time between two looks at the outbox, which may be
	// long.
	awaitGap = 200 * time.Millisecond
)

// await answers when an entry is delivered, held or gone, and else after a while
// with how it stands.
func (s *Server) await(w http.ResponseWriter, r *http.Request) {
	id := station.ID(r.PathValue("entry"))
	over := time.NewTimer(awaitFor)
	defer over.Stop()
	for {
		changed := s.station.Outbox.Changed() // before looking, so that nothing is missed
		progress, err := s.progress(id)
		if err != nil {
			s.refuse(w, http.StatusInternalServerError, err)
			return
		}
		if progress.Standing == nil || progress.Standing.Condition == station.Held {
			s.answer(w, http.StatusOK, progress)
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-over.C:
			s.answer(w, http.StatusOK, progress)
			return
		case <-changed:
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(awaitGap):
		}
	}
}

// progress says how an entry stands now.
func (s *Server) progress(id station.ID) (Progress, error) {
	e, ended, err := s.station.Outbox.Standing(id)
	if err != nil {
		return Progress{}, err
	}
	now := Progress{Standing: e, Ended: ended}
	if e != nil {
		now.Contact = s.station.Snapshot().Health.Backends[e.Backend()]
	}
	return now, nil
}

// resolve returns the ID of the entry or the unknown scan that a person means, or the
// status of the refusal.
func (s *Server) resolve(said string) (id station.ID, status int, err error) {
	var all []station.ID
	if len(said) >= operator.LeastNamed {
		begins, _, _ := strings.Cut(said, ".")
		if all, err = s.station.Outbox.Find(begins); err != nil {
			return "", http.StatusInternalServerError, err
		}
	}
	id, err = operator.Pick("entry", said, all, "it is not in the outbox; it may have been delivered")
	return id, http.StatusNotFound, err
}

func (s *Server) verify(w http.ResponseWriter, _ *http.Request) {
	var v verifyAnswer
	if err := s.station.Outbox.Verify(); err != nil {
		v.Fault = err.Error()
	}
	s.answer(w, http.StatusOK, v)
}

// reload reads the configuration again. The answer comes when that is done.
func (s *Server) reload(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, http.StatusOK, reloadAnswer{append([]string{}, s.station.Reload()...)})
}

func (s *Server) snapshot(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, http.StatusOK, jsonOf(s.station.Snapshot()))
}

// recentLog answers with the last lines of the log, for members of the group who may not
// read the journal.
func (s *Server) recentLog(w http.ResponseWriter, _ *http.Request) {
	if s.station.Log == nil {
		s.refuse(w, http.StatusNotFound, errors.New("this station keeps no lines of its log"))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if _, err := w.Write(s.station.Log()); err != nil {
		s.log.Debug("the log did not reach the command line", "error", err)
	}
}

// history streams what was done since a moment, for members of the group who may not open
// the station's folder. Where it cannot be read to its end the last line says why.
func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	since, err := time.Parse(time.RFC3339, r.URL.Query().Get("since"))
	if err != nil || s.station.History == nil {
		s.refuse(w, http.StatusBadRequest, fmt.Errorf("since=%s is no time like 2026-03-02T06:00:00Z", r.URL.Query().Get("since")))
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	if err := s.station.History(since, w); err != nil {
		_ = json.NewEncoder(w).Encode(errorAnswer{Error: err.Error()}) // whoever asked may have gone
	}
}

func (s *Server) refuse(w http.ResponseWriter, status int, err error) {
	no := errorAnswer{Error: err.Error()}
	if wrong, ok := errors.AsType[*operator.InvalidError](err); ok {
		no.Faults = wrong.Faults
	}
	s.answer(w, status, no)
}

func (s *Server) answer(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(what); err != nil {
		s.log.Debug("an answer did not reach the command line", "error", err)
	}
}
