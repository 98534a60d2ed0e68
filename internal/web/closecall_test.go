package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

// maint is the call that every station in memory has open.
const maint = "00000000000000000000000000000001.1"

func TestAPersonClosesACallOnThePage(t *testing.T) {
	t.Parallel()
	t.Run("from the station's own screen", func(t *testing.T) {
		t.Parallel()
		f := operatortest.Quiet()
		if w := ask(open(t, f, "en"), http.MethodPost, "/close", url.Values{"entry": {maint}}.Encode()); w.Code != http.StatusSeeOther {
			t.Errorf("the answer is %d: %s", w.Code, w.Body)
		}
		events := f.Events()
		if len(events) != 1 || events[0].Source != station.FromPage || events[0].Kind != station.Close || events[0].Data["entry"] != maint || events[0].Data["by"] == "" {
			t.Errorf("recorded: %+v", events)
		}
		if page := ask(open(t, f, "en"), http.MethodGet, "/", "").Body.String(); strings.Contains(page, `action="/close"`) {
			t.Error("the page still offers to close it")
		}
	})
	t.Run("but not from elsewhere", func(t *testing.T) {
		t.Parallel()
		f := operatortest.Quiet()
		w := ask(open(t, f, "sv"), http.MethodPost, "/close", "entry="+maint, func(r *http.Request) { r.RemoteAddr = "192.0.2.7:1" })
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "Beslut tas på stationens skärm") || len(f.Events()) > 0 {
			t.Errorf("the answer is %d, recorded %v", w.Code, f.Events())
		}
	})
}
