package verify

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/queue"
	"stationd/internal/station"
)

// TestMain is the program that looks, where a test has asked for one.
func TestMain(m *testing.M) {
	if path, quick, requested := Requested(os.Args[1:]); requested {
		if File(os.Stdout, path, quick) != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// newOutbox makes an outbox at path.
func newOutbox(t *testing.T, path string) {
	t.Helper()
	stamp := func(at time.Time) station.Stamp { return station.Stamp{Wall: at, Boot: "boot-1", Up: time.Minute} }
	o, err := queue.Open(path, queue.Setting{Stamp: stamp, Log: slog.New(slog.DiscardHandler), Program: func() station.Program { return station.Program{} }})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if err := queue.VerifyFile(path); err != nil {
		t.Fatal(err)
	}
}

func TestALookThatWasBegunSaysWhatOneThatIsWaitedForSays(t *testing.T) {
	dir := t.TempDir()
	sound, damaged, later := filepath.Join(dir, "sound.db"), filepath.Join(dir, "damaged.db"), filepath.Join(dir, "later.db")
	newOutbox(t, sound)
	if err := os.WriteFile(damaged, []byte("not an outbox"), 0o600); err != nil {
		t.Fatal(err)
	}
	ofSound, ofDamaged, ofLater := Begin(sound), Begin(damaged), Begin(later)
	defer ofLater.End()
	newOutbox(t, later) // there was none when the look began
	for range 2 {       // the second is another look
		if err := ofSound.Result(sound); err != nil {
			t.Errorf("a sound outbox: %v", err)
		}
		if err := ofDamaged.Result(damaged); !errors.Is(err, queue.ErrDamaged) {
			t.Errorf("what is no outbox: %v", err)
		}
		if err := ofLater.Result(later); err != nil {
			t.Errorf("an outbox that came later: %v", err)
		}
	}
	if err := ofSound.Result(damaged); !errors.Is(err, queue.ErrDamaged) {
		t.Errorf("another file than the look began at: %v", err)
	}
}

// Time passes here only when the other process has ended and said all that it had to say.
func TestALookThatEndedInTimeIsNoDamageHoweverLateItIsAskedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outbox.db")
	newOutbox(t, path)
	synctest.Test(t, func(t *testing.T) {
		look := Begin(path)
		defer look.End()
		<-time.After(2 * verifyLimit)
		if err := look.Result(path); err != nil {
			t.Error(err)
		}
	})
}

func TestALookThatNobodyWantsLeavesNoProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outbox.db")
	newOutbox(t, path)
	look := Begin(path)
	pid := look.under.look.Process.Pid
	look.End()
	look.End()
	if err := unix.Kill(pid, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
}
