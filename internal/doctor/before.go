package doctor

import (
	"errors"
	"net"
	"strconv"
	"syscall"

	"stationd/internal/httpserver"
	"stationd/internal/plan"
)

const (
	maxSocketPath         = 107  // bytes of a unix socket's path, see unix(7)
	firstUnprivilegedPort = 1024 // a port below it needs a capability that the unit does not give
)

// BeforeStart checks what a start on this machine would need besides a configuration
// without faults: the page's port, the control socket, keys, certificates, and files in the
// data folder; and what others may change. running tells whether the station runs now: what it has open itself is no
// problem. It changes nothing, and may be called at any time.
func BeforeStart(p *plan.Plan, running bool) []Finding {
	found := append([]Finding{checkPage(p, running), checkControlSocket(p)}, checkMetrics(p, running)...)
	for _, e := range p.Exposed() {
		found = append(found, warned(e.What, "chmod o-w "+e.Path, "every account of this machine may change it (mode %04o): %s", e.Mode, e.Path))
	}
	for _, k := range configuredKeys(p) {
		found = append(found, checkKeyFile(p, k.name, k.from))
	}
	found = append(found, checkCertificates(p)...)
	return append(found, checkDataFiles(p)...)
}

// checkPage checks that the page's port can be opened.
func checkPage(p *plan.Plan, running bool) Finding {
	return checkListen("page", "web", p.Web.Address(), p, running)
}

// checkMetrics checks that the port of the metrics can be opened; none is none.
func checkMetrics(p *plan.Plan, running bool) []Finding {
	if p.Metrics.Listen == "" {
		return nil
	}
	return []Finding{checkListen("metrics", "metrics", p.Metrics.Listen, p, running)}
}

// checkListen checks that an address to listen at, of a table, can be opened.
func checkListen(name, table, listen string, p *plan.Plan, running bool) Finding {
	consequence := "; until then the station records without its " + name
	switch {
	case listen == "":
		return passed(name, "switched off: [%s] listen is empty", table)
	case running:
		return passed(name, "the running station has %s", listen)
	}
	_, port, err := net.SplitHostPort(listen)
	if n, notNumber := strconv.Atoi(port); err == nil && notNumber == nil && 0 < n && n < firstUnprivilegedPort && p.Station.Data == plan.PackagedData {
		return warned(name, "set listen in ["+table+"] to a port from 1024 on"+consequence, "the service may not open port %d", n)
	}
	listener, err := net.Listen(httpserver.Network(listen), listen) //nolint:noctx // listening on an own address does not wait
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return warned(name, "stop it (ss -ltnp shows which it is), or change listen in ["+table+"]"+consequence, "another program listens at %s", listen)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return warned(name, "set listen in ["+table+"] to an address that \"ip address\" lists, or to :PORT for all of them"+consequence, "%s is not an address of this machine", listen)
	case err != nil:
		return warned(name, "change listen in ["+table+"]"+consequence, "cannot listen on %s: %v", listen, err)
	}
	if err := listener.Close(); err != nil {
		return undetermined(name, "%v", err)
	}
	return passed(name, "%s is free", listen)
}

// checkControlSocket checks that the control socket can be created.
func checkControlSocket(p *plan.Plan) Finding {
	const name = "control"
	path := plan.ControlPath(p)
	if len(path) > maxSocketPath {
		return failed(name, "choose a shorter data in [station]", "the path of the control socket %s has %d bytes, more than the %d that a socket may have: no command would reach the station", path, len(path), maxSocketPath)
	}
	return passed(name, "%s", path)
}
