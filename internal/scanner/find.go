package scanner

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A deviceRoots is where the kernel shows its devices: fields, so that tests can show
// others.
type deviceRoots struct {
	sys string // /sys
	dev string // /dev
}

// find returns the path of a port's device as it is plugged in now. A path is
// returned as it is.
//
// The list of ports that go.bug.st/serial offers is not used: making it opens
// ports, sets them to 9600 and drops DTR (go-serial#210), the console and lines
// in use among them.
func (p deviceRoots) find(port string) (string, error) {
	name, ok := parseUSB(port)
	if !ok {
		return Config{Port: port}.path(), nil // of the network too
	}
	c := serialLines
	if name.kind == keyboards.kind {
		c = keyboards
	}
	if name.kind == posScanners.kind {
		c = posScanners
	}
	entries, err := os.ReadDir(filepath.Join(p.sys, c.sys))
	if err != nil {
		return "", err
	}
	var found []string
	for _, e := range entries {
		if n, _, ok := c.inspect(filepath.Join(p.sys, c.sys, e.Name(), "device")); ok && name.matches(n) {
			found = append(found, filepath.Join(p.dev, c.dev, e.Name()))
		}
	}
	switch len(found) {
	case 0:
		return "", ErrNotThere
	case 1:
		return found[0], nil
	}
	for i := range found {
		found[i] = p.stablePath(c, found[i])
	}
	return "", fmt.Errorf("fits %s; add the serial number, or name one of these, or a path under %s", strings.Join(found, " and "), c.byID)
}

// A deviceClass is a kind of device that may be a scanner: serial lines, HID-POS devices,
// keyboards.
type deviceClass struct {
	kind   string // what its names by USB numbers begin with: usb, pos, hid
	sys    string // its folder below /sys
	dev    string // the folder of its files below /dev
	byID   string // udev's folder of names by maker, product and serial number
	byPath string // and, below /dev, of names by where they are plugged in

	// inspect returns a device's name by its numbers, and what it says of itself; ok is
	// false for one that cannot be a scanner.
	inspect func(device string) (name usbName, says string, ok bool)
}

//nolint:gochecknoglobals // they never change
var (
	serialLines = deviceClass{"usb", "class/tty", "", "/dev/serial/by-id", "serial/by-path", inspectLine}
	posScanners = deviceClass{"pos", "class/hidraw", "", "/dev", "hidraw/by-path", inspectPOS}
	keyboards   = deviceClass{"hid", "class/input", "input", "/dev/input/by-id", "input/by-path", inspectKeyboard}
)

// matches reports whether a name means a device: a serial number may be left out.
func (n usbName) matches(device usbName) bool {
	return n == device || n.serial == "" && n.vendor == device.vendor && n.product == device.product
}

// inspectLine looks at a serial line, whose numbers are one or two levels above it:
//
//	/sys/class/tty/ttyACM0/device -> …/usb1/1-1/1-1:1.0
//	/sys/class/tty/ttyUSB0/device -> …/usb1/1-1/1-1:1.0/ttyUSB0
//	…/usb1/1-1/idVendor              0403
func inspectLine(device string) (usbName, string, bool) {
	dir, err := filepath.EvalSymlinks(device)
	if err != nil {
		return usbName{}, "", false // a line without hardware, as /dev/tty
	}
	for range 3 {
		if vendor := attribute(dir, "idVendor"); vendor != "" {
			name := usbName{"usb", vendor, attribute(dir, "idProduct"), attribute(dir, "serial")}
			return name, attribute(dir, "manufacturer") + " " + attribute(dir, "product"), true
		}
		dir = filepath.Dir(dir)
	}
	return usbName{}, "", false
}

// inspectKeyboard looks at an input device, which has its numbers beside it, be it
// plugged in or by radio:
//
//	/sys/class/input/event3/device -> …/1-1:1.0/0003:0C2E:0B61.0001/input/input3
//	…/input3/id/vendor                0c2e
//	…/input3/uniq                     12345678        its serial number
//	…/input3/name                     Honeywell Xenon 1900
//	…/input3/capabilities/key         1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe
//
// The last is a bit for each key code, in words of the kernel's own length, the
// lowest last. A scanner is often a mouse or media keys besides, which have no digits
// and no Enter.
func inspectKeyboard(device string) (usbName, string, bool) {
	const needed = 1<<keyEnter | 0x3FF<<2 // 1 to 0 are 2 to 11
	keys := attribute(device, "capabilities/key")
	low, err := strconv.ParseUint(keys[strings.LastIndex(keys, " ")+1:], 16, 64)
	name := usbName{"hid", attribute(device, "id/vendor"), attribute(device, "id/product"), attribute(device, "uniq")}
	return name, attribute(device, "name"), err == nil && low&needed == needed
}

// attribute returns the text of a file in sysfs; "" where there is none.
func attribute(dir, name string) string {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
