package web

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"stationd/internal/httpserver"
	"stationd/internal/station"
)

// metrics answers with the station's numbers in Prometheus' text form, from a
// registry of their own.
func metrics(shown Station, listener *httpserver.Listener, log *slog.Logger) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{shown, listener})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelError),
		ErrorHandling: promhttp.ContinueOnError,
	})
}

// A Collector takes one snapshot for each reading, so that its numbers agree.
type collector struct {
	station  Station
	listener *httpserver.Listener
}

// Describe describes nothing: which numbers there are depends on the
// configuration.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect hands over the numbers.
func (c collector) Collect(to chan<- prometheus.Metric) {
	s := c.station.Snapshot()
	out := numbers{to}
	out.outbox(s, c.station.Stamp(time.Now()))
	out.counts(s.Counts)
	out.health(s.Health)
	for lamp, shown := range s.Lights {
		for _, light := range []station.Light{station.Off, station.Steady, station.Slow, station.Quick, station.OffDuty} {
			out.gauge("stationd_light", "1 for the light that the lamp shows.", truth(light == shown), "lamp", lamp, "light", light.String())
		}
	}
	out.gauge("stationd_info", "1, with the station's name and stationd's version.", 1, "station", s.Station, "version", s.Version)
	open, refused := c.listener.Counts()
	out.gauge("stationd_page_connections", "Connections to the page.", float64(open))
	out.counter("stationd_page_connections_refused_total", "Connections to the page that there was no place for.", refused)
	if c.station.Measures != nil {
		out.measures(c.station.Measures())
	}
	if c.station.LogDropped != nil {
		for why, lines := range c.station.LogDropped() {
			out.counter("stationd_log_dropped_total", "Lines that were not written to the log, by why.", lines, "why", why)
		}
	}
}

// Numbers are on their way to the registry.
type numbers struct{ to chan<- prometheus.Metric }

func (n numbers) outbox(s station.Snapshot, now station.Stamp) {
	n.gauge("stationd_outbox_waiting", "Entries waiting to be delivered.", float64(s.Waiting))
	n.gauge("stationd_outbox_held", "Entries held for a person.", float64(s.Held))
	n.gauge("stationd_outbox_kept", "Unknown scans kept for a person.", float64(s.Kept))
	n.gauge("stationd_outbox_fill_ratio", "How full the outbox is: at 1 it takes no more.", s.Health.Fill)
	n.gauge("stationd_state_bytes", "Size of what is in hand and open, which each event writes anew.", float64(s.Bytes))
	if age, known := now.Since(s.Oldest); known || s.Waiting == 0 {
		n.gauge("stationd_outbox_oldest_waiting_seconds", "Age of the oldest waiting entry; absent while nobody can tell.", age.Seconds())
	}
}

func (n numbers) counts(c station.Counts) {
	for event, times := range c.Events {
		n.counter("stationd_events_total", "Events recorded, by name.", times, "event", event)
	}
	for of, times := range c.Outcomes {
		n.counter("stationd_deliveries_total", "Attempts at delivery, by backend and outcome.", times, "backend", of[0], "outcome", of[1])
	}
	n.counter("stationd_unknown_scans_total", "Scans that no binding knew.", c.Unknown)
}

func (n numbers) health(h station.Health) {
	n.gauge("stationd_storage_sound", "1 while the outbox takes what is pressed.", truth(h.Storage == ""))
	n.gauge("stationd_clock_trusted", "1 when the clock has been set from outside since boot.", truth(h.Clock))
	for name, c := range h.Backends {
		n.gauge("stationd_backend_reached", "1 when the last attempt at the backend was answered.", truth(c.Kind != station.Untried && c.Kind != station.NoContact), "backend", name)
		for _, kind := range station.ContactKinds() {
			n.gauge("stationd_backend_contact", "1 for how it stands with the backend.", truth(kind == c.Kind), "backend", name, "contact", string(kind))
		}
		n.gauge("stationd_backend_paused", "1 while the backend waits for a person, as for a right key.", truth(c.Fault != ""), "backend", name)
	}
	for name, fault := range h.Devices {
		n.gauge("stationd_device_well", "1 while nothing is wrong with the input or lamp.", truth(fault == ""), "device", name)
	}
}

func (n numbers) measures(families map[string]map[string]int) {
	for _, family := range slices.Sorted(maps.Keys(families)) {
		for device, times := range families[family] {
			n.counter("stationd_device_"+family+"_total", "Counted by the devices: "+family+".", times, "device", device)
		}
	}
}

func truth(so bool) float64 {
	if so {
		return 1
	}
	return 0
}

func (n numbers) gauge(name, help string, value float64, labels ...string) {
	n.send(prometheus.GaugeValue, name, help, value, labels)
}

func (n numbers) counter(name, help string, value int, labels ...string) {
	n.send(prometheus.CounterValue, name, help, float64(value), labels)
}

// send hands over one number; labels are names and values in turn.
func (n numbers) send(kind prometheus.ValueType, name, help string, value float64, labels []string) {
	var names, values []string
	for pair := range slices.Chunk(labels, 2) {
		names, values = append(names, pair[0]), append(values, strings.ToValidUTF8(pair[1], "\ufffd"))
	}
	described := prometheus.NewDesc(name, help, names, nil)
	m, err := prometheus.NewConstMetric(described, kind, value, values...)
	if err != nil {
		m = prometheus.NewInvalidMetric(described, err)
	}
	n.to <- m
}
