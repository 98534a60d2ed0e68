package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"stationd/internal/mounts"
)

const (
	// partitionTime is how long a start waits for a partition: longer than systemd
	// waits for a disk (90 s), shorter than it waits for the start.
	partitionTime = 2 * time.Minute
	partitionLook = time.Second
)

// awaitPartition waits until the partition that fstab names for the data folder is mounted. An
// outbox that was made in the empty folder before would be hidden by the mount, and with it
// everything recorded until then. An error says that the partition was not mounted in time;
// another start waits again.
func (s base) awaitPartition(ctx context.Context) error {
	folder := s.plan.Station.Data
	p, missing := mounts.Unmounted(folder)
	if !missing {
		return nil
	}
	text := fmt.Sprintf("the partition %s is not mounted at %s: nothing is recorded before it is; look with systemctl status and lsblk, or mount it: mount %s", p.Source, p.Point, p.Point)
	s.log.Error("the start waits", "for", text)
	telling, told := context.WithCancel(ctx)
	var tells sync.WaitGroup
	tells.Go(func() { s.notRecording(telling, errors.New(text)) })
	defer tells.Wait()
	defer told()
	for end := time.Now().Add(partitionTime); time.Now().Before(end); {
		if !wait(ctx, partitionLook) {
			return ctx.Err()
		}
		if p, missing = mounts.Unmounted(folder); !missing {
			s.log.Info("the partition is mounted", "folder", folder)
			return nil
		}
	}
	return fmt.Errorf("waited %v: %s", partitionTime, text)
}
