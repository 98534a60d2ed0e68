package scanner

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A timedReader is a file or connection that is read up to a deadline.
type timedReader interface {
	io.Reader
	syscall.Conn
	SetReadDeadline(t time.Time) error
}

// readOrLook reads what has arrived up to the deadline. Where that is over, it looks once more
// without waiting: Read does not look at all then (internal/poll, FD.Read), and who was kept from
// the processor for longer than the deadline would take for silence what came in time.
// os.ErrDeadlineExceeded says that nothing has come. The deadline stays over.
func readOrLook(from timedReader, b []byte) (n int, err error) {
	n, err = from.Read(b)
	if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	conn, err := from.SyscallConn()
	if err != nil {
		return 0, err
	}
	if err := from.SetReadDeadline(time.Time{}); err != nil { // a look would be refused, too
		return 0, err
	}
	var refused error
	looked := conn.Read(func(fd uintptr) (done bool) {
		n, refused = unix.Read(int(fd), b)
		return true
	})
	err = errors.Join(looked, from.SetReadDeadline(time.Unix(1, 0)))
	switch {
	case err != nil:
		return 0, err
	case errors.Is(refused, unix.EAGAIN), errors.Is(refused, unix.EINTR):
		return 0, os.ErrDeadlineExceeded
	case refused != nil:
		return 0, refused
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
