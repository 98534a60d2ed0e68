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
	var box struct {
		sync.Mutex
		plant *plant.Plant
	}
	var once sync.Once
	b := dark(t, func(s *demo.Config) {
		s.Plant.Observe = func(r *http.Request, _ []byte, _ int, _ http.Header, _ []byte) {
			if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/4711") {
				return
			}
			once.Do(func() {
				box.Lock()
				defer box.Unlock()
				theirs := httptest.NewRequest(http.MethodPut, r.URL.Path+"/article/"+demo.Soup,
					strings.NewReader(`{"articleId":"`+demo.Soup+`","amount":2,"batch":"B7","serial":"THEIRS"}`))
				theirs.Header = r.Header.Clone()
				theirs.Header.Set("Content-Type", "application/json")
				box.plant.Handler().ServeHTTP(httptest.NewRecorder(), theirs)
				box.plant.AddFault(plant.Fault{Kind: plant.Reset, Where: "PUT *", Next: 1})
			})
		}
	})
	box.Lock()
	box.plant = b.Plant
	box.Unlock()
	must(t, b.Power(t.Context(), true))
	scanned(t, b, "PO4711")
	scanned(t, b, demo.Part{Article: demo.Soup, Batch: "B7", Serial: "OURS"}.Symbol())
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
