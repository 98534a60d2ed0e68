package apitest

import (
	"encoding/binary"
	"errors"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// InNamespace runs the calling test again in a process whose network and mounts are
// its own, and reports whether this is that process. There the loopback is up and
// nothing else is. Where the kernel does not let it, the test is skipped and says
// what was not proved.
func InNamespace(t *testing.T, proves string) bool {
	t.Helper()
	if os.Getenv("STATIOND_NAMESPACE") != "" {
		loopback(t)
		return true
	}
	if testing.Short() {
		t.Skipf("%s was NOT proved: it takes its time", proves)
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1",
		"-test.parallel="+flag.Lookup("test.parallel").Value.String())
	again.Env = append(os.Environ(), "STATIOND_NAMESPACE=1")
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET}
	if uid := os.Getuid(); uid != 0 {
		again.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := again.CombinedOutput()
	if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		t.Skipf("%s was NOT proved: no namespaces here: %v", proves, err)
	}
	if strings.Contains(string(out), "\n--- SKIP: "+t.Name()) {
		t.Skipf("in a namespace of its own:\n%s", out)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a namespace of its own: %v\n%s", err, out)
	} else if testing.Verbose() {
		t.Logf("in a namespace of its own:\n%s", out)
	}
	return false
}

// loopback switches the namespace's own loopback on.
func loopback(t *testing.T) {
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

// ResolvConf puts a text in the place of /etc/resolv.conf, in this namespace alone.
func ResolvConf(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	over, err := filepath.EvalSymlinks("/etc/resolv.conf")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(path, over, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
}

// A NameServer answers every question after an IPv4 address with 127.0.0.1, or
// swallows it.
type NameServer struct {
	Asked atomic.Int32 // questions that came, answered or not
	Dead  atomic.Bool  // it swallows them
}

// NewNameServer serves on port 53 of an address until the test ends.
func NewNameServer(t *testing.T, address string) *NameServer {
	t.Helper()
	c, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", net.JoinHostPort(address, "53"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	s := new(NameServer)
	go s.serve(c)
	return s
}

func (s *NameServer) serve(c net.PacketConn) {
	for {
		p := make([]byte, 512)
		n, from, err := c.ReadFrom(p)
		if err != nil {
			return
		}
		if s.Asked.Add(1); s.Dead.Load() {
			continue
		}
		// One question: header, name, type, class; an EDNS record may follow.
		end := 12
		for p[end] != 0 {
			end += int(p[end]) + 1
		}
		end += 5
		answer := append([]byte{}, p[:min(n, end)]...)
		answer[2] |= 0x80 // it is an answer
		clear(answer[6:12])
		if binary.BigEndian.Uint16(p[end-4:]) == 1 { // of an IPv4 address
			answer[7] = 1
			answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
		}
		_, _ = c.WriteTo(answer, from)
	}
}
