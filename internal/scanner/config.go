package scanner

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"stationd/internal/scanner/charset"
	"stationd/internal/scanner/label"
)

// A Config is one table [[scanner]] of the configuration.
type Config struct {
	// Name is the source of its events.
	Name string `toml:"name"`

	// Label is what people call it; empty: its name. This package only carries it.
	Label string `toml:"label"`

	// Port is a serial line or a keyboard, by its path or by its USB numbers:
	//
	//	/dev/serial/by-id/PATH     a serial line
	//	/dev/serial/by-path/PATH   the same, whatever is plugged in there
	//	usb:VENDOR:PRODUCT         a serial line, and usb:VENDOR:PRODUCT:SERIAL
	//	tcp:HOST:PORT              a scanner of the network that is connected to
	//	tcp-listen:PORT            one that connects; tcp-listen:ADDRESS:PORT
	//	hid:/dev/input/by-id/PATH  a scanner that types as a keyboard does
	//	hid:VENDOR:PRODUCT         the same, and hid:VENDOR:PRODUCT:SERIAL
	//	pos:VENDOR:PRODUCT         a scanner set to HID-POS; pos:VENDOR:PRODUCT:SERIAL,
	//	                           pos:/dev/hidraw0
	Port string `toml:"port"`

	// Baud is the speed of the line in bits a second; 0 means 9600. A scanner that
	// is a USB device itself ignores it, and what follows.
	Baud int `toml:"baud"`

	// DataBits is 8, which 0 means too, or 7; Parity is none, which "" means too,
	// even, odd, mark or space; StopBits is 1, which 0 means too, or 2.
	DataBits int    `toml:"data_bits"`
	Parity   string `toml:"parity"`
	StopBits int    `toml:"stop_bits"`

	// Flow says how the two ends of a line hold each other up: "" not at all,
	// "rts-cts" or "xon-xoff".
	Flow string `toml:"flow"`

	// DTR and RTS are the levels of the two lines towards the scanner, which some take
	// their power from or wait for; nil leaves them as the kernel sets them, both on.
	DTR *bool `toml:"dtr"`
	RTS *bool `toml:"rts"`

	// Layout is the keyboard's layout that a scanner that types is set to: one of
	// LayoutNames. "" is us, which scanners are delivered with.
	Layout string `toml:"layout"`

	// Frame says how scans are told apart; "" means cr. What ends a scan is not part
	// of it, and of the others everything is: a QR Code may hold lines of text.
	//
	//	cr            CR ends a scan, a keyboard's Enter too. An LF right behind it
	//	              is dropped.
	//	lf            LF ends a scan. A CR right before it is dropped.
	//	crlf          CR and LF end a scan together; alone each is data
	//	tab           HT ends a scan, a keyboard's Tab, and so does CR
	//	stx-etx       a scan stands between STX and ETX
	//
	// By lines, one STX before a scan and one ETX behind it are taken off.
	//
	//	idle:80ms     a scan ends when the line has been silent for so long: for
	//	              scanners that cannot be given an end
	Frame string `toml:"frame"`

	// AIM says whether the scanner sends an AIM identifier with every scan. With
	// "required" a frame without one is a piece of a symbol that holds what ends a
	// frame, and all that was sent in one go is dropped.
	AIM string `toml:"aim"`

	// GS lists what the scanner writes for the separator of GS1 and ISO 15434
	// besides GS itself: ["<GS>"]. An empty list says that it writes nothing else;
	// without the key, a value that looks as if it contained one is not used.
	GS *[]string `toml:"gs"`

	// Strict reads GS1 symbols as a whole or not at all, by every rule of GS1.
	Strict bool `toml:"strict"`

	// Assume is what a scan is taken for whose identifier does not say: "gs1" or
	// "di"; "" for the text it is.
	Assume string `toml:"assume"`

	// Encoding is what the labels are printed in: one of charset.Names; "" is auto.
	Encoding string `toml:"encoding"`

	// Check says what becomes of a check character that the scanner sends: "keep"
	// leaves it in the code; "" checks it and takes it off.
	Check string `toml:"check"`

	// StartStop says what becomes of the start and stop characters of Codabar and
	// Code 39: "keep" leaves them in the code; "" takes them off.
	StartStop string `toml:"start_stop"`

	// Strip is what the scanner puts around the code.
	Strip Strip `toml:"strip"`

	// Store says how numbers that are a shop's or a scale's own are divided.
	Store []label.Store `toml:"store"`

	// Repeat is how soon the same code again is the same scan: the scanner is
	// still held at the label. nil means 800 ms; zero turns it off.
	Repeat *time.Duration `toml:"repeat"`

	// BeepRecorded is sent to a scanner on a serial line when what its scan means is
	// on disk, and BeepRefused when it is not, because the code is unknown or
	// something is missing too, or when the scan was damaged on its way: what makes
	// the scanner beep, by its manual. docs/lamps.md has every case. "" sends nothing. Bytes that cannot be written
	// stand as \xHH, \r, \n, \t, \a and \\:
	//
	//	'\x1b[6q'  ESC [ 6 q    1B 5B 36 71
	//
	// What the scanner answers would be read as a scan: set it to answer nothing.
	BeepRecorded string `toml:"beep_recorded"`
	BeepRefused  string `toml:"beep_refused"`

	// Lamp and Buzzer name what answers for this scanner. This package only
	// carries them.
	Lamp   string `toml:"lamp"`
	Buzzer string `toml:"buzzer"`
}

