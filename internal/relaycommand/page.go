package relaycommand

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"

	"stationd/internal/api"
	"stationd/internal/certificate"
	"stationd/internal/fleet"
	"stationd/internal/metrics"
	"stationd/internal/plan"
	"stationd/internal/relay"
	"stationd/internal/version"
	"stationd/internal/web"
)

// openRetry is the wait between two tries to open the page or the metrics.
const openRetry = 5 * time.Second

// A listening is the page or the metrics, which answer until ctx is done.
type listening interface {
	Addr() net.Addr
	Run(ctx context.Context) error
}

// keepOpen opens the page or the metrics, and keeps them open until ctx is done. The relay goes
// on without them, where their port is another's.
func keepOpen(ctx context.Context, key string, open func() (listening, error), log *slog.Logger) {
	for {
		l, err := open()
		if err == nil {
			log.Info("the plant is shown", key, l.Addr().String())
			err = l.Run(ctx)
		}
		if err != nil {
			log.Error("the plant is not shown", "by", key, "error", err)
		}
		wait := time.NewTimer(openRetry)
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
	}
}

// keepPage shows the stations of the plant until ctx is done.
func keepPage(ctx context.Context, p *plan.RelayPlan, r *relay.Relay, log *slog.Logger) {
	keepOpen(ctx, "page", func() (listening, error) {
		return web.OpenFleet(p.Web.Address(), web.FleetShown{
			Name: p.Table.Name, Stations: func(ctx context.Context) ([]fleet.Seen, error) { return stations(ctx, p, r) },
			Language: p.Web.Language, Zone: p.Zone, Hosts: p.Web.Hosts, TLS: pageTLS(p, log), Token: pageToken(p),
		}, log)
	}, log)
}

// keepMetrics tells the relay's numbers until ctx is done.
func keepMetrics(ctx context.Context, p *plan.RelayPlan, r *relay.Relay, started time.Time, log *slog.Logger) {
	commit, _ := version.Commit() // "" is not known
	numbers := metrics.Relay{Numbers: r.Numbers, Version: version.Current(), Commit: commit, Started: started}
	keepOpen(ctx, "metrics", func() (listening, error) { return metrics.Open(p.Metrics.Listen, numbers.Handler(), log) }, log)
}

// stations are all stations of the plant as the engine knows them, in the order of what a
// person should see to first.
func stations(ctx context.Context, p *plan.RelayPlan, r *relay.Relay) ([]fleet.Seen, error) {
	kept, err := r.Statuses(ctx)
	if err != nil {
		return nil, err
	}
	revoked := r.Revoked()
	var all []fleet.Seen
	for _, k := range kept {
		s := fleet.Read(k.Station, k.Text, k.At, k.Age)
		if by, is := revoked[k.Station]; is {
			s.Refused = fmt.Sprintf("%s, %s", by.By, by.At.In(p.Zone).Format("2006-01-02 15:04"))
		}
		all = append(all, s)
	}
	fleet.Order(all)
	return all, nil
}

// pageTLS is how the page is encrypted for other machines; nil where it is not.
func pageTLS(p *plan.RelayPlan, log *slog.Logger) *tls.Config {
	if !p.Web.TLS {
		return nil
	}
	return certificate.Own(p.Web.Certificate, p.Web.Key).Config(func(err error) { log.Error("another machine does not see the page", "error", err) },
		func(*tls.Certificate, string) {}) // it makes none
}

// pageToken returns what reads the token that other machines must show; nil where they need
// none.
func pageToken(p *plan.RelayPlan) func() (string, error) {
	from := api.KeyFrom(p.Web.Token)
	if !from.Given() {
		return nil
	}
	return func() (string, error) {
		key, err := from.Read()
		return key.Reveal(), err
	}
}
