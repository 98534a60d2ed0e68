package hil

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/hil/control"
	"stationd/hil/emulator"
)

// A Setting says what a board is and what is on it. Only Arch must be set.
type Setting struct {
	Arch Arch

	// Program is the path of the stationd binary for the board. Where it is
	// empty, $STATIOND_ARM64 or $STATIOND_ARMV6 names it, and where that is unset
	// too, ./cmd/stationd is compiled.
	Program string

	// Config is the text of /etc/stationd/stationd.toml. {plant} in it becomes
	// the URL of the plant as the board reaches it: https://plant.test:PORT,
	// without a path.
	Config string

	// Files are put onto the board besides, by absolute path, mode 0600: keys.
	Files map[string]string

	// AllButtons has a button on every line, as [EveryLine] lists them, and no lamp.
	AllButtons bool

	// Plant is where the plant listens on the host, 127.0.0.1:PORT, speaking plain
	// HTTP. Where it is empty nothing answers under {plant}.
	Plant string

	// Card is the path of a card that another board left behind; empty for a new
	// one. CardSize is the new one's size in bytes, 128 MiB where it is 0.
	Card     string
	CardSize int64

	// Clock is what the board's clock says at every power on, in whole seconds:
	// it has no battery. Zero stands for the true time. The kernel calls it
	// unsynchronised either way, until TrustClock.
	Clock time.Time
}

func (s Setting) buttons() []int {
	if s.AllButtons {
		return EveryLine()
	}
	return Buttons()
}

// A Board is an emulated station. Its methods fail the test where the board
// cannot do what is asked, so they are called from the test's own goroutine.
// Every wait has an end.
type Board struct {
	t       testing.TB
	setting Setting
	model   model
	image   image
	dir     string // the card, the initramfs and one directory for each power on
	card    string
	initrd  string
	network *emulator.Network

	boots   int
	machine *emulator.Machine // nil while the power is off
	first   time.Time         // of the first power on

	mu    sync.Mutex // the emulator reports edges while the test reads them
	edges []Edge
}

// Times that are long enough for a busy machine.
const (
	bootWithin  = 180 * time.Second
	orderWithin = 90 * time.Second
	plugWithin  = 60 * time.Second
)

// Boot builds a board, switches it on, and returns when its card is mounted, its
// network is up and the program has been started (not: has got ready). It is
// switched off and removed at the end of the test. Where the machine lacks what
// the rig needs, the test is skipped, and says what it did not prove.
//
// A board takes two processors and half a gigabyte while it is on.
func Boot(t testing.TB, s Setting) *Board {
	t.Helper()
	if missing := Missing(); len(missing) > 0 {
		t.Skipf("NOT PROVED on an emulated board: %s. Install with: apt-get install --no-install-recommends %s",
			t.Name(), strings.Join(missing, " "))
	}
	b, err := build(t, s)
	if errors.Is(err, errUnavailable) {
		t.Skipf("NOT PROVED on an emulated board: %s. %v", t.Name(), err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.tearDown)
	b.PowerOn()
	return b
}

// build makes everything but the running machine.
func build(t testing.TB, s Setting) (*Board, error) {
	m, err := s.Arch.model()
	if err != nil {
		return nil, err
	}
	img, err := m.prepare()
	if err != nil {
		return nil, err
	}
	// A unix socket's path holds about a hundred bytes; a test's own directory
	// is named after the test and may be longer.
	dir, err := os.MkdirTemp("", "hil-")
	if err != nil {
		return nil, err
	}
	b := &Board{t: t, setting: s, model: m, image: img, dir: dir, card: s.Card}
	if err := b.prepare(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return b, nil
}

// prepare makes the board's network, card and initramfs.
func (b *Board) prepare() error {
	if b.setting.Plant != "" {
		var err error
		if b.network, err = emulator.NewNetwork(b.setting.Plant); err != nil {
			return err
		}
	}
	if b.card == "" {
		b.card = filepath.Join(b.dir, "card")
		if err := format(b.card, b.setting.CardSize); err != nil {
			return err
		}
	}
	a, err := b.files()
	if err != nil {
		return err
	}
	b.initrd = filepath.Join(b.dir, "initrd")
	return whole(b.initrd, func(f *os.File) error {
		base, err := os.ReadFile(b.image.base)
		if err != nil {
			return err
		}
		if _, err := f.Write(base); err != nil {
			return err
		}
		return a.writeTo(f)
	})
}

// files are the files of this board alone: init, the program, what it reads.
func (b *Board) files() (archive, error) {
	a := archive{}
	init, err := b.model.compile("stationd/hil/guest", b.dir)
	if err != nil {
		return nil, err
	}
	if err := a.addFile("/init", 0o755, init); err != nil {
		return nil, err
	}
	program := b.setting.Program
	if program == "" {
		program = os.Getenv(b.model.program)
	}
	if program == "" {
		if program, err = b.model.compile("stationd/cmd/stationd", b.dir); err != nil {
			return nil, err
		}
	}
	if err := a.addFile("/usr/bin/stationd", 0o755, program); err != nil {
		return nil, err
	}
	config, hosts := b.setting.Config, "127.0.0.1 localhost\n"
	if b.network != nil {
		config = strings.ReplaceAll(config, "{plant}", b.network.URL())
		hosts += emulator.GuestLoopback + " " + emulator.PlantHost + "\n"
		a.add("/etc/ssl/certs/ca-certificates.crt", 0o644, b.network.Authority())
	}
	a.add("/etc/hosts", 0o644, []byte(hosts))
	a.add("/etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nstationd:x:990:990::/var/lib/stationd:/bin/false\n"))
	a.add("/etc/group", 0o644, []byte("root:x:0:\nstationd:x:990:\n"))
	a.add("/etc/stationd/stationd.toml", 0o644, []byte(config))
	for _, path := range slices.Sorted(maps.Keys(b.setting.Files)) {
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("board: file %q is not an absolute path", path)
		}
		a.add(path, 0o600, []byte(b.setting.Files[path]))
	}
	return a, nil
}

