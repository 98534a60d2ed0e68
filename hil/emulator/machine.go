// Package emulator runs a computer under QEMU and is everything that a person can
// reach of it: its power switch, its GPIO lines, the readers on its USB bus, its
// network cable, and the port over which the guest takes orders.
package emulator

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
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"stationd/hil/control"
)

// A Machine is one run of the emulator, from power on to power off. Its methods
// are called by one goroutine at a time.
type Machine struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone
	said   bytes.Buffer  // the emulator's own complaints; read after exited

	monitor *monitor
	pins    *pins
	control *controller

	dir   string        // of the sockets and the console's log
	conns []net.Conn    // to the monitor, the pins and the control port
	scan  net.Conn      // the USB cable of the scanner; nil while it is unplugged
	heard *receivedText // what came over it
}

// A Setting says what is started and what is wired to it.
type Setting struct {
	QEMU string   // the emulator's program
	Args []string // its arguments, without those of the connections below
	Dir  string   // an existing directory for the sockets; its path is short

	// Lines are the numbers of the lines of the machine's one PL061 chip, in the
	// chip's order; nil where it has none. High are those that are driven high
	// before the guest runs. Edge is called for every change of an output line, in
	// order, and must not block.
	Lines []int
	High  []int
	Edge  func(line int, high bool)
}

