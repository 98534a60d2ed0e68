package scanner

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Scanner is one table [[scanner]] of the configuration.
type Scanner struct {
	// Name is the source of its events.
	Name string `toml:"name"`

	// Port is a device's path, best one under /dev/serial/by-id, or the reader's
	// USB numbers: usb:VENDOR:PRODUCT or usb:VENDOR:PRODUCT:SERIAL.
	Port string `toml:"port"`

	// Baud is the speed of the line in bits a second; 0 means 9600. A reader that
	// is a USB device itself ignores it. Frames are always 8 bits, no parity, one
	// stop bit.
	Baud int `toml:"baud"`

	// Frame says how scans are told apart; "" means cr.
	//
	//	cr, lf, crlf  CR or LF ends a scan, whichever comes; one STX before it and
	//	              one ETX behind it are taken off. The three names are one
	//	              rule: a terminal turns CR into LF until the port is set up.
	//	stx-etx       a scan stands between STX and ETX; CR and LF belong to it
	//	idle:80ms     a scan ends when the line has been silent for so long. It is
	//	              for readers that cannot be given an end: two scans that
	//	              arrive while the outbox is busy with one before cannot be
	//	              told apart.
	Frame string `toml:"frame"`

	// Repeat is how soon the same code again is the same scan: the reader is
	// still held at the label. nil means 800 ms; zero turns it off.
	Repeat *time.Duration `toml:"repeat"`

	// Lamp names the lamp that answers for this scanner. This package only
	// carries it.
	Lamp string `toml:"lamp"`
}

const (
	defaultBaud   = 9600
	defaultFrame  = "cr"
	defaultRepeat = 800 * time.Millisecond
	longestRepeat = time.Minute
)

// baud returns the speed that holds.
func (s Scanner) baud() int {
	if s.Baud == 0 {
		return defaultBaud
	}
	return s.Baud
}

// repeat returns the time that holds.
func (s Scanner) repeat() time.Duration {
	if s.Repeat == nil {
		return defaultRepeat
	}
	return *s.Repeat
}

// Check reports every fault of the scanners of one station, through fault: the
// table's name, its index in scanners, the key at fault ("" for the whole
// table) and what is wrong, as a sentence without its point. What passes Check
// can be opened.
func Check(scanners []Scanner, fault func(table string, index int, key, text string)) {
	for i, s := range scanners {
		wrong := func(key, format string, args ...any) {
			fault("scanner", i, key, fmt.Sprintf(format, args...))
		}
		checkName(scanners[:i], s, wrong)
		checkPort(scanners[:i], s, wrong)
		if !slices.Contains(bauds(), s.baud()) {
			wrong("baud", "%d is not a speed that readers have; allowed are %s", s.Baud, list(bauds()))
		}
		if _, err := parseFraming(s.Frame); err != nil {
			wrong("frame", "%v", err)
		}
		if d := s.repeat(); d < 0 || d > longestRepeat {
			wrong("repeat", `%v is not between 0s and %v; "0s" lets every repeat through`, d, longestRepeat)
		}
	}
}

// bauds are the speeds that readers can be set to.
func bauds() []int {
	return []int{300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600}
}

// list writes numbers as "1, 2 and 3".
func list(numbers []int) string {
	s := fmt.Sprint(numbers[:len(numbers)-1])
	return strings.ReplaceAll(strings.Trim(s, "[]"), " ", ", ") + " and " + fmt.Sprint(numbers[len(numbers)-1])
}

func checkName(before []Scanner, s Scanner, wrong func(key, format string, args ...any)) {
	if s.Name == "" {
		wrong("name", `the scanner needs a name, as name = "hand"`)
		return
	}
	if slices.ContainsFunc(before, func(other Scanner) bool { return other.Name == s.Name }) {
		wrong("name", "there is a scanner %q already; each needs a name of its own", s.Name)
	}
}

func checkPort(before []Scanner, s Scanner, wrong func(key, format string, args ...any)) {
	switch kind, _, _ := strings.Cut(s.Port, ":"); {
	case s.Port == "":
		wrong("port", `the scanner needs a port, as port = "usb:0403:6001" or port = "/dev/serial/by-id/..."`)
		return
	case kind == "hid":
		wrong("port", "readers that type as a keyboard are not supported yet; set the reader to USB serial (USB-COM, CDC) with the bar code in its manual, and name that port")
		return
	case kind == "usb":
		if _, ok := parseUSB(s.Port); !ok {
			wrong("port", "%q is not a USB name; it is usb:VENDOR:PRODUCT in four hexadecimal digits each, as usb:0403:6001, and may end in :SERIAL", s.Port)
			return
		}
	case !filepath.IsAbs(s.Port):
		wrong("port", "%q is not a port; name a path from /dev/serial/by-id, or usb:VENDOR:PRODUCT", s.Port)
		return
	}
	for _, other := range before {
		if samePort(other.Port, s.Port) {
			wrong("port", "scanner %q has this port already", other.Name)
			return
		}
	}
}

// samePort reports whether two ports are the same as far as their names tell.
func samePort(a, b string) bool {
	ua, oka := parseUSB(a)
	ub, okb := parseUSB(b)
	if oka && okb {
		return ua == ub
	}
	return filepath.Clean(a) == filepath.Clean(b)
}

// usbName is a reader's name by its USB numbers.
type usbName struct {
	vendor, product string // four lower-case hexadecimal digits, as in sysfs
	serial          string // "": any
}

var usbPattern = regexp.MustCompile(`^usb:([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})(?::(.+))?$`)

// parseUSB reads usb:0403:6001 and usb:0403:6001:A50285BI. A serial number may
// hold points and colons.
func parseUSB(port string) (usbName, bool) {
	m := usbPattern.FindStringSubmatch(port)
	if m == nil {
		return usbName{}, false
	}
	return usbName{strings.ToLower(m[1]), strings.ToLower(m[2]), m[3]}, true
}
