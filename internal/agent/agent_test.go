package agent

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stationd/internal/station"
)

// A box is an outbox in memory that says what it is told to say.
type box struct {
	mu      sync.Mutex
	s       station.Snapshot
	stuck   chan struct{} // while it is not nil, a commit does not end
	err     error
	began   time.Time // of a commit that does not end
	changed chan struct{}
}

func newBox() *box { return &box{changed: make(chan struct{})} }

func (b *box) Snapshot() station.Snapshot {
	b.mu.Lock()
	s, stuck := b.s, b.stuck
	b.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	return s
}

func (b *box) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

func (b *box) Committing() (began time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.began
}

func (b *box) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *box) change(do func(*box)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do(b)
	close(b.changed)
	b.changed = make(chan struct{})
}

// A diary is what happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
	shown string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

// Show implements station.Display.
func (d *diary) Show(lights map[string]station.Light) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if line := "red " + lights["red"].String(); line != d.shown {
		d.shown = line
		d.lines = append(d.lines, line)
	}
}

func (d *diary) part(name string, lasts time.Duration) Part {
	return Part{Name: name, Run: func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(lasts)
		d.note(name + " ended")
		return nil
	}}
}

func setting(b *box, d *diary) Station {
	start := time.Now()
	return Station{
		Name: "pack4-1",
		Program: func() station.Program {
			return station.Program{Lamps: []string{"red"}, Lamp: map[string]string{"red": "red"}}
		},
		Stamp: func(t time.Time) station.Stamp {
			return station.Stamp{Wall: t, Boot: "b", Up: t.Sub(start), Trusted: true}
		},
		Outbox:   b,
		Status:   NewStatus(b),
		Displays: []station.Display{d},
		Log:      slog.New(slog.DiscardHandler),
	}
}

type tellerFunc func() map[string]string

func (t tellerFunc) Faults() map[string]string { return t() }

type teller map[string]string

func (t teller) Faults() map[string]string { return t }

