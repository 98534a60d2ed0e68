package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"testing"
	"time"
)

// TestMain is also every process that these tests start: a process that is killed,
// whose disk fails, or that looks at a damaged file. The variable says which.
func TestMain(m *testing.M) {
	child, ok := children[os.Getenv(childEnv)]
	for _, start := range startsWithMany {
		if start.name == os.Getenv(childEnv) {
			child, ok = start.do, true
		}
	}
	if !ok {
		os.Exit(m.Run())
	}
	if err := child(os.Getenv(childPathEnv)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, errUnread) {
			os.Exit(codeUnread)
		}
		os.Exit(1)
	}
	os.Exit(0)
}

const (
	childEnv     = "STATIOND_TEST_CHILD"
	childPathEnv = "STATIOND_TEST_OUTBOX"
	codeUnread   = 3
)

var errUnread = errors.New("it could not be looked at")

// children are what the test binary can be beside itself.
var children = map[string]func(path string) error{
	"record for ever":               recordForEver,
	"record and say":                recordAndSay,
	"record unsynced":               recordUnsynced,
	"record twice":                  recordTwice,
	"look after a cut":              lookAfterCut,
	"rewrite version 1 and say":     func(path string) error { return rewriteAndSay(path, 1) },
	"rewrite version 2 and say":     func(path string) error { return rewriteAndSay(path, 2) },
	"look after a cut in rewriting": lookAfterRewriteCut,
	"verify":                        verifyAsChild,
}

// again is this test binary as one of its children.
func again(ctx context.Context, t testing.TB, child, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(ctx, self, "-test.run", "^$")
	c.Env = append(os.Environ(), childEnv+"="+child, childPathEnv+"="+path)
	return c
}

// verifyAsChild is what cmd makes of stationd outbox verify --file PATH --quick.
func verifyAsChild(path string) error {
	debug.SetMaxStack(16 << 20) // pages that go in circles end here
	err := InspectFile(path)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w: %w", errUnread, err)
	}
	return err
}

// inChild is the Verify of a Setting: another process looks, and not for ever.
func inChild(t testing.TB, limit time.Duration) func(path string) error {
	return func(path string) error {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		said, err := again(ctx, t, "verify", path).CombinedOutput()
		var exit *exec.ExitError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &exit) && exit.ExitCode() != codeUnread:
			return fmt.Errorf("%w: %s", ErrDamaged, said[:min(len(said), 200)])
		}
		return fmt.Errorf("%w: %s", err, said)
	}
}

// rounds is how often a rig does its worst: STATIOND_ROUNDS=n has it done n times
// as often, as make soak does.
func rounds(usual int) int {
	if n, err := strconv.Atoi(os.Getenv("STATIOND_ROUNDS")); err == nil && n > 0 {
		return n * usual
	}
	if testing.Short() {
		return max(1, usual/10)
	}
	return usual
}
