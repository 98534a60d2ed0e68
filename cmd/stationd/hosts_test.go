package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"stationd/internal/demo"
)

// A network is some computers with a router between them: the namespace of this process is
// the router, and each computer has a namespace of its own.
type network struct {
	t      *testing.T
	number int // of several in one process: the second of its addresses
	cables int
}

// A host is a computer of a network.
type host struct {
	network   *network
	name      string
	namespace *os.File
	cables    []*cable
}

// A cable leads from a host to the router.
type cable struct {
	host   *host
	port   string // the router's end
	device string // the host's end
	number int    // of its subnet
	last   int    // of the host's address there
}

// newNetwork makes this process' namespace a router. Where it cannot be one, the test is skipped
// and says what was not proved.
func newNetwork(t *testing.T, number int, proves string) *network {
	t.Helper()
	for _, program := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s was NOT proved: there is no %s (Debian: iproute2, util-linux)", proves, program)
		}
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o600); err != nil {
		t.Skipf("%s was NOT proved: no router here: %v", proves, err)
	}
	for _, does := range []string{"add probe type veth peer name probe-end", "delete probe"} {
		if out, err := exec.CommandContext(t.Context(), "ip", append([]string{"link"}, strings.Fields(does)...)...).CombinedOutput(); err != nil {
			t.Skipf("%s was NOT proved: no cables here: %v: %s", proves, err, out)
		}
	}
	return &network{t: t, number: number}
}

// inNamespace calls do on a thread that is in a namespace, and ends with it.
func inNamespace(enter func() error, do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: it serves nobody else afterwards
		err := enter()
		if err == nil {
			err = do()
		}
		done <- err
	}()
	return <-done
}

// host adds a computer with so many cables to the router. By the first it reaches all others.
func (n *network) host(name string, cables int) *host {
	n.t.Helper()
	h := &host{network: n, name: name}
	must(n.t, inNamespace(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() (err error) {
		h.namespace, err = os.Open("/proc/thread-self/ns/net")
		return err
	}))
	n.t.Cleanup(func() { h.namespace.Close() })
	h.ip("link set lo up")
	for i := range cables {
		n.cables++
		c := &cable{host: h, port: fmt.Sprintf("p%d-%d", n.number, n.cables), device: fmt.Sprint("eth", i), number: n.cables, last: 2}
		h.cables = append(h.cables, c)
		n.ip(fmt.Sprintf("link add %s type veth peer name %s netns %s", c.port, c.device, h.path()),
			fmt.Sprintf("address add %s.1/24 dev %s", c.prefix(), c.port), fmt.Sprintf("link set %s up", c.port))
		h.ip(fmt.Sprintf("address add %s/24 dev %s", c.address(), c.device), fmt.Sprintf("link set %s up", c.device))
	}
	h.ip(h.cables[0].route("default"))
	return h
}

// path is where the host's namespace is found.
func (h *host) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), h.namespace.Fd()) }

// enter is the beginning of a command that runs on the host.
func (h *host) enter() []string { return []string{"nsenter", "--net=" + h.path()} }

// ip has the router, or a host, do commands of ip.
func (n *network) ip(lines ...string) { n.t.Helper(); runIP(n.t, nil, lines) }
func (h *host) ip(lines ...string)    { h.network.t.Helper(); runIP(h.network.t, h.enter(), lines) }

func runIP(t *testing.T, prefix, lines []string) {
	t.Helper()
	command := slices.Concat(prefix, []string{"ip", "-batch", "-"})
	c := exec.CommandContext(t.Context(), command[0], command[1:]...)
	c.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("ip %q: %v: %s", lines, err, out) // also from a handler: nothing ends here
	}
}

// listen listens at the host.
func (h *host) listen(port string) (l net.Listener) {
	h.network.t.Helper()
	enter := func() error { return unix.Setns(int(h.namespace.Fd()), unix.CLONE_NEWNET) }
	must(h.network.t, inNamespace(enter, func() (err error) {
		l, err = net.Listen("tcp", net.JoinHostPort(h.cables[0].address(), port))
		return err
	}))
	return l
}

// start runs a program on the host until the test ends, and returns its log.
func (h *host) start(dir string, command ...string) *demo.LogWatcher {
	t := h.network.t
	t.Helper()
	log, err := demo.OpenLogWatcher(filepath.Join(dir, h.name+".log"))
	must(t, err)
	command = append(h.enter(), command...)
	p := exec.Command(command[0], command[1:]...)
	p.Stdout, p.Stderr = log, log
	must(t, p.Start())
	t.Cleanup(func() {
		if err := p.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
			must(t, err)
		}
		_ = p.Wait() // it was killed
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", h.name, log.Tail())
		}
		must(t, log.Close())
	})
	return log
}

func (c *cable) prefix() string  { return fmt.Sprintf("10.%d.%d", c.host.network.number, c.number) }
func (c *cable) subnet() string  { return c.prefix() + ".0/24" }
func (c *cable) address() string { return fmt.Sprintf("%s.%d", c.prefix(), c.last) }

// route is how the host is told that it reaches something by the cable.
func (c *cable) route(to string) string {
	return fmt.Sprintf("route replace %s via %s.1 dev %s", to, c.prefix(), c.device)
}

// pull pulls the cable out of the router, or puts it back.
func (c *cable) pull(out bool) {
	c.host.network.ip(fmt.Sprintf("link set %s %s", c.port, map[bool]string{true: "down", false: "up"}[out]))
}

// move gives the host another address on the cable, by which it reaches what it reached.
func (c *cable) move(reaches string) {
	c.last++
	c.host.ip("address flush dev "+c.device, fmt.Sprintf("address add %s/24 dev %s", c.address(), c.device), c.route(reaches))
}

// A link is between two hosts, by a cable of each.
type link struct{ from, to *cable }

// silence has the router drop what goes from one end to the other, without a word to anybody,
// until the returned function is called.
func (l link) silence() (end func()) {
	rule := fmt.Sprintf("from %s to %s type blackhole", l.from.subnet(), l.to.subnet())
	l.from.host.network.ip("rule add " + rule)
	return sync.OnceFunc(func() { l.from.host.network.ip("rule delete " + rule) })
}

// back is the link in the other direction.
func (l link) back() link { return link{from: l.to, to: l.from} }
