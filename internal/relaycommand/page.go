package relaycommand

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"stationd/internal/api"
	"stationd/internal/certificate"
	"stationd/internal/fleet"
	"stationd/internal/plan"
	"stationd/internal/relay"
	"stationd/internal/web"
)

// pageRetry is the wait between two tries to open the page.
const pageRetry = 5 * time.Second

// runPage shows the stations of the plant until ctx is done. The relay goes on without its
// page, where its port is another's.
func runPage(ctx context.Context, p *plan.RelayPlan, r *relay.Relay, log *slog.Logger) {
	for {
		page, err := web.OpenFleet(p.Web.Address(), web.FleetShown{
			Name: p.Table.Name, Stations: func(ctx context.Context) ([]fleet.Seen, error) { return stations(ctx, p, r) },
			Language: p.Web.Language, Zone: p.Zone, Hosts: p.Web.Hosts, TLS: pageTLS(p, log), Token: pageToken(p),
		}, log)
		if err == nil {
			log.Info("the page of the plant is open", "page", page.Addr().String())
			err = page.Run(ctx)
		}
		if err != nil {
			log.Error("the page of the plant is not open", "error", err)
		}
		wait := time.NewTimer(pageRetry)
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
	}
}

// stations are all stations of the plant as the engine knows them, in the order of what a
// person should see to first.
func stations(ctx context.Context, p *plan.RelayPlan, r *relay.Relay) ([]fleet.Seen, error) {
	kept, err := r.Statuses(ctx)
	if err != nil {
		return nil, err
	}
	revoked, now := r.Revoked(), time.Now()
	var all []fleet.Seen
	for _, k := range kept {
		s := fleet.Read(k.Station, k.Text, k.At, now)
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
