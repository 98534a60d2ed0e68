package hil

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"stationd/hil/control"
)

// A machine is one run of the emulator, from power on to power off.
type machine struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone
	said   bytes.Buffer  // the emulator's own complaints; read after exited

	monitor *monitor
	pins    *pins
	control *controller

	dir   string     // of the sockets and the console's log
	conns []net.Conn // to the monitor, the pins and the control port
	scan  net.Conn   // the USB cable of the scanner; nil while it is unplugged
	heard *earshot   // what came over it
}

// start boots a board that is paused until its pins are watched and its buttons
// released: nothing the guest does goes unseen. edge is called for every change
// of an output line, in order.
func (m model) start(dir string, img image, initrd, card string, clock time.Time, buttons []int, edge func(line int, high bool)) (*machine, error) {
	tree := filepath.Join(dir, "tree")
	if err := img.seeded(tree); err != nil {
		return nil, err
	}
	args := append(m.hardware(m.machine),
		"-S", "-no-reboot",
		"-kernel", img.kernel, "-dtb", tree, "-initrd", initrd,
		"-append", "console=ttyAMA0 quiet panic=-1",
		"-rtc", "base="+clock.UTC().Format("2006-01-02T15:04:05"),
		"-serial", "file:"+filepath.Join(dir, "console"),
		"-qmp", socket(dir, "monitor"),
		"-qtest", socket(dir, "pins"), "-qtest-log", "/dev/null",
		// Without this a line that is not an output shows as a lit lamp.
		"-global", "driver=pl061,property=pullups,value=0",
		"-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
		"-drive", "if=none,id=card,format=raw,cache=none,file="+card, "-device", "virtio-blk-pci,drive=card,romfile=",
		"-device", "virtio-serial-pci", "-chardev", chardev(dir, "control"),
		"-device", "virtserialport,chardev=control,name="+control.Port,
		"-device", "qemu-xhci", "-chardev", chardev(dir, "scanner"), "-device", "usb-serial,chardev=scanner",
	)
	v := &machine{dir: dir, exited: make(chan struct{}), cmd: exec.Command(m.qemu, args...)}
	v.cmd.Stdout, v.cmd.Stderr = &v.said, &v.said
	// A test that is killed takes its board along.
	v.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := v.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = v.cmd.Wait() // how it ended is nobody's question: it is killed
		close(v.exited)
	}()
	if err := v.wire(buttons, edge); err != nil {
		v.powerCut()
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(v.said.Bytes()))
	}
	return v, nil
}

func socket(dir, name string) string {
	return "unix:" + filepath.Join(dir, name) + ",server=on,wait=off"
}

func chardev(dir, name string) string {
	return "socket,id=" + name + ",path=" + filepath.Join(dir, name) + ",server=on,wait=off"
}

// wire connects everything the test will see and touch, and lets the board run.
func (v *machine) wire(buttons []int, edge func(line int, high bool)) error {
	conn, err := v.connect("monitor")
	if err != nil {
		return err
	}
	if v.monitor, err = newMonitor(conn); err != nil {
		return err
	}
	chip, err := v.monitor.find("/machine/unattached", "child<pl061>")
	if err != nil {
		return err
	}
	if conn, err = v.connect("pins"); err != nil {
		return err
	}
	v.pins = newPins(conn, chip, edge)
	if err := v.pins.watch(); err != nil {
		return err
	}
	for _, button := range buttons {
		if err := v.pins.set(button, true); err != nil {
			return err
		}
	}
	if conn, err = v.connect("control"); err != nil {
		return err
	}
	v.control = newController(conn)
	_, err = v.monitor.do("cont", nil)
	return err
}

// socketWait is how long the emulator may take to open its sockets.
const socketWait = 20 * time.Second

func (v *machine) dial(name string) (net.Conn, error) {
	conn, err := net.Dial("unix", filepath.Join(v.dir, name))
	for end := time.Now().Add(socketWait); err != nil && time.Now().Before(end); conn, err = net.Dial("unix", filepath.Join(v.dir, name)) {
		select {
		case <-v.exited:
			return nil, errors.New("the emulator ended")
		case <-time.After(10 * time.Millisecond):
		}
	}
	return conn, err
}

// powerCut kills the emulator and waits until it is gone and the last edge that
// it reported has been noted.
func (v *machine) powerCut() {
	_ = v.cmd.Process.Kill() // an error means that it has ended
	<-v.exited
	if v.pins != nil {
		for range v.pins.answers {
			// closed at the end of what the emulator said
		}
	}
	v.unplug()
	for _, c := range v.conns {
		c.Close()
	}
}