// A Strip is what a scanner puts around a code that is not on the label.
type Strip struct {
	// Prefix and Suffix are taken off where they are there: text as it is, or a
	// regular expression between slashes, as "/:[A-Z]:[0-9]+ms/". A prefix may stand
	// in front of the AIM identifier or behind it.
	Prefix string `toml:"prefix"`
	Suffix string `toml:"suffix"`

	// Trim takes blanks off in front and behind; nil means that it does.
	Trim *bool `toml:"trim"`
}

// rules returns how the scanner's labels are read. The error names the key at fault.
func (s Config) rules() (r label.Rules, key string, err error) {
	r = label.Rules{
		NoStandIns: s.GS != nil, Strict: s.Strict, Assume: s.Assume, Encoding: s.Encoding,
		KeepCheck: s.Check == keep, KeepStartStop: s.StartStop == keep, KeepBlanks: s.Strip.Trim != nil && !*s.Strip.Trim,
		Store: s.Store,
	}
	if s.GS != nil {
		r.Separators = *s.GS
	}
	if r.Prefix, err = label.NewPrefix(s.Strip.Prefix); err != nil {
		return r, "strip", err
	}
	if r.Suffix, err = label.NewSuffix(s.Strip.Suffix); err != nil {
		return r, "strip", err
	}
	return r, "", nil
}

const (
	keep     = "keep"
	required = "required"
)

const (
	defaultBaud   = 9600
	defaultFrame  = "cr"
	defaultLayout = "us"
	defaultRepeat = 800 * time.Millisecond
	longestRepeat = time.Minute
	longestBeep   = 64 // bytes; a beep is to be taken at once or not at all
)

// isNetwork reports whether the scanner is one of the network.
func (s Config) isNetwork() bool {
	kind, _, _ := strings.Cut(s.Port, ":")
	return kind == "tcp" || kind == "tcp-listen"
}

// isKeyboard reports whether the scanner is a keyboard.
func (s Config) isKeyboard() bool { return strings.HasPrefix(s.Port, "hid:") }

// isPOS reports whether the scanner sends whole scans in reports (HID-POS).
func (s Config) isPOS() bool { return strings.HasPrefix(s.Port, "pos:") }

// frame returns the rule that holds.
func (s Config) frame() string {
	if s.Frame != "" {
		return s.Frame
	}
	return defaultFrame
}

// layout returns the layout that holds.
func (s Config) layout() string {
	if s.Layout == "" {
		return defaultLayout
	}
	return s.Layout
}

// baud returns the speed that holds.
func (s Config) baud() int {
	if s.Baud == 0 {
		return defaultBaud
	}
	return s.Baud
}

// repeat returns the time that holds.
func (s Config) repeat() time.Duration {
	if s.Repeat == nil {
		return defaultRepeat
	}
	return *s.Repeat
}

// Check reports every fault of the scanners of one station, through fault: the
// table's name, its index in scanners, the key at fault ("" for the whole
// table) and what is wrong, as a sentence without its point. What passes Check
// can be opened.
func Check(scanners []Config, fault func(table string, index int, key, text string)) {
	for i, s := range scanners {
		wrong := func(key, format string, args ...any) {
			fault("scanner", i, key, fmt.Sprintf(format, args...))
		}
		checkName(scanners[:i], s, wrong)
		checkPort(scanners[:i], s, wrong)
		switch {
		case s.isKeyboard():
			checkKeyboard(s, wrong)
		case s.isPOS():
			checkReports(s, wrong)
		case s.isNetwork():
			checkNetwork(s, wrong)
		default:
			checkLine(s, wrong)
		}
		if _, err := parseFraming(s.frame()); err != nil {
			wrong("frame", "%v", err)
		}
		checkReading(s, wrong)
		for j, store := range s.Store {
			if key, why := store.Fault(); why != "" {
				wrong("store", "table %d of [[scanner.store]]: %s %s", j+1, key, why)
			}
		}
		if d := s.repeat(); d < 0 || d > longestRepeat {
			wrong("repeat", `%v is not between 0s and %v; "0s" lets every repeat through`, d, longestRepeat)
		}
	}
}

