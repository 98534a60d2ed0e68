// Package stationtest holds what every station.Backend must do, as tests that an
// implementation calls with itself, and a backend in memory that does it.
package stationtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/internal/station"
)

// A Fault is how the vendor, or the way to it, is broken.
type Fault uint8

// The faults. A vendor that is sound has none. Reads never change anything, so
// LostAnswer and LostRequest strike what acts and let reads through.
const (
	Sound       Fault = iota
	Unplugged         // nothing reaches the vendor, not even a connection
	LostAnswer        // the vendor acts, and its answer never arrives
	LostRequest       // the request leaves, and the vendor never acts on it
	Silent            // the request leaves, and neither an act nor an answer comes
	SaysNo            // the vendor understands and refuses
)

// A Bench is one backend before one vendor, fresh for each test.
type Bench struct {
	Backend station.Backend

	// Deliveries holds one good delivery of every verb, the first attempt of a
	// fresh entry. Each has an effect at the vendor when it is delivered.
	Deliveries []station.Delivery

	// Harmless names the verbs whose repetition changes nothing. They alone may be
	// sent again before the settle time is over.
	Harmless []string

	// Blind names the verbs of a vendor that can be asked nothing. In doubt they are
	// for a person, and nothing is sent.
	Blind []string

	Break   func(Fault) // until the next Break
	Effects func() int  // how often the vendor has acted so far
	Secret  string      // the key, which nobody may ever see; empty: there is none
}

// patience is how long a backend may take to notice that its context has ended.
const patience = 2 * time.Second

// Backend proves that a backend keeps the contract of station.Backend. open
// makes a bench whose vendor has seen nothing yet.
func Backend(t *testing.T, open func(t *testing.T) Bench) {
	t.Run("every verb can be told from its declaration what it needs", func(t *testing.T) {
		t.Parallel()
		declared(t, open(t))
	})
	for i, d := range open(t).Deliveries {
		t.Run(d.Verb, func(t *testing.T) {
			for sentence, rule := range rules() {
				t.Run(sentence, func(t *testing.T) {
					t.Parallel()
					b := open(t)
					rule(t, b, b.Deliveries[i])
				})
			}
		})
	}
	t.Run("deliveries of several lanes go side by side", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		var all sync.WaitGroup
		for _, d := range b.Deliveries {
			all.Go(func() { b.want(t, b.attempt(t.Context(), d), station.Delivered) })
		}
		all.Wait()
	})
}

func rules() map[string]func(*testing.T, Bench, station.Delivery) {
	return map[string]func(*testing.T, Bench, station.Delivery){
		"a sound vendor acts once": once,
		"one attempt acts once at most, also when it is made again by mistake":      onceEach,
		"what is meant for somebody else is refused":                                stranger,
		"an unknown verb is refused":                                                unknownVerb,
		"a missing field is refused":                                                missingField,
		"with the cable out it is unreached and nothing happened":                   unplugged,
		"a no of the vendor's is refused, with its reason":                          refused,
		"after a lost answer looking finds the work done, and it is not repeated":   lostAnswer,
		"after a lost request it is sent once more, and not before the settle time": lostRequest,
		"in doubt and with the cable out it is unreached and nothing is sent":       doubtUnplugged,
		"a context that has ended sends nothing":                                    cancelledBefore,
		"a context that ends while the vendor is silent leaves doubt":               cancelledDuring,
	}
}

// attempt makes one attempt as a lane does: a verb that must see how things
// stand looks first, as long as it is certain that nothing has arrived.
func (b Bench) attempt(ctx context.Context, d station.Delivery) (rc station.Receipt) {
	_, rc = b.attemptFrom(ctx, d)
	return rc
}

// attemptFrom is attempt, and returns the delivery with what was seen before.
func (b Bench) attemptFrom(ctx context.Context, d station.Delivery) (station.Delivery, station.Receipt) {
	if b.verb(d.Verb).Before && !d.Doubtful {
		before, rc := b.Backend.(station.Looker).Look(ctx, d)
		if rc.Outcome != station.Delivered {
			return d, rc
		}
		d.Before = before
	}
	return d, b.Backend.Deliver(ctx, d)
}

