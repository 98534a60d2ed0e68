package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"stationd/internal/demo"
	"stationd/internal/gpio"
)

// A console is stationd on a terminal of 24 rows and 80 columns, as over SSH.
type console struct {
	t      *testing.T
	cmd    *exec.Cmd
	screen *os.File // the person's end of the terminal
	line   *os.File // the program's end
	before unix.Termios
	ended  chan error

	mu   sync.Mutex // guards what follows
	text string     // everything that was shown
	seen int        // how much of it was waited for
}

// startConsole starts stationd on a terminal.
func startConsole(t *testing.T, args ...string) *console {
	t.Helper()
	binary, err := exec.LookPath("stationd") // the test binary itself, see TestMain
	must(t, err)
	return start(t, exec.CommandContext(t.Context(), binary, args...))
}

// startShell starts a shell script on a terminal.
func startShell(t *testing.T, script string, args ...string) *console {
	t.Helper()
	return start(t, exec.CommandContext(t.Context(), "sh", append([]string{"-c", script, "sh"}, args...)...))
}

func start(t *testing.T, cmd *exec.Cmd) *console {
	t.Helper()
	screen, line, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal can be opened here, so nothing was proved about %v on one: %v", cmd.Args, err)
	}
	must(t, pty.Setsize(screen, &pty.Winsize{Rows: 24, Cols: 80}))
	before, err := unix.IoctlGetTermios(int(line.Fd()), unix.TCGETS)
	must(t, err)
	c := &console{t: t, screen: screen, line: line, before: *before, ended: make(chan error, 1), cmd: cmd}
	c.cmd.Env = append(os.Environ(), "STATIOND_DEMO=1", "TERM=vt100", "NO_COLOR=1", "CREDENTIALS_DIRECTORY=")
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = line, line, line
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(t, c.cmd.Start())
	go c.read()
	go func() { c.ended <- c.cmd.Wait() }()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // where a test failed half way
		screen.Close()
		line.Close()
		if t.Failed() {
			t.Logf("the terminal showed:\n%s", c.output())
		}
	})
	return c
}

func (c *console) read() {
	buf := make([]byte, 4096)
	for {
		n, err := c.screen.Read(buf)
		c.mu.Lock()
		c.text += strings.ReplaceAll(string(buf[:n]), "\r\n", "\n")
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *console) output() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text
}

// expect waits until the text appears after what was expected before. The terminal may have a
// line break for a space of it.
func (c *console) expect(text string) {
	c.t.Helper()
	want := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(text), " ", `\s+`))
	must(c.t, demo.Until(c.t.Context(), "the terminal shows "+text, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		at := want.FindStringIndex(c.text[c.seen:])
		if at != nil {
			c.seen += at[1]
		}
		return at != nil
	}))
}

// send types a text.
func (c *console) send(text string) {
	c.t.Helper()
	_, err := c.screen.WriteString(text)
	must(c.t, err)
}

// answer waits for a question and answers it.
func (c *console) answer(question, answer string) {
	c.t.Helper()
	c.expect(question)
	c.send(answer + "\n")
}

// expectExit waits for the end and checks the exit code, and that the terminal is as before.
func (c *console) expectExit(code int) {
	c.t.Helper()
	select {
	case err := <-c.ended:
		if got := c.cmd.ProcessState.ExitCode(); got != code {
			c.t.Errorf("it ended with %d (%v), want %d", got, err, code)
		}
	case <-time.After(demo.WaitLimit):
		c.t.Fatal("it does not end")
	}
	after, err := unix.IoctlGetTermios(int(c.line.Fd()), unix.TCGETS)
	must(c.t, err)
	if *after != c.before {
		c.t.Errorf("the terminal is not as it was:\n%+v\n%+v", c.before, *after)
	}
}

const ctrlC, ctrlD = "\x03", "\x04"

// newChip returns a simulated chip, its name for --chip, and the lamps that are lit.
func newChip(t *testing.T) (sim *gpio.Sim, chip string, lit chan int) {
	t.Helper()
	dir, err := os.MkdirTemp("", "stationd-chip-") // short enough for a socket
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	lit = make(chan int, 1000)
	sim, err = gpio.ListenSim(filepath.Join(dir, "chip"), func(pin int, high bool) {
		if high {
			lit <- pin
		}
	})
	must(t, err)
	running := make(chan error, 1)
	ctx := t.Context()
	go func() { running <- sim.Run(ctx) }()
	t.Cleanup(func() {
		if err := <-running; err != nil {
			t.Error(err)
		}
	})
	return sim, "sim:" + filepath.Join(dir, "chip"), lit
}

// newPluggedScanner returns a scanner that is plugged in.
func newPluggedScanner(t *testing.T) *demo.Scanner {
	t.Helper()
	r := demo.NewScanner(filepath.Join(t.TempDir(), "hand"))
	if err := r.Plug(); err != nil {
		t.Skipf("no serial line can be made here, so nothing was proved about readers: %v", err)
	}
	t.Cleanup(r.Unplug)
	return r
}
