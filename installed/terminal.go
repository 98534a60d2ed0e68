package installed

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// A Terminal is where the technician sits: a login on the guest's hvc0, in the home
// directory, with sudo. The guest's kernel echoes what is typed.
type Terminal struct {
	guest *Guest
	conn  net.Conn

	mu   sync.Mutex // guards text
	text []byte     // what was printed and not read yet
}

func newTerminal(g *Guest, conn net.Conn) *Terminal {
	t := &Terminal{guest: g, conn: conn}
	go t.listen()
	return t
}

func (t *Terminal) listen() {
	for buf := make([]byte, 4096); ; {
		n, err := t.conn.Read(buf)
		if os.Getenv("STATIOND_INSTALLED_LOOK") != "" {
			fmt.Fprint(os.Stderr, string(buf[:n]))
		}
		t.mu.Lock()
		t.text = append(t.text, buf[:n]...)
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Terminal is the guest's one terminal.
func (g *Guest) Terminal() *Terminal { return g.terminal }

// Types types a text; a line ends with "\n", as Enter does on a terminal.
func (t *Terminal) Types(text string) {
	t.guest.t.Helper()
	// A tty that is typed at faster than it is read drops what does not fit.
	for len(text) > 0 {
		n := min(len(text), 64)
		if _, err := t.conn.Write([]byte(text[:n])); err != nil {
			t.guest.t.Fatalf("terminal: %v", err)
		}
		text = text[n:]
	}
}

// Reads waits until the text was printed and returns what was printed before it,
// since what was read last.
func (t *Terminal) Reads(text string, within time.Duration) (before string) {
	t.guest.t.Helper()
	within = t.guest.Patience(within)
	for end := time.Now().Add(within); time.Now().Before(end); <-time.After(look) {
		if before, found := t.cut(text); found {
			return before
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.guest.t.Fatalf("the terminal did not show %q within %v; it shows:\n%s", text, within, t.text)
	return ""
}

func (t *Terminal) cut(text string) (before string, found bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, rest, found := strings.Cut(string(t.text), text)
	if found {
		t.text = []byte(rest)
	}
	return strings.ReplaceAll(before, "\r\n", "\n"), found
}

// Answers waits for a question and answers it.
func (t *Terminal) Answers(question, answer string) {
	t.guest.t.Helper()
	t.Reads(question, 10*time.Second)
	t.Types(answer + "\n")
}
