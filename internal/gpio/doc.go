// Package gpio is the station's buttons, lamps and buzzers: lines of GPIO chips,
// through periph (periph.io/x/conn/v3 v3.7.3, periph.io/x/host/v3 v3.8.5, of which
// gpioioctl alone is imported; the full host.Init maps a chip's registers as root
// and may panic on a board it does not know).
//
// # Chips and lines
//
// A chip is chosen by its label, never by its number: a Raspberry Pi 5's header
// was gpiochip4 and became gpiochip0 with kernel 6.6.45 (raspberrypi/linux#6144).
//
//	Zero, 1, 2, 3   pinctrl-bcm2835   54 lines
//	4               pinctrl-bcm2711   58 lines
//	5               pinctrl-rp1       54 lines, beside four gpio-brcmstb@…
//
// Two chips of one label, as two expanders on one I²C bus, are told apart by
// their parent device: mcp23017@1-0020. Pin 17 is the line called GPIO17, else the
// line at offset 17, unless that is called after another pin. An input must have a
// name of its own; on the header of every Raspberry Pi all have.
//
// # Polarity
//
// A button usually closes to ground: its closed contact is low, pulled up. A lamp is usually lit
// by a high level. The bias "none" leaves the line as the firmware set it, for an
// external resistor. A bare pin is for 3.3 V and has no protection.
//
// A normally closed contact is open when its button is pressed, and so is a cut
// wire. Only a contact that closes again proves that its wire is whole, so such a
// button is told when it is let go, and a wire that was cut is never a press. A
// button with a contact of either kind tells the two apart at once: the position
// is known while they agree.
//
// # Debounce
//
// A press counts when the contact has been closed for 30 ms: above the 6.4 ms
// filter of a Siemens S7-1200 (system manual, 6.6.2) and the 5 ms of the kernel's
// gpio-keys, below the 50 ms of Home Assistant. A release counts after 50 ms,
// since worn contacts bounce longer when they open. The press happened at the first
// edge of the run that was accepted, not when it was accepted (the rule of ABB's
// 615 relays). The limits of 5 and 250 ms let the longest bouncing switch of
// Ganssle's study (157 ms) be used.
//
// # Gathering and recording
//
// One loop for each chip gathers, one for the whole board records (Bank.Run,
// Board.Run). A commit on a slow card takes hundreds of milliseconds; were edges to
// wait for it in the kernel, which gives them no time of their own through periph,
// a press begun and ended within would have no length that anybody could know. The
// hand-over between the two loops is bounded and in memory. It holds what no lamp
// has answered, exactly as the kernel's memory of edges does, so nothing in it was
// promised to anybody; and what has no room in it is lost aloud.
//
// # Guards
//
// Each of these would lose or invent a press (host v3.8.5, gpioioctl):
//
//   - Init closes file descriptor 0 when two device files are one chip
//     (GPIOChip.Close sets fd to 0 before it closes it). Load puts it back.
//   - LineSet.WaitForEdge waits for ever at 0 and not at all below; what has run
//     out before the read begins hides an edge that is there. Every wait is
//     between 1 and 250 ms.
//   - GPIOLine.Read answers Low on an error, which with a pull-up is a press, and
//     GPIOLine.WaitForEdge tells neither error nor direction. Inputs are a LineSet,
//     whose Read and WaitForEdge return errors; a level that cannot be read is fed
//     to nobody and ends Run.
//   - The kernel remembers 16 edges per line, drops the oldest and does not say so
//     (gpiolib-cdev.c). After every wait the levels are read and decide.
//   - Edges come without their time. A run is only accepted when a level read
//     after all remembered edges still agrees with it, so an edge that is read late
//     cannot lengthen the run before it.
//   - Read and Func turn an output into an input with a pull-up. The type through
//     which lamps are driven has neither.
//   - Halt is lost when no wait is under way, and races with one. One goroutine
//     owns the inputs of a chip, its waits are short, and nothing is halted.
//   - Chips are never looked for again (driverreg.Init works once), and a chip that
//     is gone answers at once and for ever. Run returns the error.
//   - Line names that another chip has too are rewritten to CHIP-NAME. Both forms
//     are looked for.
//
// # The demo
//
// A chip called sim:PATH is a unix socket whose far end is a Sim; it is refused
// unless the environment variable STATIOND_DEMO is 1. The protocol stands in
// sim.go.
package gpio
