package stationtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stationd/internal/station"
)

// A bell is a source in memory. Its flaws, one at a time, are what the rules
// must find.
type bell struct {
	stamp func(time.Time) station.Stamp
	log   *slog.Logger
	rings chan time.Time
	ready atomic.Bool
	flaw  string
}

func openBell(flaw string) OpenInput {
	return func(_ testing.TB, stamp func(time.Time) station.Stamp, log *slog.Logger) Input {
		b := &bell{stamp: stamp, log: log, rings: make(chan time.Time, 8), flaw: flaw}
		return Input{
			Source: b,
			Events: []string{"bell.press"},
			Act:    func(int) { b.rings <- time.Now() },
			Ready:  b.ready.Load,
		}
	}
}

func (b *bell) Run(ctx context.Context, emit station.Emit) error {
	b.ready.Store(true)
	if b.flaw == "it tells what nobody did" {
		b.tell(emit, time.Now())
	}
	switch b.flaw {
	case "it leaves something running":
		go func() { <-context.WithoutCancel(ctx).Done() }()
	case "it goes on after it has returned":
		go b.listen(context.WithoutCancel(ctx), emit)
		<-ctx.Done()
		return nil
	case "it ends with the context's error":
		<-ctx.Done()
		return ctx.Err()
	case "it does not hear that it must stop":
		return b.listen(context.WithoutCancel(ctx), emit)
	}
	return b.listen(ctx, emit)
}

func (b *bell) listen(ctx context.Context, emit station.Emit) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case at := <-b.rings:
			if err := b.ring(emit, at); err != nil {
				return err
			}
		}
	}
}

func (b *bell) ring(emit station.Emit, at time.Time) error {
	switch b.flaw {
	case "it records in the background":
		go b.tell(emit, at)
		return nil
	case "it loses what happens meanwhile":
		defer func() {
			for len(b.rings) > 0 {
				<-b.rings
			}
		}()
	case "it tells twice":
		b.tell(emit, at)
	case "it dates by when it was told":
		at = at.Add(time.Hour)
	case "an event that is not recorded ends it":
		_, err := emit(station.Event{ID: station.NewID(), Source: "bell", Kind: station.Press, At: b.stamp(at)})
		return err
	}
	b.tell(emit, at)
	return nil
}

func (b *bell) tell(emit station.Emit, at time.Time) {
	ev := station.Event{ID: station.NewID(), Source: "bell", Kind: station.Press, At: b.stamp(at)}
	switch b.flaw {
	case "its events share an ID":
		ev.ID = "1"
	case "it calls its events otherwise":
		ev.Kind = "ring"
	case "it stamps by itself":
		ev.At = station.Stamp{Wall: at}
	}
	if _, err := emit(ev); err != nil && b.flaw != "it swallows errors" {
		b.log.Error("not recorded", "error", err)
	}
}

func TestABellIsASource(t *testing.T) {
	t.Parallel()
	Source(t, openBell(""))
}

func TestTheSuiteFindsASourceThat(t *testing.T) {
	t.Parallel()
	for flaw, rule := range map[string]sourceRule{
		"it tells what nobody did":              stopsIdle,
		"it leaves something running":           leavesNothing,
		"it goes on after it has returned":      leavesNothing,
		"it ends with the context's error":      stopsIdle,
		"it does not hear that it must stop":    stopsAtOnce,
		"it records in the background":          stopsDuringARecord,
		"it loses what happens meanwhile":       behindASlowRecord,
		"it tells twice":                        inOrder,
		"it dates by when it was told":          inOrder,
		"an event that is not recorded ends it": notRecorded,
		"its events share an ID":                inOrder,
		"it calls its events otherwise":         inOrder,
		"it stamps by itself":                   inOrder,
		"it swallows errors":                    notRecorded,
	} {
		t.Run(flaw, func(t *testing.T) {
			t.Parallel()
			if said := judge(t, rule, openBell(flaw)); len(said) == 0 {
				t.Error("the suite is content")
			}
		})
	}
}

// judge applies a rule and returns what it complains of.
func judge(t *testing.T, rule sourceRule, open OpenInput) []string {
	ctx, cancel := context.WithCancel(t.Context())
	j := &judged{TB: t, ctx: ctx}
	var over sync.WaitGroup
	over.Go(func() { rule(j, open) })
	over.Wait()
	cancel()
	return j.said
}

// judged is a test whose failing is the point.
type judged struct {
	testing.TB
	ctx  context.Context
	mu   sync.Mutex
	said []string
}

func (j *judged) Helper()                  {}
func (j *judged) Context() context.Context { return j.ctx }
func (j *judged) Cleanup(func())           {} // what the flaw left running may never end

func (j *judged) Errorf(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.said = append(j.said, fmt.Sprintf(format, args...))
}

func (j *judged) Fatalf(format string, args ...any) {
	j.Errorf(format, args...)
	runtime.Goexit()
}

func (j *judged) Fatal(args ...any) { j.Fatalf("%v", errors.New(fmt.Sprint(args...))) }
