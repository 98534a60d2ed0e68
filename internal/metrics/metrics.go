// Package metrics writes the numbers of a station, or of a relay, in Prometheus' text form: how
// it stands, what was counted and how long things took since the process started, and how the
// process and the machine are.
package metrics

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"stationd/internal/station"
)

// A Station is where the numbers come from. Its functions are called by several goroutines at
// once and must not block; each but Snapshot and Stamp may be nil.
type Station struct {
	// Snapshot returns the station as it was at the last look: all of its numbers are of
	// one moment.
	Snapshot func() station.Snapshot

	// Stamp says what the clock said at a moment.
	Stamp func(time.Time) station.Stamp

	// Events are the names of the events that bindings know, and Backends the vendors: what
	// is counted by them begins at zero.
	Events   func() []string
	Backends []string

	// Timings are how long things took; nil: nothing is timed.
	Timings *Timings

	// Configuration says how the last reload went, and which configuration is in force.
	Configuration func() Configuration

	// VendorClock returns what a vendor's clock said last, and when by ours; zero times
	// while it has said nothing.
	VendorClock func(backend string) (vendor, at time.Time)

	// Measures returns what the devices counted, by family and device: "glitches",
	// "maintenance".
	Measures func() map[string]map[string]int

	// LogDropped returns how many lines were not written to the log, by why: "unread",
	// "ceiling", "repeated".
	LogDropped func() map[string]int

	// PageConnections returns how many connections to the page there are, and how many were
	// refused.
	PageConnections func() (open, refused int)

	Commit  string    // that the program was built from; "" is not known
	Data    string    // the folder of the outbox
	Started time.Time // the process
}

// A Configuration is the one in force.
type Configuration struct {
	Hash     string    // of its text
	Rejected bool      // the file has been changed since, and was not taken up
	Since    time.Time // when it came into force
}

// Handler answers with the station's numbers.
func (s Station) Handler() http.Handler { return answering(s.Text) }

// answering answers with numbers.
func answering(numbers func() []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text := numbers()
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		_, _ = w.Write(text) // a reader that has gone away needs nothing
	})
}

// Text returns the station's numbers in Prometheus' text form.
func (s Station) Text() []byte {
	now := s.Snapshot()
	out := writer{families: make(map[string]*family)}
	out.outbox(now, s.Stamp(time.Now()))
	s.counts(out, now.Counts)
	out.health(now.Health)
	for lamp, shown := range now.Lights {
		for _, light := range []station.Light{station.Off, station.Steady, station.Slow, station.Quick, station.OffDuty} {
			out.gauge("stationd_light", "1 for the light that the lamp shows.", oneIf(light == shown), "lamp", lamp, "light", light.String())
		}
	}
	out.gauge("stationd_info", "1, with the station's name and stationd's version.", 1, "station", now.Station, "version", now.Version)
	out.build(now.Version, s.Commit)
	out.gauge("stationd_open_calls", "Calls for help that are open.", float64(len(now.State.Calls)))
	if s.Timings != nil {
		out.timings(s.Timings)
	}
	if s.Configuration != nil {
		out.configuration(s.Configuration())
	}
	if s.VendorClock != nil {
		for _, name := range s.Backends {
			if vendor, at := s.VendorClock(name); !vendor.IsZero() {
				out.gauge("stationd_vendor_clock_offset_seconds", "How far the vendor's clock is ahead of this one, by the last answer.", vendor.Sub(at).Seconds(), "backend", name)
			}
		}
	}
	if s.PageConnections != nil {
		open, refused := s.PageConnections()
		out.gauge("stationd_page_connections", "Connections to the page.", float64(open))
		out.counter("stationd_page_connections_refused_total", "Connections to the page that were refused: too many.", float64(refused))
	}
	if s.Measures != nil {
		out.measures(s.Measures())
	}
	if s.LogDropped != nil {
		for why, lines := range s.LogDropped() {
			out.counter("stationd_log_dropped_total", "Lines that were not written to the log, by why.", float64(lines), "why", why)
		}
	}
	out.process(s.Started)
	machine{root: "/"}.figures(out, s.Data)
	return out.text()
}

