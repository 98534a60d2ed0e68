package gpio

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTheKeyOfAFootPedalIsALine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		chip string
		code int
	}{
		"input:1209:5D01/KEY_F13":                    {"input:1209:5d01", 183},
		"input:1209:5d01/KEY_F24":                    {"input:1209:5d01", 194},
		"input:1209:5d01/KEY_F1":                     {"input:1209:5d01", 59},
		"input:1209:5d01/KEY_F12":                    {"input:1209:5d01", 88},
		"input:1209:5d01/KEY_B":                      {"input:1209:5d01", 48},
		"input:1209:5d01/KEY_7":                      {"input:1209:5d01", 8},
		"input:1209:5d01/KEY_ENTER":                  {"input:1209:5d01", 28},
		"input:0001:0001/BTN_3":                      {"input:0001:0001", 0x103},
		"input:1209:5d01/183":                        {"input:1209:5d01", 183},
		"input:/dev/input/by-path/x-event-kbd/KEY_A": {"input:/dev/input/by-path/x-event-kbd", 30},
		"input:1209:5d01/KEY_F25":                    {}, "input:1209:5d01/768": {}, "input:1209:5d01/0": {}, "input:1209/KEY_A": {},
		"input:1209:5d01": {}, "KEY_A": {}, "": {}, "usb:1209:5d01/KEY_A": {}, "input:1209:5d01/BTN_99": {},
	} {
		chip, code, err := parseKey(text)
		if (err == nil) != (want.code != 0) || err == nil && (chip != want.chip || code != want.code) {
			t.Errorf("%s is %s %d, %v", text, chip, code, err)
		}
	}
	placed := Button{Name: "pedal", Key: "input:1209:5d01/KEY_F13"}.ResolveKey().withDefaults(Chips{Chip: "header"})
	if placed.Chip != "input:1209:5d01" || placed.Pin != 183 || placed.Active != high || placed.Bias != noBias {
		t.Errorf("%+v", placed)
	}
}

// eventBytes is an event as the kernel writes it.
func eventBytes(word int, at time.Duration, kind, code uint16, value int32) []byte {
	var b []byte
	seconds, micros := uint64(at/time.Second), uint64(at%time.Second/time.Microsecond)
	if word == 4 {
		b = binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(b, uint32(seconds)), uint32(micros))
	} else {
		b = binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(b, seconds), micros)
	}
	b = binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(b, kind), code)
	return binary.NativeEndian.AppendUint32(b, uint32(value))
}

func TestEventsOfKeysAreEdgesWithTheKernelsTime(t *testing.T) {
	t.Parallel()
	for _, word := range []int{4, 8} {
		now := readClock()
		before := time.Duration(now.ns) - time.Millisecond
		k := &keyLines{places: map[uint16]int{183: 1, 30: 0}, clock: clock{now.at.Add(-time.Second), now.ns - int64(time.Second)}}
		for _, event := range [][]byte{
			eventBytes(word, before, evKey, 183, 1), eventBytes(word, before, evSyn, 0, 0), eventBytes(word, before, evKey, 183, 2),
			eventBytes(word, before, evKey, 99, 1), eventBytes(word, before, evSyn, synDropped, 0), eventBytes(word, before, evKey, 30, 0),
		} {
			k.unread = append(k.unread, event...)
		}
		first, ok := k.next(word)
		if !ok || first.line != 1 || !first.high || first.gap || first.at.IsZero() {
			t.Errorf("first edge %+v, %v", first, ok)
		}
		second, ok := k.next(word)
		if !ok || second.line != 0 || second.high || !second.gap {
			t.Errorf("second edge %+v, %v", second, ok)
		}
		if _, ok := k.next(word); ok {
			t.Error("there is a third")
		}
	}
}

func TestOfTheDevicesOfOnePedalTheOneWithItsKeysIsMeant(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, keys := range map[string]string{"event3": "7ffffffffffffe", "event4": "80000000000000 0 fffffffffffffffe"} {
		for file, text := range map[string]string{"id/vendor": "1209", "id/product": "5d01", "capabilities/key": keys} {
			path := filepath.Join(root, name, "device", file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text+"\n"), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := inputChip{name: "input:1209:5d01", dev: "/dev/input", sys: root}
	if path, err := c.find([]inputPin{{pin: 183}}); path != "/dev/input/event4" || err != nil {
		t.Errorf("F13 is at %s, %v", path, err)
	}
	if path, err := c.find([]inputPin{{pin: 700}}); err == nil {
		t.Errorf("key 700 is at %s", path)
	}
	if _, err := (inputChip{name: "input:1209:5d02", sys: root}).find(nil); err == nil {
		t.Error("another device is there")
	}
}

// It is not parallel: the keyboard is everybody's.
func TestAPedalOfTheKernels(t *testing.T) {
	device, err := os.OpenFile("/dev/uinput", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no input device can be made here, so nothing was proved about the kernel's own: %v", err)
	}
	defer device.Close()
	ioctl := func(request uint, value int) {
		t.Helper()
		if err := unix.IoctlSetInt(int(device.Fd()), request, value); err != nil {
			t.Fatal(err)
		}
	}
	ioctl(0x40045564, evKey) // UI_SET_EVBIT
	ioctl(0x40045565, 183)   // UI_SET_KEYBIT
	about := make([]byte, 1116)
	copy(about, "stationd's test pedal")
	for i, n := range []uint16{3, 0x1209, 0x5D02, 1} {
		binary.NativeEndian.PutUint16(about[80+2*i:], n)
	}
	if _, err := device.Write(about); err != nil {
		t.Fatal(err)
	}
	ioctl(0x5501, 0) // UI_DEV_CREATE
	var in inputLines
	for deadline := time.Now().Add(10 * time.Second); ; {
		if in, err = (inputChip{name: "input:1209:5d02", dev: "/dev/input", sys: "/sys/class/input"}).inputs([]inputPin{{pin: 183}}); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond) // udev makes its file
	}
	defer in.close()
	for _, value := range []int32{1, 0} {
		for _, event := range [][]byte{eventBytes(8, 0, evKey, 183, value), eventBytes(8, 0, evSyn, 0, 0)} {
			if _, err := device.Write(event); err != nil {
				t.Fatal(err)
			}
		}
		e, err := in.wait(10 * time.Second)
		if err != nil || e.high != (value == 1) {
			t.Fatalf("edge %+v, %v", e, err)
		}
		if level, err := in.levels(); err != nil || level != uint64(value) {
			t.Fatalf("level %d, %v", level, err)
		}
	}
}
