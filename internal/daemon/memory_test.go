package daemon

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheMemoryThatTheUnitAllowsIsFound(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		cgroup string
		says   map[string]string
		want   int64
	}{
		{"the unit's own", "0::/system.slice/stationd.service\n", map[string]string{"system.slice/stationd.service/memory.max": "268435456\n", "system.slice/memory.max": "max\n"}, 256 << 20},
		{"the least of those around it", "0::/a/b/c\n", map[string]string{"a/b/c/memory.max": "max\n", "a/b/memory.max": "500\n", "a/b/memory.high": "400\n", "a/memory.max": "600\n"}, 400},
		{"beside the older groups", "4:memory:/x\n0::/a\n", map[string]string{"a/memory.high": "100\n"}, 100},
		{"nobody says anything", "0::/a\n", map[string]string{"a/memory.max": "max\n"}, 0},
		{"no such groups", "4:memory:/x\n", nil, 0},
		{"in a namespace of its own", "0::/\n", map[string]string{"memory.max": "700\n"}, 700},
	} {
		dir := t.TempDir()
		of := filepath.Join(dir, "cgroup")
		must(t, os.WriteFile(of, []byte(test.cgroup), 0o600))
		for path, text := range test.says {
			path = filepath.Join(dir, "fs", path)
			must(t, os.MkdirAll(filepath.Dir(path), 0o700))
			must(t, os.WriteFile(path, []byte(text), 0o600))
		}
		if got := allowedMemory(of, filepath.Join(dir, "fs")); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
	if got := allowedMemory(filepath.Join(t.TempDir(), "nothing"), "/"); got != 0 {
		t.Errorf("a kernel without control groups allows %d", got)
	}
}
