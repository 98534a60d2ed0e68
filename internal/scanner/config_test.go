package scanner

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stationd/internal/scanner/label"
)

func faults(scanners ...Config) []string {
	var found []string
	Check(scanners, func(table string, index int, key, text string) {
		found = append(found, fmt.Sprintf("%s %d %s: %s", table, index, key, text))
	})
	return found
}

func TestSettingsThatReadersHaveAreAccepted(t *testing.T) {
	t.Parallel()
	got := faults(
		Config{Name: "hand", Port: "usb:0403:6001"},
		Config{Name: "second", Port: "usb:0403:6001:A50285BI", Frame: "crlf", Baud: 115200},
		Config{Name: "fixed", Port: "/dev/serial/by-id/usb-FTDI_FT232R-if00-port0", Frame: "stx-etx", Repeat: new(time.Duration(0))},
		Config{Name: "beeping", Port: "/dev/ttyACM0", BeepRecorded: "\x1b[6q", BeepRefused: `\x1b[4q\r`},
		Config{Name: "typing", Port: "hid:0c2e:0b61"},
		Config{Name: "typing too", Port: "hid:0c2e:0b61:12345678", Layout: "se", Frame: "cr"},
		Config{Name: "typing as well", Port: "hid:/dev/input/by-id/usb-Honeywell_Xenon-event-kbd", Layout: "us", Frame: "tab"},
		Config{Name: "scale", Port: "/dev/serial/by-path/x", DataBits: 7, Parity: "even", StopBits: 2, Flow: "rts-cts", DTR: new(true)},
		Config{Name: "camera", Port: "tcp:192.0.2.5:9004", BeepRecorded: `\x06`},
		Config{Name: "gate", Port: "tcp-listen:9005", AIM: "required", GS: new([]string{"<GS>"}), Assume: "gs1", Encoding: "gbk", Check: "keep", StartStop: "keep"},
		Config{Name: "weighing", Port: "/dev/x", Store: []label.Store{{Prefix: "20", Item: 5, Weight: 5, Decimals: 3}}, Strip: Strip{Prefix: "/[A-Z]/", Trim: new(false)}},
		Config{Name: "old", Port: "/dev/ttyS1", Frame: "idle:80ms", Baud: 2400, Repeat: new(2 * time.Second)},
	)
	if got != nil {
		t.Errorf("sound settings have faults: %q", got)
	}
}

