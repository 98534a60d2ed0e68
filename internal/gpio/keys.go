package gpio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file reads the keys of an input device as lines like those of a chip: a foot pedal
// that calls itself a keyboard, a box of buttons on USB, a gpio-keys overlay. A line is
// high while its key is down, and its edges have the kernel's time.

// inputPrefix marks an input device in place of a chip: input:VENDOR:PRODUCT, in four
// hexadecimal digits each, or input:/dev/input/by-path/….
const inputPrefix = "input:"

// maxKey is the highest key code that there is (KEY_MAX).
const maxKey = 0x2FF

var (
	usbInput = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^input:[0-9a-f]{4}:[0-9a-f]{4}$`) })
	keyRange = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(KEY_F|BTN_|KEY_)?([0-9]{1,3})$`) })
)

// ResolveKey returns the button with the input device of its key as its chip and the key's
// code as its pin. A button without a key, or with one that Check refuses, is as it was.
func (b Button) ResolveKey() Button {
	chip, code, err := parseKey(b.Key)
	if b.Key == "" || err != nil {
		return b
	}
	b.Chip, b.Pin = chip, code
	if b.Active == "" {
		b.Active = high
	}
	if b.Bias == "" {
		b.Bias = noBias
	}
	return b
}

// IsInput reports whether a chip, as configured, is an input device.
func IsInput(chip string) bool { return strings.HasPrefix(chip, inputPrefix) }

// parseKey reads input:VENDOR:PRODUCT/KEY_F13. The key is its name in
// linux/input-event-codes.h, as far as this program knows it, or its number.
func parseKey(text string) (chip string, code int, err error) {
	at := strings.LastIndex(text, "/")
	if at < 0 {
		return "", 0, fmt.Errorf("%q is no key of an input device; it is input:VENDOR:PRODUCT/KEY, as input:1209:5d01/KEY_F13", text)
	}
	chip, name := text[:at], text[at+1:]
	if lower := strings.ToLower(chip); usbInput().MatchString(lower) {
		chip = lower
	} else if !strings.HasPrefix(chip, inputPrefix+"/dev/input/") {
		return "", 0, fmt.Errorf("%q is no input device; it is input:VENDOR:PRODUCT in four hexadecimal digits each, or input:/dev/input/by-path/…", chip)
	}
	if code = keyCode(name); code == 0 {
		return "", 0, fmt.Errorf("%q is no key; it is a name as KEY_F13, KEY_A, KEY_ENTER or BTN_0, or a number from 1 to %d", name, maxKey)
	}
	return chip, code, nil
}

// keyCode returns the code of a key; 0 for none.
func keyCode(name string) int {
	named := map[string]int{
		"KEY_ESC": 1, "KEY_BACKSPACE": 14, "KEY_TAB": 15, "KEY_ENTER": 28, "KEY_LEFTCTRL": 29, "KEY_LEFTSHIFT": 42, "KEY_LEFTALT": 56, "KEY_SPACE": 57,
		"KEY_KPENTER": 96, "KEY_HOME": 102, "KEY_UP": 103, "KEY_PAGEUP": 104, "KEY_LEFT": 105, "KEY_RIGHT": 106, "KEY_END": 107, "KEY_DOWN": 108,
		"KEY_PAGEDOWN": 109, "KEY_INSERT": 110, "KEY_DELETE": 111, "KEY_MUTE": 113, "KEY_VOLUMEDOWN": 114, "KEY_VOLUMEUP": 115, "KEY_POWER": 116,
		"KEY_PAUSE": 119, "KEY_STOP": 128, "KEY_PROG1": 148, "KEY_PROG2": 149, "KEY_PLAYPAUSE": 164, "KEY_PROG3": 202, "KEY_PROG4": 203,
		"BTN_LEFT": 0x110, "BTN_RIGHT": 0x111, "BTN_MIDDLE": 0x112, "BTN_TRIGGER": 0x120, "BTN_THUMB": 0x121, "BTN_SOUTH": 0x130, "BTN_EAST": 0x131,
	}
	if code := named[name]; code != 0 {
		return code
	}
	if letter, is := strings.CutPrefix(name, "KEY_"); is && len(letter) == 1 {
		for first, row := range map[int]string{2: "1234567890", 16: "QWERTYUIOP", 30: "ASDFGHJKL", 44: "ZXCVBNM"} {
			if i := strings.Index(row, letter); i >= 0 {
				return first + i
			}
		}
	}
	m := keyRange().FindStringSubmatch(name)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[2]) // three digits
	switch {
	case m[1] == "KEY_F" && 1 <= n && n <= 10:
		return 58 + n
	case m[1] == "KEY_F" && (n == 11 || n == 12):
		return 76 + n
	case m[1] == "KEY_F" && 13 <= n && n <= 24:
		return 170 + n
	case m[1] == "BTN_" && n <= 9:
		return 0x100 + n
	case m[1] == "" && 1 <= n && n <= maxKey:
		return n
	}
	return 0
}

