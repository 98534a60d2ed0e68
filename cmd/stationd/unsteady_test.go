package main

import (
	"strings"
	"testing"
	"time"

	"stationd/internal/station"
)

// A wire beside a motor's makes changes that are too short for a press. Nobody called, and
// somebody should look at the wire: the page, the doctor and the button's lamp say so.
func TestAnInputWithTooManyGlitchesIsSaidByPageDoctorAndLamp(t *testing.T) {
	t.Parallel()
	b := floor(t, nil)
	const says = "unsteady: more than 20 changes in a minute"
	must(t, until(t.Context(), "the page says it", func() bool {
		b.push(pinMaintenance, 2*time.Millisecond)
		return strings.Contains(b.page(t), says)
	}))
	found, _ := consult(t, b.configPath())
	found.is(t, "lines", isNotWell, "maintenance: "+says)
	must(t, until(t.Context(), "the lamp blinks quickly", func() bool {
		light, known := b.eyes.light(pinRed)
		return known && light == station.Quick
	}))
}