func TestEveryFaultOfASettingIsReported(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		scanners []Config
		want     []string // the beginning of each fault
	}{
		{"an empty table lacks its name and its port",
			[]Config{{}},
			[]string{"scanner 0 name: the scanner needs a name", "scanner 0 port: the scanner needs a port"}},
		{"all faults of one scanner at once",
			[]Config{{Name: "hand", Port: "COM3", Baud: 9601, Frame: "eof", Repeat: new(time.Duration(-1))}},
			[]string{
				`scanner 0 port: "COM3" is not a port`,
				"scanner 0 baud: 9601 is not a speed that readers have; allowed are 300, 600,",
				`scanner 0 frame: "eof" is not a frame; allowed are cr, lf, crlf, tab, stx-etx and idle:80ms`,
				"scanner 0 repeat: -1ns is not between 0s and 1m0s",
			}},
		{"a silence that no reader keeps",
			[]Config{{Name: "a", Port: "/dev/a", Frame: "idle:1ms"}, {Name: "b", Port: "/dev/b", Frame: "idle:"}, {Name: "c", Port: "/dev/c", Frame: "idle:2s"}},
			[]string{`scanner 0 frame: "idle:1ms" needs a time`, `scanner 1 frame: "idle:" needs a time`, `scanner 2 frame: "idle:2s" needs a time`}},
		{"what only the other kind of reader has",
			[]Config{
				{Name: "a", Port: "hid:0c2e:0b6a", Baud: 9600, Layout: "dvorak", BeepRecorded: "!", BeepRefused: "?"},
				{Name: "b", Port: "usb:0c2e:0b6a", Layout: "us"},
			},
			[]string{
				`scanner 0 layout: "dvorak" is not a layout; allowed are us, gb, se, fi, no, dk, de, fr, es, pl, ch`,
				"scanner 0 baud: a reader that types as a keyboard has no baud; leave it out",
				"scanner 0 beep_recorded: nothing can be sent to a reader that types",
				"scanner 0 beep_refused: nothing can be sent to a reader that types",
				"scanner 1 layout: only a reader that types as a keyboard has a layout",
			}},
		{"forms of a line that there are not",
			[]Config{{Name: "a", Port: "/dev/a", DataBits: 9, Parity: "some", StopBits: 3, Flow: "dtr"}, {Name: "b", Port: "/dev/b", Flow: "rts-cts", RTS: new(true)}},
			[]string{
				"scanner 0 data_bits: 9 is not what readers have; allowed are 7 and 8",
				"scanner 0 stop_bits: 3 is not what readers have; allowed are 1 and 2",
				`scanner 0 parity: there is no "some"; allowed: none, even, odd, mark, space`,
				`scanner 0 flow: there is no "dtr"; allowed: rts-cts, xon-xoff`,
				"scanner 1 rts: with rts-cts the kernel moves the line itself",
			}},
		{"a reader of the network has no line",
			[]Config{{Name: "a", Port: "tcp:192.0.2.5:9004", Baud: 9600, Layout: "us"}, {Name: "b", Port: "tcp:192.0.2.5"}, {Name: "c", Port: "hid:0c2e:0b61", Parity: "even"}},
			[]string{
				"scanner 0 baud: a reader that is no serial line has no baud; leave it out",
				"scanner 0 layout: only a reader that types as a keyboard has a layout",
				`scanner 1 port: "tcp:192.0.2.5" is no address`,
				"scanner 2 parity: a reader that types as a keyboard has no parity",
			}},
		{"ways to read a label that there are not",
			[]Config{{Name: "a", Port: "/dev/a", AIM: "maybe", Assume: "ean", Encoding: "ebcdic", Check: "no", GS: new([]string{""}), Strip: Strip{Suffix: "/(/"},
				Store: []label.Store{{Prefix: "2", Item: 5, Weight: 5}, {Prefix: "20", Item: 5, Weight: 3, Price: 2}}}},
			[]string{
				`scanner 0 aim: there is no "maybe"; allowed: required`,
				`scanner 0 assume: there is no "ean"; allowed: gs1, di`,
				`scanner 0 encoding: there is no "ebcdic"; allowed: auto,`,
				`scanner 0 check: there is no "no"; allowed: keep`,
				"scanner 0 gs: an empty text stands for no separator",
				"scanner 0 strip: error parsing regexp",
				"scanner 0 store: table 1 of [[scanner.store]]:  prefix, item, weight or price and the check digits are 12 digits together, and must be 13",
				"scanner 0 store: table 2 of [[scanner.store]]: weight a number says a weight or a price, in so many digits, and not both",
			}},
		{"a beep that cannot be",
			[]Config{{Name: "a", Port: "/dev/a", BeepRecorded: `\e[6q`, BeepRefused: strings.Repeat("!", 65)}},
			[]string{`scanner 0 beep_recorded: "\\e[6q" has a backslash that begins nothing`, "scanner 0 beep_refused: it is 65 bytes long; a beep has 64 at most"}},
		{"half a USB name",
			[]Config{{Name: "hand", Port: "usb:0403"}, {Name: "second", Port: "hid:event3"}},
			[]string{`scanner 0 port: "usb:0403" is not a USB name`, `scanner 1 port: "hid:event3" is not a USB name; it is hid:VENDOR`}},
		{"two scanners of one name",
			[]Config{{Name: "hand", Port: "/dev/a"}, {Name: "hand", Port: "/dev/b"}},
			[]string{`scanner 1 name: there is a scanner "hand" already`}},
		{"two scanners on one port, written differently",
			[]Config{{Name: "a", Port: "usb:0C2E:0B6A"}, {Name: "b", Port: "/dev/x"}, {Name: "c", Port: "usb:0c2e:0b6a"}, {Name: "d", Port: "/dev/./x"}, {Name: "e", Port: "hid:0C2E:0B6A"}, {Name: "f", Port: "hid:0c2e:0b6a"}},
			[]string{`scanner 2 port: scanner "a" has this port already`, `scanner 3 port: scanner "b" has this port already`, `scanner 5 port: scanner "e" has this port already`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := faults(test.scanners...)
			same := cmp.Comparer(func(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) })
			if diff := cmp.Diff(test.want, got, same); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBeepsAreWrittenAsTheManualsWriteThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                "",
		"\x1b[6q":         "\x1b[6q",
		`\x1b[6q`:         "\x1b[6q",
		`\x16M\r\t\n\a\\`: "\x16M\r\t\n\a\\",
		`\xb2\x00"'`:      "\xb2\x00\"'",
	} {
		if got, err := unescape(text); string(got) != want || err != nil {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
}