// connect dials one of the connections that last as long as the machine.
func (v *machine) connect(name string) (net.Conn, error) {
	conn, err := v.dial(name)
	if err == nil {
		v.conns = append(v.conns, conn)
	}
	return conn, err
}

// plug connects the scanner's cable: the emulated FTDI is on the bus exactly
// while its socket is connected.
func (v *machine) plug() error {
	if v.scan != nil {
		return errors.New("the scanner is plugged in already")
	}
	conn, err := v.dial("scanner")
	if err != nil {
		return err
	}
	v.scan, v.heard = conn, &earshot{}
	go v.heard.listen(conn)
	return nil
}

func (v *machine) unplug() {
	if v.scan != nil {
		v.scan.Close()
		v.scan = nil
	}
}

func (v *machine) send(b []byte) error {
	if v.scan == nil {
		return errors.New("the scanner is not plugged in")
	}
	_, err := v.scan.Write(b)
	return err
}

// An earshot is what the guest has sent to the scanner since it was plugged in.
// Somebody must always listen: the emulator stands still when the socket is full.
type earshot struct {
	mu   sync.Mutex
	text []byte
}

func (e *earshot) listen(conn net.Conn) {
	for buf := make([]byte, 4096); ; {
		n, err := conn.Read(buf)
		e.mu.Lock()
		e.text = append(e.text, buf[:n]...)
		e.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// cut returns what was heard before the text, and forgets it and the text.
func (e *earshot) cut(text string) (before string, found bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	first, rest, found := bytes.Cut(e.text, []byte(text))
	if !found {
		return string(e.text), false
	}
	before, e.text = string(first), bytes.Clone(rest)
	return before, true
}

// attach puts a USB keyboard on the bus, under the name reader.
func (v *machine) attach() error {
	_, err := v.monitor.do("device_add", map[string]any{"driver": "usb-kbd", "id": reader})
	return err
}

func (v *machine) detach() error {
	_, err := v.monitor.do("device_del", map[string]any{"id": reader})
	return err
}

const (
	reader = "reader"
	// stroke is how long a key is down, and up. The emulated keyboard is asked
	// every few milliseconds and drops what does not fit its queue of sixteen.
	stroke = 20 * time.Millisecond
)

// key presses and releases keys together, by QEMU's names:
//
//	{"execute": "input-send-event", "arguments": {"events": [
//	  {"type": "key", "data": {"down": true, "key": {"type": "qcode", "data": "shift"}}},
//	  {"type": "key", "data": {"down": true, "key": {"type": "qcode", "data": "p"}}}]}}
func (v *machine) key(codes ...string) error {
	for _, down := range []bool{true, false} {
		var events []any
		for _, code := range codes {
			events = append(events, map[string]any{"type": "key", "data": map[string]any{
				"down": down, "key": map[string]any{"type": "qcode", "data": code},
			}})
		}
		if _, err := v.monitor.do("input-send-event", map[string]any{"events": events}); err != nil {
			return err
		}
		<-time.After(stroke)
	}
	return nil
}

// keys are the keys that type a character on an American keyboard, the layout
// that hand scanners are delivered with; nil where it has none.
func keys(r rune) []string {
	plain := map[rune]string{
		'\n': "ret", '\t': "tab", ' ': "spc", '-': "minus", '=': "equal", '[': "bracket_left",
		']': "bracket_right", ';': "semicolon", '\'': "apostrophe", '`': "grave_accent",
		'\\': "backslash", ',': "comma", '.': "dot", '/': "slash",
	}
	shifted := map[rune]rune{
		'!': '1', '@': '2', '#': '3', '$': '4', '%': '5', '^': '6', '&': '7', '*': '8', '(': '9', ')': '0',
		'_': '-', '+': '=', '{': '[', '}': ']', ':': ';', '"': '\'', '~': '`', '|': '\\', '<': ',', '>': '.', '?': '/',
	}
	switch base, shift := shifted[r]; {
	case r == '\x1d':
		return []string{"ctrl", "bracket_right"} // GS, as readers type it
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		return []string{string(r)}
	case r >= 'A' && r <= 'Z':
		return []string{"shift", strings.ToLower(string(r))}
	case plain[r] != "":
		return []string{plain[r]}
	case shift:
		return append([]string{"shift"}, keys(base)...)
	}
	return nil
}

// A monitor is QEMU's machine protocol: JSON values, one answer to one command,
// with events in between that nobody here needs.
type monitor struct {
	mu   sync.Mutex
	conn net.Conn
	in   *json.Decoder
}

func newMonitor(conn net.Conn) (*monitor, error) {
	m := &monitor{conn: conn, in: json.NewDecoder(conn)}
	// {"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, …}, "capabilities": ["oob"]}}
	var greeting json.RawMessage
	if err := m.in.Decode(&greeting); err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	_, err := m.do("qmp_capabilities", nil)
	return m, err
}

// do carries out one command:
//
//	{"execute": "set_link", "arguments": {"name": "net", "up": false}}
//	{"return": {}}
func (m *monitor) do(command string, arguments map[string]any) (json.RawMessage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	order := map[string]any{"execute": command}
	if arguments != nil {
		order["arguments"] = arguments
	}
	if err := json.NewEncoder(m.conn).Encode(order); err != nil {
		return nil, fmt.Errorf("monitor: %s: %w", command, err)
	}
	for {
		var a struct {
			Return json.RawMessage
			Error  *struct{ Desc string }
		}
		if err := m.in.Decode(&a); err != nil {
			return nil, fmt.Errorf("monitor: %s: %w", command, err)
		}
		if a.Error != nil {
			return nil, fmt.Errorf("monitor: %s: %s", command, a.Error.Desc)
		}
		if a.Return != nil {
			return a.Return, nil
		}
	}
}

// find returns the path of the one object of that type under parent.
func (m *monitor) find(parent, kind string) (string, error) {
	text, err := m.do("qom-list", map[string]any{"path": parent})
	if err != nil {
		return "", err
	}
	var children []struct{ Name, Type string }
	if err := json.Unmarshal(text, &children); err != nil {
		return "", fmt.Errorf("monitor: qom-list: %w", err)
	}
	for _, c := range children {
		if c.Type == kind {
			return parent + "/" + c.Name, nil
		}
	}
	return "", fmt.Errorf("monitor: no %s in %s", kind, parent)
}

// pins is QEMU's test protocol on the GPIO chip: a line of text for a command,
// answered with OK or FAIL, and in between a line for each change of an output:
//
//	IRQ raise 1
type pins struct {
	chip    string
	mu      sync.Mutex // one command at a time
	conn    net.Conn
	answers chan string // closed when the machine is gone
}

func newPins(conn net.Conn, chip string, edge func(line int, high bool)) *pins {
	p := &pins{chip: chip, conn: conn, answers: make(chan string, 1)}
	go p.read(edge)
	return p
}

func (p *pins) read(edge func(line int, high bool)) {
	defer close(p.answers)
	numbers := lines()
	in := bufio.NewScanner(p.conn)
	for in.Scan() {
		var direction string
		var line int
		if n, _ := fmt.Sscanf(in.Text(), "IRQ %s %d", &direction, &line); n == 2 && line < len(numbers) {
			edge(numbers[line], direction == "raise")
			continue
		}
		p.answers <- in.Text()
	}
}

func (p *pins) do(command string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := io.WriteString(p.conn, command+"\n"); err != nil {
		return fmt.Errorf("pins: %s: %w", command, err)
	}
	if answer := <-p.answers; !strings.HasPrefix(answer, "OK") {
		return fmt.Errorf("pins: %s: answered %q", command, answer)
	}
	return nil
}

// watch makes the chip's outputs report their changes.
func (p *pins) watch() error { return p.do("irq_intercept_out " + p.chip) }

// set drives an input line, named by its GPIO number, from outside.
func (p *pins) set(number int, high bool) error {
	for i, n := range lines() {
		if n == number {
			level := 0
			if high {
				level = 1
			}
			return p.do(fmt.Sprintf("set_irq_in %s unnamed-gpio-in %d %d", p.chip, i, level))
		}
	}
	return fmt.Errorf("pins: the board has no GPIO%d", number)
}

// A controller is the test's end of the control port.
type controller struct {
	mu   sync.Mutex // one order at a time
	conn net.Conn
	in   *json.Decoder
}

func newController(conn net.Conn) *controller {
	return &controller{conn: conn, in: json.NewDecoder(conn)}
}

// ready waits until init has said that everything is up.
func (c *controller) ready(within time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.answer(within)
	return err
}

// do sends an order and returns the answer's text.
func (c *controller) do(o control.Order, within time.Duration) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := json.NewEncoder(c.conn).Encode(o); err != nil {
		return "", fmt.Errorf("control: %w", err)
	}
	return c.answer(within)
}

func (c *controller) answer(within time.Duration) (string, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return "", fmt.Errorf("control: %w", err)
	}
	var a control.Answer
	if err := c.in.Decode(&a); err != nil {
		return "", fmt.Errorf("control: %w", err)
	}
	if a.Error != "" {
		return a.Text, errors.New(a.Error)
	}
	return a.Text, nil
}
