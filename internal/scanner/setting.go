package scanner

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Scanner is one table [[scanner]] of the configuration.
type Scanner struct {
	// Name is the source of its events.
	Name string `toml:"name"`

	// Port is a serial line or a keyboard, by its path or by its USB numbers:
	//
	//	/dev/serial/by-id/PATH     a serial line
	//	usb:VENDOR:PRODUCT         a serial line, and usb:VENDOR:PRODUCT:SERIAL
	//	hid:/dev/input/by-id/PATH  a reader that types as a keyboard does
	//	hid:VENDOR:PRODUCT         the same, and hid:VENDOR:PRODUCT:SERIAL
	Port string `toml:"port"`

	// Baud is the speed of the line in bits a second; 0 means 9600. A reader that
	// is a USB device itself ignores it. Frames are always 8 bits, no parity, one
	// stop bit.
	Baud int `toml:"baud"`

	// Layout is the keyboard's layout that a reader that types is set to: us (the
	// default, and what readers are delivered with) or se.
	Layout string `toml:"layout"`

	// Frame says how scans are told apart; "" means cr for a serial line and tab
	// for a keyboard.
	//
	//	cr, lf, crlf  CR or LF ends a scan, whichever comes; one STX before it and
	//	              one ETX behind it are taken off. The three names are one
	//	              rule: a terminal turns CR into LF until the port is set up.
	//	              A keyboard's Enter is CR.
	//	tab           the same, and HT, a keyboard's Tab, ends a scan too
	//	stx-etx       a scan stands between STX and ETX; CR and LF belong to it
	//	idle:80ms     a scan ends when the line has been silent for so long: for
	//	              readers that cannot be given an end
	Frame string `toml:"frame"`

	// Repeat is how soon the same code again is the same scan: the reader is
	// still held at the label. nil means 800 ms; zero turns it off.
	Repeat *time.Duration `toml:"repeat"`

	// BeepRecorded is sent to a reader on a serial line when what its scan means is
	// on disk, and BeepRefused when it is not, because the code is unknown or
	// something is missing too, or when the scan was damaged on its way: what makes
	// the reader beep, by its manual. docs/lamps.md has every case. "" sends nothing. Bytes that cannot be written
	// stand as \xHH, \r, \n, \t, \a and \\:
	//
	//	'\x1b[6q'  ESC [ 6 q    1B 5B 36 71
	//
	// What the reader answers would be read as a scan: set it to answer nothing.
	BeepRecorded string `toml:"beep_recorded"`
	BeepRefused  string `toml:"beep_refused"`

	// Lamp and Buzzer name what answers for this scanner. This package only
	// carries them.
	Lamp   string `toml:"lamp"`
	Buzzer string `toml:"buzzer"`
}

const (
	defaultBaud   = 9600
	defaultFrame  = "cr"
	defaultTyped  = "tab"
	defaultLayout = "us"
	defaultRepeat = 800 * time.Millisecond
	longestRepeat = time.Minute
	longestBeep   = 64 // bytes; a beep is to be taken at once or not at all
)

// types reports whether the reader is a keyboard.
func (s Scanner) types() bool { return strings.HasPrefix(s.Port, "hid:") }

// frame returns the rule that holds.
func (s Scanner) frame() string {
	switch {
	case s.Frame != "":
		return s.Frame
	case s.types():
		return defaultTyped
	}
	return defaultFrame
}

// layout returns the layout that holds.
func (s Scanner) layout() string {
	if s.Layout == "" {
		return defaultLayout
	}
	return s.Layout
}

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
		if s.types() {
			checkKeyboard(s, wrong)
		} else {
			checkLine(s, wrong)
		}
		if _, err := parseFraming(s.frame()); err != nil {
			wrong("frame", "%v", err)
		}
		if d := s.repeat(); d < 0 || d > longestRepeat {
			wrong("repeat", `%v is not between 0s and %v; "0s" lets every repeat through`, d, longestRepeat)
		}
	}
}

