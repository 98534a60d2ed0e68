package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"sync/atomic"
	"syscall"
	"time"

	"stationd/internal/station"
	"stationd/internal/systemd"
)

// force is the configuration in force. A reload swaps the program, the keys and
// the rates between two records; what is open stays as it is until a restart.
type force struct {
	log      *slog.Logger
	plan     atomic.Pointer[plan]
	backends map[string]*backend
	path     string
}

// takeUp opens the backends of a plan and puts it in force.
func takeUp(p *plan, log *slog.Logger) (*force, error) {
	f := &force{log: log, backends: make(map[string]*backend), path: p.path}
	f.plan.Store(p)
	for _, v := range p.vendors {
		opened, err := v.open(log)
		if err != nil {
			return nil, err
		}
		b := newBackend(opened)
		f.backends[v.name] = b
	}
	return f, nil
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

// run reloads the configuration at each SIGHUP until ctx is done. When another one is
// in force it calls swapped.
func (f *force) run(ctx context.Context, swapped func()) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			f.reload(swapped)
		}
	}
}

// reload takes up the file as it is now. Where anything is wrong with it, the
// configuration in force stays.
func (f *force) reload(swapped func()) {
	if err := systemd.Reloading(); err != nil {
		f.log.Warn("the service manager does not answer", "error", err)
	}
	defer func() {
		if err := systemd.Ready(); err != nil {
			f.log.Warn("the service manager does not answer", "error", err)
		}
	}()
	next, faults, err := read(f.path)
	if err != nil {
		f.log.Error("the configuration stays as it was", "error", err)
		return
	}
	for _, fault := range faults {
		f.log.Error("a fault in the configuration", "fault", fault.String())
	}
	if len(faults) > 0 {
		f.log.Error("the configuration stays as it was", "faults", len(faults))
		return
	}
	if err := f.swap(next); err != nil {
		f.log.Error("the configuration stays as it was", "error", err)
		return
	}
	swapped()
	f.log.Info("the configuration was reloaded", "bindings", len(next.program.Bindings))
}

// swap puts next in force, as far as that can be done while the station runs.
func (f *force) swap(next *plan) error {
	was := f.plan.Load()
	for part, same := range map[string]bool{
		"station": was.station.Name == next.station.Name && was.station.Data == next.station.Data && was.station.Language == next.station.Language,
		"web":     was.web == next.web,
		"gpio":    reflect.DeepEqual(was.panel(), next.panel()),
		"scanner": reflect.DeepEqual(was.scanners, next.scanners),
		"printer": reflect.DeepEqual(was.printers, next.printers),
		"vendors": len(was.vendors) == len(next.vendors),
	} {
		if !same {
			return fmt.Errorf("%s: a change in [%s] needs a restart: systemctl restart stationd", f.path, part)
		}
	}
	fresh := make(map[string]station.Backend)
	for _, v := range next.vendors {
		if f.backends[v.name] == nil {
			return fmt.Errorf("%s: the new backend %s needs a restart: systemctl restart stationd", f.path, v.name)
		}
		opened, err := v.open(f.log)
		if err != nil {
			return err
		}
		fresh[v.name] = opened
	}
	for name, opened := range fresh {
		f.backends[name].now.Store(&opened)
	}
	f.plan.Store(next)
	for name := range fresh {
		f.backends[name].renewed()
	}
	return nil
}

// A backend is the one in force: a reload gives it another key or rate between
// two attempts.
type backend struct {
	now    atomic.Pointer[station.Backend]
	reload atomic.Pointer[chan struct{}] // closed when another takes its place
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
