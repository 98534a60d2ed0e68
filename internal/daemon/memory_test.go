package daemon

import (
	"os"
	"path/filepath"
	"slices"
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

// What was written and then protected looks like a constant, and is in no file.
func TestOnlyWhatIsAsInTheFileIsTakenOutOfMemory(t *testing.T) {
	t.Parallel()
	const smaps = `40000000-40844000 r-xp 00000000 08:02 131093                     /usr/bin/stationd
Size:               8464 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
40844000-41026000 r--p 00844000 08:02 131093                     /usr/bin/stationd
Anonymous:             0 kB
41026000-411d5000 r--p 01026000 08:02 131093                     /usr/bin/stationd
Anonymous:          1724 kB
411d5000-41240000 rw-p 011d5000 08:02 131093                     /usr/bin/stationd
Anonymous:             0 kB
70000000-70021000 r--p 00000000 08:02 77                         /usr/lib/libc.so.6
Anonymous:             0 kB
70100000-70200000 r--p 00000000 00:00 0
Anonymous:             0 kB
`
	got := unchangedParts(smaps, "/usr/bin/stationd")
	if want := [][2]uintptr{{0x40000000, 0x40844000}, {0x40844000, 0x41026000}}; !slices.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}
