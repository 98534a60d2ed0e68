// Package systemd tells the service manager how the station is: ready,
// reloading, stopping, and still making progress.
//
// The protocol is sd_notify(3): one datagram of NAME=value lines to the unix
// socket named by $NOTIFY_SOCKET. Without that variable, as on a developer's
// desk, nothing is sent and nothing is an error.
package systemd

import (
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// sendTimeout is how long a datagram may wait for room in the manager's queue: a ping
// must not stop whoever sends it.
const sendTimeout = 2 * time.Second

// Notify sends state, one or more NAME=value lines, to the service manager. It
// returns nil when no manager listens ($NOTIFY_SOCKET is unset or empty).
// Sending the same twice is harmless. An error means that the manager did not
// get it; the station goes on, and the manager's own time-outs judge it.
func Notify(state string) error {
	// "/run/systemd/notify", or "@…" for a name in Linux's abstract namespace,
	// which package net spells the same way.
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	if name[0] != '/' && name[0] != '@' {
		return fmt.Errorf("systemd: NOTIFY_SOCKET is %q: it must start with / or @", name)
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("systemd: the manager's socket: %w", err)
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return fmt.Errorf("systemd: the manager's socket: %w", err)
	}
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("systemd: the manager's socket: %w", err)
	}
	return nil
}

// Ready says that the station takes presses and scans: the outbox is open and
// the devices are asked for. It also ends a reload.
func Ready() error { return Notify("READY=1") }

// Stopping says that the station stops on purpose, so that the manager waits
// TimeoutStopSec for the attempt under way.
func Stopping() error { return Notify("STOPPING=1") }

// Reloading says that the configuration is being read again; Ready ends it. The
// manager tells this reload from an earlier one by the time on CLOCK_MONOTONIC.
func Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("systemd: reading CLOCK_MONOTONIC: %w", err)
	}
	return Notify(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000))
}

// Status puts text into the unit's status line, where `systemctl status
// stationd` shows it: "7 waiting, scanner hand is unplugged". What text has of
// line ends becomes spaces, so that a text can never say READY=1.
func Status(text string) error { return Notify(status(text)) }

func status(text string) string {
	return "STATUS=" + strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}
