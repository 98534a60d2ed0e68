package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	_ "embed"

	"stationd/internal/control"
	"stationd/internal/gpio"
	"stationd/internal/plan"
	"stationd/internal/plant"
	"stationd/internal/systemd"
)

// The GPIO numbers of the simulated station, as in stationd.toml.
const (
	PinMaintenance = 17
	PinMaterial    = 27
	PinRed         = 22
	PinYellow      = 23
	PinWhite       = 24
)

// maxFolderPath leaves room for the names of the sockets: the path of a unix socket has at
// most 107 bytes (unix(7)).
const maxFolderPath = 80

// A Config describes a simulation. The zero value of a field is its default.
type Config struct {
	Dir      string        // an empty folder for all files
	Command  []string      // the stationd to run, with arguments that come before run
	Plant    plant.Config  // the simulated plant
	Page     string        // address of the station's own page; default any free port
	Settle   time.Duration // settle time of both vendors; default 2 s
	Rate     string        // of Lagerkoll; default all that the account allows
	Watch    time.Duration // between two reads of L2L's state; default 5 s
	Watchdog time.Duration // after which a silent station is ended; default as in the unit
	Way      *Way          // nil: the station has a plant of its own, and reaches the vendors itself
}

// A Way is how a station of a whole plant reaches its vendors: by a relay, over an engine.
type Way struct {
	Name   string       // of the station
	Engine string       // address of the engine: nats://127.0.0.1:4222
	Plant  *plant.Plant // that runs; it is not the station's own
}

// A Simulation is a station and its plant on one computer: a stationd in a process of its own,
// with a real configuration, a real outbox on disk and a real serial line, connected to
// simulated buttons, lamps, scanner, network cable and plant. Its methods may be called by
// several goroutines at once.
type Simulation struct {
	Dir      string
	Plant    *plant.Plant
	Chip     *gpio.Sim
	Lamps    *lampRecorder
	Scanner  *Scanner
	Log      *LogWatcher
	Command  []string
	Stderr   io.Writer        // the station's standard error; the log by default
	manager  *systemd.Manager // stands in for systemd
	Watchdog time.Duration
	end      context.CancelFunc
	parts    sync.WaitGroup

	mu       sync.Mutex // guards what follows
	process  *process   // nil while the power is off
	cableCut bool       // the network cable is unplugged
	failure  error      // why a part of the simulation ended by itself
}

// Open creates a simulation, with the power off and the scanner plugged in. It does not end
// with ctx: the caller closes it.
func Open(ctx context.Context, config Config) (*Simulation, error) {
	if len(config.Dir) > maxFolderPath {
		return nil, fmt.Errorf("folder %s: its path is too long for the sockets in it; use at most %d characters", config.Dir, maxFolderPath)
	}
	s := &Simulation{Dir: config.Dir, Command: config.Command, Watchdog: config.Watchdog, Lamps: newLampRecorder(), Scanner: NewScanner(filepath.Join(config.Dir, "scanner"))}
	if s.Watchdog == 0 {
		s.Watchdog = defaultWatchdog
	}
	var err error
	if config.Way != nil {
		s.Plant = config.Way.Plant
	} else if s.Plant, err = plant.Open(config.Plant); err != nil { //nolint:contextcheck // listening on an own address does not wait
		return nil, err
	}
	if err := s.writeFiles(config); err != nil {
		return nil, err
	}
	if s.Log, err = OpenLogWatcher(s.LogPath()); err != nil {
		return nil, err
	}
	s.Stderr = s.Log
	if s.Chip, err = gpio.ListenSim(s.ChipPath(), s.Lamps.record); err != nil {
		return nil, err
	}
	if s.manager, err = systemd.Listen(filepath.Join(s.Dir, "notify.sock")); err != nil {
		return nil, err
	}
	ctx, s.end = context.WithCancel(context.WithoutCancel(ctx))
	hear := func(ctx context.Context) error { return s.manager.Run(ctx, s.notified) }
	parts := []func(context.Context) error{s.Chip.Run, hear}
	if config.Way == nil {
		parts = append(parts, s.Plant.Run)
	}
	for _, run := range parts {
		s.parts.Go(func() {
			if err := run(ctx); err != nil {
				s.fail(err)
			}
		})
	}
	return s, s.Scanner.Plug()
}

