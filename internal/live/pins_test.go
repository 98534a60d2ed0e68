package live

import (
	"testing"

	"stationd/internal/gpio"
)

func TestSetupWaitsForARunningStation(t *testing.T) {
	t.Parallel()
	wires := []gpio.Wire{
		{Pin: 4, Name: "GPIO4"},
		{Pin: 17, Name: "GPIO17", Holder: "stationd@812", Skipped: "held by stationd@812"},
		{Pin: 22, Name: "GPIO22", Holder: "stationd@812", Skipped: "held by stationd@812"},
		{Pin: 8, Name: "GPIO8", Holder: "spi0 CS0", Skipped: "held by spi0 CS0"},
	}
	err := HeldByStation(wires)
	if err == nil || err.Error() != "GPIO17, GPIO22: in use by stationd@812, a station that is running" {
		t.Errorf("got %v", err)
	}
	if err := HeldByStation(append(wires[:1:1], wires[3])); err != nil {
		t.Errorf("a bus is no station: %v", err)
	}
}
