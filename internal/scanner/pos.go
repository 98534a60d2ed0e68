package scanner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The usages of a report that holds a scan (HID Point of Sale Usage Tables 1.02, bar code
// scanner page; the count is of the generic desktop page). A usage is its page and its
// number.
const (
	usageScanner   = 0x8C<<16 | 0x02
	usageCount     = 0x01<<16 | 0x3B
	usageAIM       = 0x8C<<16 | 0xFB // and the two behind it
	usageData      = 0x8C<<16 | 0xFE
	usageContinued = 0x8C<<16 | 0xFF
)

// A field is where something stands in a report, in bits behind the report's number; a
// length of 0 is none.
type field struct{ at, length int }

// A posLayout says where the parts of a scan stand in the report that holds it.
type posLayout struct {
	report    byte // its number
	numbered  bool // reports begin with their number
	count     field
	aim       field
	data      field
	continued field // not 0: the next report has more of the same scan
}

// The items of a report descriptor (Device Class Definition for HID 1.11, 6.2.2), without
// their lengths.
const (
	itemInput       = 0x80
	itemCollection  = 0xA0
	itemUsagePage   = 0x04
	itemReportSize  = 0x74
	itemReportID    = 0x84
	itemReportCount = 0x94
	itemPush        = 0xA4
	itemPop         = 0xB4
	itemUsage       = 0x08
	itemUsageMin    = 0x18
	itemLong        = 0xFE
)

// maxReportBits is the longest report that is believed: hidraw's own limit is 16 KiB.
const maxReportBits = 16384 * 8

// A posItems is the state of a report descriptor's parser: what holds for its next field.
type posItems struct {
	page, size, count int
	report            byte
}

// parsePOS finds the report of a bar code scanner in a report descriptor, as most scanners
// have it:
//
//	05 8C 09 02 A1 01       bar code scanner
//	09 12 A1 02 85 02       scanned data, report 2
//	75 08 95 01 05 01 09 3B 81 02          its length in bytes
//	95 03 05 8C 09 FB 09 FC 09 FD 81 02    the AIM identifier
//	95 38 09 FE 82 02 01                   56 bytes of data
//	…
//	75 01 95 01 09 FF 81 02                more follows
//
// ok is false for what is no such scanner.
func parsePOS(descriptor []byte) (l posLayout, ok bool) {
	var now posItems
	var stack []posItems
	var usages []int
	ends := make(map[byte]int) // of each report, in bits
	scanner := false
	for d := descriptor; len(d) > 0; {
		head := d[0]
		size := [...]int{0, 1, 2, 4}[head&3]
		if head == itemLong || len(d) < 1+size {
			return posLayout{}, false
		}
		value := 0
		for i, b := range d[1 : 1+size] {
			value |= int(b) << (8 * i)
		}
		d = d[1+size:]
		switch head &^ 3 {
		case itemUsagePage:
			now.page = value & 0xFFFF
		case itemReportSize:
			now.size = value
		case itemReportCount:
			now.count = value
		case itemReportID:
			now.report, l.numbered = byte(value), true
		case itemPush:
			stack = append(stack, now)
		case itemPop:
			if len(stack) == 0 {
				return posLayout{}, false
			}
			now, stack = stack[len(stack)-1], stack[:len(stack)-1]
		case itemUsage, itemUsageMin:
			if size < 4 {
				value |= now.page << 16
			}
			usages = append(usages, value)
		case itemCollection:
			scanner = scanner || len(usages) > 0 && usages[0] == usageScanner
			usages = nil
		case itemInput:
			f := field{ends[now.report], now.size * now.count}
			if now.size < 0 || now.count < 0 || now.size > maxReportBits || now.count > maxReportBits || f.at+f.length > maxReportBits {
				return posLayout{}, false
			}
			ends[now.report] += f.length
			l.assign(now, f, usages)
			usages = nil
		case 0x90, 0xB0, 0xC0: // an output, a feature, the end of a collection
			usages = nil
		}
	}
	whole := func(f field) bool { return f.at%8 == 0 && f.length%8 == 0 }
	return l, scanner && l.data.length > 0 && whole(l.data) && whole(l.count) && whole(l.aim) && l.count.length <= 16
}

// assign notes what a field is for. The report of the data is the one that counts.
func (l *posLayout) assign(now posItems, f field, usages []int) {
	for i, usage := range usages {
		one := field{f.at + i*now.size, now.size} // each of several usages has one element
		switch {
		case usage == usageData && l.data.length == 0:
			l.data, l.report = f, now.report
		case usage == usageCount && l.data.length == 0:
			l.count = one
		case usage == usageAIM && l.data.length == 0:
			l.aim = field{one.at, 3 * now.size}
		case usage == usageContinued && now.report == l.report:
			l.continued = one
		}
	}
}

// bytes returns the bytes of a field; nil where the report is too short.
func (f field) bytes(report []byte) []byte {
	from, to := f.at/8, (f.at+f.length+7)/8
	if f.length == 0 || to > len(report) {
		return nil
	}
	return report[from:to]
}

// split takes a report apart. mine is false for a report of something else. A count that
// is longer than there is room for is an error: what it belongs to is not a scan.
func (l posLayout) split(report []byte) (aim, data []byte, more, mine bool, err error) {
	if l.numbered {
		if len(report) == 0 || report[0] != l.report {
			return nil, nil, false, false, nil
		}
		report = report[1:]
	}
	data = l.data.bytes(report)
	if data == nil {
		return nil, nil, true, true, errors.New("a report is shorter than the reader said")
	}
	if c := l.continued.bytes(report); c != nil {
		mask := byte(1<<min(l.continued.length, 8)-1) << (l.continued.at % 8)
		more = c[0]&mask != 0
	}
	if count := l.count.bytes(report); count != nil {
		n := 0
		for i, b := range count {
			n |= int(b) << (8 * i)
		}
		if n > len(data) {
			return nil, nil, more, true, errors.New("a report says that it holds more than it can")
		}
		data = data[:n]
	} else {
		data = bytes.TrimRight(data, "\x00")
	}
	if aim = l.aim.bytes(report); len(aim) != 3 || aim[0] != ']' {
		aim = nil
	}
	return aim, data, more, true, nil
}

// A pos is an open scanner that sends its scans in reports (HID-POS). Each read is one
// whole scan, whatever characters it holds, so that nothing has to end it.
type pos struct {
	file      *os.File
	layout    posLayout
	text      []byte    // of a scan of which more is to come
	droppedAt time.Time // when a scan was given up whose rest may come; zero: none
	raw       [4096]byte
}

// posRestTime is how long after it was given up the rest of a scan may come. The reports of
// one scan come within hundredths of a second.
const posRestTime = time.Second

// openPOS opens the hidraw device at path and takes its lock.
func openPOS(path string) (*pos, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, explainUnit(path, explainOpen(withoutPath(err)))
	}
	p := &pos{file: file}
	if err := p.prepare(); err != nil {
		file.Close()
		return nil, explainOpen(err)
	}
	return p, nil
}

