package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/plant"
)

// Where a relay asks the vendor in the station's place, its commands show what would be sent as
// the relay would send it, and nothing is.
func TestByARelayADryRunShowsWhatTheRelayWouldSend(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleetSetting{stations: 1})
	b := f.stations[0]
	must(t, b.Power(t.Context(), true))
	scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: "0001"}.Symbol()) // a relay leads when it is traced
	for args, want := range map[string][]string{
		"l2l dispatch.open type=MAINT machine=SEAL-1 trade=MECH description=Help":        {"POST http://", "/dispatches/open/?auth=<key>\n", "description=%5Bsd-"},
		"lagerkoll article.update order=4711 article=09506000134352 finished=3":          {"# read first: GET http://", "PUT http://", "Api_key: <key>\n", `"finished":3`},
		"lagerkoll order.start order=4711":                                               {"# nothing would be sent: already so"},
		"l2l changeover.start line=PACK4 id=99 --event 9f86d081884c7d659a2feaa0c55ad015": nil,
	} {
		var out string
		var code int
		if err := demo.Until(t.Context(), args+" --dry-run is shown", func() bool {
			out, code = runCommand(t, b, append(strings.Fields(args), "--dry-run")...)
			if want == nil {
				return code == 2
			}
			return code == 0 && !slices.ContainsFunc(want, func(text string) bool { return !strings.Contains(out, text) })
		}); err != nil {
			t.Errorf("%v; it ends with %d, want %q:\n%s", err, code, want, out)
		}
		for _, key := range []string{plant.Demo().L2LKey, plant.Demo().APIKey} {
			if strings.Contains(out, key) {
				t.Errorf("%s --dry-run shows a key", args)
			}
		}
	}
	if n := len(f.plant().Dispatches()); n != 0 {
		t.Errorf("a dry run opened %d dispatches", n)
	}
}

// A picking list may be larger than what the engine takes at once.
func TestByARelayAPickingListOfAnySizeIsPrintedWhole(t *testing.T) {
	t.Parallel()
	list := append(append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("stationd"), 400<<10)...), "\n%%EOF\n"...) // over 3 MB
	f := newFleet(t, fleetSetting{stations: 1, front: func(p *plant.Plant) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/4711/pickinglist/print") {
				w.Header().Set("Content-Type", "application/pdf")
				_, _ = w.Write(list)
				return
			}
			p.Handler().ServeHTTP(w, r)
		})
	}})
	b := f.stations[0]
	office := printsLists(t, b)
	must(t, b.Power(t.Context(), true))
	must(t, demo.Until(t.Context(), "the relay hands the list over", func() bool {
		_, code := runCommand(t, b, "lagerkoll", "picking-list", "4711", "-o", filepath.Join(t.TempDir(), "list.pdf"))
		return code == 0
	}))
	scanAndWait(t, b, "LIST4711")
	must(t, demo.Until(t.Context(), "the list is printed", func() bool { return len(office.printed()) == 1 }))
	if got := office.printed()[0]; !bytes.Equal(got, list) {
		t.Errorf("%d bytes of %d are printed", len(got), len(list))
	}
	saved := filepath.Join(t.TempDir(), "list.pdf")
	must(t, demo.Until(t.Context(), "the list is saved", func() bool {
		_, code := runCommand(t, b, "lagerkoll", "picking-list", "4711", "-o", saved)
		return code == 0
	}))
	got, err := os.ReadFile(saved)
	must(t, err)
	if !bytes.Equal(got, list) {
		t.Errorf("%d bytes of %d are saved", len(got), len(list))
	}
}
