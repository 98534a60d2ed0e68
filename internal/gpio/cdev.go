package gpio

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"
)

// openChip opens the chip of a configured name, as the machine has it now.
func openChip(name string) (chip, error) {
	if path, ok := strings.CutPrefix(name, simPrefix); ok {
		return dialSim(path)
	}
	if IsInput(name) {
		return inputChip{name: name, dev: "/dev/input", sys: "/sys/class/input"}, nil
	}
	chips, refused, err := findChips("/dev")
	if err != nil {
		return nil, err
	}
	found := make([]candidate, len(chips))
	for i, c := range chips {
		found[i] = candidate{label: c.label, parent: parentOf(c.name), path: c.path}
	}
	i, err := choose(name, found)
	if err == nil && name == "" && len(refused) > 0 && !knownHeader(found[i].label) {
		err = errors.New("gpio: which chip is meant is not clear while one may not be opened; set chip in [gpio]")
	}
	if err != nil {
		return nil, errors.Join(append([]error{err}, refused...)...)
	}
	return chips[i], nil
}

// findChips asks every chip in the folder of the devices what it is and what its
// lines are called. Those that this process may not open are in refused. Of two
// names for one chip, as /dev/gpiochip4 that is a link to /dev/gpiochip0 on a
// current Raspberry Pi OS, the first counts.
func findChips(dev string) (chips []*cdevChip, refused []error, err error) {
	paths, err := filepath.Glob(filepath.Join(dev, "gpiochip*"))
	if err != nil {
		return nil, nil, fmt.Errorf("gpio: look for chips: %w", err)
	}
	seen := make(map[string]bool)
	for _, path := range paths {
		real, err := filepath.EvalSymlinks(path)
		if err != nil || seen[real] {
			continue // it has gone, or was asked
		}
		seen[real] = true
		c, err := readChip(real)
		switch {
		case errors.Is(err, fs.ErrPermission):
			refused = append(refused, fmt.Errorf("gpio: %w: udev gives it to the group gpio a moment after it appears; where it stays so, put the user into that group", err))
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV):
		case err != nil:
			refused = append(refused, fmt.Errorf("gpio: %w", err))
		default:
			chips = append(chips, c)
		}
	}
	return chips, refused, nil
}

// readChip asks the chip at path what it is and what its lines are called.
func readChip(path string) (*cdevChip, error) {
	device, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer device.Close()
	info, err := uapi.GetChipInfo(device.Fd())
	if err != nil {
		return nil, fmt.Errorf("%s: what chip it is: %w", path, err)
	}
	c := &cdevChip{path: path, name: cString(info.Name[:]), label: cString(info.Label[:])}
	for offset := range int(info.Lines) {
		line, err := uapi.GetLineInfoV2(device.Fd(), offset)
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, offset, err)
		}
		c.lines = append(c.lines, cString(line.Name[:]))
	}
	return c, nil
}

// parentOf returns the device that a chip belongs to, as the kernel names it. It
// tells two chips of one label apart and does not change with the order in which
// they were found, as the chip's number does:
//
//	/sys/bus/gpio/devices/gpiochip2 -> …/i2c-1/1-0020/gpiochip2    parent 1-0020
func parentOf(chipName string) string {
	path, err := filepath.EvalSymlinks(filepath.Join("/sys/bus/gpio/devices", chipName))
	if err != nil {
		return ""
	}
	return filepath.Base(filepath.Dir(path))
}

// A candidate is a chip that is there.
type candidate struct{ label, parent, path string }

func (c candidate) String() string {
	return fmt.Sprintf("%s@%s (%s)", c.label, c.parent, c.path)
}

// knownHeader reports whether a label is that of the chip behind the header of a
// Raspberry Pi: Zero, 1, 2 and 3; 4; 5.
func knownHeader(label string) bool {
	return label == "pinctrl-bcm2835" || label == "pinctrl-bcm2711" || label == "pinctrl-rp1"
}

// choose returns the place of the one chip that a configured name means. Labels
// are compared whole: a label may have an @ of its own, as the Raspberry Pi 5's
// gpio-brcmstb@107d508500.
func choose(name string, found []candidate) (int, error) {
	fits := func(c candidate) bool { return name == c.label || name == c.label+"@"+c.parent }
	if name == "" {
		fits = func(c candidate) bool { return knownHeader(c.label) }
		if !slices.ContainsFunc(found, fits) {
			fits = func(candidate) bool { return true }
		}
	}
	var matching []int
	var list []string
	for i, c := range found {
		list = append(list, c.String())
		if fits(c) {
			matching = append(matching, i)
		}
	}
	there := strings.Join(list, ", ")
	switch {
	case len(found) == 0:
		return 0, errors.New("gpio: this machine has no GPIO chip that this user may open; look at /dev/gpiochip* and put the user into its group (gpio)")
	case len(matching) == 0:
		return 0, fmt.Errorf("gpio: there is no chip %q; there are: %s", name, there)
	case len(matching) > 1 && name == "":
		return 0, fmt.Errorf("gpio: which chip is meant is not clear; set chip in [gpio] to one of: %s", there)
	case len(matching) > 1:
		return 0, fmt.Errorf("gpio: more than one chip is called %q; write LABEL@PARENT; there are: %s", name, there)
	}
	return matching[0], nil
}