//go:embed stationd.toml
var configTemplate string

// writeFiles writes the configuration and the keys, and creates the folder of the outbox.
func (s *Simulation) writeFiles(config Config) error {
	if config.Settle == 0 {
		config.Settle = 2 * time.Second
	}
	if config.Watch == 0 {
		config.Watch = 5 * time.Second
	}
	if config.Rate == "" {
		config.Rate = "200/min"
	}
	if config.Page == "" {
		config.Page = "127.0.0.1:0"
	}
	keys := s.KeysPath()
	for _, dir := range []string{keys, s.DataPath()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	values := map[string]string{
		"Name": "pack4-1", "Data": s.DataPath(), "Page": config.Page, "Port": s.Scanner.Link, "Chip": "sim:" + s.ChipPath(),
		"L2L": s.Plant.L2LURL(), "L2LKey": filepath.Join(keys, "l2l.key"),
		"Lagerkoll": s.Plant.LagerkollURL(), "LagerkollKey": filepath.Join(keys, "lagerkoll.key"),
		"Rate": config.Rate, "Settle": config.Settle.String(), "Watch": config.Watch.String(),
	}
	fill := []string{"{{.L2LWay}}", "key     = { file = {{.L2LKey}} }", "{{.LagerkollWay}}", "key    = { file = {{.LagerkollKey}} }\nrate   = {{.Rate}}", "{{.Relay}}", ""}
	if w := config.Way; w != nil { // a station that has no key of a vendor
		values["Name"] = w.Name
		fill = []string{"{{.L2LWay}}", `via     = "relay"`, "{{.LagerkollWay}}", `via    = "relay"`, "{{.Relay}}", "\n[relay]\nservers = [" + strconv.Quote(w.Engine) + "]\n"}
	} else {
		for path, key := range map[string]string{values["L2LKey"]: config.Plant.L2LKey, values["LagerkollKey"]: config.Plant.APIKey} {
			if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
				return err
			}
		}
	}
	configTemplate := strings.NewReplacer(fill...).Replace(configTemplate)
	fill = nil
	for name, value := range values {
		fill = append(fill, "{{."+name+"}}", strconv.Quote(value)) // a basic string of TOML
	}
	return os.WriteFile(s.ConfigPath(), []byte(strings.NewReplacer(fill...).Replace(configTemplate)), 0o600)
}

// ConfigPath returns the station's configuration.
func (s *Simulation) ConfigPath() string { return filepath.Join(s.Dir, "stationd.toml") }

// DataPath returns the folder of the station's outbox.
func (s *Simulation) DataPath() string { return filepath.Join(s.Dir, "data") }

// KeysPath returns the folder of the vendors' keys.
func (s *Simulation) KeysPath() string { return filepath.Join(s.Dir, "keys") }

// OutboxPath returns the station's outbox.
func (s *Simulation) OutboxPath() string { return filepath.Join(s.DataPath(), "outbox.db") }

// SocketPath returns the station's control socket.
func (s *Simulation) SocketPath() string { return filepath.Join(s.DataPath(), plan.ControlName) }

// ChipPath returns the socket of the simulated GPIO chip.
func (s *Simulation) ChipPath() string { return filepath.Join(s.Dir, "chip.sock") }

// LogPath returns the file of the station's log.
func (s *Simulation) LogPath() string { return filepath.Join(s.Dir, "stationd.log") }

// Close stops the station as systemd would, and then everything else. The files stay. Its error
// has every part that failed. It is called once.
func (s *Simulation) Close() error {
	err := s.Stop()
	s.end()
	s.parts.Wait()
	s.Scanner.Unplug()
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(err, s.failure, s.Log.Close())
}

// TakeFailure returns why a part of the simulation ended by itself, nil if none did, and
// forgets it.
func (s *Simulation) TakeFailure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.failure
	s.failure = nil
	return err
}

// fail notes that a part of the simulation has ended by itself.
func (s *Simulation) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = errors.Join(s.failure, err)
}

// Control returns a client of the station's control socket.
func (s *Simulation) Control() *control.Client { return control.Dial(s.SocketPath()) }