// Compile builds a package of this module for the board's architecture into a
// directory of the test and returns the path of the binary.
func Compile(t testing.TB, arch Arch, pkg string) string {
	t.Helper()
	m, err := arch.model()
	if err != nil {
		t.Fatal(err)
	}
	path, err := m.compile(pkg, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (m model) compile(pkg, dir string) (string, error) {
	out := filepath.Join(dir, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-tags=nethttpomithttp2", "-trimpath", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Env = append(append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0", "GOFLAGS="), m.goenv...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s for %s: %w: %s", pkg, m.debian, err, text)
	}
	return out, nil
}

const defaultCardSize = 128 << 20 // the outbox alone is 64 MiB

// format makes an empty ext4 card.
func format(path string, size int64) error {
	if size == 0 {
		size = defaultCardSize
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("card: %w", err)
	}
	err = f.Truncate(size)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("card: %w", err)
	}
	if _, err := output("", "mkfs.ext4", "-q", "-F", path); err != nil {
		return fmt.Errorf("card: %w", err)
	}
	return nil
}

// For makes the board's failures those of a subtest until it ends, so that one
// boot can serve several sentences.
func (b *Board) For(t testing.TB) *Board {
	outer := b.t
	b.t = t
	t.Cleanup(func() { b.t = outer })
	return b
}

// tearDown ends the board, and shows what it said if the test failed.
func (b *Board) tearDown() {
	if b.t.Failed() {
		b.t.Logf("the board's console:\n%s", b.Console())
	}
	if b.machine != nil {
		b.machine.PowerCut()
	}
	if b.network != nil {
		b.network.Down()
	}
	os.RemoveAll(b.dir)
}

// PowerOn switches the board on, on the card it has, and returns as Boot does.
// The scanner is unplugged and the buttons are released.
func (b *Board) PowerOn() {
	b.t.Helper()
	if b.machine != nil {
		b.t.Fatal("board: the power is on already")
	}
	b.boots++
	dir := filepath.Join(b.dir, fmt.Sprintf("boot-%d", b.boots))
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.t.Fatal(err)
	}
	clock := b.setting.Clock
	if clock.IsZero() {
		clock = time.Now()
	}
	begin := time.Now()
	if b.first.IsZero() {
		b.first = begin
	}
	m, err := b.start(dir, clock)
	if err != nil {
		b.t.Fatalf("board: %v", err)
	}
	b.machine = m
	if err := m.Ready(bootWithin); err != nil {
		b.t.Fatalf("board: not ready after %.1f s: %v", time.Since(begin).Seconds(), err)
	}
	b.t.Logf("board: %s booted in %.1f s", b.setting.Arch, time.Since(begin).Seconds())
}

// start switches the board on with its buttons released.
func (b *Board) start(dir string, clock time.Time) (*emulator.Machine, error) {
	tree := filepath.Join(dir, "tree")
	if err := b.image.seeded(tree); err != nil {
		return nil, err
	}
	return emulator.Start(emulator.Setting{
		QEMU: b.model.qemu,
		Args: append(b.model.hardware(b.model.machine),
			"-no-reboot",
			"-kernel", b.image.kernel, "-dtb", tree, "-initrd", b.initrd,
			"-append", "console=ttyAMA0 quiet panic=-1",
			"-rtc", "base="+clock.UTC().Format("2006-01-02T15:04:05"),
			"-serial", "file:"+filepath.Join(dir, "console"),
			"-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
			"-drive", "if=none,id=card,format=raw,cache=none,file="+b.card, "-device", "virtio-blk-pci,drive=card,romfile="),
		Dir:   dir,
		Lines: EveryLine(),
		High:  b.setting.buttons(),
		Edge:  b.changed,
	})
}

