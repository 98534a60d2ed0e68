package queue

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTheHistoryOfADayLeavesOutWhatWasBefore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	line := func(name, at string, trusted bool) string {
		return fmt.Sprintf(`{"at":{"Wall":%q,"Trusted":%t},"what":"recorded","id":"x","name":%q}`+"\n", at, trusted, name)
	}
	for file, text := range map[string]string{
		"2026-03-01.jsonl": line("the day before", "2026-03-01T23:00:00Z", true),
		"2026-03-02.jsonl": line("earlier", "2026-03-02T05:59:59Z", true) + line("clock not set", "1970-01-01T00:00:10Z", false),
		"2026-03-03.jsonl": line("later", "2026-03-03T05:00:00Z", true) + `{"torn`,
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := ExportHistorySince(dir, time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC), &out); err != nil {
		t.Fatal(err)
	}
	want := line("clock not set", "1970-01-01T00:00:10Z", false) + line("later", "2026-03-03T05:00:00Z", true)
	if out.String() != want {
		t.Errorf("it has\n%s and not\n%s", out.String(), want)
	}
}
