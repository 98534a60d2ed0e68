package scanner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// places are where the kernel shows its devices. They are fields so that tests
// can show other ones.
type places struct {
	sys string // /sys
	dev string // /dev
}

// find returns the path of a port's device as it is plugged in now. A path is
// returned as it is.
//
// The list of ports that go.bug.st/serial offers is not used: making it opens
// ports, sets them to 9600 and drops DTR (go-serial#210), the console and lines
// in use among them.
func (p places) find(port string) (string, error) {
	name, ok := parseUSB(port)
	if !ok {
		return port, nil
	}
	entries, err := os.ReadDir(filepath.Join(p.sys, "class/tty"))
	if err != nil {
		return "", err
	}
	var found []string
	for _, e := range entries {
		if p.is(filepath.Join(p.sys, "class/tty", e.Name(), "device"), name) {
			found = append(found, filepath.Join(p.dev, e.Name()))
		}
	}
	switch len(found) {
	case 0:
		return "", errors.New("not there, plug the reader in")
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("fits %s; add the serial number, or name a path under /dev/serial/by-id", strings.Join(found, " and "))
}

// is reports whether a serial line belongs to the USB device of that name. The
// line's device is one or two levels below the one with the numbers:
//
//	/sys/class/tty/ttyACM0/device -> …/usb1/1-1/1-1:1.0
//	/sys/class/tty/ttyUSB0/device -> …/usb1/1-1/1-1:1.0/ttyUSB0
//	…/usb1/1-1/idVendor                           0403
func (p places) is(line string, name usbName) bool {
	dir, err := filepath.EvalSymlinks(line)
	if err != nil {
		return false // a line without hardware, as /dev/tty
	}
	for range 3 {
		if vendor := attribute(dir, "idVendor"); vendor != "" {
			return vendor == name.vendor && attribute(dir, "idProduct") == name.product &&
				(name.serial == "" || attribute(dir, "serial") == name.serial)
		}
		dir = filepath.Dir(dir)
	}
	return false
}

// attribute returns the text of a file in sysfs; "" where there is none.
func attribute(dir, name string) string {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
