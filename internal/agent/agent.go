// Package agent runs the station: it starts the station's parts, works out how the lamps
// are lit and what the buzzers sound, and stops the parts in order.
//
// When the station stops, first the inputs stop: a press is not recorded any more, and the
// lamps show that the station is off duty. Then the lanes, which deliver the outbox's
// entries, end; the attempt under way is finished first, or nobody would know whether it
// arrived. Then everything else stops. Whoever called Run closes the outbox after that.
package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"stationd/internal/station"
)

// A Part is one thing that runs as long as the station does. Run blocks until ctx
// is done and then returns nil; an error before that stops the station.
type Part struct {
	Name string
	Run  func(ctx context.Context) error
}

// An Outbox is what the agent asks of the outbox, in which the station's events and entries
// are on disk.
type Outbox interface {
	Snapshot() station.Snapshot
	Changed() <-chan struct{}      // closed at the next change
	Err() error                    // why it records nothing more; nil while it does
	Committing() (began time.Time) // of the commit under way; zero while there is none
}

// A Station is everything that the agent runs. It is complete before Run is called:
// Run copies it, and a part that is added later would never run.
type Station struct {
	Name    string // of the station
	Version string
	Program func() station.Program
	Stamp   func(time.Time) station.Stamp
	Outbox  Outbox

	Early     *Early // inputs that run already; nil where none do
	Inputs    []Part // sources: stopped first
	Lanes     []Part // deliveries: stopped when the inputs have ended
	Outputs   []Part // lamps, pages, watchdog: stopped last
	Displays  []station.Display
	Sounders  []station.Sounder
	Reporters []station.HealthReporter
	Status    *Status // of Outbox; where the parts that need it find how the station is

	// Calls returns how open calls were last seen to stand at the vendors, by backend and
	// then by the vendor's name for the call. It must not block; it may be nil.
	Calls func() map[string]map[string]station.SeenCall

	// LookNow has a value when something may be wrong with a part, or well again: the lights
	// are worked out at once. It may be nil.
	LookNow <-chan struct{}

	Ready func() // called once, when every part has been started; may be nil
	Log   *slog.Logger
}

const (
	// lookEvery is how often the lights are worked out while a lamp flashes: a flash ends
	// by itself.
	lookEvery = station.Flash / 4

	// idleLookEvery is how often they are worked out when nothing changes and nobody asks for
	// it: a button that sticks, a card that is full. A station that nobody uses wakes its
	// processor no more often for it.
	idleLookEvery = 5 * time.Second

	// mostLooks is how often they are worked out within looksWithin: of a hundred scans a second
	// nobody sees each change of a lamp. What changes after a rest is shown at once.
	mostLooks   = 10
	looksWithin = 100 * time.Millisecond

	// staleAfter is how long the lights may go without being worked out, or a commit may
	// take, before the watchdog lets the process be restarted. A commit on a slow card
	// takes far less.
	staleAfter = 15 * time.Second
)

// A Status is how the station was when the agent last worked out its lights (a look). It is
// made before the Station, so that it can be handed to the parts that need it.
type Status struct {
	outbox Outbox
	rates  eventRates

	mu         sync.Mutex // guards what follows
	last       station.Snapshot
	looked     time.Time
	unrecorded map[string]station.RecentEvent // by source, the last
	unheard    map[string]unheardNote         // by source, the gravest since the last look
}

// An unheardNote is a note that no buzzer has said yet, and what it would say.
type unheardNote struct {
	station.Note
	sound station.SoundKind
}

// NewStatus returns the status of a station with this outbox, which nobody has
// looked at yet.
func NewStatus(outbox Outbox) *Status { return &Status{outbox: outbox} }

