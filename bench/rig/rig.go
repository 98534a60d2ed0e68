// Package rig runs stationd and its peers side by side: each has a serial line of its own,
// on which the rig scans, a folder, and a vendor that notes what arrives.
package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"stationd/bench/measure"
	"stationd/bench/peers"
	"stationd/internal/gpio"
	"stationd/internal/systemd"
)

// The peers' names.
const (
	Stationd = "stationd"
	Python   = "Python"
	NodeRED  = "Node-RED"
	Bare     = "bare C"
)

// A Rig has what is run.
type Rig struct {
	Dir      string            // for everything that is written; on the disk that is measured
	Stationd string            // the program
	Bare     string            // the compiled peers/bare.c; empty: it could not be made
	Spent    string            // the compiled peers/spent.c
	NodeRED  string            // the folder in which node-red is installed; empty: it is not
	Python   bool              // python3 has serial and requests
	Missing  map[string]string // why a peer is not measured
	Versions map[string]string // of what is run
	Strace   bool
	Tracing  *measure.Tracing // the kernel's tracepoints; nil: this machine does not show them

	mu sync.Mutex // guards n
	n  int
}

// Open makes what can be made of the peers: bare C takes a compiler, Python two packages of
// Debian's, and Node-RED npm and some minutes, where installNodeRED says so. What cannot be
// made is in Missing.
func Open(ctx context.Context, dir, stationd string, installNodeRED bool) (*Rig, error) {
	r := &Rig{Dir: dir, Stationd: stationd, Missing: make(map[string]string), Versions: make(map[string]string)}
	sources := filepath.Join(dir, "peers")
	if err := os.CopyFS(sources, peers.Files); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	for name, to := range map[string]*string{"bare": &r.Bare, "spent": &r.Spent} {
		out := filepath.Join(dir, name)
		if said, err := exec.CommandContext(ctx, "gcc", "-O2", "-o", out, filepath.Join(sources, "c", name+".c")).CombinedOutput(); err != nil {
			r.Missing[Bare] = "gcc is not there, or does not compile it: " + firstLine(said, err)
			continue
		}
		*to = out
	}
	r.version(ctx, "gcc", "gcc", "-dumpfullversion")
	if said, err := exec.CommandContext(ctx, "/usr/bin/python3", "-c", "import platform, serial, requests, sqlite3; print(platform.python_version(), 'pyserial', serial.__version__, 'requests', requests.__version__, 'SQLite', sqlite3.sqlite_version)").CombinedOutput(); err != nil {
		r.Missing[Python] = "it takes Debian's python3-serial and python3-requests: " + firstLine(said, err)
	} else {
		r.Python, r.Versions[Python] = true, strings.TrimSpace(string(said))
	}
	if err := r.openNodeRED(ctx, sources, installNodeRED); err != nil {
		r.Missing[NodeRED] = err.Error()
	}
	// In a container it may be there and not allowed to trace anything.
	if exec.CommandContext(ctx, "strace", append(straceArgs("/dev/null"), "true")...).Run() == nil {
		r.Strace = true
		if said, err := exec.CommandContext(ctx, "strace", "-V").Output(); err == nil {
			r.Versions["strace"] = strings.TrimPrefix(firstLine(said, nil), "strace -- version ")
		}
	}
	var err error
	if r.Tracing, err = measure.OpenTracing(ctx); err != nil && !errors.Is(err, measure.ErrNoTracing) {
		return nil, err
	}
	return r, nil
}

// Close gives back what the rig took of the machine.
func (r *Rig) Close(ctx context.Context) error {
	if r.Tracing == nil {
		return nil
	}
	return r.Tracing.Close(ctx)
}

// SeesSyncs says by what syncs are seen here; empty: by nothing.
func (r *Rig) SeesSyncs() string {
	switch {
	case r.Tracing != nil:
		return "the kernel's tracepoints"
	case r.Strace:
		return "strace, which stops the process at each"
	}
	return ""
}

// straceArgs has strace write the syncs of what follows into a file.
func straceArgs(to string) []string {
	return []string{"-f", "--seccomp-bpf", "-ttt", "-T", "-e", "trace=fsync,fdatasync", "-e", "signal=none", "-o", to}
}