// Start starts a machine that is paused until its lines are watched: nothing the
// guest does goes unseen. It adds a monitor, the control port, an xHCI bus and on
// it a serial reader that is not plugged in.
func Start(s Setting) (*Machine, error) {
	args := append(slices.Clone(s.Args),
		"-S",
		"-qmp", socket(s.Dir, "monitor"),
		"-device", "virtio-serial-pci", "-chardev", chardev(s.Dir, "control"),
		"-device", "virtserialport,chardev=control,name="+control.Port,
		"-device", "qemu-xhci", "-chardev", chardev(s.Dir, "scanner"), "-device", "usb-serial,chardev=scanner",
	)
	if s.Lines != nil {
		// Without the last a line that is not an output shows as a lit lamp.
		args = append(args, "-qtest", socket(s.Dir, "pins"), "-qtest-log", "/dev/null",
			"-global", "driver=pl061,property=pullups,value=0")
	}
	v := &Machine{dir: s.Dir, exited: make(chan struct{}), cmd: exec.Command(s.QEMU, args...)}
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
	if err := v.wire(s); err != nil {
		v.PowerCut()
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

// wire connects everything the test will see and touch, and lets the machine run.
func (v *Machine) wire(s Setting) error {
	conn, err := v.connect("monitor")
	if err != nil {
		return err
	}
	if v.monitor, err = newMonitor(conn); err != nil {
		return err
	}
	if s.Lines != nil {
		if err := v.wirePins(s); err != nil {
			return err
		}
	}
	if conn, err = v.connect("control"); err != nil {
		return err
	}
	v.control = newController(conn)
	return v.Monitor("cont", nil)
}

func (v *Machine) wirePins(s Setting) error {
	chip, err := v.monitor.find("/machine/unattached", "child<pl061>")
	if err != nil {
		return err
	}
	conn, err := v.connect("pins")
	if err != nil {
		return err
	}
	v.pins = newPins(conn, chip, s.Lines, s.Edge)
	if err := v.pins.watch(); err != nil {
		return err
	}
	for _, line := range s.High {
		if err := v.Set(line, true); err != nil {
			return err
		}
	}
	return nil
}

// Monitor carries out one command of QEMU's machine protocol and waits for its
// answer.
func (v *Machine) Monitor(command string, arguments map[string]any) error {
	_, err := v.monitor.do(command, arguments)
	return err
}

// Set drives an input line, named by its number, from outside.
func (v *Machine) Set(line int, high bool) error { return v.pins.set(line, high) }

// Ready waits until the guest has said that it takes orders.
func (v *Machine) Ready(within time.Duration) error { return v.control.ready(within) }

// Do has the guest carry out an order and returns the answer's text. An answer
// that does not come within the time leaves the port unusable.
func (v *Machine) Do(o control.Order, within time.Duration) (string, error) {
	return v.control.do(o, within)
}

// Exited is closed when the emulator has ended.
func (v *Machine) Exited() <-chan struct{} { return v.exited }

// socketWait is how long the emulator may take to open its sockets.
const socketWait = 20 * time.Second

// Dial connects to a socket in the machine's directory, which may not be there yet.
func (v *Machine) Dial(name string) (net.Conn, error) {
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

// PowerCut kills the emulator and waits until it is gone and the last edge that
// it reported has been noted.
func (v *Machine) PowerCut() {
	_ = v.cmd.Process.Kill() // an error means that it has ended
	<-v.exited
	if v.pins != nil {
		for range v.pins.answers {
			// closed at the end of what the emulator said
		}
	}
	v.Unplug()
	for _, c := range v.conns {
		c.Close()
	}
}

// connect dials one of the connections that last as long as the machine.
func (v *Machine) connect(name string) (net.Conn, error) {
	conn, err := v.Dial(name)
	if err == nil {
		v.conns = append(v.conns, conn)
	}
	return conn, err
}

// Plug connects the scanner's cable: the emulated FTDI is on the bus exactly
// while its socket is connected.
func (v *Machine) Plug() error {
	if v.scan != nil {
		return errors.New("the scanner is plugged in already")
	}
	conn, err := v.Dial("scanner")
	if err != nil {
		return err
	}
	v.scan, v.heard = conn, &receivedText{}
	go v.heard.listen(conn)
	return nil
}

// Unplug pulls the reader's cable; without one it does nothing.
func (v *Machine) Unplug() {
	if v.scan != nil {
		v.scan.Close()
		v.scan = nil
	}
}

// Send sends what a serial reader sends.
func (v *Machine) Send(b []byte) error {
	if v.scan == nil {
		return errors.New("the scanner is not plugged in")
	}
	_, err := v.scan.Write(b)
	return err
}

// Received reports whether the guest has sent the text to the serial reader since it
// was plugged in, returns what it sent before it, and forgets both. Without a
// reader nothing was sent.
func (v *Machine) Received(text string) (before string, found bool) {
	if v.scan == nil {
		return "", false
	}
	return v.heard.cut(text)
}

// A receivedText is what the guest has sent to the scanner since it was plugged in.
// Somebody must always listen: the emulator stands still when the socket is full.
type receivedText struct {
	mu   sync.Mutex // guards text
	text []byte
}

func (e *receivedText) listen(conn net.Conn) {
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
func (e *receivedText) cut(text string) (before string, found bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	first, rest, found := bytes.Cut(e.text, []byte(text))
	if !found {
		return string(e.text), false
	}
	before, e.text = string(first), bytes.Clone(rest)
	return before, true
}

// PlugKeyboard puts a USB keyboard on the bus: a reader that types.
func (v *Machine) PlugKeyboard() error {
	_, err := v.monitor.do("device_add", map[string]any{"driver": "usb-kbd", "id": reader})
	return err
}

// UnplugKeyboard pulls it out again.
func (v *Machine) UnplugKeyboard() error {
	_, err := v.monitor.do("device_del", map[string]any{"id": reader})
	return err
}

const (
	reader = "reader"
	// stroke is how long a key is down, and up. The emulated keyboard is asked
	// every few milliseconds and drops what does not fit its queue of sixteen.
	stroke = 20 * time.Millisecond
)

// Key presses and releases keys together, by QEMU's names:
//
//	{"execute": "input-send-event", "arguments": {"events": [
//	  {"type": "key", "data": {"down": true, "key": {"type": "qcode", "data": "shift"}}},
//	  {"type": "key", "data": {"down": true, "key": {"type": "qcode", "data": "p"}}}]}}
func (v *Machine) Key(codes ...string) error {
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

// Keys are the keys that type a character on an American keyboard, the layout
// that hand scanners are delivered with; nil where it has none.
func Keys(r rune) []string {
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
		return append([]string{"shift"}, Keys(base)...)
	}
	return nil
}

// A monitor is QEMU's machine protocol: JSON values, one answer to one command,
// with events in between that nobody here needs.
type monitor struct {
	mu   sync.Mutex // held for a command and its answer
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
	lines   []int      // their numbers, in the chip's order
	mu      sync.Mutex // one command at a time
	conn    net.Conn
	answers chan string // closed when the machine is gone
}

func newPins(conn net.Conn, chip string, lines []int, edge func(line int, high bool)) *pins {
	p := &pins{chip: chip, lines: lines, conn: conn, answers: make(chan string, 1)}
	go p.read(edge)
	return p
}

func (p *pins) read(edge func(line int, high bool)) {
	defer close(p.answers)
	in := bufio.NewScanner(p.conn)
	for in.Scan() {
		var direction string
		var line int
		if n, _ := fmt.Sscanf(in.Text(), "IRQ %s %d", &direction, &line); n == 2 && line < len(p.lines) {
			edge(p.lines[line], direction == "raise")
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
	for i, n := range p.lines {
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
