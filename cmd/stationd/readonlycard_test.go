package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"stationd/internal/demo"
)

// The kernel has made the card read-only, and its fsync says all the same that what is
// written to the file is safe.
func TestOnACardThatHasBecomeReadOnlyNoReaderBeepsRecorded(t *testing.T) {
	t.Parallel()
	if out, err := exec.CommandContext(t.Context(), "unshare", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("a card that becomes read-only was NOT proved: this machine lets nobody mount (%v: %s)", err, out)
	}
	b := newBeepStationWith(t, func(s *demo.Config) { s.Command = append([]string{"unshare", "--mount"}, s.Command...) }, nil)
	if got := scanForBeep(t, b, "PO4711"); got != beepRecorded {
		t.Fatalf("the reader beeps %q while all is well", got)
	}
	station := b.Process()
	mounts := func(arguments ...string) {
		t.Helper()
		inside := append([]string{"--mount", "--target", strconv.Itoa(station.Cmd.Process.Pid), "mount"}, arguments...)
		if out, err := exec.CommandContext(t.Context(), "nsenter", inside...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	// The files that are open stay as they are, as with an emergency remount.
	mounts("--bind", b.DataPath(), b.DataPath())
	mounts("-o", "remount,bind,ro", b.DataPath())
	if got := scanForBeep(t, b, "PO4712"); got != beepRefused {
		t.Errorf("the card is read-only, and the reader beeps %q", got)
	}
	must(t, demo.Until(t.Context(), "the station ends, so that its start says why", station.Ended))
	log, err := os.ReadFile(b.LogPath())
	must(t, err)
	if !strings.Contains(string(log), "outbox.db: read-only file system") {
		t.Errorf("the log does not say why:\n%s", log)
	}

	// Its service manager starts it again until the card can be written.
	must(t, b.Power(t.Context(), true))
	if got := scanForBeep(t, b, "PO4711"); got != beepRecorded {
		t.Errorf("the card can be written again, and the reader beeps %q", got)
	}
}
