package scanner

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A busy board comes back to a reader when the time that it waits for it is over, and what the
// reader has sent is there. It was sent in time: that is no silence, which would cut a scan.
func TestWhatHasArrivedIsReadThoughTheTimeForItIsOver(t *testing.T) {
	t.Parallel()
	const over = -time.Second
	long := strings.Repeat("0123456789", 10)
	for _, reader := range []struct {
		kind string
		sent func(*testing.T) device
		want string
	}{
		{"a reader that types", func(t *testing.T) device {
			k, hand := newKeyboard(t, defaultLayout)
			hand.types("PO4711")
			return k
		}, "PO4711\r"},
		{"a reader in HID-POS mode", func(t *testing.T) device {
			read, write := packets(t)
			layout, _ := parsePOS(posDescriptor())
			for _, report := range [][]byte{posReport("]Q1", long[:56], true), posReport("]Q1", long[56:], false)} {
				if _, err := write.Write(report); err != nil {
					t.Fatal(err)
				}
			}
			return &pos{file: read, layout: layout}
		}, "]Q1" + long},
		{"a reader of the network", func(t *testing.T) device {
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := unix.Write(pair[1], []byte("PO4711\r")); err != nil {
				t.Fatal(err)
			}
			file := os.NewFile(uintptr(pair[0]), "reader")
			line, err := net.FileConn(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { line.Close(); file.Close(); unix.Close(pair[1]) })
			return &connection{line: line}
		}, "PO4711\r"},
	} {
		t.Run(reader.kind, func(t *testing.T) {
			t.Parallel()
			d, buf := reader.sent(t), make([]byte, readSize)
			if n, err := d.read(buf, over); err != nil || string(buf[:n]) != reader.want {
				t.Errorf("%q and %v were read, want %q", buf[:n], err, reader.want)
			}
			if n, err := d.read(buf, over); err != nil || n != 0 {
				t.Errorf("%q and %v were read behind it, want nothing", buf[:n], err)
			}
		})
	}
}
