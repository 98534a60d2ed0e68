package main

import (
	"context"
	_ "embed"
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

	"stationd/internal/control"
	"stationd/internal/gpio"
	"stationd/internal/plant"
	"stationd/internal/queue"
	"stationd/internal/station"
	"stationd/internal/systemd"
)

// The pins of the station in the box, as demo/stationd.toml has them.
const (
	pinMaintenance = 17
	pinMaterial    = 27
	pinRed         = 22
	pinYellow      = 23
	pinWhite       = 24
)

// longestFolder leaves room for the names of the sockets: a unix socket's path
// has at most 107 bytes (unix(7)).
const longestFolder = 80

// boxSetting says what a box is made of. The zero value of a field is its default.
type boxSetting struct {
	Dir      string        // an empty folder; everything is kept in it
	Command  []string      // the stationd that is run, or what runs it with the arguments that follow
	Plant    plant.Setting // the plant at the other end of the cable
	Page     string        // where the station's own page listens; default: any free port
	Settle   time.Duration // of both vendors; default 2 s
	Rate     string        // of Lagerkoll; default all that the account has
	Watch    time.Duration // between two looks at L2L; default 5 s
	Watchdog time.Duration // after which a station that says nothing is ended; default as in the unit
}

// A box is a whole station and its plant on one computer: a stationd of its own
// process with a real configuration, a real outbox on disk and a real serial line,
// and at their far ends a person's hands and eyes, a network cable and the
// simulated plant. Its methods may be called by several goroutines at once.
type box struct {
	dir      string
	plant    *plant.Plant
	hands    *gpio.Sim
	eyes     *eyes
	reader   *reader
	log      *diary
	command  []string
	stderr   io.Writer        // the station's standard error
	manager  *systemd.Manager // of the station's service
	watchdog time.Duration
	end      context.CancelFunc
	parts    sync.WaitGroup

	mu     sync.Mutex
	child  *child // nil while the power is off
	cut    bool   // the cable is pulled
	broken error  // why a part of the box ended by itself
}

// openBox builds a box. The power is off and the scanner plugged in. The caller
// closes it; what the box runs does not end with ctx.
func openBox(ctx context.Context, s boxSetting) (*box, error) {
	if len(s.Dir) > longestFolder {
		return nil, fmt.Errorf("folder %s: its name is too long for the sockets in it; %d characters are the most", s.Dir, longestFolder)
	}
	b := &box{dir: s.Dir, command: s.Command, watchdog: s.Watchdog, eyes: newEyes(), reader: newReader(filepath.Join(s.Dir, "scanner"))}
	if b.watchdog == 0 {
		b.watchdog = watchdogTime
	}
	var err error
	if b.plant, err = plant.Open(s.Plant); err != nil { //nolint:contextcheck // listening on an own address does not wait
		return nil, err
	}
	if err := b.furnish(s); err != nil {
		return nil, err
	}
	if b.log, err = openDiary(b.logPath()); err != nil {
		return nil, err
	}
	b.stderr = b.log
	if b.hands, err = gpio.ListenSim(b.chipPath(), b.eyes.see); err != nil {
		return nil, err
	}
	if b.manager, err = systemd.Listen(filepath.Join(b.dir, "notify.sock")); err != nil {
		return nil, err
	}
	ctx, b.end = context.WithCancel(context.WithoutCancel(ctx))
	hear := func(ctx context.Context) error { return b.manager.Run(ctx, b.hear) }
	for _, run := range []func(context.Context) error{b.plant.Run, b.hands.Run, hear} {
		b.parts.Go(func() {
			if err := run(ctx); err != nil {
				b.breaks(err)
			}
		})
	}
	return b, b.reader.plug()
}

//go:embed demo/stationd.toml
var boxConfig string

