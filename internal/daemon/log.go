package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"stationd/internal/exit"
	"stationd/internal/logging"
)

// drainTime is how long the last lines may take to be written when the program
// ends. Nobody may be reading.
const drainTime = 2 * time.Second

// OpenLog opens the log of a station that runs, which is written to stderr and is
// also where the standard library's own lines go. end writes what waits; it waits
// for a reader only briefly. From then on a pipe whose reader is gone is an error of
// the write and not the program's end.
func OpenLog(ctx context.Context, stderr io.Writer) (l *logging.Log, end func()) {
	signal.Ignore(syscall.SIGPIPE)
	l = logging.New(stderr, lineFormat(stderr), journalOpener(journalSocket))
	log.SetFlags(0)
	log.SetOutput(slog.NewLogLogger(l.Handler(), slog.LevelWarn).Writer())
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it has still to write why the station stops
	ended := make(chan struct{})
	go func() {
		l.Run(ctx)
		close(ended)
	}()
	return l, func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(drainTime):
		}
	}
}

// lineFormat returns the form of a log's lines: for the journal, which stamps and sorts by
// itself; on a terminal they are read by a person.
func lineFormat(stderr io.Writer) func(io.Writer) slog.Handler {
	if f, ok := stderr.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }
		}
	}
	return func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }
}

// journalSocket is where systemd's journal takes the lines of a service.
const journalSocket = "/run/systemd/journal/stdout"

// journalOpener returns what opens the journal at a socket again after it was stopped, which closes the
// standard error that it gave to the service; nil where stderr is not the journal's.
func journalOpener(socket string) func() (io.Writer, error) {
	if os.Getenv("JOURNAL_STREAM") == "" {
		return nil
	}
	var before net.Conn
	return func() (io.Writer, error) {
		if before != nil {
			before.Close()
			before = nil
		}
		conn, err := net.DialTimeout("unix", socket, drainTime) //nolint:noctx // a socket of this computer, with a time-out
		if err != nil {
			return nil, err
		}
		// What the journal is told first: the name, the unit, which it finds out by
		// itself, the priority, and that lines have no prefix and go nowhere else.
		if _, err := io.WriteString(conn, "stationd\n\n6\n0\n0\n0\n0\n"); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		before = conn
		return conn, nil
	}
}

// logEnd puts the error that ends the program into the log, which waits for
// nobody, and leaves its exit code.
func logEnd(l *logging.Log, err error) error {
	var ended *exit.Error
	if !errors.As(err, &ended) || ended.Err == nil {
		return err
	}
	fmt.Fprintf(l, "stationd: %v\n", ended.Err)
	return &exit.Error{Code: ended.Code}
}
