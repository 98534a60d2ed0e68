package stationtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/internal/station"
)

// An Input is one source and a hand at its device, fresh for each test.
type Input struct {
	Source station.Source

	// Events names everything that Act brings about: hand.scan.
	Events []string

	// Act does at the device what must become exactly one event, and returns when
	// it is done there, told or not. n is counted from 1, so that what is read can
	// be another thing each time.
	Act func(n int)

	// Ready reports whether the running source would take an Act for an event now:
	// the port is open, the contact has been seen at rest. It is called again and
	// again until it is true, from another goroutine than Run's.
	Ready func() bool
}

// OpenInput makes an Input. Every event is stamped with stamp, and what the source
// has to say goes to log.
type OpenInput func(t testing.TB, stamp func(time.Time) station.Stamp, log *slog.Logger) Input

const (
	// readyWithin is how long a source may take until it listens.
	readyWithin = 10 * time.Second

	// toldWithin is how long an event may take from the device to emit.
	toldWithin = 5 * time.Second

	// quiet is how long nothing more must be told before nothing more is believed.
	quiet = 300 * time.Millisecond

	// lookAgain is how often what must become true is looked at.
	lookAgain = 2 * time.Millisecond
)

// Source proves that a source keeps the contract of station.Source. It runs in
// real time, since devices do.
func Source(t *testing.T, open OpenInput) {
	for sentence, rule := range sourceRules() {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			rule(t, open)
		})
	}
}

// A sourceRule is one sentence of the contract.
type sourceRule func(t testing.TB, open OpenInput)

func sourceRules() map[string]sourceRule {
	return map[string]sourceRule{
		"what happens is told once, in its order, with an ID of its own and its time":      inOrder,
		"what happens while an event is being recorded is told afterwards, none is lost":   behindASlowRecord,
		"an event that is not recorded is said aloud, once, and the next is told as ever":  notRecorded,
		"when its context ends an idle source returns nil soon":                            stopsIdle,
		"a context that has ended already makes it return nil and tell nothing":            stopsAtOnce,
		"a source that is stopped during a record returns when that is over, and not ever": stopsDuringARecord,
		"when it has returned it tells nothing more and has left nothing running":          leavesNothing,
	}
}

// A running is a source that runs, and what it told.
type running struct {
	t     testing.TB
	in    Input
	began time.Time
	label string
	log   *ear
	stop  context.CancelFunc
	ended chan error

	mu     sync.Mutex // guards what follows
	told   []station.Event
	at     []time.Time // when emit was called
	busy   int         // emits under way
	answer station.Emit
}

// stampBoot is the boot that the stamps of these tests carry.
const stampBoot = "the suite's boot"

// begin opens an input, runs its source and waits until it listens. What answer
// returns is what emit returns; nil records everything.
func begin(t testing.TB, open OpenInput, answer station.Emit) *running {
	t.Helper()
	r := prepare(t, open, answer)
	r.run(t.Context())
	r.until(readyWithin, "the source listens", r.in.Ready)
	return r
}

func prepare(t testing.TB, open OpenInput, answer station.Emit) *running {
	t.Helper()
	r := &running{t: t, began: time.Now(), log: &ear{}, ended: make(chan error, 1), answer: answer}
	r.label = fmt.Sprintf("%p", r)
	r.in = open(t, func(at time.Time) station.Stamp {
		return station.Stamp{Wall: at, Boot: stampBoot, Up: at.Sub(r.began)}
	}, slog.New(r.log))
	return r
}

// run runs the source until the test ends. Every goroutine that comes of it
// carries the label.
func (r *running) run(ctx context.Context) {
	ctx, r.stop = context.WithCancel(ctx)
	var over sync.WaitGroup
	over.Go(func() {
		pprof.Do(ctx, pprof.Labels("source", r.label), func(ctx context.Context) {
			r.ended <- r.in.Source.Run(ctx, r.emit)
		})
	})
	r.t.Cleanup(func() {
		r.stop()
		over.Wait()
	})
}

func (r *running) emit(ev station.Event) (station.Result, error) {
	r.mu.Lock()
	r.told, r.at = append(r.told, ev), append(r.at, time.Now())
	r.busy++
	if r.busy > 1 {
		r.t.Errorf("%s is told while another event is being recorded: their order is lost", ev.Name())
	}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.busy--
		r.mu.Unlock()
	}()
	if r.answer != nil {
		return r.answer(ev)
	}
	return station.Result{ID: ev.ID}, nil
}

// events returns what was told so far.
func (r *running) events() []station.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

// act does what must become the n-th event.
func (r *running) act(n int) (began time.Time) {
	began = time.Now()
	r.in.Act(n)
	return began
}

// hears waits until so many events were told.
func (r *running) hears(n int) {
	r.t.Helper()
	r.until(toldWithin, fmt.Sprintf("event %d is told", n), func() bool { return len(r.events()) >= n })
}

func (r *running) until(within time.Duration, what string, fact func() bool) {
	r.t.Helper()
	for end := time.Now().Add(within); !fact(); <-time.After(lookAgain) {
		if time.Now().After(end) {
			r.t.Fatalf("waited %v in vain until %s", within, what)
		}
	}
}

// returns waits until Run has returned nil.
func (r *running) returns() {
	r.t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			r.t.Errorf("Run returned %v, want nil", err)
		}
	case <-time.After(patience):
		r.t.Fatalf("Run has not returned %v after its context ended", patience)
	}
}

