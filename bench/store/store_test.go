package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestWhoComesDuringACommitSharesTheNext(t *testing.T) {
	t.Parallel()
	began, goOn := make(chan struct{}), make(chan struct{})
	var commits [][]string
	s := &sharing{put: func(records [][]byte) error {
		var texts []string
		for _, r := range records {
			texts = append(texts, string(r))
		}
		commits = append(commits, texts)
		if len(commits) == 1 {
			close(began)
			<-goOn
		}
		return nil
	}}
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := s.Put([]byte("first")); err != nil {
			t.Error(err)
		}
	})
	<-began
	for i := range 5 {
		wait.Go(func() {
			if err := s.Put(fmt.Append(nil, i)); err != nil {
				t.Error(err)
			}
		})
	}
	for joined := 0; joined < 5; {
		s.queue.Lock()
		if joined = 0; s.next != nil {
			joined = len(s.next.records)
		}
		s.queue.Unlock()
	}
	close(goOn)
	wait.Wait()
	if len(commits) != 2 || len(commits[1]) != 5 {
		t.Errorf("commits: %v", commits)
	}
}

func TestAnErrorOfACommitIsEverybodysInIt(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	s := &sharing{put: func([][]byte) error { return broken }}
	if err := s.Put([]byte("one")); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// The three that are always measured record and take off what they are told.
func TestEachKindTakesRecordsAndCycles(t *testing.T) {
	t.Parallel()
	for _, k := range append(Kinds(), Kind{Name: "bbolt, as it comes", Open: OpenDefault}) {
		for _, writers := range []int{1, 4} {
			dir := t.TempDir()
			s, err := k.Open(dir, writers)
			if err != nil {
				t.Fatalf("%s: %v", k.Name, err)
			}
			var wait sync.WaitGroup
			for range writers {
				wait.Go(func() {
					if err := s.Put(Record(1)); err != nil {
						t.Errorf("%s: %v", k.Name, err)
					}
				})
			}
			wait.Wait()
			for i := range 3 {
				if err := s.Cycle(Record(i)); err != nil {
					t.Errorf("%s: %v", k.Name, err)
				}
			}
			if err := s.Close(); err != nil {
				t.Errorf("%s: %v", k.Name, err)
			}
		}
	}
}

func TestARecordIs300Bytes(t *testing.T) {
	t.Parallel()
	for _, i := range []int{0, 9, 12_345} {
		if n := len(Record(i)); n != 300 {
			t.Errorf("record %d has %d bytes: %s", i, n, Record(i))
		}
	}
}

func TestAllocationsAreCounted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outbox")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	m, err := CountMallocs(context.Background(), dir, 20)
	if err != nil {
		t.Fatal(err)
	}
	if m.Press < 10 || m.Press > 2000 || m.Delivery < 10 || m.Delivery > 5000 {
		t.Errorf("%+v", m)
	}
}

func TestAStacksPlaceIsTold(t *testing.T) {
	t.Parallel()
	for want, stack := range map[string][]string{
		"in the kernel: syncs":                         {"internal/runtime/syscall/linux.Syscall6", "syscall.RawSyscall6", "syscall.Syscall", "syscall.Fdatasync", "go.etcd.io/bbolt.fdatasync", "main.main"},
		"in the kernel: writes":                        {"internal/runtime/syscall/linux.Syscall6", "syscall.Syscall6", "syscall.pwrite", "syscall.Pwrite", "internal/poll.(*FD).Pwrite", "os.(*File).WriteAt", "go.etcd.io/bbolt.(*Tx).write"},
		"go.etcd.io/bbolt":                             {"runtime.mallocgc", "runtime.newobject", "go.etcd.io/bbolt.(*Bucket).Put", "stationd/internal/queue.(*Outbox).Record"},
		"Go's runtime: collecting":                     {"runtime.scanobject", "runtime.gcDrain", "runtime.gcBgMarkWorker.func2", "runtime.systemstack"},
		"Go's runtime: from one goroutine to the next": {"runtime.futex", "runtime.notesleep", "runtime.findRunnable", "runtime.schedule", "runtime.park_m", "runtime.mcall"},
		"Go's runtime":                                 nil,
	} {
		if got := place(stack); got != want {
			t.Errorf("%v is %q, want %q", stack, got, want)
		}
	}
}

func TestWhereACycleGoesIsTold(t *testing.T) {
	by, err := WhereCyclesGo(context.Background(), t.TempDir(), 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(by)
}
