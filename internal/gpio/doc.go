// Package gpio is the station's buttons, lamps and buzzers: lines of GPIO chips.
// Chips are found and lamps driven through periph (periph.io/x/conn/v3 v3.7.3,
// periph.io/x/host/v3 v3.8.5, of which gpioioctl alone is imported; the full
// host.Init maps a chip's registers as root and may panic on a board it does not
// know). Inputs are asked of the kernel itself, for the time and the number of each
// edge, which periph throws away (github.com/warthog618/go-gpiocdev v0.9.1, of which
// uapi alone is imported).
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
// Board.Run). A commit on a slow card takes hundreds of milliseconds, and the
// kernel's memory of edges, which would have to wait for it, is soon full where a
// contact chatters. The hand-over between the two loops is bounded and in memory. It holds what no lamp
// has answered, exactly as the kernel's memory of edges does, so nothing in it was
// promised to anybody; and what has no room in it is lost aloud.
//
// # Guards
//
// Each of these would lose or invent a press (host v3.8.5, gpioioctl):
//
//   - Init closes file descriptor 0 when two device files are one chip
//     (GPIOChip.Close sets fd to 0 before it closes it). Load puts it back.
//   - GPIOLine.Read answers Low on an error, which with a pull-up is a press, and
//     GPIOLine.WaitForEdge tells neither error nor direction; LineSet.WaitForEdge
//     throws away the time and the number of the edge, waits for ever at 0, and does
//     not look at all when its time is over before it begins. Inputs are a request
//     of our own, which looks once more when its time is over; a level that cannot be
//     read is told to nobody and ends Run.
//   - Through periph the kernel remembers 16 edges per line. It is asked for all that
//     it will, 1,024 per chip. It drops the oldest and does not say so, but numbers
//     them: what is missing is counted, said and a fault of its button, and a run in
//     which edges are missing is nobody's press.
//   - The direction of an edge is the level some time after its interrupt. Two that
//     are too quick for that are told as one, which says what the one before said:
//     the run begins anew.
//   - An edge that is read late has its own time, and what its button came to until
//     then is settled first: a press that is read whole is told, and one that was too
//     short is not made longer by the delay.
//   - A level may be ahead of an edge that is on its way, and an edge may be missing.
//     No run is accepted while the level differs from what the edges said; when it
//     has for half a second, and no edge came, the level counts.
//   - Edges of the demo's chip have no time. They are dated when they are read, and
//     what is read late cannot lengthen the run before it.
//   - Read and Func turn an output into an input with a pull-up. The type through
//     which lamps are driven has neither.
//   - Halt is lost when no wait is under way, and races with one. One goroutine
//     owns the inputs of a chip, its waits are short, and nothing is halted.
//   - A line set takes lines by their names, so it cannot take one without. A
//     request takes them by their offsets.
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