// prepare takes the lock and reads how the reports are laid out.
func (p *pos) prepare() error {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	var about unix.HIDRawReportDescriptor
	var refused error
	err = conn.Control(func(fd uintptr) {
		if refused = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB); refused != nil {
			return
		}
		var size int
		if size, refused = unix.IoctlGetInt(int(fd), unix.HIDIOCGRDESCSIZE); refused == nil {
			about.Size = uint32(min(size, len(about.Value)))
			refused = unix.IoctlHIDGetDesc(int(fd), &about)
		}
	})
	if err := errors.Join(err, refused); err != nil {
		return err
	}
	var ok bool
	if p.layout, ok = parsePOS(about.Value[:min(int(about.Size), len(about.Value))]); !ok {
		return errors.New("no HID-POS reader; set it to HID-POS (USB HID POS, OPOS), or name it as it is set now, usb:VENDOR:PRODUCT or hid:VENDOR:PRODUCT")
	}
	return nil
}

// read reads one scan whole, waiting for its first report at most patience.
func (p *pos) read(b []byte, timeout time.Duration) (int, error) {
	if err := p.file.SetReadDeadline(deadline(timeout)); err != nil {
		return 0, withoutPath(err)
	}
	for {
		n, err := readOrLook(p.file, p.raw[:])
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return 0, p.unfinished()
		case err != nil:
			return 0, fmt.Errorf("unplugged, plug the reader in again: %w", withoutPath(err))
		case timeout == untilClosed:
			timeout = restTimeout
			if err := p.file.SetReadDeadline(deadline(timeout)); err != nil {
				return 0, withoutPath(err)
			}
		}
		aim, data, more, mine, err := p.layout.split(p.raw[:n])
		switch {
		case !mine:
			continue
		case !p.droppedAt.IsZero() && time.Since(p.droppedAt) < posRestTime:
			if !more {
				p.droppedAt = time.Time{} // that was its end
			}
			continue
		case err != nil:
			return 0, p.giveUp(more, err.Error())
		}
		p.droppedAt = time.Time{}
		if p.text == nil {
			p.text = append([]byte{}, aim...)
		}
		p.text = append(p.text, data...)
		if len(p.text) > min(maxFrame, len(b)) {
			return 0, p.giveUp(more, "a scan is longer than any symbol can be")
		}
		if !more {
			n := copy(b, p.text)
			p.text = nil
			return n, nil
		}
	}
}

// unfinished says that the rest of a scan never came.
func (p *pos) unfinished() error {
	if p.text == nil {
		return nil
	}
	return p.giveUp(true, "the rest of a scan never came")
}

// giveUp drops a scan; more says that its rest may yet come, which is dropped too.
func (p *pos) giveUp(more bool, why string) *loss {
	p.text = nil
	if more {
		p.droppedAt = time.Now()
	}
	return &loss{why: why}
}

// close gives the scanner back.
func (p *pos) close() { p.file.Close() }

// interrupt implements device: nothing is ever written.
func (p *pos) interrupt() { p.close() }

// quiet implements device: no scan waits for its rest.
func (p *pos) quiet() bool { return p.text == nil && p.droppedAt.IsZero() }

// keptByKernel implements device.
func (*pos) keptByKernel() bool { return false }

// inspectPOS looks at a hidraw device:
//
//	/sys/class/hidraw/hidraw0/device -> …/1-1:1.0/0003:0C2E:0B61.0001
//	…/uevent              HID_ID=0003:00000C2E:00000B61, HID_NAME=…, HID_UNIQ=…
//	…/report_descriptor   what its reports hold
func inspectPOS(device string) (usbName, string, bool) {
	descriptor, err := os.ReadFile(filepath.Join(device, "report_descriptor"))
	if err != nil {
		return usbName{}, "", false
	}
	name, says := usbName{kind: "pos"}, ""
	for line := range strings.Lines(attribute(device, "uevent")) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "HID_ID":
			if numbers := strings.Split(strings.ToLower(value), ":"); len(numbers) == 3 && len(numbers[1]) == 8 && len(numbers[2]) == 8 {
				name.vendor, name.product = numbers[1][4:], numbers[2][4:]
			}
		case "HID_NAME":
			says = value
		case "HID_UNIQ":
			name.serial = value
		}
	}
	_, ok := parsePOS(descriptor)
	return name, says, ok && name.vendor != ""
}
