package api

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Tunnel asks the proxy at the far end of conn for a way to base, an https URL, as requests
// do, up to where TLS with the vendor begins; nothing is asked of the vendor. The error says
// what the proxy said. The deadline of ctx holds for all of it.
func (r Route) Tunnel(ctx context.Context, conn net.Conn, base string) (net.Conn, error) {
	proxy, err := r.proxyTo(base)
	if err != nil {
		return nil, err
	}
	vendor, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	if until, limited := ctx.Deadline(); limited {
		if err := conn.SetDeadline(until); err != nil {
			return nil, err
		}
	}
	if proxy.Scheme == "https" {
		pool, err := Trust(r.CA)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(conn, &tls.Config{ServerName: proxy.Hostname(), MinVersion: tls.VersionTLS12, RootCAs: pool})
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS with the proxy: %w", err)
		}
		conn = secure
	}
	to := vendor.Host
	if vendor.Port() == "" {
		to = net.JoinHostPort(vendor.Hostname(), "443")
	}
	ask := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: to}, Host: to, Header: http.Header{"User-Agent": {"stationd"}}}
	user := proxy.User
	if r.ProxyKey.Given() {
		login, err := r.ProxyKey.Read()
		if err != nil {
			return nil, fmt.Errorf("proxy_key: %w", err)
		}
		name, password, _ := strings.Cut(login.Reveal(), ":")
		user = url.UserPassword(name, password)
	}
	if user != nil {
		password, _ := user.Password()
		ask.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := ask.Write(conn); err != nil {
		return nil, fmt.Errorf("the proxy does not take the request: %w", err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), ask) //nolint:bodyclose // a tunnel has none, and a refusal's is not read
	if err != nil {
		return nil, fmt.Errorf("the proxy does not answer as a proxy does: %w", err)
	}
	if err := refusedByProxy(ctx, proxy, ask, answer); err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Time{})
}
