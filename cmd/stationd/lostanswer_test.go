package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

func TestACallWhoseAnswerWasLostIsBeingConfirmedAndNobodySaysNoContact(t *testing.T) {
	t.Parallel()
	b := startStation(t, func(s *demo.Config) { s.Settle = 20 * time.Second })
	b.Plant.AddFault(plant.Fault{Kind: plant.Reset, Where: "POST /api/1.0/dispatches/open/", Next: 1})
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })

	must(t, demo.Until(t.Context(), "the call is being confirmed", func() bool {
		s, err := b.Control().Snapshot(t.Context())
		return err == nil && s.Health.Backends["l2l"].Kind == station.Confirming && s.Health.Backends["l2l"].Last != ""
	}))
	expectPage(t, b, "Confirming with L2L")
	if page := readPage(t, b); strings.Contains(strings.ToLower(page), "no contact") {
		t.Errorf("while the call is looked up the page says:\n%s", page)
	}
	metrics := getText(t, http.DefaultClient, b.Log.PageURL()+"metrics")
	for _, line := range []string{
		`stationd_backend_contact{backend="l2l",contact="confirming"} 1`,
		`stationd_backend_contact{backend="l2l",contact="no contact"} 0`,
		`stationd_backend_reached{backend="l2l"} 1`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics do not say %s", line)
		}
	}
}
