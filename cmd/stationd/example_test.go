package main

import (
	"path/filepath"
	"testing"

	"stationd/internal/plan"
)

func TestExampleConfiguration(t *testing.T) {
	t.Parallel()
	t.Run("the example that is shipped has no faults, and says what the manual says", func(t *testing.T) {
		t.Parallel()
		p, faults, err := plan.Read(filepath.Join("..", "..", "deploy", "stationd.example.toml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range faults {
			t.Error(f)
		}
		if p.Station.Name != "pack4-1" || p.Station.Data != plan.PackagedData || len(p.Vendors) != 2 || len(p.Program.Bindings) != 6 {
			t.Errorf("station %+v, %d vendors, %d bindings", p.Station, len(p.Vendors), len(p.Program.Bindings))
		}
		if !p.Buttons[0].HoldBound {
			t.Error("the button with a binding for its hold does not know of it")
		}
	})
}
