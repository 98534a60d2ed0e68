package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"stationd/internal/plant"
)

// A PlantConfig describes a simulated plant of stations.
type PlantConfig struct {
	Dir      string       // an empty folder for all files
	Command  []string     // the stationd to run, with arguments that come before its own
	Plant    plant.Config // the vendors'; its account takes what RequestsPerMinute says
	Stations int
	Engine   string // the NATS server to run
}

// RequestsPerMinute is what the account at Lagerkoll allows in the demonstration, for all
// stations together.
const RequestsPerMinute = 6000

// ErrNoEngine is the error where the computer has no NATS server.
var ErrNoEngine = errors.New("a plant of stations needs a NATS server, and this computer has no nats-server: apt-get install nats-server")

// debianEngine is where Debian's package has it, which is in root's PATH alone.
const debianEngine = "/usr/sbin/nats-server"

// FindEngine returns the NATS server of this computer, or ErrNoEngine.
func FindEngine() (string, error) {
	for _, name := range []string{"nats-server", debianEngine} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoEngine
}

// A PlantSimulation is a plant of stations on one computer: stations with outboxes of their
// own, two relays, of which one leads, the engine between, and both vendors. Each is a process
// of its own but for the vendors. Its methods may be called by several goroutines at once.
type PlantSimulation struct {
	PlantConfig
	Plant    *plant.Plant
	Stations []*Simulation

	relays []*child
	engine *child
	end    context.CancelFunc
	runs   chan error // how the vendors ended

	mu       sync.Mutex // guards cableCut
	cableCut bool       // the relays do not reach the vendors
}

// startedAtOnce is how many stations are started at once.
const startedAtOnce = 4