// Snapshot returns the station as it was at the last look, about five seconds ago at most;
// the zero Snapshot before the first. Its maps are shared: they are for reading
// only.
func (s *Status) Snapshot() station.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// Alive returns nil while the station makes progress: no commit hangs, and the
// lights are worked out, which asks every part how it is. It returns at once.
func (s *Status) Alive() error {
	if began := s.outbox.Committing(); !began.IsZero() {
		if age := time.Since(began); age > staleAfter {
			return fmt.Errorf("the outbox has been writing for %v", age.Round(time.Second))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looked.IsZero() {
		return errors.New("nobody has looked at it yet")
	}
	if age := time.Since(s.looked); age > staleAfter {
		return fmt.Errorf("the lights were last worked out %v ago", age.Round(time.Second))
	}
	return nil
}

// Recording returns an emit for the station's own inputs that remembers what could not be
// recorded, and calls lookNow then: the outbox has told of its change before that is known. At
// that look the lamp, the buzzer and the page of the event's source say so. lookNow must not
// block. It counts the events that each input has recorded, too, and keeps what the buzzers should
// say of them until the next look, which it calls for where that is grave: where much comes at once,
// the outbox tells of the last alone.
func (s *Status) Recording(emit station.EmitAll, lookNow func()) station.EmitAll {
	return func(all []station.Emitted) {
		emit(all)
		for _, e := range all {
			if e.Err != nil {
				s.keepUnrecorded(e.Event, e.Err)
				lookNow()
				continue
			}
			s.rates.add(e.Event.Source)
			if s.keepUnheard(e.Event.Source, e.Result.Note) > station.SoundRecorded {
				lookNow()
			}
		}
	}
}

// keepUnheard keeps a note for the buzzers, where none as grave is kept of its source, and returns
// what they say of it.
func (s *Status) keepUnheard(source string, n station.Note) station.SoundKind {
	sound := n.Kind.Reply().Buzzer
	s.mu.Lock()
	defer s.mu.Unlock()
	if sound <= s.unheard[source].sound {
		return sound
	}
	if s.unheard == nil {
		s.unheard = make(map[string]unheardNote)
	}
	s.unheard[source] = unheardNote{n, sound}
	return sound
}

// takeUnheard returns what was kept for the buzzers, by source, and keeps nothing of it.
func (s *Status) takeUnheard() map[string]unheardNote {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.unheard
	s.unheard = nil
	return all
}

func (s *Status) keepUnrecorded(ev station.Event, why error) {
	n := station.Note{Kind: station.NoteUnrecorded, Text: why.Error(), Why: station.ReasonOf(why), At: ev.At}
	s.keepUnheard(ev.Source, n)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unrecorded == nil {
		s.unrecorded = make(map[string]station.RecentEvent)
	}
	s.unrecorded[ev.Source] = ev.Recent(n)
}

// withUnrecorded returns a snapshot with the events that could not be recorded, and their
// notes.
func (s *Status) withUnrecorded(snapshot station.Snapshot) station.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	for source, ev := range s.unrecorded {
		snapshot.State = snapshot.State.WithNote(source, ev.Note)
		snapshot.Recent = station.NewestFirst(snapshot.Recent, []station.RecentEvent{ev})
	}
	return snapshot
}

// set keeps what a look came to.
func (s *Status) set(last station.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.looked = last, time.Now()
}

// An agent runs one station once.
type agent struct {
	station Station

	mu       sync.Mutex // guards the rest, and lets one look at a time be shown
	stopping bool
	heard    map[string]station.Sound // that were made; by name; nil before the first look
	made     []madeSound              // the last, the newest at the end
	notes    map[string]flash         // by source; nil before the first look
}

// mostMade is how many sounds are remembered as made: a note that comes twice, from the outbox
// and from who recorded it, comes with one or two looks between.
const mostMade = 64

// A madeSound is a sound by its name.
type madeSound struct {
	name string
	station.Sound
}

// A flash is a note, and when it was first shown.
type flash struct {
	station.Note
	shown station.Stamp
}

// Run runs the station until ctx is done, or until one of its parts cannot go on,
// and returns that part's error. It returns when everything has ended.
func Run(ctx context.Context, s Station) error {
	a := &agent{station: s}
	broken := make(chan error, 1+len(s.Inputs)+len(s.Lanes)+len(s.Outputs))
	a.look() // so that nobody ever sees an empty station

	outputs := start(ctx, broken, append([]Part{{Name: "lights", Run: a.runLights}}, s.Outputs...))
	lanes := start(ctx, broken, s.Lanes)
	inputs := start(ctx, broken, s.Inputs)
	early := s.Early
	if early == nil {
		early = Begin(ctx, nil)
	}
	if s.Ready != nil {
		s.Ready()
	}

	var err error
	select {
	case <-ctx.Done():
	case err = <-broken:
	case err = <-early.broken:
	}
	early.parts.cancel() // before it is waited for the others: each may wait for its other half
	inputs.stop()
	early.Stop()
	a.offDuty()
	lanes.stop()
	outputs.stop()
	for _, all := range []chan error{broken, early.broken} {
		close(all)
		for late := range all { // what broke while stopping is told as well
			err = errors.Join(err, late)
		}
	}
	return err
}

// An Early is some inputs that were started before the station was complete. They are stopped
// with its other inputs.
type Early struct {
	parts  *group
	broken chan error
}

// Begin starts inputs that need nothing of the rest of the station, while it is being opened.
// Run stops them, or, where it never comes to that, Stop.
func Begin(ctx context.Context, inputs []Part) *Early {
	broken := make(chan error, len(inputs))
	return &Early{start(ctx, broken, inputs), broken}
}

// Stop stops them, and returns when they have ended. To stop them again does nothing.
func (e *Early) Stop() { e.parts.stop() }

// A group is some parts that are stopped together.
type group struct {
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// start starts parts in a context of their own: what ends ctx ends none of them
// before its turn.
func start(ctx context.Context, broken chan<- error, parts []Part) *group {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	g := &group{cancel: cancel}
	for _, p := range parts {
		g.ended.Go(func() {
			switch err := p.Run(own); {
			case err != nil:
				broken <- fmt.Errorf("%s: %w", p.Name, err)
			case own.Err() == nil:
				broken <- fmt.Errorf("%s: it ended by itself", p.Name)
			}
		})
	}
	return g
}

func (g *group) stop() {
	g.cancel()
	g.ended.Wait()
}

// runLights works out the lights whenever something changes or a part says so, and shows them.
func (a *agent) runLights(ctx context.Context) error {
	began, looks := time.Now(), 0
	for {
		switch rest := looksWithin - time.Since(began); {
		case rest <= 0:
			began, looks = time.Now(), 0
		case looks >= mostLooks:
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(rest):
			}
			began, looks = time.Now(), 0
		}
		looks++
		changed := a.station.Outbox.Changed()
		if err := a.station.Outbox.Err(); err != nil {
			return err
		}
		a.look()
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-a.station.LookNow:
		case <-time.After(a.untilNextLook()):
		}
	}
}

