package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"stationd/internal/gpio"
	"stationd/internal/plan"
	"stationd/internal/scanner"
)

// deviceChecks returns the checks of buttons, lamps and buzzers, readers and printers.
func (d *doctor) deviceChecks() []check {
	var all []check
	if panel := d.plan.Panel(); !panel.Empty() {
		if d.running {
			all = append(all, single("lines", d.checkLines))
		} else {
			all = append(all, d.chipChecks()...)
		}
	}
	for _, s := range d.plan.Scanners {
		all = append(all, single("reader "+s.Name, func(ctx context.Context) Finding { return d.checkReader(ctx, s) }))
	}
	for _, p := range d.plan.Printers {
		all = append(all, single("printer "+p.Name, func(ctx context.Context) Finding {
			if err := p.Ready(ctx); err != nil {
				return failed("printer "+p.Name, "see /usr/share/doc/stationd/docs/printing.md", "%v", err)
			}
			return passed("printer "+p.Name, "%s is ready to print PDF", p.URL)
		}))
	}
	return all
}

// lineNames returns the names of what is wired to GPIO lines.
func lineNames(p *plan.Plan) []string {
	var all []string
	for _, b := range p.Buttons {
		all = append(all, b.Name)
	}
	for _, l := range p.Lamps {
		all = append(all, l.Name)
	}
	for _, b := range p.Buzzers {
		all = append(all, b.Name)
	}
	return all
}

// deviceNames returns the names of everything that is wired or plugged in.
func deviceNames(p *plan.Plan) []string {
	all := lineNames(p)
	for _, s := range p.Scanners {
		all = append(all, s.Name)
	}
	for _, printer := range p.Printers {
		all = append(all, printer.Name)
	}
	return all
}

// checkLines reports the faults of the lines, which the running station has open.
func (d *doctor) checkLines(context.Context) Finding {
	const name = "lines"
	names := lineNames(d.plan)
	var faults []string
	for _, n := range names {
		if fault := d.snapshot.Health.Devices[n]; fault != "" {
			faults = append(faults, n+": "+fault)
		}
	}
	if len(faults) > 0 {
		return failed(name, "check its wiring: /usr/share/doc/stationd/docs/wiring.md", "%s", strings.Join(faults, "; "))
	}
	return passed(name, "the running station reports no faults: %s", strings.Join(names, ", "))
}

// A configuredLine is a line that the configuration names.
type configuredLine struct {
	user string // what is wired to it: button maintenance
	chip string // "": the chip of the header
	pin  int
}

// configuredLines returns every line that the configuration names.
func (d *doctor) configuredLines() []configuredLine {
	var all []configuredLine
	add := func(user, chip string, pin int) {
		if chip == "" {
			chip = d.plan.Chips.Chip
		}
		all = append(all, configuredLine{user, chip, pin})
	}
	for _, b := range d.plan.Buttons {
		add("button "+b.Name, b.Chip, b.Pin)
		if b.PinNC != nil {
			add("button "+b.Name+" (nc)", b.Chip, *b.PinNC)
		}
	}
	for _, l := range d.plan.Lamps {
		add("lamp "+l.Name, l.Chip, l.Pin)
	}
	for _, b := range d.plan.Buzzers {
		add("buzzer "+b.Name, b.Chip, b.Pin)
	}
	return all
}

// chipChecks returns a check of each chip that is configured; none opens a line.
func (d *doctor) chipChecks() []check {
	byChip := make(map[string][]configuredLine)
	for _, w := range d.configuredLines() {
		byChip[w.chip] = append(byChip[w.chip], w)
	}
	var all []check
	for _, chip := range slices.Sorted(maps.Keys(byChip)) {
		name := "chip " + chip
		if chip == "" {
			name = "chip of the header"
		}
		all = append(all, single(name, func(context.Context) Finding { return checkChip(name, chip, byChip[chip]) }))
	}
	return all
}

