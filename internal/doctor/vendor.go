package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"stationd/internal/api"
	"stationd/internal/api/l2l"
	"stationd/internal/api/lagerkoll"
	"stationd/internal/plan"
	"stationd/internal/station"
)

// clockSlack is how far the vendor's clock may be from this one. A header's Date
// has whole seconds, and has been on its way.
const clockSlack = 30 * time.Second

// A vendorChecks looks at one vendor. Its checks are made one after the other, and
// each may rest on what the ones before found.
type vendorChecks struct {
	name       string // l2l
	url        string
	route      api.Route
	skipReason string // why nothing can be asked of it; "" while something can
	blocked    bool   // something on the way there is not well
	checks     []check
	backend    station.Backend
}

// on adds a check that asks the vendor something.
func (w *vendorChecks) on(name string, look func(ctx context.Context) []Finding) {
	w.checks = append(w.checks, check{name, func(ctx context.Context) []Finding {
		if w.skipReason != "" {
			return []Finding{skipped(name, "%s", w.skipReason)}
		}
		return look(ctx)
	}})
}

// way adds the check of the way there.
func (w *vendorChecks) way() {
	w.checks = append(w.checks, check{w.name + " way", func(ctx context.Context) []Finding {
		found := w.reach(ctx)
		w.blocked = slices.ContainsFunc(found, func(f Finding) bool { return f.Verdict == Fail })
		return found
	}})
}

// reach looks at the way to the vendor: its name, a connection, and TLS.
func (w *vendorChecks) reach(ctx context.Context) []Finding {
	u, err := url.Parse(w.url)
	if err != nil {
		return []Finding{failed(w.name+" name", "", "%v", err)} // the configuration has been checked
	}
	trust, err := api.Trust(w.route.CA)
	if err != nil {
		return []Finding{failed(w.name+" ca", "install the authority's certificate there, as PEM, readable by the service; no restart is needed", "%v", err)}
	}
	proxy, source, err := w.route.ProxyTo(w.url)
	switch {
	case err != nil:
		return []Finding{failed(w.name+" proxy", "set proxy and proxy_key in ["+w.name+"]", "%v", err)}
	case proxy != nil:
		return w.reachProxy(ctx, proxy, source)
	}
	port := portOf(u)
	found, addresses := w.resolve(ctx, u.Hostname())
	if len(addresses) == 0 {
		return found
	}
	conn, err := connect(ctx, addresses, port)
	if err != nil {
		return append(found, failed(w.name+" connection", "let this station out to port "+port+" in the network's firewall", "%v", explainTimeout(err)))
	}
	defer conn.Close()
	found = append(found, passed(w.name+" connection", "%s answers", conn.RemoteAddr()))
	if u.Scheme != "https" {
		return append(found, passed(w.name+" TLS", "not encrypted, which is allowed to this machine only"))
	}
	return append(found, w.handshake(ctx, conn, &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12, RootCAs: trust}))
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// reachProxy looks at the way to the proxy. What it makes of requests the look at the
// key tells, for that goes by it.
func (w *vendorChecks) reachProxy(ctx context.Context, proxy *url.URL, source string) []Finding {
	name := w.name + " proxy"
	found, addresses := w.resolve(ctx, proxy.Hostname())
	if len(addresses) == 0 {
		return found
	}
	conn, err := connect(ctx, addresses, portOf(proxy))
	if err != nil {
		return append(found, failed(name, "check proxy in ["+w.name+"], and that the proxy is running", "cannot reach the proxy %s, set by %s: %v", proxy.Host, source, explainTimeout(err)))
	}
	conn.Close()
	if w.route.Proxy == "" {
		return append(found, undetermined(name, "requests go through the proxy %s, set by %s; the service may have another", proxy.Host, source))
	}
	return append(found, passed(name, "%s answers; requests go through it", proxy.Host))
}

// serverTime is how long a name server is waited for: as long as whoever looks a
// name up waits before the next is asked.
const serverTime = 5 * time.Second