// FindInput returns the device behind the name of an input device, which must have all the
// keys of those codes. It is not opened.
func FindInput(chip string, codes []int) (string, error) {
	var pins []inputPin
	for _, code := range codes {
		pins = append(pins, inputPin{pin: code})
	}
	path, err := inputChip{name: chip, dev: "/dev/input", sys: "/sys/class/input"}.find(pins)
	if err != nil {
		return "", err
	}
	_, err = os.Stat(path)
	return path, err
}

// An inputChip is an input device.
type inputChip struct{ name, dev, sys string }

func (c inputChip) close() error { return nil }

func (c inputChip) output(int) (outputLine, error) {
	return nil, fmt.Errorf("%s: an input device has no lamp and no buzzer", c.name)
}

// inputs implements chip. The pins are key codes.
func (c inputChip) inputs(pins []inputPin) (inputLines, error) {
	path, err := c.find(pins)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.EPERM) {
		err = fmt.Errorf("the unit does not allow this device yet: systemctl daemon-reload, then systemctl restart stationd: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	k := &keyLines{file: file, clock: readClock(), places: make(map[uint16]int)}
	for i, p := range pins {
		k.places[uint16(p.pin)] = i
	}
	if k.raw, err = file.SyscallConn(); err == nil {
		err = k.grab()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", c.name, err), file.Close())
	}
	return k, nil
}

// find returns the device that has all the keys: one that is plugged in is often several
// devices, of which one types and another controls the volume.
func (c inputChip) find(pins []inputPin) (string, error) {
	if path := strings.TrimPrefix(c.name, inputPrefix); strings.HasPrefix(path, "/") {
		return path, nil
	}
	numbers := strings.Split(c.name, ":")
	folders, err := filepath.Glob(filepath.Join(c.sys, "event*", "device"))
	if err != nil {
		return "", err
	}
	there := false
	for _, folder := range folders {
		if attribute(folder, "id/vendor") != numbers[1] || attribute(folder, "id/product") != numbers[2] {
			continue
		}
		there = true
		if hasKeys(attribute(folder, "capabilities/key"), pins) {
			return filepath.Join(c.dev, filepath.Base(filepath.Dir(folder))), nil
		}
	}
	if there {
		return "", fmt.Errorf("%s: it is there, and has not all the keys that buttons name", c.name)
	}
	return "", fmt.Errorf("%s: it is not there, plug it in", c.name)
}

// hasKeys reports whether a device's keys are among its capabilities: a bit for each
// code, in words of the kernel's own length, the lowest last.
func hasKeys(capabilities string, pins []inputPin) bool {
	words := strings.Fields(capabilities)
	for _, p := range pins {
		word := len(words) - 1 - p.pin/bits.UintSize
		if word < 0 {
			return false
		}
		value, err := strconv.ParseUint(words[word], 16, 64)
		if err != nil || value>>(p.pin%bits.UintSize)&1 == 0 {
			return false
		}
	}
	return true
}

func attribute(folder, name string) string {
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// A keyLines is the keys of an input device as input lines.
type keyLines struct {
	file   *os.File
	raw    interface{ Control(func(fd uintptr)) error }
	places map[uint16]int // the place of a line, by key code
	clock  clock
	unread []byte
	gap    bool // the kernel has dropped events
	waker  waker
}

// grab takes the device for this program alone, so that what a pedal types does not
// reach the console, and has its events in the kernel's own time.
func (k *keyLines) grab() error {
	const eviocgrab, eviocsclockid = 0x40044590, 0x400445a0 // of linux/input.h
	var refused error
	err := k.raw.Control(func(fd uintptr) {
		refused = unix.IoctlSetInt(int(fd), eviocgrab, 1)
		if refused == nil {
			refused = unix.IoctlSetPointerInt(int(fd), eviocsclockid, unix.CLOCK_MONOTONIC)
		}
	})
	if errors.Is(refused, unix.EBUSY) {
		return fmt.Errorf("in use, as a reader or by another program: %w", refused)
	}
	return errors.Join(err, refused)
}

func (k *keyLines) close() error { return k.file.Close() }

// levels implements inputLines.
func (k *keyLines) levels() (uint64, error) {
	const eviocgkey = 0x80604518 // _IOR('E', 0x18, 96 bytes)
	var down [maxKey/8 + 1]byte
	var refused unix.Errno
	err := k.raw.Control(func(fd uintptr) {
		_, _, refused = unix.Syscall(unix.SYS_IOCTL, fd, eviocgkey, uintptr(unsafe.Pointer(&down)))
	})
	if err != nil {
		return 0, err
	}
	if refused != 0 {
		return 0, refused
	}
	var level uint64
	for code, place := range k.places {
		if down[code/8]>>(code%8)&1 != 0 {
			level |= 1 << place
		}
	}
	return level, nil
}

// The kinds of events and what they say (linux/input-event-codes.h).
const (
	evSyn      = 0
	evKey      = 1
	synDropped = 3
)

func (k *keyLines) wake() { k.waker.wake(k.file.SetReadDeadline) }

// wait implements inputLines.
func (k *keyLines) wait(timeout time.Duration) (edge, error) {
	end := time.Now().Add(timeout)
	for {
		if e, ok := k.next(bits.UintSize / 8); ok {
			return e, nil
		}
		ended, err := k.waker.begin(end, k.file.SetReadDeadline)
		if err != nil {
			return edge{}, err
		}
		if ended {
			return edge{}, os.ErrDeadlineExceeded
		}
		read := make([]byte, batch*24)
		n, err := k.file.Read(read)
		if err != nil {
			return edge{}, err
		}
		k.unread = append(k.unread, read[:n]...)
	}
}

// next returns the oldest edge that was read. A word is the machine's own, 8 bytes or 4:
//
//	struct input_event { word seconds, microseconds; u16 type, code; s32 value; }
func (k *keyLines) next(word int) (e edge, ok bool) {
	size := 2*word + 8
	for len(k.unread) >= size {
		b := k.unread[:size]
		k.unread = k.unread[size:]
		kind, code := binary.NativeEndian.Uint16(b[2*word:]), binary.NativeEndian.Uint16(b[2*word+2:])
		value := binary.NativeEndian.Uint32(b[2*word+4:])
		place, known := k.places[code]
		switch {
		case kind == evSyn && code == synDropped:
			k.gap = true
		case kind == evKey && known && value <= 1: // 2 is the kernel's own repetition
			e = edge{line: place, high: value == 1, at: k.clock.time(eventTime(b, word)), gap: k.gap}
			k.gap = false
			return e, true
		}
	}
	return edge{}, false
}

// eventTime returns the time of an event in nanoseconds of CLOCK_MONOTONIC.
func eventTime(b []byte, word int) uint64 {
	var seconds, micros uint64
	if word == 4 {
		seconds, micros = uint64(binary.NativeEndian.Uint32(b)), uint64(binary.NativeEndian.Uint32(b[4:]))
	} else {
		seconds, micros = binary.NativeEndian.Uint64(b), binary.NativeEndian.Uint64(b[8:])
	}
	return seconds*uint64(time.Second) + micros*uint64(time.Microsecond)
}
