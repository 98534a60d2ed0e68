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

// A collector takes one snapshot for each reading, so that its numbers agree.
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
	out := metricWriter{to}
	out.outbox(s, c.station.Stamp(time.Now()))
	out.counts(s.Counts)
	out.health(s.Health)
	for lamp, shown := range s.Lights {
		for _, light := range []station.Light{station.Off, station.Steady, station.Slow, station.Quick, station.OffDuty} {
			out.gauge("stationd_light", "1 for the light that the lamp shows.", oneIf(light == shown), "lamp", lamp, "light", light.String())
		}
	}
	out.gauge("stationd_info", "1, with the station's name and stationd's version.", 1, "station", s.Station, "version", s.Version)
	open, refused := c.listener.Counts()
	out.gauge("stationd_page_connections", "Connections to the page.", float64(open))
	out.counter("stationd_page_connections_refused_total", "Connections to the page that were refused: too many.", refused)
	if c.station.Measures != nil {
		out.measures(c.station.Measures())
	}
	if c.station.LogDropped != nil {
		for why, lines := range c.station.LogDropped() {
			out.counter("stationd_log_dropped_total", "Lines that were not written to the log, by why.", lines, "why", why)
		}
	}
}

// A metricWriter hands metrics to the registry.
type metricWriter struct{ to chan<- prometheus.Metric }

func (n metricWriter) outbox(s station.Snapshot, now station.Stamp) {
	n.gauge("stationd_outbox_waiting", "Entries waiting to be delivered.", float64(s.Waiting))
	n.gauge("stationd_outbox_held", "Entries on hold until a person decides.", float64(s.Held))
	n.gauge("stationd_outbox_kept", "Unknown scans kept until a person dismisses them.", float64(s.Kept))
	n.gauge("stationd_outbox_fill_ratio", "How full the outbox is: at 1 it takes no more.", s.Health.Fill)
	n.gauge("stationd_state_bytes", "Size of the values in hand and the open calls, which each event writes again.", float64(s.Bytes))
	if age, known := now.Since(s.Oldest); known || s.Waiting == 0 {
		n.gauge("stationd_outbox_oldest_waiting_seconds", "Age of the oldest waiting entry; absent while it is unknown.", age.Seconds())
	}
}

func (n metricWriter) counts(c station.Counts) {
	for event, times := range c.Events {
		n.counter("stationd_events_total", "Events recorded, by name.", times, "event", event)
	}
	for of, times := range c.Outcomes {
		n.counter("stationd_deliveries_total", "Attempts at delivery, by backend and outcome.", times, "backend", of[0], "outcome", of[1])
	}
	n.counter("stationd_unknown_scans_total", "Scans that matched no binding.", c.Unknown)
}

func (n metricWriter) health(h station.Health) {
	n.gauge("stationd_storage_sound", "1 while the outbox records what is pressed.", oneIf(h.Storage == ""))
	n.gauge("stationd_clock_trusted", "1 when the clock has been set from outside since boot.", oneIf(h.Clock))
	for name, c := range h.Backends {
		n.gauge("stationd_backend_reached", "1 when the last attempt at the backend was answered.", oneIf(c.Kind != station.Untried && c.Kind != station.NoContact), "backend", name)
		for _, kind := range station.ContactKinds() {
			n.gauge("stationd_backend_contact", "1 for the state of contact with the backend.", oneIf(kind == c.Kind), "backend", name, "contact", string(kind))
		}
		n.gauge("stationd_backend_paused", "1 while the backend waits for a person, as for a right key.", oneIf(c.Fault != ""), "backend", name)
	}
	for name, fault := range h.Devices {
		n.gauge("stationd_device_well", "1 while nothing is wrong with the input or lamp.", oneIf(fault == ""), "device", name)
	}
}

func (n metricWriter) measures(families map[string]map[string]int) {
	for _, family := range slices.Sorted(maps.Keys(families)) {
		for device, times := range families[family] {
			n.counter("stationd_device_"+family+"_total", "Counted by the devices: "+family+".", times, "device", device)
		}
	}
}

func oneIf(so bool) float64 {
	if so {
		return 1
	}
	return 0
}

func (n metricWriter) gauge(name, help string, value float64, labels ...string) {
	n.send(prometheus.GaugeValue, name, help, value, labels)
}

func (n metricWriter) counter(name, help string, value int, labels ...string) {
	n.send(prometheus.CounterValue, name, help, float64(value), labels)
}

// send hands over one number; labels are names and values in turn.
func (n metricWriter) send(kind prometheus.ValueType, name, help string, value float64, labels []string) {
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
