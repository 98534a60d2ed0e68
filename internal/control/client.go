package control

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"stationd/internal/operator"
	"stationd/internal/station"
)

// ErrAbsent is wrapped by the error of every request while no stationd answers at the
// socket: nobody has the outbox open then, and a command may read its file.
var ErrAbsent = errors.New("no stationd answers")

// ErrUnanswered is wrapped by the error of a request that reached stationd and got no answer,
// because stationd ended or the context did: what was asked for may have been recorded.
var ErrUnanswered = errors.New("no answer came")

// ErrNotAsked is wrapped by the error of a request that certainly did not reach the station, of
// a client that asks by another way than the socket.
var ErrNotAsked = errors.New("nothing was done")

// A Client asks a running stationd through its control socket. Its errors carry
// stationd's own sentence.
type Client struct {
	path  string
	http  *http.Client
	event station.ID // of the command's event; empty: the station gives it one
}

// WithEvent returns the client of a command whose event has that ID. Given again under the
// same one, a command is recorded once, and the answer says what became of it.
func (c *Client) WithEvent(event station.ID) *Client {
	own := *c
	own.event = event
	return &own
}

// Dial returns a client for the socket at path. It connects with each question.
func Dial(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// List hands over what is in the outbox, one at a time: the entries in the order of
// their events, and then what is kept. It ends with the first error of a function's.
// The totals are good when there is no error.
func (c *Client) List(ctx context.Context, limit station.Limit, entry func(station.EntryStatus) error, kept func(station.Event) error) (station.Totals, error) {
	query := url.Values{}
	for name, most := range map[string]int{"held": limit.Held, "waiting": limit.Waiting, "unknown": limit.Unknown} {
		query.Set(name, strconv.Itoa(most))
	}
	response, err := c.send(ctx, http.MethodGet, "/outbox?"+query.Encode(), nil)
	if err != nil {
		return station.Totals{}, err
	}
	defer response.Body.Close()
	totals, err := readList(response.Body, entry, kept)
	if errors.Is(err, errBroken) {
		err = fmt.Errorf("stationd at %s: %w", c.path, err)
	}
	return totals, err
}

// errBroken is wrapped by the error of a list that has no end.
var errBroken = errors.New("its list breaks off")

// readList hands over a list as the socket sends it.
func readList(r io.Reader, entry func(station.EntryStatus) error, kept func(station.Event) error) (totals station.Totals, err error) {
	for lines := json.NewDecoder(r); ; {
		var line outboxLine
		if err := lines.Decode(&line); err != nil {
			return station.Totals{}, fmt.Errorf("%w: %w", errBroken, err)
		}
		switch {
		case line.Entry != nil:
			err = entry(*line.Entry)
		case line.Kept != nil:
			err = kept(*line.Kept)
		case line.Totals != nil:
			return *line.Totals, nil
		default:
			err = errors.New(line.Error)
		}
		if err != nil {
			return station.Totals{}, err
		}
	}
}

// HeldIn returns the held entries in a list as the socket sends it, and as it comes over the
// engine.
func HeldIn(list []byte) (held []station.EntryStatus, err error) {
	_, err = readList(bytes.NewReader(list), func(e station.EntryStatus) error {
		if e.Condition == station.Held {
			held = append(held, e)
		}
		return nil
	}, func(station.Event) error { return nil })
	return held, err
}

// Follow hands over what the readers ("scans") or the buttons ("pins") of the running
// station do, a piece of JSON each, until ctx is done, which is no error, or each fails.
// It is an error when the station ends.
func (c *Client) Follow(ctx context.Context, what string, each func(json.RawMessage) error) error {
	response, err := c.send(ctx, http.MethodGet, "/follow/"+what, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	for lines := json.NewDecoder(response.Body); ; {
		var line json.RawMessage
		err := lines.Decode(&line)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("the station at %s has ended: %w", c.path, err)
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

// Contents is List in one piece.
func (c *Client) Contents(ctx context.Context, limit station.Limit) (station.Contents, error) {
	found := station.Contents{Entries: []station.EntryStatus{}, Kept: []station.Event{}}
	var err error
	found.Totals, err = c.List(ctx, limit,
		func(e station.EntryStatus) error { found.Entries = append(found.Entries, e); return nil },
		func(ev station.Event) error { found.Kept = append(found.Kept, ev); return nil })
	return found, err
}

// A Decided is what a decision came to.
type Decided struct {
	Entry     station.ID   // the whole of it
	Entries   []station.ID // all of them, where several were decided
	Looks     bool         // of a retry: it may have arrived, and is looked up at the vendor before it is sent
	Corrected station.ID   // of an edit: the entry that has taken its place

	Repeated bool // it was done before, under the same event
}

// Decide puts what a person decided about entries to the station; those are named by their
// IDs, short forms or the beginning of either. All of them are decided or none is.
func (c *Client) Decide(ctx context.Context, d operator.Decision) (Decided, error) {
	question := decisionRequest{
		NotThere: slices.Contains(d.Options, station.NotThere), ToCurrent: slices.Contains(d.Options, station.ToCurrent),
		Fields: d.Fields, Reason: d.Reason,
	}
	for _, entry := range d.Entries {
		question.Entries = append(question.Entries, string(entry))
	}
	if len(question.Entries) == 1 {
		question.Entry, question.Entries = question.Entries[0], nil
	}
	var a decisionAnswer
	err := c.request(ctx, http.MethodPost, "/outbox/"+d.Verb, question, &a)
	return Decided{Entry: a.Entry, Entries: a.Entries, Looks: a.Looks, Corrected: a.Corrected, Repeated: a.Repeated}, err
}

// Adopt puts back everything that is held because the outbox is a copy, for somebody
// who knows that nobody has the original any more, and returns how many entries that
// were.
func (c *Client) Adopt(ctx context.Context) (int, error) {
	var done adoptAnswer
	err := c.request(ctx, http.MethodPost, "/outbox/adopt", adoptRequest{true}, &done)
	return done.Entries, err
}

// Verify lets stationd check the outbox. An error that wraps neither ErrAbsent
// nor a context's error is what it found.
func (c *Client) Verify(ctx context.Context) error {
	var v verifyAnswer
	if err := c.request(ctx, http.MethodGet, "/outbox/verify", nil, &v); err != nil {
		return err
	}
	if v.Fault != "" {
		return errors.New(v.Fault)
	}
	return nil
}

// Reload lets stationd read its configuration again, and returns what is
// wrong with it, one line each; where anything is, the one in force stays.
func (c *Client) Reload(ctx context.Context) ([]string, error) {
	var r reloadAnswer
	err := c.request(ctx, http.MethodPost, "/reload", nil, &r)
	return r.Faults, err
}

// Ask asks a vendor for one action, through the outbox. An error that wraps a
// *operator.InvalidError says what is wrong with what is asked.
func (c *Client) Ask(ctx context.Context, a station.ActionRequest) (operator.Receipt, error) {
	var receipt operator.Receipt
	err := c.request(ctx, http.MethodPost, "/ask", a, &receipt)
	return receipt, err
}

// Calls lists the open calls, the oldest first.
func (c *Client) Calls(ctx context.Context) ([]station.Call, error) {
	var calls []station.Call
	err := c.request(ctx, http.MethodGet, "/call", nil, &calls)
	return calls, err
}

// CloseCall closes an open call, named by the vendor's name for it or by the entry
// that opened it.
func (c *Client) CloseCall(ctx context.Context, call string) (operator.Receipt, error) {
	var receipt operator.Receipt
	err := c.request(ctx, http.MethodPost, "/call/close", closeCallRequest{call}, &receipt)
	return receipt, err
}

// Await returns how an entry ended, or that it is held. After a few seconds it
// returns how an entry stands that still waits.
func (c *Client) Await(ctx context.Context, entry station.ID) (Progress, error) {
	var s Progress
	err := c.request(ctx, http.MethodGet, "/outbox/entry/"+url.PathEscape(string(entry)), nil, &s)
	return s, err
}

// Read asks a vendor how things are, under the pace of the running station.
func (c *Client) Read(ctx context.Context, backend, name string, with map[string]string) (a station.Answer, err error) {
	query := url.Values{}
	for field, value := range with {
		query.Set(field, value)
	}
	path := "/read/" + url.PathEscape(backend) + "/" + url.PathEscape(name) + "?" + query.Encode()
	response, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return station.Answer{}, err
	}
	defer response.Body.Close()
	if kind := response.Header.Get("Content-Type"); kind != "application/json" {
		a.Type = kind
		a.File, err = io.ReadAll(response.Body)
	} else {
		err = json.NewDecoder(response.Body).Decode(&a)
	}
	if err != nil {
		return station.Answer{}, fmt.Errorf("stationd at %s: its answer cannot be read: %w", c.path, err)
	}
	return a, nil
}

// Snapshot returns the station as it was at the last look.
func (c *Client) Snapshot(ctx context.Context) (station.Snapshot, error) {
	var p snapshotJSON
	err := c.request(ctx, http.MethodGet, "/snapshot", nil, &p)
	return p.snapshot(), err
}

// Text copies what the station answers at a path to w: /metrics, /log, or /history with its
// since.
func (c *Client) Text(ctx context.Context, path string, w io.Writer) error {
	response, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(w, response.Body); err != nil {
		return fmt.Errorf("stationd at %s: its answer breaks off: %w", c.path, err)
	}
	return nil
}

// request puts one question and reads the answer into what.
func (c *Client) request(ctx context.Context, method, path string, question, what any) error {
	response, err := c.send(ctx, method, path, question)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch err := json.NewDecoder(response.Body).Decode(what); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), ctx.Err() != nil:
		return fmt.Errorf("stationd at %s: %w: its answer breaks off", c.path, ErrUnanswered)
	case err != nil:
		return fmt.Errorf("stationd at %s: its answer cannot be read: %w", c.path, err)
	}
	return nil
}

// send puts one question and returns an answer that is no refusal; the caller
// closes its body. The host in the address is a name that no network knows: the way
// is the socket.
func (c *Client) send(ctx context.Context, method, path string, question any) (*http.Response, error) {
	var body io.Reader
	if question != nil {
		text, err := json.Marshal(question)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://stationd.invalid"+path, body)
	if err != nil {
		return nil, err
	}
	if c.event != "" {
		r.Header.Set(eventHeader, string(c.event))
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	var no errorAnswer
	switch {
	case json.NewDecoder(response.Body).Decode(&no) != nil || no.Error == "":
		return nil, fmt.Errorf("stationd at %s answers %s: is it of another version?", c.path, response.Status)
	case len(no.Faults) > 0:
		return nil, &operator.InvalidError{Faults: no.Faults}
	}
	return nil, errors.New(no.Error)
}

// unanswered says why nobody answered.
func (c *Client) unanswered(ctx context.Context, err error) error {
	op, known := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, ErrNotAsked):
		return fmt.Errorf("%s: %w", c.path, errors.Unwrap(err)) // of an *url.Error
	case !known || op.Op != "dial": // it was put
		return fmt.Errorf("stationd at %s: %w: %w", c.path, ErrUnanswered, cmp.Or(ctx.Err(), errors.Unwrap(err)))
	case ctx.Err() != nil:
		return fmt.Errorf("stationd at %s: %w", c.path, ctx.Err())
	case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("%w at %s: is it running?", ErrAbsent, c.path)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("control socket %s: you may not open it: join the group that owns it", c.path)
	}
	return fmt.Errorf("control socket %s: %w", c.path, err)
}
