package web

import (
	"bytes"
	"maps"
	"math"
	"net/http"
	"slices"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"stationd/internal/operator/operatortest"
)

// Prometheus' own library reads the numbers, and writes the same text of what it has read:
// every escape, help and type, and no number twice.
func TestPrometheusReadsTheNumbers(t *testing.T) {
	t.Parallel()
	f := operatortest.Offline()
	hostile := "a \"quoted\\\" name\nof two lines, \xff {}"
	f.Shown.Health.Devices[hostile] = "it is unplugged"
	f.Shown.Counts.Events[hostile] = 12_345_678
	f.Shown.Health.Fill = math.SmallestNonzeroFloat64
	w := ask(open(t, f, "en"), http.MethodGet, "/metrics", "")
	if got := w.Header().Get("Content-Type"); expfmt.ResponseFormat(w.Header()).FormatType() != expfmt.TypeTextPlain {
		t.Errorf("the library does not know %s", got)
	}
	text := w.Body.Bytes()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(families)) {
		seen := make(map[string]bool)
		for _, m := range families[name].Metric {
			if labels := m.String(); seen[labels] {
				t.Errorf("%s is there twice: %s", name, labels)
			} else {
				seen[labels] = true
			}
		}
		if _, err := expfmt.MetricFamilyToText(&again, families[name]); err != nil {
			t.Error(err)
		}
	}
	if !bytes.Equal(again.Bytes(), text) {
		t.Errorf("the library would have written\n%s\nand not\n%s", &again, text)
	}
}
