package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"text/template"
	"time"

	_ "embed"

	"stationd/internal/control"
	"stationd/internal/gpio"
	"stationd/internal/plan"
	"stationd/internal/plant"
	"stationd/internal/queue"
	"stationd/internal/station"
	"stationd/internal/systemd"
)

// The pins of the station in the box, as demo/stationd.toml has them.
const (
	PinMaintenance = 17
	PinMaterial    = 27
	PinRed         = 22
	PinYellow      = 23
	PinWhite       = 24
)

// longestFolder leaves room for the names of the sockets: a unix socket's path
// has at most 107 bytes (unix(7)).
const longestFolder = 80

// BoxSetting says what a box is made of. The zero value of a field is its default.
type BoxSetting struct {
	Dir      string        // an empty folder; everything is kept in it
	Command  []string      // the stationd that is run, or what runs it with the arguments that follow
	Plant    plant.Config  // the plant at the other end of the cable
	Page     string        // where the station's own page listens; default: any free port
	Settle   time.Duration // of both vendors; default 2 s
	Rate     string        // of Lagerkoll; default all that the account has
	Watch    time.Duration // between two looks at L2L; default 5 s
	Watchdog time.Duration // after which a station that says nothing is ended; default as in the unit
}

// A Box is a whole station and its plant on one computer: a stationd of its own
// process with a real configuration, a real outbox on disk and a real serial line,
// and at their far ends a person's hands and eyes, a network cable and the
// simulated plant. Its methods may be called by several goroutines at once.
type Box struct {
	Dir      string
	Plant    *plant.Plant
	Hands    *gpio.Sim
	Eyes     *lampRecorder
	Reader   *Reader
	Log      *LogWatcher
	Command  []string
	Stderr   io.Writer        // the station's standard error
	manager  *systemd.Manager // of the station's service
	Watchdog time.Duration
	end      context.CancelFunc
	parts    sync.WaitGroup

	mu     sync.Mutex
	child  *child // nil while the power is off
	cut    bool   // the cable is pulled
	broken error  // why a part of the box ended by itself
}

// OpenBox builds a box. The power is off and the scanner plugged in. The caller
// closes it; what the box runs does not end with ctx.
func OpenBox(ctx context.Context, s BoxSetting) (*Box, error) {
	if len(s.Dir) > longestFolder {
		return nil, fmt.Errorf("folder %s: its name is too long for the sockets in it; %d characters are the most", s.Dir, longestFolder)
	}
	b := &Box{Dir: s.Dir, Command: s.Command, Watchdog: s.Watchdog, Eyes: newLampRecorder(), Reader: NewReader(filepath.Join(s.Dir, "scanner"))}
	if b.Watchdog == 0 {
		b.Watchdog = watchdogTime
	}
	var err error
	if b.Plant, err = plant.Open(s.Plant); err != nil { //nolint:contextcheck // listening on an own address does not wait
		return nil, err
	}
	if err := b.furnish(s); err != nil {
		return nil, err
	}
	if b.Log, err = OpenLogWatcher(b.LogPath()); err != nil {
		return nil, err
	}
	b.Stderr = b.Log
	if b.Hands, err = gpio.ListenSim(b.ChipPath(), b.Eyes.see); err != nil {
		return nil, err
	}
	if b.manager, err = systemd.Listen(filepath.Join(b.Dir, "notify.sock")); err != nil {
		return nil, err
	}
	ctx, b.end = context.WithCancel(context.WithoutCancel(ctx))
	hear := func(ctx context.Context) error { return b.manager.Run(ctx, b.hear) }
	for _, run := range []func(context.Context) error{b.Plant.Run, b.Hands.Run, hear} {
		b.parts.Go(func() {
			if err := run(ctx); err != nil {
				b.breaks(err)
			}
		})
	}
	return b, b.Reader.Plug()
}

//go:embed stationd.toml
var boxConfig string

// furnish writes the configuration, the keys and the folder of the outbox.
func (b *Box) furnish(s BoxSetting) error {
	if s.Settle == 0 {
		s.Settle = 2 * time.Second
	}
	if s.Watch == 0 {
		s.Watch = 5 * time.Second
	}
	if s.Rate == "" {
		s.Rate = "200/min"
	}
	if s.Page == "" {
		s.Page = "127.0.0.1:0"
	}
	keys := b.KeysPath()
	for _, dir := range []string{keys, b.DataPath()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	values := map[string]string{
		"Data": b.DataPath(), "Page": s.Page, "Port": b.Reader.Link, "Chip": "sim:" + b.ChipPath(),
		"L2L": b.Plant.L2LURL(), "L2LKey": filepath.Join(keys, "l2l.key"),
		"Lagerkoll": b.Plant.LagerkollURL(), "LagerkollKey": filepath.Join(keys, "lagerkoll.key"),
		"Rate": s.Rate, "Settle": s.Settle.String(), "Watch": s.Watch.String(),
	}
	for path, key := range map[string]string{values["L2LKey"]: s.Plant.L2LKey, values["LagerkollKey"]: s.Plant.APIKey} {
		if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
			return err
		}
	}
	for name, value := range values {
		values[name] = strconv.Quote(value) // as a basic string of TOML
	}
	file, err := os.Create(b.ConfigPath())
	if err != nil {
		return err
	}
	fill := template.Must(template.New("stationd.toml").Parse(boxConfig))
	return errors.Join(fill.Execute(file, values), file.Close())
}

func (b *Box) ConfigPath() string { return filepath.Join(b.Dir, "stationd.toml") }

func (b *Box) DataPath() string { return filepath.Join(b.Dir, "data") }

func (b *Box) KeysPath() string { return filepath.Join(b.Dir, "keys") }