func (r *Rig) version(ctx context.Context, name string, command ...string) {
	if said, err := exec.CommandContext(ctx, command[0], command[1:]...).Output(); err == nil {
		r.Versions[name] = firstLine(said, nil)
	}
}

func firstLine(said []byte, err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
	if line == "" && err != nil {
		return err.Error()
	}
	return line
}

// openNodeRED finds Node-RED beside the peers' sources, or has npm install it. It compiles
// SQLite, with the headers of Node.js that are beside it: nothing else is downloaded.
func (r *Rig) openNodeRED(ctx context.Context, sources string, install bool) error {
	folder := filepath.Join(filepath.Dir(r.Dir), "node-red")
	bin := filepath.Join(folder, "node_modules", "node-red", "red.js")
	if _, err := os.Stat(bin); err != nil {
		if !install {
			return errors.New("it is measured by the full run alone, where npm installs it")
		}
		if _, err := exec.LookPath("npm"); err != nil {
			return errors.New("it takes npm, gcc and the headers of Node.js")
		}
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(sources, "package.json"))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "package.json"), text, 0o600); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
		defer cancel()
		c := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--omit=dev", "--nodedir=/usr")
		c.Dir = folder
		if said, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("npm does not install it: %w: %.200s", err, said)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "sqlite3", "build", "Release", "node_sqlite3.node")); err != nil {
		return errors.New("its SQLite was not compiled")
	}
	r.NodeRED = folder
	r.version(ctx, "Node.js", "node", "--version")
	r.Versions[NodeRED] = "4.1.15, node-red-node-serialport 2.0.3, node-red-node-sqlite 1.1.1"
	return nil
}

// Peers are those that can be run; without bare C, which delivers nothing, unless bare.
func (r *Rig) Peers(bare bool) []string {
	all := []string{Stationd}
	if r.Python {
		all = append(all, Python)
	}
	if r.NodeRED != "" {
		all = append(all, NodeRED)
	}
	if bare && r.Bare != "" {
		all = append(all, Bare)
	}
	return all
}

// Options say how a line is started.
type Options struct {
	Dir      string                       // its folder, for its data; empty: a new one
	Traced   bool                         // its syncs are seen, by the kernel's tracepoints or else by strace
	Cut      bool                         // the vendor cannot be reached
	Page     bool                         // stationd's page is read, as a browser does
	Prepared func(dir, toml string) error // before it starts: stationd's folder and configuration
	Cold     bool                         // it is not waited for: what is scanned may be dropped
}

// A Line is a peer that runs.
type Line struct {
	Peer   string
	Dir    string // of its data
	Vendor *Vendor
	Began  time.Time // when it was started
	Page   string    // address of stationd's page

	rig     *Rig
	command *exec.Cmd
	ended   chan struct{}
	err     error // how it ended; set before ended is closed
	log     *os.File
	master  *os.File
	slave   *os.File
	strace  string         // the file that strace writes; empty: it is not run by strace
	trace   *measure.Trace // nil: the kernel does not trace it
	ready   chan time.Time
	end     context.CancelFunc
	parts   sync.WaitGroup
	n       int
}

const config = `[station]
name = "pack4-1"
timezone = "UTC"
data = %q
lamp = "white"

[web]
listen = %q

[l2l]
url = %q
key = { file = %q }
site = 12
machine = "M000"
trade = "MECH"
rate = "60000/s"

[gpio]
chip = %q

[[lamp]]
name = "white"
pin = 24

[[scanner]]
name = "hand"
port = %q

[[on]]
event = "hand.scan"
match = '^M(?P<m>\d{3})-\d+$'
do = [{ l2l = "dispatch.add", machine = "M{m}", type = "MATERIAL", description = "{code}" }]
`

