package doctor

import (
	"errors"
	"io/fs"
	"time"

	"stationd/internal/api"
	"stationd/internal/certificate"
	"stationd/internal/plan"
	"stationd/internal/station"
)

// soonEnds is how long before its end a certificate is warned of.
const soonEnds = 30 * 24 * time.Hour

// checkElsewhere checks what other machines need to see the page.
func checkElsewhere(p *plan.Plan, now time.Time) (all []Finding) {
	const name = station.PageElsewhere
	if !p.Web.Elsewhere() {
		return nil
	}
	if why := p.Web.WhyHere(); why != "" {
		return append(all, failed(name, "write it into [web], then: systemctl restart stationd", "%s", why))
	}
	if from := api.KeyFrom(p.Web.Token); from.Given() {
		all = append(all, checkKeyFile(p, "page token", from))
	}
	if !p.Web.TLS {
		return append(all, passed(name, "whoever reaches %s sees the page, as [web] open says; nobody logs in from there", p.Web.Listen))
	}
	source := p.Certificate()
	c, err := source.Kept()
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.Web.Certificate == "":
		return append(all, passed(name, "the station makes its certificate at its next start"))
	case errors.Is(err, fs.ErrPermission):
		return append(all, undetermined(name, "%v", err))
	case err != nil:
		return append(all, failed(name, "put the certificate and its key where [web] says, readable for the station", "no other machine sees the page: %v", err))
	}
	if lacks := source.Lacks(c); lacks != "" {
		return append(all, passed(name, "the certificate is not for %s: the station makes another at its next start", lacks))
	}
	ends := certificate.Ends(c)
	if left := ends.Sub(now); left < soonEnds {
		return append(all, warned(name, "renew it: the station takes a new file up by itself", "the certificate ends on %s", ends.Format(time.DateOnly)))
	}
	return append(all, passed(name, "encrypted; compare this fingerprint in the browser, once: %s", certificate.Fingerprint(c)))
}