// PowerCut kills the board where it stands. What the guest's kernel had not
// written to the card is lost, as with a real one; what the card was handed is
// kept, flushed or not, which a real one does not promise. All lamps go dark.
func (b *Board) PowerCut() {
	b.t.Helper()
	b.on().PowerCut()
	for _, line := range Lamps() {
		if edges := b.Lamp(line).Edges(); len(edges) > 0 && edges[len(edges)-1].High {
			b.changed(line, false)
		}
	}
	b.machine = nil
}

// on returns the running machine and fails the test where there is none.
func (b *Board) on() *emulator.Machine {
	b.t.Helper()
	if b.machine == nil {
		b.t.Fatal("board: the power is off")
	}
	return b.machine
}

// changed notes an edge of an output line.
func (b *Board) changed(line int, high bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.edges = append(b.edges, Edge{At: time.Now(), Line: line, High: high})
}

// Timeline returns every change of every output line since the board was first
// switched on, in order.
func (b *Board) Timeline() []Edge {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.edges)
}

// Press closes the contact of the button on that GPIO number, one of [Buttons],
// and keeps it closed. There is no bounce.
func (b *Board) Press(line int) {
	b.t.Helper()
	b.contact(line, true)
}

// Edges returns how many edges of its lines the guest's kernel has remembered for
// those who took them, since this was first asked. The guest stands still now and
// then, and all that a line does meanwhile is one edge to it, or none.
func (b *Board) Edges() int {
	b.t.Helper()
	n, err := strconv.Atoi(b.order(control.Order{Do: control.Edges}))
	if err != nil {
		b.t.Fatalf("board: edges: %v", err)
	}
	return n
}

// Release opens the contact of the button again.
func (b *Board) Release(line int) {
	b.t.Helper()
	b.contact(line, false)
}

// Push presses the button, keeps it closed for as long as given, releases it.
func (b *Board) Push(line int, hold time.Duration) {
	b.t.Helper()
	b.Press(line)
	<-time.After(hold)
	b.Release(line)
}

func (b *Board) contact(line int, closed bool) {
	b.t.Helper()
	if buttons := b.setting.buttons(); !slices.Contains(buttons, line) {
		b.t.Fatalf("board: no button on GPIO%d: buttons are on %v", line, buttons)
	}
	if err := b.on().Set(line, !closed); err != nil {
		b.t.Fatal(err)
	}
}

// Plug plugs the scanner in and returns when the guest has /dev/ttyUSB0. A
// program that was not waiting for it has not opened it yet: what is scanned
// before that is lost, as it is on a real board.
func (b *Board) Plug() {
	b.t.Helper()
	if err := b.on().Plug(); err != nil {
		b.t.Fatalf("scanner: %v", err)
	}
	b.await("the scanner's device appears", "test -e /dev/ttyUSB0")
}

// Unplug pulls the scanner's cable and returns when the guest has noticed it.
func (b *Board) Unplug() {
	b.t.Helper()
	b.on().Unplug()
	b.await("the scanner's device goes", "! ls /sys/class/tty | grep -q ttyUSB")
}

// Scan sends the bytes that a scanner sends for one symbol, its suffix included.
func (b *Board) Scan(symbol string) {
	b.t.Helper()
	if err := b.on().Send([]byte(symbol)); err != nil {
		b.t.Fatalf("scanner: %v", err)
	}
}

// ScannerReceives waits until that text has been sent to the scanner, fails the test when it
// has not within the time given, and returns what was sent before it and after the
// text that was heard last.
func (b *Board) ScannerReceives(text string, within time.Duration) (before string) {
	b.t.Helper()
	m := b.on()
	found := false
	for end := time.Now().Add(within); time.Now().Before(end); <-time.After(lookEvery) {
		if before, found = m.Received(text); found {
			return before
		}
	}
	b.t.Fatalf("scanner: it heard %q within %v, want %q", before, within, text)
	return ""
}

// PlugKeyboard plugs in a scanner that types, as a USB keyboard does
// (0627:0001, "QEMU QEMU USB Keyboard"), and returns when the guest has an input
// device for it.
func (b *Board) PlugKeyboard() {
	b.t.Helper()
	if err := b.on().PlugKeyboard(); err != nil {
		b.t.Fatalf("keyboard: %v", err)
	}
	b.await("the keyboard's device appears", "grep -q 'USB Keyboard' /proc/bus/input/devices")
}

