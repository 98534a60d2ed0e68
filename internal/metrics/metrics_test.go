package metrics

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"stationd/internal/operator/operatortest"
	"stationd/internal/station"
)

// everything is a station of which all numbers are known.
func everything(f *operatortest.Station) Station {
	timings := NewTimings(map[string][]string{"l2l": {"dispatch.open"}, "lagerkoll": {"article.trace"}})
	timings.Recorded(Buttons, 43*time.Millisecond)
	timings.Delivered("l2l", 12*time.Second)
	timings.Requested("l2l", "dispatch.open", 180*time.Millisecond, true, false)
	timings.Requested("lagerkoll", "article.trace", 5*time.Hour, false, true)
	timings.Requested("lagerkoll", "something else", -time.Second, false, true)
	return Station{
		Snapshot: f.Snapshot, Stamp: f.Stamp, Timings: timings,
		Events:        func() []string { return []string{"maintenance.press", "maintenance.hold"} },
		Backends:      []string{"l2l", "lagerkoll"},
		Configuration: func() Configuration { return Configuration{Hash: "91ab7f3c", Since: time.Now()} },
		VendorClock:   func(string) (vendor, at time.Time) { return time.Unix(1_700_000_003, 0), time.Unix(1_700_000_000, 0) },
		Measures: func() map[string]map[string]int {
			return map[string]map[string]int{"glitches": {"maintenance": 3}, "repeats": {}}
		},
		LogDropped:      func() map[string]int { return map[string]int{"unread": 0} },
		PageConnections: func() (open, refused int) { return 2, 1 },
		Commit:          "7f3c91ab", Data: os.TempDir(), Started: time.Now(),
	}
}

// read reads numbers as Prometheus does.
func read(t *testing.T, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return families
}

// Prometheus' own library reads the numbers, and writes the same text of what it has read:
// every escape, help and type, and no number twice.
func TestPrometheusReadsTheNumbers(t *testing.T) {
	t.Parallel()
	f := operatortest.Offline()
	hostile := "a \"quoted\\\" name\nof two lines, \xff {}"
	f.Shown.Health.Devices[hostile] = "it is unplugged"
	f.Shown.Counts.Events[hostile] = 12_345_678
	f.Shown.Health.Fill = math.SmallestNonzeroFloat64
	w := httptest.NewRecorder()
	everything(f).Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if got := w.Header().Get("Content-Type"); expfmt.ResponseFormat(w.Header()).FormatType() != expfmt.TypeTextPlain {
		t.Errorf("the library does not know %s", got)
	}
	text := w.Body.Bytes()
	families := read(t, text)
	var again bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(families)) {
		seen := make(map[string]bool)
		for _, m := range families[name].Metric {
			labels := new(strings.Builder)
			for _, l := range m.Label {
				labels.WriteString(l.String())
			}
			if seen[labels.String()] {
				t.Errorf("%s is there twice: %s", name, labels)
			}
			seen[labels.String()] = true
		}
		if _, err := expfmt.MetricFamilyToText(&again, families[name]); err != nil {
			t.Error(err)
		}
	}
	if !bytes.Equal(again.Bytes(), text) {
		t.Errorf("the library would have written\n%s\nand not\n%s", &again, text)
	}
}

func TestTheNamesFollowThoseOfPrometheus(t *testing.T) {
	t.Parallel()
	for name, f := range read(t, everything(operatortest.Offline()).Text()) {
		counter := strings.HasSuffix(name, "_total")
		switch kind := f.GetType(); {
		case counter != (kind == dto.MetricType_COUNTER):
			t.Errorf("%s is a %v", name, kind)
		case kind == dto.MetricType_HISTOGRAM && !strings.HasSuffix(name, "_seconds"):
			t.Errorf("%s has no unit", name)
		case strings.HasSuffix(name, "_count"), strings.HasSuffix(name, "_sum"), strings.HasSuffix(name, "_bucket"):
			t.Errorf("%s ends as a part of a histogram", name)
		case !strings.HasSuffix(f.GetHelp(), "."):
			t.Errorf("the help of %s is no sentence: %s", name, f.GetHelp())
		}
		for _, m := range f.Metric {
			for _, l := range m.Label {
				if l.GetName() == "le" || l.GetName() == "job" || l.GetName() == "instance" {
					t.Errorf("%s has a label %s of Prometheus' own", name, l.GetName())
				}
			}
		}
	}
}