func TestAgent(t *testing.T) {
	t.Parallel()
	t.Run("stopping: inputs first, off duty on the lamps, then the attempt under way, then the rest", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			s.Inputs = []Part{d.part("buttons", 0)}
			s.Lanes = []Part{d.part("lane", 20*time.Second)}
			s.Outputs = []Part{d.part("page", 0)}
			ready := false
			s.Ready = func() { ready = true }
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				time.Sleep(time.Minute)
				cancel()
			}()
			if err := Run(ctx, s); err != nil {
				t.Error(err)
			}
			want := []string{"red off", "buttons ended", "red off duty", "lane ended", "page ended"}
			if got := d.all(); !slices.Equal(got, want) || !ready {
				t.Errorf("%q, ready %v; want %q", got, ready, want)
			}
		})
	})
	t.Run("an input that began before the station was complete is stopped with the inputs", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			ctx, cancel := context.WithCancel(t.Context())
			s.Early = Begin(ctx, []Part{d.part("port", time.Second)})
			s.Lanes = []Part{d.part("lane", 20*time.Second)}
			// It ends when the port is told to, as what records the scans of a port.
			told := make(chan struct{})
			s.Early.parts.ended.Go(func() { <-told })
			s.Inputs = []Part{{Name: "recorder", Run: func(ctx context.Context) error {
				<-ctx.Done()
				close(told)
				d.note("recorder ended")
				return nil
			}}}
			go func() {
				time.Sleep(time.Minute)
				cancel()
			}()
			if err := Run(ctx, s); err != nil {
				t.Error(err)
			}
			want := []string{"red off", "recorder ended", "port ended", "red off duty", "lane ended"}
			if got := d.all(); !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	})
	t.Run("an early input that breaks ends the station, and one that was never taken over is stopped", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			s.Early = Begin(t.Context(), []Part{{Name: "port", Run: func(context.Context) error { return errors.New("broken") }}})
			if err := Run(t.Context(), s); err == nil || err.Error() != "port: broken" {
				t.Errorf("it ended with %v", err)
			}
			never := Begin(t.Context(), []Part{d.part("never", 0)})
			never.Stop()
			never.Stop()
			if got := d.all(); !slices.Contains(got, "never ended") {
				t.Errorf("%q", got)
			}
		})
	})
	t.Run("the lamp follows the outbox at once, and what passes ends by itself", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			ctx, cancel := context.WithCancel(t.Context())
			s := setting(b, d)
			a := s.Status
			ended := make(chan error)
			go func() { ended <- Run(ctx, s) }()
			synctest.Wait()
			b.change(func(b *box) { b.s.State.Sources = map[string]station.Tally{"red": {Waiting: 1}} })
			synctest.Wait()
			if got := a.Snapshot().Lights["red"]; got != station.Slow {
				t.Errorf("recorded: %v", got)
			}
			now := a.Snapshot().Now
			b.change(func(b *box) {
				b.s.State = station.State{Notes: map[string]station.Note{"red": {Kind: station.NoteDelivered, At: now}}}
			})
			synctest.Wait()
			if got := a.Snapshot().Lights["red"]; got != station.Steady {
				t.Errorf("just delivered: %v", got)
			}
			time.Sleep(station.Flash + lookEvery)
			if got := a.Snapshot().Lights["red"]; got != station.Off {
				t.Errorf("two seconds later: %v", got)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("a thousand changes in a second are not a thousand looks, and the last one is shown", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			ctx, cancel := context.WithCancel(t.Context())
			s := setting(b, d)
			looks := 0
			s.Program = func(program func() station.Program) func() station.Program {
				return func() station.Program { looks++; return program() }
			}(s.Program)
			ended := make(chan error)
			go func() { ended <- Run(ctx, s) }()
			synctest.Wait()
			const changes = 1000
			for i := range changes {
				b.change(func(b *box) { b.s.State.Sources = map[string]station.Tally{"red": {Waiting: i % 2}} })
				<-time.After(time.Second / changes)
			}
			<-time.After(looksWithin)
			if got := s.Status.Snapshot().Lights["red"]; got != station.Slow {
				t.Errorf("the last change left it %v", got)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if looks > changes/2 { // it asks for the program twice a look
				t.Errorf("%d looks at the program", looks)
			}
		})
	})
	t.Run("the answer to a scan lasts as long on a slow card, and is not given again after a restart", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			scanned := s.Stamp(time.Now())
			time.Sleep(3 * station.Flash) // the commit takes so long
			run := func(do func(*Status)) {
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error)
				go func() { ended <- Run(ctx, s) }()
				synctest.Wait()
				do(s.Status)
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
			shows := func(a *Status, when string, want station.Light) {
				t.Helper()
				synctest.Wait()
				if got := a.Snapshot().Lights["red"]; got != want {
					t.Errorf("%s: %v, want %v", when, got, want)
				}
			}
			run(func(a *Status) {
				b.change(func(b *box) {
					b.s.State.Notes = map[string]station.Note{"red": {Kind: station.NoteNeeds, Text: "order", At: scanned}}
				})
				shows(a, "at once", station.Quick)
				time.Sleep(station.Flash - lookEvery)
				shows(a, "before the flash is over", station.Quick)
				time.Sleep(2 * lookEvery)
				shows(a, "after it", station.Off)
			})
			run(func(a *Status) { shows(a, "after a restart", station.Off) })
		})
	})
	t.Run("a device that goes away shows at once, and what nobody tells of within five seconds", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			var fault atomic.Pointer[string]
			say := func(text string) { fault.Store(&text) }
			say("")
			s.Reporters = []station.HealthReporter{tellerFunc(func() map[string]string { return map[string]string{"red": *fault.Load()} })}
			now := make(chan struct{}, 1)
			s.LookNow = now
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- Run(ctx, s) }()
			time.Sleep(time.Second)
			say("its GPIO chip is gone")
			now <- struct{}{}
			synctest.Wait()
			if got := s.Status.Snapshot().Lights["red"]; got != station.Quick {
				t.Errorf("a chip that is gone shows as %v", got)
			}
			say("")
			time.Sleep(idleLookEvery)
			synctest.Wait()
			if got := s.Status.Snapshot().Lights["red"]; got != station.Off {
				t.Errorf("five seconds after nobody told of it, it shows as %v", got)
			}
			cancel()
			<-ended
		})
	})
	t.Run("a press that was not recorded shows at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			now := make(chan struct{}, 1)
			s.LookNow = now
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- Run(ctx, s) }()
			press := s.Status.Recording(func(all []station.Emitted) {
				b.change(func(*box) {}) // an outbox tells of its commit before its caller knows how it went
				synctest.Wait()
				all[0].Err = errors.New("the outbox is full")
			}, func() { now <- struct{}{} }).One()
			if _, err := press(station.Event{Source: "red", Kind: station.Press, At: s.Stamp(time.Now())}); err == nil {
				t.Error("it was recorded")
			}
			synctest.Wait()
			if got := s.Status.Snapshot().Lights["red"]; got != station.Quick {
				t.Errorf("it shows as %v", got)
			}
			cancel()
			<-ended
		})
	})
	t.Run("a reminder is heard when it is due, though nobody does anything", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			horns := &horns{}
			s.Sounders = []station.Sounder{horns}
			s.Program = func() station.Program {
				return station.Program{DefaultBuzzer: "horn", Reminders: map[string]time.Duration{"horn": 13 * time.Second}}
			}
			b.s.Health.Storage = "the card is full"
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- Run(ctx, s) }()
			time.Sleep(13*time.Second + time.Millisecond)
			horns.made(t, "horn: held")
			time.Sleep(13 * time.Second)
			horns.made(t, "horn: held", "horn: held")
			cancel()
			<-ended
		})
	})
	t.Run("a device that is not well shows within a second", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			s.Reporters = []station.HealthReporter{teller{"red": "stuck: held for 75 s"}}
			a := s.Status
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- Run(ctx, s) }()
			time.Sleep(time.Second)
			if got := a.Snapshot(); got.Lights["red"] != station.Quick || got.Health.Devices["red"] == "" {
				t.Errorf("%+v", got)
			}
			cancel()
			<-ended
		})
	})
	t.Run("a part that is well hides no fault of its namesake", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			s.Reporters = []station.HealthReporter{teller{"red": "its GPIO chip is gone"}, teller{"red": ""}}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- Run(ctx, s) }()
			time.Sleep(time.Second)
			if got := s.Status.Snapshot().Health.Devices["red"]; got != "its GPIO chip is gone" {
				t.Errorf("it says %q", got)
			}
			cancel()
			<-ended
		})
	})
	t.Run("a part that cannot go on stops the station in order, and is named", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			s.Inputs = []Part{{Name: "buttons", Run: func(context.Context) error { return errors.New("the chip is gone") }}}
			s.Lanes = []Part{d.part("lane", 0)}
			err := Run(t.Context(), s)
			if err == nil || err.Error() != "buttons: the chip is gone" {
				t.Errorf("error %v", err)
			}
			if got := d.all(); !slices.Contains(got, "lane ended") {
				t.Errorf("%q", got)
			}
		})
	})
	t.Run("a part that ends by itself is an error as well", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			s.Outputs = []Part{{Name: "page", Run: func(context.Context) error { return nil }}}
			if err := Run(t.Context(), s); err == nil || !strings.Contains(err.Error(), "page") {
				t.Errorf("error %v", err)
			}
		})
	})
	t.Run("an outbox that has failed stops the station", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			go func() {
				time.Sleep(time.Minute)
				b.change(func(b *box) { b.err = errors.New("storage failed") })
			}()
			if err := Run(t.Context(), setting(b, d)); err == nil || !strings.Contains(err.Error(), "storage failed") {
				t.Errorf("error %v", err)
			}
		})
	})
	t.Run("the watchdog hears of an outbox that no longer answers", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			a := s.Status
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- Run(ctx, s) }()
			time.Sleep(time.Minute)
			if err := a.Alive(); err != nil {
				t.Error(err)
			}
			stuck := make(chan struct{})
			b.change(func(b *box) { b.stuck = stuck })
			time.Sleep(staleAfter + time.Second)
			if err := a.Alive(); err == nil {
				t.Error("it vouches for a station that stands still")
			}
			b.change(func(b *box) { b.stuck = nil })
			close(stuck)
			time.Sleep(time.Second)
			if err := a.Alive(); err != nil {
				t.Error(err)
			}
			b.change(func(b *box) { b.began = time.Now() })
			time.Sleep(staleAfter + time.Second)
			if err := a.Alive(); err == nil {
				t.Error("it vouches for a station whose disk hangs, because others still see it")
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("before the first input runs the lamps have been handed what is on disk", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			b.s.State.Sources = map[string]station.Tally{"red": {Waiting: 1}} // of before the power cut
			s := setting(b, d)
			s.Inputs = []Part{{Name: "buttons", Run: func(ctx context.Context) error {
				d.note("buttons began")
				<-ctx.Done()
				return nil
			}}}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- Run(ctx, s) }()
			synctest.Wait()
			if got, want := d.all(), []string{"red slow", "buttons began"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("each thing sounds once, and not again after a restart", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			horns := &horns{}
			s.Sounders = []station.Sounder{horns}
			s.Program = func() station.Program {
				return station.Program{DefaultBuzzer: "horn", Reminders: map[string]time.Duration{"horn": time.Minute}}
			}
			note := func(source string, kind station.NoteKind) {
				at := s.Stamp(time.Now())
				b.change(func(b *box) {
					notes := map[string]station.Note{source: {Kind: kind, At: at}}
					for other, n := range b.s.State.Notes {
						if other != source {
							notes[other] = n
						}
					}
					b.s.State.Notes = notes
				})
			}
			run := func(do func()) {
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error)
				go func() { ended <- Run(ctx, s) }()
				synctest.Wait()
				do()
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
			time.Sleep(5 * time.Second)
			run(func() {
				note("red", station.NoteRecorded)
				time.Sleep(10 * time.Second)
				horns.made(t, "horn: recorded")
				note("red", station.NoteDelivered)
				note("hand", station.NoteUnknown)
				time.Sleep(time.Second)
				note("red", station.NoteRecorded)
				time.Sleep(time.Second)
				note("red", station.NoteDelivered) // and the scan's sound is the newest there is again
				time.Sleep(time.Second)
				horns.made(t, "horn: recorded", "horn: refused", "horn: recorded")
				note("hand", station.NoteHeld)
				b.change(func(b *box) { b.s.State.Sources = map[string]station.Tally{"hand": {Held: 1}} })
				time.Sleep(time.Second)
				horns.made(t, "horn: recorded", "horn: refused", "horn: recorded", "horn: held")
			})
			run(func() {
				time.Sleep(20 * time.Second)
				horns.made(t, "horn: recorded", "horn: refused", "horn: recorded", "horn: held")
				time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute + time.Second)))
				horns.made(t, "horn: recorded", "horn: refused", "horn: recorded", "horn: held", "horn: held")
			})
			run(func() { // within the two seconds of the reminder
				time.Sleep(20 * time.Second)
				horns.made(t, "horn: recorded", "horn: refused", "horn: recorded", "horn: held", "horn: held")
			})
		})
	})
	t.Run("of many scans at once a refused one is heard, though others come after it before the next look", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			horns := &horns{}
			s.Sounders = []station.Sounder{horns}
			s.Program = func() station.Program { return station.Program{DefaultBuzzer: "horn"} }
			emit := station.Emit(func(ev station.Event) (station.Result, error) {
				n := station.Note{Kind: station.NoteKind(ev.Code), At: ev.At}
				b.change(func(b *box) { b.s.State.Notes = map[string]station.Note{ev.Source: n} })
				synctest.Wait() // it is seen before whoever recorded it says so
				return station.Result{Note: n}, nil
			})
			record := s.Status.Recording(emit.All(), func() {}).One()
			scan := func(kind station.NoteKind) {
				_, _ = record(station.Event{Source: "hand", Kind: station.Scan, Code: string(kind), At: s.Stamp(time.Now())})
				synctest.Wait()
				time.Sleep(time.Millisecond)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- Run(ctx, s) }()
			synctest.Wait()
			for range mostLooks { // the lights are not worked out for each of those that follow
				scan(station.NoteRecorded)
			}
			heard := slices.Repeat([]string{"horn: recorded"}, mostLooks-1)
			horns.made(t, heard...)
			scan(station.NoteUnknown)
			scan(station.NoteRecorded)
			time.Sleep(time.Second)
			horns.made(t, append(heard, "horn: refused")...)
			scan(station.NoteRecorded)
			time.Sleep(time.Minute)
			horns.made(t, append(heard, "horn: refused", "horn: recorded")...)
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("while the station stops nothing sounds", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b, d := newBox(), &diary{}
			s := setting(b, d)
			horns := &horns{}
			s.Sounders = []station.Sounder{horns}
			s.Program = func() station.Program { return station.Program{DefaultBuzzer: "horn"} }
			s.Lanes = []Part{d.part("lane", 20*time.Second)}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- Run(ctx, s) }()
			synctest.Wait()
			cancel()
			time.Sleep(time.Second)
			b.change(func(b *box) { b.s.State.Notes = map[string]station.Note{"red": {Kind: station.NoteHeld}} })
			if err := <-ended; err != nil {
				t.Error(err)
			}
			horns.made(t)
		})
	})
}

// horns remember what they were told to say.
type horns struct {
	mu   sync.Mutex
	said []string
}

// Sound implements station.Sounder.
func (h *horns) Sound(sounds map[string]station.SoundKind) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for buzzer, kind := range sounds {
		h.said = append(h.said, buzzer+": "+kind.String())
	}
}

func (h *horns) made(t *testing.T, want ...string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.said, want) {
		t.Errorf("heard %q, want %q", h.said, want)
	}
}
