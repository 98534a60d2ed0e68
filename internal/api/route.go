package api

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// NoProxy is what a table says in the place of a proxy where requests go straight to
// the vendor, whatever the environment says.
const NoProxy = "none"

// A Route is what a vendor's table says of the way there.
type Route struct {
	CA       string  `toml:"ca"`        // a file of certificates that are trusted besides the system's; "": none
	Proxy    string  `toml:"proxy"`     // http://host:3128, or none; "": as HTTPS_PROXY of the environment says
	ProxyKey KeyFrom `toml:"proxy_key"` // user:password for the proxy
}

// Check reports every fault of the route by its key. It touches no file.
func (r Route) Check(fault func(key, text string)) {
	if r.CA != "" && !filepath.IsAbs(r.CA) {
		fault("ca", fmt.Sprintf("file %q must be an absolute path", r.CA))
	}
	u, err := url.Parse(r.Proxy)
	switch {
	case r.Proxy == "" || r.Proxy == NoProxy:
	case strings.Contains(r.Proxy, "@"):
		fault("proxy", "must hold no user and no password: they stand in the file that proxy_key names, as user:password")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		fault("proxy", `is not an address like http://proxy.example:3128, nor "none"`)
	}
	if r.ProxyKey.Given() && (r.Proxy == "" || r.Proxy == NoProxy) {
		fault("proxy_key", "stands without a proxy: name the proxy as well")
	}
	r.ProxyKey.Check("proxy_key", fault)
}

// errEnvironment is told without what the environment holds, which may be a password.
var errEnvironment = errors.New("the proxy that HTTPS_PROXY names cannot be read: a slash, a colon or an at sign in its password is written %2F, %3A or %40")

// ProxyTo returns the proxy that requests to a base URL go by, without user and
// password; nil where they go straight there. source says who names it.
func (r Route) ProxyTo(base string) (proxy *url.URL, source string, err error) {
	proxy, err = r.proxyTo(base)
	if proxy != nil {
		proxy = &url.URL{Scheme: proxy.Scheme, Host: proxy.Host}
	}
	if r.Proxy == "" {
		return proxy, "HTTPS_PROXY of the environment", err
	}
	return proxy, "the configuration", err
}

// proxyTo is ProxyTo with the environment's user and password.
func (r Route) proxyTo(base string) (*url.URL, error) {
	switch r.Proxy {
	case NoProxy:
		return nil, nil
	case "":
	default:
		return url.Parse(r.Proxy)
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil || proxy != nil && (strings.Trim(proxy.Path, "/") != "" || proxy.RawQuery != "" || proxy.Fragment != "") {
		return nil, errEnvironment
	}
	return proxy, nil
}

// ByProxy reports whether requests to a base URL go by a proxy.
func (r Route) ByProxy(base string) bool {
	proxy, err := r.proxyTo(base)
	return err == nil && proxy != nil
}

// environmentSecrets are the passwords that the environment holds for proxies, in
// every form in which they are told.
func environmentSecrets() (secrets []Key) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		value := os.Getenv(name)
		_, rest, found := strings.Cut(value, "://")
		if !found {
			rest = value
		}
		if at := strings.LastIndex(rest, "@"); at > 0 {
			secrets = append(secrets, loginSecrets(rest[:at])...)
		}
	}
	return secrets
}

// loginSecrets are the secrets in user:password: both together, the password alone,
// and how they stand in a header.
func loginSecrets(login string) (secrets []Key) {
	logins := []string{login}
	if plain, err := url.PathUnescape(login); err == nil && plain != login {
		logins = append(logins, plain)
	}
	for _, login := range logins {
		_, password, _ := strings.Cut(login, ":")
		for _, secret := range []string{base64.StdEncoding.EncodeToString([]byte(login)), login, password} {
			if len(secret) > 2 { // hiding less would hide half of every text
				secrets = append(secrets, Key{&secret})
			}
		}
	}
	return secrets
}
