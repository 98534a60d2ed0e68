package scanner

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func faults(scanners ...Scanner) []string {
	var found []string
	Check(scanners, func(table string, index int, key, text string) {
		found = append(found, fmt.Sprintf("%s %d %s: %s", table, index, key, text))
	})
	return found
}

func TestSettingsThatReadersHaveAreAccepted(t *testing.T) {
	t.Parallel()
	got := faults(
		Scanner{Name: "hand", Port: "usb:0403:6001"},
		Scanner{Name: "second", Port: "usb:0403:6001:A50285BI", Frame: "crlf", Baud: 115200},
		Scanner{Name: "fixed", Port: "/dev/serial/by-id/usb-FTDI_FT232R-if00-port0", Frame: "stx-etx", Repeat: new(time.Duration(0))},
		Scanner{Name: "old", Port: "/dev/ttyS1", Frame: "idle:80ms", Baud: 2400, Repeat: new(2 * time.Second)},
	)
	if got != nil {
		t.Errorf("sound settings have faults: %q", got)
	}
}

func TestEveryFaultOfASettingIsReported(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		scanners []Scanner
		want     []string // the beginning of each fault
	}{
		{"an empty table lacks its name and its port",
			[]Scanner{{}},
			[]string{"scanner 0 name: the scanner needs a name", "scanner 0 port: the scanner needs a port"}},
		{"all faults of one scanner at once",
			[]Scanner{{Name: "hand", Port: "COM3", Baud: 9601, Frame: "tab", Repeat: new(time.Duration(-1))}},
			[]string{
				`scanner 0 port: "COM3" is not a port`,
				"scanner 0 baud: 9601 is not a speed that readers have; allowed are 300, 600,",
				`scanner 0 frame: "tab" is not a frame; allowed are cr, lf, crlf, stx-etx and idle:80ms`,
				"scanner 0 repeat: -1ns is not between 0s and 1m0s",
			}},
		{"a silence that no reader keeps",
			[]Scanner{{Name: "a", Port: "/dev/a", Frame: "idle:1ms"}, {Name: "b", Port: "/dev/b", Frame: "idle:"}, {Name: "c", Port: "/dev/c", Frame: "idle:2s"}},
			[]string{`scanner 0 frame: "idle:1ms" needs a time`, `scanner 1 frame: "idle:" needs a time`, `scanner 2 frame: "idle:2s" needs a time`}},
		{"a reader that types as a keyboard",
			[]Scanner{{Name: "hand", Port: "hid:0c2e:0b6a"}},
			[]string{"scanner 0 port: readers that type as a keyboard are not supported yet"}},
		{"half a USB name",
			[]Scanner{{Name: "hand", Port: "usb:0403"}},
			[]string{`scanner 0 port: "usb:0403" is not a USB name`}},
		{"two scanners of one name",
			[]Scanner{{Name: "hand", Port: "/dev/a"}, {Name: "hand", Port: "/dev/b"}},
			[]string{`scanner 1 name: there is a scanner "hand" already`}},
		{"two scanners on one port, written differently",
			[]Scanner{{Name: "a", Port: "usb:0C2E:0B6A"}, {Name: "b", Port: "/dev/x"}, {Name: "c", Port: "usb:0c2e:0b6a"}, {Name: "d", Port: "/dev/./x"}},
			[]string{`scanner 2 port: scanner "a" has this port already`, `scanner 3 port: scanner "b" has this port already`}},
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