// withSeen returns the calls with what the vendors were last seen to show of them.
func withSeen(calls []station.Call, seen map[string]map[string]station.SeenCall) []station.Call {
	calls = slices.Clone(calls)
	for i, c := range calls {
		if shown, known := seen[c.Backend][c.Ref]; known && c.Ref != "" {
			calls[i].Attended = shown.Attended
			calls[i].Number = cmp.Or(shown.Number, c.Number)
		}
	}
	return calls
}

// untilNextLook returns how long the lights stay right when nothing changes.
func (a *agent) untilNextLook() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.station.Stamp(time.Now())
	for _, n := range a.notes {
		if age, known := now.Since(n.shown); !known || age <= station.Flash {
			return lookEvery
		}
	}
	next := station.UntilBeat(time.Now(), idleLookEvery)
	for _, every := range a.station.Program().Reminders {
		if every > 0 {
			next = min(next, every-now.Up%every) // a buzzer's reminder is heard when it is due
		}
	}
	return next
}

// reasonsOf are the reasons of a reporter's faults, of which it may have none.
func reasonsOf(t station.HealthReporter) map[string]*station.Reason {
	if explainer, ok := t.(station.FaultExplainer); ok {
		return explainer.FaultReasons()
	}
	return nil
}

// look takes one look at the station and shows what the lamps may say.
func (a *agent) look() {
	s := a.station.Status.withUnrecorded(a.station.Outbox.Snapshot())
	s.Station, s.Version = a.station.Name, a.station.Version
	if a.station.Calls != nil {
		s.State.Calls = withSeen(s.State.Calls, a.station.Calls())
	}
	s.Now = a.station.Stamp(time.Now())
	s.Health.Clock = s.Now.Trusted
	s.Health.Devices, s.Health.Advice = make(map[string]string), make(map[string]string)
	s.Health.Reasons = make(map[string]*station.Reason)
	for _, t := range a.station.Reporters {
		reasons := reasonsOf(t)
		for name, fault := range t.Faults() {
			if s.Health.Devices[name] == "" { // what is wrong is not hidden by a namesake that is well
				s.Health.Devices[name] = fault
				if why := reasons[name]; fault != "" && why != nil {
					s.Health.Reasons[name] = why
				}
			}
		}
		if adviser, ok := t.(station.Adviser); ok {
			maps.Copy(s.Health.Advice, adviser.Advice())
		}
	}
	for source, fault := range a.station.Status.rates.faults() {
		if s.Health.Devices[source] == "" {
			s.Health.Devices[source] = fault
			s.Health.Reasons[source] = &station.Reason{Kind: "too-many-events"}
		}
	}
	program := a.station.Program()

	a.mu.Lock()
	defer a.mu.Unlock()
	s.Lights = program.Lights(a.sinceShown(s.State, s.Now), s.Health, s.Now)
	if a.stopping {
		for _, lamp := range program.Lamps {
			s.Lights[lamp] = station.OffDuty
		}
	}
	for _, d := range a.station.Displays {
		d.Show(s.Lights)
	}
	a.newSounds(program.Sounds(s.State, s.Health, s.Now), soundsOf(program, a.station.Status.takeUnheard()))
	a.station.Status.set(s)
}

