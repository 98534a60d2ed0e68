package metrics

import (
	"net/http"
	"time"

	"stationd/internal/relay"
)

// A Relay is where the numbers of a plant's relay come from.
type Relay struct {
	Numbers func() relay.Numbers // called by several goroutines at once; it must not block
	Version string
	Commit  string    // that the program was built from; "" is not known
	Started time.Time // the process
}

// Handler answers with the relay's numbers.
func (r Relay) Handler() http.Handler { return answering(r.Text) }

// Text returns the relay's numbers in Prometheus' text form.
func (r Relay) Text() []byte {
	now := r.Numbers()
	out := writer{families: make(map[string]*family)}
	out.gauge("stationd_relay_info", "1, with the relay's name and stationd's version.", 1, "relay", now.Relay, "version", r.Version)
	out.gauge("stationd_relay_engine_connected", "1 while the engine is reached.", oneIf(now.Connected))
	out.gauge("stationd_relay_leads", "1 while this relay has the lease.", oneIf(now.Leads))
	out.counter("stationd_relay_terms_total", "Terms that this relay began.", float64(now.Terms))
	out.gauge("stationd_relay_stations", "Stations that asked for something within the last five minutes.", float64(now.Stations))
	for name, v := range now.Vendors {
		out.gauge("stationd_relay_waiting", "Asks that wait for their turn at the backend.", float64(v.Waiting), "backend", name)
		out.counter("stationd_relay_refused_total", "Asks that were not carried out.", float64(v.Refused), "backend", name)
		out.counter("stationd_relay_requests_total", "Requests to the backend, of whatever kind: what the account is used.", float64(v.Requests), "backend", name)
		for outcome, times := range v.Attempts {
			out.counter("stationd_relay_deliveries_total", "Attempts at delivery, by backend and outcome.", float64(times), "backend", name, "outcome", outcome.String())
		}
	}
	out.build(r.Version, r.Commit)
	out.process(r.Started)
	return out.text()
}
