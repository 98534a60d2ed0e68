package queue

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stationd/internal/queue/format"
	"stationd/internal/station"
)

// residentKB is how much of a file that is mapped is in this process's memory.
//
//	7f5c-7f9c r--s 00000000 08:02 4711   /var/lib/stationd/outbox.db
//	Rss:                 448 kB
func residentKB(t *testing.T, path string) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	_, of, found := strings.Cut(string(maps), " "+path+"\n")
	_, of, resident := strings.Cut(of, "\nRss:")
	var kB int
	if _, err := fmt.Sscan(of, &kB); err != nil || !found || !resident {
		t.Fatalf("the kernel does not say how much of %s is in memory: %v", path, err)
	}
	return kB
}

func TestABacklogIsNotInMemoryAfterAStart(t *testing.T) {
	t.Parallel()
	s := &station1{T: t, path: filepath.Join(t.TempDir(), "outbox.db"), stamp: board("boot-1"), size: 32 << 20}
	s.open(Setting{faults: format.Faults{NoSync: true}})
	const most, scans = 4 << 10, 800 // kB
	for i := range scans {
		s.scan(fmt.Sprintf("4711/%d%s", i, strings.Repeat("A", 7000)))
	}
	used := s.box.file.Used() * format.PageSize >> 10
	if used < 3*most {
		t.Fatalf("only %d kB wait: there was nothing to prove", used)
	}
	s.stop()
	s.start()
	if kB := residentKB(t, s.path); kB > most {
		t.Errorf("%d of the %d kB that wait are in memory after the start, at most %d", kB, used, most)
	}
	if contents, err := s.box.Contents(station.NoLimit()); err != nil || len(contents.Entries) != scans {
		t.Errorf("it is not all there: %v", err)
	}
	s.stop()
	if err := VerifyFile(s.path); err != nil {
		t.Error(err)
	}
}