// checkReading checks how the scanner's labels are to be read.
func checkReading(s Config, wrong func(key, format string, args ...any)) {
	for _, word := range []struct {
		key, text string
		allowed   []string
	}{
		{"aim", s.AIM, []string{required}},
		{"assume", s.Assume, []string{label.AssumeGS1, label.AssumeDI}},
		{"encoding", s.Encoding, charset.Names()},
		{"check", s.Check, []string{keep}},
		{"start_stop", s.StartStop, []string{keep}},
	} {
		if word.text != "" && !slices.Contains(word.allowed, word.text) {
			wrong(word.key, "there is no %q; allowed: %s", word.text, strings.Join(word.allowed, ", "))
		}
	}
	if s.Assume == label.AssumeGS1 && s.Strict {
		wrong("assume", "strict reads only what says that it is GS1; take one of the two out")
	}
	if s.GS != nil && slices.Contains(*s.GS, "") {
		wrong("gs", "an empty text stands for no separator")
	}
	if _, key, err := s.rules(); err != nil {
		wrong(key, "%v", err)
	}
}

// checkLine checks what only a serial line has.
func checkLine(s Config, wrong func(key, format string, args ...any)) {
	if !slices.Contains(bauds(), s.baud()) {
		wrong("baud", "%d is not a speed that readers have; allowed are %s", s.Baud, list(bauds()))
	}
	for _, number := range []struct {
		key     string
		said    int
		allowed []int
	}{{"data_bits", s.DataBits, []int{7, 8}}, {"stop_bits", s.StopBits, []int{1, 2}}} {
		if number.said != 0 && !slices.Contains(number.allowed, number.said) {
			wrong(number.key, "%d is not what readers have; allowed are %s", number.said, list(number.allowed))
		}
	}
	for _, word := range []struct {
		key, said string
		allowed   []string
	}{{"parity", s.Parity, parities()}, {"flow", s.Flow, []string{"rts-cts", "xon-xoff"}}} {
		if word.said != "" && !slices.Contains(word.allowed, word.said) {
			wrong(word.key, "there is no %q; allowed: %s", word.said, strings.Join(word.allowed, ", "))
		}
	}
	if s.RTS != nil && s.Flow == "rts-cts" {
		wrong("rts", "with rts-cts the kernel moves the line itself; leave one of the two out")
	}
	checkNoLayout(s, wrong)
	checkBeeps(s, wrong)
}

// parities are what may be said of the parity.
func parities() []string { return []string{"none", "even", "odd", "mark", "space"} }

func checkNoLayout(s Config, wrong func(key, format string, args ...any)) {
	if s.Layout != "" {
		wrong("layout", "only a reader that types as a keyboard has a layout; its port begins with hid:")
	}
}

// checkNetwork checks a scanner of the network.
func checkNetwork(s Config, wrong func(key, format string, args ...any)) {
	checkNoLine(s, "is no serial line", wrong)
	checkNoLayout(s, wrong)
	checkBeeps(s, wrong)
}

// checkReports checks what only a scanner of HID-POS has: nothing that others have.
func checkReports(s Config, wrong func(key, format string, args ...any)) {
	checkNoLine(s, "sends reports (HID-POS)", wrong)
	checkNoLayout(s, wrong)
	if s.Frame != "" {
		wrong("frame", "a reader that sends reports (HID-POS) needs nothing that ends a scan; leave it out")
	}
	for _, beep := range []struct{ key, text string }{{"beep_recorded", s.BeepRecorded}, {"beep_refused", s.BeepRefused}} {
		if beep.text != "" {
			wrong(beep.key, "nothing is sent to a reader that sends reports (HID-POS); leave it out, or set the reader to USB serial (USB-COM, CDC)")
		}
	}
}

// checkNoLine reports what only a serial line has.
func checkNoLine(s Config, why string, wrong func(key, format string, args ...any)) {
	for _, of := range []struct {
		key  string
		said bool
	}{
		{"baud", s.Baud != 0}, {"data_bits", s.DataBits != 0}, {"parity", s.Parity != ""}, {"stop_bits", s.StopBits != 0},
		{"flow", s.Flow != ""}, {"dtr", s.DTR != nil}, {"rts", s.RTS != nil},
	} {
		if of.said {
			wrong(of.key, "a reader that %s has no %s; leave it out", why, of.key)
		}
	}
}

