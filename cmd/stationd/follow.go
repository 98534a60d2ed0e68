package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"stationd/internal/control"
	"stationd/internal/gpio"
	"stationd/internal/scanner"
	"stationd/internal/station"
)

const (
	// followRoom is how many scans may wait for one who looks on. What has no room is
	// not shown, and that is said: recording waits for nobody.
	followRoom = 64

	// followEvery is the wait between two looks at lines and faults. A line that went
	// and came back in between shows by its count of edges.
	followEvery = 100 * time.Millisecond
)

// A followLine is one line of what a station shows to who looks on.
type followLine struct {
	Scan   *followedScan `json:"scan,omitempty"`
	Input  *gpio.Input   `json:"input,omitempty"`
	Source string        `json:"source,omitempty"` // with Said
	Said   string        `json:"said,omitempty"`   // what is wrong with it
}

// A followedScan is a scan that the station has taken.
type followedScan struct {
	Raw    []byte        `json:"raw"`
	Repeat bool          `json:"repeat,omitempty"`
	Event  station.Event `json:"event"`
	Came   string        `json:"came,omitempty"` // what came of it
}

// An onlook is who looks on at the readers.
type onlook struct {
	mu        sync.Mutex
	followers map[*follower]bool
}

// A follower is one who looks on.
type follower struct {
	scans  chan followedScan
	missed int // scans that there was no room for; the onlook's lock guards it
}

// scanned shows a scan to everybody who looks on, and waits for none of them.
func (o *onlook) scanned(f scanner.FollowedScan) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.followers) == 0 {
		return
	}
	scan := followedScan{Raw: f.Raw, Repeat: f.Repeat, Event: f.Event, Came: strings.TrimSpace(string(f.Note.Kind) + " " + f.Note.Text)}
	if f.Err != nil {
		scan.Came = "not recorded: " + f.Err.Error()
	}
	for one := range o.followers {
		select {
		case one.scans <- scan:
		default:
			one.missed++
		}
	}
}

func (o *onlook) join() *follower {
	o.mu.Lock()
	defer o.mu.Unlock()
	one := &follower{scans: make(chan followedScan, followRoom)}
	o.followers[one] = true
	return one
}

func (o *onlook) leave(one *follower) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.followers, one)
}

// takeMissed returns how many scans were not shown, and counts anew.
func (o *onlook) takeMissed(one *follower) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	missed := one.missed
	one.missed = 0
	return missed
}

// follow is the desk's: it shows what readers or buttons do until ctx is done.
func (s *opened) follow(ctx context.Context, what string, tell func(any) error) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	one := s.onlook.join()
	defer s.onlook.leave(one)
	inputs, said := make(map[string]gpio.Input), make(map[string]string)
	for {
		var lines []followLine
		faults := s.faultsOfReaders()
		if what == "pins" {
			lines, faults = s.changedInputs(inputs), s.faultsOfBoards()
		} else if missed := s.onlook.takeMissed(one); missed > 0 {
			lines = append(lines, followLine{Said: fmt.Sprintf("%d scans were taken and are not shown here: they came too fast", missed)})
		}
		for _, source := range slices.Sorted(maps.Keys(faults)) {
			if before, is := said[source]; !is || before != faults[source] {
				said[source] = faults[source]
				lines = append(lines, followLine{Source: source, Said: faults[source]})
			}
		}
		for _, line := range lines {
			if err := tell(line); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case scan := <-one.scans:
			if what != "scans" {
				continue
			}
			if err := tell(followLine{Scan: &scan}); err != nil {
				return err
			}
		}
	}
}

// faultsOfReaders are the readers with what is wrong with each, "" where nothing is, and
// what was lost on its way from them.
func (s *opened) faultsOfReaders() map[string]string {
	faults := make(map[string]string)
	for i, r := range s.reader {
		maps.Copy(faults, r.Tell())
		c := r.Counts()
		if lost := c.Partials + c.Overflows + c.Damaged; lost > 0 {
			faults["scans of "+s.plan.scanners[i].Name] = fmt.Sprintf("%d lost since the start (%d whose end never came, %d too long, %d damaged on the way)", lost, c.Partials, c.Overflows, c.Damaged)
		}
	}
	return faults
}

// faultsOfBoards are the buttons, lamps and buzzers with what is wrong with each.
func (s *opened) faultsOfBoards() map[string]string {
	faults := make(map[string]string)
	for _, b := range s.boards {
		maps.Copy(faults, b.Tell())
	}
	return faults
}

// changedInputs are the lines of buttons that are not as they were shown.
func (s *opened) changedInputs(shown map[string]gpio.Input) []followLine {
	var lines []followLine
	for _, b := range s.boards {
		for _, in := range b.inputs() {
			id := fmt.Sprint(in.Button, " ", in.Pin)
			if was, there := shown[id]; !there || was != in {
				shown[id] = in
				lines = append(lines, followLine{Input: &in})
			}
		}
	}
	return lines
}

// followed hands over what the running station of a plan shows until ctx is done.
func (p *plan) followed(ctx context.Context, what string, each func(followLine) error) error {
	err := control.Dial(socketPath(p)).Follow(ctx, what, func(text json.RawMessage) error {
		var line followLine
		if err := json.Unmarshal(text, &line); err != nil {
			return fmt.Errorf("the station says what this version does not read: %w", err)
		}
		return each(line)
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("station %s: %w", p.station.Name, err)
	}
	return nil
}

// followScans shows what the readers of the running station send.
func followScans(ctx context.Context, p *plan, out scanPaper, stderr io.Writer) error {
	return p.followed(ctx, "scans", func(line followLine) error {
		if line.Scan == nil {
			sayOfSource(stderr, line)
			return nil
		}
		frame := scanner.Frame{Raw: line.Scan.Raw, Repeat: line.Scan.Repeat, Event: line.Scan.Event}
		m := means(p.program, frame.Event)
		s := seen{Frame: frame, Found: findGS1(frame.Event, frame.Raw), Means: &m, Came: line.Scan.Came}
		if i := slices.IndexFunc(p.scanners, func(r scanner.Config) bool { return r.Name == frame.Event.Source }); i >= 0 {
			s.How = scanner.Explain(p.scanners[i], frame.Raw)
		}
		return out.show(s)
	})
}

// followPins shows the lines of the buttons of the running station.
func followPins(ctx context.Context, p *plan, out pinPaper, stderr io.Writer) error {
	return p.followed(ctx, "pins", func(line followLine) error {
		in := line.Input
		if in == nil {
			sayOfSource(stderr, line)
			return nil
		}
		shown := pin{Wire: gpio.Wire{Pin: in.Pin, Name: in.Key, High: in.High, Edges: in.Edges, Glitches: in.Glitches}, name: in.Button, at: in.At}
		if in.Key == "" && (in.Chip == "" || headerPin(in.Pin) > 0 && strings.HasPrefix(in.Chip, "sim:")) {
			shown.Name, shown.header = fmt.Sprintf("GPIO%d", in.Pin), headerPin(in.Pin)
		}
		return out.change(shown)
	})
}

// sayOfSource says what is wrong with a device, or is no more.
func sayOfSource(w io.Writer, line followLine) {
	said := line.Said
	if said == "" {
		said = "ready"
	}
	if line.Source != "" && !strings.Contains(said, line.Source) {
		said = line.Source + ": " + said
	}
	fmt.Fprintln(w, wrapped(visible([]byte(said)), 2))
}
