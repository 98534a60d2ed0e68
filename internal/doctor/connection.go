package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"stationd/internal/api"
	"stationd/internal/plan"
)

// addConnection adds the checks of the connection to the vendor.
func (v *vendorChecks) addConnection() {
	v.checks = append(v.checks, check{v.name + " connection", func(ctx context.Context) []Finding {
		found := v.checkConnection(ctx)
		v.blocked = slices.ContainsFunc(found, func(f Finding) bool { return f.Verdict == Fail })
		return found
	}})
}

// checkConnection checks the name of the vendor's server, a connection to it, and TLS; or,
// where requests go through a proxy, the connection to that.
func (v *vendorChecks) checkConnection(ctx context.Context) []Finding {
	u, err := url.Parse(v.url)
	if err != nil {
		return []Finding{failed(v.name+" name", "", "%v", err)} // the configuration has been checked
	}
	trust, err := api.Trust(v.route.CA)
	if err != nil {
		return []Finding{failed(v.name+" ca", "install the authority's certificate there, as PEM, readable by the service; no restart is needed", "%v", err)}
	}
	proxy, source, err := v.route.ProxyTo(v.url)
	switch {
	case err != nil:
		return []Finding{failed(v.name+" proxy", "set proxy and proxy_key in ["+v.name+"]", "%v", err)}
	case proxy != nil:
		return v.checkProxy(ctx, proxy, source, u, trust)
	}
	port := portOf(u)
	found, addresses := v.checkName(ctx, u.Hostname())
	if len(addresses) == 0 {
		return found
	}
	conn, err := connect(ctx, addresses, port)
	if err != nil {
		return append(found, failed(v.name+" connection", "let this station out to port "+port+" in the network's firewall", "%v", explainTimeout(err)))
	}
	defer conn.Close()
	found = append(found, passed(v.name+" connection", "%s answers", conn.RemoteAddr()))
	if u.Scheme != "https" {
		return append(found, passed(v.name+" TLS", "not encrypted, which is allowed to this machine only"))
	}
	return append(found, v.checkTLS(ctx, conn, &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12, RootCAs: trust}))
}

// portOf returns the port of a URL, that of its scheme where it has none.
func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// checkProxy checks the connection to the proxy, that it lets requests through to the
// vendor, and the vendor's certificate as it is seen through it.
func (v *vendorChecks) checkProxy(ctx context.Context, proxy *url.URL, source string, vendor *url.URL, trust *x509.CertPool) []Finding {
	name := v.name + " proxy"
	found, addresses := v.checkName(ctx, proxy.Hostname())
	if len(addresses) == 0 {
		return found
	}
	conn, err := connect(ctx, addresses, portOf(proxy))
	if err != nil {
		return append(found, failed(name, "check proxy in ["+v.name+"], and that the proxy is running", "cannot reach the proxy %s, set by %s: %v", proxy.Host, source, explainTimeout(err)))
	}
	defer conn.Close()
	if v.route.Proxy == "" {
		found = append(found, undetermined(name, "requests go through the proxy %s, set by %s; the service may have another", proxy.Host, source))
	} else {
		found = append(found, passed(name, "%s answers; requests go through it", proxy.Host))
	}
	if vendor.Scheme != "https" {
		return found
	}
	asked, cancel := context.WithTimeout(ctx, 2*api.ConnectTime)
	defer cancel()
	far, err := v.route.Tunnel(asked, conn, v.url)
	if err != nil {
		found[len(found)-1] = failed(name, "have the proxy let this station through to "+vendor.Host+"; for 407, put user:password into the file that proxy_key in ["+v.name+"] names",
			"the proxy %s, set by %s, does not lead to the vendor: %v", proxy.Host, source, explainTimeout(err))
		return found
	}
	return append(found, v.checkTLS(ctx, far, &tls.Config{ServerName: vendor.Hostname(), MinVersion: tls.VersionTLS12, RootCAs: trust}))
}

