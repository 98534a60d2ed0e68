package api

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// deaf lets every packet to the server's end of a connection vanish, without a
// word to anybody, until it is told to stop: an access point that restarts.
func deaf(t *testing.T, c net.Conn) (hears func()) {
	t.Helper()
	control := func(do func(fd int) error) {
		t.Helper()
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.Control(func(fd uintptr) {
			if err := do(int(fd)); err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	nothing := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	control(func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing[0]})
	})
	return func() {
		control(func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0) })
	}
}

// A request is written while packets vanish, and given up. Then the packets get
// through again: nothing of it may arrive, or the vendor does it after it was
// looked for.
func TestWhatWasGivenUpDoesNotArriveWhenThePacketsGetThroughAgain(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c := New(Settings{Base: "http://" + listener.Addr().String() + "/", Keys: []Key{canaryKey(t)}, Every: time.Millisecond,
		Response: 300 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	act := func() station.Receipt {
		_, rc := c.Do(t.Context(), Request{Method: http.MethodPost, Path: "dispatches/open/", Body: []byte("site=12"), Interpret: plainly})
		return rc
	}

	first := make(chan station.Receipt, 1)
	go func() { first <- act() }()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	reader := bufio.NewReader(server)
	request, err := http.ReadRequest(reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, request.Body); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"); err != nil {
		t.Fatal(err)
	}
	if rc := <-first; rc.Outcome != station.Delivered {
		t.Fatal(rc.Err)
	}

	hears := deaf(t, server)
	if rc := act(); rc.Outcome != station.Doubtful {
		t.Fatalf("it is in doubt: %v, %v", rc.Outcome, rc.Err)
	}
	hears()
	// The kernel would send it again within twice the time that it tried already.
	if err := server.SetReadDeadline(time.Now().Add(3 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if late, err := http.ReadRequest(reader); err == nil {
		t.Fatalf("given up, and it arrives: %s %s", late.Method, late.URL)
	} else if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Logf("the connection ended: %v", err)
	}
}

// An answer that was read whole ends the request: what is closed between two
// requests is closed in order, and no server has to write of a torn connection.
func TestAConnectionThatIsNotNeededIsClosedInOrder(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c := New(Settings{Base: "http://" + listener.Addr().String() + "/", Keys: []Key{canaryKey(t)}, Every: time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	ended := make(chan error, 1)
	go func() {
		server, err := listener.Accept()
		if err != nil {
			ended <- err
			return
		}
		defer server.Close()
		reader := bufio.NewReader(server)
		for {
			request, err := http.ReadRequest(reader)
			if err != nil {
				ended <- err
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			_, _ = io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")
		}
	}()
	for range 3 {
		if _, rc := c.Do(context.Background(), Request{Method: http.MethodPost, Path: "x/", Body: []byte("a"), Interpret: plainly}); rc.Outcome != station.Delivered {
			t.Fatal(rc.Err)
		}
	}
	c.routing.transport.CloseIdleConnections()
	if err := <-ended; !errors.Is(err, io.EOF) {
		t.Errorf("the server sees %v, and an end in order is EOF", err)
	}
}