// sinceShown is the state for the lamps, in which a note's age counts from when it was first
// shown. On a slow card a scan is on disk only when it is older already than a flash lasts,
// and its operator would see nothing. Notes from before the first look keep their age.
// The caller holds mu.
func (a *agent) sinceShown(s station.State, now station.Stamp) station.State {
	seen := make(map[string]flash, len(s.Notes))
	notes := make(map[string]station.Note, len(s.Notes))
	for source, n := range s.Notes {
		f, known := a.notes[source]
		if !known || f.Note != n {
			f = flash{n, now}
			if a.notes == nil {
				f.shown = n.At
			}
		}
		seen[source] = f
		n.At = f.shown
		notes[source] = n
	}
	a.notes = seen
	s.Notes = notes
	return s
}

// soundsOf are the sounds of notes, by source.
func soundsOf(program station.Program, notes map[string]unheardNote) map[string]station.Sound {
	sounds := make(map[string]station.Sound, len(notes))
	for source, n := range notes {
		sounds[source] = program.NoteSound(source, n.Note)
	}
	return sounds
}

// newSounds has the buzzers make the sounds that were not made yet; of several for one
// buzzer, the gravest. all are those of the station as it is, of which those of the first look
// are left out: they may have been made before the station was started again. recorded are those
// of what was recorded since the look before, where all may have a newer one. The caller holds mu.
func (a *agent) newSounds(all, recorded map[string]station.Sound) {
	first := a.heard == nil
	if first {
		a.heard = make(map[string]station.Sound)
	}
	fresh := make(map[string]station.SoundKind)
	add := func(name string, s station.Sound) {
		if s.Buzzer == "" || s.Kind == station.Silent || slices.ContainsFunc(a.made, func(m madeSound) bool { return m.name == name && m.Same(s) }) {
			return
		}
		fresh[s.Buzzer] = max(fresh[s.Buzzer], s.Kind)
		a.made = append(a.made[max(0, len(a.made)-mostMade+1):], madeSound{name, s})
	}
	for name, s := range recorded {
		add(name, s)
	}
	for name, s := range all {
		before, ever := a.heard[name]
		a.heard[name] = s
		if !first && (!ever || !s.Same(before)) {
			add(name, s)
		}
	}
	if len(fresh) == 0 || a.stopping {
		return
	}
	for _, d := range a.station.Sounders {
		d.Sound(fresh)
	}
}

// offDuty makes every lamp show that nothing pressed here is recorded any more.
func (a *agent) offDuty() {
	a.mu.Lock()
	a.stopping = true
	a.mu.Unlock()
	a.look()
}
