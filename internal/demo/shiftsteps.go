package demo

import (
	"time"

	"stationd/internal/plant"
	"stationd/internal/station"
)

// calls plays: a press opens one dispatch, however often it is pressed and however badly the
// contact bounces; a hold closes it.
func (s *shift) calls() {
	s.press(PinMaintenance, PressTime, "presses maintenance", "MAINT open")
	s.expectLamp(PinRed, station.Steady, "the red lamp is steady: delivered")
	s.press(PinMaintenance, PressTime, "presses it again: it is called already", "")
	s.act("presses material; the contact bounces", s.effect("SEAL-1", "MATERIAL open"), func() error {
		s.sim.bounce(PinMaterial)
		return nil
	})
	s.waitArrived()
	s.press(PinMaintenance, HoldTime, "holds maintenance for two seconds", "MAINT closed")
	s.press(PinMaterial, PressTime, "presses material again: it latches", "MATERIAL closed")
	s.waitArrived()
	s.expectLamp(PinRed, station.Off, "the red lamp is off")
}

// parts plays a changeover, an order, parts with serial numbers, and an unknown label.
func (s *shift) parts() {
	s.scan("PC-200", "scans the changeover card PC-200", s.effect("PACK4", "changed over to 200"))
	s.scan("PO4711", "scans the order PO4711", nil)
	for range 3 {
		s.scanPart(Soup, "B7", "270331", "4711")
	}
	s.waitArrived()
	s.scan("7310865004703", "scans a label that nobody knows", nil)
	s.expectLamp(PinWhite, station.Quick, "the white lamp blinks quickly: look here")
}

// outage plays: what is done without a network waits, and the lamp shows it.
func (s *shift) outage() {
	s.occur("the network cable is pulled out", func() error { return s.sim.Cable(false) })
	s.press(PinMaintenance, PressTime, "presses maintenance", "MAINT open")
	for range 3 {
		s.scanPart(Soup, "B7", "270331", "4711")
	}
	s.wait("four entries wait in the outbox", func() bool {
		waiting, ok := s.sim.Waiting(s.ctx)
		return ok && len(waiting) == 4
	})
	s.expectLamp(PinRed, station.Slow, "the red lamp blinks slowly: recorded")
}

// powerCut plays: a station that is killed while entries wait loses nothing.
func (s *shift) powerCut() {
	s.occur("the station is killed", func() error { return s.sim.Power(s.ctx, false) })
	s.expectLamp(PinRed, station.Off, "every lamp is dark")
	s.occur("the station starts again", func() error { return s.sim.Power(s.ctx, true) })
	s.expectLamp(PinRed, station.Slow, "the red lamp blinks slowly: still recorded")
	s.occur("the network cable is plugged in", func() error { return s.sim.Cable(true) })
	s.waitArrived()
	s.expectLamp(PinRed, station.Steady, "the red lamp is steady: delivered")
	s.press(PinMaintenance, HoldTime, "holds maintenance for two seconds", "MAINT closed")
	s.waitArrived()
}

// plantErrors plays answers that are lost or errors, and a vendor that asks to wait.
func (s *shift) plantErrors() {
	s.addFault("the next answer of L2L will be lost", plant.Fault{Kind: plant.Lost, Where: "POST *", Next: 1})
	s.press(PinMaterial, PressTime, "presses material", "MATERIAL open")
	s.scan("PO4712", "scans the order PO4712", nil)
	s.addFault("the next answer of Lagerkoll will be lost", plant.Fault{Kind: plant.Lost, Where: "PUT *", Next: 1})
	s.scanPart(Stew, "C3", "270430", "4712")
	s.waitArrived()
	s.addFault("a proxy will answer 502 in its place", plant.Fault{Kind: plant.BadGateway, Where: "PUT *", Next: 1})
	s.scanPart(Stew, "C3", "270430", "4712")
	s.waitArrived()
	s.addFault("Lagerkoll will answer 429: wait a second", plant.Fault{Kind: plant.TooMany, Where: "PUT *", Next: 1, RetryAfter: time.Second})
	s.scanPart(Stew, "C3", "270430", "4712")
	s.press(PinMaterial, PressTime, "presses material again: it latches", "MATERIAL closed")
	s.waitArrived()
}

// refusal plays: what the vendor refuses is held, and pressing again sends it again, with the
// time of the first press.
func (s *shift) refusal() {
	s.addFault("L2L will refuse: shift not started", plant.Fault{Kind: plant.Refusal, Where: "POST *", Next: 1, Text: "Shift not started"})
	s.act("presses material", s.effect("SEAL-1", "MATERIAL open"), func() error {
		s.sim.Push(PinMaterial, PressTime)
		return nil
	})
	s.wait("the call is held", func() bool {
		c, err := s.sim.Contents(s.ctx)
		return err == nil && len(c.Entries) == 1 && c.Entries[0].Hold == station.HoldRefused
	})
	s.expectLamp(PinYellow, station.Quick, "the yellow lamp blinks quickly: held")
	s.press(PinMaterial, PressTime, "presses it again: that sends it again", "")
	s.waitArrived()
	s.press(PinMaterial, PressTime, "presses material again: it latches", "MATERIAL closed")
}

// scannerOff plays: an unplugged scanner is reported, and works again when plugged in.
func (s *shift) scannerOff() {
	s.occur("the scanner is unplugged", func() error {
		s.sim.Scanner.Unplug()
		return nil
	})
	s.expectLamp(PinWhite, station.Quick, "the white lamp blinks quickly: look here")
	s.occur("the scanner is plugged in again", func() error { return s.sim.plugScanner(s.ctx) })
	s.scanPart(Stew, "C4", "270430", "4712")
	s.waitArrived()
}
