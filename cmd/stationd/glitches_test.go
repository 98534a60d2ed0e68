package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/doctor"
	"stationd/internal/station"
)

// A wire beside a motor's makes changes that are too short for a press. Nobody called, and
// somebody should look at the wire: the page, the doctor and the button's lamp say so.
func TestAnInputWithTooManyGlitchesIsSaidByPageDoctorAndLamp(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	const says = "unsteady: more than 20 changes in a minute"
	must(t, demo.Until(t.Context(), "the page says it", func() bool {
		b.Push(demo.PinMaintenance, 2*time.Millisecond)
		return strings.Contains(readPage(t, b), says)
	}))
	found, _ := runDoctor(t, b.ConfigPath())
	found.expect(t, "lines", doctor.Fail, "maintenance: "+says)
	must(t, demo.Until(t.Context(), "the lamp blinks quickly", func() bool {
		light, known := b.Lamps.Light(demo.PinRed)
		return known && light == station.Quick
	}))
}

// A scanner that reads faster than anybody works is a fault of it, which somebody should look
// at; what it reads is recorded all the same.
func TestAScannerThatReadsFasterThanAnybodyWorksIsSaidByPageDoctorAndLamp(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	const says, scans = "more than 600 events in a minute", 650
	for n := range scans {
		must(t, b.Scan(fmt.Sprintf("again %d", n)))
	}
	must(t, demo.Until(t.Context(), "the page says it", func() bool { return strings.Contains(readPage(t, b), says) }))
	found, _ := runDoctor(t, b.ConfigPath())
	found.expect(t, "reader hand", doctor.Fail, says)
	must(t, demo.Until(t.Context(), "the lamp blinks quickly", func() bool {
		light, known := b.Lamps.Light(demo.PinWhite)
		return known && light == station.Quick
	}))
	must(t, demo.Until(t.Context(), "all of it is recorded", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && s.Counts.Events["hand.scan"] == scans
	}))
}