// resolve looks at the vendor's name and at each name server by itself: one that is
// dead is hidden behind the next, and costs what it is asked for its time.
func (w *vendorChecks) resolve(ctx context.Context, host string) (found []Finding, addresses []string) {
	name := w.name + " name"
	var dead, alive []string
	if net.ParseIP(host) == nil {
		dead, alive, addresses = askNameServers(ctx, host)
	}
	silent := strings.Join(dead, " and ")
	var err error
	if len(addresses) == 0 {
		addresses, err = net.DefaultResolver.LookupHost(ctx, host)
	}
	switch {
	case err != nil && len(dead) > 0 && len(alive) == 0:
		found = append(found, failed(name, "check the network cable, and that the name server in /etc/resolv.conf is the plant's: resolvectl status",
			"no name server answers (%s), so %s does not resolve: %v", silent, host, explainTimeout(err)))
	case err != nil:
		found = append(found, failed(name, "check the network cable, and that the name server knows it: resolvectl query "+host, "%s does not resolve: %v", host, explainTimeout(err)))
	default:
		found = append(found, passed(name, "%s resolves to %s", host, strings.Join(addresses, ", ")))
	}
	if len(dead) > 0 && len(alive) > 0 {
		found = append(found, warned(w.name+" name server", "repair it, or remove it from /etc/resolv.conf (or from what DHCP hands out)",
			"the name server %s does not answer, and %s does: each lookup takes up to %v longer", silent, strings.Join(alive, " and "), serverTime))
	}
	return found, addresses
}

// askNameServers asks every name server for the name, all at once. The addresses are
// those of the first that knows it.
func askNameServers(ctx context.Context, host string) (dead, alive, addresses []string) {
	ctx, cancel := context.WithTimeout(ctx, serverTime)
	defer cancel()
	servers := api.NameServers()
	known, errs := make([][]netip.Addr, len(servers)), make([]error, len(servers))
	var all sync.WaitGroup
	for i, server := range servers {
		all.Go(func() { known[i], errs[i] = api.AskNameServer(ctx, server, host) })
	}
	all.Wait()
	for i, server := range servers {
		if errs[i] != nil {
			dead = append(dead, server)
			continue
		}
		alive = append(alive, server)
		if len(addresses) == 0 {
			for _, address := range known[i] {
				addresses = append(addresses, address.String())
			}
		}
	}
	return dead, alive, addresses
}

