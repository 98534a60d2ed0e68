package scanner

import (
	"testing"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"
)

// What a scanner's manual calls 7E1 and the like is how the kernel has the line set up, as
// far as its pty keeps it: a pty has eight bits without parity whatever it is told, so these
// two are seen in what the module is handed.
func TestALineIsSetUpAsTheConfigurationSays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		config  Config
		bits    int
		parity  serial.Parity
		control uint32 // of c_cflag
		input   uint32 // of c_iflag
		speed   uint32
	}{
		{"8N1", Config{}, 8, serial.NoParity, 0, 0, unix.B9600},
		{"7E1", Config{DataBits: 7, Parity: "even"}, 7, serial.EvenParity, 0, 0, unix.B9600},
		{"7O2", Config{DataBits: 7, Parity: "odd", StopBits: 2}, 7, serial.OddParity, unix.PARODD | unix.CSTOPB, 0, unix.B9600},
		{"7M1", Config{DataBits: 7, Parity: "mark"}, 7, serial.MarkParity, unix.PARODD | unix.CMSPAR, 0, unix.B9600},
		{"7S1", Config{DataBits: 7, Parity: "space"}, 7, serial.SpaceParity, unix.CMSPAR, 0, unix.B9600},
		{"8E1 at 115200", Config{Parity: "even", Baud: 115200}, 8, serial.EvenParity, 0, 0, unix.B115200},
		{"8N2 at 300", Config{StopBits: 2, Baud: 300}, 8, serial.NoParity, unix.CSTOPB, 0, unix.B300},
		{"RTS and CTS", Config{Flow: "rts-cts"}, 8, serial.NoParity, unix.CRTSCTS, 0, unix.B9600},
		{"XON and XOFF", Config{Flow: "xon-xoff"}, 8, serial.NoParity, 0, unix.IXON | unix.IXOFF, unix.B9600},
		{"DTR and RTS of a line that has none", Config{DTR: new(true), RTS: new(false)}, 8, serial.NoParity, 0, 0, unix.B9600},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCable(t)
			test.config.Port = c.path
			b := prepare(t, test.config)
			b.start(t)
			if test.config.DTR != nil {
				b.waitForLog(t, "the line has no such levels, and is read all the same; where the reader stays silent, it needs another line or adapter")
			}
			b.waitForLog(t, "scanner ready")
			line, err := unix.IoctlGetTermios(int(c.hand.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			if mode := test.config.mode(); mode.DataBits != test.bits || mode.Parity != test.parity {
				t.Errorf("the module is handed %+v", mode)
			}
			const control = unix.PARODD | unix.CSTOPB | unix.CMSPAR | unix.CRTSCTS
			if got := line.Cflag & control; got != test.control {
				t.Errorf("the line is set up as %#o, want %#o", got, test.control)
			}
			if got := line.Iflag & (unix.IXON | unix.IXOFF); got != test.input {
				t.Errorf("it is held up by %#o, want %#o", got, test.input)
			}
			if got := line.Cflag & unix.CBAUD; got != test.speed {
				t.Errorf("its speed is %#o, want %#o", got, test.speed)
			}
			c.scan(t, "PO4711\r")
			b.expectScans(t, "PO4711")
		})
	}
}
