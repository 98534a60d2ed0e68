package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stationd/internal/api"
	"stationd/internal/config"
	"stationd/internal/gpio"
	"stationd/internal/station"
)

func setupCommand() *cobra.Command {
	var path, chip string
	var ports []string
	c := &cobra.Command{
		Use:   "setup",
		Short: "Write a configuration: press the buttons, scan with the readers, say what they do",
		Long: `setup asks what there is at the station and writes a configuration that check
accepts: press the button you want to name, scan with the reader you want to use, and
pick what they do. It needs nothing but a plain terminal.

Lines of the header are watched as inputs with a pull-up. Lines that are in use, or
that are lamps, are left alone, and a pin is driven only after you have said so.

Nothing is written before the end, and a file that exists is replaced only after you
have said so. Ctrl-C or Ctrl-D ends it at any point, writes nothing, and exits with 1.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := gpio.Load(); err != nil {
				return atRun(err)
			}
			s := &setup{
				talk:  newTalk(c.Context(), c.InOrStdin(), c.OutOrStdout()),
				path:  path,
				chip:  chip,
				ports: ports,
				judge: config.Parse("setup", nil),
			}
			s.known, _ = known(defaultConfig)
			return atRun(s.run())
		},
	}
	c.Flags().StringVarP(&path, "output", "o", "stationd.toml", "the file to write")
	c.Flags().StringVar(&chip, "chip", "", "the GPIO chip's label, as in [gpio] (default the header's)")
	c.Flags().StringArrayVar(&ports, "port", nil, "a reader's port to listen to besides those that are found; may be given again")
	return c
}

// A draft is a configuration that is being put together.
type draft struct {
	Name, Timezone, Data string
	L2L                  *l2lDraft
	Lagerkoll            *lagerkollDraft
	Chip                 string
	Buttons              []buttonDraft
	Lamps                []lampDraft
	Readers              []readerDraft
}

type l2lDraft struct {
	URL, Site, Line, Machine, Trade string
	Key                             string // a file; empty: a credential
}

type lagerkollDraft struct {
	URL, Store string
	Key        string // a file; empty: a credential
}

type buttonDraft struct {
	Name              string
	Pin, Header       int
	Wiring, Active    string // empty: the default
	Latch             bool
	Lamp              string
	Type, Description string // of the call it opens; empty: it does nothing yet
}

type lampDraft struct {
	Name        string
	Pin, Header int
	Active      string // empty: the default
}

// setup is one talk and what it has come to.
type setup struct {
	*talk
	draft
	path  string
	chip  string
	ports []string
	known *plan        // the packaged configuration, where there is one
	judge *config.File // says what is wrong with a name, as check would
}

// run is the whole talk.
func (s *setup) run() error {
	s.say(`This asks what there is at the station and writes a configuration to %s.
An answer in [brackets] is taken when you type nothing. Nothing is written before
the end; Ctrl-C ends it.`, s.path)
	parts := []func() error{s.askStation, s.askL2L, s.askLagerkoll, s.askButtons, s.askReaders, s.write}
	for _, part := range parts {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (s *setup) askStation() (err error) {
	s.heading("The station")
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	if s.Name, err = s.ask("Its name, as the vendors will see it", host, filled); err != nil {
		return err
	}
	s.Timezone, err = s.ask("The site's time zone", localZone(), func(zone string) error {
		if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
			return fmt.Errorf("the time zone database has no %q; write it as Europe/Stockholm", zone)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.Data, err = s.ask("The folder of the outbox", packagedData, absolute)
	return err
}

// localZone is this machine's time zone as Debian names it, or "".
func localZone() string {
	zone, err := os.ReadFile("/etc/timezone")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(zone))
}

func absolute(path string) error {
	if !filepath.IsAbs(path) {
		return errors.New("write the whole path, from /")
	}
	return nil
}

// vendorURL checks a vendor's address; an empty one is a vendor that is not used.
func vendorURL(address string) error {
	if text := api.CheckURL(address); address != "" && text != "" {
		return fmt.Errorf("the address %s", text)
	}
	return nil
}

// askKey asks where a vendor's key is. The key itself is never asked for.
func (s *setup) askKey(credential string) (string, error) {
	return s.ask("The file with the key (nothing: systemd hands it over as the credential "+credential+")", "", func(path string) error {
		if path == "" {
			return nil
		}
		return absolute(path)
	})
}

func (s *setup) askL2L() (err error) {
	s.heading("L2L: dispatches and changeovers")
	l := &l2lDraft{}
	l.URL, err = s.ask("L2L's address, as https://acme.leading2lean.com/api/1.0/ (nothing: no L2L)", "", vendorURL)
	if err != nil || l.URL == "" {
		return err
	}
	number := func(answer string) error {
		if n, err := strconv.Atoi(answer); err != nil || n <= 0 {
			return errors.New("the site's number in L2L, as 12")
		}
		return nil
	}
	for _, q := range []struct {
		question string
		into     *string
		valid    func(string) error
	}{
		{"The site's number", &l.Site, number},
		{"The line's code", &l.Line, filled},
		{"The machine's code, at which calls are made", &l.Machine, filled},
		{"The trade's code, which is called", &l.Trade, filled},
	} {
		if *q.into, err = s.ask(q.question, "", q.valid); err != nil {
			return err
		}
	}
	if l.Key, err = s.askKey("l2l.key"); err != nil {
		return err
	}
	s.L2L = l
	return nil
}

func (s *setup) askLagerkoll() (err error) {
	s.heading("Lagerkoll: production orders and traceability")
	l := &lagerkollDraft{}
	l.URL, err = s.ask("Lagerkoll's address, as https://capi.lagerkoll.com/v1/production_orders/ (nothing: no Lagerkoll)", "", vendorURL)
	if err != nil || l.URL == "" {
		return err
	}
	if l.Store, err = s.ask("The store's id", "", filled); err != nil {
		return err
	}
	if l.Key, err = s.askKey("lagerkoll.key"); err != nil {
		return err
	}
	s.Lagerkoll = l
	return nil
}

// name asks for the name of an input or a lamp, and refuses what check would.
func (s *setup) name(question, suggestion, table string, place int) (string, error) {
	return s.ask(question, suggestion, func(name string) error {
		before := len(s.judge.Faults())
		if s.judge.Name(config.At(table, place, "name"), name) {
			return nil
		}
		faults := s.judge.Faults()
		if len(faults) == before {
			return errors.New("choose another name")
		}
		return errors.New(faults[len(faults)-1].Text)
	})
}

// panel is what must be left alone: the lamps of the station as it was configured,
// and those of this talk.
func (s *setup) panel() gpio.Panel {
	was := s.known.panel()
	panel := gpio.Panel{Chips: was.Chips, Lamps: slices.Clone(was.Lamps), Buzzers: was.Buzzers}
	for _, l := range s.Lamps {
		panel.Lamps = append(panel.Lamps, gpio.Lamp{Name: l.Name, Pin: l.Pin, Chip: s.chip})
	}
	return panel
}

// held is why the lines are not to be had, where a running station has them.
func (s *setup) held() error {
	if p := s.known; s.chip == p.chips.Chip && !p.panel().Empty() && p.runs(s.ctx) {
		return fmt.Errorf("station %s: the lines are in use by %w", p.station.Name, errHeld)
	}
	wires, err := gpio.Survey(s.chip)
	if err != nil {
		return err
	}
	return heldByStation(wires)
}

func (s *setup) askButtons() error {
	s.heading("Buttons")
	for {
		err := s.held()
		if err == nil {
			break
		}
		if !errors.Is(err, errHeld) {
			s.say("%v\nSo buttons and lamps are left out.", err)
			return nil
		}
		s.say("%v; %s", err, stopFirst)
		picked, err := s.choose("What now?", "try again", "leave buttons and lamps out")
		if err != nil {
			return err
		}
		if picked == 1 {
			return nil
		}
	}
	s.Chip = s.chip
	bias := pullUp
	for {
		pressed, err := s.press(&bias)
		if err != nil || pressed == nil {
			return err
		}
		if err := s.askButton(pressed, bias); err != nil {
			return err
		}
	}
}

const (
	pullUp   = "pull-up"
	pullDown = "pull-down"
)

// press waits for a button to be pressed, and returns its line as it was while
// pressed; nil when there are no more. Where the lines cannot be watched it says so,
// and that is as if there were no more.
func (s *setup) press(bias *string) (*gpio.Wire, error) {
	for {
		watch, err := gpio.OpenWatch(s.chip, s.panel(), *bias)
		if err != nil {
			s.say("%v", err)
			return nil, nil
		}
		s.tellLeft(watch)
		to := "ground"
		other := "d"
		if *bias == pullDown {
			to, other = "3.3 V", "u"
		}
		s.say(`
Press the button you want to name, which is wired to %s. Type nothing when there are
no more, %s for buttons that are wired to %s, or a GPIO number.`, to, other, map[string]string{"d": "3.3 V", "u": "ground"}[other])
		pressed, answer, err := s.pressed(watch)
		if err := errors.Join(err, watch.Close()); err != nil {
			return nil, err
		}
		switch {
		case pressed != nil:
			return pressed, nil
		case answer == "":
			return nil, nil
		case answer == "d":
			*bias = pullDown
		case answer == "u":
			*bias = pullUp
		default:
			if wire := s.byNumber(watch, answer); wire != nil {
				wire.High = *bias == pullDown // as pressed
				return wire, nil
			}
		}
	}
}

// tellLeft says once which lines are left alone.
func (s *setup) tellLeft(watch *gpio.Watch) {
	if len(s.Buttons) > 0 {
		return
	}
	s.say("The lines of chip %s are watched.", watch.Label)
	for _, w := range watch.Wires() {
		if w.Left != "" {
			s.say("  %s is left alone: %s", w.Name, w.Left)
		}
	}
}

// byNumber is the line of a GPIO number that was typed; nil, and said why, where
// there is none to be had.
func (s *setup) byNumber(watch *gpio.Watch, answer string) *gpio.Wire {
	number, err := strconv.Atoi(answer)
	wires := watch.Wires()
	i := slices.IndexFunc(wires, func(w gpio.Wire) bool { return w.Pin == number && w.Left == "" })
	if err != nil || i < 0 {
		s.say("%q is no line that is watched.", answer)
		return nil
	}
	return &wires[i]
}

// settled is how long a line must stay changed to be a press, and how often that
// is looked at. A finger stays for longer.
const settled = 40 * time.Millisecond

// pressed waits for one line to change and stay so, or for something to be typed.
func (s *setup) pressed(watch *gpio.Watch) (*gpio.Wire, string, error) {
	rest := make(map[int]bool)
	for _, w := range watch.Wires() {
		rest[w.Pin] = w.High
	}
	ctx, stop := context.WithCancel(s.ctx)
	changes, ended := make(chan gpio.Wire), make(chan error, 1)
	go func() {
		ended <- watch.Run(ctx, func(w gpio.Wire) {
			select {
			case changes <- w:
			case <-ctx.Done():
			}
		})
	}()
	finish := func() error { // the watch may be closed when it has ended
		stop()
		return <-ended
	}
	away := make(map[int]gpio.Wire) // the lines that are not as they were
	since := make(map[int]time.Time)
	tick := time.NewTicker(settled)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return nil, "", errors.Join(errEnded, finish())
		case line, more := <-s.lines:
			answer, err := s.clean(line, more)
			if errors.Is(err, errUnclean) {
				continue
			}
			return nil, answer, errors.Join(err, finish())
		case err := <-ended:
			stop()
			return nil, "", err
		case w := <-changes:
			if w.High == rest[w.Pin] {
				delete(away, w.Pin)
			} else {
				away[w.Pin], since[w.Pin] = w, time.Now()
			}
		case <-tick.C:
			for number, w := range away {
				if time.Since(since[number]) >= settled {
					return &w, "", finish()
				}
			}
		}
	}
}

// askButton names a button that was pressed and says what it does.
func (s *setup) askButton(wire *gpio.Wire, bias string) (err error) {
	if i := slices.IndexFunc(s.Buttons, func(b buttonDraft) bool { return b.Pin == wire.Pin }); i >= 0 {
		s.say("%s is %s already.", wire.Name, s.Buttons[i].Name)
		return nil
	}
	b := buttonDraft{Pin: wire.Pin, Header: headerPin(wire.Pin)}
	if bias == pullDown {
		b.Active = "high"
	}
	level := pin{Wire: *wire}.word()
	how := "it closes when it is pressed"
	if wire.High == (bias == pullUp) {
		b.Wiring = "nc"
		how = "it opens when it is pressed: a normally closed contact"
	}
	s.say("%s (pin %d of the header) went %s: %s.", wire.Name, b.Header, level, how)
	if b.Name, err = s.name("Its name", fmt.Sprintf("button%d", len(s.Buttons)+1), "button", len(s.Buttons)); err != nil {
		return err
	}
	if err := s.askCall(&b); err != nil {
		return err
	}
	s.Buttons = append(s.Buttons, b)
	lamp, err := s.askLamp(b)
	s.Buttons[len(s.Buttons)-1].Lamp = lamp
	return err
}

// askCall says what a button does.
func (s *setup) askCall(b *buttonDraft) (err error) {
	if s.L2L == nil {
		s.say("Without L2L there is nothing that a button could do; it is written down without a binding.")
		return nil
	}
	picked, err := s.choose("What does "+b.Name+" do?",
		"a press calls for help, holding it for two seconds ends the call",
		"a press calls for help, the next press ends the call",
		"nothing yet")
	if err != nil || picked == 2 {
		return err
	}
	b.Latch = picked == 1
	if b.Type, err = s.ask("The dispatch type's code in L2L", strings.ToUpper(b.Name), filled); err != nil {
		return err
	}
	b.Description, err = s.ask("What the technicians read; {station} is the station's name", "Help needed at {station}", func(text string) error {
		t, err := station.ParseTemplate(text)
		if err != nil {
			return err
		}
		for _, name := range t.Names() {
			if name.Name != "station" && name.Name != "source" {
				return fmt.Errorf("{%s} has no value at a press; {station} and {source} have", name.Name)
			}
		}
		return filled(text)
	})
	return err
}

// askLamp asks which lamp answers a button, and returns its name.
func (s *setup) askLamp(b buttonDraft) (string, error) {
	for {
		number := 0
		_, err := s.ask("The GPIO number of the lamp that answers it (nothing: no lamp)", "", func(answer string) (err error) {
			if answer == "" {
				return nil
			}
			if number, err = strconv.Atoi(answer); err != nil {
				return errors.New("type a number, as 22 for GPIO22")
			}
			return s.canLight(number)
		})
		if err != nil || number == 0 {
			return "", err
		}
		if i := slices.IndexFunc(s.Lamps, func(l lampDraft) bool { return l.Pin == number }); i >= 0 {
			s.say("It is lamp %s, which answers more than one button then.", s.Lamps[i].Name)
			return s.Lamps[i].Name, nil
		}
		l := lampDraft{Pin: number, Header: headerPin(number)}
		another, err := s.tryLamp(&l)
		if err != nil {
			return "", err
		}
		if another {
			continue
		}
		if l.Name, err = s.name("The lamp's name", b.Name+"-lamp", "lamp", len(s.Lamps)); err != nil {
			return "", err
		}
		s.Lamps = append(s.Lamps, l)
		return l.Name, nil
	}
}

// canLight says why a pin cannot be a lamp's, where it cannot.
func (s *setup) canLight(number int) error {
	if i := slices.IndexFunc(s.Buttons, func(b buttonDraft) bool { return b.Pin == number }); i >= 0 {
		return fmt.Errorf("GPIO%d is button %s", number, s.Buttons[i].Name)
	}
	wires, err := gpio.Survey(s.chip)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(wires, func(w gpio.Wire) bool { return w.Pin == number })
	switch {
	case i < 0:
		return fmt.Errorf("chip %s has no line %d for a lamp", s.chip, number)
	case wires[i].Holder != "":
		return fmt.Errorf("GPIO%d is %s", number, wires[i].Left)
	}
	return nil
}

// lampTime is how long a lamp is lit to be seen.
const lampTime = 2 * time.Second

// tryLamp lights a lamp, if the person wants to see it, and asks what was seen.
func (s *setup) tryLamp(l *lampDraft) (another bool, err error) {
	ok, err := s.yes(fmt.Sprintf("Drive GPIO%d (pin %d) high for %.0f s now, to see the lamp?", l.Pin, l.Header, lampTime.Seconds()))
	if err != nil || !ok {
		return false, err
	}
	if err := s.light(l.Pin); err != nil {
		s.say("%v", err)
		return true, nil
	}
	picked, err := s.choose("What did the lamp do?",
		"it was lit for that time",
		"it is lit always, and was dark for that time",
		"another lamp was lit, or none: name another pin")
	switch picked {
	case 1:
		l.Active = "low"
	case 2:
		another = true
	}
	return another, err
}

// light drives a pin high for lampTime and gives it back.
func (s *setup) light(number int) (err error) {
	const name = "lamp"
	clock, err := newClock()
	if err != nil {
		return err
	}
	panel := gpio.Panel{Chips: gpio.Chips{Chip: s.chip}, Lamps: []gpio.Lamp{{Name: name, Pin: number}}}
	board, err := gpio.Open(panel, clock.stamp, newLog(io.Discard))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, board.Close()) }()
	board.Show(map[string]station.Light{name: station.Steady})
	ctx, stop := context.WithTimeout(s.ctx, lampTime)
	defer stop()
	return board.RunLamps(ctx)
}
