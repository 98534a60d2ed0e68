package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/exit"
)

// killBeforeAnswer kills the station when it begins to answer the next command: the command is
// on disk then, and nothing of its answer arrives. wait waits until that is over.
func killBeforeAnswer(t *testing.T, b *demo.Simulation) (wait func()) {
	t.Helper()
	const behind = ".behind"
	must(t, os.Rename(b.SocketPath(), b.SocketPath()+behind))
	listener, err := net.Listen("unix", b.SocketPath())
	must(t, err)
	var ended sync.WaitGroup
	ended.Go(func() {
		defer listener.Close() // with its socket
		asker, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer asker.Close()
		real, err := net.Dial("unix", b.SocketPath()+behind)
		if err != nil {
			t.Error(err)
			return
		}
		defer real.Close()
		ended.Go(func() { _, _ = io.Copy(real, asker) }) // until one of them is closed
		if _, err := real.Read(make([]byte, 1)); err != nil {
			t.Errorf("the station did not answer: %v", err)
		}
		if err := b.Kill(); err != nil {
			t.Error(err)
		}
	})
	return ended.Wait
}

var eventPattern = regexp.MustCompile(`--event ([0-9a-f]{32})`)

// runLosingAnswer runs a command whose answer is lost, and returns the ID that it names.
func runLosingAnswer(t *testing.T, b *demo.Simulation, words ...string) (event string) {
	t.Helper()
	over := killBeforeAnswer(t, b)
	out, code := runCommand(t, b, words...)
	over()
	named := eventPattern.FindStringSubmatch(out)
	if code != exit.Failure || !strings.Contains(out, "it may be recorded") || named == nil {
		t.Fatalf("%v: exit code %d, and it says:\n%s", words, code, out)
	}
	must(t, b.Power(t.Context(), true))
	return named[1]
}

func TestACommandWhoseStationDiesAfterTheCommitIsDoneOnce(t *testing.T) {
	t.Parallel()
	t.Run("an action that waits, and one that is delivered meanwhile", func(t *testing.T) {
		t.Parallel()
		b := startStation(t, nil)
		must(t, b.Cable(false))
		create := []string{"lagerkoll", "order.create", "reference=R-9", "name=Extra", "--yes"}
		event := runLosingAnswer(t, b, create...)
		out, code := runCommand(t, b, append(create, "--event", event)...)
		if code != 0 || !strings.Contains(out, "recorded before, and not a second time: it waits") {
			t.Errorf("given again it says (%d):\n%s", code, out)
		}
		if out, _ := runCommand(t, b, "outbox", "show", event); !strings.Contains(out, event+".1") {
			t.Errorf("outbox show says:\n%s", out)
		}
		must(t, b.Cable(true))
		must(t, b.WaitDelivered(t.Context()))
		out, code = runCommand(t, b, append(create, "--event", event)...)
		if code != 0 || !strings.Contains(out, "recorded before, and not a second time: it is delivered") {
			t.Errorf("given a third time it says (%d):\n%s", code, out)
		}
		must(t, b.Stop())
		must(t, b.Power(t.Context(), true))
		if out, code = runCommand(t, b, append(create, "--event", event, "--wait")...); !strings.Contains(out, "not a second time: it has left the outbox") {
			t.Errorf("and after a restart (%d):\n%s", code, out)
		}
		out, code = runCommand(t, b, "lagerkoll", "order.create", "reference=R-10", "name=Extra", "--yes", "--event", event)
		if code != exit.Failure || !strings.Contains(out, "belongs to another command") {
			t.Errorf("another command under the same ID (%d):\n%s", code, out)
		}
		if entries, ok := b.Waiting(t.Context()); !ok || len(entries) != 0 {
			t.Errorf("%d wait", len(entries))
		}
		puts := 0
		for _, r := range b.Plant.Requests() {
			if r.Method == http.MethodPut || r.Method == http.MethodPost {
				puts++
			}
		}
		if puts != 1 {
			t.Errorf("%d requests changed something, want 1", puts)
		}
	})
	t.Run("a retry and a discard", func(t *testing.T) {
		t.Parallel()
		b := startStation(t, nil)
		scanAndWait(t, b, "PO4711")
		first, second := heldTrace(t, b, "B7"), heldTrace(t, b, "B8")
		must(t, b.Cable(false))
		event := runLosingAnswer(t, b, "outbox", "retry", string(first))
		if out, code := runCommand(t, b, "outbox", "retry", string(first), "--event", event); code != 0 || !strings.Contains(out, "put back before, and not a second time") {
			t.Errorf("retried again it says (%d):\n%s", code, out)
		}
		event = runLosingAnswer(t, b, "outbox", "discard", "--yes", string(second))
		if out, code := runCommand(t, b, "outbox", "discard", "--yes", string(second), "--event", event); code != 0 || !strings.Contains(out, ": discarded") {
			t.Errorf("discarded again it says (%d):\n%s", code, out)
		}
		c, err := b.Contents(t.Context())
		must(t, err)
		if c.Waiting != 1 || c.Held != 0 {
			t.Errorf("%d wait and %d are held", c.Waiting, c.Held)
		}
		must(t, b.Cable(true))
		must(t, b.WaitDelivered(t.Context()))
	})
	t.Run("the close of a call", func(t *testing.T) {
		t.Parallel()
		b := startStation(t, nil)
		waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
		must(t, b.WaitDelivered(t.Context()))
		calls, err := b.Control().Calls(t.Context())
		must(t, err)
		ref := calls[0].Ref
		event := runLosingAnswer(t, b, "call", "close", ref, "--yes")
		if out, code := runCommand(t, b, "call", "close", ref, "--yes", "--event", event); code != 0 || !strings.Contains(out, "recorded before, and not a second time") {
			t.Errorf("closed again it says (%d):\n%s", code, out)
		}
		must(t, b.WaitDelivered(t.Context()))
		if found := b.Plant.Dispatches(); len(found) != 1 || found[0].Open() {
			t.Errorf("the plant has %+v", found)
		}
	})
	t.Run("a wrong ID is refused before anything is asked", func(t *testing.T) {
		t.Parallel()
		b := startStation(t, nil)
		if out, code := runCommand(t, b, "outbox", "retry", "9f86d081.1", "--event", "17"); code != exit.Usage || !strings.Contains(out, "32 hexadecimal digits") {
			t.Errorf("it says (%d):\n%s", code, out)
		}
	})
}