// nameServerTimeout limits the wait for a name server: the resolver's own default, after
// which it asks the next one.
const nameServerTimeout = 5 * time.Second

// checkName resolves host, and asks each name server by itself: a dead one is hidden by the
// next, and delays every lookup.
func (v *vendorChecks) checkName(ctx context.Context, host string) (found []Finding, addresses []string) {
	name := v.name + " name"
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
		found = append(found, warned(v.name+" name server", "repair it, or remove it from /etc/resolv.conf (or from what DHCP hands out)",
			"the name server %s does not answer, and %s does: each lookup takes up to %v longer", silent, strings.Join(alive, " and "), nameServerTimeout))
	}
	return found, addresses
}

// askNameServers asks all name servers for the name at once. The addresses are those of the
// first that knows it.
func askNameServers(ctx context.Context, host string) (dead, alive, addresses []string) {
	ctx, cancel := context.WithTimeout(ctx, nameServerTimeout)
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

// checkTLS checks the TLS handshake and the vendor's certificate. A board without a battery
// for its clock boots in the past, where no certificate is valid yet.
func (v *vendorChecks) checkTLS(ctx context.Context, raw net.Conn, config *tls.Config) Finding {
	name := v.name + " TLS"
	conn := tls.Client(raw, config)
	handshake, cancel := context.WithTimeout(ctx, api.ConnectTime)
	defer cancel()
	err := conn.HandshakeContext(handshake)
	if errors.Is(err, context.DeadlineExceeded) && v.acceptsShortHello(ctx, raw.RemoteAddr().String(), config) {
		return warned(name, "have the firewall fixed: it drops a TLS ClientHello longer than one packet (tldr.fail)",
			"a long ClientHello is dropped on the way, and a short one is answered: after each start the station falls back to short ones after some tries")
	}
	if err == nil {
		certificate := conn.ConnectionState().PeerCertificates[0]
		return passed(name, "certificate valid until %s", certificate.NotAfter.Format(time.DateOnly))
	}
	now := time.Now()
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired && invalid.Cert != nil {
		from, to := invalid.Cert.NotBefore, invalid.Cert.NotAfter
		validity := fmt.Sprintf("this station's clock says %s, and the vendor's certificate is valid from %s to %s",
			now.UTC().Format(time.DateTime), from.Format(time.DateOnly), to.Format(time.DateOnly))
		if now.Before(from) {
			return failed(name, "set the clock: timedatectl set-ntp true", "the clock is wrong: %s", validity)
		}
		return failed(name, "check the clock (timedatectl); if it is right, the vendor must renew its certificate", "the clock is wrong, or the certificate has expired: %s", validity)
	}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return failed(name, "install ca-certificates; if the site's network inspects TLS, set ca in ["+v.name+"] to its authority's certificate", "the certificate is not signed by an authority that this machine trusts: %v", err)
	}
	return failed(name, "check for a firewall or proxy between this station and the vendor", "%v", explainTimeout(err))
}

// acceptsShortHello reports whether a TLS ClientHello without the post-quantum key share,
// which fits into one packet, is answered.
func (v *vendorChecks) acceptsShortHello(ctx context.Context, address string, config *tls.Config) bool {
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

// explainTimeout says in words that there was no answer in time.
func explainTimeout(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer in time (%w)", err)
	}
	return err
}

// A vendorRoute is the proxy and the authority of one table of the configuration.
type vendorRoute struct {
	vendor string
	api.Route
}

// configuredRoutes returns the routes of the tables that are configured.
func configuredRoutes(p *plan.Plan) (all []vendorRoute) {
	for _, v := range p.Vendors {
		_, route := v.Section.Reached()
		all = append(all, vendorRoute{v.Name, route})
	}
	if s := p.Alert; s != nil {
		all = append(all, vendorRoute{"alert", s.Route})
	}
	return all
}
