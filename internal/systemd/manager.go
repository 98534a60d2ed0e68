package systemd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Manager is the other end of the protocol: it receives what services send. The
// demonstration and the tests start a station with one, as its unit does.
type Manager struct {
	path string
	conn *net.UnixConn
}

// Listen makes the socket at path, where nothing may be yet and whose name has at
// most 107 bytes. Run closes it.
func Listen(path string) (*Manager, error) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("systemd: the manager's socket: %w", err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("systemd: the manager's socket: %w", err), conn.Close())
	}
	// The kernel adds the sender's process, which NotifyAccess=main compares.
	err = errors.Join(raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	}), err)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("systemd: the manager's socket: %w", err), conn.Close())
	}
	return &Manager{path: path, conn: conn}, nil
}

// Environ is what the environment of a service with Type=notify and
// WatchdogSec=limit has beside its own variables. WATCHDOG_PID is not in it: only
// the process itself knows its number before it runs, and systemd does not always
// set it either.
func (m *Manager) Environ(limit time.Duration) []string {
	return []string{
		"NOTIFY_SOCKET=" + m.path,
		"WATCHDOG_USEC=" + strconv.FormatInt(limit.Microseconds(), 10),
		"WATCHDOG_PID=",
	}
}

// Run calls received with each line that a process sends, such as READY=1, and the
// process's number, one line at a time and in their order, until ctx is done; then it
// returns nil. An error means that nothing can be received any more.
func (m *Manager) Run(ctx context.Context, received func(pid int, line string)) error {
	stop := context.AfterFunc(ctx, func() { m.conn.Close() })
	defer stop()
	defer func() { _ = os.Remove(m.path) }()
	text, control := make([]byte, 4096), make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	for {
		n, controls, _, _, err := m.conn.ReadMsgUnix(text, control)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return errors.Join(fmt.Errorf("systemd: the manager's socket: %w", err), m.conn.Close())
		}
		pid := sender(control[:controls])
		for line := range strings.Lines(string(text[:n])) {
			received(pid, strings.TrimSuffix(line, "\n"))
		}
	}
}

// sender returns the number of the process that sent a message; 0 where the kernel
// does not say it.
func sender(control []byte) int {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if who, err := unix.ParseUnixCredentials(&m); err == nil {
			return int(who.Pid)
		}
	}
	return 0
}
