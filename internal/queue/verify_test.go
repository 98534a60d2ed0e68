package queue

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"stationd/internal/station"
)

// Somebody asks again and again whether the outbox is sound while scans are recorded and
// unknown ones are dropped. bbolt's own check is for a file that nobody writes: it read the
// list of free pages while a commit changed it.
func TestAnOutboxIsVerifiedWhileItRecords(t *testing.T) {
	t.Parallel()
	box := boxOn(t, filepath.Join(t.TempDir(), "outbox.db"), 8<<20)
	const looks = 100
	ended := make(chan error)
	stop := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			code := fmt.Sprintf("%d/n%d", i%3, i)
			if i >= 200 {
				code = fmt.Sprintf("nobody knows %d", i)
			}
			if _, err := box.Record(station.Event{ID: station.NewID(), Source: "hand", Kind: station.Scan, Code: code, At: box.setting.Stamp(time.Now())}); err != nil {
				ended <- err
				return
			}
		}
	}()
	for range looks {
		if err := box.Verify(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