// Start starts a peer with a serial line and a vendor of its own. The caller closes it.
func (r *Rig) Start(ctx context.Context, peer string, o Options) (*Line, error) {
	r.mu.Lock()
	r.n++
	name := fmt.Sprintf("%d", r.n)
	r.mu.Unlock()
	l := &Line{Peer: peer, rig: r, Dir: o.Dir, ended: make(chan struct{}), ready: make(chan time.Time, 1)}
	work := filepath.Join(r.Dir, name)
	if l.Dir == "" {
		l.Dir = filepath.Join(work, "data")
	}
	if err := errors.Join(os.MkdirAll(work, 0o700), os.MkdirAll(l.Dir, 0o700)); err != nil {
		return nil, err
	}
	ctx, l.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := l.start(ctx, work, o); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", peer, err), l.Close())
	}
	return l, nil
}

func (l *Line) start(ctx context.Context, work string, o Options) (err error) {
	if l.Vendor, err = OpenVendor(); err != nil { //nolint:contextcheck // listening on an own address does not wait
		return err
	}
	if l.master, l.slave, err = pty.Open(); err != nil {
		return err
	}
	if err := raw(l.slave); err != nil {
		return err
	}
	if l.log, err = os.Create(filepath.Join(work, "log")); err != nil {
		return err
	}
	args, environ, err := l.prepare(ctx, work, o)
	if err != nil {
		return err
	}
	if o.Cut {
		if err := l.Vendor.Cut(); err != nil {
			return err
		}
	}
	if o.Traced && l.rig.Tracing == nil {
		l.strace = filepath.Join(work, "trace")
		args = slices.Concat([]string{"strace"}, straceArgs(l.strace), args)
	}
	l.command = exec.CommandContext(ctx, args[0], args[1:]...)
	l.command.Dir = l.Dir
	l.command.Stdout, l.command.Stderr = l.log, l.log
	l.command.Env = append(os.Environ(), environ...)
	l.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	l.Began = time.Now()
	if err := l.command.Start(); err != nil {
		l.command = nil
		return err
	}
	go func() {
		l.err = l.command.Wait()
		close(l.ended)
	}()
	if !o.Cold {
		if err := l.warm(ctx, o); err != nil {
			return err
		}
	}
	if o.Traced && l.rig.Tracing != nil {
		l.trace, err = l.rig.Tracing.TraceSyncs(filepath.Base(work), l.PID())
	}
	return err
}

// warm waits until it records what is scanned.
func (l *Line) warm(ctx context.Context, o Options) error {
	if l.Peer == Stationd {
		if _, err := l.Ready(ctx); err != nil {
			return err
		}
	}
	if o.Cut { // nothing will arrive: what it takes to open the line has to do
		<-time.After(4 * time.Second)
		return nil
	}
	if l.Peer == Bare {
		<-time.After(500 * time.Millisecond)
		return nil
	}
	// What is scanned while it opens its line may be dropped, so it is tried until one arrives.
	for try := range 300 {
		code := Code(Lanes-1, 90_000_000+try)
		if err := l.write(code + "\r"); err != nil {
			return err
		}
		if _, err := l.Vendor.WaitFor(ctx, code, 200*time.Millisecond); err == nil {
			<-time.After(500 * time.Millisecond)
			return nil
		}
		if l.hasEnded() {
			break
		}
	}
	return fmt.Errorf("it delivers nothing: %s", l.tail())
}