// UnplugKeyboard pulls it out and returns when the guest has noticed it.
func (b *Board) UnplugKeyboard() {
	b.t.Helper()
	if err := b.on().UnplugKeyboard(); err != nil {
		b.t.Fatalf("keyboard: %v", err)
	}
	b.await("the keyboard's device goes", "! grep -q 'USB Keyboard' /proc/bus/input/devices")
}

// Type types what the keyboard scanner read, its suffix included: "4711\n".
func (b *Board) Type(symbol string) {
	b.t.Helper()
	for _, r := range symbol {
		codes := emulator.Keys(r)
		if codes == nil {
			b.t.Fatalf("keyboard: no key for %q", r)
		}
		if err := b.on().Key(codes...); err != nil {
			b.t.Fatalf("keyboard: %v", err)
		}
	}
}

// Network breaks the way to the plant, or mends it. Broken means that new
// connections are refused and those that stand are reset.
func (b *Board) Network(up bool) {
	b.t.Helper()
	if b.network == nil {
		b.t.Fatal("board: Setting.Plant is empty, so there is no network")
	}
	if !up {
		b.network.Down()
		return
	}
	if err := b.network.Up(); err != nil {
		b.t.Fatal(err)
	}
}

// Plant makes new connections reach another plant, at that address of the host.
func (b *Board) Plant(addr string) {
	b.t.Helper()
	if b.network == nil {
		b.t.Fatal("board: Setting.Plant is empty, so there is no network")
	}
	b.network.Aim(addr)
}

// Cable pulls the board's network cable, or plugs it in. Nothing is refused while
// it is out: what was sent vanishes, and a new connection ends after about three
// seconds with "no route to host".
func (b *Board) Cable(in bool) {
	b.t.Helper()
	if err := b.on().Monitor("set_link", map[string]any{"name": "net", "up": in}); err != nil {
		b.t.Fatal(err)
	}
}

// TrustClock does what a time server does when it is reached: the board's clock
// is set to the true time and the kernel says that it is synchronised.
func (b *Board) TrustClock() {
	b.t.Helper()
	b.order(control.Order{Do: control.Clock, Nanos: time.Now().UnixNano()})
}

// Stop sends the program SIGTERM, waits until it has ended, leaves it stopped,
// and returns how it ended: "exit status 0", "signal: killed", "not running".
func (b *Board) Stop() string {
	b.t.Helper()
	return b.order(control.Order{Do: control.Stop})
}

// Start starts the program again after Stop.
func (b *Board) Start() {
	b.t.Helper()
	b.order(control.Order{Do: control.Start})
}

// Exec runs a script with the board's shell as root and returns what it printed.
// A script that fails fails the test.
func (b *Board) Exec(script string) string {
	b.t.Helper()
	return b.order(control.Order{Do: control.Exec, Script: script})
}

func (b *Board) order(o control.Order) string {
	b.t.Helper()
	text, err := b.on().Do(o, orderWithin)
	if err != nil {
		b.t.Fatalf("board: %s %s: %v", o.Do, o.Script, err)
	}
	return text
}

// await repeats a script until it succeeds, which takes plugWithin at most.
func (b *Board) await(what, script string) {
	b.t.Helper()
	var err error
	for end := time.Now().Add(plugWithin); time.Now().Before(end); <-time.After(50 * time.Millisecond) {
		if _, err = b.on().Do(control.Order{Do: control.Exec, Script: script}, orderWithin); err == nil {
			return
		}
	}
	b.t.Fatalf("board: waited %v in vain until %s: %v", plugWithin, what, err)
}

// Console returns everything the kernel, init and the program have printed since
// the newest power on.
func (b *Board) Console() string {
	if b.boots == 0 {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(b.dir, fmt.Sprintf("boot-%d", b.boots), "console"))
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// Says waits until the console has shown the text since the newest power on, and
// fails the test when it has not within the time given.
func (b *Board) Says(text string, within time.Duration) {
	b.t.Helper()
	b.SaysTimes(text, 1, within)
}

// SaysTimes waits until the console has shown the text at least so many times.
func (b *Board) SaysTimes(text string, times int, within time.Duration) {
	b.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); <-time.After(lookEvery) {
		if strings.Count(b.Console(), text) >= times {
			return
		}
	}
	b.t.Fatalf("board: its console did not show %q %d times within %v", text, times, within)
}

// Card is the path of the board's card, for another board's Setting after a
// power cut. It is removed with this board.
func (b *Board) Card() string { return b.card }
