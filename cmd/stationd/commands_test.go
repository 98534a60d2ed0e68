package main

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"stationd/internal/demo"
)

// A said collects what a command that still runs writes.
type said struct {
	mu   sync.Mutex // guards what follows
	text bytes.Buffer
}

// Write implements io.Writer.
func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// String returns the text so far.
func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// runCommand runs a command on the station's configuration in this process, and returns what
// it wrote and its exit code.
func runCommand(t *testing.T, b *demo.Simulation, words ...string) (out string, code int) {
	t.Helper()
	var all said
	code = command(t.Context(), append(words, "--config", b.ConfigPath()), strings.NewReader(""), &all, &all)
	return all.String(), code
}

// runProgram runs the station's own binary and returns what it wrote and its exit code.
func runProgram(t *testing.T, b *demo.Simulation, args ...string) (said string, code int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), b.Command[0], args...)
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}