// prepare writes its files and returns its command and what it needs in its environment.
func (l *Line) prepare(ctx context.Context, work string, o Options) (args, environ []string, err error) {
	tty := l.slave.Name()
	switch l.Peer {
	case Bare:
		return []string{l.rig.Bare, tty, filepath.Join(l.Dir, "records")}, nil, nil
	case Python:
		return []string{"/usr/bin/python3", filepath.Join(l.rig.Dir, "peers", "station.py"), tty, filepath.Join(l.Dir, "outbox.db"), l.Vendor.Form()}, nil, nil
	case NodeRED:
		for _, name := range []string{"settings.js", "flows.json"} {
			text, err := peers.Files.ReadFile(name)
			if err != nil {
				return nil, nil, err
			}
			filled := strings.NewReplacer("@TTY@", tty, "@URL@", l.Vendor.Form()).Replace(string(text))
			if err := os.WriteFile(filepath.Join(l.Dir, name), []byte(filled), 0o600); err != nil {
				return nil, nil, err
			}
		}
		modules := filepath.Join(l.Dir, "node_modules")
		if err := os.Symlink(filepath.Join(l.rig.NodeRED, "node_modules"), modules); err != nil {
			return nil, nil, err
		}
		text, err := peers.Files.ReadFile("package.json")
		if err != nil {
			return nil, nil, err
		}
		if err := os.WriteFile(filepath.Join(l.Dir, "package.json"), text, 0o600); err != nil {
			return nil, nil, err
		}
		port, err := freePort()
		return []string{"node", filepath.Join(l.rig.NodeRED, "node_modules", "node-red", "red.js"), "--userDir", l.Dir, "--settings", filepath.Join(l.Dir, "settings.js")}, []string{"PORT=" + port}, err
	}
	port, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	l.Page = "127.0.0.1:" + port
	chip, keyFile, toml := filepath.Join(work, "chip"), filepath.Join(work, "key"), filepath.Join(work, "stationd.toml")
	var text strings.Builder
	fmt.Fprintf(&text, config, l.Dir, l.Page, l.Vendor.L2L(), keyFile, "sim:"+chip, tty)
	for i, pin := range []int{5, 6, 12, 13, 16, 17, 22, 27} {
		fmt.Fprintf(&text, "\n[[button]]\nname = \"button%d\"\npin = %d\n\n[[on]]\nevent = \"button%d.press\"\ndo = [{ l2l = \"dispatch.open\", type = \"MATERIAL\", description = \"Material\" }]\n", i, pin, i)
	}
	if err := errors.Join(os.WriteFile(keyFile, []byte(key+"\n"), 0o600), os.WriteFile(toml, []byte(text.String()), 0o600)); err != nil {
		return nil, nil, err
	}
	sim, err := gpio.ListenSim(chip, nil)
	if err != nil {
		return nil, nil, err
	}
	manager, err := systemd.Listen(filepath.Join(work, "notify"))
	if err != nil {
		return nil, nil, err
	}
	l.parts.Go(func() { _ = sim.Run(ctx) }) // it ends with the line
	l.parts.Go(func() {
		_ = manager.Run(ctx, func(_ int, line string) {
			if line == "READY=1" {
				select {
				case l.ready <- time.Now():
				default:
				}
			}
		})
	})
	if o.Prepared != nil {
		if err := o.Prepared(l.Dir, toml); err != nil {
			return nil, nil, err
		}
	}
	environ = append(manager.Environ(5*time.Minute), "STATIOND_DEMO=1", "STATE_DIRECTORY="+l.Dir, "RUNTIME_DIRECTORY="+l.Dir)
	return []string{l.rig.Stationd, "run", "--config", toml}, environ, nil
}

// Ready waits until stationd says that it is ready: its buttons are armed.
func (l *Line) Ready(ctx context.Context) (time.Time, error) {
	select {
	case at := <-l.ready:
		return at, nil
	case <-l.ended:
		return time.Time{}, fmt.Errorf("it has ended: %w: %s", l.err, l.tail())
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	case <-time.After(2 * time.Minute):
		return time.Time{}, errors.New("it is not ready within two minutes")
	}
}

