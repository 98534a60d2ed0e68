package main

import (
	"path/filepath"
	"testing"
)

func TestExampleConfiguration(t *testing.T) {
	t.Parallel()
	t.Run("the example that is shipped has no faults, and says what the manual says", func(t *testing.T) {
		t.Parallel()
		p, faults, err := read(filepath.Join("..", "..", "deploy", "stationd.example.toml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range faults {
			t.Error(f)
		}
		if p.station.Name != "pack4-1" || p.station.Data != packagedData || len(p.vendors) != 2 || len(p.program.Bindings) != 6 {
			t.Errorf("station %+v, %d vendors, %d bindings", p.station, len(p.vendors), len(p.program.Bindings))
		}
		if !p.buttons[0].HoldBound {
			t.Error("the button with a binding for its hold does not know of it")
		}
	})
}