// sound checks what was told against when it was done.
func (r *running) sound(acts []time.Time) {
	r.t.Helper()
	<-time.After(quiet)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.told) != len(acts) {
		r.t.Fatalf("%d events told of %d things done", len(r.told), len(acts))
	}
	ids := make(map[station.ID]bool)
	for i, ev := range r.told {
		switch {
		case ev.ID == "" || ids[ev.ID]:
			r.t.Errorf("event %d has the ID %q, which is not one of its own", i+1, ev.ID)
		case !slices.Contains(r.in.Events, ev.Name()):
			r.t.Errorf("event %d is %s, want one of %v", i+1, ev.Name(), r.in.Events)
		case ev.At.Boot != stampBoot:
			r.t.Errorf("event %d is not stamped with the stamp it was handed: %+v", i+1, ev.At)
		case ev.At.Wall.Before(acts[i]) || ev.At.Wall.After(r.at[i]):
			r.t.Errorf("event %d is dated %v after it was done and told %v after it", i+1, ev.At.Wall.Sub(acts[i]), r.at[i].Sub(acts[i]))
		}
		ids[ev.ID] = true
	}
}

func inOrder(t testing.TB, open OpenInput) {
	r := begin(t, open, nil)
	var acts []time.Time
	for n := range 4 {
		acts = append(acts, r.act(n+1))
		r.hears(n + 1)
	}
	r.sound(acts)
}

func behindASlowRecord(t testing.TB, open OpenInput) {
	recorded := make(chan struct{})
	r := begin(t, open, func(station.Event) (station.Result, error) {
		<-recorded
		return station.Result{}, nil
	})
	free := sync.OnceFunc(func() { close(recorded) })
	t.Cleanup(free)
	acts := []time.Time{r.act(1)}
	r.hears(1)
	for n := range 3 {
		acts = append(acts, r.act(n+2))
	}
	free()
	r.hears(len(acts))
	r.sound(acts)
}

var errNotRecorded = errors.New("the card is full, says the suite")

func notRecorded(t testing.TB, open OpenInput) {
	var once sync.Once
	r := begin(t, open, func(station.Event) (_ station.Result, err error) {
		once.Do(func() { err = errNotRecorded })
		return station.Result{}, err
	})
	acts := []time.Time{r.act(1)}
	r.hears(1)
	acts = append(acts, r.act(2))
	r.hears(2)
	r.sound(acts)
	if got := r.log.heard(errNotRecorded.Error()); got != 1 {
		t.Errorf("the log says %d times at level warning or above that an event was not recorded, want once", got)
	}
}

func stopsIdle(t testing.TB, open OpenInput) {
	r := begin(t, open, nil)
	r.stop()
	r.returns()
	if n := len(r.events()); n != 0 {
		t.Errorf("%d events told of nothing", n)
	}
}

func stopsAtOnce(t testing.TB, open OpenInput) {
	r := prepare(t, open, nil)
	over, stop := context.WithCancel(t.Context())
	stop()
	r.run(over)
	r.returns()
	if n := len(r.events()); n != 0 {
		t.Errorf("%d events told of nothing", n)
	}
}

func stopsDuringARecord(t testing.TB, open OpenInput) {
	recorded := make(chan struct{})
	r := begin(t, open, func(station.Event) (station.Result, error) {
		<-recorded
		return station.Result{}, nil
	})
	free := sync.OnceFunc(func() { close(recorded) })
	t.Cleanup(free)
	r.act(1)
	r.hears(1)
	r.stop()
	select {
	case err := <-r.ended:
		t.Fatalf("Run returned %v while its event was still being recorded", err)
	case <-time.After(quiet):
	}
	free()
	r.returns()
}

func leavesNothing(t testing.TB, open OpenInput) {
	r := begin(t, open, nil)
	r.act(1)
	r.hears(1)
	r.stop()
	r.returns()
	told := len(r.events())
	r.in.Act(2)
	<-time.After(quiet)
	if now := len(r.events()); now != told {
		t.Errorf("%d events told after Run returned", now-told)
	}
	var left string
	for end := time.Now().Add(patience); time.Now().Before(end); <-time.After(lookAgain) {
		if left = r.goroutines(); left == "" {
			return
		}
	}
	t.Errorf("Run has returned and left running:\n%s", left)
}

// goroutines returns the stacks of everything that Run has started and that
// still runs.
func (r *running) goroutines() string {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		r.t.Fatal(err)
	}
	var ours []string
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(stack, r.label) {
			ours = append(ours, stack)
		}
	}
	return strings.Join(ours, "\n\n")
}

// An ear is a log that remembers what was said at level warning and above.
type ear struct {
	mu    sync.Mutex // guards lines
	lines []string
}

// heard returns how many lines hold the text.
func (e *ear) heard(text string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, line := range e.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// Enabled implements slog.Handler.
func (e *ear) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (e *ear) Handle(_ context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return nil
	}
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines = append(e.lines, line)
	return nil
}

// WithAttrs implements slog.Handler.
func (e *ear) WithAttrs([]slog.Attr) slog.Handler { return e }

// WithGroup implements slog.Handler.
func (e *ear) WithGroup(string) slog.Handler { return e }
