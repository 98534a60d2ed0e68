package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/demo"
)

// A front stands before the plant and hands every byte on. It can become deaf: what
// is sent to it vanishes, as with an access point that restarts.
type front struct {
	listener net.Listener
	mu       sync.Mutex // guards what follows
	conns    []*net.TCPConn
	heard    bytes.Buffer // what came to it
}

func newFront(t *testing.T, plant string) *front {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	f := &front{listener: listener}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns = append(f.conns, c.(*net.TCPConn))
			f.mu.Unlock()
			go f.carry(c, plant)
		}
	}()
	return f
}

func (f *front) carry(c net.Conn, plant string) {
	defer c.Close()
	far, err := net.Dial("tcp", plant)
	if err != nil {
		return
	}
	defer far.Close()
	go io.Copy(c, far)
	_, _ = io.Copy(io.MultiWriter(far, f), c)
}

// Write takes note of what was heard.
func (f *front) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.heard.Write(p)
}

func (f *front) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.heard.String()
}

// deaf lets everything vanish that is sent to it, on the connections of now and to make
// others, until it hears again.
func (f *front) deaf(t *testing.T, on bool) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	all := []syscall.Conn{f.listener.(*net.TCPListener)}
	for _, c := range f.conns {
		all = append(all, c)
	}
	for _, c := range all {
		raw, err := c.SyscallConn()
		must(t, err)
		err = raw.Control(func(fd uintptr) {
			if on {
				err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing})
			} else {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
			}
		})
		if err != nil && !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
	}
}

// unheard reports whether the kernel holds something that was sent to the front and
// that nobody has acknowledged.
func (f *front) unheard(t *testing.T) bool {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	must(t, err)
	to := fmt.Sprintf("0100007F:%04X", f.listener.Addr().(*net.TCPAddr).Port)
	for line := range strings.Lines(string(table)) {
		// sl local rem st tx_queue:rx_queue …
		if field := strings.Fields(line); len(field) > 4 && field[2] == to && !strings.HasPrefix(field[4], "00000000:") {
			return true
		}
	}
	return false
}

// A call is on its way while packets vanish, and the station is killed. The kernel
// would go on sending what the process wrote, and the call would be opened when
// nobody expects it any more: after it was looked for, and sent again.
func TestACallThatWasOnItsWayWhenTheStationDiedDoesNotArriveLater(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	plant := strings.TrimPrefix(b.Plant.L2LURL(), "http://")
	address, _, _ := strings.Cut(plant, "/")
	f := newFront(t, address)
	editConfig(t, b, address, f.listener.Addr().String())
	reloadStation(t, b, heardReload)

	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.WaitDelivered(t.Context()))
	if n := strings.Count(f.text(), "POST /"); n != 1 {
		t.Fatalf("%d requests went by the front", n)
	}
	f.deaf(t, true)
	waitRecorded(t, b, "material.press", func() { b.Push(demo.PinMaterial, demo.PressTime) })
	must(t, demo.Until(t.Context(), "the call is on its way", func() bool { return f.unheard(t) }))
	must(t, b.Power(t.Context(), false))
	f.deaf(t, false)
	// What the kernel still had it would send within twice the time that it tried.
	<-time.After(4 * time.Second)
	if n := strings.Count(f.text(), "POST /"); n != 1 {
		t.Errorf("the station is dead, and its call arrives:\n%s", f.text())
	}
	must(t, b.Power(t.Context(), true))
	must(t, b.WaitDelivered(t.Context()))
	if found := b.Plant.Dispatches(); len(found) != 2 {
		t.Errorf("each call is opened once: %+v", found)
	}
}
