package api

import (
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"stationd/internal/station"
)

// inNamespace runs the calling test again in a process with a network and a file
// system of its own, and reports whether this is that process. It needs no more
// than the kernel's leave.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv("STATIOND_NAMESPACE") != "" {
		return true
	}
	if testing.Short() {
		t.Skip("what a dead name server does was NOT proved: it takes its time")
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	again.Env = append(os.Environ(), "STATIOND_NAMESPACE=1")
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET}
	if uid := os.Getuid(); uid != 0 {
		again.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := again.CombinedOutput()
	if _, ran := err.(*exec.ExitError); err != nil && !ran {
		t.Skipf("what a dead name server does was NOT proved: no namespaces here: %v", err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a namespace of its own: %v\n%s", err, out)
	}
	return false
}

// loopbackUp switches the namespace's own loopback on.
func loopbackUp(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatal(err)
	}
}

// A nameServer answers every question after an IPv4 address with 127.0.0.1, or
// swallows it.
type nameServer struct {
	asked atomic.Int32
	dead  atomic.Bool
}

func newNameServer(t *testing.T, address string) *nameServer {
	t.Helper()
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s := new(nameServer)
	go func() {
		for {
			p := make([]byte, 512)
			n, from, err := c.ReadFrom(p)
			if err != nil {
				return
			}
			s.asked.Add(1)
			if s.dead.Load() {
				continue
			}
			// One question: header, name, type, class; behind it may be an EDNS record.
			end := 12
			for p[end] != 0 {
				end += int(p[end]) + 1
			}
			end += 5
			kind := binary.BigEndian.Uint16(p[end-4:])
			answer := append([]byte{}, p[:min(n, end)]...)
			answer[2] |= 0x80 // an answer
			copy(answer[6:12], make([]byte, 6))
			if kind == 1 {
				answer[7] = 1
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
			}
			_, _ = c.WriteTo(answer, from)
		}
	}()
	return s
}

// resolvConf puts a file in the place of /etc/resolv.conf, in this namespace alone.
func resolvConf(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	over := "/etc/resolv.conf"
	if real, err := filepath.EvalSymlinks(over); err == nil {
		over = real
	}
	if err := unix.Mount(path, over, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
}

// Of two name servers the first is dead. The call goes out with the second's
// answer, and only the first of many look-ups waits for the dead one. Where both
// are dead, the last good answer serves.
func TestADeadNameServerCostsACallItsFirstLookUpAlone(t *testing.T) {
	t.Parallel()
	if !inNamespace(t) {
		return
	}
	loopbackUp(t)
	first, second := newNameServer(t, "127.0.0.2:53"), newNameServer(t, "127.0.0.3:53")
	first.dead.Store(true)
	resolvConf(t, "nameserver 127.0.0.2\nnameserver 127.0.0.3\n")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close") // each call looks up and connects anew
		io.WriteString(w, "yes")
	}))
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	var said strings.Builder
	c := New(Settings{Base: "http://acme.example.com:" + port + "/", Keys: []Key{canaryKey(t)}, Log: slog.New(slog.NewTextHandler(&said, nil))})
	call := func() {
		t.Helper()
		if _, rc := c.Do(t.Context(), Request{Method: http.MethodPost, Path: "dispatches/open/", Says: plainly}); rc.Outcome != station.Delivered {
			t.Fatal(rc.Err)
		}
	}
	call()
	before := first.asked.Load()
	if before == 0 {
		t.Fatal("the dead name server was never asked: there was nothing to prove")
	}
	call()
	call()
	if now := first.asked.Load(); now != before {
		t.Errorf("the dead name server is asked again, %d times", now-before)
	}
	if !strings.Contains(said.String(), "127.0.0.2:53") {
		t.Errorf("the log does not name it: %s", said.String())
	}
	second.dead.Store(true)
	call()
	// While both are silent, the one that was left out is asked again.
	first.dead.Store(false)
	before = first.asked.Load()
	for range 3 {
		call()
	}
	if first.asked.Load() == before {
		t.Error("the first answers again, and is not asked")
	}
}
