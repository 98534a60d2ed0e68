package logging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A reader reads the log, or does not.
type reader struct {
	mu    sync.Mutex
	text  bytes.Buffer
	err   error
	holds chan struct{} // while it is not nil, nothing is read
}

func (r *reader) Write(p []byte) (int, error) {
	r.mu.Lock()
	holds := r.holds
	r.mu.Unlock()
	if holds != nil {
		<-holds
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0, r.err
	}
	return r.text.Write(p)
}

func (r *reader) read() string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func (r *reader) set(err error, holds chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err, r.holds = err, holds
}

func text(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }

// write runs do with a log that is written to r, in a time of its own.
func write(t *testing.T, reopen func() (io.Writer, error), do func(l *Log, log *slog.Logger, r *reader)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &reader{}
		l := New(r, text, reopen)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			l.Run(ctx)
			close(ended)
		}()
		do(l, slog.New(l.Handler()), r)
		cancel()
		<-ended
	})
}

func TestLog(t *testing.T) {
	t.Parallel()
	t.Run("lines come in their order, with what they are about, and the last ones at the end", func(t *testing.T) {
		t.Parallel()
		var last *reader
		write(t, nil, func(l *Log, log *slog.Logger, r *reader) {
			last = r
			log.With("lane", "l2l/machine:SEAL-1").Info("delivered", "ref", 1)
			fmt.Fprint(l, "stationd.toml:3: a fault\nits detail\n")
			log.WithGroup("g").Warn("held", "why", "no")
		})
		got := last.text.String()
		for _, want := range []string{"msg=delivered lane=l2l/machine:SEAL-1 ref=1\nstationd.toml:3: a fault\nits detail\ntime=", "msg=held g.why=no\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		}
	})
	t.Run("while nobody reads, nobody waits; the newest lines are kept, the others counted, and that is told first", func(t *testing.T) {
		t.Parallel()
		write(t, nil, func(l *Log, log *slog.Logger, r *reader) {
			holds := make(chan struct{})
			r.set(nil, holds)
			for n := range 2000 {
				log.Info("delivered", "n", n)
				synctest.Wait() // the first is on its way, and stays there
			}
			if got := l.Faults()["log"]; !strings.Contains(got, "nobody reads it") {
				t.Errorf("it says %q", got)
			}
			r.set(nil, nil)
			close(holds)
			got := strings.Split(strings.TrimSpace(r.read()), "\n")
			lost := l.Dropped().Unread
			if lost == 0 || len(got)+lost != 2001 || !strings.Contains(got[1], "were dropped") || !strings.Contains(got[1], fmt.Sprintf("lines=%d", lost)) || !strings.HasSuffix(got[len(got)-1], "n=1999") {
				t.Errorf("%d lines, %d lost: %q … %q", len(got), lost, got[:2], got[len(got)-1])
			}
			if got := l.Faults()["log"]; got != "" {
				t.Errorf("it still says %q", got)
			}
		})
	})
	t.Run("a single line that nobody reads is a fault after a while", func(t *testing.T) {
		t.Parallel()
		write(t, nil, func(l *Log, log *slog.Logger, r *reader) {
			holds := make(chan struct{})
			r.set(nil, holds)
			log.Info("delivered")
			synctest.Wait()
			if got := l.Faults()["log"]; got != "" {
				t.Errorf("at once it says %q", got)
			}
			time.Sleep(stuckAfter + time.Second)
			if got := l.Faults()["log"]; !strings.Contains(got, "nobody has read it for 6s") {
				t.Errorf("it says %q", got)
			}
			close(holds)
		})
	})
	t.Run("a log that is gone is opened again, and what was lost is told there", func(t *testing.T) {
		t.Parallel()
		again := &reader{}
		var back atomic.Bool
		write(t, func() (io.Writer, error) {
			if !back.Load() {
				return nil, errors.New("no journal")
			}
			return again, nil
		}, func(l *Log, log *slog.Logger, r *reader) {
			r.set(errors.New("broken pipe"), nil)
			log.Info("one")
			log.Info("two")
			synctest.Wait()
			if got := l.Faults()["log"]; !strings.Contains(got, "broken pipe") || !strings.Contains(got, "2 lines") {
				t.Errorf("it says %q", got)
			}
			back.Store(true)
			time.Sleep(firstSpan)
			if got := again.read(); !strings.Contains(got, "lines=2") || l.Faults()["log"] != "" {
				t.Errorf("while nothing is said: %q\n%s", l.Faults(), got)
			}
			log.Info("three")
			got := again.read()
			if !strings.HasSuffix(got, "msg=three\n") {
				t.Errorf("%q\n%s", l.Faults(), got)
			}
		})
	})
	t.Run("what comes again and again is written a few times, and then counted", func(t *testing.T) {
		t.Parallel()
		write(t, nil, func(l *Log, log *slog.Logger, r *reader) {
			for range 400 { // in turns, as two parts say it
				log.Warn("the reader is gone", "scanner", "hand")
				log.Warn("the reader is gone", "scanner", "other")
			}
			if got := strings.Count(r.read(), "hand"); got != burst {
				t.Errorf("written %d times", got)
			}
			time.Sleep(firstSpan + firstSpan/2)
			if got := r.read(); !strings.Contains(got, "scanner=hand repeated=395\n") || !strings.Contains(got, "scanner=other repeated=395\n") {
				t.Error(got)
			}
			for range 9 * 60 { // nine hours of it
				log.Warn("the reader is gone", "scanner", "hand")
				time.Sleep(time.Minute)
			}
			if got := strings.Count(r.read(), "hand"); got > burst+16 {
				t.Errorf("written %d times in nine hours", got)
			}
			time.Sleep(3 * longestSpan)
			before := strings.Count(r.read(), "hand")
			log.Warn("the reader is gone", "scanner", "hand")
			if got := strings.Count(r.read(), "hand"); got != before+1 {
				t.Error("after a quiet time it is not written at once")
			}
		})
	})
	t.Run("what is delivered again and again is counted by lane, and each warning is written", func(t *testing.T) {
		t.Parallel()
		write(t, nil, func(l *Log, log *slog.Logger, r *reader) {
			for n := range 8 * 60 * 60 / 2 { // a scan every two seconds, for a shift
				log.With("lane", "lagerkoll/order:4711", "entry", n).Info("delivered", "ref", n, "note", "")
				time.Sleep(2 * time.Second)
			}
			log.With("lane", "lagerkoll/order:4711", "entry", "a").Warn("held for a person")
			log.With("lane", "lagerkoll/order:4711", "entry", "b").Warn("held for a person")
			got := r.read()
			if n := strings.Count(got, "msg=delivered"); n < burst || n > burst+20 || !strings.Contains(got, "repeated=") {
				t.Errorf("%d lines of 14,400 deliveries", n)
			}
			if !strings.Contains(got, "entry=a") || !strings.Contains(got, "entry=b") {
				t.Errorf("what is held is missing: %s", got)
			}
		})
	})
	t.Run("different lines are remembered up to a ceiling", func(t *testing.T) {
		t.Parallel()
		write(t, nil, func(l *Log, log *slog.Logger, r *reader) {
			for n := range 10 * mostRepeated {
				log.Warn("odd", "n", n)
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if n := len(l.repeats); n > 2*mostRepeated {
				t.Errorf("%d are remembered", n)
			}
		})
	})
	t.Run("routine leaves room for warnings, and both stay under the day's ceiling and say so", func(t *testing.T) {
		t.Parallel()
		write(t, nil, func(l *Log, log *slog.Logger, r *reader) {
			long := strings.Repeat("x", 1000)
			begin := func(level slog.Level, minutes int) {
				for n := range minutes {
					for m := range 50 {
						log.Log(t.Context(), level, "much", "n", n, "m", m, "about", long)
					}
					synctest.Wait()
					time.Sleep(time.Minute)
				}
			}
			begin(slog.LevelInfo, 60)
			if got := l.Faults()["log"]; got != "" || l.Dropped().Ceiling == 0 {
				t.Errorf("routine is no fault: %q, %+v", got, l.Dropped())
			}
			log.Warn("a warning in between")
			if got := r.read(); !strings.Contains(got, "a warning in between") || !strings.Contains(got, "only warnings and errors are written") {
				t.Error("the warning is missing, or that routine is left out")
			}
			begin(slog.LevelError, 22*60)
			if got := l.Faults()["log"]; !strings.Contains(got, "ceiling of 10 MB") {
				t.Errorf("it says %q, %+v", got, l.Dropped())
			}
			got := r.read()
			if len(got) > dayBytes*11/10 || len(got) < dayBytes/2 {
				t.Errorf("%d bytes in 23 hours", len(got))
			}
			if !strings.Contains(got, "the log is at its ceiling") || !strings.Contains(got, "below its ceiling again") {
				t.Error("it says nothing of its ceiling")
			}
			time.Sleep(12 * time.Hour)
			log.Info("quiet again")
			if got := r.read(); !strings.Contains(got, "quiet again") || l.Faults()["log"] != "" {
				t.Errorf("it says %q", l.Faults())
			}
		})
	})
}
