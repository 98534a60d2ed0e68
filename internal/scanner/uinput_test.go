package scanner

import (
	"context"
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The ioctls of linux/uinput.h.
const (
	uiSetEvBit  = 0x40045564 // _IOW('U', 100, int)
	uiSetKeyBit = 0x40045565 // _IOW('U', 101, int)
	uiDevCreate = 0x5501     // _IO('U', 1)
)

// plugVirtual plugs in a keyboard that the kernel makes for this program, with the
// USB numbers 1209:5D01, and returns the hand on it.
func plugVirtual(t *testing.T) keyPresser {
	t.Helper()
	file, err := os.OpenFile("/dev/uinput", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no keyboard can be made here, so nothing was proved about the kernel's own event devices: %v", err)
	}
	t.Cleanup(func() { file.Close() })
	ioctl(t, file, uiSetEvBit, evKey)
	for code := 1; code < 128; code++ {
		ioctl(t, file, uiSetKeyBit, code)
	}
	// struct uinput_user_dev: a name of 80 bytes, bus (3: USB), vendor, product,
	// version, and the axes that a keyboard has not.
	about := append([]byte("stationd's test reader"), make([]byte, 1116)...)[:80]
	for _, n := range []uint16{3, 0x1209, 0x5D01, 1} {
		about = binary.NativeEndian.AppendUint16(about, n)
	}
	if _, err := file.Write(append(about, make([]byte, 1116-len(about))...)); err != nil {
		t.Fatal(err)
	}
	ioctl(t, file, uiDevCreate, 0)
	return keyPresser{t, file}
}

func ioctl(t *testing.T, file *os.File, request uint, value int) {
	t.Helper()
	if err := unix.IoctlSetInt(int(file.Fd()), request, value); err != nil {
		t.Fatal(err)
	}
}

// It is not parallel: the keyboard is everybody's.
func TestAKeyboardOfTheKernels(t *testing.T) {
	const port = "hid:1209:5d01"
	h := plugVirtual(t)
	b := prepare(t, Config{})
	b.config.Port = port
	us, _ := findLayout("us")
	b.dial = func(_ context.Context, path string) (device, error) { return openKeyboard(path, us) }
	for found := false; !found; <-time.After(10 * time.Millisecond) {
		_, err := b.roots.find(port)
		found = err == nil
	}
	b.start(t)
	b.waitForLog(t, "scanner ready")
	h.types("PO4711")
	b.expectScans(t, "PO4711")

	path, err := b.roots.find(port)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openKeyboard(path, us); err == nil || !strings.Contains(err.Error(), "in use, stop the other program") {
		t.Errorf("a second program is told %v", err)
	}
	other, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	h.types("PO4712")
	b.expectScans(t, "PO4712")
	if err := other.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := other.Read(make([]byte, 24)); n != 0 {
		t.Errorf("another program reads what was scanned: %d bytes, %v", n, err)
	}

	h.unplug()
	b.waitForLog(t, "scanner not ready")
	if fault := b.Faults()["hand"]; !strings.Contains(fault, "unplugged, plug the reader in again: no such device") {
		t.Errorf("an unplugged reader tells %q", fault)
	}
	h = plugVirtual(t)
	b.waitForLog(t, "scanner ready")
	h.types("PO4713")
	b.expectScans(t, "PO4713")
	b.expectNoMore(t)
	b.wantCounts(t, Counts{Frames: 3, Reopenings: 1})
}
