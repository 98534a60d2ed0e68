package main

import (
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
