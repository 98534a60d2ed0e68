package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/plant"
)

func TestAVendorsKeyAtAStationIsFound(t *testing.T) {
	t.Parallel()
	p := &PlantSimulation{PlantConfig: PlantConfig{Plant: plant.Demo()}}
	at := &Simulation{Dir: t.TempDir()}
	path := filepath.Join(at.Dir, "stationd.toml")
	for text, found := range map[string]bool{"via = \"relay\"\n": false, "key = " + plant.Demo().APIKey + "\n": true} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.findKey(at); (err != nil) != found || found && !strings.Contains(err.Error(), path) {
			t.Errorf("of a file with %q is said: %v", text, err)
		}
	}
}
