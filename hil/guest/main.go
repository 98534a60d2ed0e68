//go:build linux

// Guest is the emulated board's init: the first and only program of its own in
// the guest. It loads the drivers, brings up the network and the card, keeps
// stationd running as its unit would, and does what the test orders. Where it is
// not init it does what the test orders and nothing else.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"stationd/hil/control"
	"stationd/internal/systemd"
)

const (
	console = "/dev/console"
	card    = "/dev/vda"
	data    = "/var/lib/stationd"

	// deviceWait is how long a device may take to appear after its driver was
	// loaded. Software emulation of a busy host is slow.
	deviceWait = 30 * time.Second
)

func main() {
	if os.Getpid() != 1 {
		fmt.Println("orders:", serve())
		os.Exit(1)
	}
	fmt.Println("hil: init:", run())
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("hil: power off:", err)
	}
}

// run never returns while the board is well: a guest whose init ends panics. Its
// error is never nil.
func run() error {
	if err := mounts(); err != nil {
		return err
	}
	if err := openConsole(); err != nil {
		return err
	}
	if err := drivers("/etc/modules.load"); err != nil {
		return err
	}
	if err := network(); err != nil {
		return err
	}
	if err := mountCard(); err != nil {
		return err
	}
	port, err := openPort(control.Port)
	if err != nil {
		return err
	}
	manager, err := systemd.Listen("/run/notify.sock")
	if err != nil {
		return err
	}
	p := newProgram(manager,
		[]string{"/usr/bin/stationd", "run", "--config", "/etc/stationd/stationd.toml"},
		[]string{"/usr/bin/stationd", "lamps", "off", "--config", "/etc/stationd/stationd.toml"})
	go p.run()
	p.start()
	return serveOrders(port, p)
}

// serve carries out orders in a guest that has an init of its own. Its error is
// never nil.
func serve() error {
	port, err := openPort(control.Port)
	if err != nil {
		return err
	}
	return serveOrders(port, nil)
}

// mounts makes the file systems that every Linux program expects.
func mounts() error {
	for _, m := range []struct{ kind, path string }{
		{"proc", "/proc"},
		{"sysfs", "/sys"},
		{"devtmpfs", "/dev"},
		{"devpts", "/dev/pts"},
		{"tmpfs", "/run"},
		{"tmpfs", "/tmp"},
	} {
		if err := os.MkdirAll(m.path, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.path, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.path, err)
		}
	}
	return os.MkdirAll("/run/stationd", 0o755)
}

// openConsole makes the console this program's output: the kernel opened
// none for init, as the initramfs has no device node.
func openConsole() error {
	f, err := os.OpenFile(console, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	for fd := range 3 {
		if err := unix.Dup3(int(f.Fd()), fd, 0); err != nil {
			return fmt.Errorf("console: %w", err)
		}
	}
	return nil
}

// drivers loads the modules that list names, one path a line, in its order. One
// that finds no hardware of its own is left out: modprobe lists the variants of
// an algorithm for every processor there is.
func drivers(list string) error {
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	for path := range strings.FieldsSeq(string(text)) {
		if err := load(path); err != nil && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("module %s: %w", path, err)
		}
	}
	return nil
}

func load(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	flags := 0
	if filepath.Ext(path) == ".xz" {
		flags = unix.MODULE_INIT_COMPRESSED_FILE
	}
	if err := unix.FinitModule(int(f.Fd()), "", flags); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}

// network gives the board the address that QEMU's user network expects, and no
// route beyond: the one thing it reaches is the host's loopback at 10.0.2.2.
func network() error {
	if err := waitFor("/sys/class/net/eth0"); err != nil {
		return err
	}
	_, err := shell(`/bin/busybox --install -s /bin
ip link set lo up && ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0`)
	return err
}

func mountCard() error {
	if err := waitFor(card); err != nil {
		return err
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(card, data, "ext4", unix.MS_NOATIME, ""); err != nil {
		return fmt.Errorf("mount %s: %w", card, err)
	}
	return nil
}

// waitFor waits until path exists.
func waitFor(path string) error {
	for end := time.Now().Add(deviceWait); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s did not appear within %v", path, deviceWait)
}

// openPort opens the virtio serial port of that name.
func openPort(name string) (*os.File, error) {
	for end := time.Now().Add(deviceWait); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		names, err := filepath.Glob("/sys/class/virtio-ports/*/name")
		if err != nil {
			return nil, err
		}
		for _, file := range names {
			text, err := os.ReadFile(file)
			if err == nil && strings.TrimSpace(string(text)) == name {
				return os.OpenFile("/dev/"+filepath.Base(filepath.Dir(file)), os.O_RDWR, 0)
			}
		}
	}
	return nil, fmt.Errorf("virtio port %s did not appear within %v", name, deviceWait)
}

// serveOrders says that the board is ready and carries out orders until the port ends,
// so its error is never nil.
func serveOrders(port *os.File, p *program) error {
	out := json.NewEncoder(port)
	if err := out.Encode(control.Answer{Text: "ready"}); err != nil {
		return fmt.Errorf("control port: %w", err)
	}
	in := bufio.NewReader(port)
	var e edges
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("control port: %w", err)
		}
		var o control.Order
		var a control.Answer
		if err := json.Unmarshal(line, &o); err != nil {
			a.Error = err.Error()
		} else if a.Text, err = execute(o, p, &e); err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			return fmt.Errorf("control port: %w", err)
		}
	}
}

func execute(o control.Order, p *program, e *edges) (string, error) {
	switch o.Do {
	case control.Exec:
		return shell(o.Script)
	case control.Put:
		return "", put(o)
	}
	if p == nil {
		return "", fmt.Errorf("order %q is for a board's init", o.Do)
	}
	switch o.Do {
	case control.Clock:
		return "", trustClock(time.Unix(0, o.Nanos))
	case control.Stop:
		return p.stop()
	case control.Edges:
		n, err := e.count()
		return strconv.Itoa(n), err
	case control.Start:
		p.start()
		return "", nil
	}
	return "", fmt.Errorf("unknown order %q", o.Do)
}

func put(o control.Order) error {
	if err := os.WriteFile(o.Path, o.Body, os.FileMode(o.Mode)); err != nil {
		return err
	}
	return os.Chmod(o.Path, os.FileMode(o.Mode)) // the file may have been there, and there is a umask
}

// shell runs a script and returns what it printed on both outputs.
func shell(script string) (string, error) {
	var out bytes.Buffer
	cmd := exec.Command("/bin/busybox", "sh", "-c", script)
	if os.Getpid() != 1 {
		cmd = exec.Command("/bin/sh", "-c", script)
	}
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w: %s", err, strings.TrimSpace(out.String()))
	}
	return out.String(), nil
}

func environment() []string {
	return []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
}

// trustClock does what a time server's client does: it sets the clock, and then
// clears STA_UNSYNC, which every setting of the clock raises. The maximal error
// must go with it, or the kernel raises the flag again within a second.
func trustClock(now time.Time) error {
	ts, err := unix.TimeToTimespec(now)
	if err != nil {
		return err
	}
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &ts); err != nil {
		return fmt.Errorf("clock_settime: %w", err)
	}
	_, err = unix.Adjtimex(&unix.Timex{Modes: unix.ADJ_STATUS | unix.ADJ_MAXERROR | unix.ADJ_ESTERROR})
	if err != nil {
		return fmt.Errorf("adjtimex: %w", err)
	}
	return nil
}
