package config

import (
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode"

	"stationd/internal/station"
	"stationd/internal/zone"
)

// Station is the table [station]: what the station is called and where it is.
type Station struct {
	Name     string `toml:"name"`     // {station} in templates, and what the vendors see
	Label    string `toml:"label"`    // what people call it; empty: its name
	Timezone string `toml:"timezone"` // IANA name: L2L speaks the site's local time
	Data     string `toml:"data"`     // folder of the outbox
	Language string `toml:"language"` // of the operator's page
	Lamp     string `toml:"lamp"`     // shows everything that has no lamp of its own
	Days     int    `toml:"days"`     // of history that are kept
	Buzzer   string `toml:"buzzer"`   // answers for everything that has no buzzer of its own

	// LastGood lets a start with a faulty file run what was in force before; true
	// where the file says nothing.
	LastGood bool `toml:"last_good"`
}

// Station decodes and checks [station], and returns with it the place where it
// keeps its time; UTC where the file names none that exists. Whether the
// language, the lamp and the buzzer exist is for their owners to say, by OneOf.
func (f *File) Station() (Station, *time.Location) {
	s := Station{Data: "/var/lib/stationd", Language: "en", Days: 30, LastGood: true}
	if !f.Section("station", &s) {
		f.Fault(At("station"), "the table [station] is missing; it needs at least name and timezone")
		return s, time.UTC
	}
	if s.Name == "" {
		f.Fault(At("station", "name"), `"name" is missing in [station]: what the station is called, as "pack4-1"`)
	}
	if s.Days < 1 || s.Days > 3650 {
		f.Fault(At("station", "days"), `"days" must be 1 to 3650: how many days of what was done are kept`)
	}
	if !filepath.IsAbs(s.Data) {
		f.Fault(At("station", "data"), `"data" must be a whole path, as "/var/lib/stationd"`)
	}
	switch s.Timezone {
	case "":
		f.Fault(At("station", "timezone"), `"timezone" is missing in [station]: L2L speaks the site's local time; write it as "Europe/Stockholm"`)
		return s, time.UTC
	case "Local": // Go's own word, not a place
		f.Fault(At("station", "timezone"), `"timezone": the time zone database has no "Local"; write it as "Europe/Stockholm"`)
		return s, time.UTC
	}
	place, err := zone.Load(s.Timezone)
	if err != nil {
		f.Fault(At("station", "timezone"), `"timezone": the time zone database has no %q; write it as "Europe/Stockholm"`, s.Timezone)
		return s, time.UTC
	}
	return s, place
}

// Stack is one [[stack]] table: a stack light, which shows the station as a whole.
// Its lamps and its buzzer are named; a part that it does not have is left out.
type Stack struct {
	Name   string `toml:"name"`
	Red    string `toml:"red"`
	Yellow string `toml:"yellow"`
	Green  string `toml:"green"`
	Buzzer string `toml:"buzzer"`
}

// Web is the table [web].
type Web struct {
	Listen string `toml:"listen"` // host:port of the operator's page; "" is none

	// What holds for other machines; this one sees the page as before.
	TLS         bool     `toml:"tls"`             // they see it encrypted
	Certificate string   `toml:"certificate"`     // file of the certificate; "" is one that the station makes
	Key         string   `toml:"certificate_key"` // file of its key
	Token       Secret   `toml:"token"`           // only whoever has it sees the page
	Open        bool     `toml:"open"`            // whoever reaches it sees the page
	Hosts       []string `toml:"hosts"`           // further names by which the page is asked for
}

// A Secret says where a secret is kept: in a file, or in a credential that systemd hands
// over. It never stands in a configuration.
type Secret struct {
	File       string `toml:"file"`
	Credential string `toml:"credential"`
}

// Elsewhere reports whether other machines can reach the page.
func (w Web) Elsewhere() bool {
	host, _, err := net.SplitHostPort(w.Listen)
	if err != nil || host == "localhost" {
		return false
	}
	address, err := netip.ParseAddr(host)
	return err != nil || !address.Unmap().IsLoopback()
}

// WhyHere says why no other machine sees the page although Listen would let it: nothing in
// the file says who may; "" where something does, or no other machine reaches it. An earlier
// version showed it to whoever did.
func (w Web) WhyHere() string {
	if !w.Elsewhere() || w.Open || w.TLS && w.Token != (Secret{}) {
		return ""
	}
	return "no other machine sees the page, for [web] does not say who may: write tls = true and token = { file = … }, or open = true for whoever reaches " + w.Listen + ", or leave listen out where no other should"
}

