package web

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"stationd/internal/httpserver"
	"stationd/internal/station"
)

// metricsType is the media type of Prometheus' text form, version 0.0.4:
// prometheus.io/docs/instrumenting/exposition_formats. Its client library is an eighth of
// the program; a test reads what is written here with the library's own parser.
const metricsType = "text/plain; version=0.0.4; charset=utf-8"

// metrics answers with the station's numbers. All of them are from one snapshot, so that
// they agree.
func metrics(shown Station, listener *httpserver.Listener) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text := metricsText(shown, listener)
		w.Header().Set("Content-Type", metricsType)
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		_, _ = w.Write(text) // a reader that has gone away needs nothing
	})
}

// metricsText returns the station's numbers in Prometheus' text form.
func metricsText(shown Station, listener *httpserver.Listener) []byte {
	s := shown.Snapshot()
	out := metricWriter{families: make(map[string]*metricFamily)}
	out.outbox(s, shown.Stamp(time.Now()))
	out.counts(s.Counts)
	out.health(s.Health)
	for lamp, shown := range s.Lights {
		for _, light := range []station.Light{station.Off, station.Steady, station.Slow, station.Quick, station.OffDuty} {
			out.gauge("stationd_light", "1 for the light that the lamp shows.", oneIf(light == shown), "lamp", lamp, "light", light.String())
		}
	}
	out.gauge("stationd_info", "1, with the station's name and stationd's version.", 1, "station", s.Station, "version", s.Version)
	open, refused := listener.Counts()
	out.gauge("stationd_page_connections", "Connections to the page.", float64(open))
	out.counter("stationd_page_connections_refused_total", "Connections to the page that were refused: too many.", refused)
	if shown.Measures != nil {
		out.measures(shown.Measures())
	}
	if shown.LogDropped != nil {
		for why, lines := range shown.LogDropped() {
			out.counter("stationd_log_dropped_total", "Lines that were not written to the log, by why.", lines, "why", why)
		}
	}
	return out.text()
}

// A metricWriter gathers numbers, which come in any order, by their names.
type metricWriter struct{ families map[string]*metricFamily }

// A metricFamily is all numbers of one name.
type metricFamily struct {
	help, kind string
	samples    []string // {device="hand"} 3
}

// text returns what was gathered, in the order of the names.
func (n metricWriter) text() []byte {
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(n.families)) {
		f := n.families[name]
		out.WriteString("# HELP " + name + " " + f.help + "\n# TYPE " + name + " " + f.kind + "\n")
		slices.Sort(f.samples)
		for _, sample := range f.samples {
			out.WriteString(name + sample + "\n")
		}
	}
	return out.Bytes()
}

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
	n.add("gauge", name, help, value, labels)
}

func (n metricWriter) counter(name, help string, value int, labels ...string) {
	n.add("counter", name, help, float64(value), labels)
}

// inLabel escapes a label's value.
var inLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`) //nolint:gochecknoglobals // never changes

// add adds one number; labels are names and values in turn.
func (n metricWriter) add(kind, name, help string, value float64, labels []string) {
	f := n.families[name]
	if f == nil {
		f = &metricFamily{help: help, kind: kind}
		n.families[name] = f
	}
	var sample strings.Builder
	between := "{"
	for pair := range slices.Chunk(labels, 2) {
		sample.WriteString(between + pair[0] + `="` + inLabel.Replace(strings.ToValidUTF8(pair[1], "\ufffd")) + `"`)
		between = ","
	}
	if len(labels) > 0 {
		sample.WriteString("}")
	}
	sample.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64))
	f.samples = append(f.samples, sample.String())
}