func (n writer) outbox(s station.Snapshot, now station.Stamp) {
	n.gauge("stationd_outbox_waiting", "Entries waiting to be delivered.", float64(s.Waiting))
	n.gauge("stationd_outbox_held", "Entries on hold until a person decides.", float64(s.Held))
	n.gauge("stationd_outbox_kept", "Unknown scans kept until a person dismisses them.", float64(s.Kept))
	n.gauge("stationd_outbox_fill_ratio", "How full the outbox is: at 1 it takes no more.", s.Health.Fill)
	n.gauge("stationd_state_bytes", "Size of the values in hand and the open calls, which each event writes again.", float64(s.Bytes))
	if age, known := now.Since(s.Oldest); known || s.Waiting == 0 {
		n.gauge("stationd_outbox_oldest_waiting_seconds", "Age of the oldest waiting entry; absent while it is unknown.", age.Seconds())
	}
}

// counts adds what was counted, from zero on.
func (s Station) counts(n writer, c station.Counts) {
	events := make(map[string]int)
	if s.Events != nil {
		for _, event := range s.Events() {
			events[event] = 0
		}
	}
	maps.Copy(events, c.Events)
	for event, times := range events {
		n.counter("stationd_events_total", "Events recorded, by name.", float64(times), "event", event)
	}
	outcomes := make(map[[2]string]int)
	for _, backend := range s.Backends {
		for _, outcome := range []station.Outcome{station.Delivered, station.Refused, station.Unreached, station.Doubtful} {
			outcomes[[2]string{backend, outcome.String()}] = 0
		}
	}
	maps.Copy(outcomes, c.Outcomes)
	for of, times := range outcomes {
		n.counter("stationd_deliveries_total", "Attempts at delivery, by backend and outcome.", float64(times), "backend", of[0], "outcome", of[1])
	}
	n.counter("stationd_unknown_scans_total", "Scans that matched no binding.", float64(c.Unknown))
}

func (n writer) health(h station.Health) {
	n.gauge("stationd_storage_sound", "1 while the outbox records what is pressed.", oneIf(h.Storage == ""))
	n.gauge("stationd_clock_trusted", "1 when the clock has been set from outside since boot.", oneIf(h.Clock))
	for name, c := range h.Backends {
		n.gauge("stationd_backend_reached", "1 when the last attempt at the backend was answered.", oneIf(c.Kind != station.Untried && c.Kind != station.NoContact), "backend", name)
		for _, kind := range station.ContactKinds() {
			n.gauge("stationd_backend_contact", "1 for the state of contact with the backend.", oneIf(kind == c.Kind), "backend", name, "contact", string(kind))
		}
		for _, trouble := range station.Troubles() {
			n.gauge("stationd_backend_trouble", "1 while the backend's answers are so.", oneIf(trouble == c.Trouble), "backend", name, "trouble", string(trouble))
		}
		n.gauge("stationd_backend_paused", "1 while the backend waits for a person, as for a right key.", oneIf(c.Fault != ""), "backend", name)
	}
	for name, fault := range h.Devices {
		n.gauge("stationd_device_well", "1 while nothing is wrong with the input or lamp.", oneIf(fault == ""), "device", name)
	}
}

func (n writer) configuration(c Configuration) {
	n.gauge("stationd_config_last_reload_successful", "1 while the configuration file is the one in force; 0 when it has faults and was not taken up.", oneIf(!c.Rejected))
	n.gauge("stationd_config_last_reload_success_timestamp_seconds", "When the configuration in force was taken up.", float64(c.Since.UnixMilli())/1000)
	n.gauge("stationd_config_info", "1, with a hash of the configuration in force.", 1, "hash", c.Hash)
}

func (n writer) measures(families map[string]map[string]int) {
	for _, what := range slices.Sorted(maps.Keys(families)) {
		for device, times := range families[what] {
			n.counter("stationd_device_"+what+"_total", "Counted by the devices: "+what+".", float64(times), "device", device)
		}
	}
}
