package scanner

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"stationd/internal/station"
)

// This file is for people who look at what a scanner sends (stationd scans, setup): scans
// as they arrive, beside or in place of Run, and how each was read.

// A Frame is one scan as it arrived.
type Frame struct {
	Raw    []byte        // with its AIM identifier, without what ends it
	Repeat bool          // Run would not have passed it on: it is the one before, again
	Event  station.Event // what Run makes of it
}

// A FollowedScan is a scan that Run has taken, and what became of it.
type FollowedScan struct {
	Frame
	Note station.Note // of one that is no repeat
	Err  error        // why it was not recorded
}

// Follow has Run call each with every scan, repeats among them, when it is recorded and
// before the next. Follow is called before Run; each must not wait for anything.
func (r *Scanner) Follow(each func(FollowedScan)) { r.followed = each }

// Listen runs in place of Run and records nothing: each is called with every scan,
// repeats among them, one at a time, until ctx is done; then it returns nil. RunPort must
// run beside it, as beside Run.
func (r *Scanner) Listen(ctx context.Context, each func(Frame)) error {
	r.take()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case s := <-r.scans:
			each(r.frame(s, r.repeats(s)))
		}
	}
	return nil
}

// Explain says how a scanner of that configuration reads a scan, a step each: what is
// taken off, how the bytes become text, and what that is taken for. raw is without what
// ends it.
func Explain(config Config, raw []byte) []string {
	rules, key, err := config.rules()
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", key, err)}
	}
	return rules.Explain(raw)
}

// Event returns the event that a scanner of that configuration makes of a scan; raw is
// without what ends it. An error names the key of the configuration at fault.
func Event(config Config, raw []byte, at station.Stamp) (station.Event, error) {
	rules, key, err := config.rules()
	if err != nil {
		return station.Event{}, fmt.Errorf("%s: %w", key, err)
	}
	return event(config.Name, rules, raw, at), nil
}

// SplitEnding takes what ended a scan off all that a scanner sent in one go, and returns
// it as the key frame names it.
func SplitEnding(sent []byte) (frame string, raw []byte) {
	last := len(sent) - 1
	if inner := bytes.TrimRight(sent, "\r\n"); len(inner) > 1 && inner[0] == stx && inner[len(inner)-1] == etx {
		return "stx-etx", inner[1 : len(inner)-1]
	}
	switch {
	case bytes.HasSuffix(sent, []byte("\r\n")):
		return "crlf", sent[:last-1]
	case bytes.HasSuffix(sent, []byte{cr}):
		return defaultFrame, sent[:last]
	case bytes.HasSuffix(sent, []byte{lf}):
		return "lf", sent[:last]
	case bytes.HasSuffix(sent, []byte{ht}):
		return "tab", sent[:last]
	}
	return "idle:80ms", sent
}

// WholeBurst is the frame for a scanner whose ending is not known yet: all that comes
// before a silence, its ending with it.
const WholeBurst = "idle:250ms"

// Find returns the device behind a port as it is plugged in now: port is written as
// in [[scanner]].
func Find(port string) (string, error) { return deviceRoots{sys: "/sys", dev: "/dev"}.find(port) }

// A Plugged is a device that may be a scanner.
type Plugged struct {
	Port  string // as [[scanner]] names it
	Path  string // where it is now: /dev/ttyACM0
	Maker string // what it says of itself: "Honeywell Xenon 1900"; may be empty
}

// SerialLines lists the USB serial devices that are plugged in. None is opened: a look at
// a line must not disturb who uses it. Each is named by its USB numbers, so that
// one that breaks can be replaced by another of its kind; where two are alike, by
// its serial number or else by its path.
func SerialLines() []Plugged { return deviceRoots{sys: "/sys", dev: "/dev"}.plugged(serialLines) }

// POSScanners lists the scanners set to HID-POS that are plugged in, named as SerialLines
// names its.
func POSScanners() []Plugged { return deviceRoots{sys: "/sys", dev: "/dev"}.plugged(posScanners) }

// Keyboards lists the devices that type, scanners and keyboards alike: they cannot be told
// apart. Reading one takes it from everybody else, so that a person's own keyboard is dead
// meanwhile.
func Keyboards() []Plugged { return deviceRoots{sys: "/sys", dev: "/dev"}.plugged(keyboards) }

func (p deviceRoots) plugged(c deviceClass) []Plugged {
	entries, err := os.ReadDir(filepath.Join(p.sys, c.sys))
	if err != nil {
		return nil // a machine without such devices has no such folder
	}
	var found []Plugged
	var names []usbName
	for _, e := range entries {
		n, says, ok := c.inspect(filepath.Join(p.sys, c.sys, e.Name(), "device"))
		if !ok {
			continue
		}
		names = append(names, n)
		found = append(found, Plugged{Path: filepath.Join(p.dev, c.dev, e.Name()), Maker: strings.TrimSpace(says)})
	}
	for i, n := range names {
		found[i].Port = n.shortestAmong(names, p.stablePath(c, found[i].Path))
	}
	return found
}

// shortestAmong returns the shortest name that means this device and no other of those.
func (n usbName) shortestAmong(all []usbName, path string) string {
	sameModel, identical := 0, 0
	for _, o := range all {
		if o.vendor == n.vendor && o.product == n.product {
			sameModel++
			if o.serial == n.serial {
				identical++
			}
		}
	}
	short := fmt.Sprintf("%s:%s:%s", n.kind, n.vendor, n.product)
	switch {
	case sameModel == 1:
		return short
	case n.serial != "" && identical == 1:
		return short + ":" + n.serial
	}
	if n.kind != serialLines.kind {
		return n.kind + ":" + path
	}
	return path
}

// StablePort returns a name that means the device of a port as long as it stays where it is
// plugged in; "" where there is none.
func StablePort(port string) string {
	p := deviceRoots{sys: "/sys", dev: "/dev"}
	path := Config{Port: port}.path()
	for _, c := range []deviceClass{serialLines, keyboards, posScanners} {
		if lasting := p.stablePath(c, path); lasting != path {
			return strings.TrimSuffix(port, path) + lasting
		}
	}
	return ""
}

// stablePath returns the name that udev gives a device by the place where it is plugged in;
// the device itself where udev has none.
func (p deviceRoots) stablePath(c deviceClass, device string) string {
	folder := filepath.Join(p.dev, c.byPath)
	names, err := os.ReadDir(folder)
	if err != nil {
		return device // a machine without such devices has no such folder
	}
	for _, name := range names {
		link := filepath.Join(folder, name.Name())
		if target, err := filepath.EvalSymlinks(link); err == nil && target == device {
			return link
		}
	}
	return device
}

// Probe connects to a scanner of the network and hangs up again, and returns its address;
// "" for one that connects by itself.
func Probe(ctx context.Context, port string) (string, error) {
	address, err := parseNetwork(port)
	if err != nil || strings.HasPrefix(port, "tcp-listen:") {
		return "", err
	}
	line, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	return address, line.Close()
}