func checkBeeps(s Config, wrong func(key, format string, args ...any)) {
	for _, beep := range []struct{ key, text string }{{"beep_recorded", s.BeepRecorded}, {"beep_refused", s.BeepRefused}} {
		if _, err := unescape(beep.text); err != nil {
			wrong(beep.key, "%v", err)
		}
	}
}

// checkKeyboard checks what only a scanner that types has.
func checkKeyboard(s Config, wrong func(key, format string, args ...any)) {
	if _, ok := findLayout(s.layout()); !ok {
		wrong("layout", "%q is not a layout; allowed are %s", s.Layout, strings.Join(LayoutNames(), ", "))
	}
	checkNoLine(s, "types as a keyboard", wrong)
	for _, beep := range []struct{ key, text string }{{"beep_recorded", s.BeepRecorded}, {"beep_refused", s.BeepRefused}} {
		if beep.text != "" {
			wrong(beep.key, "nothing can be sent to a reader that types as a keyboard; leave it out, or set the reader to USB serial (USB-COM, CDC)")
		}
	}
}

// WhyNotSend says why text cannot be sent to a scanner; "" where it can.
func (s Config) WhyNotSend(text string) string {
	if s.isKeyboard() {
		return "nothing can be sent to a reader that types as a keyboard"
	}
	if s.isPOS() {
		return "nothing is sent to a reader that sends reports (HID-POS)"
	}
	if _, err := unescape(text); err != nil {
		return err.Error()
	}
	if text == "" {
		return "there is nothing to send"
	}
	return ""
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

// bauds are the speeds that scanners can be set to.
func bauds() []int {
	return []int{300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600}
}

// list writes numbers as "1, 2 and 3".
func list(numbers []int) string {
	s := fmt.Sprint(numbers[:len(numbers)-1])
	return strings.ReplaceAll(strings.Trim(s, "[]"), " ", ", ") + " and " + fmt.Sprint(numbers[len(numbers)-1])
}

func checkName(before []Config, s Config, wrong func(key, format string, args ...any)) {
	if s.Name == "" {
		wrong("name", `the scanner needs a name, as name = "hand"`)
		return
	}
	if slices.ContainsFunc(before, func(other Config) bool { return other.Name == s.Name }) {
		wrong("name", "there is a scanner %q already; each needs a name of its own", s.Name)
	}
}

func checkPort(before []Config, s Config, wrong func(key, format string, args ...any)) {
	switch kind, _, _ := strings.Cut(s.Port, ":"); {
	case s.Port == "":
		wrong("port", `the scanner needs a port, as port = "usb:0403:6001" or port = "/dev/serial/by-id/..."`)
		return
	case (kind == "hid" || kind == "pos") && filepath.IsAbs(s.path()):
	case s.isNetwork():
		if _, err := parseNetwork(s.Port); err != nil {
			wrong("port", "%v", err)
			return
		}
	case kind == "usb" || kind == "hid" || kind == "pos":
		if _, ok := parseUSB(s.Port); !ok {
			wrong("port", "%q is not a USB name; it is %s:VENDOR:PRODUCT in four hexadecimal digits each, as %s:0403:6001, and may end in :SERIAL", s.Port, kind, kind)
			return
		}
	case !filepath.IsAbs(s.Port):
		wrong("port", "%q is not a port; name a path from /dev/serial/by-id, usb:VENDOR:PRODUCT, hid:VENDOR:PRODUCT for a reader that types as a keyboard, pos:VENDOR:PRODUCT for one set to HID-POS, or tcp:HOST:PORT", s.Port)
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
func (s Config) path() string {
	return strings.TrimPrefix(strings.TrimPrefix(s.Port, "hid:"), "pos:")
}

// samePort reports whether two ports are the same as far as their names tell.
func samePort(a, b string) bool {
	ua, oka := parseUSB(a)
	ub, okb := parseUSB(b)
	if oka && okb {
		return ua == ub
	}
	return filepath.Clean(Config{Port: a}.path()) == filepath.Clean(Config{Port: b}.path())
}

// usbName is a scanner's name by its USB numbers.
type usbName struct {
	kind            string // usb: a serial line; hid: a keyboard; pos: HID-POS
	vendor, product string // four lower-case hexadecimal digits, as in sysfs
	serial          string // "": any
}

var usbPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(usb|hid|pos):([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})(?::(.+))?$`)
})

// parseUSB reads usb:0403:6001, usb:0403:6001:A50285BI and hid:0c2e:0b61. A serial
// number may hold points and colons.
func parseUSB(port string) (usbName, bool) {
	m := usbPattern().FindStringSubmatch(port)
	if m == nil {
		return usbName{}, false
	}
	return usbName{m[1], strings.ToLower(m[2]), strings.ToLower(m[3]), m[4]}, true
}
