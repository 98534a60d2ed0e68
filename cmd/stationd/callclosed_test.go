package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"stationd/internal/demo"
	"stationd/internal/plant"
	"stationd/internal/station"
)

// actInL2L does something in L2L's own user interface.
func actInL2L(t *testing.T, b *demo.Simulation, path string, form url.Values) {
	t.Helper()
	form.Set("site", fmt.Sprint(plant.Demo().Site))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		b.Plant.L2LURL()+path+"?auth="+url.QueryEscape(plant.Demo().L2LKey), strings.NewReader(form.Encode()))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(t, err)
	if !strings.Contains(string(body), `"success":true`) {
		t.Fatalf("%s: %s", path, body)
	}
}

// A press on a call that is over in L2L would call nobody.
func TestACallThatIsOverInL2LIsCalledAnewWhenItIsPressedAgain(t *testing.T) {
	t.Parallel()
	for sentence, shown := range map[string]plant.Position{
		"its rows say whether they are open":    plant.Stands,
		"its rows say a status in words":        plant.Otherwise,
		"its rows say nothing, the filter does": plant.Ignored,
	} {
		for _, end := range []string{"complete", "close"} {
			t.Run(sentence+"/"+end, func(t *testing.T) {
				t.Parallel()
				b := startStation(t, func(s *demo.Config) {
					s.Watch = 50 * time.Millisecond
					s.Plant.Assumptions = map[plant.Assumption]plant.Position{plant.RecordSaysOpen: shown}
				})
				red := func(want station.Light) {
					t.Helper()
					must(t, demo.Until(t.Context(), fmt.Sprintf("the red lamp is %v", want), func() bool {
						l, ok := b.Lamps.Light(demo.PinRed)
						return ok && l == want
					}))
				}
				pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
				must(t, b.WaitDelivered(t.Context()))
				red(station.Steady)
				actInL2L(t, b, fmt.Sprintf("dispatches/%s/%d/", end, b.Plant.Dispatches()[0].ID), url.Values{})
				red(station.Off)
				must(t, demo.Until(t.Context(), "it is called anew", func() bool {
					b.Push(demo.PinMaintenance, demo.PressTime)
					return len(b.Plant.Dispatches()) > 1
				}))
				must(t, b.WaitDelivered(t.Context()))
				red(station.Steady)
				if made := b.Plant.Dispatches(); len(made) != 2 || made[0].Open() || !made[1].Open() {
					t.Errorf("the plant has %+v", made)
				}
			})
		}
	}
}

// The technician closes it, and within the half minute before the watch looks again the
// fault is back: the lamp must not say for long that somebody is called.
func TestItIsPressedAgainRightAfterItWasClosedInL2L(t *testing.T) {
	t.Parallel()
	b := startStation(t, nil) // its watch looks once in a day
	pressAndWait(t, b, "maintenance.press", demo.PinMaintenance)
	must(t, b.WaitDelivered(t.Context()))
	actInL2L(t, b, fmt.Sprintf("dispatches/close/%d/", b.Plant.Dispatches()[0].ID), url.Values{})
	must(t, demo.Until(t.Context(), "a second press, and where the lamp goes off a third, call anew", func() bool {
		b.Push(demo.PinMaintenance, demo.PressTime)
		return len(b.Plant.Dispatches()) > 1
	}))
	must(t, b.WaitDelivered(t.Context()))
	if made := b.Plant.Dispatches(); len(made) != 2 || made[0].Open() || !made[1].Open() {
		t.Errorf("the plant has %+v", made)
	}
}