func (b Bench) verb(name string) station.Verb {
	verbs := b.Backend.Verbs()
	i := slices.IndexFunc(verbs, func(v station.Verb) bool { return v.Name == name })
	if i < 0 {
		return station.Verb{}
	}
	return verbs[i]
}

// want checks a receipt: its outcome, and that it is one at all.
func (b Bench) want(t *testing.T, rc station.Receipt, outcomes ...station.Outcome) {
	t.Helper()
	if !slices.Contains(outcomes, rc.Outcome) {
		t.Errorf("the outcome is %v (%v), want one of %v", rc.Outcome, rc.Err, outcomes)
	}
	if (rc.Err == nil) != (rc.Outcome == station.Delivered) {
		t.Errorf("the outcome is %v and its error is %v", rc.Outcome, rc.Err)
	}
	if rc.Wait < 0 {
		t.Errorf("the wait is %v", rc.Wait)
	}
	if b.Secret == "" {
		return
	}
	for err := rc.Err; err != nil; err = errors.Unwrap(err) {
		if strings.Contains(err.Error(), b.Secret) {
			t.Errorf("an error shows the key")
		}
	}
	if strings.Contains(rc.Ref+rc.Note, b.Secret) {
		t.Errorf("the receipt shows the key")
	}
}

func (b Bench) wantEffects(t *testing.T, want int) {
	t.Helper()
	if got := b.Effects(); got != want {
		t.Errorf("the vendor acted %d times, want %d", got, want)
	}
}

func declared(t *testing.T, b Bench) {
	tried := map[string]bool{}
	for _, d := range b.Deliveries {
		tried[d.Verb] = true
	}
	for _, v := range b.Backend.Verbs() {
		if !tried[v.Name] {
			t.Errorf("%s: the bench has no delivery of it", v.Name)
		}
		if len(v.Lane) == 0 && v.Ends == "" {
			t.Errorf("%s: it has no lane and ends no call: nobody could say where it waits", v.Name)
		}
		for _, name := range v.Lane {
			if f, ok := v.Field(name); !ok || !f.Required {
				t.Errorf("%s: its lane needs %s, which is not a required field", v.Name, name)
			}
		}
		for _, name := range append(slices.Clone(v.Opens), v.Ends) {
			if _, ok := v.Field(name); !ok && name != "" {
				t.Errorf("%s: it has no field %s", v.Name, name)
			}
		}
		for _, f := range v.Fields {
			if f.Help == "" {
				t.Errorf("%s: nobody says what %s means", v.Name, f.Name)
			}
		}
		if _, looks := b.Backend.(station.Looker); v.Before && !looks {
			t.Errorf("%s: it must see how things stand before, and the backend is no Looker", v.Name)
		}
	}
}

func once(t *testing.T, b Bench, d station.Delivery) {
	b.want(t, b.attempt(t.Context(), d), station.Delivered)
	b.wantEffects(t, 1)
}

func onceEach(t *testing.T, b Bench, d station.Delivery) {
	d, rc := b.attemptFrom(t.Context(), d)
	b.want(t, rc, station.Delivered)
	d.Attempt++
	d.Doubtful = true
	b.want(t, b.Backend.Deliver(t.Context(), d), station.Delivered, station.Doubtful)
	b.wantEffects(t, 1)
}

func stranger(t *testing.T, b Bench, d station.Delivery) {
	d.To = "https://elsewhere.example/"
	b.want(t, b.attempt(t.Context(), d), station.Refused)
	b.want(t, b.Backend.Deliver(t.Context(), d), station.Refused)
	b.wantEffects(t, 0)
}

func unknownVerb(t *testing.T, b Bench, d station.Delivery) {
	d.Verb = "nobody.knows"
	b.want(t, b.Backend.Deliver(t.Context(), d), station.Refused)
	b.wantEffects(t, 0)
}

func missingField(t *testing.T, b Bench, d station.Delivery) {
	for _, f := range b.verb(d.Verb).Fields {
		if !f.Required {
			continue
		}
		less := d
		less.With = map[string]string{}
		for name, value := range d.With {
			if name != f.Name {
				less.With[name] = value
			}
		}
		b.want(t, b.attempt(t.Context(), less), station.Refused)
	}
	b.wantEffects(t, 0)
}

