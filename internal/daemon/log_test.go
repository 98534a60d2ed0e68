package daemon

import (
	"io"
	"net"
	"path/filepath"
	"testing"
)

func TestAJournalThatWasStoppedIsConnectedToAnew(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "8:4711")
	socket := filepath.Join(t.TempDir(), "stdout")
	open := journalOpener(socket)
	if _, err := open(); err == nil {
		t.Error("there is no journal")
	}
	journal, err := net.Listen("unix", socket)
	must(t, err)
	defer journal.Close()
	out, err := open()
	must(t, err)
	conn, err := journal.Accept()
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(out, "{}\n")
	must(t, err)
	// sd_journal_stream_fd(3): name, unit, priority, prefixes, syslog, kernel, console.
	want := "stationd\n\n6\n0\n0\n0\n0\n{}\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Errorf("%v: the journal hears %q", err, got)
	}
	t.Setenv("JOURNAL_STREAM", "")
	if journalOpener(socket) != nil {
		t.Error("a station that does not write into the journal would")
	}
}
