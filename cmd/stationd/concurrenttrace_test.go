package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/plant"
)

// Another station reports on the order between the two reads of this station's look,
// and then this station's own request never arrives: it is sent again, and nobody asked.
func TestAnotherStationReportsWhileThisOneLooks(t *testing.T) {
	t.Parallel()
	var shared struct {
		sync.Mutex // guards plant
		plant      *plant.Plant
	}
	var once sync.Once
	b := newStation(t, func(s *demo.Config) {
		s.Plant.Observe = func(r *http.Request, _ []byte, _ int, _ http.Header, _ []byte) {
			if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/4711") {
				return
			}
			once.Do(func() {
				shared.Lock()
				defer shared.Unlock()
				theirs := httptest.NewRequest(http.MethodPut, r.URL.Path+"/article/"+demo.Soup,
					strings.NewReader(`{"articleId":"`+demo.Soup+`","amount":2,"batch":"B7","serial":"THEIRS"}`))
				theirs.Header = r.Header.Clone()
				theirs.Header.Set("Content-Type", "application/json")
				shared.plant.Handler().ServeHTTP(httptest.NewRecorder(), theirs)
				shared.plant.AddFault(plant.Fault{Kind: plant.Reset, Where: "PUT *", Next: 1})
			})
		}
	})
	shared.Lock()
	shared.plant = b.Plant
	shared.Unlock()
	must(t, b.Power(t.Context(), true))
	scanAndWait(t, b, "PO4711")
	scanAndWait(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: "OURS"}.Symbol())
	must(t, demo.Until(t.Context(), "nothing waits, and nothing is held", func() bool {
		c, err := b.Contents(t.Context())
		return err == nil && len(c.Entries) == 0
	}))
	var serials []string
	for _, tr := range b.Plant.Traces() {
		serials = append(serials, tr.Serial)
	}
	if !slices.Equal(serials, []string{"THEIRS", "OURS"}) {
		t.Errorf("the plant has the traces %q", serials)
	}
}
