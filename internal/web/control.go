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
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// A Control is the control socket: HTTP on a unix socket, for the commands of
// whoever may open the file. It is never on TCP.
//
//	GET  /outbox                              the Contents
//	POST /outbox/retry    {"entry": "9f86d081.1"}
//	POST /outbox/discard  {"entry": "9f86d081.1"}
//	GET  /outbox/verify                       {"fault": ""}
//	GET  /snapshot
//
// A refusal is {"error": "why, in a sentence"} with a status of 400 or above.
type Control struct {
	path     string
	desk     Desk
	log      *slog.Logger
	listener *net.UnixListener
}

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
	return &Control{path: path, desk: desk, log: log, listener: listener}, nil
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

func (c *Control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /outbox", c.contents)
	mux.HandleFunc("POST /outbox/retry", c.decision(station.VerbRetry))
	mux.HandleFunc("POST /outbox/discard", c.decision(station.VerbDiscard))
	mux.HandleFunc("GET /outbox/verify", c.verify)
	mux.HandleFunc("GET /snapshot", c.snapshot)
	return http.MaxBytesHandler(mux, mostForm)
}

func (c *Control) contents(w http.ResponseWriter, _ *http.Request) {
	entries, kept, err := c.desk.Contents()
	if err != nil {
		c.refuse(w, http.StatusInternalServerError, err)
		return
	}
	c.answer(w, http.StatusOK, Contents{entries, kept})
}

// decision takes a person's decision about one entry, or one kept scan.
func (c *Control) decision(verb string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		by, ok := r.Context().Value(peerKey{}).(string)
		if !ok {
			c.refuse(w, http.StatusForbidden, errors.New("the kernel does not say who asks"))
			return
		}
		var asked named
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			c.refuse(w, http.StatusBadRequest, fmt.Errorf(`the question cannot be read, want {"entry": "…"}: %w`, err))
			return
		}
		entries, kept, err := c.desk.Contents()
		if err != nil {
			c.refuse(w, http.StatusInternalServerError, err)
			return
		}
		id, err := find(asked.Entry, entries, kept)
		if err != nil {
			c.refuse(w, http.StatusNotFound, err)
			return
		}
		event, err := c.desk.decide(station.FromCommand, verb, id, by, c.log)
		if err != nil {
			c.refuse(w, http.StatusConflict, err)
			return
		}
		c.answer(w, http.StatusOK, decided{Entry: id, Event: event})
	}
}

// leastNamed is how many characters of an ID a person must give: fewer would
// find something by accident.
const leastNamed = 4

// find returns the ID that a person means: the whole of it, its short form, or
// the beginning that no other has.
func find(said string, entries []station.Standing, kept []station.Event) (station.ID, error) {
	if len(said) < leastNamed {
		return "", fmt.Errorf("entry %q: give at least %d characters of its ID", said, leastNamed)
	}
	var all []station.ID
	for _, e := range entries {
		all = append(all, e.ID)
	}
	for _, ev := range kept {
		all = append(all, ev.ID)
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
		return "", fmt.Errorf("entry %q: it is not in the outbox; it may have been delivered", said)
	case 1:
		return station.ID(found[0]), nil
	}
	return "", fmt.Errorf("entry %q: %d begin like that, say which: %s", said, len(found), strings.Join(found, " "))
}

func (c *Control) verify(w http.ResponseWriter, _ *http.Request) {
	var v verified
	if err := c.desk.Verify(); err != nil {
		v.Fault = err.Error()
	}
	c.answer(w, http.StatusOK, v)
}

func (c *Control) snapshot(w http.ResponseWriter, _ *http.Request) {
	c.answer(w, http.StatusOK, portraitOf(c.desk.Snapshot()))
}

func (c *Control) refuse(w http.ResponseWriter, status int, err error) {
	c.answer(w, status, refused{err.Error()})
}

func (c *Control) answer(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(what); err != nil {
		c.log.Debug("an answer did not reach the command line", "error", err)
	}
}
