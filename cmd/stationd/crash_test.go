package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stationd/internal/crash"
	"stationd/internal/daemon"
	"stationd/internal/demo"
	"stationd/internal/doctor"
)

// crashProgram is a program that keeps its crashes as a station does, and has one: what
// is in its second argument, in a goroutine of its own, beside hundreds of others. The
// first is the folder.
func crashProgram() {
	journal, end := daemon.OpenLog(context.Background(), os.Stderr)
	defer end()
	ended := crash.Keep(os.Args[1], slog.New(journal.Handler()))
	journal.Flush(demo.WaitLimit)
	if os.Args[2] == "" {
		ended()
		return
	}
	for range 500 {
		go func() { select {} }()
	}
	go func() { panic(os.Args[2]) }()
	select {}
}

// runCrash runs crashProgram in a process, and returns what it wrote.
func runCrash(t *testing.T, folder, with string) string {
	t.Helper()
	binary, err := exec.LookPath("stationd-crash")
	must(t, err)
	c := exec.CommandContext(t.Context(), binary, folder, with)
	c.Env = append(os.Environ(), "GOTRACEBACK=")
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if with == "" && err != nil || with != "" && (!errors.As(err, &exit) || exit.ExitCode() != 2) {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestACrashLeavesABoundedTrace(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	kept := filepath.Join(folder, crash.Name)
	if said := runCrash(t, folder, ""); said != "" {
		t.Errorf("without a crash it says %s", said)
	}
	first := runCrash(t, folder, "the first")
	if n := strings.Count(first, "\n"); n > 30 || !strings.Contains(first, "panic: the first") || !strings.Contains(first, "crash_test.go") {
		t.Errorf("of a crash with 500 goroutines it says %d lines:\n%s", n, first)
	}
	said := runCrash(t, folder, "the first")
	if !strings.Contains(said, `"what":"panic: the first"`) || !strings.Contains(said, "crashProgram") {
		t.Errorf("the next start says nothing of it:\n%s", said)
	}
	text, err := os.ReadFile(kept)
	if err != nil || !bytes.Contains(text, []byte("crash_test.go")) {
		t.Errorf("%v: %s", err, text)
	}
	said = runCrash(t, folder, "the first") // and once more
	if n := strings.Count(said, "\n"); n > 30 || !strings.Contains(said, `"again":true`) {
		t.Errorf("of the same again it says %d lines:\n%s", n, said)
	}
	after, err := os.ReadFile(kept)
	if err != nil || !bytes.Equal(after, text) {
		t.Errorf("the first trace is not kept: %v: %s", err, after)
	}
	must(t, os.WriteFile(filepath.Join(folder, crash.NewName), fmt.Appendf(nil, "panic: another\n%s", strings.Repeat("x", 1<<20)), 0o600))
	if said := runCrash(t, folder, ""); !strings.Contains(said, "panic: another") {
		t.Errorf("it says %s", said)
	}
	if info, err := os.Stat(kept); err != nil || info.Size() > crash.MostBytes {
		t.Errorf("%v: %d bytes", err, info.Size())
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("after an end as it should be: %v, %v", left, err)
	}
}

func TestWhatTheWatchdogEndsSaysWhereItStood(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil)
	c := b.Process()
	info, err := os.Stat(b.LogPath())
	must(t, err)
	must(t, c.Cmd.Process.Signal(syscall.SIGABRT))
	must(t, demo.Until(t.Context(), "it ends", c.Ended))
	if code := c.Cmd.ProcessState.ExitCode(); code != 2 {
		t.Errorf("it ends with %d: %v", code, c.Err)
	}
	text, err := os.ReadFile(b.LogPath())
	must(t, err)
	if said := string(text[info.Size():]); strings.Count(said, "\n") > 5 || !strings.Contains(said, "ended by SIGABRT") {
		t.Errorf("it says\n%s", said)
	}
	must(t, b.Power(t.Context(), true))
	must(t, demo.Until(t.Context(), "the next start says so", func() bool { return b.Log.Count("stationd crashed the last time") == 1 }))
	trace, err := os.ReadFile(filepath.Join(b.DataPath(), crash.Name))
	if err != nil || !bytes.HasPrefix(trace, []byte("SIGABRT")) || !bytes.Contains(trace, []byte("goroutine ")) {
		t.Errorf("%v: %.200s", err, trace)
	}
	found, _ := runDoctor(t, b.ConfigPath())
	if f := found["last crash"]; f.Verdict != doctor.Warning || !strings.Contains(f.Found, "SIGABRT") {
		t.Errorf("doctor says %+v", f)
	}
	must(t, b.Stop())
	if _, err := os.Stat(filepath.Join(b.DataPath(), crash.NewName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after an end as it should be: %v", err)
	}
}
