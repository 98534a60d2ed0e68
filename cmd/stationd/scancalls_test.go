package main

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/station"
)

// Somebody scans labels without end that are opened as calls, each another, while the
// vendor is away. The outbox stays as large as it is, a commit and the page stay small, and
// the button calls all the same.
func TestLabelsThatAreCallsTakeNeitherTheCardNorTheButtons(t *testing.T) {
	t.Parallel()
	b := newStation(t, nil)
	editConfig(t, b, "[[on]]", `[[on]]
event = "hand.scan"
match = '^CALL-(?P<machine>.+)$'
max   = 7000
do    = [{ l2l = "dispatch.open", type = "MATERIAL", machine = "{machine}", description = "x" }]

[[on]]`)
	editConfig(t, b, "name = \"hand\"\n", "name = \"hand\"\nrepeat = \"0s\"\n")
	must(t, b.Power(t.Context(), true))
	must(t, b.Cable(false))
	before, err := os.Stat(b.OutboxPath())
	must(t, err)
	const labels = 300
	for n := range labels {
		if n%20 == 0 { // the reader's line does not take more than the station has room for
			scanAndWait(t, b, fmt.Sprintf("CALL-M%d", n))
			continue
		}
		must(t, b.Scan(fmt.Sprintf("CALL-M%d", n)))
	}
	must(t, demo.Until(t.Context(), "every label was taken", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && s.Counts.Events["hand.scan"] == labels
	}))
	for range 5 {
		scanAndWait(t, b, "CALL-"+strings.Repeat("8", 3000))
	}
	s, err := b.Control().Snapshot(t.Context())
	must(t, err)
	if len(s.State.Calls) != 64 || s.State.Notes["hand"].Kind != station.NoteUnfit {
		t.Errorf("%d calls are open, and the last label came to %+v", len(s.State.Calls), s.State.Notes["hand"])
	}
	must(t, b.Scan("CALL-ONE-MORE"))
	must(t, demo.Until(t.Context(), "the page says it", func() bool { return strings.Contains(readPage(t, b), "The list is full: open calls") }))
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, demo.Until(t.Context(), "the call of the button is open", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && len(s.State.Calls) == 65
	}))
	metrics := getText(t, http.DefaultClient, b.Log.PageURL()+"metrics")
	found := regexp.MustCompile(`(?m)^stationd_state_bytes (\d+)$`).FindStringSubmatch(metrics)
	if found == nil {
		t.Fatal("the metrics do not say how large the state is")
	}
	if n, err := strconv.Atoi(found[1]); err != nil || n < 1000 || n > 50_000 {
		t.Errorf("each commit writes a state of %s bytes", found[1])
	}
	if page := readPage(t, b); len(page) > 200_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	after, err := os.Stat(b.OutboxPath())
	must(t, err)
	if after.Size() != before.Size() {
		t.Errorf("the outbox has grown from %d to %d bytes", before.Size(), after.Size())
	}
}
