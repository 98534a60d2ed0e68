package queue

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// The card gives a page of a running outbox back no more: that is found, and the station runs on.
func TestAPageThatCannotBeReadIsAFaultAndNotTheEnd(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outbox.db")
	box := boxOn(t, path, 8<<20)
	for i := range 200 {
		if _, err := box.Record(station.Event{Source: "hand", Kind: station.Scan, Code: fmt.Sprintf("1/n%d", i), At: box.setting.Stamp(time.Now())}); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 2*int64(os.Getpagesize())); err != nil { // a page behind the end is one that cannot be read
		t.Fatal(err)
	}
	err = box.Verify()
	if err == nil || !strings.Contains(err.Error(), "a page is damaged") {
		t.Errorf("of %d bytes two pages are left, and it says: %v", info.Size(), err)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := box.Verify(); err != nil {
		t.Error(err)
	}
}
