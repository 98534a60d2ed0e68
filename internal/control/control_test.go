package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"stationd/internal/operator"
	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

// asked is a station in memory as the commands ask it.
func asked(f *operatortest.Station) Station {
	return Station{Outbox: f, Operator: f.Recorder(), Snapshot: f.Snapshot, Read: f.Read}
}

// control opens a control socket of the station and a client for it.
func control(t *testing.T, f *operatortest.Station) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.sock")
	c, err := Open(path, asked(f), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	operatortest.Run(t, c)
	return Dial(path)
}

func TestTheCommandLineSeesTheOutbox(t *testing.T) {
	t.Parallel()
	f := operatortest.Held()
	got, err := control(t, f).Contents(t.Context(), station.NoLimit())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(station.Contents{Totals: station.Totals{Waiting: 1, Held: 2, Unknown: 1, Notices: 1}, Entries: f.Entries, Kept: f.Kept}, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the contents differ (-want +got):\n%s", diff)
	}
}

func TestTheCommandLineSeesTheStation(t *testing.T) {
	t.Parallel()
	f := operatortest.Offline()
	got, err := control(t, f).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.Shown, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the snapshot differs (-want +got):\n%s", diff)
	}
}

func TestAPersonDecidesAtTheCommandLine(t *testing.T) {
	t.Parallel()
	whole := operatortest.Trace(0x9f86d081).ID
	by := fmt.Sprintf("uid:%d", os.Getuid())
	cases := []struct {
		name, verb, said string
		want             station.ID
	}{
		{"by the whole ID", "retry", string(whole), whole},
		{"by the short ID", "retry", "9f86d081.1", whole},
		{"by the beginning", "discard", "9f86", whole},
		{"an unknown scan by its beginning", "discard", "feed", "feed0000000000000000000000000000"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := operatortest.Held()
			client := control(t, f)
			got, err := decide(client, c.verb)(t.Context(), c.said)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("the answer names %s, want %s", got, c.want)
			}
			want := []station.Event{{Source: "cli", Kind: c.verb, Data: map[string]string{"entry": string(c.want), "by": by}, At: operatortest.Now()}}
			if diff := cmp.Diff(want, f.Events(), cmpopts.IgnoreFields(station.Event{}, "ID")); diff != "" {
				t.Errorf("recorded (-want +got):\n%s", diff)
			}
		})
	}
}

// decide decides about one entry or kept scan, by what somebody calls it.
func decide(client *Client, verb string) func(context.Context, string) (station.ID, error) {
	return func(ctx context.Context, said string) (station.ID, error) {
		done, err := client.Decide(ctx, operator.Decision{Verb: verb, Entries: []station.ID{station.ID(said)}})
		return done.Entry, err
	}
}

func TestADecisionAtTheCommandLineThatCannotBeCarriedOutSaysWhy(t *testing.T) {
	t.Parallel()
	f := operatortest.Held()
	f.Entries = append(f.Entries, operatortest.Trace(0x9f86ffff))
	client := control(t, f)
	cases := []struct {
		name   string
		decide func(context.Context, string) (station.ID, error)
		said   string
		want   string
	}{
		{"two begin like that", decide(client, station.VerbDiscard), "9f86", `entry "9f86": 2 begin like that, give more of one of: 9f86d081000000000000000000000000.1 9f86ffff000000000000000000000000.1`},
		{"none is like that", decide(client, station.VerbDiscard), "abcdef12.1", `entry "abcdef12.1": it is not in the outbox; it may have been delivered`},
		{"too little is said", decide(client, station.VerbDiscard), "9", `entry "9": give at least 4 characters of its ID`},
		{"it only waits", decide(client, station.VerbRetry), "9f86ffff.1", `entry 9f86ffff.1: no such entry that is held: only what is held can be retried, edited or discarded`},
		{"a scan is no entry", decide(client, station.VerbRetry), "feed0000", `entry feed0000: no such entry that is held: only what is held can be retried, edited or discarded`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := c.decide(t.Context(), c.said); err == nil || err.Error() != c.want {
				t.Errorf("the error is %v, want %s", err, c.want)
			}
		})
	}
}

func TestVerifyTellsWhatItFound(t *testing.T) {
	t.Parallel()
	f := operatortest.Quiet()
	client := control(t, f)
	if err := client.Verify(t.Context()); err != nil {
		t.Errorf("a sound outbox: %v", err)
	}
	f = operatortest.Quiet()
	f.Unsound = errors.Join(errors.New("outbox o.db: entry 9f86d081.1: held without a reason"), errors.New("watermark: 3 bytes"))
	err := control(t, f).Verify(t.Context())
	if err == nil || err.Error() != f.Unsound.Error() || errors.Is(err, ErrAbsent) {
		t.Errorf("an unsound outbox: %v", err)
	}
}

func TestAnOutboxThatCannotBeReadSaysSo(t *testing.T) {
	t.Parallel()
	f := operatortest.Held()
	f.Unread = errors.New("outbox o.db: damaged record")
	client := control(t, f)
	if _, err := client.Contents(t.Context(), station.NoLimit()); err == nil || err.Error() != "outbox o.db: damaged record" {
		t.Errorf("the error is %v", err)
	}
	if _, err := decide(client, station.VerbRetry)(t.Context(), "9f86d081.1"); err == nil || err.Error() != "outbox o.db: damaged record" {
		t.Errorf("the error of a retry is %v", err)
	}
}

func TestWithoutAStationTheCommandLineSaysSo(t *testing.T) {
	t.Parallel()
	never := filepath.Join(t.TempDir(), "control.sock")
	dead := filepath.Join(t.TempDir(), "control.sock")
	leave(t, dead)
	for name, path := range map[string]string{"it never ran": never, "it was killed": dead} {
		_, err := Dial(path).Contents(t.Context(), station.NoLimit())
		if !errors.Is(err, ErrAbsent) || err.Error() != "no stationd answers at "+path+": is it running?" {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dial(never).Contents(ctx, station.NoLimit()); !errors.Is(err, context.Canceled) || errors.Is(err, ErrAbsent) {
		t.Errorf("an interrupted question: %v", err)
	}
}

// leave leaves a socket behind as a process does that is killed.
func leave(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestTheSocketIsForItsOwnerAndGroup(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "control.sock")
	leave(t, path) // what a killed stationd left is no obstacle
	c, err := Open(path, asked(operatortest.Quiet()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o660 {
		t.Errorf("the socket's mode is %o", got)
	}
	stop := operatortest.Run(t, c)
	if _, err := Open(path, asked(operatortest.Quiet()), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "another stationd answers there") {
		t.Errorf("beside a living one: %v", err)
	}
	if _, err := Dial(path).Snapshot(t.Context()); err != nil {
		t.Errorf("the first one does not answer any more: %v", err)
	}
	stop()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after stopping the socket is still there: %v", err)
	}
}

func TestASocketThatCannotBeMadeIsAClearError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "control.sock")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ name, path, want string }{
		{"something else is there", file, "something else is there, not a socket"},
		{"the folder is missing", filepath.Join(t.TempDir(), "missing", "control.sock"), "no such file or directory"},
		{"the path is too long", filepath.Join(t.TempDir(), strings.Repeat("x", 120)), "the path is too long"},
	}
	for _, c := range cases {
		if _, err := Open(c.path, asked(operatortest.Quiet()), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if kept, err := os.ReadFile(file); err != nil || string(kept) != "precious" {
		t.Errorf("the file that was there is now %q, %v", kept, err)
	}
}
