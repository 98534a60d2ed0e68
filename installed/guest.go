package installed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stationd/hil"
	"stationd/hil/control"
	"stationd/hil/emulator"
)

// A Setting says what a guest is. Name and Plant may be empty.
type Setting struct {
	Debian Debian
	Name   string // in the test's log, where there are several
	Plant  string // where the plant listens on the host, 127.0.0.1:PORT, speaking plain HTTP
}

// A Guest is a Debian on which nothing is installed yet. Its methods fail the test
// where the guest cannot do what is asked, so they are called from the test's own
// goroutine. Every wait has an end.
type Guest struct {
	t       testing.TB
	setting Setting
	image   string // the directory of the kernel and the initramfs
	dir     string
	card    string
	network *emulator.Network
	begin   time.Time

	// Accelerated says that the guest has this machine's own processor and not an
	// emulated one, which is some ten times slower.
	Accelerated bool

	boots    int
	panics   int               // of its kernel while it started
	machine  *emulator.Machine // nil while the power is off
	terminal *Terminal

	mu    sync.Mutex // guards edges
	edges []hil.Edge // of the lines that QEMU reports
}

// Boot makes a guest with a card of its own, switches it on, and returns when
// systemd has finished starting. It is switched off and removed at the end of the
// test. Where the machine lacks what is needed, the test is skipped, and says what
// it did not prove.
func Boot(t testing.TB, s Setting) *Guest {
	t.Helper()
	if missing := s.Debian.Missing(); len(missing) > 0 {
		t.Skipf("NOT PROVED as installed on %s: %s. Install with: apt-get install --no-install-recommends %s",
			s.Debian, t.Name(), strings.Join(missing, " "))
	}
	g := &Guest{t: t, setting: s, begin: time.Now()}
	var err error
	if g.image, err = s.Debian.image(g.Say); err != nil {
		t.Fatal(err)
	}
	if g.Accelerated = s.Debian.accelerated(g.image); !g.Accelerated {
		g.Say("there is no KVM for %s: its processor is emulated, and every time is stretched", s.Debian)
	}
	// A unix socket's path holds about a hundred bytes.
	if g.dir, err = os.MkdirTemp("", "installed-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.tearDown)
	if s.Plant != "" {
		if g.network, err = emulator.NewNetwork(s.Plant); err != nil {
			t.Fatal(err)
		}
	}
	g.card = filepath.Join(g.dir, "card")
	if text, err := exec.Command("cp", "--sparse=always", "--reflink=auto", filepath.Join(g.image, "root.img"), g.card).CombinedOutput(); err != nil {
		t.Fatalf("card: %v: %s", err, text)
	}
	g.PowerOn()
	if g.network != nil {
		// As update-ca-certificates leaves it, which is a minute's work for an emulated processor.
		g.Put("/usr/local/share/ca-certificates/plant.crt", 0o644, g.network.Authority())
		g.Run("cat /usr/local/share/ca-certificates/plant.crt >>/etc/ssl/certs/ca-certificates.crt; echo '" + emulator.GuestLoopback + " " + emulator.PlantHost + "' >>/etc/hosts")
	}
	return g
}

// For makes the guest's failures those of a subtest until it ends, so that one boot
// serves several sentences.
func (g *Guest) For(t testing.TB) *Guest {
	outer := g.t
	g.t = t
	t.Cleanup(func() {
		if t.Failed() {
			g.tell(t)
		}
		g.t = outer
	})
	return g
}

// Say prints a line of the test's log with the time since the guest was made.
func (g *Guest) Say(format string, args ...any) {
	since := time.Since(g.begin)
	fmt.Printf("installed %3d:%02d  %s %s\n", int(since.Minutes()), int(since.Seconds())%60, g.setting.Name, fmt.Sprintf(format, args...))
}

// tell shows what the station and the kernel said last.
func (g *Guest) tell(t testing.TB) {
	if g.machine == nil {
		return
	}
	text, err := g.Try("systemctl status stationd --no-pager -l -n 0; systemctl --failed --no-pager; journalctl -b -k -n 5 --no-pager; journalctl -b -u stationd -o short-precise -n 80 --no-pager; tail -n 30 /var/lib/stationd/history/*.jsonl; stationd outbox ls")
	t.Logf("the guest's own words (%v):\n%s", err, text)
}

func (g *Guest) tearDown() {
	if g.t.Failed() {
		g.t.Logf("the guest's console ended with:\n%s", lastLines([]byte(g.Console()), 30))
	}
	if g.machine != nil {
		g.machine.PowerCut()
	}
	if g.network != nil {
		g.network.Down()
	}
	if os.Getenv("STATIOND_INSTALLED_KEEP") != "" && g.t.Failed() {
		g.t.Logf("its card is kept: %s", g.dir)
		return
	}
	os.RemoveAll(g.dir)
}

// Patience stretches a time for a guest whose processor is emulated.
func (g *Guest) Patience(d time.Duration) time.Duration {
	if g.Accelerated {
		return d
	}
	return 3 * d
}

const (
	bootWithin  = time.Minute
	orderWithin = time.Minute
	look        = 50 * time.Millisecond

	// mostPanics is how often a guest is switched on again because its kernel ended itself
	// while it started, as an emulated processor on a busy machine has it do now and then.
	mostPanics = 2
)

// PowerOn switches the guest on, on the card it has. The readers are unplugged and
// the buttons released.
func (g *Guest) PowerOn() {
	g.t.Helper()
	if g.machine != nil {
		g.t.Fatal("guest: the power is on already")
	}
	g.boots++
	dir := filepath.Join(g.dir, fmt.Sprintf("boot-%d", g.boots))
	if err := os.Mkdir(dir, 0o700); err != nil {
		g.t.Fatal(err)
	}
	hardware, err := g.hardware(dir)
	if err != nil {
		g.t.Fatal(err)
	}
	begin := time.Now()
	setting := emulator.Setting{
		QEMU: g.setting.Debian.emulator(),
		Args: append(hardware,
			"-kernel", filepath.Join(g.image, "vmlinuz"), "-initrd", filepath.Join(g.image, "initrd.img"),
			"-serial", "file:"+filepath.Join(dir, "console"),
			"-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
			// The emulator's process is what is killed, never this machine: what it
			// wrote is kept whether it was flushed or not.
			"-drive", "if=none,id=card,format=raw,cache=unsafe,file="+g.card, "-device", "virtio-blk-pci,drive=card",
			"-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng",
			"-device", "virtio-serial-pci,id=terminals", "-chardev", "socket,id=terminal,path="+filepath.Join(dir, "terminal")+",server=on,wait=off",
			"-device", "virtconsole,bus=terminals.0,chardev=terminal"),
		Dir: dir,
	}
	g.wireLines(&setting)
	if g.machine, err = emulator.Start(setting); err != nil {
		g.t.Fatalf("guest: %v", err)
	}
	conn, err := g.machine.Dial("terminal")
	if err != nil {
		g.t.Fatalf("terminal: %v", err)
	}
	g.terminal = newTerminal(g, conn)
	g.started(begin)
}

// hardware is QEMU's command line for the guest's board.
func (g *Guest) hardware(dir string) ([]string, error) {
	if g.setting.Debian.Arch == "arm64" {
		args, err := hil.Hardware(hil.ARM64, filepath.Join(dir, "tree"))
		return append(args, "-append", "root=/dev/vda ro quiet console=ttyAMA0"), err
	}
	args := []string{
		"-M", "q35", "-smp", "2", "-m", "768", "-display", "none", "-nodefaults",
		"-append", "root=/dev/vda ro quiet mitigations=off console=ttyS0",
	}
	return append(args, processor(g.Accelerated)...), nil
}

// started waits until systemd has finished.
func (g *Guest) started(begin time.Time) {
	g.t.Helper()
	if err := g.machine.Ready(g.Patience(bootWithin)); err != nil {
		if g.panics < mostPanics && strings.Contains(g.Console(), "Kernel panic") {
			g.panics++
			g.Say("the guest's kernel has ended itself before the station was started: once more")
			g.PowerCut()
			g.PowerOn()
			return
		}
		g.t.Fatalf("guest: not up after %.0f s: %v\n%s", time.Since(begin).Seconds(), err, lastLines([]byte(g.Console()), 20))
	}
	state, _ := g.Try("systemctl is-system-running --wait") // says degraded with a status that is not 0
	g.Say("%s is up after %.1f s: %s", g.setting.Debian, time.Since(begin).Seconds(), strings.TrimSpace(state))
}

// PowerCut kills the guest where it stands: what its kernel had not written to the
// card is lost.
func (g *Guest) PowerCut() {
	g.t.Helper()
	g.on().PowerCut()
	g.machine = nil
	g.Say("the power is cut")
}

// Reboot restarts the guest in order, and returns as PowerOn does.
func (g *Guest) Reboot() {
	g.t.Helper()
	begin := time.Now()
	g.Run("systemctl reboot --no-block")
	g.started(begin)
}

func (g *Guest) on() *emulator.Machine {
	g.t.Helper()
	if g.machine == nil {
		g.t.Fatal("guest: the power is off")
	}
	return g.machine
}

// Run runs a script with the guest's /bin/sh as root and returns what it printed. A
// script that fails fails the test.
func (g *Guest) Run(script string) string {
	g.t.Helper()
	text, err := g.Try(script)
	if err != nil {
		g.t.Fatalf("%s: %v", script, err)
	}
	return text
}

// Try runs a script that may fail.
func (g *Guest) Try(script string) (string, error) {
	g.t.Helper()
	return g.on().Do(control.Order{Do: control.Exec, Script: script}, g.Patience(orderWithin))
}

// Put writes a file, whole.
func (g *Guest) Put(path string, mode os.FileMode, body []byte) {
	g.t.Helper()
	if _, err := g.on().Do(control.Order{Do: control.Put, Path: path, Mode: uint32(mode), Body: body}, g.Patience(orderWithin)); err != nil {
		g.t.Fatalf("%s: %v", path, err)
	}
}

// PutFile copies a file of the host.
func (g *Guest) PutFile(path string, mode os.FileMode, from string) {
	g.t.Helper()
	body, err := os.ReadFile(from)
	if err != nil {
		g.t.Fatal(err)
	}
	g.Put(path, mode, body)
}

// Until repeats a script until it succeeds, and returns what it printed then.
func (g *Guest) Until(what string, within time.Duration, script string) string {
	g.t.Helper()
	within = g.Patience(within)
	var text string
	err := errors.New("never tried")
	for end := time.Now().Add(within); time.Now().Before(end); <-time.After(4 * look) {
		if text, err = g.Try(script); err == nil {
			return text
		}
	}
	g.t.Fatalf("waited %v in vain until %s: %v", within, what, err)
	return ""
}

// Network breaks the way to the vendors, or mends it.
func (g *Guest) Network(up bool) {
	g.t.Helper()
	if !up {
		g.network.Down()
		return
	}
	if err := g.network.Up(); err != nil {
		g.t.Fatal(err)
	}
}

// URL is the vendors' address as the guest reaches it, without a path.
func (g *Guest) URL() string { return g.network.URL() }

// CardSpeed limits the card to so many operations a second; 0 lets it be as fast as
// it can.
func (g *Guest) CardSpeed(operations int) {
	g.t.Helper()
	limits := map[string]any{"device": "card", "iops": operations}
	for _, none := range []string{"bps", "bps_rd", "bps_wr", "iops_rd", "iops_wr"} {
		limits[none] = 0
	}
	if err := g.on().Monitor("block_set_io_throttle", limits); err != nil {
		g.t.Fatal(err)
	}
}

// Plug plugs the serial reader in and returns when its device is there and udev has
// given it its names.
func (g *Guest) Plug() {
	g.t.Helper()
	if err := g.on().Plug(); err != nil {
		g.t.Fatal(err)
	}
	g.Until("the reader's device appears", time.Minute, "test -e /dev/serial/by-id/* && udevadm settle")
}

// Unplug pulls the serial reader's cable.
func (g *Guest) Unplug() {
	g.t.Helper()
	g.on().Unplug()
	g.Until("the reader's device goes", time.Minute, "! ls /sys/class/tty | grep -q ttyUSB")
}

// Scan sends what the serial reader sends for one symbol, its suffix included.
func (g *Guest) Scan(symbol string) {
	g.t.Helper()
	if err := g.on().Send([]byte(symbol)); err != nil {
		g.t.Fatal(err)
	}
}

// PlugKeyboard plugs in a reader that types.
func (g *Guest) PlugKeyboard() {
	g.t.Helper()
	if err := g.on().PlugKeyboard(); err != nil {
		g.t.Fatal(err)
	}
	g.Until("the keyboard's device appears", time.Minute, "grep -q 'USB Keyboard' /proc/bus/input/devices && udevadm settle")
}

// UnplugKeyboard pulls it out.
func (g *Guest) UnplugKeyboard() {
	g.t.Helper()
	if err := g.on().UnplugKeyboard(); err != nil {
		g.t.Fatal(err)
	}
	g.Until("the keyboard's device goes", time.Minute, "! grep -q 'USB Keyboard' /proc/bus/input/devices")
}

// Type types what the keyboard reader read, its suffix included.
func (g *Guest) Type(symbol string) {
	g.t.Helper()
	for _, r := range symbol {
		codes := emulator.Keys(r)
		if codes == nil {
			g.t.Fatalf("no key for %q", r)
		}
		if err := g.on().Key(codes...); err != nil {
			g.t.Fatal(err)
		}
	}
}

// Console is what the kernel and systemd have printed since the power was switched
// on.
func (g *Guest) Console() string {
	f, err := os.Open(filepath.Join(g.dir, fmt.Sprintf("boot-%d", g.boots), "console"))
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}
