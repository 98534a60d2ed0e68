package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// ErrAbsent is wrapped by the error of every question while no stationd answers
// at the socket: the outbox is then free to be opened as a file.
var ErrAbsent = errors.New("no stationd answers")

// A Client asks a running stationd through its control socket. Its errors carry
// stationd's own sentence.
type Client struct {
	path string
	http *http.Client
}

// Dial returns a client for the socket at path. It connects with each question.
func Dial(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Contents lists the outbox.
func (c *Client) Contents(ctx context.Context) (Contents, error) {
	var contents Contents
	err := c.ask(ctx, http.MethodGet, "/outbox", nil, &contents)
	return contents, err
}

// Retry lets a held entry wait again at its old place, and returns its whole ID.
// The entry may be named by its short form or by the beginning of its ID.
func (c *Client) Retry(ctx context.Context, entry string) (station.ID, error) {
	return c.decide(ctx, station.VerbRetry, entry)
}

// Discard gives a held entry up, or puts an unknown scan away, and returns its
// whole ID. It may be named as for Retry.
func (c *Client) Discard(ctx context.Context, entry string) (station.ID, error) {
	return c.decide(ctx, station.VerbDiscard, entry)
}

func (c *Client) decide(ctx context.Context, verb, entry string) (station.ID, error) {
	var d decided
	err := c.ask(ctx, http.MethodPost, "/outbox/"+verb, named{entry}, &d)
	return d.Entry, err
}

// Verify lets stationd check the outbox. An error that wraps neither ErrAbsent
// nor a context's error is what it found.
func (c *Client) Verify(ctx context.Context) error {
	var v verified
	if err := c.ask(ctx, http.MethodGet, "/outbox/verify", nil, &v); err != nil {
		return err
	}
	if v.Fault != "" {
		return errors.New(v.Fault)
	}
	return nil
}

// Snapshot returns the station as it was at the last look.
func (c *Client) Snapshot(ctx context.Context) (station.Snapshot, error) {
	var p portrait
	err := c.ask(ctx, http.MethodGet, "/snapshot", nil, &p)
	return p.snapshot(), err
}

// ask puts one question and reads the answer into what. The host in the address
// is a name that no network knows: the way is the socket.
func (c *Client) ask(ctx context.Context, method, path string, question, what any) error {
	var body io.Reader
	if question != nil {
		text, err := json.Marshal(question)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://stationd.invalid"+path, body)
	if err != nil {
		return err
	}
	response, err := c.http.Do(r)
	if err != nil {
		return c.unanswered(ctx, err)
	}
	defer response.Body.Close()
	answer := json.NewDecoder(response.Body)
	if response.StatusCode != http.StatusOK {
		var no refused
		if answer.Decode(&no) != nil || no.Error == "" {
			return fmt.Errorf("stationd at %s answers %s: is it of another version?", c.path, response.Status)
		}
		return errors.New(no.Error)
	}
	if err := answer.Decode(what); err != nil {
		return fmt.Errorf("stationd at %s: its answer cannot be read: %w", c.path, err)
	}
	return nil
}

// unanswered says why nobody answered.
func (c *Client) unanswered(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("stationd at %s: %w", c.path, ctx.Err())
	case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("%w at %s: is it running?", ErrAbsent, c.path)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("control socket %s: you may not open it: join the group that owns it", c.path)
	}
	return fmt.Errorf("control socket %s: %w", c.path, err)
}
