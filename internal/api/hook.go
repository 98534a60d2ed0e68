package api

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// BearerHeader is the header whose secret has the word Bearer in front of it.
const BearerHeader = "Authorization"

// A Hook is an address of the plant's that something is posted to, as a table of the
// configuration names it. What stands behind the host of the address may be a secret,
// and is never shown.
type Hook struct {
	URL    string  `toml:"url"`
	Key    KeyFrom `toml:"key"`    // a secret that the address asks for
	Header string  `toml:"header"` // that the secret goes in; "": BearerHeader

	Route
}

// headerName is what a header may be called.
var headerName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9-]+$`) })

// Check reports every fault of the hook by its key. It touches no file and no network.
func (h Hook) Check(fault func(key, text string)) {
	u, err := url.Parse(h.URL)
	switch {
	case h.URL == "":
		fault("url", "is missing")
	case err != nil || u.Host == "":
		fault("url", "is no address like https://hooks.example.com/stationd")
	case u.Scheme != "https" && (u.Scheme != "http" || !Loopback(h.URL)):
		fault("url", "must begin with https:// (http is for this machine alone)")
	case u.User != nil || u.Fragment != "":
		fault("url", "must hold no user and no number sign")
	}
	if h.Header != "" && !headerName().MatchString(h.Header) {
		fault("header", "must be the name of a header: letters, digits and -")
	}
	h.Key.Check("key", fault)
	h.Route.Check(fault)
}

// Host names the address without what may be a secret in it.
func (h Hook) Host() string {
	u, err := url.Parse(h.URL)
	if err != nil {
		return ""
	}
	return u.Host
}

// To names the address as entries are frozen with it. What stands behind the host is a
// fingerprint, by which one address is told from another.
//
//	https://hooks.example.com/ address 3f9a12bc
func (h Hook) To() string {
	u, err := url.Parse(Canonical(h.URL))
	if err != nil {
		return ""
	}
	rest := u.RequestURI()
	host := u.Scheme + "://" + u.Host + "/"
	if rest == "/" {
		return host
	}
	return fmt.Sprintf("%s address %x", host, sha256.Sum256([]byte(rest)))[:len(host)+len(" address ")+8]
}

// Sign reads the secret and returns the header that it goes in, and all that must not be
// shown. Without a secret the header is empty.
func (h Hook) Sign() (header http.Header, secrets []Key, err error) {
	header = http.Header{}
	if h.Key.Given() {
		key, err := h.Key.Read()
		if err != nil {
			return nil, nil, err
		}
		secrets = append(secrets, key)
		name, value := cmp.Or(h.Header, BearerHeader), key.Reveal()
		if strings.EqualFold(name, BearerHeader) {
			value = "Bearer " + value
		}
		header.Set(name, value)
	}
	if u, err := url.Parse(h.URL); err == nil {
		// Where it is too little to be a secret it is shown.
		if rest, err := NewKey(strings.TrimPrefix(u.RequestURI(), "/")); err == nil {
			secrets = append(secrets, rest)
		}
	}
	return header, secrets, nil
}
