package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"stationd/internal/demo"
	"stationd/internal/metrics"
	"stationd/internal/plant"
	"stationd/internal/relay"
	"stationd/internal/station"
)

// startMetricsStation returns a station that runs and answers with its numbers at an address
// of their own, and that address.
func startMetricsStation(t *testing.T) (b *demo.Simulation, url string) {
	t.Helper()
	b = newAlertStation(t, "\n[metrics]\nlisten = \"127.0.0.1:0\"\n")
	must(t, b.Power(t.Context(), true))
	must(t, demo.Until(t.Context(), "the metrics are open", func() bool {
		found := regexp.MustCompile(`"metrics":"(127\.0\.0\.1:\d+)"`).FindStringSubmatch(readLog(t, b))
		if found != nil {
			url = "http://" + found[1] + "/metrics"
		}
		return found != nil
	}))
	return b, url
}

// readMetric returns a number by its name and labels as they are written; -1 where it is not
// there.
func readMetric(t *testing.T, url, name string) float64 {
	t.Helper()
	for line := range strings.Lines(getText(t, http.DefaultClient, url)) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			must(t, err)
			return n
		}
	}
	return -1
}

func TestTheNumbersTellHowLongAPressTookToTheDiskAndToTheVendor(t *testing.T) {
	t.Parallel()
	b, url := startMetricsStation(t)
	for _, name := range []string{
		`stationd_events_total{event="maintenance.press"}`, `stationd_record_duration_seconds_count{input="button"}`,
		`stationd_delivery_duration_seconds_count{backend="l2l"}`, `stationd_rate_limited_total{backend="l2l"}`,
	} {
		if n := readMetric(t, url, name); n != 0 {
			t.Errorf("before the first press %s is %v", name, n)
		}
	}
	b.Plant.AddFault(plant.Fault{Kind: plant.TooMany, Where: "POST *dispatches/open/", Next: 1})
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	scanAndWait(t, b, "PO4711")
	must(t, b.WaitDelivered(t.Context()))
	must(t, demo.Until(t.Context(), "a look shows it", func() bool {
		return readMetric(t, url, `stationd_deliveries_total{backend="l2l",outcome="delivered"}`) == 1
	}))
	for name, want := range map[string]float64{
		`stationd_record_duration_seconds_count{input="button"}`:                      1,
		`stationd_record_duration_seconds_count{input="scanner"}`:                     1,
		`stationd_record_duration_seconds_bucket{input="button",le="+Inf"}`:           1,
		`stationd_record_duration_seconds_bucket{input="button",le="0.025"}`:          0, // its debounce takes longer
		`stationd_delivery_duration_seconds_count{backend="l2l"}`:                     1,
		`stationd_request_duration_seconds_count{backend="l2l",verb="dispatch.open"}`: 2,
		`stationd_rate_limited_total{backend="l2l"}`:                                  1,
		`stationd_config_last_reload_successful`:                                      1,
		`stationd_open_calls`:                                                         1,
	} {
		must(t, demo.Until(t.Context(), fmt.Sprint(name, " is ", want), func() bool { return readMetric(t, url, name) == want }))
	}
	if readMetric(t, url, `stationd_backend_last_success_timestamp_seconds{backend="l2l"}`) < 1e9 {
		t.Error("nobody knows when L2L last did what it was asked")
	}
	page := getText(t, http.DefaultClient, b.Log.PageURL()+"metrics")
	socket := getText(t, &http.Client{Transport: socketTransport(b.SocketPath())}, "http://stationd.invalid/metrics")
	for where, text := range map[string]string{"the page": page, "the control socket": socket} {
		if !strings.Contains(text, "\nstationd_rate_limited_total{backend=\"l2l\"} 1\n") {
			t.Errorf("%s has other numbers", where)
		}
	}
}

func TestTheNumbersTellThatAReloadWasRejected(t *testing.T) {
	t.Parallel()
	b, url := startMetricsStation(t)
	hash := func() string {
		return regexp.MustCompile(`stationd_config_info\{hash="([0-9a-f]+)"\}`).FindString(getText(t, http.DefaultClient, url))
	}
	first, since := hash(), readMetric(t, url, "stationd_config_last_reload_success_timestamp_seconds")
	const calls = `description = "Help needed at {station}"`
	editConfig(t, b, calls, `description = "Hurry", colour = "red"`)
	reloadStation(t, b, heardStays)
	if n := readMetric(t, url, "stationd_config_last_reload_successful"); n != 0 || hash() != first {
		t.Errorf("after a reload that was rejected it is %v, with %s", n, hash())
	}
	editConfig(t, b, `, colour = "red"`, "")
	reloadStation(t, b, heardReload)
	if n := readMetric(t, url, "stationd_config_last_reload_successful"); n != 1 || hash() == first || hash() == "" {
		t.Errorf("after a reload it is %v, with %s and %s before", n, hash(), first)
	}
	if now := readMetric(t, url, "stationd_config_last_reload_success_timestamp_seconds"); now <= since {
		t.Errorf("it was taken up at %v, and %v before", now, since)
	}
}

// A family of numbers, and where it is written of: Prometheus' rules, the dashboard and the
// document name what there is, and nothing else.
func TestTheDocumentTheRulesAndTheDashboardNameTheNumbersThatThereAre(t *testing.T) {
	t.Parallel()
	b, url := startMetricsStation(t)
	waitRecorded(t, b, "maintenance.press", func() { b.Push(demo.PinMaintenance, demo.PressTime) })
	must(t, b.WaitDelivered(t.Context()))
	there := make(map[string]string) // the kind
	for _, found := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(getText(t, http.DefaultClient, url), -1) {
		there[found[1]] = found[2]
	}
	// What this computer may lack, a station has.
	for _, name := range []string{"stationd_temperature_celsius", "stationd_undervoltage", "stationd_data_errors", "stationd_vendor_clock_offset_seconds",
		"stationd_clock_offset_seconds", "stationd_clock_error_seconds", "stationd_outbox_oldest_waiting_seconds"} {
		there[name] = "gauge"
	}
	for _, name := range []string{"stationd_device_printed_total", "stationd_device_not_printed_total"} {
		there[name] = "counter"
	}
	// A relay has these, and what every process has.
	ofRelay := metrics.Relay{Numbers: func() relay.Numbers {
		return relay.Numbers{Vendors: map[string]relay.VendorNumbers{"l2l": {Attempts: map[station.Outcome]int{station.Delivered: 1}}}}
	}}.Text()
	for _, found := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(string(ofRelay), -1) {
		there[found[1]] = found[2]
	}
	family := func(name string) string {
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			if whole, is := strings.CutSuffix(name, part); is && there[whole] == "histogram" {
				return whole
			}
		}
		return name
	}
	text := make(map[string]string)
	for _, path := range []string{"docs/metrics.md", "deploy/monitoring/stationd.rules.yml", "deploy/monitoring/stationd.dashboard.json"} {
		all, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(path)))
		must(t, err)
		text[path] = string(all)
		named := regexp.MustCompile(`\b(?:stationd|process|go)_[a-z_]+[a-z]\b`).FindAllString(string(all), -1)
		for _, name := range named {
			if there[family(name)] == "" && name != "stationd_device_" {
				t.Errorf("%s names %s, which there is not", path, name)
			}
		}
		if len(named) < 10 {
			t.Errorf("%s names only %d numbers: there was nothing to prove", path, len(named))
		}
	}
	for name := range there {
		if !strings.Contains(text["docs/metrics.md"], fmt.Sprintf("`%s`", name)) {
			t.Errorf("docs/metrics.md has no %s", name)
		}
	}
}
