package config

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// Whatever a file holds, reading it does not panic, every fault has a place, and
// what the TOML library refuses is refused here too.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(complete))
	files, _ := filepath.Glob("testdata/*.toml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{
		"a = [[{b.c = 1, b.d = []}], # x\n{}]\n[[a.b]]\n", "[a.b]\n[a]\nb.c = 1", "a.b = 1\n[a.c]\n[[a.d]]\n[a]",
		"x = '''\n'''\n'' = \"\"\"\\\n\"\"\"", "d = 12:00:00.5\ne = 2026-01-01 12:00:00Z", "\xef\xbb\xbfa = 1\r\n", "on = 3\nbutton = [1, {}]\n[l2l]\nkey = []",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<14 {
			return
		}
		file := Parse("f.toml", text)
		read(file)
		faults := file.Faults()
		for _, fault := range faults {
			if fault.Line < 1 || fault.Col < 1 || fault.Text == "" {
				t.Errorf("a fault without a place: %+v", fault)
			}
		}
		if !slices.IsSortedFunc(faults, func(a, b Fault) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Col - b.Col
		}) {
			t.Errorf("the faults are out of order: %v", faults)
		}
		if err := toml.Unmarshal(file.text, &map[string]any{}); err != nil && len(faults) == 0 {
			t.Errorf("TOML refuses this (%v), but it has no fault", err)
		}
	})
}

// Only the faults of TOML itself count here: every other text is refused for
// lack of a station.
func FuzzSyntax(f *testing.F) {
	for _, text := range []string{
		complete, "a = [[{b.c = 1, b.d = []}], # x\n{}]\n[[a.b]]\n", "[a.b]\n[a]\nb.c = 1", "a.b = 1\n[a.c]\n[[a.d]]\n[a]",
		"d = 12:00:00.5\ne = 2026-01-01 12:00:00Z\nf = 12:00\ng = 2026-02-30", "[a]\n[a]", "[[a]]\n[a]", "a = 1\na.b = 2", "a = {}\n[a.b]",
		"[a]\nb.c = 1\n[a.b]\n", "[[a]]\n[a.b]\n[[a]]\n[a.b]\n", "a = 0x_1", "a = 1e400\nb = 0xffffffffffffffff", "[a]\n[[a.b]]\n[a.b.c]\n[[a.b]]\n[a.b.c]",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<12 {
			return
		}
		file := Parse("f.toml", text)
		err := toml.Unmarshal(file.text, &map[string]any{})
		if err != nil && len(file.Faults()) == 0 {
			t.Errorf("TOML refuses this (%v), but it has no fault", err)
		}
	})
}