// A rate of a counter that is not there before its first event misses that one.
func TestWhatIsCountedBeginsAtZero(t *testing.T) {
	t.Parallel()
	f := operatortest.Quiet()
	f.Shown.Counts = station.Counts{}
	s := everything(f)
	s.Timings = NewTimings(map[string][]string{"l2l": nil, "lagerkoll": nil})
	text := string(s.Text())
	for _, want := range []string{
		`stationd_events_total{event="maintenance.hold"} 0`,
		`stationd_deliveries_total{backend="l2l",outcome="refused"} 0`,
		`stationd_deliveries_total{backend="lagerkoll",outcome="doubtful"} 0`,
		`stationd_unknown_scans_total 0`,
		`stationd_rate_limited_total{backend="l2l"} 0`,
		`stationd_record_duration_seconds_count{input="button"} 0`,
		`stationd_record_duration_seconds_count{input="scanner"} 0`,
		`stationd_delivery_duration_seconds_count{backend="lagerkoll"} 0`,
		`stationd_request_duration_seconds_count{backend="l2l",verb="probe"} 0`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("there is no %s before the first", want)
		}
	}
	if strings.Contains(text, "last_success") {
		t.Error("a success is told before there was one")
	}
}

func TestAHistogramCountsUpToAndWithItsBounds(t *testing.T) {
	t.Parallel()
	h := newHistogram(milliseconds(10, 100))
	for _, d := range []time.Duration{-time.Second, 0, 10 * time.Millisecond, 11 * time.Millisecond, 100 * time.Millisecond, time.Hour} {
		h.Observe(d)
	}
	counts, sum := h.read()
	if want := time.Hour + 121*time.Millisecond; !slices.Equal(counts, []uint64{3, 2, 1}) || sum != want {
		t.Errorf("%v and %v, want 3 2 1 and %v", counts, sum, want)
	}
	for _, bounds := range [][]time.Duration{recordBounds(), requestBounds(), deliveryBounds()} {
		if !slices.IsSorted(bounds) {
			t.Errorf("%v is not ascending", bounds)
		}
	}
}

// No name that comes from elsewhere makes a label: what is not known is counted together.
func TestAVerbThatNobodyKnowsIsAnother(t *testing.T) {
	t.Parallel()
	timings := NewTimings(map[string][]string{"l2l": {"dispatch.open"}})
	for _, verb := range []string{"dispatch.open", "one", "two", "three"} {
		timings.Requested("l2l", verb, time.Second, true, false)
		timings.Requested("no such vendor", verb, time.Second, true, false)
	}
	timings.Delivered("no such vendor", time.Second)
	timings.Recorded("no such input", time.Second)
	out := writer{families: make(map[string]*family)}
	out.timings(timings)
	text := string(out.text())
	if !strings.Contains(text, `verb="other"} 3`) || strings.Contains(text, `"one"`) || strings.Contains(text, "no such") {
		t.Errorf("the numbers are\n%s", text)
	}
}

// A press is timed on its way to the disk: that must cost it nothing.
func TestTimingAPressAllocatesNothing(t *testing.T) { // not beside others: they allocate
	timings := NewTimings(nil)
	if n := testing.AllocsPerRun(1000, func() { timings.Recorded(Buttons, 40*time.Millisecond) }); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
}

func BenchmarkRecorded(b *testing.B) {
	timings := NewTimings(nil)
	for b.Loop() {
		timings.Recorded(Buttons, 43*time.Millisecond)
	}
}

