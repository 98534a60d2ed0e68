package plan

import (
	"cmp"
	"slices"
	"strings"

	"stationd/internal/config"
	"stationd/internal/gpio"
	"stationd/internal/station"
)

// This file warns of what is allowed, and is seldom what was meant.

// warn says what of a configuration is not used, or is not where it should be.
func (p *Plan) warn(f *config.File) {
	p.warnOfUnbound(f)
	p.warnOfUnused(f)
	p.warnOfPins(f)
}

// warnOfUnbound warns of buttons and scanners that no binding answers.
func (p *Plan) warnOfUnbound(f *config.File) {
	answered := func(source string) bool {
		return slices.ContainsFunc(p.Program.Bindings, func(b station.Binding) bool {
			return strings.HasPrefix(b.Event, source+".") && b.Event != source+"."+station.Open || strings.HasPrefix(b.ConfirmBy, source+".")
		})
	}
	for i, b := range p.Buttons {
		if !answered(b.Name) {
			f.Warn(config.At("button", i), "no binding answers %s: whoever presses it sees and hears nothing", b.Name)
		}
	}
	for i, s := range p.Scanners {
		if !answered(s.Name) {
			f.Warn(config.At("scanner", i), "no binding answers %s: each of its scans is kept as unknown", s.Name)
		}
	}
}

// warnOfUnused warns of lamps and buzzers that answer for nothing.
func (p *Plan) warnOfUnused(f *config.File) {
	used := map[string]bool{p.Station.Lamp: true, p.Station.Buzzer: true}
	for _, b := range p.Buttons {
		used[b.Lamp], used[b.Buzzer] = true, true
	}
	for _, s := range p.Scanners {
		used[s.Lamp], used[s.Buzzer] = true, true
	}
	for _, k := range p.Stacks {
		for _, name := range []string{k.Red, k.Yellow, k.Green, k.Buzzer} {
			used[name] = true
		}
	}
	for i, l := range p.Lamps {
		if !used[l.Name] {
			f.Warn(config.At("lamp", i), "no button, scanner or stack light has the lamp %s, nor has [station]: it shows nothing but that the station does not record", l.Name)
		}
	}
	for i, b := range p.Buzzers {
		if !used[b.Name] {
			f.Warn(config.At("buzzer", i), "no button, scanner or stack light has the buzzer %s, nor has [station]: it is never heard", b.Name)
		}
	}
}

// takenPins are the pins of the header that a Raspberry Pi has another use for from the start.
func takenPins() map[int]string {
	const bus = "GPIO%d is a line of the I2C bus, with a pull-up on the board that cannot be switched off: another pin is better, unless nothing else is wired to the bus"
	const port = "GPIO%d is a line of the serial port, on which the console writes at the start unless it is switched off (raspi-config): another pin is better"
	return map[int]string{2: bus, 3: bus, 14: port, 15: port}
}

// warnOfPins warns of pins that the board has another use for.
func (p *Plan) warnOfPins(f *config.File) {
	check := func(table string, i int, key string, pin int, chip string) {
		if text := takenPins()[pin]; text != "" && gpio.OnHeader(cmp.Or(chip, p.Chips.Chip)) {
			f.Warn(config.At(table, i, key), text, pin)
		}
	}
	for i, b := range p.Buttons {
		if b.Key != "" {
			continue
		}
		check("button", i, "pin", b.Pin, b.Chip)
		if b.PinNC != nil {
			check("button", i, "pin_nc", *b.PinNC, b.Chip)
		}
	}
	for i, l := range p.Lamps {
		check("lamp", i, "pin", l.Pin, l.Chip)
	}
	for i, b := range p.Buzzers {
		check("buzzer", i, "pin", b.Pin, b.Chip)
	}
}