func unplugged(t *testing.T, b Bench, d station.Delivery) {
	b.Break(Unplugged)
	b.want(t, b.attempt(t.Context(), d), station.Unreached)
	b.want(t, b.Backend.Deliver(t.Context(), d), station.Unreached)
	b.Break(Sound)
	b.wantEffects(t, 0)
}

func refused(t *testing.T, b Bench, d station.Delivery) {
	b.Break(SaysNo)
	b.want(t, b.attempt(t.Context(), d), station.Refused)
	b.wantEffects(t, 0)
}

func lostAnswer(t *testing.T, b Bench, d station.Delivery) {
	b.Break(LostAnswer)
	d, rc := b.attemptFrom(t.Context(), d)
	b.want(t, rc, station.Doubtful)
	b.Break(Sound)
	d.Attempt++
	d.Doubtful = true
	d.Settle = time.Minute
	if b.isHeldBlind(t, d) {
		b.wantEffects(t, 1)
		return
	}
	b.want(t, b.Backend.Deliver(t.Context(), d), station.Delivered)
	b.wantEffects(t, 1)
}

// isHeldBlind reports whether the verb's vendor can be asked nothing, and checks that
// what is in doubt is then for a person.
func (b Bench) isHeldBlind(t *testing.T, d station.Delivery) bool {
	t.Helper()
	if !slices.Contains(b.Blind, d.Verb) {
		return false
	}
	rc := b.Backend.Deliver(t.Context(), d)
	b.want(t, rc, station.Doubtful)
	if !errors.Is(rc.Err, station.ErrUndecided) {
		t.Errorf("what nobody can look up is answered with %v, want %v", rc.Err, station.ErrUndecided)
	}
	return true
}

func lostRequest(t *testing.T, b Bench, d station.Delivery) {
	b.Break(LostRequest)
	d, rc := b.attemptFrom(t.Context(), d)
	b.want(t, rc, station.Doubtful)
	b.Break(Sound)
	d.Attempt++
	d.Doubtful = true
	d.Settle = time.Minute
	if b.isHeldBlind(t, d) {
		b.wantEffects(t, 0)
		return
	}
	if !slices.Contains(b.Harmless, d.Verb) {
		rc = b.Backend.Deliver(t.Context(), d)
		b.want(t, rc, station.Doubtful)
		if errors.Is(rc.Err, station.ErrUndecided) || rc.Wait != d.Settle {
			t.Errorf("an absence that may be early is answered with %v and a wait of %v, want a wait of %v", rc.Err, rc.Wait, d.Settle)
		}
		b.wantEffects(t, 0)
		d.Attempt++
		d.Settle, d.LookOnly = 0, true
		rc = b.Backend.Deliver(t.Context(), d)
		b.want(t, rc, station.Unreached)
		if !errors.Is(rc.Err, station.ErrAbsent) {
			t.Errorf("looked up after the settle time it is answered with %v, want %v", rc.Err, station.ErrAbsent)
		}
		b.wantEffects(t, 0)
		d.Attempt++
		d.LookOnly = false
	}
	b.want(t, b.Backend.Deliver(t.Context(), d), station.Delivered)
	b.wantEffects(t, 1)
}

func doubtUnplugged(t *testing.T, b Bench, d station.Delivery) {
	d, rc := b.attemptFrom(t.Context(), d)
	b.want(t, rc, station.Delivered)
	b.Break(Unplugged)
	d.Doubtful = true
	if !b.isHeldBlind(t, d) {
		b.want(t, b.Backend.Deliver(t.Context(), d), station.Unreached)
	}
	b.Break(Sound)
	b.wantEffects(t, 1)
}

func cancelledBefore(t *testing.T, b Bench, d station.Delivery) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.want(t, b.attempt(ctx, d), station.Unreached, station.Doubtful)
	b.wantEffects(t, 0)
}

func cancelledDuring(t *testing.T, b Bench, d station.Delivery) {
	if b.verb(d.Verb).Before {
		before, rc := b.Backend.(station.Looker).Look(t.Context(), d)
		b.want(t, rc, station.Delivered)
		d.Before = before
	}
	b.Break(Silent)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	b.want(t, b.Backend.Deliver(ctx, d), station.Doubtful)
	if took := time.Since(start); took > patience {
		t.Errorf("it took %v to notice that the context had ended", took)
	}
	b.Break(Sound)
	b.wantEffects(t, 0)
}