// connect connects to the first of the addresses that answers.
func connect(ctx context.Context, addresses []string, port string) (conn net.Conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, api.ConnectTime)
	defer cancel()
	for i, address := range addresses {
		end, _ := ctx.Deadline()
		dialer := net.Dialer{Timeout: time.Until(end) / time.Duration(len(addresses)-i)}
		if conn, err = dialer.DialContext(ctx, "tcp", net.JoinHostPort(address, port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// handshake looks at the vendor's certificate. A board without a battery for its clock
// starts in the past, where no certificate holds yet.
func (w *vendorChecks) handshake(ctx context.Context, over net.Conn, config *tls.Config) Finding {
	name := w.name + " TLS"
	conn := tls.Client(over, config)
	greeting, cancel := context.WithTimeout(ctx, api.ConnectTime)
	defer cancel()
	err := conn.HandshakeContext(greeting)
	if errors.Is(err, context.DeadlineExceeded) && w.shortGreeting(ctx, over.RemoteAddr().String(), config) {
		return warned(name, "have the firewall fixed: it drops a TLS ClientHello longer than one packet (tldr.fail)",
			"a long ClientHello is dropped on the way, and a short one is answered: after each start the station falls back to short ones after some tries")
	}
	if err == nil {
		shown := conn.ConnectionState().PeerCertificates[0]
		return passed(name, "certificate valid until %s", shown.NotAfter.Format(time.DateOnly))
	}
	now := time.Now()
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired && invalid.Cert != nil {
		from, to := invalid.Cert.NotBefore, invalid.Cert.NotAfter
		says := fmt.Sprintf("this station's clock says %s, and the vendor's certificate is valid from %s to %s",
			now.UTC().Format(time.DateTime), from.Format(time.DateOnly), to.Format(time.DateOnly))
		if now.Before(from) {
			return failed(name, "set the clock: timedatectl set-ntp true", "the clock is wrong: %s", says)
		}
		return failed(name, "check the clock (timedatectl); if it is right, the vendor must renew its certificate", "the clock is wrong, or the certificate has expired: %s", says)
	}
	if _, stranger := errors.AsType[x509.UnknownAuthorityError](err); stranger {
		return failed(name, "install ca-certificates; if the site's network inspects TLS, set ca in ["+w.name+"] to its authority's certificate", "the certificate is not signed by an authority that this machine trusts: %v", err)
	}
	return failed(name, "check for a firewall or proxy between this station and the vendor", "%v", explainTimeout(err))
}

// shortGreeting reports whether a TLS greeting without the post-quantum share is
// answered.
func (w *vendorChecks) shortGreeting(ctx context.Context, address string, config *tls.Config) bool {
	ctx, cancel := context.WithTimeout(ctx, api.ConnectTime)
	defer cancel()
	config = config.Clone()
	config.CurvePreferences = api.ShortCurves()
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// explainTimeout says that time ran out where that is what happened.
func explainTimeout(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer in time (%w)", err)
	}
	return err
}

// accepted looks at whether the vendor takes the key, and at its clock.
func (w *vendorChecks) accepted(ctx context.Context) []Finding {
	prober, ok := w.backend.(station.Prober)
	if !ok {
		return nil
	}
	name := w.name + " key"
	rc := prober.Probe(ctx)
	switch {
	case errors.Is(rc.Err, station.ErrKey):
		w.skipReason = "the key is not accepted"
		return []Finding{failed(name, "write the right key into its file, then systemctl reload stationd (restart if it is a credential)", "%v", rc.Err), w.time()}
	case rc.Outcome == station.Refused:
		return []Finding{failed(name, "see the next lines; if they do not say why, have the key given the right to read", "accepted, but it may see nothing: %v", rc.Err), w.time()}
	case rc.Outcome != station.Delivered:
		w.skipReason = "the vendor was not reached"
		cause := "could not be tried: %v"
		if w.blocked {
			return []Finding{skipped(name, cause, explainTimeout(rc.Err)), w.time()}
		}
		return []Finding{failed(name, "check the url in ["+w.name+"]", cause, explainTimeout(rc.Err)), w.time()}
	}
	return []Finding{passed(name, "accepted"), w.time()}
}

// time compares the vendor's clock with this one.
func (w *vendorChecks) time() Finding {
	name := w.name + " time"
	keeper, ok := w.backend.(station.VendorClock)
	if !ok {
		return skipped(name, "this vendor sends no time")
	}
	vendor, at := keeper.VendorTime()
	if vendor.IsZero() {
		return skipped(name, "no answer carried a time")
	}
	off := at.Sub(vendor).Round(time.Second)
	side := "ahead of"
	if off < 0 {
		off, side = -off, "behind"
	}
	if off > clockSlack {
		return failed(name, "set the clock: timedatectl set-ntp true", "this station's clock is %v %s the vendor's", off, side)
	}
	return passed(name, "both clocks agree within %v", max(off, time.Second))
}

// missing tells the vendor's own no to a read, which is most often a right that the
// key does not have.
func missing(err error) (text string, refused bool) {
	if no, ok := errors.AsType[*api.Refusal](err); ok {
		return no.Error(), true
	}
	if no, ok := errors.AsType[*lagerkoll.Error](err); ok && no.Code != lagerkoll.CodeCommon && no.Code != lagerkoll.CodeTooMany {
		return no.Error(), true
	}
	return "", false
}

// permissionFinding is the finding of a read that needs a right of its own.
func permissionFinding(check, what, why string, err error) Finding {
	text, refused := missing(err)
	switch {
	case err == nil:
		return passed(check, "the key may read %s", what)
	case refused:
		return failed(check, "give the key the right to read "+what+": "+why, "the key may not read %s: %s", what, text)
	}
	return undetermined(check, "%s: %v", what, explainTimeout(err))
}

// codes are what the configuration says for a field of L2L, the default among it.
// open says that some are read at the station.
func (d *doctor) codes(field string) (values []string, open bool) {
	if value := d.plan.Program.Vendors["l2l"].Defaults[field]; value != "" {
		values = append(values, value)
	}
	for _, b := range d.plan.Program.Bindings {
		for _, do := range b.Do {
			template, said := do.With[field]
			if do.Backend != "l2l" || !said {
				continue
			}
			if value, constant := template.Constant(); constant {
				values = append(values, value)
			} else {
				open = true
			}
		}
	}
	slices.Sort(values)
	return slices.Compact(values), open
}

// uses reports whether a binding has one of the verbs.
func (d *doctor) uses(backend string, verbs ...string) bool {
	for _, b := range d.plan.Program.Bindings {
		for _, do := range b.Do {
			if do.Backend == backend && slices.Contains(verbs, do.Verb.Name) {
				return true
			}
		}
	}
	return false
}

// atVendor looks at one vendor: at its key, at the way there, and whether it takes the
// key. What else can be read there without changing anything is the vendor's own.
func (d *doctor) atVendor(v plan.Vendor) []check {
	base, route := v.Section.Reached()
	w := &vendorChecks{name: v.Name, url: base, route: route}
	file := v.Name + " key file"
	w.checks = append(w.checks, one(file, func(context.Context) Finding {
		found, from := d.key(file, v.Section.Secret())
		if from == nil {
			w.skipReason = "the key cannot be read"
			return found
		}
		opened, err := v.Section.Open(api.Opening{Log: slog.New(slog.DiscardHandler), Zone: d.plan.Zone, Key: from, Brisk: true})
		if err != nil {
			w.skipReason = "the key cannot be read"
			return failed(file, "", "%v", err)
		}
		w.backend = opened
		return found
	}))
	w.way()
	w.on(v.Name+" key", w.accepted)
	switch section := v.Section.(type) {
	case *l2l.Section:
		d.atL2L(w, section)
	case *lagerkoll.Section:
		d.atLagerkoll(w, section)
	default:
		w.on(v.Name+" the rest", func(context.Context) []Finding {
			return []Finding{undetermined(v.Name+" the rest", "no reading shows it, the first action tells: whether what the bindings say is taken")}
		})
	}
	return w.checks
}

// atL2L looks at what L2L shows.
func (d *doctor) atL2L(w *vendorChecks, section *l2l.Section) {
	site := func() *l2l.Backend {
		b, _ := w.backend.(*l2l.Backend)
		return b
	}
	w.on("l2l site", func(ctx context.Context) []Finding {
		sites, err := site().ReadSites(ctx)
		found := siteFinding(fmt.Sprint(section.Site), sites, err)
		if found.Verdict == Fail {
			w.skipReason = "the site is wrong"
		}
		return []Finding{found}
	})
	readable := false // dispatches are shown, so that a refusal speaks of what was asked for
	w.on("l2l dispatches", func(ctx context.Context) []Finding {
		newest, err := site().ReadDispatches(ctx, l2l.DispatchQuery{OrderBy: "-created", Limit: 1})
		readable = err == nil
		return []Finding{
			permissionFinding("l2l dispatches", "dispatches", "without it stationd cannot settle a lost answer or see that a call was closed", err),
			d.zone(newest, err),
		}
	})
	if advice := d.snapshot.Health.Advice["l2l"]; d.running && advice != "" {
		w.checks = append(w.checks, one("l2l marks", func(context.Context) Finding {
			return warned("l2l marks", "have L2L store descriptions unchanged", "%s", advice)
		}))
	}
	lines, openLines := d.codes("line")
	for _, line := range lines {
		w.on("l2l line "+line, func(ctx context.Context) []Finding {
			o, err := site().ReadOrder(ctx, l2l.Line{Code: line})
			return []Finding{lineFinding(line, o, err)}
		})
	}
	machines, openMachines := d.codes("machine")
	for _, machine := range machines {
		w.on("l2l machine "+machine, func(ctx context.Context) []Finding {
			rows, err := site().ReadDispatches(ctx, l2l.DispatchQuery{Machine: machine, Limit: 1})
			shown := slices.ContainsFunc(rows, func(r l2l.Dispatch) bool { return r.Machine == machine })
			return []Finding{codeFinding("l2l machine "+machine, readable, shown, err)}
		})
	}
	types, openTypes := d.codes("type")
	for _, kind := range types {
		w.on("l2l type "+kind, func(ctx context.Context) []Finding {
			rows, err := site().ReadDispatches(ctx, l2l.DispatchQuery{Type: kind, Limit: 1})
			shown := slices.ContainsFunc(rows, func(r l2l.Dispatch) bool { return r.Type == kind })
			return []Finding{codeFinding("l2l type "+kind, readable, shown, err)}
		})
	}
	trades, openTrades := d.codes("trade")
	w.on("l2l writes", func(context.Context) []Finding {
		return []Finding{d.rest(trades, map[string]bool{"line": openLines, "machine": openMachines, "type": openTypes, "trade": openTrades})}
	})
}

// rest says what no read of L2L shows.
func (d *doctor) rest(trades []string, read map[string]bool) Finding {
	unknown := []string{"whether the key may open, close and start what the bindings name"}
	for _, trade := range trades {
		unknown = append(unknown, "whether the trade "+trade+" exists")
	}
	for _, field := range slices.Sorted(maps.Keys(read)) {
		if read[field] {
			unknown = append(unknown, "every "+field+" that comes from a scan")
		}
	}
	return undetermined("l2l writes", "cannot be checked without writing: %s", strings.Join(unknown, "; "))
}

func siteFinding(number string, sites []l2l.Site, err error) Finding {
	const name = "l2l site"
	if err != nil {
		if text, refused := missing(err); refused {
			return undetermined(name, "the key may not read sites (%s): whether site %s is right cannot be checked without writing", text, number)
		}
		return undetermined(name, "%v", explainTimeout(err))
	}
	var numbers []string
	for _, s := range sites {
		if s.Number != number {
			numbers = append(numbers, strings.TrimSpace(s.Number+" "+s.Name))
			continue
		}
		switch {
		case s.Active != nil && !*s.Active:
			return failed(name, "set site in [l2l] to an active one", "%s (%s) is not active", number, s.Name)
		case s.Test != nil && *s.Test:
			return passed(name, "%s is %s, a test site", number, s.Name)
		}
		return passed(name, "%s is %s", number, s.Name)
	}
	if len(numbers) == 0 {
		return failed(name, "use a key of this site", "this key sees no site, not even %s", number)
	}
	return failed(name, "set site in [l2l] to one of them", "this key does not see %s; it sees %s", number, strings.Join(numbers, ", "))
}

func lineFinding(line string, o l2l.Order, err error) Finding {
	name := "l2l line " + line
	if text, refused := missing(err); refused {
		return failed(name, "check the spelling of the line's code in L2L, and that the key may read build sequences", "L2L does not show it: %s", text)
	}
	switch {
	case err != nil:
		return undetermined(name, "%v", explainTimeout(err))
	case o.ID == "":
		return passed(name, "no order is running")
	}
	return passed(name, "build sequence %s is running, product %s (%s)", o.ID, o.Product, o.StatusName())
}

// codeFinding is what a list of dispatches says of a code: a refusal speaks of the
// code only where other lists are shown.
func codeFinding(name string, readable, shown bool, err error) Finding {
	text, refused := missing(err)
	switch {
	case refused && readable:
		return failed(name, "check the spelling of the code in L2L", "L2L does not know it: %s", text)
	case err != nil:
		return undetermined(name, "%v", explainTimeout(err))
	case !shown:
		return undetermined(name, "L2L accepts the code but shows no dispatch with it: check in L2L whether it exists")
	}
	return passed(name, "L2L shows a dispatch with it")
}

// zone compares the configured time zone with the site's. L2L's records of a site
// show none; but no dispatch was created in the future, as far as L2L's own clock
// goes.
func (d *doctor) zone(newest []l2l.Dispatch, err error) Finding {
	const name = "l2l time zone"
	said := d.plan.Station.Timezone
	var last time.Time
	for _, row := range newest {
		if row.Created.After(last) {
			last = row.Created
		}
	}
	switch {
	case err != nil, last.IsZero():
		return undetermined(name, "L2L shows no dispatch to compare %s with", said)
	case time.Until(last) > clockSlack+time.Minute:
		return failed(name, `set timezone in [station] to that of the L2L site, such as "Europe/Stockholm"`,
			"the newest dispatch was created at %s by the site's clock, which in %s is in %v: the site is in another time zone", last.Format(time.DateTime), said, time.Until(last).Round(time.Minute))
	case time.Since(last) > 45*time.Minute:
		return undetermined(name, "the newest dispatch, of %s, is too old to compare %s with", last.Format(time.DateTime), said)
	}
	return passed(name, "the newest dispatch was created %v ago by the site's clock, which fits %s", time.Since(last).Round(time.Minute), said)
}

// atLagerkoll looks at what Lagerkoll shows.
func (d *doctor) atLagerkoll(w *vendorChecks, section *lagerkoll.Section) {
	store := func() *lagerkoll.Backend {
		b, _ := w.backend.(*lagerkoll.Backend)
		return b
	}
	var some lagerkoll.ID
	w.on("lagerkoll orders", func(ctx context.Context) []Finding {
		page, err := store().OrdersBetween(ctx, lagerkoll.New, lagerkoll.Cancelled, "", lagerkoll.Paging{Limit: 1})
		if len(page.Orders) > 0 {
			some = page.Orders[0].ID
		}
		return []Finding{permissionFinding("lagerkoll orders", "production orders of store "+section.Store, "without it stationd cannot settle a lost answer", err)}
	})
	of := func(name, what, why string, read func(ctx context.Context) error) {
		w.on(name, func(ctx context.Context) []Finding {
			if some == 0 {
				return []Finding{undetermined(name, "there is no production order to check it with")}
			}
			return []Finding{permissionFinding(name, what, why, read(ctx))}
		})
	}
	of("lagerkoll order", "a production order", "every verb reads the order before it is sent again", func(ctx context.Context) error {
		_, err := store().Order(ctx, some)
		return err
	})
	if d.uses("lagerkoll", "article.trace") {
		of("lagerkoll batches", "an order's batches and serials", "without it a trace whose answer was lost is held", func(ctx context.Context) error {
			_, err := store().Batches(ctx, some)
			return err
		})
	}
	if d.uses("lagerkoll", plan.PrintVerb().Name) {
		of("lagerkoll picking list", "a picking list as PDF", "it is what is printed", func(ctx context.Context) error {
			_, err := store().PickingListPDF(ctx, some, lagerkoll.Picking{})
			return err
		})
	}
	if d.uses("lagerkoll", "order.create", "order.create_from_customer_order") {
		w.on("lagerkoll reference", func(ctx context.Context) []Finding {
			_, err := store().NextReference(ctx)
			return []Finding{permissionFinding("lagerkoll reference", "the next reference", `it is what reference = "next" asks for`, err)}
		})
	}
	w.on("lagerkoll writes", func(context.Context) []Finding {
		return []Finding{undetermined("lagerkoll writes", "cannot be checked without writing: whether the key may create, change, trace and finish what the bindings name")}
	})
}
