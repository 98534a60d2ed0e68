package gpio

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/driver/driverreg"
	periph "periph.io/x/conn/v3/gpio"
	"periph.io/x/host/v3/gpioioctl"
)

// Load finds the GPIO chips of this machine. The program calls it first thing,
// before it has opened anything: on a current Raspberry Pi OS, where
// /dev/gpiochip4 is a link to /dev/gpiochip0, periph closes file descriptor 0
// while it looks, and the next file opened would silently become standard input.
// Load puts the descriptor back as it was.
//
// Chips are looked for once in a process; a second call does nothing. No chip at
// all is not an error here: Open says so where one is needed.
func Load() error {
	return keepStdin(func() error {
		if _, err := driverreg.Init(); err != nil {
			return fmt.Errorf("gpio: look for chips: %w", err)
		}
		return nil
	})
}

// keepStdin calls f and sees to it that file descriptor 0 is open afterwards: as
// the file that it was before, or as /dev/null where it was none.
func keepStdin(f func() error) error {
	if !isOpen(0) {
		// The lowest free descriptor is the one that is opened.
		if _, err := unix.Open(os.DevNull, unix.O_RDWR, 0); err != nil {
			return fmt.Errorf("gpio: give standard input to %s: %w", os.DevNull, err)
		}
	}
	saved, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return fmt.Errorf("gpio: keep standard input: %w", err)
	}
	failed := f()
	if !isOpen(0) {
		err = unix.Dup3(saved, 0, 0)
	}
	return errors.Join(failed, err, unix.Close(saved))
}

func isOpen(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}

// openChip opens the chip of a configured name.
func openChip(name string) (chip, error) {
	if path, ok := strings.CutPrefix(name, simPrefix); ok {
		return dialSim(path)
	}
	if err := Load(); err != nil {
		return nil, err
	}
	found := make([]candidate, len(gpioioctl.Chips))
	for i, c := range gpioioctl.Chips {
		found[i] = candidate{label: c.Label(), parent: parentOf(c.Name()), path: c.Path()}
	}
	i, err := choose(name, found)
	if err != nil {
		return nil, err
	}
	return periphChip{gpioioctl.Chips[i]}, nil
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

// A periphChip is a chip of the kernel's character device, found by periph.
type periphChip struct{ *gpioioctl.GPIOChip }

// line returns the line that a pin means: the one called GPION, else the one at
// offset N. periph puts the chip's name before a line's where another chip has a
// line of that name, so both forms are looked for.
//
// An offset whose line is called after another pin is refused: on a chip whose
// names and offsets disagree it is the names that are printed on the board.
func (c periphChip) line(pin int) (*gpioioctl.GPIOLine, error) {
	names := make([]string, 0, c.LineCount())
	for _, l := range c.Lines() {
		names = append(names, strings.TrimPrefix(l.Name(), c.Name()+"-"))
	}
	offset, err := pickLine(pin, names)
	if err != nil {
		return nil, fmt.Errorf("gpio chip %s: %w", c.Label(), err)
	}
	return c.Lines()[offset], nil
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

// inputs takes the lines in one request of our own. periph's line sets, which
// tell errors from low levels as its single lines do not, throw away the time and
// the number of each edge, and take lines by their names alone.
func (c periphChip) inputs(pins []inputPin) (inputs, error) {
	var offsets []int
	var names []string
	for _, p := range pins {
		l, err := c.line(p.pin)
		if err != nil {
			return nil, err
		}
		offsets, names = append(offsets, l.Number()), append(names, fmt.Sprintf("GPIO%d", p.pin))
	}
	r, err := takeLines(c.Path(), offsets, pins)
	if err != nil {
		return nil, fmt.Errorf("gpio chip %s: take %s as inputs: %w%s", c.Label(), strings.Join(names, ", "), err, c.holders(offsets))
	}
	return r, nil
}

// holders says who has the lines at offsets.
func (c periphChip) holders(offsets []int) string {
	device, err := os.Open(c.Path())
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

// output takes one line as an output. The line is requested by the first set.
func (c periphChip) output(pin int) (output, error) {
	l, err := c.line(pin)
	if err != nil {
		return nil, err
	}
	return &drivenLine{line: l}, nil
}

// close leaves the chip open: periph opens it once in a process.
func (c periphChip) close() error { return nil }

// driven is what is used of *gpioioctl.GPIOLine for a lamp. Read and Func are
// left out with intent: on an output they turn it into an input with a pull-up.
type driven interface {
	Out(periph.Level) error
	Close()
}

// A drivenLine is an output of a periphChip.
type drivenLine struct{ line driven }

func (d *drivenLine) set(high bool) error { return d.line.Out(periph.Level(high)) }

func (d *drivenLine) close() error {
	d.line.Close()
	return nil
}
