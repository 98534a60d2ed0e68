package plan

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"stationd/internal/api"
	"stationd/internal/gpio"
)

// DropIn returns what the packaged unit need not allow for this configuration, as a drop-in
// of the unit: input devices where nothing is read from one, and all addresses but those
// that the configuration names, where it names every one by its number.
func (p *Plan) DropIn() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What %s does not need is forbidden here. It is made anew at\n# each boot and each systemctl daemon-reload; see it with stationd unit.\n[Service]\n", p.Path)
	keys, reports := p.inputDevices()
	if !keys || !reports {
		b.WriteString("DeviceAllow=\n")
		for _, device := range unitDevices() {
			if device == allowKeys && !keys || device == allowReports && !reports {
				continue
			}
			fmt.Fprintf(&b, "DeviceAllow=%s\n", device)
		}
	}
	addresses, open := p.addresses()
	for _, why := range open {
		fmt.Fprintf(&b, "# Addresses are not restricted: %s\n", why)
	}
	if len(open) == 0 {
		fmt.Fprintf(&b, "IPAddressDeny=any\nIPAddressAllow=%s\n", strings.Join(append([]string{"localhost"}, addresses...), " "))
	}
	return b.String()
}

const (
	allowKeys    = "char-input r"
	allowReports = "char-hidraw r"
)

// unitDevices are the devices that the packaged unit allows. A test holds them against it.
func unitDevices() []string {
	return []string{"char-gpiochip rw", "char-ttyACM rw", "char-ttyUSB rw", "char-ttyAMA rw", "/dev/ttyS0 rw", allowKeys, allowReports}
}

// inputDevices reports whether anything reads keys (a reader that types, a pedal), and
// whether any reader is set to HID-POS.
func (p *Plan) inputDevices() (keys, reports bool) {
	keys = slices.ContainsFunc(p.Buttons, func(b gpio.Button) bool { return gpio.IsInput(b.Chip) })
	for _, s := range p.Scanners {
		keys = keys || strings.HasPrefix(s.Port, "hid:")
		reports = reports || strings.HasPrefix(s.Port, "pos:")
	}
	return keys, reports
}

// addresses returns the addresses that the station speaks with besides its own machine. open
// says why they are not all known: a name's addresses change, and who asks for a page of the
// network is not known at all.
func (p *Plan) addresses() (addresses, open []string) {
	to := func(what, host string) {
		address, err := netip.ParseAddr(host)
		switch {
		case err == nil && !address.IsLoopback() && !slices.Contains(addresses, address.String()):
			addresses = append(addresses, address.String())
		case err != nil && host != "localhost":
			open = append(open, fmt.Sprintf("%s is at %q, a name whose addresses may change", what, host))
		}
	}
	from := func(what, listen string) {
		if !forThisMachine(listen) {
			open = append(open, fmt.Sprintf("%s is for the network, whoever is in it", what))
		}
	}
	by := func(what, base string, route api.Route) {
		proxy, _, err := route.ProxyTo(base)
		switch u, bad := url.Parse(base); {
		case route.Proxy == "":
			open = append(open, what+` has no proxy = "none", so that the environment may name one`)
		case err != nil || bad != nil:
			open = append(open, what+" has an address that cannot be read")
		case proxy != nil:
			to(what+"'s proxy", proxy.Hostname())
		default:
			to(what, u.Hostname())
		}
	}
	for _, v := range p.Vendors {
		base, route := v.Section.Reached()
		by("["+v.Name+"]", base, route)
	}
	if p.Alert != nil && p.Alert.URL != "" {
		by("[alert]", p.Alert.URL, p.Alert.Route)
	}
	for _, one := range p.Printers {
		if u, err := url.Parse(one.URL); err == nil {
			to("printer "+one.Name, u.Hostname())
		}
	}
	for _, s := range p.Scanners {
		kind, address, _ := strings.Cut(s.Port, ":")
		address = strings.TrimPrefix(address, "//")
		switch kind {
		case "tcp":
			if host, _, err := net.SplitHostPort(address); err == nil {
				to("scanner "+s.Name, host)
			}
		case "tcp-listen":
			from("scanner "+s.Name, address)
		}
	}
	if p.Web.Listen != "" {
		from("the page", p.Web.Listen)
	}
	if p.Metrics.Listen != "" {
		from("the address of the metrics", p.Metrics.Listen)
	}
	return addresses, open
}

// forThisMachine reports whether only this machine reaches an address to listen at.
func forThisMachine(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	address, bad := netip.ParseAddr(host)
	return err == nil && (host == "localhost" || bad == nil && address.IsLoopback())
}