// checkLine checks what only a serial line has.
func checkLine(s Scanner, wrong func(key, format string, args ...any)) {
	if !slices.Contains(bauds(), s.baud()) {
		wrong("baud", "%d is not a speed that readers have; allowed are %s", s.Baud, list(bauds()))
	}
	if s.Layout != "" {
		wrong("layout", "only a reader that types as a keyboard has a layout; its port begins with hid:")
	}
	for _, beep := range []struct{ key, text string }{{"beep_recorded", s.BeepRecorded}, {"beep_refused", s.BeepRefused}} {
		if _, err := unescape(beep.text); err != nil {
			wrong(beep.key, "%v", err)
		}
	}
}

// checkKeyboard checks what only a reader that types has.
func checkKeyboard(s Scanner, wrong func(key, format string, args ...any)) {
	if _, ok := findLayout(s.layout()); !ok {
		wrong("layout", "%q is not a layout; allowed are us and se", s.Layout)
	}
	if s.Baud != 0 {
		wrong("baud", "a reader that types as a keyboard has no speed; leave it out")
	}
	for _, beep := range []struct{ key, text string }{{"beep_recorded", s.BeepRecorded}, {"beep_refused", s.BeepRefused}} {
		if beep.text != "" {
			wrong(beep.key, "nothing can be sent to a reader that types as a keyboard; leave it out, or set the reader to USB serial (USB-COM, CDC)")
		}
	}
}

// unescape reads the bytes of a beep.
func unescape(text string) ([]byte, error) {
	var b []byte
	for rest := text; rest != ""; {
		c, multibyte, tail, err := strconv.UnquoteChar(rest, 0)
		switch {
		case err != nil:
			return nil, fmt.Errorf(`%q has a backslash that begins nothing; allowed are \xHH, \r, \n, \t, \a and \\`, text)
		case multibyte:
			b = utf8.AppendRune(b, c)
		default:
			b = append(b, byte(c))
		}
		rest = tail
	}
	if len(b) > longestBeep {
		return nil, fmt.Errorf("it is %d bytes long; a beep has %d at most", len(b), longestBeep)
	}
	return b, nil
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
	case kind == "hid" && filepath.IsAbs(s.path()):
	case kind == "usb" || kind == "hid":
		if _, ok := parseUSB(s.Port); !ok {
			wrong("port", "%q is not a USB name; it is %s:VENDOR:PRODUCT in four hexadecimal digits each, as %s:0403:6001, and may end in :SERIAL", s.Port, kind, kind)
			return
		}
	case !filepath.IsAbs(s.Port):
		wrong("port", "%q is not a port; name a path from /dev/serial/by-id, usb:VENDOR:PRODUCT, or hid:VENDOR:PRODUCT for a reader that types as a keyboard", s.Port)
		return
	}
	for _, other := range before {
		if samePort(other.Port, s.Port) {
			wrong("port", "scanner %q has this port already", other.Name)
			return
		}
	}
}

// path is the port's path, where it is named by one.
func (s Scanner) path() string { return strings.TrimPrefix(s.Port, "hid:") }

// samePort reports whether two ports are the same as far as their names tell.
func samePort(a, b string) bool {
	ua, oka := parseUSB(a)
	ub, okb := parseUSB(b)
	if oka && okb {
		return ua == ub
	}
	return filepath.Clean(Scanner{Port: a}.path()) == filepath.Clean(Scanner{Port: b}.path())
}

// usbName is a reader's name by its USB numbers.
type usbName struct {
	kind            string // usb: a serial line; hid: a keyboard
	vendor, product string // four lower-case hexadecimal digits, as in sysfs
	serial          string // "": any
}

var usbPattern = regexp.MustCompile(`^(usb|hid):([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})(?::(.+))?$`)

// parseUSB reads usb:0403:6001, usb:0403:6001:A50285BI and hid:0c2e:0b61. A serial
// number may hold points and colons.
func parseUSB(port string) (usbName, bool) {
	m := usbPattern.FindStringSubmatch(port)
	if m == nil {
		return usbName{}, false
	}
	return usbName{m[1], strings.ToLower(m[2]), strings.ToLower(m[3]), m[4]}, true
}
