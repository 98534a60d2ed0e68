package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"stationd/internal/api"
	"stationd/internal/station"
	"stationd/internal/systemd"
)

// force is the configuration in force. A reload swaps the program, the keys and
// the rates between two records; what is open stays as it is until a restart.
type force struct {
	log      *slog.Logger
	faults   *faults
	plan     atomic.Pointer[plan]
	backends map[string]*backend
	path     string
	turn     sync.Mutex // of reloads
	swapped  func()     // called when another configuration is in force; may be nil
}

// takeUp opens the backends of a plan and puts it in force. A backend whose key or
// whose files cannot be read is closed for now: it is a fault, what is for it waits,
// and retry opens it.
func takeUp(p *plan, faults *faults, log *slog.Logger) *force {
	f := &force{log: log, faults: faults, backends: make(map[string]*backend), path: p.path}
	f.plan.Store(p)
	for _, v := range p.vendors {
		opened, err := v.open(log)
		if err != nil {
			opened = closedBackend{v, err}
		}
		f.tell(v.name, err)
		f.backends[v.name] = newBackend(opened)
	}
	return f
}

// tell says why a vendor's backend is closed, or with nil that it is open.
func (f *force) tell(vendor string, err error) {
	key, rest := "", ""
	switch {
	case errors.Is(err, api.ErrKeyUnusable):
		key = err.Error()
	case err != nil:
		rest = err.Error()
	}
	f.faults.set(vendor+" key", key)
	if rest != "" || f.faults.Tell()[vendor] != "" {
		f.faults.set(vendor, rest)
	}
}

// retry opens the backends that are closed, where what they lacked is there now.
func (f *force) retry() {
	f.turn.Lock()
	defer f.turn.Unlock()
	for _, v := range f.plan.Load().vendors {
		b := f.backends[v.name]
		if b == nil || !b.closed() {
			continue
		}
		opened, err := v.open(f.log)
		f.tell(v.name, err)
		if err != nil {
			continue
		}
		b.now.Store(&opened)
		b.renewed()
		if f.swapped != nil {
			f.swapped()
		}
	}
}

func (f *force) program() station.Program { return f.plan.Load().program }

// settle is how long after an attempt an absence at the backend proves nothing.
func (f *force) settle(backend string) time.Duration {
	for _, v := range f.plan.Load().vendors {
		if v.name == backend {
			return v.settle
		}
	}
	return time.Minute
}

func (f *force) speaksTo(backend string) bool { return f.backends[backend] != nil }

// run reloads the configuration at each SIGHUP until ctx is done, and takes up what a
// backend lacked as soon as it is there.
func (f *force) run(ctx context.Context) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f.retry()
		case <-hangup:
			f.reload()
		}
	}
}

// reload takes up the file as it is now, and returns what is wrong with it, nothing
// where it is in force. Where anything is wrong the configuration in force stays, and
// that is a fault of the station until a reload is taken up.
func (f *force) reload() []string {
	f.turn.Lock()
	defer f.turn.Unlock()
	if err := systemd.Reloading(); err != nil {
		f.log.Warn("the service manager does not answer", "error", err)
	}
	defer func() {
		if err := systemd.Ready(); err != nil {
			f.log.Warn("the service manager does not answer", "error", err)
		}
	}()
	wrong := f.take()
	if len(wrong) > 0 {
		for _, fault := range wrong {
			f.log.Error("a fault in the configuration", "fault", fault)
		}
		f.log.Error("the configuration stays as it was", "faults", len(wrong))
		f.faults.set(partConfiguration, rejected(f.path, wrong))
		return wrong
	}
	f.faults.set(partConfiguration, "")
	f.log.Info("the configuration was reloaded", "bindings", len(f.plan.Load().program.Bindings))
	return nil
}

// rejected is the fault of a station whose file was not taken up.
func rejected(path string, wrong []string) string {
	more := ""
	if n := len(wrong) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("the file was not taken up and what was in force before stays: %s%s; put it right (stationd check %s), then: systemctl reload stationd", wrong[0], more, path)
}

// take puts the file as it is now in force, and returns what keeps it from being so.
func (f *force) take() (wrong []string) {
	next, faults, err := read(f.path)
	if err != nil {
		return []string{err.Error()}
	}
	for _, fault := range faults {
		wrong = append(wrong, fault.String())
	}
	if len(wrong) > 0 {
		return wrong
	}
	if err := f.swap(next); err != nil {
		return []string{err.Error()}
	}
	next.keep(f.log)
	return nil
}

// swap puts next in force, as far as that can be done while the station runs.
func (f *force) swap(next *plan) error {
	was := f.plan.Load()
	if keys := needRestart(was, next); len(keys) > 0 {
		return fmt.Errorf("%s: a change of %s needs a restart: systemctl restart stationd", f.path, strings.Join(keys, "; "))
	}
	fresh := make(map[string]station.Backend)
	unusable := make(map[string]error)
	for _, v := range next.vendors {
		opened, err := v.open(f.log)
		switch {
		case err == nil:
			fresh[v.name] = opened
		case f.backends[v.name].closed():
			// It was closed before, and keeps nothing else from being reloaded.
			fresh[v.name], unusable[v.name] = closedBackend{v, err}, err
		default:
			return err
		}
	}
	for name, opened := range fresh {
		f.backends[name].now.Store(&opened)
		f.tell(name, unusable[name])
	}
	f.plan.Store(next)
	for name := range fresh {
		f.backends[name].renewed()
	}
	if f.swapped != nil {
		f.swapped()
	}
	return nil
}

// A backend is the one in force: a reload gives it another key or rate between
// two attempts.
type backend struct {
	now    atomic.Pointer[station.Backend]
	reload atomic.Pointer[chan struct{}] // closed when another takes its place
	watch  atomic.Pointer[soonWatch]     // nil: none that can look at once
}

func newBackend(opened station.Backend) *backend {
	b := new(backend)
	b.now.Store(&opened)
	b.renewed()
	return b
}

// renewed tells whoever works with the backend that was in force.
func (b *backend) renewed() {
	next := make(chan struct{})
	if before := b.reload.Swap(&next); before != nil {
		close(*before)
	}
}

// Verbs implements station.Backend.
func (b *backend) Verbs() []station.Verb { return (*b.now.Load()).Verbs() }

// Deliver implements station.Backend.
func (b *backend) Deliver(ctx context.Context, d station.Delivery) station.Receipt {
	return (*b.now.Load()).Deliver(ctx, d)
}

// Heard implements station.Timekeeper, for backends that are one.
func (b *backend) Heard() (vendor, at time.Time) {
	if keeper, ok := (*b.now.Load()).(station.Timekeeper); ok {
		return keeper.Heard()
	}
	return time.Time{}, time.Time{}
}

// Tell implements station.Teller, for backends that are one.
func (b *backend) Tell() map[string]string {
	if teller, ok := (*b.now.Load()).(station.Teller); ok {
		return teller.Tell()
	}
	return nil
}

// Probe implements station.Prober. A backend that is none says nothing against
// its key.
func (b *backend) Probe(ctx context.Context) station.Receipt {
	if prober, ok := (*b.now.Load()).(station.Prober); ok {
		return prober.Probe(ctx)
	}
	return station.Receipt{Outcome: station.Delivered}
}

// Look implements station.Looker, for backends that are one.
func (b *backend) Look(ctx context.Context, d station.Delivery) ([]byte, station.Receipt) {
	if looker, ok := (*b.now.Load()).(station.Looker); ok {
		return looker.Look(ctx, d)
	}
	return nil, station.Receipt{Outcome: station.Delivered}
}