// Address is where the page listens: at Listen, or at the same port for this machine alone
// where WhyHere says why.
func (w Web) Address() string {
	_, port, err := net.SplitHostPort(w.Listen)
	if err != nil || w.WhyHere() == "" {
		return w.Listen
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// Access is the table [access]: what needs a technician.
type Access struct {
	// Expire is how long a technician may decide who has shown a badge; and who has logged
	// in on the page, since they last looked at it.
	Expire time.Duration `toml:"expire"`
}

// Access decodes and checks [access]; nil where the file has none.
func (f *File) Access() *Access {
	a := Access{Expire: 10 * time.Minute}
	if !f.Section("access", &a) {
		return nil
	}
	if a.Expire < time.Minute || a.Expire > 8*time.Hour {
		f.Fault(At("access", "expire"), `"expire" must be from "1m" to "8h": how long a badge holds that was shown`)
	}
	return &a
}

// Web decodes and checks [web]. Without the table the page is for this machine
// alone.
func (f *File) Web() Web {
	w := Web{Listen: "127.0.0.1:8420"}
	f.Section("web", &w)
	f.CheckWeb(w)
	return w
}

// CheckWeb checks a table [web] that was decoded.
func (f *File) CheckWeb(w Web) {
	if w.Listen != "" && f.checkListen(At("web", "listen"), w.Listen, "127.0.0.1:8420") {
		f.checkElsewhere(w)
	}
}

// Metrics is the table [metrics]: the numbers at an address of their own.
type Metrics struct {
	Listen string `toml:"listen"` // host:port; "" is none: the page has them too
}

// Metrics decodes and checks [metrics].
func (f *File) Metrics() (m Metrics) {
	f.Section("metrics", &m)
	if m.Listen != "" {
		f.checkListen(At("metrics", "listen"), m.Listen, "0.0.0.0:9420")
	}
	return m
}

// checkListen checks an address to listen at, and reports whether it is one.
func (f *File) checkListen(at Path, listen, example string) bool {
	_, port, err := net.SplitHostPort(listen)
	number, notNumber := strconv.ParseUint(port, 10, 32)
	switch {
	case err != nil || notNumber != nil:
		f.Fault(at, `"listen" must be an address and a port, as %q`, example)
	case number > lastPort:
		f.Fault(at, `"listen": there is no port %d; ports are 1 to %d`, number, lastPort)
	default:
		return true
	}
	return false
}

// checkElsewhere checks what [web] says of other machines.
func (f *File) checkElsewhere(w Web) {
	closed := w.TLS || w.Token != (Secret{})
	switch {
	case w.Open && w.Token != (Secret{}):
		f.Fault(At("web", "open"), `"open" shows the page to whoever reaches it, and "token" to whoever has that: keep one`)
	case !w.Elsewhere() && (closed || w.Open):
		f.Warn(At("web"), `tls, token and open are for other machines, and no other machine reaches %s`, w.Listen)
	case w.WhyHere() != "":
		f.Warn(At("web", "listen"), "%s", w.WhyHere())
	}
	if (w.Certificate == "") != (w.Key == "") {
		f.Fault(At("web", "certificate"), `"certificate" and "certificate_key" belong together: name both files, or neither`)
	}
	for key, path := range map[string]string{"certificate": w.Certificate, "certificate_key": w.Key} {
		switch {
		case path == "":
		case !w.TLS:
			f.Fault(At("web", key), "%q is used with tls = true alone", key)
		case !filepath.IsAbs(path):
			f.Fault(At("web", key), "%q must be a whole path", key)
		}
	}
	for i, host := range w.Hosts {
		if !hostName().MatchString(host) {
			f.Fault(At("web", "hosts", i), `%q is no name of a host, as "pack4-1.plant.example" without a port`, host)
		}
	}
}

// hostName matches what a host is called, or its address.
var hostName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z.:_-]*[0-9A-Za-z])?$`) })

const lastPort = 65535

// nameable reports whether an input or a lamp may be called so: the point is left to
// the events, as in maintenance.press.
func nameable(name string) bool { return name != "" && nameLength(name) == len(name) }

// nameLength is how many bytes of text, from its beginning, a name could have.
func nameLength(text string) int {
	for at, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_' && r != '-' {
			return at
		}
	}
	return len(text)
}

// Parts are what faults call the parts of the program itself. An input or a lamp of
// such a name would hide their faults behind its own.
func Parts() []string {
	return []string{"outbox", "configuration", "page", "control", "metrics", "data", "starts", "log", "clock", "history", "network", "alert", "access"}
}

// Name checks the name of an input or a lamp, given at the path, and that no
// earlier call had the same one: bindings, lights and faults of devices go by
// that name alone.
func (f *File) Name(at Path, name string) bool {
	switch first, given := f.named[name]; {
	case name == "":
		f.Fault(at, "%s is missing", at)
	case !nameable(name):
		f.Fault(at, "%s: a name has only letters, digits, - and _", at)
	case station.Own(name), slices.Contains(f.backends, name), slices.Contains(Parts(), name):
		f.Fault(at, "%s: %q is the program's own; choose another name", at, name)
	case given:
		f.Fault(at, "%s: %q is the name of another input or lamp already, %s", at, name, first)
	default:
		f.named[name] = at.String()
		return true
	}
	return false
}
