package daemon

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
	"stationd/internal/plan"
	"stationd/internal/station"
	"stationd/internal/systemd"
)

// activeConfig is the configuration in force. A reload swaps the program, the keys and
// the rates between two records; what is open stays as it is until a restart.
type activeConfig struct {
	log       *slog.Logger
	faults    *faults
	plan      atomic.Pointer[plan.Plan]
	backends  map[string]*backend
	path      string
	reloading sync.Mutex // of reloads
	changed   func()     // called when another configuration is in force; may be nil
}

// openBackends opens the backends of a plan and puts it in force. A backend whose key or
// whose files cannot be read is closed for now: it is a fault, what is for it waits,
// and retry opens it.
func openBackends(p *plan.Plan, faults *faults, log *slog.Logger) *activeConfig {
	f := &activeConfig{log: log, faults: faults, backends: make(map[string]*backend), path: p.Path}
	f.plan.Store(p)
	for _, v := range p.Vendors {
		opened, err := v.Open(log)
		if err != nil {
			opened = closedBackend{v, err}
		}
		f.tell(v.Name, err)
		f.backends[v.Name] = newBackend(opened)
	}
	return f
}

// tell says why a vendor's backend is closed, or with nil that it is open.
func (f *activeConfig) tell(vendor string, err error) {
	key, rest := "", ""
	switch {
	case errors.Is(err, api.ErrKeyUnusable):
		key = err.Error()
	case err != nil:
		rest = err.Error()
	}
	f.faults.set(vendor+" key", key)
	if rest != "" || f.faults.Faults()[vendor] != "" {
		f.faults.set(vendor, rest)
	}
}

// retry opens the backends that are closed, where what they lacked is there now.
func (f *activeConfig) retry() {
	f.reloading.Lock()
	defer f.reloading.Unlock()
	for _, v := range f.plan.Load().Vendors {
		b := f.backends[v.Name]
		if b == nil || !b.closed() {
			continue
		}
		opened, err := v.Open(f.log)
		f.tell(v.Name, err)
		if err != nil {
			continue
		}
		b.now.Store(&opened)
		b.renewed()
		if f.changed != nil {
			f.changed()
		}
	}
}

func (f *activeConfig) program() station.Program { return f.plan.Load().Program }

// settle is how long after an attempt an absence at the backend proves nothing.
func (f *activeConfig) settle(backend string) time.Duration {
	for _, v := range f.plan.Load().Vendors {
		if v.Name == backend {
			return v.Settle
		}
	}
	return time.Minute
}

func (f *activeConfig) speaksTo(backend string) bool { return f.backends[backend] != nil }

// run reloads the configuration at each SIGHUP until ctx is done, and takes up what a
// backend lacked as soon as it is there.
func (f *activeConfig) run(ctx context.Context) error {
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
func (f *activeConfig) reload() []string {
	f.reloading.Lock()
	defer f.reloading.Unlock()
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
		f.faults.set(plan.PartConfiguration, plan.Rejected(f.path, wrong))
		return wrong
	}
	f.faults.set(plan.PartConfiguration, "")
	f.log.Info("the configuration was reloaded", "bindings", len(f.plan.Load().Program.Bindings))
	return nil
}

// take puts the file as it is now in force, and returns what keeps it from being so.
func (f *activeConfig) take() (wrong []string) {
	next, faults, err := plan.Read(f.path)
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
	next.Keep(f.log)
	return nil
}

// swap puts next in force, as far as that can be done while the station runs.
func (f *activeConfig) swap(next *plan.Plan) error {
	was := f.plan.Load()
	if keys := needRestart(was, next); len(keys) > 0 {
		return fmt.Errorf("%s: a change of %s needs a restart: systemctl restart stationd", f.path, strings.Join(keys, "; "))
	}
	fresh := make(map[string]station.Backend)
	unusable := make(map[string]error)
	for _, v := range next.Vendors {
		opened, err := v.Open(f.log)
		switch {
		case err == nil:
			fresh[v.Name] = opened
		case f.backends[v.Name].closed():
			// It was closed before, and keeps nothing else from being reloaded.
			fresh[v.Name], unusable[v.Name] = closedBackend{v, err}, err
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
	if f.changed != nil {
		f.changed()
	}
	return nil
}