// PID is the process's own number, also where strace started it.
func (l *Line) PID() int {
	pid := l.command.Process.Pid
	if l.strace == "" {
		return pid
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	var child int
	if err == nil {
		if _, err := fmt.Sscan(string(text), &child); err == nil {
			return child
		}
	}
	return pid
}

// Config is stationd's configuration.
func (l *Line) Config() string {
	return filepath.Join(filepath.Dir(l.log.Name()), "stationd.toml")
}

func (l *Line) write(text string) error {
	_, err := l.master.WriteString(text)
	return err
}

// Scan scans the next code of a lane, its last byte 5 ms after the others, and returns it
// and when its last byte was sent.
func (l *Line) Scan(lane int) (code string, sent time.Time, err error) {
	l.n++
	code = Code(lane, l.n)
	if err := l.write(code); err != nil {
		return code, sent, err
	}
	<-time.After(5 * time.Millisecond)
	sent = time.Now()
	return code, sent, l.write("\r")
}

// ScanAll sends n scans at once, as fast as the line takes them, over some lanes.
func (l *Line) ScanAll(n, lanes int) (began time.Time, err error) {
	began = time.Now()
	for range n {
		l.n++
		if err := l.write(Code(l.n%lanes, l.n) + "\r"); err != nil {
			return began, err
		}
	}
	return began, nil
}

// ScanAfter scans once, some time after its start, and then, where nothing has come, every 300 ms.
// It returns when the first scan that was not dropped came, and whether that was the very first.
func (l *Line) ScanAfter(ctx context.Context, wait, limit time.Duration) (arrived time.Time, taken bool, err error) {
	next, late := time.NewTimer(time.Until(l.Began.Add(wait))), time.After(limit)
	defer next.Stop()
	first := l.n + 1
	for {
		changed := l.Vendor.Next()
		for n := first; n <= l.n; n++ {
			if at, ok := l.Vendor.Arrived(Code(0, n)); ok {
				return at, n == first, nil
			}
		}
		select {
		case <-next.C:
			l.n++
			if err := l.write(Code(0, l.n) + "\r"); err != nil { // one lane, so they come in order
				return arrived, false, err
			}
			next.Reset(300 * time.Millisecond)
		case <-changed:
		case <-ctx.Done():
			return arrived, false, ctx.Err()
		case <-l.ended:
			return arrived, false, fmt.Errorf("it has ended: %w: %s", l.err, l.tail())
		case <-late:
			return arrived, false, fmt.Errorf("nothing has come within %v", limit)
		}
	}
}

// Syncs are those of a traced line until now; what it synced while it started may be missing.
func (l *Line) Syncs() ([]measure.Sync, error) {
	if l.trace != nil {
		return l.trace.Syncs()
	}
	f, err := os.Open(l.strace)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return measure.Syncs(f)
}

// Written is when its outbox was written to last, its write-ahead log with it.
func (l *Line) Written() (last time.Time, err error) {
	for _, name := range []string{"outbox.db", "outbox.db-wal"} {
		info, err := os.Stat(filepath.Join(l.Dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return last, err
		}
		if err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last, nil
}

// OpenPage reads stationd's page, and its changes as a browser does until the line closes.
// It returns when the page has been drawn once.
func (l *Line) OpenPage(ctx context.Context) error {
	if err := l.get(ctx, "/", true); err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Page+"/events", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	first := make(chan struct{})
	l.parts.Go(func() {
		defer answer.Body.Close()
		one := make([]byte, 1)
		if _, err := answer.Body.Read(one); err == nil {
			close(first)
		}
		_, _ = io.Copy(io.Discard, answer.Body) // until the station ends
	})
	select {
	case <-first:
		return nil
	case <-time.After(30 * time.Second):
		return errors.New("the page is not drawn within 30 s")
	}
}

func (l *Line) get(ctx context.Context, path string, all bool) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Page+path, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if all {
		_, err = io.Copy(io.Discard, answer.Body)
	}
	return err
}

func (l *Line) hasEnded() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

func (l *Line) tail() string {
	text, err := os.ReadFile(l.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-600):])
}

// Stop ends it as a service manager does.
func (l *Line) Stop() error {
	if l.command == nil || l.hasEnded() {
		return nil
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(-l.command.Process.Pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		select {
		case <-l.ended:
			return nil
		case <-time.After(10 * time.Second):
		}
	}
	return fmt.Errorf("%s does not end", l.Peer)
}

// Close ends it and all that belongs to it.
func (l *Line) Close() error {
	err := l.Stop()
	l.end()
	if l.trace != nil {
		err = errors.Join(err, l.trace.Close())
	}
	for _, f := range []*os.File{l.master, l.slave, l.log} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if l.Vendor != nil {
		err = errors.Join(err, l.Vendor.Close(), l.Vendor.Complaints())
	}
	l.parts.Wait()
	return err
}

// raw sets a line to carry bytes unchanged, without echo.
func raw(line *os.File) error {
	fd := int(line.Fd())
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