// OpenPlant creates a plant of stations and switches everything on. It does not end with ctx:
// the caller closes it.
func OpenPlant(ctx context.Context, config PlantConfig) (_ *PlantSimulation, err error) {
	config.Plant.PerMinute = RequestsPerMinute
	p := &PlantSimulation{PlantConfig: config, runs: make(chan error, 1)}
	if p.Plant, err = plant.Open(config.Plant); err != nil { //nolint:contextcheck // listening on an own address does not wait
		return nil, err
	}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	p.end = end
	go func() { p.runs <- p.Plant.Run(running) }()
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	address, err := freeAddress(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if err := p.openEngine(ctx, address); err != nil {
		return nil, err
	}
	for i := range 2 {
		if err := p.openRelay(ctx, fmt.Sprintf("relay-%d", i+1), address); err != nil {
			return nil, err
		}
	}
	for i := range config.Stations {
		name := fmt.Sprintf("pack4-%d", i+1)
		own := Config{
			Dir: filepath.Join(config.Dir, strconv.Itoa(i+1)), Command: config.Command, Plant: config.Plant, Settle: 2 * time.Second, Watch: 20 * time.Second,
			Way: &Way{Name: name, Engine: "nats://" + address, Plant: p.Plant},
		}
		if err := os.Mkdir(own.Dir, 0o700); err != nil {
			return nil, err
		}
		s, err := Open(ctx, own)
		if err != nil {
			return nil, err
		}
		p.Stations = append(p.Stations, s)
	}
	if err := p.each(func(_ int, s *Simulation) error { return s.Power(ctx, true) }); err != nil {
		return nil, err
	}
	return p, nil
}

// each does something at all stations, a few at once.
func (p *PlantSimulation) each(do func(i int, s *Simulation) error) error {
	errs := make([]error, len(p.Stations))
	slots := make(chan struct{}, startedAtOnce)
	var all sync.WaitGroup
	for i, s := range p.Stations {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = do(i, s)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (p *PlantSimulation) openEngine(ctx context.Context, address string) (err error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	answers := func() bool {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return false
		}
		_ = conn.Close() // nothing was said on it
		return true
	}
	p.engine, err = newChild("the engine", filepath.Join(p.Dir, "engine.log"), answers, p.Engine, "-a", "127.0.0.1", "-p", port, "-js", "-sd", p.engineDisk())
	if err != nil {
		return err
	}
	return p.engine.start(ctx)
}

// engineDisk is the folder of what the engine keeps.
func (p *PlantSimulation) engineDisk() string { return filepath.Join(p.Dir, "engine") }

// relayConfig is a relay's configuration.
const relayConfig = `[relay]
name     = %q
timezone = "Europe/Stockholm"
servers  = [%q]
lease    = "2s"

[l2l]
url  = %q
site = 12
key  = { file = %q }
rate = "50/s"

[lagerkoll]
url   = %q
store = "1001"
key   = { file = %q }
rate  = "%d/min"

[web]
listen = "127.0.0.1:0"

[[allow]]
station  = "pack4-*"
backends = ["l2l"]
lines    = ["PACK4"]
machines = ["*"]

[[allow]]
station = "pack4-*"
verbs   = ["lagerkoll/article.trace", "lagerkoll/order*", "lagerkoll/watch"]
`

func (p *PlantSimulation) openRelay(ctx context.Context, name, engine string) error {
	keys := map[string]string{"l2l.key": p.PlantConfig.Plant.L2LKey, "lagerkoll.key": p.PlantConfig.Plant.APIKey}
	for file, key := range keys {
		if err := os.WriteFile(filepath.Join(p.Dir, file), []byte(key+"\n"), 0o600); err != nil {
			return err
		}
	}
	text := fmt.Sprintf(relayConfig, name, "nats://"+engine, p.Plant.L2LURL(), filepath.Join(p.Dir, "l2l.key"), p.Plant.LagerkollURL(), filepath.Join(p.Dir, "lagerkoll.key"), RequestsPerMinute*9/10)
	path := filepath.Join(p.Dir, name+".toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	r, err := newChild(name, filepath.Join(p.Dir, name+".log"), func() bool { return true }, append(append([]string{}, p.Command...), "relay", "run", "--config", path)...)
	if err != nil {
		return err
	}
	p.relays = append(p.relays, r)
	return r.start(ctx)
}

// leads is the message of a relay that has begun to lead.
const leads = "this relay leads"

// leader is the relay that began to lead last, of those that run; nil: none.
func (p *PlantSimulation) leader() (first *child) {
	var since time.Time
	for _, r := range p.relays {
		if at := r.said(leads); at.After(since) {
			first, since = r, at
		}
	}
	return first
}

// Cable plugs the cable between relays and vendors in, or unplugs it.
func (p *PlantSimulation) Cable(up bool) error {
	if err := p.Plant.Cable(up); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cableCut = !up
	return nil
}

// connected reports whether that cable is plugged in.
func (p *PlantSimulation) connected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.cableCut
}

// wipeEngine cuts the engine's power, empties its disk, and switches it on.
func (p *PlantSimulation) wipeEngine(ctx context.Context) error {
	if err := p.engine.end(syscall.SIGKILL); err != nil {
		return err
	}
	if err := os.RemoveAll(p.engineDisk()); err != nil {
		return err
	}
	return p.engine.start(ctx)
}

// findKey is an error where a vendor's key is in any file of a station.
func (p *PlantSimulation) findKey(at *Simulation) error {
	return filepath.WalkDir(at.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, key := range []string{p.PlantConfig.Plant.L2LKey, p.PlantConfig.Plant.APIKey} {
			if bytes.Contains(text, []byte(key)) {
				err = errors.Join(err, fmt.Errorf("a vendor's key is in %s", path))
			}
		}
		return err
	})
}

// Close stops everything in order. The files stay. Its error has every part that failed.
func (p *PlantSimulation) Close() error {
	err := p.each(func(_ int, s *Simulation) error { return s.Close() })
	for _, r := range p.relays {
		err = errors.Join(err, r.end(syscall.SIGTERM), r.log.Close())
	}
	if p.engine != nil {
		err = errors.Join(err, p.engine.end(syscall.SIGTERM), p.engine.log.Close())
	}
	p.end()
	return errors.Join(err, <-p.runs)
}