func TestTheMachineShowsItsTemperatureAndItsSupply(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for path, text := range map[string]string{
		"sys/class/thermal/thermal_zone0/temp":    "48312\n",
		"sys/class/thermal/thermal_zone0/type":    "cpu-thermal\n",
		"sys/class/thermal/thermal_zone1/type":    "without a temperature\n",
		"sys/class/hwmon/hwmon0/name":             "cpu_thermal\n",
		"sys/class/hwmon/hwmon1/name":             "rpi_volt\n",
		"sys/class/hwmon/hwmon1/in0_lcrit_alarm":  "1\n",
		"sys/class/hwmon/hwmon2/in0_lcrit_alarm":  "1\n",
		"sys/class/thermal/thermal_zone2/temp":    "not a number",
		"sys/class/thermal/thermal_zone2/type":    "broken",
		"sys/class/thermal/thermal_zone3/nothing": "",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := writer{families: make(map[string]*family)}
	machine{root}.figures(out, "")
	text := string(out.text())
	for _, want := range []string{
		"stationd_temperature_celsius{zone=\"thermal_zone0\",type=\"cpu-thermal\"} 48.312\n",
		"stationd_undervoltage 1\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	if n := strings.Count(text, "\nstationd_temperature"); n != 1 {
		t.Errorf("%d temperatures in\n%s", n, text)
	}
}

func TestTheNumbersAreAnsweredAtAnAddressOfTheirOwnAndNothingElseIs(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	s, err := Open("127.0.0.1:0", everything(operatortest.Quiet()).Handler(), log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	if _, err := Open(s.Addr().String(), Station{}.Handler(), log); err == nil || !strings.Contains(err.Error(), "change listen in [metrics]") {
		t.Errorf("a second one there is answered: %v", err)
	}
	for _, c := range []struct {
		method, path, host string
		want               int
	}{
		{http.MethodGet, "/metrics", "", http.StatusOK},
		{http.MethodGet, "/metrics", "pack4-1.plant.example:9420", http.StatusOK},
		{http.MethodGet, "/", "", http.StatusNotFound},
		{http.MethodGet, "/events", "", http.StatusNotFound},
		{http.MethodPost, "/metrics", "", http.StatusMethodNotAllowed},
		{http.MethodPost, "/discard", "", http.StatusNotFound},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+s.Addr().String()+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.host != "" {
			r.Host = c.host
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != c.want || err != nil {
			t.Errorf("%s %s is answered %d, %v, want %d", c.method, c.path, answer.StatusCode, err, c.want)
		}
		if c.want == http.StatusOK && len(read(t, text)) < 40 {
			t.Errorf("only these numbers are answered:\n%s", text)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTheNumbers(t *testing.T) {
	t.Parallel()
	f := operatortest.Offline()
	f.Shown.Health.Devices["hand"] = "it is unplugged"
	f.Shown.Counts.Events["bad\xff.scan"] = 1
	got := string(everything(f).Text())
	for _, line := range []string{
		`stationd_outbox_waiting 7`,
		`stationd_outbox_held 0`,
		`stationd_outbox_kept 0`,
		`stationd_outbox_fill_ratio 0.004`,
		`stationd_outbox_oldest_waiting_seconds 540`,
		`stationd_events_total{event="hand.scan"} 19`,
		`stationd_events_total{event="bad` + "\ufffd" + `.scan"} 1`,
		`stationd_deliveries_total{backend="l2l",outcome="unreached"} 2`,
		`stationd_deliveries_total{backend="lagerkoll",outcome="refused"} 1`,
		`stationd_unknown_scans_total 1`,
		`stationd_storage_sound 1`,
		`stationd_clock_trusted 1`,
		`stationd_backend_reached{backend="l2l"} 0`,
		`stationd_backend_paused{backend="l2l"} 0`,
		`stationd_device_well{device="hand"} 0`,
		`stationd_device_well{device="red"} 1`,
		`stationd_light{lamp="red",light="slow"} 1`,
		`stationd_light{lamp="red",light="quick"} 0`,
		`stationd_device_glitches_total{device="maintenance"} 3`,
		`stationd_vendor_clock_offset_seconds{backend="l2l"} 3`,
		`stationd_page_connections 2`,
		`stationd_rate_limited_total{backend="lagerkoll"} 2`,
		`stationd_info{station="pack4-1",version="1.0.0"} 1`,
	} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("missing: %s", line)
		}
	}
}

func TestAnAgeThatNobodyKnowsIsNoNumber(t *testing.T) {
	t.Parallel()
	f := operatortest.Offline()
	f.Shown.Oldest = station.Stamp{Boot: "b0"}
	if strings.Contains(string(everything(f).Text()), "oldest_waiting") {
		t.Error("an unknown age is told as a number")
	}
	if !strings.Contains(string(everything(operatortest.Quiet()).Text()), "stationd_outbox_oldest_waiting_seconds 0\n") {
		t.Error("with nothing waiting the age is not 0")
	}
}