func (b *Box) OutboxPath() string { return filepath.Join(b.DataPath(), "outbox.db") }

func (b *Box) SocketPath() string { return filepath.Join(b.DataPath(), plan.ControlName) }

func (b *Box) ChipPath() string { return filepath.Join(b.Dir, "chip.sock") }

func (b *Box) LogPath() string { return filepath.Join(b.Dir, "stationd.log") }

// Close stops the station as its service manager would, and then everything else.
// The folder stays.
func (b *Box) Close() error {
	err := b.Stop()
	b.end()
	b.parts.Wait()
	b.Reader.Unplug()
	b.mu.Lock()
	defer b.mu.Unlock()
	return errors.Join(err, b.broken, b.Log.Close())
}

// TakeBroken returns why a part of the box ended by itself, once.
func (b *Box) TakeBroken() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.broken
	b.broken = nil
	return err
}

// breaks notes that a part of the box has ended by itself.
func (b *Box) breaks(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = errors.Join(b.broken, err)
}

// Press pushes the button at the pin down until it is released.
func (b *Box) Press(pin int) { b.Hands.Press(pin) }

// Release lets the button at the pin go.
func (b *Box) Release(pin int) { b.Hands.Release(pin) }

// A finger's ways with a button.
const (
	Briefly = 200 * time.Millisecond  // a press; the shortest that counts is 30 ms
	Long    = 2300 * time.Millisecond // a hold; the station waits for 2 s
	Lifted  = 150 * time.Millisecond  // between two presses; a release counts after 50 ms
)

// Push keeps the button at the pin down for a while and lifts the finger.
func (b *Box) Push(pin int, d time.Duration) {
	b.Press(pin)
	<-time.After(d)
	b.Release(pin)
	<-time.After(Lifted)
}

// bounce is a brief push of a worn contact: it opens and closes several times
// before it stays closed, and again when it opens.
func (b *Box) bounce(pin int) {
	chatter := func() {
		for range 4 {
			b.Press(pin)
			<-time.After(3 * time.Millisecond)
			b.Release(pin)
			<-time.After(2 * time.Millisecond)
		}
	}
	chatter()
	b.Press(pin)
	<-time.After(Briefly)
	chatter()
	<-time.After(Lifted)
}

// Scan reads a label with the scanner. What a symbol holds between its fields is
// byte 1D.
//
// A scanner without power, or without a station that gives it some, is dark.
func (b *Box) Scan(code string) error {
	if !b.Powered() {
		return errDark
	}
	return b.Reader.Scan(code)
}

// Cable plugs the network cable in or pulls it.
func (b *Box) Cable(up bool) error {
	if err := b.Plant.Cable(up); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut = !up
	return nil
}

// connected reports whether the network cable is plugged in.
func (b *Box) connected() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.cut
}

// plug plugs the scanner in and waits until the station reads it.
func (b *Box) plug(ctx context.Context) error {
	before := b.Log.PortsOpened()
	if err := b.Reader.Plug(); err != nil {
		return err
	}
	return Until(ctx, "the station reads the scanner", func() bool { return b.Log.PortsOpened() > before })
}

// Desk is the station's control socket.
func (b *Box) Desk() *control.Client { return control.Dial(b.SocketPath()) }

// Contents is what waits in the outbox: as the running station tells it, or as it
// lies on disk while the power is off.
func (b *Box) Contents(ctx context.Context) (station.Contents, error) {
	if b.Powered() {
		return b.Desk().Contents(ctx, station.NoLimit())
	}
	return queue.ReadContents(b.OutboxPath(), station.NoLimit())
}

// Waiting returns the entries in the outbox that are not held. When the outbox
// cannot be asked just now, ok is false.
func (b *Box) Waiting(ctx context.Context) (waiting []station.EntryStatus, ok bool) {
	c, err := b.Contents(ctx)
	for _, e := range c.Entries {
		if e.Condition != station.Held {
			waiting = append(waiting, e)
		}
	}
	return waiting, err == nil
}

// Drained waits until everything that can be delivered has been. It is patient with
// each entry anew: a busy machine takes its time for many.
func (b *Box) Drained(ctx context.Context) error {
	for fewest := math.MaxInt; fewest > 0; {
		var left []station.EntryStatus
		err := Until(ctx, "the outbox has been delivered", func() bool {
			waiting, ok := b.Waiting(ctx)
			left = waiting
			if !ok || len(waiting) >= fewest {
				return false
			}
			fewest = len(waiting)
			return true
		})
		if err != nil {
			return fmt.Errorf("%w; %d wait, the first is %+v", err, len(left), left[:min(1, len(left))])
		}
	}
	return nil
}

// Patience is how long a box waits for something that must come.
const Patience = 30 * time.Second

// Until asks again and again whether something is so, and returns an error when
// patience or ctx ends before it is.
func Until(ctx context.Context, what string, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

// A Part is what a GS1 symbol on a part says.
type Part struct {
	Article    string
	Batch      string
	Serial     string
	BestBefore string // YYMMDD
}

// Symbol is the part's symbol as a scanner reads it: a GS1 DataMatrix whose batch,
// being of any length, ends in FNC1.
//
//	]d2 01 09506000134352 15 270331 10 B7 <GS> 21 0001
func (p Part) Symbol() string {
	var s strings.Builder
	s.WriteString("]d201" + p.Article)
	if p.BestBefore != "" {
		s.WriteString("15" + p.BestBefore)
	}
	s.WriteString("10" + p.Batch)
	if p.Serial != "" {
		s.WriteString("\x1d21" + p.Serial)
	}
	return s.String()
}

// The articles of the plant in the box.
const (
	Soup = "09506000134352"
	Stew = "09506000134369"
)