// A cdevChip is a chip of the kernel's character device. Nothing of it stays open
// but the lines that were taken.
type cdevChip struct {
	path, name, label string
	lines             []string // their names, by offset
}

// line returns the offset of the line that a pin means: the one called GPION, else
// the one at offset N.
//
// An offset whose line is called after another pin is refused: on a chip whose
// names and offsets disagree it is the names that are printed on the board.
func (c *cdevChip) line(pin int) (offset int, err error) {
	if offset, err = pickLine(pin, c.lines); err != nil {
		return 0, fmt.Errorf("gpio chip %s: %w", c.label, err)
	}
	return offset, nil
}

func pickLine(pin int, names []string) (offset int, err error) {
	if i := slices.Index(names, "GPIO"+strconv.Itoa(pin)); i >= 0 {
		return i, nil
	}
	if pin < 0 || pin >= len(names) {
		return 0, fmt.Errorf("no line is called GPIO%d and the chip has only %d lines; it has: %s", pin, len(names), strings.Join(names, " "))
	}
	if other, ok := strings.CutPrefix(names[pin], "GPIO"); ok {
		if _, err := strconv.Atoi(other); err == nil {
			return 0, fmt.Errorf("no line is called GPIO%d, and the line at offset %d is called %s; it has: %s", pin, pin, names[pin], strings.Join(names, " "))
		}
	}
	return pin, nil
}

// inputs takes the lines in one request.
func (c *cdevChip) inputs(pins []inputPin) (inputLines, error) {
	var offsets []int
	var names []string
	for _, p := range pins {
		offset, err := c.line(p.pin)
		if err != nil {
			return nil, err
		}
		offsets, names = append(offsets, offset), append(names, fmt.Sprintf("GPIO%d", p.pin))
	}
	r, err := takeLines(c.path, offsets, pins)
	if errors.Is(err, unix.ENXIO) {
		polled, bad := pollLines(c.path, offsets, pins)
		if bad == nil {
			return polled, nil
		}
		err = bad
	}
	if err != nil {
		return nil, fmt.Errorf("gpio chip %s: take %s as inputs: %w%s", c.label, strings.Join(names, ", "), err, c.holders(offsets))
	}
	return r, nil
}

// holders says who has the lines at offsets.
func (c *cdevChip) holders(offsets []int) string {
	device, err := os.Open(c.path)
	if err != nil {
		return ""
	}
	defer device.Close()
	var held []string
	for _, offset := range offsets {
		info, err := uapi.GetLineInfoV2(device.Fd(), offset)
		if err != nil {
			continue
		}
		if w := wireOf(offset, info); w.Holder != "" {
			held = append(held, fmt.Sprintf("line %d by %q", offset, w.Holder))
		}
	}
	if held == nil {
		return ""
	}
	return " (in use: " + strings.Join(held, ", ") + ")"
}

// output takes one line as an output. The line is requested by the first set, with
// its level: one that is driven before its level is known would light a lamp that
// a low level lights.
func (c *cdevChip) output(pin int) (outputLine, error) {
	offset, err := c.line(pin)
	if err != nil {
		return nil, err
	}
	return &cdevOutput{chip: c, offset: offset, fd: -1}, nil
}

// close has nothing to give back: the lines are closed one by one.
func (c *cdevChip) close() error { return nil }

// A cdevOutput is an output of a cdevChip. It is only ever driven: nothing here
// reads it.
type cdevOutput struct {
	chip   *cdevChip
	offset int
	fd     int // of the request; -1 before the first set
}

func (d *cdevOutput) set(high bool) error {
	var level uapi.LineBitmap
	if high {
		level = 1
	}
	if d.fd < 0 {
		return d.take(level)
	}
	return uapi.SetLineValuesV2(uintptr(d.fd), uapi.LineValues{Bits: level, Mask: 1})
}

// take requests the line as an output of that level.
func (d *cdevOutput) take(level uapi.LineBitmap) error {
	device, err := os.OpenFile(d.chip.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer device.Close()
	r := &uapi.LineRequest{Lines: 1}
	r.Offsets[0] = uint32(d.offset)
	copy(r.Consumer[:], consumer)
	r.Config.Flags = uapi.LineFlagV2Output
	r.Config.AddAttribute(uapi.LineConfigAttribute{Attr: uapi.OutputValues(level).Encode(), Mask: 1})
	if err := uapi.GetLine(device.Fd(), r); err != nil {
		return fmt.Errorf("gpio chip %s: %w%s", d.chip.label, err, d.chip.holders([]int{d.offset}))
	}
	d.fd = int(r.Fd)
	unix.CloseOnExec(d.fd)
	return nil
}

func (d *cdevOutput) close() error {
	if d.fd < 0 {
		return nil
	}
	fd := d.fd
	d.fd = -1
	return unix.Close(fd)
}
