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

// A Frame is one scan as it arrived.
type Frame struct {
	Raw    []byte        // with its AIM identifier, without what ends it
	Repeat bool          // Run would not have passed it on: it is the one before, again
	Event  station.Event // what Run makes of it
}

// A Followed is a scan that Run has taken, and what came of it.
type Followed struct {
	Frame
	Note station.Note // of one that is no repeat
	Err  error        // why it was not recorded
}

// Follow has each called with every scan that Run takes, repeats among them, when it is
// recorded and before the next. It is called before Run; each must not wait for anything.
func (r *Reader) Follow(each func(Followed)) { r.followed = each }

// Listen is Run for a person who looks at what a reader sends: each is called with
// every scan, repeats among them, one at a time. RunPort must run beside it, as
// beside Run. Run and Listen exclude each other.
func (r *Reader) Listen(ctx context.Context, each func(Frame)) error {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case s := <-r.scans:
			each(Frame{Raw: []byte(s.text), Repeat: r.repeats(s), Event: r.event(s)})
		}
	}
	return nil
}

// Explain says what a reader of that setting makes of a scan, a step each: what is taken
// off, how the bytes become text, and what that is taken for. raw is without what ends it.
func Explain(setting Scanner, raw []byte) []string {
	rules, key, err := setting.rules()
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", key, err)}
	}
	return rules.Explain(raw)
}

// Event is what a reader of that setting makes of a scan, which is without what ends it.
func Event(setting Scanner, raw []byte, at station.Stamp) (station.Event, error) {
	rules, key, err := setting.rules()
	if err != nil {
		return station.Event{}, fmt.Errorf("%s: %w", key, err)
	}
	return event(setting.Name, rules, raw, at), nil
}

// Ending says what ended a scan, as the key frame names it, of all that a reader sent in
// one go, and returns the scan without that.
func Ending(sent []byte) (frame string, raw []byte) {
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

// InOneGo is the frame of a reader of which nobody knows yet what ends a scan: all that
// comes before a silence, its end with it.
const InOneGo = "idle:250ms"

// Find returns the device behind a port as it is plugged in now: port is written as
// in [[scanner]].
func Find(port string) (string, error) { return places{sys: "/sys", dev: "/dev"}.find(port) }

// A Plugged is a device that may be a reader.
type Plugged struct {
	Port  string // as [[scanner]] names it
	Path  string // where it is now: /dev/ttyACM0
	Maker string // what it says of itself: "Honeywell Xenon 1900"; may be empty
}

// Ports lists the USB serial devices that are plugged in. None is opened: a look at
// a line must not disturb who uses it. Each is named by its USB numbers, so that
// one that breaks can be replaced by another of its kind; where two are alike, by
// its serial number or else by its path.
func Ports() []Plugged { return places{sys: "/sys", dev: "/dev"}.plugged(serialLines) }

// Reports lists the readers set to HID-POS that are plugged in, named as Ports names its.
func Reports() []Plugged { return places{sys: "/sys", dev: "/dev"}.plugged(posReaders) }

// Keyboards lists the devices that type, readers and keyboards alike: nobody
// can tell one from the other. Reading one takes it from everybody else, so that a
// person's own keyboard is dead meanwhile.
func Keyboards() []Plugged { return places{sys: "/sys", dev: "/dev"}.plugged(keyboards) }

func (p places) plugged(c class) []Plugged {
	entries, err := os.ReadDir(filepath.Join(p.sys, c.sys))
	if err != nil {
		return nil // a machine without such devices has no such folder
	}
	var found []Plugged
	var names []usbName
	for _, e := range entries {
		n, says, ok := c.look(filepath.Join(p.sys, c.sys, e.Name(), "device"))
		if !ok {
			continue
		}
		names = append(names, n)
		found = append(found, Plugged{Path: filepath.Join(p.dev, c.dev, e.Name()), Maker: strings.TrimSpace(says)})
	}
	for i, n := range names {
		found[i].Port = n.among(names, p.lasting(c, found[i].Path))
	}
	return found
}

// among returns the shortest name that means this device and no other of those.
func (n usbName) among(all []usbName, path string) string {
	kin, twins := 0, 0
	for _, o := range all {
		if o.vendor == n.vendor && o.product == n.product {
			kin++
			if o.serial == n.serial {
				twins++
			}
		}
	}
	short := fmt.Sprintf("%s:%s:%s", n.kind, n.vendor, n.product)
	switch {
	case kin == 1:
		return short
	case n.serial != "" && twins == 1:
		return short + ":" + n.serial
	}
	if n.kind != serialLines.kind {
		return n.kind + ":" + path
	}
	return path
}

// Lasting returns a name that means the device of a port as long as it stays where it is
// plugged in; "" where there is none.
func Lasting(port string) string {
	p := places{sys: "/sys", dev: "/dev"}
	path := Scanner{Port: port}.path()
	for _, c := range []class{serialLines, keyboards, posReaders} {
		if lasting := p.lasting(c, path); lasting != path {
			return strings.TrimSuffix(port, path) + lasting
		}
	}
	return ""
}

// lasting returns the name that udev gives a device by the place where it is plugged in;
// the device itself where udev has none.
func (p places) lasting(c class, device string) string {
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

// Reach looks whether a reader of the network is there, and returns its address; "" for
// one that connects by itself.
func Reach(ctx context.Context, port string) (string, error) {
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
