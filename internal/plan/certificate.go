package plan

import (
	"net"
	"os"
	"path/filepath"

	"stationd/internal/certificate"
)

// Certificate is that of the page; nil where it is not encrypted. One that the station makes
// is for the names of the machine, those of [web] hosts, and the address listened at.
func (p *Plan) Certificate() *certificate.Source {
	switch {
	case !p.Web.TLS:
		return nil
	case p.Web.Certificate != "":
		return certificate.Own(p.Web.Certificate, p.Web.Key)
	}
	hosts := append([]string{}, p.Web.Hosts...)
	if name, err := os.Hostname(); err == nil && name != "localhost" { // a machine's before it has its own
		hosts = append(hosts, name)
	}
	if host, _, err := net.SplitHostPort(p.Web.Listen); err == nil && host != "" && !net.ParseIP(host).IsUnspecified() {
		hosts = append(hosts, host)
	}
	return certificate.SelfMade(filepath.Join(p.Station.Data, "page.pem"), p.Station.Name, hosts)
}