// checkChip checks that the lines of a chip exist and that nobody else has them open.
func checkChip(name, chip string, wiring []configuredLine) Finding {
	if gpio.IsInput(chip) {
		return checkInputDevice(name, chip, wiring)
	}
	wires, err := gpio.Survey(chip)
	if err != nil {
		return failed(name, "set chip in [gpio] to the label of a chip that stationd pins lists", "%v", err)
	}
	var found, faults []string
	for _, w := range wiring {
		i := slices.IndexFunc(wires, func(wire gpio.Wire) bool { return wire.Pin == w.pin })
		switch {
		case i < 0:
			faults = append(faults, fmt.Sprintf("%s: the chip has no line %d", w.user, w.pin))
		case wires[i].Holder != "":
			faults = append(faults, fmt.Sprintf("%s: line %d is in use by %s", w.user, w.pin, wires[i].Holder))
		default:
			found = append(found, fmt.Sprintf("%s %d", w.user, w.pin))
		}
	}
	if len(faults) > 0 {
		return failed(name, "see stationd pins", "%s", strings.Join(faults, "; "))
	}
	return passed(name, "all configured lines exist and are free: %s", strings.Join(found, ", "))
}

// checkInputDevice checks an input device whose keys are used as buttons.
func checkInputDevice(name, chip string, wiring []configuredLine) Finding {
	var names []string
	var codes []int
	for _, w := range wiring {
		names, codes = append(names, w.user), append(codes, w.pin)
	}
	device, err := gpio.FindInput(chip, codes)
	if err != nil {
		return failed(name, "plug it in, and compare its USB ids and keys with the configuration", "%v", err)
	}
	return passed(name, "%s, has the keys of %s", device, strings.Join(names, ", "))
}

// checkReader checks that a bar-code reader is plugged in and may be opened.
func (d *doctor) checkReader(ctx context.Context, s scanner.Config) Finding {
	name := "reader " + s.Name
	if fault := d.snapshot.Health.Devices[s.Name]; d.running && fault != "" {
		return failed(name, "plug it in; stationd scans shows what it sends", "%s", fault)
	}
	if strings.HasPrefix(s.Port, "tcp") {
		return d.checkNetworkReader(ctx, name, s)
	}
	device, err := scanner.Find(s.Port)
	if err == nil {
		_, err = os.Stat(device)
	}
	switch {
	case errors.Is(err, scanner.ErrNotThere), errors.Is(err, fs.ErrNotExist):
		return failed(name, "plug it in; stationd setup finds its port", "%s does not exist", s.Port)
	case err != nil:
		return failed(name, "stationd setup finds its port", "%s: %v", s.Port, err)
	case d.running:
		return d.readerInUse(name, s.Name, portAndDevice(s.Port, device)+" exists")
	}
	if err := unix.Access(device, unix.R_OK|unix.W_OK); err != nil {
		return failed(name, "join the groups dialout and input, or run doctor as root", "no permission to open %s: %v", portAndDevice(s.Port, device), err)
	}
	return passed(name, "%s exists", portAndDevice(s.Port, device))
}

// readerInUse is the finding of a reader that the running station reads, with its advice.
func (d *doctor) readerInUse(name, reader, where string) Finding {
	if advice := d.snapshot.Health.Advice[reader]; advice != "" {
		return warned(name, "set it in its [[scanner]] and restart: systemctl restart stationd", "%s; the running station reads it; %s", where, advice)
	}
	return passed(name, "%s; the running station reads it", where)
}

// checkNetworkReader checks a reader of the network. It does not connect to one that the
// running station reads: many take one connection only.
func (d *doctor) checkNetworkReader(ctx context.Context, name string, s scanner.Config) Finding {
	port := s.Port
	if d.running {
		return d.readerInUse(name, s.Name, port)
	}
	switch address, err := scanner.Probe(ctx, port); {
	case err != nil:
		return failed(name, "check its cable, its power and its address", "%v", err)
	case address == "":
		return passed(name, "it connects to %s", strings.TrimPrefix(port, "tcp-listen:"))
	default:
		return passed(name, "%s answers", address)
	}
}

// portAndDevice returns a configured port and the device that it is now.
func portAndDevice(port, device string) string {
	if strings.HasSuffix(port, device) {
		return port
	}
	return port + ", " + device
}
