// Package verify checks an outbox file in a process of its own: reading a damaged file may
// end a process with a panic, or never end, and that must not happen to the station.
package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"stationd/internal/exit"
	"stationd/internal/queue"
)

const (
	// verifyLimit is longer than the whole outbox takes from a slow card, and
	// shorter than the service manager waits for a start.
	verifyLimit = time.Minute

	// unread is the exit code of a process that could not look at the file at all: it is
	// locked, or not this process's to read. exit.Config says that a newer version wrote
	// it. Every other code but 0 speaks against the file: also that of a panic or of a
	// stack that grew too large.
	unread = 3

	// DeepestStack is how many bytes the stack of the looking process may have: pages
	// that lead to one another in a circle end it before they take all memory.
	DeepestStack = 16 << 20
)

// Quick has the outbox looked at by another process: this program
// again, as stationd outbox verify --quick --file PATH.
func Quick(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), verifyLimit) //nolint:forbidigo // an outbox is opened whole or not at all
	defer cancel()
	return InSubprocess(ctx, path, quickWay)
}

// The words by which this program is asked, in this order, to look at a file for another
// process of its own: the command stationd outbox verify --file PATH, with --quick or without.
const (
	verb, subVerb      = "outbox", "verify"
	fileFlag, quickWay = "--file", "--quick"
)

// Requested reports whether a command line is that of another process which has a file looked
// at, and which file. It is answered before the commands are put together: that would take
// longer than the look.
func Requested(args []string) (path string, quick, requested bool) {
	if len(args) < 4 || !slices.Equal(args[:3], []string{verb, subVerb, fileFlag}) {
		return "", false, false
	}
	how := args[4:]
	return args[3], len(how) == 1, len(how) == 0 || slices.Equal(how, []string{quickWay})
}

// A Look is a quick look that another process has begun, while this one does other things:
// starting a process takes longer than most looks.
type Look struct {
	path   string
	under  *process // nil: there was no file to look at, or its result was taken
	ctx    context.Context
	cancel context.CancelFunc
}

// Begin has another process begin to look at an outbox, if there is one at path. Nobody may
// write to it until [Look.Result].
func Begin(path string) *Look {
	l := &Look{path: path}
	if _, err := os.Stat(path); err == nil {
		l.ctx, l.cancel = context.WithCancel(context.Background()) //nolint:forbidigo // an outbox is opened whole or not at all
		l.under = start(l.ctx, path, quickWay)
	}
	return l
}

// Result is [Quick] of the file at path, with the look that was begun where it is at that file.
// What was found is told once: a second call looks again.
func (l *Look) Result(path string) error {
	if l.under == nil || path != l.path {
		return Quick(path)
	}
	defer l.cancel()
	defer time.AfterFunc(verifyLimit, l.cancel).Stop() // from now on: what ended long ago took no longer for that
	under := l.under
	l.under = nil
	return under.result(l.ctx)
}

// End ends the look if its result was not taken. It may be called twice.
func (l *Look) End() {
	if l.under != nil {
		l.cancel()
		_ = l.under.result(l.ctx) // nobody wants it any more
		l.under = nil
	}
}

// InSubprocess has another process look at the outbox, until ctx ends.
func InSubprocess(ctx context.Context, path string, how ...string) error {
	return start(ctx, path, how...).result(ctx)
}

// A process looks at an outbox for this one.
type process struct {
	path string
	look *exec.Cmd
	said *bytes.Buffer
	err  error // it could not be started
}

// start starts the process.
func start(ctx context.Context, path string, how ...string) *process {
	// This program itself, also where its file has been replaced since, under the
	// name that it was started by.
	look := exec.CommandContext(ctx, "/proc/self/exe", append([]string{verb, subVerb, fileFlag, path}, how...)...)
	look.Args[0] = os.Args[0]
	p := &process{path: path, look: look, said: new(bytes.Buffer)}
	look.Stderr = p.said
	p.err = look.Start()
	return p
}

// result waits until the process has ended and says what it found.
func (p *process) result(ctx context.Context) error {
	path, said, err := p.path, p.said, p.err
	if err == nil {
		err = p.look.Wait()
	}
	var ended *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: looking at it took too long", queue.ErrDamaged)
	case errors.As(err, &ended) && ended.ExitCode() == exit.Config:
		return newerOutbox{strings.TrimPrefix(strings.TrimPrefix(beginning(said.String()), "stationd: "), "outbox "+path+": ")}
	case !errors.As(err, &ended), ended.ExitCode() == unread, !ended.Exited():
		return fmt.Errorf("verify it in another process: %w: %s", err, beginning(said.String()))
	}
	return fmt.Errorf("%w: %s", queue.ErrDamaged, beginning(said.String()))
}

// newerOutbox is what the other process said of a file that a newer version wrote.
type newerOutbox struct{ said string }

// Error implements error.
func (n newerOutbox) Error() string { return n.said }

// Unwrap says what it is.
func (newerOutbox) Unwrap() error { return queue.ErrNewer }

// beginning is the first line of a text, without the stack of a panic, and no more
// of it than a log line may carry.
func beginning(text string) string {
	const longest = 500
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	return text
}

// File is what the process that Quick starts does: it verifies one file and says the
// result by its exit code.
func File(w io.Writer, path string, quick bool) error {
	debug.SetMaxStack(DeepestStack)
	// Whoever asked may have been killed meanwhile.
	time.AfterFunc(verifyLimit, func() {
		fmt.Fprintln(os.Stderr, "looking at it took too long")
		os.Exit(exit.Failure)
	})
	look := queue.VerifyFile
	if quick {
		look = queue.InspectFile
	}
	err := look(path)
	switch {
	case err == nil:
		fmt.Fprintf(w, "%s: sound\n", path)
		return nil
	case errors.Is(err, queue.ErrDamaged), errors.Is(err, queue.ErrNewer):
		return exit.Wrap(err)
	}
	return exit.With(unread, err)
}
