package demo

import (
	"context"
	"time"
)

// How long a person presses a button, and pauses.
const (
	PressTime   = 200 * time.Millisecond  // of a press; the shortest that counts is 30 ms
	HoldTime    = 2300 * time.Millisecond // of a hold; it counts after 2 s
	ReleaseTime = 150 * time.Millisecond  // after a press; a release counts after 50 ms

	// restTime is how long nobody presses after the station is ready: a button that was not
	// seen at rest for 50 ms may have been down before.
	restTime = 100 * time.Millisecond
)

// Press presses the button on a line until it is released.
func (s *Simulation) Press(pin int) { s.Chip.Press(pin) }

// Release releases the button on a line.
func (s *Simulation) Release(pin int) { s.Chip.Release(pin) }

// Push presses the button on a line for d, releases it and waits for ReleaseTime.
func (s *Simulation) Push(pin int, d time.Duration) {
	s.Press(pin)
	<-time.After(d)
	s.Release(pin)
	<-time.After(ReleaseTime)
}

// bounce is a press of a worn contact, which opens and closes several times before it stays
// closed, and again before it stays open.
func (s *Simulation) bounce(pin int) {
	chatter := func() { s.Chip.Chatter(pin, 4, 3*time.Millisecond, 2*time.Millisecond) }
	chatter()
	s.Press(pin)
	<-time.After(PressTime)
	chatter()
	<-time.After(ReleaseTime)
}

// Scan scans a code, in which byte 1D separates fields. It is an error while the station, which
// powers the scanner, is off, or the scanner unplugged.
func (s *Simulation) Scan(code string) error {
	if !s.Powered() {
		return errNoPower
	}
	return s.Scanner.Scan(code)
}

// plugScanner plugs the scanner in and waits until the station has opened it.
func (s *Simulation) plugScanner(ctx context.Context) error {
	before := s.Log.PortsOpened()
	if err := s.Scanner.Plug(); err != nil {
		return err
	}
	return Until(ctx, "the station reads the scanner", func() bool { return s.Log.PortsOpened() > before })
}

// Cable plugs the network cable in, or unplugs it.
func (s *Simulation) Cable(up bool) error {
	if err := s.Plant.Cable(up); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cableCut = !up
	return nil
}

// connected reports whether the network cable is plugged in.
func (s *Simulation) connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.cableCut
}