// furnish writes the configuration, the keys and the folder of the outbox.
func (b *box) furnish(s boxSetting) error {
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
	keys := b.keysPath()
	for _, dir := range []string{keys, b.dataPath()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	values := map[string]string{
		"Data": b.dataPath(), "Page": s.Page, "Port": b.reader.link, "Chip": "sim:" + b.chipPath(),
		"L2L": b.plant.L2LURL(), "L2LKey": filepath.Join(keys, "l2l.key"),
		"Lagerkoll": b.plant.LagerkollURL(), "LagerkollKey": filepath.Join(keys, "lagerkoll.key"),
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
	file, err := os.Create(b.configPath())
	if err != nil {
		return err
	}
	fill := template.Must(template.New("stationd.toml").Parse(boxConfig))
	return errors.Join(fill.Execute(file, values), file.Close())
}

func (b *box) configPath() string { return filepath.Join(b.dir, "stationd.toml") }
func (b *box) dataPath() string   { return filepath.Join(b.dir, "data") }
func (b *box) keysPath() string   { return filepath.Join(b.dir, "keys") }
func (b *box) outboxPath() string { return filepath.Join(b.dataPath(), "outbox.db") }
func (b *box) socketPath() string { return filepath.Join(b.dataPath(), controlName) }
func (b *box) chipPath() string   { return filepath.Join(b.dir, "chip.sock") }
func (b *box) logPath() string    { return filepath.Join(b.dir, "stationd.log") }

// close stops the station as its service manager would, and then everything else.
// The folder stays.
func (b *box) close() error {
	err := b.stop()
	b.end()
	b.parts.Wait()
	b.reader.unplug()
	b.mu.Lock()
	defer b.mu.Unlock()
	return errors.Join(err, b.broken, b.log.close())
}

// takeBroken returns why a part of the box ended by itself, once.
func (b *box) takeBroken() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.broken
	b.broken = nil
	return err
}

// breaks notes that a part of the box has ended by itself.
func (b *box) breaks(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = errors.Join(b.broken, err)
}

// press pushes the button at the pin down until it is released.
func (b *box) press(pin int) { b.hands.Press(pin) }

// release lets the button at the pin go.
func (b *box) release(pin int) { b.hands.Release(pin) }

// A finger's ways with a button.
const (
	briefly = 200 * time.Millisecond  // a press; the shortest that counts is 30 ms
	long    = 2300 * time.Millisecond // a hold; the station waits for 2 s
	lifted  = 150 * time.Millisecond  // between two presses; a release counts after 50 ms
)

// push keeps the button at the pin down for a while and lifts the finger.
func (b *box) push(pin int, d time.Duration) {
	b.press(pin)
	<-time.After(d)
	b.release(pin)
	<-time.After(lifted)
}

// bounce is a brief push of a worn contact: it opens and closes several times
// before it stays closed, and again when it opens.
func (b *box) bounce(pin int) {
	chatter := func() {
		for range 4 {
			b.press(pin)
			<-time.After(3 * time.Millisecond)
			b.release(pin)
			<-time.After(2 * time.Millisecond)
		}
	}
	chatter()
	b.press(pin)
	<-time.After(briefly)
	chatter()
	<-time.After(lifted)
}

// scan reads a label with the scanner. What a symbol holds between its fields is
// byte 1D.
//
// A scanner without power, or without a station that gives it some, is dark.
func (b *box) scan(code string) error {
	if !b.powered() {
		return errDark
	}
	return b.reader.scan(code)
}

// cable plugs the network cable in or pulls it.
func (b *box) cable(up bool) error {
	if err := b.plant.Cable(up); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut = !up
	return nil
}

// connected reports whether the network cable is plugged in.
func (b *box) connected() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.cut
}

// plug plugs the scanner in and waits until the station reads it.
func (b *box) plug(ctx context.Context) error {
	before := b.log.count(heardScanner)
	if err := b.reader.plug(); err != nil {
		return err
	}
	return until(ctx, "the station reads the scanner", func() bool { return b.log.count(heardScanner) > before })
}

// desk is the station's control socket.
func (b *box) desk() *control.Client { return control.Dial(b.socketPath()) }

// contents is what waits in the outbox: as the running station tells it, or as it
// lies on disk while the power is off.
func (b *box) contents(ctx context.Context) (station.Contents, error) {
	if b.powered() {
		return b.desk().Contents(ctx, station.NoLimit())
	}
	return queue.ReadContents(b.outboxPath(), station.NoLimit())
}

// waiting returns the entries in the outbox that are not held. When the outbox
// cannot be asked just now, ok is false.
func (b *box) waiting(ctx context.Context) (waiting []station.Standing, ok bool) {
	c, err := b.contents(ctx)
	for _, e := range c.Entries {
		if e.Condition != station.Held {
			waiting = append(waiting, e)
		}
	}
	return waiting, err == nil
}

// drained waits until everything that can be delivered has been. It is patient with
// each entry anew: a busy machine takes its time for many.
func (b *box) drained(ctx context.Context) error {
	for fewest := math.MaxInt; fewest > 0; {
		var left []station.Standing
		err := until(ctx, "the outbox has been delivered", func() bool {
			waiting, ok := b.waiting(ctx)
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

// patience is how long a box waits for something that must come.
const patience = 30 * time.Second

// until asks again and again whether something is so, and returns an error when
// patience or ctx ends before it is.
func until(ctx context.Context, what string, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
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

// A part is what a GS1 symbol on a part says.
type part struct {
	article    string
	batch      string
	serial     string
	bestBefore string // YYMMDD
}

// symbol is the part's symbol as a scanner reads it: a GS1 DataMatrix whose batch,
// being of any length, ends in FNC1.
//
//	]d2 01 09506000134352 15 270331 10 B7 <GS> 21 0001
func (p part) symbol() string {
	var s strings.Builder
	s.WriteString("]d201" + p.article)
	if p.bestBefore != "" {
		s.WriteString("15" + p.bestBefore)
	}
	s.WriteString("10" + p.batch)
	if p.serial != "" {
		s.WriteString("\x1d21" + p.serial)
	}
	return s.String()
}

// The articles of the plant in the box.
const (
	soup = "09506000134352"
	stew = "09506000134369"
)
